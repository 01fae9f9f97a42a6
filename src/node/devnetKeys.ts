import { H, hexToBytes, keccakBytes, utf8 } from '../protocol/index.ts'

/** Tag of the published derivation: whoever knows a devnet's seed knows its keys, so they are worth nothing elsewhere. */
export const DEVNET_KEY_TAG = 'opg-devnet/1'

/**
 * The 32-byte secp256k1 key of one devnet participant: `H("opg-devnet/1", keccak256(seed), keccak256(role), index)`.
 * `index` counts the participants of one role from 0. Deterministic: the same devnet has the same keys everywhere.
 */
export function devnetPrivateKey(seed: string, role: string, index: number): Uint8Array {
  return hexToBytes(H(DEVNET_KEY_TAG, keccakBytes(utf8(seed)), keccakBytes(utf8(role)), index))
}
