import { isHex, utf8, writeHex } from '../protocol/index.ts'
import { WireError } from './errors.ts'
import type { Kind, Member, Shape } from './fields.ts'

const VARINT = 0
const LENGTH_DELIMITED = 2
/** FieldPresence of @bufbuild/protobuf: a field that is written whenever it is set. */
const EXPLICIT = 1
/** Most messages fit; a greater one makes the buffer grow, once. */
const FIRST_BUFFER_BYTES = 64 * 1024

type Values = { readonly [name: string]: unknown }

interface Plan {
  readonly shape: Shape
  /** By descending field number, as they are written. */
  readonly fields: readonly FieldPlan[]
  readonly byName: ReadonlyMap<string, FieldPlan>
}

interface FieldPlan {
  readonly member: Member
  readonly kind: Exclude<Kind, { kind: 'list' }>
  readonly tag: number
  /** Elements of a repeated field. */
  readonly maxCount: number | undefined
  /** Left out when it is zero or empty. */
  readonly implicit: boolean
}

const plans = new WeakMap<Shape, Plan>()

function planOf(shape: Shape): Plan {
  let plan = plans.get(shape)
  if (plan === undefined) {
    const fields = shape.members.map((member) => planField(shape, member)).reverse()
    plan = { shape, fields, byName: new Map(fields.map((field) => [field.member.name, field])) }
    plans.set(shape, plan)
  }
  return plan
}

function planField(shape: Shape, member: Member): FieldPlan {
  const list = member.kind.kind === 'list' ? member.kind : undefined
  const kind = (list === undefined ? member.kind : list.of) as FieldPlan['kind']
  const wire = kind.kind === 'uint' || kind.kind === 'bool' ? VARINT : LENGTH_DELIMITED
  const field = shape.desc.fields.find(({ number }) => number === member.number)
  const implicit = list === undefined && field?.presence !== EXPLICIT
  return { member, kind, tag: member.number * 8 + wire, maxCount: list?.max, implicit }
}

/** Filled from its end, so that the length of a part is known when it is written. */
let buffer = new Uint8Array(FIRST_BUFFER_BYTES)
let at = buffer.length

/**
 * Protobuf bytes of a plain value, from the last field to the first. Throws WireError for what no encoding could show: values
 * that are absent, of the wrong type, or outside the type on the wire; lengths and codes are `scan`'s.
 */
export function write(shape: Shape, value: unknown): Uint8Array {
  at = buffer.length
  writeMessage(planOf(shape), value)
  return buffer.slice(at)
}

function writeMessage(plan: Plan, value: unknown): void {
  const { shape } = plan
  if (shape.union) {
    const frame = value as { readonly kind: string; readonly value: unknown }
    const field = plan.byName.get(frame.kind)
    if (field?.kind.kind !== 'message') {
      throw new WireError({ code: 'unknown-frame', type: shape.name, frame: String(frame.kind) })
    }
    writeField(shape, field, frame.value)
    return
  }
  const values = value as Values
  for (const field of plan.fields) {
    const { member, maxCount } = field
    const plain = values[member.name]
    if (plain === undefined) {
      if (!member.optional) throw new WireError({ code: 'missing', type: shape.name, field: member.name })
    } else if (maxCount === undefined) writeField(shape, field, plain)
    else writeList(shape, field, plain, maxCount)
  }
  if (shape.struct !== undefined && Object.keys(values).length !== plan.fields.length) {
    throw unknownMember(shape, shape.struct.fields, values)
  }
}

function writeList(shape: Shape, field: FieldPlan, plain: unknown, max: number): void {
  const { name } = field.member
  if (!Array.isArray(plain)) throw outOfRange(shape, field, 'expected an array')
  if (plain.length > max) throw new WireError({ code: 'too-many', type: shape.name, field: name, limit: max })
  for (let index = plain.length - 1; index >= 0; index -= 1) writeField(shape, field, plain[index])
}

function writeField(shape: Shape, field: FieldPlan, plain: unknown): void {
  const { kind } = field
  switch (kind.kind) {
    case 'uint':
      writeNumber(field, toInteger(shape, field, kind, plain))
      return
    case 'bool':
      if (typeof plain !== 'boolean') throw outOfRange(shape, field, 'expected true or false')
      writeNumber(field, plain ? 1 : 0)
      return
    case 'bigint':
      if (typeof plain !== 'bigint' || plain < 0n || plain >> BigInt(kind.bytes * 8) !== 0n) {
        throw outOfRange(shape, field, `expected an unsigned integer below 2^${kind.bytes * 8}`)
      }
      writeBigint(plain, kind.bytes)
      writeHead(field, kind.bytes)
      return
    case 'hex':
      if (typeof plain !== 'string' || plain.length !== 2 + 2 * kind.bytes || !isHex(plain)) {
        throw outOfRange(shape, field, `expected 0x and ${2 * kind.bytes} lower-case hex digits`)
      }
      reserve(kind.bytes)
      writeHex(plain, buffer, at)
      writeHead(field, kind.bytes)
      return
    case 'bytes':
      if (!(plain instanceof Uint8Array)) throw outOfRange(shape, field, 'expected bytes')
      writeBytes(field, plain)
      return
    case 'text':
      writeBytes(field, utf8(checkText(shape, field, kind, plain)))
      return
    case 'message': {
      const end = buffer.length - at
      writeMessage(planOf(kind.of), plain)
      writeHead(field, buffer.length - at - end)
      return
    }
  }
}

function writeNumber(field: FieldPlan, value: number): void {
  if (value === 0 && field.implicit) return
  writeVarint(value)
  writeVarint(field.tag)
}

function writeBytes(field: FieldPlan, bytes: Uint8Array): void {
  if (bytes.length === 0 && field.implicit) return
  reserve(bytes.length)
  buffer.set(bytes, at)
  writeHead(field, bytes.length)
}

function writeHead(field: FieldPlan, length: number): void {
  writeVarint(length)
  writeVarint(field.tag)
}

function writeVarint(value: number): void {
  let length = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length += 1
  reserve(length)
  let rest = value
  let to = at
  while (rest > 127) {
    buffer[to] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
    to += 1
  }
  buffer[to] = rest
}

/** Big-endian; a whole number of 64-bit words. */
function writeBigint(value: bigint, length: number): void {
  reserve(length)
  const view = new DataView(buffer.buffer, at, length)
  let rest = value
  for (let to = length - 8; to >= 0; to -= 8) {
    view.setBigUint64(to, BigInt.asUintN(64, rest))
    rest >>= 64n
  }
}

function reserve(length: number): void {
  if (at < length) {
    const used = buffer.length - at
    const larger = new Uint8Array(Math.max(2 * buffer.length, used + length))
    larger.set(buffer.subarray(at), larger.length - used)
    buffer = larger
    at = larger.length - used
  }
  at -= length
}

function toInteger(shape: Shape, field: FieldPlan, kind: Extract<Kind, { kind: 'uint' }>, plain: unknown): number {
  const { codes } = kind
  if (codes !== undefined && kind.named) {
    if (typeof plain !== 'string' || !Object.hasOwn(codes, plain)) throw unknownCode(shape, field, String(plain))
    return codes[plain] as number
  }
  if (typeof plain !== 'number' || !Number.isInteger(plain) || plain < 0 || plain > kind.max) {
    throw outOfRange(shape, field, `expected an integer from 0 to ${kind.max}`)
  }
  return plain
}

function checkText(shape: Shape, field: FieldPlan, kind: Extract<Kind, { kind: 'text' }>, plain: unknown): string {
  if (typeof plain !== 'string' || !plain.isWellFormed()) throw outOfRange(shape, field, 'expected well-formed text')
  if (kind.registry !== undefined) {
    if (!kind.registry.includes(plain)) throw unknownCode(shape, field, plain)
  } else if (!kind.pattern.test(plain)) throw outOfRange(shape, field, `expected text that matches ${kind.pattern}`)
  return plain
}

function unknownMember(shape: Shape, fields: Values, values: Values): WireError {
  const field = Object.keys(values).find((name) => !Object.hasOwn(fields, name)) ?? 'undefined'
  return new WireError({ code: 'unknown-field', type: shape.name, field })
}

const outOfRange = (shape: Shape, { member }: FieldPlan, problem: string): WireError =>
  new WireError({ code: 'out-of-range', type: shape.name, field: member.name, problem })

const unknownCode = (shape: Shape, { member }: FieldPlan, got: string): WireError =>
  new WireError({ code: 'unknown-code', type: shape.name, field: member.name, got: got.slice(0, 64) })
