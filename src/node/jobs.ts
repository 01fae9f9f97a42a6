import { existsSync } from 'node:fs'
import type { NetworkFile } from '../chain/index.ts'
import { type Address, type Digest, type JobAccount, MODE, nameOfCode } from '../protocol/index.ts'
import type { KeptJob } from '../roles/index.ts'
import type { Store } from '../store/index.ts'
import { decode } from '../wire/index.ts'
import type { Home } from './home.ts'
import type { NodeLogger } from './logger.ts'
import { createRequesterJournal, receiptPath } from './requesterJournal.ts'
import { openWalletStore } from './walletStore.ts'

/** A paid job in the books of a home's wallet. Wei, ms since 1970. */
export interface JobView {
  readonly account: JobAccount
  /** Undefined where the books do not know the channel. */
  readonly provider: Address | undefined
  /** What was asked for; undefined where it is not kept. */
  readonly asked: { readonly model: Digest; readonly mode: string; readonly units: number } | undefined
  /** Path of the receipt file, where there is one. */
  readonly receipt: string | undefined
}

/** The newest `last` paid jobs, newest first. Throws NodeError `wallet-busy | job-unreadable`, StoreError, WireError. */
export async function listJobs(
  home: Home,
  network: NetworkFile,
  { last, logger }: { readonly last: number; readonly logger: NodeLogger },
): Promise<readonly JobView[]> {
  const store = await openWalletStore(home, { clock: Date.now, logger })
  try {
    const providers = await providersOf(store)
    const accounts = [...(await read(store, 'payerJobs')), ...(await read(store, 'payerSettlements'))]
    const newest = accounts.toSorted((a, b) => b.since - a.since).slice(0, last)
    const views: JobView[] = []
    for (const account of newest) {
      const { jobId, channel } = account
      const kept = await keptJob(home, network, jobId)
      const receipt = receiptPath(home.receipts, jobId)
      views.push({
        ...{ account, provider: providers.get(channel) },
        asked: kept && {
          ...{ model: kept.job.model, units: kept.job.maxOutputUnits },
          mode: nameOfCode(MODE, kept.job.mode),
        },
        receipt: existsSync(receipt) ? receipt : undefined,
      })
    }
    return views
  } finally {
    await store.close()
  }
}

/** What a home keeps of a job to ask for it again; undefined: nothing. Throws NodeError `job-unreadable`. */
export async function keptJob(home: Home, network: NetworkFile, jobId: Digest): Promise<KeptJob | undefined> {
  const { chainId, networkId, contracts } = network
  const journal = createRequesterJournal(home.receipts, { chainId, networkId, stakeManager: contracts.stakeManager })
  return await journal.loadJob?.(jobId)
}

async function read(store: Store, table: 'payerJobs' | 'payerSettlements'): Promise<JobAccount[]> {
  const accounts: JobAccount[] = []
  for await (const { value } of store.iterate(table)) {
    const account = decode('JobAccount', value)
    if (!account.ok) throw account.error
    accounts.push(account.value)
  }
  return accounts
}

async function providersOf(store: Store): Promise<ReadonlyMap<Digest, Address>> {
  const providers = new Map<Digest, Address>()
  for await (const { key, value } of store.iterate('payerChannels')) {
    const account = decode('ChannelAccount', value)
    if (!account.ok) throw account.error
    providers.set(key[0], account.value.config.receiverAuthorizer)
  }
  return providers
}
