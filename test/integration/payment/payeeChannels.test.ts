import { parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChannelFunds, Digest } from '../../../src/protocol/index.ts'
import { OPG, type PayeeProcess, type PaymentWorld, startPaymentWorld, until } from '../../support/paymentWorld.ts'

const CHANNELS_ABI = parseAbi([
  'event Deposited(bytes32 indexed channelId, address indexed sender, uint128 amount, uint128 newBalance)',
])

describe('a provider and the deposits on its channels', { timeout: 240_000 }, () => {
  let world: PaymentWorld
  let payee: PayeeProcess

  beforeAll(async () => {
    world = await startPaymentWorld()
    payee = await world.payee()
  }, 240_000)

  afterAll(() => world.stop())

  const depositsOf = async (channel: Digest): Promise<number> => {
    const logs = await world.chain.anvil.client.getContractEvents({
      ...{ address: world.chain.network.contracts.paymentChannels, abi: CHANNELS_ABI, eventName: 'Deposited' },
      ...{ args: { channelId: channel }, fromBlock: 0n },
    })
    return logs.length
  }

  it.each(['eip3009', 'permit2'] as const)('brings what a payer without ether signed, by %s (R23)', async (method) => {
    const { config, channel } = world.newChannel()
    const payment = await world.deposit(config, 3n * OPG, method)
    const outcome = await payee.channels.deposit(payment)
    expect(outcome).toMatchObject({ ok: true, value: { funds: { balance: 3n * OPG, withdrawing: false } } })
    expect(await world.chain.anvil.client.getBalance({ address: world.payer.address })).toBe(0n)
    await until(() => payee.channels.funds(channel)?.safeBalance === 3n * OPG)
  })

  it('sends the same deposit once, however often it comes', async () => {
    const { config, channel } = world.newChannel()
    const payment = await world.deposit(config, OPG)
    const outcomes = await Promise.all([1, 2, 3].map(() => payee.channels.deposit(payment)))
    const again = await payee.channels.deposit(payment)
    const transactions = new Set(
      [...outcomes, again].map((each) => (each.ok ? each.value.transaction : each.error.code)),
    )
    expect(transactions.size).toBe(1)
    expect(await depositsOf(channel)).toBe(1)
  })

  it.each([
    ['a small one', { amount: 0n }, 'deposit-failed'],
    ['one of another amount than was signed', { amount: 2n * OPG }, 'deposit-failed'],
  ])('sends nothing for %s', async (_, change, code) => {
    const { config, channel } = world.newChannel()
    const payment = { ...(await world.deposit(config, OPG)), ...change }
    expect(await payee.channels.deposit(payment)).toMatchObject({ ok: false, error: { code } })
    expect(await depositsOf(channel)).toBe(0)
  })

  it('sends nothing for an authorization that is over', async () => {
    const { config } = world.newChannel()
    const payment = await world.deposit(config, OPG)
    const authorization = { ...payment.authorization, validBefore: 1n }
    expect(await payee.channels.deposit({ ...payment, authorization } as typeof payment)).toMatchObject({
      ok: false,
      error: { code: 'deposit-failed' },
    })
  })

  it('counts a deposit that a reorganisation took away no longer, and again when it is back (R22, R24)', async () => {
    const { config, channel } = world.newChannel()
    const seen: ChannelFunds[] = []
    const off = payee.channels.onFunds((id, funds) => {
      if (id === channel) seen.push(funds)
    })
    await payee.channels.watch(channel)
    const { client } = world.chain.anvil
    await client.setIntervalMining({ interval: 0 })
    const sending = payee.channels.deposit(await world.deposit(config, 2n * OPG))
    await until(async () => (await client.getTxpoolStatus()).pending > 0)
    await client.mine({ blocks: 1 })
    const sent = await sending
    expect(sent).toMatchObject({ ok: true, value: { funds: { balance: 2n * OPG, safeBalance: 0n } } })
    await until(() => seen.at(-1)?.balance === 2n * OPG)
    await world.chain.anvil.reorg(1)
    await until(() => seen.at(-1)?.balance === 0n)
    await client.setIntervalMining({ interval: 1 })
    await until(() => seen.at(-1)?.safeBalance === 2n * OPG)
    expect(await depositsOf(channel)).toBe(1)
    off()
  })

  it('resumes a deposit whose process died between sending and its block, with the same transaction (R27)', async () => {
    const directory = await world.directory()
    const first = await world.payee(() => [], directory)
    const { config, channel } = world.newChannel()
    const payment = await world.deposit(config, OPG)
    const { client } = world.chain.anvil
    await client.setIntervalMining({ interval: 0 })
    const cut = first.channels.deposit(payment)
    await until(async () => (await client.getTxpoolStatus()).pending > 0)
    const pool = await client.getTxpoolContent()
    const hashes = Object.values(pool.pending).flatMap((each) => Object.values(each).map(({ hash }) => hash))
    await first.stop()
    expect(await cut).toMatchObject({ ok: false })
    for (const hash of hashes) await client.dropTransaction({ hash })
    const second = await world.payee(() => [], directory)
    const repeated = second.channels.deposit(payment)
    await client.setIntervalMining({ interval: 1 })
    expect(await repeated).toMatchObject({ ok: true, value: { transaction: hashes[0], funds: { balance: OPG } } })
    expect(await depositsOf(channel)).toBe(1)
    await second.stop()
  })

  it('pays back what is asked for, never more than is there, one at a time', async () => {
    const { config, channel } = world.newChannel()
    await payee.channels.deposit(await world.deposit(config, 5n * OPG))
    const before = await world.balanceOf(config.payer)
    expect(await payee.channels.refund(config, 6n * OPG)).toMatchObject({ ok: false, error: { code: 'refund-failed' } })
    const [one, other] = await Promise.all([
      payee.channels.refund(config, 2n * OPG),
      payee.channels.refund(config, 2n * OPG),
    ])
    expect([one, other].map(({ ok }) => ok).sort()).toEqual([false, true])
    expect((await world.balanceOf(config.payer)) - before).toBe(2n * OPG)
    expect(payee.channels.funds(channel)).toMatchObject({ balance: 3n * OPG })
  })
  it('does not serve on what a refund of the process before is about to take (R27)', async () => {
    const directory = await world.directory()
    const first = await world.payee(() => [], directory)
    const { config, channel } = world.newChannel()
    await first.channels.deposit(await world.deposit(config, 5n * OPG))
    const { client } = world.chain.anvil
    await client.setIntervalMining({ interval: 0 })
    const cut = first.channels.refund(config, 3n * OPG)
    await until(async () => (await client.getTxpoolStatus()).pending > 0)
    await first.stop()
    expect(await cut).toMatchObject({ ok: false })
    const second = await world.payee(() => [], directory)
    expect(await second.channels.watch(channel)).toMatchObject({ ok: false, error: { code: 'busy' } })
    await client.setIntervalMining({ interval: 1 })
    await until(async () => (await second.channels.watch(channel)).ok)
    expect(await second.channels.watch(channel)).toMatchObject({ ok: true, value: { balance: 2n * OPG } })
    await second.stop()
  })
})
