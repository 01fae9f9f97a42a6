import { readContract } from 'viem/actions'
import { type Address, dropOldest } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { feeSplitterFactoryAbi } from './contracts.ts'

/** Splitters never change; those of so many operators are remembered. */
const MAX_SPLITTERS = 4_096

/** Where the fees of an operator are received (R23), made or not. Throws ChainError. */
export function createSplitterLookup(
  chain: Pick<ChainClient, 'query' | 'network'>,
): (operator: Address) => Promise<Address> {
  const splitters = new Map<Address, Address>()
  const address = chain.network.contracts.feeSplitterFactory
  return async (operator) => {
    const remembered = splitters.get(operator)
    if (remembered !== undefined) return remembered
    const splitter = await chain.query((client) =>
      readContract(client, { address, abi: feeSplitterFactoryAbi, functionName: 'splitterOf', args: [operator] }),
    )
    const found = splitter.toLowerCase() as Address
    splitters.set(operator, found)
    dropOldest(splitters, MAX_SPLITTERS)
    return found
  }
}
