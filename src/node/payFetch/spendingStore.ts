import { setTimeout as sleep } from 'node:timers/promises'
import { openSpendingBook, type SpendingBook, type SpendingPolicy } from '../../payment/index.ts'
import { openStore, type Store, StoreError } from '../../store/index.ts'
import type { Home } from '../home.ts'
import type { NodeLogger } from '../logger.ts'
import { payFetchError } from './errors.ts'

/** Between two tries for the book of a home; ms. */
const BUSY_POLL_MS = 100
/**
 * Tries for a store whose files do not fit together: while another process opens it they change between two looks, and
 * nobody has locked it yet. One that is corrupt stays so.
 */
const CORRUPT_TRIES = 10

/** Where a home keeps what its wallet has spent, its channels as a payer, and the authorizations that are out. */
export const paymentPaths = (home: Home) => ({
  book: home.wallet,
  channels: home.path('payments/channels'),
  authorizations: home.path('payments/authorizations'),
})

/**
 * Runs an errand with the home's book of spendings, which is its alone meanwhile: payments of one home go one after the
 * other. Throws PayFetchError `wallet-busy` when another process keeps the book for `waitMs`.
 */
export async function withSpendingBook<T>(
  { home, policy, logger }: { readonly home: Home; readonly policy: SpendingPolicy; readonly logger: NodeLogger },
  waitMs: number,
  errand: (book: SpendingBook) => Promise<T>,
): Promise<T> {
  const store = await openPatiently(paymentPaths(home).book, logger, Date.now() + waitMs)
  try {
    return await errand(await openSpendingBook(store, policy))
  } finally {
    await store.close()
  }
}

async function openPatiently(directory: string, logger: NodeLogger, until: number): Promise<Store> {
  for (let corrupt = 0; ; ) {
    try {
      return await openStore(directory, { clock: Date.now, logger })
    } catch (thrown) {
      const code = thrown instanceof StoreError ? thrown.code : undefined
      if (code === 'store-corrupt') corrupt += 1
      if ((code !== 'store-locked' && code !== 'store-corrupt') || corrupt === CORRUPT_TRIES) throw thrown
      if (code === 'store-locked' && Date.now() >= until) {
        throw payFetchError('wallet-busy', 'the book of spendings', `another process has ${directory} open`)
      }
    }
    await sleep(BUSY_POLL_MS)
  }
}
