import type { Digest } from '../protocol/index.ts'
import type { InferenceErrorDetail } from './errors.ts'
import type { ExecutionProvider, LocalModel, RuntimeDescription } from './types.ts'

/** What a worker is told, over the structured-clone pipe of `fork`. It answers `load` and `run` in order. */
export type ToWorker =
  | { readonly type: 'start'; readonly provider: ExecutionProvider }
  | { readonly type: 'load'; readonly model: LocalModel }
  | { readonly type: 'unload'; readonly model: Digest }
  | {
      readonly type: 'run'
      readonly job: number
      readonly model: Digest
      readonly input: Uint8Array
      readonly trace: boolean
    }
  /** Skips a job that has not begun. */
  | { readonly type: 'skip'; readonly job: number }

export type FromWorker =
  | { readonly type: 'ready'; readonly runtime: RuntimeDescription }
  | { readonly type: 'refused'; readonly error: InferenceErrorDetail }
  | { readonly type: 'loaded'; readonly model: Digest; readonly error?: InferenceErrorDetail }
  | {
      readonly type: 'done'
      readonly job: number
      readonly output: Uint8Array
      readonly trace: Uint8Array
      readonly units: number
      /** In the worker, ms. */
      readonly duration: number
    }
  | { readonly type: 'failed'; readonly job: number; readonly error: InferenceErrorDetail; readonly duration: number }
