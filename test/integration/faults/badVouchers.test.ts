import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type InferenceEngine, type LocalModel, onnxEngine } from '../../../src/inference/index.ts'
import {
  authorizedOf,
  type ChannelConfig,
  type ChannelDomain,
  channelIdOf,
  createChannelDomain,
  type Digest,
  H,
  PRIVACY,
  type RankedOffer,
  rankOffers,
  type Signer,
  STATUS,
  sliceOf,
  TIER,
  type Voucher,
  voucherDigest,
} from '../../../src/protocol/index.ts'
import { decode, type InferServerFrame } from '../../../src/wire/index.ts'
import { type FixedProvider, startBareHost, startFixedProvider } from '../../support/fixedChain.ts'
import { bitFlipped, CHANNEL_DOMAIN, configOf, DEPOSIT, payeeOf } from '../../support/paidProvider.ts'
import { openTalk, paidRequest, type Talk, X402 } from '../../support/scriptedPayer.ts'
import { SimulatedChannels } from '../../support/simulatedChannels.ts'
import { DOMAIN, signerOf } from '../../support/votes.ts'
import { tinyGraph, writeModel } from '../../unit/inference/fixtures.ts'
import { addressOf, eventually } from '../net/hosts.ts'

/** Four slices. */
const ROWS = 64
const operator = signerOf('provider')

let engine: InferenceEngine
let model: LocalModel
let directory: string
let provider: FixedProvider
let offer: RankedOffer
const chain = new SimulatedChannels(CHANNEL_DOMAIN)
const stops: (() => Promise<void>)[] = []
let payers = 0

async function startProvider(): Promise<void> {
  const terms = { payee: payeeOf(operator), float: 0n, minDeposit: 10n, tokenName: 'OPG', tokenVersion: '1' }
  const payments = { channels: chain, context: X402, terms }
  provider = await startFixedProvider({ engine, models: [model], storeAt: directory, perRequest: 0n, payments })
  const ask = { model: model.id, tier: TIER.replay, privacy: PRIVACY.open, maxOutputUnits: ROWS }
  await eventually(() => provider.offers.live().length === 1, 'an offer')
  const [ranked] = rankOffers(DOMAIN, provider.offers.live(), ask, () => ({ latencyMs: 0, reputation: 1 }))
  if (ranked === undefined) throw new Error('expected an offer')
  offer = ranked
}

beforeAll(async () => {
  engine = onnxEngine({ workers: 1 })({ clock: Date.now })
  await engine.start()
  model = await writeModel(tinyGraph, { maxBatch: ROWS })
  await engine.load(model)
  directory = await mkdtemp(join(tmpdir(), 'opg-vouchers-'))
  await startProvider()
})

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

afterAll(async () => {
  await provider?.stop()
  await engine?.stop()
  await rm(directory, { recursive: true, force: true })
})

interface Channel {
  readonly config: ChannelConfig
  readonly id: Digest
  /** Its key is its peer's. */
  readonly payer: Signer
  readonly talk: Talk
  sign(amount: bigint, signer?: Signer, domain?: ChannelDomain): Voucher
}

/** A payer of its own for every fault: some are held against it. */
async function configure(change: Partial<ChannelConfig> = {}): Promise<Channel> {
  payers += 1
  const payer = signerOf('payer', payers)
  const host = await startBareHost({ role: 'payer', index: payers })
  stops.push(() => host.stop())
  await host.connect(addressOf(provider.host))
  const config = configOf(operator, { payerAuthorizer: payer.address, ...change })
  const id = channelIdOf(CHANNEL_DOMAIN, config)
  const sign: Channel['sign'] = (amount, signer = payer, domain = CHANNEL_DOMAIN) => ({
    ...{ channel: id, amount },
    signature: signer.sign(voucherDigest(domain, { channel: id, amount })),
  })
  return { config, id, payer, sign, talk: await openTalk(host, provider.host) }
}

/** A channel with its deposit that the provider was shown, and a stream to it. */
async function opened(balance = DEPOSIT): Promise<Channel> {
  const channel = await configure()
  chain.set(channel.id, { balance, safeBalance: balance })
  const shown = await channel.talk.pay({ kind: 'voucher', config: channel.config, voucher: channel.sign(0n) })
  expect(shown.map(({ kind }) => kind)).toEqual(['settlement', 'ledger'])
  return channel
}

const slice = (): bigint => sliceOf(offer.terms, { maxFee: offer.ceiling, maxOutputUnits: ROWS })
const codeOf = (frames: readonly InferServerFrame[]): string => {
  const last = frames.at(-1)
  return last?.kind === 'refusal' ? last.value.code : `no refusal but ${last?.kind}`
}

/** What the provider has on disk of a channel: held, and charged; nobody loses more than a slice of it. */
async function booksOf({ id }: Pick<Channel, 'id'>): Promise<{ readonly held: bigint; readonly charged: bigint }> {
  const bytes = await provider.store.get('payeeChannels', [id])
  const read = bytes && decode('ChannelAccount', bytes)
  if (read?.ok !== true) return { held: 0n, charged: 0n }
  return { held: authorizedOf(read.value), charged: read.value.charged }
}

async function ask(channel: Channel, voucher: Voucher | undefined): Promise<InferServerFrame[]> {
  const { talk, id, payer } = channel
  const paid = voucher === undefined ? {} : { voucher }
  await talk.send({ kind: 'request', value: paidRequest(offer, payer, ROWS, { channel: id, ...paid }) })
  return await talk.until('ledger', 'refusal', 'end')
}

describe('a voucher that does not pay, with a job', () => {
  const faults: [string, string, (channel: Channel) => Voucher | undefined][] = [
    ['missing', 'payment-required', () => undefined],
    ['below the first slice', 'payment-required', ({ sign }) => sign(slice() - 1n)],
    ['of another channel', 'bad-voucher', (channel) => ({ ...channel.sign(slice()), channel: H('test/other') })],
    ['of another chain', 'bad-voucher', ({ sign }) => sign(slice(), undefined, otherChain)],
    ['of another contract', 'bad-voucher', ({ sign }) => sign(slice(), undefined, otherContract)],
    ['by another key', 'bad-voucher', ({ sign }) => sign(slice(), signerOf('thief'))],
    ['with one bit flipped', 'bad-voucher', ({ sign }) => bitFlipped(sign(slice()))],
    ['above the deposit', 'voucher-over-deposit', ({ sign }) => sign(DEPOSIT + 1n)],
  ]
  const otherChain = createChannelDomain(8_453, `0x${'40'.repeat(20)}`)
  const otherContract = createChannelDomain(31_337, `0x${'41'.repeat(20)}`)

  it.each(faults)('%s is refused with %s and nothing runs', async (_, code, voucherOf) => {
    const channel = await opened()
    const answered = await ask(channel, voucherOf(channel))
    const last = answered.at(-1)?.kind === 'ledger' ? await channel.talk.until('refusal') : answered
    expect(codeOf(last)).toBe(code)
    expect(answered.some(({ kind }) => kind === 'head')).toBe(false)
    const { held, charged } = await booksOf(channel)
    expect(charged).toBe(0n)
    expect(held <= slice()).toBe(true)
  })

  it('on a channel that was never shown is refused with unknown-channel', async () => {
    const channel = await configure()
    expect(codeOf(await ask(channel, channel.sign(slice())))).toBe('unknown-channel')
  })

  it('by a key that a withdrawal revoked is refused with channel-closing', async () => {
    const channel = await opened()
    chain.set(channel.id, { withdrawing: true })
    const answered = await ask(channel, channel.sign(slice()))
    const last = answered.at(-1)?.kind === 'ledger' ? await channel.talk.until('refusal') : answered
    expect(codeOf(last)).toBe('channel-closing')
  })
})

describe('a channel that does not pay this provider', () => {
  const faults: [string, string, Partial<ChannelConfig>][] = [
    ['another receiver', 'wrong-receiver', { receiver: signerOf('other').address }],
    ['another token', 'bad-channel', { token: `0x${'0c'.repeat(20)}` }],
    ['another authorizer of claims', 'bad-channel', { receiverAuthorizer: signerOf('other').address }],
    ['too short a delay', 'bad-channel', { withdrawDelay: 899 }],
  ]
  it.each(faults)('but names %s is refused with %s', async (_, code, change) => {
    const { config, sign, talk } = await configure(change)
    expect(codeOf(await talk.pay({ kind: 'voucher', config, voucher: sign(0n) }))).toBe(code)
  })

  it.each([
    ['rubbish', new TextEncoder().encode('{"x402Version":')],
    ['another version', new TextEncoder().encode('{"x402Version":1,"payload":{}}')],
    ['no JSON', Uint8Array.of(0xff, 0xfe, 0x00)],
  ])('in %s for x402 is refused with bad-frame, and the stream goes on', async (_, payload) => {
    const { config, sign, talk } = await configure()
    await talk.send({ kind: 'payment', value: { payload } })
    expect(codeOf(await talk.until('ledger', 'refusal'))).toBe('bad-frame')
    expect(codeOf(await talk.pay({ kind: 'voucher', config, voucher: sign(0n) }))).toBe('insufficient-funds')
  })
})

describe('inside a paid stream', () => {
  /** A job whose first slices are out and that waits for its next voucher. */
  async function streaming(): Promise<Channel & { readonly required: bigint }> {
    const channel = await opened()
    const call = (await ask(channel, channel.sign(slice()))).at(-1)
    if (call?.kind !== 'ledger') throw new Error(`expected a call for a voucher, got ${call?.kind}`)
    return { ...channel, required: call.value.required }
  }

  async function truncatedWithin(channel: Channel): Promise<void> {
    const ended = await channel.talk.until('end', 'refusal')
    const receipt = ended.find(({ kind }) => kind === 'receipt')
    if (receipt?.kind !== 'receipt') throw new Error(`expected a receipt, got ${codeOf(ended)}`)
    const { status, fee } = receipt.value.receipt.receipt
    expect(status).toBe(STATUS.truncated)
    const { held, charged } = await booksOf(channel)
    expect(charged).toBe(fee)
    expect(charged - held <= slice()).toBe(true)
  }

  it('a voucher with one bit flipped ends it, truncated within a slice', async () => {
    const channel = await streaming()
    await channel.talk.send({ kind: 'voucher', value: bitFlipped(channel.sign(channel.required)) })
    await truncatedWithin(channel)
  })

  it('a voucher above the deposit ends it, truncated within a slice', async () => {
    const channel = await streaming()
    await channel.talk.send({ kind: 'voucher', value: channel.sign(DEPOSIT + 1n) })
    await truncatedWithin(channel)
  })

  it('one that is replayed, or lower than the last, changes nothing and calls for the same again', async () => {
    const channel = await streaming()
    const before = await booksOf(channel)
    for (const amount of [slice(), slice() - 1n, 0n]) {
      await channel.talk.send({ kind: 'voucher', value: channel.sign(amount) })
      const answered = (await channel.talk.until('ledger')).at(-1)
      expect(answered).toMatchObject({ value: { authorized: slice(), required: channel.required } })
    }
    expect(await booksOf(channel)).toEqual(before)
  })

  it('a payer that sends none is cut off within a slice, with a truncated receipt', async () => {
    await truncatedWithin(await streaming())
  })

  it('a withdrawal ends it within a slice, and its key is revoked', async () => {
    const channel = await streaming()
    chain.set(channel.id, { withdrawing: true })
    await truncatedWithin(channel)
    await channel.talk.send({ kind: 'voucher', value: channel.sign(channel.required) })
    expect(codeOf(await channel.talk.until('ledger', 'refusal'))).toBe('channel-closing')
  })

  it('a deposit that a reorganisation takes away lets no new job begin', async () => {
    const channel = await streaming()
    chain.set(channel.id, { balance: 0n, safeBalance: 0n })
    await truncatedWithin(channel)
    const answered = await ask(channel, undefined)
    const last = answered.at(-1)?.kind === 'ledger' ? await channel.talk.until('refusal') : answered
    expect(codeOf(last)).toBe('insufficient-funds')
  })
})

describe('books that are older than what was signed (R27)', () => {
  it('a payer shown a higher voucher than its own learns it from the call for payment', async () => {
    const channel = await opened()
    await channel.talk.send({ kind: 'voucher', value: channel.sign(slice()) })
    await channel.talk.until('ledger')
    const shown = await channel.talk.pay({ kind: 'voucher', config: channel.config, voucher: channel.sign(0n) })
    expect(shown.at(-1)).toMatchObject({ kind: 'ledger', value: { authorized: slice() } })
  })

  it('a provider whose claims are above its charges catches up before it serves', async () => {
    const channel = await opened()
    chain.set(channel.id, { totalClaimed: 5n * slice() })
    await eventuallyBooks(channel, 5n * slice())
    expect(codeOf(await refusalOf(channel, channel.sign(slice())))).toBe('payment-required')
    const answered = await ask(channel, channel.sign(6n * slice()))
    expect(answered.map(({ kind }) => kind)).toContain('accepted')
  })

  async function refusalOf(channel: Channel, voucher: Voucher): Promise<InferServerFrame[]> {
    const answered = await ask(channel, voucher)
    return answered.at(-1)?.kind === 'ledger' ? await channel.talk.until('refusal') : answered
  }

  async function eventuallyBooks(channel: Channel, charged: bigint): Promise<void> {
    while ((await booksOf(channel)).charged < charged) await new Promise((resolve) => setTimeout(resolve, 20))
  }
})
