import { MAX_CLAIM_ROWS } from '../chain/index.ts'
import type { ClaimRow, Digest } from '../protocol/index.ts'
import type { ClaimCandidate } from './ports.ts'

/** When claiming is worth its gas. There is no price oracle: the operator says what ether is worth to it. */
export interface ClaimPolicy {
  /** What one ether is worth, wei of OPG. */
  readonly etherPrice: bigint
  /** Of what is claimed, gas may take so much, ppm. */
  readonly maxGasShare: number
  /** What has waited so long is claimed once it is worth more than its gas, ms. */
  readonly maxAgeMs: number
}

/** What the chain says of a channel. */
export interface ClaimState {
  readonly balance: bigint
  readonly totalClaimed: bigint
  readonly withdrawing: boolean
}

export interface PlanInput {
  readonly candidates: readonly ClaimCandidate[]
  /** Undefined where the chain was not asked yet: such a channel waits. */
  readonly stateOf: (channel: Digest) => ClaimState | undefined
  /** Rows that are not sent now: quarantined, or under way. */
  readonly isHeld: (row: ClaimRow) => boolean
  /** Ms since which something was claimable. */
  readonly sinceOf: (channel: Digest) => number
  readonly now: number
  /** Wei of ether. */
  readonly gasPrice: bigint
  readonly policy: ClaimPolicy
  /** Claims all there is, worth it or not. */
  readonly all?: boolean
}

export interface ClaimPlan {
  /** The most pressing first, at most `MAX_CLAIM_ROWS`. */
  readonly rows: readonly ClaimRow[]
  readonly why: 'closing' | 'age' | 'value' | 'asked' | 'nothing'
}

/** Gas of a transaction with one row less, and of one more row; measured on the contracts of this repository. */
export const CLAIM_GAS = { base: 45_000n, row: 30_000n } as const
/** Of `FeeSplitter.distribute`, the distributor's part included. */
export const DISTRIBUTE_GAS = 220_000n

const PPM = 1_000_000n
const WEI = 10n ** 18n

/** What gas costs, wei of OPG. */
export const costOf = (gas: bigint, { gasPrice, policy }: Pick<PlanInput, 'gasPrice' | 'policy'>): bigint =>
  (gas * gasPrice * policy.etherPrice) / WEI

/** Whether `gas` for `value` stays within the policy's share. */
export const isWorth = (gas: bigint, value: bigint, input: Pick<PlanInput, 'gasPrice' | 'policy'>): boolean =>
  value > 0n && costOf(gas, input) * PPM <= value * BigInt(input.policy.maxGasShare)

interface OpenRow {
  readonly row: ClaimRow
  readonly gain: bigint
  readonly closing: boolean
  readonly aged: boolean
}

/**
 * Which rows go into the next claim. A channel with a withdrawal is claimed at once whatever it costs (R25); others when
 * all of them together are worth the gas, or have waited long; a row that is not worth its own gas never goes along.
 */
export function planClaims(input: PlanInput): ClaimPlan {
  const open = openRows(input)
  const sum = (rows: readonly OpenRow[]): bigint => rows.reduce((total, { gain }) => total + gain, 0n)
  const gasOf = (rows: readonly OpenRow[]): bigint => CLAIM_GAS.base + CLAIM_GAS.row * BigInt(rows.length)
  if (input.all === true) return planOf(open, 'asked')
  const ownCost = costOf(CLAIM_GAS.row, input)
  const closing = open.filter((each) => each.closing)
  const worth = open.filter((each) => !each.closing && isWorth(CLAIM_GAS.row, each.gain, input))
  const aged = open.filter((each) => each.aged && each.gain > ownCost)
  const along = [...closing, ...worth, ...aged.filter((each) => !each.closing && !worth.includes(each))]
  if (closing.length > 0) return planOf(along, 'closing')
  if (aged.length > 0 && sum(along) > costOf(gasOf(along), input)) return planOf(along, 'age')
  if (worth.length > 0 && isWorth(gasOf(worth), sum(worth), input)) return planOf(worth, 'value')
  return { rows: [], why: 'nothing' }
}

function openRows({ candidates, stateOf, isHeld, sinceOf, now, policy }: PlanInput): OpenRow[] {
  return candidates.flatMap(({ row, closing }) => {
    const state = stateOf(row.voucher.channel)
    if (state === undefined) return []
    const clamped = clampRow(row, state)
    if (clamped === undefined || isHeld(clamped)) return []
    return [
      {
        row: clamped,
        gain: clamped.totalClaimed - state.totalClaimed,
        closing: closing || state.withdrawing,
        aged: now - sinceOf(row.voucher.channel) >= policy.maxAgeMs,
      },
    ]
  })
}

/** Of a channel that holds less than its voucher, what it holds; undefined where nothing is left to claim. */
export function clampRow(
  row: ClaimRow,
  { balance, totalClaimed }: Pick<ClaimState, 'balance' | 'totalClaimed'>,
): ClaimRow | undefined {
  const total = row.totalClaimed < balance ? row.totalClaimed : balance
  return total <= totalClaimed ? undefined : { ...row, totalClaimed: total }
}

function planOf(rows: readonly OpenRow[], why: ClaimPlan['why']): ClaimPlan {
  const pressing = rows.toSorted(
    (left, right) => Number(right.closing) - Number(left.closing) || (left.gain < right.gain ? 1 : -1),
  )
  const chosen = pressing.slice(0, MAX_CLAIM_ROWS).map(({ row }) => row)
  return { rows: chosen, why: chosen.length === 0 ? 'nothing' : why }
}
