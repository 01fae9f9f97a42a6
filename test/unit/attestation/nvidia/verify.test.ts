import { beforeAll, describe, expect, it } from 'vitest'
import { type AttestationCrypto, devnetPolicy, vendorRoots } from '../../../../src/attestation/index.ts'
import { verifyGpu } from '../../../../src/attestation/nvidia/verify.ts'
import { webAttestationCrypto } from '../../../../src/attestation/webcrypto.ts'
import { roleExtensions } from '../../../../src/attestation/x509/issue.ts'
import { bytesToHex, sha256 } from '../../../../src/protocol/index.ts'
import { extension } from '../../../support/derWriter.ts'
import { crypto, NOW } from '../../../support/nitroMint.ts'
import {
  createNvidiaMint,
  type DeviceDeviation,
  judgeMinted,
  NONCE,
  type NvidiaMint,
  type ReportParts,
  verifyMinted,
} from '../../../support/nvidiaMint.ts'
import { subtle } from '../../../support/testPki.ts'

let mint: NvidiaMint
beforeAll(async () => {
  mint = await createNvidiaMint()
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hexText = (value: string): string => bytesToHex(text(value))

const judge = async (...deviations: DeviceDeviation[]): Promise<string> =>
  judgeMinted(await mint.document(...deviations), mint)

const report = (change: (parts: ReportParts) => void): DeviceDeviation => ({ report: change })

const verdictOf = async (document: Uint8Array, options?: Parameters<typeof verifyMinted>[2]) => {
  const verdict = await verifyMinted(document, mint, options)
  if (!verdict.ok) throw verdict.error
  return verdict.value
}

describe('reports of NVIDIA devices', () => {
  it('of a Hopper GPU: who, under which firmware, measured to what', async () => {
    const verdict = await verdictOf(await mint.document())
    expect(verdict).toMatchObject({
      assurance: 'simulated',
      instanceId: 'NVIDIA:GH100:48B02D0000000010',
      reportData: bytesToHex(NONCE),
      keyBinding: { nonce: bytesToHex(NONCE), reportData: 'matched' },
      tcbStatus: undefined,
    })
    expect(verdict.measurements).toMatchObject({
      arch: hexText('HOPPER'),
      driver: hexText('550.1.2'),
      vbios: hexText('96.00.A5.00.01'),
      chipSku: hexText('885'),
      project: hexText('G520'),
      projectSku: hexText('0200'),
      featureFlag: '0x0200',
      'measurement.0': `0x${'01'.repeat(48)}`,
    })
    expect(verdict.checked).toEqual([
      'structure',
      'trust-root',
      'certificate-chain',
      'signature',
      'fwid',
      'report-data',
    ])
    expect(verdict.notChecked).toEqual(['rim', 'ocsp', 'not-debug', 'measurements', 'freshness', 'hardware'])
  })

  it('of a Blackwell GPU, whose firmware id stands in a TcbInfo', async () => {
    const verdict = await verdictOf(await mint.document({ arch: 'BLACKWELL' }))
    expect(verdict.instanceId).toBe('NVIDIA:GB100:48B02D0000000010')
    expect(verdict.checked).toContain('fwid')
  })

  it('of an NVSwitch, which reports no firmware id', async () => {
    const verdict = await verdictOf(await mint.document({ arch: 'LS10' }), { kind: 'nvidia-switch' })
    expect(verdict.instanceId).toBe('NVIDIA:LS_10:48B02D0000000010')
    expect(verdict.measurements).toMatchObject({ arch: hexText('LS10'), vbios: hexText('96.10.55.00.01') })
    expect(verdict.measurements.driver).toBeUndefined()
    expect(verdict.notChecked).toContain('fwid')
  })

  it('with the newer header of opaque data', async () => {
    const headed = report((parts) => {
      parts.opaqueHeader = [...text('NVDAOD'), 0, 0, 2, 0, 0, 0]
    })
    expect((await verdictOf(await mint.document(headed))).measurements.driver).toBe(hexText('550.1.2'))
  })

  it('hold under WebCrypto as well', async () => {
    const context = { now: NOW, trustRoots: mint.roots, policy: devnetPolicy(), crypto: webAttestationCrypto(subtle) }
    const document = await mint.document({}, { number: 1 })
    expect((await verifyGpu({ kind: 'nvidia-gpu', document, collateral: new Map() }, context)).ok).toBe(true)
  })

  it('of several GPUs: every device named once, registers where all agree, upper certificates verified once', async () => {
    const other = report((parts) => {
      parts.blocks.set(3, new Uint8Array(48).fill(0xee))
      parts.opaque.set(3, text('550.1.3'))
    })
    const document = await mint.document({}, { number: 1 }, { ...other, number: 2 }, { number: 1 })
    const verdict = await verdictOf(document)
    expect(verdict.instanceId).toBe([0, 1, 2].map((number) => `NVIDIA:GH100:48B02D00000000${10 + number}`).join(','))
    expect(verdict.measurements.vbios).toBe(hexText('96.00.A5.00.01'))
    expect(verdict.measurements.driver).toBeUndefined()
    expect(verdict.measurements['measurement.2']).toBeUndefined()
    expect(verdict.measurements['measurement.1']).toBeDefined()

    let verified = 0
    const counting: AttestationCrypto = {
      ...crypto,
      verify: (...check) => {
        verified += 1
        return crypto.verify(...check)
      },
    }
    const context = { now: NOW, trustRoots: mint.roots, policy: devnetPolicy(), crypto: counting }
    await verifyGpu({ kind: 'nvidia-gpu', document, collateral: new Map() }, context)
    expect(verified).toBe(1 + 3 * 3 + 4)
  })

  it('leave out blocks of zeros', async () => {
    const zero = report((parts) => parts.blocks.set(5, new Uint8Array(48)))
    expect((await verdictOf(await mint.document(zero))).measurements['measurement.4']).toBeUndefined()
  })
})

describe('documents of NVIDIA devices', () => {
  const json = (value: unknown): Uint8Array => text(JSON.stringify(value))
  const entry = async () => (await mint.device()).entry
  const given = (document: Uint8Array): Promise<string> => judgeMinted(document, mint)

  it('may have further members that hold nothing else', async () => {
    const more = { version: '1.0', driver_version: '550.1.2', index: 0, is_ppcie: false, uuid: null }
    expect(await judge({ entry: (each) => Object.assign(each, more) })).toBe('accept')
    expect(await judge({ entry: (each) => Object.assign(each, { more: {} }) })).toBe('malformed-evidence')
    expect(await judge({ entry: (each) => Object.assign(each, { more: [] }) })).toBe('malformed-evidence')
    expect(await judge({ entry: (each) => Object.assign(each, { note: 'x'.repeat(257) }) })).toBe('malformed-evidence')
  })

  it('are arrays of 1 to 16 devices', async () => {
    const one = await entry()
    expect(await given(json([]))).toBe('malformed-evidence')
    expect(await given(json(one))).toBe('malformed-evidence')
    expect(await given(json([[one]]))).toBe('malformed-evidence')
    expect(await given(json(Array(17).fill(one)))).toBe('malformed-evidence')
    expect(await given(json(Array(16).fill(one)))).toBe('accept')
    expect(await given(text('[{'))).toBe('malformed-evidence')
  })

  it('have each member once, and no more bytes than 16 devices need', async () => {
    const twice = JSON.stringify([await entry()]).replace('"arch":', '"arch":"HOPPER","arch":')
    expect(await given(text(twice))).toBe('duplicate-key')
    expect(await given(new Uint8Array(262_145).fill(0x20))).toBe('evidence-too-large')
  })

  it.each([
    ['no nonce', { nonce: undefined }],
    ['a short nonce', { nonce: 'ab' }],
    ['a nonce that is no text', { nonce: 7 }],
    ['an unknown generation', { arch: 'AMPERE' }],
    ['a switch among GPUs', { arch: 'LS10' }],
    ['a name that every object has', { arch: 'constructor' }],
    ['a report that is not base64', { evidence: 'AA*A' }],
    ['a report too long', { evidence: 'AAAA'.repeat(5_462) }],
    ['no report', { evidence: undefined }],
    ['a chain that is no PEM', { certificate: 'AAAA' }],
    ['a chain that is not base64', { certificate: '....' }],
    ['no chain', { certificate: undefined }],
  ])('are refused with %s', async (_, over) => {
    expect(await judge({ entry: (each) => Object.assign(each, over) })).toBe('malformed-evidence')
  })

  it('R5: hold the nonce of each request, one for all devices', async () => {
    const nonce = 'cd'.repeat(32)
    expect(await judge({ entry: (each) => Object.assign(each, { nonce }) })).toBe('nonce-mismatch')
    const second = report((parts) => {
      parts.nonce = new Uint8Array(32).fill(0xcd)
    })
    expect(await judge({}, { ...second, number: 1 })).toBe('nonce-mismatch')
    expect(await judge(second)).toBe('report-data-mismatch')
  })

  it('have chains of five', async () => {
    expect(await judge({ chain: ([root, , ...rest]) => [root as Uint8Array, ...rest] })).toBe('malformed-evidence')
    expect(await judge({ chain: (ders) => [ders[0] as Uint8Array, ...ders] })).toBe('malformed-evidence')
  })
})

describe('SPDM measurements', () => {
  it.each<[string, DeviceDeviation]>([
    ['a request of another version', report((parts) => parts.request.splice(0, 1, 0x12))],
    ['another request', report((parts) => parts.request.splice(1, 1, 0xe1))],
    ['a request without a signature', report((parts) => parts.request.splice(2, 1, 0))],
    ['a response of another version', report((parts) => parts.response.splice(0, 1, 0x10))],
    ['another response', report((parts) => parts.response.splice(1, 1, 0x7f))],
    ['no blocks', report((parts) => parts.blocks.clear())],
    ['a block 0', report((parts) => parts.blocks.set(0, new Uint8Array(48)))],
    ['one block more than there are', { unsigned: (bytes) => bytes.with(41, 41) }],
    ['one block less', { unsigned: (bytes) => bytes.with(41, 39) }],
    ['a block twice', { unsigned: (bytes) => bytes.with(45 + 55, 1) }],
    ['a block of another specification', { unsigned: (bytes) => bytes.with(46, 2) }],
    ['a block longer than its frame', { unsigned: (bytes) => bytes.with(50, 49) }],
    ['a block shorter than its frame', { unsigned: (bytes) => bytes.with(50, 47) }],
    ['a record longer than the report', { unsigned: (bytes) => bytes.with(44, 1) }],
    ['a byte after its end', { signed: (bytes) => Uint8Array.of(...bytes, 0) }],
    ['a byte less', { signed: (bytes) => bytes.slice(0, -1) }],
    ['the request alone', { signed: (bytes) => bytes.slice(0, 37) }],
  ])('are refused with %s', async (_, deviation) => {
    expect(await judge(deviation)).toBe('malformed-evidence')
  })

  it.each<[string, (opaque: Map<number, Uint8Array>) => void]>([
    ['no driver', (opaque) => opaque.delete(3)],
    ['a driver that is no version', (opaque) => opaque.set(3, text('550 <x>'))],
    ['no VBIOS', (opaque) => opaque.delete(6)],
    ['a VBIOS of other length', (opaque) => opaque.set(6, new Uint8Array(5))],
    ['a newer layout', (opaque) => opaque.set(34, Uint8Array.of(3, 0))],
  ])('are refused with opaque data of %s', async (_, change) => {
    expect(await judge(report((parts) => change(parts.opaque)))).toBe('malformed-evidence')
  })

  it('are refused with a field that counts twice, or under an unknown header', async () => {
    const again = report((parts) => parts.opaque.set(259, new Uint8Array(1)))
    const twice = (bytes: Uint8Array): Uint8Array => {
      const at = Buffer.from(bytes).lastIndexOf(Buffer.from([3, 1, 1, 0]))
      return bytes.with(at + 1, 0)
    }
    expect(await judge({ ...again, unsigned: twice })).toBe('malformed-evidence')
    const header = (profile: number, version: number) =>
      report((parts) => {
        parts.opaqueHeader = [...text('NVDAOD'), profile, 0, version, 0, 0, 0]
      })
    expect(await judge(header(1, 2))).toBe('malformed-evidence')
    expect(await judge(header(0, 3))).toBe('malformed-evidence')
  })

  it("of a switch are refused without the text of its VBIOS's version", async () => {
    const binary = report((parts) => parts.opaque.set(6, Uint8Array.of(0x00, 0xa5, 0x00, 0x96, 0x01, 0, 0, 0)))
    const document = await mint.document({ ...binary, arch: 'LS10' })
    expect(await judgeMinted(document, mint, { kind: 'nvidia-switch' })).toBe('malformed-evidence')
  })
})

describe('chains of NVIDIA devices', () => {
  const certificate = (position: number, over: Parameters<NonNullable<DeviceDeviation['certificate']>>[0] | object) =>
    judge({ certificate: (request, at) => (at === position ? { ...request, ...over } : request) })

  it('R6: start from a pinned root, the same for all devices', async () => {
    const other = await createNvidiaMint()
    expect(await judgeMinted(await other.document(), mint)).toBe('untrusted-root')
    expect(await judgeMinted(await mint.document(), mint, { trustRoots: vendorRoots() })).toBe('untrusted-root')
    const [ours, theirs] = [await mint.device(), await other.device()]
    const both = text(JSON.stringify([ours.entry, theirs.entry]))
    expect(await judgeMinted(both, mint, { trustRoots: [...mint.roots, ...other.roots] })).toBe('untrusted-root')
  })

  it('are refused by the codes of certificates', async () => {
    expect(await certificate(4, { notAfter: NOW - 1_000 })).toBe('certificate-expired')
    expect(await certificate(3, { notBefore: NOW + 1_000 })).toBe('certificate-not-yet-valid')
    expect(await certificate(4, { ca: true })).toBe('leaf-is-ca')
    expect(await certificate(4, { role: [] })).toBe('leaf-key-usage')
    expect(await certificate(3, { ca: false })).toBe('not-a-ca')
    expect(await certificate(2, { role: roleExtensions({ ca: true, pathLength: 0 }) })).toBe('path-length')
    expect(await certificate(3, { extensions: [extension('1.2.3.4', Uint8Array.of(5, 0), true)] })).toBe(
      'unknown-critical-extension',
    )
    expect(await certificate(3, { issuer: mint.root })).toBe('issuer-mismatch')
    expect(
      await judge({
        chain: ([root, one, two, three, leaf]) => [root, one, two, three?.with(-1, 0), leaf] as Uint8Array[],
      }),
    ).toMatch(/bad-certificate-signature|malformed-certificate/)
    expect(
      await judge({ chain: ([root, ...rest]) => [root, ...rest.with(-1, Uint8Array.of(0x30, 0))] as Uint8Array[] }),
    ).toBe('malformed-certificate')
  })

  it('are refused with a certificate or a device on the list of revoked ones', async () => {
    const { chain, entry } = await mint.device({ number: 3 })
    const document = text(JSON.stringify([(await mint.device()).entry, entry]))
    const revokedCertificates = [sha256((chain[2] as { der: Uint8Array }).der)]
    expect(await judgeMinted(document, mint, { policy: { revokedCertificates } })).toBe('certificate-revoked')
    for (const name of ['NVIDIA:GH100:48B02D0000000013', '41293'])
      expect(await judgeMinted(document, mint, { policy: { revokedChips: [name] } }), name).toBe('chip-revoked')
    const leaf = chain[4] as { der: Uint8Array }
    const serial = Buffer.from(leaf.der).indexOf(Buffer.from([0x02, 0x03, 0x41]))
    const ueid = BigInt(`0x${Buffer.from(leaf.der.subarray(serial + 2, serial + 5)).toString('hex')}`).toString()
    expect(await judgeMinted(document, mint, { policy: { revokedChips: [ueid] } })).toBe('chip-revoked')
  })

  it('are of the generation the document says', async () => {
    expect(await judge({ arch: 'BLACKWELL', entry: (each) => Object.assign(each, { arch: 'HOPPER' }) })).toBe(
      'arch-mismatch',
    )
    expect(await certificate(3, { subject: 'CN=GB100 A01 GSP BROM' })).toBe('arch-mismatch')
    const anonymous: DeviceDeviation['certificate'] = (request, at) =>
      at < 3 ? request : { ...request, subject: `CN=chip ${at}`, extensions: [] }
    expect(await judge({ certificate: anonymous })).toBe('arch-mismatch')
  })

  it('sign the report with the leaf', async () => {
    expect(await judge({ signer: 3 })).toBe('bad-signature')
    expect(await judge({ signed: (bytes) => bytes.with(60, 0xff) })).toBe('bad-signature')
  })

  it('are for the firmware that is reported', async () => {
    const firmware = (value: Uint8Array) => report((parts) => parts.opaque.set(20, value))
    expect(await judge(firmware(new Uint8Array(48)))).toBe('fwid-mismatch')
    expect(await judge(firmware(new Uint8Array(32).fill(0xf1)))).toBe('fwid-mismatch')
    expect(await judge({ ...firmware(new Uint8Array(48)), arch: 'BLACKWELL' })).toBe('fwid-mismatch')
    const broken = (value: Uint8Array<ArrayBuffer>) =>
      certificate(4, { extensions: [extension('2.23.133.5.4.1', value)] })
    expect(await broken(Uint8Array.of(0x30, 3, 2, 1, 1))).toBe('malformed-certificate')
    expect(await broken(Uint8Array.of(4, 0))).toBe('malformed-certificate')
  })

  it('say so where leaf or report names no firmware', async () => {
    const silent = report((parts) => parts.opaque.delete(20))
    expect((await verdictOf(await mint.document(silent))).notChecked).toContain('fwid')
    const plain: DeviceDeviation = {
      certificate: (request, at) => (at === 4 ? { ...request, extensions: [] } : request),
    }
    const verdict = await verdictOf(await mint.document(plain))
    expect(verdict.notChecked).toContain('fwid')
    expect(verdict.instanceId).toMatch(/^\d+$/)
  })
})
