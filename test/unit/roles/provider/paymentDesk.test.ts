import { describe, expect, it } from 'vitest'
import { devnetPrivateKey } from '../../../../src/node/devnetKeys.ts'
import {
  type ChannelPayment,
  formatPayment,
  parsePaymentRequired,
  type X402Context,
} from '../../../../src/payment/index.ts'
import {
  type ChannelFunds,
  type Digest,
  fail,
  type ProviderEffect,
  type ProviderReply,
  peerIdFromPublicKey,
  type StoredChannel,
  type Voucher,
} from '../../../../src/protocol/index.ts'
import { ChannelBook } from '../../../../src/roles/provider/channelBook.ts'
import { PaymentDesk } from '../../../../src/roles/provider/paymentDesk.ts'
import { CHANNEL_DOMAIN, DEPOSIT, PaidProvider, payeeOf, signVoucher } from '../../../support/paidProvider.ts'
import { entriesOf, NOW } from '../../../support/protocolWorld.ts'
import { SimulatedChannels } from '../../../support/simulatedChannels.ts'
import { crypto, signerOf } from '../../../support/votes.ts'

const CONTEXT: X402Context = {
  network: 'eip155:31337',
  domain: CHANNEL_DOMAIN,
  permit2: `0x${'51'.repeat(20)}`,
  permit2Collector: `0x${'50'.repeat(20)}`,
}
const MIN_DEPOSIT = 1_000n
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const peerOf = (role: string): string => {
  const key = crypto.publicKey(devnetPrivateKey('test', role, 0))
  if (key === undefined) throw new Error('no key')
  return peerIdFromPublicKey(key)
}
const OWNER = peerOf('requester')

/** As the class it extends; questions to it can be held up or go unanswered. */
class SlowChannels extends SimulatedChannels {
  /** Of the questions for funds, from 1. */
  unanswered = 0
  asked = 0
  meanwhile: (() => void) | undefined

  override async watch(channel: Digest) {
    this.unanswered -= 1
    if (this.unanswered === 0) {
      return fail({ code: 'chain-unreachable', expected: 'a chain that answers', got: 'none' } as const) as never
    }
    return await super.watch(channel)
  }

  override async standing(channel: Digest) {
    this.asked += 1
    const standing = await super.standing(channel)
    this.meanwhile?.()
    return standing
  }
}

/** A desk before a provider's machine and its books; `stored` is what a restart would find. */
function deskOf(provider = new PaidProvider()) {
  const { books, config, channel } = provider
  const chain = new SlowChannels(CHANNEL_DOMAIN)
  const stored = new Map<Digest, StoredChannel>()
  const replies: ProviderReply[] = []
  let now = NOW
  const carry = (effects: readonly ProviderEffect[]): void => {
    for (const { account } of entriesOf(effects, 'channel-account')) stored.set(account.id, { account, jobs: [] })
    for (const effect of effects) if (effect.type === 'reply') replies.push(effect.reply)
  }
  const book = new ChannelBook({
    channels: chain,
    find: async (id) => stored.get(id),
    logger,
    backend: {
      has: (id) => books.has(id),
      load: (loaded, funds) => carry(provider.handle({ type: 'channel-loaded', channel: loaded, funds })),
      unload: (id) => provider.handle({ type: 'channel-unloaded', channel: id }).length === 0,
      funds: (id, funds: ChannelFunds) => carry(provider.handle({ type: 'funds', now, channel: id, funds })),
    },
  })
  book.start([])
  const payee = payeeOf(signerOf('provider'))
  const desk = new PaymentDesk(
    { channels: chain, context: CONTEXT, crypto, clock: () => now },
    { payee, minDeposit: MIN_DEPOSIT, tokenName: 'OPG', tokenVersion: '1' },
    {
      books,
      book,
      handle: (event) => provider.handle(event),
      carryOut: async (effects) => carry(effects),
      reply: (_, reply) => void replies.push(reply),
    },
  )
  const accepted = {
    ...{ scheme: 'batch-settlement', network: CONTEXT.network, asset: config.token, amount: '1' },
    ...{ payTo: config.receiver, maxTimeoutSeconds: 60 },
    extra: { receiverAuthorizer: config.receiverAuthorizer, withdrawDelay: 900, name: 'OPG', version: '1' },
  }
  const say = async (payment: ChannelPayment, peer = OWNER): Promise<readonly ProviderReply[]> => {
    replies.length = 0
    await desk.take(1, peer, formatPayment(payment, { accepted, context: CONTEXT }))
    return [...replies]
  }
  let salts = 0
  return {
    ...{ provider, chain, stored, channel, config, say },
    later: (ms: number) => {
      now += ms
    },
    show: (amount: bigint, peer = OWNER, voucher: Voucher = signVoucher(channel, amount)) =>
      say({ kind: 'voucher', config, voucher }, peer),
    refund: (amount?: bigint) =>
      say({ kind: 'refund', config, voucher: signVoucher(channel, 0n), ...(amount === undefined ? {} : { amount }) }),
    deposit: (amount: bigint, change: Partial<typeof config> = {}) => {
      salts += 1
      const salt = `0x${salts.toString(16).padStart(64, '0')}` as const
      const validBefore = BigInt(Math.floor(now / 1_000) + 600)
      const signature = `0x${'11'.repeat(65)}` as const
      const authorization = { method: 'eip3009', validAfter: 0n, validBefore, salt, signature } as const
      const voucher = signVoucher(channel, 0n)
      return say({ kind: 'deposit', config: { ...config, ...change }, voucher, amount, authorization })
    },
  }
}

const codeOf = (replies: readonly ProviderReply[]): string | undefined =>
  replies.flatMap((reply) => (reply.type === 'refusal' ? [reply.code] : []))[0]
const kindsOf = (replies: readonly ProviderReply[]): string[] => replies.map(({ type }) => type)

describe('a requester that shows its channel while the chain does not answer', () => {
  it.each([1, 2, 3])(
    'gets no new books over the stored ones: question %i stays unanswered (R27)',
    async (unanswered) => {
      const desk = deskOf()
      const account = { id: desk.channel, config: desk.config, charged: 400n, receipted: 400n, closing: false }
      desk.stored.set(desk.channel, { account, jobs: [] })
      desk.chain.set(desk.channel, { balance: DEPOSIT, safeBalance: DEPOSIT })
      desk.chain.unanswered = unanswered
      await desk.show(500n)
      expect(desk.stored.get(desk.channel)?.account.charged).toBe(400n)
      await desk.show(500n)
      expect(desk.provider.books.account(desk.channel)?.charged).toBe(400n)
    },
  )
})

describe('a requester that withdraws while it shows its channel', () => {
  it('is not served on what the chain said before (R25)', async () => {
    const desk = deskOf()
    desk.chain.set(desk.channel, { balance: DEPOSIT, safeBalance: DEPOSIT })
    desk.chain.meanwhile = () => desk.chain.set(desk.channel, { withdrawing: true })
    await desk.show(500n)
    expect(desk.provider.books.account(desk.channel)?.closing).toBe(true)
  })
})

describe('a stranger with the configuration and a voucher of another (R23)', () => {
  it('is told nothing of its books, and the chain is not asked', async () => {
    const desk = deskOf()
    desk.chain.set(desk.channel, { balance: DEPOSIT, safeBalance: DEPOSIT })
    await desk.show(500n)
    const asked = desk.chain.asked
    const [required, refusal] = await desk.show(400n, peerOf('stranger'))
    expect(refusal).toMatchObject({ type: 'refusal', code: 'not-entitled' })
    if (required?.type !== 'payment-required') throw new Error('expected a call for payment')
    const parsed = parsePaymentRequired(required.required, CONTEXT)
    expect(parsed.ok && (parsed.value.voucher ?? parsed.value.standing)).toBeUndefined()
    expect(desk.chain.asked).toBe(asked)
  })
})

describe('a requester that makes the provider pay gas', () => {
  it('gets no refund of less than a deposit may be, but all that is left', async () => {
    const desk = deskOf()
    desk.chain.set(desk.channel, { balance: DEPOSIT, safeBalance: DEPOSIT })
    await desk.show(0n)
    expect(codeOf(await desk.refund(1n))).toBe('insufficient-funds')
    expect(codeOf(await desk.refund(DEPOSIT - 10n))).toBeUndefined()
    expect(codeOf(await desk.refund(10n))).toBeUndefined()
    expect(desk.chain.fundsOf(desk.channel).balance).toBe(0n)
  })

  it('is stopped after so many deposits and refunds in an hour, and goes on later', async () => {
    const desk = deskOf()
    let brought = 0
    for (; codeOf(await desk.deposit(MIN_DEPOSIT)) === undefined; brought += 2) {
      if (brought > 1_000) throw new Error('no end')
      expect([undefined, 'busy']).toContain(codeOf(await desk.refund()))
    }
    expect(brought).toBeGreaterThan(200)
    expect(codeOf(await desk.deposit(MIN_DEPOSIT))).toBe('busy')
    expect(kindsOf(await desk.show(0n))).not.toContain('settlement')
    desk.later(60_000)
    expect(codeOf(await desk.deposit(MIN_DEPOSIT))).toBeUndefined()
  })

  it('gets no refund of a deposit that may still be reorganised away, beyond the float (R24)', async () => {
    const desk = deskOf(new PaidProvider({ float: 5n }))
    desk.chain.set(desk.channel, { balance: DEPOSIT, safeBalance: 2_000n })
    await desk.show(0n)
    expect(codeOf(await desk.refund(2_006n))).toBe('insufficient-funds')
    expect(codeOf(await desk.refund(2_005n))).toBeUndefined()
  })
})
