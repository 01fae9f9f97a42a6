import type { InferenceEngine, InferenceErrorCode } from '../inference/index.ts'
import {
  type Clock,
  decodeTensors,
  type JobRecord,
  keccak,
  type Manifest,
  STATUS,
  splitOutput,
  TENSOR_LIMITS,
} from '../protocol/index.ts'
import { REPLAY_TIMEOUT_MS } from './constants.ts'
import { compareTensors } from './tolerance.ts'

export type ReplayMethod = 'exact-replay' | 'tolerant-replay'
export type ReplayReason = 'output-mismatch' | 'trace-mismatch'

/** Why a seat cannot say what the right output is. */
export const ABSTAIN_CAUSES = [
  'transcript-missing',
  'model-missing',
  'engine-busy',
  'engine-failed',
  'input-too-large',
  'timeout',
  'near-tie',
  'truncated-elsewhere',
] as const
export type AbstainCause = (typeof ABSTAIN_CAUSES)[number]

export type ReplayResult =
  | { readonly verdict: 'match'; readonly method: ReplayMethod; readonly trace: Uint8Array }
  | {
      readonly verdict: 'mismatch'
      readonly method: ReplayMethod
      readonly reason: ReplayReason
      /** No bytes when the input itself is refused by the model. */
      readonly trace: Uint8Array
    }
  | { readonly verdict: 'abstain'; readonly cause: AbstainCause }

export interface ReplayComponents {
  readonly engine: Pick<InferenceEngine, 'run' | 'runtimeClass'>
  readonly clock: Clock
}

export interface ReplayInit {
  readonly manifest: Manifest
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * Runs a tensor job again and compares (R16): bytes of output and trace inside one runtime class, values within the manifest's
 * tolerance and argmax between classes. Never blames for what this machine could not do.
 */
export async function replayReceipt(
  record: JobRecord,
  { engine, clock }: ReplayComponents,
  { manifest, timeoutMs = REPLAY_TIMEOUT_MS, signal }: ReplayInit,
): Promise<ReplayResult> {
  const { transcript, receipt } = record
  if (transcript === undefined) return { verdict: 'abstain', cause: 'transcript-missing' }
  const exact = record.runtimeClass === engine.runtimeClass
  const method = exact ? 'exact-replay' : 'tolerant-replay'
  const run = await engine.run({
    model: receipt.model,
    input: transcript.input,
    parameters: {},
    deadline: clock() + timeoutMs,
    trace: true,
    ...(signal === undefined ? {} : { signal }),
  })
  if (!run.ok) {
    const cause = causeOf(run.error.code)
    if (cause !== undefined) return { verdict: 'abstain', cause }
    return { verdict: 'mismatch', method, reason: 'output-mismatch', trace: new Uint8Array(0) }
  }
  const { output, trace, units } = run.value
  const mismatch = (reason: ReplayReason): ReplayResult => ({ verdict: 'mismatch', method, reason, trace })
  const due = answerDue(record, output, units)
  const claimed = concat(transcript.chunks.map(({ data }) => data))
  if (exact) {
    if (!equal(claimed, due.output)) return mismatch('output-mismatch')
    if (keccak(trace) !== record.traceHash) return mismatch('trace-mismatch')
  } else {
    // Part of an answer has no tensors to compare by tolerance.
    if (receipt.status === STATUS.truncated) return { verdict: 'abstain', cause: 'truncated-elsewhere' }
    const agreement = compareBytes(claimed, output, manifest)
    if (agreement === 'near-tie') return { verdict: 'abstain', cause: 'near-tie' }
    if (agreement === 'differ') return mismatch('output-mismatch')
  }
  // Units are part of what a run answers: billed ones that no run gives are a wrong result, which obliges all seats to look.
  return due.units === receipt.outputUnits ? { verdict: 'match', method, trace } : mismatch('output-mismatch')
}

/** What the receipt must stand for: everything, or the first pieces of a truncated answer and the units they cover. */
function answerDue({ receipt }: JobRecord, output: Uint8Array, units: number): { output: Uint8Array; units: number } {
  if (receipt.status !== STATUS.truncated) return { output, units }
  const pieces = splitOutput(output, units).slice(0, receipt.chunks)
  return { output: concat(pieces.map(({ data }) => data)), units: pieces.at(-1)?.units ?? 0 }
}

function compareBytes(claimed: Uint8Array, own: Uint8Array, manifest: Manifest): ReturnType<typeof compareTensors> {
  const left = decodeTensors(claimed, TENSOR_LIMITS)
  const right = decodeTensors(own, TENSOR_LIMITS)
  if (!right.ok) throw right.error
  return left.ok ? compareTensors(left.value, right.value, manifest.tolerance) : 'differ'
}

/** Undefined for a refusal that depends on the input alone: an honest provider would have refused it too. */
function causeOf(code: InferenceErrorCode): AbstainCause | undefined {
  switch (code) {
    case 'input-invalid':
    case 'parameters-invalid':
      return undefined
    case 'model-unknown':
    case 'model-corrupt':
    case 'model-mismatch':
    case 'model-unsupported':
      return 'model-missing'
    case 'busy':
      return 'engine-busy'
    case 'input-too-large':
      return code
    case 'deadline-exceeded':
    case 'cancelled':
      return 'timeout'
    default:
      return 'engine-failed'
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at])
