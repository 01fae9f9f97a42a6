import { fail, ok, type Result, toError } from '../../protocol/index.ts'
import { type HttpError, httpError } from './errors.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The JSON body of a request. Nothing is read past `maxBytes`, whatever the request says of its length. HttpError
 * `media-type-unsupported | body-too-large | body-incomplete | json-invalid`.
 */
export async function readJson(request: Request, maxBytes: number): Promise<Result<unknown, HttpError>> {
  const type = request.headers.get('content-type') ?? 'none'
  if (!/^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
    return fail(httpError('media-type-unsupported', 'application/json', type))
  }
  const bytes = await readBody(request, maxBytes)
  if (!bytes.ok) return bytes
  try {
    return ok(JSON.parse(decoder.decode(bytes.value)))
  } catch (thrown) {
    return fail(httpError('json-invalid', 'JSON in UTF-8', toError(thrown).message))
  }
}

/** The body of a request, at most `maxBytes`. HttpError `body-too-large | body-incomplete`. */
export async function readBody(request: Request, maxBytes: number): Promise<Result<Uint8Array, HttpError>> {
  const tooLarge = (got: string): Result<never, HttpError> =>
    fail(httpError('body-too-large', `at most ${maxBytes} bytes`, got))
  const announced = Number(request.headers.get('content-length') ?? 0)
  if (announced > maxBytes) return tooLarge(`${announced} bytes`)
  if (request.body === null) return ok(new Uint8Array())
  const reader = request.body.getReader()
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return ok(Buffer.concat(parts))
      length += value.length
      if (length > maxBytes) {
        await reader.cancel()
        return tooLarge(`more than ${maxBytes} bytes`)
      }
      parts.push(value)
    }
  } catch (thrown) {
    return fail(httpError('body-incomplete', 'a whole body', toError(thrown).message))
  }
}
