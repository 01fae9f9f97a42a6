import {
  type Address,
  bitsOf,
  type Digest,
  type FieldValue,
  type StructType,
  type StructValue,
} from '../protocol/index.ts'

/**
 * A struct as viem decodes it, as the protocol's object: addresses lower case, `uint64` and narrower as numbers.
 * Throws RangeError on values no signed object can hold.
 */
export function fromAbi<S extends StructType>(type: S, decoded: { readonly [name: string]: unknown }): StructValue<S> {
  const members: { [name: string]: FieldValue<StructType['fields'][string]> } = {}
  for (const name of type.names) {
    const field = type.fields[name]
    const value = decoded[name]
    if (field === 'address') members[name] = String(value).toLowerCase() as Address
    else if (field === 'bytes32') members[name] = value as Digest
    else if (field !== undefined && bitsOf(field) > 64) members[name] = BigInt(value as bigint | number)
    else members[name] = toSafeNumber(value as bigint | number)
  }
  return members as StructValue<S>
}

/** A struct as viem encodes it. */
export type AbiStruct<S extends StructType> = {
  readonly [K in keyof S['fields']]: S['fields'][K] extends 'uint64' ? bigint : FieldValue<S['fields'][K]>
}

/** The object as viem encodes it: `uint64` as bigint. */
export function toAbi<S extends StructType>(type: S, value: StructValue<S>): AbiStruct<S> {
  const encoded: { [name: string]: unknown } = {}
  for (const name of type.names) {
    const member = (value as { readonly [name: string]: unknown })[name]
    encoded[name] = type.fields[name] === 'uint64' ? BigInt(member as number) : member
  }
  return encoded as AbiStruct<S>
}

export function toSafeNumber(value: bigint | number): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`expected an integer of at most 2^53 - 1, got ${value}`)
  return number
}
