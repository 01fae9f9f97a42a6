import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import {
  type HTTPFacilitatorClient,
  type HTTPRequestContext,
  type RoutesConfig,
  x402HTTPResourceServer,
  x402ResourceServer,
} from '@x402/core/server'
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { UptoEvmScheme } from '@x402/evm/upto/server'
import { type Context, Hono } from 'hono'
import type { LocalAccount } from 'viem'
import type { Address } from '../../src/protocol/index.ts'

/** A server of others: stock resource server of x402 behind hono. */
export interface Shop {
  readonly url: string
  /** Pages that were handed out. */
  served(): number
  stop(): Promise<void>
}

/** Sells a page on each route; `charges` says, by path, what it costs in the end where that is not the price. */
export async function startShop(init: {
  readonly network: `eip155:${number}`
  readonly payTo: Address
  readonly authorizer: LocalAccount
  readonly facilitator: HTTPFacilitatorClient
  readonly routes: RoutesConfig
  readonly charges?: { readonly [path: string]: string }
  /** Routes beside those that are sold. */
  readonly free?: (app: Hono) => void
}): Promise<Shop> {
  const { network, payTo, authorizer, facilitator, routes, charges = {}, free } = init
  const channels = new BatchSettlementEvmScheme(payTo, {
    receiverAuthorizerSigner: authorizer as never,
    withdrawDelay: 900,
  })
  const resources = new x402ResourceServer(facilitator)
    .register(network, new ExactEvmScheme())
    .register(network, new UptoEvmScheme())
    .register(network, channels)
  const server = new x402HTTPResourceServer(resources, routes)
  await server.initialize()
  let served = 0
  const app = new Hono()
  free?.(app)
  app.all('*', async (context) => {
    const request = requestOf(context)
    const asked = await server.processHTTPRequest(request)
    if (asked.type === 'payment-error') return answer(asked.response)
    served += 1
    const body = `page ${served} for ${await context.req.text()}`
    if (asked.type === 'no-payment-required') return context.text(body)
    const charge = charges[context.req.path]
    const settled = await server.processSettlement(
      asked.paymentPayload,
      asked.paymentRequirements,
      asked.declaredExtensions,
      { request },
      charge === undefined ? undefined : { amount: charge },
    )
    return settled.success ? context.text(body, 200, settled.headers) : answer(settled.response)
  })
  const http = createAdaptorServer({ fetch: app.fetch }) as Server
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    served: () => served,
    stop: async () => {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

function requestOf({ req }: Context): HTTPRequestContext {
  const paymentHeader = req.header('payment-signature')
  return {
    adapter: {
      getHeader: (name) => req.header(name),
      getMethod: () => req.method,
      getPath: () => req.path,
      getUrl: () => req.url,
      getAcceptHeader: () => req.header('accept') ?? '',
      getUserAgent: () => req.header('user-agent') ?? '',
    },
    path: req.path,
    method: req.method,
    ...(paymentHeader === undefined ? {} : { paymentHeader }),
  }
}

const answer = ({
  status,
  headers,
  body,
}: {
  status: number
  headers: Record<string, string>
  body?: unknown
}): Response =>
  new Response(body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body), { status, headers })
