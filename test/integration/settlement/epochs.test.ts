import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BuiltCheckpoint,
  type SettlementWorld,
  startSettlementWorld,
  until,
} from '../../support/settlementWorld.ts'

describe('settlement over an epoch', () => {
  let world: SettlementWorld
  const built: BuiltCheckpoint[] = []

  beforeAll(async () => {
    world = await startSettlementWorld({ verifier: 4, provider: 1, settler: 1 }, { settlers: 1 })
  })

  afterAll(() => world?.stop())

  /** The chain's clock jumps ahead of every machine's, as it does behind a stalled sequencer. */
  const jumpTo = async (ms: number): Promise<void> => {
    await world.chain.anvil.setTime(Math.floor(ms / 1_000))
    await until(() => world.client.head().timestamp >= ms, 'the chain to be there')
  }

  it('goes on through the boundary, without a refusal, and opens the new epoch (R13, R19)', async () => {
    const { client } = world
    built.push(await world.publish())
    await world.settled(built)
    const epoch = client.epochAt(client.head().timestamp)
    await jumpTo(client.epochStart(epoch + 1) - 4_000)
    while (client.head().timestamp < client.epochStart(epoch + 1) + 8_000) {
      built.push(await world.publish())
      await new Promise((resolve) => setTimeout(resolve, 1_500))
    }
    await world.settled(built)
    await world.assertWhole(built)
    const epochs = (await world.batches()).map(({ batch }) => batch.epoch)
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b))
    expect(new Set(epochs)).toEqual(new Set([epoch, epoch + 1]))
    expect(await client.isOpen(epoch + 1)).toBe(true)
    expect((await client.signingSet(epoch + 1))?.openedIn).toBe(epoch + 1)
    const refused = world.nodes.flatMap(({ log }) => log.filter(({ message }) => message.startsWith('wrong-epoch')))
    expect(refused).toEqual([])
    const reverted = world.node('settler').log.filter(({ fields }) => fields.reverted === true)
    expect(reverted).toEqual([])
  })

  it('cuts off by the time of the chain, however far the clocks of the machines are behind it', async () => {
    for (const { batch, blockNumber } of await anchored()) {
      const block = (await world.client.blockByNumber(blockNumber))!
      expect(batch.cutoff).toBeLessThanOrEqual(block.timestamp + world.parameters.futureTolerance)
    }
    const { batch } = (await anchored()).at(-1)!
    expect(batch.cutoff).toBeGreaterThan(Date.now() + 10_000)
  })

  it('holds no proposal and no checkpoint of what is final', async () => {
    const last = await world.client.lastBatch()
    await until(() => world.client.finalized().number > world.client.head().number - 5, 'blocks to be final')
    built.push(await world.publish())
    await world.settled(built)
    const provider = world.node('provider').address
    for (const node of [...world.of('verifier'), ...world.of('settler')]) {
      await until(() => node.history.nextSequence(provider) === built.length, 'the history to follow')
      await until(async () => {
        const digests = (await node.settledStore.allSettled()).map(({ digest }) => digest)
        return built.slice(0, -2).every(({ digest }) => !digests.includes(digest))
      }, 'settled entries to be gone')
      for (let number = 1; number < last.number; number += 1) {
        const held = (await node.settledStore.batches(number)).filter(({ batch }) => batch.number === number)
        expect(held).toHaveLength(1)
      }
      expect(node.pool.held()).toEqual([])
    }
  })

  const anchored = async () => {
    const { number } = await world.client.lastBatch()
    return Promise.all(Array.from({ length: number }, async (_, index) => (await world.client.batch(index + 1))!))
  }
})
