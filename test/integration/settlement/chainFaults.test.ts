import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BuiltCheckpoint,
  type SettlementWorld,
  startSettlementWorld,
  until,
} from '../../support/settlementWorld.ts'

describe('settlement on a chain that fails', () => {
  let world: SettlementWorld
  const built: BuiltCheckpoint[] = []

  beforeAll(async () => {
    world = await startSettlementWorld({ verifier: 4, provider: 1, settler: 2 }, { settlers: 2 })
  })

  afterAll(() => world?.stop())

  const allFollow = async (): Promise<void> => {
    const last = await world.client.lastBatch()
    for (const { history, address } of world.nodes) {
      await until(async () => (await history.tip()).digest === last.digest, `${address} to follow batch ${last.number}`)
    }
  }

  it('anchors the same batch again after the chain went back ten blocks, without penalty (R22)', async () => {
    built.push(await world.publish())
    await world.settled(built)
    await until(() => world.client.head().number > 12, 'blocks to go back over')
    await world.chain.anvil.client.mine({ blocks: 8 })
    built.push(await world.publish(), await world.publish())
    await world.settled(built)
    await allFollow()
    const last = await world.client.lastBatch()
    const before = (await world.client.batch(last.number))!
    const unanchored: number[] = []
    for (const { history } of world.nodes) history.onUnanchored((number) => unanchored.push(number))
    await world.chain.anvil.rollback(10)
    await until(() => unanchored.length === world.nodes.length, 'every history to go back')
    await world.settled(built)
    await allFollow()
    const after = (await world.client.batch(last.number))!
    expect(after.digest).toBe(before.digest)
    expect(after.blockHash).not.toBe(before.blockHash)
    for (const { host } of world.nodes) {
      for (const peer of host.connectedPeers()) expect(host.conduct.score(peer)).toBe(0)
    }
    built.push(await world.publish())
    await world.settled(built)
    await world.assertWhole(built)
  })

  it('rebuilds what a dead settler had anchored when the chain goes back (R19, R22)', async () => {
    const dead = world.node('settler', 0)
    const heir = world.node('settler', 1)
    await world.stopNode(heir)
    await world.chain.anvil.client.mine({ blocks: 9 })
    built.push(await world.publish())
    await world.settled(built)
    await allFollow()
    await world.stopNode(dead)
    const next = await world.start('settler', 1)
    await allFollow()
    const last = await world.client.lastBatch()
    const { promise: wentBack, resolve } = Promise.withResolvers<number>()
    next.history.onUnanchored(resolve)
    await world.chain.anvil.rollback(10)
    expect(await wentBack).toBeLessThan(last.number)
    await world.settled(built)
    await allFollow()
    await world.assertWhole(built)
    expect((await world.client.batch(last.number))!.batch.settler).toBe(next.address)
    expect(next.history.nextSequence(world.node('provider').address)).toBe(built.length)
    await world.start('settler', 0)
  })

  it('waits while the chain is down, says so once with its code, and goes on when it is back', async () => {
    const { anvil } = world.chain
    built.push(await world.publish())
    await anvil.snapshot()
    await anvil.kill()
    const settler = world.of('settler')[0]!
    const isWarned = ({ level, fields }: { level: string; fields: Readonly<Record<string, unknown>> }): boolean =>
      level === 'warn' && fields.code === 'rpc-unreachable'
    await until(() => settler.log.some(isWarned), 'a warning that names the outage')
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const warnings = settler.log.filter(isWarned).map(({ message }) => message)
    expect(warnings.length).toBeLessThanOrEqual(5)
    await anvil.restart()
    await world.settled(built)
    built.push(await world.publish())
    await world.settled(built)
    await allFollow()
    await world.assertWhole(built)
    for (const { log } of world.nodes) expect(log.filter(({ level }) => level === 'error')).toEqual([])
  })
})
