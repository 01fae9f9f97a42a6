import { describe, expect, it } from 'vitest'
import { allBits, bit, bitsIn, countBits, hasBit, MAX_RECEIPTS } from '../../../src/protocol/index.ts'

describe('256-bit maps', () => {
  it('hold one bit for each of at most 256 receipts', () => {
    expect(MAX_RECEIPTS).toBe(256)
    expect(bit(0)).toBe(1n)
    expect(bit(255)).toBe(2n ** 255n)
    expect(hasBit(bit(255), 255)).toBe(true)
    expect(hasBit(bit(255), 254)).toBe(false)
  })

  it('list and count their bits', () => {
    const map = bit(0) | bit(7) | bit(255)
    expect(bitsIn(map)).toEqual([0, 7, 255])
    expect(countBits(map)).toBe(3)
    expect(bitsIn(0n)).toEqual([])
    expect(countBits(0n)).toBe(0)
  })

  it.each([0, 1, 8, 255, 256])('have all of the first %d bits', (count) => {
    expect(bitsIn(allBits(count))).toEqual(Array.from({ length: count }, (_, index) => index))
    expect(countBits(allBits(count))).toBe(count)
  })
})
