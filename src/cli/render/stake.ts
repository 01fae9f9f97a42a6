import { momentOf, opgOf, type StakeAccount } from '../../node/index.ts'
import { toChecksumAddress } from '../../protocol/index.ts'
import { renderFacts, renderTable } from './table.ts'

const named = (address: `0x${string}` | undefined): string | undefined =>
  address === undefined ? undefined : toChecksumAddress(address)

export function renderStakeAccount(account: StakeAccount): string {
  const { operator, currentKey, owner, payout, isFrozen, roles, votes, epoch } = account
  const facts = renderFacts([
    ['operator', `${toChecksumAddress(operator)}${isFrozen ? ' (frozen)' : ''}`],
    ['rotated to', currentKey === operator ? undefined : toChecksumAddress(currentKey)],
    ['owner', named(owner) ?? 'not registered: opg stake register'],
    ['payout', named(payout)],
    ['votes', owner === undefined ? undefined : `${opgOf(votes.staked)}, cast by ${named(votes.delegate) ?? 'nobody'}`],
    ['epoch', `${epoch}`],
  ])
  const held = roles.filter((role) => role.staked > 0n || role.unbonding.length > 0 || role.held > 0n)
  if (held.length === 0) return facts
  const table = renderTable(
    ['role', 'staked', 'counts', 'counts whole from', 'unbonding', 'kept by cases'],
    held.map((role) => [
      role.role,
      opgOf(role.staked),
      opgOf(role.matured),
      role.countsFrom === undefined ? 'now' : `epoch ${role.countsFrom}`,
      role.unbonding.map(({ amount, releaseAt }) => `${opgOf(amount)} until ${momentOf(releaseAt)}`).join(', ') || '-',
      role.held === 0n ? '-' : opgOf(role.held),
    ]),
  )
  return `${facts}\n\n${table}`
}
