import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { askControl, startControl } from '../../../src/node/control.ts'
import { homeAt } from '../../../src/node/home.ts'
import { createLogger } from '../../../src/node/logger.ts'
import { createRegistry, type Health, startMetrics } from '../../../src/node/metrics.ts'
import { resolveModel } from '../../../src/node/modelFolder.ts'
import { modelCid } from '../../../src/protocol/index.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-surface-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a log line', () => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk))
      done()
    },
  })

  test('is JSON with time, level, room and message', () => {
    createLogger('info', stream).child({ room: 'node' }).warn({ code: 'x', jobId: '0x1' }, 'said')
    const line = JSON.parse(lines.pop() ?? '')
    expect(line).toEqual({
      time: expect.any(Number),
      level: 'warn',
      room: 'node',
      code: 'x',
      jobId: '0x1',
      msg: 'said',
    })
  })

  test('never holds keys, passwords, inputs or outputs', () => {
    const fields = { privateKey: 'secret', password: 'secret', job: { input: 'secret', output: 'secret' } }
    createLogger('info', stream).info(fields, 'said')
    expect(lines.pop()).not.toContain('secret')
  })
})

describe('metrics over HTTP', () => {
  test('tell what the registry holds and whether the node is well', async () => {
    let health: Health = { ok: true, parts: { chain: 'following' } }
    const server = await startMetrics(
      { registry: createRegistry(), health: () => health },
      { host: '127.0.0.1', port: 0 },
    )
    try {
      const metrics = await fetch(`${server.url}/metrics`)
      expect(metrics.headers.get('content-type')).toContain('text/plain')
      expect(await metrics.text()).toContain('opg_process_cpu_seconds_total')
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
      health = { ok: false, parts: { chain: 'no block' } }
      const ill = await fetch(`${server.url}/healthz`)
      expect([ill.status, await ill.json()]).toEqual([503, health])
      const { port } = new URL(server.url)
      const twin = startMetrics(
        { registry: createRegistry(), health: () => health },
        { host: '127.0.0.1', port: Number(port) },
      )
      await expect(twin).rejects.toMatchObject({ code: 'port-taken' })
    } finally {
      await server.stop()
    }
  })
})

describe('the control socket', () => {
  test('answers its owner, stops when told, and leaves nothing behind', async () => {
    const home = homeAt(directory)
    let stopped = 0
    const server = await startControl(home.controlSocket, {
      status: async () => ({ peers: 3 }),
      offers: async () => ({ offers: [] }),
      batches: async () => {
        throw new Error('no chain')
      },
      claims: async () => ({ files: [] }),
      claim: async () => ({ rows: 0 }),
      stop: async () => {
        stopped += 1
      },
    })
    expect((await stat(home.controlSocket)).mode & 0o077).toBe(0)
    expect(await askControl(home, 'GET', '/status')).toEqual({ peers: 3 })
    expect(await askControl(home, 'POST', '/stop')).toEqual({ stopping: true })
    expect(stopped).toBe(1)
    expect(await askControl(home, 'GET', '/claims')).toEqual({ files: [] })
    expect(await askControl(home, 'POST', '/claim')).toEqual({ rows: 0 })
    await expect(askControl(home, 'GET', '/batches')).rejects.toMatchObject({ code: 'control-failed' })
    await server.stop()
    expect(existsSync(home.controlSocket)).toBe(false)
    await expect(askControl(home, 'GET', '/status')).rejects.toMatchObject({ code: 'node-not-running' })
  })

  test('takes over the socket a killed process left', async () => {
    const home = homeAt(directory)
    const handlers = {
      status: async () => ({}),
      offers: async () => ({}),
      batches: async () => ({}),
      claims: async () => ({}),
      claim: async () => ({}),
      stop: async () => undefined,
    }
    await startControl(home.controlSocket, handlers)
    const second = await startControl(home.controlSocket, { ...handlers, status: async () => ({ second: true }) })
    expect(await askControl(home, 'GET', '/status')).toEqual({ second: true })
    await second.stop()
  })
})

describe('a model is named by', () => {
  const models = [
    { id: `0x${'aa'.repeat(32)}`, name: 'opg/volatility' },
    { id: `0x${'ab'.repeat(32)}`, name: 'opg/classifier' },
    { id: `0x${'cd'.repeat(32)}` },
  ] as const
  const named = (text: string): string => resolveModel(text, models).id

  test('its id, CID, unique beginning, name or last part of the name', () => {
    for (const text of [models[0].id, modelCid(models[0].id), '0xaa', 'opg/volatility', 'volatility']) {
      expect([text, named(text)]).toEqual([text, models[0].id])
    }
    expect(named('0xc')).toBe(models[2].id)
  })

  test('nothing that names none or two', () => {
    expect(() => named('0xa')).toThrow(expect.objectContaining({ code: 'model-ambiguous' }))
    expect(() => named('gpt')).toThrow(expect.objectContaining({ code: 'model-unknown' }))
    expect(() => named('0x')).toThrow(expect.objectContaining({ code: 'model-unknown' }))
  })
})
