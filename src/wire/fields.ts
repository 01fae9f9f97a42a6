import type { DescMessage } from '@bufbuild/protobuf'
import {
  bitsOf,
  type Enumeration,
  type Fields,
  type FieldType,
  type StructType,
  type StructValue,
} from '../protocol/index.ts'

/** One protobuf value and the plain value it stands for. `max` and `min` count bytes, elements or the number itself. */
export type Kind =
  | {
      readonly kind: 'uint'
      readonly wide: boolean
      readonly max: number
      readonly codes?: Enumeration
      readonly named: boolean
    }
  | { readonly kind: 'bool' }
  /** Exactly `bytes` big-endian bytes; a bigint outside. */
  | { readonly kind: 'bigint'; readonly bytes: number }
  /** Exactly `bytes` bytes; 0x-hex outside. */
  | { readonly kind: 'hex'; readonly bytes: number }
  | { readonly kind: 'bytes'; readonly min: number; readonly max: number }
  | { readonly kind: 'text'; readonly max: number; readonly pattern: RegExp; readonly registry?: readonly string[] }
  | { readonly kind: 'message'; readonly of: Shape }
  | { readonly kind: 'list'; readonly of: Kind; readonly max: number }

/** A kind with the type of its plain value, which exists for the compiler alone. */
export type Field<T> = Kind & { readonly plain?: T }
export type OptionalField<T> = Field<T> & { readonly optional: true }

export interface Member {
  /** Name in the plain object. */
  readonly name: string
  /** Name in the generated message. */
  readonly localName: string
  readonly number: number
  readonly kind: Kind
  readonly optional: boolean
}

/** A message: the generated descriptor, and what each of its fields stands for, by ascending field number. */
export interface Shape<T = unknown> {
  readonly name: string
  readonly desc: DescMessage
  readonly members: readonly Member[]
  /** Set when the plain value is the struct itself. */
  readonly struct?: StructType
  /** A frame: exactly one member is present, and the plain value is `{kind, value}`. */
  readonly union: boolean
  readonly plain?: T
}

export const uint32 = (max = 0xffff_ffff): Field<number> => ({ kind: 'uint', wide: false, max, named: false })
export const uint64: Field<number> = { kind: 'uint', wide: true, max: Number.MAX_SAFE_INTEGER, named: false }
export const bool: Field<boolean> = { kind: 'bool' }
export const digest: Field<`0x${string}`> = { kind: 'hex', bytes: 32 }
export const address: Field<`0x${string}`> = { kind: 'hex', bytes: 20 }
/** r, s, v (R3). */
export const signature: Field<`0x${string}`> = { kind: 'hex', bytes: 65 }
/** Unsigned, exactly `width` bytes on the wire. */
export const bigint = (width: number): Field<bigint> => ({ kind: 'bigint', bytes: width })
export const bytes = (max: number, min = 0): Field<Uint8Array> => ({ kind: 'bytes', min, max })
export const text = (max: number, pattern: RegExp): Field<string> => ({ kind: 'text', max, pattern })
export const list = <T>(of: Field<T>, max: number): Field<readonly T[]> => ({ kind: 'list', of, max })
export const embed = <T>(of: Shape<T>): Field<T> => ({ kind: 'message', of })
export const optional = <T>(field: Field<T>): OptionalField<T> => ({ ...field, optional: true })

/** A code of a closed set, kept as a number. */
export function code(codes: Enumeration): Field<number> {
  return { kind: 'uint', wide: false, max: 0xffff_ffff, codes, named: false }
}

/** A code of a closed set that is a name outside. */
export function named<const E extends Enumeration>(codes: E): Field<keyof E & string> {
  return { kind: 'uint', wide: false, max: 0xffff_ffff, codes, named: true }
}

/** A string of a closed set. */
export function registered<const R extends string>(registry: readonly R[]): Field<R> {
  return { kind: 'text', max: Math.max(...registry.map((entry) => entry.length)), pattern: /^[\x20-\x7e]*$/, registry }
}

const kindOfField = (type: FieldType, codes: Enumeration | undefined): Kind => {
  switch (type) {
    case 'address':
      return address
    case 'bytes32':
      return digest
    case 'uint128':
    case 'uint256':
      return { kind: 'bigint', bytes: bitsOf(type) / 8 }
    case 'uint64':
      return uint64
    case 'uint40':
      return { kind: 'uint', wide: true, max: 2 ** 40 - 1, named: false }
    default:
      return codes === undefined ? uint32(2 ** bitsOf(type) - 1) : code(codes)
  }
}

/** The message of a signed type: field i + 1 is the type's field i, whatever case the generator gave its name. */
export function struct<F extends Fields>(desc: DescMessage, type: StructType<F>): Shape<StructValue<StructType<F>>> {
  const members = type.names.map((name, index): Member => {
    const field = desc.fields.find((candidate) => candidate.number === index + 1)
    if (field === undefined || field.localName.toLowerCase() !== name.toLowerCase()) {
      throw new TypeError(`${desc.typeName} field ${index + 1} is not ${type.name}.${name}`)
    }
    const kind = kindOfField(type.fields[name] as FieldType, type.enumerations[name])
    return { name, localName: field.localName, number: field.number, kind, optional: false }
  })
  assertWhole(desc, members)
  return { name: desc.name, desc, members, struct: type, union: false }
}

type FieldsOf<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalField<NonNullable<T[K]>> : Field<T[K]>
}

/** A composite: members by the names of the generated message. */
export function message<T>(desc: DescMessage, fields: FieldsOf<T>): Shape<T> {
  const members = membersOf(desc, fields as { readonly [name: string]: Kind })
  assertWhole(desc, members)
  return { name: desc.name, desc, members, union: false }
}

type FramesOf<T extends { readonly kind: string; readonly value: unknown }> = {
  readonly [K in T['kind']]: Shape<Extract<T, { readonly kind: K }>['value']>
}

/** A frame of a stream: one oneof, exactly one case set. */
export function frames<T extends { readonly kind: string; readonly value: unknown }>(
  desc: DescMessage,
  cases: FramesOf<T>,
): Shape<T> {
  const entries = Object.entries(cases as { readonly [name: string]: Shape }).map(([name, of]) => [name, embed(of)])
  const members = membersOf(desc, Object.fromEntries(entries))
  assertWhole(desc, members)
  return { name: desc.name, desc, members, union: true }
}

/** The same message with members that may not be there in this place: written without them, refused with them. */
export function without<T>(shape: Shape<T>, ...names: (keyof T & string)[]): Shape<T> {
  return { ...shape, members: shape.members.filter((member) => !names.includes(member.name as keyof T & string)) }
}

function membersOf(
  desc: DescMessage,
  fields: { readonly [name: string]: Kind & { readonly optional?: true } },
): Member[] {
  const members = Object.entries(fields).map(([name, kind]): Member => {
    const field = desc.fields.find((candidate) => candidate.localName === name)
    if (field === undefined) throw new TypeError(`${desc.typeName} has no field ${name}`)
    return { name, localName: name, number: field.number, kind, optional: kind.optional === true }
  })
  return members.sort((left, right) => left.number - right.number)
}

function assertWhole(desc: DescMessage, members: readonly Member[]): void {
  for (const field of desc.fields) {
    const member = members.find((candidate) => candidate.number === field.number)
    if (member === undefined) throw new TypeError(`${desc.typeName}.${field.name} has no meaning`)
    const kind = member.kind.kind === 'list' ? member.kind.of : member.kind
    const wire =
      WIRE_OF_SCALAR[
        field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar') ? field.scalar : 0
      ]
    const expected =
      kind.kind === 'uint'
        ? kind.wide
          ? 'uint64'
          : 'uint32'
        : kind.kind === 'hex' || kind.kind === 'bigint'
          ? 'bytes'
          : kind.kind
    const repeated = field.fieldKind === 'list'
    if (
      wire !== expected ||
      repeated !== (member.kind.kind === 'list') ||
      (kind.kind === 'message' && field.message?.name !== kind.of.name)
    ) {
      throw new TypeError(`${desc.typeName}.${field.name} is not ${member.kind.kind} ${expected}`)
    }
  }
}

/** ScalarType of @bufbuild/protobuf; 0 stands for a message. */
const WIRE_OF_SCALAR: { readonly [scalar: number]: string } = {
  0: 'message',
  4: 'uint64',
  8: 'bool',
  9: 'text',
  12: 'bytes',
  13: 'uint32',
}
