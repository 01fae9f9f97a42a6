import { type Host, isNetError } from '../net/index.ts'
import type { RoleLogger } from './logger.ts'
import type { Sync } from './sync.ts'

/** How a newcomer that knows one peer finds verifiers, signers and settlers. */
export interface PeerExchange {
  start(): void
  stop(): void
}

/** Addresses asked for and told at once. */
const PAGE = 64
/** A peer is asked once it connects and again this often, while fewer than `wanted` peers are connected, ms. */
const ASK_EVERY_MS = 5_000
const DIAL_TIMEOUT_MS = 10_000

export function createPeerExchange(
  components: { readonly host: Host; readonly sync: Sync; readonly logger: RoleLogger },
  init: { readonly wanted: number },
): PeerExchange {
  const { host, sync, logger } = components
  const dialling = new Set<string>()
  const off: (() => void)[] = []
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const dial = async (address: string): Promise<void> => {
    const peer = address.split('/p2p/').at(-1)
    if (peer === undefined || peer === host.peerId || dialling.has(peer) || stopped) return
    if (host.connectedPeers().includes(peer) || host.connectedPeers().length >= init.wanted) return
    dialling.add(peer)
    try {
      await host.connect(address, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
    } catch (thrown) {
      if (!isNetError(thrown)) throw thrown
      logger.debug({ peer, code: thrown.code }, 'a peer that another named does not answer')
    } finally {
      dialling.delete(peer)
    }
  }

  const ask = async (peer: string): Promise<void> => {
    const answer = await sync.ask(peer, { kind: 'peersRequest', value: { count: PAGE } }, 'peers')
    if (!answer.ok) return
    for (const address of answer.value.addresses) await dial(address)
  }

  const tell = async (asker: string): Promise<string[]> => {
    const others = host.connectedPeers().filter((peer) => peer !== asker)
    const addresses = await Promise.all(others.map((peer) => host.addressesOf(peer)))
    return addresses.flat().slice(0, PAGE)
  }

  return {
    start: () => {
      sync.respond('peersRequest', async (_request, peer) => ({
        kind: 'peers',
        value: { addresses: await tell(peer) },
      }))
      off.push(host.onPeerConnected((peer) => void ask(peer)))
      timer = setInterval(() => {
        if (host.connectedPeers().length < init.wanted) for (const peer of host.connectedPeers()) void ask(peer)
      }, ASK_EVERY_MS)
      timer.unref()
    },
    stop: () => {
      stopped = true
      clearInterval(timer)
      for (const unsubscribe of off) unsubscribe()
    },
  }
}
