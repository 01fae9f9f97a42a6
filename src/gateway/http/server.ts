import type { Server } from 'node:http'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { NodeError } from '../../node/index.ts'
import { toError } from '../../protocol/index.ts'

/** What one listener bears, whoever connects. Times in ms. */
export interface HttpLimits {
  readonly maxConnections: number
  readonly maxHeaderBytes: number
  /** For all headers of a request to have come. */
  readonly headersTimeoutMs: number
  /** For a whole request to have come. */
  readonly requestTimeoutMs: number
  /** A connection that asks nothing. */
  readonly idleTimeoutMs: number
  /** What runs when the server stops may go on for. */
  readonly drainMs: number
}

export const HTTP_LIMITS: HttpLimits = {
  maxConnections: 256,
  maxHeaderBytes: 64 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  drainMs: 20_000,
}

/** How often the timeouts of what is slow to come are looked at. */
const CHECK_MS = 1_000
/** Between two looks for connections that have become idle since the server closed. */
const DRAIN_POLL_MS = 50

export interface HttpServer {
  /** `http://host:port`. */
  readonly url: string
  /** Takes nothing new, lets what runs end for `drainMs`, then cuts. Safe to call twice. */
  stop(): Promise<void>
}

export interface HttpServerInit {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly limits?: Partial<HttpLimits>
  /** What to change when the port is taken, as the error says it. */
  readonly setting: string
}

/** Serves `fetch` over HTTP/1.1. Throws NodeError `port-taken`. */
export async function startHttpServer(
  fetch: (request: Request, env: HttpBindings) => Response | Promise<Response>,
  { host, port, setting, limits: given = {} }: HttpServerInit,
): Promise<HttpServer> {
  const limits = { ...HTTP_LIMITS, ...given }
  const server = createAdaptorServer({
    fetch: (request, env) => fetch(request, env as HttpBindings),
    serverOptions: {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: CHECK_MS,
    },
  }) as Server
  server.maxConnections = limits.maxConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: unknown) => {
      const message = `expected ${host}:${port} to be free: ${toError(cause).message}; choose another ${setting}`
      reject(new NodeError({ code: 'port-taken', address: `${host}:${port}` }, message, { cause }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  let stopping: Promise<void> | undefined
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    stop: () => {
      stopping ??= drain(server, limits.drainMs)
      return stopping
    },
  }
}

async function drain(server: Server, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  const idle = setInterval(() => server.closeIdleConnections(), DRAIN_POLL_MS)
  const cut = setTimeout(() => server.closeAllConnections(), drainMs)
  await closed
  clearInterval(idle)
  clearTimeout(cut)
}
