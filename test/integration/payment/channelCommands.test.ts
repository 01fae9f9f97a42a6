import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimCall, createSplitterCall, readEarnings } from '../../../src/chain/index.ts'
import { errorSchema, resultSchemas } from '../../../src/cli/index.ts'
import { devnetPrivateKey, nodeSecp256k1 } from '../../../src/node/index.ts'
import { formatClaimBatch, signClaimBatches } from '../../../src/payment/index.ts'
import {
  type Address,
  type ChannelConfig,
  channelIdOf,
  createChannelDomain,
  createSigner,
  parametersOf,
  voucherDigest,
} from '../../../src/protocol/index.ts'
import { openStore } from '../../../src/store/index.ts'
import { encode } from '../../../src/wire/index.ts'
import { type ChainHome, type ChainHomes, chainHomes, opgHere } from '../../support/chainHomes.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../../support/devnetChain.ts'

const OPG = 10n ** 18n
const EXIT_FUNDS = 6
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const lower = (text: string): Address => text.toLowerCase() as Address

describe('opg channel', { timeout: 240_000 }, () => {
  let chain: TestChain
  let homes: ChainHomes
  let home: ChainHome
  let provider: Address
  let splitter: Address
  const providerKey = createSigner(nodeSecp256k1(), devnetPrivateKey(DEVNET_SEED, 'provider', 0))
  const sessionKey = createSigner(nodeSecp256k1(), devnetPrivateKey(DEVNET_SEED, 'buyer', 0))

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 3, provider: 1 })
    const client = chain.client({ signer: chain.of('provider')[0]!.operator })
    await client.start()
    provider = lower(chain.of('provider')[0]!.operator.address)
    if (!(await readEarnings(client, provider)).isSplitterMade) {
      const made = await client.send(createSplitterCall(chain.network.contracts, provider))
      if (!made.ok) throw made.error
    }
    splitter = (await readEarnings(client, provider)).splitter
    await client.stop()
    homes = await chainHomes(chain)
    home = await homes.home('buyer')
    await homes.fund(lower(home.owner.address), 10n * OPG)
  }, 240_000)

  afterAll(async () => {
    await homes.stop()
    await chain.stop()
  })

  const opg = async (...args: string[]) => {
    const ran = await opgHere(['channel', ...args, '--json'], home.directory)
    const schema = ran.exit === 0 ? resultSchemas[`channel ${args[0]}` as keyof typeof resultSchemas] : errorSchema
    schema.parse(ran.json)
    return ran
  }
  const domain = () => createChannelDomain(chain.network.chainId, chain.network.contracts.paymentChannels)
  const configOf = (): ChannelConfig => ({
    ...{ payer: lower(home.owner.address), payerAuthorizer: sessionKey.address, receiver: splitter },
    ...{ receiverAuthorizer: provider, token: chain.network.contracts.opg },
    withdrawDelay: parametersOf(chain.network.profile).withdrawDelay / 1_000,
    salt: chain.network.networkId,
  })
  const rowOf = (amount: bigint) => {
    const channel = channelIdOf(domain(), configOf())
    const signature = sessionKey.sign(voucherDigest(domain(), { channel, amount }))
    return { config: configOf(), voucher: { channel, amount, signature }, totalClaimed: amount }
  }

  it('opens with the gas of the wallet, and says what chain and books hold', async () => {
    const opened = await opg('open', provider, '3', '--self')
    expect(opened).toMatchObject({ exit: 0, json: { ok: true, amount: `${3n * OPG}` } })
    expect((await opg('top-up', provider, '1', '--self')).exit).toBe(0)
    const shown = await opg('show', provider)
    expect(shown.json).toMatchObject({
      ...{ ok: true, channel: channelIdOf(domain(), configOf()), balance: `${4n * OPG}`, claimed: '0' },
      ...{ withdrawal: null, authorized: null, charged: null },
    })
    expect((await opg('list')).json).toEqual({ ok: true, channels: [] })
  })

  it('names what stands in the way of a deposit or a withdrawal, and ends with 6', async () => {
    const failures = [
      await opg('open', provider, '100', '--self'),
      await opg('finalize', provider),
      await opg('withdraw', provider, '--amount', '5'),
    ]
    expect(failures.map(({ exit, json }) => [exit, (json as { error: { code: string } }).error.code])).toEqual([
      [EXIT_FUNDS, 'over-deposit-budget'],
      [EXIT_FUNDS, 'no-withdrawal'],
      [EXIT_FUNDS, 'insufficient-funds'],
    ])
  })

  it('cannot reach a provider that is not there, and says so', async () => {
    expect(await opg('refund', provider)).toMatchObject({
      exit: 4,
      json: { ok: false, error: { code: 'unreachable' } },
    })
  })

  it('watches over claims signed ahead with another wallet, and claims at once when told to', async () => {
    const [batch] = signClaimBatches([rowOf(OPG)], providerKey, {
      ...{ network: chain.network, domain: domain(), splitter, now: 1 },
    })
    const file = join(home.directory, 'claims.json')
    await writeFile(file, formatClaimBatch(batch!), { mode: 0o600 })
    expect((await opg('watch', file, '--now')).json).toMatchObject({ ok: true, channels: 1, claims: [{ rows: 1 }] })
    expect((await opg('watch', file, '--now')).json).toMatchObject({ ok: true, claims: [] })
    expect((await opg('show', provider)).json).toMatchObject({ claimed: `${OPG}`, unclaimed: `${3n * OPG}` })
    await writeFile(file, formatClaimBatch({ ...batch!, createdAt: 2, rows: [rowOf(2n * OPG)] }))
    expect(await opg('watch', file, '--now')).toMatchObject({ exit: 3, json: { error: { code: 'claims-forged' } } })
    expect(await opg('watch', join(home.directory, 'none.json'), '--now')).toMatchObject({ exit: 2 })
  })

  it('writes what a provider that is down may claim, for its owner’s eyes only', async () => {
    const seller = await homes.home('provider')
    const store = await openStore(join(seller.directory, 'db'), { clock: Date.now, logger: silent })
    const { config, voucher } = rowOf(2n * OPG)
    const account = { id: voucher.channel, config, voucher, charged: 2n * OPG, receipted: 2n * OPG, closing: false }
    await store.commit([
      { type: 'put', table: 'payeeChannels', key: [account.id], value: encode('ChannelAccount', account) },
    ])
    await store.close()
    const out = join(seller.directory, 'claims')
    const exported = await opgHere(['channel', 'export', '--out', out, '--json'], seller.directory)
    const file = join(out, 'claims-1.json')
    expect(exported).toMatchObject({ exit: 0, json: { ok: true, files: [file] } })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await opg('watch', file, '--now')).json).toMatchObject({ ok: true, claims: [{ rows: 1 }] })
    expect((await opg('show', provider)).json).toMatchObject({ claimed: `${2n * OPG}` })
    const claim = await opgHere(['channel', 'claim', '--json'], seller.directory)
    expect(claim).toMatchObject({ exit: 4, json: { error: { code: 'node-not-running' } } })
  })

  it('leaves by the timed exit, less what the provider claims before its end', async () => {
    const started = await opg('withdraw', provider)
    expect(started).toMatchObject({ exit: 0, json: { amount: `${2n * OPG}` } })
    const { finalizableAt } = started.json as unknown as { finalizableAt: number }
    for (const failure of [
      await opg('finalize', provider),
      await opg('withdraw', provider),
      await opg('top-up', provider, '1', '--self'),
    ]) {
      expect(failure).toMatchObject({ exit: EXIT_FUNDS, json: { error: { code: 'withdrawal-open' } } })
    }
    const client = chain.client({ signer: chain.of('provider')[0]!.operator })
    await client.start()
    expect(await client.send(claimCall(splitter, [rowOf(3n * OPG)]))).toMatchObject({ ok: true })
    await homes.reach(finalizableAt + 1)
    const ended = await opg('finalize', provider)
    expect(ended).toMatchObject({
      exit: 0,
      json: { amount: `${OPG}`, state: { unclaimed: '0', withdrawal: null } },
    })
    expect(await opg('withdraw', provider)).toMatchObject({
      exit: EXIT_FUNDS,
      json: { error: { code: 'nothing-to-withdraw' } },
    })
    await client.stop()
  })
})
