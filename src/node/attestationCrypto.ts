import { Buffer } from 'node:buffer'
import { constants, createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import {
  type AttestationCrypto,
  KEY_OF,
  type KeyType,
  keyTypeOf,
  type SignatureAlgorithm,
} from '../attestation/index.ts'

interface Parameters {
  readonly hash: string
  readonly scheme: { readonly dsaEncoding: 'ieee-p1363' } | { readonly padding: number; readonly saltLength?: number }
}

const P1363 = { dsaEncoding: 'ieee-p1363' } as const
const PKCS1 = { padding: constants.RSA_PKCS1_PADDING } as const

const PARAMETERS: Readonly<Record<SignatureAlgorithm, Parameters>> = {
  ES256: { hash: 'sha256', scheme: P1363 },
  ES384: { hash: 'sha384', scheme: P1363 },
  PS384: { hash: 'sha384', scheme: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 } },
  RS256: { hash: 'sha256', scheme: PKCS1 },
  RS384: { hash: 'sha384', scheme: PKCS1 },
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
    const [oldest] = held.keys()
    if (held.size >= MAX_KEYS && oldest !== undefined) held.delete(oldest)
    held.set(name, read)
    return read
  }
  return {
    verify(algorithm, spki, signature, message) {
      const { hash, scheme } = PARAMETERS[algorithm]
      const read = keyOf(spki)
      if (read === undefined || read.type !== KEY_OF[algorithm]) return false
      try {
        return verify(hash, message, { key: read.key, ...scheme }, signature)
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
