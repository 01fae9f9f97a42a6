import { type OfferView, opgOf } from '../../node/index.ts'
import { renderTable, shortId } from './table.ts'

/** How a provider is paid that does not say otherwise (R23). */
export const PAID = 'by vouchers on a channel'

export function renderOffers(offers: readonly OfferView[]): string {
  if (offers.length === 0) return 'no offers'
  const table = renderTable(
    ['MODEL', 'ID', 'PROVIDER', 'ASSURANCE', 'TIERS', 'PRIVACY', 'UNIT COSTS AT MOST'],
    offers.map(({ name, model, provider, assurance, tiers, privacy, ceiling }) => [
      name ?? '(no manifest)',
      shortId(model),
      shortId(provider),
      assurance,
      tiers.join(','),
      privacy.join(','),
      opgOf(ceiling),
    ]),
  )
  return `${table}\njobs are paid ${PAID}`
}
