import type {
  ChannelAccount,
  ChannelFunds,
  JobAccount,
  JobOrder,
  JobOutcome,
  LedgerEntry,
  PaymentFault,
  PaymentProblem,
} from '../accounts.ts'
import { type ChannelConfig, type ChannelDomain, channelIdOf, type Voucher, voucherDigest } from '../channel.ts'
import { fail, ok, type Result } from '../errors.ts'
import type { Digest } from '../hex.ts'
import type { Secp256k1, Signer } from '../ports.ts'
import { authorizedOf } from './payeeLedger.ts'

export interface PayerLedgerInit {
  readonly domain: ChannelDomain
  readonly crypto: Pick<Secp256k1, 'recover'>
  /** The session key that signs vouchers: the requester's (R23). */
  readonly signer: Signer
}

/** A new voucher, where one is due, and what is durable before it is sent. */
export interface Payment {
  readonly voucher?: Voucher
  readonly entries: readonly LedgerEntry[]
}

interface Book {
  account: ChannelAccount
  funds: ChannelFunds
  readonly jobs: Map<Digest, JobAccount>
}

const NO_FUNDS: ChannelFunds = { balance: 0n, safeBalance: 0n, totalClaimed: 0n, withdrawing: false }

/**
 * A requester's books (R23, R24, R26): what it authorized on each channel, never more than its jobs cost plus one slice of
 * each that runs. Pure and synchronous. Entries are durable before the voucher beside them is sent (R27).
 */
export class PayerLedger {
  readonly #init: PayerLedgerInit
  readonly #books = new Map<Digest, Book>()
  readonly #channelOf = new Map<Digest, Digest>()

  constructor(init: PayerLedgerInit) {
    this.#init = init
  }

  load(account: ChannelAccount, jobs: readonly JobAccount[], funds: ChannelFunds = NO_FUNDS): void {
    this.#books.set(account.id, { account, funds, jobs: new Map(jobs.map((job) => [job.jobId, job])) })
    for (const { jobId } of jobs) this.#channelOf.set(jobId, account.id)
  }

  has(channel: Digest): boolean {
    return this.#books.has(channel)
  }

  account(channel: Digest): ChannelAccount | undefined {
    return this.#books.get(channel)?.account
  }

  job(jobId: Digest): JobAccount | undefined {
    const channel = this.#channelOf.get(jobId)
    return channel === undefined ? undefined : this.#books.get(channel)?.jobs.get(jobId)
  }

  unsettled(channel: Digest): readonly JobAccount[] {
    return [...(this.#books.get(channel)?.jobs.values() ?? [])]
  }

  /** Begins the books of a channel; nothing happens where they are open. */
  open(config: ChannelConfig): readonly LedgerEntry[] {
    const id = channelIdOf(this.#init.domain, config)
    if (this.#books.has(id)) return []
    const account: ChannelAccount = { id, config, charged: 0n, receipted: 0n, closing: false }
    this.load(account, [])
    return [{ kind: 'channel-account', account }]
  }

  /** What the chain says now. */
  seen(channel: Digest, funds: ChannelFunds): readonly LedgerEntry[] {
    const book = this.#books.get(channel)
    if (book === undefined) return []
    book.funds = funds
    if (funds.withdrawing === book.account.closing) return []
    return this.#put(book, { ...book.account, closing: funds.withdrawing })
  }

  /** What could still be reserved on a channel. */
  free(channel: Digest): bigint {
    const book = this.#books.get(channel)
    if (book === undefined) return 0n
    const reserved = [...book.jobs.values()].reduce((total, { maxFee }) => total + maxFee, 0n)
    return book.funds.balance - book.account.charged - reserved
  }

  /** Section 4.2: the voucher for the first slice of a job. */
  reserve({ jobId, channel, maxFee, slice, quorum, now }: JobOrder): Result<Payment, PaymentProblem> {
    const book = this.#books.get(channel)
    if (book === undefined) return refuse('unknown-channel', 'a channel of this wallet', channel)
    if (book.jobs.has(jobId)) return ok({ entries: [] })
    if (book.account.closing) return refuse('channel-closing', 'a channel without a withdrawal', channel)
    const free = this.free(channel)
    if (free < maxFee) return refuse('insufficient-funds', `${maxFee} free on the channel`, `${free}`)
    const account: JobAccount = {
      ...{ jobId, channel, state: 'pending', slice, maxFee, fee: 0n, covered: slice, quorum, since: now },
    }
    return ok(this.#pay(book, account))
  }

  /** A verified head says `fee`; the next slice is paid ahead, in `quorum` mode only when it is asked for. */
  verified(jobId: Digest, fee: bigint): Payment {
    const { book, job } = this.#find(jobId)
    if (job.quorum) return { entries: this.#putJob(book, { ...job, fee }) }
    const ahead = fee + job.slice
    // Half a slice at a time: every head would be a voucher else.
    const due = job.covered < job.maxFee && 2n * (ahead - job.covered) >= job.slice
    return this.#pay(book, { ...job, fee, covered: due ? least(ahead, job.maxFee) : job.covered })
  }

  /** The provider waits for a voucher of `required`: paid as far as verified heads and the slices of running jobs go. */
  asked(jobId: Digest, required: bigint): Result<Payment, PaymentProblem> {
    const { book, job } = this.#find(jobId)
    if (required <= authorizedOf(book.account)) return ok(this.#again(book))
    const covered = job.quorum ? most(job.covered, job.fee) : least(job.fee + job.slice, job.maxFee)
    const target = this.#target(book) - job.covered + most(covered, job.covered)
    if (required > target) return refuse('over-ceiling', `a call for at most ${target}`, `${required}`)
    return ok(this.#pay(book, { ...job, covered: most(covered, job.covered) }))
  }

  /**
   * The receipt was verified. Its `chargedAfter` is at most what this wallet's jobs can have cost by then. In `quorum` mode the
   * fee is owed once the certificate accepts.
   */
  serve(jobId: Digest, fee: bigint, chargedAfter: bigint, now: number): Result<Payment, PaymentProblem> {
    const { book, job } = this.#find(jobId)
    const others = [...book.jobs.values()].filter((other) => other.jobId !== jobId)
    const bound = others.reduce((total, { maxFee }) => total + maxFee, book.account.charged + fee)
    if (chargedAfter > bound) return refuse('over-ceiling', `chargedAfter of at most ${bound}`, `${chargedAfter}`)
    const receipted = most(book.account.receipted, chargedAfter)
    const entries = this.#put(book, { ...book.account, receipted })
    const served: JobAccount = { ...job, state: 'served', fee, since: now }
    const paid = job.quorum ? { entries: this.#putJob(book, served) } : this.#settlePaid(book, served, now)
    return ok({ ...paid, entries: [...entries, ...paid.entries] })
  }

  /** The job ended: `paid` also where a head closed it, `refunded` where it cost nothing. */
  settle(jobId: Digest, outcome: Exclude<JobOutcome, 'unpaid'>, now: number): Payment {
    const { book, job } = this.#find(jobId)
    if (outcome === 'paid') return this.#settlePaid(book, job, now)
    return { entries: this.#close(book, { ...job, fee: 0n }, outcome, now) }
  }

  /**
   * A voucher this key signed that these books do not know: they are old, and catch up (R27). Whoever finds one while its
   * books are current shares its key with another device.
   */
  catchUp(voucher: Voucher, charged: bigint): Result<readonly LedgerEntry[], PaymentProblem> {
    const book = this.#books.get(voucher.channel)
    if (book === undefined) return refuse('unknown-channel', 'a channel of this wallet', voucher.channel)
    const { domain, crypto, signer } = this.#init
    const recovered = crypto.recover(voucherDigest(domain, voucher), voucher.signature)
    if (recovered !== signer.address) return refuse('bad-voucher', `${signer.address}`, recovered ?? 'no signer')
    const { account } = book
    if (voucher.amount <= authorizedOf(account)) return ok([])
    const next = { ...account, voucher, charged: most(account.charged, least(charged, voucher.amount)) }
    return ok(this.#put(book, next))
  }

  #find(jobId: Digest): { readonly book: Book; readonly job: JobAccount } {
    const book = this.#books.get(this.#channelOf.get(jobId) ?? jobId)
    const job = book?.jobs.get(jobId)
    if (book === undefined || job === undefined) throw new RangeError(`job ${jobId} is not in these books`)
    return { book, job }
  }

  #target(book: Book): bigint {
    return [...book.jobs.values()].reduce((total, { covered }) => total + covered, book.account.charged)
  }

  #settlePaid(book: Book, job: JobAccount, now: number): Payment {
    const charged = book.account.charged + job.fee
    const entries = [...this.#put(book, { ...book.account, charged }), ...this.#close(book, job, 'paid', now)]
    const paid = this.#raise(book)
    return { ...paid, entries: [...entries, ...paid.entries] }
  }

  #pay(book: Book, job: JobAccount): Payment {
    const entries = this.#putJob(book, job)
    const paid = this.#raise(book)
    return { ...paid, entries: [...entries, ...paid.entries] }
  }

  /** Signs what is due and not authorized yet; a voucher is never lowered. */
  #raise(book: Book): Payment {
    const amount = this.#target(book)
    if (amount <= authorizedOf(book.account)) return { entries: [] }
    const { domain, signer } = this.#init
    const channel = book.account.id
    const voucher = { channel, amount, signature: signer.sign(voucherDigest(domain, { channel, amount })) }
    return { voucher, entries: this.#put(book, { ...book.account, voucher }) }
  }

  /** The voucher that may have been lost on its way. */
  #again({ account: { voucher } }: Book): Payment {
    return voucher === undefined ? { entries: [] } : { voucher, entries: [] }
  }

  #close(book: Book, job: JobAccount, outcome: JobOutcome, now: number): readonly LedgerEntry[] {
    book.jobs.delete(job.jobId)
    this.#channelOf.delete(job.jobId)
    return [{ kind: 'job-account', account: { ...job, state: 'settled', outcome, since: now } }]
  }

  #put(book: Book, account: ChannelAccount): readonly LedgerEntry[] {
    book.account = account
    return [{ kind: 'channel-account', account }]
  }

  #putJob(book: Book, account: JobAccount): readonly LedgerEntry[] {
    book.jobs.set(account.jobId, account)
    this.#channelOf.set(account.jobId, account.channel)
    return [{ kind: 'job-account', account }]
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const refuse = (code: PaymentFault, expected: string, got: string): Result<never, PaymentProblem> =>
  fail({ code, expected, got })
