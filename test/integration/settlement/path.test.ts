import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { batchAnchorAbi } from '../../../src/chain/index.ts'
import {
  batchDigest,
  bit,
  countBits,
  type Digest,
  digestOf,
  leafDigest,
  leafProofOf,
  leavesDataDigest,
  merkleProof,
  RECEIPT,
  verifyMerkleProof,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import {
  type BuiltCheckpoint,
  type SettlementWorld,
  startSettlementWorld,
  until,
} from '../../support/settlementWorld.ts'

/** `IBatchAnchor.Status.Accepted`. */
const ACCEPTED = 6

describe('settlement', () => {
  let world: SettlementWorld
  const built: BuiltCheckpoint[] = []

  beforeAll(async () => {
    world = await startSettlementWorld({ verifier: 4, provider: 2, settler: 2 })
  })

  afterAll(() => world?.stop())

  it('anchors certified checkpoints with more than two thirds of the weight, and every history follows (R13, R19)', async () => {
    built.push(await world.publish(), await world.publish())
    await world.settled(built)
    const last = await world.client.lastBatch()
    const anchored = await world.client.batch(last.number)
    expect(countBits(anchored!.signers)).toBeGreaterThanOrEqual(3)
    expect(anchored!.batch.settler).toBe(world.node('settler').address)
    for (const { history } of world.nodes) {
      await until(async () => (await history.tip()).digest === last.digest, 'every history to follow')
      expect(history.nextSequence(world.node('provider').address)).toBe(2)
    }
    const leaves = await world.leaves()
    expect(leaves.map(({ accepted }) => accepted)).toEqual([0b11n, 0b11n])
    expect(leaves[0]!.acceptedFee).toBe(built[0]!.signed.checkpoint.totalFee)
    await world.assertWhole(built)
  })

  it('keeps rejected receipts out of the fee and counts them (R14)', async () => {
    const one = await world.publish({ count: 3, rejected: [1] })
    built.push(one)
    await world.settled([one])
    const batch = (await world.batches()).at(-1)!
    const [leaf] = batch.leaves
    expect(leaf).toMatchObject({ accepted: 0b101n, rejected: bit(1), slashable: bit(1) })
    expect(batch.batch).toMatchObject({ jobs: 3, rejected: 1, mac: 10_000_000n })
    const fees = one.records.map(({ receipt }) => receipt.fee)
    expect(batch.batch.acceptedFee).toBe(fees[0]! + fees[2]!)
  })

  it('serves leaves to a newcomer, who checks them against the chain (R21)', async () => {
    const { client, domain } = world
    const newcomer = await world.start('settler', 1)
    const last = await client.lastBatch()
    for (const target of built) {
      let found = false
      for (let number = 1; number <= last.number; number += 1) {
        const anchored = await client.batch(number)
        const signed = (await newcomer.history.batch(number))!
        expect(batchDigest(domain, signed.batch)).toBe(anchored!.digest)
        expect(leavesDataDigest(signed.leaves)).toBe(anchored!.batch.data)
        const leaf = signed.leaves.find(({ checkpoint }) => checkpoint === target.digest)
        if (leaf === undefined) continue
        found = true
        const proof = leafProofOf(signed.leaves, leaf.index)
        expect(
          verifyMerkleProof('checkpoint', anchored!.batch.checkpointsRoot, leaf.index, leafDigest(leaf), proof),
        ).toBe(true)
        const { receipt } = target.records[0]!
        const receipts = target.records.map((record) => digestOf(domain, RECEIPT, record.receipt))
        const [status, accepted] = await world.chain.anvil.client.readContract({
          address: world.chain.network.contracts.batchAnchor,
          abi: batchAnchorAbi,
          functionName: 'checkReceipt',
          args: [abi(signed.batch), abi(leaf), proof, abi(receipt), 0, merkleProof('receipt', receipts, 0)] as never,
        })
        expect({ status, accepted }).toEqual({ status: ACCEPTED, accepted: true })
      }
      expect(found).toBe(true)
    }
    expect(newcomer.history.nextSequence(world.node('provider').address)).toBe(3)
    await world.stopNode(newcomer)
    await rm(world.storeOf('settler', 1), { recursive: true })
  })

  it('enters a checkpoint without a certificate as undecided once the wait is over, and not before (R20)', async () => {
    const one = await world.publish({ voters: 2 })
    built.push(one)
    await world.settled([one])
    const batch = (await world.batches()).at(-1)!
    expect(batch.leaves[0]).toMatchObject({
      checkpoint: one.digest,
      accepted: 0n,
      rejected: 0n,
      acceptedFee: 0n,
      certificate: ZERO_DIGEST,
    })
    const { createdAt } = one.signed.checkpoint
    const { certificateWait, futureTolerance } = world.parameters
    expect(batch.batch.cutoff).toBeGreaterThanOrEqual(createdAt + certificateWait - futureTolerance)
    await world.assertWhole(built)
  })

  it('is not held up by a forced checkpoint that nobody can judge, which enters undecided in the end (R20)', async () => {
    const provider = world.node('provider', 0)
    const change = { blockHash: ZERO_DIGEST, createdAt: world.client.chainNow() + 10 ** 9 }
    const forced = await world.checkpoint({ provider: 0, sequence: 4, change })
    expect((await provider.chain.force(forced.signed.checkpoint, forced.signed.signature)).ok).toBe(true)
    const other = await world.publish({ provider: 1 })
    await world.settled([other])
    await world.settled([forced])
    built.push(other, forced)
    const batches = await world.batches()
    const batchOf = (digest: Digest): number =>
      batches.findIndex(({ leaves }) => leaves.some(({ checkpoint }) => checkpoint === digest))
    expect(batchOf(other.digest)).toBeLessThanOrEqual(batchOf(forced.digest))
    const leaf = (await world.leaves()).find(({ checkpoint }) => checkpoint === forced.digest)
    expect(leaf).toMatchObject({ accepted: 0n, rejected: 0n, count: 2, acceptedFee: 0n })
    await world.assertWhole(built)
  })

  it('brings batches to every node with their signatures, by gossip or by pulling them', async () => {
    const last = await world.client.lastBatch()
    for (const node of world.of('verifier')) {
      await until(
        async () => ((await node.history.batch(last.number))?.signatures.length ?? 0) >= 3,
        'signatures to arrive',
      )
    }
  })

  it('stops with nothing left running', async () => {
    const node = await world.start('settler', 1)
    await world.stopNode(node)
    expect(node.log.filter(({ level }) => level === 'error')).toEqual([])
  })
})

/** Contracts take every uint as bigint. */
function abi(struct: object): unknown {
  return Object.fromEntries(
    Object.entries(struct).map(([name, value]) => [name, typeof value === 'number' ? BigInt(value) : value]),
  )
}
