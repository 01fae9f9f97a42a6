import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { slowInput, writeSlowModel } from '../../../devnet/models/slow.ts'
import {
  type InferenceEngine,
  type InferenceEvent,
  type InferenceInit,
  type LocalModel,
  onnxEngine,
} from '../../../src/inference/index.ts'
import { codeOf, runOn, temporaryDirectory, tinyInput, until, writeModel } from './fixtures.ts'

const FOREVER = slowInput(Number.MAX_SAFE_INTEGER)

let tiny: LocalModel
let slow: LocalModel
let engine: InferenceEngine
let events: InferenceEvent[]

beforeAll(async () => {
  tiny = await writeModel()
  slow = await writeSlowModel(await temporaryDirectory())
})

async function startEngine(init: InferenceInit = {}): Promise<void> {
  events = []
  engine = onnxEngine(init)({ clock: Date.now, report: (event) => events.push(event) })
  await engine.start()
  await engine.load(tiny)
  await engine.load(slow)
}

afterEach(() => engine.stop())

const busy = (): boolean => engine.capacity().busy > 0
const names = (): string[] => events.map(({ event }) => event)

describe('a deadline', () => {
  it('kills the run that passes it, and the jobs behind it are done by the next worker', async () => {
    await startEngine()
    const endless = runOn(engine, slow, FOREVER, { deadline: Date.now() + 400 })
    const behind = [1, 2, 3].map((value) => codeOf(runOn(engine, tiny, tinyInput([value, 0, 0]))))
    expect(await endless).toMatchObject({
      ok: false,
      error: { detail: { code: 'deadline-exceeded', phase: 'running' } },
    })
    expect(await Promise.all(behind)).toEqual(['ok', 'ok', 'ok'])
    expect(engine.counters()).toMatchObject({ completed: 3, failed: 1, killed: 1, crashed: 0, restarted: 1 })
    expect(names()).toContain('worker-killed')
  })

  it('that passes in the queue costs no worker', async () => {
    await startEngine()
    const controller = new AbortController()
    const endless = codeOf(runOn(engine, slow, FOREVER, { signal: controller.signal }))
    const waiting = await runOn(engine, tiny, tinyInput([1, 0, 0]), { deadline: Date.now() + 100 })
    expect(waiting).toMatchObject({ ok: false, error: { detail: { code: 'deadline-exceeded', phase: 'queued' } } })
    expect(engine.counters().killed).toBe(0)
    controller.abort()
    expect(await endless).toBe('cancelled')
  })
})

describe('cancelling', () => {
  it('a running job answers at once and frees its worker', async () => {
    await startEngine()
    const controller = new AbortController()
    const job = codeOf(runOn(engine, slow, FOREVER, { signal: controller.signal }))
    await until(busy)
    controller.abort()
    expect(await job).toBe('cancelled')
    expect(await codeOf(runOn(engine, tiny, tinyInput([1, 0, 0])))).toBe('ok')
    expect(engine.counters()).toMatchObject({ killed: 1, crashed: 0 })
  })

  it('a waiting job leaves the queue', async () => {
    await startEngine()
    const endless = codeOf(runOn(engine, slow, FOREVER, { deadline: Date.now() + 800 }))
    const controller = new AbortController()
    const waiting = codeOf(runOn(engine, tiny, tinyInput([1, 0, 0]), { signal: controller.signal }))
    expect(engine.capacity()).toEqual({ workers: 1, busy: 1, queued: 1 })
    controller.abort()
    expect(await waiting).toBe('cancelled')
    expect(engine.capacity().queued).toBe(0)
    expect(await endless).toBe('deadline-exceeded')
  })
})

it('a full queue answers busy', async () => {
  await startEngine({ maxQueuedJobs: 2 })
  const endless = codeOf(runOn(engine, slow, FOREVER, { deadline: Date.now() + 500 }))
  const waiting = [1, 2].map((value) => codeOf(runOn(engine, tiny, tinyInput([value, 0, 0]))))
  const refused = await runOn(engine, tiny, tinyInput([3, 0, 0]))
  expect(refused).toMatchObject({ ok: false, error: { detail: { code: 'busy', queued: 2, limit: 2 } } })
  expect(await endless).toBe('deadline-exceeded')
  expect(await Promise.all(waiting)).toEqual(['ok', 'ok'])
})
