import { toError } from '../../protocol/index.ts'

/** What a vendor's service is reached with; injected, so that tests and proxies can stand in. */
export interface HttpComponents {
  readonly fetch: typeof globalThis.fetch
  readonly sleep: (ms: number) => Promise<void>
  /** Between 0 and 1: spreads the retries of many nodes. */
  readonly jitter: () => number
}

export interface HttpRequest {
  readonly url: string
  readonly maxBytes: number
  readonly accept?: string
  /** Sent by POST. */
  readonly body?: { readonly type: string; readonly bytes: Uint8Array<ArrayBuffer> }
}

export interface HttpAnswer {
  readonly bytes: Uint8Array
  readonly headers: Headers
}

/** A vendor's service did not give what was asked. */
export class SupplyError extends Error {
  readonly status: number | undefined
  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** A service answers in under a second; one attempt ends after this, ms. */
const TIMEOUT_MS = 10_000
const ATTEMPTS = 4
/** Before the second attempt, doubled before each further one, ms. */
const BACKOFF_MS = 500
const TRANSIENT = [408, 425, 429, 500, 502, 503, 504]

/**
 * One answer of a service, at most `maxBytes`. Failures of the network and statuses that pass are tried again; others,
 * and redirections, are not followed. Throws SupplyError.
 */
export async function ask(components: HttpComponents, request: HttpRequest): Promise<HttpAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptOnce(components, request)
    } catch (thrown) {
      const isFinal = thrown instanceof SupplyError && thrown.status !== undefined && !TRANSIENT.includes(thrown.status)
      if (isFinal || attempt === ATTEMPTS) throw thrown
      await components.sleep(BACKOFF_MS * 2 ** (attempt - 1) * (1 + components.jitter()))
    }
  }
}

async function attemptOnce({ fetch }: HttpComponents, request: HttpRequest): Promise<HttpAnswer> {
  const { url, maxBytes, accept, body } = request
  const headers = {
    ...(accept === undefined ? {} : { accept }),
    ...(body === undefined ? {} : { 'content-type': body.type }),
  }
  try {
    const response = await fetch(url, {
      ...(body === undefined ? {} : { method: 'POST', body: body.bytes }),
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new SupplyError(`${url}: expected status 200, got ${response.status}`, response.status)
    }
    return { bytes: await readBounded(response, url, maxBytes), headers: response.headers }
  } catch (thrown) {
    if (thrown instanceof SupplyError) throw thrown
    throw new SupplyError(`${url}: expected an answer, got ${toError(thrown).message}`, undefined, { cause: thrown })
  }
}

/** The answer is too large whatever is tried: a final status. */
const TOO_LARGE = 413

async function readBounded(response: Response, url: string, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > maxBytes) throw new SupplyError(`${url}: expected at most ${maxBytes} bytes, got more`, TOO_LARGE)
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}
