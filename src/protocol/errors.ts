/**
 * An error that carries data, not prose: `detail.code` is one of the closed set of its domain, the other members say
 * what was expected and what came. Codes are the same strings on the wire, in JSON, logs, metrics and docs.
 */
export class CodedError<T extends { readonly code: string } = { readonly code: string }> extends Error {
  readonly detail: T

  constructor(detail: T, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.detail = detail
  }

  get code(): T['code'] {
    return this.detail.code
  }
}

export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value })
export const fail = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error })

/** What a thrown value is worth: libp2p rejects with events, workers with plain objects. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  if (typeof thrown === 'object' && thrown !== null && 'error' in thrown && thrown.error instanceof Error)
    return thrown.error
  const type = typeof thrown === 'object' && thrown !== null && 'type' in thrown ? String(thrown.type) : String(thrown)
  return new Error(type)
}
