import { authorizedOf, type Digest, type JobOutcome, type Result } from '../../../src/protocol/index.ts'
import type { Store } from '../../../src/store/index.ts'
import { decode } from '../../../src/wire/index.ts'

/** The tables in which either side keeps its books. */
export const PAYEE_TABLES = { channels: 'payeeChannels', jobs: 'payeeJobs', settlements: 'payeeSettlements' } as const
export const PAYER_TABLES = { channels: 'payerChannels', jobs: 'payerJobs', settlements: 'payerSettlements' } as const

/** One side's books of all channels, as they lie on its disk. Amounts in wei. */
export interface Books {
  readonly channels: readonly { readonly id: Digest; readonly charged: bigint; readonly authorized: bigint }[]
  /** Jobs that are not settled. */
  readonly open: number
  readonly outcomes: { readonly [outcome in JobOutcome]: number }
  /** Fees of the settled jobs. */
  readonly fees: bigint
}

export async function readBooks(store: Store, tables: typeof PAYEE_TABLES | typeof PAYER_TABLES): Promise<Books> {
  const channels: Books['channels'][number][] = []
  for await (const { value } of store.iterate(tables.channels)) {
    const account = trusted(decode('ChannelAccount', value))
    channels.push({ id: account.id, charged: account.charged, authorized: authorizedOf(account) })
  }
  let open = 0
  for await (const _ of store.iterate(tables.jobs)) open += 1
  const outcomes = { paid: 0, unpaid: 0, refunded: 0 }
  let fees = 0n
  for await (const { value } of store.iterate(tables.settlements)) {
    const job = trusted(decode('JobAccount', value))
    if (job.outcome === undefined) throw new RangeError(`job ${job.jobId} is settled without an outcome`)
    outcomes[job.outcome] += 1
    fees += job.fee
  }
  return { channels, open, outcomes, fees }
}

function trusted<T>(result: Result<T, Error>): T {
  if (!result.ok) throw result.error
  return result.value
}

/**
 * Throws unless both sides say the same to the wei: one channel, `jobs` jobs that are all paid, their fees the charge, no more
 * charged than authorized by the voucher that both hold.
 */
export function assertAgree(payee: Books, payer: Books, jobs: number): void {
  const [ofPayee, ofPayer] = [payee, payer].map((books) => JSON.stringify(books, bigintToText))
  if (ofPayee !== ofPayer) throw new Error(`the books differ: provider ${ofPayee}, requester ${ofPayer}`)
  const { channels, open, outcomes, fees } = payee
  const [channel] = channels
  if (channel === undefined || channels.length !== 1) throw new Error(`expected one channel, got ${channels.length}`)
  if (open !== 0 || outcomes.paid !== jobs || outcomes.unpaid + outcomes.refunded !== 0)
    throw new Error(`expected ${jobs} paid jobs and no other, got ${ofPayee}`)
  if (channel.charged !== fees || channel.charged > channel.authorized || fees === 0n)
    throw new Error(`expected the fees of the jobs to be charged and authorized, got ${ofPayee}`)
}

const bigintToText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value)
