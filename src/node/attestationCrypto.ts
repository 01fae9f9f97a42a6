import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { AttestationCrypto, SignatureAlgorithm } from '../attestation/index.ts'

interface Parameters {
  readonly hash: string
  readonly keyType: 'ec' | 'rsa'
  readonly namedCurve?: string
  readonly scheme: { readonly dsaEncoding: 'ieee-p1363' } | { readonly padding: number; readonly saltLength?: number }
}

const P1363 = { dsaEncoding: 'ieee-p1363' } as const
const PKCS1 = { padding: constants.RSA_PKCS1_PADDING } as const

const PARAMETERS: Readonly<Record<SignatureAlgorithm, Parameters>> = {
  ES256: { hash: 'sha256', keyType: 'ec', namedCurve: 'prime256v1', scheme: P1363 },
  ES384: { hash: 'sha384', keyType: 'ec', namedCurve: 'secp384r1', scheme: P1363 },
  PS384: { hash: 'sha384', keyType: 'rsa', scheme: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 } },
  RS256: { hash: 'sha256', keyType: 'rsa', scheme: PKCS1 },
  RS384: { hash: 'sha384', keyType: 'rsa', scheme: PKCS1 },
}

/** The verifiers' cryptography on Node (R28): OpenSSL, in the calling thread. */
export function nodeAttestationCrypto(): AttestationCrypto {
  return {
    verify(algorithm, spki, signature, message) {
      const { hash, keyType, namedCurve, scheme } = PARAMETERS[algorithm]
      const key = publicKeyOf(spki)
      if (key?.asymmetricKeyType !== keyType || key.asymmetricKeyDetails?.namedCurve !== namedCurve) return false
      try {
        return verify(hash, message, { key, ...scheme }, signature)
      } catch {
        return false
      }
    },
    digest: (algorithm, bytes) => new Uint8Array(createHash(algorithm).update(bytes).digest()),
  }
}

function publicKeyOf(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
