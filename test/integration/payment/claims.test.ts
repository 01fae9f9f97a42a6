import { parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { finalizeWithdrawCall, initiateWithdrawCall, readChannel, readReceiver } from '../../../src/chain/index.ts'
import type { ClaimCandidate } from '../../../src/payment/index.ts'
import type { ChannelConfig, Digest } from '../../../src/protocol/index.ts'
import { OPG, type PayeeProcess, type PaymentWorld, startPaymentWorld, until } from '../../support/paymentWorld.ts'

const CHANNELS_ABI = parseAbi([
  'event Claimed(bytes32 indexed channelId, address indexed sender, uint128 claimAmount, uint128 newTotalClaimed)',
])
/** Nothing is worth its gas: only what must be claimed is. */
const NEVER = { maxGasShare: 0 }

describe('a provider that claims', { timeout: 240_000 }, () => {
  let world: PaymentWorld

  beforeAll(async () => {
    world = await startPaymentWorld()
    await world.chain.anvil.client.setBalance({ address: world.payer.address, value: OPG })
  }, 240_000)

  afterAll(() => world.stop())

  async function funded(payee: PayeeProcess, amount: bigint) {
    const channel = world.newChannel()
    const outcome = await payee.channels.deposit(await world.deposit(channel.config, amount))
    if (!outcome.ok) throw new Error(outcome.error.got)
    return channel
  }
  const claimedOf = async (channel: Digest): Promise<bigint> =>
    (await readChannel(world.reader, channel, 'latest')).totalClaimed
  const claimsOf = async (channel: Digest): Promise<number> => {
    const logs = await world.chain.anvil.client.getContractEvents({
      ...{ address: world.chain.network.contracts.paymentChannels, abi: CHANNELS_ABI, eventName: 'Claimed' },
      ...{ args: { channelId: channel }, fromBlock: 0n },
    })
    return logs.length
  }

  it('claims many channels in one transaction, one bad row hurting nobody, and pays out 80 to 20 (R25)', async () => {
    let candidates: ClaimCandidate[] = []
    const payee = await world.payee(() => candidates)
    const channels = []
    for (const amount of [3n, 4n, 5n]) channels.push(await funded(payee, amount * OPG))
    const [good, forged, other] = channels as [(typeof channels)[0], (typeof channels)[0], (typeof channels)[0]]
    const bad = world.candidate(forged.config, 2n * OPG)
    candidates = [
      world.candidate(good.config, 3n * OPG),
      { ...bad, row: { ...bad.row, voucher: { ...bad.row.voucher, amount: 4n * OPG } } },
      world.candidate(other.config, 4n * OPG),
    ]
    const claimer = payee.claimer(NEVER)
    const before = await world.balanceOf(world.payout)
    const round = await claimer.claimAll()
    expect(round).toMatchObject({ rows: 2, claimed: 7n * OPG })
    expect(await Promise.all(channels.map(({ channel }) => claimedOf(channel)))).toEqual([3n * OPG, 0n, 4n * OPG])
    expect((await world.balanceOf(world.payout)) - before).toBe((7n * OPG * 80n) / 100n)
    expect(await readReceiver(world.reader, world.splitter, world.chain.network.contracts.opg)).toEqual({
      totalClaimed: 7n * OPG,
      totalSettled: 7n * OPG,
    })
    expect(payee.logs).toContainEqual(expect.objectContaining({ channel: forged.channel, code: 'InvalidSignature' }))
    expect(await claimer.claimAll()).toMatchObject({ rows: 0, transaction: undefined })
    candidates[1] = world.candidate(forged.config, 4n * OPG)
    expect(await claimer.claimAll()).toMatchObject({ rows: 1, claimed: 4n * OPG })
    await payee.stop()
  })

  it('claims by itself what is worth its gas, and leaves the rest', async () => {
    let candidates: ClaimCandidate[] = []
    const payee = await world.payee(() => candidates)
    const [worth, dust] = [await funded(payee, 900n * OPG), await funded(payee, OPG)]
    candidates = [world.candidate(worth.config, 900n * OPG), world.candidate(dust.config, 1n)]
    payee.claimer().start()
    await until(async () => (await claimedOf(worth.channel)) === 900n * OPG)
    expect(await claimedOf(dust.channel)).toBe(0n)
    await payee.stop()
  })

  it('claims a channel as soon as its payer leaves, before the payer can take it away (R25)', async () => {
    let amount = OPG
    let config: ChannelConfig | undefined
    const payee = await world.payee(() => (config === undefined ? [] : [world.candidate(config, amount)]))
    const target = await funded(payee, 5n * OPG)
    config = target.config
    payee.claimer(NEVER).start()
    // Vouchers go on while the payer leaves with all that is not claimed.
    amount = 2n * OPG
    const payer = world.chain.client({ signer: world.payer })
    await payer.start()
    const { contracts } = world.chain.network
    expect(await payer.send(initiateWithdrawCall(contracts, config, 5n * OPG))).toMatchObject({ ok: true })
    amount = 3n * OPG
    await until(async () => (await claimedOf(target.channel)) === 3n * OPG)
    expect(payee.channels.funds(target.channel)).toMatchObject({ withdrawing: true })
    const { timestamp } = await world.chain.anvil.client.getBlock()
    await world.chain.anvil.setTime(Number(timestamp) + 901)
    const before = await world.balanceOf(config.payer)
    expect(await payer.send(finalizeWithdrawCall(contracts, config))).toMatchObject({ ok: true })
    expect((await world.balanceOf(config.payer)) - before).toBe(2n * OPG)
    await payer.stop()
    await payee.stop()
  })

  it('makes a claim again that a reorganisation took away (R22)', async () => {
    let candidates: ClaimCandidate[] = []
    const payee = await world.payee(() => candidates)
    const target = await funded(payee, 4n * OPG)
    await until(() => payee.channels.funds(target.channel)?.safeBalance === 4n * OPG)
    candidates = [world.candidate(target.config, 4n * OPG)]
    const { client } = world.chain.anvil
    const claimer = payee.claimer(NEVER)
    await client.setIntervalMining({ interval: 0 })
    const round = claimer.claimAll()
    for (const _ of ['claim', 'distribute']) {
      await until(async () => (await client.getTxpoolStatus()).pending > 0)
      await client.mine({ blocks: 1 })
    }
    expect(await round).toMatchObject({ claimed: 4n * OPG })
    claimer.start()
    await world.chain.anvil.reorg(2)
    expect(await claimedOf(target.channel)).toBe(0n)
    await client.setIntervalMining({ interval: 1 })
    await until(async () => (await claimedOf(target.channel)) === 4n * OPG)
    expect(await claimsOf(target.channel)).toBe(1)
    await payee.stop()
  })

  it('resumes a claim whose process died between sending and its block, and never claims twice (R27)', async () => {
    let candidates: ClaimCandidate[] = []
    const directory = await world.directory()
    const first = await world.payee(() => candidates, directory)
    const target = await funded(first, 6n * OPG)
    candidates = [world.candidate(target.config, 6n * OPG)]
    const { client } = world.chain.anvil
    await client.setIntervalMining({ interval: 0 })
    const cut = first
      .claimer(NEVER)
      .claimAll()
      .catch((error: { code: string }) => error.code)
    await until(async () => (await client.getTxpoolStatus()).pending > 0)
    await first.stop()
    expect(await cut).toBe('stopped')
    const second = await world.payee(() => candidates, directory)
    const resumed = second.claimer(NEVER).claimAll()
    await client.setIntervalMining({ interval: 1 })
    expect(await resumed).toMatchObject({ rows: 0 })
    expect(await claimedOf(target.channel)).toBe(6n * OPG)
    expect(await claimsOf(target.channel)).toBe(1)
    await second.stop()
  })

  it('says nothing of vouchers or signatures in its logs', async () => {
    let candidates: ClaimCandidate[] = []
    const payee = await world.payee(() => candidates)
    const target = await funded(payee, OPG)
    candidates = [world.candidate(target.config, OPG)]
    await payee.claimer(NEVER).claimAll()
    const text = JSON.stringify(payee.logs)
    expect(text).toContain('claimed')
    expect(text).not.toContain(candidates[0]!.row.voucher.signature.slice(2))
    await payee.stop()
  })
})
