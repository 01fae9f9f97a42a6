import type { ChannelAccount, ChannelFunds, JobAccount, LedgerEntry } from '../../accounts.ts'
import type { ChannelConfig, Voucher } from '../../channel.ts'
import type { Outcome, RefusalCode } from '../../codes.ts'
import type { Domain } from '../../eip712.ts'
import type { chargeOf } from '../../fee.ts'
import type { Address, Digest } from '../../hex.ts'
import type {
  Certificate,
  JobRecord,
  SignedCheckpoint,
  SignedGrant,
  SignedHead,
  SignedJob,
  SignedReceipt,
  TranscriptChunk,
} from '../../messages.ts'
import type { Job, Offer, Terms } from '../../objects.ts'
import type { Parameters, Profile } from '../../parameters.ts'
import type { Random, Secp256k1, Signature, Signer } from '../../ports.ts'
import type { PayeeLedgerInit } from '../payeeLedger.ts'

/** One stream a peer opened; the role that runs the machine knows what it stands for. */
export type StreamId = number

export interface JobRequest extends SignedJob {
  readonly inputSalt: Digest
  /** Canonical tensors, or HPKE ciphertext when `sealed`. */
  readonly input: Uint8Array
  readonly sealed: boolean
  /** RFC 8785 bytes. */
  readonly parameters: Uint8Array
  /** For the first slice (section 4.2); absent on an unpaid job. */
  readonly voucher?: Voucher
}

/** What is kept of a finished job: enough to answer a repeated Job (R10, section 4.3) and to prove it. */
export interface StoredAnswer {
  readonly jobId: Digest
  readonly record: JobRecord
  /** Plain, as the heads cover them; none when the job's privacy keeps them off the disk. */
  readonly chunks: readonly TranscriptChunk[]
  /** Of a quorum job, where one was stored. */
  readonly certified?: CertifiedReceipt
}

/** A certificate, the checkpoint it decides, and a receipt's place in that. */
export interface CertifiedReceipt {
  readonly signed: SignedCheckpoint
  readonly certificate: Certificate
  readonly receiptProof: readonly Digest[]
}

/** A job that a restart cut off: what was released of it, no receipt will ever follow (R27). */
export interface CutJob {
  readonly jobId: Digest
  readonly job: Job
  readonly heads: readonly SignedHead[]
  readonly chunks: readonly TranscriptChunk[]
}

/** What a store holds of a job id. */
export type StoredJob = StoredAnswer | CutJob | undefined

export interface OfferedTerms {
  readonly terms: Terms
  readonly digest: Digest
  readonly offer: Offer
  readonly offerSignature: Signature
  readonly index: number
  readonly proof: readonly Digest[]
}

/** A grant whose session key this process holds. */
export interface ActiveGrant {
  readonly signed: SignedGrant
  readonly digest: Digest
  readonly session: Signer
  readonly assurance: number
  readonly models: readonly Digest[]
}

/** What survives a restart (R27). */
export interface ProviderHistory {
  /** Next checkpoint sequence and the digest of the last one. */
  readonly nextCheckpoint: number
  readonly previousCheckpoint: Digest
  /** Receipts signed but not yet under a checkpoint, by grant and ascending sequence. */
  readonly loose: readonly StoredAnswer[]
  /** Channels with jobs that are not settled, or with something to claim. */
  readonly channels: readonly StoredChannel[]
}

export interface StoredChannel {
  readonly account: ChannelAccount
  readonly jobs: readonly JobAccount[]
}

export interface ProviderInit {
  readonly domain: Domain
  readonly profile: Profile
  readonly parameters: Parameters
  readonly crypto: Secp256k1
  readonly random: Random
  readonly operator: Signer
  readonly tiers: readonly number[]
  readonly privacy: readonly number[]
  /** Jobs that may run or wait at once. */
  readonly slots: number
  readonly maxInputBytes: number
  /** Whether jobs without a channel are admitted; only ever on a devnet. */
  readonly unpaid: boolean
  /** Who the channels must pay, and how; undefined where no channel is served. */
  readonly payments: Omit<PayeeLedgerInit, 'crypto'> | undefined
  /** What a job costs: the formula of its terms, unless an adversary bills otherwise. */
  readonly charge?: typeof chargeOf
  readonly history: ProviderHistory
}

export interface RunResult {
  readonly output: Uint8Array
  readonly units: number
  readonly traceHash: Digest
  readonly runtimeClass: Digest
  readonly startedAt: number
  readonly finishedAt: number
}

export type ProviderEvent =
  | { readonly type: 'granted'; readonly grant: ActiveGrant }
  | { readonly type: 'offered'; readonly terms: readonly OfferedTerms[] }
  | {
      readonly type: 'job'
      readonly now: number
      readonly stream: StreamId
      readonly request: JobRequest
      readonly stored: StoredJob
    }
  /** R27: closes what a restart cut off. */
  | { readonly type: 'started'; readonly now: number }
  | { readonly type: 'channel-loaded'; readonly channel: StoredChannel; readonly funds: ChannelFunds }
  /** Leaves memory if nothing of it is unsettled. */
  | { readonly type: 'channel-unloaded'; readonly channel: Digest }
  /** What the chain says of a channel now. */
  | { readonly type: 'funds'; readonly now: number; readonly channel: Digest; readonly funds: ChannelFunds }
  /** A payer showed a channel, with what a chain says of it; deposits end here too. */
  | {
      readonly type: 'channel-shown'
      readonly now: number
      readonly stream: StreamId
      readonly config: ChannelConfig
      readonly voucher: Voucher
      readonly funds: ChannelFunds
    }
  | { readonly type: 'voucher'; readonly now: number; readonly stream: StreamId; readonly voucher: Voucher }
  /** Nothing may be reserved of `amount` any more: it is on its way back to the payer. */
  | { readonly type: 'refunding'; readonly channel: Digest; readonly amount: bigint }
  /** The refund is over; `funds` say what is left where it succeeded. */
  | { readonly type: 'refund-ended'; readonly channel: Digest; readonly amount: bigint; readonly funds?: ChannelFunds }
  /** The time a stream was given for its next voucher is over. */
  | { readonly type: 'voucher-due'; readonly now: number; readonly jobId: Digest }
  /** Served jobs that nobody paid in time end as they are. */
  | { readonly type: 'settle-due'; readonly now: number }
  | { readonly type: 'cancel'; readonly now: number; readonly stream: StreamId; readonly jobId: Digest }
  | {
      readonly type: 'recall'
      readonly now: number
      readonly stream: StreamId
      /** Address of the peer that asks. */
      readonly peer: Address | undefined
      readonly jobId: Digest
      readonly stored: StoredJob
    }
  | { readonly type: 'input-opened'; readonly now: number; readonly jobId: Digest; readonly input: Uint8Array }
  | { readonly type: 'run-finished'; readonly now: number; readonly jobId: Digest; readonly result: RunResult }
  | {
      readonly type: 'job-failed'
      readonly now: number
      readonly jobId: Digest
      readonly code: RefusalCode
      readonly message: string
    }
  | { readonly type: 'stream-closed'; readonly now: number; readonly stream: StreamId }
  | { readonly type: 'checkpoint-due'; readonly now: number }
  | { readonly type: 'checkpoint-seed'; readonly seed: CheckpointSeed }
  /** No block of the right age is known: the receipts wait and the close is tried again. */
  | { readonly type: 'seed-unavailable'; readonly now: number }
  | {
      readonly type: 'certified'
      readonly certificate: Certificate
      readonly now: number
      /** Receipts accepted or rejected by it, and those accepted. */
      readonly decided: bigint
      readonly accepted: bigint
    }
  | { readonly type: 'certificate-abandoned'; readonly now: number; readonly checkpoint: Digest }
  | { readonly type: 'drain' }

export interface CheckpointSeed {
  readonly epoch: number
  readonly blockNumber: number
  readonly blockHash: Digest
  readonly createdAt: number
}

export type ProviderEntry =
  | { readonly kind: 'reservation'; readonly jobId: Digest; readonly job: Job }
  | { readonly kind: 'release'; readonly jobId: Digest }
  /** `digest`: of the receipt. `progress`: last chunks of the parts that were stored before, which it replaces. */
  | {
      readonly kind: 'answer'
      readonly answer: StoredAnswer
      readonly digest: Digest
      readonly progress: readonly number[]
    }
  /** What is about to be released of a job before its receipt. */
  | {
      readonly kind: 'progress'
      readonly jobId: Digest
      readonly head: SignedHead
      readonly chunks: readonly TranscriptChunk[]
    }
  | {
      readonly kind: 'checkpoint'
      readonly signed: SignedCheckpoint
      readonly digest: Digest
      readonly jobs: readonly Digest[]
    }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | LedgerEntry

export type ProviderReply =
  | { readonly type: 'accepted'; readonly jobId: Digest; readonly grant: Digest }
  | { readonly type: 'chunk'; readonly jobId: Digest; readonly chunk: TranscriptChunk }
  | { readonly type: 'head'; readonly signed: SignedHead }
  | {
      readonly type: 'receipt'
      readonly signed: SignedReceipt
      readonly runtimeClass: Digest
      readonly traceHash: Digest
    }
  | {
      readonly type: 'certificate'
      readonly signed: SignedCheckpoint
      readonly certificate: Certificate
      readonly receiptProof: readonly Digest[]
    }
  | { readonly type: 'end'; readonly jobId: Digest; readonly outcome: Outcome }
  /** The books of a channel: answers a voucher, and calls for one while `required` is above `authorized`. */
  | {
      readonly type: 'ledger'
      readonly channel: Digest
      readonly charged: bigint
      readonly authorized: bigint
      readonly required: bigint
    }
  /** x402 objects, as they are sent. */
  | { readonly type: 'settlement'; readonly settlement: Uint8Array }
  | { readonly type: 'payment-required'; readonly required: Uint8Array }
  | { readonly type: 'refusal'; readonly jobId?: Digest; readonly code: RefusalCode; readonly message: string }

export type ProviderEffect =
  /** Durable before any later effect of the same list is carried out (R27). */
  | { readonly type: 'persist'; readonly entries: readonly ProviderEntry[] }
  | { readonly type: 'reply'; readonly stream: StreamId; readonly reply: ProviderReply }
  | { readonly type: 'open-input'; readonly jobId: Digest; readonly job: Job; readonly sealed: Uint8Array }
  | { readonly type: 'run'; readonly jobId: Digest; readonly job: Job; readonly input: Uint8Array }
  | { readonly type: 'cancel'; readonly jobId: Digest }
  /** Ask for `checkpoint-due` at this time unless one is already asked for earlier. */
  | { readonly type: 'schedule-checkpoint'; readonly at: number }
  /** Ask for `voucher-due` of this job at this time; a later ask replaces an earlier one. */
  | { readonly type: 'schedule-voucher'; readonly jobId: Digest; readonly at: number }
  /** A voucher that cannot be an honest mistake came on this stream. */
  | { readonly type: 'misconduct'; readonly stream: StreamId; readonly code: RefusalCode }
  | { readonly type: 'choose-seed' }
  | {
      readonly type: 'publish-checkpoint'
      readonly signed: SignedCheckpoint
      readonly digest: Digest
      readonly records: readonly JobRecord[]
    }
  | { readonly type: 'drained' }
