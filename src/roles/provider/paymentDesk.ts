import type {
  ChannelPayment,
  ChannelStanding,
  PayeeChannels,
  PaymentRequired,
  X402Context,
  X402Problem,
} from '../../payment/index.ts'
import { formatPaymentRequired, formatSettlement, parsePayment } from '../../payment/index.ts'
import {
  addressFromPeerId,
  authorizedOf,
  type ChannelConfig,
  type ChannelFunds,
  type Clock,
  type Digest,
  dropOldest,
  type Payee,
  type ProviderEffect,
  type ProviderEvent,
  type ProviderMachine,
  type ProviderReply,
  type RefusalCode,
  type Secp256k1,
  type StreamId,
  type Voucher,
  voucherDigest,
} from '../../protocol/index.ts'
import type { ChannelBook } from './channelBook.ts'

export interface PaymentDeskComponents {
  readonly channels: PayeeChannels
  readonly context: X402Context
  readonly crypto: Secp256k1
  readonly clock: Clock
}

export interface PaymentDeskInit {
  readonly payee: Payee
  /** Wei of the token. */
  readonly minDeposit: bigint
  /** EIP-712 domain of the token. */
  readonly tokenName: string
  readonly tokenVersion: string
}

/** What the desk needs of the role behind it. */
export interface PaymentDeskBackend {
  readonly books: NonNullable<ProviderMachine['books']>
  readonly book: ChannelBook
  handle(event: ProviderEvent): ProviderEffect[]
  carryOut(effects: readonly ProviderEffect[]): Promise<void>
  reply(stream: StreamId, reply: ProviderReply): void
}

interface Problem {
  readonly code: RefusalCode
  readonly expected: string
  readonly got: string
}

/** Deposits and refunds on their way to the chain at once, of all peers and of one. */
const MAX_PENDING = 16
const MAX_PENDING_PER_PEER = 2
/** Channels one peer may show in the life of this process; peers that are remembered for it. */
const MAX_CHANNELS_PER_PEER = 32
const MAX_PEERS = 4_096
/** An authorization must be good for so long still, s. */
const LEAST_VALIDITY = 15n
const MAX_AMOUNT = 2n ** 128n - 1n

/** Takes x402 payments on a stream (R23): a channel shown, a deposit, a refund. Cheap checks before any transaction. */
export class PaymentDesk {
  readonly #c: PaymentDeskComponents
  readonly #init: PaymentDeskInit
  readonly #backend: PaymentDeskBackend
  readonly #pending = new Map<string, number>()
  readonly #shown = new Map<string, Set<Digest>>()

  constructor(components: PaymentDeskComponents, init: PaymentDeskInit, backend: PaymentDeskBackend) {
    this.#c = components
    this.#init = init
    this.#backend = backend
  }

  async take(stream: StreamId, peer: string, payload: Uint8Array): Promise<void> {
    const parsed = parsePayment(payload, this.#c.context)
    if (!parsed.ok) return await this.#refuse(stream, problemOf(parsed.error), undefined)
    const payment = parsed.value
    const problem = await this.#settle(stream, peer, payment)
    if (problem !== undefined) await this.#refuse(stream, problem, payment.voucher.channel)
  }

  #settle(stream: StreamId, peer: string, payment: ChannelPayment): Promise<Problem | undefined> {
    const problem = this.#checkShown(peer, payment)
    if (problem !== undefined) return Promise.resolve(problem)
    switch (payment.kind) {
      case 'voucher':
        return this.#show(stream, payment)
      case 'deposit':
        return this.#onChain(peer, () => this.#deposit(stream, payment))
      case 'refund':
        return this.#onChain(peer, () => this.#refund(stream, peer, payment))
    }
  }

  /** R23: the channel names us, its own key signed the voucher, and its peer has not shown too many. */
  #checkShown(peer: string, { config, voucher }: ChannelPayment): Problem | undefined {
    const checked = this.#backend.books.check(config)
    if (!checked.ok) return checked.error
    const shown = this.#shown.get(peer) ?? new Set()
    if (!shown.has(voucher.channel) && shown.size >= MAX_CHANNELS_PER_PEER)
      return { code: 'too-much', expected: `at most ${MAX_CHANNELS_PER_PEER} channels of a peer`, got: 'another' }
    const signer = this.#c.crypto.recover(voucherDigest(this.#c.context.domain, voucher), voucher.signature)
    if (signer !== config.payerAuthorizer)
      return { code: 'bad-voucher', expected: `the signature of ${config.payerAuthorizer}`, got: signer ?? 'no signer' }
    this.#shown.delete(peer)
    this.#shown.set(peer, shown.add(voucher.channel))
    dropOldest(this.#shown, MAX_PEERS)
    return undefined
  }

  async #show(
    stream: StreamId,
    { config, voucher }: Extract<ChannelPayment, { kind: 'voucher' }>,
  ): Promise<Problem | undefined> {
    await this.#backend.book.ensure(voucher.channel)
    const funds = await this.#c.channels.watch(voucher.channel)
    if (!funds.ok) return chainProblem(funds.error)
    if (funds.value.balance === 0n)
      return { code: 'insufficient-funds', expected: `a deposit of at least ${this.#init.minDeposit}`, got: 'none' }
    await this.#open(stream, { config, voucher, funds: funds.value })
    return undefined
  }

  async #deposit(
    stream: StreamId,
    payment: Extract<ChannelPayment, { kind: 'deposit' }>,
  ): Promise<Problem | undefined> {
    const problem = this.#checkDeposit(payment)
    if (problem !== undefined) return problem
    const { config, voucher, amount } = payment
    await this.#backend.book.ensure(voucher.channel)
    const deposited = await this.#c.channels.deposit(payment)
    if (!deposited.ok) return chainProblem(deposited.error)
    const { transaction, funds } = deposited.value
    await this.#open(stream, { config, voucher, funds, transaction, amount })
    return undefined
  }

  /** Before gas is spent: the bounds of the amount, and the times in which the payer's word holds. */
  #checkDeposit({ amount, authorization }: Extract<ChannelPayment, { kind: 'deposit' }>): Problem | undefined {
    const { minDeposit } = this.#init
    if (amount < minDeposit || amount > MAX_AMOUNT)
      return { code: 'deposit-failed', expected: `an amount of at least ${minDeposit}`, got: `${amount}` }
    const now = BigInt(Math.floor(this.#c.clock() / 1_000))
    const ends = authorization.method === 'eip3009' ? authorization.validBefore : authorization.deadline
    if (ends < now + LEAST_VALIDITY)
      return { code: 'deposit-failed', expected: `an authorization past ${now + LEAST_VALIDITY}`, got: `${ends}` }
    if (authorization.method === 'eip3009' && authorization.validAfter >= now)
      return { code: 'deposit-failed', expected: `one valid after at most ${now}`, got: `${authorization.validAfter}` }
    return undefined
  }

  /** Cooperative: what is neither charged nor reserved, to who holds the channel's key alone. */
  async #refund(
    stream: StreamId,
    peer: string,
    { config, voucher, amount }: Extract<ChannelPayment, { kind: 'refund' }>,
  ): Promise<Problem | undefined> {
    const { books, book, handle, carryOut } = this.#backend
    const { channel } = voucher
    if (addressFromPeerId(peer, this.#c.crypto) !== config.payerAuthorizer)
      return { code: 'not-entitled', expected: `the peer of ${config.payerAuthorizer}`, got: peer }
    if (!(await book.ensure(channel)))
      return { code: 'unknown-channel', expected: 'a channel that was shown', got: channel }
    const free = books.refundable(channel)
    const asked = amount ?? free
    if (asked === 0n || asked > free)
      return {
        code: 'insufficient-funds',
        expected: `at most ${free} that is neither charged nor reserved`,
        got: `${asked}`,
      }
    handle({ type: 'refunding', channel, amount: asked })
    const refunded = await this.#c.channels.refund(config, asked)
    const funds = refunded.ok ? refunded.value.funds : undefined
    await carryOut(handle({ type: 'refund-ended', channel, amount: asked, ...(funds === undefined ? {} : { funds }) }))
    if (!refunded.ok) return chainProblem(refunded.error)
    await this.#answer(stream, config, channel, { transaction: refunded.value.transaction, amount: asked })
    return undefined
  }

  async #open(
    stream: StreamId,
    shown: {
      readonly config: ChannelConfig
      readonly voucher: Voucher
      readonly funds: ChannelFunds
      readonly transaction?: Digest
      readonly amount?: bigint
    },
  ): Promise<void> {
    const { config, voucher, funds, ...sent } = shown
    const { handle, carryOut, book } = this.#backend
    const standing = await this.#standing(voucher.channel)
    const effects = handle({ type: 'channel-shown', now: this.#c.clock(), stream, config, voucher, funds })
    book.noteShown(voucher.channel)
    const isRefused = effects.some((effect) => effect.type === 'reply' && effect.reply.type === 'refusal')
    const settled: ProviderEffect = {
      type: 'reply',
      stream,
      reply: { type: 'settlement', settlement: this.#settlement(config, voucher.channel, sent, standing) },
    }
    const isReply = ({ type }: ProviderEffect): boolean => type === 'reply'
    await carryOut(isRefused ? effects : effects.flatMap((effect) => (isReply(effect) ? [settled, effect] : [effect])))
  }

  async #answer(stream: StreamId, config: ChannelConfig, channel: Digest, sent: Sent): Promise<void> {
    const standing = await this.#standing(channel)
    const account = this.#backend.books.account(channel)
    if (account === undefined) return
    const authorized = authorizedOf(account)
    this.#backend.reply(stream, { type: 'settlement', settlement: this.#settlement(config, channel, sent, standing) })
    this.#backend.reply(stream, { type: 'ledger', channel, charged: account.charged, authorized, required: authorized })
  }

  #settlement({ payer }: ChannelConfig, channel: Digest, sent: Sent, standing: Standing): Uint8Array {
    return formatSettlement({ success: true, payer, ...sent, ...this.#states(channel, standing) }, this.#c.context)
  }

  async #standing(channel: Digest): Promise<Standing> {
    const standing = await this.#c.channels.standing(channel)
    return standing.ok ? standing.value : undefined
  }

  /** R27: what a payer whose books are old catches up with. Of a channel without books here nothing is told. */
  #states(channel: Digest, standing: Standing): { standing?: ChannelStanding; voucher?: Voucher } {
    const account = this.#backend.books.account(channel)
    if (account === undefined) return {}
    return {
      ...(standing === undefined ? {} : { standing: { ...standing, charged: account.charged } }),
      ...(account.voucher === undefined ? {} : { voucher: account.voucher }),
    }
  }

  async #onChain(peer: string, work: () => Promise<Problem | undefined>): Promise<Problem | undefined> {
    const own = this.#pending.get(peer) ?? 0
    const all = [...this.#pending.values()].reduce((sum, count) => sum + count, 0)
    if (own >= MAX_PENDING_PER_PEER || all >= MAX_PENDING)
      return {
        code: 'busy',
        expected: `at most ${MAX_PENDING_PER_PEER} payments of a peer on their way`,
        got: `${own}`,
      }
    this.#pending.set(peer, own + 1)
    try {
      return await work()
    } finally {
      const left = (this.#pending.get(peer) ?? 1) - 1
      if (left > 0) this.#pending.set(peer, left)
      else this.#pending.delete(peer)
    }
  }

  async #refuse(stream: StreamId, { code, expected, got }: Problem, channel: Digest | undefined): Promise<void> {
    const message = `expected ${expected}, got ${got}`
    const { payee, minDeposit, tokenName, tokenVersion } = this.#init
    const states = channel === undefined ? {} : this.#states(channel, await this.#standing(channel))
    const required: PaymentRequired = {
      ...{ code, message },
      resource: { url: `opg://${payee.operator}` },
      requirements: {
        asset: payee.token,
        amount: minDeposit,
        payTo: payee.splitter,
        receiverAuthorizer: payee.operator,
        withdrawDelay: payee.minWithdrawDelay,
        maxTimeoutSeconds: MAX_TIMEOUT_SECONDS,
        name: tokenName,
        version: tokenVersion,
      },
      ...states,
    }
    this.#backend.reply(stream, {
      type: 'payment-required',
      required: formatPaymentRequired(required, this.#c.context),
    })
    this.#backend.reply(stream, { type: 'refusal', code, message })
  }
}

/** What the chain says; undefined where it does not answer. */
type Standing = ChannelStanding | undefined

interface Sent {
  readonly transaction?: Digest
  readonly amount?: bigint
}

/** A deposit is in a block by then, s. */
const MAX_TIMEOUT_SECONDS = 60

const problemOf = ({ code, expected, got }: X402Problem): Problem => ({
  code: code === 'payment-malformed' ? 'bad-frame' : 'bad-channel',
  expected,
  got,
})

const chainProblem = ({ code, expected, got }: { code: string; expected: string; got: string }): Problem => ({
  code: CHAIN_REFUSALS[code] ?? 'failed',
  expected,
  got,
})

const CHAIN_REFUSALS: { readonly [code: string]: RefusalCode } = {
  'deposit-failed': 'deposit-failed',
  'insufficient-funds': 'insufficient-funds',
  busy: 'busy',
}
