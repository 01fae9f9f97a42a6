import { domainSeparator as separatorOf } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  bitsOf,
  bytesToHex,
  createDomain,
  DOMAIN_NAME,
  DOMAIN_TYPE_STRING,
  DOMAIN_VERSION,
  defineStruct,
  digestOf,
  type FieldType,
  fieldProblem,
  hashStruct,
  keccak,
  LOAD,
  type Load,
  nameOfCode,
  RECEIPT,
  STATUS,
  structProblem,
  TIER,
  utf8,
} from '../../../src/protocol/index.ts'

const CONTRACT = `0x${'11'.repeat(20)}` as const
const NETWORK = `0x${'22'.repeat(32)}` as const
const DOMAIN = createDomain(31337, CONTRACT, NETWORK)
const VALUE: Load = { operator: `0x${'33'.repeat(20)}`, sequence: 1, utilisationPpm: 2, freeSlots: 3, at: 4 }

describe('EIP-712', () => {
  it('R3 has the domain {name, version, chainId, verifyingContract, salt: networkId}', () => {
    expect(DOMAIN_TYPE_STRING).toBe(
      'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)',
    )
    expect(bytesToHex(DOMAIN.separator)).toBe(
      separatorOf({
        domain: {
          name: DOMAIN_NAME,
          version: DOMAIN_VERSION,
          chainId: 31337,
          verifyingContract: CONTRACT,
          salt: NETWORK,
        },
      }),
    )
  })

  it('R2 R3 gives another digest under another chain, contract or network id', () => {
    const domains = [
      DOMAIN,
      createDomain(84532, CONTRACT, NETWORK),
      createDomain(31337, `0x${'12'.repeat(20)}`, NETWORK),
      createDomain(31337, CONTRACT, `0x${'23'.repeat(32)}`),
    ]
    expect(new Set(domains.map((domain) => digestOf(domain, LOAD, VALUE))).size).toBe(domains.length)
  })

  it('builds encodeType from the fields in their order, and its hash', () => {
    const type = defineStruct('Thing', { b: 'uint8', a: 'address' })
    expect(type.typeString).toBe('Thing(uint8 b,address a)')
    expect(bytesToHex(type.typeHash)).toBe(keccak(utf8(type.typeString)))
    expect(type.names).toEqual(['b', 'a'])
  })

  it('hashes the same value whatever the order of its members', () => {
    const reversed = Object.fromEntries(Object.entries(VALUE).reverse()) as unknown as Load
    expect(hashStruct(LOAD, reversed)).toBe(hashStruct(LOAD, VALUE))
  })

  it('refuses to hash a value with a missing member', () => {
    const { at: _, ...rest } = VALUE
    expect(() => hashStruct(LOAD, rest as unknown as Load)).toThrow('Load.at is missing')
  })

  it.each<[FieldType, number, unknown[], unknown[]]>([
    ['address', 160, [CONTRACT], [NETWORK, CONTRACT.toUpperCase(), '', 0, undefined]],
    ['bytes32', 256, [NETWORK], [CONTRACT, `0x${'AB'.repeat(32)}`, 0n, null]],
    ['uint8', 8, [0, 255], [-1, 256, 0.5, Number.NaN, '1', 1n, undefined]],
    ['uint16', 16, [0, 65_535], [65_536, 1n]],
    ['uint32', 32, [0, 4_294_967_295], [4_294_967_296, 1n]],
    ['uint64', 64, [0, Number.MAX_SAFE_INTEGER], [2 ** 53, 1n, '1']],
    ['uint128', 128, [0n, 2n ** 128n - 1n], [-1n, 2n ** 128n, 1, '1']],
    ['uint256', 256, [0n, 2n ** 256n - 1n], [-1n, 2n ** 256n, 1]],
  ])('R3 holds %s (%d bits) to its range', (type, bits, good, bad) => {
    expect(bitsOf(type)).toBe(bits)
    for (const value of good) expect(fieldProblem(type, value)).toBeUndefined()
    for (const value of bad) expect(fieldProblem(type, value), String(value)).toEqual(expect.any(String))
  })

  it('finds nothing wrong with a legal value', () => {
    expect(structProblem(LOAD, VALUE)).toBeUndefined()
  })

  it('names the field that is missing, out of range or unknown', () => {
    const { freeSlots: _, ...rest } = VALUE
    expect(structProblem(LOAD, rest)).toMatchObject({ type: 'Load', field: 'freeSlots' })
    expect(structProblem(LOAD, { ...VALUE, freeSlots: 65_536 })).toMatchObject({ field: 'freeSlots' })
    expect(structProblem(LOAD, { ...VALUE, extra: 1 })).toEqual({
      type: 'Load',
      field: 'extra',
      problem: 'unknown member',
    })
  })

  it.each(['toString', 'constructor', 'hasOwnProperty', '__proto__'])(
    'R3 refuses the unknown member %s that every object inherits',
    (field) => {
      const value = JSON.parse(JSON.stringify(VALUE).replace('{', `{"${field}":1,`))
      expect(structProblem(LOAD, value)).toMatchObject({ field, problem: 'unknown member' })
    },
  )

  it('R3 refuses code 0 and unknown codes of enumerations and says which are known', () => {
    const receipt = Object.fromEntries(
      RECEIPT.names.map((name) => [
        name,
        { address: CONTRACT, bytes32: NETWORK, uint128: 1n }[RECEIPT.fields[name as 'jobId'] as string] ?? 1,
      ]),
    )
    expect(structProblem(RECEIPT, receipt)).toBeUndefined()
    for (const status of [0, 4, 255]) {
      expect(structProblem(RECEIPT, { ...receipt, status })).toEqual({
        type: 'Receipt',
        field: 'status',
        problem: 'expected one of 1 (complete), 2 (truncated), 3 (failed)',
      })
    }
  })

  it('names codes for people', () => {
    expect(nameOfCode(STATUS, 2)).toBe('truncated')
    expect(nameOfCode(TIER, 9)).toBe('unknown 9')
  })
})
