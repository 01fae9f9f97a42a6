import { certificateRoot, voteDigest } from './batch.ts'
import { allBits, bit, bitsIn, hasBit, MAX_RECEIPTS } from './bitmap.ts'
import { type Domain, hashStruct } from './eip712.ts'
import { fail, ok, type Result } from './errors.ts'
import { H, keccak } from './hash.ts'
import type { Address, Digest } from './hex.ts'
import { merkleRoot } from './merkle.ts'
import type { Certificate, RejectionReason, SignedVote, Sketch, WorkOpening } from './messages.ts'
import { REASON, ROUND, VOTE } from './objects.ts'
import type { Secp256k1 } from './ports.ts'
import { type CommitteeSeat, decidingVotes } from './seats.ts'

/** What a committee's votes make of each receipt of a checkpoint; maps as in `Vote`. */
export interface Tally {
  readonly accepted: bigint
  readonly rejected: bigint
  readonly undecided: bigint
  /** Of each rejected receipt the `REASON` most of its rejecting votes give, the lowest code on a tie. */
  readonly reasons: ReadonlyMap<number, number>
  /** One vote a verifier: those that count, by seat. */
  readonly votes: readonly SignedVote[]
  /** Nothing is undecided. */
  readonly final: boolean
}

export interface TallyInput {
  readonly committee: readonly CommitteeSeat[]
  /** Receipts of the checkpoint. */
  readonly count: number
  /** Of this checkpoint, each passed `checkVote`. */
  readonly votes: readonly SignedVote[]
}

const MISMATCHES: ReadonlySet<number> = new Set([REASON['output-mismatch'], REASON['trace-mismatch']])
const REASON_CODES: ReadonlySet<number> = new Set(Object.values(REASON))

/**
 * Counts votes per receipt (R14). A round 1 vote replaces its verifier's round 0 vote; who signed two different votes for
 * one round counts in none. Where a counted vote shows a replay mismatch, acceptances of that receipt count only from those who replayed it.
 */
export function tallyVotes({ committee, count, votes: cast }: TallyInput): Tally {
  const votes = countedVotes(committee, cast)
  const needed = decidingVotes(committee.length) ?? Number.POSITIVE_INFINITY
  const escalated = escalatedReceipts(votes)
  const reasons = new Map<number, number>()
  let accepted = 0n
  let rejected = 0n
  for (let index = 0; index < count; index += 1) {
    const counted = hasBit(escalated, index)
      ? votes.filter(({ vote }) => hasBit(vote.replayed | vote.rejected, index))
      : votes
    const rejecting = counted.filter(({ vote }) => hasBit(vote.rejected, index))
    if (rejecting.length >= needed) {
      rejected |= bit(index)
      reasons.set(index, mostGiven(rejecting, index))
    } else if (counted.filter(({ vote }) => hasBit(vote.accepted, index)).length >= needed) accepted |= bit(index)
  }
  const undecided = allBits(count) & ~(accepted | rejected)
  return { accepted, rejected, undecided, reasons, votes, final: undecided === 0n }
}

function countedVotes(committee: readonly CommitteeSeat[], cast: readonly SignedVote[]): SignedVote[] {
  const seats = new Map(committee.map(({ verifier, seat }) => [verifier, seat]))
  const latest = new Map<Address, SignedVote>()
  const excluded = new Set<Address>()
  const signed = new Map<string, Digest>()
  for (const entry of cast) {
    const { verifier, seat, round } = entry.vote
    if (seats.get(verifier) !== seat || (round !== ROUND.fast && round !== ROUND.escalated)) continue
    const digest = hashStruct(VOTE, entry.vote)
    const place = `${verifier} ${round}`
    const other = signed.get(place)
    if (other !== undefined && other !== digest) excluded.add(verifier)
    signed.set(place, digest)
    const known = latest.get(verifier)
    if (known === undefined || known.vote.round < round) latest.set(verifier, entry)
  }
  return [...latest.values()]
    .filter(({ vote }) => !excluded.has(vote.verifier))
    .sort((a, b) => a.vote.seat - b.vote.seat)
}

/** Receipts for which a vote shows a replay mismatch: to accept one, a seat must have replayed it (R14). */
export function escalatedReceipts(votes: readonly SignedVote[]): bigint {
  let map = 0n
  for (const { vote, reasons } of votes) {
    for (const { index, code } of reasons) {
      if (MISMATCHES.has(code) && hasBit(vote.rejected & vote.replayed, index)) map |= bit(index)
    }
  }
  return map
}

function mostGiven(rejecting: readonly SignedVote[], index: number): number {
  const counts = new Map<number, number>()
  for (const { reasons } of rejecting) {
    const code = reasons.find((reason) => reason.index === index)?.code
    if (code !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([codeA, a], [codeB, b]) => b - a || codeA - codeB)
  if (most === undefined) throw new RangeError(`no rejecting vote gives a reason for receipt ${index}`)
  return most[0]
}

/** The first two different votes of one (verifier, checkpoint, round), an objective offence; in the order given. */
export function findEquivocation(votes: readonly SignedVote[]): readonly [SignedVote, SignedVote] | undefined {
  const seen = new Map<string, SignedVote>()
  for (const entry of votes) {
    const { verifier, checkpoint, round } = entry.vote
    const place = `${verifier} ${checkpoint} ${round}`
    const other = seen.get(place)
    if (other === undefined) seen.set(place, entry)
    else if (hashStruct(VOTE, other.vote) !== hashStruct(VOTE, entry.vote)) return [other, entry]
  }
  return undefined
}

/** What is wrong with a vote. */
export const VOTE_FAULTS = [
  'vote-checkpoint',
  'vote-round',
  'vote-seat',
  'vote-range',
  'vote-overlap',
  'vote-reasons',
  'vote-signature',
] as const
export type VoteFault = (typeof VOTE_FAULTS)[number]

export interface VoteError {
  readonly code: VoteFault
  readonly expected: string
  readonly got: string
}

export interface VoteCheck {
  readonly domain: Domain
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly committee: readonly CommitteeSeat[]
  readonly checkpoint: Digest
  /** Receipts of the checkpoint. */
  readonly count: number
  readonly vote: SignedVote
}

/** A committee member's vote, cheap checks first, signature last (R14). Returns its digest. */
export function checkVote(input: VoteCheck): Result<Digest, VoteError> {
  const { domain, crypto, committee, checkpoint, vote: signed } = input
  const { vote } = signed
  if (vote.checkpoint !== checkpoint) return refuse('vote-checkpoint', checkpoint, vote.checkpoint)
  const problem = checkVoteShape(signed, input.count)
  if (problem !== undefined) return fail(problem)
  const seat = committee.find(({ verifier }) => verifier === vote.verifier)
  if (seat?.seat !== vote.seat) {
    const expected = seat === undefined ? 'a member of the committee' : `seat ${seat.seat}`
    return refuse('vote-seat', expected, `${vote.verifier} on seat ${vote.seat}`)
  }
  const digest = voteDigest(domain, vote)
  const signer = crypto.recover(digest, signed.signature)
  if (signer !== vote.verifier) return refuse('vote-signature', vote.verifier, signer ?? 'no signer')
  return ok(digest)
}

/** What can be told of a vote without its committee; `count` of 256 where the checkpoint is not at hand. */
export function checkVoteShape({ vote, reasons }: SignedVote, count: number = MAX_RECEIPTS): VoteError | undefined {
  const { round, accepted, rejected, replayed } = vote
  if (round !== ROUND.fast && round !== ROUND.escalated) {
    return { code: 'vote-round', expected: `round ${ROUND.fast} or ${ROUND.escalated}`, got: `${round}` }
  }
  if (((accepted | rejected | replayed) & ~allBits(count)) !== 0n) {
    return {
      code: 'vote-range',
      expected: `bits below ${count}`,
      got: `0x${(accepted | rejected | replayed).toString(16)}`,
    }
  }
  if ((accepted & rejected) !== 0n) {
    return {
      code: 'vote-overlap',
      expected: 'no receipt both accepted and rejected',
      got: `${bitsIn(accepted & rejected)}`,
    }
  }
  const covered = reasons.map(({ index }) => index)
  if (covered.join() !== bitsIn(rejected).join()) {
    return { code: 'vote-reasons', expected: `reasons for receipts ${bitsIn(rejected)}`, got: `${covered}` }
  }
  for (const { index, code } of reasons) {
    if (!REASON_CODES.has(code)) return { code: 'vote-reasons', expected: 'a known reason', got: `${code}` }
    if (MISMATCHES.has(code) && !hasBit(replayed, index)) {
      return { code: 'vote-reasons', expected: 'a mismatch only where the vote replayed', got: `receipt ${index}` }
    }
  }
  const root = reasonsRoot(reasons)
  if (root !== vote.reasons) return { code: 'vote-reasons', expected: root, got: vote.reasons }
  return undefined
}

const refuse = (code: VoteFault, expected: string, got: string): Result<never, VoteError> =>
  fail({ code, expected, got })

/** `Vote.reasons`: root over `H("OPG/reason/1", receipt index, code)` by ascending receipt index; zero when nothing is rejected. */
export const reasonsRoot = (reasons: readonly RejectionReason[]): Digest =>
  merkleRoot(
    'reason',
    [...reasons].sort((a, b) => a.index - b.index).map(({ index, code }) => H('OPG/reason/1', index, code)),
  )

/** The digest in `Leaf.certificate`: root over the digests of the votes by seat. */
export const certificateDigest = certificateRoot

export interface CertificateCheck extends Omit<VoteCheck, 'vote'> {
  readonly certificate: Certificate
}

export type CertificateError =
  | { readonly code: 'certificate-checkpoint' | 'certificate-size'; readonly expected: string; readonly got: string }
  | VoteError

/** Rounds 0 and 1 of every member. */
const ROUNDS_COUNTED = 2

/** Every vote checked, then counted (R14). What the certificate decides is in the tally; it may leave receipts undecided. */
export function verifyCertificate(input: CertificateCheck): Result<Tally, CertificateError> {
  const { certificate, checkpoint, committee, count } = input
  if (certificate.checkpoint !== checkpoint) {
    return fail({ code: 'certificate-checkpoint', expected: checkpoint, got: certificate.checkpoint })
  }
  const most = committee.length * ROUNDS_COUNTED
  if (certificate.votes.length === 0 || certificate.votes.length > most) {
    return fail({ code: 'certificate-size', expected: `1 to ${most} votes`, got: `${certificate.votes.length}` })
  }
  for (const vote of certificate.votes) {
    const checked = checkVote({ ...input, vote })
    if (!checked.ok) return checked
  }
  return ok(tallyVotes({ committee, count, votes: certificate.votes }))
}

/** uint32 receipt index, uint32 length, values; by ascending receipt index, big-endian. */
function sketchBytes(sketches: readonly Sketch[]): Uint8Array {
  const ordered = [...sketches].sort((a, b) => a.receiptIndex - b.receiptIndex)
  const bytes = new Uint8Array(ordered.reduce((sum, { values }) => sum + 8 + values.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { receiptIndex, values } of ordered) {
    view.setUint32(at, receiptIndex)
    view.setUint32(at + 4, values.length)
    bytes.set(values, at + 8)
    at += 8 + values.length
  }
  return bytes
}

/** `Vote.workCommit` (R17): commits to the work before anybody shows theirs; opened by its preimage. */
export const workCommitOf = (opening: WorkOpening): Digest =>
  H(
    'OPG/work/1',
    opening.verifier,
    opening.checkpoint,
    opening.round,
    opening.salt,
    opening.lightDigest,
    keccak(sketchBytes(opening.sketches)),
  )

/** Whether `opening` is what this vote committed to (R17). */
export const opensVote = ({ vote }: SignedVote, opening: WorkOpening): boolean =>
  opening.verifier === vote.verifier &&
  opening.checkpoint === vote.checkpoint &&
  opening.round === vote.round &&
  workCommitOf(opening) === vote.workCommit
