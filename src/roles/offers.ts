import { type Host, topicName } from '../net/index.ts'
import {
  type Address,
  type Clock,
  type Domain,
  OfferBook,
  type Parameters,
  type Secp256k1,
  type SignedOffer,
} from '../protocol/index.ts'
import { encodeGossip, maxBytes } from '../wire/index.ts'
import type { RoleLogger } from './logger.ts'
import { refuseSync, type Sync } from './sync.ts'
import { type OfferValidatorContext, validateOffer, validateOfferMessage } from './validators/offer.ts'

export interface Offers {
  start(): void
  stop(): void
  live(): SignedOffer[]
  of(operator: Address): SignedOffer | undefined
  publish(offer: SignedOffer): Promise<void>
  onOffer(listener: (offer: SignedOffer) => void): () => void
}

export interface OffersComponents {
  readonly host: Host
  readonly sync: Sync
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly chain: { maturedStake(operator: Address): Promise<bigint | undefined> }
  readonly clock: Clock
  readonly logger: RoleLogger
}

/** Offers in one answer; the rest is asked for with `after`. */
const PAGE = 16
/** A late joiner asks this many pages of one peer at most. */
const MAX_PAGES = 64
const QUEUE_LENGTH = 256
const EXPIRE_EVERY_MS = 5_000

/** The offers this peer knows: gossiped, expired, and pulled once from every peer it connects to (R8). */
export function createOffers(
  components: OffersComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
): Offers {
  const { host, sync, crypto, chain, clock, logger } = components
  const { domain, parameters } = init
  const book = new OfferBook(parameters)
  const listeners = new Set<(offer: SignedOffer) => void>()
  const topic = topicName(domain.networkId, 'offer', 0)
  let timer: NodeJS.Timeout | undefined
  let unsubscribe: (() => void) | undefined

  const context: OfferValidatorContext = {
    domain,
    parameters,
    crypto,
    now: clock,
    known: (operator) => book.of(operator)?.offer.sequence,
    isStaked: async (operator) => {
      const stake = await chain.maturedStake(operator)
      return stake === undefined ? undefined : stake > 0n
    },
  }

  const keep = (offer: SignedOffer): void => {
    if (!book.accept(offer, clock()).ok) return
    for (const listener of listeners) listener(offer)
  }

  const pull = async (peer: string): Promise<void> => {
    let after: Address | undefined
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const value = { count: PAGE, ...(after === undefined ? {} : { after }) }
      const answer = await sync.ask(peer, { kind: 'offersRequest', value }, 'offers')
      if (!answer.ok) {
        logger.debug({ peer, code: answer.error.code }, 'offers not pulled')
        return
      }
      for (const offer of answer.value.offers) {
        const { verdict } = await validateOffer(offer, context)
        if (verdict.action === 'accept') keep(offer)
        else if (verdict.action === 'reject') {
          host.conduct.report(peer, 'bad-frame', { code: verdict.code })
          return
        }
      }
      after = answer.value.offers.at(-1)?.offer.operator
      if (!answer.value.more || after === undefined) return
    }
  }

  return {
    start: () => {
      sync.respond('offersRequest', async ({ after, count }) => {
        if (count > PAGE) return refuseSync('too-much', `expected at most ${PAGE} offers`)
        const live = book
          .live(clock())
          .sort((a, b) => (a.offer.operator < b.offer.operator ? -1 : 1))
          .filter(({ offer }) => after === undefined || offer.operator > after)
        return { kind: 'offers', value: { offers: live.slice(0, count), more: live.length > count } }
      })
      host.gossip.subscribe(
        topic,
        async (bytes) => {
          const { verdict, offer } = await validateOfferMessage(bytes, context)
          if (verdict.action === 'accept' && offer !== undefined) keep(offer)
          return verdict
        },
        { maxBytes: maxBytes('SignedOffer'), queueLength: QUEUE_LENGTH, expectedPerSecond: 1 },
      )
      unsubscribe = host.onPeerConnected((peer) => void pull(peer))
      for (const peer of host.connectedPeers()) void pull(peer)
      timer = setInterval(() => book.expire(clock()), EXPIRE_EVERY_MS)
      timer.unref()
    },
    stop: () => {
      clearInterval(timer)
      unsubscribe?.()
      host.gossip.unsubscribe(topic)
    },
    live: () => book.live(clock()),
    of: (operator) => book.of(operator),
    publish: async (offer) => {
      keep(offer)
      await host.gossip.publish(topic, encodeGossip('offer', offer))
    },
    onOffer: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
