import { encode } from 'cborg'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeCollateral } from '../../../src/attestation/index.ts'
import { generateP384, issueCertificate, roleExtensions } from '../../../src/attestation/x509/issue.ts'
import { type FileContent, fileContents } from '../../../src/node/attestationFiles.ts'
import { encodedBytes, pemText } from '../../../src/node/attestationForms.ts'
import { assembleEvidence } from '../../../src/node/evidenceAssembly.ts'
import { chainAbove, embeddedCertificates } from '../../../src/node/evidenceCertificates.ts'
import { signedTime } from '../../../src/node/evidenceTimes.ts'
import { givenKeySets } from '../../../src/node/tokenKeys.ts'
import { utf8 } from '../../../src/protocol/index.ts'
import { createMint, HOUR, NOW, subtle } from '../../support/nitroMint.ts'

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64')
const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value))
const token = (claims: object): string =>
  [{ alg: 'RS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
    .concat(`.${Buffer.alloc(256).toString('base64url')}`)

const shown = (contents: readonly FileContent[]): string[] =>
  contents.map((content) => {
    if (content.form === 'evidence') return content.kind
    if (content.form === 'collateral') return [...content.items.keys()].join(' ')
    return content.form
  })
const sniff = (bytes: Uint8Array | string): string[] =>
  shown(fileContents(typeof bytes === 'string' ? utf8(bytes) : bytes))

describe('files of rubbish', () => {
  const MEBIBYTE = 1_048_576
  const DIGITS = 'abcdef01'

  it.each([
    ['base64 that ends wrong', `${'QUJD'.repeat(MEBIBYTE)}!`],
    ['beginnings of PEM', '-----BEGIN CERTIFICATE-----\n'.repeat(MEBIBYTE / 8)],
    ['blocks of PEM', '-----BEGIN A-----\nAA\n-----END A-----\n'.repeat(MEBIBYTE / 16)],
    ['open arrays', '['.repeat(MEBIBYTE)],
    ['more than any format has', DIGITS.repeat(MEBIBYTE)],
  ])('holds nothing: %s', (_, text) => {
    expect(sniff(text)).toEqual([])
  })

  it('do not hold up who reads them: headers of sequences, manifests that never close, documents of dashes', () => {
    expect(sniff('<SoftwareIdentity '.repeat(MEBIBYTE / 8))).toEqual(['nvidia/driver-rim'])
    const bytes = new Uint8Array(MEBIBYTE).map((_, index) => [0x30, 0x82, 0, 0][index % 4] ?? 0)
    expect(sniff(bytes)).toEqual([])
    expect(embeddedCertificates(new Uint8Array(2 * MEBIBYTE).fill(0x2d))).toEqual([])
  })

  it('are decoded whole where they are hex or base64 of megabytes', () => {
    expect(encodedBytes(DIGITS.repeat(MEBIBYTE))).toHaveLength(4 * MEBIBYTE)
    expect(encodedBytes(`${'-_'.repeat(MEBIBYTE)}==`)).toHaveLength((MEBIBYTE * 2 * 3) / 4)
    expect(encodedBytes('-----BEGIN CERTIFICATE-----\n'.repeat(MEBIBYTE))).toBeDefined()
  })
})

/** The first 64 bytes of a quote are all that tells its kind. */
function quote(version: number, teeType: number, body = 0): Uint8Array {
  const bytes = new Uint8Array(1020)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, version, true)
  view.setUint16(2, 2, true)
  view.setUint32(4, teeType, true)
  view.setUint16(48, body, true)
  return bytes
}

let root: Uint8Array
let intermediate: Uint8Array
let leaf: Uint8Array
let nitro: Uint8Array
beforeAll(async () => {
  const keys = await Promise.all([0, 1, 2].map(() => generateP384(subtle)))
  const names = ['CN=ARK-Test', 'CN=SEV-Test', 'CN=SEV-VCEK']
  const issue = (position: number): Promise<Uint8Array> =>
    issueCertificate(
      {
        subject: names[position]!,
        issuer: names[Math.max(0, position - 1)]!,
        notBefore: NOW - (3 - position) * HOUR,
        notAfter: NOW + HOUR,
        serial: new Uint8Array(16).fill(0x41 + position),
        publicKey: keys[position]!.publicKey,
        signingKey: keys[Math.max(0, position - 1)]!.privateKey,
        extensions: roleExtensions(position === 2 ? { ca: false } : { ca: true, pathLength: undefined }),
      },
      subtle,
    )
  root = await issue(0)
  intermediate = await issue(1)
  leaf = await issue(2)
  nitro = await (await createMint()).mint()
})

describe('files that are large and nothing', () => {
  it.each([
    ['almost hex', `${'a'.repeat(16_000_000)}!`],
    ['almost a token', '0'.repeat(4_000_000)],
    ['tags that do not end', '<SoftwareIdentity '.repeat(50_000)],
    ['tokens of no letters', '0.0$'.repeat(1_000_000)],
  ])('are passed over once: %s', (_, text) => {
    const bytes = utf8(text)
    for (const content of fileContents(bytes)) expect(content.form).toBe('collateral')
    expect(encodedBytes(`${text}!`)).toBeUndefined()
    expect(givenKeySets('nras', bytes, [])).toEqual([])
  })
})

describe('a file is known by its content', () => {
  it('as evidence in binary', () => {
    expect(sniff(nitro)).toEqual(['nitro'])
    expect(sniff(Uint8Array.from([0xd2, ...nitro]))).toEqual(['nitro'])
    expect(sniff(quote(3, 0))).toEqual(['sgx'])
    expect(sniff(quote(4, 0x81))).toEqual(['tdx'])
    expect(sniff(quote(4, 0))).toEqual(['sgx'])
    expect([1, 2, 3, 9].map((body) => sniff(quote(5, 0, body)))).toEqual([['sgx'], ['tdx'], ['tdx'], []])
    expect(sniff(new Uint8Array(1184).fill(2))).toEqual(['sev-snp'])
    const response = new Uint8Array(1216)
    response.set([0xa0, 0x04], 4)
    expect(sniff(response)).toEqual(['sev-snp'])
    expect(sniff(Uint8Array.from([0x11, 0xe0, 1, 0xff, ...new Uint8Array(200)]))).toEqual(['gpu-report'])
  })

  it('as the same in hex, base64, base64url, and in lines', () => {
    const bytes = quote(4, 0x81)
    const hex = Buffer.from(bytes).toString('hex')
    for (const text of [
      hex,
      `0x${hex}\n`,
      hex.toUpperCase(),
      hex.replaceAll(/(.{64})/g, '$1\n'),
      base64(bytes),
      base64(bytes).replaceAll(/(.{76})/g, '$1\r\n'),
      Buffer.from(nitro).toString('base64url'),
      JSON.stringify(hex),
    ]) {
      expect(sniff(text), text.slice(0, 20)).toEqual([text.startsWith('hE') ? 'nitro' : 'tdx'])
    }
    expect(encodedBytes('not bytes')).toBeUndefined()
  })

  it('as evidence in JSON, without touching its bytes', () => {
    const dstack = json({ quote: '04', event_log: '[]', report_data: '' })
    expect(fileContents(dstack)).toEqual([{ form: 'evidence', kind: 'tdx-dstack', document: dstack }])
    expect(sniff(json({ version: 1, tpm_quote: {}, hcl_report: 'x', td_quote: 'y' }))).toEqual(['azure-tdx-vtpm'])
    expect(sniff(json({ version: 1, tpm_quote: {}, hcl_report: 'x', vcek: 'y' }))).toEqual(['azure-snp-vtpm'])
    expect(sniff(json({ quote: {}, report: [1], vcek: 'y' }))).toEqual(['azure-snp-vtpm'])
    expect(sniff(json([{ arch: 'HOPPER', certificate: '', evidence: '', nonce: '' }]))).toEqual(['nvidia-gpu'])
    expect(sniff(json({ evidences: [{ arch: 'BLACKWELL', evidence: '' }] }))).toEqual(['nvidia-gpu'])
    expect(sniff(json([{ arch: 'LS10', certificate: '', evidence: '', nonce: '' }]))).toEqual(['nvidia-switch'])
    expect(sniff(json([['JWT', 'a.b.c'], {}]))).toEqual(['nras'])
    expect(sniff(json({ quote: base64(quote(4, 0x81)) }))).toEqual(['tdx'])
  })

  it('as a token by its issuer', () => {
    expect(sniff(token({ iss: 'https://sharedeus.eus.attest.azure.net' }))).toEqual(['maa'])
    expect(sniff(json({ token: token({ iss: 'https://sharedweu.weu.attest.azure.net' }) }))).toEqual(['maa'])
    expect(sniff(token({ iss: 'https://confidentialcomputing.googleapis.com' }))).toEqual(['gcp'])
    expect(sniff(token({ iss: 'https://example.org' }))).toEqual([])
  })

  it('as certificates, PEM or DER, one or several', () => {
    const pem = pemText('CERTIFICATE', [leaf, intermediate, root])
    for (const bytes of [utf8(`Bag attributes\n${pem}`), Uint8Array.from([...leaf, ...intermediate, ...root])]) {
      const [found] = fileContents(bytes)
      expect(found?.form === 'certificates' && found.certificates.map(({ isCa }) => isCa)).toEqual([false, true, true])
    }
    expect(sniff(leaf)).toEqual(['certificates'])
    expect(sniff(base64(leaf))).toEqual(['certificates'])
  })

  it('as collateral', () => {
    expect(sniff(json({ tcbInfo: {}, signature: '00' }))).toEqual(['intel/tcb-info'])
    expect(sniff(json({ enclaveIdentity: {}, signature: '00' }))).toEqual(['intel/qe-identity'])
    expect(sniff(json({ keys: [] }))).toEqual(['jwks'])
    expect(sniff(Uint8Array.from([...new Uint8Array(32), ...utf8('Spec ID Event03'), 0]))).toEqual(['tdx/event-log'])
    expect(sniff('<?xml version="1.0"?><SoftwareIdentity name="NV_GPU_DRIVER_GH100_1" x="y"/>')).toEqual([
      'nvidia/driver-rim',
    ])
    expect(sniff('<ns:SoftwareIdentity tagId="1" name="NV_GPU_VBIOS_1010"></ns:SoftwareIdentity>')).toEqual([
      'nvidia/vbios-rim',
    ])
    expect(sniff(encodeCollateral(new Map([['jwks', utf8('{}')]])))).toEqual(['jwks'])
    expect(sniff(Uint8Array.from([0x30, 0x82, 0, 3, 0x0a, 1, 0]))).toEqual(['ocsp'])
  })

  it('as one object of everything, signed texts put together byte by byte', () => {
    const pem = pemText('CERTIFICATE', [leaf])
    const [found] = fileContents(
      json({
        pck_crl_issuer_chain: pem,
        root_ca_crl: '30',
        pck_crl: '31',
        tcb_info_issuer_chain: pem,
        tcb_info: '{"id": "TDX"}',
        tcb_info_signature: 'ab',
        qe_identity_issuer_chain: pem,
        qe_identity: '{"id":"TD_QE"}',
        qe_identity_signature: 'cd',
      }),
    )
    if (found?.form !== 'collateral') throw new Error('expected collateral')
    expect([...found.items.keys()].sort()).toEqual([
      'intel/pck-crl',
      'intel/pck-crl-chain',
      'intel/qe-identity',
      'intel/qe-identity-chain',
      'intel/root-crl',
      'intel/tcb-info',
      'intel/tcb-info-chain',
    ])
    const text = new TextDecoder().decode(found.items.get('intel/tcb-info'))
    expect(text).toBe('{"tcbInfo":{"id": "TDX"},"signature":"ab"}')
    expect(found.items.get('intel/root-crl')).toEqual(Uint8Array.from([0x30]))
  })

  it('as nothing, where it is nothing known', () => {
    for (const rubbish of ['', 'hello', '{', '[]', '{}', '<html/>', '-----BEGIN X-----', 'null']) {
      expect(sniff(rubbish), rubbish).toEqual([])
    }
    expect(sniff(new Uint8Array(0))).toEqual([])
    expect(sniff(new Uint8Array(500))).toEqual([])
    expect(sniff(Uint8Array.from([0x30, 0x82, 0xff, 0xff]))).toEqual([])
  })
})

describe('evidence put together from files', () => {
  const assemble = (evidence: Uint8Array, given: readonly Uint8Array[], vendor: readonly Uint8Array[] = []) =>
    assembleEvidence({
      bytes: evidence,
      contents: fileContents(evidence),
      given: given.flatMap((bytes) => fileContents(bytes)),
      vendor: vendor.flatMap((bytes) => embeddedCertificates(utf8(pemText('CERTIFICATE', [bytes])))),
    })

  it('finds the intermediate that issued the leaf among what was given, else among those at hand', () => {
    const report = new Uint8Array(1184).fill(2)
    const items = (input: ReturnType<typeof assemble>): FileContent | undefined =>
      fileContents(input?.collateral ?? new Uint8Array(0))[0]
    for (const found of [
      items(assemble(report, [leaf], [root, intermediate])),
      items(assemble(report, [leaf, utf8(pemText('CERTIFICATE', [intermediate, root]))])),
    ]) {
      if (found?.form !== 'collateral') throw new Error('expected collateral')
      expect(found.items.get('amd/vek')).toEqual(leaf)
      const chain = new TextDecoder().decode(found.items.get('amd/chain'))
      expect(chain).toBe(pemText('CERTIFICATE', [intermediate, root]))
    }
  })

  it('leaves out zeros behind a report, and nothing else', () => {
    const report = new Uint8Array(45 + 6 + 32 + 2 + 3 + 96).fill(9)
    report.set([0x11, 0xe0], 0)
    report.set([6, 0, 0], 42)
    report.set([3, 0], 45 + 6 + 32)
    const found = (tail: readonly number[]): readonly FileContent[] =>
      fileContents(Uint8Array.from([...report, ...tail]))
    expect(found([0, 0])).toEqual([{ form: 'gpu-report', report }])
    expect(found([0, 1])).toEqual([{ form: 'gpu-report', report: Uint8Array.from([...report, 0, 1]) }])
  })

  it('makes the document of a GPU from its report and its chain', () => {
    const report = Uint8Array.from([0x11, 0xe0, 1, 0xff, ...new Uint8Array(32).fill(7), 0, 0x11, 0x60])
    const input = assemble(utf8(Buffer.from(report).toString('hex')), [utf8(pemText('CERTIFICATE', [leaf, root]))])
    expect(input?.kind).toBe('nvidia-gpu')
    const [device] = JSON.parse(new TextDecoder().decode(input?.document)) as Record<string, string>[]
    expect(device?.nonce).toBe('07'.repeat(32))
    expect(Buffer.from(device?.evidence ?? '', 'base64')).toEqual(Buffer.from(report))
    expect(Buffer.from(device?.certificate ?? '', 'base64').toString()).toBe(pemText('CERTIFICATE', [leaf, root]))
  })

  it('hands on what it does not recognise where the kind is named, and nothing where it is not', () => {
    const rubbish = Uint8Array.from([1, 2, 3])
    const files = { bytes: rubbish, contents: [], given: [], vendor: [] }
    expect(assembleEvidence(files)).toBeUndefined()
    expect(assembleEvidence({ ...files, kind: 'sgx' })).toMatchObject({ kind: 'sgx', document: rubbish })
    const hex = { ...files, bytes: utf8('010203'), kind: 'sgx' } as const
    expect(assembleEvidence(hex)).toMatchObject({ document: rubbish })
  })

  it('bundles answers about revocation', () => {
    const answer = Uint8Array.from([0x30, 0x82, 0, 3, 0x0a, 1, 0])
    const input = assemble(json([{ arch: 'HOPPER', evidence: '' }]), [answer])
    expect(input?.collateral).toEqual(encodeCollateral(new Map([['nvidia/ocsp', encode([answer])]])))
  })

  it('tells when it was in force: by its own time, its tokens, or the latest beginning of a certificate', () => {
    const none = new Map()
    expect(signedTime({ kind: 'nitro', document: nitro }, none)).toBe(NOW)
    expect(signedTime({ kind: 'maa', document: utf8(token({ nbf: 1_000_000, iat: 900 })) }, none)).toBe(1_000_000_000)
    const document = json([{ certificate: base64(pemText('CERTIFICATE', [leaf, root])) }])
    expect(signedTime({ kind: 'nvidia-gpu', document }, none)).toBe(NOW - HOUR)
    expect(signedTime({ kind: 'tdx', document: new Uint8Array(9) }, new Map([['amd/vek', intermediate]]))).toBe(
      NOW - 2 * HOUR,
    )
    expect(signedTime({ kind: 'tdx', document: new Uint8Array(9) }, none)).toBeUndefined()
  })

  it('reads certificates out of numbers as well, and follows names upwards without going round', () => {
    expect(embeddedCertificates(json({ vcek: base64(leaf) }))).toHaveLength(1)
    const numbers = json({ vcek: [...utf8(pemText('CERTIFICATE', [leaf]))] })
    expect(embeddedCertificates(numbers)).toHaveLength(1)
    const certificates = embeddedCertificates(utf8(pemText('CERTIFICATE', [leaf, root, intermediate])))
    expect(chainAbove(certificates[0]!, certificates).map(({ der }) => der)).toEqual([leaf, intermediate, root])
  })
})
