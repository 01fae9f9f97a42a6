import { WIRE_LIMITS } from './constants.ts'
import { WireError } from './errors.ts'
import type { Kind, Member, Shape } from './fields.ts'
import type { WireType } from './messages.ts'

const VARINT = 0
const LENGTH_DELIMITED = 2
/** A varint of 64 bits. */
const MAX_VARINT_BYTES = 10

interface Plan {
  readonly shape: Shape
  readonly limit: number
  readonly byNumber: readonly (FieldPlan | undefined)[]
  /** Bit n is set when field n must be there. */
  readonly required: number
}

interface FieldPlan {
  readonly member: Member
  readonly kind: Exclude<Kind, { kind: 'list' }>
  readonly wire: number
  readonly repeated: boolean
  /** Elements of a repeated field. */
  readonly maxCount: number
  /** Length in bytes, or the number itself. */
  readonly min: number
  readonly max: number
  readonly codes: ReadonlySet<number> | undefined
  readonly child: Plan | undefined
}

const plans = new WeakMap<Shape, Plan>()

function planOf(shape: Shape): Plan {
  let plan = plans.get(shape)
  if (plan === undefined) {
    plan = compile(shape)
    plans.set(shape, plan)
  }
  return plan
}

function compile(shape: Shape): Plan {
  const byNumber: FieldPlan[] = []
  let required = 0
  for (const member of shape.members) {
    const field = compileField(member)
    byNumber[member.number] = field
    if (!shape.union && isRequired(field)) required |= 1 << member.number
  }
  return { shape, limit: WIRE_LIMITS[shape.name as WireType].value, byNumber, required }
}

function compileField(member: Member): FieldPlan {
  const repeated = member.kind.kind === 'list'
  const maxCount = member.kind.kind === 'list' ? member.kind.max : 1
  const kind = (member.kind.kind === 'list' ? member.kind.of : member.kind) as FieldPlan['kind']
  const base = { member, kind, repeated, maxCount, codes: undefined, child: undefined, wire: LENGTH_DELIMITED }
  switch (kind.kind) {
    case 'uint':
      return {
        ...base,
        wire: VARINT,
        min: 0,
        max: kind.max,
        codes: kind.codes === undefined ? undefined : new Set(Object.values(kind.codes)),
      }
    case 'bool':
      return { ...base, wire: VARINT, min: 0, max: 1 }
    case 'hex':
    case 'bigint':
      return { ...base, min: kind.bytes, max: kind.bytes }
    case 'bytes':
      return { ...base, min: kind.min, max: kind.max }
    case 'text':
      return { ...base, min: 0, max: kind.max }
    case 'message':
      return { ...base, min: 0, max: Number.MAX_SAFE_INTEGER, child: planOf(kind.of) }
  }
}

function isRequired(field: FieldPlan): boolean {
  if (field.repeated || field.member.optional) return false
  if (field.wire === VARINT) return field.codes !== undefined && !field.codes.has(0)
  return field.child !== undefined || field.min > 0 || (field.kind.kind === 'text' && field.kind.registry !== undefined)
}

/** A position in the bytes; one object for a whole scan, so that nothing is allocated per field. */
interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

/**
 * Walks an encoding without building anything and throws WireError at the first thing that `encode` would not have written:
 * size and count limits before they can cost memory, unknown fields at any depth, wrong lengths, ranges and codes, fields out of
 * order or twice, numbers longer than needed, defaults written out, parts that reach beyond their whole.
 */
export function scan(shape: Shape, bytes: Uint8Array): void {
  const plan = planOf(shape)
  if (bytes.length > plan.limit) throw oversize(plan, bytes.length)
  scanMessage(plan, { bytes, at: 0 }, bytes.length)
}

function scanMessage(plan: Plan, cursor: Cursor, end: number): void {
  if (plan.shape.union) {
    scanFrame(plan, cursor, end)
    return
  }
  let last = 0
  let count = 0
  let seen = 0
  while (cursor.at < end) {
    const tag = readVarint(plan, cursor, end)
    const number = Math.floor(tag / 8)
    const field = plan.byNumber[number]
    if (field === undefined) throw new WireError({ code: 'unknown-field', type: plan.shape.name, field: number })
    if (tag % 8 !== field.wire)
      throw malformed(plan, `${field.member.name} has wire type ${tag % 8}, expected ${field.wire}`)
    if (number < last || (number === last && !field.repeated)) {
      throw malformed(plan, `${field.member.name} is out of order or twice`)
    }
    count = number === last ? count + 1 : 1
    if (count > field.maxCount) {
      throw new WireError({ code: 'too-many', type: plan.shape.name, field: field.member.name, limit: field.maxCount })
    }
    last = number
    seen |= 1 << number
    scanField(plan, field, cursor, end)
  }
  const missing = plan.required & ~seen
  if (missing !== 0) throw missingField(plan, 31 - Math.clz32(missing & -missing))
}

/** Exactly one case, whose own limit is known from the first tag. */
function scanFrame(plan: Plan, cursor: Cursor, end: number): void {
  if (cursor.at === end) throw new WireError({ code: 'missing', type: plan.shape.name, field: 'frame' })
  const tag = readVarint(plan, cursor, end)
  const number = Math.floor(tag / 8)
  const field = plan.byNumber[number]
  if (field?.child === undefined) {
    const later = plan.shape.desc.proto.reservedRange.some(({ start, end: after }) => number >= start && number < after)
    throw new WireError({ code: later ? 'unknown-version' : 'unknown-frame', type: plan.shape.name, frame: number })
  }
  if (tag % 8 !== LENGTH_DELIMITED) throw malformed(plan, `${field.member.name} has wire type ${tag % 8}`)
  const most = field.child.limit + WIRE_LIMITS.frameHeader.value
  if (end > most) throw oversize(field.child, end, most)
  scanField(plan, field, cursor, end)
  if (cursor.at !== end) throw malformed(plan, 'more than one frame')
}

function scanField(plan: Plan, field: FieldPlan, cursor: Cursor, end: number): void {
  const value = readVarint(plan, cursor, end)
  if (field.wire === VARINT) {
    if (value > field.max) throw outOfRange(plan, field, `expected an integer from 0 to ${field.max}`)
    if (value === 0) throw malformed(plan, `${field.member.name} is written although it is 0`)
    if (field.codes?.has(value) === false) throw unknownCode(plan, field, value)
    return
  }
  const stop = cursor.at + value
  if (stop > end) throw malformed(plan, `${field.member.name} reaches beyond its end`)
  if (field.child !== undefined) {
    if (value > field.child.limit) throw oversize(field.child, value)
    scanMessage(field.child, cursor, stop)
    return
  }
  if (value < field.min || value > field.max) {
    const expected = field.min === field.max ? `${field.min}` : `${field.min} to ${field.max}`
    throw outOfRange(plan, field, `expected ${expected} bytes, got ${value}`)
  }
  if (value === 0 && !field.repeated) throw malformed(plan, `${field.member.name} is written although it is empty`)
  cursor.at = stop
}

/** Values above 2^53 lose low bits, which no range accepts. */
function readVarint(plan: Plan, cursor: Cursor, end: number): number {
  const { bytes } = cursor
  let value = 0
  let scale = 1
  for (let length = 1; length <= MAX_VARINT_BYTES; length += 1) {
    if (cursor.at >= end) throw malformed(plan, 'ends inside a number')
    const byte = bytes[cursor.at] as number
    cursor.at += 1
    if (byte < 128) {
      if (byte === 0 && length > 1) throw malformed(plan, 'a number is longer than needed')
      return value + byte * scale
    }
    value += (byte - 128) * scale
    scale *= 128
  }
  throw malformed(plan, `a number is longer than ${MAX_VARINT_BYTES} bytes`)
}

function missingField(plan: Plan, number: number): WireError {
  const field = plan.byNumber[number] as FieldPlan
  if (field.codes !== undefined) return unknownCode(plan, field, 0)
  return new WireError({ code: 'missing', type: plan.shape.name, field: field.member.name })
}

const malformed = (plan: Plan, problem: string): WireError =>
  new WireError({ code: 'malformed', type: plan.shape.name, problem })

const oversize = (plan: Plan, got: number, limit = plan.limit): WireError =>
  new WireError({ code: 'oversize', type: plan.shape.name, limit, got })

const outOfRange = (plan: Plan, field: FieldPlan, problem: string): WireError =>
  new WireError({ code: 'out-of-range', type: plan.shape.name, field: field.member.name, problem })

const unknownCode = (plan: Plan, field: FieldPlan, got: number): WireError =>
  new WireError({ code: 'unknown-code', type: plan.shape.name, field: field.member.name, got })
