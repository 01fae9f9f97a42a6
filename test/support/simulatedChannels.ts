import type { PayeeChannels } from '../../src/payment/index.ts'
import {
  type ChannelDomain,
  type ChannelFunds,
  channelIdOf,
  type Digest,
  fail,
  H,
  ok,
} from '../../src/protocol/index.ts'

/** A chain that only counts channels, for tests of what peers say to each other: it takes every deposit at its word. */
export class SimulatedChannels implements PayeeChannels {
  readonly #domain: ChannelDomain
  readonly #funds = new Map<Digest, ChannelFunds>()
  readonly #listeners = new Set<(channel: Digest, funds: ChannelFunds) => void>()
  #transactions = 0
  /** Deposits that were brought, whether they succeeded or not. */
  deposits = 0

  constructor(domain: ChannelDomain) {
    this.#domain = domain
  }

  fundsOf(channel: Digest): ChannelFunds {
    return this.#funds.get(channel) ?? { balance: 0n, safeBalance: 0n, totalClaimed: 0n, withdrawing: false }
  }

  set(channel: Digest, change: Partial<ChannelFunds>): void {
    const funds = { ...this.fundsOf(channel), ...change }
    this.#funds.set(channel, funds)
    for (const listener of this.#listeners) listener(channel, funds)
  }

  async watch(channel: Digest) {
    return ok(this.fundsOf(channel))
  }

  async standing(channel: Digest) {
    const { balance, totalClaimed } = this.fundsOf(channel)
    return ok({ channel, balance, totalClaimed, withdrawRequestedAt: 0, refundNonce: 0n })
  }

  onFunds(listener: (channel: Digest, funds: ChannelFunds) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async deposit({ config, amount }: Parameters<PayeeChannels['deposit']>[0]) {
    this.deposits += 1
    return this.#move(channelIdOf(this.#domain, config), amount)
  }

  async refund(config: Parameters<PayeeChannels['refund']>[0], amount: bigint) {
    const channel = channelIdOf(this.#domain, config)
    if (amount > this.fundsOf(channel).balance)
      return fail({ code: 'refund-failed', expected: 'a balance', got: `${amount}` } as const)
    return this.#move(channel, -amount)
  }

  #move(channel: Digest, amount: bigint) {
    const balance = this.fundsOf(channel).balance + amount
    this.set(channel, { balance, safeBalance: balance })
    this.#transactions += 1
    return ok({ transaction: H('test/transaction', this.#transactions), funds: this.fundsOf(channel) })
  }
}
