import { forEachContract } from '../../src/chain/contractNames.ts'
import type { NetworkContracts } from '../../src/chain/index.ts'
import type { Address } from '../../src/protocol/index.ts'

/** Addresses of a network that is nowhere, each another one. */
export function contractsOfNoChain(over: Partial<NetworkContracts> = {}): NetworkContracts {
  let count = 0
  const addresses = forEachContract<Address>(() => {
    count += 1
    return `0x${(0xa0 + count).toString(16).repeat(20)}`
  })
  return { ...addresses, ...over }
}
