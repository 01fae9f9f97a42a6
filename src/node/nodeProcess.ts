import { formatClaimBatch } from '../payment/index.ts'
import { StoreError } from '../store/index.ts'
import { listBatches } from './batches.ts'
import { type ControlServer, startControl } from './control.ts'
import { NodeError } from './errors.ts'
import { assertSocketPath, type Home, readNodeFile, removeNodeFile, writeNodeFile } from './home.ts'
import { type MetricsServer, startMetrics } from './metrics.ts'
import { createNode, type NodeInit, type NodePorts, type OpgNode } from './node.ts'
import { listOffers } from './offerList.ts'

export interface NodeProcess {
  readonly node: OpgNode
  /** `http://host:port`, where metrics are served. */
  readonly metrics: string | undefined
  /** Resolves when the node has stopped, whoever asked for it. */
  readonly stopped: Promise<void>
  /** Stops `server` before the node, whoever asks the process to stop. */
  attach(server: { stop(): Promise<void> }): void
  /** Lets running jobs end, then ends everything. Safe to call twice. */
  stop(): Promise<void>
}

/** Batches that `/batches` tells of. */
const RECENT_BATCHES = 20

/**
 * A node with what its owner sees of it: control socket, metrics, node file. Refuses a second process on the same home
 * by the store's lock (R27): NodeError `node-running`.
 */
export async function startNodeProcess(init: NodeInit, ports: Partial<NodePorts> = {}): Promise<NodeProcess> {
  const { home, config, network } = init
  assertSocketPath(home.controlSocket)
  const node = createNode(init, ports)
  const servers: Pick<MetricsServer | ControlServer, 'stop'>[] = []
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      for (const server of servers.splice(0).reverse()) await server.stop()
      await node.stop()
      await removeNodeFile(home)
      resolve()
    })()
    return stopping
  }
  try {
    await node.start()
  } catch (thrown) {
    throw await asRunning(thrown, home)
  }
  try {
    const { registry } = node
    const metrics = config.metrics.enabled
      ? await startMetrics({ registry, health: () => node.health() }, config.metrics)
      : undefined
    if (metrics !== undefined) servers.push(metrics)
    const control = await startControl(home.controlSocket, {
      status: async () => node.status(),
      offers: async () => ({ offers: await listOffers(node.parts, home) }),
      batches: async () => ({ batches: await listBatches(node.parts.chain, { last: RECENT_BATCHES }) }),
      claims: async () => ({ files: (node.claims?.signed() ?? []).map(formatClaimBatch) }),
      claim: () => claimNow(node),
      stop: async () => {
        setImmediate(() => void stop())
      },
    })
    servers.push(control)
    const { operator, peerId, roles, addresses } = node.status()
    await writeNodeFile(home, {
      pid: process.pid,
      startedAt: Date.now(),
      networkId: network.networkId,
      operator,
      peerId,
      roles: [...roles],
      addresses: [...addresses],
      ...(metrics === undefined ? {} : { metrics: metrics.url }),
    })
    return { node, metrics: metrics?.url, stopped, attach: (server) => void servers.push(server), stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

async function asRunning(thrown: unknown, home: Home): Promise<unknown> {
  if (!(thrown instanceof StoreError) || thrown.code !== 'store-locked') return thrown
  const pid = (await readNodeFile(home))?.pid
  return new NodeError(
    { code: 'node-running', home: home.directory, pid },
    `expected no node on ${home.directory}, process ${pid ?? 'unknown'} holds it; stop it with "opg node stop" or choose another --home`,
    { cause: thrown },
  )
}

/** Throws NodeError `role-missing` where the node is no provider; ChainError. */
async function claimNow({ claims }: OpgNode): Promise<object> {
  if (claims === undefined)
    throw new NodeError({ code: 'role-missing', role: 'provider' }, 'expected a provider, the node is none')
  const { rows, claimed, transaction, distribution } = await claims.claimAll()
  return { rows, claimed: `${claimed}`, transaction: transaction ?? null, distribution: distribution ?? null }
}
