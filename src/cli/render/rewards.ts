import { type EarningsView, momentOf, opgOf, type RewardRootView, type RewardsView } from '../../node/index.ts'
import { toChecksumAddress } from '../../protocol/index.ts'
import { renderFacts } from './table.ts'

const rootOf = ({ epoch, leaves, root }: RewardRootView): string => `epoch ${epoch}, ${leaves} accounts, root ${root}`

export function renderRewards(rewards: RewardsView, earnings: EarningsView): string {
  const { final, waiting, budget } = rewards
  const { provider, network } = earnings.owed
  const overall = renderFacts([
    ['final root', final === undefined ? 'none yet' : rootOf(final)],
    ...waiting.map((root) => ['waiting', `${rootOf(root)}; can be voided until ${momentOf(root.finalAt)}`] as const),
    [
      `budget of epoch ${budget.epoch}`,
      `${opgOf(budget.fees + budget.emission + budget.carried)}: fees ${opgOf(budget.fees)}, emission ${opgOf(budget.emission)}, carried over ${opgOf(budget.carried)}`,
    ],
    ['owed', opgOf(rewards.owed)],
    ['releasable', opgOf(rewards.releasable)],
  ])
  const own = renderFacts([
    ['account', toChecksumAddress(earnings.account)],
    ['claimed', opgOf(earnings.claimed)],
    ['splitter', `${toChecksumAddress(earnings.splitter)}${earnings.isSplitterMade ? '' : ' (not made yet)'}`],
    ['kept there', `${opgOf(provider)} for the provider, ${opgOf(network)} for the network`],
  ])
  return `${overall}\n\n${own}`
}
