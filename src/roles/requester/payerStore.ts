import type { Digest, JobAccount, LedgerEntry, PayerLedger } from '../../protocol/index.ts'
import { type Store, StoreError, type Write } from '../../store/index.ts'
import { decode, encode } from '../../wire/index.ts'

/** What a payer's ledger made durable, as writes of one commit (R27). */
export const payerWrites = (entries: readonly LedgerEntry[]): Write[] => entries.flatMap(writesOf)

function writesOf(entry: LedgerEntry): readonly Write[] {
  if (entry.kind === 'channel-account') {
    const { account } = entry
    return [{ type: 'put', table: 'payerChannels', key: [account.id], value: encode('ChannelAccount', account) }]
  }
  const { account } = entry
  const { channel, jobId } = account
  const value = encode('JobAccount', account)
  if (account.state !== 'settled') return [{ type: 'put', table: 'payerJobs', key: [channel, jobId], value }]
  return [
    { type: 'delete', table: 'payerJobs', key: [channel, jobId] },
    { type: 'put', table: 'payerSettlements', key: [jobId], value },
  ]
}

/** Puts every channel of the store into the ledger, with the jobs that are not settled. Throws StoreError. */
export async function loadPayerLedger(store: Store, ledger: PayerLedger): Promise<void> {
  const jobs = new Map<Digest, JobAccount[]>()
  for await (const { key, value } of store.iterate('payerJobs')) {
    const job = decode('JobAccount', value)
    if (!job.ok) throw unreadable(`job ${key[1]}: ${job.error.message}`)
    jobs.set(key[0], [...(jobs.get(key[0]) ?? []), job.value])
  }
  for await (const { key, value } of store.iterate('payerChannels')) {
    const account = decode('ChannelAccount', value)
    if (!account.ok) throw unreadable(`channel ${key[0]}: ${account.error.message}`)
    ledger.load(account.value, jobs.get(key[0]) ?? [])
  }
}

/** The books of a job that ended. Throws StoreError. */
export async function readSettlement(store: Store, jobId: Digest): Promise<JobAccount | undefined> {
  const bytes = await store.get('payerSettlements', [jobId])
  if (bytes === undefined) return undefined
  const account = decode('JobAccount', bytes)
  if (!account.ok) throw unreadable(`job ${jobId}: ${account.error.message}`)
  return account.value
}

/** Money that cannot be read is not spent. */
const unreadable = (what: string): StoreError =>
  new StoreError({ code: 'store-corrupt', problem: what }, `expected the books of a payer, got ${what}`)
