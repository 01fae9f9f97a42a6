import { encodeFunctionData } from 'viem'
import { getCode, readContract } from 'viem/actions'
import type { Address, Digest } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { emissionReserveAbi, feeSplitterAbi, feeSplitterFactoryAbi, rewardDistributorAbi } from './contracts.ts'
import type { NetworkContracts } from './networkFile.ts'
import { known } from './stakeAccount.ts'
import { toSafeNumber } from './structs.ts'
import type { Call } from './transactions.ts'

type Reader = Pick<ChainClient, 'query' | 'network'>

/** The root of one epoch's rewards. Amounts in wei, times in seconds since 1970. */
export interface RewardRootView {
  readonly number: number
  readonly epoch: number
  readonly root: Digest
  readonly leaves: number
  /** Of all roots up to this one. */
  readonly cumulative: bigint
  readonly finalAt: number
}

/** What the distributor holds for whom. */
export interface RewardsView {
  /** The latest final root: what is claimed against. */
  readonly final: RewardRootView | undefined
  /** Posted after it, and still voidable. */
  readonly waiting: readonly RewardRootView[]
  /** What a root of the last epoch that is over may give. */
  readonly budget: {
    readonly epoch: number
    readonly fees: bigint
    readonly emission: bigint
    readonly carried: bigint
  }
  /** Given by roots, not paid yet. */
  readonly owed: bigint
  /** What the reserve would release now. */
  readonly releasable: bigint
}

/** What an account was paid, and what its splitter holds. */
export interface EarningsView {
  readonly account: Address
  readonly claimed: bigint
  /** Where the operator's fees are received; made by the first `create`. */
  readonly splitter: Address
  readonly isSplitterMade: boolean
  /** Kept in the splitter for its provider and for the network; in the channels for the splitter. */
  readonly owed: { readonly provider: bigint; readonly network: bigint }
}

const distributorOf = ({ network }: Reader) =>
  ({ address: network.contracts.rewardDistributor, abi: rewardDistributorAbi }) as const

/** Throws ChainError. */
export async function readRewards(chain: Reader, epoch: number): Promise<RewardsView> {
  const distributor = distributorOf(chain)
  const over = Math.max(0, epoch - 1)
  const reserve = { address: chain.network.contracts.emissionReserve, abi: emissionReserveAbi } as const
  return await chain.query(async (client) => {
    const [last, final, budget, owed, releasable] = await Promise.all([
      readContract(client, { ...distributor, functionName: 'lastNumber' }),
      readContract(client, { ...distributor, functionName: 'finalNumber' }),
      readContract(client, { ...distributor, functionName: 'budgetOf', args: [BigInt(over)] }),
      readContract(client, { ...distributor, functionName: 'owed' }),
      readContract(client, { ...reserve, functionName: 'releasable' }),
    ])
    const readRoot = async (number: bigint): Promise<RewardRootView> => {
      const root = await readContract(client, { ...distributor, functionName: 'rootOf', args: [number] })
      return {
        number: toSafeNumber(number),
        epoch: root.epoch,
        root: root.root,
        leaves: root.leaves,
        cumulative: root.cumulative,
        finalAt: root.finalAt,
      }
    }
    const waiting = Array.from({ length: Number(last - final) }, (_, index) => final + 1n + BigInt(index))
    return {
      final: final === 0n ? undefined : await readRoot(final),
      waiting: await Promise.all(waiting.map(readRoot)),
      budget: { epoch: over, fees: budget.fees, emission: budget.emission, carried: budget.carried },
      owed,
      releasable,
    }
  })
}

/** Throws ChainError. */
export async function readEarnings(chain: Reader, account: Address): Promise<EarningsView> {
  const { contracts } = chain.network
  const factory = { address: contracts.feeSplitterFactory, abi: feeSplitterFactoryAbi } as const
  return await chain.query(async (client) => {
    const [claimed, splitter] = await Promise.all([
      readContract(client, { ...distributorOf(chain), functionName: 'claimedOf', args: [account] }),
      readContract(client, { ...factory, functionName: 'splitterOf', args: [account] }),
    ])
    const isSplitterMade = ((await getCode(client, { address: splitter })) ?? '0x') !== '0x'
    const owed = isSplitterMade
      ? await readContract(client, {
          address: splitter,
          abi: feeSplitterAbi,
          functionName: 'owedOf',
          args: [contracts.opg],
        })
      : { provider: 0n, network: 0n }
    return { account, claimed, splitter: known(splitter) ?? account, isSplitterMade, owed }
  })
}

/** Sent by anyone: pays `account` what the latest final root gives it beyond `claimedOf`. */
export const claimRewardCall = (
  { rewardDistributor }: NetworkContracts,
  reward: {
    readonly account: Address
    readonly cumulative: bigint
    readonly index: number
    readonly proof: readonly Digest[]
  },
): Call => ({
  to: rewardDistributor,
  data: encodeFunctionData({
    abi: rewardDistributorAbi,
    functionName: 'claim',
    args: [reward.account, reward.cumulative, reward.index, reward.proof],
  }),
})

/** Sent by anyone: makes the splitter of a registered operator. */
export const createSplitterCall = ({ feeSplitterFactory }: NetworkContracts, operator: Address): Call => ({
  to: feeSplitterFactory,
  data: encodeFunctionData({ abi: feeSplitterFactoryAbi, functionName: 'create', args: [operator] }),
})

/** Sent by anyone: settles from the channels and pays out everything the splitter holds of OPG. */
export const distributeCall = ({ opg }: NetworkContracts, splitter: Address): Call => ({
  to: splitter,
  data: encodeFunctionData({ abi: feeSplitterAbi, functionName: 'distribute', args: [opg] }),
})

/** Sent by anyone: what the emission has freed goes to the current distributor. */
export const releaseCall = ({ emissionReserve }: NetworkContracts): Call => ({
  to: emissionReserve,
  data: encodeFunctionData({ abi: emissionReserveAbi, functionName: 'release' }),
})
