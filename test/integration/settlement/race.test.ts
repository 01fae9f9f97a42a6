import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountOf } from '../../../devnet/deploy.ts'
import { type ChainClient, createChainClient } from '../../../src/chain/index.ts'
import { devnetPrivateKey } from '../../../src/node/index.ts'
import { settlerOrder } from '../../../src/protocol/index.ts'
import { DEVNET_SEED } from '../../support/devnetChain.ts'
import {
  type BuiltCheckpoint,
  type SettlementWorld,
  startSettlementWorld,
  until,
} from '../../support/settlementWorld.ts'

describe('settlers that race', () => {
  let world: SettlementWorld
  const built: BuiltCheckpoint[] = []

  beforeAll(async () => {
    world = await startSettlementWorld(undefined, { settlers: 2 })
  })

  afterAll(() => world?.stop())

  const settlersOf = async (): Promise<string[]> => (await world.batches()).map(({ batch }) => batch.settler)

  it('serialise: whoever wins, the rest is rebuilt on it, nothing twice (R19)', async () => {
    for (let round = 0; round < 4; round += 1) {
      built.push(await world.publish(), await world.publish())
      await new Promise((resolve) => setTimeout(resolve, 1_200))
    }
    await world.settled(built)
    await world.assertWhole(built)
  })

  it('wait for their turn: who was drawn later builds only once the delay has passed (R19)', async () => {
    const { batchInterval, settlerDelay } = world.parameters
    const settlers = world.of('settler').map(({ address }) => address)
    for (const { batch } of (await world.batches()).slice(1)) {
      const position = settlerOrder(settlers, batch.previous, batch.number).indexOf(batch.settler)
      const before = (await world.client.batch(batch.number - 1))!
      const anchoredAt = (await world.client.blockByNumber(before.blockNumber))!.timestamp
      expect(batch.cutoff - anchoredAt).toBeGreaterThanOrEqual(batchInterval + position * settlerDelay)
    }
  })

  it('stand in for each other: a dead one loses its turn after the delay, and nothing else (R19)', async () => {
    const dead = world.node('settler', 0)
    const alive = world.node('settler', 1)
    await world.stopNode(dead)
    const turns: boolean[] = []
    while (!(turns.includes(true) && turns.length >= 2)) {
      const last = await world.client.lastBatch()
      const [first] = settlerOrder([dead.address, alive.address], last.digest, last.number + 1)
      turns.push(first === dead.address)
      const one = await world.publish()
      built.push(one)
      await world.settled([one])
    }
    const after = (await settlersOf()).slice(-turns.length)
    expect(new Set(after)).toEqual(new Set([alive.address]))
    await world.assertWhole(built)
    await world.start('settler', 0)
  })

  it('are paid for what they built, whoever carries it to the chain (R19)', async () => {
    const settler = world.node('settler', 0)
    const rival = world.node('settler', 1)
    await world.stopNode(settler)
    await world.stopNode(rival)
    const thief = createChainClient(
      { clock: Date.now, signer: accountOf(devnetPrivateKey(DEVNET_SEED, 'payer', 0)), onFault: () => undefined },
      { network: world.chain.network, rpc: [world.chain.anvil.url] },
    )
    await thief.start()
    const stolen: number[] = []
    const frontRun = (chain: ChainClient): ChainClient =>
      new Proxy(chain, {
        get: (target, name) => {
          if (name === 'anchor') {
            return async (...args: Parameters<ChainClient['anchor']>) => {
              const sent = await thief.anchor(...args)
              if (sent.ok) stolen.push(args[0].number)
              return target.anchor(...args)
            }
          }
          const value = Reflect.get(target, name) as unknown
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    const honest = await world.start('settler', 0, { hooks: { chain: frontRun } })
    const one = await world.publish()
    const two = await world.publish()
    built.push(one, two)
    await world.settled([one, two])
    const three = await world.publish()
    built.push(three)
    await world.settled([three])
    expect(stolen.length).toBeGreaterThanOrEqual(1)
    for (const number of stolen) expect((await world.client.batch(number))!.batch.settler).toBe(honest.address)
    await until(
      async () => (await honest.history.tip()).number === (await world.client.lastBatch()).number,
      'it to follow',
    )
    await world.assertWhole(built)
    await thief.stop()
  })
})
