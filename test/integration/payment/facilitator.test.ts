import type { PaymentPayload, PaymentRequirements } from '@x402/core/types'
import { encodeFunctionData, erc20Abi, maxUint256 } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Address } from '../../../src/protocol/index.ts'
import {
  type FacilitatorWorld,
  facilitatorWorld,
  payFor,
  type RunningFacilitator,
  stockClient,
  usdcTerms,
} from '../../support/facilitatorWorld.ts'

const PERMIT2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'
let merchants = 0
/** A fresh receiver, so that balances tell what was moved. */
const merchant = (): Address => `0x${(0xbeef0000 + ++merchants).toString(16).padStart(40, '0')}`

let world: FacilitatorWorld
let facilitator: RunningFacilitator

beforeAll(async () => {
  world = await facilitatorWorld()
  facilitator = await world.start()
}, 120_000)

afterAll(async () => await world?.stop())

const pay = (terms: PaymentRequirements, url?: string): Promise<PaymentPayload> =>
  payFor(stockClient(world, world.payer), terms, url)

type Answer = { readonly [name: string]: unknown }

async function post(
  path: string,
  payload: unknown,
  requirements: unknown,
): Promise<{ readonly status: number; readonly body: Answer; readonly headers: Headers }> {
  const response = await fetch(`${facilitator.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ x402Version: 2, paymentPayload: payload, paymentRequirements: requirements }),
  })
  return { status: response.status, body: (await response.json()) as Answer, headers: response.headers }
}

describe('opg facilitator', () => {
  test('says what it serves: three schemes on the network of its home, and who signs', async () => {
    const supported = await facilitator.client.getSupported()
    expect(supported.kinds.map(({ scheme, network }) => [scheme, network])).toEqual(
      ['exact', 'upto', 'batch-settlement'].map((scheme) => [scheme, world.network]),
    )
    expect(supported.signers['eip155:*']).toEqual([world.home.operator.address])
    expect(supported.extensions).toEqual(['eip2612GasSponsoring'])
  })

  test('verifies and settles exact by EIP-3009; the payer needs no gas', async () => {
    const payTo = merchant()
    const terms = usdcTerms(world.network, payTo)
    const payload = await pay(terms)
    expect(await facilitator.client.verify(payload, terms)).toMatchObject({ isValid: true, payer: world.payer.address })
    expect(await world.usdcOf(payTo)).toBe(0n)
    const settled = await facilitator.client.settle(payload, terms)
    expect(settled).toMatchObject({ success: true, network: world.network, payer: world.payer.address })
    expect(await world.usdcOf(payTo)).toBe(1_000n)
  }, 60_000)

  test('the same payment settled again, at once or later, moves money once and has one answer', async () => {
    const payTo = merchant()
    const terms = usdcTerms(world.network, payTo)
    const payload = await pay(terms)
    const answers = await Promise.all(Array.from({ length: 5 }, () => post('/settle', payload, terms)))
    answers.push(await post('/settle', payload, terms))
    const [first] = answers
    expect(first?.body).toMatchObject({ success: true })
    for (const { body } of answers) expect(body).toEqual(first?.body)
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(5)
    expect(await world.usdcOf(payTo)).toBe(1_000n)
  }, 60_000)

  test('the same authorization for another resource is a conflict, not another answer', async () => {
    const payTo = merchant()
    const terms = usdcTerms(world.network, payTo)
    const payload = await pay(terms)
    await facilitator.client.settle(payload, terms)
    const again = await post('/settle', { ...payload, resource: { url: 'http://example.com/other' } }, terms)
    expect(again.body).toMatchObject({
      success: false,
      errorReason: 'payment_conflict',
      error: { code: 'payment-conflict' },
    })
    expect(await world.usdcOf(payTo)).toBe(1_000n)
  }, 60_000)

  test('settles upto by Permit2 for what was used of what was permitted', async () => {
    const payTo = merchant()
    const approve = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [PERMIT2, maxUint256] })
    await world.homes.transact(world.payer, world.chain.network.contracts.opg, approve)
    const { kinds } = await facilitator.client.getSupported()
    const extra = kinds.find(({ scheme }) => scheme === 'upto')?.extra ?? {}
    const asset = world.chain.network.contracts.opg
    const terms = usdcTerms(world.network, payTo, { scheme: 'upto', asset, amount: '5000', extra })
    const payload = await pay(terms)
    expect(await facilitator.client.verify(payload, terms)).toEqual({ isValid: true, payer: world.payer.address })
    const settled = await facilitator.client.settle(payload, { ...terms, amount: '1234' })
    expect(settled).toMatchObject({ success: true, amount: '1234' })
    const balance = await world.chain.anvil.client.readContract({
      ...{ address: asset, abi: erc20Abi, functionName: 'balanceOf', args: [payTo] },
    } as const)
    expect(balance).toBe(1_234n)
    const more = await post('/settle', payload, { ...terms, amount: '2000' })
    expect(more.body).toMatchObject({ success: false, error: { code: 'payment-conflict' } })
  }, 60_000)

  test('opens a channel of batch-settlement with the payer’s first voucher', async () => {
    const payTo = merchant()
    const extra = { name: 'USDC', version: '2', receiverAuthorizer: world.home.operator.address, withdrawDelay: 900 }
    const terms = usdcTerms(world.network, payTo, { scheme: 'batch-settlement', extra })
    const payload = await pay(terms)
    expect(await facilitator.client.verify(payload, terms)).toMatchObject({ isValid: true })
    const settled = await facilitator.client.settle(payload, terms)
    expect(settled).toMatchObject({ success: true, amount: '3000', extra: { channelState: { balance: '3000' } } })
    expect(await facilitator.client.settle(payload, terms)).toMatchObject({ transaction: settled.transaction })
  }, 60_000)

  test.each([
    ['a signature that is another’s', { spoil: 'signature' }, 'invalid_exact_evm_signature'],
    ['an amount that was changed', { amount: '999' }, 'invalid_exact_evm_payload_authorization_value_mismatch'],
    [
      'an authorization that has expired',
      { maxTimeoutSeconds: 1 },
      'invalid_exact_evm_payload_authorization_valid_before',
    ],
  ])(
    'refuses %s',
    async (_, { spoil, ...changes }: { spoil?: string; amount?: string; maxTimeoutSeconds?: number }, reason) => {
      const payTo = merchant()
      const terms = usdcTerms(world.network, payTo, { maxTimeoutSeconds: changes.maxTimeoutSeconds ?? 300 })
      const payload = await pay(terms)
      if (spoil !== undefined) {
        const other = await pay(usdcTerms(world.network, payTo, { amount: '7' }))
        ;(payload.payload as Record<string, unknown>).signature = other.payload.signature
      }
      const asked = { ...terms, amount: changes.amount ?? terms.amount }
      const verified = await post('/verify', payload, asked)
      expect([verified.status, verified.body.isValid, verified.body.invalidReason]).toEqual([200, false, reason])
      const settled = await post('/settle', payload, asked)
      expect([settled.body.success, settled.body.errorReason, settled.body.transaction]).toEqual([false, reason, ''])
      expect(await world.usdcOf(payTo)).toBe(0n)
    },
    60_000,
  )

  test.each([
    ['another network', { network: 'eip155:1' }, 'network-unsupported', 'invalid_network'],
    ['another token', { asset: `0x${'77'.repeat(20)}` }, 'asset-unsupported', 'invalid_payment_requirements'],
    ['another scheme', { scheme: 'deferred' }, 'scheme-unsupported', 'unsupported_scheme'],
    [
      'another receiver than the payer accepted',
      { payTo: `0x${'78'.repeat(20)}` },
      'requirements-differ',
      'invalid_payment_requirements',
    ],
  ])('refuses %s with what it expected and what came', async (_, changes, code, reason) => {
    const terms = usdcTerms(world.network, merchant())
    const payload = await pay(terms)
    for (const path of ['/verify', '/settle']) {
      const { status, body } = await post(path, payload, { ...terms, ...changes })
      expect(status).toBe(200)
      expect(body.error).toMatchObject({ code, expected: expect.any(String), got: expect.any(String) })
      expect(body.invalidReason ?? body.errorReason).toBe(reason)
    }
  })

  test.each([
    ['a body that is too large', '"'.padEnd(300_000, 'x'), 'application/json', 413, 'body-too-large'],
    ['what is not JSON', 'nonsense', 'application/json', 400, 'json-invalid'],
    ['another media type', '{}', 'text/plain', 415, 'media-type-unsupported'],
    ['an empty object', '{}', 'application/json', 400, 'payment-malformed'],
    [
      'what is nested without end',
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
      'application/json',
      400,
      'payment-malformed',
    ],
  ])('refuses %s', async (_, body, type, status, code) => {
    const response = await fetch(`${facilitator.url}/settle`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ success: false, error: { code } })
  })

  test('has health and metrics, and no signature or payload in its log', async () => {
    const terms = usdcTerms(world.network, merchant())
    const payload = await pay(terms)
    await facilitator.client.settle(payload, terms)
    expect((await fetch(`${facilitator.url}/healthz`)).status).toBe(200)
    const metrics = await (await fetch(`${facilitator.url}/metrics`)).text()
    expect(metrics).toMatch(/opg_facilitator_answers_total\{path="settle",result="ok"\} [1-9]/)
    const { signature } = payload.payload as { signature: string }
    expect(facilitator.log()).toContain('answered')
    expect(facilitator.log()).not.toContain(signature.slice(2, 40))
  }, 60_000)
})

describe('a settlement that is not answered at once', () => {
  test('is pending with its transaction, and the same request finds it once it is mined', async () => {
    const own = await restart({ settleSeconds: 2 })
    const payTo = merchant()
    const terms = usdcTerms(world.network, payTo)
    const payload = await pay(terms)
    await world.mining(false)
    const pending = await own.client.settle(payload, terms).finally(() => world.mining(true))
    expect(pending).toMatchObject({ success: false, errorReason: 'settlement_pending' })
    expect(pending.transaction).toMatch(/^0x[0-9a-f]{64}$/)
    await expect
      .poll(() => own.client.settle(payload, terms), { timeout: 60_000 })
      .toMatchObject({ success: true, transaction: pending.transaction })
    expect(await world.usdcOf(payTo)).toBe(1_000n)
  }, 120_000)

  test.each([
    ['that the chain has heard of', false],
    ['that never left', true],
  ])(
    'by a process killed after it kept a transaction %s is the same transaction afterwards (R27)',
    async (_, drop) => {
      const { client } = world.chain.anvil
      const own = await restart({})
      const payTo = merchant()
      const terms = usdcTerms(world.network, payTo)
      const payload = await pay(terms)
      await world.mining(false)
      const lost = own.client.settle(payload, terms).then(
        () => 'answered',
        () => 'lost',
      )
      const hash = await pooled()
      await own.stop('SIGKILL')
      expect(await lost).toBe('lost')
      if (drop) await client.dropTransaction({ hash })
      const again = await restart({})
      await world.mining(true)
      expect(await again.client.settle(payload, terms)).toMatchObject({ success: true, transaction: hash })
      expect(await again.client.settle(payload, terms)).toMatchObject({ success: true, transaction: hash })
      expect(await world.usdcOf(payTo)).toBe(1_000n)
    },
    180_000,
  )

  test('whose nonce another transaction took is sent anew, and still moves money once', async () => {
    const { client } = world.chain.anvil
    const own = await restart({ settleSeconds: 2 })
    const payTo = merchant()
    const terms = usdcTerms(world.network, payTo)
    const payload = await pay(terms)
    await world.mining(false)
    const lost = own.client.settle(payload, terms).catch(() => undefined)
    const hash = await pooled()
    await own.stop('SIGKILL')
    await lost
    const { nonce } = await client.getTransaction({ hash })
    await client.dropTransaction({ hash })
    await client.sendTransaction({ account: world.home.operator, to: payTo, value: 0n, nonce })
    await client.mine({ blocks: 1 })
    await world.mining(true)
    const again = await restart({})
    await expect.poll(() => again.client.settle(payload, terms), { timeout: 60_000 }).toMatchObject({ success: true })
    const settled = await again.client.settle(payload, terms)
    expect(settled.transaction).not.toBe(hash)
    expect(await world.usdcOf(payTo)).toBe(1_000n)
  }, 180_000)
})

async function restart(settings: { readonly settleSeconds?: number }): Promise<RunningFacilitator> {
  await facilitator.stop('SIGTERM')
  facilitator = await world.start(settings)
  return facilitator
}

/** The one transaction of the facilitator that waits for a block. */
async function pooled(): Promise<`0x${string}`> {
  const sender = world.home.operator.address
  const waiting = async (): Promise<`0x${string}` | undefined> => {
    const { pending } = await world.chain.anvil.client.getTxpoolContent()
    return Object.values(pending[sender] ?? pending[sender.toLowerCase() as Address] ?? {})[0]?.hash
  }
  await expect.poll(waiting, { timeout: 60_000 }).toBeDefined()
  return (await waiting()) as `0x${string}`
}
