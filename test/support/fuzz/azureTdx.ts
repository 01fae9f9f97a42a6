import { createAzureTdxMint } from '../azureMint.ts'
import { type FuzzTarget, judgeRubbish } from './target.ts'

export async function azureTdxFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createAzureTdxMint()
  const { document: good, collateral } = await mint.mint()
  return {
    kind: 'azure-tdx-vtpm',
    seeds: [good],
    run: (document) => judgeRubbish({ kind: 'azure-tdx-vtpm', document, collateral }, [mint.root]),
  }
}
