import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { CodedError, type Json } from '../../protocol/index.ts'

/** What a door of HTTP refuses before, or instead of, doing work. Closed: every door answers with these words. */
export type HttpErrorDetail =
  | { readonly code: 'body-too-large'; readonly expected: string; readonly got: string }
  | { readonly code: 'body-incomplete'; readonly expected: string; readonly got: string }
  | { readonly code: 'json-invalid'; readonly expected: string; readonly got: string }
  | { readonly code: 'media-type-unsupported'; readonly expected: string; readonly got: string }
  | { readonly code: 'rate-limited'; readonly expected: string; readonly got: string }
  | { readonly code: 'busy'; readonly expected: string; readonly got: string }
  | { readonly code: 'not-found'; readonly expected: string; readonly got: string }
  | { readonly code: 'failed' }
export type HttpErrorCode = HttpErrorDetail['code']

const STATUS: { readonly [C in HttpErrorCode]: ContentfulStatusCode } = {
  'body-too-large': 413,
  'body-incomplete': 400,
  'json-invalid': 400,
  'media-type-unsupported': 415,
  'rate-limited': 429,
  busy: 503,
  'not-found': 404,
  failed: 500,
}

/** A refusal of the HTTP layer itself, with the status it is answered with. */
export class HttpError extends CodedError<HttpErrorDetail> {
  get status(): ContentfulStatusCode {
    return STATUS[this.code]
  }
}

export type RefusalCode = Exclude<HttpErrorCode, 'failed'>

export const httpError = (code: RefusalCode, expected: string, got: string): HttpError =>
  new HttpError({ code, expected, got }, `expected ${expected}, got ${got}`)

/** The `error` member of every body that is no result: as the command line's `--json` has it. */
export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly got?: string
}

const MAX_WORDS = 500

const short = (text: string): string => (text.length > MAX_WORDS ? `${text.slice(0, MAX_WORDS)}…` : text)

/** What is told of an error; of one without a code only that it happened, for its words may hold anything. */
export function errorBodyOf(error: Error): ErrorBody {
  if (!(error instanceof CodedError)) return { code: 'failed', message: 'the request failed; the log says why' }
  const detail = error.detail as { readonly code: string; readonly expected?: unknown; readonly got?: unknown }
  return {
    code: detail.code,
    message: short(error.message),
    ...(detail.expected === undefined ? {} : { expected: short(String(detail.expected)) }),
    ...(detail.got === undefined ? {} : { got: short(String(detail.got)) }),
  }
}

/** Answers with `{error}` and what a protocol wants beside it. */
export function answerError(
  context: Context,
  error: Error,
  members: { readonly [name: string]: Json | undefined } = {},
): Response {
  const status = error instanceof HttpError ? error.status : 500
  return context.json({ ...members, error: errorBodyOf(error) }, status)
}
