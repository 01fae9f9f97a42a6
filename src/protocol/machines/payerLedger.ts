import type {
  ChannelAccount,
  ChannelFunds,
  JobAccount,
  JobOrder,
  JobOutcome,
  LedgerEntry,
  PaymentFault,
} from '../accounts.ts'
import { type ChannelConfig, type ChannelDomain, channelIdOf, type Voucher, voucherDigest } from '../channel.ts'
import { fail, ok, type Result } from '../errors.ts'
import type { Digest } from '../hex.ts'
import type { Secp256k1, Signer } from '../ports.ts'
import { OpenJobs } from './openJobs.ts'
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

/** Why a payer's books refuse; `key-shared`: another device signs with this key. */
export type PayerFault = PaymentFault | 'key-shared'

export interface PayerProblem {
  readonly code: PayerFault
  readonly expected: string
  readonly got: string
}

/** What a caught-up channel means for jobs that were open in the old books: they are in what the payee charged. */
export interface CaughtUp {
  readonly entries: readonly LedgerEntry[]
  readonly settled: readonly JobAccount[]
}

interface Book {
  account: ChannelAccount
  funds: ChannelFunds
  /** The payee's books and these were compared in this process. */
  compared: boolean
  /** Somebody else signed with this key meanwhile: nothing more is paid here. */
  shared: boolean
  readonly jobs: OpenJobs
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
    this.#books.set(account.id, { account, funds, compared: false, shared: false, jobs: new OpenJobs(jobs) })
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

  /** Every channel with books here. */
  channels(): readonly ChannelAccount[] {
    return [...this.#books.values()].map(({ account }) => account)
  }

  unsettled(channel: Digest): readonly JobAccount[] {
    return this.#books.get(channel)?.jobs.all() ?? []
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
    return book.funds.balance - book.account.charged - book.jobs.maxFee
  }

  /** The voucher to show a payee that does not know the channel: the highest, or one that authorizes nothing yet. */
  shown(channel: Digest): Voucher {
    const { account } = this.#book(channel)
    return account.voucher ?? this.#sign(channel, 0n)
  }

  /** The payee's books of the channel do not stand above these: from now on nothing above can be this wallet's. */
  agree(channel: Digest): void {
    this.#book(channel).compared = true
  }

  isShared(channel: Digest): boolean {
    return this.#books.get(channel)?.shared === true
  }

  /** Section 4.2: the voucher for the first slice of a job; of one that is reserved, the highest again. */
  reserve({ jobId, channel, maxFee, slice, quorum, now }: JobOrder): Result<Payment, PayerProblem> {
    const book = this.#books.get(channel)
    if (book === undefined) return refuse('unknown-channel', 'a channel of this wallet', channel)
    if (book.shared) return refuse('key-shared', 'a key that no other device signs with', channel)
    const known = book.jobs.get(jobId)
    if (known !== undefined) return ok(this.#again(this.#pay(book, known), book))
    if (book.account.closing) return refuse('channel-closing', 'a channel without a withdrawal', channel)
    const free = this.free(channel)
    if (free < maxFee) return refuse('insufficient-funds', `${maxFee} free on the channel`, `${free}`)
    const account: JobAccount = {
      ...{ jobId, channel, state: 'pending', slice, maxFee, fee: 0n, covered: slice, quorum, since: now },
    }
    return ok(this.#pay(book, account))
  }

  /**
   * A verified head says `fee`; the next slice is paid ahead, in `quorum` mode only when it is asked for. The fee alone is
   * not kept on disk: it is in the provider's signed head.
   */
  verified(jobId: Digest, fee: bigint): Payment {
    const { book, job } = this.#find(jobId)
    const ahead = fee + job.slice
    // Half a slice at a time: every head would be a voucher else.
    const due = !job.quorum && job.covered < job.maxFee && 2n * (ahead - job.covered) >= job.slice
    const next = {
      ...job,
      fee: most(job.fee, fee),
      covered: due ? most(job.covered, least(ahead, job.maxFee)) : job.covered,
    }
    if (due) return this.#pay(book, next)
    this.#putJob(book, next)
    return { entries: [] }
  }

  /**
   * The provider waits for a voucher of `required`: paid as far as verified heads and the slices of running jobs go. What
   * is authorized already is sent again, since the voucher may have been lost with its stream.
   */
  asked(jobId: Digest, required: bigint): Result<Payment, PayerProblem> {
    const { book } = this.#find(jobId)
    if (required <= authorizedOf(book.account)) return ok(this.#again({ entries: [] }, book))
    const due = book.jobs.all().map((each) => ({ ...each, covered: most(each.covered, dueOf(each)) }))
    const target = due.reduce((total, { covered }) => total + covered, book.account.charged)
    if (required > target) return refuse('over-ceiling', `a call for at most ${target}`, `${required}`)
    const raised = due.filter(({ jobId: id, covered }) => covered !== book.jobs.get(id)?.covered)
    const entries = raised.flatMap((each) => this.#putJob(book, each))
    const paid = this.#raise(book)
    return ok({ ...paid, entries: [...entries, ...paid.entries] })
  }

  /**
   * The receipt was verified. Its `chargedAfter` is at most what this wallet's jobs can have cost by then. In `quorum` mode the
   * fee is owed once the certificate accepts.
   */
  serve(jobId: Digest, fee: bigint, chargedAfter: bigint, now: number): Result<Payment, PayerProblem> {
    const { book, job } = this.#find(jobId)
    if (fee > job.maxFee) return refuse('over-ceiling', `a fee of at most ${job.maxFee}`, `${fee}`)
    if (chargedAfter < fee) return refuse('over-ceiling', `chargedAfter of at least the fee ${fee}`, `${chargedAfter}`)
    const others = book.jobs.maxFee - job.maxFee
    const bound = book.account.charged + fee + others
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
   * What a provider shows of a job whose stream was lost: its last signed head, or its receipt. Together with the other
   * jobs that are open it can have released a slice of each beyond what was authorized; more it cannot have earned.
   */
  recalled(jobId: Digest, fee: bigint): Result<void, PayerProblem> {
    const { book, job } = this.#find(jobId)
    const others = book.jobs.all().filter((other) => other.jobId !== jobId)
    const free = authorizedOf(book.account) - book.account.charged
    const lent = others.reduce((total, other) => total + other.slice - other.fee, free + job.slice)
    const bound = least(most(lent, job.fee), job.maxFee)
    if (fee > bound) return refuse('over-ceiling', `a fee of at most ${bound}`, `${fee}`)
    this.#putJob(book, { ...job, fee })
    return ok(undefined)
  }

  /**
   * A voucher this key signed that these books do not know: they are old, and catch up, once (R27). Whoever finds one
   * after the books were compared shares its key with another device, and stops. Jobs that were open in the old books
   * are in what the payee charged. Its word on that is taken up to `slice` beyond the voucher: so much can have been
   * released before the voucher for it arrived.
   */
  catchUp(
    voucher: Voucher,
    { charged, slice, now }: { charged: bigint; slice: bigint; now: number },
  ): Result<CaughtUp, PayerProblem> {
    const book = this.#books.get(voucher.channel)
    if (book === undefined) return refuse('unknown-channel', 'a channel of this wallet', voucher.channel)
    const { domain, crypto, signer } = this.#init
    const recovered = crypto.recover(voucherDigest(domain, voucher), voucher.signature)
    if (recovered !== signer.address) return refuse('bad-voucher', `${signer.address}`, recovered ?? 'no signer')
    const { account } = book
    if (voucher.amount <= authorizedOf(account)) {
      book.compared = true
      return ok({ entries: [], settled: [] })
    }
    if (book.compared) {
      book.shared = true
      return refuse('key-shared', `at most ${authorizedOf(account)} signed by this key`, `${voucher.amount}`)
    }
    book.compared = true
    const settled = book.jobs.all().map((job): JobAccount => ({ ...job, state: 'settled', outcome: 'paid' }))
    const next = { ...account, voucher, charged: most(account.charged, least(charged, voucher.amount + slice)) }
    const entries = [...this.#put(book, next), ...settled.flatMap((job) => this.#close(book, job, 'paid', now))]
    return ok({ entries, settled })
  }

  #book(channel: Digest): Book {
    const book = this.#books.get(channel)
    if (book === undefined) throw new RangeError(`channel ${channel} is not in these books`)
    return book
  }

  #sign(channel: Digest, amount: bigint): Voucher {
    const { domain, signer } = this.#init
    return { channel, amount, signature: signer.sign(voucherDigest(domain, { channel, amount })) }
  }

  /** The voucher that may have been lost on its way, where no new one is due. */
  #again(payment: Payment, { account }: Book): Payment {
    return payment.voucher === undefined && account.voucher !== undefined
      ? { ...payment, voucher: account.voucher }
      : payment
  }

  #find(jobId: Digest): { readonly book: Book; readonly job: JobAccount } {
    const book = this.#books.get(this.#channelOf.get(jobId) ?? jobId)
    const job = book?.jobs.get(jobId)
    if (book === undefined || job === undefined) throw new RangeError(`job ${jobId} is not in these books`)
    return { book, job }
  }

  #target(book: Book): bigint {
    return book.account.charged + book.jobs.covered
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
    const voucher = this.#sign(book.account.id, amount)
    return { voucher, entries: this.#put(book, { ...book.account, voucher }) }
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
    book.jobs.put(account)
    this.#channelOf.set(account.jobId, account.channel)
    return [{ kind: 'job-account', account }]
  }
}

/**
 * What a job may be authorized when its provider asks: what was verified and a slice ahead. Where a certificate decides,
 * never its last slice: a provider needs no more to let the last head out.
 */
function dueOf({ quorum, state, fee, slice, maxFee }: JobAccount): bigint {
  if (!quorum) return least(fee + slice, maxFee)
  return state === 'served' ? most(fee - slice, 0n) : least(fee, maxFee - slice)
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const refuse = (code: PayerFault, expected: string, got: string): Result<never, PayerProblem> =>
  fail({ code, expected, got })
