import type { AnchoredBatch, ChainClient, SigningSet } from '../chain/index.ts'
import {
  anchorsWith,
  type Batch,
  batchDigest,
  CHECKPOINT,
  certificateRoot,
  checkpointsRootOf,
  checkVote,
  countBits,
  type Digest,
  type Domain,
  digestOf,
  fail,
  hasBit,
  type Leaf,
  leavesDataDigest,
  merkleRoot,
  ok,
  type Result,
  type Secp256k1,
  type SignedBatch,
  type SignedCheckpoint,
  type SignedVote,
  tallyVotes,
  toChecksumAddress,
  voteDigest,
} from '../protocol/index.ts'
import { NodeError } from './errors.ts'
import type { NodeParts } from './node.ts'

/** An anchored batch, as people and JSON see it. */
export interface BatchView {
  readonly number: number
  readonly digest: Digest
  readonly previous: Digest
  readonly epoch: number
  readonly settler: string
  readonly leaves: number
  readonly jobs: number
  readonly rejected: number
  readonly acceptedFee: string
  readonly mac: string
  readonly cutoff: number
  readonly signers: number
  readonly transaction: Digest
  readonly block: number
  readonly gasUsed: string
  /** R22: how deep the anchor is. */
  readonly confidence: string
}

type BatchChain = Pick<ChainClient, 'lastBatch' | 'batch' | 'confidenceOf'>

/** The last batches on chain, newest first. */
export async function listBatches(chain: BatchChain, { last }: { readonly last: number }): Promise<BatchView[]> {
  const newest = (await chain.lastBatch()).number
  const views: BatchView[] = []
  for (let number = newest; number > Math.max(0, newest - last); number -= 1) {
    const anchored = await chain.batch(number)
    if (anchored !== undefined) views.push(await viewBatch(chain, anchored))
  }
  return views
}

/** Throws NodeError `batch-unknown`. */
export async function anchoredBatch(chain: BatchChain, number: number): Promise<AnchoredBatch> {
  const anchored = await chain.batch(number)
  if (anchored !== undefined) return anchored
  const { number: last } = await chain.lastBatch()
  throw new NodeError(
    { code: 'batch-unknown', number, last },
    `expected a batch from 1 to ${last}, got ${number}; the chain has no such batch`,
  )
}

export async function viewBatch(chain: Pick<ChainClient, 'confidenceOf'>, anchored: AnchoredBatch): Promise<BatchView> {
  const { batch, digest, signers, transaction, blockNumber, blockHash, gasUsed } = anchored
  const confidence = await chain.confidenceOf({ number: blockNumber, hash: blockHash })
  return {
    number: batch.number,
    digest,
    previous: batch.previous,
    epoch: batch.epoch,
    settler: toChecksumAddress(batch.settler),
    leaves: batch.leaves,
    jobs: batch.jobs,
    rejected: batch.rejected,
    acceptedFee: batch.acceptedFee.toString(),
    mac: batch.mac.toString(),
    cutoff: batch.cutoff,
    signers: countBits(signers),
    transaction,
    block: blockNumber,
    gasUsed: gasUsed.toString(),
    confidence: confidence ?? 'reorganised',
  }
}

/**
 * The leaves of a batch from any connected peer that holds them; undefined when nobody does (R21). Who knew the proposal
 * serves it without signatures until they are gossiped: it is taken where nobody has it with them.
 */
export async function fetchBatch(
  { sync, host }: Pick<NodeParts, 'sync' | 'host'>,
  number: number,
): Promise<SignedBatch | undefined> {
  let unsigned: SignedBatch | undefined
  for (const peer of host.connectedPeers()) {
    const answer = await sync.ask(peer, { kind: 'batchRequest', value: { number } }, 'batch')
    if (!answer.ok || answer.value.batch.batch.number !== number) continue
    if (answer.value.batch.signatures.length > 0) return answer.value.batch
    unsigned ??= answer.value.batch
  }
  return unsigned
}

export interface BatchProblem {
  readonly what: string
  readonly expected: string
  readonly got: string
}

/** Leaves and signatures against the batch's own roots and its signing set (R13, R19, R21); undefined when all agree. */
export function leavesProblem(
  { domain, crypto }: { readonly domain: Domain; readonly crypto: Pick<Secp256k1, 'recover'> },
  { batch, leaves, signatures }: SignedBatch,
  set: SigningSet,
): BatchProblem | undefined {
  const roots = rootsOf(leaves)
  for (const [name, value] of Object.entries(roots)) {
    const claimed = batch[name as keyof typeof roots]
    if (claimed !== value) return { what: name, expected: String(claimed), got: String(value) }
  }
  const digest = batchDigest(domain, batch)
  const weights = new Map(set.signers.map((signer) => [signer.operator, signer.weight]))
  let signed = 0n
  for (const { signature } of signatures) {
    const signer = crypto.recover(digest, signature)
    const weight = signer === undefined ? undefined : weights.get(signer)
    if (signer === undefined || weight === undefined) {
      return { what: 'signatures', expected: 'signers of the epoch, each once', got: signer ?? 'no signer' }
    }
    weights.delete(signer)
    signed += weight
  }
  const total = set.signers.reduce((sum, { weight }) => sum + weight, 0n)
  if (anchorsWith(signed, total)) return undefined
  return { what: 'signatures', expected: `more than two thirds of ${total}`, got: `${signed}` }
}

function rootsOf(leaves: readonly Leaf[]) {
  return {
    leaves: leaves.length,
    checkpointsRoot: checkpointsRootOf(leaves),
    votesRoot: merkleRoot(
      'certificate',
      leaves.map(({ certificate }) => certificate),
    ),
    jobs: leaves.reduce((sum, { count }) => sum + count, 0),
    rejected: leaves.reduce((sum, { rejected }) => sum + countBits(rejected), 0),
    acceptedFee: leaves.reduce((sum, { acceptedFee }) => sum + acceptedFee, 0n),
    data: leavesDataDigest(leaves),
  } as const satisfies Partial<Batch>
}

/** The votes and checkpoint of one leaf, gathered from connected peers: each holds its own votes. Undefined when the leaf's certificate cannot be put together. */
export async function fetchLeaf(
  { sync, host, domain }: Pick<NodeParts, 'sync' | 'host' | 'domain'>,
  leaf: Leaf,
): Promise<{ readonly signed: SignedCheckpoint; readonly votes: readonly SignedVote[] } | undefined> {
  const value = { checkpoint: leaf.checkpoint }
  const gathered = new Map<Digest, SignedVote>()
  let signed: SignedCheckpoint | undefined
  for (const peer of host.connectedPeers()) {
    if (signed === undefined) {
      const answer = await sync.ask(peer, { kind: 'checkpointRequest', value }, 'checkpoints')
      const found = answer.ok ? answer.value.checkpoints[0] : undefined
      if (found !== undefined && digestOf(domain, CHECKPOINT, found.checkpoint) === leaf.checkpoint) signed = found
    }
    const answer = await sync.ask(peer, { kind: 'votesRequest', value }, 'votes')
    if (answer.ok) for (const vote of answer.value.bundle.votes) gathered.set(voteDigest(domain, vote.vote), vote)
    const votes = certificateOf(domain, [...gathered.values()], leaf.certificate)
    if (signed !== undefined && votes !== undefined) return { signed, votes }
  }
  return undefined
}

/** Peers may hold votes that came after the certificate was made: every subset of this many is tried. */
const MAX_SUBSET_VOTES = 14

/** Those votes under one certificate's digest, by seat. */
export function certificateOf(
  domain: Domain,
  votes: readonly SignedVote[],
  certificate: Digest,
): readonly SignedVote[] | undefined {
  const ordered = [...votes].sort((a, b) => a.vote.seat - b.vote.seat)
  if (certificateRoot(domain, ordered) === certificate) return ordered
  if (ordered.length > MAX_SUBSET_VOTES) return undefined
  for (let map = 2 ** ordered.length - 2; map >= 0; map -= 1) {
    const subset = ordered.filter((_, index) => hasBit(BigInt(map), index))
    if (certificateRoot(domain, subset) === certificate) return subset
  }
  return undefined
}

/** A leaf against the committee the chain drew for it (R14). */
export async function leafProblem(
  { domain, committee }: Pick<NodeParts, 'domain' | 'committee'>,
  crypto: Pick<Secp256k1, 'recover'>,
  leaf: Leaf,
  { signed, votes }: { readonly signed: SignedCheckpoint; readonly votes: readonly SignedVote[] },
): Promise<Result<{ readonly votes: number; readonly committee: number }, BatchProblem>> {
  const what = `leaf ${leaf.index}`
  const { checkpoint, signature } = signed
  if (crypto.recover(leaf.checkpoint, signature) !== checkpoint.operator) {
    return fail({ what, expected: `a checkpoint signed by ${checkpoint.operator}`, got: 'another signer' })
  }
  const drawn = await committee.committeeOf(checkpoint)
  if (!drawn.ok) return fail({ what, expected: drawn.error.expected, got: drawn.error.got })
  const { seats } = drawn.value
  const { count } = checkpoint
  for (const vote of votes) {
    const checked = checkVote({ domain, crypto, committee: seats, checkpoint: leaf.checkpoint, count, vote })
    if (!checked.ok) return fail({ what, expected: checked.error.expected, got: checked.error.got })
  }
  const tally = tallyVotes({ committee: seats, count, votes })
  for (let index = 0; index < count; index += 1) {
    const [counted, claimed] = [decisionOf(tally, index), decisionOf(leaf, index)]
    if (counted !== claimed) return fail({ what: `${what}, receipt ${index}`, expected: counted, got: claimed })
  }
  return ok({ votes: votes.length, committee: seats.length })
}

const decisionOf = (maps: { readonly accepted: bigint; readonly rejected: bigint }, index: number): string =>
  hasBit(maps.accepted, index) ? 'accepted' : hasBit(maps.rejected, index) ? 'rejected' : 'undecided'
