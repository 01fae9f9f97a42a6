import { AnswerChecker, type AnswerProblem } from '../answer.ts'
import { traceDigestOf } from '../chunks.ts'
import type { Outcome, RefusalCode } from '../codes.ts'
import { type Domain, digestOf } from '../eip712.ts'
import type { Address, Digest } from '../hex.ts'
import { ZERO_DIGEST } from '../hex.ts'
import type { SignedCheckpoint, SignedHead, SignedJob, SignedReceipt, TranscriptChunk } from '../messages.ts'
import { JOB, type Job, MODE, NOT_CHECKED, PRIVACY } from '../objects.ts'
import type { RankedOffer } from '../offers.ts'
import { randomDigest } from '../offers.ts'
import type { Random, Secp256k1, Signer } from '../ports.ts'

/** Why a request ended without an answer. */
export const REQUEST_ERRORS = [
  'no-offer',
  'refused',
  'evidence-refused',
  'unreachable',
  'stream-failed',
  'answer-invalid',
  'rejected',
  'undecided',
  'timed-out',
  'cancelled',
] as const
export type RequestErrorCode = (typeof REQUEST_ERRORS)[number]

export interface RequestOrder {
  readonly model: Digest
  readonly inputHash: Digest
  readonly parametersHash: Digest
  readonly tier: number
  readonly privacy: number
  readonly mode: number
  /** Wei; the offer's ceiling when undefined. */
  readonly maxFee: bigint | undefined
  readonly maxOutputUnits: number
  /** ms since 1970. */
  readonly deadline: number
}

export interface RequesterInit {
  readonly domain: Domain
  readonly crypto: Secp256k1
  readonly random: Random
  readonly requester: Signer
  readonly order: RequestOrder
  /** Best first. */
  readonly offers: readonly RankedOffer[]
}

export type RequesterEvent =
  | { readonly type: 'start' }
  | {
      readonly type: 'evidence-accepted'
      readonly now: number
      readonly assurance: number
      readonly notChecked: number
    }
  | { readonly type: 'evidence-refused'; readonly code: string; readonly message: string }
  | { readonly type: 'accepted' }
  | { readonly type: 'chunk'; readonly now: number; readonly chunk: TranscriptChunk }
  | { readonly type: 'head'; readonly now: number; readonly signed: SignedHead }
  | {
      readonly type: 'receipt'
      readonly now: number
      readonly signed: SignedReceipt
      readonly runtimeClass: Digest
      readonly traceHash: Digest
    }
  /** A certificate whose votes, committee and proof this peer verified itself. */
  | {
      readonly type: 'certified'
      readonly now: number
      readonly checkpoint: SignedCheckpoint
      readonly verdict: Verdict
    }
  | { readonly type: 'refused'; readonly code: RefusalCode; readonly message: string }
  | { readonly type: 'end'; readonly now: number; readonly outcome: Outcome }
  | { readonly type: 'stream-failed'; readonly code: string; readonly message: string }
  | { readonly type: 'timeout' }
  | { readonly type: 'cancel' }

export interface Verdict {
  readonly status: 'accepted' | 'rejected' | 'undecided'
  /** Reason codes of the rejection. */
  readonly reason?: number
  readonly votes: number
  readonly committee: number
  /** Votes that ran the model again on this receipt. */
  readonly replayed: number
}

interface FailureCause {
  readonly code: RequestErrorCode
  readonly message: string
  readonly expected?: string
  readonly got?: string
  /** What the last provider said or did. */
  readonly cause?: string
}

export interface RequestFailure extends FailureCause {
  readonly provider?: Address
  /** Verified chunks handed on, and what they cost (R11, section 4.6). */
  readonly deliveredChunks: number
  readonly paid: bigint
  readonly verdict?: Verdict
}

export interface RequestSuccess {
  readonly jobId: Digest
  readonly job: SignedJob
  readonly offer: RankedOffer
  readonly heads: readonly SignedHead[]
  readonly receipt: SignedReceipt
  readonly runtimeClass: Digest
  readonly traceHash: Digest
  readonly chunks: readonly TranscriptChunk[]
  readonly assurance: number
  readonly notChecked: number
  readonly checkpoint?: SignedCheckpoint
  readonly verdict?: Verdict
  readonly timings: RequestTimings
}

/** ms since the job was sent. */
export interface RequestTimings {
  readonly firstChunkMs: number
  readonly receiptMs: number
  readonly quorumMs?: number
  /** When the last condition of the answer mode held. */
  readonly verifiedMs: number
}

export type RequesterEffect =
  | { readonly type: 'check-evidence'; readonly offer: RankedOffer }
  /** Durable before the job is sent: what was asked for, and of whom. */
  | { readonly type: 'persist-job'; readonly jobId: Digest; readonly signed: SignedJob; readonly offer: RankedOffer }
  | { readonly type: 'send-job'; readonly jobId: Digest; readonly signed: SignedJob; readonly offer: RankedOffer }
  | { readonly type: 'deliver'; readonly chunks: readonly TranscriptChunk[] }
  /** `whole`: the answer came whole, so the stream is good for the next request once its terminal frame is read. */
  | { readonly type: 'close-stream'; readonly provider: Address; readonly whole: boolean }
  | { readonly type: 'report'; readonly provider: Address; readonly code: string; readonly message: string }
  | { readonly type: 'succeed'; readonly result: RequestSuccess }
  | { readonly type: 'fail'; readonly failure: RequestFailure }

interface Attempt {
  readonly offer: RankedOffer
  assurance: number
  notChecked: number
  sentAt: number
  jobId: Digest
  signed: SignedJob
  checker: AnswerChecker
  chunks: TranscriptChunk[]
  firstChunkAt: number | undefined
  receiptAt: number | undefined
  traced: { runtimeClass: Digest; traceHash: Digest } | undefined
  delivered: number
}

/**
 * One request (section 4): the best offer first, evidence before any input leaves, every chunk under a verified head,
 * the receipt whole, and in `quorum` mode the fast certificate (R11). Fails over silently before the first chunk.
 */
export class RequesterMachine {
  readonly #init: RequesterInit
  #next = 0
  #offer: RankedOffer | undefined
  #attempt: Attempt | undefined
  #finished = false
  #lastFailure: FailureCause | undefined

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
      case 'accepted':
        return []
      case 'chunk':
        return this.#onChunk(event.now, event.chunk)
      case 'head':
        return this.#onHead(event.now, event.signed)
      case 'receipt':
        return this.#onReceipt(event)
      case 'certified':
        return this.#onCertified(event)
      case 'end':
        return this.#onEnd(event.outcome)
      case 'refused':
        return this.#failover({ code: 'refused', message: event.message, cause: event.code })
      case 'stream-failed':
        return this.#failover({ code: 'stream-failed', message: event.message, cause: event.code })
      case 'timeout':
        return this.#fail({
          code: 'timed-out',
          message: `no verified answer before the deadline ${this.#init.order.deadline}`,
        })
      case 'cancel':
        return this.#fail({ code: 'cancelled', message: 'the request was cancelled' })
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
    if (offer === undefined || this.#attempt !== undefined) return []
    const { domain, crypto, requester, order, random } = this.#init
    const job: Job = {
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
      channel: ZERO_DIGEST,
      maxFee: order.maxFee ?? offer.ceiling,
      maxOutputUnits: order.maxOutputUnits,
      nonce: randomDigest(random),
      createdAt: now,
      deadline: order.deadline,
    }
    const jobId = digestOf(domain, JOB, job)
    const signed = { job, signature: requester.sign(jobId) }
    const { grant } = offer.signed.grant
    this.#attempt = {
      offer,
      assurance,
      notChecked,
      sentAt: now,
      jobId,
      signed,
      checker: new AnswerChecker({
        domain,
        crypto,
        jobId,
        job,
        terms: offer.terms,
        sessionKey: grant.sessionKey,
        evidence: grant.evidence,
        assurance,
      }),
      chunks: [],
      firstChunkAt: undefined,
      receiptAt: undefined,
      traced: undefined,
      delivered: 0,
    }
    return [
      { type: 'persist-job', jobId, signed, offer },
      { type: 'send-job', jobId, signed, offer },
    ]
  }

  #onEvidenceRefused(code: string, message: string): RequesterEffect[] {
    const offer = this.#offer
    if (offer === undefined || this.#attempt !== undefined) return []
    // Whoever could not be asked has shown nothing that could be refused.
    this.#lastFailure = code === 'unreachable' ? { code, message } : { code: 'evidence-refused', message, cause: code }
    return [{ type: 'report', provider: offer.signed.offer.operator, code, message }, ...this.#tryNext()]
  }

  #onChunk(now: number, chunk: TranscriptChunk): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    const checked = attempt.checker.chunk(chunk)
    if (!checked.ok) return this.#invalid(checked.error)
    attempt.firstChunkAt ??= now
    return []
  }

  #onHead(_now: number, signed: SignedHead): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    const released = attempt.checker.head(signed)
    if (!released.ok) return this.#invalid(released.error)
    attempt.chunks.push(...released.value)
    if (this.#init.order.mode !== MODE.local) return []
    attempt.delivered = attempt.chunks.length
    return [{ type: 'deliver', chunks: released.value }]
  }

  #onReceipt(event: Extract<RequesterEvent, { type: 'receipt' }>): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    const checked = attempt.checker.finish(event.signed, attempt.sentAt, event.now)
    if (!checked.ok) return this.#invalid(checked.error)
    const trace = traceDigestOf(event.runtimeClass, event.traceHash)
    if (event.signed.receipt.trace !== trace) {
      return this.#invalid({ code: 'receipt-mismatch', expected: `trace ${trace}`, got: event.signed.receipt.trace })
    }
    attempt.receiptAt = event.now
    attempt.traced = { runtimeClass: event.runtimeClass, traceHash: event.traceHash }
    if (this.#init.order.mode === MODE.quorum) return []
    return this.#succeed(attempt, event.signed, event.now)
  }

  #onCertified({ now, checkpoint, verdict }: Extract<RequesterEvent, { type: 'certified' }>): RequesterEffect[] {
    const attempt = this.#attempt
    const receipt = attempt?.checker.receipt
    if (attempt === undefined || receipt === undefined || this.#init.order.mode !== MODE.quorum) return []
    if (verdict.status === 'accepted') return this.#succeed(attempt, receipt, now, { checkpoint, verdict })
    const provider = attempt.offer.signed.offer.operator
    const message =
      verdict.status === 'rejected' ? 'the committee rejected this answer' : 'the committee did not decide'
    const failed = this.#fail({ code: verdict.status, message }, verdict)
    return verdict.status === 'rejected' ? [{ type: 'report', provider, code: 'rejected', message }, ...failed] : failed
  }

  #onEnd(outcome: Outcome): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    if (attempt.checker.receipt === undefined) {
      return this.#failover({
        code: 'stream-failed',
        message: 'the stream ended without a receipt',
        cause: 'unexpected-end',
      })
    }
    if (this.#init.order.mode === MODE.quorum) {
      return this.#fail({ code: 'undecided', message: 'the committee did not decide in time', cause: outcome })
    }
    return []
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
      job: attempt.signed,
      offer: attempt.offer,
      heads: attempt.checker.heads,
      receipt,
      ...traced,
      chunks: attempt.chunks,
      assurance: attempt.assurance,
      notChecked: attempt.notChecked | this.#notChecked(certified?.verdict),
      ...(certified ?? {}),
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
  #notChecked(verdict: Verdict | undefined): number {
    const output = verdict === undefined || verdict.replayed === 0 ? NOT_CHECKED.output : 0
    const transcript = this.#init.order.privacy === PRIVACY.sealed ? NOT_CHECKED.transcript : 0
    return NOT_CHECKED.payment | output | transcript
  }

  #invalid(problem: AnswerProblem): RequesterEffect[] {
    const { code, expected, got } = problem
    const provider = this.#attempt?.offer.signed.offer.operator
    const message = `the provider's answer failed the check ${code}`
    const report: RequesterEffect[] = provider === undefined ? [] : [{ type: 'report', provider, code, message }]
    return [...report, ...this.#failover({ code: 'answer-invalid', message, cause: code, expected, got })]
  }

  /** Section 4.6: silent before the first chunk, said after it. */
  #failover(failure: FailureCause): RequesterEffect[] {
    const attempt = this.#attempt
    if (attempt === undefined) return []
    this.#lastFailure = failure
    if (attempt.delivered > 0) return this.#fail(failure)
    const provider = attempt.offer.signed.offer.operator
    return [{ type: 'close-stream', provider, whole: false }, ...this.#tryNext()]
  }

  #fail(failure: FailureCause, verdict?: Verdict): RequesterEffect[] {
    this.#finished = true
    const attempt = this.#attempt
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
          paid: 0n,
          ...(verdict === undefined ? {} : { verdict }),
        },
      },
    ]
  }
}
