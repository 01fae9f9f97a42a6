import type { PayeeChannels } from '../../payment/index.ts'
import type { ChannelFunds, Digest, StoredChannel } from '../../protocol/index.ts'
import { toError } from '../../protocol/index.ts'
import type { RoleLogger } from '../logger.ts'

/** What the book needs of the machine that holds the ledger. */
export interface ChannelBookBackend {
  has(channel: Digest): boolean
  load(channel: StoredChannel, funds: ChannelFunds): void
  /** False while something of it is unsettled or may be claimed. */
  unload(channel: Digest): boolean
  funds(channel: Digest, funds: ChannelFunds): void
}

export interface ChannelBookComponents {
  readonly channels: PayeeChannels
  readonly find: (channel: Digest) => Promise<StoredChannel | undefined>
  readonly backend: ChannelBookBackend
  readonly logger: RoleLogger
}

/** `unreadable`: books were begun, and the chain or the store does not answer now. */
export type Loaded = 'loaded' | 'unknown' | 'unreadable'

/** Loaded channels with nothing unsettled leave memory above so many, those used longest ago first. */
const MAX_LOADED = 4_096

/** Brings a channel's books into memory when it is used, with what the chain says of it. */
export class ChannelBook {
  readonly #c: ChannelBookComponents
  /** Loaded and followed, by last use. */
  readonly #used = new Set<Digest>()
  readonly #loading = new Map<Digest, Promise<Loaded>>()
  #off: (() => void) | undefined

  constructor(components: ChannelBookComponents) {
    this.#c = components
  }

  /** Follows the channels that were loaded at start; jobs on them wait for the chain's word. */
  start(loaded: readonly Digest[]): void {
    const { channels, backend, logger } = this.#c
    this.#off = channels.onFunds((channel, funds) => backend.funds(channel, funds))
    void this.#followAll(loaded).catch((thrown) =>
      logger.error({ error: toError(thrown).message }, 'channels are not followed'),
    )
  }

  stop(): void {
    this.#off?.()
  }

  /** Brings the channel's books into memory, current, where any were ever begun. */
  async ensure(channel: Digest): Promise<Loaded> {
    if (this.#used.delete(channel)) {
      this.#used.add(channel)
      return 'loaded'
    }
    const loading = this.#loading.get(channel) ?? this.#load(channel)
    this.#loading.set(channel, loading)
    try {
      return await loading
    } finally {
      this.#loading.delete(channel)
    }
  }

  /** A channel that was just shown is in memory. */
  noteShown(channel: Digest): void {
    this.#used.delete(channel)
    this.#used.add(channel)
    this.#evict()
  }

  async #followAll(loaded: readonly Digest[]): Promise<void> {
    for (const channel of loaded) await this.ensure(channel)
  }

  async #load(channel: Digest): Promise<Loaded> {
    const { channels, find, backend, logger } = this.#c
    const stored = backend.has(channel) ? undefined : await find(channel)
    if (stored === undefined && !backend.has(channel)) return 'unknown'
    const funds = await channels.watch(channel)
    if (!funds.ok) {
      const { code, expected, got } = funds.error
      logger.warn({ channel, code, expected, got }, 'a channel cannot be read')
      return 'unreadable'
    }
    if (stored === undefined) backend.funds(channel, funds.value)
    else backend.load(stored, funds.value)
    this.noteShown(channel)
    return 'loaded'
  }

  #evict(): void {
    if (this.#used.size <= MAX_LOADED) return
    for (const channel of this.#used) {
      if (!this.#c.backend.unload(channel)) continue
      this.#used.delete(channel)
      return
    }
  }
}
