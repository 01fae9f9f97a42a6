import fc from 'fast-check'
import { concatHex, domainSeparator, encodeAbiParameters, keccak256, stringToBytes } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  createDomain,
  DOMAIN_NAME,
  DOMAIN_VERSION,
  digestOf,
  hashStruct,
  SIGNED_TYPES,
  structProblem,
} from '../../src/protocol/index.ts'
import { addresses, digests, memberOf, structOf } from './arbitraries.ts'

const CONTRACT = `0x${'11'.repeat(20)}` as const
const NETWORK = `0x${'22'.repeat(32)}` as const
const DOMAIN = createDomain(31337, CONTRACT, NETWORK)

describe.each(SIGNED_TYPES.map((type) => [type.name, type] as const))('%s', (_, type) => {
  it.each(type.names)('R3 has another digest when %s changes', (name) => {
    fc.assert(
      fc.property(structOf(type), memberOf(type, name), (value, other) => {
        fc.pre(value[name] !== other)
        const changed = { ...value, [name]: other } as typeof value
        expect(digestOf(DOMAIN, type, changed)).not.toBe(digestOf(DOMAIN, type, value))
      }),
      { numRuns: 20 },
    )
  })

  it('R3 has the digest that EIP-712 defines, by an encoder that shares no code', () => {
    fc.assert(
      fc.property(
        structOf(type),
        fc.integer({ min: 1, max: 2 ** 32 }),
        addresses,
        digests,
        (value, chainId, verifyingContract, salt) => {
          const struct = keccak256(
            encodeAbiParameters(
              [{ type: 'bytes32' }, ...type.names.map((name) => ({ type: type.fields[name] as string }))],
              [keccak256(stringToBytes(type.typeString)), ...type.names.map((name) => value[name])],
            ),
          )
          const separator = domainSeparator({
            domain: { name: DOMAIN_NAME, version: DOMAIN_VERSION, chainId, verifyingContract, salt },
          })
          expect(hashStruct(type, value)).toBe(struct)
          expect(digestOf(createDomain(chainId, verifyingContract, salt), type, value)).toBe(
            keccak256(concatHex(['0x1901', separator, struct])),
          )
        },
      ),
      { numRuns: 20 },
    )
  })

  it('R3 refuses any value with one member missing, of another kind, or too many', () => {
    fc.assert(
      fc.property(
        structOf(type),
        fc.constantFrom(...type.names),
        fc.constantFrom<unknown>(undefined, null, -1, 0.5, '', '0x', 2n ** 256n, [], {}, true),
        fc.string(),
        (value, name, wrong, extra) => {
          fc.pre(!type.names.includes(extra))
          expect(structProblem(type, value)).toBeUndefined()
          expect(structProblem(type, { ...value, [name]: wrong })).toMatchObject({ field: name })
          const widened = Object.fromEntries([...Object.entries(value), [extra, 0]])
          expect(structProblem(type, widened)).toMatchObject({ field: extra })
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('all signed types', () => {
  it('R3 never share a digest, even where their members could be the same words', () => {
    fc.assert(
      fc.property(fc.tuple(...SIGNED_TYPES.map((type) => structOf(type))), (values) => {
        const hashes = SIGNED_TYPES.map((type, index) => digestOf(DOMAIN, type, values[index]!))
        expect(new Set(hashes).size).toBe(hashes.length)
      }),
      { numRuns: 10 },
    )
  })
})
