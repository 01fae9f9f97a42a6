import type { Host } from '../net/index.ts'
import {
  CHECKPOINT,
  type Domain,
  digestOf,
  OFFER,
  type Secp256k1,
  type Signer,
  ZERO_DIGEST,
} from '../protocol/index.ts'
import type { Store, Write } from '../store/index.ts'
import { checkpointWrites } from './checkpointStore.ts'
import type { RoleLogger } from './logger.ts'
import type { Sync } from './sync.ts'

/** Peers asked after a start. */
const MAX_PEERS = 8
const ANSWER_TIMEOUT_MS = 2_000

/**
 * R27: after a restart or a restore a node asks peers for the latest it signed itself and never signs at or below. Only
 * what carries its own signature counts, so no peer can push it ahead.
 */
export async function recoverOwnLatest(
  components: {
    readonly host: Pick<Host, 'connectedPeers'>
    readonly sync: Sync
    readonly store: Store
    readonly operator: Signer
    readonly crypto: Pick<Secp256k1, 'recover'>
    readonly logger: RoleLogger
  },
  init: { readonly domain: Domain },
): Promise<void> {
  const { host, sync, store, operator, crypto, logger } = components
  const { domain } = init
  for (const peer of host.connectedPeers().slice(0, MAX_PEERS)) {
    const request = { kind: 'latestRequest', value: { operator: operator.address } } as const
    const answer = await sync.ask(peer, request, 'latest', { timeoutMs: ANSWER_TIMEOUT_MS })
    if (!answer.ok) continue
    const writes: Write[] = []
    const { offer, checkpoint } = answer.value
    if (offer !== undefined) {
      const digest = digestOf(domain, OFFER, offer.offer)
      const { sequence } = offer.offer
      const last = await store.lastSigned('offer', ZERO_DIGEST)
      if (sequence > (last?.sequence ?? -1) && crypto.recover(digest, offer.signature) === operator.address) {
        writes.push({ type: 'sign', kind: 'offer', scope: ZERO_DIGEST, sequence, digest })
      }
    }
    if (checkpoint !== undefined) {
      const digest = digestOf(domain, CHECKPOINT, checkpoint.checkpoint)
      const { sequence } = checkpoint.checkpoint
      const last = await store.lastSigned('checkpoint', ZERO_DIGEST)
      if (sequence > (last?.sequence ?? -1) && crypto.recover(digest, checkpoint.signature) === operator.address) {
        writes.push(...checkpointWrites(checkpoint, digest))
        writes.push({ type: 'sign', kind: 'checkpoint', scope: ZERO_DIGEST, sequence, digest })
      }
    }
    if (writes.length === 0) continue
    await store.commit(writes)
    logger.warn({ peer }, 'a peer held later signatures of this operator than this store; they are kept')
  }
}
