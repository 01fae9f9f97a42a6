import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { float32, type TensorManifestInit, tensorManifest } from '../../../devnet/models/model.ts'
import {
  encodeOnnxModel,
  type InferenceEngine,
  type LocalModel,
  type OnnxGraph,
  type RunOutput,
} from '../../../src/inference/index.ts'
import {
  encodeTensors,
  GRAPH_PATH,
  MANIFEST_PATH,
  type Manifest,
  manifestId,
  parseManifest,
  type Tensors,
} from '../../../src/protocol/index.ts'

const directories: string[] = []

afterAll(async () => {
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
})

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-inference-'))
  directories.push(directory)
  return directory
}

/** y = relu(x * w) summed by columns: [batch, 3] to [batch, 1], with the inner tensor `hidden` [batch, 2]. */
export const tinyGraph: OnnxGraph = {
  name: 'tiny',
  inputs: [{ name: 'x', dtype: 'F32', shape: ['batch', 3] }],
  outputs: [{ name: 'y', dtype: 'F32', shape: ['batch', 1] }],
  nodes: [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['product'] },
    { op: 'Relu', inputs: ['product'], outputs: ['hidden'] },
    { op: 'MatMul', inputs: ['hidden', 'v'], outputs: ['y'] },
  ],
  initializers: { w: float32([3, 2], [1, -2, 3, -4, 5, -6]), v: float32([2, 1], [1, 1]) },
}

export const tinyInit = (onnx: Uint8Array): TensorManifestInit => ({
  name: 'test/tiny',
  description: 'A tiny graph.',
  graph: tinyGraph,
  onnx,
  inputs: [{ name: 'x', dtype: 'F32', shape: ['batch', 3], nan: 'refuse', max: 1000 }],
  outputs: [{ name: 'y', dtype: 'F32', shape: ['batch', 1], nan: 'refuse' }],
  trace: ['hidden'],
  macOut: 8n,
  memoryMB: 1,
  referenceRate: 1000,
  maxBatch: 4,
})

export const tinyManifest = (change: Partial<Manifest> = {}, graph: OnnxGraph = tinyGraph): Manifest => ({
  ...tensorManifest(tinyInit(encodeOnnxModel(graph))),
  ...change,
})

export async function writeModel(graph: OnnxGraph = tinyGraph, change: Partial<Manifest> = {}): Promise<LocalModel> {
  const directory = await temporaryDirectory()
  const file = join(directory, GRAPH_PATH)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, encodeOnnxModel(graph))
  const manifest = tinyManifest(change, graph)
  return { id: manifestId(manifest), manifest, directory }
}

export async function readModel(directory: string): Promise<LocalModel> {
  const manifest = parseManifest(await readFile(join(directory, MANIFEST_PATH)))
  if (!manifest.ok) throw manifest.error
  return { id: manifestId(manifest.value), manifest: manifest.value, directory }
}

export const tinyInput = (...rows: readonly (readonly number[])[]): Tensors => ({
  x: float32([rows.length, 3], rows.flat()),
})

export interface RunChange {
  readonly deadline?: number
  readonly trace?: boolean
  readonly signal?: AbortSignal
}

export const runOn = (
  engine: InferenceEngine,
  model: LocalModel,
  input: Tensors | Uint8Array,
  change: RunChange = {},
) =>
  engine.run({
    model: model.id,
    input: input instanceof Uint8Array ? input : encodeTensors(input),
    parameters: {},
    deadline: Date.now() + 90_000,
    trace: false,
    ...change,
  })

export async function outputOf(result: ReturnType<InferenceEngine['run']>): Promise<RunOutput> {
  const settled = await result
  if (!settled.ok) throw settled.error
  return settled.value
}

export async function codeOf(result: ReturnType<InferenceEngine['run']>): Promise<string> {
  const settled = await result
  return settled.ok ? 'ok' : settled.error.code
}

/** Polls: processes die and start when the system gets to it. */
export async function until(condition: () => boolean, ms = 90_000): Promise<void> {
  const end = Date.now() + ms
  while (!condition()) {
    if (Date.now() > end) throw new Error('expected the condition within the hang bound')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
