import { allBits, type ReceiptFacts, type SettledCheckpoint, type SignedVote } from '../../src/protocol/index.ts'
import { buildCheckpoint, buildRecord, checkpointDigest, PROVIDER } from './records.ts'
import { castVote, committeeOfSize, crypto, DOMAIN, signerOf } from './votes.ts'

export const COMMITTEE = committeeOfSize(4)

export interface SettledDraft {
  readonly sequence?: number
  /** Another provider's checkpoint when above 0. */
  readonly provider?: number
  readonly createdAt?: number
  /** Told apart from another checkpoint of the same sequence. */
  readonly totalFee?: bigint
  /** Members of the committee that accept its one receipt; all unless given. */
  readonly voters?: number
}

/** A checkpoint of one receipt, settled by its committee of four. */
export function settledOf(draft: SettledDraft = {}): SettledCheckpoint {
  const { sequence = 0, provider = 0, voters = COMMITTEE.signers.length } = draft
  const record = buildRecord({ sequence })
  const operator = provider === 0 ? PROVIDER : signerOf('provider', provider)
  const { checkpoint } = buildCheckpoint([record], {
    operator: operator.address,
    sequence,
    ...(draft.createdAt === undefined ? {} : { createdAt: draft.createdAt }),
    ...(draft.totalFee === undefined ? {} : { totalFee: draft.totalFee }),
  })
  const digest = checkpointDigest(checkpoint)
  const votes: SignedVote[] = Array.from({ length: voters }, (_, member) =>
    castVote(COMMITTEE, { member, checkpoint: digest, accepted: [0] }),
  )
  const receipts: ReceiptFacts[] = [{ digest, fee: record.receipt.fee, mac: record.receipt.mac }]
  const accepted = voters >= 3 ? allBits(1) : 0n
  return {
    signed: { checkpoint, signature: operator.sign(digest) },
    digest,
    accepted,
    rejected: 0n,
    votes: accepted === 0n ? [] : votes,
    receipts,
  }
}

export { crypto, DOMAIN, signerOf }
