import fc from 'fast-check'
import {
  type FieldType,
  MERKLE_TAG,
  type MerkleTag,
  type StructType,
  type StructValue,
} from '../../src/protocol/index.ts'

const hexDigits = (bytes: number): fc.Arbitrary<`0x${string}`> =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((value) => `0x${Buffer.from(value).toString('hex')}` as const)

export const digests = hexDigits(32)
export const addresses = hexDigits(20)
export const merkleTags = fc.constantFrom(...(Object.keys(MERKLE_TAG) as MerkleTag[]))

const MEMBERS: { readonly [T in FieldType]: fc.Arbitrary<string | number | bigint> } = {
  address: addresses,
  bytes32: digests,
  uint8: fc.integer({ min: 0, max: 255 }),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  uint32: fc.integer({ min: 0, max: 4_294_967_295 }),
  uint40: fc.integer({ min: 0, max: 2 ** 40 - 1 }),
  uint64: fc.maxSafeNat(),
  uint128: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  uint256: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
}

/** Any legal value of one member, enumerated members by their closed set. */
export function memberOf(type: StructType, name: string): fc.Arbitrary<string | number | bigint> {
  const codes = type.enumerations[name]
  return codes === undefined ? MEMBERS[type.fields[name] as FieldType] : fc.constantFrom(...Object.values(codes))
}

/** Any legal value of a signed type. */
export function structOf<S extends StructType>(type: S): fc.Arbitrary<StructValue<S>> {
  const members = Object.fromEntries(type.names.map((name) => [name, memberOf(type, name)]))
  return fc.record(members) as unknown as fc.Arbitrary<StructValue<S>>
}
