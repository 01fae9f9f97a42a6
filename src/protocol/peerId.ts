import { base58btc } from 'multiformats/bases/base58'
import { keccakBytes } from './hash.ts'
import { type Address, bytesToHex } from './hex.ts'
import type { Secp256k1 } from './ports.ts'

/**
 * A secp256k1 PeerId is the identity multihash (code 0x00, 37 bytes) of the protobuf `PublicKey{Type: Secp256k1 (2), Data: 33 bytes}`
 * (libp2p peer-ids spec), so the key can be read back from it without a lookup (R1).
 */
const PREFIX = Uint8Array.of(0x00, 0x25, 0x08, 0x02, 0x12, 0x21)
const KEY_BYTES = 33
const PEER_ID_CHARACTERS = 53

/** The PeerId, `16Uiu2HA...`, of a 33-byte compressed secp256k1 public key. Throws RangeError on any other shape (R1). */
export function peerIdFromPublicKey(publicKey: Uint8Array): string {
  if (!isCompressedKey(publicKey)) {
    throw new RangeError(`expected a compressed public key of ${KEY_BYTES} bytes, got ${publicKey.length} bytes`)
  }
  const bytes = new Uint8Array(PREFIX.length + KEY_BYTES)
  bytes.set(PREFIX)
  bytes.set(publicKey, PREFIX.length)
  return base58btc.encoder.baseEncode(bytes)
}

/** The 33-byte compressed public key inside a PeerId; undefined for anything but a canonical secp256k1 PeerId (R1). */
export function publicKeyFromPeerId(peerId: string): Uint8Array | undefined {
  if (peerId.length !== PEER_ID_CHARACTERS) return undefined
  let bytes: Uint8Array
  try {
    bytes = base58btc.decoder.baseDecode(peerId)
  } catch {
    return undefined
  }
  if (bytes.length !== PREFIX.length + KEY_BYTES) return undefined
  for (const [at, byte] of PREFIX.entries()) if (bytes[at] !== byte) return undefined
  const publicKey = bytes.slice(PREFIX.length)
  return isCompressedKey(publicKey) ? publicKey : undefined
}

/** The EVM address of a compressed public key: the last 20 bytes of keccak256(x, y); undefined when it is not a point. */
export function addressFromPublicKey(
  publicKey: Uint8Array,
  secp256k1: Pick<Secp256k1, 'decompress'>,
): Address | undefined {
  const point = secp256k1.decompress(publicKey)
  return point === undefined ? undefined : bytesToHex(keccakBytes(point).subarray(12))
}

/** The operator address behind a PeerId (R1); undefined when the PeerId holds no secp256k1 point. */
export function addressFromPeerId(peerId: string, secp256k1: Pick<Secp256k1, 'decompress'>): Address | undefined {
  const publicKey = publicKeyFromPeerId(peerId)
  return publicKey === undefined ? undefined : addressFromPublicKey(publicKey, secp256k1)
}

function isCompressedKey(bytes: Uint8Array): boolean {
  return bytes.length === KEY_BYTES && (bytes[0] === 2 || bytes[0] === 3)
}
