import { type Domain, digestOf } from './eip712.ts'
import { fail, ok, type Result } from './errors.ts'
import { ceilingOf } from './fee.ts'
import { H, keccak, utf8 } from './hash.ts'
import { type Address, bytesToHex, type Digest } from './hex.ts'
import { merkleProof, merkleRoot } from './merkle.ts'
import type { SignedGrant, SignedOffer } from './messages.ts'
import { OFFER, type Offer, TERMS, type Terms } from './objects.ts'
import type { Signer } from './ports.ts'

export const MAX_TERMS_PER_OFFER = 64
export const MAX_ADDRESSES_PER_OFFER = 16

const termsDigests = new WeakMap<Terms, { readonly domain: Domain; readonly digest: Digest }>()

/** Kept as long as the terms are, which must not be changed: every request asks for those of every live offer. */
export function termsDigest(domain: Domain, terms: Terms): Digest {
  const known = termsDigests.get(terms)
  if (known?.domain === domain) return known.digest
  const digest = digestOf(domain, TERMS, terms)
  termsDigests.set(terms, { domain, digest })
  return digest
}

/** Enumeration codes as a mask with bit (code - 1), the form `Offer.tiers` and `Offer.privacy` have. */
export const maskOf = (codes: readonly number[]): number => codes.reduce((mask, code) => mask | (1 << (code - 1)), 0)
export const maskHas = (mask: number, code: number): boolean => ((mask >> (code - 1)) & 1) === 1

export const addressesHashOf = (addresses: readonly string[]): Digest =>
  H('OPG/addresses/1', keccak(utf8(addresses.join('\n'))))

/** Order of models under `SessionGrant.modelsRoot`: ascending ids, so that the set has one root. */
export const modelsRootOf = (models: readonly Digest[]): Digest => merkleRoot('model', [...models].sort())

export interface OfferDraft {
  readonly terms: readonly Terms[]
  readonly addresses: readonly string[]
  readonly grant: SignedGrant
  readonly grantDigest: Digest
  readonly tiers: readonly number[]
  readonly privacy: readonly number[]
  readonly sequence: number
  readonly validUntil: number
}

/** Signs the draft with the first `MAX_ADDRESSES_PER_OFFER` of its addresses. */
export function signOffer(domain: Domain, operator: Signer, draft: OfferDraft): SignedOffer {
  const addresses = draft.addresses.slice(0, MAX_ADDRESSES_PER_OFFER)
  const offer: Offer = {
    operator: operator.address,
    grant: draft.grantDigest,
    termsRoot: merkleRoot(
      'terms',
      draft.terms.map((terms) => termsDigest(domain, terms)),
    ),
    termsCount: draft.terms.length,
    tiers: maskOf(draft.tiers),
    privacy: maskOf(draft.privacy),
    addressesHash: addressesHashOf(addresses),
    sequence: draft.sequence,
    validUntil: draft.validUntil,
  }
  const signature = operator.sign(digestOf(domain, OFFER, offer))
  return { offer, signature, terms: draft.terms, addresses, grant: draft.grant }
}

/** Proof of terms `index` under the offer's `termsRoot`. */
export const termsProofOf = (domain: Domain, offer: SignedOffer, index: number): Digest[] =>
  merkleProof(
    'terms',
    offer.terms.map((terms) => termsDigest(domain, terms)),
    index,
  )

/** Why an offer does not enter the book. */
export const OFFER_REFUSALS = ['offer-expired', 'offer-too-long', 'offer-stale', 'offer-book-full'] as const
export type OfferRefusal = (typeof OFFER_REFUSALS)[number]

/** Offers of this many providers are kept at most; another one enters once one of them ended. */
export const MAX_OFFERS = 4_096

/** Live offers by operator. Offers are checked (signature, stake) before they come here. */
export class OfferBook {
  readonly #offers = new Map<Address, SignedOffer>()
  readonly #offerLife: number
  readonly #futureTolerance: number

  constructor(parameters: { readonly offerLife: number; readonly futureTolerance: number }) {
    this.#offerLife = parameters.offerLife
    this.#futureTolerance = parameters.futureTolerance
  }

  /** The newest offer of an operator wins; an older or equal sequence is `offer-stale`. */
  accept(signed: SignedOffer, now: number): Result<void, OfferRefusal> {
    const { operator, sequence, validUntil } = signed.offer
    if (validUntil <= now) return fail('offer-expired')
    if (validUntil > now + this.#offerLife + this.#futureTolerance) return fail('offer-too-long')
    const known = this.#offers.get(operator)
    if (known !== undefined && known.offer.sequence >= sequence) return fail('offer-stale')
    if (known === undefined && this.#offers.size >= MAX_OFFERS) {
      this.expire(now)
      if (this.#offers.size >= MAX_OFFERS) return fail('offer-book-full')
    }
    this.#offers.set(operator, signed)
    return ok(undefined)
  }

  expire(now: number): void {
    for (const [operator, { offer }] of this.#offers) if (offer.validUntil <= now) this.#offers.delete(operator)
  }

  live(now: number): SignedOffer[] {
    return [...this.#offers.values()].filter(({ offer }) => offer.validUntil > now)
  }

  of(operator: Address): SignedOffer | undefined {
    return this.#offers.get(operator)
  }
}

/** What a requester will take (section 4, step 1). */
export interface OfferPolicy {
  readonly model: Digest
  readonly tier: number
  readonly privacy: number
  readonly maxOutputUnits: number
  /** Wei; undefined takes any price. */
  readonly maxFee?: bigint
  /** Only these operators, when given. */
  readonly only?: readonly Address[]
  readonly ignore?: readonly Address[]
}

/** What this peer itself saw of a provider. */
export interface Experience {
  readonly latencyMs: number
  /** 0 (worst) to 1. */
  readonly reputation: number
}

export interface RankedOffer {
  readonly signed: SignedOffer
  readonly terms: Terms
  readonly termsIndex: number
  readonly termsDigest: Digest
  /** The most this job can cost there, wei. */
  readonly ceiling: bigint
}

/** Live offers that satisfy the policy, cheapest first; equal prices by reputation, then latency, then operator. */
export function rankOffers(
  domain: Domain,
  offers: readonly SignedOffer[],
  policy: OfferPolicy,
  experience: (operator: Address) => Experience,
): RankedOffer[] {
  const ranked: RankedOffer[] = []
  for (const signed of offers) {
    const { offer } = signed
    if (policy.only !== undefined && !policy.only.includes(offer.operator)) continue
    if (policy.ignore?.includes(offer.operator) === true) continue
    if (!maskHas(offer.tiers, policy.tier) || !maskHas(offer.privacy, policy.privacy)) continue
    for (const [termsIndex, terms] of signed.terms.entries()) {
      if (terms.model !== policy.model || terms.maxOutputUnits < policy.maxOutputUnits) continue
      const ceiling = ceilingOf(terms, 0, policy.maxOutputUnits)
      if (policy.maxFee !== undefined && ceiling > policy.maxFee) continue
      ranked.push({ signed, terms, termsIndex, termsDigest: termsDigest(domain, terms), ceiling })
    }
  }
  const seen = new Map(ranked.map(({ signed }) => [signed.offer.operator, experience(signed.offer.operator)]))
  return ranked.sort((left, right) => {
    if (left.ceiling !== right.ceiling) return left.ceiling < right.ceiling ? -1 : 1
    const a = seen.get(left.signed.offer.operator)
    const b = seen.get(right.signed.offer.operator)
    const byReputation = (b?.reputation ?? 0) - (a?.reputation ?? 0)
    if (byReputation !== 0) return byReputation
    const byLatency = (a?.latencyMs ?? 0) - (b?.latencyMs ?? 0)
    if (byLatency !== 0) return byLatency
    return left.signed.offer.operator < right.signed.offer.operator ? -1 : 1
  })
}

export const randomDigest = (random: (length: number) => Uint8Array): Digest => bytesToHex(random(32))
