import type { LedgerEntry, PaymentProblem } from '../accounts.ts'
import { dropOldest } from '../boundedMap.ts'
import { inputHashOf } from '../chunks.ts'
import type { RefusalCode } from '../codes.ts'
import { digestOf } from '../eip712.ts'
import { chargeOf } from '../fee.ts'
import { type Digest, ZERO_DIGEST } from '../hex.ts'
import type { JobRecord } from '../messages.ts'
import { JOB, MODE, PRIVACY } from '../objects.ts'
import { sliceOf } from '../slice.ts'
import { authorizedOf, PayeeLedger } from './payeeLedger.ts'
import { admit, MAX_JOB_AGE_MS, sealRequired } from './provider/admission.ts'
import { Checkpoints, type Decision, outcomeOf } from './provider/checkpoints.ts'
import type {
  ActiveGrant,
  CutJob,
  JobRequest,
  OfferedTerms,
  ProviderEffect,
  ProviderEntry,
  ProviderEvent,
  ProviderInit,
  ProviderReply,
  StoredAnswer,
  StoredJob,
  StreamId,
} from './provider/events.ts'
import { Release, type ReleasedPart } from './provider/release.ts'
import { isMendable } from './requesterMoney.ts'

/** Receipts are numbered without gaps per grant, so a job that outlives its grant still counts there. */
interface NumberedGrant extends ActiveGrant {
  nextReceipt: number
}

interface RunningJob {
  readonly request: JobRequest
  readonly terms: OfferedTerms
  readonly grant: NumberedGrant
  streams: StreamId[]
  input: Uint8Array | undefined
  /** Once the work is done. */
  release: Release | undefined
  /** Last chunks of the parts that are in the store. */
  readonly stored: number[]
  /** While a voucher is awaited: until when, for how much, and whether a lost stream got its grace already. */
  wait: { until: number; asked: bigint; graced: boolean } | undefined
}

/** Not final while its sender may mend its payment and ask again. */
interface Refusal {
  readonly code: RefusalCode
  readonly isFinal: boolean
}

/** What one event does: everything durable first, in one commit, then the rest in order (R27). */
interface Step {
  readonly entries: ProviderEntry[]
  readonly after: ProviderEffect[]
}

const MAX_RECENT = 256
/** Jobs that were told to cost nothing; of a job whose copies are still on their way the refusal is remembered. */
const MAX_REFUSED = 8_192

/** A stream that waits for its next voucher is closed after this, ms; a lost one may be taken up again as long. */
export const VOUCHER_WAIT_MS = 10_000
/** A served job that is not paid by then ends `unpaid`, ms. */
export const SETTLE_WAIT_MS = 600_000

/**
 * The provider's rules (sections 4, 5 and 7, R8, R10, R14, R23, R24, R26, R27): admits jobs, releases answers as they are
 * paid, signs heads, receipts and checkpoints in write-ahead order. Events in, effects out; effects of one list are
 * carried out in order.
 */
export class ProviderMachine {
  readonly #init: ProviderInit
  readonly #terms = new Map<Digest, OfferedTerms>()
  readonly #jobs = new Map<Digest, RunningJob>()
  /** Jobs whose next head waits for a voucher. */
  readonly #blocked = new Set<Digest>()
  /** Finished jobs whose answer may not be readable in the store yet. */
  readonly #recent = new Map<Digest, StoredAnswer>()
  /** Whoever was told that a job costs nothing closes its books: a copy of it that comes later must not run. */
  readonly #refused = new Map<string, Refusal>()
  readonly #checkpoints: Checkpoints
  readonly #ledger: PayeeLedger | undefined
  #grant: NumberedGrant | undefined
  #draining = false

  constructor(init: ProviderInit) {
    this.#init = init
    this.#checkpoints = new Checkpoints(init)
    this.#ledger = init.payments === undefined ? undefined : new PayeeLedger({ ...init.payments, crypto: init.crypto })
    for (const { account, jobs } of init.history.channels) this.#ledger?.load(account, jobs)
  }

  get load(): { readonly running: number; readonly slots: number } {
    return { running: this.#jobs.size, slots: this.#init.slots }
  }

  /** The books, to read in; undefined where no channel is served. */
  get books():
    | Pick<PayeeLedger, 'has' | 'account' | 'funds' | 'channels' | 'claimable' | 'refundable' | 'check' | 'unsettled'>
    | undefined {
    return this.#ledger
  }

  handle(event: ProviderEvent): ProviderEffect[] {
    switch (event.type) {
      case 'granted':
        if (this.#grant?.digest !== event.grant.digest) this.#grant = { ...event.grant, nextReceipt: 0 }
        return []
      case 'offered':
        return this.#onOffered(event.terms)
      case 'job':
        return this.#onJob(event)
      case 'input-opened':
        return this.#onInput(event.jobId, event.input, event.now)
      case 'run-finished':
        return this.#onRunFinished(event)
      case 'job-failed':
        return this.#onFailed(event.jobId, event.code, event.message, event.now)
      case 'cancel':
        return this.#onCancel(event.stream, event.jobId, event.now)
      case 'stream-closed':
        return this.#onStreamClosed(event.stream, event.now)
      case 'recall':
        return this.#onRecall(event)
      case 'checkpoint-due':
        return this.#checkpoints.onDue(event.now)
      case 'checkpoint-seed':
        return this.#checkpoints.onSeed(event.seed)
      case 'seed-unavailable':
        return this.#checkpoints.onNoSeed(event.now)
      case 'certified':
        return this.#onCertified(event)
      case 'certificate-abandoned':
        return this.#decide(this.#checkpoints.onAbandoned(event.checkpoint), [], event.now)
      case 'drain':
        this.#draining = true
        return this.#whenDrained()
      default:
        return this.#onPayment(event)
    }
  }

  #onPayment(event: Extract<ProviderEvent, { type: PaymentEventType }>): ProviderEffect[] {
    const ledger = this.#ledger
    if (ledger === undefined) return []
    switch (event.type) {
      case 'started':
        return this.#onStarted(ledger, event.now)
      case 'channel-loaded':
        ledger.load(event.channel.account, event.channel.jobs)
        return carried(ledger.seen(event.channel.account.id, event.funds))
      case 'channel-unloaded':
        ledger.unload(event.channel)
        return []
      case 'channel-shown':
        return this.#onShown(ledger, event)
      case 'funds':
        return this.#onFunds(ledger, event)
      case 'voucher':
        return this.#onVoucher(ledger, event)
      case 'refunding':
        ledger.withhold(event.channel, event.amount)
        return []
      case 'refund-ended':
        ledger.withhold(event.channel, -event.amount)
        return event.funds === undefined ? [] : carried(ledger.seen(event.channel, event.funds))
      case 'voucher-due':
        return this.#onVoucherDue(event.jobId, event.now)
      case 'settle-due':
        return carried(this.#settleOld(ledger, event.now))
    }
  }

  #onOffered(terms: readonly OfferedTerms[]): ProviderEffect[] {
    const now = Math.max(...terms.map((entry) => entry.offer.validUntil), 0) - this.#init.parameters.offerLife
    for (const [digest, known] of this.#terms) {
      if (known.terms.validUntil + MAX_JOB_AGE_MS < now) this.#terms.delete(digest)
    }
    for (const entry of terms) this.#terms.set(entry.digest, entry)
    return []
  }

  #onJob(event: Extract<ProviderEvent, { type: 'job' }>): ProviderEffect[] {
    const { now, stream, request, stored } = event
    const jobId = digestOf(this.#init.domain, JOB, request.job)
    const over = this.#refusalOf(jobId, request)
    if (over !== undefined) return [refusal(stream, jobId, over.code, 'this job was refused before')]
    const running = this.#jobs.get(jobId)
    if (running !== undefined) return this.#attach(jobId, running, event)
    const known = this.#recent.get(jobId) ?? stored
    if (known !== undefined) return this.#repeat(stream, request, known)
    const context = {
      now,
      draining: this.#draining,
      grant: this.#grant,
      terms: this.#terms.get(request.job.terms),
      running: this.#jobs.size,
    }
    const refused = admit(jobId, request, context, this.#init)
    if (refused !== undefined) {
      if (request.job.channel !== ZERO_DIGEST) this.#remember(jobId, refused.code, request.signature)
      return [refusal(stream, jobId, refused.code, refused.message)]
    }
    if (!request.sealed && !isInputOf(request, request.input))
      return [refusal(stream, jobId, 'bad-input', 'expected the input the job names')]
    const grant = this.#grant as NumberedGrant
    const terms = context.terms as OfferedTerms
    const step = newStep()
    const unpaid = this.#reserve(jobId, event, terms, step)
    if (unpaid !== undefined) {
      if (unpaid.code === 'bad-voucher') step.after.push({ type: 'misconduct', stream, code: unpaid.code })
      this.#remember(jobId, unpaid.code, request.signature)
      step.after.push(refusal(stream, jobId, unpaid.code, wordsOf(unpaid)))
      return done(step)
    }
    const job: RunningJob = {
      ...{ request, terms, grant, streams: [stream], input: undefined },
      ...{ release: undefined, stored: [], wait: undefined },
    }
    this.#jobs.set(jobId, job)
    step.entries.unshift({ kind: 'reservation', jobId, job: request.job })
    step.after.unshift(reply(stream, { type: 'accepted', jobId, grant: grant.digest }))
    const start: ProviderEffect[] = request.sealed
      ? [{ type: 'open-input', jobId, job: request.job, sealed: request.input }]
      : this.#onInput(jobId, request.input, now)
    return [...start, ...done(step)]
  }

  #refusalOf(jobId: Digest, { job, signature }: JobRequest): Refusal | undefined {
    const told = [signature, job.requester].map((by) => this.#refused.get(`${jobId} ${by}`))
    return told.find((known) => known?.isFinal)
  }

  /**
   * R27: the first refusal that a payment can cure is not final, every other is. `by`: the signature the job came with, or
   * the peer that asked for it; nobody else's word ends a job.
   */
  #remember(jobId: Digest, code: RefusalCode, by: string): void {
    const name = `${jobId} ${by}`
    const isFinal = !isMendable(code) || this.#refused.has(name)
    this.#refused.delete(name)
    this.#refused.set(name, { code, isFinal })
    dropOldest(this.#refused, MAX_REFUSED)
  }

  /** R24: the voucher that came along, then `maxFee` and the first slice. Undefined once all is reserved. */
  #reserve(
    jobId: Digest,
    { now, stream, request: { job, voucher } }: Extract<ProviderEvent, { type: 'job' }>,
    { terms }: OfferedTerms,
    step: Step,
  ): PaymentProblem | undefined {
    const ledger = this.#ledger
    if (ledger === undefined || job.channel === ZERO_DIGEST) return undefined
    const account = ledger.account(job.channel)
    if (account === undefined)
      return { code: 'unknown-channel', expected: 'a channel whose configuration was shown', got: job.channel }
    const { payerAuthorizer, token } = account.config
    if (payerAuthorizer !== job.requester || token !== job.token)
      return {
        code: 'bad-channel',
        expected: `payerAuthorizer ${job.requester}, token ${job.token}`,
        got: `payerAuthorizer ${payerAuthorizer}, token ${token}`,
      }
    const slice = sliceOf(terms, job)
    const isHigher = voucher !== undefined && voucher.amount > authorizedOf(account)
    const taken = isHigher ? ledger.accept(voucher) : undefined
    if (taken?.ok === false) return taken.error
    if (taken !== undefined) {
      step.entries.push(...taken.value)
      this.#advanceBlocked(job.channel, now, step, undefined)
    }
    const order = { jobId, channel: job.channel, maxFee: job.maxFee, slice, quorum: job.mode === MODE.quorum, now }
    const reserved = ledger.reserve(order)
    if (reserved.ok) {
      step.entries.push(...reserved.value)
      return undefined
    }
    step.after.push(...this.#standing(ledger, job.channel, stream, ledger.requiredToReserve(job.channel, slice)))
    const isStale = reserved.error.code === 'payment-required' && voucher !== undefined && !isHigher
    return isStale ? { ...reserved.error, code: 'stale-voucher' } : reserved.error
  }

  /** Section 4.3: a repeated Job attaches to the running one and gets all that was released of it. */
  #attach(
    jobId: Digest,
    running: RunningJob,
    { now, stream, request }: Extract<ProviderEvent, { type: 'job' }>,
  ): ProviderEffect[] {
    if (!sameRequest(running.request, request))
      return [refusal(stream, jobId, 'duplicate-job', 'expected the input and salt this job came with')]
    const step = newStep()
    running.streams.push(stream)
    step.after.push(reply(stream, { type: 'accepted', jobId, grant: running.request.job.grant }))
    const { release } = running
    if (release === undefined) return done(step)
    step.after.push(...release.parts.flatMap((part) => partReplies(part, jobId)).map((each) => reply(stream, each)))
    const { voucher } = request
    const taken = voucher === undefined ? undefined : this.#ledger?.accept(voucher)
    if (taken?.ok) step.entries.push(...taken.value)
    if (running.wait !== undefined) running.wait.asked = 0n
    this.#advance(jobId, running, now, step, undefined)
    return done(step)
  }

  #onInput(jobId: Digest, input: Uint8Array, now: number): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job === undefined) return []
    if (job.streams.length === 0) return this.#onFailed(jobId, 'cancelled', 'nobody waits for this job any more', now)
    if (job.request.sealed && !isInputOf(job.request, input))
      return this.#onFailed(jobId, 'bad-input', 'expected the input the job names', now)
    job.input = input
    return [{ type: 'run', jobId, job: job.request.job, input }]
  }

  #onRunFinished({ jobId, result, now }: Extract<ProviderEvent, { type: 'run-finished' }>): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job?.input === undefined || job.release !== undefined) return []
    const { request, terms, grant, input } = job
    const { maxOutputUnits, deadline, channel } = request.job
    if (result.units > maxOutputUnits) {
      const message = `expected at most ${maxOutputUnits} units, got ${result.units}`
      return this.#onFailed(jobId, 'output-too-long', message, now)
    }
    if (result.finishedAt > deadline)
      return this.#onFailed(jobId, 'deadline-exceeded', `expected an answer by ${deadline}`, now)
    if (channel !== ZERO_DIGEST && job.streams.length === 0)
      return this.#onFailed(jobId, 'cancelled', 'nobody waits for this job any more', now)
    const { domain, random, charge = chargeOf } = this.#init
    job.release = new Release({ domain, random, jobId, request, terms, grant, input, result, charge })
    const step = newStep()
    this.#advance(jobId, job, now, step, undefined)
    return done(step)
  }

  /** R24: lets heads out while at most a slice is unpaid, then serves the job or waits for the next voucher. */
  #advance(jobId: Digest, job: RunningJob, now: number, step: Step, answering: StreamId | undefined): void {
    const { release } = job
    if (release === undefined) return
    const fresh: ReleasedPart[] = []
    const isPaid = job.request.job.channel !== ZERO_DIGEST
    for (let fee = release.nextFee; fee !== undefined; fee = release.nextFee) {
      if (isPaid && this.#ledger?.mayRelease(jobId, fee) !== true) break
      fresh.push(release.next())
    }
    if (release.nextFee === undefined) this.#serve(jobId, job, now, step, fresh)
    else this.#block(jobId, job, now, step, { fresh, nextFee: release.nextFee, answering })
  }

  /** Heads and their chunks are stored before they leave, so that a restart ends the job at the last of them. */
  #block(
    jobId: Digest,
    job: RunningJob,
    now: number,
    step: Step,
    blocked: {
      readonly fresh: readonly ReleasedPart[]
      readonly nextFee: bigint
      readonly answering: StreamId | undefined
    },
  ): void {
    const ledger = this.#ledger
    if (ledger === undefined) return
    const { fresh, nextFee, answering } = blocked
    const isKept = job.request.job.privacy !== PRIVACY.sealed
    for (const { chunks, signed } of fresh) {
      step.entries.push({ kind: 'progress', jobId, head: signed, chunks: isKept ? chunks : [] })
      job.stored.push(signed.head.index)
    }
    const last = fresh.at(-1)
    if (last !== undefined) step.entries.push(...ledger.release(jobId, last.signed.head.fee))
    const replies = fresh.flatMap((part) => partReplies(part, jobId))
    step.after.push(...job.streams.flatMap((stream) => replies.map((each) => reply(stream, each))))
    const required = ledger.requiredFor(jobId, nextFee)
    const { channel } = job.request.job
    if (required > (job.wait?.asked ?? 0n)) {
      const asked = job.streams.filter((stream) => stream !== answering)
      step.after.push(...asked.flatMap((stream) => this.#standing(ledger, channel, stream, required)))
    }
    const isNew = job.wait === undefined || fresh.length > 0
    job.wait = isNew ? { until: now + VOUCHER_WAIT_MS, asked: required, graced: false } : job.wait
    if (job.wait !== undefined) job.wait.asked = required
    this.#blocked.add(jobId)
    if (isNew) step.after.push({ type: 'schedule-voucher', jobId, at: now + VOUCHER_WAIT_MS })
  }

  /** Signs the receipt for what was released, `complete` or `truncated`, with its place in the channel's books. */
  #serve(jobId: Digest, job: RunningJob, now: number, step: Step, fresh: readonly ReleasedPart[]): void {
    const { release, grant, request, streams } = job
    if (release === undefined) return
    this.#forget(jobId)
    const { chargedAfter, entries, ...payment } = this.#charge(jobId, job, release.fee, now)
    const signed = release.answer({ sequence: grant.nextReceipt, chargedAfter }, payment)
    grant.nextReceipt += 1
    const { answer, digest } = signed
    this.#recent.set(jobId, answer)
    dropOldest(this.#recent, MAX_RECENT)
    step.entries.push({ kind: 'answer', answer, digest, progress: job.stored }, ...entries)
    const { record } = answer
    const replies = [...fresh.flatMap((part) => partReplies(part, jobId)), receiptReply(record)]
    if (request.job.mode !== MODE.quorum)
      replies.push({ type: 'end', jobId, outcome: outcomeOf(record.receipt.status) })
    step.after.push(
      ...streams.flatMap((stream) => replies.map((each) => reply(stream, each))),
      ...this.#checkpoints.add(answer, digest, streams, now),
      ...this.#whenDrained(),
    )
  }

  /** What a receipt and its record say of the channel. */
  #charge(
    jobId: Digest,
    { request: { job } }: RunningJob,
    fee: bigint,
    now: number,
  ): { chargedAfter: bigint; entries: readonly LedgerEntry[] } & Pick<JobRecord, 'channelConfig' | 'voucher'> {
    if (this.#ledger === undefined || job.channel === ZERO_DIGEST) return { chargedAfter: 0n, entries: [] }
    const served = this.#ledger.serve(jobId, fee, now)
    const account = this.#ledger.account(job.channel)
    return {
      ...served,
      ...(account === undefined ? {} : { channelConfig: account.config }),
      ...(account?.voucher === undefined ? {} : { voucher: account.voucher }),
    }
  }

  #forget(jobId: Digest): void {
    this.#jobs.delete(jobId)
    this.#blocked.delete(jobId)
  }

  /** Ends a job before its output is out: truncated where something was released, else it cost nothing (R26). */
  #close(jobId: Digest, job: RunningJob, now: number, step: Step, code: RefusalCode, message: string): void {
    if ((job.release?.parts.length ?? 0) > 0) this.#serve(jobId, job, now, step, [])
    else this.#fail(jobId, job, now, step, code, message)
  }

  #fail(jobId: Digest, job: RunningJob, now: number, step: Step, code: RefusalCode, message: string): void {
    this.#forget(jobId)
    const isPaid = job.request.job.channel !== ZERO_DIGEST
    if (isPaid && job.streams.length > 0) this.#remember(jobId, code, job.request.signature)
    step.entries.push({ kind: 'release', jobId }, ...(isPaid ? (this.#ledger?.fail(jobId, now) ?? []) : []))
    step.after.push(...job.streams.map((stream) => refusal(stream, jobId, code, message)), ...this.#whenDrained())
  }

  #onFailed(jobId: Digest, code: RefusalCode, message: string, now: number): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job === undefined || job.release !== undefined) return []
    const step = newStep()
    this.#fail(jobId, job, now, step, code, message)
    return done(step)
  }

  /** The requester wants no more: section 4, protocol InferCancel. */
  #onCancel(stream: StreamId, jobId: Digest, now: number): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job === undefined || !job.streams.includes(stream)) return []
    if (job.release === undefined) return this.#abandon(jobId, job, 'cancelled', 'the requester cancelled')
    const step = newStep()
    this.#close(jobId, job, now, step, 'cancelled', 'the requester cancelled')
    return done(step)
  }

  /** All streams of a job are its sender's: told on one that it is over, it counts on none. */
  #abandon(jobId: Digest, job: RunningJob, code: RefusalCode, message: string): ProviderEffect[] {
    const told = job.streams.map((stream) => refusal(stream, jobId, code, message))
    job.streams = []
    if (job.request.job.channel !== ZERO_DIGEST) this.#remember(jobId, code, job.request.signature)
    return [...told, { type: 'cancel', jobId }]
  }

  /** What was begun to be released waits once more for a stream to take it up again. */
  #onStreamClosed(stream: StreamId, now: number): ProviderEffect[] {
    const effects: ProviderEffect[] = []
    for (const [jobId, job] of this.#jobs) {
      if (!job.streams.includes(stream)) continue
      job.streams = job.streams.filter((open) => open !== stream)
      if (job.wait === undefined) {
        effects.push(refusal(stream, jobId, 'cancelled', 'the requester left'))
        if (job.streams.length === 0) effects.push({ type: 'cancel', jobId })
        continue
      }
      if (job.streams.length > 0 || job.wait.graced) continue
      job.wait.until = now + VOUCHER_WAIT_MS
      job.wait.graced = true
      effects.push({ type: 'schedule-voucher', jobId, at: job.wait.until })
    }
    return effects
  }

  #onVoucherDue(jobId: Digest, now: number): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job?.wait === undefined) return []
    if (job.wait.until > now) return [{ type: 'schedule-voucher', jobId, at: job.wait.until }]
    const step = newStep()
    this.#close(jobId, job, now, step, 'payment-required', 'expected a voucher for the next slice, got none in time')
    return done(step)
  }

  #onVoucher(
    ledger: PayeeLedger,
    { now, stream, voucher }: Extract<ProviderEvent, { type: 'voucher' }>,
  ): ProviderEffect[] {
    const step = newStep()
    const taken = ledger.accept(voucher)
    if (!taken.ok && taken.error.code !== 'stale-voucher') return this.#refuseVoucher(stream, taken.error, now)
    if (taken.ok && taken.value.length > 0) {
      step.entries.push(...taken.value)
      this.#advanceBlocked(voucher.channel, now, step, stream)
    }
    const required = this.#requiredOn(ledger, stream) ?? authorizedOf(ledger.account(voucher.channel) ?? {})
    step.after.unshift(...this.#standing(ledger, voucher.channel, stream, required))
    return done(step)
  }

  #advanceBlocked(channel: Digest, now: number, step: Step, answering: StreamId | undefined): void {
    for (const jobId of [...this.#blocked]) {
      const job = this.#jobs.get(jobId)
      if (job?.request.job.channel !== channel || job.streams.length === 0) continue
      this.#advance(jobId, job, now, step, answering)
    }
  }

  /** The voucher that the blocked job of a stream waits for. */
  #requiredOn(ledger: PayeeLedger, stream: StreamId): bigint | undefined {
    for (const jobId of this.#blocked) {
      const job = this.#jobs.get(jobId)
      const fee = job?.release?.nextFee
      if (job?.streams.includes(stream) && fee !== undefined) return ledger.requiredFor(jobId, fee)
    }
    return undefined
  }

  /** Whoever pays with what is no payment gets no more: its jobs on this stream end here. */
  #refuseVoucher(stream: StreamId, problem: PaymentProblem, now: number): ProviderEffect[] {
    const step = newStep()
    if (problem.code === 'bad-voucher') step.after.push({ type: 'misconduct', stream, code: problem.code })
    const ended: ProviderEffect[] = []
    let isKnown = false
    for (const [jobId, job] of [...this.#jobs]) {
      if (!job.streams.includes(stream)) continue
      isKnown = true
      if (job.release === undefined) ended.push(...this.#abandon(jobId, job, problem.code, wordsOf(problem)))
      else this.#close(jobId, job, now, step, problem.code, wordsOf(problem))
    }
    if (!isKnown) {
      const message = wordsOf(problem)
      ended.push(reply(stream, { type: 'refusal', code: problem.code, message }))
    }
    return [...done(step), ...ended]
  }

  #onShown(
    ledger: PayeeLedger,
    { stream, config, voucher, funds }: Extract<ProviderEvent, { type: 'channel-shown' }>,
  ): ProviderEffect[] {
    const step = newStep()
    const opened = ledger.open(config)
    if (!opened.ok) return [reply(stream, { type: 'refusal', code: opened.error.code, message: wordsOf(opened.error) })]
    step.entries.push(...opened.value, ...ledger.seen(voucher.channel, funds))
    const isHigher = voucher.amount > authorizedOf(ledger.account(voucher.channel) ?? {})
    const taken = isHigher ? ledger.accept(voucher) : undefined
    if (taken?.ok) step.entries.push(...taken.value)
    const authorized = authorizedOf(ledger.account(voucher.channel) ?? {})
    step.after.push(...this.#standing(ledger, voucher.channel, stream, authorized))
    if (taken?.ok === false) {
      const { code } = taken.error
      step.after.splice(
        0,
        Number.POSITIVE_INFINITY,
        reply(stream, { type: 'refusal', code, message: wordsOf(taken.error) }),
      )
    }
    return done(step)
  }

  /** R25: once a withdrawal was started nothing more is served on the channel. */
  #onFunds(ledger: PayeeLedger, { now, channel, funds }: Extract<ProviderEvent, { type: 'funds' }>): ProviderEffect[] {
    const step = newStep()
    step.entries.push(...ledger.seen(channel, funds))
    if (!funds.withdrawing) return done(step)
    for (const jobId of [...this.#blocked]) {
      const job = this.#jobs.get(jobId)
      if (job?.request.job.channel === channel)
        this.#close(jobId, job, now, step, 'channel-closing', 'expected a channel without a withdrawal')
    }
    return done(step)
  }

  /** R27: what a restart cut off ends at its last stored head; a certificate that was not stored comes no more. */
  #onStarted(ledger: PayeeLedger, now: number): ProviderEffect[] {
    const entries: LedgerEntry[] = []
    for (const channel of [...ledger.channels()]) {
      for (const { jobId, state, quorum } of ledger.unsettled(channel)) {
        if (state === 'pending') entries.push(...ledger.closeAtHead(jobId, now))
        else if (quorum && !this.#checkpoints.awaits(jobId)) entries.push(...ledger.certified(jobId, false, now))
      }
    }
    return carried(entries)
  }

  #settleOld(ledger: PayeeLedger, now: number): readonly LedgerEntry[] {
    const entries: LedgerEntry[] = []
    for (const channel of [...ledger.channels()]) {
      for (const { jobId, state, quorum, since } of ledger.unsettled(channel)) {
        if (state === 'served' && !quorum && since + SETTLE_WAIT_MS <= now) entries.push(...ledger.expire(jobId, now))
      }
    }
    return entries
  }

  #standing(ledger: PayeeLedger, channel: Digest, stream: StreamId, required: bigint): ProviderEffect[] {
    const account = ledger.account(channel)
    if (account === undefined) return []
    const { charged } = account
    return [reply(stream, { type: 'ledger', channel, charged, authorized: authorizedOf(account), required })]
  }

  /**
   * A repeated Job gets the stored receipt, or what was released before a restart cut it off; the chunks only who shows
   * the plain input, since job and signature are in records that others hold (R10).
   */
  #repeat(stream: StreamId, request: JobRequest, known: Exclude<StoredJob, undefined>): ProviderEffect[] {
    const isEntitled = !sealRequired(request.job) && isInputOf(request, request.input)
    if ('record' in known) return this.#answerAgain(stream, known, isEntitled)
    if (!isEntitled) return this.#closed(stream, known, request.signature)
    const heads = new Map(known.heads.map((signed) => [signed.head.index, signed]))
    const replies = known.chunks.flatMap((chunk): ProviderReply[] => {
      const signed = heads.get(chunk.index)
      const covered: ProviderReply[] = signed === undefined ? [] : [{ type: 'head', signed }]
      return [{ type: 'chunk', jobId: known.jobId, chunk }, ...covered]
    })
    return [...replies.map((each) => reply(stream, each)), ...this.#closed(stream, known, request.signature)]
  }

  /** Of a job that was looked up while it ended, nothing may be left in the store by now: it is over all the same. */
  #closed(stream: StreamId, { jobId, heads }: CutJob, by: string): ProviderEffect[] {
    if (heads.length === 0) this.#remember(jobId, 'job-closed', by)
    const owed = heads.at(-1)?.head.fee ?? 0n
    return [refusal(stream, jobId, 'job-closed', `a restart cut this job off; it cost ${owed}`)]
  }

  /** A quorum job waits for its certificate while one may come. */
  #answerAgain(stream: StreamId, answer: StoredAnswer, isEntitled: boolean): ProviderEffect[] {
    const { jobId, record } = answer
    const outcome = outcomeOf(record.receipt.status)
    const chunks = isEntitled ? answer.chunks : []
    if (record.job.mode !== MODE.quorum) return replay(stream, answer, chunks, [{ type: 'end', jobId, outcome }])
    if (this.#checkpoints.wait(jobId, stream)) return replay(stream, answer, chunks, [])
    const certified = this.#checkpoints.certified(jobId) ?? answer.certified
    if (certified === undefined) return replay(stream, answer, chunks, [{ type: 'end', jobId, outcome: 'uncertified' }])
    return replay(stream, answer, chunks, [
      { type: 'certificate', ...certified },
      { type: 'end', jobId, outcome },
    ])
  }

  /** R27: what became of a job, to who sent it alone. */
  #onRecall({ stream, peer, jobId, stored }: Extract<ProviderEvent, { type: 'recall' }>): ProviderEffect[] {
    const running = this.#jobs.get(jobId)
    const known = this.#recent.get(jobId) ?? stored
    const job =
      running?.request.job ?? (known === undefined ? undefined : 'record' in known ? known.record.job : known.job)
    if (job === undefined) {
      if (peer !== undefined) this.#remember(jobId, 'not-found', peer)
      return [refusal(stream, jobId, 'not-found', 'no such job was admitted, or it cost nothing')]
    }
    if (job.requester !== peer) return [refusal(stream, jobId, 'not-entitled', 'expected the peer that sent this job')]
    if (running !== undefined || known === undefined)
      return [refusal(stream, jobId, 'not-ready', 'this job runs; send it again to attach')]
    if ('record' in known) return this.#answerAgain(stream, known, false)
    const signed = known.heads.at(-1)
    return [
      ...(signed === undefined ? [] : [reply(stream, { type: 'head', signed })]),
      ...this.#closed(stream, known, peer),
    ]
  }

  #onCertified({
    certificate,
    decided,
    accepted,
    now,
  }: Extract<ProviderEvent, { type: 'certified' }>): ProviderEffect[] {
    const decisions = this.#checkpoints.onCertified(certificate, decided, accepted)
    return decisions === undefined ? [] : this.#decide(decisions, [{ kind: 'certificate', certificate }], now)
  }

  /** R11: the last slice of a quorum job is owed once it is accepted; what is not is paid back. */
  #decide(decisions: readonly Decision[], entries: readonly ProviderEntry[], now: number): ProviderEffect[] {
    const step: Step = { entries: [...entries], after: [] }
    for (const { jobId, accepted, replies } of decisions) {
      if (this.#ledger?.job(jobId) !== undefined) step.entries.push(...this.#ledger.certified(jobId, accepted, now))
      step.after.push(...replies.map(({ stream, reply: each }) => reply(stream, each)))
    }
    return done(step)
  }

  #whenDrained(): ProviderEffect[] {
    return this.#draining && this.#jobs.size === 0 ? [{ type: 'drained' }] : []
  }
}

type PaymentEventType =
  | 'started'
  | 'channel-loaded'
  | 'channel-unloaded'
  | 'channel-shown'
  | 'funds'
  | 'voucher'
  | 'refunding'
  | 'refund-ended'
  | 'voucher-due'
  | 'settle-due'

const newStep = (): Step => ({ entries: [], after: [] })

const done = ({ entries, after }: Step): ProviderEffect[] => [...carried(entries), ...after]

const carried = (entries: readonly ProviderEntry[]): ProviderEffect[] =>
  entries.length === 0 ? [] : [{ type: 'persist', entries: latest(entries) }]

/** Of several states of one account only the last is kept: they become durable together. */
function latest(entries: readonly ProviderEntry[]): readonly ProviderEntry[] {
  const names = entries.map(nameOf)
  return entries.filter((_, at) => names[at] === undefined || names.lastIndexOf(names[at]) === at)
}

function nameOf(entry: ProviderEntry): string | undefined {
  if (entry.kind === 'channel-account') return `channel ${entry.account.id}`
  return entry.kind === 'job-account' ? `job ${entry.account.jobId}` : undefined
}

const isInputOf = ({ job, inputSalt }: JobRequest, input: Uint8Array): boolean =>
  inputHashOf(inputSalt, input) === job.inputHash

/** Whoever repeats a running job sends what the first one sent, byte for byte: only its sender knows all of it. */
const sameRequest = (first: JobRequest, other: JobRequest): boolean =>
  first.inputSalt === other.inputSalt &&
  first.sealed === other.sealed &&
  first.input.length === other.input.length &&
  first.input.every((byte, at) => byte === other.input[at])

const partReplies = ({ chunks, signed }: ReleasedPart, jobId: Digest): ProviderReply[] => [
  ...chunks.map((chunk): ProviderReply => ({ type: 'chunk', jobId, chunk })),
  { type: 'head', signed },
]

const receiptReply = ({ receipt, receiptSignature, runtimeClass, traceHash }: JobRecord): ProviderReply => ({
  type: 'receipt',
  signed: { receipt, signature: receiptSignature },
  runtimeClass,
  traceHash,
})

/** Chunks each followed by the head that covers them, the receipt, and how it ends. */
function replay(
  stream: StreamId,
  { record, jobId }: StoredAnswer,
  chunks: StoredAnswer['chunks'],
  end: readonly ProviderReply[],
): ProviderEffect[] {
  const heads = new Map(record.heads.map((signed) => [signed.head.index, signed]))
  const replies: ProviderReply[] = []
  for (const chunk of chunks) {
    replies.push({ type: 'chunk', jobId, chunk })
    const signed = heads.get(chunk.index)
    if (signed !== undefined) replies.push({ type: 'head', signed })
  }
  return [...replies, receiptReply(record), ...end].map((each) => reply(stream, each))
}

const wordsOf = ({ expected, got }: PaymentProblem): string => `expected ${expected}, got ${got}`

const reply = (stream: StreamId, entry: ProviderReply): ProviderEffect => ({ type: 'reply', stream, reply: entry })
const refusal = (stream: StreamId, jobId: Digest, code: RefusalCode, message: string): ProviderEffect =>
  reply(stream, { type: 'refusal', jobId, code, message })
