import fc from 'fast-check'
import { bytesToHex } from '../../src/protocol/index.ts'
import type { Kind, Member, Shape } from '../../src/wire/fields.ts'
import type { WireMessage, WireType } from '../../src/wire/index.ts'
import { SCHEMAS } from '../../src/wire/schema.ts'

/** Elements of a list and bytes of a string at most, so that no composite outgrows its limit. */
const FEW = 3
const SHORT = 96

const hex = (length: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.uint8Array({ minLength: length, maxLength: length }).map(bytesToHex) },
    { weight: 1, arbitrary: fc.constant(`0x${'00'.repeat(length)}`) },
    { weight: 1, arbitrary: fc.constant(`0x${'ff'.repeat(length)}`) },
  )

const bigint = (bits: number): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }),
    fc.constantFrom(0n, 1n, (1n << 64n) - 1n, 1n << 64n, (1n << BigInt(bits)) - 1n),
  )

const integer = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.maxSafeNat().map((value) => value % (max + 1)),
    fc.constantFrom(0, 1, 127, 128, 2 ** 32 - 1, 2 ** 32, max).filter((value) => value <= max),
  )

function textOf(kind: Extract<Kind, { kind: 'text' }>): fc.Arbitrary<string> {
  if (kind.registry !== undefined) return fc.constantFrom(...kind.registry)
  const slash = fc.string({ maxLength: 60 }).map((text) => `/${text}`)
  const any = fc.string({ unit: 'grapheme', maxLength: 40 })
  return fc
    .oneof(slash, any, fc.constant('/ip4/127.0.0.1/tcp/4801'))
    .filter((text) => kind.pattern.test(text) && Buffer.byteLength(text) <= kind.max)
}

function anyOf(kind: Kind): fc.Arbitrary<unknown> {
  switch (kind.kind) {
    case 'uint':
      if (kind.codes === undefined) return integer(kind.max)
      return fc.constantFrom<unknown>(...(kind.named ? Object.keys(kind.codes) : Object.values(kind.codes)))
    case 'bool':
      return fc.boolean()
    case 'bigint':
      return bigint(kind.bytes * 8)
    case 'hex':
      return hex(kind.bytes)
    case 'bytes':
      return fc.uint8Array({ minLength: kind.min, maxLength: Math.min(kind.max, SHORT) })
    case 'text':
      return textOf(kind)
    case 'message':
      return shapeOf(kind.of)
    case 'list':
      return fc.array(anyOf(kind.of), { maxLength: Math.min(kind.max, FEW) })
  }
}

function frameOf(member: Member): fc.Arbitrary<unknown> {
  return fc.record({ kind: fc.constant(member.name), value: anyOf(member.kind) })
}

function shapeOf(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.union) return fc.oneof(...shape.members.map(frameOf))
  const required = shape.members.filter((member) => !member.optional).map((member) => member.name)
  return fc.record(Object.fromEntries(shape.members.map((member) => [member.name, anyOf(member.kind)])), {
    requiredKeys: required,
    noNullPrototype: true,
  })
}

/** Any legal value of a wire message, made from its schema: boundary values included, lists and strings short. */
export function arbitraryMessage<T extends WireType>(type: T): fc.Arbitrary<WireMessage<T>> {
  return shapeOf(SCHEMAS[type]) as fc.Arbitrary<WireMessage<T>>
}

export const WIRE_TYPES = Object.keys(SCHEMAS) as readonly WireType[]
