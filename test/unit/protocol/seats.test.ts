import { describe, expect, it } from 'vitest'
import {
  type Address,
  decidingVotes,
  drawCommittee,
  drawOrder,
  drawWorkSeats,
  FAST_COMMITTEE,
  fastSeedOf,
  H,
  MIN_COMMITTEE,
  mustReplay,
  type SeatStake,
  settlerOrder,
  sketchPositions,
  sketchSeedOf,
  WORK_SEATS,
} from '../../../src/protocol/index.ts'

const addressOf = (name: string, index: number): Address => `0x${H(`test/${name}`, index).slice(26)}`
const stakesOf = (...weights: bigint[]): SeatStake[] =>
  weights.map((weight, index) => ({ operator: addressOf('operator', index), owner: addressOf('owner', index), weight }))
const SEED = H('test/seed')
const OUTSIDER = addressOf('outsider', 0)

describe('work seats', () => {
  it('R13 are 128, drawn with repetition from those who hold stake', () => {
    const stakes = stakesOf(1n, 2n, 0n, 3n)
    const seats = drawWorkSeats(stakes, SEED)
    expect(WORK_SEATS).toBe(128)
    expect(seats).toHaveLength(128)
    expect(new Set(seats.map((seat) => seat.operator))).toEqual(
      new Set([stakes[0], stakes[1], stakes[3]].map((stake) => stake!.operator)),
    )
  })

  it('R13 are none when nobody holds stake', () => {
    expect(drawWorkSeats([], SEED)).toEqual([])
    expect(drawWorkSeats(stakesOf(0n, 0n), SEED)).toEqual([])
  })

  it('R13 change with the seed', () => {
    const stakes = stakesOf(...Array.from({ length: 20 }, () => 1n))
    expect(drawWorkSeats(stakes, SEED)).not.toEqual(drawWorkSeats(stakes, H('test/seed', 2)))
  })

  it('leave the list of stakes as it was', () => {
    const stakes = Object.freeze(stakesOf(3n, 1n, 2n))
    expect(() => drawWorkSeats(stakes, SEED)).not.toThrow()
  })
})

describe('fast committees', () => {
  it('R13 R14 have seven distinct verifiers on distinct seats that are theirs', () => {
    const seats = drawWorkSeats(stakesOf(...Array.from({ length: 30 }, (_, index) => BigInt(index + 1))), SEED)
    const committee = drawCommittee({ seats, seed: SEED, operator: OUTSIDER, owner: undefined })
    expect(committee).toHaveLength(FAST_COMMITTEE)
    expect(new Set(committee.map((member) => member.verifier)).size).toBe(FAST_COMMITTEE)
    expect(new Set(committee.map((member) => member.seat)).size).toBe(FAST_COMMITTEE)
    for (const { seat, verifier } of committee) expect(seats[seat]?.operator).toBe(verifier)
  })

  it('R13 never seat the operator of the checkpoint, nor anyone of its owner', () => {
    const owner = addressOf('owner', 99)
    const stakes = stakesOf(100n, 100n, 1n, 1n, 1n, 1n).map((stake, index) => (index < 2 ? { ...stake, owner } : stake))
    const seats = drawWorkSeats(stakes, SEED)
    for (let at = 0; at < 50; at += 1) {
      const seed = H('test/committee', at)
      const committee = drawCommittee({ seats, seed, operator: stakes[0]!.operator, owner })
      const verifiers = committee.map((member) => member.verifier)
      expect(verifiers).not.toContain(stakes[0]!.operator)
      expect(verifiers).not.toContain(stakes[1]!.operator)
    }
  })

  it('R13 skip the operator when its owner is not known', () => {
    const stakes = stakesOf(100n, 1n, 1n, 1n)
    const draw = { seats: drawWorkSeats(stakes, SEED), seed: SEED, operator: stakes[0]!.operator, owner: undefined }
    expect(drawCommittee(draw).map((member) => member.verifier)).not.toContain(stakes[0]!.operator)
  })

  it('R13 seat everyone eligible when fewer than seven stand', () => {
    const stakes = stakesOf(1n, 1n, 1n, 1n)
    const committee = drawCommittee({
      seats: drawWorkSeats(stakes, SEED),
      seed: SEED,
      operator: OUTSIDER,
      owner: undefined,
    })
    expect(new Set(committee.map((member) => member.verifier))).toEqual(new Set(stakes.map((stake) => stake.operator)))
  })

  it('R14 depend on epoch seed, block, operator and sequence', () => {
    const seeds = [
      fastSeedOf(SEED, H('block'), OUTSIDER, 1),
      fastSeedOf(H('x'), H('block'), OUTSIDER, 1),
      fastSeedOf(SEED, H('block', 2), OUTSIDER, 1),
      fastSeedOf(SEED, H('block'), addressOf('outsider', 1), 1),
      fastSeedOf(SEED, H('block'), OUTSIDER, 2),
    ]
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it.each([
    [0, undefined],
    [1, undefined],
    [2, undefined],
    [3, 3],
    [4, 3],
    [5, 4],
    [6, 5],
    [7, 5],
  ])('R14 of %d decide with %s votes', (size, votes) => {
    expect(decidingVotes(size)).toBe(votes)
    if (votes !== undefined) expect(2 * votes).toBeGreaterThan(size)
    else expect(size).toBeLessThan(MIN_COMMITTEE)
  })
})

describe('assigned work', () => {
  it('R14 replays all at 1,000,000 ppm, none at 0, and about the rate between', () => {
    const chosen = (rate: number): number =>
      Array.from({ length: 4_000 }, (_, index) => mustReplay(SEED, index % 128, index >> 7, rate)).filter(Boolean)
        .length
    expect(chosen(1_000_000)).toBe(4_000)
    expect(chosen(0)).toBe(0)
    expect(chosen(50_000)).toBeGreaterThan(140)
    expect(chosen(50_000)).toBeLessThan(260)
  })

  it('R14 chooses the same receipts at a lower rate as at a higher one, and more', () => {
    for (let index = 0; index < 256; index += 1) {
      if (mustReplay(SEED, 3, index, 100_000)) expect(mustReplay(SEED, 3, index, 200_000)).toBe(true)
    }
  })

  it('R17 draws sketch positions by seat and receipt, within the tensor', () => {
    const seeds = [
      sketchSeedOf(SEED, 1, 1),
      sketchSeedOf(SEED, 2, 1),
      sketchSeedOf(SEED, 1, 2),
      sketchSeedOf(H('x'), 1, 1),
    ]
    expect(new Set(seeds).size).toBe(seeds.length)
    const positions = sketchPositions(seeds[0]!, 64, 10)
    expect(positions).toHaveLength(64)
    for (const position of positions) expect(position).toBeGreaterThanOrEqual(0)
    expect(Math.max(...positions)).toBeLessThan(10)
    expect(sketchPositions(seeds[0]!, 64, 0)).toEqual([])
    expect(sketchPositions(seeds[0]!, 64, 1_000_000)).not.toEqual(sketchPositions(seeds[1]!, 64, 1_000_000))
  })
})

describe('orders', () => {
  it('are permutations that change with tag and seed', () => {
    const order = drawOrder('test/order', SEED, 50)
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index))
    expect(order).not.toEqual(drawOrder('test/order/2', SEED, 50))
    expect(order).not.toEqual(drawOrder('test/order', H('x'), 50))
    expect(drawOrder('test/order', SEED, 0)).toEqual([])
    expect(drawOrder('test/order', SEED, 1)).toEqual([0])
  })

  it('R19 of settlers are drawn per number, whatever the order in which they are listed', () => {
    const settlers = Array.from({ length: 6 }, (_, index) => addressOf('settler', index))
    const order = settlerOrder(settlers, SEED, 7)
    expect(settlerOrder([...settlers].reverse(), SEED, 7)).toEqual(order)
    expect([...order].sort()).toEqual([...settlers].sort())
    const firsts = Array.from({ length: 40 }, (_, number) => settlerOrder(settlers, SEED, number)[0])
    expect(new Set(firsts).size).toBe(settlers.length)
    expect(settlerOrder([], SEED, 7)).toEqual([])
  })
})
