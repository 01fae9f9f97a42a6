import { createConfig } from './config.ts'
import { nodeSecp256k1 } from './crypto.ts'
import { type Home, readHome } from './home.ts'
import type { NodeLogger } from './logger.ts'
import { createNode, type OpgNode } from './node.ts'
import { readOperatorKey } from './operatorKey.ts'
import { findWallet } from './wallet.ts'

/**
 * A requester of a home for one errand: dials, listens nowhere, keeps no store but, where it `pays`, the books of the home's
 * wallet. Not started. Throws what reading the home and its keys throws.
 */
export async function createClient(
  home: Home,
  components: { readonly logger: NodeLogger; readonly environment: { readonly [name: string]: string | undefined } },
  { pays = true }: { readonly pays?: boolean } = {},
): Promise<OpgNode> {
  const opened = await readHome(home)
  const { logger, environment } = components
  const crypto = nodeSecp256k1()
  const privateKey = await readOperatorKey(home, opened, crypto, environment)
  const wallet = pays ? await findWallet(home, opened.network, crypto, environment) : undefined
  const { rpc, bootstrap, key, evidence, policy, payments } = opened.config
  const config = {
    ...createConfig({ roles: ['requester'], rpc, bootstrap, key, listen: [] }),
    payments,
    ...(evidence === undefined ? {} : { evidence }),
    ...(policy === undefined ? {} : { policy }),
  }
  return createNode({
    ...{ home, config, network: opened.network, privateKey, logger, ephemeral: true },
    ...(wallet === undefined ? {} : { wallet }),
  })
}

/** Waits until offers have come and none new has for `quietMs`, at most `waitMs`. */
export async function gatherOffers(
  node: OpgNode,
  { waitMs, quietMs, signal }: { readonly waitMs: number; readonly quietMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { offers } = node.parts
  const until = Date.now() + waitMs
  for (;;) {
    const left = Math.min(until - Date.now(), offers.live().length === 0 ? waitMs : quietMs)
    if (left <= 0 || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const off = offers.onOffer(() => resolve(true))
    const timer = setTimeout(() => resolve(false), left)
    const abort = (): void => resolve(false)
    signal.addEventListener('abort', abort, { once: true })
    const more = await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    off()
    if (!more && (offers.live().length > 0 || Date.now() >= until)) return
  }
}
