import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { NET_LIMITS } from '../../../src/net/constants.ts'
import { REFUSALS, SIGNED_TYPES } from '../../../src/protocol/index.ts'
import type { Kind, Shape } from '../../../src/wire/fields.ts'
import { encode, WIRE_LIMITS, type WireType } from '../../../src/wire/index.ts'
import { SCHEMAS } from '../../../src/wire/schema.ts'
import { WIRE_TYPES } from '../../arbitraries/wire.ts'

const varint = (value: number): number => (value < 128 ? 1 : 1 + varint(Math.floor(value / 128)))
const delimited = (length: number): number => varint(length) + length

/** Length of the greatest encoding the element limits allow, whatever the byte limit says. */
function greatest(shape: Shape): number {
  const members = shape.members.map(({ number, kind }) => {
    const tag = varint(number * 8)
    return kind.kind === 'list' ? kind.max * (tag + greatestValue(kind.of)) : tag + greatestValue(kind)
  })
  return shape.union ? Math.max(...members) : members.reduce((sum, length) => sum + length, 0)
}

function greatestValue(kind: Kind): number {
  switch (kind.kind) {
    case 'uint':
      return varint(kind.codes === undefined ? kind.max : Math.max(...Object.values(kind.codes)))
    case 'bool':
      return 1
    case 'hex':
    case 'bigint':
      return delimited(kind.bytes)
    case 'bytes':
    case 'text':
      return delimited(kind.max)
    case 'message':
      return delimited(Math.min(greatest(kind.of), WIRE_LIMITS[kind.of.name as WireType].value))
    case 'list':
      throw new TypeError('a list holds no lists')
  }
}

describe('WIRE_LIMITS', () => {
  it.each(SIGNED_TYPES.map((type) => [type.name as WireType]))('%s has exactly its greatest encoding', (type) => {
    expect(WIRE_LIMITS[type].value).toBe(greatest(SCHEMAS[type]))
  })

  it.each(WIRE_TYPES)('%s allows nothing that its elements could not need', (type) => {
    expect(WIRE_LIMITS[type].value).toBeLessThanOrEqual(greatest(SCHEMAS[type]))
  })

  it('lets every signed object through at its greatest', () => {
    for (const type of [
      'SignedLoad',
      'SignedJob',
      'SignedHead',
      'SignedReceipt',
      'SignedCheckpoint',
      'SignedDelivery',
      'OfferHeader',
      'SignedVote',
      'Certificate',
    ] as const) {
      expect(WIRE_LIMITS[type].value, type).toBeGreaterThanOrEqual(greatest(SCHEMAS[type]))
    }
  })

  it('fits what the network lets through (R10)', () => {
    expect(WIRE_LIMITS.InferClientFrame.value).toBeLessThanOrEqual(NET_LIMITS.frameBytesInfer.value)
    expect(WIRE_LIMITS.InferServerFrame.value).toBeLessThanOrEqual(NET_LIMITS.frameBytesInfer.value)
    expect(WIRE_LIMITS.RecordsFrame.value).toBeLessThanOrEqual(NET_LIMITS.frameBytesRecords.value)
    expect(WIRE_LIMITS.SyncFrame.value).toBeLessThanOrEqual(NET_LIMITS.frameBytesSync.value)
    expect(WIRE_LIMITS.gossipMessage.value).toBeLessThanOrEqual(NET_LIMITS.gossipMessageBytes.value)
  })

  it('gives each frame room for the greatest message in it', () => {
    for (const type of WIRE_TYPES) {
      const shape = SCHEMAS[type]
      if (!shape.union) continue
      const inside = shape.members.map(({ kind }) =>
        kind.kind === 'message' ? WIRE_LIMITS[kind.of.name as WireType].value : 0,
      )
      expect(WIRE_LIMITS[type].value, type).toBeGreaterThanOrEqual(Math.max(...inside.map(delimited)) + 1)
    }
  })

  it('takes the greatest job', () => {
    const job = Object.fromEntries(
      SIGNED_TYPES.find((type) => type.name === 'Job')!.names.map((name) => {
        const field = SIGNED_TYPES.find((type) => type.name === 'Job')!.fields[name]!
        if (field === 'address') return [name, `0x${'ff'.repeat(20)}`]
        if (field === 'bytes32') return [name, `0x${'ff'.repeat(32)}`]
        if (field === 'uint128') return [name, 2n ** 128n - 1n]
        return [name, field === 'uint64' ? 2 ** 53 - 1 : 3]
      }),
    )
    const request = {
      job,
      signature: `0x${'ff'.repeat(65)}`,
      input: new Uint8Array(WIRE_LIMITS.input.value),
      inputSalt: `0x${'ff'.repeat(32)}`,
      sealed: true,
      parameters: new Uint8Array(WIRE_LIMITS.parameters.value),
    }
    expect(encode('InferClientFrame', { kind: 'request', value: request } as never).length).toBeGreaterThan(
      WIRE_LIMITS.input.value,
    )
  })
})

describe('docs/limits.md', () => {
  const text = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
  const section = (title: string): string =>
    new RegExp(`^## ${title}\\n([^]*?)(?=^## |$(?![^]))`, 'm').exec(text)?.[1] ?? ''
  const rows = (body: string): string[] => body.split('\n').filter((line) => line.startsWith('| `'))

  it('lists every limit of the wire as it is', () => {
    const expected = Object.entries(WIRE_LIMITS).map(
      ([name, { value, unit, reason }]) =>
        `| \`${name}\` | ${value.toLocaleString('en-US').replaceAll(',', ' ')} | ${unit} | ${reason} |`,
    )
    expect(rows(section('Wire'))).toEqual(expected)
  })

  it('lists every refusal code as it is', () => {
    const expected = Object.entries(REFUSALS).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)
    expect(rows(section('Refusal codes'))).toEqual(expected)
  })
})
