import 'reflect-metadata'
import { Extension } from '@peculiar/x509'
import { decode, encode } from 'cborg'
import { beforeAll, describe, expect, it } from 'vitest'
import { COSE_ES384 } from '../../../src/attestation/cose.ts'
import {
  type AttestationErrorCode,
  devnetPolicy,
  evidenceDigest,
  productionPolicy,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { parseCertificate } from '../../../src/attestation/x509/certificate.ts'
import { type CertificateRequest, roleExtensions } from '../../../src/attestation/x509/issue.ts'
import { bytesToHex, H, keccak, sha256 } from '../../../src/protocol/index.ts'
import {
  createMint,
  crypto,
  type Deviation,
  HOUR,
  judge,
  type Mint,
  NOW,
  POLICY,
  REPORT_DATA,
  subtle,
} from '../../support/nitroMint.ts'

let mint: Mint
let good: Uint8Array
beforeAll(async () => {
  mint = await createMint()
  good = await mint.mint()
})

const at =
  (
    wanted: number,
    change: (request: CertificateRequest) => Partial<CertificateRequest>,
  ): NonNullable<Deviation['certificate']> =>
  (request, position) =>
    position === wanted ? { ...request, ...change(request) } : request

const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

/** Replaces the four parts of a COSE_Sign1. */
const outer = (change: (parts: unknown[]) => unknown): NonNullable<Deviation['document']> => {
  return (bytes) => encode(change(decode(bytes, { useMaps: true }) as unknown[]))
}

const field = (name: string, value: unknown): Deviation => ({ fields: (payload) => payload.set(name, value) })
const pcrs = (change: (map: Map<unknown, unknown>) => void): Deviation => ({
  fields: (payload) => change(payload.get('pcrs') as Map<unknown, unknown>),
})

describe('verifyEvidence, Nitro format', () => {
  it('R6: accepts a good document under a devnet root, as simulated, and says what was not checked', async () => {
    const result = await verifyEvidence(
      { kind: 'nitro', document: good },
      {
        now: NOW + 5,
        trustRoots: [...vendorRoots(), mint.root],
        policy: POLICY,
        expectedReportData: REPORT_DATA,
        crypto,
      },
    )
    if (!result.ok) throw result.error
    expect(result.value).toMatchObject({
      kind: 'nitro',
      assurance: 'simulated',
      root: mint.root,
      reportData: bytesToHex(REPORT_DATA),
      keyBinding: { reportData: 'matched', publicKey: undefined, nonce: undefined },
      instanceId: 'i-test-enc1',
      freshness: { basis: 'signed-time', at: NOW, ageMs: 5 },
      expiresAt: NOW + 2 * HOUR,
    })
    expect(result.value.measurements).toMatchObject({ pcr0: `0x${'07'.repeat(48)}`, pcr3: `0x${'00'.repeat(48)}` })
    expect(result.value.notChecked).toEqual(['certificate-revocation', 'measurements', 'hardware'])
  })

  const header = (entries: [unknown, unknown][]): Deviation => ({ protectedHeader: new Map(entries) })
  const cases: [string, AttestationErrorCode, Deviation][] = [
    ['bytes that are no CBOR', 'malformed-cose', { document: () => new Uint8Array([0xff, 0x00]) }],
    ['no bytes', 'malformed-cose', { document: () => new Uint8Array() }],
    ['nested arrays without end', 'malformed-cose', { document: () => new Uint8Array(12_000).fill(0x81) }],
    ['a tag before the array', 'malformed-cose', { document: (bytes) => concat(new Uint8Array([0xd2]), bytes) }],
    ['three parts', 'malformed-cose', { document: outer((parts) => parts.slice(0, 3)) }],
    [
      'an array of indefinite length outside',
      'malformed-cose',
      { document: (bytes) => concat(new Uint8Array([0x9f]), bytes.slice(1), new Uint8Array([0xff])) },
    ],
    [
      'a protected header that is a map',
      'malformed-cose',
      { document: outer(([, ...rest]) => [new Map([[1, -35]]), ...rest]) },
    ],
    ['an unprotected header that is no map', 'malformed-cose', { document: outer(([a, , c, d]) => [a, [], c, d]) }],
    ['a detached payload', 'malformed-cose', { document: outer(([a, b, , d]) => [a, b, null, d]) }],
    [
      'a signature of 95 bytes',
      'malformed-cose',
      { document: outer(([a, b, c, d]) => [a, b, c, (d as Uint8Array).slice(1)]) },
    ],
    ['bytes after the document', 'trailing-bytes', { document: (bytes) => concat(bytes, new Uint8Array(1)) }],
    ['bytes after the payload map', 'trailing-bytes', { payload: (bytes) => concat(bytes, new Uint8Array(1)) }],
    [
      'an unprotected parameter',
      'unexpected-header',
      { document: outer(([a, , c, d]) => [a, new Map([[4, new Uint8Array(1)]]), c, d]) },
    ],
    ['no algorithm', 'wrong-algorithm', header([])],
    [
      'the algorithm in the unprotected header',
      'unexpected-header',
      { ...header([]), document: outer(([a, , c, d]) => [a, new Map([[1, COSE_ES384]]), c, d]) },
    ],
    ['ES256 in the header', 'wrong-algorithm', header([[1, -7]])],
    ['an algorithm by name', 'wrong-algorithm', header([[1, 'ES384']])],
    [
      'an unknown critical parameter',
      'unknown-critical-header',
      header([
        [1, COSE_ES384],
        [2, [99]],
        [99, 1],
      ]),
    ],
    [
      'another protected parameter',
      'unexpected-header',
      header([
        [1, COSE_ES384],
        [4, new Uint8Array(1)],
      ]),
    ],
    ['a payload that is no map', 'malformed-payload', { payload: () => encode([1]) }],
    ['a payload that is no CBOR', 'malformed-payload', { payload: (bytes) => bytes.slice(0, -1) }],
    [
      'a key twice',
      'duplicate-key',
      {
        payload: (bytes) =>
          concat(new Uint8Array([0xbf]), bytes.slice(1), encode('digest'), encode('SHA384'), new Uint8Array([0xff])),
      },
    ],
    [
      'a register twice',
      'duplicate-key',
      { payload: () => new Uint8Array([0xa1, 0x64, 0x70, 0x63, 0x72, 0x73, 0xa2, 0, 0x40, 0, 0x40]) },
    ],
    ['an unknown key', 'unknown-payload-key', field('debug', false)],
    ['a numbered key', 'unknown-payload-key', { fields: (payload) => payload.set(1, 1) }],
    ['SHA256 registers', 'wrong-digest-algorithm', field('digest', 'SHA256')],
    ['an empty module id', 'bad-field', field('module_id', '')],
    ['a module id without end', 'bad-field', field('module_id', 'i'.repeat(129))],
    ['a time that is no date', 'bad-field', field('timestamp', Number.MAX_SAFE_INTEGER)],
    ['a time in text', 'bad-field', field('timestamp', '1')],
    ['a time before 1970', 'bad-field', field('timestamp', -1)],
    ['no CA certificates', 'bad-field', field('cabundle', [])],
    [
      'nine CA certificates',
      'bad-field',
      field(
        'cabundle',
        Array.from({ length: 9 }, () => new Uint8Array(9)),
      ),
    ],
    ['no leaf', 'bad-field', { fields: (payload) => payload.delete('certificate') }],
    ['a certificate too large', 'bad-field', field('certificate', new Uint8Array(1025))],
    ['user data too large', 'bad-field', field('user_data', new Uint8Array(1025))],
    ['a nonce in text', 'bad-field', field('nonce', 'nonce')],
    ['registers in an array', 'bad-pcr', field('pcrs', [])],
    ['no registers', 'bad-pcr', field('pcrs', new Map())],
    ['a register of 32 bytes', 'bad-pcr', pcrs((map) => map.set(4, new Uint8Array(32)))],
    ['a register numbered 32', 'bad-pcr', pcrs((map) => map.set(32, new Uint8Array(48)))],
    ['a register by name', 'bad-pcr', pcrs((map) => map.set('0', new Uint8Array(48)))],
    ['no PCR2', 'bad-pcr', pcrs((map) => map.delete(2))],
    [
      'a root of the right name with another key',
      'untrusted-root',
      { certificate: at(0, ({ publicKey }) => ({ publicKey, notAfter: NOW + HOUR })) },
    ],
    [
      'a leaf that is no certificate',
      'malformed-certificate',
      { der: (der, position) => (position === 4 ? new Uint8Array(300).fill(0x30) : der) },
    ],
    [
      'a CA with bytes after its DER',
      'malformed-certificate',
      { der: (der, position) => (position === 2 ? concat(der, new Uint8Array(1)) : der) },
    ],
    [
      'a certificate in PEM',
      'malformed-certificate',
      {
        der: (der, position) =>
          position === 2
            ? new TextEncoder().encode(
                `-----BEGIN CERTIFICATE-----\n${btoa(String.fromCharCode(...der))}\n-----END CERTIFICATE-----`,
              )
            : der,
      },
    ],
    ['a leaf issued by another name', 'issuer-mismatch', { certificate: at(4, () => ({ issuer: 'CN=zonal' })) }],
    ['a CA issued by another name', 'issuer-mismatch', { certificate: at(2, () => ({ issuer: 'CN=Regional' })) }],
    [
      'an intermediate that is no CA',
      'not-a-ca',
      { certificate: at(2, () => ({ extensions: roleExtensions({ ca: false }) })) },
    ],
    ['an intermediate without extensions', 'not-a-ca', { certificate: at(2, () => ({ extensions: [] })) }],
    [
      'a CA that may not sign certificates',
      'ca-key-usage',
      {
        certificate: at(2, () => ({
          extensions: [roleExtensions({ ca: true, pathLength: 1 })[0]!, roleExtensions({ ca: false })[1]!],
        })),
      },
    ],
    [
      'a CA with more CAs below than its path length',
      'path-length',
      { certificate: at(1, () => ({ extensions: roleExtensions({ ca: true, pathLength: 1 }) })) },
    ],
    ['a leaf that expired', 'certificate-expired', { certificate: at(4, () => ({ notAfter: NOW - 1000 })) }],
    ['a CA that expired', 'certificate-expired', { certificate: at(1, () => ({ notAfter: NOW - 1000 })) }],
    ['a leaf not valid yet', 'certificate-not-yet-valid', { certificate: at(4, () => ({ notBefore: NOW + 1000 })) }],
    [
      'a leaf that is a CA',
      'leaf-is-ca',
      { certificate: at(4, () => ({ extensions: roleExtensions({ ca: true, pathLength: undefined }) })) },
    ],
    ['a leaf that may not sign', 'leaf-key-usage', { certificate: at(4, () => ({ extensions: [] })) }],
    [
      'a leaf signed by itself',
      'bad-certificate-signature',
      { certificate: at(4, () => ({ signingKey: mint.keys[4]!.privateKey })) },
    ],
    [
      'a CA signed by the CA below',
      'bad-certificate-signature',
      { certificate: at(2, () => ({ signingKey: mint.keys[3]!.privateKey })) },
    ],
    ['a document signed by the instance CA', 'bad-signature', { signer: 3 }],
    ['PCR0 to PCR2 zero', 'debug', pcrs((map) => [0, 1, 2].map((index) => map.set(index, new Uint8Array(48))))],
    ['PCR0 alone zero', 'debug', pcrs((map) => map.set(0, new Uint8Array(48)))],
    ['other user data', 'report-data-mismatch', field('user_data', new Uint8Array(32))],
    ['no user data', 'report-data-mismatch', field('user_data', null)],
    [
      'user data with zeros after it',
      'report-data-mismatch',
      field('user_data', concat(REPORT_DATA, new Uint8Array(32))),
    ],
    ['user data cut short', 'report-data-mismatch', field('user_data', REPORT_DATA.slice(1))],
    [
      'the report data in the nonce',
      'report-data-mismatch',
      { fields: (payload) => payload.set('nonce', REPORT_DATA).set('user_data', null) },
    ],
  ]
  it.each(cases)('refuses %s: %s', async (_, code, deviation) => {
    expect(await judge(await mint.mint(deviation), [mint.root])).toBe(code)
  })

  it('refuses an unknown critical extension and a certificate with an extension twice', async () => {
    const strange = new Extension('1.2.3.4', true, new Uint8Array([5, 0]))
    const harmless = new Extension('1.2.3.4', false, new Uint8Array([5, 0]))
    const leaf = roleExtensions({ ca: false })
    const withLeaf = (extensions: CertificateRequest['extensions']) =>
      mint.mint({ certificate: at(4, () => ({ extensions })) })
    expect(await judge(await withLeaf([...leaf, strange]), [mint.root])).toBe('unknown-critical-extension')
    expect(await judge(await withLeaf([...leaf, harmless]), [mint.root])).toBe('simulated')
    expect(await judge(await withLeaf([...leaf, harmless, harmless]), [mint.root])).toBe('malformed-certificate')
  })

  it('refuses a P-256 key in the chain', async () => {
    const weak = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    const document = await mint.mint({ certificate: at(4, () => ({ publicKey: weak.publicKey })) })
    expect(await judge(document, [mint.root])).toBe('wrong-certificate-algorithm')
  })

  it('refuses a document over the size cap before reading it', async () => {
    expect(await judge(new Uint8Array(12_289), [mint.root])).toBe('evidence-too-large')
  })

  it('refuses a kind it does not know', async () => {
    for (const kind of ['sgx1', 'toString', '__proto__']) {
      const result = await verifyEvidence(
        { kind: kind as 'nitro', document: good },
        { now: NOW, trustRoots: [mint.root], policy: POLICY, expectedReportData: REPORT_DATA, crypto },
      )
      expect(result.ok ? undefined : result.error.code).toBe('unsupported-kind')
    }
  })

  it('reads payloads of indefinite length, which the vendor writes since 2025', async () => {
    const payload = (bytes: Uint8Array) => concat(new Uint8Array([0xbf]), bytes.slice(1), new Uint8Array([0xff]))
    expect(await judge(await mint.mint({ payload }), [mint.root])).toBe('simulated')
  })

  it('R6: knows no root when none is configured, nor another devnet’s', async () => {
    const other = await createMint()
    expect(await judge(good, [])).toBe('untrusted-root')
    expect(await judge(good, vendorRoots())).toBe('untrusted-root')
    expect(await judge(good, [other.root])).toBe('untrusted-root')
    expect(await judge(await other.mint(), [mint.root])).toBe('untrusted-root')
  })

  it('R6: refuses a root of the right name whose key is another, also when it signs the whole chain', async () => {
    const other = await createMint()
    const ders = (
      decode((decode(await other.mint(), { useMaps: true }) as Uint8Array[])[2]!, { useMaps: true }) as Map<
        string,
        Uint8Array[]
      >
    ).get('cabundle')!
    const forged = parseCertificate(ders[0]!, 0)
    const genuine = parseCertificate(await mint.rootDer(), 0)
    if (!forged.ok || !genuine.ok) throw new Error('expected certificates')
    expect(forged.value.subject).toEqual(genuine.value.subject)
    expect(await judge(await other.mint(), [mint.root])).toBe('untrusted-root')
  })

  it('R5: judges age apart from the validity of certificates', async () => {
    expect(await judge(good, [mint.root], { now: NOW + HOUR })).toBe('simulated')
    expect(await judge(good, [mint.root], { now: NOW + HOUR + 1 })).toBe('evidence-too-old')
    expect(await judge(good, [mint.root], { now: NOW - 2_000 })).toBe('simulated')
    expect(await judge(good, [mint.root], { now: NOW - 2_001 })).toBe('evidence-from-the-future')
    expect(await judge(good, [mint.root], { now: Number.NaN })).toBe('evidence-too-old')
  })

  it('R5: refuses to judge without report data unless the policy allows it, and then says so', async () => {
    const context = { now: NOW, trustRoots: [mint.root], crypto }
    const evidence = { kind: 'nitro', document: good } as const
    const strict = await verifyEvidence(evidence, { ...context, policy: POLICY })
    expect(strict.ok ? undefined : strict.error.code).toBe('report-data-unbound')
    const lax = await verifyEvidence(evidence, { ...context, policy: { ...POLICY, allowUnbound: true } })
    expect(lax.ok && lax.value.notChecked).toContain('report-data')
    expect(lax.ok && lax.value.keyBinding.reportData).toBe('not-checked')
    await expect(judge(good, [mint.root], { expectedReportData: new Uint8Array(31) })).rejects.toMatchObject({
      code: 'bad-report-data',
    })
  })

  it('accepts allowed programs only, register by register', async () => {
    const seven = `0x${'07'.repeat(48)}` as const
    const allow = (...values: Record<string, `0x${string}`>[]) => ({
      policy: devnetPolicy(values.map((each) => ({ kind: 'nitro', values: each }))),
    })
    expect(await judge(good, [mint.root], allow({ pcr0: seven, pcr1: seven, pcr2: seven }))).toBe('simulated')
    expect(await judge(good, [mint.root], allow({ pcr0: `0x${'08'.repeat(48)}` }, { pcr0: seven }))).toBe('simulated')
    expect(await judge(good, [mint.root], allow({ pcr0: seven, pcr1: `0x${'08'.repeat(48)}` }))).toBe(
      'measurement-refused',
    )
    expect(await judge(good, [mint.root], allow({ pcr31: seven }))).toBe('measurement-refused')
    expect(await judge(good, [mint.root], allow())).toBe('measurement-refused')
    expect(await judge(good, [mint.root], allow({}))).toBe('measurement-refused')
    expect(await judge(good, [mint.root], { policy: productionPolicy() })).toBe('assurance-refused')
  })

  it('refuses revoked certificates wherever they stand', async () => {
    const ders = decode((decode(good, { useMaps: true }) as Uint8Array[])[2]!, { useMaps: true }) as Map<
      string,
      unknown
    >
    const [, regional] = ders.get('cabundle') as Uint8Array[]
    for (const der of [regional!, ders.get('certificate') as Uint8Array, await mint.rootDer()]) {
      const policy = { ...POLICY, revokedCertificates: [sha256(der)] }
      expect(await judge(good, [mint.root], { policy })).toBe('certificate-revoked')
    }
  })

  it('never accepts a document with a flipped bit, and answers with a code, not an exception', async () => {
    const positions = Array.from({ length: 100 }, (_, index) => Math.floor(((index + 0.5) * good.length) / 100))
    const codes = new Set<string>()
    for (const [index, position] of positions.entries()) {
      const bad = Uint8Array.from(good)
      bad[position]! ^= 1 << (index % 8)
      codes.add(await judge(bad, [mint.root]))
    }
    expect(codes).not.toContain('simulated')
    expect(codes.size).toBeGreaterThan(2)
  })

  it('never accepts any flipped bit of the frame, the headers and the ends of the signature', async () => {
    const frame = [
      ...Array.from({ length: 12 }, (_, at) => at),
      good.length - 98,
      good.length - 97,
      good.length - 96,
      good.length - 1,
    ]
    for (const position of frame)
      for (let bit = 0; bit < 8; bit += 1) {
        const bad = Uint8Array.from(good)
        bad[position]! ^= 1 << bit
        expect(await judge(bad, [mint.root])).not.toBe('simulated')
      }
  })

  it('R3: the id is over kind and bytes; the twin signature (r, n - s) verifies and has another id', async () => {
    const order = BigInt(
      '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    )
    const twin = Uint8Array.from(good)
    const s = BigInt(bytesToHex(twin.slice(-48)))
    const other = (order - s).toString(16).padStart(96, '0')
    twin.set(
      Uint8Array.from(other.match(/../g)!, (pair) => Number.parseInt(pair, 16)),
      twin.length - 48,
    )
    expect(await judge(twin, [mint.root])).toBe('simulated')
    expect(evidenceDigest('nitro', twin)).not.toBe(evidenceDigest('nitro', good))
    expect(evidenceDigest('nitro', good)).toBe(H('OPG/evidence/1', 1, keccak(good)))
  })
})
