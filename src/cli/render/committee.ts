import { type CommitteeView, opgOf } from '../../node/index.ts'
import { toChecksumAddress } from '../../protocol/index.ts'
import { renderFacts, renderTable } from './table.ts'

export function renderCommittee(
  view: CommitteeView,
  own: { readonly operator: string; readonly signs: boolean },
): string {
  const opened =
    view.openedIn === undefined
      ? 'not opened, nor one of the three before: opg committee open'
      : view.openedIn === view.epoch
        ? 'opened'
        : `carried on from epoch ${view.openedIn}`
  const facts = renderFacts([
    ['epoch', `${view.epoch} (${opened})`],
    ['seats', `${view.seats.length}, of whom ${view.seats.filter(({ signs }) => signs).length} sign`],
    ['signing weight', opgOf(view.signingWeight)],
    ['active set', `${view.active.length}`],
    ['operator', `${own.operator} ${own.signs ? 'signs batches' : 'does not sign'}`],
  ])
  if (view.seats.length === 0) return facts
  const rows = view.seats.map(({ seat, operator, weight, signs }) => [
    `${seat}`,
    toChecksumAddress(operator),
    opgOf(weight),
    signs ? 'signer and juror' : 'juror',
  ])
  return `${facts}\n\n${renderTable(['seat', 'verifier', 'weight', ''], rows)}`
}
