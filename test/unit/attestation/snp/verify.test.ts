import 'reflect-metadata'
import { Extension } from '@peculiar/x509'
import { beforeAll, describe, expect, it } from 'vitest'
import { devnetPolicy, SNP_PRODUCTS, type SnpProduct } from '../../../../src/attestation/index.ts'
import { VEK_OID, VEK_SPL_OID } from '../../../../src/attestation/snp/endorsement.ts'
import { TCB_LAYOUT } from '../../../../src/attestation/snp/tcb.ts'
import { webAttestationCrypto } from '../../../../src/attestation/webcrypto.ts'
import { generateP384, roleExtensions } from '../../../../src/attestation/x509/issue.ts'
import { HOUR, NOW, subtle } from '../../../support/nitroMint.ts'
import {
  CHIP_ID,
  CSP_ID,
  createSnpMint,
  judgeSnp,
  MINTED_TCB,
  type SnpDeviation,
  type SnpMint,
  verifySnpDocument,
} from '../../../support/snpMint.ts'

const mints = new Map<SnpProduct, SnpMint>()
beforeAll(async () => {
  for (const product of SNP_PRODUCTS) mints.set(product, await createSnpMint(product))
})
const mintOf = (product: SnpProduct): SnpMint => mints.get(product)!

const judge = async (
  deviation: SnpDeviation,
  over: Parameters<typeof judgeSnp>[2] = {},
  product: SnpProduct = 'Milan',
) => judgeSnp(await mintOf(product).mint(deviation), [mintOf(product).root], over)

type Change = NonNullable<SnpDeviation['report']>
const byte =
  (at: number, value: number): Change =>
  (bytes) => {
    bytes[at] = value
  }
const policyBit =
  (bit: bigint): Change =>
  (_, view) =>
    view.setBigUint64(8, view.getBigUint64(8, true) ^ (1n << bit), true)
const certificate = (position: number, change: NonNullable<SnpDeviation['certificate']>): SnpDeviation => ({
  certificate: (request, at) => (at === position ? change(request, at) : request),
})
const floors = (product: SnpProduct, change: object) => ({
  policy: {
    ...devnetPolicy(),
    tcbFloors: { tcbEvaluationDataNumber: 0, snp: { [product]: { ...MINTED_TCB[product], ...change } } },
  },
})

describe.each(SNP_PRODUCTS)('SEV-SNP reports of %s', (product) => {
  it('are judged alike and left as they were in a Buffer, whose slices are views', async () => {
    const minted = await mintOf(product).mint()
    const document = Buffer.concat([Buffer.alloc(7), minted.document]).subarray(7)
    const roots = [mintOf(product).root]
    const plain = await verifySnpDocument(minted, roots)
    expect(await verifySnpDocument({ ...minted, document }, roots)).toEqual(plain)
    expect(Buffer.from(minted.document).equals(document)).toBe(true)
  })

  it('are accepted under a VCEK, and name their chip', async () => {
    const result = await verifySnpDocument(await mintOf(product).mint(), [mintOf(product).root])
    if (!result.ok) throw result.error
    const { assurance, instanceId, tcbStatus, checked, notChecked, measurements } = result.value
    expect(assurance).toBe('simulated')
    const chip = Buffer.alloc(64)
    chip.set(product === 'Turin' ? CHIP_ID.subarray(0, 8) : CHIP_ID)
    expect(instanceId).toBe(`amd:${chip.toString('hex')}`)
    expect(tcbStatus).toBeUndefined()
    expect(measurements.measurement).toBe(`0x${'07'.repeat(48)}`)
    expect(measurements.hostdata).toBe(`0x${'08'.repeat(32)}`)
    expect(measurements.policy).toBe('0x0000000000030000')
    expect(measurements.vmpl).toBe('0x00000000')
    expect(checked).toEqual(['structure', 'trust-root', 'certificate-chain', 'signature', 'not-debug', 'report-data'])
    expect(notChecked).toContain('certificate-revocation')
    expect(notChecked).toContain('tcb')
  })

  it('are accepted under a VLEK, and name its cloud where the chip is masked', async () => {
    const minted = await mintOf(product).mint({ signingKey: 'VLEK' })
    const result = await verifySnpDocument(minted, [mintOf(product).root])
    expect(result.ok && result.value.instanceId).toBe(`amd:csp:${CSP_ID}`)
  })

  it('are accepted by WebCrypto too', async () => {
    expect(await judge({}, { crypto: webAttestationCrypto(subtle) }, product)).toBe('simulated')
  })

  it('need a key for each of their versions', async () => {
    for (const [at, component] of TCB_LAYOUT[product].entries()) {
      if (component.startsWith('spl')) {
        expect(await judge({ report: byte(0x180 + at, 1) }, {}, product)).toBe('malformed-evidence')
        continue
      }
      const tcb = { ...MINTED_TCB[product], [component]: 0 }
      expect(await judge({ vek: { tcb } }, {}, product)).toBe('tcb-mismatch')
    }
  })

  it('meet a floor in every version, or are refused', async () => {
    const good = await verifySnpDocument(await mintOf(product).mint(), [mintOf(product).root], floors(product, {}))
    if (!good.ok) throw good.error
    expect(good.value.tcbStatus).toBe('UpToDate')
    expect(good.value.checked).toContain('tcb-floor')
    for (const [component, least] of Object.entries(MINTED_TCB[product]))
      expect(await judge({}, floors(product, { [component]: least + 1 }), product)).toBe('tcb-below-floor')
  })
})

describe('SEV-SNP reports', () => {
  it.each<[string, Change, string]>([
    ['a version never published', byte(0, 6), 'unsupported-version'],
    ['version 1', byte(0, 1), 'unsupported-version'],
    ['another signature algorithm', byte(0x34, 2), 'wrong-algorithm'],
    ['a reserved byte at 4Ch', byte(0x4c, 1), 'malformed-evidence'],
    ['a reserved flag', byte(0x49, 1), 'malformed-evidence'],
    ['a reserved byte after the CPUID', byte(0x18b, 1), 'malformed-evidence'],
    ['a reserved byte after the firmware version', byte(0x1eb, 1), 'malformed-evidence'],
    ['a reserved byte before the signature', byte(0x29f, 1), 'malformed-evidence'],
    ['mitigation vectors before version 4', byte(0x1f8, 1), 'malformed-evidence'],
    ['a VMPL above 3', byte(0x30, 4), 'malformed-evidence'],
    ['a report its host asked for', (_, view) => view.setUint32(0x30, 0xffff_ffff, true), 'host-requested'],
    ['no signing key', byte(0x48, 7 << 2), 'wrong-signing-key'],
    ['a VLEK where a VCEK is shown', byte(0x48, 1 << 2), 'wrong-signing-key'],
    ['a masked chip key', byte(0x48, 2), 'wrong-signing-key'],
    ['a policy whose bit 17 is zero', policyBit(17n), 'malformed-evidence'],
    ['a policy with a reserved bit', policyBit(26n), 'malformed-evidence'],
    ['a migration agent in the policy', policyBit(18n), 'migration-agent'],
    ['the report id of a migration agent', byte(0x170, 5), 'migration-agent'],
    ['debug', policyBit(19n), 'debug'],
    ['a platform bit never published', byte(0x40, 0x40), 'malformed-evidence'],
    [
      'a host with SMT that the guest forbids',
      (bytes, view) => {
        policyBit(16n)(bytes, view)
        bytes[0x40] = 1
      },
      'smt-refused',
    ],
    ['firmware below what the guest asks for', byte(9, 2), 'abi-below-policy'],
    ['firmware older than the committed', byte(0x1ec, 9), 'tcb-inconsistent'],
    ['committed versions above the current', byte(0x1e0, 200), 'tcb-inconsistent'],
    ['reported versions above the current', byte(0x180, 200), 'tcb-inconsistent'],
    ['an author key digest without author key', byte(0x110, 1), 'malformed-evidence'],
    ['another chip', byte(0x1a0, 9), 'chip-mismatch'],
    ['the CPUID of Genoa', byte(0x189, 0x11), 'product-mismatch'],
    ['the CPUID of no known product', byte(0x188, 0x17), 'product-mismatch'],
  ])('are refused with %s', async (_, report, code) => {
    expect(await judge({ report })).toBe(code)
  })

  it.each<[string, Change]>([
    ['a masked chip', (bytes) => bytes.fill(0, 0x1a0, 0x1e0)],
    ['VMPL 3', byte(0x30, 3)],
    ['an author key', (bytes) => bytes.fill(1, 0x110, 0x140).fill(1, 0x48, 0x49)],
    ['lower reported than committed versions', (bytes) => bytes.fill(250, 0x38, 0x39).fill(240, 0x1e0, 0x1e1)],
    ['firmware that is reported before it is committed', byte(0x1e0, 0)],
    ['mitigation vectors in version 5', (bytes) => bytes.fill(5, 0, 1).fill(1, 0x1f8, 0x208)],
    ['version 2 without CPUID', (bytes) => bytes.fill(2, 0, 1).fill(0, 0x188, 0x18b)],
    ['SMT at work where the guest allows it', byte(0x40, 1)],
  ])('are accepted with %s', async (_, report) => {
    expect(await judge({ report })).toBe('simulated')
  })

  it('name a masked chip by its certificate', async () => {
    const minted = await mintOf('Milan').mint({ report: (bytes) => bytes.fill(0, 0x1a0, 0x1e0) })
    const result = await verifySnpDocument(minted, [mintOf('Milan').root])
    expect(result.ok && result.value.instanceId).toBe(`amd:${Buffer.from(CHIP_ID).toString('hex')}`)
    const policy = { ...devnetPolicy(), revokedChips: [`amd:${Buffer.from(CHIP_ID).toString('hex')}`] }
    expect(await judgeSnp(minted, [mintOf('Milan').root], { policy })).toBe('chip-revoked')
    const shouted = { ...policy, revokedChips: policy.revokedChips.map((chip) => chip.toUpperCase()) }
    expect(await judgeSnp(minted, [mintOf('Milan').root], { policy: shouted })).toBe('chip-revoked')
  })

  it('are refused without SMT where the policy says so', async () => {
    const policy = { ...devnetPolicy(), allowSmt: false }
    expect(await judge({}, { policy })).toBe('smt-refused')
    expect(await judge({ report: policyBit(16n) }, { policy })).toBe('simulated')
  })

  it('below the floor at launch are refused, though the host was updated since', async () => {
    expect(await judge({ report: byte(0x1f0, 1) }, floors('Milan', {}))).toBe('tcb-below-floor')
  })

  it('are refused by a policy that asks for a floor and has none for their product', async () => {
    const policy = { ...floors('Genoa', {}).policy, requireSnpFloor: true }
    expect(await judge({}, { policy })).toBe('tcb-floor-missing')
    expect(await judge({}, { policy: { ...floors('Milan', {}).policy, requireSnpFloor: true } })).toBe('simulated')
  })

  it('are refused in any other length', async () => {
    const { document, collateral } = await mintOf('Milan').mint()
    const roots = [mintOf('Milan').root]
    expect(await judgeSnp({ document: document.slice(0, -1), collateral }, roots)).toBe('malformed-evidence')
    expect(await judgeSnp({ document: new Uint8Array(0), collateral }, roots)).toBe('malformed-evidence')
    expect(await judgeSnp({ document: Uint8Array.of(...document, 0), collateral }, roots)).toBe('evidence-too-large')
  })

  it('are refused when their signature is another, or does not end in zeros', async () => {
    expect(await judge({ signer: 2, signed: (bytes) => bytes.fill(1, 0x2a0, 0x2a1) })).toBe('bad-signature')
    expect(await judge({ signed: (bytes) => bytes.fill(0, 0x2a0, 0x330) })).toBe('bad-signature')
    for (const at of [0x2d0, 0x2e7, 0x318, 0x32f, 0x330, 0x49f])
      expect(await judge({ signed: (bytes) => bytes.fill(1, at, at + 1) })).toBe('malformed-evidence')
  })
})

describe('keys of SEV-SNP reports', () => {
  it.each<[string, SnpDeviation, string]>([
    ['no VCEK', { collateral: (items) => items.delete('amd/vek') }, 'collateral-missing'],
    ['no chain', { collateral: (items) => items.delete('amd/chain') }, 'collateral-missing'],
    ['a chain that is no PEM', { chain: () => Uint8Array.of(1, 2, 3) }, 'malformed-collateral'],
    ['a chain of one', { chain: (ask) => pem(ask) }, 'malformed-collateral'],
    ['a chain of three', { chain: (ask, ark) => pem(ask, ark, ark) }, 'malformed-collateral'],
    ['the chain upside down', { chain: (ask, ark) => pem(ark, ask) }, 'untrusted-root'],
    [
      'a VCEK that is no certificate',
      { collateral: (items) => items.set('amd/vek', Uint8Array.of(0x30, 0)) },
      'malformed-certificate',
    ],
    ['a VCEK called VLEK', certificate(2, (request) => ({ ...request, subject: 'CN=SEV-VLEK' })), 'wrong-signing-key'],
    ['a VCEK of another name', certificate(2, (request) => ({ ...request, subject: 'CN=VCEK' })), 'wrong-signing-key'],
    [
      'an intermediate of no product',
      certificate(1, (request) => ({ ...request, subject: 'CN=SEV-Naples' })),
      'product-mismatch',
    ],
    ['a certificate of another product', { vek: { product: 'Genoa' } }, 'product-mismatch'],
    [
      'a certificate of another chip',
      { vek: { subject: { signingKey: 'VCEK', chipId: new Uint8Array(64).fill(9) } } },
      'chip-mismatch',
    ],
    [
      'a VCEK with the extension of a VLEK',
      { vek: { subject: { signingKey: 'VLEK', cspId: CSP_ID } } },
      'malformed-certificate',
    ],
    ['a certificate without the chip id', without(VEK_OID.hardwareId), 'malformed-certificate'],
    ['a certificate without a version', without(VEK_SPL_OID.snp), 'malformed-certificate'],
    ['a certificate without the product', without(VEK_OID.productName), 'malformed-certificate'],
    ['a version above 255', replaced(VEK_SPL_OID.snp, 2, 2, 1, 0), 'malformed-certificate'],
    ['a version that is no integer', replaced(VEK_SPL_OID.snp, 4, 1, 0), 'malformed-certificate'],
    ['a version without a place in the report', replaced(VEK_SPL_OID.fmc, 2, 1, 1), 'malformed-certificate'],
    ['a chip id of another length', replaced(VEK_OID.hardwareId, 1, 2, 3), 'malformed-certificate'],
    ['a product name of another type', replaced(VEK_OID.productName, 4, 1, 65), 'malformed-certificate'],
    ['an expired VCEK', certificate(2, (request) => ({ ...request, notAfter: NOW - 1_000 })), 'certificate-expired'],
    [
      'a VCEK not valid yet',
      certificate(2, (request) => ({ ...request, notBefore: NOW + HOUR })),
      'certificate-not-yet-valid',
    ],
    [
      'an expired intermediate',
      certificate(1, (request) => ({ ...request, notAfter: NOW - 1_000 })),
      'certificate-expired',
    ],
    [
      'an intermediate that is no CA',
      certificate(1, (request) => ({ ...request, extensions: roleExtensions({ ca: false }) })),
      'not-a-ca',
    ],
    [
      'a CA as VCEK',
      { extensions: (all) => [...all, ...roleExtensions({ ca: true, pathLength: undefined })] },
      'leaf-is-ca',
    ],
    [
      'an unknown critical extension',
      { extensions: (all) => [...all, new Extension('1.2.3.4', true, Uint8Array.of(5, 0))] },
      'unknown-critical-extension',
    ],
    [
      'an intermediate of another issuer',
      certificate(1, (request) => ({ ...request, issuer: 'CN=ARK-Genoa' })),
      'issuer-mismatch',
    ],
  ])('are refused with %s', async (_, deviation, code) => {
    expect(await judge(deviation)).toBe(code)
  })

  it('are refused when somebody else signed the certificate, or it is of another kind of key', async () => {
    const stranger = await createSnpMint('Milan')
    const other = await stranger.mint()
    const mine = await mintOf('Milan').mint()
    const roots = [mintOf('Milan').root]
    expect(await judgeSnp(other, roots)).toBe('untrusted-root')
    const mixed = new Map(mine.collateral)
    mixed.set('amd/vek', other.collateral.get('amd/vek')!)
    expect(await judgeSnp({ document: other.document, collateral: mixed }, roots)).toBe('bad-certificate-signature')
    const { publicKey, privateKey } = await generateP384(subtle)
    const p384 = certificate(1, (request) => ({ ...request, publicKey }))
    expect(await judge(p384)).toBe('wrong-certificate-algorithm')
    const ecdsa = certificate(2, ({ signingAlgorithm: _, ...request }) => ({ ...request, signingKey: privateKey }))
    expect(await judge(ecdsa)).toBe('wrong-certificate-algorithm')
  })

  it('take the chip id bare or as an octet string', async () => {
    const wrapped = { extensions: replacing(VEK_OID.hardwareId, Uint8Array.of(4, 64, ...CHIP_ID)) }
    expect(await judge(wrapped)).toBe('simulated')
  })

  it('are of VCEK or VLEK, never mixed', async () => {
    const vlek = { signingKey: 'VLEK' } as const
    expect(await judge({ ...vlek, report: byte(0x48, 0) })).toBe('wrong-signing-key')
    expect(await judge({ ...vlek, vek: { subject: { signingKey: 'VCEK', chipId: CHIP_ID } } })).toBe(
      'malformed-certificate',
    )
    expect(await judge({ ...vlek, report: byte(0x48, 6) })).toBe('simulated')
    expect(await judge({ ...vlek, ...certificate(1, (request) => ({ ...request, subject: 'CN=SEV-Milan' })) })).toBe(
      'wrong-signing-key',
    )
  })
})

describe('revocation lists of AMD', () => {
  it('are read when supplied, and end the verdict when they end', async () => {
    const minted = await mintOf('Milan').mint({ crl: {} })
    const result = await verifySnpDocument(minted, [mintOf('Milan').root])
    if (!result.ok) throw result.error
    expect(result.value.checked).toContain('certificate-revocation')
    expect(result.value.expiresAt).toBe(NOW + 10 * HOUR)
  })

  it.each<[string, SnpDeviation['crl'], string]>([
    ['the intermediate revoked', { revoked: [new Uint8Array(3).fill(2)] }, 'certificate-revoked'],
    ['another certificate revoked', { revoked: [new Uint8Array(3).fill(9)] }, 'simulated'],
    ['garbage', { bytes: new Uint8Array(100).fill(0x30) }, 'malformed-crl'],
    ['a list of yesterday', { thisUpdate: NOW - 2 * HOUR, nextUpdate: NOW - HOUR }, 'crl-expired'],
    ['a list of tomorrow', { thisUpdate: NOW + HOUR }, 'crl-not-yet-valid'],
    ['a list of another issuer', { issuer: 'CN=ARK-Genoa' }, 'crl-issuer-mismatch'],
    ['a list signed by the intermediate', { signer: 1 }, 'bad-crl-signature'],
  ])('with %s', async (_, crl, code) => {
    expect(await judge(crl === undefined ? {} : { crl })).toBe(code)
  })
})

function pem(...ders: readonly Uint8Array[]): Uint8Array {
  const blocks = ders.map(
    (der) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`,
  )
  return new TextEncoder().encode(blocks.join(''))
}

function replacing(oid: string, value: Uint8Array | undefined): NonNullable<SnpDeviation['extensions']> {
  return (all) => {
    const rest = all.filter((extension) => extension.type !== oid)
    return value === undefined ? rest : [...rest, new Extension(oid, false, new Uint8Array(value))]
  }
}

function without(oid: string): SnpDeviation {
  return { extensions: replacing(oid, undefined) }
}

function replaced(oid: string, ...value: number[]): SnpDeviation {
  return { extensions: replacing(oid, Uint8Array.from(value)) }
}
