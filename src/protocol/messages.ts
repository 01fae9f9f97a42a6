import type { ChannelConfig, Voucher } from './channel.ts'
import type { Address, Digest } from './hex.ts'
import type {
  Batch,
  Checkpoint,
  Delivery,
  Head,
  Job,
  Leaf,
  Load,
  Offer,
  Receipt,
  SessionGrant,
  Terms,
  Vote,
} from './objects.ts'
import type { Signature } from './ports.ts'

/** Evidence formats, by the code that enters `evidenceDigest`. */
export const EVIDENCE_KIND = {
  nitro: 1,
  tdx: 2,
  sgx: 3,
  'sev-snp': 4,
  'azure-snp-vtpm': 5,
  'azure-tdx-vtpm': 6,
  'tdx-dstack': 7,
  'nvidia-gpu': 8,
  'nvidia-switch': 9,
} as const
export type EvidenceKind = keyof typeof EVIDENCE_KIND

/** Whose certificates a chain starts from; `nvidia-rim` signs reference measurements, not devices. */
export const TRUST_VENDORS = ['aws', 'intel', 'amd', 'nvidia', 'nvidia-rim'] as const
export type TrustVendor = (typeof TRUST_VENDORS)[number]

/** Evidence of kind `nvidia-gpu`, bound by the processor's: its digest is in that one's report data (R5). */
export interface GpuEvidence {
  readonly document: Uint8Array
  readonly collateral: Uint8Array
}

/** What a grant's `evidence` digest stands for, and the block its report data names (R5). */
export interface Evidence {
  readonly kind: EvidenceKind
  readonly document: Uint8Array
  readonly blockNumber: number
  readonly blockHash: Digest
  readonly collateral: Uint8Array
  readonly gpu?: GpuEvidence
}

export interface SignedGrant {
  readonly grant: SessionGrant
  readonly signature: Signature
  /** Absent where only the digest is needed or it is fetched by digest. */
  readonly evidence?: Evidence
}

export interface SignedOffer {
  readonly offer: Offer
  readonly signature: Signature
  readonly terms: readonly Terms[]
  readonly addresses: readonly string[]
  readonly grant: SignedGrant
}

export interface SignedLoad {
  readonly load: Load
  readonly signature: Signature
}

export interface SignedJob {
  readonly job: Job
  readonly signature: Signature
}

export interface SignedHead {
  readonly head: Head
  readonly signature: Signature
}

export interface SignedReceipt {
  readonly receipt: Receipt
  readonly signature: Signature
}

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint
  readonly signature: Signature
}

export interface SignedDelivery {
  readonly delivery: Delivery
  readonly signature: Signature
}

/** Why receipt `index` was rejected; `code` of `REASON`. */
export interface RejectionReason {
  readonly index: number
  readonly code: number
}

export interface SignedVote {
  readonly vote: Vote
  readonly signature: Signature
  /** Preimage of `vote.reasons`, by ascending index. */
  readonly reasons: readonly RejectionReason[]
}

/** Values of one receipt's trace tensors at the positions drawn by the seat (R17). */
export interface Sketch {
  readonly receiptIndex: number
  /** Little-endian float32 values. */
  readonly values: Uint8Array
}

/** Opens `vote.workCommit` (R17). */
export interface WorkOpening {
  readonly verifier: Address
  readonly checkpoint: Digest
  readonly round: number
  readonly salt: Digest
  /** Digest of all record bytes keyed by the verifier's address. */
  readonly lightDigest: Digest
  readonly sketches: readonly Sketch[]
}

export interface VoteBundle {
  readonly votes: readonly SignedVote[]
  readonly openings: readonly WorkOpening[]
}

/** The votes that decide one checkpoint; valid whenever assembled before the batch's cut-off (R14). */
export interface Certificate {
  readonly checkpoint: Digest
  readonly votes: readonly SignedVote[]
}

export interface BatchSignature {
  readonly seat: number
  readonly signature: Signature
}

export interface SignedBatch {
  readonly batch: Batch
  readonly leaves: readonly Leaf[]
  readonly signatures: readonly BatchSignature[]
  /** Of the settler the batch names: every proposal has it; of what is anchored it may be unknown (R19, R21). */
  readonly settlerSignature?: Signature
}

export interface TranscriptChunk {
  readonly index: number
  readonly data: Uint8Array
  readonly salt: Digest
}

/** What a seat needs to recompute an answer; travels only where privacy allows (R10, R12). */
export interface Transcript {
  readonly inputSalt: Digest
  readonly input: Uint8Array
  /** RFC 8785 bytes. */
  readonly parameters: Uint8Array
  readonly chunks: readonly TranscriptChunk[]
}

/** All that proves one job (section 2, Receipt). The grant travels beside it. */
export interface JobRecord {
  readonly job: Job
  readonly jobSignature: Signature
  readonly terms: Terms
  readonly offer: Offer
  readonly offerSignature: Signature
  readonly termsIndex: number
  readonly termsProof: readonly Digest[]
  readonly heads: readonly SignedHead[]
  readonly receipt: Receipt
  readonly receiptSignature: Signature
  readonly runtimeClass: Digest
  readonly traceHash: Digest
  readonly transcript?: Transcript
  /** R23: hashes to `job.channel`. Both absent on an unpaid job (`channel = 0`). */
  readonly channelConfig?: ChannelConfig
  /** The highest voucher held when the receipt was signed. */
  readonly voucher?: Voucher
}

/** What was released of a job before its receipt; closes it after a restart (R27). */
export interface JobProgress {
  readonly jobId: Digest
  readonly heads: readonly SignedHead[]
  readonly chunks: readonly TranscriptChunk[]
}
