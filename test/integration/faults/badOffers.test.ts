import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Host, topicName } from '../../../src/net/index.ts'
import {
  addressesHashOf,
  createDomain,
  digestOf,
  H,
  OFFER,
  type SignedOffer,
  signOffer,
} from '../../../src/protocol/index.ts'
import { createSync } from '../../../src/roles/sync.ts'
import { encodeGossip, maxBytes } from '../../../src/wire/index.ts'
import { type FixedPeer, startBareHost, startFixedPeer } from '../../support/fixedChain.ts'
import { grantOf, offerOf, termsOf } from '../../support/protocolWorld.ts'
import { DOMAIN, signerOf } from '../../support/votes.ts'
import { addressOf, eventually, recordingLogger } from '../net/hosts.ts'

const TOPIC = topicName(DOMAIN.networkId, 'offer', 0)
const operator = signerOf('provider', 0)
const LIFE = 60_000

let listener: FixedPeer
let logger: ReturnType<typeof recordingLogger>
let sender: Host
let honest: Host
const stops: (() => Promise<void>)[] = []

/** A host that passes on whatever it is told to. */
async function gossiper(role: string): Promise<Host> {
  const host = await startBareHost({ role })
  stops.push(() => host.stop())
  host.gossip.subscribe(TOPIC, async () => ({ action: 'accept' }), {
    maxBytes: maxBytes('SignedOffer'),
    queueLength: 16,
    expectedPerSecond: 1,
  })
  await host.connect(addressOf(listener.host))
  await eventually(() => listener.host.gossip.meshPeers(TOPIC).includes(host.peerId), 'a mesh')
  return host
}

beforeEach(async () => {
  logger = recordingLogger()
  listener = await startFixedPeer({ role: 'listener', logger })
  stops.push(() => listener.stop())
  sender = await gossiper('sender')
  honest = await gossiper('honest')
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const grant = () => grantOf(operator, 0, { notBefore: Date.now() - 1_000, notAfter: Date.now() + 3_600_000 })
const offer = (sequence: number, validUntil = Date.now() + LIFE): SignedOffer =>
  offerOf(operator, grant(), { sequence, validUntil })
const forged = (real: SignedOffer): SignedOffer => ({
  ...real,
  signature: signerOf('forger').sign(digestOf(DOMAIN, OFFER, real.offer)),
})
const foreign = (): SignedOffer => {
  const elsewhere = createDomain(1, DOMAIN.verifyingContract, H('test/another-network'))
  const { signed, digest } = grant()
  const validUntil = Date.now() + LIFE
  const draft = { addresses: [], grant: signed, grantDigest: digest, tiers: [1], privacy: [1], sequence: 1, validUntil }
  return signOffer(elsewhere, operator, { ...draft, terms: [termsOf(operator)] })
}
const send = (from: Host, signed: SignedOffer) => from.gossip.publish(TOPIC, encodeGossip('offer', signed))
/** Codes under which a peer was scored. */
const offencesOf = (host: Host): unknown[] =>
  logger.lines
    .filter(({ message, fields }) => message === 'peer misbehaved' && fields.peer === host.peerId)
    .map(({ fields }) => fields.verdict)

describe('an offer by gossip', () => {
  it.each([
    ['bad-signature', 'of another signer', () => forged(offer(1))],
    ['offer-terms', 'signed for another network and chain (R2)', foreign],
    ['offer-expired', 'that ended a whole life ago', () => offer(1, Date.now() - LIFE - 1)],
    ['offer-addresses', 'with addresses it did not sign', () => ({ ...offer(1), addresses: ['/ip4/1.2.3.4/tcp/1'] })],
    [
      'offer-grant',
      'under a grant of another operator',
      () => ({ ...offer(1), grant: grantOf(signerOf('provider', 1)).signed }),
    ],
  ])('is rejected as %s, its sender scored, nothing kept: one %s', async (code, _, make) => {
    await send(sender, make())
    await eventually(() => offencesOf(sender).length > 0, 'the sender to be scored')
    expect(offencesOf(sender)).toEqual([code])
    expect(listener.host.conduct.score(sender.peerId)).toBeLessThan(0)
    expect(listener.offers.live()).toEqual([])
    expect(listener.host.conduct.score(honest.peerId)).toBe(0)
  })

  it('that ended a moment ago is ignored: a slow path is no offence', async () => {
    await send(sender, offer(1, Date.now() - 1))
    await send(sender, offer(2))
    await eventually(() => listener.offers.live().length === 1, 'the live one')
    expect(listener.offers.live()[0]?.offer.sequence).toBe(2)
    expect(offencesOf(sender)).toEqual([])
  })

  it('R9: is not kept out by a forged copy that comes first', async () => {
    const real = offer(1)
    await send(sender, forged(real))
    await eventually(() => offencesOf(sender).length > 0, 'the forger to be scored')
    expect(listener.offers.live()).toEqual([])
    await send(honest, real)
    await eventually(() => listener.offers.live().length === 1, 'the real one')
    expect(listener.offers.live()).toEqual([real])
    expect(listener.host.conduct.score(honest.peerId)).toBe(0)
  })
})

describe('an offer that is pulled', () => {
  it.each([
    ['of another signer', () => forged(offer(1))],
    [
      'with addresses it did not sign',
      () => ({ ...offer(1), offer: { ...offer(1).offer, addressesHash: addressesHashOf([]) } }),
    ],
  ])('costs who served it and is not kept: one %s', async (_, make) => {
    const relay = await startBareHost({ role: 'relay' })
    stops.push(() => relay.stop())
    const sync = createSync({ host: relay, logger }, { networkId: DOMAIN.networkId })
    sync.respond('offersRequest', async () => ({ kind: 'offers', value: { offers: [make()], more: false } }))
    sync.start()
    await relay.connect(addressOf(listener.host))
    await eventually(() => listener.host.conduct.score(relay.peerId) < 0, 'the relay to be scored')
    expect(listener.offers.live()).toEqual([])
  })
})
