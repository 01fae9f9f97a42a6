import type {
  ChannelAccount,
  ChannelFunds,
  JobAccount,
  JobOrder,
  JobOutcome,
  LedgerEntry,
  Payee,
  PaymentFault,
  PaymentProblem,
} from '../accounts.ts'
import {
  type ChannelConfig,
  type ChannelDomain,
  channelIdOf,
  type Voucher,
  voucherDigest,
  WITHDRAW_DELAY,
} from '../channel.ts'
import { fail, ok, type Result } from '../errors.ts'
import type { Digest } from '../hex.ts'
import type { Secp256k1 } from '../ports.ts'
import { OpenJobs } from './openJobs.ts'

export interface PayeeLedgerInit {
  readonly domain: ChannelDomain
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly payee: Payee
  /** Of deposits that no safe block holds yet, so much is lent on (R24). */
  readonly float: bigint
  /** Unsettled jobs of one channel. */
  readonly maxJobs: number
  /** Quorum jobs of one channel that were not accepted, one after another, before it is served no more of them for a while. */
  readonly maxRefused?: number
}

interface Book {
  account: ChannelAccount
  funds: ChannelFunds
  /** On its way back to the payer: nothing of it may be promised any more. */
  withheld: bigint
  readonly jobs: OpenJobs
  /** Quorum jobs that were paid back since one was accepted, and when the last one was, ms. */
  refused: { readonly count: number; readonly at: number }
}

/** A channel whose quorum jobs were not accepted gets no more of them for so long, ms. */
export const REFUSED_PAUSE_MS = 600_000

const NO_FUNDS: ChannelFunds = { balance: 0n, safeBalance: 0n, totalClaimed: 0n, withdrawing: false }
const NONE_REFUSED = { count: 0, at: 0 }

/**
 * A provider's books (R23, R24, R26): which vouchers it holds, what each unsettled job may still release, what may be
 * claimed. Pure and synchronous. What a method returns as entries is durable before anything that rests on it leaves.
 */
export class PayeeLedger {
  readonly #init: PayeeLedgerInit
  readonly #books = new Map<Digest, Book>()
  readonly #channelOf = new Map<Digest, Digest>()

  constructor(init: PayeeLedgerInit) {
    this.#init = init
  }

  /** Puts stored books back, with the jobs that were not settled. */
  load(account: ChannelAccount, jobs: readonly JobAccount[], funds: ChannelFunds = NO_FUNDS): void {
    this.#books.set(account.id, { account, funds, withheld: 0n, jobs: new OpenJobs(jobs), refused: NONE_REFUSED })
    for (const { jobId } of jobs) this.#channelOf.set(jobId, account.id)
  }

  /** Leaves memory; false while a job is unsettled or a refund is under way. */
  unload(channel: Digest): boolean {
    const book = this.#books.get(channel)
    if (book !== undefined && (book.jobs.size > 0 || book.withheld !== 0n)) return false
    return this.#books.delete(channel)
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
    return this.#books.get(channel)?.jobs.all() ?? []
  }

  /** R23: whether a channel pays this provider, by its configuration alone. Returns its id. */
  check(config: ChannelConfig): Result<Digest, PaymentProblem> {
    const { operator, splitter, token, minWithdrawDelay } = this.#init.payee
    if (config.receiver !== splitter) return refuse('wrong-receiver', `receiver ${splitter}`, config.receiver)
    if (config.receiverAuthorizer !== operator)
      return refuse('bad-channel', `receiverAuthorizer ${operator}`, config.receiverAuthorizer)
    if (config.token !== token) return refuse('bad-channel', `token ${token}`, config.token)
    if (config.withdrawDelay < minWithdrawDelay || config.withdrawDelay > WITHDRAW_DELAY.max)
      return refuse('bad-channel', `withdrawDelay of at least ${minWithdrawDelay} s`, `${config.withdrawDelay} s`)
    return ok(channelIdOf(this.#init.domain, config))
  }

  /** Begins the books of a channel; nothing happens where they are open. */
  open(config: ChannelConfig): Result<readonly LedgerEntry[], PaymentProblem> {
    const checked = this.check(config)
    if (!checked.ok) return checked
    const id = checked.value
    if (this.#books.has(id)) return ok([])
    const account: ChannelAccount = { id, config, charged: 0n, receipted: 0n, closing: false }
    this.load(account, [])
    return ok([{ kind: 'channel-account', account }])
  }

  /**
   * What the chain says now. Claims above what these books charged show that they are old (R27): they catch up. A
   * withdrawal closes the channel (R25).
   */
  seen(channel: Digest, funds: ChannelFunds): readonly LedgerEntry[] {
    const book = this.#books.get(channel)
    if (book === undefined) return []
    book.funds = funds
    const { account } = book
    const charged = account.charged < funds.totalClaimed ? funds.totalClaimed : account.charged
    const receipted = account.receipted < funds.totalClaimed ? funds.totalClaimed : account.receipted
    if (charged === account.charged && receipted === account.receipted && funds.withdrawing === account.closing)
      return []
    return this.#put(book, { ...account, charged, receipted, closing: funds.withdrawing })
  }

  /** R24: a voucher of this channel, above the last one and within the deposit. The same one again changes nothing. */
  accept(voucher: Voucher): Result<readonly LedgerEntry[], PaymentProblem> {
    const book = this.#books.get(voucher.channel)
    if (book === undefined) return refuse('unknown-channel', 'a channel whose configuration was shown', voucher.channel)
    const { account, funds } = book
    const held = account.voucher
    if (held !== undefined && voucher.amount === held.amount && voucher.signature === held.signature) return ok([])
    if (account.closing) return refuse('channel-closing', 'a channel without a withdrawal', voucher.channel)
    if (voucher.amount <= authorizedOf(account))
      return refuse('stale-voucher', `more than ${authorizedOf(account)}`, `${voucher.amount}`)
    const deposit = funds.balance - book.withheld
    if (voucher.amount > deposit)
      return refuse('voucher-over-deposit', `at most the deposit ${deposit}`, `${voucher.amount}`)
    const { domain, crypto } = this.#init
    const signer = account.config.payerAuthorizer
    const recovered = crypto.recover(voucherDigest(domain, voucher), voucher.signature)
    if (recovered !== signer) return refuse('bad-voucher', `the signature of ${signer}`, recovered ?? 'no signer')
    return ok([...this.#put(book, { ...account, voucher }), ...this.#settlePaid(book)])
  }

  /** R24: `maxFee` is reserved of what the channel holds, and its first slice must be authorized. */
  reserve({ jobId, channel, maxFee, slice, quorum, now }: JobOrder): Result<readonly LedgerEntry[], PaymentProblem> {
    const book = this.#books.get(channel)
    if (book === undefined) return refuse('unknown-channel', 'a channel whose configuration was shown', channel)
    if (book.jobs.get(jobId) !== undefined) return ok([])
    if (book.account.closing) return refuse('channel-closing', 'a channel without a withdrawal', channel)
    if (book.jobs.size >= this.#init.maxJobs)
      return refuse('busy', `at most ${this.#init.maxJobs} unsettled jobs of a channel`, `${book.jobs.size}`)
    if (quorum && this.#isPaused(book, now))
      return refuse('busy', 'local or buffered jobs for a while', `${book.refused.count} quorum jobs not accepted`)
    const free = this.#limit(book) - book.account.charged - book.jobs.pending.maxFee
    if (free < maxFee) return refuse('insufficient-funds', `${maxFee} free on the channel`, `${free}`)
    const required = this.requiredToReserve(channel, slice)
    if (required > authorizedOf(book.account))
      return refuse('payment-required', `a voucher of at least ${required}`, `${authorizedOf(book.account)}`)
    const account: JobAccount = {
      ...{ jobId, channel, state: 'pending', slice, maxFee, fee: 0n, covered: slice, quorum, since: now },
    }
    return ok(this.#putJob(book, account))
  }

  /** The voucher that would let a job with this slice begin: the first slice of every running job is authorized. */
  requiredToReserve(channel: Digest, slice: bigint): bigint {
    const book = this.#books.get(channel)
    if (book === undefined) return slice
    const open = book.jobs.pending.slice - sum(book.jobs.served(), lentOf)
    const begun = book.account.charged + open + slice
    const released = authorizedOf(book.account) + slice - this.#headroom(book)
    return [authorizedOf(book.account), begun, released].reduce((a, b) => (a > b ? a : b))
  }

  /**
   * Of what a safe block holds for a channel, and a float of the rest, so much is neither charged nor reserved: a refund may
   * take it. It could outlive a deposit that a reorganisation takes away.
   */
  refundable(channel: Digest): bigint {
    const book = this.#books.get(channel)
    if (book === undefined) return 0n
    const free = this.#limit(book) - book.account.charged - book.jobs.pending.maxFee
    return free > 0n ? free : 0n
  }

  /** A refund of `amount` begins, or with a negative one ends. */
  withhold(channel: Digest, amount: bigint): void {
    const book = this.#books.get(channel)
    if (book !== undefined) book.withheld += amount
  }

  /**
   * Whether a head with this fee may leave: at most one slice of each unsettled job is unpaid, and of this job alone no
   * more than a slice above the voucher, or committees reject what its record shows (`bad-charge`).
   */
  mayRelease(jobId: Digest, fee: bigint): boolean {
    const { book, job } = this.#find(jobId)
    return this.#headroom(book) >= fee - job.fee && fee - job.slice <= authorizedOf(book.account)
  }

  /** The voucher that would let a head with this fee leave. */
  requiredFor(jobId: Digest, fee: bigint): bigint {
    const { book, job } = this.#find(jobId)
    const authorized = authorizedOf(book.account)
    const lacking = fee - job.fee - this.#headroom(book)
    return [authorized, authorized + lacking, fee - job.slice].reduce((a, b) => (a > b ? a : b))
  }

  /** A head with this fee leaves. */
  release(jobId: Digest, fee: bigint): readonly LedgerEntry[] {
    const { book, job } = this.#find(jobId)
    return this.#putJob(book, { ...job, fee })
  }

  /** The receipt's place in the ledger: `chargedAfter`, and the books with it. */
  serve(
    jobId: Digest,
    fee: bigint,
    now: number,
  ): { readonly chargedAfter: bigint; readonly entries: readonly LedgerEntry[] } {
    const { book, job } = this.#find(jobId)
    const chargedAfter = book.account.charged + fee
    const receipted = book.account.receipted > chargedAfter ? book.account.receipted : chargedAfter
    const entries = this.#serve(book, job, fee, now, { ...book.account, charged: chargedAfter, receipted })
    return { chargedAfter, entries }
  }

  /** R27: a job that a restart cut off ends at its last stored head; no receipt can be signed for it any more. */
  closeAtHead(jobId: Digest, now: number): readonly LedgerEntry[] {
    const { book, job } = this.#find(jobId)
    if (job.fee === 0n) return this.#settle(book, job, 'refunded', now)
    const account = { ...book.account, charged: book.account.charged + job.fee }
    return this.#serve(book, { ...job, quorum: false }, job.fee, now, account)
  }

  /** R26: failed work costs nothing. */
  fail(jobId: Digest, now: number): readonly LedgerEntry[] {
    const { book, job } = this.#find(jobId)
    return this.#settle(book, job, 'refunded', now)
  }

  /** R11: what the committee made of a quorum job; what it did not accept is paid back. */
  certified(jobId: Digest, accepted: boolean, now: number): readonly LedgerEntry[] {
    const { book, job } = this.#find(jobId)
    if (!job.quorum || job.state !== 'served') return []
    book.refused = accepted ? NONE_REFUSED : { count: book.refused.count + 1, at: now }
    if (!accepted) {
      const account = { ...book.account, charged: book.account.charged - job.fee }
      const entries = [...this.#put(book, account), ...this.#settle(book, job, 'refunded', now)]
      return [...entries, ...this.#settlePaid(book)]
    }
    return [...this.#putJob(book, { ...job, quorum: false }), ...this.#settlePaid(book)]
  }

  /** The requester never paid the rest; it stays charged, and due before the channel serves again. */
  expire(jobId: Digest, now: number): readonly LedgerEntry[] {
    const { book, job } = this.#find(jobId)
    return job.state === 'served' ? this.#settle(book, job, 'unpaid', now) : []
  }

  /** What the chain last said; undefined of a channel that is not loaded. */
  funds(channel: Digest): ChannelFunds | undefined {
    return this.#books.get(channel)?.funds
  }

  channels(): IterableIterator<Digest> {
    return this.#books.keys()
  }

  /** What a claim may take in all: charged for good, authorized, and answerable by a receipt. */
  claimable(channel: Digest): bigint {
    const book = this.#books.get(channel)
    if (book === undefined) return 0n
    const { account } = book
    const open = sum(book.jobs.served(), ({ quorum, fee }) => (quorum ? fee : 0n))
    return [account.charged - open, account.receipted, authorizedOf(account)].reduce((a, b) => (a < b ? a : b))
  }

  #find(jobId: Digest): { readonly book: Book; readonly job: JobAccount } {
    const book = this.#books.get(this.#channelOf.get(jobId) ?? jobId)
    const job = book?.jobs.get(jobId)
    if (book === undefined || job === undefined) throw new RangeError(`job ${jobId} is not in these books`)
    return { book, job }
  }

  /** Whoever makes a committee reject or abstain gets its answers for nothing, so not many of them in a row. */
  #isPaused({ refused }: Book, now: number): boolean {
    const { maxRefused } = this.#init
    return maxRefused !== undefined && refused.count >= maxRefused && now - refused.at < REFUSED_PAUSE_MS
  }

  #limit({ funds: { balance, safeBalance }, withheld }: Book): bigint {
    const lent = safeBalance + this.#init.float
    return (balance < lent ? balance : lent) - withheld
  }

  /** Authorized, and a slice of each unsettled job, less what was charged and released. */
  #headroom({ account, jobs }: Book): bigint {
    return authorizedOf(account) + jobs.slice - account.charged - jobs.pending.fee
  }

  #serve(book: Book, job: JobAccount, fee: bigint, now: number, account: ChannelAccount): readonly LedgerEntry[] {
    const entries = [...this.#put(book, account), ...this.#putJob(book, { ...job, state: 'served', fee, since: now })]
    return [...entries, ...this.#settlePaid(book)]
  }

  /** A served job is paid once the voucher reaches its place in the order of serving. */
  #settlePaid(book: Book): readonly LedgerEntry[] {
    const entries: LedgerEntry[] = []
    let place = book.account.charged
    for (const job of book.jobs.served().toReversed()) {
      if (!job.quorum && authorizedOf(book.account) >= place)
        entries.push(...this.#settle(book, job, 'paid', job.since))
      place -= job.fee
    }
    return entries
  }

  #settle(book: Book, job: JobAccount, outcome: JobOutcome, now: number): readonly LedgerEntry[] {
    book.jobs.delete(job.jobId)
    this.#channelOf.delete(job.jobId)
    const fee = outcome === 'refunded' ? 0n : job.fee
    return [{ kind: 'job-account', account: { ...job, state: 'settled', outcome, fee, since: now } }]
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

export const authorizedOf = ({ voucher }: Pick<ChannelAccount, 'voucher'>): bigint => voucher?.amount ?? 0n

/** Of a served job whose receipt the payer may not have yet, so much may still lack, if it paid as it must. */
function lentOf({ fee, slice }: JobAccount): bigint {
  const above = fee > slice ? fee - slice : 0n
  return above < slice ? above : slice
}

const sum = (jobs: readonly JobAccount[], of: (job: JobAccount) => bigint): bigint =>
  jobs.reduce((total, job) => total + of(job), 0n)

const refuse = (code: PaymentFault, expected: string, got: string): Result<never, PaymentProblem> =>
  fail({ code, expected, got })
