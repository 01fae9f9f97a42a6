import { momentOf, type RegisteredModel } from '../../node/index.ts'
import { toChecksumAddress } from '../../protocol/index.ts'
import { renderFacts } from './table.ts'

export function renderModel(model: RegisteredModel): string {
  const { deprecation, pendingOwner, payee } = model
  return renderFacts([
    ['model', model.id],
    ['name', model.name],
    ['version', `${model.version} of ${model.versions}${model.head === model.id ? ', the newest' : ''}`],
    ['previous', model.previous],
    ['newest', model.head === model.id ? undefined : model.head],
    ['publisher', toChecksumAddress(model.owner)],
    ['offered to', pendingOwner === undefined ? undefined : toChecksumAddress(pendingOwner)],
    ['hosts’ share', payee === undefined ? 'to the treasury' : `to ${toChecksumAddress(payee)}`],
    ['registered', momentOf(model.registeredAt)],
    [
      'deprecated',
      deprecation === undefined
        ? undefined
        : `${deprecation.reason}${deprecation.successor === undefined ? '' : `, use ${deprecation.successor}`}`,
    ],
  ])
}
