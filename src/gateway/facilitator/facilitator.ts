import type { FacilitatorHome, NodeConfig, NodeLogger } from '../../node/index.ts'
import { createRegistry } from '../../node/index.ts'
import type { Clock } from '../../protocol/index.ts'
import { createInFlight } from '../http/inFlight.ts'
import { HTTP_LIMITS, startHttpServer } from '../http/server.ts'
import { createFacilitatorApp } from './app.ts'
import { chainReads } from './chainSigner.ts'
import { KEEP_ANSWERS_MS, MAX_AT_ONCE, VERIFY_TIMEOUT_MS } from './constants.ts'
import { createFacilitatorMetrics } from './metrics.ts'
import type { Served } from './request.ts'
import { Settlements } from './settlements.ts'
import { Verifications } from './verifications.ts'

export interface Facilitator {
  /** `http://host:port`. */
  readonly url: string
  readonly network: string
  /** Who pays for gas, EIP-55. */
  readonly signer: string
  readonly assets: readonly string[]
  /** Settlements of an earlier process that were put before the chain again. */
  readonly resumed: number
  /** Takes nothing new, lets what runs end, then closes. Safe to call twice. */
  stop(): Promise<void>
}

export interface FacilitatorInit {
  readonly config: NodeConfig['facilitator']
}

/** A chain is well while a block is not older than this; ms. */
const STALE_HEAD_MS = 60_000

/** x402 v2 over HTTP on one network. The home is the caller's to close, after `stop`. */
export async function startFacilitator(
  components: { readonly home: FacilitatorHome; readonly logger: NodeLogger; readonly clock: Clock },
  { config }: FacilitatorInit,
): Promise<Facilitator> {
  const { home, logger, clock } = components
  const { chain, network, journal, account } = home
  const served: Served = {
    network: `eip155:${network.chainId}`,
    assets: new Set([network.contracts.opg, ...config.tokens]),
  }
  const reads = chainReads(home)
  const timeoutMs = config.settleSeconds * 1_000
  const settlements = new Settlements({ sender: home, reads, journal, clock }, { served, timeoutMs })
  const verifications = new Verifications(reads, { served, timeoutMs: VERIFY_TIMEOUT_MS })
  await journal.prune(clock() - KEEP_ANSWERS_MS)
  const resumed = await settlements.resume()
  const inFlight = createInFlight({ maxAtOnce: MAX_AT_ONCE })
  const registry = createRegistry()
  const app = createFacilitatorApp(
    {
      ...{ verifications, settlements, inFlight, registry, clock, logger },
      metrics: createFacilitatorMetrics(registry, { open: () => inFlight.count }),
      health: () => {
        const ageMs = clock() - chain.head().timestamp
        const parts = { chain: `block ${chain.head().number}, ${ageMs} ms old` }
        return { ok: !inFlight.draining && ageMs < STALE_HEAD_MS, parts }
      },
    },
    { served, requestsPerSecond: config.requestsPerSecond },
  )
  const drainMs = timeoutMs + VERIFY_TIMEOUT_MS
  const server = await startHttpServer((request, env) => app.fetch(request, env), {
    host: config.host,
    port: config.port,
    limits: { ...HTTP_LIMITS, drainMs },
    setting: 'facilitator.port',
  })
  logger.info({ room: 'facilitator', url: server.url, network: served.network, resumed }, 'facilitator started')
  return {
    ...{ url: server.url, network: served.network, signer: account.address, assets: [...served.assets], resumed },
    stop: async () => {
      await inFlight.drain(drainMs)
      await server.stop()
    },
  }
}
