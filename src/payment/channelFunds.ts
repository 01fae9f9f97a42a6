import { type ChainClient, type ChannelEvent, type ChannelState, readChannels } from '../chain/index.ts'
import { type ChannelFunds, type Digest, toError } from '../protocol/index.ts'
import type { PaymentLogger } from './sendings.ts'

/** Channels that are followed at most; those without money make room for others first. */
const MAX_FOLLOWED = 50_000

type Listener = (channel: Digest, funds: ChannelFunds) => void

interface Components {
  readonly chain: Pick<ChainClient, 'query' | 'network' | 'followChannels' | 'onBlock' | 'head' | 'safe'>
  readonly logger: PaymentLogger
}

/**
 * What the chain holds for channels (R24), kept up to date by their events: in the newest block and in a safe one. What a
 * reorganisation takes away is gone at once, before the chain is asked again.
 */
export class FundsFollower {
  readonly #c: Components
  readonly #funds = new Map<Digest, ChannelFunds | undefined>()
  readonly #listeners = new Set<Listener>()
  /** To be read with the next look: something happened, or what a safe block says is behind. */
  readonly #due = new Set<Digest>()
  #safe = -1
  #stop: (() => void) | undefined
  #looking: Promise<void> | undefined
  #again = false

  constructor(components: Components) {
    this.#c = components
  }

  start(): void {
    const { chain } = this.#c
    const unfollow = chain.followChannels({
      channels: () => this.#funds.keys(),
      onEvent: ({ channelId }) => this.#touch(channelId),
      onRetracted: (event) => this.#retract(event),
    })
    const unblock = chain.onBlock(() => {
      if (this.#due.size > 0 && chain.safe().number !== this.#safe) this.#look()
    })
    this.#stop = () => {
      unfollow()
      unblock()
    }
  }

  async stop(): Promise<void> {
    this.#stop?.()
    this.#stop = undefined
    await this.#looking
  }

  onFunds(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  of(channel: Digest): ChannelFunds | undefined {
    return this.#funds.get(channel)
  }

  /** False when there is no room. */
  hasRoom(channel: Digest): boolean {
    if (this.#funds.has(channel) || this.#funds.size < MAX_FOLLOWED) return true
    for (const [other, funds] of this.#funds) {
      if (funds === undefined || funds.balance > 0n) continue
      this.#funds.delete(other)
      this.#due.delete(other)
      return true
    }
    return false
  }

  /** Reads channels and follows them from then on. Throws ChainError. */
  async read(channels: readonly Digest[]): Promise<void> {
    for (const channel of channels) if (!this.#funds.has(channel)) this.#funds.set(channel, undefined)
    // What happens from here on makes them due anew.
    for (const channel of channels) this.#due.delete(channel)
    const { chain } = this.#c
    const head = chain.head().number
    const safeBefore = chain.safe().number
    const [latest, safe] = await Promise.all([
      readChannels(chain, channels, 'latest'),
      readChannels(chain, channels, 'safe'),
    ]).catch((error) => {
      for (const channel of channels) this.#due.add(channel)
      this.#safe = -1
      throw error
    })
    this.#safe = safeBefore
    for (const [index, channel] of channels.entries()) {
      const [now, then] = [latest.states[index], safe.states[index]]
      if (now === undefined || then === undefined || !this.#funds.has(channel)) continue
      // An endpoint behind our head may not know what our events told already.
      if (!isSettled(now, then) || latest.block.number < head) this.#due.add(channel)
      this.#put(channel, fundsOf(now, then))
    }
  }

  #touch(channel: Digest): void {
    this.#due.add(channel)
    this.#look()
  }

  #retract(event: ChannelEvent): void {
    const { channelId: channel } = event
    const funds = this.#funds.get(channel)
    if (event.type === 'deposited' && funds !== undefined) {
      const balance = funds.balance > event.amount ? funds.balance - event.amount : 0n
      this.#put(channel, { ...funds, balance, safeBalance: least(funds.safeBalance, balance) })
    }
    this.#touch(channel)
  }

  #put(channel: Digest, funds: ChannelFunds): void {
    const before = this.#funds.get(channel)
    this.#funds.set(channel, funds)
    if (before !== undefined && isSame(before, funds)) return
    for (const listener of this.#listeners) {
      try {
        listener(channel, funds)
      } catch (error) {
        this.#c.logger.error({ error: toError(error).message }, 'a listener to channels failed')
      }
    }
  }

  #look(): void {
    if (this.#looking !== undefined) {
      this.#again = true
      return
    }
    this.#again = false
    this.#looking = this.read([...this.#due])
      .catch((error) =>
        this.#c.logger.warn({ error: toError(error).message }, 'channels not read; the next block tries'),
      )
      .finally(() => {
        this.#looking = undefined
        if (this.#again && this.#stop !== undefined) this.#look()
      })
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

const isSettled = (now: ChannelState, safe: ChannelState): boolean =>
  now.balance === safe.balance &&
  now.totalClaimed === safe.totalClaimed &&
  now.pendingWithdrawal?.initiatedAt === safe.pendingWithdrawal?.initiatedAt

/** A withdrawal that was finalized counts as one until that is safe (R25). */
const fundsOf = (now: ChannelState, safe: ChannelState): ChannelFunds => ({
  balance: now.balance,
  safeBalance: safe.balance,
  totalClaimed: now.totalClaimed,
  withdrawing: now.pendingWithdrawal !== undefined || safe.pendingWithdrawal !== undefined,
})

const isSame = (a: ChannelFunds, b: ChannelFunds): boolean =>
  a.balance === b.balance &&
  a.safeBalance === b.safeBalance &&
  a.totalClaimed === b.totalClaimed &&
  a.withdrawing === b.withdrawing
