import { decode, type WireMessage, type WireType } from '../wire/index.ts'

/** Reads what this process wrote itself: bytes that do not decode mean a broken store, and throw. */
export function readStored<T extends WireType>(type: T, bytes: Uint8Array): WireMessage<T> {
  const decoded = decode(type, bytes)
  if (!decoded.ok) throw decoded.error
  return decoded.value
}

export const readStoredIf = <T extends WireType>(type: T, bytes: Uint8Array | undefined): WireMessage<T> | undefined =>
  bytes === undefined ? undefined : readStored(type, bytes)
