import { allBits, countBits, hasBit } from './bitmap.ts'
import { type Domain, digestOf, hashStruct } from './eip712.ts'
import { fail, ok, type Result } from './errors.ts'
import { sha256 } from './hash.ts'
import { type Address, type Digest, hexToBytes, ZERO_DIGEST } from './hex.ts'
import { merkleProof, merkleRoot } from './merkle.ts'
import type { SignedBatch, SignedCheckpoint, SignedVote } from './messages.ts'
import { BATCH, type Batch, type Checkpoint, LEAF, type Leaf, VOTE, type Vote } from './objects.ts'
import type { Secp256k1 } from './ports.ts'

/** What settlement needs of one receipt; its digest is under the checkpoint's `receiptsRoot`. */
export interface ReceiptFacts {
  readonly digest: Digest
  readonly fee: bigint
  readonly mac: bigint
}

/** A checkpoint ready to be anchored: certified, or undecided after the wait (R20). */
export interface SettledCheckpoint {
  readonly signed: SignedCheckpoint
  readonly digest: Digest
  readonly accepted: bigint
  readonly rejected: bigint
  /** The votes that decided, by seat; empty when undecided. */
  readonly votes: readonly SignedVote[]
  readonly receipts: readonly ReceiptFacts[]
}

export const batchDigest = (domain: Domain, batch: Batch): Digest => digestOf(domain, BATCH, batch)
export const leafDigest = (leaf: Leaf): Digest => hashStruct(LEAF, leaf)

/** The digest in `Leaf.certificate`: over the deciding votes by seat; zero when there are none. */
export const certificateRoot = (domain: Domain, votes: readonly SignedVote[]): Digest =>
  merkleRoot(
    'vote',
    [...votes].sort((a, b) => a.vote.seat - b.vote.seat).map(({ vote }) => voteDigest(domain, vote)),
  )

export const voteDigest = (domain: Domain, vote: Vote): Digest => digestOf(domain, VOTE, vote)

/** Order of leaves in a batch: by operator, then by sequence, so that a set of checkpoints has one root. */
export const leafOrder = (a: Checkpoint, b: Checkpoint): number =>
  a.operator === b.operator ? a.sequence - b.sequence : a.operator < b.operator ? -1 : 1

export function leafOf(domain: Domain, index: number, settled: SettledCheckpoint): Leaf {
  const { checkpoint } = settled.signed
  const fees = settled.receipts.map(({ fee }) => fee)
  return {
    index,
    operator: checkpoint.operator,
    sequence: checkpoint.sequence,
    checkpoint: settled.digest,
    receiptsRoot: checkpoint.receiptsRoot,
    count: checkpoint.count,
    accepted: settled.accepted,
    rejected: settled.rejected,
    slashable: slashableOf(settled.votes, settled.rejected),
    acceptedFee: fees.reduce((sum, fee, at) => (hasBit(settled.accepted, at) ? sum + fee : sum), 0n),
    certificate: certificateRoot(domain, settled.votes),
  }
}

/** Deterministic failures only: rejected receipts whose rejecting votes all recomputed them (R16, section 2). */
function slashableOf(votes: readonly SignedVote[], rejected: bigint): bigint {
  return votes.reduce((map, { vote }) => map & (~vote.rejected | vote.replayed), rejected)
}

/** Content address of a batch's leaves (R21): sha-256 over their struct hashes in order. */
export const leavesDataDigest = (leaves: readonly Leaf[]): Digest =>
  sha256(new Uint8Array(leaves.flatMap((leaf) => [...hexToBytes(leafDigest(leaf))])))

export const checkpointsRootOf = (leaves: readonly Leaf[]): Digest => merkleRoot('checkpoint', leaves.map(leafDigest))
export const leafProofOf = (leaves: readonly Leaf[], index: number): Digest[] =>
  merkleProof('checkpoint', leaves.map(leafDigest), index)

export interface BatchDraft {
  readonly number: number
  readonly previous: Digest
  readonly epoch: number
  readonly settler: Address
  /** Certificates and receipts counted are those known at this time, ms. */
  readonly cutoff: number
  readonly settled: readonly SettledCheckpoint[]
}

export function buildBatch(
  domain: Domain,
  draft: BatchDraft,
): { readonly batch: Batch; readonly leaves: readonly Leaf[] } {
  const ordered = [...draft.settled].sort((a, b) => leafOrder(a.signed.checkpoint, b.signed.checkpoint))
  const leaves = ordered.map((settled, index) => leafOf(domain, index, settled))
  const mac = ordered.reduce(
    (total, { accepted, receipts }) =>
      receipts.reduce((sum, receipt, at) => (hasBit(accepted, at) ? sum + receipt.mac : sum), total),
    0n,
  )
  const batch: Batch = {
    number: draft.number,
    previous: draft.previous,
    epoch: draft.epoch,
    settler: draft.settler,
    checkpointsRoot: checkpointsRootOf(leaves),
    leaves: leaves.length,
    votesRoot: merkleRoot(
      'certificate',
      leaves.map(({ certificate }) => certificate),
    ),
    auditsRoot: ZERO_DIGEST,
    auditOf: 0,
    jobs: leaves.reduce((sum, { count }) => sum + count, 0),
    rejected: leaves.reduce((sum, leaf) => sum + countBits(leaf.rejected), 0),
    acceptedFee: leaves.reduce((sum, { acceptedFee }) => sum + acceptedFee, 0n),
    mac,
    data: leavesDataDigest(leaves),
    cutoff: draft.cutoff,
  }
  return { batch, leaves }
}

/** Why a signer does not sign a proposal (R19, R20). */
export const PROPOSAL_REFUSALS = [
  'not-a-signer',
  'wrong-number',
  'wrong-previous',
  'wrong-epoch',
  'settler-not-staked',
  'bad-settler-signature',
  'cutoff-in-future',
  'cutoff-regressed',
  'empty-batch',
  'too-many-leaves',
  'leaf-mismatch',
  'batch-mismatch',
  'bad-checkpoint',
  'bad-certificate',
  'receipts-unavailable',
  'skipped-sequence',
  'missing-certified',
  'missing-forced',
  'busy',
] as const
export type ProposalRefusal = (typeof PROPOSAL_REFUSALS)[number]

export interface ProposalProblem {
  readonly code: ProposalRefusal
  readonly expected: string
  readonly got: string
}

export interface ProposalContext {
  readonly domain: Domain
  readonly now: number
  /** `epoch` of the last batch, where there is one: the chain takes none before it. */
  readonly last: {
    readonly number: number
    readonly digest: Digest
    readonly cutoff: number
    readonly epoch?: number
  }
  /** Latest epoch a batch may name. The one before counts as well, as it does on chain: an epoch may end under way. */
  readonly epoch: number
  readonly settlerStaked: boolean
  readonly maxLeaves: number
  readonly futureTolerance: number
  readonly signerHold: number
  /** A checkpoint may enter with receipts undecided only this long after it was created, ms; any time when absent. */
  readonly certificateWait?: number
  /** Next unanchored checkpoint sequence of an operator. */
  readonly nextSequence: (operator: Address) => number
  /** Certified checkpoints this signer holds that no anchored batch has yet, with when it first held them, ms. */
  readonly held: readonly { readonly settled: SettledCheckpoint; readonly since: number }[]
  /** Checkpoints forced on chain and not anchored yet that this signer held long enough, whose turn it is (`forcedInTurn`). */
  readonly forced: readonly Digest[]
}

/** Next sequence of each operator once `settled` is anchored. */
function sequencesAfter(
  settled: readonly SettledCheckpoint[],
  nextSequence: (operator: Address) => number,
): (operator: Address) => number {
  const next = new Map<Address, number>()
  for (const { signed } of settled) {
    const { operator, sequence } = signed.checkpoint
    next.set(operator, Math.max(next.get(operator) ?? 0, sequence + 1))
  }
  return (operator) => next.get(operator) ?? nextSequence(operator)
}

/**
 * Forced checkpoints (R20) a batch of `settled` can be asked for: those in it, and those it could go on with. One
 * behind a gap waits for what is missing, else its operator could stop the network by forcing it.
 */
export function forcedInTurn(
  forced: readonly { readonly digest: Digest; readonly checkpoint: Checkpoint }[],
  settled: readonly SettledCheckpoint[],
  nextSequence: (operator: Address) => number,
): Digest[] {
  const proposed = new Set(settled.map(({ digest }) => digest))
  const next = sequencesAfter(settled, nextSequence)
  return forced
    .filter(({ digest, checkpoint }) => proposed.has(digest) || checkpoint.sequence === next(checkpoint.operator))
    .map(({ digest }) => digest)
}

/**
 * Whether the settler a batch names signed it (R19). Nobody else can make it answer for the leaves; a signer that signs
 * without this answers for them alone.
 */
export function settlerProblem(
  domain: Domain,
  crypto: Pick<Secp256k1, 'recover'>,
  { batch, settlerSignature }: Pick<SignedBatch, 'batch' | 'settlerSignature'>,
): ProposalProblem | undefined {
  const code = 'bad-settler-signature'
  const expected = `the signature of ${batch.settler}`
  if (settlerSignature === undefined) return { code, expected, got: 'none' }
  const signer = crypto.recover(batchDigest(domain, batch), settlerSignature)
  return signer === batch.settler ? undefined : { code, expected, got: signer ?? 'no signature' }
}

/** Two copies of one batch: all that is known of its signatures; `held` itself where `got` adds nothing to it. */
export function joinSigned(held: SignedBatch, got: SignedBatch): SignedBatch {
  const settlerSignature = got.settlerSignature ?? held.settlerSignature
  if (got.signatures.length === 0 && settlerSignature === held.settlerSignature) return held
  const { batch, leaves, signatures } = got.signatures.length === 0 ? held : got
  return { batch, leaves, signatures, ...(settlerSignature === undefined ? {} : { settlerSignature }) }
}

/**
 * A signer's whole check of what its settler signed (`settlerProblem`) against checkpoints it verified itself (R19, R20):
 * `settled` is what this signer makes of each proposed leaf, in the proposal's order.
 */
export function checkProposal(
  context: ProposalContext,
  batch: Batch,
  leaves: readonly Leaf[],
  settled: readonly SettledCheckpoint[],
): Result<Digest, ProposalProblem> {
  const { domain, last, now } = context
  if (batch.number !== last.number + 1) return refuse('wrong-number', `${last.number + 1}`, `${batch.number}`)
  if (batch.previous !== last.digest) return refuse('wrong-previous', last.digest, batch.previous)
  const earliest = Math.max(context.epoch - 1, last.epoch ?? 0)
  if (batch.epoch < earliest || batch.epoch > context.epoch) {
    return refuse('wrong-epoch', `${earliest} to ${context.epoch}`, `${batch.epoch}`)
  }
  if (!context.settlerStaked) return refuse('settler-not-staked', 'a settler with matured stake', batch.settler)
  if (batch.cutoff > now + context.futureTolerance)
    return refuse('cutoff-in-future', `at most ${now}`, `${batch.cutoff}`)
  if (batch.cutoff <= last.cutoff) return refuse('cutoff-regressed', `after ${last.cutoff}`, `${batch.cutoff}`)
  if (leaves.length === 0) return refuse('empty-batch', 'at least one leaf', 'none')
  if (leaves.length > context.maxLeaves)
    return refuse('too-many-leaves', `at most ${context.maxLeaves}`, `${leaves.length}`)
  const skipped = skippedSequence(context, settled)
  if (skipped !== undefined) return skipped
  const missing = missingCheckpoint(context, batch, settled)
  if (missing !== undefined) return missing
  const weakened = weakenedLeaf(context, batch, settled)
  if (weakened !== undefined) return weakened
  const rebuilt = buildBatch(domain, {
    number: batch.number,
    previous: batch.previous,
    epoch: batch.epoch,
    settler: batch.settler,
    cutoff: batch.cutoff,
    settled,
  })
  for (const [index, leaf] of rebuilt.leaves.entries()) {
    const proposed = leaves[index]
    if (proposed === undefined || leafDigest(proposed) !== leafDigest(leaf)) {
      return refuse('leaf-mismatch', leafDigest(leaf), proposed === undefined ? 'no leaf' : leafDigest(proposed))
    }
  }
  if (leaves.length !== rebuilt.leaves.length) {
    return refuse('leaf-mismatch', `${rebuilt.leaves.length} leaves`, `${leaves.length}`)
  }
  const digest = batchDigest(domain, batch)
  const expected = batchDigest(domain, rebuilt.batch)
  return digest === expected ? ok(digest) : refuse('batch-mismatch', expected, digest)
}

function skippedSequence(
  context: ProposalContext,
  settled: readonly SettledCheckpoint[],
): Result<never, ProposalProblem> | undefined {
  const next = new Map<Address, number>()
  for (const { signed } of settled) {
    const { operator, sequence } = signed.checkpoint
    const expected = next.get(operator) ?? context.nextSequence(operator)
    if (sequence !== expected) return refuse('skipped-sequence', `${operator} ${expected}`, `${operator} ${sequence}`)
    next.set(operator, sequence + 1)
  }
  return undefined
}

const decided = ({ accepted, rejected }: SettledCheckpoint): bigint => accepted | rejected

/** What only one node heard of and nobody certified is not demanded: its operator may force it instead. */
function missingCheckpoint(
  context: ProposalContext,
  batch: Batch,
  settled: readonly SettledCheckpoint[],
): Result<never, ProposalProblem> | undefined {
  const proposed = new Set(settled.map(({ digest }) => digest))
  const full = settled.length >= context.maxLeaves
  for (const forced of context.forced) {
    if (!proposed.has(forced) && !full) return refuse('missing-forced', `leaf of ${forced}`, 'none')
  }
  const next = sequencesAfter(settled, context.nextSequence)
  for (const { settled: held, since } of context.held) {
    if (full || proposed.has(held.digest) || decided(held) === 0n || since > batch.cutoff - context.signerHold) continue
    const { operator, sequence } = held.signed.checkpoint
    if (sequence === next(operator)) return refuse('missing-certified', `leaf of ${held.digest}`, 'none')
  }
  return undefined
}

/** Whether a committee may still decide a checkpoint; one from the future has none and never waits long enough. */
function isEarly(
  { certificateWait, futureTolerance }: ProposalContext,
  { cutoff }: Batch,
  { createdAt }: Checkpoint,
): boolean {
  if (certificateWait === undefined || createdAt > cutoff + futureTolerance) return false
  return createdAt + certificateWait > cutoff + futureTolerance
}

/** A settler must not call undecided what was decided, or what its committee may still decide (R14, R20). */
function weakenedLeaf(
  context: ProposalContext,
  batch: Batch,
  settled: readonly SettledCheckpoint[],
): Result<never, ProposalProblem> | undefined {
  const held = new Map(context.held.map((entry) => [entry.settled.digest, entry]))
  const forced = new Set(context.forced)
  const { signerHold } = context
  for (const leaf of settled) {
    const { checkpoint } = leaf.signed
    const isFinal = decided(leaf) === allBits(checkpoint.count)
    if (isFinal) continue
    if (!forced.has(leaf.digest) && isEarly(context, batch, checkpoint)) {
      return refuse(
        'bad-certificate',
        `a verdict on all of ${leaf.digest}`,
        'receipts undecided before the wait is over',
      )
    }
    const own = held.get(leaf.digest)
    if (own === undefined || own.since > batch.cutoff - signerHold) continue
    const lost = decided(own.settled) & ~decided(leaf)
    const shown = new Set(leaf.votes.map(({ vote }) => vote.verifier))
    if (lost !== 0n && !own.settled.votes.every(({ vote }) => shown.has(vote.verifier))) {
      return refuse('missing-certified', `the votes on ${leaf.digest}`, `${leaf.votes.length} of them`)
    }
  }
  return undefined
}

const refuse = (code: ProposalRefusal, expected: string, got: string): Result<never, ProposalProblem> =>
  fail({ code, expected, got })

/** Weight needed to anchor: more than two thirds (R13). */
export const anchorsWith = (signed: bigint, total: bigint): boolean => signed * 3n > total * 2n
