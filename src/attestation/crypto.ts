/**
 * Signature algorithms of the documents read here, by their JOSE names (RFC 7518, 3.1): each fixes the curve or padding
 * and the hash, so that a P-256 key with SHA-384 is no algorithm at all.
 */
export const SIGNATURE_ALGORITHMS = ['ES256', 'ES384', 'PS384', 'RS256', 'RS384'] as const
export type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number]

export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512'

/** The cryptography of the verifiers, as a port (R28): native on Node, WebCrypto in a browser. */
export interface AttestationCrypto {
  /**
   * Whether `signature` over `message` is by the key in `spki` (DER SubjectPublicKeyInfo, RFC 5280). ECDSA signatures are
   * r and s of fixed length (IEEE P1363). False too for a key of another algorithm, or in an encoding that `keyTypeOf`
   * does not read: never throws.
   */
  verify(
    algorithm: SignatureAlgorithm,
    spki: Uint8Array,
    signature: Uint8Array,
    message: Uint8Array,
  ): boolean | Promise<boolean>
  digest(algorithm: DigestAlgorithm, bytes: Uint8Array): Uint8Array
}
