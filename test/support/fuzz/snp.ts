import { devnetPolicy, encodeCollateral, verifyEvidence } from '../../../src/attestation/index.ts'
import { NOW } from '../nitroMint.ts'
import { createSnpMint } from '../snpMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

/** SEV-SNP reports: the document mutates beside a good VCEK. */
export async function snpFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createSnpMint('Milan')
  const good = await mint.mint()
  const collateral = encodeCollateral(good.collateral)
  const policy = { ...devnetPolicy(), allowUnbound: true }
  const version2 = await mint.mint({ report: (bytes) => bytes.fill(2, 0, 1).fill(0, 0x188, 0x18b) })
  return {
    kind: 'sev-snp',
    seeds: [good.document, version2.document],
    run: async (document) => {
      const verdict = await verifyEvidence(
        { kind: 'sev-snp', document, collateral },
        { now: NOW, trustRoots: [mint.root], policy, crypto: gullibleCrypto },
      )
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}

/** The certificates and the list beside a good report: the bundle mutates. */
export async function snpCollateralFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createSnpMint('Turin')
  const good = await mint.mint({ crl: {} })
  const policy = { ...devnetPolicy(), allowUnbound: true }
  return {
    kind: 'sev-snp',
    seeds: [encodeCollateral(good.collateral)],
    run: async (collateral) => {
      const verdict = await verifyEvidence(
        { kind: 'sev-snp', document: good.document, collateral },
        { now: NOW, trustRoots: [mint.root], policy, crypto: gullibleCrypto },
      )
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}
