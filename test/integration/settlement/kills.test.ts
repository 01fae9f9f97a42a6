import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BuiltCheckpoint, type SettlementWorld, startSettlementWorld } from '../../support/settlementWorld.ts'
import { KILL_POINTS, type KillPoint, type SettlerProcessInit } from './settlerProcess.ts'

const SCRIPT = join(import.meta.dirname, 'settlerProcess.ts')
const DEATH_WITHIN_MS = 100_000

describe('a settler that is killed', () => {
  let world: SettlementWorld
  const built: BuiltCheckpoint[] = []
  const children: ChildProcess[] = []

  beforeAll(async () => {
    world = await startSettlementWorld({ verifier: 4, provider: 1, settler: 1 }, { settlers: 0 })
  })

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await world?.stop()
  })

  const run = (killAt?: KillPoint): { readonly child: ChildProcess; readonly errors: string[] } => {
    const init: SettlerProcessInit = {
      network: world.chain.network,
      rpc: world.chain.anvil.url,
      index: 0,
      directory: world.storeOf('settler', 0),
      bootstrap: world.addresses,
      ...(killAt === undefined ? {} : { killAt }),
    }
    const child = spawn(process.execPath, [SCRIPT, JSON.stringify(init)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const errors: string[] = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
    children.push(child)
    return { child, errors }
  }

  it.each(KILL_POINTS)('dies at %s, by SIGKILL', async (point) => {
    built.push(await world.publish())
    const { child, errors } = run(point)
    const [, signal] = (await once(child, 'exit', { signal: AbortSignal.timeout(DEATH_WITHIN_MS) })) as [null, string]
    expect(errors.join('')).toBe('')
    expect(signal).toBe('SIGKILL')
  })

  it('loses no batch, anchors none twice and skips no sequence (R19, R20, R27)', async () => {
    built.push(await world.publish())
    const { child, errors } = run()
    await world.settled(built)
    await world.assertWhole(built)
    expect((await world.client.lastBatch()).number).toBeLessThanOrEqual(built.length)
    child.kill('SIGTERM')
    const [status] = (await once(child, 'exit')) as [number | null]
    expect(status).toBe(0)
    expect(errors.join('')).toBe('')
  })
})
