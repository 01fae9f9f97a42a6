import { type FuzzTarget, gullibleCrypto } from './fuzz/target.ts'
import { contextFor, createIntelMint, judgeIntel, LENIENT } from './intelMint.ts'

/** Quotes of every version, with collateral: rubbish reaches what lies behind the signatures. */
export async function intelFuzzTarget(tee: 'tdx' | 'sgx'): Promise<FuzzTarget> {
  const mint = await createIntelMint(tee)
  const versions = tee === 'tdx' ? ([4, 5] as const) : ([3, 5] as const)
  const { expectedReportData: _, ...context } = contextFor(mint, {
    crypto: gullibleCrypto,
    policy: { ...LENIENT, allowUnbound: true },
  })
  const minted = await Promise.all(versions.map((version) => mint.mint({ version })))
  const { collateral } = await mint.mint()
  return {
    kind: tee,
    seeds: minted.map(({ document }) => document),
    run: (document) => judgeIntel({ kind: tee, document, collateral }, context),
  }
}
