import { type Clock, type Digest, fail, ok, type Result, toError } from '../protocol/index.ts'
import type { Agreed, Agreements, Asked } from './agreement.ts'
import { type Answer, readAnswer } from './answer.ts'
import type { Ask } from './ask.ts'
import type { Problem } from './http/problem.ts'
import type { GatewayMetrics } from './metrics.ts'
import { failed, type Outcome, type Refunded } from './outcome.ts'
import type { DurableChannels } from './payments/channelStorage.ts'
import type { Merchant, Verified } from './payments/merchant.ts'
import { identifierKey, type PresentedPayment } from './payments/payment.ts'
import type { PaymentRecord, PaymentRecords } from './payments/records.ts'
import { problem } from './problems.ts'
import type { RunJob } from './runJob.ts'

export interface SaleComponents {
  readonly agreements: Agreements
  readonly merchant: Merchant
  readonly records: PaymentRecords
  readonly channels: DurableChannels
  readonly run: RunJob
  readonly metrics: GatewayMetrics
  readonly clock: Clock
  readonly logger: SaleLogger
}

export interface SaleLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface Sales {
  /**
   * Verifies the payment, runs the job, settles what it cost, in this order, and each at most once for one payment (R26,
   * R27): a repeated request gets the stored answer, also after a crash.
   */
  sell(ask: Ask, payment: PresentedPayment): Promise<Outcome>
  /** Gives the rest of a channel back to its payer, who asks for it as the scheme says. */
  refund(asked: Asked, payment: PresentedPayment): Promise<Outcome | Refunded>
  /** Forgets answers that were kept long enough. */
  prune(): Promise<void>
}

export function createSales(components: SaleComponents, init: { readonly keepMs: number }): Sales {
  return new DurableSales(components, init.keepMs)
}

interface Running {
  readonly request: Digest
  readonly digest: Digest
  readonly outcome: Promise<Outcome>
}

interface Sold extends Agreed {
  readonly ask: Ask
  readonly payment: PresentedPayment
}

class DurableSales implements Sales {
  readonly #c: SaleComponents
  readonly #keepMs: number
  readonly #running = new Map<Digest, Running>()
  readonly #runningNames = new Map<Digest, Running>()

  constructor(components: SaleComponents, keepMs: number) {
    this.#c = components
    this.#keepMs = keepMs
  }

  async sell(ask: Ask, payment: PresentedPayment): Promise<Outcome> {
    if (payment.kind === 'refund')
      return failed(problem('payment-unsupported', 'a payment; GET asks for a refund', 'refund'))
    const name = payment.identifier === undefined ? undefined : identifierKey(payment.payer, payment.identifier)
    const same = this.#running.get(payment.key)
    const live = same ?? (name === undefined ? undefined : this.#runningNames.get(name))
    if (live !== undefined) {
      if (live.request !== ask.digest || (same !== undefined && live.digest !== payment.digest)) {
        return failed(same === undefined ? usedName() : usedPayment())
      }
      if (same !== undefined) return await live.outcome
      const good = await this.#c.agreements.inspect(ask, payment)
      return good.ok ? await live.outcome : good.error
    }
    const running: Running = {
      request: ask.digest,
      digest: payment.digest,
      outcome: this.#sellOnce(ask, payment, name),
    }
    this.#running.set(payment.key, running)
    if (name !== undefined) this.#runningNames.set(name, running)
    try {
      return await running.outcome
    } finally {
      this.#running.delete(payment.key)
      if (name !== undefined) this.#runningNames.delete(name)
    }
  }

  async #sellOnce(ask: Ask, payment: PresentedPayment, name: Digest | undefined): Promise<Outcome> {
    const { records } = this.#c
    const before = await records.get(payment.key)
    if (before !== undefined && before.state !== 'failed') {
      if (before.digest === payment.digest && before.request === ask.digest)
        return await this.#deliver(payment.key, before)
      if (payment.kind === 'authorization') return failed(usedPayment())
      // A voucher is signed anew, byte for byte, for whatever its payer asks next: an answer that was never settled
      // gives way, and of one that was the scheme itself tells the payer, who then signs above it.
      if (before.state === 'served') await this.#discard(payment.key, before)
    }
    const named = name === undefined ? undefined : await records.named(name)
    if (named !== undefined && named.key !== payment.key) {
      if (named.record.request !== ask.digest) return failed(usedName())
      const good = await this.#c.agreements.inspect(ask, payment)
      return good.ok ? await this.#deliver(named.key, named.record) : good.error
    }
    const sold = await this.#c.agreements.agree(ask, payment)
    return sold.ok ? await this.#verifyAndRun({ ...sold.value, ask, payment }, name) : sold.error
  }

  async refund(asked: Asked, payment: PresentedPayment): Promise<Outcome | Refunded> {
    const { merchant } = this.#c
    const agreed = await this.#c.agreements.agree(asked, payment)
    if (!agreed.ok) return agreed.error
    const { requirements, extensions } = agreed.value
    const verified = await this.#c.agreements.verify(asked, payment, agreed.value)
    if (!verified.ok) return verified.error
    const { acknowledgement } = verified.value
    if (acknowledgement === undefined) return failed(problem('payment-unsupported', 'a refund', payment.kind))
    const settled = await merchant.settle(payment.payload, requirements, extensions, undefined)
    if (settled.ok) return { ok: true, answer: undefined, acknowledgement, settlement: settled.value }
    const { settlement, ...why } = settled.error
    return failed(why, settlement === undefined ? {} : { settlement })
  }

  async #discard(key: Digest, record: PaymentRecord): Promise<void> {
    const { records, channels } = this.#c
    if (record.reservation !== undefined) {
      await channels.release(record.reservation.channelId, record.reservation.pendingId)
    }
    await records.remove(key, record)
  }

  async #verifyAndRun(sold: Sold, identifier: Digest | undefined): Promise<Outcome> {
    const { merchant, records, clock } = this.#c
    const { ask, payment, requirements } = sold
    const verified = await this.#c.agreements.verify(ask, payment, sold)
    if (!verified.ok) return verified.error
    const reservation = merchant.reservation(payment.payload)
    const record: PaymentRecord = {
      state: 'pending',
      digest: payment.digest,
      request: ask.digest,
      payload: payment.payload,
      requirements,
      createdAt: clock(),
      ...(identifier === undefined ? {} : { identifier }),
      ...(reservation === undefined ? {} : { reservation }),
    }
    await records.save(payment.key, record)
    const ran = await this.#runJob(sold, verified.value)
    if (!ran.ok) {
      await records.save(payment.key, { ...record, state: 'failed', code: ran.error.code })
      return failed(ran.error)
    }
    const { answer, bytes } = ran.value
    const amount = merchant.charge(requirements, answer.file.receipt.receipt.fee)
    const served: PaymentRecord = { ...record, state: 'served', amount: amount.toString() }
    await records.save(payment.key, served, bytes)
    return await this.#settle(payment.key, served, answer)
  }

  /** R26: whatever keeps the answer from being whole, the payment is given back untouched. */
  async #runJob(
    { ask, ceiling }: Sold,
    { dispatcher }: Verified,
  ): Promise<Result<{ answer: Answer; bytes: Uint8Array }, Problem>> {
    const { run, logger } = this.#c
    try {
      const bytes = await run({ ...ask.order, maxFee: ceiling })
      if (bytes.ok) {
        const answer = readAnswer(bytes.value)
        if (answer.ok) return ok({ answer: answer.value, bytes: bytes.value })
        await dispatcher.cancel({ reason: 'handler_failed' })
        return answer
      }
      await dispatcher.cancel({ reason: 'handler_failed' })
      return bytes
    } catch (thrown) {
      const { message } = toError(thrown)
      logger.warn({ code: 'job-failed', error: message }, 'job not carried out')
      await dispatcher.cancel({ reason: 'handler_threw' })
      return fail(problem('job-failed', 'a job carried out', 'a fault of this gateway; its log says which'))
    }
  }

  /** An answer that exists: settled first, where that has not been done. */
  async #deliver(key: Digest, record: PaymentRecord): Promise<Outcome> {
    const { records, merchant } = this.#c
    const bytes = await records.answer(key)
    const answer = bytes === undefined ? undefined : readAnswer(bytes)
    if (answer?.ok !== true) throw new RangeError('an answered payment without its answer')
    if (record.settlement !== undefined) return { ok: true, answer: answer.value, settlement: record.settlement }
    const ready = await merchant.ready()
    if (!ready.ok) return failed(ready.error)
    if (record.reservation !== undefined && merchant.reservation(record.payload) === undefined) {
      await merchant.resume(record.payload, record.reservation)
    }
    return await this.#settle(key, record, answer.value)
  }

  async #settle(key: Digest, record: PaymentRecord, answer: Answer): Promise<Outcome> {
    const { merchant, records, metrics, logger } = this.#c
    const { payload, requirements, amount } = record
    const { scheme, asset } = requirements
    const { jobId } = answer
    const partial = scheme === 'exact' || amount === undefined ? undefined : BigInt(amount)
    const settled = await merchant.settle(payload, requirements, {}, partial)
    if (!settled.ok) {
      const { settlement, ...why } = settled.error
      metrics.settlements.inc({ scheme, code: why.code })
      logger.warn({ jobId, scheme, code: why.code, reason: why.got }, 'payment not settled; the answer is withheld')
      return failed(why, settlement === undefined ? {} : { settlement })
    }
    await records.save(key, { ...record, state: 'settled', settlement: settled.value })
    metrics.settlements.inc({ scheme, code: 'ok' })
    logger.info({ jobId, scheme, asset, amount: amount ?? requirements.amount }, 'request paid')
    return { ok: true, answer, settlement: settled.value }
  }

  async prune(): Promise<void> {
    const { records, clock } = this.#c
    const until = clock() - this.#keepMs
    for await (const { key, record } of records.all()) {
      if (record.createdAt < until && !this.#running.has(key)) await records.remove(key, record)
    }
  }
}

const usedPayment = (): Problem =>
  problem('payment-used', 'a payment of its own', 'one that belongs to another request')
const usedName = (): Problem =>
  problem('payment-identifier-used', 'an identifier of its own', 'one that belongs to another request')
