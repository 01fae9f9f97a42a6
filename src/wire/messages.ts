import type {
  Address,
  Batch,
  BatchSignature,
  Certificate,
  ChannelAccount,
  ChannelConfig,
  Checkpoint,
  Delivery,
  Digest,
  Evidence,
  GpuEvidence,
  Head,
  Job,
  JobAccount,
  JobProgress,
  JobRecord,
  Leaf,
  Load,
  Offer,
  Outcome,
  Receipt,
  RefusalCode,
  RejectionReason,
  RewardRoot,
  SessionGrant,
  Signature,
  SignedBatch,
  SignedCheckpoint,
  SignedDelivery,
  SignedGrant,
  SignedHead,
  SignedJob,
  SignedLoad,
  SignedOffer,
  SignedReceipt,
  SignedVote,
  Sketch,
  Terms,
  Transcript,
  TranscriptChunk,
  VoidRoot,
  Vote,
  VoteBundle,
  Voucher,
  WorkOpening,
} from '../protocol/index.ts'

/** What an equivocation proof is about; the code travels, the name is used. */
export const EQUIVOCATION = { checkpoint: 1, vote: 2, receipt: 3, head: 4, offer: 5, load: 6 } as const
export type EquivocationKind = keyof typeof EQUIVOCATION

/** An offer without what its roots stand for. */
export interface OfferHeader {
  readonly offer: Offer
  readonly signature: Signature
}

/** Two different objects one key signed for one place (R9). */
export interface EquivocationProof {
  readonly kind: EquivocationKind
  /** Encoded as `EQUIVOCATION_TYPE[kind]`; read with `decodeEquivocation`. */
  readonly first: Uint8Array
  readonly second: Uint8Array
  /** For what a session key signed: its grant, without evidence (R4). */
  readonly grant?: SignedGrant
}

/** Why a request was not served. `message` is printable text for people; programs read `code`. */
export interface Refusal {
  /** Absent outside jobs. */
  readonly jobId?: Digest
  readonly code: RefusalCode
  readonly message: string
}

export interface InferRequest {
  readonly job: Job
  readonly signature: Signature
  /** HPKE-sealed to the grant's encryption key when `sealed` (R5). */
  readonly input: Uint8Array
  readonly inputSalt: Digest
  readonly sealed: boolean
  /** RFC 8785 bytes. */
  readonly parameters: Uint8Array
  /** For the first slice (section 4.2); absent on an unpaid job. */
  readonly voucher?: Voucher
}

export interface InferCancel {
  readonly jobId: Digest
}

/** An x402 v2 `PaymentPayload` as JSON: shows a channel with a voucher, deposits, or asks for a refund. */
export interface InferPayment {
  readonly payload: Uint8Array
}

/** Asks what became of a job: its receipt or last head, without its chunks (R27). */
export interface InferRecall {
  readonly jobId: Digest
}

/** An x402 v2 `PaymentRequired` as JSON; the refusal that ends the exchange follows. */
export interface InferPaymentRequired {
  readonly required: Uint8Array
}

/** An x402 v2 `SettlementResponse` as JSON: the answer to a payment. */
export interface InferSettlement {
  readonly settlement: Uint8Array
}

/** The provider's books of a channel: answers a voucher, and calls for one while `required` is above `authorized`. */
export interface InferLedger {
  readonly channel: Digest
  readonly charged: bigint
  readonly authorized: bigint
  readonly required: bigint
}

export interface InferAccepted {
  readonly jobId: Digest
  /** Digest of the grant the job runs under. */
  readonly grant: Digest
}

export interface InferChunk {
  readonly jobId: Digest
  /** Chunks count from 1. */
  readonly index: number
  readonly data: Uint8Array
  readonly salt: Digest
}

export interface InferReceipt {
  readonly receipt: SignedReceipt
  /** With `traceHash` the preimage of `receipt.trace`. */
  readonly runtimeClass: Digest
  readonly traceHash: Digest
}

export interface InferCertificate {
  readonly certificate: Certificate
  readonly checkpoint: SignedCheckpoint
  /** Sibling path of the receipt under `checkpoint.receiptsRoot`. */
  readonly receiptProof: readonly Digest[]
}

export interface InferEnd {
  readonly jobId: Digest
  readonly outcome: Outcome
}

export interface RecordsRequest {
  readonly checkpoint: Digest
  /** Index in the checkpoint, from 0. */
  readonly from: number
  readonly count: number
}

/** A new checkpoint with its first records, as many as fit; the others are asked for with `RecordsRequest`. */
export interface CheckpointPush {
  readonly checkpoint: SignedCheckpoint
  readonly records: readonly JobRecord[]
}

/** A grant that a record on this stream names, with evidence; sent once a stream. */
export interface GrantFrame {
  readonly grant: SignedGrant
}

/** Record `index` of the checkpoint. With `more`, its heads and chunks go on in `RecordPart` frames. */
export interface RecordFrame {
  readonly index: number
  readonly record: JobRecord
  readonly more: boolean
}

export interface RecordPart {
  readonly index: number
  readonly heads: readonly SignedHead[]
  readonly chunks: readonly TranscriptChunk[]
  readonly more: boolean
}

export interface RecordsEnd {
  readonly count: number
  readonly recordsHash: Digest
}

export interface CertificateNotice {
  readonly certificate: Certificate
}

export interface OffersRequest {
  /** Operators above this one, by address; absent: from the first. */
  readonly after?: Address
  readonly count: number
}

export interface OffersResponse {
  readonly offers: readonly SignedOffer[]
  readonly more: boolean
}

export interface GrantRequest {
  readonly grant: Digest
}

export interface GrantResponse {
  readonly grant: SignedGrant
}

export interface CheckpointsRequest {
  readonly operator: Address
  /** First sequence. */
  readonly from: number
  readonly count: number
}

export interface CheckpointRequest {
  readonly checkpoint: Digest
}

export interface CheckpointsResponse {
  /** By ascending sequence. */
  readonly checkpoints: readonly SignedCheckpoint[]
  readonly more: boolean
}

export interface VotesRequest {
  readonly checkpoint: Digest
}

export interface VotesResponse {
  readonly bundle: VoteBundle
  readonly more: boolean
}

export interface BatchRequest {
  readonly number: number
}

export interface BatchResponse {
  readonly batch: SignedBatch
}

/**
 * A settler asks for a signature (R19): leaves whole, its own signature of the batch, and the certificates they name.
 * Answered by a `BatchSignature`.
 */
export interface BatchProposal {
  readonly batch: SignedBatch
  readonly certificates: readonly Certificate[]
}

export interface LatestRequest {
  readonly operator: Address
}

/** The latest of each kind a peer holds of an operator (R27); all signed, so nobody can make it skip ahead. */
export interface LatestResponse {
  readonly operator: Address
  readonly grant?: SignedGrant
  readonly offer?: OfferHeader
  readonly load?: SignedLoad
  readonly receipt?: SignedReceipt
  readonly checkpoint?: SignedCheckpoint
  readonly vote?: SignedVote
}

export interface PeersRequest {
  readonly count: number
}

/** Multiaddrs with PeerId of peers the answering one is connected to. */
export interface PeersResponse {
  readonly addresses: readonly string[]
}

export interface SyncEnd {
  readonly count: number
}

/** One frame of a stream: `kind` says what `value` is. */
export type Frame<M> = { [K in keyof M]: { readonly kind: K; readonly value: M[K] } }[keyof M]

export type InferClientFrame = Frame<{
  request: InferRequest
  voucher: Voucher
  cancel: InferCancel
  payment: InferPayment
  recall: InferRecall
}>

export type InferServerFrame = Frame<{
  accepted: InferAccepted
  chunk: InferChunk
  head: SignedHead
  receipt: InferReceipt
  certificate: InferCertificate
  end: InferEnd
  refusal: Refusal
  paymentRequired: InferPaymentRequired
  settlement: InferSettlement
  ledger: InferLedger
}>

export type RecordsFrame = Frame<{
  request: RecordsRequest
  push: CheckpointPush
  grant: GrantFrame
  record: RecordFrame
  part: RecordPart
  end: RecordsEnd
  delivery: SignedDelivery
  votes: VoteBundle
  certificate: CertificateNotice
  refusal: Refusal
}>

export type SyncFrame = Frame<{
  offersRequest: OffersRequest
  offers: OffersResponse
  grantRequest: GrantRequest
  grant: GrantResponse
  checkpointsRequest: CheckpointsRequest
  checkpointRequest: CheckpointRequest
  checkpoints: CheckpointsResponse
  votesRequest: VotesRequest
  votes: VotesResponse
  batchRequest: BatchRequest
  batch: BatchResponse
  proposal: BatchProposal
  signature: BatchSignature
  latestRequest: LatestRequest
  latest: LatestResponse
  peersRequest: PeersRequest
  peers: PeersResponse
  end: SyncEnd
  refusal: Refusal
}>

/** Every message by the name it has in `proto/`. */
export interface WireMessages {
  SessionGrant: SessionGrant
  Terms: Terms
  Offer: Offer
  Load: Load
  Job: Job
  Head: Head
  Receipt: Receipt
  Checkpoint: Checkpoint
  Vote: Vote
  Delivery: Delivery
  Batch: Batch
  Leaf: Leaf
  RewardRoot: RewardRoot
  VoidRoot: VoidRoot
  GpuEvidence: GpuEvidence
  Evidence: Evidence
  SignedGrant: SignedGrant
  SignedOffer: SignedOffer
  OfferHeader: OfferHeader
  SignedLoad: SignedLoad
  SignedJob: SignedJob
  SignedHead: SignedHead
  SignedReceipt: SignedReceipt
  SignedCheckpoint: SignedCheckpoint
  SignedDelivery: SignedDelivery
  RejectionReason: RejectionReason
  SignedVote: SignedVote
  Sketch: Sketch
  WorkOpening: WorkOpening
  VoteBundle: VoteBundle
  Certificate: Certificate
  BatchSignature: BatchSignature
  SignedBatch: SignedBatch
  Refusal: Refusal
  EquivocationProof: EquivocationProof
  InferRequest: InferRequest
  InferCancel: InferCancel
  InferPayment: InferPayment
  InferRecall: InferRecall
  InferClientFrame: InferClientFrame
  InferAccepted: InferAccepted
  InferChunk: InferChunk
  InferReceipt: InferReceipt
  InferCertificate: InferCertificate
  InferEnd: InferEnd
  InferPaymentRequired: InferPaymentRequired
  InferSettlement: InferSettlement
  InferLedger: InferLedger
  InferServerFrame: InferServerFrame
  ChannelConfig: ChannelConfig
  Voucher: Voucher
  ChannelAccount: ChannelAccount
  JobAccount: JobAccount
  JobProgress: JobProgress
  TranscriptChunk: TranscriptChunk
  Transcript: Transcript
  JobRecord: JobRecord
  RecordsRequest: RecordsRequest
  CheckpointPush: CheckpointPush
  GrantFrame: GrantFrame
  RecordFrame: RecordFrame
  RecordPart: RecordPart
  RecordsEnd: RecordsEnd
  CertificateNotice: CertificateNotice
  RecordsFrame: RecordsFrame
  OffersRequest: OffersRequest
  OffersResponse: OffersResponse
  GrantRequest: GrantRequest
  GrantResponse: GrantResponse
  CheckpointsRequest: CheckpointsRequest
  CheckpointRequest: CheckpointRequest
  CheckpointsResponse: CheckpointsResponse
  VotesRequest: VotesRequest
  VotesResponse: VotesResponse
  BatchRequest: BatchRequest
  BatchResponse: BatchResponse
  BatchProposal: BatchProposal
  LatestRequest: LatestRequest
  LatestResponse: LatestResponse
  PeersRequest: PeersRequest
  PeersResponse: PeersResponse
  SyncEnd: SyncEnd
  SyncFrame: SyncFrame
}

export type WireType = keyof WireMessages
export type WireMessage<T extends WireType> = WireMessages[T]

/** What each topic carries (R8). */
export const GOSSIP_TYPE = {
  offer: 'SignedOffer',
  load: 'SignedLoad',
  checkpoint: 'SignedCheckpoint',
  vote: 'VoteBundle',
  batch: 'SignedBatch',
  evidence: 'EquivocationProof',
} as const satisfies { readonly [kind: string]: WireType }

/** How the two sides of an equivocation proof are encoded. */
export const EQUIVOCATION_TYPE = {
  checkpoint: 'SignedCheckpoint',
  vote: 'SignedVote',
  receipt: 'SignedReceipt',
  head: 'SignedHead',
  offer: 'OfferHeader',
  load: 'SignedLoad',
} as const satisfies { readonly [K in EquivocationKind]: WireType }
