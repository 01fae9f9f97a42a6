import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { type Clock, dropOldest } from '../../protocol/index.ts'
import { answerError, type HttpError, httpError } from './errors.ts'

export interface RateInit {
  /** Requests a second that a client may make for long. */
  readonly perSecond: number
  /** Requests it may make at once. */
  readonly burst: number
}

export type Bindings = { readonly Bindings: HttpBindings }

/** Addresses that are remembered; beyond it the longest silent one is forgotten. */
const MAX_CLIENTS = 65_536

/**
 * Limits the requests of each address, however many connections it opens, by the generic cell rate algorithm: one number
 * a client. Refuses with 429 `rate-limited` and when to come back. Behind a proxy every client has the proxy's address.
 */
export function rateLimit(
  clock: Clock,
  { perSecond, burst }: RateInit,
  answer: (context: Context, error: HttpError) => Response = answerError,
): MiddlewareHandler<Bindings> {
  const interval = 1_000 / perSecond
  const tolerance = interval * burst
  const due = new Map<string, number>()
  return async (context, next) => {
    const now = clock()
    const client = context.env.incoming.socket.remoteAddress ?? ''
    const at = Math.max(due.get(client) ?? now, now)
    const waitMs = at + interval - tolerance - now
    if (waitMs > 0) {
      context.header('Retry-After', String(Math.ceil(waitMs / 1_000)))
      return answer(context, httpError('rate-limited', `at most ${perSecond} requests a second`, 'more'))
    }
    due.delete(client)
    due.set(client, at + interval)
    dropOldest(due, MAX_CLIENTS)
    await next()
    return undefined
  }
}
