import { describe, expect, it } from 'vitest'
import { CLOUD_ASSURANCES, devnetPolicy } from '../../../src/attestation/index.ts'
import { needVectors } from '../../support/needVectors.ts'
import { createSigner, judgeToken } from '../../support/tokenMint.ts'
import { readVector, VECTORS } from '../../support/vectors.ts'

const VECTOR = 'tee/nvidia/sample-hopperClaimsv3_detached_eat.json'
const TIME = Date.parse('2025-06-11T00:31:00Z')

needVectors("a bundle of NVIDIA's service")

describe.runIf(VECTORS !== undefined)("a bundle of NVIDIA's service", () => {
  const policy = { ...devnetPolicy(), assurances: CLOUD_ASSURANCES, allowUnbound: true }
  const judge = async (document: Uint8Array, jwks?: Uint8Array): Promise<string> => {
    const result = await judgeToken('nras', document, { policy, jwks, now: TIME })
    return result.ok ? 'accept' : result.error.message
  }

  it("has the digests it names: without the service's keys that is all there is to say", async () => {
    expect(await judge(await readVector(VECTOR))).toMatch(/^no-jwks: .*digests match$/)
  })

  it('names its key, which is in no set of ours', async () => {
    const { jwks } = await createSigner('https://nras.attestation.nvidia.com', 'ES384')
    expect(await judge(await readVector(VECTOR), jwks)).toMatch(/^unknown-key: /)
  })

  it('has other digests once a token in it is another', async () => {
    const [pair, gpus] = JSON.parse(new TextDecoder().decode(await readVector(VECTOR)))
    const changed = String(gpus['GPU-0']).replace(/.$/, (letter) => (letter === 'A' ? 'B' : 'A'))
    const document = new TextEncoder().encode(JSON.stringify([pair, { 'GPU-0': changed }]))
    expect(await judge(document)).toMatch(/^digest-mismatch: /)
  })
})
