import { InvalidArgumentError } from 'commander'
import { describe, expect, test } from 'vitest'
import { account, address, addressOr, digest, modelId, opgAmount, time, wholeNumber } from '../../../src/cli/options.ts'

const WEI = 10n ** 18n
const refuses = (parse: (text: string) => unknown, ...texts: string[]): void => {
  for (const text of texts) expect(() => parse(text), text).toThrow(InvalidArgumentError)
}

describe('an amount of OPG', () => {
  test('is exact to the wei', () => {
    expect(opgAmount('10000')).toBe(10_000n * WEI)
    expect(opgAmount('0.5')).toBe(WEI / 2n)
    expect(opgAmount('1.000000000000000001')).toBe(WEI + 1n)
    expect(opgAmount('0.000000000000000001')).toBe(1n)
    expect(opgAmount('007.10')).toBe((71n * WEI) / 10n)
    expect(opgAmount('1000000000')).toBe(10n ** 27n)
  })

  test('is refused where it is nothing, too fine, too large or no decimal number', () => {
    refuses(opgAmount, '0', '0.0', '', '.5', '1.', '-1', '+1', '1e3', '0x10', '1,5', ' 1', '1 OPG', 'NaN')
    refuses(opgAmount, '0.0000000000000000001', '10000000000.0000000000000000001', '12345678901')
  })
})

describe('other arguments', () => {
  test('whole numbers are digits', () => {
    expect([wholeNumber('0'), wholeNumber('1500')]).toEqual([0, 1500])
    refuses(wholeNumber, '', '-1', '1.5', '1e3', '0x1', `${2 ** 53}`)
  })

  test('addresses come in any case; accounts are not zero; words stand for what they say', () => {
    const mixed = `0x${'aB'.repeat(20)}`
    expect(address(mixed)).toBe(mixed.toLowerCase())
    const zero = `0x${'00'.repeat(20)}`
    expect(address(zero)).toBe(zero)
    refuses(account, zero, 'self')
    refuses(address, '0x12', 'self', `${mixed}00`)
    expect(addressOr('self')('self')).toBe('self')
    expect(addressOr('self')(mixed)).toBe(mixed.toLowerCase())
    refuses(addressOr('self'), 'none')
  })

  test('model ids are digests or CIDs', () => {
    const id = `0x${'12'.repeat(32)}`
    expect(modelId(id)).toBe(id)
    refuses(modelId, id.slice(2), `${id}00`, 'opg/classifier', '')
  })

  test('times have a zone or are milliseconds; digests are 32 bytes in any case', () => {
    expect(time('2026-01-31T12:00:00Z')).toBe(Date.UTC(2026, 0, 31, 12))
    expect(time('2026-01-31T13:00+01:00')).toBe(Date.UTC(2026, 0, 31, 12))
    expect(time('1769860800000')).toBe(1_769_860_800_000)
    refuses(time, '', 'now', '2026-01-31', '2026-01-31T12:00:00', '2026-13-31T12:00:00Z', '-1', '1e3')
    expect(digest('AB'.repeat(32))).toBe(`0x${'ab'.repeat(32)}`)
    expect(digest(`0x${'ab'.repeat(32)}`)).toBe(`0x${'ab'.repeat(32)}`)
    refuses(digest, '', '0x', 'ab', `${'ab'.repeat(32)}00`, 'zz'.repeat(32))
  })
})
