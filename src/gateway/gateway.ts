import { HTTPFacilitatorClient } from '@x402/core/http'
import type { FacilitatorClient } from '@x402/core/server'
import { privateKeyToAccount } from 'viem/accounts'
import type { GatewayConfig, GatewayOption, Health, Home, NetworkFile, OpgNode } from '../node/index.ts'
import { bytesToHex, type Clock, toError } from '../protocol/index.ts'
import { createAgreements } from './agreement.ts'
import { createApp } from './app.ts'
import { createClaims } from './claims.ts'
import { GatewayError } from './errors.ts'
import { createInFlight } from './http/inFlight.ts'
import { startHttpServer } from './http/server.ts'
import { createGatewayMetrics } from './metrics.ts'
import { createModels } from './models.ts'
import { createDurableChannels } from './payments/channelStorage.ts'
import { createMerchant, type PaymentOption } from './payments/merchant.ts'
import { createPaymentRecords } from './payments/records.ts'
import { createQuotes } from './pricing.ts'
import { recoverPayments } from './recovery.ts'
import { createRunJob } from './runJob.ts'
import { createSales, type SaleLogger } from './sale.ts'
import { createShelf } from './shelf.ts'

export interface GatewayLogger extends SaleLogger {
  error(fields: object, message: string): void
}

/** What of a node the gateway is a requester through. */
export type GatewayNode = Pick<OpgNode, 'parts' | 'requester' | 'store' | 'registry' | 'health'>

export interface GatewayComponents {
  readonly node: GatewayNode
  readonly clock: Clock
  readonly logger: GatewayLogger
  /** The configured one over HTTP when left out. */
  readonly facilitator?: FacilitatorClient
}

export interface GatewayInit {
  readonly home: Pick<Home, 'models' | 'path'>
  readonly network: NetworkFile
  readonly config: GatewayConfig
  /** 32 bytes: the operator's, which authorises claims of channels towards this gateway. */
  readonly privateKey: Uint8Array
}

export interface Gateway {
  /** `http://host:port`. */
  readonly url: string
  /** Refuses new requests, lets those under way end, claims what is left. Safe to call twice. */
  stop(): Promise<void>
}

/** A call of the facilitator that settles waits for a block, ms. */
const FACILITATOR_TIMEOUT_MS = 60_000
/** A settlement beside the job, and clocks that differ, fit into what a payment must hold, seconds. */
const SETTLE_SECONDS = 60
const PRUNE_EVERY_MS = 600_000
/** Headers carry a payment and what it repeats of the extensions. */
const MAX_HEADER_BYTES = 32 * 1024

/** Serves inference to x402 clients. Throws GatewayError, NodeError `port-taken`, and what reading a model folder throws. */
export async function startGateway(components: GatewayComponents, init: GatewayInit): Promise<Gateway> {
  const { node, clock, logger } = components
  const { config, network, home } = init
  const { requester, store } = node
  if (requester === undefined || store === undefined) throw new RangeError('expected a started requester with a store')
  const { payTo, options, url: facilitatorUrl } = resolve(config, network)
  const facilitator =
    components.facilitator ?? new HTTPFacilitatorClient({ url: facilitatorUrl, timeoutMs: FACILITATOR_TIMEOUT_MS })
  const caip2 = `eip155:${network.chainId}` as const
  const inFlight = createInFlight({ maxAtOnce: config.maxAtOnce })
  const metrics = createGatewayMetrics(node.registry, () => inFlight.count)
  const models = await createModels(
    { ...node.parts, clock },
    { catalogue: home.models, folders: config.models.map((folder) => home.path(folder)) },
  )
  const channels = createDurableChannels(store)
  const authorizer = privateKeyToAccount(bytesToHex(init.privateKey))
  const merchant = createMerchant(
    { facilitator, channels, authorizer },
    {
      network: caip2,
      payTo,
      options,
      withdrawDelay: config.withdrawDelay,
      maxTimeoutSeconds: config.jobSeconds + SETTLE_SECONDS,
    },
  )
  let url = config.url?.replace(/\/$/, '') ?? ''
  const shelf = createShelf({ url: () => url })
  const records = createPaymentRecords(store)
  await recoverPayments({ records, channels, logger })
  const quotes = createQuotes({ holdMs: config.quoteSeconds * 1_000 })
  const agreements = createAgreements({ models, merchant, quotes, shelf, clock })
  const run = createRunJob({ requester, metrics }, node.parts)
  const sales = createSales(
    { agreements, merchant, records, channels, run, metrics, clock, logger },
    { keepMs: config.keepSeconds * 1_000 },
  )
  await sales.prune()
  const tokens = [...new Set(options.filter(({ scheme }) => scheme === 'batch-settlement').map(({ asset }) => asset))]
  const claims = createClaims(
    { merchant, facilitator, logger },
    { network: caip2, tokens, everySeconds: config.claimSeconds },
  )
  const health = (): Health => (inFlight.draining ? { ok: false, parts: { gateway: 'stopping' } } : node.health())
  const { registry } = node
  const app = createApp(
    { models, merchant, agreements, sales, shelf, inFlight, metrics, registry, health, clock, logger },
    config,
  )
  const server = await startHttpServer(app.fetch, {
    host: config.host,
    port: config.port,
    setting: 'gateway.port',
    limits: { maxHeaderBytes: MAX_HEADER_BYTES },
  })
  if (url === '') url = server.url
  claims.start()
  const timer = setInterval(() => {
    sales.prune().catch((thrown) => logger.error({ error: toError(thrown).message }, 'old answers not removed'))
  }, PRUNE_EVERY_MS)
  timer.unref()
  let stopping: Promise<void> | undefined
  return {
    url: server.url,
    stop: () => {
      stopping ??= (async () => {
        clearInterval(timer)
        await inFlight.drain((config.jobSeconds + SETTLE_SECONDS) * 1_000)
        await server.stop()
        await claims.stop()
      })()
      return stopping
    },
  }
}

interface Resolved {
  readonly payTo: NonNullable<GatewayConfig['payTo']>
  readonly url: string
  readonly options: readonly PaymentOption[]
}

function resolve({ payTo, facilitator, accepts }: GatewayConfig, network: NetworkFile): Resolved {
  if (payTo === undefined) throw unconfigured('payTo', 'the address that is paid')
  if (facilitator === undefined) throw unconfigured('facilitator', 'the URL of a facilitator')
  if (accepts.length === 0) throw unconfigured('accepts', 'at least one way to pay')
  return { payTo, url: facilitator.replace(/\/$/, ''), options: accepts.map((option) => optionOf(option, network)) }
}

const WEI_PER_OPG = 10n ** 18n
/** OPG's EIP-712 domain (contracts/src/OPG.sol). */
const OPG_DOMAIN = { name: 'OPG', version: '1' }

function optionOf(option: GatewayOption, { contracts }: NetworkFile): PaymentOption {
  const isOpg = option.asset === 'OPG'
  const { name, version } = isOpg ? OPG_DOMAIN : option
  const transfer = option.transfer ?? (option.scheme === 'upto' ? 'permit2' : 'eip3009')
  if (transfer === 'eip3009' && (name === undefined || version === undefined)) {
    throw unconfigured('accepts', `name and version of the EIP-712 domain of ${option.asset}, which eip3009 needs`)
  }
  return {
    asset: option.asset === 'OPG' ? contracts.opg : option.asset,
    scheme: option.scheme,
    transfer,
    rate: { perOPG: option.perOPG ?? WEI_PER_OPG, marginPpm: option.marginPpm, minimum: option.minimum },
    name,
    version,
  }
}

const unconfigured = (field: string, expected: string): GatewayError =>
  new GatewayError(
    { code: 'gateway-unconfigured', field: `gateway.${field}`, expected, got: 'nothing' },
    `config.json: gateway.${field}: expected ${expected}, got nothing`,
  )
