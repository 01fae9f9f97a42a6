import { beforeAll, describe, expect, it } from 'vitest'
import { type CollateralItem, vendorRoots } from '../../../../src/attestation/index.ts'
import { NOW } from '../../../support/nitroMint.ts'
import {
  bytesOf,
  driverManifest,
  hexOf,
  type ManifestRequest,
  mintManifest,
  vbiosManifest,
} from '../../../support/nvidiaCollateral.ts'
import {
  createNvidiaMint,
  type DeviceDeviation,
  type JudgeOptions,
  judgeMinted,
  measurement,
  type NvidiaMint,
  verifyMinted,
} from '../../../support/nvidiaMint.ts'

const YEAR = 365 * 86_400_000

let mint: NvidiaMint
let document: Uint8Array
let vbios: Uint8Array
beforeAll(async () => {
  mint = await createNvidiaMint()
  document = await mint.document()
  vbios = (await mintManifest(mint, vbiosManifest)).xml
})

const items = (given: { readonly [item in CollateralItem]?: Uint8Array }) =>
  new Map(Object.entries(given) as [CollateralItem, Uint8Array][])
const driverOf = async (over: Partial<ManifestRequest>): Promise<Uint8Array> =>
  (await mintManifest(mint, { ...driverManifest, ...over })).xml
const judgeXml = (xml: Uint8Array, options: JudgeOptions = {}, device: Uint8Array = document): Promise<string> =>
  judgeMinted(device, mint, { ...options, collateral: items({ 'nvidia/driver-rim': xml, 'nvidia/vbios-rim': vbios }) })
const judge = async (over: Partial<ManifestRequest>, options?: JudgeOptions, device?: Uint8Array): Promise<string> =>
  judgeXml(await driverOf(over), options, device)

describe('reference manifests of NVIDIA', () => {
  it('are checked when driver and VBIOS have theirs, and end the verdict with their own end', async () => {
    const notAfter = NOW + 1_000_000
    const driver = await driverOf({ certificate: (request, at) => (at === 2 ? { ...request, notAfter } : request) })
    const both = items({ 'nvidia/driver-rim': driver, 'nvidia/vbios-rim': vbios })
    const verdict = await verifyMinted(document, mint, { collateral: both })
    if (!verdict.ok) throw verdict.error
    expect(verdict.value.checked).toEqual(expect.arrayContaining(['rim', 'not-debug']))
    expect(verdict.value.notChecked).toContain('ocsp')
    expect(verdict.value.expiresAt).toBe(notAfter)
  })

  it('are not checked when one of them is missing, yet what there is must fit', async () => {
    const driver = await driverOf({})
    for (const some of [items({ 'nvidia/driver-rim': driver }), items({ 'nvidia/vbios-rim': vbios })]) {
      const verdict = await verifyMinted(document, mint, { collateral: some })
      if (!verdict.ok) throw verdict.error
      expect(verdict.value.notChecked).toEqual(expect.arrayContaining(['rim', 'not-debug']))
    }
    const wrong = items({ 'nvidia/driver-rim': await driverOf({ version: '550.1.3' }) })
    expect(await judgeMinted(document, mint, { collateral: wrong })).toBe('rim-mismatch')
  })

  it('of a switch are of its VBIOS alone', async () => {
    const device = await mint.document({ arch: 'LS10' })
    const manifest = await mintManifest(mint, { ...vbiosManifest, version: '96.10.55.00.01' })
    const collateral = items({ 'nvidia/vbios-rim': manifest.xml })
    const verdict = await verifyMinted(device, mint, { kind: 'nvidia-switch', collateral })
    if (!verdict.ok) throw verdict.error
    expect(verdict.value.checked).toContain('rim')
    const other = items({ 'nvidia/vbios-rim': vbios })
    expect(await judgeMinted(device, mint, { kind: 'nvidia-switch', collateral: other })).toBe('rim-mismatch')
  })

  it('are asked for by a policy that wants GPUs appraised', async () => {
    const policy = { requireGpuAppraisal: true }
    expect(await judgeMinted(document, mint, { policy })).toBe('collateral-missing')
    expect(await judge({}, { policy })).toBe('collateral-missing')
  })

  it('must meet each active measurement of each device by one alternative', async () => {
    const wrong = new Map([...driverManifest.active, [8, ['11'.repeat(48)]] as const])
    const absent = new Map([...driverManifest.active, [63, [hexOf(measurement(63))]] as const])
    expect(await judge({})).toBe('accept')
    expect(await judge({ active: wrong })).toBe('rim-mismatch')
    expect(await judge({ active: absent })).toBe('rim-mismatch')
    expect(await judge({ inactive: [8, 63] })).toBe('accept')
    const second: DeviceDeviation = { number: 1, report: ({ blocks }) => blocks.set(8, new Uint8Array(48)) }
    expect(await judge({}, {}, await mint.document({}, second))).toBe('rim-mismatch')
  })

  it('are for the versions that are reported, and share no measurement', async () => {
    expect(await judge({ version: '550.1.20' })).toBe('rim-mismatch')
    expect(await judge({ active: vbiosManifest.active, inactive: [] })).toBe('rim-mismatch')
    const swapped = items({ 'nvidia/driver-rim': vbios, 'nvidia/vbios-rim': await driverOf({}) })
    expect(await judgeMinted(document, mint, { collateral: swapped })).toBe('rim-mismatch')
  })

  it('pass over the video decoder of a chip without one, and of no other', async () => {
    const decoder = await mint.document({ report: ({ opaque }) => opaque.set(11, Uint8Array.of(0xaa)) })
    const silent = await mint.document({ report: ({ opaque }) => opaque.delete(11) })
    const unknown = await mint.document({ report: ({ opaque }) => opaque.set(11, Uint8Array.of(0)) })
    for (const device of [decoder, silent, unknown]) expect(await judge({}, {}, device)).toBe('rim-mismatch')
    const measured = new Map([...driverManifest.active, [35, [hexOf(measurement(35))]] as const])
    expect(await judge({ active: measured }, {}, decoder)).toBe('accept')
  })

  it('are signed by the leaf of a chain under the pinned root for manifests', async () => {
    expect(await judge({ signer: 1 })).toBe('bad-rim-signature')
    expect(await judge({ altered: (xml) => xml.replace('product="GH100"', 'product="GH200"') })).toBe(
      'bad-rim-signature',
    )
    const other = await createNvidiaMint()
    expect(await judgeXml((await mintManifest(other, driverManifest)).xml)).toBe('untrusted-root')
    const disguised: NvidiaMint = { ...mint, rimRoot: mint.root }
    expect(await judgeXml((await mintManifest(disguised, driverManifest)).xml)).toBe('untrusted-root')
  })

  it('R6: need a root of their own among those trusted', async () => {
    const device = mint.roots[0]
    const manifest = vendorRoots().find((root) => root.vendor === 'nvidia-rim')
    if (device === undefined || manifest === undefined) throw new RangeError('expected two roots')
    expect(await judge({}, { trustRoots: [device, manifest] })).toBe('untrusted-root')
  })

  it('are refused by the codes of certificates', async () => {
    const with2 = (over: object): Partial<ManifestRequest> => ({
      certificate: (request, at) => (at === 2 ? { ...request, ...over } : request),
    })
    expect(await judge(with2({ notAfter: NOW - 1_000 }))).toBe('certificate-expired')
    expect(await judge(with2({ notBefore: NOW + 1_000 }))).toBe('certificate-not-yet-valid')
    expect(await judge(with2({ ca: true }))).toBe('leaf-is-ca')
    expect(await judge({}, { now: NOW + 2 * YEAR })).toBe('certificate-expired')
  })

  it.each<[string, (xml: string) => string]>([
    ['another root element', (xml) => xml.replaceAll('SoftwareIdentity', 'Identity')],
    ['a further element', (xml) => xml.replace('<ns0:Payload>', '<ns0:Evidence></ns0:Evidence><ns0:Payload>')],
    ['text beside its elements', (xml) => xml.replace('<ns0:Payload>', 'text<ns0:Payload>')],
    ['two payloads', (xml) => xml.replace('<ns0:Payload>', '<ns0:Payload></ns0:Payload><ns0:Payload>')],
    ['no version', (xml) => xml.replace(/ colloquialVersion="[^"]*"/, '')],
    ['another resource', (xml) => xml.replace('type="Measurement"', 'type="OpaqueData"')],
    ['another element among the resources', (xml) => xml.replaceAll('ns0:Resource', 'ns0:File')],
    ['an index twice', (xml) => xml.replace('index="21"', 'index="7"')],
    ['an index too high', (xml) => xml.replace('index="21"', 'index="256"')],
    ['an index that is no number', (xml) => xml.replace('index="21"', 'index="2e1"')],
    ['neither active nor not', (xml) => xml.replace('active="True"', 'active="true"')],
    ['fewer values than alternatives', (xml) => xml.replace('alternatives="2"', 'alternatives="3"')],
    ['no alternatives', (xml) => xml.replace('alternatives="2"', 'alternatives="0"')],
    ['a value of other length', (xml) => xml.replace('size="48"', 'size="32"')],
    ['a value that is not hex', (xml) => xml.replace('Hash0="08', 'Hash0="zz')],
    ['no active measurement', (xml) => xml.replaceAll('active="True"', 'active="False"')],
  ])('are refused with %s', async (_, change) => {
    expect(await judge({ text: change })).toBe('malformed-rim')
  })

  it('are refused above 256 KiB, and when they are no XML', async () => {
    expect(await judgeXml(new Uint8Array(262_145).fill(0x20))).toBe('malformed-rim')
    expect(await judgeXml(bytesOf('{}'))).toBe('malformed-rim')
  })
})

describe('signatures in manifests', () => {
  it.each<[string, (xml: string) => string]>([
    ['no signature', (xml) => xml.replace(/<ds:Signature .*<\/ds:Signature>/s, '')],
    ['two signatures', (xml) => xml.replace(/(<ds:Signature .*<\/ds:Signature>)/s, '$1$1')],
    [
      'a signature inside another element',
      (xml) => xml.replace(/(<ds:Signature .*<\/ds:Signature>)/s, '<ns0:Meta>$1</ns0:Meta>'),
    ],
    [
      'a second signature out of sight',
      (xml) => xml.replace('</ns0:Entity>', '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></ns0:Entity>'),
    ],
    ['a reference to a part', (xml) => xml.replace('URI=""', 'URI="#payload"')],
    ['a reference without address', (xml) => xml.replace(' URI=""', '')],
    ['a reference of a type', (xml) => xml.replace('URI=""', 'URI="" Type="x"')],
    ['two references', (xml) => xml.replace(/(<ds:Reference.*<\/ds:Reference>)/s, '$1$1')],
    ['a third transform', (xml) => xml.replace('</ds:Transforms>', '<ds:Transform Algorithm="x"/></ds:Transforms>')],
    ['no transform for itself', (xml) => xml.replace('#enveloped-signature', '#base64')],
    ['another canonicalisation', (xml) => xml.replace('2006/12/xml-c14n11"', '2001/10/xml-exc-c14n#"')],
    ['comments in canonical form', (xml) => xml.replaceAll('xml-c14n11"', 'xml-c14n11#WithComments"')],
    ['a transform with parameters', (xml) => xml.replace('enveloped-signature">', 'enveloped-signature"><x/>')],
    ['a signature of another algorithm', (xml) => xml.replace('ecdsa-sha384', 'hmac-sha384')],
    ['a digest of another algorithm', (xml) => xml.replace('more#sha384', 'more#sha224')],
    ['a digest of other length', (xml) => xml.replace(/<ds:DigestValue>.{4}/, '<ds:DigestValue>')],
    ['a signature of other length', (xml) => xml.replace(/<ds:SignatureValue>.{4}/, '<ds:SignatureValue>')],
    ['a digest that is not base64', (xml) => xml.replace('<ds:DigestValue>', '<ds:DigestValue>*')],
    ['an element in the digest', (xml) => xml.replace('<ds:DigestValue>', '<ds:DigestValue><x/>')],
    ['no certificates', (xml) => xml.replace(/<ds:X509Certificate>.*<\/ds:X509Certificate>/s, '')],
    ['a key instead of certificates', (xml) => xml.replaceAll('ds:X509Certificate', 'ds:X509SKI')],
    ['no keys', (xml) => xml.replace(/<ds:KeyInfo>.*<\/ds:KeyInfo>/s, '')],
    ['an object', (xml) => xml.replace('</ds:Signature>', '<ds:Object/></ds:Signature>')],
  ])('are refused with %s', async (_, change) => {
    expect(await judge({ altered: change })).toBe('malformed-rim')
  })

  it('cover what they say of themselves', async () => {
    const digest = (xml: string): string => xml.replace(/<ds:DigestValue>.{64}/, `<ds:DigestValue>${'A'.repeat(64)}`)
    expect(await judge({ altered: digest })).toBe('bad-rim-signature')
    const method = (xml: string): string => xml.replace('2006/12/xml-c14n11', 'TR/2001/REC-xml-c14n-20010315')
    expect(await judge({ altered: method })).toBe('bad-rim-signature')
    expect(await judge({ signedInfo: method })).toBe('accept')
  })
})
