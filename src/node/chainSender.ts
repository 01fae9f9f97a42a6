import type { LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { type ChainClient, createChainClient, type NetworkFile } from '../chain/index.ts'
import { createSettlementJournal, type SettlementJournal } from '../payment/index.ts'
import { bytesToHex } from '../protocol/index.ts'
import { openStore, StoreError } from '../store/index.ts'
import { NodeError } from './errors.ts'
import type { Home, OpenedHome } from './home.ts'
import type { NodeLogger } from './logger.ts'

/** An account on the chain of a network, for a process that sends for longer than an errand. */
export interface ChainSender {
  readonly chain: ChainClient
  readonly account: LocalAccount
}

/** What a facilitator takes from its home. */
export interface FacilitatorHome extends ChainSender {
  readonly network: NetworkFile
  readonly journal: SettlementJournal
  close(): Promise<void>
}

/** Beside the node's own store, so that both may run on one home. */
const FACILITATOR_STORE = 'facilitator'

/**
 * Connects to the chain and opens the journal of a home's facilitator. Throws ChainError, StoreError, or NodeError
 * `facilitator-running` when another process has it open.
 */
export async function openFacilitatorHome(
  home: Home,
  { config, network }: OpenedHome,
  { privateKey, logger }: { readonly privateKey: Uint8Array; readonly logger: NodeLogger },
): Promise<FacilitatorHome> {
  const account = privateKeyToAccount(bytesToHex(privateKey))
  const directory = home.path(FACILITATOR_STORE)
  const store = await openStore(directory, { clock: Date.now, logger }).catch((thrown: unknown) => {
    if (!(thrown instanceof StoreError) || thrown.code !== 'store-locked') throw thrown
    const message = `expected no facilitator on ${home.directory}, another process has its journal open`
    throw new NodeError({ code: 'facilitator-running', home: home.directory }, message, { cause: thrown })
  })
  const onFault = (error: Error): void => logger.warn({ room: 'chain', error: error.message }, 'the chain')
  const chain = createChainClient({ clock: Date.now, onFault, signer: account }, { network, rpc: config.rpc })
  try {
    await chain.start()
  } catch (thrown) {
    await chain.stop()
    await store.close()
    throw thrown
  }
  return {
    chain,
    account,
    network,
    journal: createSettlementJournal(store),
    close: async () => {
      await chain.stop()
      await store.close()
    },
  }
}
