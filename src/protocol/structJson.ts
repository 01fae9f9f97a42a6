import type { Json } from './canonical.ts'
import {
  type Fields,
  type FieldType,
  type FieldValue,
  fieldProblem,
  type StructType,
  type StructValue,
  structProblem,
} from './eip712.ts'
import { CodedError } from './errors.ts'
import { toChecksumAddress } from './hash.ts'
import { type Address, isAddress } from './hex.ts'

/** A member of JSON that came from outside and is not what its place asks for; `at` as in `job.job.maxFee`. */
export class JsonMemberError extends CodedError<{
  readonly code: 'member-unknown' | 'member-missing' | 'member-invalid'
  readonly at: string
  readonly expected: string
  readonly got: string
}> {}

const MAX_SHOWN = 80

export function memberError(
  code: JsonMemberError['code'],
  at: string,
  expected: string,
  got: unknown,
): JsonMemberError {
  const shown = (typeof got === 'string' ? got : (JSON.stringify(got) ?? 'nothing')).slice(0, MAX_SHOWN)
  return new JsonMemberError({ code, at, expected, got: shown }, `${at}: expected ${expected}, got ${shown}`)
}

const isBig = (type: FieldType): boolean => type === 'uint128' || type === 'uint256'

/** A struct as JSON: addresses in EIP-55, uint128 and wider as decimal strings, narrower integers as numbers, enumerations by code. */
export function structToJson<F extends Fields>(
  type: StructType<F>,
  value: StructValue<StructType<F>>,
): { [name: string]: Json } {
  const members = value as { readonly [name: string]: FieldValue<FieldType> }
  return Object.fromEntries(
    type.names.map((name) => {
      const member = members[name] as FieldValue<FieldType>
      if (typeof member === 'bigint') return [name, member.toString()]
      return [name, type.fields[name] === 'address' ? toChecksumAddress(member as Address) : member]
    }),
  )
}

/** What `structToJson` wrote, in that one form. Throws JsonMemberError. */
export function structFromJson<S extends StructType>(type: S, json: unknown, at: string): StructValue<S> {
  const members = objectAt(json, at, type.names)
  const value: { [name: string]: FieldValue<FieldType> } = {}
  for (const name of type.names) {
    const kind = type.fields[name] as FieldType
    const member = members[name]
    const place = `${at}.${name}`
    if (kind === 'address') value[name] = addressAt(member, place)
    else if (isBig(kind)) value[name] = decimalAt(member, place)
    else value[name] = member as FieldValue<FieldType>
    const problem = fieldProblem(kind, value[name])
    if (problem !== undefined) throw memberError('member-invalid', place, problem, member)
  }
  const problem = structProblem(type, value)
  if (problem !== undefined)
    throw memberError('member-invalid', `${at}.${problem.field}`, problem.problem, members[problem.field])
  return value as StructValue<S>
}

/** An object with exactly these members. Throws JsonMemberError. */
export function objectAt(
  json: unknown,
  at: string,
  required: readonly string[],
  optional: readonly string[] = [],
): { readonly [name: string]: unknown } {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw memberError('member-invalid', at, 'an object', json)
  const members = json as { readonly [name: string]: unknown }
  for (const name of Object.keys(members)) {
    if (required.includes(name) || optional.includes(name)) continue
    throw memberError('member-unknown', `${at}.${name}`, [...required, ...optional].join(', '), name)
  }
  for (const name of required) {
    if (!Object.hasOwn(members, name)) throw memberError('member-missing', `${at}.${name}`, 'a value', 'nothing')
  }
  return members
}

export function listAt<T>(json: unknown, at: string, most: number, read: (item: unknown, at: string) => T): T[] {
  if (!Array.isArray(json) || json.length > most) {
    throw memberError(
      'member-invalid',
      at,
      `a list of at most ${most}`,
      Array.isArray(json) ? `${json.length} items` : json,
    )
  }
  return json.map((item, index) => read(item, `${at}[${index}]`))
}

export function addressAt(json: unknown, at: string): Address {
  const lower = typeof json === 'string' ? json.toLowerCase() : json
  if (!isAddress(lower) || toChecksumAddress(lower) !== json)
    throw memberError('member-invalid', at, 'an address in EIP-55', json)
  return lower
}

const DECIMAL = /^(?:0|[1-9][0-9]{0,77})$/

export function decimalAt(json: unknown, at: string): bigint {
  if (typeof json !== 'string' || !DECIMAL.test(json)) throw memberError('member-invalid', at, 'a decimal string', json)
  return BigInt(json)
}
