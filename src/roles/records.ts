import { type Digest, type JobRecord, keccak, type SignedHead, type TranscriptChunk } from '../protocol/index.ts'
import { encode } from '../wire/index.ts'

/** What a record weighs in memory without input, heads and chunks, bytes. */
const RECORD_BYTES = 4_096
const HEAD_BYTES = 256
const CHUNK_BYTES = 64

/** What heads and chunks of a record weigh in memory, bytes; an empty part is not free. */
export const partWeight = (heads: readonly SignedHead[], chunks: readonly TranscriptChunk[]): number =>
  chunks.reduce((sum, { data }) => sum + data.length + CHUNK_BYTES, CHUNK_BYTES + heads.length * HEAD_BYTES)

/** What a record weighs in memory, bytes. */
export const recordWeight = ({ transcript, heads }: JobRecord): number =>
  RECORD_BYTES + (transcript?.input.length ?? 0) + partWeight(heads, transcript?.chunks ?? [])

/** The bytes of a record in pieces that each fit one frame: the record without heads and chunks, then those. */
export function recordPieces(record: JobRecord): Uint8Array[] {
  const { transcript } = record
  const shell = {
    ...record,
    heads: [],
    ...(transcript === undefined ? {} : { transcript: { ...transcript, chunks: [] } }),
  }
  return [
    encode('JobRecord', shell),
    ...record.heads.map((head) => encode('SignedHead', head)),
    ...(transcript?.chunks ?? []).map((chunk) => encode('TranscriptChunk', chunk)),
  ]
}

/** Digest of the record bytes that travelled, in order (R10: what a `Delivery` acknowledges). */
export function recordsHashOf(records: readonly JobRecord[]): Digest {
  const pieces = records.flatMap(recordPieces)
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return keccak(bytes)
}
