import {
  claimReward,
  distributeFees,
  opgOf,
  type RewardRootView,
  readEarnings,
  readRewards,
  releaseEmission,
} from '../../node/index.ts'
import { parseRewardTable, toChecksumAddress } from '../../protocol/index.ts'
import type { CliContext, CommandResult } from '../context.ts'
import { readJson } from '../files.ts'
import { renderRewards } from '../render/rewards.ts'
import { renderFacts } from '../render/table.ts'
import { type ChainOptions, withReader, withSender } from '../session.ts'
import { type OperatorOptions, operatorOf } from './stake.ts'

/** 100,000 rows of a reward table, and room to breathe. */
const MAX_TABLE_BYTES = 16 * 2 ** 20

const rootJson = ({ cumulative, ...root }: RewardRootView) => ({ ...root, cumulative: `${cumulative}` })

/** `opg rewards show`. */
export const rewardsShow = (options: OperatorOptions, context: CliContext): Promise<CommandResult> =>
  withReader(options, context, async (session, own) => {
    const operator = await operatorOf(options, own)
    const [rewards, earnings] = await Promise.all([
      readRewards(session.chain, session.chain.epochAt()),
      readEarnings(session.chain, operator),
    ])
    const { budget } = rewards
    return {
      text: renderRewards(rewards, earnings),
      json: {
        final: rewards.final === undefined ? null : rootJson(rewards.final),
        waiting: rewards.waiting.map(rootJson),
        budget: {
          epoch: budget.epoch,
          fees: `${budget.fees}`,
          emission: `${budget.emission}`,
          carried: `${budget.carried}`,
        },
        owed: `${rewards.owed}`,
        releasable: `${rewards.releasable}`,
        account: toChecksumAddress(operator),
        claimed: `${earnings.claimed}`,
        splitter: toChecksumAddress(earnings.splitter),
        splitterMade: earnings.isSplitterMade,
        splitterOwes: { provider: `${earnings.owed.provider}`, network: `${earnings.owed.network}` },
      },
    }
  })

/** `opg rewards claim`. */
export const rewardsClaim = (file: string, options: OperatorOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const table = parseRewardTable(await readJson(file, MAX_TABLE_BYTES))
    if (!table.ok) throw table.error
    const account = await operatorOf(options, own)
    const { transaction, amount } = await claimReward(session, table.value, account)
    return {
      text: renderFacts([
        ['done', `paid ${opgOf(amount)} to the payout address of ${toChecksumAddress(account)}`],
        ['transaction', transaction],
      ]),
      json: { transaction, account: toChecksumAddress(account), amount: `${amount}` },
    }
  })

/** `opg rewards distribute`. */
export const rewardsDistribute = (options: OperatorOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const operator = await operatorOf(options, own)
    const { transaction, splitter } = await distributeFees(session, operator)
    return {
      text: renderFacts([
        ['done', `the splitter ${toChecksumAddress(splitter)} paid out what it held`],
        ['transaction', transaction],
      ]),
      json: { transaction, splitter: toChecksumAddress(splitter) },
    }
  })

/** `opg rewards release`. */
export const rewardsRelease = (options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const { transaction, amount } = await releaseEmission(session)
    return {
      text: renderFacts([
        ['done', `about ${opgOf(amount)} of emission went to the distributor`],
        ['transaction', transaction],
      ]),
      json: { transaction, amount: `${amount}` },
    }
  })
