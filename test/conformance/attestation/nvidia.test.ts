import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Collateral,
  devnetPolicy,
  type EvidencePolicy,
  encodeCollateral,
  productionPolicy,
  type TrustRoot,
  trustRoot,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { parseManifest, verifyManifest } from '../../../src/attestation/nvidia/rim.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import { bytesToHex } from '../../../src/protocol/index.ts'
import { needVectors } from '../../support/needVectors.ts'
import { bytesOf, mintManifest } from '../../support/nvidiaCollateral.ts'
import { createNvidiaMint } from '../../support/nvidiaMint.ts'
import { readVector, VECTORS } from '../../support/vectors.ts'

const AT = Date.parse('2026-11-20T00:00:00Z')
const RIM = 'NV_GPU_DRIVER_GH100_550.144.03.xml'
const policy: EvidencePolicy = { ...productionPolicy(), measurements: 'any', allowUnbound: true }
const crypto = nodeAttestationCrypto()

const read = (file: string): Promise<Uint8Array> => readVector(`tee/nvidia/${file}`)
const textOf = (hex: string | undefined): string => Buffer.from(hex?.slice(2) ?? '', 'hex').toString()

type Kind = 'nvidia-gpu' | 'nvidia-switch'
interface Over {
  readonly now?: number
  readonly trustRoots?: readonly TrustRoot[]
  readonly collateral?: Collateral
  readonly policy?: EvidencePolicy
  readonly expectedReportData?: Uint8Array
}
const verify = (kind: Kind, document: Uint8Array, { collateral = new Map(), ...over }: Over = {}) =>
  verifyEvidence(
    { kind, document, collateral: encodeCollateral(collateral) },
    { now: AT, trustRoots: vendorRoots(), policy, crypto, ...over },
  )
const judge = async (kind: Kind, document: Uint8Array, over?: Over): Promise<string> => {
  const result = await verify(kind, document, over)
  return result.ok ? 'accept' : result.error.code
}

/** A report in hex and its chain, as NVIDIA's samples come, as one document. */
async function documentOf(reportFile: string, chainFile: string, cut = 0): Promise<Uint8Array> {
  const hex = Buffer.from(await read(reportFile))
    .toString('latin1')
    .trim()
  const report = Buffer.from(hex.slice(0, hex.length - 2 * cut), 'hex')
  const certificate = Buffer.from(await read(chainFile)).toString('base64')
  const nonce = report.subarray(4, 36).toString('hex')
  return bytesOf(JSON.stringify([{ arch: 'HOPPER', certificate, evidence: report.toString('base64'), nonce }]))
}

needVectors('documents of NVIDIA')

describe.runIf(VECTORS !== undefined)('documents of NVIDIA', () => {
  it.each<[Kind, string, number, string, string, string]>([
    ['nvidia-gpu', 'hopper_evidence.json', 1, 'HOPPER', '590.12', '96.00.A5.00.01'],
    ['nvidia-gpu', 'hopper_evidence_cert_hold.json', 1, 'HOPPER', '570.86.10', '96.00.AF.00.01'],
    ['nvidia-gpu', 'multi_gpu_hopper.json', 4, 'HOPPER', '590.12', '96.00.A5.00.01'],
    ['nvidia-gpu', 'nvtrust-ppcie-gpu_evidence.json', 8, 'HOPPER', '590.12', '96.00.A5.00.01'],
    ['nvidia-switch', 'switch_evidence_ls10.json', 1, 'LS10', '', '96.10.55.00.01'],
    // The same switch four times over.
    ['nvidia-switch', 'multi_switch_ls10.json', 1, 'LS10', '', '96.10.55.00.01'],
  ])('%s: %s: %d devices', async (kind, file, devices, arch, driver, vbios) => {
    const result = await verify(kind, await read(file))
    if (!result.ok) throw result.error
    const { measurements, instanceId, assurance, notChecked, checked } = result.value
    expect(assurance).toBe('hardware-nvidia')
    expect(new Set(instanceId.split(',')).size).toBe(devices)
    expect(instanceId).toMatch(/^NVIDIA:(GH100|LS_10):48B02D[0-9A-F]{10}/)
    expect([measurements.arch, measurements.driver, measurements.vbios].map(textOf)).toEqual([arch, driver, vbios])
    expect(notChecked).toEqual(expect.arrayContaining(['rim', 'ocsp']))
    expect(checked.includes('fwid')).toBe(kind === 'nvidia-gpu')
  })

  it.each<[string, string, number, string]>([
    ['hopperAttestationReport.txt', 'hopperCertChain.txt', 0, 'accept'],
    ['nvtrust-hopperAttestationReport.txt', 'nvtrust-hopperCertChain.txt', 0, 'accept'],
    ['sample-hopperAttestationReport.txt', 'sample-hopperCertChain.txt', 0, 'accept'],
    ['sample-hopperAttestationReportInvalidSignature.txt', 'sample-hopperCertChain.txt', 0, 'bad-signature'],
    // Its own chain is not among the vectors.
    ['sample-hopperAttestationReportExpired.txt', 'sample-hopperCertChain.txt', 0, 'bad-signature'],
    ['hopperAttestationReport.txt', 'sample-hopperCertChain.txt', 0, 'bad-signature'],
    // This file has a byte more than its report.
    ['coco-hopper_coco_report1.txt', 'coco-hopper_coco_certs1.txt', 0, 'malformed-evidence'],
    ['coco-hopper_coco_report1.txt', 'coco-hopper_coco_certs1.txt', 1, 'accept'],
  ])('%s under %s, %d bytes less: %s', async (report, chain, cut, expected) => {
    expect(await judge('nvidia-gpu', await documentOf(report, chain, cut))).toBe(expected)
  })

  it('R6: pins the roots that the vectors carry', async () => {
    for (const [file, vendor] of [
      ['NVIDIA_device_identity_root.pem', 'nvidia'],
      ['NVIDIA_RIM_root.pem', 'nvidia-rim'],
    ] as const) {
      const { sha256 } = trustRoot('from the vectors', vendor, Buffer.from(await read(file)).toString())
      expect(vendorRoots().some((root) => root.vendor === vendor && root.sha256 === sha256)).toBe(true)
    }
    const document = await read('hopper_evidence.json')
    expect(await judge('nvidia-gpu', document, { trustRoots: [] })).toBe('untrusted-root')
    expect(await judge('nvidia-switch', document)).toBe('malformed-evidence')
  })

  it('R5: binds the nonce, and any device of several may be revoked', async () => {
    const document = await read('multi_gpu_hopper.json')
    const result = await verify('nvidia-gpu', document)
    if (!result.ok) throw result.error
    const nonce = Buffer.from(result.value.reportData.slice(2), 'hex')
    expect(await judge('nvidia-gpu', document, { expectedReportData: nonce })).toBe('accept')
    expect(await judge('nvidia-gpu', document, { expectedReportData: new Uint8Array(32) })).toBe('report-data-mismatch')
    for (const name of [
      ...result.value.instanceId.split(','),
      '418D8735CA47D6FC15',
      '462819874314720887924195175206697753480402871124',
    ])
      expect(await judge('nvidia-gpu', document, { policy: { ...policy, revokedChips: [name] } })).toBe('chip-revoked')
    expect(await judge('nvidia-gpu', document, { policy: { ...policy, requireGpuAppraisal: true } })).toBe(
      'collateral-missing',
    )
  })
})

describe.runIf(VECTORS !== undefined)('a reference manifest of NVIDIA', () => {
  let xml: Uint8Array
  beforeAll(async () => {
    xml = VECTORS === undefined ? new Uint8Array(0) : await read(RIM)
  })
  const judgeManifest = async (bytes: Uint8Array, now = AT): Promise<string> => {
    const manifest = parseManifest(bytes)
    if (!manifest.ok) return manifest.error.code
    const context = { now, trustRoots: vendorRoots(), policy, crypto }
    const chain = await verifyManifest(manifest.value, 'hardware-nvidia', context)
    return chain.ok ? `${chain.value.length} certificates` : chain.error.code
  }

  it('is signed under the pinned root, while its signer is in date', async () => {
    expect(await judgeManifest(xml)).toBe('4 certificates')
    expect(await judgeManifest(xml, Date.parse('2026-12-31T00:00:00Z'))).toBe('certificate-expired')
    expect(await judgeManifest(xml, Date.parse('2024-12-30T00:00:00Z'))).toBe('certificate-not-yet-valid')
  })

  it('has 21 active measurements of driver 550.144.03', () => {
    const manifest = parseManifest(xml)
    if (!manifest.ok) throw manifest.error
    const { version, golden } = manifest.value
    expect(version).toBe('550.144.03')
    expect([...golden.keys()]).toEqual([7, ...Array.from({ length: 20 }, (_, at) => 21 + at)])
    expect(golden.get(35)?.length).toBe(4)
    expect(bytesToHex(golden.get(7)?.[0] ?? new Uint8Array(0))).toMatch(/^0x4a5e4b3d/)
  })

  it('is refused when a letter of its values, its text or its signature changes', async () => {
    const text = Buffer.from(xml).toString()
    for (const [from, to, expected] of [
      ['4a5e4b3d', '4a5e4b3e', 'bad-rim-signature'],
      ['550.144.03', '550.144.04', 'bad-rim-signature'],
      ['    <ns0:Payload', '   <ns0:Payload', 'bad-rim-signature'],
      ['>BqNo', '>BqNp', 'bad-rim-signature'],
      ['>TM4D', '>TM4E', 'bad-rim-signature'],
      ['<ns0:Payload', '<!-- --><ns0:Payload', 'malformed-rim'],
    ] as const)
      expect(await judgeManifest(bytesOf(text.replace(from, to))), to).toBe(expected)
    expect(await judgeManifest(bytesOf(text.replaceAll('\n', '\r\n')))).toBe('4 certificates')
    expect(await judgeManifest(bytesOf(text.replaceAll('"/>', '" />')))).toBe('4 certificates')
  })

  it('fits none of the reports here: all are of other drivers', async () => {
    const collateral: Collateral = new Map([['nvidia/driver-rim', xml]])
    for (const file of ['hopper_evidence.json', 'hopper_evidence_cert_hold.json', 'multi_gpu_hopper.json'])
      expect(await judge('nvidia-gpu', await read(file), { collateral }), file).toBe('rim-mismatch')
    const document = await documentOf('nvtrust-hopperAttestationReport.txt', 'nvtrust-hopperCertChain.txt')
    expect(await judge('nvidia-gpu', document, { collateral })).toBe('rim-mismatch')
  })

  it('R6: of a devnet says nothing of real devices', async () => {
    const mint = await createNvidiaMint()
    const request = { version: '590.12', active: new Map([[0, ['00'.repeat(48)]]]) }
    const collateral: Collateral = new Map([['nvidia/driver-rim', (await mintManifest(mint, request)).xml]])
    const trustRoots = [...vendorRoots(), ...mint.roots]
    const lax = { ...devnetPolicy(), allowUnbound: true }
    const document = await read('hopper_evidence.json')
    expect(await judge('nvidia-gpu', document, { trustRoots, policy: lax })).toBe('accept')
    expect(await judge('nvidia-gpu', document, { trustRoots, policy: lax, collateral })).toBe('untrusted-root')
  })
})
