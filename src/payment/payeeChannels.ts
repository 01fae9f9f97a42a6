import { setTimeout as sleep } from 'node:timers/promises'
import { estimateGas } from 'viem/actions'
import {
  asChainError,
  type Call,
  type ChainClient,
  ChainError,
  depositNonce,
  type Inclusion,
  isChainError,
  readChannel,
  refundWithSignatureCall,
  type Sent,
} from '../chain/index.ts'
import {
  type ChannelConfig,
  type ChannelFunds,
  channelIdOf,
  createChannelDomain,
  type Digest,
  fail,
  H,
  ok,
  type Result,
  refundDigest,
  type Signer,
} from '../protocol/index.ts'
import { FundsFollower } from './channelFunds.ts'
import { depositCallOf, expiryOf } from './depositWallet.ts'
import type { ChannelChainProblem, ChannelPayment, PayeeChannels } from './ports.ts'
import type { PaymentLogger, Sendings } from './sendings.ts'
import type { ChannelStanding } from './x402Answers.ts'

type Deposit = Extract<ChannelPayment, { kind: 'deposit' }>
type FailureCode = 'deposit-failed' | 'refund-failed'
type Outcome = Result<{ transaction: Digest; funds: ChannelFunds }, ChannelChainProblem>

/** Gas a deposit may take: one by Permit2 with a permit needs under 250,000, the rest is for a payer's EIP-1271. */
const DEPOSIT_GAS = 600_000n
/** Deposits and refunds that are sent at one time, and those that wait behind them. */
const MAX_RUNNING = 8
const MAX_WAITING = 64
/** A deposit that expires sooner is not sent: it would only burn gas; s. */
const LEAST_VALID_SECONDS = 10n
/** A deposit's transaction is remembered so long after it was sent at most, ms. */
const REMEMBERED_MS = 24 * 60 * 60 * 1_000
/** Between two questions for a refund that was sent, to a chain that does not answer, ms. */
const ASK_AGAIN_MS = 1_000

export interface PayeeChannelsComponents {
  readonly chain: ChainClient
  readonly sendings: Sendings
  /** The provider's operator: authorizes refunds, and pays for gas. */
  readonly signer: Signer
  readonly logger: PaymentLogger
}

export interface PayeeChannelsInit {
  /** Wei; a smaller deposit is not worth the gas the provider pays for it. */
  readonly minDeposit: bigint
}

/** `PayeeChannels` of one provider, with a life of its own. */
export interface ChannelService extends PayeeChannels {
  start(): void
  stop(): Promise<void>
  /** What is known of a channel that is followed. */
  funds(channel: Digest): ChannelFunds | undefined
}

export const createPayeeChannels = (components: PayeeChannelsComponents, init: PayeeChannelsInit): ChannelService =>
  new OperatorChannels(components, init)

class OperatorChannels implements ChannelService {
  readonly #c: PayeeChannelsComponents
  readonly #init: PayeeChannelsInit
  readonly #follower: FundsFollower
  /** By what the chain takes once: the same deposit twice is one transaction. */
  readonly #deposits = new Map<Digest, Promise<Outcome>>()
  readonly #refunds = new Set<Digest>()
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(components: PayeeChannelsComponents, init: PayeeChannelsInit) {
    this.#c = components
    this.#init = init
    this.#follower = new FundsFollower(components)
  }

  start(): void {
    this.#follower.start()
  }

  stop(): Promise<void> {
    return this.#follower.stop()
  }

  funds(channel: Digest): ChannelFunds | undefined {
    return this.#follower.of(channel)
  }

  onFunds(listener: (channel: Digest, funds: ChannelFunds) => void): () => void {
    return this.#follower.onFunds(listener)
  }

  async watch(channel: Digest): Promise<Result<ChannelFunds, ChannelChainProblem>> {
    const known = this.#follower.of(channel)
    if (known !== undefined) return ok(known)
    if (!this.#follower.hasRoom(channel)) return refuse('busy', 'room for another channel', 'none')
    try {
      // What an earlier process pays back may yet land: until then the chain says more than can be served on.
      if (await this.#c.sendings.isOpen(refundId(channel)))
        return refuse('busy', 'a channel without a refund on its way', 'one')
      return ok(await this.#read(channel))
    } catch (error) {
      return unreachable(asChainError('eth_call', error))
    }
  }

  async standing(channel: Digest): Promise<Result<ChannelStanding, ChannelChainProblem>> {
    try {
      const { balance, totalClaimed, refundNonce, pendingWithdrawal } = await readChannel(
        this.#c.chain,
        channel,
        'latest',
      )
      const withdrawRequestedAt = pendingWithdrawal?.initiatedAt ?? 0
      return ok({ channel, balance, totalClaimed, refundNonce, withdrawRequestedAt })
    } catch (error) {
      return unreachable(asChainError('eth_call', error))
    }
  }

  deposit(payment: Deposit): Promise<Outcome> {
    const id = depositIdOf(payment, this.#channelOf(payment.config))
    const running = this.#deposits.get(id)
    if (running !== undefined) return running
    const outcome = this.#limited('deposit-failed', () => this.#deposit(id, payment)).finally(() =>
      this.#deposits.delete(id),
    )
    this.#deposits.set(id, outcome)
    return outcome
  }

  async refund(config: ChannelConfig, amount: bigint): Promise<Outcome> {
    const channel = this.#channelOf(config)
    if (this.#refunds.has(channel)) return refuse('refund-failed', 'one refund of a channel at a time', 'another')
    this.#refunds.add(channel)
    try {
      return await this.#limited('refund-failed', () => this.#refund(channel, config, amount))
    } finally {
      this.#refunds.delete(channel)
    }
  }

  #channelOf(config: ChannelConfig): Digest {
    const { chainId, contracts } = this.#c.chain.network
    return channelIdOf(createChannelDomain(chainId, contracts.paymentChannels), config)
  }

  async #deposit(id: Digest, payment: Deposit): Promise<Outcome> {
    const { chain, sendings } = this.#c
    const { config, amount, authorization } = payment
    const { minDeposit } = this.#init
    const channel = this.#channelOf(config)
    const earlier = await sendings.leftover(id)
    if (earlier !== undefined) return ok({ transaction: earlier.transaction, funds: await this.#read(channel) })
    if (amount < minDeposit) return refuse('deposit-failed', `a deposit of at least ${minDeposit}`, `${amount}`)
    const now = BigInt(Math.floor(chain.chainNow() / 1_000))
    const expiry = expiryOf(authorization)
    if (expiry < now + LEAST_VALID_SECONDS)
      return refuse('deposit-failed', `an authorization good until ${now + LEAST_VALID_SECONDS}`, `until ${expiry}`)
    const call = depositCallOf(chain.network.contracts, payment)
    const gas = await this.#simulate(call)
    if (gas > DEPOSIT_GAS) return refuse('deposit-failed', `at most ${DEPOSIT_GAS} gas`, `${gas} gas`)
    const keepUntil = Math.min(Number(expiry + 1n) * 1_000, chain.chainNow() + REMEMBERED_MS)
    return await this.#finish(channel, 'deposit-failed', await sendings.send(id, call, { keepUntil }))
  }

  /** Exactly once by the channel's nonce; what an earlier process sent counts as this one's, and is not repeated. */
  async #refund(channel: Digest, config: ChannelConfig, amount: bigint): Promise<Outcome> {
    const { chain, sendings, signer } = this.#c
    const { network } = chain
    const id = refundId(channel)
    if ((await sendings.leftover(id)) !== undefined) {
      await this.#read(channel)
      return refuse('refund-failed', 'a channel whose last refund is safe', 'one on its way; ask again in a minute')
    }
    const { balance, totalClaimed, refundNonce: nonce } = await readChannel(chain, channel, 'latest')
    if (amount === 0n || amount > balance - totalClaimed)
      return refuse('refund-failed', `1 to ${balance - totalClaimed}`, `${amount}`)
    const domain = createChannelDomain(network.chainId, network.contracts.paymentChannels)
    const signature = signer.sign(refundDigest(domain, channel, nonce, amount))
    const call = refundWithSignatureCall(network.contracts, config, { amount, nonce, signature })
    const sent = await sendings.send(id, call)
    const late = sent.ok ? undefined : await this.#decided(id)
    if (late === undefined) return await this.#finish(channel, 'refund-failed', sent)
    return ok({ transaction: late.transaction, funds: await this.#read(channel) })
  }

  /** What became of a refund that is in no block yet: its amount stays withheld as long as it may land. */
  async #decided(id: Digest): Promise<Inclusion | undefined> {
    for (;;) {
      try {
        return await this.#c.sendings.leftover(id)
      } catch (thrown) {
        const error = asChainError('eth_call', thrown)
        if (error.detail.code === 'stopped') throw error
        this.#c.logger.warn(
          { code: error.code, error: error.message },
          'a refund is not followed; it is asked for again',
        )
        await sleep(ASK_AGAIN_MS)
      }
    }
  }

  async #simulate(call: Call): Promise<bigint> {
    const { chain, signer } = this.#c
    return await chain.query((client) => estimateGas(client, { account: signer.address, ...call }))
  }

  async #finish(channel: Digest, code: FailureCode, sent: Result<Sent, ChainError>): Promise<Outcome> {
    if (!sent.ok) return failed(code, sent.error)
    const { transaction } = sent.value
    this.#c.logger.info({ channel, transaction }, code === 'deposit-failed' ? 'deposit sent' : 'refund sent')
    return ok({ transaction, funds: await this.#read(channel) })
  }

  async #read(channel: Digest): Promise<ChannelFunds> {
    await this.#follower.read([channel])
    const funds = this.#follower.of(channel)
    if (funds === undefined) throw new ChainError({ code: 'stopped' }, 'expected a channel that is followed')
    return funds
  }

  /** Few at a time, a bounded number behind them; what the chain throws is a problem of the payment. */
  async #limited(code: FailureCode, work: () => Promise<Outcome>): Promise<Outcome> {
    if (this.#running >= MAX_RUNNING) {
      if (this.#waiting.length >= MAX_WAITING)
        return refuse('busy', `at most ${MAX_WAITING} payments waiting`, `${this.#waiting.length}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#running += 1
    try {
      return await work()
    } catch (error) {
      return failed(code, asChainError('eth_call', error))
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }
}

const refundId = (channel: Digest): Digest => H('sending/refund', channel)

/** What the chain takes once: for EIP-3009 bound to the channel, for Permit2 to the payer. */
function depositIdOf({ config, authorization }: Deposit, channel: Digest): Digest {
  return authorization.method === 'eip3009'
    ? H('sending/deposit', config.payer, config.token, depositNonce(channel, BigInt(authorization.salt)))
    : H('sending/deposit', config.payer, channel, authorization.nonce)
}

const refuse = (code: ChannelChainProblem['code'], expected: string, got: string): Result<never, ChannelChainProblem> =>
  fail({ code, expected, got })

const unreachable = (error: ChainError): Result<never, ChannelChainProblem> =>
  refuse('chain-unreachable', 'a chain that answers', error.message)

function failed(code: FailureCode, error: ChainError): Result<never, ChannelChainProblem> {
  const { detail } = error
  if (detail.code === 'reverted') return refuse(code, 'what the contract accepts', detail.error)
  if (isChainError(error, 'insufficient-funds')) return refuse('insufficient-funds', 'gas at the provider', 'none')
  return unreachable(error)
}
