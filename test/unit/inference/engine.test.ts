import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { float32 } from '../../../devnet/models/model.ts'
import {
  INFERENCE_ERROR_CODES,
  type InferenceEngine,
  InferenceError,
  type InferenceErrorDetail,
  type LocalModel,
  type OnnxGraph,
  onnxEngine,
  runtimeClassOf,
} from '../../../src/inference/index.ts'
import { decodeTensors, encodeTensors, GRAPH_PATH, isDigest, type Tensors } from '../../../src/protocol/index.ts'
import { codeOf, outputOf, runOn, tinyGraph, tinyInput, tinyManifest, writeModel } from './fixtures.ts'

let engine: InferenceEngine
let tiny: LocalModel

beforeAll(async () => {
  engine = onnxEngine()({ clock: Date.now })
  await engine.start()
  tiny = await writeModel()
  await engine.load(tiny)
})

afterAll(() => engine.stop())

const tensorsOf = (bytes: Uint8Array): Tensors => {
  const tensors = decodeTensors(bytes)
  if (!tensors.ok) throw tensors.error
  return tensors.value
}

async function loadFailure(model: LocalModel): Promise<InferenceErrorDetail> {
  const error = await engine.load(model).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(InferenceError)
  expect(engine.models).not.toContain(model.id)
  return (error as InferenceError).detail
}

describe('a run', () => {
  it('answers canonical tensors, units and times', async () => {
    const before = Date.now()
    const { output, trace, units, startedAt, finishedAt } = await outputOf(
      runOn(engine, tiny, tinyInput([1, 1, 1], [-1, 0, 0], [0, 0, 2])),
    )
    expect(tensorsOf(output)).toEqual({ y: float32([3, 1], [9, 2, 10]) })
    expect(encodeTensors(tensorsOf(output))).toEqual(output)
    expect(trace).toHaveLength(0)
    expect(units).toBe(3)
    expect(startedAt).toBeLessThanOrEqual(finishedAt)
    expect(finishedAt).toBeGreaterThanOrEqual(before)
  })

  it('R17 returns the inner tensors that the manifest names, though the graph does not output them', async () => {
    const plain = await outputOf(runOn(engine, tiny, tinyInput([1, 1, 1])))
    const traced = await outputOf(runOn(engine, tiny, tinyInput([1, 1, 1]), { trace: true }))
    expect(tensorsOf(traced.trace)).toEqual({ hidden: float32([1, 2], [9, 0]) })
    expect(traced.output).toEqual(plain.output)
  })

  it('R16 gives the same bits for the same input', async () => {
    const input = tinyInput([0.1, 0.2, 0.3])
    const first = await outputOf(runOn(engine, tiny, input))
    const second = await outputOf(runOn(engine, tiny, input))
    expect(second.output).toEqual(first.output)
  })

  it('accepts element types other than float', async () => {
    const graph: OnnxGraph = {
      name: 'integers',
      inputs: [{ name: 'x', dtype: 'I64', shape: ['batch'] }],
      outputs: [{ name: 'y', dtype: 'BOOL', shape: ['batch'] }],
      nodes: [{ op: 'Greater', inputs: ['x', 'limit'], outputs: ['y'] }],
      initializers: { limit: { dtype: 'I64', shape: [], data: BigInt64Array.of(2n ** 53n) } },
    }
    const model = await writeModel(graph, {
      inputs: [{ name: 'x', dtype: 'I64', shape: ['batch'], nan: 'refuse' }],
      outputs: [{ name: 'y', dtype: 'BOOL', shape: ['batch'], nan: 'refuse' }],
      trace: [],
    })
    await engine.load(model)
    const x = { dtype: 'I64', shape: [2], data: BigInt64Array.of(2n ** 53n, 2n ** 53n + 1n) } as const
    const { output } = await outputOf(runOn(engine, model, { x }))
    expect(tensorsOf(output)).toEqual({ y: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) } })
  })
})

describe('an input that does not fit', () => {
  const x = (shape: readonly number[], values: readonly number[]): Tensors => ({ x: float32(shape, values) })
  const cases: readonly (readonly [string, Tensors | Uint8Array, string])[] = [
    ['a wrong name', { z: float32([1, 3], [1, 2, 3]) }, 'tensor-unexpected'],
    ['no tensor', {}, 'tensor-missing'],
    ['a wrong type', { x: { dtype: 'F64', shape: [1, 3], data: Float64Array.of(1, 2, 3) } }, 'tensor-dtype-mismatch'],
    ['a wrong rank', x([3], [1, 2, 3]), 'tensor-shape-mismatch'],
    ['a wrong size', x([1, 2], [1, 2]), 'tensor-shape-mismatch'],
    ['an empty batch', x([0, 3], []), 'tensor-shape-mismatch'],
    ['NaN', x([1, 3], [1, Number.NaN, 3]), 'tensor-not-finite'],
    ['an infinity', x([1, 3], [1, 2, Number.NEGATIVE_INFINITY]), 'tensor-not-finite'],
    ['a number out of bounds', x([1, 3], [1, 1001, 3]), 'tensor-out-of-range'],
    ['bytes that are no tensors', new Uint8Array(64).fill(7), 'tensor-limit-exceeded'],
  ]
  it.each(cases.slice(0, -1))('%s is input-invalid and says why', async (_, input, reason) => {
    const result = await runOn(engine, tiny, input)
    expect(result).toMatchObject({ ok: false, error: { detail: { code: 'input-invalid', reason } } })
  })

  it('says what was expected and what came', async () => {
    const result = await runOn(engine, tiny, x([1, 2], [1, 2]))
    expect(result).toMatchObject({ error: { detail: { tensor: 'x', expected: 'F32 [batch, 3]', got: 'F32 [1, 2]' } } })
  })

  it('is input-too-large past the batch of the manifest and past the byte limit', async () => {
    const rows = [1, 2, 3, 4, 5].map((value) => [value, value, value])
    expect(await codeOf(runOn(engine, tiny, tinyInput(...rows)))).toBe('input-too-large')
    expect(await codeOf(runOn(engine, tiny, new Uint8Array(17 * 1024 * 1024)))).toBe('input-too-large')
    expect(await codeOf(runOn(engine, tiny, cases.at(-1)?.[1] ?? {}))).toBe('input-too-large')
  })
})

describe('other refusals', () => {
  it('an unknown model, parameters, a past deadline and an aborted signal have their codes', async () => {
    const input = encodeTensors(tinyInput([1, 2, 3]))
    const deadline = Date.now() + 90_000
    const request = { model: tiny.id, input, parameters: {}, deadline, trace: false }
    expect(await codeOf(engine.run({ ...request, model: `0x${'1'.repeat(64)}` }))).toBe('model-unknown')
    expect(await codeOf(engine.run({ ...request, parameters: { temperature: 1 } }))).toBe('parameters-invalid')
    expect(await codeOf(engine.run({ ...request, parameters: null }))).toBe('parameters-invalid')
    expect(await codeOf(engine.run({ ...request, deadline: Date.now() - 1 }))).toBe('deadline-exceeded')
    expect(await codeOf(engine.run({ ...request, deadline: Number.NaN }))).toBe('deadline-exceeded')
    expect(await codeOf(engine.run({ ...request, signal: AbortSignal.abort() }))).toBe('cancelled')
  })

  it('an engine that is not started answers not-running', async () => {
    const idle = onnxEngine()({ clock: Date.now })
    expect(await codeOf(runOn(idle, tiny, tinyInput([1, 2, 3])))).toBe('not-running')
    expect(() => idle.runtimeClass).toThrow(InferenceError)
    await expect(idle.load(tiny)).rejects.toMatchObject({ code: 'not-running' })
  })

  it('an operator that refuses the values is run-failed, an output that breaks its policy output-invalid', async () => {
    const gather: OnnxGraph = {
      ...tinyGraph,
      nodes: [
        { op: 'Cast', inputs: ['x'], outputs: ['index'], attributes: { to: { int: 7 } } },
        { op: 'Gather', inputs: ['v', 'index'], outputs: ['found'], attributes: { axis: { int: 0 } } },
        {
          op: 'ReduceMax',
          inputs: ['found'],
          outputs: ['y'],
          attributes: { axes: { ints: [1, 2] }, keepdims: { int: 0 } },
        },
      ],
      outputs: [{ name: 'y', dtype: 'F32', shape: ['batch'] }],
    }
    const failing = await writeModel(gather, {
      outputs: [{ name: 'y', dtype: 'F32', shape: ['batch'], nan: 'refuse' }],
      trace: [],
    })
    await engine.load(failing)
    expect(await codeOf(runOn(engine, failing, tinyInput([0, 1, 0])))).toBe('ok')
    expect(await codeOf(runOn(engine, failing, tinyInput([0, 99, 0])))).toBe('run-failed')

    const logarithm: OnnxGraph = {
      ...tinyGraph,
      nodes: [
        ...tinyGraph.nodes.slice(0, -1),
        { op: 'MatMul', inputs: ['hidden', 'v'], outputs: ['sum'] },
        { op: 'Log', inputs: ['sum'], outputs: ['y'] },
      ],
    }
    const infinite = await writeModel(logarithm)
    await engine.load(infinite)
    const result = await runOn(engine, infinite, tinyInput([0, 0, 0]))
    expect(result).toMatchObject({
      error: { detail: { code: 'output-invalid', reason: 'tensor-not-finite', tensor: 'y' } },
    })
  })
})

describe('a model that is not what its manifest says', () => {
  it('is model-corrupt when a file is missing, has another length or other bytes, or the id is not its digest', async () => {
    const misnamed = await writeModel(tinyGraph, { name: 'test/misnamed' })
    const renamed = { ...misnamed, manifest: tinyManifest({ name: 'test/renamed' }) }
    expect(await loadFailure(renamed)).toMatchObject({ code: 'model-corrupt', path: 'manifest.json' })
    const bytes = await readFile(join(misnamed.directory, GRAPH_PATH))
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    const other = await writeModel(tinyGraph, { name: 'test/corrupt' })
    await writeFile(join(other.directory, GRAPH_PATH), bytes)
    expect(await loadFailure(other)).toMatchObject({ code: 'model-corrupt', path: GRAPH_PATH })
    await writeFile(join(other.directory, GRAPH_PATH), bytes.subarray(1))
    expect(await loadFailure(other)).toMatchObject({ code: 'model-corrupt', got: `${bytes.length - 1}` })
    await rm(join(other.directory, GRAPH_PATH))
    expect(await loadFailure(other)).toMatchObject({ code: 'model-corrupt', expected: 'a readable file' })
  })

  it('is model-mismatch when names, types, shapes or versions differ', async () => {
    const x = { name: 'x', dtype: 'F32', shape: ['batch', 3], nan: 'refuse' } as const
    for (const change of [
      { inputs: [{ ...x, name: 'z' }] },
      { inputs: [{ ...x, dtype: 'F64' as const }] },
      { inputs: [{ ...x, shape: ['batch', 4] }] },
      { inputs: [x, { ...x, name: 'z' }] },
      { outputs: [{ ...x, name: 'hidden_2' }] },
      { opset: 16 },
    ]) {
      expect(await loadFailure(await writeModel(tinyGraph, change))).toMatchObject({ code: 'model-mismatch' })
    }
  })

  it('is model-unsupported for unknown operators, unknown trace tensors and reserved kinds', async () => {
    const strange = { ...tinyGraph, nodes: [{ op: 'Strange', inputs: ['x'], outputs: ['y'] }] }
    for (const model of [
      await writeModel(strange, { trace: [] }),
      await writeModel(tinyGraph, { trace: ['no_such_tensor'] }),
      await writeModel(tinyGraph, { kind: 'language' }),
    ]) {
      expect(await loadFailure(model)).toMatchObject({ code: 'model-unsupported' })
    }
  })

  it('leaves the models already loaded at work', async () => {
    expect(await codeOf(runOn(engine, tiny, tinyInput([1, 2, 3])))).toBe('ok')
  })
})

it('unload forgets a model', async () => {
  const model = await writeModel(tinyGraph, { name: 'test/forgotten' })
  await engine.load(model)
  expect(await codeOf(runOn(engine, model, tinyInput([1, 2, 3])))).toBe('ok')
  await engine.unload(model.id)
  expect(await codeOf(runOn(engine, model, tinyInput([1, 2, 3])))).toBe('model-unknown')
})

describe('R16 the runtime class', () => {
  it('is the same after a restart and in every worker', async () => {
    const other = onnxEngine({ workers: 2 })({ clock: Date.now })
    await other.start()
    expect(other.runtimeClass).toBe(engine.runtimeClass)
    await other.stop()
    await other.start()
    expect(other.runtimeClass).toBe(engine.runtimeClass)
    await other.stop()
    expect(isDigest(engine.runtimeClass)).toBe(true)
  })

  it('changes with engine, version, provider, options and probe outputs', () => {
    const { runtime } = engine
    const changes = [
      { engine: 'other' },
      { version: '0.0.1' },
      { provider: 'cuda' },
      { options: '{}' },
      { probe: `0x${'0'.repeat(64)}` as const },
    ]
    const classes = changes.map((change) => runtimeClassOf({ ...runtime, ...change }))
    expect(new Set([engine.runtimeClass, ...classes]).size).toBe(changes.length + 1)
  })
})

it('an execution provider that this build lacks is refused at start, not replaced', async () => {
  const other = onnxEngine({ provider: 'cuda' })({ clock: Date.now })
  await expect(other.start()).rejects.toMatchObject({ code: 'provider-unavailable' })
  expect(other.pids).toEqual([])
})

it('every code has one spelling', () => {
  expect(new Set(INFERENCE_ERROR_CODES).size).toBe(INFERENCE_ERROR_CODES.length)
})
