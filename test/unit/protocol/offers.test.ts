import { describe, expect, it } from 'vitest'
import {
  type Address,
  addressesHashOf,
  digestOf,
  type Experience,
  H,
  MAX_ADDRESSES_PER_OFFER,
  maskHas,
  maskOf,
  merkleRoot,
  modelsRootOf,
  OFFER,
  OfferBook,
  type OfferPolicy,
  PRIVACY,
  rankOffers,
  type SignedOffer,
  type Signer,
  type Terms,
  TIER,
  termsDigest,
  termsProofOf,
  verifyMerkleProof,
} from '../../../src/protocol/index.ts'
import { decode, encode } from '../../../src/wire/index.ts'
import { grantOf, MODEL, NOW, type OfferChange, offerOf, PARAMETERS, termsOf } from '../../support/protocolWorld.ts'
import { crypto, DOMAIN, signerOf } from '../../support/votes.ts'

const provider = (index: number): Signer => signerOf('provider', index)
const offer = (index: number, terms: Partial<Terms> = {}, change: OfferChange = {}): SignedOffer =>
  offerOf(provider(index), grantOf(provider(index)), { terms: [termsOf(provider(index), terms)], ...change })

const POLICY: OfferPolicy = { model: MODEL, tier: TIER.replay, privacy: PRIVACY.open, maxOutputUnits: 4 }
const SAME: Experience = { latencyMs: 10, reputation: 0.5 }

const ranking = (
  offers: readonly SignedOffer[],
  policy: Partial<OfferPolicy> = {},
  experience: (operator: Address) => Experience = () => SAME,
): Address[] =>
  rankOffers(DOMAIN, offers, { ...POLICY, ...policy }, experience).map(({ signed }) => signed.offer.operator)

describe('an offer', () => {
  it('commits to its terms, addresses, tiers and privacy, signed by the operator (R3)', () => {
    const terms = [1n, 2n, 3n].map((perRequest) => termsOf(provider(0), { perRequest }))
    const signed = offer(0, {}, { terms, tiers: [TIER.signed, TIER['tee+replay']], privacy: [PRIVACY.committee] })
    expect(signed.offer).toMatchObject({
      termsCount: 3,
      termsRoot: merkleRoot(
        'terms',
        terms.map((entry) => termsDigest(DOMAIN, entry)),
      ),
      tiers: 0b1001,
      privacy: 0b10,
      addressesHash: addressesHashOf(signed.addresses),
    })
    expect(crypto.recover(digestOf(DOMAIN, OFFER, signed.offer), signed.signature)).toBe(provider(0).address)
    for (const [index, entry] of terms.entries()) {
      const proof = termsProofOf(DOMAIN, signed, index)
      expect(verifyMerkleProof('terms', signed.offer.termsRoot, index, termsDigest(DOMAIN, entry), proof)).toBe(true)
      expect(verifyMerkleProof('terms', signed.offer.termsRoot, index ^ 1, termsDigest(DOMAIN, entry), proof)).toBe(
        false,
      )
    }
  })

  it('carries as many addresses as a message may, the first of more', () => {
    const addresses = Array.from({ length: MAX_ADDRESSES_PER_OFFER + 1 }, (_, port) => `/ip4/127.0.0.1/tcp/${port}`)
    const signed = offer(0, {}, { addresses })
    expect(signed.addresses).toEqual(addresses.slice(0, -1))
    expect(signed.offer.addressesHash).toBe(addressesHashOf(signed.addresses))
    expect(decode('SignedOffer', encode('SignedOffer', signed))).toEqual({ ok: true, value: signed })
  })

  it.each([TIER, PRIVACY])('has a bit for each code of %o', (codes) => {
    const all = Object.values(codes)
    for (const code of all) {
      expect(all.filter((other) => maskHas(maskOf([code]), other))).toEqual([code])
      expect(maskHas(maskOf(all.filter((other) => other !== code)), code)).toBe(false)
    }
  })

  it('has one root for a set of models, in whatever order', () => {
    const models = [H('test/b'), H('test/a'), H('test/c')]
    expect(modelsRootOf(models)).toBe(modelsRootOf(models.toReversed()))
    expect(modelsRootOf(models)).not.toBe(modelsRootOf(models.slice(1)))
  })

  it('does not mistake two addresses for one', () => {
    expect(addressesHashOf(['/ip4/1', '/ip4/2'])).not.toBe(addressesHashOf(['/ip4/2', '/ip4/1']))
    expect(addressesHashOf([])).not.toBe(addressesHashOf(['/ip4/1']))
  })
})

describe('the offer book', () => {
  const book = (): OfferBook => new OfferBook(PARAMETERS)

  it('keeps live offers, the newest of each operator', () => {
    const offers = book()
    expect(offers.accept(offer(0), NOW)).toEqual({ ok: true, value: undefined })
    const newer = offer(0, {}, { sequence: 2 })
    expect(offers.accept(newer, NOW).ok).toBe(true)
    expect(offers.live(NOW)).toEqual([newer])
    expect(offers.of(provider(0).address)).toBe(newer)
  })

  it.each([
    ['offer-expired', { validUntil: NOW }],
    ['offer-too-long', { validUntil: NOW + PARAMETERS.offerLife + PARAMETERS.futureTolerance + 1 }],
    ['offer-stale', { sequence: 1 }],
    ['offer-stale', { sequence: 0 }],
  ])('refuses with %s an offer of %o', (code, change) => {
    const offers = book()
    offers.accept(offer(0), NOW)
    expect(offers.accept(offer(0, {}, { sequence: 2, ...change }), NOW)).toEqual({ ok: false, error: code })
  })

  it('takes an offer at each bound of its life', () => {
    for (const validUntil of [NOW + 1, NOW + PARAMETERS.offerLife + PARAMETERS.futureTolerance]) {
      expect(book().accept(offer(0, {}, { validUntil }), NOW).ok).toBe(true)
    }
  })

  it('shows no offer past its life, and forgets it when told', () => {
    const offers = book()
    offers.accept(offer(0), NOW)
    expect(offers.live(NOW + 60_000)).toEqual([])
    offers.expire(NOW + 59_999)
    expect(offers.of(provider(0).address)).toBeDefined()
    offers.expire(NOW + 60_000)
    expect(offers.of(provider(0).address)).toBeUndefined()
  })

  it('refuses with offer-book-full rather than grow, and has room again once an offer ended', () => {
    const offers = book()
    const signed = offer(0)
    const of = (index: number, validUntil = NOW + 60_000): SignedOffer => ({
      ...signed,
      offer: { ...signed.offer, operator: `0x${index.toString(16).padStart(40, '0')}`, validUntil },
    })
    for (let index = 0; index < 4_096; index += 1) {
      expect(offers.accept(of(index, index === 9 ? NOW + 10 : NOW + 60_000), NOW).ok).toBe(true)
    }
    expect(offers.accept(of(5_000), NOW)).toEqual({ ok: false, error: 'offer-book-full' })
    expect(offers.accept({ ...of(3), offer: { ...of(3).offer, sequence: 2 } }, NOW).ok).toBe(true)
    expect(offers.accept(of(5_000), NOW + 10).ok).toBe(true)
    expect(offers.accept(of(5_001), NOW + 10)).toEqual({ ok: false, error: 'offer-book-full' })
  })
})

describe('the ranking of offers (section 4.1)', () => {
  const cheap = offer(1, { perRequest: 1n })
  const dear = offer(2, { perRequest: 10n ** 9n })
  const same = offer(3, { perRequest: 1n })

  it('is cheapest first, by the price of this job', () => {
    expect(ranking([dear, cheap])).toEqual([provider(1).address, provider(2).address])
    const perUnit = offer(4, { perRequest: 0n, perGMAC: 10n ** 11n, perSecond: 0n, perGBSecond: 0n })
    const flat = offer(5, { perRequest: 10n ** 6n, perGMAC: 0n, perSecond: 0n, perGBSecond: 0n })
    expect(ranking([flat, perUnit], { maxOutputUnits: 1 })[0]).not.toBe(
      ranking([flat, perUnit], { maxOutputUnits: 256 })[0],
    )
  })

  it('breaks ties by reputation, then latency, then operator, in any order of the offers', () => {
    const by =
      (better: Partial<Experience>) =>
      (operator: Address): Experience =>
        operator === provider(3).address ? { ...SAME, ...better } : SAME
    for (const offers of [
      [cheap, same],
      [same, cheap],
    ]) {
      expect(ranking(offers, {}, by({ reputation: 0.6, latencyMs: 90 }))[0]).toBe(provider(3).address)
      expect(ranking(offers, {}, by({ reputation: 0.4, latencyMs: 1 }))[0]).toBe(provider(1).address)
      expect(ranking(offers, {}, by({ latencyMs: 9 }))[0]).toBe(provider(3).address)
      expect(ranking(offers)).toEqual([provider(1).address, provider(3).address].sort())
    }
  })

  it.each([
    ['of another model', { model: H('test/other') }],
    ['above maxFee', { maxFee: 1n }],
    ['that allows less output', { maxOutputUnits: 257 }],
    ['of an ignored operator', { ignore: [provider(1).address] }],
    ['of an operator that was not asked for', { only: [provider(2).address] }],
  ])('leaves out an offer %s', (_, policy) => {
    expect(ranking([cheap])).toHaveLength(1)
    expect(ranking([cheap], policy)).toEqual([])
  })

  it('leaves out an offer without the tier or the privacy, and never falls back (R12)', () => {
    for (const tier of Object.values(TIER)) {
      const others = Object.values(TIER).filter((code) => code !== tier)
      expect(ranking([offer(1, {}, { tiers: others })], { tier })).toEqual([])
      expect(ranking([offer(1, {}, { tiers: [tier] })], { tier })).toHaveLength(1)
    }
    for (const privacy of Object.values(PRIVACY)) {
      const others = Object.values(PRIVACY).filter((code) => code !== privacy)
      expect(ranking([offer(1, {}, { privacy: others })], { privacy })).toEqual([])
    }
  })

  it('names the terms it means and what the job costs there at most', () => {
    const terms = [termsOf(provider(1), { model: H('test/other') }), termsOf(provider(1))]
    const [ranked] = rankOffers(DOMAIN, [offer(1, {}, { terms })], POLICY, () => SAME)
    expect(ranked).toMatchObject({ termsIndex: 1, termsDigest: termsDigest(DOMAIN, terms[1]!), terms: terms[1] })
    const exact = ranked!.ceiling
    expect(ranking([offer(1)], { maxFee: exact })).toHaveLength(1)
    expect(ranking([offer(1)], { maxFee: exact - 1n })).toEqual([])
  })
})
