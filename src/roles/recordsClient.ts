import { type Host, isNetError, protocolName } from '../net/index.ts'
import {
  type Checkpoint,
  type Digest,
  type Domain,
  digestOf,
  fail,
  type JobRecord,
  merkleRoot,
  ok,
  RECEIPT,
  type Result,
  type SignedGrant,
} from '../protocol/index.ts'
import type { RecordPart } from '../wire/index.ts'
import { partWeight, recordWeight } from './records.ts'
import { FrameFault, typedStream } from './typedStream.ts'

export interface FetchedRecords {
  readonly records: readonly JobRecord[]
  /** The checkpoint's grant, when the peer sent it. */
  readonly grant: SignedGrant | undefined
}

export interface FetchFailure {
  readonly code: 'unreachable' | 'refused' | 'bad-records' | 'too-large'
  readonly message: string
}

const DIAL_TIMEOUT_MS = 5_000
const FRAME_TIMEOUT_MS = 10_000
/** A verifier gives a checkpoint up after this; a peer that drips does not hold a fetch longer, ms. */
const FETCH_TIMEOUT_MS = 60_000
/** Record bytes of one fetch: half of what a verifier holds, so that one provider does not fill it alone. */
export const MAX_FETCH_BYTES = 128 * 1024 * 1024

export interface FetchOptions {
  /** The first records, held already; they are not asked for again. */
  readonly held?: readonly JobRecord[]
  readonly maxBytes?: number
}

/** All records of a checkpoint from a peer that holds them, checked against its `receiptsRoot` (R10, R14), within `maxBytes`. */
export async function fetchRecords(
  host: Pick<Host, 'openStream' | 'conduct'>,
  peer: string,
  domain: Domain,
  checkpoint: Checkpoint,
  digest: Digest,
  options: FetchOptions = {},
): Promise<Result<FetchedRecords, FetchFailure>> {
  const { held = [], maxBytes = MAX_FETCH_BYTES } = options
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
  try {
    const stream = await host.openStream(peer, protocolName(domain.networkId, 'records'), {
      signal: AbortSignal.timeout(DIAL_TIMEOUT_MS),
    })
    const typed = typedStream(stream, 'RecordsFrame', 'RecordsFrame', host.conduct)
    try {
      await typed.write({
        kind: 'request',
        value: { checkpoint: digest, from: held.length, count: checkpoint.count - held.length },
      })
      const records = [...held]
      let bytes = records.reduce((sum, record) => sum + recordWeight(record), 0)
      let grant: SignedGrant | undefined
      for (;;) {
        const frame = await typed.read({ timeoutMs: FRAME_TIMEOUT_MS, signal })
        if (frame === undefined)
          return fail({ code: 'unreachable', message: 'the stream ended without a terminal frame' })
        if (frame.kind === 'refusal') return fail({ code: 'refused', message: frame.value.message })
        if (frame.kind === 'end') break
        if (frame.kind === 'grant' && grant === undefined) grant = frame.value.grant
        else if (frame.kind === 'record' && frame.value.index === records.length && records.length < checkpoint.count) {
          bytes += recordWeight(frame.value.record)
          records.push(frame.value.record)
        } else if (frame.kind === 'part' && frame.value.index === records.length - 1 && records.length > held.length) {
          bytes += partWeight(frame.value.heads, frame.value.chunks)
          extend(records, frame.value)
        } else throw typed.misplaced(`${frame.kind} out of order`)
        if (bytes > maxBytes) {
          const message = `expected records of at most ${maxBytes} bytes, got ${bytes} and more`
          host.conduct.report(peer, 'bad-records', { checkpoint: digest, code: 'too-large' })
          typed.abort(new Error(message))
          return fail({ code: 'too-large', message })
        }
      }
      if (records.length !== checkpoint.count || rootOf(domain, records) !== checkpoint.receiptsRoot) {
        host.conduct.report(peer, 'bad-records', { checkpoint: digest })
        return fail({ code: 'bad-records', message: 'the records are not those of the checkpoint' })
      }
      return ok({ records, grant })
    } finally {
      await typed.close()
    }
  } catch (thrown) {
    if (thrown instanceof FrameFault) return fail({ code: 'bad-records', message: thrown.message })
    if (isNetError(thrown)) return fail({ code: 'unreachable', message: thrown.message })
    throw thrown
  }
}

const rootOf = (domain: Domain, records: readonly JobRecord[]): Digest =>
  merkleRoot(
    'receipt',
    records.map(({ receipt }) => digestOf(domain, RECEIPT, receipt)),
  )

function extend(records: JobRecord[], part: RecordPart): void {
  const record = records.at(-1)
  if (record === undefined) return
  const { transcript } = record
  records[records.length - 1] = {
    ...record,
    heads: [...record.heads, ...part.heads],
    ...(transcript === undefined
      ? {}
      : { transcript: { ...transcript, chunks: [...transcript.chunks, ...part.chunks] } }),
  }
}
