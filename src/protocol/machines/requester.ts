import { AnswerChecker } from '../answer.ts'
import type { AnswerProblem } from '../answerTerms.ts'
import { traceDigestOf } from '../chunks.ts'
import type { Outcome, RefusalCode } from '../codes.ts'
import { type Domain, digestOf } from '../eip712.ts'
import type { Digest } from '../hex.ts'
import { ZERO_ADDRESS, ZERO_DIGEST } from '../hex.ts'
import type { SignedCheckpoint, SignedHead, SignedJob, SignedReceipt, TranscriptChunk } from '../messages.ts'
import { JOB, type Job, MODE, NOT_CHECKED, PRIVACY, STATUS } from '../objects.ts'
import type { RankedOffer } from '../offers.ts'
import { randomDigest } from '../offers.ts'
import type { Random, Secp256k1, Signer } from '../ports.ts'
import type { PayerLedger } from './payerLedger.ts'
import type {
  FailureCause,
  PendingJob,
  RequesterEffect,
  RequesterEvent,
  RequestOrder,
  RequestSuccess,
  Verdict,
} from './requesterEvents.ts'
import { isMendable, JobMoney } from './requesterMoney.ts'

export interface RequesterInit {
  readonly domain: Domain
  readonly crypto: Secp256k1
  readonly random: Random
  readonly requester: Signer
  readonly order: RequestOrder
  /** Best first. */
  readonly offers: readonly RankedOffer[]
  /** Jobs are paid out of these; without them they are unpaid. */
  readonly books?: PayerLedger
  /** A job of an earlier run, asked for again: `offers` holds the one it was made for. */
  readonly again?: SignedJob
}

/** A stream that is lost is opened again so many times, for the same job. */
const MAX_RESUMES = 3

interface Attempt {
  readonly offer: RankedOffer
  readonly assurance: number
  readonly notChecked: number
  readonly sentAt: number
  readonly jobId: Digest
  readonly job: Job
  /** Undefined until the budgets hold it. */
  signed: SignedJob | undefined
  readonly money: JobMoney | undefined
  checker: AnswerChecker
  /** Heads verified on streams that were lost. */
  before: readonly SignedHead[]
  chunks: TranscriptChunk[]
  firstChunkAt: number | undefined
  receiptAt: number | undefined
  traced: { runtimeClass: Digest; traceHash: Digest } | undefined
  /** Highest chunk that was handed on. */
  delivered: number
  resumes: number
  mended: boolean
  /** Whether the comparison of the books is awaited. */
  disputed: AnswerProblem | undefined
}

/**
 * One request (section 4): the best offer first, evidence before any input leaves, a channel that holds its price, every
 * chunk under a verified head, the receipt whole, and in `quorum` mode the fast certificate (R11). Pays as heads are
 * verified (R24), asks for the same job again when its stream is lost (R27), and fails over silently before the first chunk.
 */
export class RequesterMachine {
  readonly #init: RequesterInit
  #next = 0
  #offer: RankedOffer | undefined
  #evidence: { readonly assurance: number; readonly notChecked: number } | undefined
  #attempt: Attempt | undefined
  #finished = false
  #lastFailure: FailureCause | undefined
  /** The request is over, but a paid job still has to end. */
  #stopping: FailureCause | undefined
  #paid = 0n
  #pending: readonly PendingJob[] = []

  constructor(init: RequesterInit) {
    this.#init = init
  }

  handle(event: RequesterEvent): RequesterEffect[] {
    if (this.#finished) return []
    switch (event.type) {
      case 'start':
        return this.#onStart()
      case 'evidence-accepted':
        return this.#onEvidence(event.now, event.assurance, event.notChecked)
      case 'evidence-refused':
        return this.#onEvidenceRefused(event.code, event.message)
      case 'channel-ready':
        return this.#onChannel(event.now, event.channel)
      case 'budget-reserved':
        return this.#onBudget(event.now)
      case 'money-refused':
        return this.#onMoneyRefused(event)
      case 'accepted':
        return []
      case 'chunk':
        return this.#onChunk(event.now, event.chunk)
      case 'head':
        return this.#onHead(event.now, event.signed)
      case 'ledger':
        return this.#attempt?.money?.asked(event) ?? []
      case 'receipt':
        return this.#onReceipt(event)
      case 'books-compared':
        return this.#onCompared(event.now, event.shared)
      case 'certified':
        return this.#onCertified(event)
      case 'end':
        return this.#onEnd(event.now, event.outcome)
      case 'refused':
        return this.#onRefused(event.now, event.code, event.message)
      case 'stream-failed':
        return this.#onStreamFailed(event)
      case 'timeout':
        return this.#stop({
          code: 'timed-out',
          message: `no verified answer before the deadline ${this.#init.order.deadline}`,
        })
      case 'cancel':
        return this.#stop({ code: 'cancelled', message: 'the request was cancelled' })
      case 'give-up':
        return this.#stopping === undefined ? [] : this.#fail(this.#stopping)
    }
  }

  /** R11: an audited answer needs audits, which are not served yet; a local one would be a silent fall-back. */
  #onStart(): RequesterEffect[] {
    if (this.#init.order.mode !== MODE.audited) return this.#tryNext()
    return this.#fail({
      code: 'no-offer',
      message: 'nobody serves audited answers yet',
      expected: 'the mode local, buffered or quorum',
      got: 'audited',
    })
  }

  #tryNext(): RequesterEffect[] {
    this.#attempt = undefined
    this.#evidence = undefined
    const offer = this.#init.offers[this.#next]
    this.#next += 1
    this.#offer = offer
    if (offer !== undefined) return [{ type: 'check-evidence', offer }]
    return this.#fail(
      this.#lastFailure ?? {
        code: 'no-offer',
        message: 'no live offer fits this request',
        expected: 'an offer for the model, tier, privacy and maxFee asked for',
        got: 'none',
      },
    )
  }

  #onEvidence(now: number, assurance: number, notChecked: number): RequesterEffect[] {
    const offer = this.#offer
    if (offer === undefined || this.#evidence !== undefined) return []
    this.#evidence = { assurance, notChecked }
    const { again, books } = this.#init
    if (again !== undefined) {
      const attempt = this.#attemptOf(offer, again.job, again.job.createdAt)
      attempt.signed = again
      return this.#send(attempt, now)
    }
    const maxFee = this.#maxFee(offer)
    const isSold = maxFee > 0n && offer.terms.token !== ZERO_ADDRESS
    if (books !== undefined && isSold) return [{ type: 'open-channel', offer, maxFee }]
    return this.#sign(this.#attemptOf(offer, this.#jobOf(offer, now, ZERO_DIGEST), now), now)
  }

  #onEvidenceRefused(code: string, message: string): RequesterEffect[] {
    const offer = this.#offer
    if (offer === undefined || this.#evidence !== undefined) return []
    // Whoever could not be asked has shown nothing that could be refused.
    this.#lastFailure = code === 'unreachable' ? { code, message } : { code: 'evidence-refused', message, cause: code }
    return [{ type: 'report', provider: offer.signed.offer.operator, code, message }, ...this.#tryNext()]
  }

  /** The budgets come before the signature; a channel that was mended already has its job. */
  #onChannel(now: number, channel: Digest): RequesterEffect[] {
    const offer = this.#offer
    if (offer === undefined || this.#evidence === undefined) return []
    if (this.#attempt !== undefined) return this.#attempt.signed === undefined ? [] : this.#send(this.#attempt, now)
    const attempt = this.#attemptOf(offer, this.#jobOf(offer, now, channel), now)
    return [{ type: 'reserve-budget', jobId: attempt.jobId, job: attempt.job }]
  }

  #onBudget(now: number): RequesterEffect[] {
    const attempt = this.#attempt
    return attempt === undefined || attempt.signed !== undefined ? [] : this.#sign(attempt, now)
  }

  /** What the wallet itself refuses says nothing about the provider; a job that was sent stays open until that is asked. */
  #onMoneyRefused({ code, message, expected, got }: Extract<RequesterEvent, { type: 'money-refused' }>) {
    if (this.#offer === undefined || this.#evidence === undefined) return []
    const told = { ...(expected === undefined ? {} : { expected }), ...(got === undefined ? {} : { got }) }
    return this.#failover({ code: 'payment', message, cause: code, ...told })
  }

  #maxFee({ ceiling }: RankedOffer): bigint {
    const { maxFee } = this.#init.order
    return maxFee !== undefined && maxFee < ceiling ? maxFee : ceiling
  }

  #jobOf(offer: RankedOffer, now: number, channel: Digest): Job {
    const { requester, order, random } = this.#init
    return {
      requester: requester.address,
      provider: offer.signed.offer.operator,
      grant: offer.signed.offer.grant,
      model: order.model,
      inputHash: order.inputHash,
      parametersHash: order.parametersHash,
      terms: offer.termsDigest,
      tier: order.tier,
      privacy: order.privacy,
      mode: order.mode,
      token: offer.terms.token,
      channel,
      maxFee: this.#maxFee(offer),
      maxOutputUnits: order.maxOutputUnits,
      nonce: randomDigest(random),
      createdAt: now,
      deadline: order.deadline,
    }
  }

  #attemptOf(offer: RankedOffer, job: Job, sentAt: number): Attempt {
    const { domain, books } = this.#init
    const jobId = digestOf(domain, JOB, job)
    const isPaid = books !== undefined && job.channel !== ZERO_DIGEST
    const evidence = this.#evidence ?? { assurance: 0, notChecked: 0 }
    const attempt: Attempt = {
      offer,
      ...evidence,
      sentAt,
      jobId,
      job,
      signed: undefined,
      money: isPaid ? new JobMoney(books, jobId, job, offer.terms) : undefined,
      checker: this.#checkerOf(offer, jobId, job, []),
      before: [],
      chunks: [],
      firstChunkAt: undefined,
      receiptAt: undefined,
      traced: undefined,
      delivered: 0,
      resumes: 0,
      mended: false,
      disputed: undefined,
    }
    this.#attempt = attempt
    return attempt
  }

  #checkerOf(offer: RankedOffer, jobId: Digest, job: Job, before: readonly SignedHead[]): AnswerChecker {
    const { domain, crypto } = this.#init
    const { sessionKey, evidence } = offer.signed.grant.grant
    const { assurance } = this.#evidence ?? { assurance: 0 }
    return new AnswerChecker({
      ...{ domain, crypto, jobId, job, terms: offer.terms, sessionKey, evidence, assurance, before },
    })
  }

  #sign(attempt: Attempt, now: number): RequesterEffect[] {
    const { jobId, job, offer, money, assurance, notChecked } = attempt
    const reserved = money?.reserve(now)
    if (reserved?.ok === false) {
      const { code, expected, got } = reserved.error
      const release: RequesterEffect = { type: 'settle', jobId, spent: undefined, entries: [] }
      const message = 'the books of the channel do not allow the job'
      return [release, ...this.#failover({ code: 'payment', message, cause: code, expected, got })]
    }
    const signed = { job, signature: this.#init.requester.sign(jobId) }
    attempt.signed = signed
    const voucher = reserved?.value.voucher
    return [
      {
        type: 'persist-job',
        ...{ jobId, signed, offer, assurance, notChecked },
        entries: reserved?.value.entries ?? [],
      },
      { type: 'send-job', jobId, signed, offer, ...(voucher === undefined ? {} : { voucher }), again: false },
    ]
  }

  /** The same job once more: the provider attaches it to what runs, or answers with what it stored (R27). */
  #send(attempt: Attempt, now: number): RequesterEffect[] {
    const { jobId, signed, offer, money } = attempt
    if (signed === undefined) return []
    const reserved = money?.isOpen === true ? money.reserve(now) : undefined
    const payment = reserved?.ok === true ? reserved.value : { entries: [] }
    const { entries, voucher } = payment
    return [
      ...(entries.length === 0 ? [] : [{ type: 'persist' as const, entries }]),
      { type: 'send-job', jobId, signed, offer, ...(voucher === undefined ? {} : { voucher }), again: true },
    ]
  }

  #onChunk(now: number, chunk: TranscriptChunk): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    const checked = attempt.checker.chunk(chunk)
    if (!checked.ok) return this.#invalid(now, checked.error)
    attempt.firstChunkAt ??= now
    return []
  }

  #onHead(now: number, signed: SignedHead): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    const released = attempt.checker.head(signed)
    if (!released.ok) return this.#invalid(now, released.error)
    attempt.chunks.push(...released.value)
    const paid = attempt.money?.verified(signed.head.fee) ?? []
    if (this.#init.order.mode !== MODE.local || this.#stopping !== undefined) return paid
    const fresh = released.value.filter(({ index }) => index > attempt.delivered)
    if (fresh.length === 0) return paid
    attempt.delivered = attempt.chunks.length
    return [{ type: 'deliver', chunks: fresh }, ...paid]
  }

  #onReceipt(event: Extract<RequesterEvent, { type: 'receipt' }>): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    const { now, signed, runtimeClass, traceHash } = event
    const { receipt } = signed
    const checked = attempt.checker.finish(signed, attempt.sentAt, now)
    if (!checked.ok) return this.#invalid(now, checked.error)
    const trace = traceDigestOf(runtimeClass, traceHash)
    if (receipt.trace !== trace) {
      return this.#invalid(now, { code: 'receipt-mismatch', expected: `trace ${trace}`, got: receipt.trace })
    }
    const served = attempt.money?.served(receipt.fee, receipt.chargedAfter, now)
    if (served?.ok === false) {
      const { expected, got } = served.error
      attempt.disputed = { code: 'receipt-charged', expected, got }
      return [{ type: 'compare-books', offer: attempt.offer, channel: attempt.job.channel }]
    }
    attempt.receiptAt = now
    attempt.traced = { runtimeClass, traceHash }
    if (this.#init.order.mode === MODE.quorum) return served?.value ?? []
    const settled = served?.value ?? []
    if (this.#stopping !== undefined && receipt.status !== STATUS.complete) {
      return [...settled, ...this.#fail(this.#stopping, undefined, receipt.fee)]
    }
    return [...settled, ...this.#succeed(attempt, signed, now)]
  }

  /** Books of two devices that share a key cannot agree; otherwise the provider charged what nobody owes. */
  #onCompared(now: number, shared: boolean): RequesterEffect[] {
    const disputed = this.#attempt?.disputed
    if (disputed === undefined) return []
    if (!shared) return this.#invalid(now, disputed)
    const { expected, got } = disputed
    const message = 'another device signs vouchers with this key; this channel is used no more'
    return this.#fail({ code: 'payment', message, cause: 'key-shared', expected, got })
  }

  #onCertified({ now, checkpoint, verdict }: Extract<RequesterEvent, { type: 'certified' }>): RequesterEffect[] {
    const attempt = this.#attempt
    const signed = attempt?.checker.receipt
    if (attempt === undefined || signed === undefined || attempt.disputed !== undefined) return []
    if (this.#init.order.mode !== MODE.quorum) return []
    if (verdict.status === 'accepted') {
      const paid = attempt.money?.pay(signed.receipt.fee, now) ?? []
      return [...paid, ...this.#succeed(attempt, signed, now, { checkpoint, verdict })]
    }
    const provider = attempt.offer.signed.offer.operator
    const message =
      verdict.status === 'rejected' ? 'the committee rejected this answer' : 'the committee did not decide'
    const refunded = attempt.money?.refund(now) ?? []
    const failed = [...refunded, ...this.#fail({ code: verdict.status, message }, verdict)]
    return verdict.status === 'rejected' ? [{ type: 'report', provider, code: 'rejected', message }, ...failed] : failed
  }

  #onEnd(now: number, outcome: Outcome): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined || attempt.disputed !== undefined) return []
    if (attempt.checker.receipt === undefined) {
      return this.#failover({
        code: 'stream-failed',
        message: 'the stream ended without a receipt',
        cause: 'unexpected-end',
      })
    }
    if (this.#init.order.mode !== MODE.quorum) return []
    const refunded = attempt.money?.refund(now) ?? []
    return [
      ...refunded,
      ...this.#fail({ code: 'undecided', message: 'the committee did not decide in time', cause: outcome }),
    ]
  }

  /** A refusal costs nothing, but for what was released before a restart (R26, R27). */
  #onRefused(now: number, code: RefusalCode, message: string): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined || attempt.disputed !== undefined) return []
    const failure = { code: 'refused', message, cause: code } as const
    const { money, offer, job } = attempt
    if (money === undefined) return this.#failover(failure)
    if (code === 'job-closed') {
      const fee = attempt.checker.heads.at(-1)?.head.fee ?? 0n
      return [...money.closeAt(fee, now), ...this.#failover(failure, fee)]
    }
    if (isMendable(code) && !attempt.mended && attempt.checker.heads.length === 0) {
      // Not the provider's last word on this job: it stays open until that is asked.
      if (this.#stopping !== undefined) return this.#failover(failure)
      attempt.mended = true
      return [{ type: 'mend-channel', offer, channel: job.channel, maxFee: job.maxFee, code }]
    }
    return [...money.refund(now), ...this.#failover(failure)]
  }

  /** A paid job whose stream is lost is asked for again; what never left is as if it had not been. */
  #onStreamFailed(event: Extract<RequesterEvent, { type: 'stream-failed' }>): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined || attempt.disputed !== undefined) return []
    const { now, code, message, sent } = event
    const failure = { code: 'stream-failed', message, cause: code } as const
    if (attempt.money === undefined || !attempt.money.isOpen) return this.#failover(failure)
    if (!sent && attempt.resumes === 0) return [...attempt.money.refund(now), ...this.#failover(failure)]
    if (attempt.resumes >= MAX_RESUMES || this.#stopping !== undefined) return this.#failover(failure)
    attempt.resumes += 1
    attempt.before = [...attempt.before, ...attempt.checker.heads]
    attempt.checker = this.#checkerOf(attempt.offer, attempt.jobId, attempt.job, attempt.before)
    attempt.chunks = []
    const provider = attempt.offer.signed.offer.operator
    return [{ type: 'close-stream', provider, whole: false }, ...this.#send(attempt, now)]
  }

  /** A paid job that was sent is told to stop, so that both sides know what it cost. */
  #stop(failure: FailureCause): RequesterEffect[] {
    const attempt = this.#attempt
    if (this.#stopping !== undefined) return []
    if (attempt?.signed === undefined || attempt.money?.isOpen !== true || attempt.checker.receipt !== undefined) {
      return this.#fail(failure)
    }
    this.#stopping = failure
    return [{ type: 'cancel-job', jobId: attempt.jobId }]
  }

  #succeed(
    attempt: Attempt,
    receipt: SignedReceipt,
    now: number,
    certified?: { readonly checkpoint: SignedCheckpoint; readonly verdict: Verdict },
  ): RequesterEffect[] {
    this.#finished = true
    const since = (at: number | undefined): number => Math.max(0, (at ?? now) - attempt.sentAt)
    const traced = attempt.traced ?? { runtimeClass: ZERO_DIGEST, traceHash: ZERO_DIGEST }
    const notDelivered = attempt.chunks.slice(attempt.delivered)
    const result: RequestSuccess = {
      jobId: attempt.jobId,
      job: attempt.signed as SignedJob,
      offer: attempt.offer,
      heads: attempt.checker.heads,
      receipt,
      ...traced,
      chunks: attempt.chunks,
      assurance: attempt.assurance,
      notChecked: attempt.notChecked | this.#notChecked(attempt, certified?.verdict),
      ...(certified ?? {}),
      ...(attempt.money === undefined ? {} : { payment: attempt.money.facts(receipt.receipt.fee) }),
      timings: {
        firstChunkMs: since(attempt.firstChunkAt),
        receiptMs: since(attempt.receiptAt),
        ...(certified === undefined ? {} : { quorumMs: since(now) }),
        verifiedMs: since(now),
      },
    }
    return [
      ...(notDelivered.length > 0 ? [{ type: 'deliver' as const, chunks: notDelivered }] : []),
      { type: 'close-stream', provider: attempt.offer.signed.offer.operator, whole: true },
      { type: 'succeed', result },
    ]
  }

  /** R11, R12: a certificate alone does not say that anybody recomputed the output. */
  #notChecked({ money }: Attempt, verdict: Verdict | undefined): number {
    const output = verdict === undefined || verdict.replayed === 0 ? NOT_CHECKED.output : 0
    const transcript = this.#init.order.privacy === PRIVACY.sealed ? NOT_CHECKED.transcript : 0
    return (money === undefined ? NOT_CHECKED.payment : 0) | output | transcript
  }

  /** What was verified before is owed; what came after it is not. */
  #invalid(now: number, problem: AnswerProblem): RequesterEffect[] {
    const { code, expected, got } = problem
    const attempt = this.#attempt
    if (attempt === undefined) return []
    const message = `the provider's answer failed the check ${code}`
    const fee = attempt.delivered > 0 ? (attempt.checker.heads.at(-1)?.head.fee ?? 0n) : 0n
    return [
      { type: 'report', provider: attempt.offer.signed.offer.operator, code, message },
      ...(attempt.money?.closeAt(fee, now) ?? []),
      ...this.#failover({ code: 'answer-invalid', message, cause: code, expected, got }, fee),
    ]
  }

  /** Section 4.6: silent before the first chunk, said after it. `fee`: what this attempt cost. */
  #failover(failure: FailureCause, fee = 0n): RequesterEffect[] {
    const attempt = this.#attempt
    this.#lastFailure = failure
    if (attempt === undefined) return this.#tryNext()
    if (this.#stopping !== undefined) return this.#fail(this.#stopping, undefined, fee)
    if (attempt.delivered > 0) return this.#fail(failure, undefined, fee)
    this.#leave(attempt, fee)
    const provider = attempt.offer.signed.offer.operator
    return [{ type: 'close-stream', provider, whole: false }, ...this.#tryNext()]
  }

  /** Counts what an attempt cost, or that nobody knows yet. */
  #leave({ money, signed, jobId, job, offer }: Attempt, fee: bigint): void {
    if (money === undefined || signed === undefined) return
    if (!money.isOpen) {
      this.#paid += fee
      return
    }
    const provider = offer.signed.offer.operator
    this.#pending = [...this.#pending, { jobId, provider, atMost: job.maxFee }]
  }

  #fail(failure: FailureCause, verdict?: Verdict, fee = 0n): RequesterEffect[] {
    this.#finished = true
    const attempt = this.#attempt
    if (attempt !== undefined) this.#leave(attempt, fee)
    const provider = attempt?.offer.signed.offer.operator
    const close: RequesterEffect[] = provider === undefined ? [] : [{ type: 'close-stream', provider, whole: false }]
    return [
      ...close,
      {
        type: 'fail',
        failure: {
          ...failure,
          ...(provider === undefined ? {} : { provider }),
          deliveredChunks: attempt?.delivered ?? 0,
          paid: this.#paid,
          ...(this.#pending.length === 0 ? {} : { pending: this.#pending }),
          ...(verdict === undefined ? {} : { verdict }),
        },
      },
    ]
  }
}
