import { CodedError, type Digest, type TensorError, type TensorErrorCode } from '../protocol/index.ts'

export const INFERENCE_ERROR_CODES = [
  'not-running',
  'provider-unavailable',
  'runtime-changed',
  'model-unknown',
  'model-corrupt',
  'model-unsupported',
  'model-mismatch',
  'parameters-invalid',
  'input-too-large',
  'input-invalid',
  'output-invalid',
  'run-failed',
  'deadline-exceeded',
  'worker-crashed',
  'busy',
  'cancelled',
] as const
export type InferenceErrorCode = (typeof INFERENCE_ERROR_CODES)[number]

export type InferenceErrorDetail =
  /** The engine is not started, or stopped while the job waited. */
  | { readonly code: 'not-running' }
  /** The execution provider is not in this build or fails its probe. */
  | { readonly code: 'provider-unavailable'; readonly expected: string; readonly got: string }
  /** A replaced worker computes other probe outputs than the first. */
  | { readonly code: 'runtime-changed'; readonly expected: string; readonly got: string }
  | { readonly code: 'model-unknown'; readonly model: Digest }
  /** A file is missing or is not the one the manifest names. */
  | ({ readonly code: 'model-corrupt'; readonly model: Digest; readonly path: string } & Expectation)
  /** The kind, or an operator, is beyond this engine. */
  | ({ readonly code: 'model-unsupported'; readonly model: Digest } & Expectation)
  /** The graph is not what the manifest says of it. */
  | ({ readonly code: 'model-mismatch'; readonly model: Digest } & Expectation)
  | ({ readonly code: 'parameters-invalid' } & Expectation)
  | ({ readonly code: 'input-too-large' } & Expectation)
  | ({ readonly code: 'input-invalid'; readonly reason: TensorErrorCode; readonly tensor?: string } & Expectation)
  | ({ readonly code: 'output-invalid'; readonly reason: TensorErrorCode; readonly tensor?: string } & Expectation)
  /** The runtime refused these inputs. */
  | { readonly code: 'run-failed'; readonly reason: string }
  | { readonly code: 'deadline-exceeded'; readonly phase: 'queued' | 'running' | 'loading'; readonly deadline: number }
  | {
      readonly code: 'worker-crashed'
      readonly exitCode: number | null
      readonly signal: string | null
      readonly attempts: number
    }
  | { readonly code: 'busy'; readonly queued: number; readonly limit: number }
  | { readonly code: 'cancelled' }

interface Expectation {
  readonly expected: string
  readonly got: string
}

export class InferenceError extends CodedError<InferenceErrorDetail> {}

/** What a run answers instead of an output. */
export type InferenceFailure = InferenceError

export function inferenceError(detail: InferenceErrorDetail): InferenceError {
  return new InferenceError(detail, explain(detail))
}

function explain(detail: InferenceErrorDetail): string {
  switch (detail.code) {
    case 'not-running':
      return 'the inference engine is not running'
    case 'provider-unavailable':
      return `execution provider: expected ${detail.expected}, got ${detail.got}`
    case 'runtime-changed':
      return `expected a worker of runtime class ${detail.expected}, got ${detail.got}`
    case 'model-unknown':
      return `model ${detail.model} is not loaded`
    case 'model-corrupt':
      return `model ${detail.model}, file ${detail.path}: expected ${detail.expected}, got ${detail.got}; pull the model again`
    case 'model-unsupported':
    case 'model-mismatch':
      return `model ${detail.model}: expected ${detail.expected}, got ${detail.got}`
    case 'parameters-invalid':
    case 'input-too-large':
      return `${detail.code}: expected ${detail.expected}, got ${detail.got}`
    case 'input-invalid':
    case 'output-invalid': {
      const side = detail.code === 'input-invalid' ? 'input' : 'output'
      return `${side}${detail.tensor === undefined ? '' : ` ${detail.tensor}`}: expected ${detail.expected}, got ${detail.got}`
    }
    case 'run-failed':
      return `the runtime failed: ${detail.reason}`
    case 'deadline-exceeded':
      return `the deadline passed while ${detail.phase}`
    case 'worker-crashed':
      return `the worker died (${detail.signal ?? `exit ${detail.exitCode}`}) in attempt ${detail.attempts}`
    case 'busy':
      return `the queue is full: ${detail.queued} of ${detail.limit}; try again later or elsewhere`
    case 'cancelled':
      return 'the job was cancelled'
  }
}

/** A tensor error seen on the way in or out of a model. */
export function tensorFailure(side: 'input' | 'output', error: TensorError): InferenceErrorDetail {
  const { code, tensor, expected, got } = error.detail
  if (side === 'input' && (code === 'tensor-batch-exceeded' || code === 'tensor-limit-exceeded')) {
    return { code: 'input-too-large', expected, got }
  }
  const rest = { reason: code, ...(tensor === undefined ? {} : { tensor }), expected, got }
  return side === 'input' ? { code: 'input-invalid', ...rest } : { code: 'output-invalid', ...rest }
}
