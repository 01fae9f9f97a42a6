import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { x402Client } from '@x402/core/client'
import { decodePaymentResponseHeader } from '@x402/core/http'
import type { SettleResponse } from '@x402/core/types'
import { appendPaymentIdentifierToExtensions, PAYMENT_IDENTIFIER } from '@x402/extensions/payment-identifier'
import { wrapFetchWithPayment } from '@x402/fetch'
import { createWalletClient, encodeFunctionData, erc20Abi, http, type LocalAccount, maxUint256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEVNET_USDC } from '../../devnet/stage.ts'
import { type Devnet, startDevnet } from '../../devnet/supervisor.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import { type Address, bytesToHex } from '../../src/protocol/index.ts'
import { type FacilitatorProxy, startFacilitatorProxy } from '../support/facilitatorProxy.ts'
import { configure, httpOf, payerOf, type Scheme, type ServerProcess, startServer } from '../support/gatewayProcess.ts'
import { opg, resultOf } from '../support/opg.ts'

const CLASSIFIER = fileURLToPath(new URL('../../devnet/models/classifier', import.meta.url))
const PERMIT2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'
const PAY_TO: Address = '0x00000000000000000000000000000000000beef1'
const SEED = 'x402'
/** USDC at a price at which a devnet job costs about a thousand of its units. */
const PER_OPG = 10n ** 9n

let directory: string
let devnet: Devnet
let facilitator: ServerProcess
let proxy: FacilitatorProxy
let gateway: ServerProcess
let client: LocalAccount

const network = (): `eip155:${number}` => `eip155:${devnet.network.chainId}`

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-x402-'))
  devnet = await startDevnet({ directory, seed: SEED, verifiers: 1, requesters: 2, models: [CLASSIFIER] })
  client = privateKeyToAccount(bytesToHex(devnetPrivateKey(SEED, 'requester-owner', 0)))
  await configure(devnet.requesterHome(1), { facilitator: { tokens: [DEVNET_USDC] } })
  facilitator = await startServer('facilitator', devnet.requesterHome(1))
  proxy = await startFacilitatorProxy(facilitator.url)
  const usdc = { asset: DEVNET_USDC, perOPG: PER_OPG.toString(), name: 'USDC', version: '2', marginPpm: 50_000 }
  await configure(devnet.requesterHome(0), {
    metrics: { port: 0 },
    gateway: {
      ...{ facilitator: proxy.url, payTo: PAY_TO, tier: 'replay', mode: 'local', withdrawDelay: 900 },
      accepts: [
        { ...usdc, scheme: 'exact' },
        { ...usdc, scheme: 'batch-settlement' },
        { asset: 'OPG', scheme: 'upto' },
      ],
      claimSeconds: 86_400,
    },
  })
  gateway = await startServer('gateway', devnet.requesterHome(0))
}, 300_000)

afterAll(async () => {
  await gateway?.stop('SIGKILL')
  await proxy?.stop()
  await facilitator?.stop('SIGKILL')
  await devnet?.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}, 120_000)

const infer = (): string => `${gateway.url}/v2/models/classifier/infer`

const body = (value: number): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    id: 'a picture',
    inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 8, 8], data: Array(64).fill(value) }],
  }),
})

const own = (): Address => client.address.toLowerCase() as Address

const balanceOf = (token: Address, owner: Address): Promise<bigint> =>
  devnet.anvil.client.readContract({ address: token, abi: erc20Abi, functionName: 'balanceOf', args: [owner] })

interface Paid {
  readonly status: number
  readonly json: { readonly [member: string]: unknown }
  readonly settlement: SettleResponse | undefined
}

async function read(response: Response): Promise<Paid> {
  const header = response.headers.get('payment-response')
  return {
    status: response.status,
    json: (await response.json()) as Paid['json'],
    settlement: header === null ? undefined : decodePaymentResponseHeader(header),
  }
}

const payer = (scheme: Scheme): x402Client => payerOf(client, devnet.anvil.client, network(), scheme)

const pay = async (from: x402Client, value: number): Promise<Paid> =>
  await read(await wrapFetchWithPayment(fetch, from)(infer(), body(value)))

/** An answer holds its receipt, and `opg receipt verify` says that it is good. */
async function expectProven({ status, json }: Paid): Promise<void> {
  expect([status, json.id, json.model_name]).toEqual([200, 'a picture', expect.stringContaining('classifier')])
  expect(json.outputs).toMatchObject([{ datatype: 'FP32', data: expect.any(Array) }])
  const { opg_receipt, opg_job_id } = json.parameters as { readonly opg_receipt: string; readonly opg_job_id: string }
  const path = join(directory, `${opg_job_id}.json`)
  await writeFile(path, opg_receipt)
  const verified = await opg(['receipt', 'verify', path, '--network', join(directory, 'network.json'), '--json'])
  expect(resultOf('receipt verify', verified)).toMatchObject({
    ok: true,
    jobId: opg_job_id,
    payment: expect.stringMatching(/^channel 0x[0-9a-f]{64}$/),
  })
}

/** The same header for as many requests as one likes. */
async function signed(from: x402Client, value: number): Promise<RequestInit> {
  const http = httpOf(from)
  const response = await fetch(infer(), body(value))
  expect(response.status).toBe(402)
  const required = http.getPaymentRequiredResponse((name) => response.headers.get(name), await response.json())
  const payload = await http.createPaymentPayload(required)
  const request = body(value)
  return { ...request, headers: { ...request.headers, ...http.encodePaymentSignatureHeader(payload) } }
}

/** The price of an option, as 402 says it. */
async function priceOf(scheme: Scheme): Promise<bigint> {
  const response = await fetch(infer(), body(0))
  const { accepts } = httpOf(payer(scheme)).getPaymentRequiredResponse((name) => response.headers.get(name), {})
  return BigInt(accepts.find((option) => option.scheme === scheme)?.amount ?? 0)
}

const jobOf = ({ json }: Paid): unknown => (json.parameters as { readonly opg_job_id?: string } | undefined)?.opg_job_id

/** Jobs that the gateway has sent to the network. */
const jobsSent = async (): Promise<number> =>
  (await readdir(devnet.requesterHome(0).receipts)).filter((name) => name.endsWith('.job.json')).length

describe('a stock x402 client buys an inference', { timeout: 180_000 }, () => {
  test('by exact, EIP-3009 in USDC: the price moves once, for one inference with its verified receipt', async () => {
    const price = await priceOf('exact')
    const [mine, theirs] = [await balanceOf(DEVNET_USDC, own()), await balanceOf(DEVNET_USDC, PAY_TO)]
    const paid = await pay(payer('exact'), 0.25)
    await expectProven(paid)
    expect(paid.settlement).toMatchObject({ success: true, network: network(), payer: client.address })
    expect(price).toBeGreaterThan(0n)
    expect(await balanceOf(DEVNET_USDC, PAY_TO)).toBe(theirs + price)
    expect(await balanceOf(DEVNET_USDC, own())).toBe(mine - price)
  })

  test('by upto, Permit2 in OPG: what the job cost moves, not what it might have', async () => {
    const { opg: token } = devnet.network.contracts
    const approve = { abi: erc20Abi, functionName: 'approve', args: [PERMIT2, maxUint256] } as const
    await send(token, encodeFunctionData(approve))
    const price = await priceOf('upto')
    const theirs = await balanceOf(token, PAY_TO)
    const paid = await pay(payer('upto'), 0.5)
    await expectProven(paid)
    const fee = BigInt((paid.json.parameters as { readonly opg_fee: string }).opg_fee)
    expect(BigInt(paid.settlement?.amount ?? 0)).toBe(fee)
    expect(fee).toBeLessThanOrEqual(price)
    expect(await balanceOf(token, PAY_TO)).toBe(theirs + fee)
  })

  test('by batch-settlement in USDC: one deposit, then vouchers; what was charged is claimed to the unit', async () => {
    const [mine, theirs] = [await balanceOf(DEVNET_USDC, own()), await balanceOf(DEVNET_USDC, PAY_TO)]
    const from = payer('batch-settlement')
    const paid: Paid[] = []
    for (const value of [0.1, 0.2, 0.3]) paid.push(await pay(from, value))
    for (const each of paid) await expectProven(each)
    expect(paid.map(({ settlement }) => settlement?.transaction === '')).toEqual([false, true, true])
    const deposited = mine - (await balanceOf(DEVNET_USDC, own()))
    expect(await balanceOf(DEVNET_USDC, PAY_TO)).toBe(theirs)
    const charged = paid.reduce((sum, { settlement }) => sum + BigInt(String(settlement?.extra?.chargedAmount)), 0n)
    expect(charged).toBeLessThan(deposited)
    expect([await gateway.stop(), gateway.log()]).toEqual([0, expect.stringContaining('claims swept')])
    expect(await balanceOf(DEVNET_USDC, PAY_TO)).toBe(theirs + charged)
    gateway = await startServer('gateway', devnet.requesterHome(0))
    await expectProven(await pay(from, 0.4))
  })
})

describe('a payment at the gateway', { timeout: 180_000 }, () => {
  test('with an identifier that was paid gets the stored answer, without being charged', async () => {
    const id = 'order_0123456789abcdef'
    const from = payer('exact').registerExtension({
      key: PAYMENT_IDENTIFIER,
      enrichPaymentPayload: async (payload, { extensions }) => ({
        ...payload,
        extensions: appendPaymentIdentifierToExtensions(structuredClone(extensions ?? {}), id),
      }),
    })
    const price = await priceOf('exact')
    const [mine, jobs] = [await balanceOf(DEVNET_USDC, own()), await jobsSent()]
    const first = await pay(from, 0.6)
    await expectProven(first)
    const second = await pay(from, 0.6)
    expect([second.status, jobOf(second), second.settlement]).toEqual([200, jobOf(first), first.settlement])
    expect(await balanceOf(DEVNET_USDC, own())).toBe(mine - price)
    expect(await jobsSent()).toBe(jobs + 1)
    expect(await pay(from, 0.7)).toMatchObject({ status: 409, json: { code: 'payment-identifier-used' } })
    expect(await balanceOf(DEVNET_USDC, own())).toBe(mine - price)
  })

  test('that is presented many times at once runs one job and moves once', async () => {
    const price = await priceOf('exact')
    const [mine, jobs] = [await balanceOf(DEVNET_USDC, own()), await jobsSent()]
    const request = await signed(payer('exact'), 0.8)
    const answers = await Promise.all(Array.from({ length: 5 }, async () => await read(await fetch(infer(), request))))
    expect(new Set(answers.map(jobOf)).size).toBe(1)
    for (const { status } of answers) expect(status).toBe(200)
    const other = { ...request, ...{ body: String(body(0.9).body) } }
    expect(await read(await fetch(infer(), other))).toMatchObject({ status: 409, json: { code: 'payment-used' } })
    expect(await jobsSent()).toBe(jobs + 1)
    expect(await balanceOf(DEVNET_USDC, own())).toBe(mine - price)
  })

  test.each(['lose-request', 'lose-answer'] as const)(
    'of a gateway killed between work and settlement (%s) gets the stored answer and moves once',
    async (loss) => {
      const price = await priceOf('exact')
      const [mine, jobs] = [await balanceOf(DEVNET_USDC, own()), await jobsSent()]
      const request = await signed(payer('exact'), 0.85)
      proxy.settle = loss
      const asked = proxy.nextSettlement()
      const lost = fetch(infer(), request).catch((thrown: unknown) => thrown)
      await asked
      await gateway.stop('SIGKILL')
      await lost
      proxy.settle = 'pass'
      gateway = await startServer('gateway', devnet.requesterHome(0))
      const paid = await read(await fetch(infer(), request))
      await expectProven(paid)
      expect(await read(await fetch(infer(), request))).toEqual(paid)
      expect(await jobsSent()).toBe(jobs + 1)
      expect(await balanceOf(DEVNET_USDC, own())).toBe(mine - price)
    },
  )

  test('whose work fails is not charged', async () => {
    const mine = await balanceOf(DEVNET_USDC, own())
    const request = await signed(payer('exact'), 0.95)
    const provider = devnet.nodes.find(({ name }) => name === 'provider-0')
    await provider?.kill()
    const failed = await read(await fetch(infer(), request))
    expect([502, 503, 504]).toContain(failed.status)
    expect(failed.settlement).toBeUndefined()
    expect(await balanceOf(DEVNET_USDC, own())).toBe(mine)
  })

  test('leaves no signature and no input in the log', () => {
    const log = gateway.log() + facilitator.log()
    expect(log).toContain('request paid')
    expect(log).not.toMatch(/"signature"|0x[0-9a-f]{130}|"image"|inputs/i)
  })
})

/** Sends a transaction of the client. */
async function send(to: Address, data: `0x${string}`): Promise<void> {
  const { client: chain, url } = devnet.anvil
  const wallet = createWalletClient({ account: client, transport: http(url) })
  const hash = await wallet.sendTransaction({ to, data, chain: null })
  await chain.waitForTransactionReceipt({ hash })
}
