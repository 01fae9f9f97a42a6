import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import {
  checkTensors,
  type Dtype,
  decodeTensors,
  encodeTensors,
  fail,
  GRAPH_PATH,
  ok,
  type Result,
  TENSOR_LIMITS,
  type Tensor,
  type TensorSpec,
  type Tensors,
  toError,
  unitsOf,
} from '../protocol/index.ts'
import { MAX_MODEL_BYTES, MAX_OUTPUT_BYTES, MAX_TRACE_BYTES } from './constants.ts'
import { type InferenceErrorDetail, tensorFailure } from './errors.ts'
import { exposeTensors, readOnnxVersions } from './onnx.ts'
import { probeDigest, probes, SESSION_OPTIONS, sessionOptionsText } from './probe.ts'
import type { ExecutionProvider, LocalModel, RuntimeDescription } from './types.ts'

/** Runs inside a worker process only: every call here may block, or be killed. */

const ENGINE = 'onnxruntime-node'

const ORT_TYPES: { readonly [D in Dtype]: ort.Tensor.Type } = {
  F32: 'float32',
  F64: 'float64',
  I8: 'int8',
  I16: 'int16',
  I32: 'int32',
  I64: 'int64',
  U8: 'uint8',
  BOOL: 'bool',
}
const DTYPE_OF = new Map(Object.entries(ORT_TYPES).map(([dtype, type]) => [type as string, dtype as Dtype]))

/** Graph and run errors are answered, not logged by the library: a peer can cause them at will. */
const LOG_FATAL = 4

const createSession = (
  graph: Uint8Array,
  provider: ExecutionProvider,
  externalData: readonly { path: string; data: Uint8Array }[] = [],
): Promise<ort.InferenceSession> =>
  ort.InferenceSession.create(graph, {
    ...SESSION_OPTIONS,
    executionProviders: [provider],
    logSeverityLevel: LOG_FATAL,
    ...(externalData.length === 0 ? {} : { externalData }),
  })

function toOrt(tensors: Tensors): Record<string, ort.Tensor> {
  const feeds: Record<string, ort.Tensor> = {}
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    feeds[name] = new ort.Tensor(ORT_TYPES[dtype], data as Float32Array, shape)
  }
  return feeds
}

function fromOrt(
  values: ort.InferenceSession.ReturnType,
  names: readonly string[],
): Result<Tensors, InferenceErrorDetail> {
  const tensors: Record<string, Tensor> = {}
  for (const name of names) {
    const value = values[name]
    const dtype = value === undefined ? undefined : DTYPE_OF.get(value.type)
    if (value === undefined || dtype === undefined) {
      const expected = [...DTYPE_OF.keys()].join(', ')
      return fail({
        code: 'output-invalid',
        reason: 'tensor-dtype-unknown',
        tensor: name,
        expected,
        got: value?.type ?? 'nothing',
      })
    }
    tensors[name] = { dtype, shape: [...value.dims], data: value.data } as Tensor
  }
  return ok(tensors)
}

/** Proves that the provider exists and computes, and takes the fingerprint of its bits (R16). */
export async function probeRuntime(
  provider: ExecutionProvider,
): Promise<Result<RuntimeDescription, InferenceErrorDetail>> {
  const backends = ort.listSupportedBackends()
  if (!backends.some((backend) => backend.name === provider)) {
    const got = backends.map((backend) => backend.name).join(', ')
    return fail({ code: 'provider-unavailable', expected: provider, got })
  }
  const outputs: Tensors[] = []
  try {
    for (const { model, inputs } of probes()) {
      const session = await createSession(model, provider)
      const values = fromOrt(await session.run(toOrt(inputs)), session.outputNames)
      await session.release()
      if (!values.ok) return values
      outputs.push(values.value)
    }
  } catch (error) {
    return fail({ code: 'provider-unavailable', expected: provider, got: toError(error).message })
  }
  return ok({
    engine: ENGINE,
    version: ort.env.versions.node ?? ort.env.versions.common,
    provider,
    options: sessionOptionsText(),
    probe: probeDigest(outputs),
  })
}

export interface SessionOutput {
  readonly output: Uint8Array
  readonly trace: Uint8Array
  readonly units: number
}

/** One loaded tensor model. */
export class TensorSession {
  private readonly model: LocalModel
  private readonly session: ort.InferenceSession

  private constructor(model: LocalModel, session: ort.InferenceSession) {
    this.model = model
    this.session = session
  }

  /**
   * Reads and verifies each file once and loads from those bytes, so what was checked is what runs. Trace tensors are
   * always outputs of the graph, asked for or not: an optimiser must see the same graph in every run.
   */
  static async load(
    model: LocalModel,
    provider: ExecutionProvider,
  ): Promise<Result<TensorSession, InferenceErrorDetail>> {
    const { id, manifest } = model
    if (manifest.kind !== 'tensor') {
      return fail({ code: 'model-unsupported', model: id, expected: 'kind tensor', got: manifest.kind })
    }
    const total = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
    if (total > MAX_MODEL_BYTES) {
      return fail({
        code: 'model-unsupported',
        model: id,
        expected: `at most ${MAX_MODEL_BYTES} bytes`,
        got: `${total}`,
      })
    }
    const files = new Map<string, Uint8Array>()
    for (const file of manifest.files) {
      const bytes = await readVerified(model, file)
      if (!bytes.ok) return bytes
      files.set(file.path, bytes.value)
    }
    const graph = files.get(GRAPH_PATH)
    if (graph === undefined) {
      return fail({ code: 'model-corrupt', model: id, path: GRAPH_PATH, expected: 'the graph', got: 'no such file' })
    }
    const folder = GRAPH_PATH.slice(0, GRAPH_PATH.lastIndexOf('/') + 1)
    const externalData = [...files]
      .filter(([path]) => path.startsWith(folder) && path !== GRAPH_PATH)
      .map(([path, data]) => ({ path: path.slice(folder.length), data }))
    try {
      const { ir, opset } = readOnnxVersions(graph)
      if (ir !== manifest.ir || opset !== manifest.opset) {
        const expected = `IR ${manifest.ir}, opset ${manifest.opset}`
        return fail({ code: 'model-mismatch', model: id, expected, got: `IR ${ir}, opset ${opset}` })
      }
      const declared = await createSession(graph, provider, externalData)
      const exposed = manifest.trace.filter((name) => !declared.outputNames.includes(name))
      const session =
        exposed.length === 0 ? declared : await createSession(exposeTensors(graph, exposed), provider, externalData)
      if (session !== declared) await declared.release()
      const mismatch =
        compareInterface(manifest.inputs, session.inputMetadata, true) ??
        compareInterface(manifest.outputs, session.outputMetadata, false)
      if (mismatch !== undefined) {
        await session.release()
        return fail({ code: 'model-mismatch', model: id, ...mismatch })
      }
      return ok(new TensorSession(model, session))
    } catch (error) {
      const expected = `a graph that ${ENGINE} loads, with trace [${manifest.trace.join(', ')}]`
      return fail({ code: 'model-unsupported', model: id, expected, got: toError(error).message })
    }
  }

  async run(input: Uint8Array, trace: boolean): Promise<Result<SessionOutput, InferenceErrorDetail>> {
    const { manifest } = this.model
    const inputs = decodeTensors(input, { ...TENSOR_LIMITS, maxBytes: input.length })
    if (!inputs.ok) return fail(tensorFailure('input', inputs.error))
    const dimensions = checkTensors(manifest.inputs, inputs.value, manifest.maxBatch)
    if (!dimensions.ok) return fail(tensorFailure('input', dimensions.error))
    const outputNames = manifest.outputs.map(({ name }) => name)
    const fetches = trace ? [...outputNames, ...manifest.trace] : outputNames
    let values: ort.InferenceSession.ReturnType
    try {
      values = await this.session.run(toOrt(inputs.value), fetches)
    } catch (error) {
      return fail({ code: 'run-failed', reason: toError(error).message })
    }
    const outputs = fromOrt(values, outputNames)
    if (!outputs.ok) return outputs
    const shapes = checkTensors(manifest.outputs, outputs.value, manifest.maxBatch, dimensions.value)
    if (!shapes.ok) return fail(tensorFailure('output', shapes.error))
    const output = boundedTensors(outputs.value, MAX_OUTPUT_BYTES)
    if (!output.ok) return output
    const traces = trace ? fromOrt(values, manifest.trace) : ok({})
    if (!traces.ok) return traces
    const traced = trace ? boundedTensors(traces.value, MAX_TRACE_BYTES) : ok(new Uint8Array(0))
    if (!traced.ok) return traced
    return ok({ output: output.value, trace: traced.value, units: unitsOf(dimensions.value) })
  }

  release(): Promise<void> {
    return this.session.release()
  }
}

function boundedTensors(tensors: Tensors, limit: number): Result<Uint8Array, InferenceErrorDetail> {
  const bytes = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0)
  if (bytes > limit) {
    return fail({
      code: 'output-invalid',
      reason: 'tensor-limit-exceeded',
      expected: `at most ${limit} bytes`,
      got: `${bytes}`,
    })
  }
  return ok(encodeTensors(tensors))
}

async function readVerified(
  model: LocalModel,
  file: { readonly path: string; readonly sha256: string; readonly bytes: number },
): Promise<Result<Uint8Array, InferenceErrorDetail>> {
  const corrupt = (expected: string, got: string) =>
    fail({ code: 'model-corrupt', model: model.id, path: file.path, expected, got } as const)
  let bytes: Uint8Array
  try {
    const handle = await open(join(model.directory, file.path))
    try {
      const { size } = await handle.stat()
      if (size !== file.bytes) return corrupt(`${file.bytes} bytes`, `${size}`)
      bytes = new Uint8Array(await handle.readFile())
    } finally {
      await handle.close()
    }
  } catch (error) {
    return corrupt('a readable file', toError(error).message)
  }
  const digest = `0x${createHash('sha256').update(bytes).digest('hex')}`
  return digest === file.sha256 ? ok(bytes) : corrupt(`sha-256 ${file.sha256}`, digest)
}

type Mismatch = { readonly expected: string; readonly got: string }

/** The manifest may narrow a symbolic dimension of the graph, never contradict it. Inputs must be all there. */
function compareInterface(
  specs: readonly TensorSpec[],
  metadata: readonly ort.InferenceSession.ValueMetadata[],
  whole: boolean,
): Mismatch | undefined {
  const side = whole ? 'input' : 'output'
  if (whole && metadata.length !== specs.length) {
    const names = metadata.map(({ name }) => name).join(', ')
    return { expected: `inputs ${specs.map(({ name }) => name).join(', ')}`, got: names }
  }
  for (const spec of specs) {
    const value = metadata.find(({ name }) => name === spec.name)
    const expected = `${side} ${spec.name} ${spec.dtype} [${spec.shape.join(', ')}]`
    if (value === undefined) return { expected, got: `a graph without ${side} ${spec.name}` }
    if (!value.isTensor) return { expected, got: 'no tensor' }
    const got = `${value.type} [${value.shape.join(', ')}]`
    if (DTYPE_OF.get(value.type) !== spec.dtype || value.shape.length !== spec.shape.length) return { expected, got }
    const fits = value.shape.every((dim, axis) => typeof dim !== 'number' || dim === spec.shape[axis])
    if (!fits) return { expected, got }
  }
  return undefined
}
