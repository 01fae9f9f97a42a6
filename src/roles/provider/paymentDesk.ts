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
import { createSponsorship, type Sponsorship } from './sponsorship.ts'

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
  readonly #showing = new Map<string, number>()
  readonly #shown = new Map<string, Set<Digest>>()
  readonly #sponsorship: Sponsorship

  constructor(components: PaymentDeskComponents, init: PaymentDeskInit, backend: PaymentDeskBackend) {
    this.#c = components
    this.#init = init
    this.#backend = backend
    this.#sponsorship = createSponsorship(components.clock)
  }

  async take(stream: StreamId, peer: string, payload: Uint8Array): Promise<void> {
    const parsed = parsePayment(payload, this.#c.context)
    if (!parsed.ok) return await this.#refuse(stream, problemOf(parsed.error), undefined)
    const payment = parsed.value
    const problem = await this.#settle(stream, peer, payment)
    if (problem === undefined) return
    // Configurations and vouchers are in records that others hold: the books are for who has the channel's key.
    await this.#refuse(stream, problem, this.#isOwner(peer, payment.config) ? payment.voucher.channel : undefined)
  }

  #isOwner(peer: string, { payerAuthorizer }: ChannelConfig): boolean {
    return addressFromPeerId(peer, this.#c.crypto) === payerAuthorizer
  }

  #settle(stream: StreamId, peer: string, payment: ChannelPayment): Promise<Problem | undefined> {
    const problem = this.#checkShown(peer, payment)
    if (problem !== undefined) return Promise.resolve(problem)
    switch (payment.kind) {
      case 'voucher':
        return this.#bounded(this.#showing, peer, () => this.#show(stream, payment))
      case 'deposit':
        return this.#onChain(peer, () => this.#deposit(stream, payment))
      case 'refund':
        return this.#onChain(peer, () => this.#refund(stream, payment))
    }
  }

  /** R23: the channel names us, its own key signed the voucher and brings it, and has not shown too many. */
  #checkShown(peer: string, { config, voucher }: ChannelPayment): Problem | undefined {
    const checked = this.#backend.books.check(config)
    if (!checked.ok) return checked.error
    if (!this.#isOwner(peer, config))
      return { code: 'not-entitled', expected: `the peer of ${config.payerAuthorizer}`, got: peer }
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
    const funds = await this.#c.channels.watch(voucher.channel)
    if (!funds.ok) return chainProblem(funds.error)
    if (funds.value.balance === 0n)
      return { code: 'insufficient-funds', expected: `a deposit of at least ${this.#init.minDeposit}`, got: 'none' }
    return await this.#open(stream, { config, voucher })
  }

  async #deposit(
    stream: StreamId,
    payment: Extract<ChannelPayment, { kind: 'deposit' }>,
  ): Promise<Problem | undefined> {
    const problem = this.#checkDeposit(payment)
    if (problem !== undefined) return problem
    const { config, voucher, amount } = payment
    if ((await this.#backend.book.ensure(voucher.channel)) === 'unreadable') return UNREADABLE
    const unsponsored = this.#sponsor(voucher.channel)
    if (unsponsored !== undefined) return unsponsored
    const deposited = await this.#c.channels.deposit(payment)
    if (!deposited.ok) return chainProblem(deposited.error)
    return await this.#open(stream, { config, voucher, transaction: deposited.value.transaction, amount })
  }

  #sponsor(channel: Digest): Problem | undefined {
    const { charged } = this.#backend.books.account(channel) ?? { charged: 0n }
    if (this.#sponsorship.take(channel, charged)) return undefined
    return { code: 'busy', expected: 'a transaction of the payer, or fewer on its behalf', got: 'too many this hour' }
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
    { config, voucher, amount }: Extract<ChannelPayment, { kind: 'refund' }>,
  ): Promise<Problem | undefined> {
    const { books, book, handle, carryOut } = this.#backend
    const { channel } = voucher
    if ((await book.ensure(channel)) !== 'loaded')
      return { code: 'unknown-channel', expected: 'a channel that was shown', got: channel }
    const free = books.refundable(channel)
    const asked = amount ?? free
    if (asked === 0n || asked > free)
      return {
        code: 'insufficient-funds',
        expected: `at most ${free} that is neither charged nor reserved`,
        got: `${asked}`,
      }
    const { minDeposit } = this.#init
    if (asked < minDeposit && asked < free)
      return {
        code: 'insufficient-funds',
        expected: `a refund of at least ${minDeposit}, or of all ${free}`,
        got: `${asked}`,
      }
    const unsponsored = this.#sponsor(channel)
    if (unsponsored !== undefined) return unsponsored
    handle({ type: 'refunding', channel, amount: asked })
    const refunded = await this.#c.channels.refund(config, asked)
    const funds = refunded.ok ? refunded.value.funds : undefined
    await carryOut(handle({ type: 'refund-ended', channel, amount: asked, ...(funds === undefined ? {} : { funds }) }))
    if (!refunded.ok) return chainProblem(refunded.error)
    await this.#answer(stream, config, channel, { transaction: refunded.value.transaction, amount: asked })
    return undefined
  }

  /** The books begin, or are shown: after everything that takes time, so that they rest on what the chain said last. */
  async #open(
    stream: StreamId,
    shown: {
      readonly config: ChannelConfig
      readonly voucher: Voucher
      readonly transaction?: Digest
      readonly amount?: bigint
    },
  ): Promise<Problem | undefined> {
    const { config, voucher, ...sent } = shown
    const { channel } = voucher
    const { handle, carryOut, book } = this.#backend
    const standing = await this.#standing(channel)
    // Books that are only not readable now must not be begun anew over the stored ones.
    if ((await book.ensure(channel)) === 'unreadable') return UNREADABLE
    const funds = await this.#c.channels.watch(channel)
    if (!funds.ok) return chainProblem(funds.error)
    const effects = handle({
      ...{ type: 'channel-shown', now: this.#c.clock() },
      ...{ stream, config, voucher, funds: funds.value },
    })
    book.noteShown(channel)
    const isRefused = effects.some((effect) => effect.type === 'reply' && effect.reply.type === 'refusal')
    const settled: ProviderEffect = {
      type: 'reply',
      stream,
      reply: { type: 'settlement', settlement: this.#settlement(config, channel, sent, standing) },
    }
    const isReply = ({ type }: ProviderEffect): boolean => type === 'reply'
    await carryOut(isRefused ? effects : effects.flatMap((effect) => (isReply(effect) ? [settled, effect] : [effect])))
    return undefined
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
    const all = [...this.#pending.values()].reduce((sum, count) => sum + count, 0)
    if (all >= MAX_PENDING) return tooMany(all)
    return await this.#bounded(this.#pending, peer, work)
  }

  async #bounded(
    pending: Map<string, number>,
    peer: string,
    work: () => Promise<Problem | undefined>,
  ): Promise<Problem | undefined> {
    const own = pending.get(peer) ?? 0
    if (own >= MAX_PENDING_PER_PEER) return tooMany(own)
    pending.set(peer, own + 1)
    try {
      return await work()
    } finally {
      const left = (pending.get(peer) ?? 1) - 1
      if (left > 0) pending.set(peer, left)
      else pending.delete(peer)
    }
  }

  async #refuse(stream: StreamId, { code, expected, got }: Problem, channel: Digest | undefined): Promise<void> {
    const message = `expected ${expected}, got ${got}`
    const { payee, minDeposit, tokenName, tokenVersion } = this.#init
    const isKnown = channel !== undefined && this.#backend.books.account(channel) !== undefined
    const states = isKnown ? this.#states(channel, await this.#standing(channel)) : {}
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

const UNREADABLE: Problem = { code: 'failed', expected: 'books that can be read now', got: 'none; ask again' }

const tooMany = (got: number): Problem => ({
  code: 'busy',
  expected: `at most ${MAX_PENDING_PER_PEER} payments of a peer on their way`,
  got: `${got}`,
})

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
