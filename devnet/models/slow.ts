import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encodeOnnxModel, type InferenceEngine, type LocalModel, type OnnxGraph } from '../../src/inference/index.ts'
import {
  encodeTensors,
  GRAPH_PATH,
  MANIFEST_PATH,
  manifestBytes,
  manifestId,
  type Tensor,
} from '../../src/protocol/index.ts'
import { float32, tensorManifest } from './model.ts'

/** A model for tests and measurements, never for an offer: it multiplies matrices as many rounds as its input says. */

const WIDTH = 128
/** One second and more of rounds on any machine is found by doubling from here. */
const FIRST_ROUNDS = 64
const CALIBRATION_MS = 250
const CALIBRATION_DEADLINE_MS = 60_000

function slowGraph(): OnnxGraph {
  const rotation = new Float32Array(WIDTH * WIDTH)
  for (let row = 0; row < WIDTH; row += 1) rotation[row * WIDTH + ((row + 1) % WIDTH)] = 1
  const state: Tensor = float32(
    [WIDTH, WIDTH],
    Float32Array.from({ length: WIDTH * WIDTH }, (_, at) => at / (WIDTH * WIDTH)),
  )
  const truth: Tensor = { dtype: 'BOOL', shape: [], data: Uint8Array.of(1) }
  const body: OnnxGraph = {
    name: 'round',
    inputs: [
      { name: 'round', dtype: 'I64', shape: [] },
      { name: 'go', dtype: 'BOOL', shape: [] },
      { name: 'before', dtype: 'F32', shape: [WIDTH, WIDTH] },
    ],
    outputs: [
      { name: 'go_on', dtype: 'BOOL', shape: [] },
      { name: 'after', dtype: 'F32', shape: [WIDTH, WIDTH] },
    ],
    nodes: [
      { op: 'MatMul', inputs: ['before', 'rotation'], outputs: ['after'] },
      { op: 'Identity', inputs: ['go'], outputs: ['go_on'] },
    ],
    initializers: {},
  }
  return {
    name: 'slow',
    inputs: [{ name: 'rounds', dtype: 'I64', shape: [1] }],
    outputs: [{ name: 'checksum', dtype: 'F32', shape: [1] }],
    nodes: [
      { op: 'Squeeze', inputs: ['rounds'], outputs: ['trips'] },
      { op: 'Loop', inputs: ['trips', 'go_first', 'state'], outputs: ['end'], attributes: { body: { graph: body } } },
      { op: 'Gather', inputs: ['end', 'first'], outputs: ['row'], attributes: { axis: { int: 0 } } },
      {
        op: 'ReduceMax',
        inputs: ['row'],
        outputs: ['checksum'],
        attributes: { axes: { ints: [0] }, keepdims: { int: 1 } },
      },
    ],
    initializers: {
      rotation: float32([WIDTH, WIDTH], rotation),
      state,
      go_first: truth,
      first: { dtype: 'I64', shape: [], data: BigInt64Array.of(0n) },
    },
  }
}

/** Writes the model under `directory`, ready for `engine.load`. */
export async function writeSlowModel(directory: string): Promise<LocalModel> {
  const graph = slowGraph()
  const onnx = encodeOnnxModel(graph)
  const manifest = tensorManifest({
    name: 'opg/slow',
    description: 'Multiplies matrices as many rounds as it is told. For tests only.',
    graph,
    onnx,
    inputs: [{ name: 'rounds', dtype: 'I64', shape: [1], nan: 'allow', min: 0 }],
    outputs: [{ name: 'checksum', dtype: 'F32', shape: [1], nan: 'refuse' }],
    trace: [],
    macOut: BigInt(WIDTH) ** 3n,
    memoryMB: 16,
    referenceRate: 1,
    maxBatch: 1,
  })
  for (const [path, bytes] of [
    [GRAPH_PATH, onnx],
    [MANIFEST_PATH, manifestBytes(manifest)],
  ] as const) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), bytes)
  }
  return { id: manifestId(manifest), manifest, directory }
}

/** Canonical input for a number of rounds. `Number.MAX_SAFE_INTEGER` never ends. */
export const slowInput = (rounds: number): Uint8Array =>
  encodeTensors({ rounds: { dtype: 'I64', shape: [1], data: BigInt64Array.of(BigInt(rounds)) } })

/** Rounds that keep a worker of this engine, as loaded as it is now, busy for about `seconds`. */
export async function slowRounds(engine: InferenceEngine, model: LocalModel, seconds: number): Promise<number> {
  for (let rounds = FIRST_ROUNDS; ; rounds *= 2) {
    const deadline = Date.now() + CALIBRATION_DEADLINE_MS
    const result = await engine.run({
      model: model.id,
      input: slowInput(rounds),
      parameters: {},
      deadline,
      trace: false,
    })
    if (!result.ok) throw result.error
    const ms = result.value.finishedAt - result.value.startedAt
    if (ms >= CALIBRATION_MS) return Math.max(1, Math.round((rounds * seconds * 1000) / ms))
  }
}
