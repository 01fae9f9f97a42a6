import { readContract } from 'viem/actions'
import { type Address, ZERO_DIGEST } from '../protocol/index.ts'
import { opgAbi } from './contracts.ts'
import { SUPPLY } from './genesis.ts'
import { isUnreachable, type RpcClient } from './rpc.ts'

/** What a network needs of a token that was there before it. */
export interface TokenProbe {
  /** The fixed supply, 18 decimals, and votes by seconds: without them governance counts wrong. */
  readonly problems: readonly string[]
  /** ERC-2612: a payer needs no transaction to let Permit2 move its tokens. */
  readonly permits: boolean
  /** ERC-3009: deposits by authorization. Permit2 serves where it is missing. */
  readonly authorizations: boolean
}

const ANYONE: Address = `0x${'01'.repeat(20)}`

/** Asks a token by calls that change nothing. */
export async function probeToken(client: RpcClient, address: Address): Promise<TokenProbe> {
  const token = { address, abi: opgAbi } as const
  const answer = async <T>(read: Promise<T>): Promise<T | undefined> => {
    try {
      return await read
    } catch (error) {
      if (isUnreachable(error)) throw error
      return undefined
    }
  }
  const [supply, decimals, clock, votes, nonce, separator, state] = await Promise.all([
    answer(readContract(client, { ...token, functionName: 'totalSupply' })),
    answer(readContract(client, { ...token, functionName: 'decimals' })),
    answer(readContract(client, { ...token, functionName: 'CLOCK_MODE' })),
    answer(readContract(client, { ...token, functionName: 'getVotes', args: [ANYONE] })),
    answer(readContract(client, { ...token, functionName: 'nonces', args: [ANYONE] })),
    answer(readContract(client, { ...token, functionName: 'DOMAIN_SEPARATOR' })),
    answer(readContract(client, { ...token, functionName: 'authorizationState', args: [ANYONE, ZERO_DIGEST] })),
  ])
  return {
    problems: [
      ...(supply === SUPPLY ? [] : [`expected a supply of ${SUPPLY} wei, got ${supply}`]),
      ...(decimals === 18 ? [] : [`expected 18 decimals, got ${decimals}`]),
      ...(clock === 'mode=timestamp' ? [] : [`expected votes by seconds, mode=timestamp, got ${clock}`]),
      ...(votes === undefined ? ['expected getVotes of ERC-5805, got no answer'] : []),
    ],
    permits: nonce !== undefined && separator !== undefined,
    authorizations: state !== undefined,
  }
}
