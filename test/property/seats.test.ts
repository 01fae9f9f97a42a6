import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Address,
  drawCommittee,
  drawOrder,
  drawWorkSeats,
  FAST_COMMITTEE,
  H,
  type SeatStake,
} from '../../src/protocol/index.ts'
import { addresses, digests } from './arbitraries.ts'
import { committeeByTheText, orderByTheText, seatsByTheText } from './reference.ts'

const stakes = fc.uniqueArray(
  fc.record({
    operator: addresses,
    owner: fc.constantFrom<Address>(`0x${'0a'.repeat(20)}`, `0x${'0b'.repeat(20)}`, `0x${'0c'.repeat(20)}`),
    weight: fc.oneof(fc.bigInt({ min: 0n, max: 10n }), fc.bigInt({ min: 0n, max: 10n ** 27n })),
  }),
  { selector: (stake) => stake.operator, minLength: 1, maxLength: 12 },
)
const shuffled = fc
  .tuple(stakes, fc.infiniteStream(fc.nat()))
  .map(([list, keys]) => ({ list, other: list.map((stake) => ({ stake, key: keys.next().value as number })) }))
  .map(({ list, other }) => ({ list, other: other.sort((a, b) => a.key - b.key).map(({ stake }) => stake) }))

const addressOf = (index: number): Address => `0x${H('test/operator', index).slice(26)}`

/** Sum of (observed - expected)^2 / expected. */
const chiSquare = (observed: readonly number[], expected: readonly number[]): number =>
  observed.reduce((sum, count, at) => sum + (count - expected[at]!) ** 2 / expected[at]!, 0)

describe('work seats', () => {
  it('R13 are what the text of the rule gives', () => {
    fc.assert(
      fc.property(stakes, digests, (list, seed) => {
        expect(drawWorkSeats(list, seed, 24).map((seat) => seat.operator)).toEqual(seatsByTheText(list, seed, 24))
      }),
      { numRuns: 40 },
    )
  })

  it('R13 do not depend on the order in which stakes are listed', () => {
    fc.assert(
      fc.property(shuffled, digests, ({ list, other }, seed) => {
        expect(drawWorkSeats(other, seed, 24)).toEqual(drawWorkSeats(list, seed, 24))
      }),
      { numRuns: 40 },
    )
  })

  it('R13 fall by stake: chi-square of 5120 draws over ten stakes is below 40', () => {
    const list: SeatStake[] = Array.from({ length: 10 }, (_, index) => ({
      operator: addressOf(index),
      owner: addressOf(100 + index),
      weight: BigInt(index + 1) * 10n ** 21n,
    }))
    const counts = new Map(list.map((stake) => [stake.operator, 0]))
    for (let epoch = 0; epoch < 40; epoch += 1) {
      for (const { operator } of drawWorkSeats(list, H('test/epoch', epoch))) {
        counts.set(operator, counts.get(operator)! + 1)
      }
    }
    const expected = list.map((_, index) => (5120 * (index + 1)) / 55)
    expect(chiSquare([...counts.values()], expected)).toBeLessThan(40)
    expect(chiSquare([...counts.values()].reverse(), expected)).toBeGreaterThan(40)
  })
})

describe('fast committees', () => {
  const draws = fc.record({
    list: stakes,
    epoch: digests,
    seed: digests,
    operator: fc.nat(),
    ownerKnown: fc.boolean(),
  })

  it('R13 R14 are what the text of the rule gives', () => {
    fc.assert(
      fc.property(draws, ({ list, epoch, seed, operator, ownerKnown }) => {
        const checked = list[operator % list.length]!
        const owner = ownerKnown ? checked.owner : undefined
        const seats = drawWorkSeats(list, epoch, 32)
        expect(drawCommittee({ seats, seed, operator: checked.operator, owner })).toEqual(
          committeeByTheText(seats, seed, checked.operator, owner),
        )
      }),
      { numRuns: 40 },
    )
  })

  it('R13 have distinct verifiers, never the operator or its owner, and everyone eligible when fewer than seven', () => {
    fc.assert(
      fc.property(draws, ({ list, epoch, seed, operator }) => {
        const checked = list[operator % list.length]!
        const seats = drawWorkSeats(list, epoch, 32)
        const committee = drawCommittee({ seats, seed, operator: checked.operator, owner: checked.owner })
        const verifiers = new Set(committee.map((member) => member.verifier))
        const eligible = new Set(
          seats
            .filter((seat) => seat.operator !== checked.operator && seat.owner !== checked.owner)
            .map((seat) => seat.operator),
        )
        expect(verifiers.size).toBe(committee.length)
        expect(committee.length).toBe(Math.min(FAST_COMMITTEE, eligible.size))
        for (const { seat, verifier } of committee) {
          expect(eligible).toContain(verifier)
          expect(seats[seat]?.operator).toBe(verifier)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('R14 seat all alike who hold one seat each: chi-square of 2100 places over 30 verifiers is below 60', () => {
    const seats: SeatStake[] = Array.from({ length: 30 }, (_, index) => ({
      operator: addressOf(index),
      owner: addressOf(100 + index),
      weight: 1n,
    }))
    const counts = Array<number>(30).fill(0)
    for (let at = 0; at < 300; at += 1) {
      const committee = drawCommittee({ seats, seed: H('test/fast', at), operator: addressOf(99), owner: undefined })
      for (const { seat } of committee) counts[seat]! += 1
    }
    expect(chiSquare(counts, Array<number>(30).fill(70))).toBeLessThan(60)
  })
})

describe('orders', () => {
  it('R13 R19 are the Fisher-Yates shuffle of the text', () => {
    fc.assert(
      fc.property(digests, fc.nat(40), (seed, count) => {
        expect(drawOrder('OPG/settler/1', seed, count)).toEqual(orderByTheText('OPG/settler/1', seed, count))
      }),
      { numRuns: 40 },
    )
  })
})
