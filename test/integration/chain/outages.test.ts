import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ChainClient, ChainError, isChainError } from '../../../src/chain/index.ts'
import { createRpc } from '../../../src/chain/rpc.ts'
import { StakeReader } from '../../../src/chain/stakes.ts'
import { signedBatch, startTestChain, type TestChain } from '../../support/devnetChain.ts'

const until = async (condition: () => boolean, withinMs = 90_000): Promise<void> => {
  const deadline = Date.now() + withinMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('expected it to happen in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a chain that fails', () => {
  let chain: TestChain
  let client: ChainClient

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 4, provider: 1, settler: 1 })
    client = chain.client({ signer: chain.of('settler')[0]!.operator })
    await client.start()
  })

  afterAll(() => chain.stop())

  it('is survived: killed, reported once, restarted, followed on, anchored on', async () => {
    const epoch = client.epochAt()
    const seed = await client.epochSeed(epoch)
    await until(() => client.head().number > 8)
    await chain.anvil.snapshot()
    await chain.anvil.kill()
    await until(() => chain.faults.length > 0)
    const read = await client.lastBatch().catch((error: unknown) => error)
    expect(read).toBeInstanceOf(ChainError)
    expect(isChainError(read, 'rpc-unreachable')).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(chain.faults).toHaveLength(1)
    expect(isChainError(chain.faults[0], 'rpc-unreachable')).toBe(true)
    const before = client.head().number

    await chain.anvil.restart()
    await until(() => client.head().number > before)
    expect(await client.epochSeed(epoch)).toBe(seed)
    const next = await signedBatch(chain, client)
    const anchored = await client.anchor(next.batch, next.bitmap, next.signatures)
    expect(anchored.ok).toBe(true)
    await until(() => Math.abs(Date.now() - client.chainNow()) < 3_000)
  })

  it('recomputes stakes from the logs where no endpoint keeps the state of the seed block (R13)', async () => {
    const fresh = chain.client()
    await fresh.start()
    const seed = await fresh.seedBlock(fresh.epochAt())
    const reader = new StakeReader(createRpc([chain.anvil.url]), chain.network)
    await expect(reader.fromView('verifier', seed!)).rejects.toThrow()
    const stakes = await fresh.verifiers(fresh.epochAt())
    expect(stakes?.map(({ operator }) => operator)).toEqual(
      chain
        .of('verifier')
        .map(({ operator }) => operator.address.toLowerCase())
        .sort(),
    )
    await fresh.stop()
  })

  it('has its stuck transaction replaced by a dearer one of the same nonce', async () => {
    const { anvil } = chain
    const settler = chain.of('settler')[0]!.operator.address
    const nonce = await anvil.client.getTransactionCount({ address: settler })
    const next = await signedBatch(chain, client)
    await anvil.client.setIntervalMining({ interval: 0 })
    const pending = client.anchor(next.batch, next.bitmap, next.signatures)
    let first: { maxFeePerGas?: bigint | undefined } | undefined
    while (first === undefined) {
      const { pending: pool } = await anvil.client.getTxpoolContent()
      first = Object.values(pool).flatMap((each) => Object.values(each))[0] as typeof first
    }
    const price = BigInt((first as { maxFeePerGas: bigint }).maxFeePerGas)
    await anvil.client.setNextBlockBaseFeePerGas({ baseFeePerGas: price * 2n })
    for (let mined = 0; mined < 7; mined += 1) {
      await anvil.client.setNextBlockBaseFeePerGas({ baseFeePerGas: price * 2n })
      await anvil.client.mine({ blocks: 1 })
      const { number } = await anvil.client.getBlock({ blockTag: 'latest' })
      await until(() => client.head().number >= Number(number))
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    await anvil.client.setIntervalMining({ interval: 1 })
    const result = await pending
    if (!result.ok) throw result.error
    const mined = await anvil.client.getTransaction({ hash: result.value.transaction })
    expect(mined.nonce).toBe(nonce)
    expect(mined.maxFeePerGas).toBeGreaterThan(price)
  })

  it('opens the next epoch once, whoever comes first (R13)', async () => {
    const rival = chain.client({ signer: chain.payer })
    await rival.start()
    const epoch = client.epochAt() + 1
    expect((await client.ensureOpened(epoch)).ok).toBe(false)
    await chain.anvil.setTime(client.epochStart(epoch) / 1_000 + 5)
    await until(
      () => client.epochAt(client.head().timestamp) === epoch && rival.epochAt(rival.head().timestamp) === epoch,
    )
    expect((await client.signingSet(epoch))?.openedIn).toBe(epoch - 1)
    const outcomes = await Promise.all([client.ensureOpened(epoch), rival.ensureOpened(epoch)])
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true])
    expect(outcomes.filter((outcome) => outcome.ok && outcome.value.done === 'now').length).toBeGreaterThanOrEqual(1)
    expect((await client.signingSet(epoch))?.openedIn).toBe(epoch)
    expect(await client.ensureOpened(epoch)).toEqual({ ok: true, value: { done: 'already' } })
    expect(await client.verifiers(epoch)).toHaveLength(4)
    await rival.stop()
  })
})
