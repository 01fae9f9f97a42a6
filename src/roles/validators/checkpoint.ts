import type { GossipVerdict } from '../../net/index.ts'
import {
  type Address,
  CHECKPOINT,
  type Digest,
  type Domain,
  digestOf,
  type Parameters,
  type Secp256k1,
  type SignedCheckpoint,
} from '../../protocol/index.ts'
import { decodeGossip } from '../../wire/index.ts'
import type { FirstSeen } from './firstSeen.ts'

export interface CheckpointValidatorContext {
  readonly domain: Domain
  readonly parameters: Pick<Parameters, 'futureTolerance' | 'checkpointReceipts' | 'committeeBlockAge'>
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly now: () => number
  /** Number of the newest block this node knows. */
  readonly headNumber: () => number
  readonly seatEpochAt: (ms: number) => number
  /** Whether an operator's provider stake counts in an epoch; undefined while that cannot be told. */
  readonly isStaked: (operator: Address, epoch: number) => Promise<boolean | undefined>
  /** By (operator, sequence). */
  readonly firstSeen: FirstSeen<SignedCheckpoint>
}

export interface CheckpointVerdict {
  readonly verdict: GossipVerdict
  readonly signed?: SignedCheckpoint
  readonly digest?: Digest
  /** For want of context here: what changes as chain and clock go on. */
  readonly later?: true
  /** Another checkpoint that the same key signed for the same sequence. */
  readonly rival?: SignedCheckpoint
}

/** Gossip does not carry what is older than this; it is pulled, ms. */
const MAX_AGE_MS = 600_000

/** Topic `checkpoint` (R8, R9): cheap first, signature last. */
export async function validateCheckpointMessage(
  bytes: Uint8Array,
  context: CheckpointValidatorContext,
): Promise<CheckpointVerdict> {
  // [REJECT] The message is one SignedCheckpoint in its only encoding.
  const decoded = decodeGossip('checkpoint', bytes)
  if (!decoded.ok) return { verdict: { action: 'reject', code: decoded.error.code } }
  return validateCheckpoint(decoded.value, context)
}

/** The same checks for a checkpoint that was pulled or pushed. */
export async function validateCheckpoint(
  signed: SignedCheckpoint,
  context: CheckpointValidatorContext,
): Promise<CheckpointVerdict> {
  const { checkpoint } = signed
  const { parameters, domain, crypto, firstSeen } = context
  const { operator, sequence, createdAt, epoch } = checkpoint
  const now = context.now()
  // [REJECT] It holds one receipt at least and no more than a checkpoint may.
  if (checkpoint.count === 0 || checkpoint.count > parameters.checkpointReceipts) return refuse('reject', 'bad-count')
  // [REJECT] It belongs to the epoch whose seats were in force when it was made (R13).
  if (context.seatEpochAt(createdAt) !== epoch) return refuse('reject', 'bad-epoch')
  // [IGNORE] It is not older than gossip carries.
  if (createdAt < now - MAX_AGE_MS) return refuse('ignore', 'too-old')
  // [IGNORE] It is not this one again.
  const digest = digestOf(domain, CHECKPOINT, checkpoint)
  const place = `${operator} ${sequence}`
  const first = firstSeen.get(place)
  if (first?.digest === digest) return { ...refuse('ignore', 'seen'), signed, digest }
  // [IGNORE] It is not from the future, the sender's clock allowed for. Looked at again later.
  if (createdAt > now + parameters.futureTolerance) return later('future-time', signed, digest)
  // [IGNORE] Its block is known here. Looked at again later.
  if (checkpoint.blockNumber > context.headNumber()) return later('unknown-block', signed, digest)
  // [IGNORE] Its operator is a staked provider. Looked at again later while that cannot be told.
  const staked = await context.isStaked(operator, epoch)
  if (staked === undefined) return later('unknown-stake', signed, digest)
  if (!staked) return refuse('ignore', 'not-staked')
  // [REJECT] The signature is the operator's.
  if (crypto.recover(digest, signed.signature) !== operator) return refuse('reject', 'bad-signature')
  // [IGNORE] It is the first of its sequence. Of two, both go to the evidence topic.
  const rival = firstSeen.add(place, digest, signed)
  if (rival !== undefined) return { ...refuse('ignore', 'equivocation'), signed, digest, rival }
  return { verdict: { action: 'accept' }, signed, digest }
}

const refuse = (action: 'ignore' | 'reject', code: string): CheckpointVerdict => ({ verdict: { action, code } })
const later = (code: string, signed: SignedCheckpoint, digest: Digest): CheckpointVerdict => ({
  verdict: { action: 'ignore', code },
  signed,
  digest,
  later: true,
})
