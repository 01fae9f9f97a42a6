/** An HTTP answer that says what went wrong: the `error` of the Open Inference Protocol with our code beside it. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly got?: string
  /** Seconds. */
  readonly retryAfter?: number
}

/** `{error, code, expected?, got?}`; never cached. */
export function problemResponse(problem: Problem, headers: { readonly [name: string]: string } = {}): Response {
  const { status, code, message, expected, got, retryAfter } = problem
  const body = {
    error: message,
    code,
    ...(expected === undefined ? {} : { expected }),
    ...(got === undefined ? {} : { got }),
  }
  return Response.json(body, {
    status,
    headers: {
      'cache-control': 'no-store',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      ...headers,
    },
  })
}
