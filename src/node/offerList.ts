import {
  ASSURANCE,
  ceilingOf,
  type Digest,
  maskHas,
  nameOfCode,
  PRIVACY,
  type SignedGrant,
  type SignedOffer,
  TIER,
  toChecksumAddress,
} from '../protocol/index.ts'
import type { Home } from './home.ts'
import { readCatalogue } from './modelFolder.ts'
import type { NodeParts } from './node.ts'

/** One model at one provider, as people and JSON see it: amounts as decimal strings, times in ms since 1970. */
export interface OfferView {
  readonly model: Digest
  /** From a manifest in this home; absent where none is known. */
  readonly name?: string
  readonly provider: string
  readonly peerId?: string
  readonly addresses: readonly string[]
  readonly tiers: readonly string[]
  readonly privacy: readonly string[]
  /** What this peer itself found the provider's evidence worth (R6): a name of `ASSURANCE`, or why it found nothing. */
  readonly assurance: string
  readonly token: string
  readonly price: {
    readonly perRequest: string
    readonly perGMAC: string
    readonly perSecond: string
    readonly perGBSecond: string
  }
  /** The most one output unit can cost. */
  readonly ceiling: string
  readonly maxOutputUnits: number
  readonly validUntil: number
}

/** Live offers, cheapest first, each with the assurance of its evidence as checked here. */
export async function listOffers(parts: NodeParts, home: Pick<Home, 'models'>): Promise<OfferView[]> {
  const names = new Map((await readCatalogue(home.models)).map(({ id, manifest }) => [id, manifest.name]))
  const views = await Promise.all(
    parts.offers.live().map(async (offer) => {
      const assurance = await assuranceOf(offer, parts)
      return offer.terms.map((_, index) => viewOf(offer, index, assurance, names, parts))
    }),
  )
  return views.flat().sort((a, b) => {
    const [left, right] = [BigInt(a.ceiling), BigInt(b.ceiling)]
    if (left !== right) return left < right ? -1 : 1
    return a.provider < b.provider ? -1 : 1
  })
}

function viewOf(
  { offer, terms, addresses }: SignedOffer,
  index: number,
  assurance: string,
  names: ReadonlyMap<Digest, string>,
  { directory }: Pick<NodeParts, 'directory'>,
): OfferView {
  const entry = terms[index]
  if (entry === undefined) throw new RangeError(`an offer of ${terms.length} terms has none at ${index}`)
  const name = names.get(entry.model)
  const peerId = directory.peerOf(offer.operator)
  const namesOf = (codes: { readonly [name: string]: number }, mask: number): string[] =>
    Object.keys(codes).filter((key) => maskHas(mask, codes[key] ?? 0))
  return {
    model: entry.model,
    ...(name === undefined ? {} : { name }),
    provider: toChecksumAddress(offer.operator),
    ...(peerId === undefined ? {} : { peerId }),
    addresses,
    tiers: namesOf(TIER, offer.tiers),
    privacy: namesOf(PRIVACY, offer.privacy),
    assurance,
    token: toChecksumAddress(entry.token),
    price: {
      perRequest: entry.perRequest.toString(),
      perGMAC: entry.perGMAC.toString(),
      perSecond: entry.perSecond.toString(),
      perGBSecond: entry.perGBSecond.toString(),
    },
    ceiling: ceilingOf(entry, 0, 1).toString(),
    maxOutputUnits: entry.maxOutputUnits,
    validUntil: Math.min(entry.validUntil, offer.validUntil),
  }
}

/** R5, R6: the evidence is pulled from the provider and judged here. */
async function assuranceOf(signed: SignedOffer, { grants, sync, directory, host }: NodeParts): Promise<string> {
  const { operator, grant } = signed.offer
  try {
    const peer = directory.peerOf(operator) ?? (await host.connect(signed.addresses[0] ?? ''))
    const pulled = await sync.ask(peer, { kind: 'grantRequest', value: { grant } }, 'grant')
    if (!pulled.ok) return `unchecked (${pulled.error.code})`
    const whole: SignedGrant = { ...pulled.value.grant, grant: signed.grant.grant, signature: signed.grant.signature }
    const verdict = await grants.check(whole, Date.now())
    return verdict.ok ? nameOfCode(ASSURANCE, verdict.value.assurance) : `refused (${verdict.error.code})`
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unreachable'
    return `unchecked (${code})`
  }
}
