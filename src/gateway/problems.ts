import type { CodedError } from '../protocol/index.ts'
import type { HttpError } from './http/errors.ts'
import type { Problem } from './http/problem.ts'

/** Problems of requests to the gateway, with the status each is answered with (docs/gateway.md). */
export const PROBLEMS = {
  'request-invalid': 400,
  'parameter-unknown': 400,
  'parameter-invalid': 400,
  'output-unknown': 400,
  'tensor-invalid': 400,
  'model-ambiguous': 409,
  'model-unknown': 404,
  'manifest-unknown': 404,
  'no-offer': 503,
  'payment-malformed': 400,
  'payment-unsupported': 400,
  'payment-identifier-invalid': 400,
  'payment-identifier-used': 409,
  'payment-used': 409,
  'payment-required': 402,
  'payment-refused': 402,
  'settlement-failed': 402,
  'settlement-unknown': 502,
  'facilitator-unreachable': 503,
  'job-failed': 502,
  'job-timed-out': 504,
  'answer-too-large': 502,
} as const
export type ProblemCode = keyof typeof PROBLEMS

/** Longest piece of what came that an answer repeats. */
const MAX_SHOWN = 200

export function problem(code: ProblemCode, expected: string, got: string): Problem {
  const shown = got.slice(0, MAX_SHOWN)
  return { status: PROBLEMS[code], code, message: `expected ${expected}, got ${shown}`, expected, got: shown }
}

/** A refusal of the HTTP layer in the form of this protocol. */
export function problemOfHttp(error: HttpError): Problem {
  return { ...wordsOf(error), status: error.status, code: error.code, message: error.message }
}

/** An input that does not fit keeps the code of what is wrong with it. */
export const problemOfInput = (error: CodedError): Problem => ({
  ...wordsOf(error),
  status: 400,
  code: error.code,
  message: error.message,
})

function wordsOf({ detail }: CodedError): { expected?: string; got?: string } {
  const { expected, got } = detail as { readonly expected?: unknown; readonly got?: unknown }
  return {
    ...(expected === undefined ? {} : { expected: String(expected) }),
    ...(got === undefined ? {} : { got: String(got).slice(0, MAX_SHOWN) }),
  }
}
