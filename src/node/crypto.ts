import { isPoint, isPrivate, pointCompress, pointFromScalar } from 'tiny-secp256k1'
import { bytesToHex, hexToBytes, keccakBytes, type Secp256k1, type Signature } from '../protocol/index.ts'
import { type Libsecp256k1, libsecp256k1 } from './libsecp256k1.ts'

const SIGNATURE_BYTES = 65
/** n / 2 of secp256k1, big-endian: the greatest `s` that R3 allows. */
const HALF_ORDER = hexToBytes('0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0')

/** secp256k1 on Node (R28): libsecp256k1; the same signatures (RFC 6979, low s) as the browser's. */
export function nodeSecp256k1(library: Libsecp256k1 = libsecp256k1()): Secp256k1 {
  return {
    publicKey(privateKey) {
      assertPrivateKey(privateKey)
      const point = pointFromScalar(privateKey, true)
      if (point === null) throw new RangeError('expected a private key that has a public key')
      return point
    },

    decompress(publicKey) {
      if (publicKey.length !== 33 || !isPoint(publicKey)) return undefined
      return pointCompress(publicKey, false).subarray(1)
    },

    sign(digest, privateKey) {
      assertPrivateKey(privateKey)
      const { signature, recoveryId } = library.sign(hexToBytes(digest), privateKey)
      const bytes = new Uint8Array(SIGNATURE_BYTES)
      bytes.set(signature)
      bytes[64] = 27 + recoveryId
      return bytesToHex(bytes)
    },

    recover(digest, signature) {
      const bytes = signatureBytes(signature)
      if (bytes === undefined) return undefined
      const v = bytes[64]
      if ((v !== 27 && v !== 28) || !isLowS(bytes)) return undefined
      let point: Uint8Array | null
      try {
        point = library.recover(hexToBytes(digest), bytes.subarray(0, 64), v === 27 ? 0 : 1)
      } catch {
        return undefined
      }
      return point === null ? undefined : bytesToHex(keccakBytes(point.subarray(1)).subarray(12))
    },
  }
}

function assertPrivateKey(privateKey: Uint8Array): void {
  if (!isPrivate(privateKey)) throw new RangeError('expected a private key of 32 bytes between 1 and the curve order')
}

function signatureBytes(signature: Signature): Uint8Array | undefined {
  if (signature.length !== 2 + SIGNATURE_BYTES * 2) return undefined
  try {
    return hexToBytes(signature)
  } catch {
    return undefined
  }
}

function isLowS(signature: Uint8Array): boolean {
  for (let at = 0; at < 32; at += 1) {
    const difference = (signature[32 + at] ?? 0) - (HALF_ORDER[at] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return true
}
