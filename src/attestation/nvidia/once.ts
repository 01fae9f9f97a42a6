import type { AttestationCrypto, SignatureAlgorithm } from '../crypto.ts'

interface Check {
  readonly algorithm: SignatureAlgorithm
  readonly spki: Uint8Array
  readonly message: Uint8Array
  readonly holds: boolean | Promise<boolean>
}

/**
 * The same cryptography, which verifies no signature twice: the chains of several devices share their upper certificates.
 * Signatures are told apart by the arrays that hold them, so parsed certificates must be shared too.
 */
export function verifyingOnce(crypto: AttestationCrypto): AttestationCrypto {
  const checks = new WeakMap<Uint8Array, Check>()
  return {
    digest: (algorithm, bytes) => crypto.digest(algorithm, bytes),
    verify(algorithm, spki, signature, message) {
      const before = checks.get(signature)
      if (before?.algorithm === algorithm && before.spki === spki && before.message === message) return before.holds
      const holds = crypto.verify(algorithm, spki, signature, message)
      checks.set(signature, { algorithm, spki, message, holds })
      return holds
    },
  }
}
