import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type InferenceEngine, type LocalModel, onnxEngine, type RunOutput } from '../../../src/inference/index.ts'
import { encodeTensors, H, type JobRecord, keccak, type Tensors } from '../../../src/protocol/index.ts'
import { checkReceipt, replayReceipt, sketchOf } from '../../../src/verification/index.ts'
import { buildRecord, contextOf, type RecordHooks } from '../../support/records.ts'
import { writeModel } from '../inference/fixtures.ts'

const clock = Date.now
let engine: InferenceEngine
let model: LocalModel
let input: Uint8Array
let honest: RunOutput

const tensors = (rows: number): Tensors => ({
  x: { dtype: 'F32', shape: [rows, 3], data: Float32Array.from({ length: rows * 3 }, (_, at) => at + 0.1) },
})

async function run(bytes: Uint8Array): Promise<RunOutput> {
  const result = await engine.run({
    model: model.id,
    input: bytes,
    parameters: {},
    deadline: clock() + 20_000,
    trace: true,
  })
  if (!result.ok) throw result.error
  return result.value
}

beforeAll(async () => {
  engine = onnxEngine()({ clock })
  await engine.start()
  model = await writeModel()
  await engine.load(model)
  input = encodeTensors(tensors(2))
  honest = await run(input)
})

afterAll(() => engine.stop())

const recordOf = (hooks: RecordHooks = {}): JobRecord =>
  buildRecord({
    model: model.id,
    input,
    output: honest.output,
    units: honest.units,
    runtimeClass: engine.runtimeClass,
    traceHash: keccak(honest.trace),
    ...hooks,
  })
const replay = (record: JobRecord) => replayReceipt(record, { engine, clock }, { manifest: model.manifest })
const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, place) => (place === at ? byte ^ 1 : byte))

describe('R16 a replay on the real engine', () => {
  it('matches an honest record bit by bit inside one runtime class', async () => {
    const record = recordOf()
    expect(checkReceipt(record, contextOf(record))).toMatchObject({ ok: true })
    const result = await replay(record)
    expect(result).toMatchObject({ verdict: 'match', method: 'exact-replay' })
    const trace = result.verdict === 'match' ? result.trace : new Uint8Array(0)
    expect(sketchOf(trace, H('test/seat')).length).toBeGreaterThan(0)
  })

  it('finds one changed bit of the output', async () => {
    const record = recordOf({ output: changed(honest.output, honest.output.length - 4) })
    expect(checkReceipt(record, contextOf(record))).toMatchObject({ ok: true })
    expect(await replay(record)).toMatchObject({
      verdict: 'mismatch',
      reason: 'output-mismatch',
      method: 'exact-replay',
    })
  })

  it('R17 finds a trace that was never computed', async () => {
    const record = recordOf({ traceHash: H('test/made-up') })
    expect(checkReceipt(record, contextOf(record))).toMatchObject({ ok: true })
    expect(await replay(record)).toMatchObject({ verdict: 'mismatch', reason: 'trace-mismatch' })
  })

  it('finds units that no run gives', async () => {
    expect(await replay(recordOf({ units: 3 }))).toMatchObject({ verdict: 'mismatch', reason: 'output-mismatch' })
  })

  it('compares by tolerance between classes, and the trace not at all', async () => {
    const other = { runtimeClass: H('test/other-class'), traceHash: H('test/other-trace') }
    const near = changed(honest.output, honest.output.length - 4)
    expect(await replay(recordOf({ ...other, output: near }))).toMatchObject({
      verdict: 'match',
      method: 'tolerant-replay',
    })
    const far = changed(honest.output, honest.output.length - 2)
    expect(await replay(recordOf({ ...other, output: far }))).toMatchObject({
      verdict: 'mismatch',
      reason: 'output-mismatch',
      method: 'tolerant-replay',
    })
    expect(await replay(recordOf({ ...other, output: new Uint8Array(9) }))).toMatchObject({ reason: 'output-mismatch' })
  })

  it('blames an answer to an input the model refuses', async () => {
    const bad = encodeTensors({ x: { dtype: 'F32', shape: [1, 4], data: Float32Array.of(1, 2, 3, 4) } })
    expect(await replay(recordOf({ input: bad }))).toMatchObject({ verdict: 'mismatch', reason: 'output-mismatch' })
  })

  it.each([
    ['transcript-missing', () => recordOf({ record: ({ transcript: _, ...rest }) => rest })],
    ['model-missing', () => recordOf({ model: H('test/unknown') })],
  ] as const)('abstains with %s', async (cause, make) => {
    expect(await replay(make())).toEqual({ verdict: 'abstain', cause })
  })

  it('abstains when there is no time left', async () => {
    const init = { manifest: model.manifest, timeoutMs: -1 }
    expect(await replayReceipt(recordOf(), { engine, clock }, init)).toEqual({ verdict: 'abstain', cause: 'timeout' })
  })
})
