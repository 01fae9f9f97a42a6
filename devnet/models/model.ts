import { ONNX_IR, ONNX_OPSET, type OnnxGraph } from '../../src/inference/index.ts'
import {
  GRAPH_PATH,
  type Manifest,
  sha256,
  type Tensor,
  type TensorSpec,
  ZERO_ADDRESS,
} from '../../src/protocol/index.ts'

/** Everything a model folder holds, by path; the manifest is written beside it. */
export interface ModelArtefacts {
  readonly folder: string
  readonly files: { readonly [path: string]: Uint8Array }
  readonly manifest: Manifest
}

export const float32 = (shape: readonly number[], values: ArrayLike<number>): Tensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
})

export interface TensorManifestInit {
  readonly name: string
  readonly description: string
  readonly graph: OnnxGraph
  readonly onnx: Uint8Array
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  readonly trace: readonly string[]
  readonly macOut: bigint
  readonly memoryMB: number
  /** Units per second. Declared at a fraction of what one core does, so that billed time is capped above an honest run. */
  readonly referenceRate: number
  readonly maxBatch: number
}

/** A manifest over the graph alone: README and example data are not part of what runs. The treasury is the payee. */
export function tensorManifest(init: TensorManifestInit): Manifest {
  const { name, description, onnx, inputs, outputs, trace, macOut, memoryMB, referenceRate, maxBatch } = init
  return {
    version: 1,
    name,
    kind: 'tensor',
    description,
    licence: 'Apache-2.0',
    opset: ONNX_OPSET,
    ir: ONNX_IR,
    files: [{ path: GRAPH_PATH, sha256: sha256(onnx), bytes: onnx.length }],
    inputs,
    outputs,
    macIn: 0n,
    macOut,
    memoryMB,
    referenceRate,
    maxBatch,
    trace,
    tolerance: { atol: 1e-5, rtol: 1e-4 },
    payee: ZERO_ADDRESS,
  }
}
