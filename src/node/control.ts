import { rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { toError } from '../protocol/index.ts'
import { CONTROL_TIMEOUT_MS, MAX_CONTROL_BYTES } from './constants.ts'
import { NodeError } from './errors.ts'
import { assertSocketPath, type Home } from './home.ts'
import { closeServer } from './metrics.ts'

/** What the control socket answers with: every value is JSON. */
export interface ControlHandlers {
  status(): Promise<object>
  offers(): Promise<object>
  batches(): Promise<object>
  /** Claims signed ahead, as files of text. */
  claims(): Promise<object>
  /** Claims and distributes all there is. */
  claim(): Promise<object>
  /** Asks the process to stop; resolves when it was told, not when it is done. */
  stop(): Promise<void>
}

export interface ControlServer {
  stop(): Promise<void>
}

/**
 * HTTP over the home's Unix socket, for the one who owns the home: GET /status, /offers, /batches, /claims, POST /claim, /stop. The
 * caller holds the store's lock, so a socket that is there is of a process that died.
 */
export async function startControl(path: string, handlers: ControlHandlers): Promise<ControlServer> {
  assertSocketPath(path)
  await rm(path, { force: true })
  const app = new Hono()
  app.get('/status', async (context) => context.json(await handlers.status()))
  app.get('/offers', async (context) => context.json(await handlers.offers()))
  app.get('/batches', async (context) => context.json(await handlers.batches()))
  app.get('/claims', async (context) => context.json(await handlers.claims()))
  app.post('/claim', async (context) => context.json(await handlers.claim()))
  app.post('/stop', async (context) => {
    await handlers.stop()
    return context.json({ stopping: true }, 202)
  })
  app.onError((error, context) => context.json({ code: 'failed', message: error.message }, 500))
  const server = createAdaptorServer({ fetch: app.fetch })
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
  } finally {
    process.umask(mask)
  }
  return {
    stop: async () => {
      await closeServer(server)
      await rm(path, { force: true })
    },
  }
}

/** Asks the node that runs on a home. Throws NodeError `node-not-running | control-failed`. */
export async function askControl(
  home: Pick<Home, 'directory' | 'controlSocket'>,
  method: 'GET' | 'POST',
  path: '/status' | '/offers' | '/batches' | '/claims' | '/claim' | '/stop',
  timeoutMs: number = CONTROL_TIMEOUT_MS,
): Promise<unknown> {
  const response = await connect(home, method, path, timeoutMs)
  const text = await readText(response)
  const status = response.statusCode ?? 0
  if (status < 200 || status > 299) {
    throw new NodeError(
      { code: 'control-failed', home: home.directory, status },
      `the node at ${home.directory} answered ${path} with ${status}: ${text}`,
    )
  }
  return JSON.parse(text)
}

function connect(
  { directory, controlSocket }: Pick<Home, 'directory' | 'controlSocket'>,
  method: string,
  path: string,
  timeoutMs: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: controlSocket, method, path, timeout: timeoutMs }, resolve)
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    outgoing.once('error', (cause) => {
      const detail = { code: 'node-not-running', home: directory } as const
      const message = `expected a running node at ${directory}: ${toError(cause).message}; start one with "opg node start"`
      reject(new NodeError(detail, message, { cause }))
    })
    outgoing.end()
  })
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MAX_CONTROL_BYTES) throw new RangeError('the control answer is too large')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
