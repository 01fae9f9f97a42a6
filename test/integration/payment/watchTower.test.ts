import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountOf } from '../../../devnet/deploy.ts'
import { initiateWithdrawCall, readChannel } from '../../../src/chain/index.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import { nodeSecp256k1 } from '../../../src/node/index.ts'
import {
  type ClaimBatch,
  createWatchTower,
  formatClaimBatch,
  parseClaimBatch,
  signClaimBatches,
  type WatchTower,
} from '../../../src/payment/index.ts'
import type { ClaimRow, Digest } from '../../../src/protocol/index.ts'
import { DEVNET_SEED } from '../../support/devnetChain.ts'
import { OPG, type PaymentWorld, startPaymentWorld, until } from '../../support/paymentWorld.ts'

const crypto = nodeSecp256k1()

describe('a watch-tower with claims a provider signed ahead', { timeout: 240_000 }, () => {
  let world: PaymentWorld
  const stranger = accountOf(devnetPrivateKey(DEVNET_SEED, 'tower', 0))
  const running: { stop(): Promise<void> }[] = []

  beforeAll(async () => {
    world = await startPaymentWorld()
    await world.chain.anvil.client.setBalance({ address: world.payer.address, value: OPG })
    await world.chain.anvil.client.setBalance({ address: stranger.address, value: OPG })
  }, 240_000)

  afterAll(async () => {
    for (const each of running) await each.stop()
    await world.stop()
  })

  const read = (text: string) => parseClaimBatch(text, { network: world.chain.network, domain: world.domain, crypto })
  const sign = (rows: readonly ClaimRow[]): ClaimBatch[] =>
    signClaimBatches(rows, world.signer, {
      ...{ network: world.chain.network, domain: world.domain, splitter: world.splitter, now: 1 },
    })
  const claimedOf = async (channel: Digest): Promise<bigint> =>
    (await readChannel(world.reader, channel, 'latest')).totalClaimed

  async function funded(amounts: readonly bigint[]) {
    const payee = await world.payee()
    const channels = []
    for (const amount of amounts) {
      const channel = world.newChannel()
      expect(await payee.channels.deposit(await world.deposit(channel.config, amount))).toMatchObject({ ok: true })
      channels.push({ ...channel, row: world.candidate(channel.config, amount).row })
    }
    // The provider is down from here on.
    await payee.stop()
    return channels
  }

  async function watch(batches: readonly ClaimBatch[]) {
    const chain = world.chain.client({ signer: stranger })
    await chain.start()
    const claims: object[] = []
    const log = (): void => undefined
    const tower: WatchTower = createWatchTower(
      { chain, logger: { info: log, warn: log, error: log }, onClaim: (_, outcome) => claims.push(outcome) },
      batches,
    )
    await tower.start()
    running.push(tower)
    return { tower, claims }
  }

  it('reads back what was signed, and takes nothing that was changed or is of another network', async () => {
    const { config } = world.newChannel()
    const [batch] = sign([world.candidate(config, 5n).row])
    const text = formatClaimBatch(batch!)
    expect(read(text)).toEqual({ ok: true, value: batch })
    const codes = [
      text.replace('"totalClaimed": "5"', '"totalClaimed": "4"'),
      text.replace('"maxClaimableAmount": "5"', '"maxClaimableAmount": "6"'),
      text.replace(world.chain.network.networkId, `0x${'00'.repeat(32)}`),
      text.replace('"version": 1', '"version": 2'),
      text.slice(1),
    ].map((changed) => {
      const result = read(changed)
      return result.ok ? undefined : result.error.code
    })
    expect(codes).toEqual([
      ...['claims-forged', 'claims-forged', 'claims-foreign', 'claims-malformed', 'claims-malformed'],
    ])
    expect(sign(Array.from({ length: 130 }, () => batch!.rows[0]!)).map(({ rows }) => rows.length)).toEqual([64, 64, 2])
  })

  it('claims when a payer leaves while the provider is down, and not before (R25)', async () => {
    const [leaving, other] = await funded([3n * OPG, 2n * OPG])
    const { claims } = await watch([...sign([leaving!.row]), ...sign([other!.row])])
    expect(await claimedOf(leaving!.channel)).toBe(0n)
    const payer = world.chain.client({ signer: world.payer })
    await payer.start()
    const call = initiateWithdrawCall(world.chain.network.contracts, leaving!.config, 3n * OPG)
    expect(await payer.send(call)).toMatchObject({ ok: true })
    await until(async () => (await claimedOf(leaving!.channel)) === 3n * OPG)
    await until(() => claims.length > 0)
    expect(await claimedOf(other!.channel)).toBe(0n)
    expect(claims).toEqual([{ transaction: expect.any(String) }])
    await payer.stop()
  })

  it('claims at once when it is told to, and pays no gas twice', async () => {
    const [one, two] = await funded([OPG, 2n * OPG])
    const { tower, claims } = await watch(sign([one!.row, two!.row]))
    await tower.claimNow()
    expect(await Promise.all([one!, two!].map(({ channel }) => claimedOf(channel)))).toEqual([OPG, 2n * OPG])
    await tower.claimNow()
    expect(claims).toHaveLength(1)
  })
})
