import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  type CollateralItem,
  devnetPolicy,
  encodeCollateral,
  productionPolicy,
  rootAssurance,
  trustRoot,
  type VerifierContext,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { parsePemCertificates } from '../../../src/attestation/pem.ts'
import { parseEndorsement } from '../../../src/attestation/snp/endorsement.ts'
import { parseCertificate } from '../../../src/attestation/x509/certificate.ts'
import { verifyIssued } from '../../../src/attestation/x509/chain.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import { bytesToHex, type Result } from '../../../src/protocol/index.ts'
import { needVectors } from '../../support/needVectors.ts'
import { readVector, VECTORS } from '../../support/vectors.ts'

const crypto = nodeAttestationCrypto()
const FOLDER = 'tee/sev-snp/'
const read = (name: string): Promise<Uint8Array> => readVector(FOLDER + name)
const der = async (name: string): Promise<Uint8Array> =>
  name.endsWith('.pem') ? Uint8Array.from(new X509Certificate(Buffer.from(await read(name))).raw) : read(name)
const reportOf = async (name: string): Promise<Uint8Array> => {
  const bytes = await read(name)
  return name.endsWith('.hex') ? Uint8Array.from(Buffer.from(Buffer.from(bytes).toString().trim(), 'hex')) : bytes
}
const codeOf = (result: Result<unknown, { code: string }>): string => (result.ok ? 'accept' : result.error.code)

/** The reports are of any program and bound to report data of their own; everything else is as in production. */
const policy = { ...productionPolicy(), measurements: 'any', allowUnbound: true, requireSnpFloor: false } as const

async function verify(report: string, vek: string, chain: string, over: Partial<VerifierContext> = {}) {
  const items: [CollateralItem, Uint8Array][] = [
    ['amd/vek', await der(vek)],
    ['amd/chain', await read(chain)],
  ]
  return verifyEvidence(
    { kind: 'sev-snp', document: await reportOf(report), collateral: encodeCollateral(new Map(items)) },
    { now: Date.parse('2026-11-20T00:00:00Z'), trustRoots: vendorRoots(), policy, crypto, ...over },
  )
}

const MILAN = 'AMD_ask_ark_milan.pem'
const GOOD = [
  { report: 'virtee-report_milan.hex', vek: 'virtee-vcek_milan.der', version: 2, until: '2030-04-03' },
  { report: 'coco-test-report.bin', vek: 'coco-test-vcek.der', version: 2, until: '2030-01-24' },
  { report: 'dstack-report.bin', vek: 'dstack-sev_snp_vcek.pem', version: 3, until: '2033-06-17' },
]

needVectors('SEV-SNP reports of AMD')

describe.runIf(VECTORS !== undefined)('SEV-SNP reports of AMD', () => {
  it.each(GOOD)('$report (version $version): accepted until its certificate ends', async (vector) => {
    const result = await verify(vector.report, vector.vek, MILAN)
    if (!result.ok) throw result.error
    const { assurance, checked, notChecked, expiresAt, instanceId, tcbStatus } = result.value
    expect(assurance).toBe('hardware-amd')
    expect(checked).toEqual(['structure', 'trust-root', 'certificate-chain', 'signature', 'not-debug', 'hardware'])
    expect(notChecked).toEqual([
      'certificate-revocation',
      'tcb',
      'tcb-floor',
      'measurements',
      'report-data',
      'freshness',
    ])
    expect(tcbStatus).toBeUndefined()
    expect(instanceId).toMatch(/^amd:[0-9a-f]{128}$/)
    expect(new Date(expiresAt).toISOString().slice(0, 10)).toBe(vector.until)
    expect(codeOf(await verify(vector.report, vector.vek, MILAN, { now: expiresAt + 1 }))).toBe('certificate-expired')
    expect(codeOf(await verify(vector.report, vector.vek, MILAN, { now: 0 }))).toBe('certificate-not-yet-valid')
    expect(codeOf(await verify(vector.report, vector.vek, MILAN, { trustRoots: [] }))).toBe('untrusted-root')
  })

  it('the report of a guest in debug mode is refused, and only for that', async () => {
    expect(codeOf(await verify('google-attestation.bin', 'google-vcek.der', MILAN))).toBe('debug')
  })

  it('certificates of another chip, and with a signature that is none, are refused', async () => {
    for (const vek of ['coco-test-vcek-invalid-legacy.der', 'coco-test-vcek-invalid-new.der'])
      expect(codeOf(await verify('coco-test-report.bin', vek, MILAN))).toBe('chip-mismatch')
    expect(codeOf(await verify('coco-test-report.bin', 'google-vcek.der', MILAN))).toBe('chip-mismatch')
    expect(codeOf(await verify('coco-test-report.bin', 'coco-test-vcek.der', 'AMD_ask_ark_genoa.pem'))).toBe(
      'product-mismatch',
    )
    expect(codeOf(await verify('coco-test-report.bin', 'coco-test-vcek.der', 'AMD_ask_ark_milan_vlek.pem'))).toBe(
      'wrong-signing-key',
    )
    const [, intermediate] = await chainOf(MILAN)
    for (const vek of ['coco-test-vcek-invalid-legacy.der', 'coco-test-vcek-invalid-new.der']) {
      const issued = await verifyIssued(certificateOf(await der(vek), 2), intermediate, crypto)
      expect(codeOf(issued)).toBe('bad-certificate-signature')
    }
  })

  it("judges the security versions by the policy's floor", async () => {
    const floor = (microcode: number) => ({
      policy: {
        ...policy,
        tcbFloors: { tcbEvaluationDataNumber: 0, snp: { Milan: { bootloader: 3, tee: 0, snp: 8, microcode } } },
      },
    })
    const good = await verify('coco-test-report.bin', 'coco-test-vcek.der', MILAN, floor(0x73))
    expect(good.ok && good.value.tcbStatus).toBe('UpToDate')
    expect(codeOf(await verify('coco-test-report.bin', 'coco-test-vcek.der', MILAN, floor(0x74)))).toBe(
      'tcb-below-floor',
    )
  })

  it('production asks for measurements and report data', async () => {
    const judge = async (over: Partial<VerifierContext>) =>
      codeOf(await verify('dstack-report.bin', 'dstack-sev_snp_vcek.pem', MILAN, over))
    expect(await judge({ policy: productionPolicy() })).toBe('tcb-floor-missing')
    expect(await judge({ policy: { ...productionPolicy(), requireSnpFloor: false } })).toBe('measurement-refused')
    expect(await judge({ policy: devnetPolicy() })).toBe('report-data-unbound')
    expect(await judge({ expectedReportData: new Uint8Array(32) })).toBe('report-data-mismatch')
  })

  it.each([
    'AMD_ask_ark_milan.pem',
    'AMD_ask_ark_milan_vlek.pem',
    'AMD_ask_ark_genoa.pem',
    'AMD_ask_ark_genoa_vlek.pem',
    'AMD_ask_ark_turin_vcek.pem',
    'AMD_ask_ark_turin_vlek.pem',
    'google-milan-ask_ark.pem',
    'google-milan-asvk_ark.pem',
  ])('R6: %s: a root that is pinned, and an intermediate it signed', async (name) => {
    const [ark, intermediate] = await chainOf(name)
    expect(rootAssurance(trustRoot('of the vectors', 'amd', ark.der))).toBe('hardware-amd')
    expect(codeOf(await verifyIssued(intermediate, ark, crypto))).toBe('accept')
  })

  it('Turin: reads the VCEK with its other versions and its short chip id (no real vector of a report)', async () => {
    const [, intermediate] = await chainOf('AMD_ask_ark_turin_vcek.pem')
    const vek = certificateOf(await der('virtee-vcek_turin.der'), 2)
    expect(codeOf(await verifyIssued(vek, intermediate, crypto))).toBe('accept')
    const endorsed = parseEndorsement(intermediate, vek)
    if (!endorsed.ok) throw endorsed.error
    const { product, signingKey, chipId } = endorsed.value
    expect({ product, signingKey }).toEqual({ product: 'Turin', signingKey: 'VCEK' })
    expect(bytesToHex(chipId ?? new Uint8Array(0))).toMatch(/^0x[0-9a-f]{16}0{112}$/)
  })
})

const certificateOf = (bytes: Uint8Array, position: number) => {
  const parsed = parseCertificate(bytes, position)
  if (!parsed.ok) throw parsed.error
  return parsed.value
}

/** Root first. */
async function chainOf(name: string) {
  const pem = parsePemCertificates(await read(name), {
    malformed: 'malformed-collateral',
    maxBytes: 16_384,
    maxCertificates: 2,
  })
  if (!pem.ok) throw pem.error
  const [intermediate, ark] = pem.value
  if (intermediate === undefined || ark === undefined) throw new RangeError('expected two certificates')
  return [certificateOf(ark, 0), certificateOf(intermediate, 1)] as const
}
