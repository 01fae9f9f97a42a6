import type { LedgerEntry } from '../accounts.ts'
import type { Voucher } from '../channel.ts'
import type { Outcome, RefusalCode } from '../codes.ts'
import type { Address, Digest } from '../hex.ts'
import type { SignedCheckpoint, SignedHead, SignedJob, SignedReceipt, TranscriptChunk } from '../messages.ts'
import type { Job } from '../objects.ts'
import type { RankedOffer } from '../offers.ts'

/** Why a request ended without an answer. `payment`: the wallet's own books, budgets or chain; `cause` says which. */
export const REQUEST_ERRORS = [
  'no-offer',
  'refused',
  'evidence-refused',
  'unreachable',
  'stream-failed',
  'answer-invalid',
  'rejected',
  'undecided',
  'timed-out',
  'cancelled',
  'payment',
] as const
export type RequestErrorCode = (typeof REQUEST_ERRORS)[number]

export interface RequestOrder {
  readonly model: Digest
  readonly inputHash: Digest
  readonly parametersHash: Digest
  readonly tier: number
  readonly privacy: number
  readonly mode: number
  /** Wei; the offer's ceiling when undefined. */
  readonly maxFee: bigint | undefined
  readonly maxOutputUnits: number
  /** ms since 1970. */
  readonly deadline: number
}

/** What the wallet, its budgets or the channel's chain say against paying. */
export interface MoneyProblem {
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly got?: string
}

export type RequesterEvent =
  | { readonly type: 'start' }
  | {
      readonly type: 'evidence-accepted'
      readonly now: number
      readonly assurance: number
      readonly notChecked: number
    }
  | { readonly type: 'evidence-refused'; readonly code: string; readonly message: string }
  /** A channel with this provider is open, known to it, and holds enough. */
  | { readonly type: 'channel-ready'; readonly now: number; readonly channel: Digest }
  /** The budgets hold the job's maxFee. */
  | { readonly type: 'budget-reserved'; readonly now: number }
  | ({ readonly type: 'money-refused'; readonly now: number } & MoneyProblem)
  | { readonly type: 'accepted' }
  | { readonly type: 'chunk'; readonly now: number; readonly chunk: TranscriptChunk }
  | { readonly type: 'head'; readonly now: number; readonly signed: SignedHead }
  /** The provider's books; above `authorized`, `required` is the voucher it waits for. */
  | { readonly type: 'ledger'; readonly channel: Digest; readonly required: bigint; readonly authorized: bigint }
  | {
      readonly type: 'receipt'
      readonly now: number
      readonly signed: SignedReceipt
      readonly runtimeClass: Digest
      readonly traceHash: Digest
    }
  /** What a comparison of the books found: whether another device signs with this key. */
  | { readonly type: 'books-compared'; readonly now: number; readonly shared: boolean }
  /** A certificate whose votes, committee and proof this peer verified itself. */
  | {
      readonly type: 'certified'
      readonly now: number
      readonly checkpoint: SignedCheckpoint
      readonly verdict: Verdict
    }
  | { readonly type: 'refused'; readonly now: number; readonly code: RefusalCode; readonly message: string }
  | { readonly type: 'end'; readonly now: number; readonly outcome: Outcome }
  /** `sent`: the provider may have read the job. */
  | {
      readonly type: 'stream-failed'
      readonly now: number
      readonly code: string
      readonly message: string
      readonly sent: boolean
    }
  | { readonly type: 'timeout' }
  | { readonly type: 'cancel' }
  /** A provider that was told to stop has not ended the job. */
  | { readonly type: 'give-up' }

export interface Verdict {
  readonly status: 'accepted' | 'rejected' | 'undecided'
  /** Reason codes of the rejection. */
  readonly reason?: number
  readonly votes: number
  readonly committee: number
  /** Votes that ran the model again on this receipt. */
  readonly replayed: number
}

export interface FailureCause {
  readonly code: RequestErrorCode
  readonly message: string
  readonly expected?: string
  readonly got?: string
  /** What the last provider said or did. */
  readonly cause?: string
}

export interface RequestFailure extends FailureCause {
  readonly provider?: Address
  /** Verified chunks handed on, and what they cost (R11, section 4.6). */
  readonly deliveredChunks: number
  /** Wei, of all providers that were asked. */
  readonly paid: bigint
  /** Jobs whose streams were lost: what each can still cost is known when its provider is met again (R26). */
  readonly pending?: readonly PendingJob[]
  readonly verdict?: Verdict
}

export interface PendingJob {
  readonly jobId: Digest
  readonly provider: Address
  /** Wei. */
  readonly atMost: bigint
}

/** What a paid answer cost, and where that leaves its channel. Wei. */
export interface PaymentFacts {
  readonly channel: Digest
  readonly fee: bigint
  /** Fees of all jobs of the channel, by these books. */
  readonly charged: bigint
  /** The highest voucher. */
  readonly authorized: bigint
}

export interface RequestSuccess {
  readonly jobId: Digest
  readonly job: SignedJob
  readonly offer: RankedOffer
  readonly heads: readonly SignedHead[]
  /** Complete or truncated: `status` says which. */
  readonly receipt: SignedReceipt
  readonly runtimeClass: Digest
  readonly traceHash: Digest
  readonly chunks: readonly TranscriptChunk[]
  readonly assurance: number
  readonly notChecked: number
  readonly checkpoint?: SignedCheckpoint
  readonly verdict?: Verdict
  /** Absent on an unpaid job. */
  readonly payment?: PaymentFacts
  readonly timings: RequestTimings
}

/** ms since the job was sent. */
export interface RequestTimings {
  readonly firstChunkMs: number
  readonly receiptMs: number
  readonly quorumMs?: number
  /** When the last condition of the answer mode held. */
  readonly verifiedMs: number
}

export type RequesterEffect =
  | { readonly type: 'check-evidence'; readonly offer: RankedOffer }
  /** R23: opens, funds and shows a channel that holds `maxFee` for this job. */
  | { readonly type: 'open-channel'; readonly offer: RankedOffer; readonly maxFee: bigint }
  /** The provider refused for a reason of the channel's: its books and the chain are looked at again. */
  | {
      readonly type: 'mend-channel'
      readonly offer: RankedOffer
      readonly channel: Digest
      readonly maxFee: bigint
      readonly code: RefusalCode
    }
  /** Before the job is signed: its maxFee, in the budgets. */
  | { readonly type: 'reserve-budget'; readonly jobId: Digest; readonly job: Job }
  /** The provider's charge is above these books: is it wrong, or does another device sign? */
  | { readonly type: 'compare-books'; readonly offer: RankedOffer; readonly channel: Digest }
  /** Durable before the job is sent: what was asked for, and of whom. */
  | {
      readonly type: 'persist-job'
      readonly jobId: Digest
      readonly signed: SignedJob
      readonly offer: RankedOffer
      readonly assurance: number
      readonly notChecked: number
      readonly entries: readonly LedgerEntry[]
    }
  /** `again`: the same job, on a new stream. */
  | {
      readonly type: 'send-job'
      readonly jobId: Digest
      readonly signed: SignedJob
      readonly offer: RankedOffer
      readonly voucher?: Voucher
      readonly again: boolean
    }
  /** Durable before the next effect. */
  | { readonly type: 'persist'; readonly entries: readonly LedgerEntry[] }
  | { readonly type: 'send-voucher'; readonly voucher: Voucher }
  /** The provider asks for more than has been verified yet: the same event again, a little later. */
  | { readonly type: 'ask-later'; readonly event: Extract<RequesterEvent, { type: 'ledger' }> }
  /** The job cost `spent`; undefined: nothing, it is as if it had not been. With the entries in one commit. */
  | {
      readonly type: 'settle'
      readonly jobId: Digest
      readonly spent: bigint | undefined
      readonly entries: readonly LedgerEntry[]
    }
  | { readonly type: 'cancel-job'; readonly jobId: Digest }
  | { readonly type: 'deliver'; readonly chunks: readonly TranscriptChunk[] }
  /** `whole`: the answer came whole, so the stream is good for the next request once its terminal frame is read. */
  | { readonly type: 'close-stream'; readonly provider: Address; readonly whole: boolean }
  | { readonly type: 'report'; readonly provider: Address; readonly code: string; readonly message: string }
  | { readonly type: 'succeed'; readonly result: RequestSuccess }
  | { readonly type: 'fail'; readonly failure: RequestFailure }
