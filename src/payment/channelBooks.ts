import type { ChannelAccount, JobAccount } from '../protocol/index.ts'
import type { Store } from '../store/index.ts'
import { decode } from '../wire/index.ts'

/** One channel in somebody's books, with its jobs that are not settled. */
export interface ChannelBook {
  readonly account: ChannelAccount
  readonly jobs: readonly JobAccount[]
}

const SIDES = {
  payer: { channels: 'payerChannels', jobs: 'payerJobs' },
  payee: { channels: 'payeeChannels', jobs: 'payeeJobs' },
} as const

/** One side's channels as they are stored, by id. Throws WireError: books that cannot be read are not guessed. */
export async function readChannelBooks(
  store: Pick<Store, 'iterate'>,
  side: keyof typeof SIDES,
): Promise<readonly ChannelBook[]> {
  const tables = SIDES[side]
  const books: ChannelBook[] = []
  for await (const { key, value } of store.iterate(tables.channels)) {
    const account = decode('ChannelAccount', value)
    if (!account.ok) throw account.error
    const jobs: JobAccount[] = []
    for await (const entry of store.iterate(tables.jobs, { prefix: [key[0]] })) {
      const job = decode('JobAccount', entry.value)
      if (!job.ok) throw job.error
      jobs.push(job.value)
    }
    books.push({ account: account.value, jobs })
  }
  return books
}
