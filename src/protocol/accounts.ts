import type { ChannelConfig, Voucher } from './channel.ts'
import type { Address, Digest } from './hex.ts'

/** R27: what a job is to a ledger; unknown to it, a job is `not-seen`. */
export const JOB_STATE = { pending: 1, served: 2, settled: 3 } as const
export type JobState = keyof typeof JOB_STATE

/** R26: every job ends in exactly one. */
export const JOB_OUTCOME = { paid: 1, unpaid: 2, refunded: 3 } as const
export type JobOutcome = keyof typeof JOB_OUTCOME

/** One side's books of one channel. Amounts in units of the channel's token. */
export interface ChannelAccount {
  readonly id: Digest
  readonly config: ChannelConfig
  /** The highest voucher held by the payee, signed by the payer. */
  readonly voucher?: Voucher
  /** Fees of served jobs, less what was refunded. */
  readonly charged: bigint
  /** Highest `chargedAfter` on a receipt: what answers a challenged claim (economy.md, overclaim). */
  readonly receipted: bigint
  /** A withdrawal was started: nothing more is served on it (R25). */
  readonly closing: boolean
}

/** One side's books of one job. */
export interface JobAccount {
  readonly jobId: Digest
  readonly channel: Digest
  readonly state: JobState
  /** Once settled. */
  readonly outcome?: JobOutcome
  /** What either side may risk on it (R24). */
  readonly slice: bigint
  readonly maxFee: bigint
  /** Of the last head that was released or verified; once served, the receipt's. */
  readonly fee: bigint
  /** Of it the payer has authorized so much. */
  readonly covered: bigint
  /** R11: the last slice is owed once the certificate accepts. */
  readonly quorum: boolean
  /** ms since 1970 at which the state was entered. */
  readonly since: number
}

/** What a block of the chain says of a channel (R24). */
export interface ChannelFunds {
  /** Deposits less refunds and withdrawals, in the newest block and in a safe one. */
  readonly balance: bigint
  readonly safeBalance: bigint
  readonly totalClaimed: bigint
  /** A withdrawal is pending or was just finalized. */
  readonly withdrawing: boolean
}

/** Durable before what depends on it leaves (R27). */
export type LedgerEntry =
  | { readonly kind: 'channel-account'; readonly account: ChannelAccount }
  | { readonly kind: 'job-account'; readonly account: JobAccount }

/** Why a ledger refuses; on the wire the refusal code is the same word. */
export const PAYMENT_FAULTS = [
  'unknown-channel',
  'bad-channel',
  'wrong-receiver',
  'bad-voucher',
  'stale-voucher',
  'voucher-over-deposit',
  'channel-closing',
  'insufficient-funds',
  'payment-required',
  'ledger-behind',
  'busy',
  'over-ceiling',
] as const
export type PaymentFault = (typeof PAYMENT_FAULTS)[number]

export interface PaymentProblem {
  readonly code: PaymentFault
  readonly expected: string
  readonly got: string
}

/** What a job asks of a ledger. */
export interface JobOrder {
  readonly jobId: Digest
  readonly channel: Digest
  readonly maxFee: bigint
  readonly slice: bigint
  readonly quorum: boolean
  readonly now: number
}

/** Who a channel must name to be a provider's (R23). */
export interface Payee {
  readonly operator: Address
  readonly splitter: Address
  readonly token: Address
  /** Seconds. */
  readonly minWithdrawDelay: number
}
