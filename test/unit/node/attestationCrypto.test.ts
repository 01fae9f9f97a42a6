import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { AttestationCrypto } from '../../../src/attestation/crypto.ts'
import { webAttestationCrypto } from '../../../src/attestation/webcrypto.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import { signatureCases } from '../../support/signatureCases.ts'

const PORTS: readonly { readonly name: string; readonly port: AttestationCrypto }[] = [
  { name: 'node:crypto', port: nodeAttestationCrypto() },
  { name: 'WebCrypto', port: webAttestationCrypto(globalThis.crypto.subtle) },
]

const CASES = signatureCases()

describe.each(PORTS)('R28: the cryptography of verifiers by $name', ({ port }) => {
  it.each(CASES)('verify: $name: $expected', async ({ algorithm, spki, signature, message, expected }) => {
    expect(await port.verify(algorithm, spki, signature, message)).toBe(expected)
  })

  it.each(['sha256', 'sha384', 'sha512'] as const)('digest: %s of nothing, of blocks and of much', (algorithm) => {
    for (const length of [0, 1, 55, 56, 63, 64, 111, 112, 127, 128, 1 << 16]) {
      const bytes = Uint8Array.from({ length }, (_, at) => at % 251)
      const expected = createHash(algorithm).update(bytes).digest()
      expect(port.digest(algorithm, bytes)).toStrictEqual(new Uint8Array(expected))
    }
  })
})
