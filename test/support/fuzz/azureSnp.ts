import { createAzureSnpMint } from '../azureMint.ts'
import { type FuzzTarget, judgeRubbish } from './target.ts'

export async function azureSnpFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createAzureSnpMint()
  const { document: good, collateral } = await mint.mint()
  return {
    kind: 'azure-snp-vtpm',
    seeds: [good],
    run: (document) => judgeRubbish({ kind: 'azure-snp-vtpm', document, collateral }, [mint.root]),
  }
}
