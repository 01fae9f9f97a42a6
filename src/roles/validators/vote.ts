import type { GossipVerdict } from '../../net/index.ts'
import {
  type Address,
  checkVoteShape,
  type Domain,
  opensVote,
  type Parameters,
  type Secp256k1,
  type SignedVote,
  type VoteBundle,
  voteDigest,
  type WorkOpening,
} from '../../protocol/index.ts'
import { decodeGossip } from '../../wire/index.ts'
import type { FirstSeen } from './firstSeen.ts'

export interface VoteValidatorContext {
  readonly domain: Domain
  readonly parameters: Pick<Parameters, 'futureTolerance'>
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly now: () => number
  /** Whether an address holds a work seat of an epoch that votes now; undefined while that cannot be told. */
  readonly holdsSeat: (verifier: Address) => Promise<boolean | undefined>
  /** By (verifier, checkpoint, round). */
  readonly firstSeen: FirstSeen<SignedVote>
  /** Openings that were seen with the vote they open, by the same place. */
  readonly openings: FirstSeen<WorkOpening>
}

export interface VoteVerdict {
  readonly verdict: GossipVerdict
  /** What of the bundle holds, also when it is not forwarded. */
  readonly bundle?: VoteBundle
  readonly later?: true
  /** Votes of one verifier for one round that differ. */
  readonly rivals: readonly (readonly [SignedVote, SignedVote])[]
}

/** Gossip does not carry votes older than this; they are pulled, ms. */
const MAX_AGE_MS = 600_000

/** Topic `vote` (R8, R9): cheap first, signatures last. Who sits on the committee is for those to judge who hold the checkpoint. */
export async function validateVoteMessage(bytes: Uint8Array, context: VoteValidatorContext): Promise<VoteVerdict> {
  // [REJECT] The message is one VoteBundle in its only encoding.
  const decoded = decodeGossip('vote', bytes)
  if (!decoded.ok) return refuse('reject', decoded.error.code)
  return validateVotes(decoded.value, context)
}

/** The same checks for a bundle that was pulled or sent directly. */
export async function validateVotes(bundle: VoteBundle, context: VoteValidatorContext): Promise<VoteVerdict> {
  const { domain, crypto, firstSeen } = context
  const now = context.now()
  // [REJECT] It holds votes: work is shown beside the vote that committed to it.
  if (bundle.votes.length === 0) return refuse('reject', 'empty-bundle')
  // [REJECT] Each vote is well formed: round, disjoint maps, reasons under their root.
  for (const vote of bundle.votes) {
    const problem = checkVoteShape(vote)
    if (problem !== undefined) return refuse('reject', problem.code)
  }
  // [REJECT] Each opening is what a vote of the bundle committed to, once a vote.
  const opened = new Set<SignedVote>()
  for (const opening of bundle.openings) {
    const vote = bundle.votes.find((candidate) => opensVote(candidate, opening))
    if (vote === undefined || opened.has(vote)) return refuse('reject', 'bad-opening')
    opened.add(vote)
  }
  // [IGNORE] Nothing in it is from the future or older than gossip carries.
  if (bundle.votes.some(({ vote }) => vote.seenAt > now + context.parameters.futureTolerance)) {
    return { ...refuse('ignore', 'future-time'), bundle, later: true }
  }
  if (bundle.votes.some(({ vote }) => vote.seenAt < now - MAX_AGE_MS)) return refuse('ignore', 'too-old')
  // [IGNORE] Something in it is new.
  const digests = bundle.votes.map(({ vote }) => voteDigest(domain, vote))
  const isKnown = bundle.votes.every((vote, at) => {
    const place = placeOf(vote)
    const shown = !opened.has(vote) || context.openings.get(place)?.digest === digests[at]
    return firstSeen.get(place)?.digest === digests[at] && shown
  })
  if (isKnown) return refuse('ignore', 'seen')
  // [IGNORE] Every signer holds a work seat. Looked at again later while that cannot be told.
  for (const verifier of new Set(bundle.votes.map(({ vote }) => vote.verifier))) {
    const seated = await context.holdsSeat(verifier)
    if (seated === undefined) return { ...refuse('ignore', 'unknown-stake'), bundle, later: true }
    if (!seated) return refuse('ignore', 'no-seat')
  }
  // [REJECT] Every signature is its verifier's.
  for (const [at, { vote, signature }] of bundle.votes.entries()) {
    if (crypto.recover(digests[at] as `0x${string}`, signature) !== vote.verifier)
      return refuse('reject', 'bad-signature')
  }
  // [IGNORE] Each vote is the first of its round. Of two, both go to the evidence topic.
  const rivals: (readonly [SignedVote, SignedVote])[] = []
  for (const [at, vote] of bundle.votes.entries()) {
    const rival = firstSeen.add(placeOf(vote), digests[at] as `0x${string}`, vote)
    if (rival !== undefined) rivals.push([rival, vote])
  }
  if (rivals.length > 0) return { verdict: { action: 'ignore', code: 'equivocation' }, bundle, rivals }
  for (const opening of bundle.openings) {
    const at = bundle.votes.findIndex((candidate) => opensVote(candidate, opening))
    context.openings.add(placeOf(bundle.votes[at] as SignedVote), digests[at] as `0x${string}`, opening)
  }
  return { verdict: { action: 'accept' }, bundle, rivals }
}

const placeOf = ({ vote }: SignedVote): string => `${vote.verifier} ${vote.checkpoint} ${vote.round}`

const refuse = (action: 'ignore' | 'reject', code: string): VoteVerdict => ({ verdict: { action, code }, rivals: [] })
