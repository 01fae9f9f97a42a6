import { fail, ok, type Result } from '../../protocol/index.ts'
import type { Problem } from './problem.ts'

/** The requests under way: so many at once, and none new once it drains. */
export interface InFlight {
  readonly count: number
  readonly draining: boolean
  /** The caller calls what it gets, once, when its request is over. Problems `busy` and `stopping` (503). */
  enter(): Result<() => void, Problem>
  /** Refuses from now on; resolves when nothing is under way, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
}

export function createInFlight(limits: { readonly maxAtOnce: number }): InFlight {
  return new Counting(limits.maxAtOnce)
}

class Counting implements InFlight {
  readonly #most: number
  readonly #idle = Promise.withResolvers<void>()
  #count = 0
  #draining = false

  constructor(most: number) {
    this.#most = most
  }

  get count(): number {
    return this.#count
  }

  get draining(): boolean {
    return this.#draining
  }

  enter(): Result<() => void, Problem> {
    if (this.#draining)
      return fail({ status: 503, code: 'stopping', message: 'this server is stopping', retryAfter: 5 })
    if (this.#count >= this.#most) {
      const expected = `at most ${this.#most} requests at once`
      return fail({ status: 503, code: 'busy', message: `expected ${expected}`, expected, retryAfter: 1 })
    }
    this.#count += 1
    let left = false
    return ok(() => {
      if (left) return
      left = true
      this.#count -= 1
      if (this.#draining && this.#count === 0) this.#idle.resolve()
    })
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    if (this.#count === 0) return
    const timer = setTimeout(this.#idle.resolve, timeoutMs)
    await this.#idle.promise
    clearTimeout(timer)
  }
}
