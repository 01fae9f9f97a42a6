import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesToHex } from '../../src/protocol/index.ts'
import { StoreError, TABLES, type Table } from '../../src/store/index.ts'
import { afterPrefix, decodeKey, encodeKey, encodeWholeKey } from '../../src/store/layout.ts'

const hex = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(bytesToHex)
const uint = (max: number) =>
  fc.oneof(
    fc.nat(Math.min(max, 300)),
    fc.maxSafeNat().map((value) => value % (max + 1)),
    fc.constant(max),
  )
const PARTS = {
  digest: hex(32),
  address: hex(20),
  uint64: uint(Number.MAX_SAFE_INTEGER),
  uint32: uint(2 ** 32 - 1),
  uint8: uint(255),
  text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => Buffer.byteLength(text) <= 256),
}
const names = Object.keys(TABLES) as Table[]
const keyOf = (table: Table): fc.Arbitrary<unknown[]> =>
  fc.tuple(...TABLES[table].map((part): fc.Arbitrary<unknown> => PARTS[part]))

/** Order of tuples: text by its bytes, the others by value. */
function compare(left: readonly unknown[], right: readonly unknown[]): number {
  for (const [index, value] of left.entries()) {
    const other = right[index]
    if (value === other) continue
    if (typeof value === 'number') return value - (other as number)
    return Buffer.compare(Buffer.from(value as string), Buffer.from(other as string))
  }
  return 0
}

describe.each(names)('keys of %s', (table) => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(keyOf(table), (key) => {
        expect(decodeKey(table, encodeWholeKey(table, key))).toEqual(key)
      }),
    )
  })

  it('sort as their tuples do', () => {
    fc.assert(
      fc.property(keyOf(table), keyOf(table), (left, right) => {
        const order = Buffer.compare(encodeWholeKey(table, left), encodeWholeKey(table, right))
        expect(Math.sign(order)).toBe(Math.sign(compare(left, right)))
      }),
    )
  })

  it('start with their first parts, and lie before what follows these', () => {
    fc.assert(
      fc.property(keyOf(table), fc.nat(), (key, cut) => {
        const prefix = encodeKey(table, key.slice(0, cut % (key.length + 1)))
        const whole = encodeWholeKey(table, key)
        expect(Buffer.compare(whole.subarray(0, prefix.length), prefix)).toBe(0)
        const after = afterPrefix(prefix)
        if (after === undefined) expect(prefix.every((byte) => byte === 0xff)).toBe(true)
        else expect(Buffer.compare(whole, after)).toBe(-1)
      }),
    )
  })

  it('are refused when they are not what the table says', () => {
    const wrong = fc.constantFrom<unknown>(
      -1,
      1.5,
      2 ** 53,
      Number.NaN,
      '',
      'x'.repeat(257),
      '\ud800',
      null,
      undefined,
      1n,
    )
    fc.assert(
      fc.property(keyOf(table), fc.nat(), wrong, (key, at, value) => {
        const changed = key.with(at % key.length, value)
        expect(() => encodeWholeKey(table, changed)).toThrow(StoreError)
        expect(() => encodeWholeKey(table, [...key, 1])).toThrow(StoreError)
        expect(() => encodeWholeKey(table, key.slice(1))).toThrow(StoreError)
      }),
    )
  })
})
