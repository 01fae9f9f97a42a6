import { type GovernedValues, momentOf, opgOf, type Proposal } from '../../node/index.ts'
import { toChecksumAddress } from '../../protocol/index.ts'
import { renderFacts, renderTable } from './table.ts'

/** The first line of a description, without the mark of a heading. */
export const titleOf = ({ description }: Pick<Proposal, 'description'>): string =>
  (description.split('\n', 1)[0] ?? '').replace(/^#+\s*/, '')

export function renderProposals(proposals: readonly Proposal[]): string {
  if (proposals.length === 0) return 'no proposals'
  const rows = proposals
    .toReversed()
    .map((proposal) => [
      `${proposal.number}`,
      proposal.state,
      opgOf(proposal.votes.for),
      opgOf(proposal.votes.against),
      momentOf(proposal.deadline),
      titleOf(proposal),
    ])
  return renderTable(['no.', 'state', 'for', 'against', 'voting ends', 'title'], rows)
}

export function renderProposal(proposal: Proposal): string {
  const { votes, quorum } = proposal
  const facts = renderFacts([
    ['proposal', `${proposal.number}: ${titleOf(proposal)}`],
    ['id', `${proposal.id}`],
    ['state', proposal.state],
    ['proposer', toChecksumAddress(proposal.proposer)],
    ['votes counted', `as of ${momentOf(proposal.snapshot)}`],
    ['voting ends', momentOf(proposal.deadline)],
    ['executable', proposal.executableFrom === undefined ? undefined : `from ${momentOf(proposal.executableFrom)}`],
    ['for', opgOf(votes.for)],
    ['against', opgOf(votes.against)],
    ['abstain', opgOf(votes.abstain)],
    ['quorum', `${opgOf(votes.for + votes.abstain)} of ${opgOf(quorum)}`],
  ])
  const rows = proposal.actions.map(({ target, value, data }) => [toChecksumAddress(target), `${value}`, data])
  return `${facts}\n\n${renderTable(['target', 'wei', 'data'], rows)}`
}

const percent = (basisPoints: number): string => `${basisPoints / 100} %`

export function renderGovernedValues(values: GovernedValues): string {
  const params = values.params.map(({ name, value, least, most, announced }) => [
    name,
    percent(value),
    `${percent(least)} to ${percent(most)}`,
    announced === undefined ? '' : `${percent(announced.value)} from ${momentOf(announced.effectiveAt)}`,
  ])
  const modules = values.modules.map(({ name, target, isPaused, announced }) => [
    name,
    `${target === undefined ? 'none' : toChecksumAddress(target)}${isPaused ? ' (paused)' : ''}`,
    announced === undefined
      ? ''
      : `${announced.target === undefined ? 'none' : toChecksumAddress(announced.target)} from ${momentOf(announced.effectiveAt)}`,
  ])
  const facts = renderFacts([
    ['guardian', values.guardian === undefined ? 'none' : toChecksumAddress(values.guardian)],
    ['guardian ends', momentOf(values.guardianEnd)],
    ['change delay', `${values.changeDelay} s`],
  ])
  return [
    facts,
    renderTable(['parameter', 'now', 'bounds', 'announced'], params),
    renderTable(['module', 'now', 'announced'], modules),
  ].join('\n\n')
}
