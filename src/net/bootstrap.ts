import { NET_LIMITS } from './constants.ts'
import { isNetError } from './errors.ts'
import type { NetLogger } from './interface.ts'
import type { Ticker, Ticking } from './ticker.ts'

export interface BootstrapComponents {
  readonly ticker: Ticker
  readonly logger: NetLogger
  connect(address: string): Promise<string>
  isConnected(peer: string): boolean
}

interface Target {
  readonly address: string
  readonly peer: string
  pauseMs: number
  due: number
  dialling: boolean
}

/** Keeps the connections to the bootstrap peers: dials at start, and again with growing pauses whenever one is lost. */
export class Bootstrap implements Ticking {
  readonly #components: BootstrapComponents
  readonly #targets: Target[]

  constructor(
    components: BootstrapComponents,
    addresses: readonly { readonly address: string; readonly peer: string }[],
  ) {
    this.#components = components
    this.#targets = addresses.map((target) => ({
      ...target,
      pauseMs: NET_LIMITS.bootstrapRetry.value,
      due: 0,
      dialling: false,
    }))
  }

  start(): void {
    if (this.#targets.length === 0) return
    this.#components.ticker.add(this)
    this.onTick(this.#components.ticker.now)
  }

  stop(): void {
    this.#components.ticker.delete(this)
  }

  onTick(now: number): void {
    for (const target of this.#targets) {
      if (now < target.due || target.dialling || this.#components.isConnected(target.peer)) continue
      void this.#dial(target)
    }
  }

  async #dial(target: Target): Promise<void> {
    target.dialling = true
    try {
      await this.#components.connect(target.address)
      target.pauseMs = NET_LIMITS.bootstrapRetry.value
    } catch (thrown) {
      const code = isNetError(thrown) ? thrown.code : 'dial-failed'
      this.#components.logger.warn(
        { room: 'net', address: target.address, code, retryMs: target.pauseMs },
        'bootstrap peer failed',
      )
      target.due = this.#components.ticker.after(target.pauseMs)
      target.pauseMs = Math.min(target.pauseMs * 2, NET_LIMITS.bootstrapRetryMax.value)
    } finally {
      target.dialling = false
    }
  }
}
