import type { DiscoveryResource, DiscoveryResourcesResponse } from '@x402/extensions/bazaar'
import { z } from 'zod'
import type { GatewayConfig } from '../node/index.ts'
import { type Clock, fail, ok, type Result } from '../protocol/index.ts'
import type { Problem } from './http/problem.ts'
import { type Models, oneUnit } from './models.ts'
import type { Merchant } from './payments/merchant.ts'
import { problem } from './problems.ts'
import type { Shelf } from './shelf.ts'

const MAX_PAGE = 100
const whole = z
  .string()
  .regex(/^\d{1,6}$/)
  .transform(Number)
const query = z.looseObject({ type: z.string().optional(), limit: whole.default(20), offset: whole.default(0) })

export interface DiscoveryComponents {
  readonly models: Models
  readonly merchant: Merchant
  readonly shelf: Shelf
  readonly clock: Clock
}

/** What the bazaar extension lists: every model on offer, at the price of one unit. */
export async function discoveryPage(
  { models, merchant, shelf, clock }: DiscoveryComponents,
  asked: unknown,
  defaults: Pick<GatewayConfig, 'tier' | 'privacy'>,
): Promise<Result<DiscoveryResourcesResponse, Problem>> {
  const parsed = query.safeParse(asked)
  if (!parsed.success) return fail(problem('parameter-invalid', 'whole numbers limit and offset', 'something else'))
  const { type = 'http', offset } = parsed.data
  const limit = Math.min(parsed.data.limit, MAX_PAGE)
  const all = type === 'http' ? models.onOffer() : []
  const items: DiscoveryResource[] = []
  for (const model of all.slice(offset, offset + limit)) {
    const best = models.best(oneUnit(model, defaults))
    if (best === undefined) continue
    const { resource, extensions } = shelf.of(model)
    const { url, ...described } = resource
    items.push({
      resource: url,
      type: 'http',
      x402Version: 2,
      accepts: await merchant.requirements(best.ceiling),
      lastUpdated: new Date(clock()).toISOString(),
      ...described,
      extensions,
    })
  }
  return ok({ x402Version: 2, items, pagination: { limit, offset, total: all.length } })
}
