import type { AnchoredBatch } from '../chain/index.ts'
import {
  batchDigest,
  CHECKPOINT,
  type Digest,
  digestOf,
  leafProofOf,
  type ReceiptFile,
  type Secp256k1,
  type SignedBatch,
} from '../protocol/index.ts'
import { certificateOf, fetchBatch, fetchLeaf } from './batches.ts'
import type { NodeParts } from './node.ts'
import { withBatch } from './receipts.ts'

type Parts = Pick<NodeParts, 'chain' | 'domain' | 'host' | 'sync'>

/** Leaves, signatures and votes may be served a moment after the batch is seen on chain, ms. */
const LEAVES_RETRY_MS = 500
/**
 * How far a cut-off may lie before a checkpoint of its batch, ms: it is of the chain's clock, which runs behind by a
 * block and a poll, while the checkpoint's time is of its provider's.
 */
const CUTOFF_LAG_MS = 30_000

/**
 * Waits until the receipt's checkpoint stands in an anchored batch, and adds the proof to the file. Undefined when that
 * does not happen before `signal` aborts, or when the file holds no checkpoint to look for.
 */
export async function awaitBatchProof(
  parts: Parts,
  crypto: Pick<Secp256k1, 'recover'>,
  file: ReceiptFile,
  signal: AbortSignal,
): Promise<ReceiptFile | undefined> {
  const { chain, domain } = parts
  const proof = file.batchProof
  if (proof === undefined) return undefined
  const checkpoint = digestOf(domain, CHECKPOINT, proof.checkpoint.checkpoint)
  let next = await firstAfter(parts, proof.checkpoint.checkpoint.createdAt)
  while (!signal.aborted) {
    const anchored = await chain.batch(next)
    if (anchored === undefined) {
      await pause(LEAVES_RETRY_MS, signal)
      continue
    }
    const signed = await matching(parts, anchored)
    if (signed === undefined) {
      await pause(LEAVES_RETRY_MS, signal)
      continue
    }
    if (!signed.leaves.some((leaf) => leaf.checkpoint === checkpoint)) {
      next += 1
      continue
    }
    const proven = await prove(parts, crypto, file, signed, checkpoint)
    if (proven !== undefined) return proven
    await pause(LEAVES_RETRY_MS, signal)
  }
  return undefined
}

/** The first batch that can hold a checkpoint made at `createdAt`. */
async function firstAfter({ chain }: Parts, createdAt: number): Promise<number> {
  let { number } = await chain.lastBatch()
  while (number > 0) {
    const anchored = await chain.batch(number)
    if (anchored !== undefined && anchored.batch.cutoff < createdAt - CUTOFF_LAG_MS) break
    number -= 1
  }
  return number + 1
}

async function matching(parts: Parts, anchored: AnchoredBatch): Promise<SignedBatch | undefined> {
  const signed = await fetchBatch(parts, anchored.batch.number)
  if (signed === undefined || signed.signatures.length === 0) return undefined
  return batchDigest(parts.domain, signed.batch) === anchored.digest ? signed : undefined
}

async function prove(
  parts: Parts,
  crypto: Pick<Secp256k1, 'recover'>,
  file: ReceiptFile,
  { batch, leaves, signatures }: SignedBatch,
  checkpoint: Digest,
): Promise<ReceiptFile | undefined> {
  const { domain } = parts
  const index = leaves.findIndex((leaf) => leaf.checkpoint === checkpoint)
  const leaf = leaves[index]
  const proof = file.batchProof
  if (leaf === undefined || proof === undefined) return undefined
  const votes = certificateOf(domain, proof.votes, leaf.certificate) ?? (await fetchLeaf(parts, leaf))?.votes
  if (votes === undefined) return undefined
  const digest = batchDigest(domain, batch)
  const signers = signatures.flatMap(({ signature }) => {
    const signer = crypto.recover(digest, signature)
    return signer === undefined ? [] : [{ signer, signature }]
  })
  const { checkpoint: signed, receiptProof } = proof
  const leafProof = leafProofOf(leaves, index)
  return withBatch(file, { checkpoint: signed, receiptProof, votes }, { batch, leaf, leafProof, signatures: signers })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
