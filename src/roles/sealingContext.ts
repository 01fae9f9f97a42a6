import { type Address, type Digest, hexToBytes } from '../protocol/index.ts'

/** Binds a sealed input to the session and to the asker, so that nobody can pass it on as his own (R5). */
export function sealingContext(grant: Digest, requester: Address): Uint8Array {
  const context = new Uint8Array(52)
  context.set(hexToBytes(grant), 0)
  context.set(hexToBytes(requester), 32)
  return context
}
