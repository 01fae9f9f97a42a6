import { devnetPolicy, verifyEvidence } from '../../../src/attestation/index.ts'
import { createAzureTdxMint } from '../azureMint.ts'
import { NOW } from '../nitroMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

export async function azureTdxFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createAzureTdxMint()
  const good = await mint.mint()
  const policy = { ...devnetPolicy(), allowUnbound: true }
  return {
    kind: 'azure-tdx-vtpm',
    seeds: [good.document],
    run: async (document) => {
      const verdict = await verifyEvidence(
        { kind: 'azure-tdx-vtpm', document, collateral: good.collateral },
        { now: NOW, trustRoots: [mint.root], policy, crypto: gullibleCrypto },
      )
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}
