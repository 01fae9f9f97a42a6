import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { committeeBlockTime, parametersOf, seatEpochAt } from '../../src/protocol/index.ts'

const times = fc.integer({ min: 1_700_000_000_000, max: 4_000_000_000_000 })
const ages = fc.constantFrom(parametersOf('devnet').committeeBlockAge, parametersOf('production').committeeBlockAge)

describe('the block that seeds a fast committee', () => {
  it('R14 is asked for at a time between once and twice its age ago, on a grid the provider cannot move', () => {
    fc.assert(
      fc.property(times, ages, (createdAt, age) => {
        const time = committeeBlockTime(createdAt, age)
        expect(time % age).toBe(0)
        expect(createdAt - time).toBeGreaterThanOrEqual(age)
        expect(createdAt - time).toBeLessThan(2 * age)
      }),
    )
  })

  it('R14 is the same for every checkpoint of one interval, and never earlier for a later one', () => {
    fc.assert(
      fc.property(times, ages, fc.nat(100_000), (createdAt, age, later) => {
        const start = createdAt - (createdAt % age)
        const offset = later % age
        expect(committeeBlockTime(start + offset, age)).toBe(committeeBlockTime(start, age))
        expect(committeeBlockTime(createdAt + later, age)).toBeGreaterThanOrEqual(committeeBlockTime(createdAt, age))
      }),
    )
  })
})

describe('the epoch whose seats are in force', () => {
  it('R13 changes twice the seat delay into an epoch, when its seed block is known', () => {
    const clock = fc.record({
      genesis: fc.integer({ min: 0, max: 2_000_000_000_000 }),
      epoch: fc.integer({ min: 60_000, max: 604_800_000 }),
      seatDelay: fc.integer({ min: 1_000, max: 25_000 }),
    })
    fc.assert(
      fc.property(clock, fc.integer({ min: 0, max: 1_000 }), (timing, number) => {
        const turn = timing.genesis + number * timing.epoch + 2 * timing.seatDelay
        expect(seatEpochAt(turn, timing)).toBe(number)
        expect(seatEpochAt(turn - 1, timing)).toBe(number - 1)
        expect(seatEpochAt(turn + timing.epoch - 1, timing)).toBe(number)
      }),
    )
  })
})
