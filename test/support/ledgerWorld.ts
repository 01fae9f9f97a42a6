import {
  authorizedOf,
  type ChannelAccount,
  type ChannelConfig,
  channelIdOf,
  type Digest,
  H,
  type JobAccount,
  type LedgerEntry,
  PayeeLedger,
  PayerLedger,
  type Voucher,
} from '../../src/protocol/index.ts'
import { PARAMETERS, PAYMENT, PROVIDER, REQUESTER } from './records.ts'
import { crypto, signerOf } from './votes.ts'

/** What a job costs and how: `heads` are the fees after each of its heads, the last one the whole fee. */
export interface PlannedJob {
  readonly slice: bigint
  readonly heads: readonly bigint[]
  readonly quorum: boolean
  readonly accepted: boolean
}

type ToPayee =
  | { readonly type: 'job'; readonly jobId: Digest; readonly voucher?: Voucher }
  | { readonly type: 'voucher'; readonly jobId: Digest; readonly voucher: Voucher }
  | { readonly type: 'recall'; readonly jobId: Digest }
type ToPayer =
  | { readonly type: 'head'; readonly jobId: Digest; readonly fee: bigint }
  | { readonly type: 'due'; readonly jobId: Digest; readonly required: bigint }
  | { readonly type: 'receipt'; readonly jobId: Digest; readonly fee: bigint; readonly chargedAfter: bigint }
  | { readonly type: 'closed'; readonly jobId: Digest; readonly fee: bigint }
  | { readonly type: 'refused'; readonly jobId: Digest }
  | { readonly type: 'certificate'; readonly jobId: Digest; readonly accepted: boolean }
type Message = { readonly to: 'payee'; readonly body: ToPayee } | { readonly to: 'payer'; readonly body: ToPayer }

/** What survives a crash: what was committed. */
class Disk {
  account: ChannelAccount | undefined
  readonly jobs = new Map<Digest, JobAccount>()
  readonly settled = new Map<Digest, JobAccount>()
  readonly receipts = new Map<Digest, { readonly fee: bigint; readonly chargedAfter: bigint }>()
  readonly certificates = new Map<Digest, boolean>()

  commit(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'channel-account') this.account = entry.account
      else if (entry.account.state === 'settled') {
        if (this.settled.has(entry.account.jobId)) throw new Error(`job ${entry.account.jobId} settled twice`)
        this.jobs.delete(entry.account.jobId)
        this.settled.set(entry.account.jobId, entry.account)
      } else this.jobs.set(entry.account.jobId, entry.account)
    }
  }
}

class Crash extends Error {}

const CONFIG: ChannelConfig = {
  payer: signerOf('payer').address,
  payerAuthorizer: REQUESTER.address,
  receiver: PAYMENT.splitter,
  receiverAuthorizer: PROVIDER.address,
  token: PAYMENT.token,
  withdrawDelay: PARAMETERS.withdrawDelay / 1_000,
  salt: H('test/salt'),
}
export const CHANNEL: Digest = channelIdOf(PAYMENT.domain, CONFIG)
const FUNDS = { balance: 10n ** 9n, safeBalance: 10n ** 9n, totalClaimed: 0n, withdrawing: false }

/**
 * Both ledgers over a network that loses, repeats and reorders, each in a process that may crash before and after every commit.
 * Simulated: the network, the disk and the work; the ledgers are the real ones.
 */
export class LedgerWorld {
  readonly payerDisk = new Disk()
  readonly payeeDisk = new Disk()
  readonly plans = new Map<Digest, PlannedJob>()
  network: Message[] = []
  #payer = new PayerLedger({ domain: PAYMENT.domain, crypto, signer: REQUESTER })
  #payee = this.#newPayee()
  /** Heads released of a running job. */
  readonly #running = new Map<Digest, number>()
  readonly #refused = new Set<Digest>()
  /** A slice of each job that was not settled when the last head was released. */
  #lent = 0n
  /** Steps until the next crash, where one is planned. */
  #fuse: number | undefined

  constructor() {
    this.payerDisk.commit(this.#payer.open(CONFIG))
    this.#payer.seen(CHANNEL, FUNDS)
    const opened = this.#payee.open(CONFIG)
    if (!opened.ok) throw new Error(opened.error.code)
    this.payeeDisk.commit(opened.value)
    this.#payee.seen(CHANNEL, FUNDS)
  }

  /** The process that works next crashes after so many of its commits and messages. */
  crashAfter(steps: number): void {
    this.#fuse = steps
  }

  start(plan: PlannedJob): void {
    const jobId = H('test/job', this.plans.size)
    this.plans.set(jobId, plan)
    this.#asPayer(() => {
      const maxFee = (plan.heads.at(-1) ?? 0n) + 1n
      const slice = plan.slice < maxFee ? plan.slice : maxFee
      const order = { jobId, channel: CHANNEL, maxFee, slice, quorum: plan.quorum, now: 0 }
      const reserved = this.#payer.reserve(order)
      if (!reserved.ok) throw new Error(reserved.error.code)
      const { voucher, entries } = reserved.value
      this.#commit(this.payerDisk, entries)
      this.#send({ to: 'payee', body: { type: 'job', jobId, ...(voucher === undefined ? {} : { voucher }) } })
    })
  }

  lose(index: number): void {
    this.network.splice(index % Math.max(1, this.network.length), 1)
  }

  repeat(index: number): void {
    const message = this.network[index % Math.max(1, this.network.length)]
    if (message !== undefined) this.network.push(message)
  }

  deliver(index: number): void {
    const [message] = this.network.splice(index % Math.max(1, this.network.length), 1)
    if (message === undefined) return
    if (message.to === 'payee') this.#asPayee(() => this.#onPayee(message.body))
    else this.#asPayer(() => this.#onPayer(message.body))
  }

  /** The committee decides over a served quorum job. */
  certify(): void {
    const job = [...this.payeeDisk.jobs.values()].find(({ state, quorum }) => state === 'served' && quorum)
    if (job === undefined) return
    this.#asPayee(() => this.#certify(job.jobId))
  }

  /** No voucher came for a running job: it ends where it is. */
  giveUp(): void {
    const [jobId] = this.#running.keys()
    if (jobId !== undefined) this.#asPayee(() => this.#serve(jobId))
  }

  /** The requester meets its provider again: it sends the voucher it holds and asks what became of its jobs. */
  recall(): void {
    this.#asPayer(() => this.#payAgain(CHANNEL))
    for (const jobId of this.payerDisk.jobs.keys()) this.network.push({ to: 'payee', body: { type: 'recall', jobId } })
  }

  /** Everything is delivered, asked for and decided until nothing is open. */
  settle(): void {
    this.#fuse = undefined
    for (let round = 0; round < 200 && this.payerDisk.jobs.size + this.payeeDisk.jobs.size > 0; round += 1) {
      while (this.network.length > 0) this.deliver(0)
      while (this.#running.size > 0) this.giveUp()
      for (const { state, quorum } of this.payeeDisk.jobs.values()) if (state === 'served' && quorum) this.certify()
      this.recall()
    }
    while (this.network.length > 0) this.deliver(0)
  }

  /** Unpaid by the payer, and paid ahead by it, against a slice of each job that is not settled. */
  exposures(): {
    readonly unpaid: bigint
    readonly unpaidBound: bigint
    readonly ahead: bigint
    readonly aheadBound: bigint
  } {
    const held = this.payeeDisk.account ?? unopened()
    const open = [...this.payeeDisk.jobs.values()]
    const released = open.filter(({ state }) => state === 'pending').reduce((sum, { fee }) => sum + fee, 0n)
    const signed = this.payerDisk.account ?? unopened()
    const mine = [...this.payerDisk.jobs.values()]
    const verified = mine.reduce((sum, { fee }) => sum + fee, signed.charged)
    return {
      unpaid: held.charged + released - authorizedOf(held),
      ahead: authorizedOf(signed) - verified,
      unpaidBound: this.#lent > slicesOf(open) ? this.#lent : slicesOf(open),
      aheadBound: [...this.plans.values()].reduce((sum, { slice }) => sum + slice, 0n),
    }
  }

  claimable(): bigint {
    return this.#payee.claimable(CHANNEL)
  }

  #newPayee(): PayeeLedger {
    const payee = {
      operator: PROVIDER.address,
      splitter: PAYMENT.splitter,
      token: PAYMENT.token,
      minWithdrawDelay: PARAMETERS.withdrawDelay / 1_000,
    }
    return new PayeeLedger({ domain: PAYMENT.domain, crypto, payee, float: 0n, maxJobs: 64 })
  }

  #asPayer(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown
      this.network = []
      this.#payer = new PayerLedger({ domain: PAYMENT.domain, crypto, signer: REQUESTER })
      this.#payer.load(this.payerDisk.account ?? unopened(), [...this.payerDisk.jobs.values()], FUNDS)
    }
  }

  #asPayee(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown
      this.#restartPayee()
    }
  }

  #restartPayee(): void {
    this.network = []
    this.#running.clear()
    this.#payee = this.#newPayee()
    this.#payee.load(this.payeeDisk.account ?? unopened(), [...this.payeeDisk.jobs.values()], FUNDS)
    for (const { jobId, state } of [...this.payeeDisk.jobs.values()]) {
      if (state === 'pending') this.payeeDisk.commit(this.#payee.closeAtHead(jobId, 0))
    }
  }

  #commit(disk: Disk, entries: readonly LedgerEntry[], and: () => void = () => undefined): void {
    this.#step()
    disk.commit(entries)
    and()
    this.#step()
  }

  #send(message: Message): void {
    this.network.push(message)
    this.#step()
  }

  #step(): void {
    if (this.#fuse === undefined) return
    this.#fuse -= 1
    if (this.#fuse >= 0) return
    this.#fuse = undefined
    throw new Crash()
  }

  #onPayee(message: ToPayee): void {
    const { jobId } = message
    if (message.type !== 'recall' && message.voucher !== undefined) {
      const accepted = this.#payee.accept(message.voucher)
      if (accepted.ok) this.#commit(this.payeeDisk, accepted.value)
      else if (accepted.error.code !== 'stale-voucher') throw new Error(accepted.error.code)
    }
    if (message.type === 'job') this.#admit(jobId)
    else if (message.type === 'recall') this.#answer(jobId)
    this.#release()
  }

  #admit(jobId: Digest): void {
    const known = this.payeeDisk.jobs.has(jobId) || this.payeeDisk.settled.has(jobId) || this.#refused.has(jobId)
    if (known) {
      this.#answer(jobId)
      return
    }
    const plan = this.#plan(jobId)
    const maxFee = (plan.heads.at(-1) ?? 0n) + 1n
    const slice = plan.slice < maxFee ? plan.slice : maxFee
    const reserved = this.#payee.reserve({ jobId, channel: CHANNEL, maxFee, slice, quorum: plan.quorum, now: 0 })
    if (!reserved.ok) {
      this.#refuse(jobId)
      return
    }
    this.#commit(this.payeeDisk, reserved.value)
    this.#running.set(jobId, 0)
  }

  /** What is stored of a job: its receipt and certificate, its last head, or that nothing is. */
  #answer(jobId: Digest): void {
    if (this.#running.has(jobId)) return
    const receipt = this.payeeDisk.receipts.get(jobId)
    const job = this.payeeDisk.jobs.get(jobId) ?? this.payeeDisk.settled.get(jobId)
    if (receipt !== undefined) this.#send({ to: 'payer', body: { type: 'receipt', jobId, ...receipt } })
    else if (job === undefined || job.fee === 0n) this.#refuse(jobId)
    else this.#send({ to: 'payer', body: { type: 'closed', jobId, fee: job.fee } })
    const accepted = this.payeeDisk.certificates.get(jobId)
    if (accepted !== undefined) this.#send({ to: 'payer', body: { type: 'certificate', jobId, accepted } })
  }

  /** Final for this process: a copy of the Job that is still on its way must not run after it. */
  #refuse(jobId: Digest): void {
    this.#refused.add(jobId)
    this.#send({ to: 'payer', body: { type: 'refused', jobId } })
  }

  #release(): void {
    for (const [jobId, done] of this.#running) {
      const { heads } = this.#plan(jobId)
      const fee = heads[done]
      if (fee === undefined) this.#serve(jobId)
      else if (!this.#payee.mayRelease(jobId, fee)) {
        const required = this.#payee.requiredFor(jobId, fee)
        this.#send({ to: 'payer', body: { type: 'due', jobId, required } })
      } else {
        this.#lent = slicesOf(this.#payee.unsettled(CHANNEL))
        this.#commit(this.payeeDisk, this.#payee.release(jobId, fee))
        this.#running.set(jobId, done + 1)
        this.#send({ to: 'payer', body: { type: 'head', jobId, fee } })
        this.#release()
        return
      }
    }
  }

  #serve(jobId: Digest): void {
    const released = this.#running.get(jobId) ?? 0
    this.#running.delete(jobId)
    if (released === 0) {
      this.#commit(this.payeeDisk, this.#payee.fail(jobId, 0))
      this.#refuse(jobId)
      return
    }
    const fee = this.#plan(jobId).heads[released - 1] ?? 0n
    const { chargedAfter, entries } = this.#payee.serve(jobId, fee, 0)
    this.#commit(this.payeeDisk, entries, () => this.payeeDisk.receipts.set(jobId, { fee, chargedAfter }))
    this.#send({ to: 'payer', body: { type: 'receipt', jobId, fee, chargedAfter } })
  }

  #certify(jobId: Digest): void {
    const { accepted } = this.#plan(jobId)
    const entries = this.#payee.certified(jobId, accepted, 0)
    this.#commit(this.payeeDisk, entries, () => this.payeeDisk.certificates.set(jobId, accepted))
    this.#send({ to: 'payer', body: { type: 'certificate', jobId, accepted } })
  }

  #onPayer(message: ToPayer): void {
    const { jobId } = message
    const job = this.#payer.job(jobId)
    if (job === undefined) return
    switch (message.type) {
      case 'head':
        if (job.state === 'pending' && message.fee > job.fee) this.#pay(jobId, this.#payer.verified(jobId, message.fee))
        return
      case 'due': {
        const asked = this.#payer.asked(jobId, message.required)
        if (asked.ok) this.#pay(jobId, asked.value)
        return
      }
      case 'receipt': {
        if (job.state !== 'pending') return
        const served = this.#payer.serve(jobId, message.fee, message.chargedAfter, 0)
        if (!served.ok) throw new Error(`${served.error.code}: ${served.error.expected}, got ${served.error.got}`)
        this.#pay(jobId, served.value)
        this.#payAgain(jobId)
        return
      }
      case 'closed': {
        if (message.fee > job.fee) this.#pay(jobId, this.#payer.verified(jobId, message.fee))
        this.#pay(jobId, this.#payer.settle(jobId, 'paid', 0))
        this.#payAgain(jobId)
        return
      }
      case 'refused':
        this.#pay(jobId, this.#payer.settle(jobId, 'refunded', 0))
        return
      case 'certificate':
        if (job.state === 'served')
          this.#pay(jobId, this.#payer.settle(jobId, message.accepted ? 'paid' : 'refunded', 0))
        this.#payAgain(jobId)
        return
    }
  }

  #pay(jobId: Digest, { voucher, entries }: { voucher?: Voucher; entries: readonly LedgerEntry[] }): void {
    this.#commit(this.payerDisk, entries)
    if (voucher !== undefined) this.#send({ to: 'payee', body: { type: 'voucher', jobId, voucher } })
  }

  /** The voucher on its way may have been lost: what is held is sent once more when a job ends and when the peers meet again. */
  #payAgain(jobId: Digest): void {
    const voucher = this.payerDisk.account?.voucher
    if (voucher !== undefined) this.#send({ to: 'payee', body: { type: 'voucher', jobId, voucher } })
  }

  #plan(jobId: Digest): PlannedJob {
    const plan = this.plans.get(jobId)
    if (plan === undefined) throw new Error(`job ${jobId} was never planned`)
    return plan
  }
}

const slicesOf = (jobs: readonly { readonly slice: bigint }[]): bigint =>
  jobs.reduce((sum, { slice }) => sum + slice, 0n)

const unopened = (): never => {
  throw new Error('the books were never opened')
}
