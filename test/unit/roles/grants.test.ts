import { describe, expect, it } from 'vitest'
import { devnetPolicy } from '../../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import { parametersOf } from '../../../src/protocol/index.ts'
import { createGrantChecker, onePolicy } from '../../../src/roles/grants.ts'
import { grantOf, NOW } from '../../support/protocolWorld.ts'
import { crypto, DOMAIN, signerOf } from '../../support/votes.ts'

const EPOCH = 7
const checker = createGrantChecker(
  {
    attestation: nodeAttestationCrypto(),
    chain: { blockByNumber: async () => undefined },
    crypto,
    committee: { seatEpochAt: () => EPOCH },
  },
  { domain: DOMAIN, parameters: parametersOf('devnet'), trustRoots: [], policies: onePolicy(devnetPolicy()) },
)
const codeOf = async (policyEpoch: number): Promise<string | undefined> => {
  const { signed } = grantOf(signerOf('provider'), 0, { policyEpoch })
  const verdict = await checker.check(signed, NOW)
  return verdict.ok ? undefined : verdict.error.code
}

describe('grants', () => {
  it('R14: one under the policy of another epoch than that of its beginning is stale, before anything dear is done', async () => {
    expect(await codeOf(EPOCH - 1)).toBe('stale-policy')
    expect(await codeOf(EPOCH + 1)).toBe('stale-policy')
    expect(await codeOf(EPOCH)).toBe('evidence-missing')
  })

  it('R4: one that its operator did not sign is refused before its evidence is asked for', async () => {
    const { signed } = grantOf(signerOf('provider'), 0, { policyEpoch: EPOCH })
    const foreign = { ...signed, signature: grantOf(signerOf('another'), 0, { policyEpoch: EPOCH }).signed.signature }
    const verdict = await checker.check(foreign, NOW)
    expect(verdict.ok ? undefined : verdict.error.code).toBe('bad-grant')
  })
})
