import { beforeAll, describe, expect, it } from 'vitest'
import { verifyEvidence } from '../../../../src/attestation/index.ts'
import { intelPem } from '../../../../src/attestation/simulated/intelPki.ts'
import { pointSpki } from '../../../../src/attestation/x509/algorithms.ts'
import {
  contextFor,
  createIntelMint,
  type IntelDeviation,
  type IntelMint,
  judgeIntel,
  LENIENT,
} from '../../../support/intelMint.ts'

const set = (at: number, value: number) => (bytes: Uint8Array) => {
  bytes[at] = value
}

describe('Intel quotes', () => {
  let tdx: IntelMint
  let sgx: IntelMint
  beforeAll(async () => {
    ;[tdx, sgx] = await Promise.all([createIntelMint('tdx'), createIntelMint('sgx')])
  })
  const judge = async (mint: IntelMint, deviation: IntelDeviation = {}, policy = LENIENT): Promise<string> =>
    judgeIntel(await mint.mint(deviation), contextFor(mint, { policy }))

  it.each([
    ['tdx', { version: 4 }],
    ['tdx', { version: 5, layout: 'td10' }],
    ['tdx', { version: 5, layout: 'td15' }],
    ['sgx', { version: 3 }],
    ['sgx', { version: 4 }],
    ['sgx', { version: 5 }],
  ] as const)('%s %o: accepted', async (tee, deviation) => {
    expect(await judge(tee === 'tdx' ? tdx : sgx, deviation)).toBe('accept')
  })

  it.each<[string, string, IntelDeviation]>([
    ['version 3', 'bad-field', { header: set(0, 3) }],
    ['version 6', 'bad-field', { header: set(0, 6) }],
    ['an attestation key on P-384', 'bad-field', { header: set(2, 3) }],
    ['a TEE type of SGX', 'bad-field', { header: set(4, 0) }],
    ['a TEE type of neither', 'bad-field', { header: set(5, 1) }],
    ['a quoting enclave of another vendor', 'bad-field', { header: set(12, 0) }],
    ['an enclave as body', 'bad-field', { version: 5, descriptor: set(0, 1) }],
    ['a body of no known type', 'bad-field', { version: 5, descriptor: set(0, 4) }],
    ['a body of another size', 'bad-field', { version: 5, descriptor: set(2, 0) }],
    ['a body signed by another key', 'bad-signature', { document: (bytes) => set(60, 1)(bytes) ?? bytes }],
    [
      'certification data of another type',
      'malformed-evidence',
      { document: (bytes) => set(632 + 4 + 128, 5)(bytes) ?? bytes },
    ],
    ['signature data cut short', 'malformed-evidence', { document: (bytes) => bytes.subarray(0, -1) }],
    ['a header alone', 'malformed-evidence', { document: (bytes) => bytes.subarray(0, 48) }],
    ['part of a header', 'malformed-evidence', { document: (bytes) => bytes.subarray(0, 47) }],
    ['nothing', 'malformed-evidence', { document: () => new Uint8Array(0) }],
    ['10 MB', 'evidence-too-large', { document: () => new Uint8Array(10_000_000).fill(4) }],
    [
      'a PCK named by a type that nobody reads',
      'malformed-evidence',
      { quote: (request) => ({ ...request, certification: { ...request.certification, type: 4 } }) },
    ],
  ])('refuses %s', async (_, code, deviation) => {
    expect(await judge(tdx, deviation)).toBe(code)
  })

  it('passes over what follows the quote: services pad it', async () => {
    expect(await judge(tdx, { document: (bytes) => new Uint8Array([...bytes, ...new Uint8Array(70)]) })).toBe('accept')
  })

  it('reads the PCK chain from the bundle where the quote names it alone', async () => {
    const naming: IntelDeviation = {
      quote: (request) => ({ ...request, certification: { type: 3, data: new Uint8Array(404) } }),
    }
    expect(await judge(tdx, naming)).toBe('collateral-missing')
    const { pck, ca, root } = tdx.certificates
    const given: IntelDeviation = { ...naming, items: (items) => items.set('intel/pck-chain', intelPem(pck, ca, root)) }
    expect(await judge(tdx, given)).toBe('accept')
    const short: IntelDeviation = { ...naming, items: (items) => items.set('intel/pck-chain', intelPem(pck, root)) }
    expect(await judge(tdx, short)).toBe('malformed-collateral')
  })

  it('binds the attestation key by the report of the quoting enclave', async () => {
    expect(await judge(tdx, { qeReport: set(320, 0) })).toBe('attestation-key-mismatch')
    expect(await judge(tdx, { qeReport: set(352, 1) })).toBe('attestation-key-mismatch')
    const other = tdx.intel.keys.signer.privateKey
    expect(await judge(tdx, { quote: (request) => ({ ...request, pckKey: other }) })).toBe('bad-signature')
    const borrowed: IntelDeviation = {
      quote: (request) => ({
        ...request,
        attestationKeys: { ...request.attestationKeys, privateKey: other },
      }),
    }
    expect(await judge(tdx, borrowed)).toBe('bad-signature')
    expect(() => pointSpki('P-256', new Uint8Array(63))).toThrow()
  })

  it('refuses trust domains that are not what their measurements say', async () => {
    expect(await judge(tdx, { body: set(120, 1) })).toBe('debug')
    expect(await judge(tdx, { body: set(120, 4) })).toBe('debug')
    expect(await judge(tdx, { body: (bytes) => bytes.set([1, 0, 0, 0], 120) })).toBe('debug')
    expect(await judge(tdx, { body: set(121, 1) })).toBe('td-attributes')
    expect(await judge(tdx, { body: set(123, 0x30) })).toBe('td-attributes')
    expect(await judge(tdx, { body: set(127, 0x40) })).toBe('td-attributes')
    expect(await judge(tdx, { body: set(127, 0x80) })).toBe('accept')
    expect(await judge(tdx, { body: set(123, 0) })).toBe('td-attributes')
    expect(await judge(tdx, { body: set(123, 0) }, { ...LENIENT, allowSeptVe: true })).toBe('accept')
    expect(await judge(tdx, { version: 5, body: set(600, 1) })).toBe('service-td')
    expect(await judge(sgx, { body: set(48, 7) })).toBe('debug')
  })

  it('names every register', async () => {
    const names = async (mint: IntelMint, deviation: IntelDeviation): Promise<string[]> => {
      const verdict = await verifyEvidence(await mint.mint(deviation), contextFor(mint))
      if (!verdict.ok) throw verdict.error
      expect(verdict.value.instanceId).toBe(`ppid-${'1d'.repeat(16)}`)
      return Object.keys(verdict.value.measurements).sort()
    }
    const td10 = [
      'mrconfigid',
      'mrowner',
      'mrownerconfig',
      'mrseam',
      'mrsignerseam',
      'mrtd',
      'rtmr0',
      'rtmr1',
      'rtmr2',
      'rtmr3',
      'seamattributes',
      'tdattributes',
      'xfam',
    ]
    expect(await names(tdx, {})).toEqual(td10)
    expect(await names(tdx, { version: 5 })).toEqual([...td10, 'mrservicetd', 'teetcbsvn2'].sort())
    expect(await names(sgx, {})).toEqual(['attributes', 'isvprodid', 'isvsvn', 'miscselect', 'mrenclave', 'mrsigner'])
  })
})
