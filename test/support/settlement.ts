import {
  type Address,
  allBits,
  BATCH,
  bit,
  CHECKPOINT,
  type ChainTip,
  type Checkpoint,
  type Digest,
  digestOf,
  H,
  merkleRoot,
  REASON,
  type ReceiptFacts,
  type SettledCheckpoint,
  type SettlementContext,
  SettlerMachine,
  type Signature,
  type SignedBatch,
  type SignedVote,
  type Signer,
  type SignerSeat,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { NOW, PARAMETERS } from './protocolWorld.ts'
import { castVote, committeeOfSize, crypto, DOMAIN, signerOf } from './votes.ts'

export const COMMITTEE = committeeOfSize(7)
export const operatorOf = (index: number): Signer => signerOf('provider', index)
export const settlerOf = (index: number): Signer => signerOf('settler', index)

export interface SettledDraft {
  readonly count?: number
  /** Receipts accepted; all when absent. */
  readonly accepted?: readonly number[]
  readonly rejected?: readonly number[]
  readonly undecided?: boolean
  /** Members that vote. */
  readonly voters?: readonly number[]
  readonly replayed?: readonly number[]
  readonly change?: Partial<Checkpoint>
}

export const receiptFacts = (operator: number, sequence: number, count: number): ReceiptFacts[] =>
  Array.from({ length: count }, (_, index) => ({
    digest: H('test/receipt', operator, sequence, index),
    fee: BigInt(100 * (sequence + 1) + index),
    mac: BigInt(1_000 * (operator + 1) + index),
  }))

/** A checkpoint of operator `operator`, certified by five members unless it says otherwise. */
export function settledOf(operator: number, sequence: number, draft: SettledDraft = {}): SettledCheckpoint {
  const count = draft.count ?? 2
  const receipts = receiptFacts(operator, sequence, count)
  const signer = operatorOf(operator)
  const checkpoint: Checkpoint = {
    operator: signer.address,
    grant: H('test/grant', operator),
    sequence,
    previous: H('test/previous', operator, sequence),
    firstSequence: 2 * sequence,
    count,
    receiptsRoot: merkleRoot(
      'receipt',
      receipts.map(({ digest }) => digest),
    ),
    totalFee: receipts.reduce((sum, { fee }) => sum + fee, 0n),
    epoch: 1,
    blockNumber: 90,
    blockHash: H('test/block'),
    createdAt: NOW - 60_000,
    ...draft.change,
  }
  const digest = digestOf(DOMAIN, CHECKPOINT, checkpoint)
  const rejected = draft.rejected ?? []
  const accepted = draft.accepted ?? receipts.map((_, index) => index).filter((index) => !rejected.includes(index))
  const votes = draft.undecided === true ? [] : votesOn(digest, accepted, rejected, draft)
  return {
    signed: { checkpoint, signature: signer.sign(digest) },
    digest,
    accepted: draft.undecided === true ? 0n : accepted.reduce((map, index) => map | bit(index), 0n),
    rejected: draft.undecided === true ? 0n : rejected.reduce((map, index) => map | bit(index), 0n),
    votes,
    receipts,
  }
}

function votesOn(
  checkpoint: Digest,
  accepted: readonly number[],
  rejected: readonly number[],
  { voters = [0, 1, 2, 3, 4], replayed = [] }: SettledDraft,
): SignedVote[] {
  const reasons = rejected.map((index) => [index, REASON.late] as const)
  return voters.map((member) => castVote(COMMITTEE, { member, checkpoint, accepted, rejected: reasons, replayed }))
}

export const isDecided = ({ accepted, rejected, signed }: SettledCheckpoint): boolean =>
  (accepted | rejected) === allBits(signed.checkpoint.count)

/** A signing set with these weights on seats 1, 2, ... */
export function signersOf(weights: readonly bigint[]): {
  readonly seats: SignerSeat[]
  sign(seat: number, digest: Digest): Signature
} {
  const signers = weights.map((_, index) => signerOf('signer', index))
  return {
    seats: signers.map(({ address }, index) => ({
      seat: index + 1,
      operator: address,
      weight: weights[index] as bigint,
    })),
    sign: (seat, digest) => (signers[seat - 1] as Signer).sign(digest),
  }
}

export const GENESIS: ChainTip = { number: 0, digest: ZERO_DIGEST, cutoff: 0, anchoredAt: 0 }

export const tipOf = ({ batch }: Pick<SignedBatch, 'batch'>, anchoredAt: number): ChainTip => ({
  number: batch.number,
  digest: digestOf(DOMAIN, BATCH, batch),
  cutoff: batch.cutoff,
  anchoredAt,
})

export const contextOf = (
  tip: ChainTip,
  seats: readonly SignerSeat[],
  settlers: readonly Address[] = [settlerOf(0).address],
): SettlementContext => ({ tip, epoch: 1, signers: seats, settlers })

export const settlerMachine = (index = 0): SettlerMachine =>
  new SettlerMachine({ domain: DOMAIN, crypto, parameters: PARAMETERS, signer: settlerOf(index) })
