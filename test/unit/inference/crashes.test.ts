import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { slowInput, slowRounds, writeSlowModel } from '../../../devnet/models/slow.ts'
import {
  type InferenceEngine,
  type InferenceEvent,
  type InferenceInit,
  type LocalModel,
  onnxEngine,
} from '../../../src/inference/index.ts'
import { codeOf, outputOf, runOn, temporaryDirectory, tinyInput, until, writeModel } from './fixtures.ts'

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

const killWorker = (): void => {
  process.kill(engine.pids[0] ?? -1, 'SIGKILL')
}
const busy = (): boolean => engine.capacity().busy > 0
describe('a worker that dies', () => {
  it('is replaced, and the job it ran is run again', async () => {
    await startEngine()
    const rounds = await slowRounds(engine, slow, 0.5)
    const job = codeOf(runOn(engine, slow, slowInput(rounds)))
    await until(busy)
    killWorker()
    expect(await job).toBe('ok')
    expect(engine.counters()).toMatchObject({ crashed: 1, restarted: 1, killed: 0 })
    expect(events.find(({ event }) => event === 'worker-crashed')).toMatchObject({
      signal: 'SIGKILL',
      restartInMs: 100,
    })
  })

  it('with many jobs in its pipe loses none of them', async () => {
    await startEngine()
    await outputOf(runOn(engine, tiny, tinyInput([1, 0, 0])))
    const jobs = Array.from({ length: 400 }, (_, value) => codeOf(runOn(engine, tiny, tinyInput([value, 0, 0]))))
    await jobs[10]
    killWorker()
    expect(new Set(await Promise.all(jobs))).toEqual(new Set(['ok']))
    expect(engine.counters().crashed).toBe(1)
  })

  it('twice under one job makes that job worker-crashed, with growing pauses', async () => {
    await startEngine()
    const job = runOn(engine, slow, FOREVER)
    for (let death = 1; death <= 2; death += 1) {
      await until(busy)
      killWorker()
      await until(() => engine.counters().crashed === death)
    }
    expect(await job).toMatchObject({
      ok: false,
      error: { detail: { code: 'worker-crashed', signal: 'SIGKILL', attempts: 2 } },
    })
    expect(events.flatMap((event) => (event.event === 'worker-crashed' ? event.restartInMs : []))).toEqual([100, 200])
    expect(await codeOf(runOn(engine, tiny, tinyInput([1, 0, 0])))).toBe('ok')
  })
})

it('a second worker serves while the first is busy', async () => {
  await startEngine({ workers: 2 })
  expect(engine.pids).toHaveLength(2)
  const controller = new AbortController()
  const endless = codeOf(runOn(engine, slow, FOREVER, { signal: controller.signal }))
  for (let value = 0; value < 20; value += 1) {
    expect(await codeOf(runOn(engine, tiny, tinyInput([value, 0, 0])))).toBe('ok')
  }
  expect(engine.counters().killed).toBe(0)
  controller.abort()
  expect(await endless).toBe('cancelled')
})

it('stop answers what waits and leaves no process', async () => {
  await startEngine()
  const jobs = [codeOf(runOn(engine, slow, FOREVER)), codeOf(runOn(engine, tiny, tinyInput([1, 0, 0])))]
  await until(busy)
  const { pids } = engine
  await engine.stop()
  expect(await Promise.all(jobs)).toEqual(['not-running', 'not-running'])
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
})

it('a long run leaves the event loop free', async () => {
  await startEngine()
  const rounds = await slowRounds(engine, slow, 2.5)
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 10)
  const { startedAt, finishedAt } = await outputOf(runOn(engine, slow, slowInput(rounds)))
  clearInterval(timer)
  // A run on the loop would hold it to its end; a loaded machine holds it for a part.
  expect(longest).toBeLessThan((finishedAt - startedAt) * 0.9)
})
