import { type Digest, type JobRecord, keccak } from '../protocol/index.ts'
import { encode } from '../wire/index.ts'

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
