import { setTimeout as sleep } from 'node:timers/promises'
import type { AnchoredBatch } from '../../src/chain/index.ts'
import { fetchBatch, fetchLeaf, type NodeParts } from '../../src/node/index.ts'
import {
  checkpointsRootOf,
  countBits,
  type Leaf,
  leafDigest,
  leafProofOf,
  leavesDataDigest,
  nameOfCode,
  REASON,
  type SignedBatch,
  tallyVotes,
  verifyMerkleProof,
} from '../../src/protocol/index.ts'

export interface Settled {
  readonly anchored: AnchoredBatch
  readonly signed: SignedBatch
}

const LOOK_EVERY_MS = 200

/** Batches as they are anchored until they hold `jobs` receipts; those found so far when the time is up. */
export async function awaitSettled(
  parts: Pick<NodeParts, 'chain' | 'sync' | 'host'>,
  jobs: number,
  timeoutMs: number,
  onBatch: (settled: Settled) => void,
): Promise<Settled[]> {
  const found: Settled[] = []
  const until = Date.now() + timeoutMs
  while (found.reduce((sum, { anchored }) => sum + anchored.batch.jobs, 0) < jobs && Date.now() < until) {
    const settled = await look(parts, found.length + 1)
    if (settled === undefined) await sleep(LOOK_EVERY_MS)
    else {
      found.push(settled)
      onBatch(settled)
    }
  }
  return found
}

async function look(parts: Pick<NodeParts, 'chain' | 'sync' | 'host'>, number: number): Promise<Settled | undefined> {
  const anchored = await parts.chain.batch(number)
  if (anchored === undefined) return undefined
  const signed = await fetchBatch(parts, number)
  return signed === undefined ? undefined : { anchored, signed }
}

/** The leaves are what the chain holds the root of, each with its proof. */
export function leavesHold({ anchored, signed }: Settled): boolean {
  const { leaves } = signed
  const { checkpointsRoot, data } = anchored.batch
  return (
    checkpointsRootOf(leaves) === checkpointsRoot &&
    leavesDataDigest(leaves) === data &&
    leaves.every((leaf, index) =>
      verifyMerkleProof('checkpoint', checkpointsRoot, index, leafDigest(leaf), leafProofOf(leaves, index)),
    )
  )
}

export interface Verdicts {
  readonly verified: number
  readonly rejected: number
}

export const verdictsOf = (leaves: readonly Leaf[]): Verdicts => ({
  verified: leaves.reduce((sum, { accepted }) => sum + countBits(accepted), 0),
  rejected: leaves.reduce((sum, { rejected }) => sum + countBits(rejected), 0),
})

/** Why committees rejected what they did, by the votes that peers hold; those found when the time is up. */
export async function reasonsOf(
  parts: Pick<NodeParts, 'sync' | 'host' | 'domain' | 'committee'>,
  batches: readonly Settled[],
  timeoutMs: number,
): Promise<string[]> {
  const reasons: string[] = []
  const until = Date.now() + timeoutMs
  for (const leaf of batches.flatMap(({ signed }) => signed.leaves).filter(({ rejected }) => rejected !== 0n)) {
    let found = await fetchLeaf(parts, leaf)
    while (found === undefined && Date.now() < until) {
      await sleep(LOOK_EVERY_MS)
      found = await fetchLeaf(parts, leaf)
    }
    const drawn = found === undefined ? undefined : await parts.committee.committeeOf(found.signed.checkpoint)
    if (found === undefined || drawn?.ok !== true) continue
    const { seats: committee } = drawn.value
    const tally = tallyVotes({ committee, count: found.signed.checkpoint.count, votes: found.votes })
    reasons.push(...[...tally.reasons.values()].map((code) => nameOfCode(REASON, code)))
  }
  return reasons
}
