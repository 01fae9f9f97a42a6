import type { Clock, Digest, Json, Manifest, Result } from '../protocol/index.ts'
import type { InferenceErrorDetail, InferenceFailure } from './errors.ts'

/** A model on this machine: the files its manifest names, under one folder. */
export interface LocalModel {
  readonly id: Digest
  readonly manifest: Manifest
  readonly directory: string
}

export interface RunRequest {
  readonly model: Digest
  /** Canonical tensors (`encodeTensors`). */
  readonly input: Uint8Array
  /** Tensor models take none: an object without members. */
  readonly parameters: Json
  /** ms since 1970; the run is killed past it. */
  readonly deadline: number
  /** Also return the manifest's trace tensors (R17). */
  readonly trace: boolean
  readonly signal?: AbortSignal
}

export interface RunOutput {
  /** Canonical tensors. */
  readonly output: Uint8Array
  /** Canonical tensors of the trace; no bytes when it was not asked for. */
  readonly trace: Uint8Array
  /** Rows of the batch. */
  readonly units: number
  /** ms since 1970; the difference is time in the worker, without the queue. */
  readonly startedAt: number
  readonly finishedAt: number
}

export interface Capacity {
  readonly workers: number
  /** Workers with a job. */
  readonly busy: number
  /** Jobs waiting for a worker. */
  readonly queued: number
}

/** Totals since start. */
export interface InferenceCounters {
  readonly completed: number
  readonly failed: number
  /** Workers that died by themselves. */
  readonly crashed: number
  /** Workers killed for a deadline, an abandoned run or a timeout. */
  readonly killed: number
  readonly restarted: number
}

export interface InferenceEngine {
  start(): Promise<void>
  /** Kills the workers; waiting jobs answer `not-running`. Resolves when no process is left. */
  stop(): Promise<void>
  /** Verifies the model's files and loads it into every worker. Rejects with InferenceError. */
  load(model: LocalModel): Promise<void>
  /** Forgets a model; jobs already in a worker finish, waiting ones answer `model-unknown`. */
  unload(model: Digest): Promise<void>
  readonly models: readonly Digest[]
  run(request: RunRequest): Promise<Result<RunOutput, InferenceFailure>>
  /** Same class, same bits (R16). Throws InferenceError `not-running` before the first start. */
  readonly runtimeClass: Digest
  /** What `runtimeClass` is the digest of. */
  readonly runtime: RuntimeDescription
  capacity(): Capacity
  counters(): InferenceCounters
  /** Process ids of the live workers, for supervision. */
  readonly pids: readonly number[]
}

/** What decides the bits of a result (R16). */
export interface RuntimeDescription {
  readonly engine: string
  readonly version: string
  readonly provider: string
  /** Session options as RFC 8785 JSON. */
  readonly options: string
  /** Digest of the probe models' outputs on this machine. */
  readonly probe: Digest
}

/** `cpu` is what the tests cover; any other name must pass the probe at start. */
export type ExecutionProvider = 'cpu' | 'cuda' | 'webgpu'

export type InferenceEvent =
  | { readonly event: 'worker-started'; readonly worker: number; readonly pid: number }
  | { readonly event: 'worker-killed'; readonly worker: number; readonly reason: 'deadline' | 'abandoned' | 'timeout' }
  | {
      readonly event: 'worker-crashed'
      readonly worker: number
      readonly exitCode: number | null
      readonly signal: string | null
      readonly stderr: string
      readonly restartInMs: number
    }
  | { readonly event: 'worker-refused'; readonly worker: number; readonly error: InferenceErrorDetail }
  | {
      readonly event: 'model-lost'
      readonly worker: number
      readonly model: Digest
      readonly error: InferenceErrorDetail
    }

export interface InferenceComponents {
  readonly clock: Clock
  /** Hears of workers that come and go; never of inputs. */
  readonly report?: (event: InferenceEvent) => void
}

export interface InferenceInit {
  /** Worker processes. Default 1. */
  readonly workers?: number
  readonly provider?: ExecutionProvider
  readonly maxInputBytes?: number
  readonly maxQueuedJobs?: number
  readonly maxQueuedBytes?: number
}
