import { readContract } from 'viem/actions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { feeSplitterAbi, readChannels } from '../../../src/chain/index.ts'
import type { ClaimCandidate } from '../../../src/payment/index.ts'
import { type Address, type ChannelConfig, type Digest, H } from '../../../src/protocol/index.ts'
import { OPG, type PaymentWorld, startPaymentWorld } from '../../support/paymentWorld.ts'

const JOBS = 10_000
const CHANNELS = 40
const ROUNDS = 4
const NETWORK_PERCENT = 20n

describe('the split of what jobs cost', { timeout: 480_000 }, () => {
  let world: PaymentWorld

  beforeAll(async () => {
    world = await startPaymentWorld()
  }, 240_000)

  afterAll(() => world.stop())

  it('gives the provider 80 and the network 20 of 10,000 random jobs, to the wei, and nothing is lost', async () => {
    const channels: { readonly config: ChannelConfig; readonly channel: Digest; charged: bigint }[] = []
    const payee = await world.payee(() =>
      channels
        .filter(({ charged }) => charged > 0n)
        .map(({ config, charged }): ClaimCandidate => world.candidate(config, charged)),
    )
    const { contracts } = world.chain.network
    const pool: Address = contracts.rewardDistributor
    const parties = [world.payout, pool, world.splitter, contracts.paymentChannels] as const
    const balances = (): Promise<bigint[]> => Promise.all(parties.map((each) => world.balanceOf(each)))
    const payerBefore = await world.balanceOf(world.payer.address.toLowerCase() as Address)
    const before = await balances()
    const opened = Array.from({ length: CHANNELS }, () => ({ ...world.newChannel(), charged: 0n }))
    const deposits = await Promise.all(
      opened.map(async ({ config }) => payee.channels.deposit(await world.deposit(config, 2_000n * OPG))),
    )
    expect(deposits.every(({ ok }) => ok)).toBe(true)
    channels.push(...opened)

    const claimer = payee.claimer()
    let [total, network] = [0n, 0n]
    for (let round = 0; round < ROUNDS; round += 1) {
      let fees = 0n
      for (let job = 0; job < JOBS / ROUNDS; job += 1) {
        const draw = BigInt(H('test/split', round, job))
        const fee = draw % OPG
        fees += fee
        channels[Number((draw >> 128n) % BigInt(CHANNELS))]!.charged += fee
      }
      expect(await claimer.claimAll()).toMatchObject({ rows: CHANNELS, claimed: fees })
      total += fees
      network += (fees * NETWORK_PERCENT) / 100n
    }

    const after = await balances()
    const gained = parties.map((_, index) => after[index]! - before[index]!)
    const owed = await world.reader.query((client) =>
      readContract(client, {
        ...{ address: world.splitter, abi: feeSplitterAbi, functionName: 'owedOf', args: [contracts.opg] },
      }),
    )
    expect(owed).toMatchObject({ provider: 0n, network: 0n })
    expect(gained).toEqual([total - network, network, 0n, 2_000n * OPG * BigInt(CHANNELS) - total])
    const { states } = await readChannels(
      world.reader,
      channels.map(({ channel }) => channel),
      'latest',
    )
    expect(states.map(({ totalClaimed }) => totalClaimed)).toEqual(channels.map(({ charged }) => charged))
    const left = states.reduce((sum, { balance, totalClaimed }) => sum + balance - totalClaimed, 0n)
    const lost = payerBefore - (await world.balanceOf(world.payer.address.toLowerCase() as Address)) - left
    expect(lost).toBe(total)
    await payee.stop()
  })
})
