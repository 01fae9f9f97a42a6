import type { Connection } from '@libp2p/interface'
import { toError } from '../protocol/index.ts'
import { NET_LIMITS } from './constants.ts'
import type { NetLogger } from './interface.ts'
import type { Ticker, Ticking } from './ticker.ts'

export interface IntroductionsComponents {
  readonly ticker: Ticker
  readonly logger: NetLogger
  identify(connection: Connection): Promise<unknown>
}

interface Unidentified {
  readonly connection: Connection
  pauseMs: number
  due: number
}

/**
 * libp2p identifies a connection once, within `identifyTimeout` of the wall clock, and gossipsub learns of a peer from that alone:
 * two processes that stall at that moment would stay connected and never hear each other's gossip. So we ask again, with growing
 * pauses, until an answer comes or the connection closes.
 */
export class Introductions implements Ticking {
  readonly #components: IntroductionsComponents
  readonly #retryMs: number
  readonly #waiting = new Map<string, Unidentified>()

  constructor(components: IntroductionsComponents, retryMs: number = NET_LIMITS.identifyRetry.value) {
    this.#components = components
    this.#retryMs = retryMs
  }

  opened(connection: Connection): void {
    const { ticker } = this.#components
    if (this.#waiting.size === 0) ticker.add(this)
    this.#waiting.set(connection.id, { connection, pauseMs: this.#retryMs, due: ticker.after(this.#retryMs) })
  }

  /** The connection was identified, or it is closed. */
  settled(connection: Connection): void {
    this.#waiting.delete(connection.id)
    if (this.#waiting.size === 0) this.#components.ticker.delete(this)
  }

  stop(): void {
    this.#waiting.clear()
    this.#components.ticker.delete(this)
  }

  onTick(now: number): void {
    for (const waiting of this.#waiting.values()) {
      if (now < waiting.due) continue
      waiting.pauseMs = Math.min(waiting.pauseMs * 2, NET_LIMITS.identifyRetryMax.value)
      waiting.due = this.#components.ticker.after(waiting.pauseMs)
      void this.#ask(waiting.connection)
    }
  }

  async #ask(connection: Connection): Promise<void> {
    try {
      await this.#components.identify(connection)
    } catch (thrown) {
      const reason = toError(thrown).message
      this.#components.logger.debug(
        { room: 'net', peer: connection.remotePeer.toString(), reason },
        'peer is not identified',
      )
    }
  }
}
