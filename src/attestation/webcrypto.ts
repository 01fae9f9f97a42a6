import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import type { AttestationCrypto, SignatureAlgorithm } from './crypto.ts'
import { KEY_OF, keyTypeOf } from './x509/algorithms.ts'

/** WebCrypto as Node and browsers ship it (R28). */
export type Subtle = (typeof globalThis)['crypto']['subtle']

export type WebKey = Awaited<ReturnType<Subtle['importKey']>>

export interface WebKeyPair {
  readonly publicKey: WebKey
  readonly privateKey: WebKey
}

/** The one curve and hash of Nitro documents and their certificates (COSE ES384). */
export const P384 = { name: 'ECDSA', namedCurve: 'P-384' } as const
export const P384_SHA384 = { name: 'ECDSA', hash: 'SHA-384' } as const
/** Intel's quotes, certificates and collateral. */
export const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const
export const P256_SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const
/** AMD's certificates: RSASSA-PSS with SHA-384 and a salt as long (RFC 4055). */
export const PSS_SHA384 = { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 } as const

interface Parameters {
  readonly key: { readonly name: string; readonly hash?: string; readonly namedCurve?: string }
  readonly use: { readonly name: string; readonly hash?: string; readonly saltLength?: number }
}

const PARAMETERS: Readonly<Record<SignatureAlgorithm, Parameters>> = {
  ES256: { key: P256, use: P256_SHA256 },
  ES384: { key: P384, use: P384_SHA384 },
  PS384: { key: { name: 'RSA-PSS', hash: 'SHA-384' }, use: { name: 'RSA-PSS', saltLength: 48 } },
  RS256: { key: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, use: { name: 'RSASSA-PKCS1-v1_5' } },
  RS384: { key: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' }, use: { name: 'RSASSA-PKCS1-v1_5' } },
}

const DIGESTS = { sha256, sha384, sha512 } as const

/** The verifiers' cryptography where only WebCrypto is at hand. */
export function webAttestationCrypto(subtle: Subtle): AttestationCrypto {
  return {
    async verify(algorithm, spki, signature, message) {
      const { key, use } = PARAMETERS[algorithm]
      try {
        if (keyTypeOf(spki) !== KEY_OF[algorithm]) return false
        const imported = await subtle.importKey('spki', new Uint8Array(spki), key, false, ['verify'])
        return await subtle.verify(use, imported, new Uint8Array(signature), new Uint8Array(message))
      } catch {
        return false
      }
    },
    digest: (algorithm, bytes) => DIGESTS[algorithm](bytes),
  }
}
