import { X509Certificate } from 'node:crypto'
import { sha384 } from '@noble/hashes/sha2.js'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  createSimulatedSnpAuthority,
  devnetPolicy,
  productionPolicy,
  SIMULATED_MARK,
  type SimulatedSnpAttesterInit,
  type SimulatedSnpAuthority,
  SNP_PRODUCTS,
  type SnpProduct,
  simulatedSnpAttester,
  vendorRoots,
  verifyEvidence,
} from '../../../../src/attestation/index.ts'
import { bytesToHex } from '../../../../src/protocol/index.ts'
import { crypto, NOW, REPORT_DATA, random, subtle } from '../../../support/nitroMint.ts'

const MODULUS_BITS = 2_048
const authorities = new Map<SnpProduct, SimulatedSnpAuthority>()
beforeAll(async () => {
  for (const product of SNP_PRODUCTS)
    authorities.set(
      product,
      await createSimulatedSnpAuthority(
        { subtle, random },
        { label: 'test', product, now: NOW, modulusLength: MODULUS_BITS },
      ),
    )
})

const code = new TextEncoder().encode('the code that runs')
const attesterOf = (product: SnpProduct, over: Partial<SimulatedSnpAttesterInit> = {}) =>
  simulatedSnpAttester(
    { authority: authorities.get(product)!, subtle },
    {
      subject: { signingKey: 'VCEK', chipId: new Uint8Array(64).fill(5) },
      tcb: { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 255 },
      measurements: { code: { bytes: code }, configuration: { bytes: code }, models: { bytes: code } },
      ...over,
    },
  )
const context = (product: SnpProduct) => ({
  now: NOW,
  trustRoots: [authorities.get(product)!.trustRoot],
  policy: devnetPolicy(),
  expectedReportData: REPORT_DATA,
  crypto,
})

describe.each(SNP_PRODUCTS)('simulated SEV-SNP attester of %s', (product) => {
  it.each([
    { signingKey: 'VCEK', chipId: new Uint8Array(64).fill(5) },
    { signingKey: 'VLEK', cspId: 'CN=cc-test-1.example.com' },
  ] as const)('R6: makes reports the one verifier accepts as simulated, by a $signingKey', async (subject) => {
    const attester = await attesterOf(product, { subject })
    const { document, collateral } = await attester.attest(REPORT_DATA, NOW)
    const result = await verifyEvidence({ kind: attester.kind, document, collateral }, context(product))
    if (!result.ok) throw result.error
    expect(result.value.assurance).toBe('simulated')
    expect(result.value.notChecked).toContain('hardware')
    expect(result.value.measurements.measurement).toBe(bytesToHex(sha384(code)))
    expect(result.value.keyBinding.reportData).toBe('matched')
  })

  it('R6: is nothing where hardware is asked for', async () => {
    const attester = await attesterOf(product)
    const evidence = { kind: attester.kind, ...(await attester.attest(REPORT_DATA, NOW)) }
    const production = await verifyEvidence(evidence, { ...context(product), policy: productionPolicy() })
    expect(production.ok || production.error.code).toBe('assurance-refused')
    const vendors = await verifyEvidence(evidence, { ...context(product), trustRoots: vendorRoots() })
    expect(vendors.ok || vendors.error.code).toBe('untrusted-root')
  })
})

describe('simulated SEV-SNP authority', () => {
  it('R6: calls itself simulated in the name of its root', async () => {
    const issued = await authorities
      .get('Milan')!
      .issueVek(
        { signingKey: 'VCEK', chipId: new Uint8Array(64) },
        { bootloader: 0, tee: 0, snp: 0, microcode: 0 },
        NOW,
      )
    const [, root = ''] = new TextDecoder().decode(issued.chain).split(/(?<=-----END CERTIFICATE-----)\n/)
    const parsed = new X509Certificate(root)
    expect(parsed.subject).toContain(SIMULATED_MARK)
    expect(parsed.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(
      authorities.get('Milan')!.trustRoot.sha256.slice(2),
    )
  })

  it('keeps one key per attester, and refuses labels and chip ids that are none', async () => {
    const attester = await attesterOf('Milan')
    const [first, second] = [await attester.attest(REPORT_DATA, NOW), await attester.attest(REPORT_DATA, NOW + 1)]
    expect(second.collateral).toEqual(first.collateral)
    await expect(
      createSimulatedSnpAuthority({ subtle, random }, { label: 'a b', product: 'Milan', now: NOW }),
    ).rejects.toMatchObject({ code: 'bad-authority' })
    await expect(
      attesterOf('Milan', { subject: { signingKey: 'VCEK', chipId: new Uint8Array(8) } }),
    ).rejects.toMatchObject({ code: 'bad-authority' })
  })
})
