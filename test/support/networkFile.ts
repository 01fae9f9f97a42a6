import { forEachContract } from '../../src/chain/contractNames.ts'
import { formatNetworkFile, type NetworkContracts, type NetworkFile } from '../../src/chain/index.ts'
import type { Address, ReceiptFile } from '../../src/protocol/index.ts'

/** Addresses of a network that is nowhere, each another one. */
export function contractsOfNoChain(over: Partial<NetworkContracts> = {}): NetworkContracts {
  let count = 0
  const addresses = forEachContract<Address>(() => {
    count += 1
    return `0x${(0xa0 + count).toString(16).repeat(20)}`
  })
  return { ...addresses, ...over }
}

/** A network that is nowhere. */
export const networkOfNoChain = (over: Partial<NetworkFile> = {}): NetworkFile => ({
  name: 'test',
  profile: 'devnet',
  chainId: 31_337,
  networkId: `0x${'11'.repeat(32)}`,
  contracts: contractsOfNoChain(),
  deploymentBlock: 3,
  genesisTimestamp: 1,
  epochSeconds: 60,
  trustRoots: [],
  bootstrap: [],
  ...over,
})

/** The network file of the devnet that a receipt names. */
export function networkFileOf(
  { chainId, networkId, stakeManager }: ReceiptFile['network'],
  trustRoots: NetworkFile['trustRoots'],
): string {
  const contracts = contractsOfNoChain({ stakeManager })
  return formatNetworkFile(networkOfNoChain({ chainId, networkId, contracts, trustRoots }))
}
