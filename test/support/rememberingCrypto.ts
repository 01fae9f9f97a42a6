import { createHash } from 'node:crypto'
import type { AttestationCrypto } from '../../src/attestation/index.ts'
import { crypto } from './nitroMint.ts'

/** The real cryptography, which answers a question it has been asked before from memory: flips share most signatures. */
export function rememberingCrypto(): AttestationCrypto {
  const answers = new Map<string, boolean | Promise<boolean>>()
  return {
    ...crypto,
    verify(algorithm, spki, signature, message) {
      const hash = createHash('sha256').update(`${algorithm} ${spki.length} ${signature.length} `)
      const question = hash.update(spki).update(signature).update(message).digest('hex')
      const answer = answers.get(question) ?? crypto.verify(algorithm, spki, signature, message)
      answers.set(question, answer)
      return answer
    },
  }
}
