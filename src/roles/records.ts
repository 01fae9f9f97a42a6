import { type Digest, type JobRecord, keccak } from '../protocol/index.ts'
import { encode } from '../wire/index.ts'

/** Digest of the record bytes that travelled, in order (R10: what a `Delivery` acknowledges). */
export function recordsHashOf(records: readonly JobRecord[]): Digest {
  const parts = records.map((record) => encode('JobRecord', record))
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return keccak(bytes)
}
