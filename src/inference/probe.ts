import {
  canonicalBytes,
  type Digest,
  encodeTensors,
  H,
  type Json,
  keccak,
  sha256,
  type Tensor,
  type Tensors,
  utf8,
} from '../protocol/index.ts'
import { encodeOnnxModel, type OnnxGraph } from './onnx.ts'
import type { RuntimeDescription } from './types.ts'

/**
 * Options of every session. One thread and sequential order: the order of additions, and so the bits of a sum, must not
 * depend on how many cores are free.
 */
export const SESSION_OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  enableCpuMemArena: true,
  enableMemPattern: true,
} as const

export const sessionOptionsText = (): string =>
  new TextDecoder().decode(canonicalBytes(SESSION_OPTIONS as unknown as Json))

/** R16: digest over engine, version, execution provider, session options and the outputs of the probe models. */
export function runtimeClassOf(runtime: RuntimeDescription): Digest {
  const text = (value: string): Digest => keccak(utf8(value))
  return H(
    'OPG/runtime/1',
    text(runtime.engine),
    text(runtime.version),
    text(runtime.provider),
    text(runtime.options),
    runtime.probe,
  )
}

export interface Probe {
  readonly model: Uint8Array
  readonly inputs: Tensors
}

/** Floats in (-1, 1) with full mantissas: rounding differs wherever the order of operations does. */
function noise(seed: number, shape: readonly number[]): Tensor {
  let state = seed
  const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1))
  for (let at = 0; at < data.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[at] = state / 2 ** 31 - 1
  }
  return { dtype: 'F32', shape, data }
}

/**
 * Small graphs over the kernels whose bits differ between processors: long dot products with one row and with many,
 * transcendental functions, normalisation, reduction, convolution.
 */
export function probes(): readonly Probe[] {
  return [probe(denseGraph, { x: noise(1, [1, 331]) }), probe(denseGraph, { x: noise(2, [7, 331]) }), convolution()]
}

const probe = (graph: OnnxGraph, inputs: Tensors): Probe => ({ model: encodeOnnxModel(graph), inputs })

const denseGraph: OnnxGraph = {
  name: 'dense',
  inputs: [{ name: 'x', dtype: 'F32', shape: ['batch', 331] }],
  outputs: [
    { name: 'normal', dtype: 'F32', shape: ['batch', 73] },
    { name: 'softmax', dtype: 'F32', shape: ['batch', 41] },
    { name: 'erf', dtype: 'F32', shape: ['batch', 41] },
    { name: 'sum', dtype: 'F32', shape: ['batch', 1] },
  ],
  nodes: [
    { op: 'MatMul', inputs: ['x', 'w1'], outputs: ['a'] },
    { op: 'Tanh', inputs: ['a'], outputs: ['b'] },
    { op: 'LayerNormalization', inputs: ['b', 'scale'], outputs: ['normal'] },
    { op: 'MatMul', inputs: ['normal', 'w2'], outputs: ['c'] },
    { op: 'Softmax', inputs: ['c'], outputs: ['softmax'], attributes: { axis: { int: -1 } } },
    { op: 'Erf', inputs: ['c'], outputs: ['erf'] },
    { op: 'Sigmoid', inputs: ['c'], outputs: ['d'] },
    { op: 'Exp', inputs: ['d'], outputs: ['e'] },
    { op: 'Log', inputs: ['e'], outputs: ['f'] },
    { op: 'Add', inputs: ['e', 'f'], outputs: ['g'] },
    { op: 'ReduceSum', inputs: ['g', 'axes'], outputs: ['sum'] },
  ],
  initializers: {
    w1: noise(3, [331, 73]),
    w2: noise(4, [73, 41]),
    scale: noise(5, [73]),
    axes: { dtype: 'I64', shape: [1], data: BigInt64Array.of(1n) },
  },
}

function convolution(): Probe {
  const graph: OnnxGraph = {
    name: 'convolution',
    inputs: [{ name: 'x', dtype: 'F32', shape: [1, 16, 19, 23] }],
    outputs: [{ name: 'y', dtype: 'F32', shape: [1, 32, 17, 21] }],
    nodes: [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'], attributes: { kernel_shape: { ints: [3, 3] } } },
      { op: 'Relu', inputs: ['a'], outputs: ['y'] },
    ],
    initializers: { w: noise(6, [32, 16, 3, 3]) },
  }
  return probe(graph, { x: noise(7, [1, 16, 19, 23]) })
}

/** One digest of the outputs of all probes, in order. */
export function probeDigest(outputs: readonly Tensors[]): Digest {
  const digests = outputs.map((tensors) => sha256(encodeTensors(tensors)).slice(2))
  return sha256(utf8(digests.join('')))
}
