import type { RefusalCode } from '../codes.ts'
import type { Result } from '../errors.ts'
import type { Digest } from '../hex.ts'
import { type Job, MODE, type Terms } from '../objects.ts'
import { sliceOf } from '../slice.ts'
import { authorizedOf } from './payeeLedger.ts'
import type { PayerLedger, PayerProblem, Payment } from './payerLedger.ts'
import type { PaymentFacts, RequesterEffect, RequesterEvent } from './requesterEvents.ts'

/** Refusals that a look at the books or the chain, a deposit or the channel's configuration can cure, once. */
const MENDABLE: ReadonlySet<RefusalCode> = new Set([
  'unknown-channel',
  'stale-voucher',
  'payment-required',
  'insufficient-funds',
  'voucher-over-deposit',
])

export const isMendable = (code: RefusalCode): boolean => MENDABLE.has(code)

/** One paid job in the books of its channel: what each step makes durable, signs and says to the budgets. */
export class JobMoney {
  readonly #books: PayerLedger
  readonly #jobId: Digest
  readonly #job: Job
  readonly #terms: Terms

  constructor(books: PayerLedger, jobId: Digest, job: Job, terms: Terms) {
    this.#books = books
    this.#jobId = jobId
    this.#job = job
    this.#terms = terms
  }

  /** Reserved, and neither paid nor refunded yet. */
  get isOpen(): boolean {
    return this.#books.job(this.#jobId) !== undefined
  }

  get atMost(): bigint {
    return this.#books.job(this.#jobId)?.maxFee ?? 0n
  }

  reserve(now: number): Result<Payment, PayerProblem> {
    const { channel, maxFee, mode } = this.#job
    const slice = sliceOf(this.#terms, this.#job)
    return this.#books.reserve({ jobId: this.#jobId, channel, maxFee, slice, quorum: mode === MODE.quorum, now })
  }

  /** A verified head. */
  verified(fee: bigint): RequesterEffect[] {
    return this.isOpen ? paymentEffects(this.#books.verified(this.#jobId, fee)) : []
  }

  asked(event: Extract<RequesterEvent, { type: 'ledger' }>): RequesterEffect[] {
    const { channel, required, authorized } = event
    if (!this.isOpen || channel !== this.#job.channel || required <= authorized) return []
    const paid = this.#books.asked(this.#jobId, required)
    return paid.ok ? paymentEffects(paid.value) : [{ type: 'ask-later', event }]
  }

  /** A verified receipt; of a `quorum` job nothing is settled yet. */
  served(fee: bigint, chargedAfter: bigint, now: number): Result<RequesterEffect[], PayerProblem> {
    if (!this.isOpen) return { ok: true, value: [] }
    const served = this.#books.serve(this.#jobId, fee, chargedAfter, now)
    if (!served.ok) return served
    return { ok: true, value: this.isOpen ? paymentEffects(served.value) : this.#settled(served.value, fee) }
  }

  /** The certificate accepted it, or a head closed it. */
  pay(fee: bigint, now: number): RequesterEffect[] {
    if (!this.isOpen) return []
    return this.#settled(this.#books.settle(this.#jobId, 'paid', now), fee)
  }

  refund(now: number): RequesterEffect[] {
    if (!this.isOpen) return []
    const { entries } = this.#books.settle(this.#jobId, 'refunded', now)
    return [{ type: 'settle', jobId: this.#jobId, spent: undefined, entries }]
  }

  /** Its last signed head ends it: what was released is owed, at most a slice beyond what was authorized. */
  closeAt(fee: bigint, now: number): RequesterEffect[] {
    if (!this.isOpen) return []
    if (fee === 0n) return this.refund(now)
    return this.#books.recalled(this.#jobId, fee).ok ? this.pay(fee, now) : []
  }

  facts(fee: bigint): PaymentFacts {
    const { channel } = this.#job
    const account = this.#books.account(channel)
    return {
      channel,
      fee,
      charged: account?.charged ?? 0n,
      authorized: account === undefined ? 0n : authorizedOf(account),
    }
  }

  #settled({ entries, voucher }: Payment, fee: bigint): RequesterEffect[] {
    const settle: RequesterEffect = { type: 'settle', jobId: this.#jobId, spent: fee, entries }
    return voucher === undefined ? [settle] : [settle, { type: 'send-voucher', voucher }]
  }
}

function paymentEffects({ entries, voucher }: Payment): RequesterEffect[] {
  return [
    ...(entries.length === 0 ? [] : [{ type: 'persist' as const, entries }]),
    ...(voucher === undefined ? [] : [{ type: 'send-voucher' as const, voucher }]),
  ]
}
