import { nodeSecp256k1 } from '../../src/node/crypto.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import {
  ASSURANCE,
  bit,
  type CommitteeSeat,
  createDomain,
  createSigner,
  type Digest,
  H,
  NOT_CHECKED,
  type RejectionReason,
  ROUND,
  reasonsRoot,
  type SignedVote,
  type Signer,
  type Vote,
  voteDigest,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'

export const crypto = nodeSecp256k1()
export const DOMAIN = createDomain(31337, `0x${'5a'.repeat(20)}`, H('test/network'))
export const signerOf = (role: string, index = 0): Signer => createSigner(crypto, devnetPrivateKey('test', role, index))

/** Verifiers on seats 10, 11, ... */
export interface TestCommittee {
  readonly seats: readonly CommitteeSeat[]
  readonly signers: readonly Signer[]
}

export function committeeOfSize(size: number): TestCommittee {
  const signers = Array.from({ length: size }, (_, index) => signerOf('verifier', index))
  return { signers, seats: signers.map(({ address }, index) => ({ seat: 10 + index, verifier: address })) }
}

export interface VoteDraft {
  readonly member: number
  readonly checkpoint?: Digest
  readonly round?: number
  readonly accepted?: readonly number[]
  /** Receipt index and REASON code. */
  readonly rejected?: readonly (readonly [number, number])[]
  readonly replayed?: readonly number[]
  readonly overrides?: Partial<Vote>
  readonly reasons?: readonly RejectionReason[]
}

const mapOf = (indices: readonly number[]): bigint => indices.reduce((map, index) => map | bit(index), 0n)

export const CHECKPOINT_ID = H('test/checkpoint')

export function castVote(committee: TestCommittee, draft: VoteDraft): SignedVote {
  const reasons = draft.reasons ?? (draft.rejected ?? []).map(([index, code]) => ({ index, code }))
  const seat = committee.seats[draft.member]
  const signer = committee.signers[draft.member]
  if (seat === undefined || signer === undefined) throw new RangeError(`no member ${draft.member}`)
  const vote: Vote = {
    verifier: seat.verifier,
    seat: seat.seat,
    checkpoint: draft.checkpoint ?? CHECKPOINT_ID,
    round: draft.round ?? ROUND.fast,
    accepted: mapOf(draft.accepted ?? []),
    rejected: mapOf((draft.rejected ?? []).map(([index]) => index)),
    replayed: mapOf(draft.replayed ?? []),
    reasons: reasonsRoot(reasons),
    methods: 0,
    assurance: ASSURANCE.none,
    notChecked: NOT_CHECKED.payment,
    workCommit: ZERO_DIGEST,
    seenAt: 1_800_000_000_000,
    ...draft.overrides,
  }
  return { vote, signature: signer.sign(voteDigest(DOMAIN, vote)), reasons }
}
