import type { SettleResponse, VerifyResponse } from '@x402/core/types'
import { type Context, Hono } from 'hono'
import type { Registry } from 'prom-client'
import type { Health, NodeLogger } from '../../node/index.ts'
import { type Clock, type Result, toError } from '../../protocol/index.ts'
import { readJson } from '../http/body.ts'
import { answerError, errorBodyOf, type HttpError, httpError } from '../http/errors.ts'
import type { InFlight } from '../http/inFlight.ts'
import { type Bindings, rateLimit } from '../http/rateLimit.ts'
import { mountSurfaces } from '../http/surfaces.ts'
import { MAX_BODY_BYTES, RATE_BURST } from './constants.ts'
import { type FacilitatorError, reasonOf } from './errors.ts'
import type { FacilitatorMetrics } from './metrics.ts'
import { type PaymentRequest, parsePaymentRequest, type Served } from './request.ts'
import type { Settlements } from './settlements.ts'
import type { Verifications } from './verifications.ts'

export interface FacilitatorComponents {
  readonly verifications: Verifications
  readonly settlements: Settlements
  readonly inFlight: InFlight
  readonly metrics: FacilitatorMetrics
  readonly registry: Registry
  readonly health: () => Health
  readonly clock: Clock
  readonly logger: NodeLogger
}

/** Says, beside an answer, that it is that of an earlier request with the same content. */
const REPLAYED_HEADER = 'Idempotent-Replayed'

type Path = 'verify' | 'settle'
type Answer = {
  readonly path: Path
  readonly body: VerifyResponse | SettleResponse
  readonly reason: string | undefined
}

/** The routes of x402 v2 for a facilitator, section 7, with `/healthz` and `/metrics`. */
export function createFacilitatorApp(
  components: FacilitatorComponents,
  { served, requestsPerSecond }: { readonly served: Served; readonly requestsPerSecond: number },
): Hono<Bindings> {
  const { clock, logger, verifications } = components
  const app = new Hono<Bindings>()
  mountSurfaces(app as unknown as Hono, components)
  app.use(rateLimit(clock, { perSecond: requestsPerSecond, burst: RATE_BURST }))
  app.get('/supported', (context) => context.json(verifications.supported()))
  app.post('/verify', (context) =>
    answer(components, served, context, 'verify', async (request) => {
      const body = await verifications.verify(request)
      return { path: 'verify', body, reason: body.isValid ? undefined : body.invalidReason }
    }),
  )
  app.post('/settle', (context) =>
    answer(components, served, context, 'settle', async (request) => await settle(components, request, context)),
  )
  app.notFound((context) =>
    answerError(context, httpError('not-found', '/supported, /verify or /settle', context.req.path)),
  )
  app.onError((thrown, context) => {
    logger.error({ room: 'facilitator', code: 'failed', error: thrown.message }, 'a request failed')
    return answerError(context, thrown)
  })
  return app
}

async function settle(
  { settlements, metrics }: FacilitatorComponents,
  request: PaymentRequest,
  context: Context<Bindings>,
): Promise<Answer> {
  const settled = await settlements.settle(request)
  if (!settled.ok) return refusal('settle', settled.error, request.requirements.network)
  const { response, replayed } = settled.value
  if (replayed) {
    metrics.replayed()
    context.header(REPLAYED_HEADER, 'true')
  }
  return { path: 'settle', body: response, reason: response.success ? undefined : response.errorReason }
}

async function answer(
  components: FacilitatorComponents,
  served: Served,
  context: Context<Bindings>,
  path: Path,
  work: (request: PaymentRequest) => Promise<Answer>,
): Promise<Response> {
  const { metrics, clock, logger, inFlight } = components
  const from = clock()
  const entered = inFlight.enter()
  if (!entered.ok) {
    const { code, message, retryAfter } = entered.error
    context.header('Retry-After', String(retryAfter ?? 1))
    return context.json({ ...noPayment(path, code, message, served), error: { code, message } }, 503)
  }
  const leave = entered.value
  try {
    const json = await readJson(context.req.raw, MAX_BODY_BYTES)
    if (!json.ok) return refuse(context, path, json.error, served)
    const request: Result<PaymentRequest, FacilitatorError> = parsePaymentRequest(json.value, served)
    const { body, reason } = request.ok ? await work(request.value) : refusal(path, request.error, served.network)
    metrics.answered(path, reason ?? 'ok', (clock() - from) / 1_000)
    const fields = { room: 'facilitator', path, result: reason ?? 'ok', ms: clock() - from }
    const transaction = 'transaction' in body ? body.transaction : undefined
    logger.info({ ...fields, ...(transaction ? { transaction } : {}) }, 'answered')
    const malformed = !request.ok && request.error.code === 'payment-malformed'
    return context.json(body, malformed ? 400 : 200)
  } catch (thrown) {
    const error = toError(thrown)
    logger.error({ room: 'facilitator', path, error: error.message }, 'a request failed')
    return context.json(
      { ...noPayment(path, `unexpected_${path}_error`, 'failed', served), error: errorBodyOf(error) },
      500,
    )
  } finally {
    leave()
  }
}

/** A refusal in the words of x402, with ours beside them. */
function refusal(path: Path, error: FacilitatorError, network: string): Answer {
  const reason = reasonOf(error)
  const body = {
    ...noPayment(path, reason, error.message, { network: network as Served['network'] }),
    error: errorBodyOf(error),
  }
  return { path, body: body as unknown as Answer['body'], reason }
}

function refuse(context: Context<Bindings>, path: Path, error: HttpError, served: Served): Response {
  const words = noPayment(path, 'invalid_payload', error.message, served)
  return context.json({ ...words, error: errorBodyOf(error) }, error.status)
}

const noPayment = (path: Path, reason: string, message: string, { network }: Pick<Served, 'network'>) =>
  path === 'verify'
    ? { isValid: false, invalidReason: reason, invalidMessage: message }
    : { success: false, errorReason: reason, errorMessage: message, transaction: '', network }
