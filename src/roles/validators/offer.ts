import type { GossipVerdict } from '../../net/index.ts'
import {
  type Address,
  addressesHashOf,
  type Domain,
  digestOf,
  MAX_ADDRESSES_PER_OFFER,
  merkleRoot,
  OFFER,
  type Parameters,
  PRIVACY,
  SESSION_GRANT,
  type Secp256k1,
  type SignedOffer,
  TIER,
  termsDigest,
} from '../../protocol/index.ts'
import { decodeGossip } from '../../wire/index.ts'

export interface OfferValidatorContext {
  readonly domain: Domain
  readonly parameters: Parameters
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly now: () => number
  /** Sequence of the newest offer held of an operator. */
  readonly known: (operator: Address) => number | undefined
  /** Whether an operator has matured provider stake; undefined while that cannot be told. */
  readonly isStaked: (operator: Address) => Promise<boolean | undefined>
}

export type OfferVerdict =
  | { readonly verdict: GossipVerdict & { readonly action: 'accept' }; readonly offer: SignedOffer }
  | { readonly verdict: Exclude<GossipVerdict, { readonly action: 'accept' }>; readonly offer?: SignedOffer }

const TIER_MASK = Object.values(TIER).reduce((mask, code) => mask | (1 << (code - 1)), 0)
const PRIVACY_MASK = Object.values(PRIVACY).reduce((mask, code) => mask | (1 << (code - 1)), 0)

/** Topic `offer` (R8, R9): cheap first, signatures last. */
export async function validateOfferMessage(bytes: Uint8Array, context: OfferValidatorContext): Promise<OfferVerdict> {
  // [REJECT] The message is one SignedOffer in its only encoding.
  const decoded = decodeGossip('offer', bytes)
  if (!decoded.ok) return refuse('reject', decoded.error.code)
  return validateOffer(decoded.value, context)
}

/** The same checks for an offer that was pulled. */
export async function validateOffer(offer: SignedOffer, context: OfferValidatorContext): Promise<OfferVerdict> {
  const { parameters, domain, crypto } = context
  const { operator, sequence, validUntil, grant: grantDigest } = offer.offer
  const now = context.now()
  // [REJECT] It did not end a whole life ago: no honest peer forwards such an offer, however slow.
  if (validUntil + parameters.offerLife <= now) return refuse('reject', 'offer-expired', offer)
  // [IGNORE] The offer is alive.
  if (validUntil <= now) return refuse('ignore', 'offer-expired', offer)
  // [IGNORE] It does not live longer than an offer may, the sender's clock allowed for.
  if (validUntil > now + parameters.offerLife + parameters.futureTolerance)
    return refuse('ignore', 'offer-too-long', offer)
  // [IGNORE] It is newer than the one held.
  const known = context.known(operator)
  if (known !== undefined && known >= sequence) return refuse('ignore', 'offer-stale', offer)
  // [REJECT] Its masks name tiers and privacies that exist (R12: no offer carries `zk`).
  const { tiers, privacy } = offer.offer
  if (tiers === 0 || (tiers & ~TIER_MASK) !== 0) return refuse('reject', 'offer-tiers', offer)
  if (privacy === 0 || (privacy & ~PRIVACY_MASK) !== 0) return refuse('reject', 'offer-privacy', offer)
  // [REJECT] Its parts are what it signed.
  if (offer.addresses.length > MAX_ADDRESSES_PER_OFFER) return refuse('reject', 'offer-addresses', offer)
  if (addressesHashOf(offer.addresses) !== offer.offer.addressesHash) return refuse('reject', 'offer-addresses', offer)
  if (offer.terms.length !== offer.offer.termsCount) return refuse('reject', 'offer-terms', offer)
  if (offer.terms.some((terms) => terms.operator !== operator)) return refuse('reject', 'offer-terms', offer)
  const root = merkleRoot(
    'terms',
    offer.terms.map((terms) => termsDigest(domain, terms)),
  )
  if (root !== offer.offer.termsRoot) return refuse('reject', 'offer-terms', offer)
  // [REJECT] The grant is the one it names, by the same operator, and alive.
  const { grant, signature } = offer.grant
  const digest = digestOf(domain, SESSION_GRANT, grant)
  if (digest !== grantDigest || grant.operator !== operator) return refuse('reject', 'offer-grant', offer)
  if (grant.notAfter <= now) return refuse('ignore', 'grant-expired', offer)
  // [IGNORE] The operator is a staked provider.
  if ((await context.isStaked(operator)) !== true) return refuse('ignore', 'not-staked', offer)
  // [REJECT] Both signatures are the operator's.
  if (crypto.recover(digest, signature) !== operator) return refuse('reject', 'bad-signature', offer)
  if (crypto.recover(digestOf(domain, OFFER, offer.offer), offer.signature) !== operator) {
    return refuse('reject', 'bad-signature', offer)
  }
  return { verdict: { action: 'accept' }, offer }
}

const refuse = (action: 'ignore' | 'reject', code: string, offer?: SignedOffer): OfferVerdict => ({
  verdict: { action, code },
  ...(offer === undefined ? {} : { offer }),
})
