import { encodePaymentRequiredHeader, encodePaymentResponseHeader } from '@x402/core/http'
import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import type { Registry } from 'prom-client'
import { type GatewayConfig, type Health, packageVersion } from '../node/index.ts'
import { type Clock, toError } from '../protocol/index.ts'
import type { Agreements, Asked } from './agreement.ts'
import { answerBody } from './answer.ts'
import { readAsk } from './ask.ts'
import { discoveryPage } from './discovery.ts'
import type { InFlight } from './http/inFlight.ts'
import { type Problem, problemResponse } from './http/problem.ts'
import { type Bindings, rateLimit } from './http/rateLimit.ts'
import { mountSurfaces } from './http/surfaces.ts'
import { modelMetadata, serverMetadata } from './kserve/response.ts'
import type { GatewayMetrics } from './metrics.ts'
import { type Models, oneUnit, type ServedModel } from './models.ts'
import type { Failure } from './outcome.ts'
import { type Merchant, NO_STORE } from './payments/merchant.ts'
import { readPayment } from './payments/payment.ts'
import { problem, problemOfHttp } from './problems.ts'
import type { Sales } from './sale.ts'
import type { Shelf } from './shelf.ts'

export interface AppComponents {
  readonly models: Models
  readonly merchant: Merchant
  readonly agreements: Agreements
  readonly sales: Sales
  readonly shelf: Shelf
  readonly inFlight: InFlight
  readonly metrics: GatewayMetrics
  readonly registry: Registry
  readonly health: () => Health
  readonly clock: Clock
  readonly logger: { error(fields: object, message: string): void }
}

type Handler = Context<Bindings>

/** Headers of x402 v2. */
const PAYMENT_SIGNATURE = 'payment-signature'
const PAYMENT_REQUIRED = 'PAYMENT-REQUIRED'
const PAYMENT_RESPONSE = 'PAYMENT-RESPONSE'

/** The routes: Open Inference Protocol, x402, and what an operator looks at. */
export function createApp(components: AppComponents, config: GatewayConfig): Hono<Bindings> {
  const { registry, health, clock, metrics, logger } = components
  const app = new Hono<Bindings>()
  if (config.corsOrigins.length > 0) {
    app.use(
      cors({
        origin: config.corsOrigins,
        allowMethods: ['GET', 'POST'],
        allowHeaders: ['content-type', PAYMENT_SIGNATURE],
        exposeHeaders: [PAYMENT_REQUIRED, PAYMENT_RESPONSE],
      }),
    )
  }
  mountSurfaces(app, { registry, health })
  const refuse = (why: Problem): Response => {
    metrics.requests.inc({ code: why.code })
    return problemResponse(why)
  }
  app.use(rateLimit(clock, config, (_, error) => refuse({ ...problemOfHttp(error), retryAfter: 1 })))
  mountHealth(app, components)
  mountModels(app, components, config, refuse)
  app.notFound(({ req }) => refuse({ status: 404, code: 'not-found', message: `no such path: ${req.path}` }))
  app.onError((thrown) => {
    logger.error({ error: toError(thrown).message }, 'request failed')
    return refuse({ status: 500, code: 'failed', message: 'the request failed; the log says why' })
  })
  return app
}

function mountHealth(app: Hono<Bindings>, { merchant, inFlight, health }: AppComponents): void {
  app.get('/v2', (context) => context.json(serverMetadata(packageVersion())))
  app.get('/v2/health/live', (context) => context.json({ live: true }))
  app.get('/v2/health/ready', async (context) => {
    const isReady = !inFlight.draining && health().ok && (await merchant.ready()).ok
    return context.json({ ready: isReady }, isReady ? 200 : 503)
  })
}

function mountModels(
  app: Hono<Bindings>,
  components: AppComponents,
  config: GatewayConfig,
  refuse: (why: Problem) => Response,
): void {
  const { models, merchant, shelf } = components
  const withModel = async (context: Handler, use: (model: ServedModel) => Response): Promise<Response> => {
    const model = await models.find(context.req.param('model') ?? '')
    return model.ok ? use(model.value) : refuse(model.error)
  }
  app.get('/v2/models/:model', (context) =>
    withModel(context, ({ id, manifest }) => context.json(modelMetadata(id, manifest))),
  )
  app.get('/v2/models/:model/ready', (context) =>
    withModel(context, ({ id, manifest }) => {
      const ready = models.isOffered(id)
      return context.json({ name: manifest.name, ready }, ready ? 200 : 503)
    }),
  )
  app.get('/discovery/resources', async (context) => {
    const ready = await merchant.ready()
    if (!ready.ok) return refuse(ready.error)
    const page = await discoveryPage({ models, merchant, shelf, clock: components.clock }, context.req.query(), config)
    return page.ok ? context.json(page.value) : refuse(page.error)
  })
  const infer = createInfer(components, config, refuse)
  app.post('/v2/models/:model/infer', infer.post)
  app.get('/v2/models/:model/infer', infer.get)
}

/** The paid resource. POST asks for an inference; GET tells what one unit costs and takes refunds of channels. */
function createInfer(components: AppComponents, config: GatewayConfig, refuse: (why: Problem) => Response) {
  const { models, agreements, sales, inFlight, metrics } = components
  const entered = async (work: () => Promise<Response>): Promise<Response> => {
    const leave = inFlight.enter()
    if (!leave.ok) return refuse(leave.error)
    try {
      return await work()
    } finally {
      leave.value()
    }
  }
  const refused = (outcome: Failure): Response => {
    metrics.requests.inc({ code: outcome.problem.code })
    return problemResponse(outcome.problem, headersOf(outcome))
  }
  const post = (context: Handler): Promise<Response> =>
    entered(async () => {
      const ask = await readAsk(context.req.raw, context.req.param('model') ?? '', models, config)
      if (!ask.ok) return refuse(ask.error)
      const header = context.req.header(PAYMENT_SIGNATURE)
      const payment = header === undefined ? undefined : readPayment(header)
      if (payment !== undefined && !payment.ok) return refuse(payment.error)
      const outcome =
        payment === undefined ? await agreements.quote(ask.value) : await sales.sell(ask.value, payment.value)
      if (!outcome.ok) return refused(outcome)
      metrics.requests.inc({ code: 'ok' })
      return Response.json(answerBody(outcome.answer, ask.value), { headers: headersOf(outcome) })
    })
  const get = (context: Handler): Promise<Response> =>
    entered(async () => {
      const model = await models.find(context.req.param('model') ?? '')
      if (!model.ok) return refuse(model.error)
      const asked: Asked = { model: model.value, priced: oneUnit(model.value, config) }
      const header = context.req.header(PAYMENT_SIGNATURE)
      const payment = header === undefined ? undefined : readPayment(header)
      if (payment !== undefined && !payment.ok) return refuse(payment.error)
      if (payment !== undefined && payment.value.kind !== 'refund') {
        return refuse(problem('payment-unsupported', 'a refund; POST asks for an inference', payment.value.kind))
      }
      const outcome = payment === undefined ? await agreements.quote(asked) : await sales.refund(asked, payment.value)
      if (!outcome.ok) return refused(outcome)
      metrics.requests.inc({ code: 'ok' })
      const body = outcome.answer === undefined ? outcome.acknowledgement : {}
      return Response.json(body, { headers: headersOf(outcome) })
    })
  return { post, get }
}

type Headed = Pick<Failure, 'required' | 'settlement'>

/** `no-store`, for what is paid is the payer's alone. */
function headersOf({ required, settlement }: Headed): Record<string, string> {
  return {
    'cache-control': `private, ${NO_STORE}`,
    ...(required === undefined ? {} : { [PAYMENT_REQUIRED]: encodePaymentRequiredHeader(required) }),
    ...(settlement === undefined ? {} : { [PAYMENT_RESPONSE]: encodePaymentResponseHeader(settlement) }),
  }
}
