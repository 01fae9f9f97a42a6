import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { encodeFunctionData, erc20Abi, maxUint256 } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEVNET_USDC } from '../../../devnet/stage.ts'
import { formatConfig, homeAt, writeWhole } from '../../../src/node/index.ts'
import type { Address } from '../../../src/protocol/index.ts'
import { type ChainHome, opgHere } from '../../support/chainHomes.ts'
import { type FacilitatorWorld, facilitatorWorld, type RunningFacilitator } from '../../support/facilitatorWorld.ts'
import { ended, type OpgRun, opg, resultOf, startOpg } from '../../support/opg.ts'
import { type Shop, startShop } from '../../support/x402Shop.ts'

const PERMIT2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'
const PAY_TO: Address = `0x${'5e'.repeat(20)}`
const OPG = 10n ** 18n

let world: FacilitatorWorld
let facilitator: RunningFacilitator
let shop: Shop

beforeAll(async () => {
  world = await facilitatorWorld()
  facilitator = await world.start()
  const { network } = world
  const opgToken = world.chain.network.contracts.opg
  const usdc = (amount: string) => ({ asset: DEVNET_USDC, amount, extra: { name: 'USDC', version: '2' } })
  const token = (amount: string) => ({ asset: opgToken, amount, extra: { name: 'OpenGradient', version: '1' } })
  const option = (scheme: string, price: ReturnType<typeof usdc>) => ({ scheme, price, network, payTo: PAY_TO })
  shop = await startShop({
    ...{ network, payTo: PAY_TO, authorizer: world.home.operator, facilitator: facilitator.client },
    charges: { '/upto': '12345' },
    routes: {
      'GET /usdc': { accepts: [option('exact', usdc('1000'))] },
      'POST /usdc': { accepts: [option('exact', usdc('1000'))] },
      'GET /dear': { accepts: [option('exact', usdc('900000'))] },
      'GET /upto': { accepts: [option('upto', token(`${OPG / 10n}`))] },
      'GET /channel': { accepts: [option('batch-settlement', usdc('1000'))] },
      'GET /other': { accepts: [option('exact', { ...usdc('1'), asset: `0x${'77'.repeat(20)}` })] },
    },
    free: (app) => {
      app.get('/free', (context) => context.text('free'))
      app.get('/big', (context) => context.text('x'.repeat(200_000)))
      app.get('/missing', (context) => context.text('nothing here', 404))
      app.get('/elsewhere', (context) => context.redirect('http://127.0.0.2:9/usdc'))
      app.get('/moved', (context) => context.redirect('/usdc'))
    },
  })
}, 120_000)

afterAll(async () => {
  await shop?.stop()
  await world?.stop()
})

/** A home with a wallet that holds OPG and USDC, and budgets of its own. */
async function buyer(name: string, budget: Record<string, string> = {}, hosts?: readonly string[]): Promise<ChainHome> {
  const home = await world.homes.home(name)
  const owner = home.owner.address as Address
  await world.homes.fund(owner, 10n * OPG)
  const transfer = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [owner, 1_000_000n] })
  await world.homes.transact(world.payer, DEVNET_USDC, transfer)
  const usdc = {
    asset: DEVNET_USDC,
    perJob: '5000',
    perDay: '10000',
    perKey: '20000',
    maxDeposit: '4000',
    firstDeposit: '3000',
  }
  const payments = { assets: [{ asset: 'OPG' }, { ...usdc, ...budget }], ...(hosts === undefined ? {} : { hosts }) }
  const config = { rpc: [world.chain.anvil.url], listen: [], payments }
  await writeWhole(homeAt(home.directory).configFile, formatConfig(config as never))
  return home
}

const fetchPaid = (home: ChainHome, path: string, ...more: readonly string[]): Promise<OpgRun> =>
  opgHere(['pay-fetch', path.startsWith('http') ? path : `${shop.url}${path}`, '--json', ...more], home.directory)

const errorOf = ({ json }: OpgRun): unknown => json.error
const paid = (run: OpgRun) => resultOf('pay-fetch', run)

describe('opg pay-fetch', () => {
  test('pays exact by EIP-3009: the page on stdout, price and settlement on stderr', async () => {
    const home = await buyer('exact')
    const before = await world.usdcOf(PAY_TO)
    const run = await opg(['pay-fetch', `${shop.url}/usdc`, '--home', home.directory])
    expect([run.exit, run.stdout]).toEqual([0, expect.stringMatching(/^page \d+ for \n$/)])
    expect(run.stderr).toMatch(/price {2}1000 of 0x036C/)
    expect(run.stderr).toMatch(/paid {3}1000 of 0x036C.* in 0x[0-9a-f]{64}/)
    expect((await world.usdcOf(PAY_TO)) - before).toBe(1_000n)
  }, 120_000)

  test('a body and headers go along; --json says what was paid, by whom and where', async () => {
    const home = await buyer('posted')
    const run = await fetchPaid(home, '/usdc', '--data', 'hello', '--header', 'X-Test: 1')
    expect(paid(run)).toMatchObject({
      status: 200,
      body: expect.stringContaining('for hello'),
      payment: { scheme: 'exact', price: '1000', spent: '1000', payer: home.owner.address, state: 'settled' },
    })
  }, 60_000)

  test('pays upto by Permit2 and books what the chain says it took', async () => {
    const home = await buyer('upto')
    const approve = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [PERMIT2, maxUint256] })
    await world.homes.transact(home.owner, world.chain.network.contracts.opg, approve)
    const run = await fetchPaid(home, '/upto', '--max', '0.1 OPG')
    expect(paid(run).payment).toMatchObject({
      ...{ scheme: 'upto', price: `${OPG / 10n}`, spent: '12345', state: 'settled' },
    })
  }, 60_000)

  test('opens a channel once and pays from it by the operator’s vouchers, over processes', async () => {
    const home = await buyer('channel')
    const first = paid(await fetchPaid(home, '/channel')).payment
    expect(first).toMatchObject({ scheme: 'batch-settlement', deposited: '3000', spent: '1000' })
    expect(first).toMatchObject({ payer: home.owner.address, key: home.operator.address })
    const second = paid(await fetchPaid(home, '/channel')).payment
    expect(second).toMatchObject({ deposited: null, transaction: null, spent: '1000' })
    const [file] = await readdir(join(home.directory, 'payments/channels'))
    const channel = JSON.parse(await readFile(join(home.directory, 'payments/channels', file!), 'utf8'))
    expect(channel).toMatchObject({ balance: '3000', chargedCumulativeAmount: '2000' })
  }, 60_000)

  test('a page that asks for no payment is fetched without one, whatever its status', async () => {
    const home = await buyer('free')
    expect(paid(await fetchPaid(home, '/free'))).toMatchObject({ body: 'free', payment: null })
    const missing = await fetchPaid(home, '/missing')
    expect([missing.exit, missing.json.status]).toEqual([1, 404])
  }, 60_000)

  test.each([
    ['more than --max', '/usdc', ['--max', '999'], {}, 'over-max', 6],
    ['another token than --max is in', '/usdc', ['--max', '1 OPG'], {}, 'over-max', 6],
    ['more than the budget of a job', '/dear', [], {}, 'over-job-budget', 6],
    ['more than the budget of a day', '/usdc', [], { perDay: '999' }, 'over-day-budget', 6],
    ['more than the budget of its key', '/usdc', [], { perKey: '999' }, 'over-key-budget', 6],
    ['a deposit above the most', '/channel', [], { maxDeposit: '999', firstDeposit: '1' }, 'over-deposit-budget', 6],
    ['a token the policy does not name', '/other', [], {}, 'asset-refused', 6],
    ['an answer that is too large', '/big', ['--max-bytes', '1000'], {}, 'response-too-large', 1],
    ['a redirect to another origin', '/elsewhere', [], {}, 'redirect-refused', 1],
    ['a URL that is none', 'http:', [], {}, 'url-invalid', 2],
    ['an unencrypted line to elsewhere', 'http://example.com/', [], {}, 'url-insecure', 2],
    ['nobody there', 'http://127.0.0.1:1/', [], {}, 'unreachable', 4],
  ])(
    'refuses %s',
    async (name, path, more, budget, code, exit) => {
      const home = await buyer(`refused-${name.replaceAll(' ', '-')}`, budget)
      const served = shop.served()
      const run = await fetchPaid(home, path, ...more)
      expect(errorOf(run)).toMatchObject({ code, expected: expect.any(String), got: expect.any(String) })
      expect(run.exit).toBe(exit)
      expect(shop.served()).toBe(served)
      expect(await world.usdcOf(home.owner.address as Address)).toBe(1_000_000n)
    },
    60_000,
  )

  test('hosts that the policy does not name are not asked', async () => {
    const home = await buyer('hosts', {}, ['api.example.com'])
    expect(errorOf(await fetchPaid(home, '/free'))).toMatchObject({ code: 'host-refused', expected: 'api.example.com' })
  }, 60_000)

  test('a redirect inside the origin is followed before the payment', async () => {
    const run = await fetchPaid(await buyer('moved'), '/moved')
    expect(paid(run)).toMatchObject({ url: `${shop.url}/usdc`, payment: { spent: '1000' } })
  }, 60_000)

  test('budgets hold over processes that pay at once', async () => {
    const home = await buyer('at-once', { perDay: '2000' })
    const runs = await Promise.all(Array.from({ length: 4 }, () => fetchPaid(home, '/usdc')))
    expect(runs.filter(({ exit }) => exit === 0)).toHaveLength(2)
    for (const run of runs.filter(({ exit }) => exit !== 0))
      expect(errorOf(run)).toMatchObject({ code: 'over-day-budget' })
    expect(await world.usdcOf(home.owner.address as Address)).toBe(998_000n)
  }, 120_000)

  test('what a killed process had sent counts as spent (R27)', async () => {
    const home = await buyer('killed', { perDay: '1500' })
    const silent = await startThief(world.network, { answers: false })
    try {
      const child = startOpg(['pay-fetch', silent.url, '--home', home.directory])
      const end = ended(child)
      await silent.paid
      child.kill('SIGKILL')
      await end
      expect(errorOf(await fetchPaid(home, '/usdc'))).toMatchObject({ code: 'over-day-budget' })
    } finally {
      await silent.stop()
    }
  }, 120_000)

  test('what a server took and did not settle stays set aside, until it cannot be used any more', async () => {
    const home = await buyer('held', { perDay: '1500' })
    const thief = await startThief(world.network)
    try {
      expect(errorOf(await fetchPaid(home, thief.url))).toMatchObject({
        code: 'payment-refused',
        got: expect.stringContaining('no, thanks'),
      })
      expect(errorOf(await fetchPaid(home, '/usdc'))).toMatchObject({ code: 'over-day-budget' })
      const { client } = world.chain.anvil
      const { timestamp } = await client.getBlock()
      await expect
        .poll(async () => (await client.getBlock({ blockTag: 'safe' })).timestamp > timestamp + 12n, {
          timeout: 60_000,
        })
        .toBe(true)
      expect(paid(await fetchPaid(home, '/usdc')).payment).toMatchObject({ spent: '1000' })
    } finally {
      await thief.stop()
    }
  }, 120_000)

  test('a server that shows the transaction of an earlier payment does not make a permit cost less', async () => {
    const home = await buyer('reshown')
    const approve = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [PERMIT2, maxUint256] })
    await world.homes.transact(home.owner, world.chain.network.contracts.opg, approve)
    const { transaction } = paid(await fetchPaid(home, '/upto')).payment ?? {}
    const thief = await startThief(world.network, { sells: '/upto', shows: `${transaction}` })
    try {
      const again = paid(await fetchPaid(home, thief.url)).payment
      expect(again).toMatchObject({ transaction, spent: `${OPG / 10n}` })
    } finally {
      await thief.stop()
    }
  }, 120_000)

  test('a voucher that a server refuses counts, for the server keeps it', async () => {
    const home = await buyer('refused', { perDay: '1500' })
    const thief = await startThief(world.network, { sells: '/channel' })
    try {
      expect(errorOf(await fetchPaid(home, thief.url))).toMatchObject({ code: 'payment-refused' })
      expect(errorOf(await fetchPaid(home, thief.url))).toMatchObject({ code: 'over-day-budget' })
    } finally {
      await thief.stop()
    }
  }, 120_000)
})

interface Thief {
  readonly url: string
  /** Resolves when somebody has paid. */
  readonly paid: Promise<void>
  stop(): Promise<void>
}

/**
 * Asks for USDC, or for what the shop asks on the path `sells`; keeps the payment, and says that it was not good enough, or
 * nothing at all, or that the transaction `shows` settled it.
 */
async function startThief(
  network: string,
  { answers = true, sells, shows }: { answers?: boolean; sells?: string; shows?: string } = {},
): Promise<Thief> {
  const taken = Promise.withResolvers<void>()
  const terms = {
    ...{ scheme: 'exact', network, amount: '1000', asset: DEVNET_USDC, payTo: PAY_TO, maxTimeoutSeconds: 10 },
    extra: { name: 'USDC', version: '2' },
  }
  const base64 = (object: object): string => Buffer.from(JSON.stringify(object)).toString('base64')
  const stolen = sells === undefined ? undefined : await fetch(`${shop.url}${sells}`)
  const asked = stolen?.headers.get('payment-required') ?? undefined
  const required = (error: string): string =>
    asked ?? base64({ x402Version: 2, error, resource: { url: 'http://127.0.0.1/' }, accepts: [terms] })
  const server: Server = createServer((request, response) => {
    const unpaid = request.headers['payment-signature'] === undefined
    if (!unpaid) taken.resolve()
    if (!unpaid && !answers) return
    if (!unpaid && shows !== undefined) {
      const settled = base64({ success: true, transaction: shows, network })
      response.writeHead(200, { 'PAYMENT-RESPONSE': settled }).end('a page')
      return
    }
    response.writeHead(402, { 'PAYMENT-REQUIRED': required(unpaid ? 'pay' : 'no, thanks') }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}/`,
    paid: taken.promise,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
