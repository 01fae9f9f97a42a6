import { headsOf, splitOutput } from '../../protocol/index.ts'
import { maxBytes } from '../../wire/index.ts'

/** Of a record beside its heads and its transcript: job, offer, proof, receipt, channel, voucher. */
const REST_BYTES = 8 * 1_024
/** Of a chunk beside its data: salt, index and framing. */
const CHUNK_BYTES = 48
const HEAD_BYTES = maxBytes('SignedHead') + 4
/** Heads that a record may have. */
const MAX_HEADS = 4_096

export interface FinishedRun {
  readonly output: Uint8Array
  readonly units: number
  /** Of input and parameters. */
  readonly inputBytes: number
  /** Whether the record holds a transcript. */
  readonly isKept: boolean
}

/**
 * Whether the record of an answer can be stored and shown to a committee. Asked before anything is signed: a receipt whose
 * record cannot be kept would leave a hole in the operator's chain of checkpoints.
 */
export function fitsRecord({ output, units, inputBytes, isKept }: FinishedRun): boolean {
  const pieces = splitOutput(output, units)
  const heads = headsOf(pieces).length
  if (heads > MAX_HEADS) return false
  const transcript = isKept ? inputBytes + output.length + pieces.length * CHUNK_BYTES + REST_BYTES : 0
  return transcript <= maxBytes('Transcript') && transcript + heads * HEAD_BYTES + REST_BYTES <= maxBytes('JobRecord')
}
