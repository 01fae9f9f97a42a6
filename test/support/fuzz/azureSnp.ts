import { devnetPolicy, verifyEvidence } from '../../../src/attestation/index.ts'
import { createAzureSnpMint } from '../azureMint.ts'
import { NOW } from '../nitroMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

export async function azureSnpFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createAzureSnpMint()
  const good = await mint.mint()
  const policy = { ...devnetPolicy(), allowUnbound: true }
  return {
    kind: 'azure-snp-vtpm',
    seeds: [good.document],
    run: async (document) => {
      const verdict = await verifyEvidence(
        { kind: 'azure-snp-vtpm', document, collateral: good.collateral },
        { now: NOW, trustRoots: [mint.root], policy, crypto: gullibleCrypto },
      )
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}
