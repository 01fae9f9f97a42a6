import { Buffer } from 'node:buffer'
import { constants, createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import {
  type AttestationCrypto,
  KEY_OF,
  type KeyType,
  keyTypeOf,
  type SignatureAlgorithm,
} from '../attestation/index.ts'
import { dropOldest } from '../protocol/index.ts'

type VerifyKey = Parameters<typeof verify>[2]

interface Scheme {
  readonly hash: string
  readonly key: (key: KeyObject) => VerifyKey
  readonly signature: (signature: Uint8Array) => Uint8Array | undefined
}

const asIs = <T>(value: T): T => value
/** OpenSSL takes ECDSA signatures in DER; `ieee-p1363` converts too, at half the cost of a verification. */
const ecdsa = (hash: string, width: number): Scheme => ({
  hash,
  key: asIs,
  signature: (signature) => (signature.length === 2 * width ? ecdsaDer(signature) : undefined),
})
const rsa = (hash: string, options: { readonly padding: number; readonly saltLength?: number }): Scheme => ({
  hash,
  key: (key) => ({ key, ...options }),
  signature: asIs,
})

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants
const SCHEMES: Readonly<Record<SignatureAlgorithm, Scheme>> = {
  ES256: ecdsa('sha256', 32),
  ES384: ecdsa('sha384', 48),
  PS384: rsa('sha384', { padding: RSA_PKCS1_PSS_PADDING, saltLength: 48 }),
  RS256: rsa('sha256', { padding: RSA_PKCS1_PADDING }),
  RS384: rsa('sha384', { padding: RSA_PKCS1_PADDING }),
}

/** Keys kept as OpenSSL holds them: a chain uses each CA's several times over, and vendors' come again with every document. */
const MAX_KEYS = 64

interface HeldKey {
  readonly key: KeyObject
  readonly type: KeyType | undefined
}

/** The verifiers' cryptography on Node (R28): OpenSSL, in the calling thread. */
export function nodeAttestationCrypto(): AttestationCrypto {
  const held = new Map<string, HeldKey>()
  const keyOf = (spki: Uint8Array): HeldKey | undefined => {
    const name = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString('latin1')
    const known = held.get(name)
    if (known !== undefined) return known
    const read = readKey(spki)
    if (read === undefined) return undefined
    held.set(name, read)
    dropOldest(held, MAX_KEYS)
    return read
  }
  return {
    verify(algorithm, spki, signature, message) {
      const scheme = SCHEMES[algorithm]
      const read = keyOf(spki)
      const encoded = scheme.signature(signature)
      if (encoded === undefined || read?.type !== KEY_OF[algorithm]) return false
      try {
        return verify(scheme.hash, message, scheme.key(read.key), encoded)
      } catch {
        return false
      }
    },
    digest: (algorithm, bytes) => new Uint8Array(hash(algorithm, bytes, 'buffer')),
  }
}

function readKey(spki: Uint8Array): HeldKey | undefined {
  try {
    const type = keyTypeOf(spki)
    return { key: createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' }), type }
  } catch {
    return undefined
  }
}

/** r and s of fixed length (IEEE P1363) as an ECDSA-Sig-Value (RFC 3279, 2.2.3); below 128 bytes of content. */
function ecdsaDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2
  const der = new Uint8Array(signature.length + 8)
  let at = 2
  for (const integer of [signature.subarray(0, half), signature.subarray(half)]) {
    let zeros = 0
    while (zeros < half - 1 && integer[zeros] === 0) zeros += 1
    const sign = (integer[zeros] ?? 0) >= 0x80 ? 1 : 0
    der[at] = 0x02
    der[at + 1] = sign + half - zeros
    der.set(integer.subarray(zeros), at + 2 + sign)
    at += 2 + sign + half - zeros
  }
  der[0] = 0x30
  der[1] = at - 2
  return der.subarray(0, at)
}
