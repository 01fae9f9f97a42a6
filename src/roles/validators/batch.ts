import type { SigningSeat } from '../../chain/index.ts'
import type { GossipVerdict } from '../../net/index.ts'
import {
  anchorsWith,
  batchDigest,
  checkpointsRootOf,
  type Digest,
  type Domain,
  leavesDataDigest,
  type Secp256k1,
  type SignedBatch,
  settlerProblem,
  ZERO_DIGEST,
} from '../../protocol/index.ts'
import { decodeGossip } from '../../wire/index.ts'

export interface BatchValidatorContext {
  readonly domain: Domain
  readonly crypto: Pick<Secp256k1, 'recover'>
  /** Whether this batch is held with its signatures, the settler's among them. */
  readonly isHeld: (number: number, digest: Digest) => Promise<boolean>
  /** The digest the chain holds under a number. */
  readonly anchored: (number: number) => Promise<Digest | undefined>
  /** The last batch that is followed. */
  readonly tip: () => { readonly number: number; readonly digest: Digest }
  /** Who signs batches of an epoch; undefined where no set is known. */
  readonly signers: (epoch: number) => Promise<readonly SigningSeat[] | undefined>
}

export type BatchVerdict =
  | { readonly verdict: GossipVerdict & { readonly action: 'accept' }; readonly batch: SignedBatch }
  | { readonly verdict: Exclude<GossipVerdict, { readonly action: 'accept' }>; readonly batch?: SignedBatch }

/** Topic `batch` (R8, R9, R21): a batch with a quorum and its settler's signature, and its leaves where they fit; cheap first, signatures last. */
export async function validateBatchMessage(bytes: Uint8Array, context: BatchValidatorContext): Promise<BatchVerdict> {
  // [REJECT] The message is one SignedBatch in its only encoding.
  const decoded = decodeGossip('batch', bytes)
  if (!decoded.ok) return refuse('reject', decoded.error.code)
  const signed = decoded.value
  const { batch, leaves } = signed
  // [REJECT] Its leaves, where it brings them, are those its roots name.
  if (leaves.length > 0 && !leavesAgree(signed)) return refuse('reject', 'batch-leaves', signed)
  // [IGNORE] It is not held with its signatures.
  const digest = batchDigest(context.domain, batch)
  if (await context.isHeld(batch.number, digest)) return refuse('ignore', 'batch-held', signed)
  // [IGNORE] The chain holds it, or it follows the last one the chain holds.
  const tip = context.tip()
  const isPending = batch.number === tip.number + 1 && batch.previous === tip.digest
  if (!isPending && (await context.anchored(batch.number)) !== digest) return refuse('ignore', 'batch-unknown', signed)
  // [IGNORE] It brings its settler's signature. Not [REJECT]: who sends an anchored batch again may not have it.
  if (signed.settlerSignature === undefined) return refuse('ignore', 'batch-unsigned', signed)
  // [REJECT] The settler it names signed it.
  const forged = settlerProblem(context.domain, context.crypto, signed)
  if (forged !== undefined) return refuse('reject', 'batch-settler', signed)
  // [IGNORE] Its signing set is known.
  const signers = await context.signers(batch.epoch)
  if (signers === undefined) return refuse('ignore', 'batch-signers', signed)
  // [IGNORE] More than two thirds of the set signed it. Not [REJECT]: a set may be opened after its sender looked.
  if (!hasQuorum(context.crypto, signed, digest, signers)) return refuse('ignore', 'batch-quorum', signed)
  return { verdict: { action: 'accept' }, batch: signed }
}

/** Whether the leaves are the ones the batch names (R21). */
export const leavesAgree = ({ batch, leaves }: SignedBatch): boolean =>
  leaves.length === batch.leaves &&
  checkpointsRootOf(leaves) === batch.checkpointsRoot &&
  (leaves.length === 0 ? batch.checkpointsRoot === ZERO_DIGEST : leavesDataDigest(leaves) === batch.data)

/** Whether more than two thirds of the signers' weight signed the batch with this digest (R13). */
export function hasQuorum(
  crypto: Pick<Secp256k1, 'recover'>,
  { signatures }: SignedBatch,
  digest: Digest,
  signers: readonly SigningSeat[],
): boolean {
  const signed = new Set<number>()
  for (const { seat, signature } of signatures) {
    const signer = signers.find((entry) => entry.seat === seat)
    if (signer === undefined || signed.has(seat) || crypto.recover(digest, signature) !== signer.operator) return false
    signed.add(seat)
  }
  const weightOf = (entries: readonly SigningSeat[]): bigint => entries.reduce((sum, { weight }) => sum + weight, 0n)
  return anchorsWith(weightOf(signers.filter(({ seat }) => signed.has(seat))), weightOf(signers))
}

const refuse = (action: 'ignore' | 'reject', code: string, batch?: SignedBatch): BatchVerdict => ({
  verdict: { action, code },
  ...(batch === undefined ? {} : { batch }),
})
