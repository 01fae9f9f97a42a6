import { setMaxListeners } from 'node:events'
import type { NetError } from './errors.ts'

export interface Ticking {
  /** `now` counts ticks since the process started to use the ticker. */
  onTick(now: number): void
}

/**
 * One coarse timer for every deadline of the room. Time is counted in ticks that really ran, so a process that was stopped or
 * starved does not blame its peers for it.
 */
export class Ticker {
  readonly tickMs: number
  readonly #members = new Set<Ticking>()
  #timer: NodeJS.Timeout | undefined
  #now = 0

  constructor(tickMs: number) {
    this.tickMs = tickMs
  }

  get now(): number {
    return this.#now
  }

  get size(): number {
    return this.#members.size
  }

  /** The tick at which `ms` from now have surely passed. */
  after(ms: number): number {
    return this.#now + Math.ceil(ms / this.tickMs) + 1
  }

  add(member: Ticking): void {
    this.#members.add(member)
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#tick(), this.tickMs)
      this.#timer.unref()
    }
  }

  delete(member: Ticking): void {
    this.#members.delete(member)
    if (this.#members.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #tick(): void {
    this.#now += 1
    for (const member of this.#members) member.onTick(this.#now)
  }
}

/** A deadline shared by many short operations: a signal that fires between one and two periods after it was handed out. */
export class SharedDeadline implements Ticking {
  readonly #ticker: Ticker
  readonly #periodMs: number
  readonly #reason: () => NetError
  #current: AbortController | undefined
  #previous: AbortController | undefined
  #turn = 0

  constructor(ticker: Ticker, periodMs: number, reason: () => NetError) {
    this.#ticker = ticker
    this.#periodMs = periodMs
    this.#reason = reason
  }

  signal(): AbortSignal {
    if (this.#current === undefined) {
      this.#current = newController()
      if (this.#previous === undefined) {
        this.#turn = this.#ticker.after(this.#periodMs)
        this.#ticker.add(this)
      }
    }
    return this.#current.signal
  }

  onTick(now: number): void {
    if (now < this.#turn) return
    this.#previous?.abort(this.#reason())
    this.#previous = this.#current
    this.#current = undefined
    this.#turn = this.#ticker.after(this.#periodMs)
    if (this.#previous === undefined) this.#ticker.delete(this)
  }

  stop(): void {
    this.#ticker.delete(this)
    this.#previous?.abort(this.#reason())
    this.#current?.abort(this.#reason())
    this.#previous = undefined
    this.#current = undefined
  }
}

function newController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
