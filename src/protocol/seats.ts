import { H } from './hash.ts'
import type { Address, Digest } from './hex.ts'

/** One matured stake; `weight` in wei. */
export interface SeatStake {
  readonly operator: Address
  readonly owner: Address
  readonly weight: bigint
}

export const WORK_SEATS = 128
export const FAST_COMMITTEE = 7
export const MIN_COMMITTEE = 3
const FAST_ACCEPT = 5

export interface CommitteeSeat {
  /** Position among the epoch's work seats. */
  readonly seat: number
  readonly verifier: Address
}

const byOperator = (left: SeatStake, right: SeatStake): number =>
  left.operator < right.operator ? -1 : left.operator > right.operator ? 1 : 0

/**
 * The epoch's work seats: drawn stake-weighted, with repetition, from the seed of the epoch (R13). Stakes are ordered
 * by operator first, so any order of the input gives the same draw.
 */
export function drawWorkSeats(stakes: readonly SeatStake[], seed: Digest, count: number = WORK_SEATS): SeatStake[] {
  const ordered = stakes.filter((stake) => stake.weight > 0n).sort(byOperator)
  const total = ordered.reduce((sum, stake) => sum + stake.weight, 0n)
  if (total === 0n) return []
  return Array.from({ length: count }, (_, index) => {
    let point = BigInt(H('OPG/seat/1', seed, index)) % total
    for (const stake of ordered) {
      if (point < stake.weight) return stake
      point -= stake.weight
    }
    throw new RangeError('a point below the total falls on no stake')
  })
}

/** Fisher-Yates of 0..count-1 by the hash of (seed, step). */
export function drawOrder(tag: string, seed: Digest, count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last -= 1) {
    const pick = Number(BigInt(H(tag, seed, last)) % BigInt(last + 1))
    const held = order[last] as number
    order[last] = order[pick] as number
    order[pick] = held
  }
  return order
}

/** Seed of one checkpoint's fast committee (R14): nothing in it can be ground by the provider. */
export const fastSeedOf = (epochSeed: Digest, blockHash: Digest, operator: Address, sequence: number): Digest =>
  H('OPG/fast/1', epochSeed, blockHash, operator, sequence)

export interface CommitteeDraw {
  readonly seats: readonly SeatStake[]
  readonly seed: Digest
  readonly size?: number
  /** The checkpoint's operator and its owner: their seats are skipped (R13). */
  readonly operator: Address
  readonly owner: Address | undefined
}

/** Distinct verifiers on distinct seats; every eligible verifier when fewer stand than `size`. */
export function drawCommittee({ seats, seed, size = FAST_COMMITTEE, operator, owner }: CommitteeDraw): CommitteeSeat[] {
  const chosen: CommitteeSeat[] = []
  const taken = new Set<Address>()
  for (const seat of drawOrder('OPG/fast/seat/1', seed, seats.length)) {
    if (chosen.length === size) break
    const stake = seats[seat] as SeatStake
    if (taken.has(stake.operator) || stake.operator === operator) continue
    if (owner !== undefined && stake.owner === owner) continue
    taken.add(stake.operator)
    chosen.push({ seat, verifier: stake.operator })
  }
  return chosen
}

/**
 * Votes that decide: 5 of 7, and the same share, rounded up, of a smaller committee. Undefined below the smallest
 * committee: nothing is decided then.
 */
export function decidingVotes(committeeSize: number): number | undefined {
  if (committeeSize < MIN_COMMITTEE) return undefined
  return Math.ceil((committeeSize * FAST_ACCEPT) / FAST_COMMITTEE)
}

/** Whether a seat must replay a receipt (R14): not its choice. `ratePpm` in millionths. */
export function mustReplay(fastSeed: Digest, seat: number, receiptIndex: number, ratePpm: number): boolean {
  return Number(BigInt(H('OPG/replay/1', fastSeed, seat, receiptIndex)) % 1_000_000n) < ratePpm
}

/** The seed from which a seat draws its sketch positions of one receipt (R17). */
export const sketchSeedOf = (fastSeed: Digest, seat: number, receiptIndex: number): Digest =>
  H('OPG/sketch/1', fastSeed, seat, receiptIndex)

/** Positions of a sketch: distinct-or-not indices below `elements`, drawn by the seat (R17). */
export function sketchPositions(seed: Digest, count: number, elements: number): number[] {
  if (elements === 0) return []
  return Array.from({ length: count }, (_, index) =>
    Number(BigInt(H('OPG/sketch/position/1', seed, index)) % BigInt(elements)),
  )
}

/** The order in which settlers take batch `number` (R19). */
export function settlerOrder(settlers: readonly Address[], previousBatch: Digest, number: number): Address[] {
  const ordered = [...settlers].sort()
  return drawOrder('OPG/settler/1', H('OPG/settler/seed/1', previousBatch, number), ordered.length).map(
    (index) => ordered[index] as Address,
  )
}
