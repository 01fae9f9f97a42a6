import { CodedError } from '../protocol/index.ts'

export type StoreErrorDetail =
  | { readonly code: 'store-locked'; readonly directory: string }
  | { readonly code: 'store-corrupt'; readonly problem: string }
  | { readonly code: 'store-newer'; readonly version: number; readonly supported: number }
  /** The disk refused: what was being written may or may not be there, so nothing more is written. */
  | { readonly code: 'store-failed'; readonly problem: string }
  | { readonly code: 'store-closed' }
  | { readonly code: 'invalid-key'; readonly table: string; readonly problem: string }
  | { readonly code: 'too-large'; readonly limit: number; readonly got: number }
  | { readonly code: 'key-taken'; readonly table: string }
  /** A signature at or below one that was given (R27). */
  | { readonly code: 'signed-before'; readonly kind: string; readonly sequence: number; readonly last: number }
  | { readonly code: 'invalid-history'; readonly problem: string }

export type StoreErrorCode = StoreErrorDetail['code']

export class StoreError extends CodedError<StoreErrorDetail> {}

export const invalidKey = (table: string, problem: string): StoreError =>
  new StoreError({ code: 'invalid-key', table, problem }, `${table}: ${problem}`)

/** LevelDB's own word for what went wrong, wherever in the chain of causes it stands. */
export function fromLevel(thrown: unknown, directory: string): StoreError {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause ? cause.code : undefined
    if (code === 'LEVEL_LOCKED') {
      const message = 'expected to be the only process on this store; stop the other one or choose another home'
      return new StoreError({ code: 'store-locked', directory }, message, { cause: thrown })
    }
    if (code === 'LEVEL_CORRUPTION') return corrupt(cause.message, thrown)
    if (code === 'LEVEL_DATABASE_NOT_OPEN' && cause.cause === undefined) {
      return new StoreError({ code: 'store-closed' }, 'expected an open store; it was closed', { cause: thrown })
    }
  }
  const problem = thrown instanceof Error ? deepest(thrown).message : String(thrown)
  return new StoreError({ code: 'store-failed', problem }, `expected the disk to keep the store: ${problem}`, {
    cause: thrown,
  })
}

export const corrupt = (problem: string, cause?: unknown): StoreError =>
  new StoreError(
    { code: 'store-corrupt', problem },
    `expected a whole store: ${problem}; restore a backup, import the signing history, or start with a new identity`,
    cause === undefined ? {} : { cause },
  )

function deepest(error: Error): Error {
  return error.cause instanceof Error ? deepest(error.cause) : error
}
