import { encodeCollateral } from '../../../src/attestation/index.ts'
import { createSnpMint } from '../snpMint.ts'
import { type FuzzTarget, judgeRubbish } from './target.ts'

/** SEV-SNP reports: the document mutates beside a good VCEK. */
export async function snpFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createSnpMint('Milan')
  const good = await mint.mint()
  const collateral = encodeCollateral(good.collateral)
  const version2 = await mint.mint({ report: (bytes) => bytes.fill(2, 0, 1).fill(0, 0x188, 0x18b) })
  return {
    kind: 'sev-snp',
    seeds: [good.document, version2.document],
    run: (document) => judgeRubbish({ kind: 'sev-snp', document, collateral }, [mint.root]),
  }
}

/** The certificates and the list beside a good report: the bundle mutates. */
export async function snpCollateralFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createSnpMint('Turin')
  const { document, collateral } = await mint.mint({ crl: {} })
  return {
    kind: 'sev-snp',
    seeds: [encodeCollateral(collateral)],
    run: (bundle) => judgeRubbish({ kind: 'sev-snp', document, collateral: bundle }, [mint.root]),
  }
}
