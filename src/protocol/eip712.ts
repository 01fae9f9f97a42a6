import { keccak, keccakBytes, keccakWords, tagDigest, utf8, writeWord } from './hash.ts'
import { type Address, type Digest, isAddress, isDigest, writeHex } from './hex.ts'

/** Static ABI types a signed object may hold: every signed type is flat and fixed-size (R3). */
export type FieldType =
  | 'address'
  | 'bytes32'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint40'
  | 'uint64'
  | 'uint128'
  | 'uint256'

/** `uint64` and narrower are numbers (values above 2^53 - 1 are refused), wider ones bigints. */
export type FieldValue<T extends FieldType> = T extends 'address'
  ? Address
  : T extends 'bytes32'
    ? Digest
    : T extends 'uint128' | 'uint256'
      ? bigint
      : number

export type Fields = { readonly [name: string]: FieldType }

/** Names and codes of one enumeration; code 0 is refused (section 2, Encoding). */
export type Enumeration = { readonly [name: string]: number }

export interface StructType<F extends Fields = Fields> {
  readonly name: string
  readonly fields: F
  readonly names: readonly string[]
  /** Enumerated fields with their closed sets of codes. */
  readonly enumerations: { readonly [field: string]: Enumeration }
  /** EIP-712 encodeType. */
  readonly typeString: string
  /** keccak256 of `typeString`. */
  readonly typeHash: Uint8Array
}

export type StructValue<S extends StructType> = { readonly [K in keyof S['fields']]: FieldValue<S['fields'][K]> }

export function defineStruct<const F extends Fields>(
  name: string,
  fields: F,
  enumerations: { readonly [field: string]: Enumeration } = {},
): StructType<F> {
  const names = Object.keys(fields)
  const typeString = `${name}(${names.map((field) => `${fields[field]} ${field}`).join(',')})`
  return { name, fields, names, enumerations, typeString, typeHash: keccakBytes(utf8(typeString)) }
}

/** The EIP-712 domain of one network (R3). */
export interface Domain {
  readonly chainId: number
  readonly verifyingContract: Address
  /** The network id (R2), as the domain's `salt`. */
  readonly networkId: Digest
  readonly separator: Uint8Array
}

export const DOMAIN_NAME = 'OPG Network'
export const DOMAIN_VERSION = '1'
export const DOMAIN_TYPE_STRING =
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)'

export function createDomain(chainId: number, verifyingContract: Address, networkId: Digest): Domain {
  const separator = keccakWords(
    tagDigest(DOMAIN_TYPE_STRING),
    tagDigest(DOMAIN_NAME),
    tagDigest(DOMAIN_VERSION),
    chainId,
    verifyingContract,
    networkId,
  )
  const bytes = new Uint8Array(32)
  writeHex(separator, bytes, 0)
  return { chainId, verifyingContract, networkId, separator: bytes }
}

/** EIP-712 hashStruct. */
export function hashStruct<S extends StructType>(type: S, value: StructValue<S>): Digest {
  return keccak(encodeStruct(type, value))
}

function encodeStruct<S extends StructType>(type: S, value: StructValue<S>): Uint8Array {
  const encoded = new Uint8Array(32 * (type.names.length + 1))
  encoded.set(type.typeHash, 0)
  let offset = 32
  for (const name of type.names) {
    const member = (value as { readonly [name: string]: FieldValue<FieldType> })[name]
    if (member === undefined) throw new RangeError(`${type.name}.${name} is missing`)
    writeWord(member, encoded, offset)
    offset += 32
  }
  return encoded
}

/** The digest that is signed and by which the object is identified: keccak256(0x1901 ‖ separator ‖ hashStruct). */
export function digestOf<S extends StructType>(
  domain: Pick<Domain, 'separator'>,
  type: S,
  value: StructValue<S>,
): Digest {
  const preimage = new Uint8Array(66)
  preimage[0] = 0x19
  preimage[1] = 0x01
  preimage.set(domain.separator, 2)
  preimage.set(keccakBytes(encodeStruct(type, value)), 34)
  return keccak(preimage)
}

const BITS: { readonly [T in FieldType]: number } = {
  address: 160,
  bytes32: 256,
  uint8: 8,
  uint16: 16,
  uint32: 32,
  uint40: 40,
  uint64: 64,
  uint128: 128,
  uint256: 256,
}

export const bitsOf = (type: FieldType): number => BITS[type]

/** What is wrong with a field, or undefined when `value` is a legal `type`. */
export function fieldProblem(type: FieldType, value: unknown): string | undefined {
  switch (type) {
    case 'address':
      return isAddress(value) ? undefined : 'expected 0x and 40 lower-case hex digits'
    case 'bytes32':
      return isDigest(value) ? undefined : 'expected 0x and 64 lower-case hex digits'
    case 'uint128':
    case 'uint256':
      return typeof value === 'bigint' && value >= 0n && value >> BigInt(BITS[type]) === 0n
        ? undefined
        : `expected an unsigned integer below 2^${BITS[type]}`
    default: {
      const limit = type === 'uint64' ? Number.MAX_SAFE_INTEGER : 2 ** BITS[type] - 1
      return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= limit
        ? undefined
        : `expected an integer from 0 to ${limit}`
    }
  }
}

export interface StructProblem {
  readonly type: string
  readonly field: string
  readonly problem: string
}

/** The first field of `value` that is not what `type` says: missing, unknown, out of range, or an unknown code. */
export function structProblem(
  type: StructType,
  value: { readonly [name: string]: unknown },
): StructProblem | undefined {
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(type.fields, name)) return { type: type.name, field: name, problem: 'unknown member' }
  }
  for (const name of type.names) {
    const problem = fieldProblem(type.fields[name] as FieldType, value[name])
    if (problem !== undefined) return { type: type.name, field: name, problem }
    const codes = type.enumerations[name]
    if (codes !== undefined && !Object.values(codes).includes(value[name] as number)) {
      return { type: type.name, field: name, problem: `expected one of ${describeCodes(codes)}` }
    }
  }
  return undefined
}

const describeCodes = (codes: Enumeration): string =>
  Object.entries(codes)
    .map(([name, code]) => `${code} (${name})`)
    .join(', ')

export const nameOfCode = (codes: Enumeration, code: number): string =>
  Object.keys(codes).find((name) => codes[name] === code) ?? `unknown ${code}`
