import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { readBody, readJson } from '../../../../src/gateway/http/body.ts'
import { createInFlight } from '../../../../src/gateway/http/inFlight.ts'
import { type Bindings, rateLimit } from '../../../../src/gateway/http/rateLimit.ts'
import { startHttpServer } from '../../../../src/gateway/http/server.ts'

const MAX_BYTES = 8
const post = (body: ReadableStream<Uint8Array> | string | null, headers: Record<string, string> = {}): Request =>
  new Request('http://gateway.invalid/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)

const chunks = (count: number): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull(controller) {
      if (count-- > 0) controller.enqueue(new Uint8Array(4))
      else controller.close()
    },
  })

describe('a body', () => {
  it('is read whole up to its limit', async () => {
    const whole = await readBody(post(chunks(2)), MAX_BYTES)
    expect(whole.ok && whole.value.length).toBe(8)
    expect(await readBody(post(null), MAX_BYTES)).toMatchObject({ ok: true })
  })

  it('is refused above its limit, announced or not', async () => {
    expect(await readBody(post(chunks(3)), MAX_BYTES)).toMatchObject({ error: { code: 'body-too-large' } })
    expect(await readBody(post(chunks(1), { 'content-length': '9' }), MAX_BYTES)).toMatchObject({
      error: { code: 'body-too-large' },
    })
  })

  it('is JSON in UTF-8 by its type and by its bytes', async () => {
    const json = { 'content-type': 'application/json' }
    expect(await readJson(post('{"a":1}', json), MAX_BYTES)).toEqual({ ok: true, value: { a: 1 } })
    expect(await readJson(post('{"a":', json), MAX_BYTES)).toMatchObject({ error: { code: 'json-invalid' } })
    expect(await readJson(post('{}', { 'content-type': 'text/plain' }), MAX_BYTES)).toMatchObject({
      error: { code: 'media-type-unsupported' },
    })
  })
})

describe('a rate limit', () => {
  it('lets a burst of an address through, then as many as trickle in', async () => {
    let now = 0
    const app = new Hono<Bindings>()
    app.use(rateLimit(() => now, { perSecond: 2, burst: 3 }))
    app.get('/', (context) => context.text('here'))
    const server = await startHttpServer(app.fetch, { host: '127.0.0.1', port: 0, setting: 'port' })
    try {
      const ask = async (): Promise<number> => (await fetch(server.url, { headers: { connection: 'close' } })).status
      expect([await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 429])
      now += 500
      expect([await ask(), await ask()]).toEqual([200, 429])
    } finally {
      await server.stop()
    }
  })
})

describe('requests under way', () => {
  it('are so many at once', () => {
    const inFlight = createInFlight({ maxAtOnce: 1 })
    const first = inFlight.enter()
    expect(inFlight.enter()).toMatchObject({ error: { status: 503, code: 'busy' } })
    if (first.ok) {
      first.value()
      first.value()
    }
    expect(inFlight.count).toBe(0)
    expect(inFlight.enter().ok).toBe(true)
  })

  it('are finished while new ones are refused', async () => {
    const inFlight = createInFlight({ maxAtOnce: 2 })
    const first = inFlight.enter()
    let drained = false
    const draining = inFlight.drain(30_000).then(() => {
      drained = true
    })
    expect(inFlight.enter()).toMatchObject({ error: { status: 503, code: 'stopping' } })
    await Promise.resolve()
    expect(drained).toBe(false)
    if (first.ok) first.value()
    await draining
    expect(drained).toBe(true)
  })
})

describe('an HTTP server', () => {
  const init = { host: '127.0.0.1', port: 0, setting: 'port', limits: { maxHeaderBytes: 2_048 } }

  it('serves on a port of the system, refuses headers above the limit, and says which port is taken', async () => {
    const server = await startHttpServer(() => new Response('here'), init)
    try {
      expect(await (await fetch(server.url)).text()).toBe('here')
      const large = await fetch(server.url, { headers: { 'payment-signature': 'x'.repeat(4_096) } })
      expect(large.status).toBe(431)
      const port = Number(new URL(server.url).port)
      await expect(startHttpServer(() => new Response(), { ...init, port })).rejects.toMatchObject({
        code: 'port-taken',
      })
    } finally {
      await server.stop()
      await server.stop()
    }
  })
})
