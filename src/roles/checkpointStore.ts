import { bytesToHex, type Digest, hexToBytes, type SignedCheckpoint } from '../protocol/index.ts'
import type { Store, Write } from '../store/index.ts'
import { encode } from '../wire/index.ts'
import { readStoredIf } from './stored.ts'

const ADDRESS_BYTES = 20

/** A checkpoint by (operator, sequence), and where it lies by its digest. */
export function checkpointWrites(signed: SignedCheckpoint, digest: Digest): Write[] {
  const { operator, sequence } = signed.checkpoint
  const place = new Uint8Array(ADDRESS_BYTES + 8)
  place.set(hexToBytes(operator), 0)
  new DataView(place.buffer).setBigUint64(ADDRESS_BYTES, BigInt(sequence))
  return [
    { type: 'put', table: 'checkpoints', key: [operator, sequence], value: encode('SignedCheckpoint', signed) },
    { type: 'put', table: 'digests', key: [digest], value: place },
  ]
}

export async function readCheckpoint(store: Store, digest: Digest): Promise<SignedCheckpoint | undefined> {
  const place = await store.get('digests', [digest])
  if (place === undefined) return undefined
  const operator = bytesToHex(place.subarray(0, ADDRESS_BYTES))
  const sequence = Number(new DataView(place.buffer, place.byteOffset).getBigUint64(ADDRESS_BYTES))
  return readStoredIf('SignedCheckpoint', await store.get('checkpoints', [operator, sequence]))
}
