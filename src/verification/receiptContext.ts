import type {
  Address,
  ChannelDomain,
  Checkpoint,
  Digest,
  Domain,
  Parameters,
  Profile,
  ReasonName,
  Result,
  Secp256k1,
  SessionGrant,
} from '../protocol/index.ts'

/** A grant whose signature, window and evidence were judged by the caller (R4 to R6). */
export interface JudgedGrant {
  readonly grant: SessionGrant
  readonly digest: Digest
  /** What evidence and policy gave: an assurance, or why the grant backs nothing. */
  readonly verdict: Result<GrantBacking, 'bad-grant' | 'bad-evidence' | 'stale-policy'>
  /** Models under `modelsRoot`, where the caller knows them. */
  readonly models?: readonly Digest[]
}

export interface GrantBacking {
  /** Code of `ASSURANCE`, from the trust root that matched. */
  readonly assurance: number
  /** Bits of `NOT_CHECKED`. */
  readonly notChecked: number
}

/** Where a provider's fees must go (R23). */
export interface PaymentContext {
  readonly domain: ChannelDomain
  /** The network's: OPG. */
  readonly token: Address
  /** Of the checkpoint's operator. */
  readonly splitter: Address
}

/** Everything a check of one receipt needs besides its record. */
export interface ReceiptContext {
  readonly domain: Domain
  readonly profile: Profile
  readonly parameters: Parameters
  readonly crypto: Pick<Secp256k1, 'recover'>
  /** Signed by its operator; `receiptsRoot` and `count` agree with the records. */
  readonly checkpoint: Checkpoint
  /** The checkpoint before it in the operator's chain, where the caller holds it. */
  readonly previous?: Checkpoint
  /** Place of the receipt in the checkpoint. */
  readonly index: number
  readonly grant: JudgedGrant
  readonly payment: PaymentContext
  /** Sum of the fees of all records of the checkpoint, wei. */
  readonly totalFee: bigint
  /** Fees of the operator's checkpoints of the exposure window and of the receipts before this one, wei (R29). */
  readonly exposed: bigint
  readonly exposureLimit: bigint
  /** Whether an earlier receipt, of this checkpoint or another, billed the job. */
  readonly isBilled: (jobId: Digest) => boolean
}

export interface ReceiptFault {
  readonly reason: ReasonName
  readonly expected: string
  readonly got: string
}

/** Undefined: nothing found. */
export type Found = ReceiptFault | undefined

export const found = (reason: ReasonName, expected: unknown, got: unknown): ReceiptFault => ({
  reason,
  expected: String(expected),
  got: String(got),
})
