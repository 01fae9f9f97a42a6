import { spawn } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Anvil, removeChain, startAnvil } from '../../../devnet/chain.ts'
import { DevnetChainError } from '../../../devnet/chainErrors.ts'
import { accountOf } from '../../../devnet/deploy.ts'
import { TRANSACTION_GAS_CAP } from '../../../src/chain/constants.ts'

const CHAIN_MODULE = fileURLToPath(new URL('../../../devnet/chain.ts', import.meta.url))
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
const lag = async (anvil: Anvil): Promise<number> =>
  Date.now() / 1_000 - Number((await anvil.client.getBlock({ blockTag: 'latest' })).timestamp)
const nextBlock = async (anvil: Anvil, after: bigint): Promise<void> => {
  while ((await anvil.client.getBlockNumber()) <= after) await new Promise((resolve) => setTimeout(resolve, 50))
}
/** Polls: between a block and the look at it a loaded machine may take seconds; a chain out of step stays behind. */
const inStep = async (anvil: Anvil): Promise<void> => {
  while ((await lag(anvil)) >= 3) await new Promise((resolve) => setTimeout(resolve, 50))
}

describe('a local chain', () => {
  let directory: string
  let anvil: Anvil

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opg-anvil-'))
    anvil = await startAnvil({ directory, timestamp: Math.floor(Date.now() / 1_000) - 600 })
  })

  afterAll(async () => {
    await anvil.stop()
    await removeChain(directory)
  })

  it('starts in the past, on a port of its own, and moves to the wall clock', async () => {
    expect(anvil.port).toBeGreaterThan(0)
    expect(await lag(anvil)).toBeGreaterThan(590)
    const before = await anvil.client.getBlockNumber()
    await anvil.setTime(Math.floor(Date.now() / 1_000))
    await nextBlock(anvil, before + 1n)
    await inStep(anvil)
  })

  it('enforces the gas cap of one transaction', async () => {
    const send = (gas: bigint): Promise<unknown> => {
      const account = accountOf(new Uint8Array(32).fill(7))
      return anvil.client
        .setBalance({ address: account.address, value: 10n ** 20n })
        .then(() => anvil.client.sendTransaction({ account, chain: anvil.client.chain, to: account.address, gas }))
    }
    await expect(send(TRANSACTION_GAS_CAP + 1n)).rejects.toThrow('gas')
    await expect(send(TRANSACTION_GAS_CAP)).resolves.toBeDefined()
  })

  it('advances safe and finalized', async () => {
    await anvil.client.mine({ blocks: 3 })
    const [latest, safe, finalized] = await Promise.all(
      (['latest', 'safe', 'finalized'] as const).map(async (blockTag) =>
        Number((await anvil.client.getBlock({ blockTag })).number),
      ),
    )
    expect(safe).toBeGreaterThan(0)
    expect(finalized).toBeGreaterThan(0)
    expect(finalized).toBeLessThanOrEqual(safe ?? 0)
    expect(safe).toBeLessThanOrEqual(latest ?? 0)
  })

  it('goes back and reorganises in step with the wall clock', async () => {
    await anvil.client.mine({ blocks: 12 })
    const head = await anvil.client.getBlock({ blockTag: 'latest' })
    await anvil.rollback(10)
    expect(await anvil.client.getBlockNumber()).toBeLessThan(head.number)
    await nextBlock(anvil, (await anvil.client.getBlockNumber()) + 1n)
    await inStep(anvil)
    const before = await anvil.client.getBlock({ blockTag: 'latest' })
    await anvil.reorg(2)
    expect((await anvil.client.getBlock({ blockNumber: before.number })).hash).not.toBe(before.hash)
    await nextBlock(anvil, (await anvil.client.getBlockNumber()) + 1n)
    await inStep(anvil)
  })

  it('comes back with its state and port after SIGKILL, even when its file is torn', async () => {
    const { port } = anvil
    await anvil.snapshot()
    const number = await anvil.client.getBlockNumber()
    const { hash } = await anvil.client.getBlock({ blockNumber: number })
    const pid = anvil.pid()
    await expect(anvil.restart()).rejects.toMatchObject({ code: 'anvil-running' })
    await anvil.kill()
    expect(isAlive(pid ?? 0)).toBe(false)
    const state = join(directory, 'state.json')
    const whole = await readFile(state, 'utf8')
    await writeFile(state, whole.slice(0, whole.length / 2))
    await anvil.restart()
    expect(anvil.port).toBe(port)
    expect((await anvil.client.getBlock({ blockNumber: number })).hash).toBe(hash)
    const restarted = await anvil.client.getBlockNumber()
    await nextBlock(anvil, restarted + 1n)
    await inStep(anvil)
  })

  it('refuses half a state without a copy', async () => {
    const torn = await mkdtemp(join(tmpdir(), 'opg-torn-'))
    await writeFile(join(torn, 'state.json'), '{"block":')
    const error = await startAnvil({ directory: torn }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DevnetChainError)
    expect(error).toMatchObject({ code: 'chain-state-torn' })
    await removeChain(torn)
  })

  it('dies with the process that started it, also by SIGKILL', async () => {
    const orphan = await mkdtemp(join(tmpdir(), 'opg-orphan-'))
    const script = `import { startAnvil } from ${JSON.stringify(CHAIN_MODULE)}
      const anvil = await startAnvil({ directory: ${JSON.stringify(orphan)} })
      console.log(anvil.pid())`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (line) => resolve(Number(line))))
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    const deadline = Date.now() + 90_000
    while (isAlive(pid) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isAlive(pid)).toBe(false)
    await removeChain(orphan)
  })
})
