import type { LocalAccount } from 'viem'
import { type Call, type ChainClient, createChainClient, type Inclusion, type NetworkFile } from '../chain/index.ts'
import { type Address, createDomain, type Domain } from '../protocol/index.ts'

/** One errand's connection to the chain: reads, and sends when it has an account. */
export interface ChainSession {
  readonly chain: ChainClient
  readonly network: NetworkFile
  readonly domain: Domain
  /** Who sends; undefined: reads only. */
  readonly account: Address | undefined
  /** Sends and waits for inclusion. Throws ChainError. */
  send(call: Call): Promise<Inclusion>
}

/** Who sends in a session that was opened with an account. Throws TypeError for one that only reads. */
export function senderOf({ account }: ChainSession): Address {
  if (account === undefined) throw new TypeError('expected a session with an account')
  return account
}

export interface ChainSessionInit {
  readonly network: NetworkFile
  readonly rpc: readonly string[]
  readonly account?: LocalAccount
}

/** Connects, runs the errand, disconnects. Throws what the chain refuses as ChainError. */
export async function withChainSession<T>(
  { network, rpc, account }: ChainSessionInit,
  errand: (session: ChainSession) => Promise<T>,
): Promise<T> {
  const chain = createChainClient(
    { clock: Date.now, onFault: () => undefined, ...(account === undefined ? {} : { signer: account }) },
    { network, rpc },
  )
  try {
    await chain.start()
    return await errand({
      chain,
      network,
      domain: createDomain(network.chainId, network.contracts.stakeManager, network.networkId),
      account: account === undefined ? undefined : (account.address.toLowerCase() as Address),
      async send(call) {
        const sent = await chain.send(call)
        if (!sent.ok) throw sent.error
        return sent.value
      },
    })
  } finally {
    await chain.stop()
  }
}
