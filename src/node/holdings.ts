import { getBalance, readContract } from 'viem/actions'
import { opgAbi, stakeManagerAbi } from '../chain/index.ts'
import type { Address } from '../protocol/index.ts'
import type { ChainSession } from './chainSession.ts'

/** What an account holds, in wei, and what it may vote with. */
export interface Holdings {
  readonly address: Address
  /** For gas. */
  readonly ether: bigint
  readonly opg: bigint
  /** Votes others and itself have delegated to it: of tokens held and of stakes. */
  readonly votes: { readonly held: bigint; readonly staked: bigint }
  /** Who votes with its tokens; undefined: nobody. */
  readonly delegate: Address | undefined
}

/** Throws ChainError. */
export async function readHoldings({ chain, network }: ChainSession, address: Address): Promise<Holdings> {
  const opg = { address: network.contracts.opg, abi: opgAbi } as const
  const manager = { address: network.contracts.stakeManager, abi: stakeManagerAbi } as const
  const args = [address] as const
  return await chain.query(async (client) => {
    const [ether, balance, held, staked, delegate] = await Promise.all([
      getBalance(client, { address }),
      readContract(client, { ...opg, functionName: 'balanceOf', args }),
      readContract(client, { ...opg, functionName: 'getVotes', args }),
      readContract(client, { ...manager, functionName: 'getVotes', args }),
      readContract(client, { ...opg, functionName: 'delegates', args }),
    ])
    const isNobody = BigInt(delegate) === 0n
    return {
      address,
      ether,
      opg: balance,
      votes: { held, staked },
      delegate: isNobody ? undefined : (delegate.toLowerCase() as Address),
    }
  })
}
