import { readContract } from 'viem/actions'
import { type Address, ZERO_ADDRESS } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { ROLE, type RoleName, stakeManagerAbi } from './contracts.ts'
import { toSafeNumber } from './structs.ts'

/** Stake on its way out; pays from the second `releaseAt` on. */
export interface Unbonding {
  readonly amount: bigint
  readonly releaseAt: number
}

/** What one operator has at stake for one role, in wei. */
export interface RoleStake {
  readonly role: Exclude<RoleName, 'host'>
  readonly minimum: bigint
  readonly staked: bigint
  /** Counts in the current epoch: zero while frozen or below the minimum. */
  readonly matured: bigint
  /** The first epoch in which all of it counts, while that is to come. */
  readonly countsFrom: number | undefined
  readonly unbonding: readonly Unbonding[]
  /** Kept by open cases. */
  readonly held: bigint
}

/** Everything StakeManager knows of an operator. */
export interface StakeAccount {
  readonly operator: Address
  /** The key it was rotated to, itself when it was not. */
  readonly currentKey: Address
  /** Undefined: not registered. */
  readonly owner: Address | undefined
  readonly payout: Address | undefined
  readonly isFrozen: boolean
  readonly epoch: number
  readonly roles: readonly RoleStake[]
  /** Votes of these stakes, and who casts those of all stakes of the owner. */
  readonly votes: { readonly staked: bigint; readonly delegate: Address | undefined }
}

export const STAKED_ROLES = ['provider', 'verifier', 'settler'] as const

export const known = (address: string): Address | undefined =>
  address === ZERO_ADDRESS ? undefined : (address.toLowerCase() as Address)

type Reader = Pick<ChainClient, 'query' | 'network'>

/** Reads an operator's account. Throws ChainError. */
export async function readStakeAccount(chain: Reader, operator: Address): Promise<StakeAccount> {
  const manager = { address: chain.network.contracts.stakeManager, abi: stakeManagerAbi } as const
  return await chain.query(async (client) => {
    const args = [operator] as const
    const [owner, payout, isFrozen, currentKey, epoch] = await Promise.all([
      readContract(client, { ...manager, functionName: 'ownerOf', args }),
      readContract(client, { ...manager, functionName: 'payoutOf', args }),
      readContract(client, { ...manager, functionName: 'isFrozen', args }),
      readContract(client, { ...manager, functionName: 'currentKeyOf', args }),
      readContract(client, { ...manager, functionName: 'currentEpoch' }),
    ])
    const now = toSafeNumber(epoch)
    const readRole = async (role: RoleStake['role']): Promise<RoleStake> => {
      const of = [operator, ROLE[role]] as const
      const matured = [0, 1, 2].map((ahead) =>
        readContract(client, { ...manager, functionName: 'maturedStake', args: [...of, epoch + BigInt(ahead)] }),
      )
      const [minimum, staked, held, unbonding, ...counts] = await Promise.all([
        readContract(client, { ...manager, functionName: 'minimumStake', args: [ROLE[role]] }),
        readContract(client, { ...manager, functionName: 'stakeOf', args: of }),
        readContract(client, { ...manager, functionName: 'heldOf', args: of }),
        readContract(client, { ...manager, functionName: 'unbondings', args: of }),
        ...matured,
      ])
      const most = counts.at(-1) ?? 0n
      const ahead = counts.indexOf(most)
      return {
        role,
        minimum,
        staked,
        matured: counts[0] ?? 0n,
        countsFrom: ahead > 0 ? now + ahead : undefined,
        unbonding: unbonding.map(({ amount, releaseAt }) => ({ amount, releaseAt: toSafeNumber(releaseAt) })),
        held,
      }
    }
    const roles = await Promise.all(STAKED_ROLES.map(readRole))
    const delegate =
      known(owner) === undefined
        ? ZERO_ADDRESS
        : await readContract(client, { ...manager, functionName: 'delegates', args: [owner] })
    return {
      operator,
      currentKey: known(currentKey) ?? operator,
      owner: known(owner),
      payout: known(payout),
      isFrozen,
      epoch: now,
      roles,
      votes: { staked: roles.reduce((sum, { staked }) => sum + staked, 0n), delegate: known(delegate) },
    }
  })
}
