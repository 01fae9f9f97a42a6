import type { Budget, DepositWallet, PaymentRequired, SpendingBook, SpendingPolicy } from '../../payment/index.ts'
import { budgetOf, checkDeposit } from '../../payment/index.ts'
import {
  type Address,
  authorizedOf,
  type ChannelConfig,
  type ChannelDomain,
  type ChannelFunds,
  type Clock,
  CodedError,
  channelIdOf,
  type Digest,
  fail,
  type Job,
  type JobAccount,
  type JobOutcome,
  type LedgerEntry,
  type MoneyProblem,
  ok,
  PayerLedger,
  type RankedOffer,
  type RefusalCode,
  type Result,
  type Secp256k1,
  type Signer,
  sliceOf,
  toError,
  type Voucher,
} from '../../protocol/index.ts'
import type { Store } from '../../store/index.ts'
import type { RoleLogger } from '../logger.ts'
import { isReusable, OpenDeposits } from './openDeposits.ts'
import { loadPayerLedger, payerWrites, readSettlement } from './payerStore.ts'
import { type PaymentFrames, type PaymentRefusal, sendPayment } from './paymentTalk.ts'
import type { InferStream, InferStreamPool } from './streamPool.ts'

/** What a payer asks its own chain endpoint; a provider's word counts for nothing (R24). Methods throw ChainError. */
export interface PayerChain {
  splitterOf(operator: Address): Promise<Address>
  fundsOf(channel: Digest): Promise<ChannelFunds>
}

/** Where a payment goes. */
export interface Counterparty {
  readonly offer: RankedOffer
  readonly peer: string
  readonly pool: InferStreamPool
}

/** The money side of a requester: one per home, so that the jobs of a channel share one ledger (R23, R24). */
export interface Payer {
  readonly ledger: PayerLedger
  /**
   * A channel with the provider that it knows and that holds `maxFee`; a deposit is made where it lacks. `done` is called
   * once the job is in the books, or given up.
   */
  channelFor(to: Counterparty, maxFee: bigint): Promise<Result<{ channel: Digest; done: () => void }, MoneyProblem>>
  /** After a refusal that names the channel: looks at the provider's books and the chain again. */
  mend(
    to: Counterparty,
    channel: Digest,
    refusal: { readonly code: RefusalCode; readonly required: PaymentRequired | undefined },
  ): Promise<Result<void, MoneyProblem>>
  /** Whether the provider can show a voucher of this key that these books do not know. */
  isShared(to: Counterparty, channel: Digest): Promise<boolean>
  /** Sets the job's maxFee aside; what `entries` gives is in the same commit. */
  reserve(jobId: Digest, job: Job, entries: () => readonly LedgerEntry[]): Promise<Result<void, MoneyProblem>>
  persist(entries: readonly LedgerEntry[]): Promise<void>
  /** Ends a job in the budgets and in the books, in one commit. */
  settle(jobId: Digest, spent: bigint | undefined, entries: readonly LedgerEntry[]): Promise<void>
  /** Resolves once a voucher is on disk, whichever job it was signed for (R27): none leaves before. */
  whenStored(voucher: Voucher): Promise<void>
  /** Jobs of a channel with this provider that an earlier run, or a lost stream, left open. */
  openWith(provider: Address): readonly JobAccount[]
  /** How a job ended; undefined while it is open, and of one these books never held. Throws StoreError. */
  ended(jobId: Digest): Promise<JobOutcome | undefined>
  /** What a channel with the provider would be. Throws ChainError. */
  channelWith(offer: RankedOffer): Promise<{ readonly id: Digest; readonly config: ChannelConfig }>
  readRequired: PaymentFrames['required']
  /** What a job at the offer's ceiling would do to the money; nothing is signed or sent. Throws ChainError. */
  quote(offer: RankedOffer): Promise<PaymentQuote>
  /** Reads a channel's funds anew. Throws ChainError. */
  look(channel: Digest): Promise<ChannelFunds>
}

/** A job's channel before the job, by the chain and these books. Wei. */
export interface PaymentQuote {
  readonly channel: Digest
  /** Whether these books know the channel; `charged` and `free` rest on the chain alone where they do not. */
  readonly isKnown: boolean
  readonly closing: boolean
  readonly balance: bigint
  /** What jobs could still reserve. */
  readonly free: bigint
  readonly authorized: bigint
  readonly charged: bigint
  /** What would be deposited first; 0 where the channel holds enough. */
  readonly deposit: bigint
  /** Why the job would not be paid for. */
  readonly refusal: MoneyProblem | undefined
}

export interface PayerComponents {
  readonly store: Store
  readonly budgets: SpendingBook
  readonly wallet: DepositWallet
  readonly chain: PayerChain
  readonly frames: PaymentFrames
  readonly signer: Signer
  readonly crypto: Secp256k1
  readonly clock: Clock
  readonly logger: RoleLogger
}

export interface PayerInit {
  readonly domain: ChannelDomain
  readonly policy: SpendingPolicy
  /** The network's token, the only one channels are in. */
  readonly token: Address
  /** Of every channel: deterministic, so that a lost database finds its channels again. */
  readonly salt: Digest
  /** Seconds. */
  readonly withdrawDelay: number
}

/** A deposit shows on this node's own endpoint within this time, ms. */
const DEPOSIT_SEEN_MS = 30_000
const LOOK_AGAIN_MS = 250

/** Opens the books of `store`. Throws StoreError. */
export async function openPayer(components: PayerComponents, init: PayerInit): Promise<Payer> {
  const { crypto, signer, store } = components
  const ledger = new PayerLedger({ domain: init.domain, crypto, signer })
  await loadPayerLedger(store, ledger)
  return new StoredPayer(components, init, ledger)
}

class StoredPayer implements Payer {
  readonly ledger: PayerLedger
  readonly #c: PayerComponents
  readonly #init: PayerInit
  /** Channels whose providers have answered in this process. */
  readonly #met = new Set<Digest>()
  /** Promised to jobs that are not in the books yet. */
  readonly #promised = new Map<Digest, bigint>()
  /** The highest voucher of each channel on disk, and the last commit of books: commits end in their order. */
  readonly #onDisk = new Map<Digest, bigint>()
  #committed: Promise<unknown> = Promise.resolve()
  readonly #deposits = new OpenDeposits()
  /** One look, payment or deposit of a channel at a time. */
  readonly #turns = new Map<Digest, Promise<unknown>>()

  constructor(components: PayerComponents, init: PayerInit, ledger: PayerLedger) {
    this.#c = components
    this.#init = init
    this.ledger = ledger
    for (const account of ledger.channels()) this.#onDisk.set(account.id, authorizedOf(account))
  }

  async ended(jobId: Digest): Promise<JobOutcome | undefined> {
    return (await readSettlement(this.#c.store, jobId))?.outcome
  }

  async channelFor(
    to: Counterparty,
    maxFee: bigint,
  ): Promise<Result<{ channel: Digest; done: () => void }, MoneyProblem>> {
    const known = this.#ownToken(to.offer.terms.token)
    if (!known.ok) return known
    return await this.#guarded(async () => {
      const { id, config } = await this.channelWith(to.offer)
      const ready = this.#isReady(id, maxFee)
        ? ok(undefined)
        : await this.#inTurn(id, () => this.#prepare(to, id, config, maxFee))
      if (!ready.ok) return ready
      this.#promise(id, maxFee)
      let isDone = false
      const done = (): void => {
        if (!isDone) this.#promise(id, -maxFee)
        isDone = true
      }
      return ok({ channel: id, done })
    })
  }

  async mend(
    to: Counterparty,
    channel: Digest,
    { code, required }: { readonly code: RefusalCode; readonly required: PaymentRequired | undefined },
  ): Promise<Result<void, MoneyProblem>> {
    return await this.#guarded(() =>
      this.#inTurn(channel, async () => {
        const account = this.ledger.account(channel)
        if (account === undefined) throw new RangeError(`channel ${channel} is not in the books`)
        const caught = await this.#catchUp(to, channel, required)
        if (!caught.ok) return caught
        const funds = await this.look(channel)
        if (funds.withdrawing) return closing(channel)
        const lacking = -this.ledger.free(channel)
        if (lacking > 0n) return await this.#deposit(to, channel, account.config, lacking)
        return code === 'unknown-channel' ? await this.#show(to, channel, account.config) : ok(undefined)
      }),
    )
  }

  async isShared(to: Counterparty, channel: Digest): Promise<boolean> {
    const account = this.ledger.account(channel)
    if (account === undefined) return false
    const shown = await this.#guarded(() => this.#inTurn(channel, () => this.#show(to, channel, account.config)))
    if (!shown.ok && shown.error.code !== 'key-shared') {
      this.#c.logger.warn({ channel, code: shown.error.code }, 'books not compared')
    }
    return this.ledger.isShared(channel)
  }

  async reserve(
    jobId: Digest,
    { maxFee, requester, token, createdAt }: Job,
    entries: () => readonly LedgerEntry[],
  ): Promise<Result<void, MoneyProblem>> {
    const request = { id: jobId, token, key: requester, amount: maxFee, at: createdAt }
    let written: readonly LedgerEntry[] = []
    let commit: Promise<unknown> = this.#committed
    const reserving = this.#c.budgets.reserve(request, () => {
      written = entries()
      this.#committed = commit
      return payerWrites(written)
    })
    commit = reserving
    this.#committed = reserving
    const reserved = await reserving
    this.#note(written)
    return reserved.ok ? reserved : fail(problemOf(reserved.error))
  }

  readRequired(bytes: Uint8Array): ReturnType<PaymentFrames['required']> {
    return this.#c.frames.required(bytes)
  }

  async persist(entries: readonly LedgerEntry[]): Promise<void> {
    if (entries.length === 0) return
    const commit = this.#c.store.commit(payerWrites(entries))
    this.#committed = commit
    await commit
    this.#note(entries)
  }

  async whenStored({ channel, amount }: Voucher): Promise<void> {
    if (amount > (this.#onDisk.get(channel) ?? 0n)) await this.#committed
  }

  #note(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'channel-account') this.#onDisk.set(entry.account.id, authorizedOf(entry.account))
    }
  }

  async settle(jobId: Digest, spent: bigint | undefined, entries: readonly LedgerEntry[]): Promise<void> {
    const { budgets, logger } = this.#c
    const writes = payerWrites(entries)
    const commit = spent === undefined ? budgets.release(jobId, writes) : budgets.settle(jobId, spent, writes)
    this.#committed = commit
    const settled = await commit
    if (settled.ok) return this.#note(entries)
    // The books of the channel govern; budgets that disagree only allow less.
    logger.warn({ jobId, code: settled.error.code }, 'budgets disagree with the books')
    await this.persist(entries)
  }

  openWith(provider: Address): readonly JobAccount[] {
    return this.ledger
      .channels()
      .filter(({ config }) => config.receiverAuthorizer === provider)
      .flatMap(({ id }) => this.ledger.unsettled(id))
  }

  async channelWith({ signed, terms }: RankedOffer): Promise<{ readonly id: Digest; readonly config: ChannelConfig }> {
    const { operator } = signed.offer
    const config: ChannelConfig = {
      payer: this.#c.wallet.address,
      payerAuthorizer: this.#c.signer.address,
      receiver: await this.#c.chain.splitterOf(operator),
      receiverAuthorizer: operator,
      token: terms.token,
      withdrawDelay: this.#init.withdrawDelay,
      salt: this.#init.salt,
    }
    return { id: channelIdOf(this.#init.domain, config), config }
  }

  async quote(offer: RankedOffer): Promise<PaymentQuote> {
    const { chain, budgets, signer, clock } = this.#c
    const { ceiling, terms } = offer
    const { id } = await this.channelWith(offer)
    const account = this.ledger.account(id)
    const funds = account === undefined ? await chain.fundsOf(id) : await this.look(id)
    const charged = account?.charged ?? funds.totalClaimed
    const free = account === undefined ? funds.balance - charged : this.#free(id)
    const budget = budgetOf(this.#init.policy, terms.token)
    const deposit =
      budget.ok && ceiling > free ? depositSize(budget.value, funds.balance - charged, ceiling - free) : ok(0n)
    const allowed = budgets.check({ token: terms.token, key: signer.address, amount: ceiling, at: clock() })
    const refused = [
      this.#ownToken(terms.token),
      this.ledger.isShared(id) ? shared(id) : ok(undefined),
      funds.withdrawing ? closing(id) : ok(undefined),
      deposit,
      allowed.ok ? allowed : fail(problemOf(allowed.error)),
    ].find((each) => !each.ok)
    return {
      ...{ channel: id, isKnown: account !== undefined, closing: funds.withdrawing, balance: funds.balance },
      ...{ free, charged, authorized: account === undefined ? 0n : authorizedOf(account) },
      deposit: deposit.ok ? deposit.value : ceiling - free,
      refusal: refused?.ok === false ? refused.error : undefined,
    }
  }

  async look(channel: Digest): Promise<ChannelFunds> {
    const funds = await this.#c.chain.fundsOf(channel)
    await this.persist(this.ledger.seen(channel, funds))
    return funds
  }

  #ownToken(token: Address): Result<void, MoneyProblem> {
    const { token: own } = this.#init
    return token === own ? ok(undefined) : refuse('asset-refused', 'the token of the network', own, token)
  }

  #isReady(channel: Digest, maxFee: bigint): boolean {
    if (!this.#met.has(channel) || this.ledger.isShared(channel)) return false
    return this.ledger.account(channel)?.closing === false && this.#free(channel) >= maxFee
  }

  /** Opens the books, reads the chain, shows the channel to the provider once a process, deposits what lacks. */
  async #prepare(
    to: Counterparty,
    channel: Digest,
    config: ChannelConfig,
    maxFee: bigint,
  ): Promise<Result<void, MoneyProblem>> {
    await this.persist(this.ledger.open(config))
    if (this.#isReady(channel, maxFee)) return ok(undefined)
    const funds = await this.look(channel)
    if (funds.withdrawing) return closing(channel)
    if (funds.balance > 0n && !this.#met.has(channel)) {
      const shown = await this.#show(to, channel, config)
      if (!shown.ok) return shown
    }
    if (this.ledger.isShared(channel)) return shared(channel)
    const lacking = maxFee - this.#free(channel)
    return lacking > 0n ? await this.#deposit(to, channel, config, lacking) : ok(undefined)
  }

  /** The first words to a provider in this process: its configuration and the highest voucher (R27: old books catch up). */
  async #show(to: Counterparty, channel: Digest, config: ChannelConfig): Promise<Result<void, MoneyProblem>> {
    for (let isAgain = false; ; isAgain = true) {
      const voucher = this.ledger.shown(channel)
      await this.whenStored(voucher)
      const answered = await this.#talk(to, (stream) =>
        sendPayment(stream, this.#c.frames, channel, { kind: 'voucher', config, voucher }),
      )
      if (answered.ok) {
        const caught = await this.#catchUp(to, channel, answered.value.settlement)
        if (!caught.ok) return caught
        this.#agree(channel)
        return ok(undefined)
      }
      const { required } = answered.error
      if (isAgain || required?.voucher === undefined || required.voucher.amount <= voucher.amount) {
        return fail(refusalOf(answered.error))
      }
      const caught = await this.#catchUp(to, channel, required)
      if (!caught.ok) return caught
    }
  }

  #agree(channel: Digest): void {
    this.ledger.agree(channel)
    this.#met.add(channel)
  }

  /** Only what this key signed counts; see `PayerLedger.catchUp`. */
  async #catchUp(
    { offer }: Counterparty,
    channel: Digest,
    shown: Pick<PaymentRequired, 'standing' | 'voucher'> | undefined,
  ): Promise<Result<void, MoneyProblem>> {
    if (shown?.voucher === undefined) return ok(undefined)
    const { terms } = offer
    const slice = sliceOf(terms, { maxFee: this.#mostPerJob(terms.token), maxOutputUnits: terms.maxOutputUnits })
    const charged = shown.standing?.charged ?? 0n
    const caught = this.ledger.catchUp({ channel, ...shown.voucher }, { charged, slice, now: this.#c.clock() })
    if (!caught.ok) return fail({ ...caught.error, message: 'the provider holds a voucher these books do not know' })
    const { entries, settled } = caught.value
    await this.persist(entries)
    for (const { jobId, fee } of settled) await this.settle(jobId, fee, [])
    if (entries.length > 0) this.#c.logger.warn({ channel }, 'old books have caught up with the provider')
    return ok(undefined)
  }

  #mostPerJob(token: Address): bigint {
    const budget = budgetOf(this.#init.policy, token)
    return budget.ok ? budget.value.perJob : 0n
  }

  /** Gasless: the provider brings what the wallet signed. Believed once the chain shows it. */
  async #deposit(
    to: Counterparty,
    channel: Digest,
    config: ChannelConfig,
    lacking: bigint,
  ): Promise<Result<void, MoneyProblem>> {
    const { wallet, chain, frames, clock, logger } = this.#c
    const budget = budgetOf(this.#init.policy, config.token)
    if (!budget.ok) return fail(problemOf(budget.error))
    const before = await chain.fundsOf(channel)
    const now = BigInt(Math.floor(clock() / 1_000))
    const open = this.#deposits.live(channel, before.balance, now)
    const again = open.find((deposit) => deposit.amount >= lacking && isReusable(deposit, now))
    const most = open.reduce((sum, deposit) => sum + deposit.amount, before.balance)
    const charged = this.ledger.account(channel)?.charged ?? 0n
    const sized = again === undefined ? depositSize(budget.value, most - charged, lacking) : ok(again.amount)
    if (!sized.ok) return sized
    const amount = sized.value
    const authorization = again?.authorization ?? (await wallet.authorize(config, amount))
    if (again === undefined) this.#deposits.add(channel, { amount, authorization, before: most })
    const voucher = this.ledger.shown(channel)
    const answered = await this.#talk(to, (stream) =>
      sendPayment(stream, frames, channel, { kind: 'deposit', config, voucher, amount, authorization }),
    )
    if (!answered.ok) return fail(refusalOf(answered.error))
    const { settlement } = answered.value
    if (!settlement.success) {
      const code = settlement.code ?? 'deposit-failed'
      return fail({ code, message: `the provider did not deposit: ${settlement.message ?? code}` })
    }
    for (const until = clock() + DEPOSIT_SEEN_MS; ; ) {
      const { balance } = await this.look(channel)
      if (balance >= before.balance + amount) break
      if (clock() >= until) {
        return refuse('deposit-unseen', 'a deposit this chain shows', `${before.balance + amount}`, `${balance}`)
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
    logger.info({ channel, amount: `${amount}` }, 'deposited')
    const caught = await this.#catchUp(to, channel, settlement)
    if (!caught.ok) return caught
    this.#agree(channel)
    return ok(undefined)
  }

  async #talk<T>({ pool, peer }: Counterparty, say: (stream: InferStream) => Promise<T>): Promise<T> {
    const stream = await pool.take(peer)
    try {
      const said = await say(stream)
      pool.give(stream)
      return said
    } catch (thrown) {
      stream.abort(toError(thrown))
      throw thrown
    }
  }

  #free(channel: Digest): bigint {
    return this.ledger.free(channel) - (this.#promised.get(channel) ?? 0n)
  }

  #promise(channel: Digest, amount: bigint): void {
    const promised = (this.#promised.get(channel) ?? 0n) + amount
    if (promised === 0n) this.#promised.delete(channel)
    else this.#promised.set(channel, promised)
  }

  async #inTurn<T>(channel: Digest, action: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(channel) ?? Promise.resolve()
    const own = before.then(action, action)
    this.#turns.set(channel, own)
    try {
      return await own
    } finally {
      if (this.#turns.get(channel) === own) this.#turns.delete(channel)
    }
  }

  /** What the chain, the wallet or the stream throws is a refusal of the money, with its own code. */
  async #guarded<T>(action: () => Promise<Result<T, MoneyProblem>>): Promise<Result<T, MoneyProblem>> {
    try {
      return await action()
    } catch (thrown) {
      if (thrown instanceof CodedError) return fail(problemOf(thrown))
      throw thrown
    }
  }
}

/** What the policy says of a first deposit or a top-up, at least `lacking`. */
function depositSize(budget: Budget, held: bigint, lacking: bigint): Result<bigint, MoneyProblem> {
  const room = budget.maxDeposit - held
  const wanted = lacking > budget.firstDeposit ? lacking : budget.firstDeposit
  const amount = wanted <= room || lacking > room ? wanted : room
  const checked = checkDeposit(budget, held, amount)
  return checked.ok ? ok(amount) : fail(problemOf(checked.error))
}

function problemOf(error: CodedError): MoneyProblem {
  const { expected, got } = error.detail as { readonly expected?: unknown; readonly got?: unknown }
  return {
    code: error.code,
    message: error.message,
    ...(expected === undefined ? {} : { expected: String(expected) }),
    ...(got === undefined ? {} : { got: String(got) }),
  }
}

const refusalOf = ({ code, message }: PaymentRefusal): MoneyProblem => ({
  code,
  message: `the provider did not take the payment: ${message}`,
})

const refuse = (code: string, what: string, expected: string, got: string): Result<never, MoneyProblem> =>
  fail({ code, message: `expected ${what}`, expected, got })

const closing = (channel: Digest): Result<never, MoneyProblem> =>
  refuse('channel-closing', 'a channel without a withdrawal', 'no withdrawal', channel)

const shared = (channel: Digest): Result<never, MoneyProblem> =>
  refuse('key-shared', 'a key that no other device signs with', 'one device', channel)
