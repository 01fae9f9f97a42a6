import {
  claimRewardCall,
  createSplitterCall,
  distributeCall,
  type Inclusion,
  readEarnings,
  readRewards,
  readStakeAccount,
  releaseCall,
} from '../chain/index.ts'
import { type Address, type RewardTable, rewardProof, rewardRoot } from '../protocol/index.ts'
import { ChainRefusal, momentOf, opgOf } from './chainRefusals.ts'
import type { ChainSession } from './chainSession.ts'

/**
 * Pays an account what the latest final root gives it; anyone may. Throws ChainRefusal `no-final-root |
 * reward-table-foreign | nothing-to-claim`, ChainError.
 */
export async function claimReward(
  session: ChainSession,
  table: RewardTable,
  account: Address,
): Promise<Inclusion & { readonly amount: bigint }> {
  const { final, waiting } = await readRewards(session.chain, session.chain.epochAt())
  if (final === undefined) {
    const [next] = waiting
    throw new ChainRefusal(
      {
        code: 'no-final-root',
        expected: 'a final root',
        got: next === undefined ? 'none' : `one of epoch ${next.epoch}`,
      },
      next === undefined
        ? 'no rewards have been posted yet'
        : `the rewards of epoch ${next.epoch} can be voided until ${momentOf(next.finalAt)}; claim after it`,
    )
  }
  const root = rewardRoot(table)
  if (root !== final.root) {
    throw new ChainRefusal(
      { code: 'reward-table-foreign', expected: final.root, got: root, hint: 'opg rewards show names the final root' },
      `expected the reward table of epoch ${final.epoch} with root ${final.root}, this one is of epoch ${table.epoch} with root ${root}`,
    )
  }
  const reward = rewardProof(table, account)
  const { claimed } = await readEarnings(session.chain, account)
  const earned = reward?.cumulative ?? 0n
  if (reward === undefined || earned <= claimed) {
    throw new ChainRefusal(
      { code: 'nothing-to-claim', account },
      `${account} has earned ${opgOf(earned)} up to epoch ${final.epoch} and was paid all of it`,
    )
  }
  const inclusion = await session.send(claimRewardCall(session.network.contracts, reward))
  const after = await readEarnings(session.chain, account)
  return { ...inclusion, amount: after.claimed - claimed }
}

/**
 * Pays out everything an operator's splitter holds, and makes the splitter when it is not there. Throws ChainRefusal
 * `not-registered`, ChainError.
 */
export async function distributeFees(
  session: ChainSession,
  operator: Address,
): Promise<Inclusion & { readonly splitter: Address }> {
  const { contracts } = session.network
  const { splitter, isSplitterMade } = await readEarnings(session.chain, operator)
  if (!isSplitterMade) {
    const { owner } = await readStakeAccount(session.chain, operator)
    if (owner === undefined) {
      throw new ChainRefusal(
        { code: 'not-registered', operator, hint: 'opg stake register' },
        `operator ${operator} is not registered, so it has no splitter`,
      )
    }
    await session.send(createSplitterCall(contracts, operator))
  }
  return { ...(await session.send(distributeCall(contracts, splitter))), splitter }
}

/** Sends what the emission has freed to the distributor; anyone may. Throws ChainRefusal `nothing-to-release`, ChainError. */
export async function releaseEmission(session: ChainSession): Promise<Inclusion & { readonly amount: bigint }> {
  const { releasable } = await readRewards(session.chain, session.chain.epochAt())
  if (releasable === 0n) {
    throw new ChainRefusal(
      { code: 'nothing-to-release', expected: 'more than 0 OPG', got: '0 OPG' },
      'the emission has freed nothing since the last release, or there is no distributor',
    )
  }
  return { ...(await session.send(releaseCall(session.network.contracts))), amount: releasable }
}

export { type EarningsView, type RewardRootView, type RewardsView, readEarnings, readRewards } from '../chain/index.ts'
