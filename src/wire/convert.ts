import type { Message } from '@bufbuild/protobuf'
import { bytesToHex, hexToBytes, isHex } from '../protocol/index.ts'
import { WireError } from './errors.ts'
import type { Kind, Member, Shape } from './fields.ts'

type Values = { [name: string]: unknown }

/**
 * The generated message of a plain value. Throws WireError for what no encoding could show: values that are absent, of the wrong
 * type, or outside the type on the wire; lengths, counts and codes are `scan`'s.
 */
export function toMessage(shape: Shape, value: unknown): Message {
  const message: Message & Values = { $typeName: shape.desc.typeName }
  if (shape.union) {
    const frame = value as { readonly kind: string; readonly value: unknown }
    const member = shape.members.find((candidate) => candidate.name === frame.kind)
    if (member?.kind.kind !== 'message') {
      throw new WireError({ code: 'unknown-frame', type: shape.name, frame: String(frame.kind) })
    }
    message.frame = { case: member.localName, value: toMessage(member.kind.of, frame.value) }
    return message
  }
  const values = value as Values
  for (const member of shape.members) {
    const plain = values[member.name]
    if (plain !== undefined) message[member.localName] = toWire(shape, member, member.kind, plain)
    else if (!member.optional) throw new WireError({ code: 'missing', type: shape.name, field: member.name })
  }
  if (shape.struct !== undefined && Object.keys(values).length !== shape.members.length) {
    throw unknownMember(shape, shape.struct.fields, values)
  }
  return message
}

function toWire(shape: Shape, member: Member, kind: Kind, plain: unknown): unknown {
  switch (kind.kind) {
    case 'uint':
      return toInteger(shape, member, kind, plain)
    case 'bool':
      if (typeof plain === 'boolean') return plain
      throw outOfRange(shape, member, 'expected true or false')
    case 'bigint':
      if (typeof plain === 'bigint' && plain >= 0n && plain >> BigInt(kind.bytes * 8) === 0n) {
        return bigintToBytes(plain, kind.bytes)
      }
      throw outOfRange(shape, member, `expected an unsigned integer below 2^${kind.bytes * 8}`)
    case 'hex':
      if (typeof plain === 'string' && plain.length === 2 + 2 * kind.bytes && isHex(plain)) return hexToBytes(plain)
      throw outOfRange(shape, member, `expected 0x and ${2 * kind.bytes} lower-case hex digits`)
    case 'bytes':
      if (plain instanceof Uint8Array) return plain
      throw outOfRange(shape, member, 'expected bytes')
    case 'text':
      return checkText(shape, member, kind, plain)
    case 'message':
      return toMessage(kind.of, plain)
    case 'list':
      if (!Array.isArray(plain)) throw outOfRange(shape, member, 'expected an array')
      if (plain.length > kind.max) throw tooMany(shape.name, member.name, kind.max)
      return plain.map((item) => toWire(shape, member, kind.of, item))
  }
}

function toInteger(
  shape: Shape,
  member: Member,
  kind: Extract<Kind, { kind: 'uint' }>,
  plain: unknown,
): number | bigint {
  const { codes } = kind
  if (codes !== undefined && kind.named) {
    if (typeof plain !== 'string' || !Object.hasOwn(codes, plain)) throw unknownCode(shape, member, String(plain))
    return codes[plain] as number
  }
  if (typeof plain !== 'number' || !Number.isInteger(plain) || plain < 0 || plain > kind.max) {
    throw outOfRange(shape, member, `expected an integer from 0 to ${kind.max}`)
  }
  return kind.wide ? BigInt(plain) : plain
}

/** The plain value of a message whose bytes `scan` has passed. */
export function fromMessage(shape: Shape, message: Message): unknown {
  const values = message as Message & Values
  if (shape.union) {
    const frame = values.frame as { readonly case: string; readonly value: Message }
    const member = shape.members.find((candidate) => candidate.localName === frame.case)
    if (member?.kind.kind !== 'message') throw new WireError({ code: 'missing', type: shape.name, field: 'frame' })
    return { kind: member.name, value: fromMessage(member.kind.of, frame.value) }
  }
  const plain: Values = {}
  for (const member of shape.members) {
    const value = values[member.localName]
    if (value === undefined && member.optional) continue
    plain[member.name] = fromWire(shape, member, member.kind, value)
  }
  return plain
}

function fromWire(shape: Shape, member: Member, kind: Kind, value: unknown): unknown {
  switch (kind.kind) {
    case 'uint': {
      const { codes } = kind
      if (codes !== undefined && kind.named) return Object.keys(codes).find((name) => codes[name] === value)
      return kind.wide ? Number(value as bigint) : value
    }
    case 'bool':
    case 'bytes':
      return value
    case 'bigint':
      return bytesToBigint(value as Uint8Array)
    case 'hex':
      return bytesToHex(value as Uint8Array)
    case 'text':
      return checkText(shape, member, kind, value)
    case 'message':
      return fromMessage(kind.of, value as Message)
    case 'list':
      return (value as readonly unknown[]).map((item) => fromWire(shape, member, kind.of, item))
  }
}

function checkText(shape: Shape, member: Member, kind: Extract<Kind, { kind: 'text' }>, value: unknown): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw outOfRange(shape, member, 'expected well-formed text')
  if (kind.registry !== undefined) {
    if (!kind.registry.includes(value)) throw unknownCode(shape, member, value)
  } else if (!kind.pattern.test(value)) throw outOfRange(shape, member, `expected text that matches ${kind.pattern}`)
  return value
}

function unknownMember(shape: Shape, fields: { readonly [name: string]: unknown }, values: Values): WireError {
  const field = Object.keys(values).find((name) => !Object.hasOwn(fields, name)) ?? 'undefined'
  return new WireError({ code: 'unknown-field', type: shape.name, field })
}

function bigintToBytes(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let rest = value
  for (let at = length - 8; at >= 0 && rest > 0n; at -= 8) {
    view.setBigUint64(at, rest & 0xffff_ffff_ffff_ffffn)
    rest >>= 64n
  }
  return bytes
}

function bytesToBigint(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let value = 0n
  for (let at = 0; at < bytes.length; at += 8) value = (value << 64n) | view.getBigUint64(at)
  return value
}

const outOfRange = (shape: Shape, member: Member, problem: string): WireError =>
  new WireError({ code: 'out-of-range', type: shape.name, field: member.name, problem })

const unknownCode = (shape: Shape, member: Member, got: string): WireError =>
  new WireError({ code: 'unknown-code', type: shape.name, field: member.name, got: got.slice(0, 64) })

const tooMany = (type: string, field: string, limit: number): WireError =>
  new WireError({ code: 'too-many', type, field, limit })
