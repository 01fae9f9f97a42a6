import type { Message } from '@bufbuild/protobuf'
import { bytesToHex } from '../protocol/index.ts'
import { WireError } from './errors.ts'
import type { Kind, Member, Shape } from './fields.ts'

type Values = { [name: string]: unknown }

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
