import type { HttpBindings } from '@hono/node-server'
import type { MiddlewareHandler } from 'hono'
import type { Clock } from '../../protocol/index.ts'
import { answerError, httpError } from './errors.ts'

export interface RateInit {
  /** Requests a second that a connection may make for long. */
  readonly perSecond: number
  /** Requests it may make at once. */
  readonly burst: number
}

export type Bindings = { readonly Bindings: HttpBindings }

/**
 * Limits the requests of each connection by the generic cell rate algorithm: one number a connection, gone with it. How
 * many connections there are is the server's limit. Answers 429 `rate-limited` and when to come back.
 */
export function rateLimit(clock: Clock, { perSecond, burst }: RateInit): MiddlewareHandler<Bindings> {
  const interval = 1_000 / perSecond
  const tolerance = interval * burst
  const due = new WeakMap<object, number>()
  return async (context, next) => {
    const now = clock()
    const { socket } = context.env.incoming
    const at = Math.max(due.get(socket) ?? now, now)
    const waitMs = at + interval - tolerance - now
    if (waitMs > 0) {
      context.header('Retry-After', String(Math.ceil(waitMs / 1_000)))
      return answerError(context, httpError('rate-limited', `at most ${perSecond} requests a second`, 'more'))
    }
    due.set(socket, at + interval)
    await next()
    return undefined
  }
}
