import { describe, expect, it } from 'vitest'
import { canonicalBytes, type Json } from '../../../src/protocol/index.ts'

const textOf = (value: Json): string => Buffer.from(canonicalBytes(value)).toString('utf8')

describe('canonical JSON (RFC 8785)', () => {
  it('sorts members by UTF-16 code units at every depth (RFC 8785, 3.2.3)', () => {
    const members = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
    expect(textOf({ outer: members })).toBe(
      '{"outer":{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}}',
    )
  })

  it('writes numbers as ECMAScript does (RFC 8785, 3.2.2.3)', () => {
    expect(textOf([333333333.3333333, 4.5, 2e-3, 0.000000000000000000000000001, -0, 0.1 + 0.2])).toBe(
      '[333333333.3333333,4.5,0.002,1e-27,0,0.30000000000000004]',
    )
  })

  it('gives one byte string for one meaning, whatever the order of members', () => {
    expect(textOf({ seed: '18446744073709551615', temperature: 0, stop: ['a'] })).toBe(
      textOf({ stop: ['a'], temperature: 0, seed: '18446744073709551615' }),
    )
  })

  it('drops absent members only', () => {
    expect(textOf({ a: undefined, b: null })).toBe('{"b":null}')
  })

  it.each<[string, Json]>([
    ['NaN', Number.NaN],
    ['an infinity', { a: [Number.POSITIVE_INFINITY] }],
    ['2^53', 2 ** 53],
    ['a nested integer a double cannot hold', { a: { b: [-(2 ** 53)] } }],
    ['1e300', 1e300],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalBytes(value)).toThrow(RangeError)
  })

  it('keeps 2^53 - 1 and larger integers as decimal strings', () => {
    expect(textOf([2 ** 53 - 1, '9007199254740993'])).toBe('[9007199254740991,"9007199254740993"]')
  })

  it('refuses lone surrogates, which have no UTF-8 form', () => {
    expect(() => canonicalBytes('\ud800')).toThrow()
    expect(() => canonicalBytes({ '\udc00': 1 })).toThrow()
  })

  it('refuses what is not JSON', () => {
    expect(() => canonicalBytes(undefined as unknown as Json)).toThrow(RangeError)
  })
})
