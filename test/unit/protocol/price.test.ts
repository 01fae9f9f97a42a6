import { describe, expect, it } from 'vitest'
import { nextMultiplier, PPM, pricesAt, Utilisation } from '../../../src/protocol/index.ts'

const moved = (multiplier: number, utilisation: number, offers: number): number =>
  Array.from({ length: offers }).reduce<number>((m) => nextMultiplier(m, utilisation), multiplier)

describe('the load multiplier (economy.md)', () => {
  it.each([
    [PPM, PPM / 2, PPM],
    [PPM, PPM, 1_062_500],
    [2 * PPM, 0, 1_875_000],
    [PPM, 0, PPM],
    [8 * PPM, PPM, 8 * PPM],
    [1_000_001, 500_001, 1_000_001],
  ])('of %i at utilisation %i becomes %i', (multiplier, utilisation, next) => {
    expect(nextMultiplier(multiplier, utilisation)).toBe(next)
  })

  it('stays in 1 to 8 and finds its way back from a rush', () => {
    const rush = moved(PPM, PPM, 100)
    expect(rush).toBe(8 * PPM)
    expect(moved(rush, 0, 100)).toBe(PPM)
  })

  it('is applied to every price, rounded down, and to nothing else', () => {
    const base = { perRequest: 3n, perGMAC: 10n, perSecond: 0n, perGBSecond: 10n ** 30n, minVerifyFee: 7n }
    expect(pricesAt(base, 1_500_000)).toEqual({
      ...{ perRequest: 4n, perGMAC: 15n, perSecond: 0n },
      ...{ perGBSecond: 15n * 10n ** 29n, minVerifyFee: 7n },
    })
    expect(pricesAt(base, PPM)).toEqual(base)
  })
})

describe('utilisation', () => {
  it('is the slots taken, weighted by time, of the interval since the last look', () => {
    const utilisation = new Utilisation(4, 1_000)
    utilisation.note(4, 1_000)
    utilisation.note(0, 1_250)
    expect(utilisation.take(2_000)).toBe(PPM / 4)
    expect(utilisation.take(3_000)).toBe(0)
    utilisation.note(2, 3_000)
    expect(utilisation.take(4_000)).toBe(PPM / 2)
  })

  it('of no time at all, or with a clock that goes back, is nothing that hurts', () => {
    const utilisation = new Utilisation(1, 1_000)
    utilisation.note(1, 1_000)
    expect(utilisation.take(1_000)).toBe(0)
    utilisation.note(1, 500)
    expect(utilisation.take(900)).toBe(0)
    expect(utilisation.take(2_000)).toBe(PPM)
  })
})
