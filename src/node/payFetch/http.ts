import { checkHost, type SpendingPolicy } from '../../payment/index.ts'
import { toError } from '../../protocol/index.ts'
import { payFetchError } from './errors.ts'

/** Redirects of one origin that are followed before anything is paid. */
const MAX_REDIRECTS = 5
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/

/** What is fetched. */
export interface PageRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: string | undefined
}

/**
 * The URL of a page that may be paid for: HTTPS, or HTTP on this machine or to a host that the policy names. Throws
 * PayFetchError `url-invalid | url-insecure`, SpendingError `host-refused`.
 */
export function payableUrl(text: string, policy: SpendingPolicy): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw payFetchError('url-invalid', 'an http or https URL without a user', text)
  }
  const allowed = checkHost(policy, url.host)
  if (!allowed.ok) throw allowed.error
  if (url.protocol === 'http:' && policy.hosts === undefined && !LOOPBACK.test(url.hostname)) {
    const hint = `name ${url.host} in payments.hosts of config.json`
    throw payFetchError('url-insecure', 'https, or a host that the policy names', url.origin, { hint })
  }
  return url
}

export interface Page {
  readonly url: URL
  readonly response: Response
}

/** Asks for a page, following redirects inside its origin. Throws PayFetchError. */
export async function askFor(request: PageRequest, signal: AbortSignal): Promise<Page> {
  let { url } = request
  for (let hops = 0; ; hops += 1) {
    const response = await send({ ...request, url }, request.headers, signal)
    const next = redirectOf(url, response)
    if (next === undefined) return { url, response }
    await discard(response)
    if (next.origin !== url.origin) {
      throw payFetchError('redirect-refused', `an answer from ${url.origin}`, `a redirect to ${next.href}`, {
        hint: `opg pay-fetch ${next.href}`,
      })
    }
    if (hops === MAX_REDIRECTS) throw payFetchError('redirect-refused', `at most ${MAX_REDIRECTS} redirects`, 'more')
    url = next
  }
}

/** Asks once more with a payment. It goes to the very URL that asked for it, and follows no redirect. */
export function askPaid(
  request: PageRequest,
  payment: { readonly [name: string]: string },
  signal: AbortSignal,
): Promise<Response> {
  const headers = new Headers(request.headers)
  for (const [name, value] of Object.entries(payment)) headers.set(name, value)
  return send(request, headers, signal)
}

async function send({ url, method, body }: PageRequest, headers: Headers, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { method, headers, redirect: 'manual', signal, ...(body === undefined ? {} : { body }) })
  } catch (cause) {
    throw failureOf(cause, url, signal)
  }
}

function failureOf(thrown: unknown, url: URL, signal: AbortSignal): Error {
  const error = toError(thrown)
  if (signal.aborted) return payFetchError('timed-out', 'an answer in time', `none from ${url.host}`, { cause: error })
  const { cause } = error
  const why = cause instanceof Error ? cause.message : error.message
  return payFetchError('unreachable', `an answer from ${url.host}`, why, { cause: error })
}

function redirectOf(url: URL, { status, headers }: Response): URL | undefined {
  const location = headers.get('location')
  if (status < 300 || status > 399 || status === 304 || location === null) return undefined
  return URL.parse(location, url.href) ?? undefined
}

/** The body, at most `maxBytes`. Throws PayFetchError `response-too-large | timed-out | unreachable`. */
export async function readResponse(
  { url, response }: Page,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  if (reader === undefined) return new Uint8Array()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return Buffer.concat(parts)
      length += value.length
      if (length > maxBytes) break
      parts.push(value)
    }
  } catch (cause) {
    throw failureOf(cause, url, signal)
  }
  await reader.cancel()
  throw payFetchError('response-too-large', `at most ${maxBytes} bytes`, 'more')
}

/** Lets the connection go without reading what is left. */
export async function discard({ body }: Response): Promise<void> {
  await body?.cancel()
}
