import type { Server } from 'node:http'
import { type ServerType, serve } from '@hono/node-server'
import { Hono } from 'hono'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { toError } from '../protocol/index.ts'
import { NodeError } from './errors.ts'

export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'opg_' })
  return registry
}

/** What `/healthz` says: 200 when every part is well, else 503. */
export interface Health {
  readonly ok: boolean
  readonly parts: { readonly [name: string]: string }
}

export interface MetricsServer {
  /** `http://host:port`. */
  readonly url: string
  stop(): Promise<void>
}

/** Serves `/metrics` and `/healthz`. Throws NodeError `port-taken`. */
export async function startMetrics(
  components: { readonly registry: Registry; readonly health: () => Health },
  init: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const { registry, health } = components
  const app = new Hono()
  app.get('/metrics', async (context) =>
    context.body(await registry.metrics(), 200, { 'content-type': registry.contentType }),
  )
  app.get('/healthz', (context) => {
    const now = health()
    return context.json(now, now.ok ? 200 : 503)
  })
  const server = await listen(app.fetch, init)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : init.port
  return { url: `http://${init.host}:${port}`, stop: () => closeServer(server) }
}

async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ServerType> {
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port }, () => resolve(server))
    server.once('error', (cause: unknown) => {
      const message = `expected ${host}:${port} to be free: ${toError(cause).message}; choose another metrics.port`
      reject(new NodeError({ code: 'port-taken', address: `${host}:${port}` }, message, { cause }))
    })
  })
}

/** Ends a server and the connections that idle on it. */
export async function closeServer(server: ServerType): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  if ('closeIdleConnections' in server) (server as Server).closeIdleConnections()
  if ('closeAllConnections' in server) setTimeout(() => (server as Server).closeAllConnections(), 500).unref()
  await closed
}
