import type { Address, Digest } from '../hex.ts'
import type { SignedCheckpoint, SignedDelivery, SignedVote, VoteBundle, WorkOpening } from '../messages.ts'
import type { Checkpoint } from '../objects.ts'
import type { CommitteeSeat } from '../seats.ts'

/** What the machine must know of a record; the record itself stays with the role. */
export interface RecordFacts {
  readonly jobId: Digest
  /** `sealed`: privacy keeps the transcript; `withheld`: it should be there and is not. */
  readonly transcript: 'held' | 'sealed' | 'withheld'
  /** The tier is backed by replay (R12): who cannot replay when drawn abstains. */
  readonly backedByReplay: boolean
}

/** The checks of one receipt that need no model. */
export type LightOutcome =
  | {
      readonly verdict: 'accepted'
      /** Bits of `METHOD` and `NOT_CHECKED`, code of `ASSURANCE`. */
      readonly methods: number
      readonly notChecked: number
      readonly assurance: number
    }
  | { readonly verdict: 'rejected'; readonly reason: number }

/** A replay of one receipt; `method` is a bit of `METHOD`, `sketch` as in `Sketch.values`. */
export type ReplayOutcome =
  | { readonly verdict: 'match'; readonly method: number; readonly sketch: Uint8Array }
  | { readonly verdict: 'mismatch'; readonly method: number; readonly reason: number; readonly sketch: Uint8Array }
  | { readonly verdict: 'abstained'; readonly cause: string }

/** A vote this verifier signed and its work, as stored. */
export interface OwnVote {
  readonly vote: SignedVote
  readonly opening: WorkOpening
}

export interface SeatedCommittee {
  readonly seats: readonly CommitteeSeat[]
  readonly fastSeed: Digest
  /** Wei the operator's fees of the window may reach (R29). */
  readonly exposureLimit: bigint
}

export type VerifierEvent =
  /** A checkpoint whose signature holds, by push or announcement. */
  | { readonly type: 'checkpoint'; readonly now: number; readonly signed: SignedCheckpoint; readonly digest: Digest }
  | {
      readonly type: 'committee'
      readonly now: number
      readonly checkpoint: Digest
      /** `pending`: ask again; `none`: no committee ever stands for it. */
      readonly committee: SeatedCommittee | 'pending' | 'none'
      /** What the store holds of this verifier's votes on it (R27). */
      readonly stored: readonly OwnVote[]
    }
  /** All records are held and give `receiptsRoot`. */
  | {
      readonly type: 'records'
      readonly now: number
      readonly checkpoint: Digest
      readonly recordsHash: Digest
      readonly facts: readonly RecordFacts[]
    }
  | { readonly type: 'records-failed'; readonly now: number; readonly checkpoint: Digest }
  | { readonly type: 'grant'; readonly now: number; readonly grant: Digest; readonly judged: boolean }
  | {
      readonly type: 'checked'
      readonly now: number
      readonly checkpoint: Digest
      readonly outcomes: readonly LightOutcome[]
      readonly lightDigest: Digest
    }
  | {
      readonly type: 'replayed'
      readonly now: number
      readonly checkpoint: Digest
      readonly index: number
      readonly outcome: ReplayOutcome
    }
  | { readonly type: 'persisted'; readonly now: number; readonly checkpoint: Digest; readonly round: number }
  /** From the provider, gossip or a pull; anything may be in it. */
  | { readonly type: 'votes'; readonly now: number; readonly bundle: VoteBundle }
  | { readonly type: 'tick'; readonly now: number; readonly checkpoint: Digest }

export type VerifierEffect =
  | { readonly type: 'find-committee'; readonly checkpoint: Digest; readonly signed: SignedCheckpoint }
  | { readonly type: 'judge-grant'; readonly grant: Digest; readonly operator: Address }
  | { readonly type: 'fetch-records'; readonly checkpoint: Digest; readonly signed: SignedCheckpoint }
  | { readonly type: 'acknowledge'; readonly operator: Address; readonly delivery: SignedDelivery }
  | {
      readonly type: 'check'
      readonly checkpoint: Digest
      readonly signed: SignedCheckpoint
      readonly previous: Checkpoint | undefined
      readonly exposed: bigint
      readonly exposureLimit: bigint
      /** Per receipt: an earlier one billed its job. */
      readonly billed: readonly boolean[]
    }
  | {
      readonly type: 'replay'
      readonly checkpoint: Digest
      readonly index: number
      /** Where the seat's sketch is taken (R17). */
      readonly sketchSeed: Digest
    }
  /** Answered by `persisted` once it is durable; the vote leaves only then (R27). */
  | { readonly type: 'persist'; readonly vote: SignedVote; readonly opening: WorkOpening }
  /** To the checkpoint's operator directly and to the vote topic. */
  | { readonly type: 'send'; readonly operator: Address; readonly bundle: VoteBundle }
  | {
      readonly type: 'publish-equivocation'
      readonly kind: 'vote'
      readonly first: SignedVote
      readonly second: SignedVote
    }
  | {
      readonly type: 'publish-equivocation'
      readonly kind: 'checkpoint'
      readonly first: SignedCheckpoint
      readonly second: SignedCheckpoint
    }
  | { readonly type: 'schedule'; readonly at: number; readonly checkpoint: Digest }
  /** Nothing more is asked of its records. */
  | { readonly type: 'release'; readonly checkpoint: Digest }
  /** This checkpoint is not taken up now; it may be announced again. */
  | { readonly type: 'turn-away'; readonly checkpoint: Digest; readonly operator: Address; readonly code: 'busy' }
