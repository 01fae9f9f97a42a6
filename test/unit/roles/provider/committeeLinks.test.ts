import { describe, expect, it } from 'vitest'
import { nodeSecp256k1 } from '../../../../src/node/crypto.ts'
import {
  CHECKPOINT,
  createDomain,
  type Digest,
  digestOf,
  fail,
  H,
  ZERO_ADDRESS,
} from '../../../../src/protocol/index.ts'
import { createCommitteeLinks } from '../../../../src/roles/provider/committeeLinks.ts'

const networkId = H('test/network')
const domain = createDomain(31337, ZERO_ADDRESS, networkId)
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const MAX_PENDING = 256

const checkpointAt = (sequence: number) => ({
  operator: ZERO_ADDRESS,
  grant: H('test/grant'),
  sequence,
  previous: H('test/previous'),
  firstSequence: sequence,
  count: 1,
  receiptsRoot: H('test/receipts', sequence),
  totalFee: 0n,
  epoch: 1,
  blockNumber: 1,
  blockHash: H('test/block'),
  createdAt: 1_000,
})

function startLinks(waitMs: number) {
  const abandoned: Digest[] = []
  const links = createCommitteeLinks(
    {
      host: {
        gossip: { publish: async () => ({ recipients: 0 }) },
        openStream: () => Promise.reject(new Error('nobody is there')),
      } as never,
      directory: { operatorOf: () => undefined, peerOf: () => undefined, stop: () => undefined },
      committee: {
        committeeOf: async () => fail({ code: 'committee-pending', expected: 'a block', got: 'none yet' }),
        seatEpochAt: () => 1,
        seatHolders: async () => [],
        isProvider: async () => true,
      },
      crypto: nodeSecp256k1(),
      clock: () => 1_000,
      logger: silent,
    },
    { domain, waitMs },
  )
  links.onAbandoned((checkpoint) => abandoned.push(checkpoint))
  const publish = (sequence: number): Digest => {
    const checkpoint = checkpointAt(sequence)
    const digest = digestOf(domain, CHECKPOINT, checkpoint)
    links.publish({ checkpoint, signature: `0x${'0'.repeat(130)}` }, digest, [])
    return digest
  }
  return { links, abandoned, publish }
}

describe('links to the committee', () => {
  it('tell who waits for a checkpoint that makes room for newer ones (R14)', async () => {
    const { links, abandoned, publish } = startLinks(60_000)
    const first = publish(0)
    for (let sequence = 1; sequence < MAX_PENDING; sequence += 1) publish(sequence)
    expect(abandoned).toEqual([])
    publish(MAX_PENDING)
    expect(abandoned).toEqual([first])
    await links.stop()
  })

  it('give a checkpoint up that no committee decides in time, once (R14)', async () => {
    const { links, abandoned, publish } = startLinks(20)
    const digest = publish(0)
    await expect.poll(() => abandoned).toEqual([digest])
    await links.stop()
    expect(abandoned).toEqual([digest])
  })
})
