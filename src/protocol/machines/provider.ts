import { hasBit } from '../bitmap.ts'
import { dropOldest } from '../boundedMap.ts'
import { ChunkChain, inputHashOf, MAX_CHUNK_BYTES, MAX_CHUNKS_PER_HEAD, traceDigestOf } from '../chunks.ts'
import type { Outcome, RefusalCode } from '../codes.ts'
import { type Domain, digestOf } from '../eip712.ts'
import { ceilingOf, chargeOf } from '../fee.ts'
import { bytesToHex, type Digest, ZERO_DIGEST } from '../hex.ts'
import { parametersHashOf } from '../jobParameters.ts'
import { merkleProof, merkleRoot } from '../merkle.ts'
import type {
  Certificate,
  JobRecord,
  SignedCheckpoint,
  SignedGrant,
  SignedHead,
  SignedJob,
  SignedReceipt,
  TranscriptChunk,
} from '../messages.ts'
import {
  CHECKPOINT,
  type Checkpoint,
  HEAD,
  type Head,
  JOB,
  type Job,
  MODE,
  type Offer,
  PRIVACY,
  RECEIPT,
  type Receipt,
  STATUS,
  type Terms,
  TIER,
} from '../objects.ts'
import type { Parameters, Profile } from '../parameters.ts'
import type { Random, Secp256k1, Signature, Signer } from '../ports.ts'

/** One stream a peer opened; the role that runs the machine knows what it stands for. */
export type StreamId = number

export interface JobRequest extends SignedJob {
  readonly inputSalt: Digest
  /** Canonical tensors, or HPKE ciphertext when `sealed`. */
  readonly input: Uint8Array
  readonly sealed: boolean
  /** RFC 8785 bytes. */
  readonly parameters: Uint8Array
}

/** What is kept of a finished job: enough to answer a repeated Job (R10, section 4.3) and to prove it. */
export interface StoredAnswer {
  readonly jobId: Digest
  readonly record: JobRecord
  /** Plain, as the heads cover them; none when the job's privacy keeps them off the disk. */
  readonly chunks: readonly TranscriptChunk[]
}

export interface OfferedTerms {
  readonly terms: Terms
  readonly digest: Digest
  readonly offer: Offer
  readonly offerSignature: Signature
  readonly index: number
  readonly proof: readonly Digest[]
}

/** A grant whose session key this process holds. */
export interface ActiveGrant {
  readonly signed: SignedGrant
  readonly digest: Digest
  readonly session: Signer
  readonly assurance: number
  readonly models: readonly Digest[]
}

/** What survives a restart (R27). */
export interface ProviderHistory {
  /** Next checkpoint sequence and the digest of the last one. */
  readonly nextCheckpoint: number
  readonly previousCheckpoint: Digest
  /** Receipts signed but not yet under a checkpoint, by grant and ascending sequence. */
  readonly loose: readonly StoredAnswer[]
}

export interface ProviderInit {
  readonly domain: Domain
  readonly profile: Profile
  readonly parameters: Parameters
  readonly crypto: Secp256k1
  readonly random: Random
  readonly operator: Signer
  readonly tiers: readonly number[]
  readonly privacy: readonly number[]
  /** Jobs that may run or wait at once. */
  readonly slots: number
  readonly maxInputBytes: number
  readonly history: ProviderHistory
}

export interface RunResult {
  readonly output: Uint8Array
  readonly units: number
  readonly traceHash: Digest
  readonly runtimeClass: Digest
  readonly startedAt: number
  readonly finishedAt: number
}

export type ProviderEvent =
  | { readonly type: 'granted'; readonly grant: ActiveGrant }
  | { readonly type: 'offered'; readonly terms: readonly OfferedTerms[] }
  | {
      readonly type: 'job'
      readonly now: number
      readonly stream: StreamId
      readonly request: JobRequest
      /** What the store holds of this job id. */
      readonly stored: StoredAnswer | 'reserved' | undefined
    }
  | { readonly type: 'input-opened'; readonly now: number; readonly jobId: Digest; readonly input: Uint8Array }
  | { readonly type: 'run-finished'; readonly now: number; readonly jobId: Digest; readonly result: RunResult }
  | { readonly type: 'job-failed'; readonly jobId: Digest; readonly code: RefusalCode; readonly message: string }
  | { readonly type: 'stream-closed'; readonly stream: StreamId }
  | { readonly type: 'checkpoint-due'; readonly now: number }
  | { readonly type: 'checkpoint-seed'; readonly seed: CheckpointSeed }
  /** No block of the right age is known: the receipts wait and the close is tried again. */
  | { readonly type: 'seed-unavailable'; readonly now: number }
  | {
      readonly type: 'certified'
      readonly certificate: Certificate
      /** Receipts accepted or rejected by it. */
      readonly decided: bigint
    }
  | { readonly type: 'certificate-abandoned'; readonly checkpoint: Digest }
  | { readonly type: 'drain' }

export interface CheckpointSeed {
  readonly epoch: number
  readonly blockNumber: number
  readonly blockHash: Digest
  readonly createdAt: number
}

export type ProviderEntry =
  | { readonly kind: 'reservation'; readonly jobId: Digest; readonly job: Job }
  | { readonly kind: 'release'; readonly jobId: Digest }
  /** `digest`: of the receipt. */
  | { readonly kind: 'answer'; readonly answer: StoredAnswer; readonly digest: Digest }
  | {
      readonly kind: 'checkpoint'
      readonly signed: SignedCheckpoint
      readonly digest: Digest
      readonly jobs: readonly Digest[]
    }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }

export type ProviderReply =
  | { readonly type: 'accepted'; readonly jobId: Digest; readonly grant: Digest }
  | { readonly type: 'chunk'; readonly jobId: Digest; readonly chunk: TranscriptChunk }
  | { readonly type: 'head'; readonly signed: SignedHead }
  | {
      readonly type: 'receipt'
      readonly signed: SignedReceipt
      readonly runtimeClass: Digest
      readonly traceHash: Digest
    }
  | {
      readonly type: 'certificate'
      readonly signed: SignedCheckpoint
      readonly certificate: Certificate
      readonly receiptProof: readonly Digest[]
    }
  | { readonly type: 'end'; readonly jobId: Digest; readonly outcome: Outcome }
  | { readonly type: 'refusal'; readonly jobId: Digest; readonly code: RefusalCode; readonly message: string }

export type ProviderEffect =
  /** Durable before any later effect of the same list is carried out (R27). */
  | { readonly type: 'persist'; readonly entries: readonly ProviderEntry[] }
  | { readonly type: 'reply'; readonly stream: StreamId; readonly reply: ProviderReply }
  | { readonly type: 'open-input'; readonly jobId: Digest; readonly job: Job; readonly sealed: Uint8Array }
  | { readonly type: 'run'; readonly jobId: Digest; readonly job: Job; readonly input: Uint8Array }
  | { readonly type: 'cancel'; readonly jobId: Digest }
  /** Ask for `checkpoint-due` at this time unless one is already asked for earlier. */
  | { readonly type: 'schedule-checkpoint'; readonly at: number }
  | { readonly type: 'choose-seed' }
  | {
      readonly type: 'publish-checkpoint'
      readonly signed: SignedCheckpoint
      readonly digest: Digest
      readonly records: readonly JobRecord[]
    }
  | { readonly type: 'drained' }

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
}

/** Streams that are owed the certificate of a quorum job. */
interface Waiting {
  streams: StreamId[]
}

interface LooseReceipt {
  readonly answer: StoredAnswer
  readonly digest: Digest
  readonly waiting: Waiting | undefined
}

interface OpenCheckpoint {
  readonly signed: SignedCheckpoint
  readonly receipts: readonly {
    readonly jobId: Digest
    readonly digest: Digest
    readonly waiting: Waiting | undefined
  }[]
}

const MAX_RECENT = 256

/** A job must have been created this recently, so that reservations need not be kept for ever, ms. */
const MAX_JOB_AGE_MS = 60_000

/**
 * The provider's rules (sections 4 and 5, R8, R10, R14, R27): admits jobs, signs heads, receipts and checkpoints in
 * write-ahead order. Events in, effects out; effects of one list are carried out in order.
 */
export class ProviderMachine {
  readonly #init: ProviderInit
  readonly #terms = new Map<Digest, OfferedTerms>()
  readonly #jobs = new Map<Digest, RunningJob>()
  /** Finished jobs whose answer may not be readable in the store yet. */
  readonly #recent = new Map<Digest, StoredAnswer>()
  readonly #checkpoints = new Map<Digest, OpenCheckpoint>()
  /** Quorum jobs whose certificate may still come, until it does or is given up. */
  readonly #waiting = new Map<Digest, Waiting>()
  #grant: NumberedGrant | undefined
  #loose: LooseReceipt[] = []
  #closing: LooseReceipt[] | undefined
  #dueAt: number | undefined
  #nextCheckpoint: number
  #previousCheckpoint: Digest
  #draining = false

  constructor(init: ProviderInit) {
    this.#init = init
    this.#nextCheckpoint = init.history.nextCheckpoint
    this.#previousCheckpoint = init.history.previousCheckpoint
    this.#loose = init.history.loose.map((answer) => ({
      answer,
      digest: digestOf(init.domain, RECEIPT, answer.record.receipt),
      waiting: undefined,
    }))
  }

  get load(): { readonly running: number; readonly slots: number } {
    return { running: this.#jobs.size, slots: this.#init.slots }
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
        return this.#onInput(event.jobId, event.input)
      case 'run-finished':
        return this.#onRunFinished(event)
      case 'job-failed':
        return this.#onFailed(event.jobId, event.code, event.message)
      case 'stream-closed':
        return this.#onStreamClosed(event.stream)
      case 'checkpoint-due':
        return this.#onDue(event.now)
      case 'checkpoint-seed':
        return this.#onSeed(event.seed)
      case 'seed-unavailable':
        return this.#onNoSeed(event.now)
      case 'certified':
        return this.#onCertified(event.certificate, event.decided)
      case 'certificate-abandoned':
        return this.#onAbandoned(event.checkpoint)
      case 'drain':
        this.#draining = true
        return this.#whenDrained()
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
    const running = this.#jobs.get(jobId)
    if (running !== undefined) {
      if (!sameRequest(running.request, request))
        return [refusal(stream, jobId, 'duplicate-job', 'expected the input and salt this job came with')]
      running.streams.push(stream)
      return [reply(stream, { type: 'accepted', jobId, grant: running.request.job.grant })]
    }
    const recent = this.#recent.get(jobId)
    if (recent !== undefined) return this.#repeat(stream, request, recent)
    if (stored === 'reserved')
      return [refusal(stream, jobId, 'job-closed', 'this job was reserved before a restart and cost nothing')]
    if (stored !== undefined) return this.#repeat(stream, request, stored)
    const refused = this.#admit(jobId, request, now)
    if (refused !== undefined) return [refusal(stream, jobId, refused.code, refused.message)]
    const grant = this.#grant as NumberedGrant
    const terms = this.#terms.get(request.job.terms) as OfferedTerms
    this.#jobs.set(jobId, { request, terms, grant, streams: [stream], input: undefined })
    const start: ProviderEffect[] = request.sealed
      ? [{ type: 'open-input', jobId, job: request.job, sealed: request.input }]
      : this.#onInput(jobId, request.input)
    if (!this.#jobs.has(jobId)) return start
    return [
      ...start,
      { type: 'persist', entries: [{ kind: 'reservation', jobId, job: request.job }] },
      reply(stream, { type: 'accepted', jobId, grant: grant.digest }),
    ]
  }

  /** Section 4.3: signature, terms, channel, slot, deadline; cheap first, signature last. */
  #admit(jobId: Digest, request: JobRequest, now: number): { code: RefusalCode; message: string } | undefined {
    const { parameters, profile, operator, tiers, privacy, slots, maxInputBytes, crypto } = this.#init
    const { job } = request
    if (this.#draining) return no('shutting-down', 'this provider is shutting down; ask another')
    if (job.provider !== operator.address) return no('wrong-provider', `expected provider ${operator.address}`)
    if (this.#grant === undefined || job.grant !== this.#grant.digest)
      return no('unknown-grant', `expected the current grant ${this.#grant?.digest ?? 'none'}`)
    if (now >= this.#grant.signed.grant.notAfter)
      return no('expired-grant', `this grant ended at ${this.#grant.signed.grant.notAfter}`)
    if (!this.#grant.models.includes(job.model)) return no('unknown-model', `model ${job.model} is not offered here`)
    const offered = this.#terms.get(job.terms)
    if (offered === undefined || offered.terms.model !== job.model)
      return no('unknown-terms', 'expected terms of a current offer')
    if (offered.terms.validUntil < job.createdAt)
      return no('expired-terms', `these terms ended at ${offered.terms.validUntil}`)
    if (job.token !== offered.terms.token) return no('payment-required', `expected token ${offered.terms.token}`)
    if (job.channel !== ZERO_DIGEST)
      return no('payment-required', 'expected channel 0: payment channels are not served yet')
    if (profile !== 'devnet') return no('payment-required', 'unpaid jobs (channel 0) are admitted on a devnet only')
    if (!tiers.includes(job.tier)) return no('unsupported-tier', `expected a tier of ${tiers.join(', ')}`)
    if (!privacy.includes(job.privacy)) return no('unsupported-privacy', `expected privacy of ${privacy.join(', ')}`)
    if (job.mode === MODE.audited) return no('unsupported-mode', 'expected local, buffered or quorum')
    if (sealRequired(job) !== request.sealed) {
      return no(
        'seal-required',
        request.sealed ? 'expected plain input for this tier' : 'expected HPKE-sealed input for this tier',
      )
    }
    if (job.createdAt > now + parameters.futureTolerance) return no('bad-clock', `expected at most ${now}`)
    if (job.createdAt < now - MAX_JOB_AGE_MS) return no('bad-clock', `expected at least ${now - MAX_JOB_AGE_MS}`)
    if (job.deadline <= now) return no('bad-deadline', `expected a deadline after ${now}`)
    if (job.deadline > now + parameters.jobDeadline)
      return no('bad-deadline', `expected at most ${now + parameters.jobDeadline}`)
    if (job.maxOutputUnits > offered.terms.maxOutputUnits)
      return no('output-too-long', `expected at most ${offered.terms.maxOutputUnits}`)
    const ceiling = ceilingOf(offered.terms, 0, job.maxOutputUnits)
    if (job.maxFee < ceiling) return no('over-ceiling', `expected maxFee of at least ${ceiling}`)
    if (request.input.length > maxInputBytes) return no('bad-input', `expected at most ${maxInputBytes} bytes`)
    if (parametersHashOf(request.parameters) !== job.parametersHash)
      return no('bad-parameters', 'expected the parameters the job names')
    if (this.#jobs.size >= slots) return no('busy', `all ${slots} slots are taken; retry elsewhere`)
    if (crypto.recover(jobId, request.signature) !== job.requester) {
      return no('bad-signature', `expected the signature of ${job.requester}`)
    }
    return undefined
  }

  #onInput(jobId: Digest, input: Uint8Array): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job === undefined) return []
    if (job.streams.length === 0) return this.#onFailed(jobId, 'cancelled', 'nobody waits for this job any more')
    if (inputHashOf(job.request.inputSalt, input) !== job.request.job.inputHash) {
      return this.#onFailed(jobId, 'bad-input', 'expected the input the job names')
    }
    job.input = input
    return [{ type: 'run', jobId, job: job.request.job, input }]
  }

  /** Signs heads and the receipt, stores them, then releases (section 4.3, R27). */
  #onRunFinished({ jobId, result, now }: Extract<ProviderEvent, { type: 'run-finished' }>): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job?.input === undefined) return []
    if (result.units > job.request.job.maxOutputUnits) {
      return this.#onFailed(
        jobId,
        'output-too-long',
        `expected at most ${job.request.job.maxOutputUnits} units, got ${result.units}`,
      )
    }
    if (result.finishedAt > job.request.job.deadline) {
      return this.#onFailed(jobId, 'deadline-exceeded', `expected an answer by ${job.request.job.deadline}`)
    }
    this.#jobs.delete(jobId)
    const { answer, chunks, digest } = this.#sign(jobId, job, result, job.input)
    this.#remember(answer)
    const quorum = job.request.job.mode === MODE.quorum
    const waiting = quorum ? { streams: job.streams } : undefined
    if (waiting !== undefined) this.#waiting.set(jobId, waiting)
    this.#loose.push({ answer, digest, waiting })
    return [
      { type: 'persist', entries: [{ kind: 'answer', answer, digest }] },
      ...job.streams.flatMap((stream) => this.#replay(stream, answer, chunks, quorum ? undefined : 'complete')),
      ...this.#schedule(quorum, now),
      ...this.#whenDrained(),
    ]
  }

  #sign(
    jobId: Digest,
    job: RunningJob,
    result: RunResult,
    input: Uint8Array,
  ): { readonly answer: StoredAnswer; readonly chunks: readonly TranscriptChunk[]; readonly digest: Digest } {
    const { domain, random } = this.#init
    const { grant, terms, request } = job
    const usage = {
      inputUnits: 0,
      outputUnits: result.units,
      startedAt: result.startedAt,
      finishedAt: result.finishedAt,
    }
    const charge = chargeOf(terms.terms, usage)
    const data = splitChunks(result.output)
    const chain = new ChunkChain(jobId)
    const chunks: TranscriptChunk[] = []
    const heads: SignedHead[] = []
    const headDigests: Digest[] = []
    for (const [at, bytes] of data.entries()) {
      const chunk = { index: at + 1, data: bytes, salt: bytesToHex(random(32)) }
      chain.accept(chunk)
      chunks.push(chunk)
      const last = at === data.length - 1
      if (!last && at !== 0 && at % MAX_CHUNKS_PER_HEAD !== 0) continue
      const head: Head = {
        jobId,
        grant: grant.digest,
        index: chain.index,
        head: chain.head,
        outputUnits: last ? result.units : 0,
        fee: last ? charge.fee : 0n,
      }
      const headDigest = digestOf(domain, HEAD, head)
      headDigests.push(headDigest)
      heads.push({ head, signature: grant.session.sign(headDigest) })
    }
    const { job: order } = request
    const receipt: Receipt = {
      jobId,
      grant: grant.digest,
      provider: order.provider,
      requester: order.requester,
      channel: order.channel,
      sequence: grant.nextReceipt,
      model: order.model,
      inputHash: order.inputHash,
      parametersHash: order.parametersHash,
      terms: order.terms,
      outputHead: chain.head,
      headsRoot: merkleRoot('head', headDigests),
      chunks: chain.index,
      inputUnits: usage.inputUnits,
      outputUnits: usage.outputUnits,
      ...charge,
      memoryMB: terms.terms.memoryMB,
      chargedAfter: 0n,
      evidence: grant.signed.grant.evidence,
      trace: traceDigestOf(result.runtimeClass, result.traceHash),
      assurance: grant.assurance,
      status: STATUS.complete,
      startedAt: usage.startedAt,
      finishedAt: usage.finishedAt,
    }
    grant.nextReceipt += 1
    const digest = digestOf(domain, RECEIPT, receipt)
    const transcript =
      order.privacy === PRIVACY.sealed
        ? undefined
        : { inputSalt: request.inputSalt, input, parameters: request.parameters, chunks }
    const record: JobRecord = {
      job: order,
      jobSignature: request.signature,
      terms: terms.terms,
      offer: terms.offer,
      offerSignature: terms.offerSignature,
      termsIndex: terms.index,
      termsProof: terms.proof,
      heads,
      receipt,
      receiptSignature: grant.session.sign(digest),
      runtimeClass: result.runtimeClass,
      traceHash: result.traceHash,
      ...(transcript === undefined ? {} : { transcript }),
    }
    return { answer: { jobId, record, chunks: transcript?.chunks ?? [] }, chunks, digest }
  }

  #remember(answer: StoredAnswer): void {
    this.#recent.set(answer.jobId, answer)
    dropOldest(this.#recent, MAX_RECENT)
  }

  /**
   * A repeated Job gets the stored receipt; the chunks only who shows the plain input, since job and signature are in
   * records that others hold (R10). A quorum job waits for its certificate while one may come.
   */
  #repeat(stream: StreamId, { job, inputSalt, input }: JobRequest, answer: StoredAnswer): ProviderEffect[] {
    const entitled = !sealRequired(job) && inputHashOf(inputSalt, input) === job.inputHash
    const chunks = entitled ? answer.chunks : []
    const waiting = this.#waiting.get(answer.jobId)
    if (waiting === undefined)
      return this.#replay(stream, answer, chunks, job.mode === MODE.quorum ? 'uncertified' : 'complete')
    waiting.streams.push(stream)
    return this.#replay(stream, answer, chunks, undefined)
  }

  /** Chunks each followed by the head that covers them, the receipt, and the terminal frame unless a certificate is due. */
  #replay(
    stream: StreamId,
    answer: StoredAnswer,
    chunks: readonly TranscriptChunk[],
    outcome: Outcome | undefined,
  ): ProviderEffect[] {
    const { record, jobId } = answer
    const heads = new Map(record.heads.map((signed) => [signed.head.index, signed]))
    const replies: ProviderReply[] = []
    for (const chunk of chunks) {
      replies.push({ type: 'chunk', jobId, chunk })
      const signed = heads.get(chunk.index)
      if (signed !== undefined) replies.push({ type: 'head', signed })
    }
    const signed = { receipt: record.receipt, signature: record.receiptSignature }
    replies.push({ type: 'receipt', signed, runtimeClass: record.runtimeClass, traceHash: record.traceHash })
    if (outcome !== undefined) replies.push({ type: 'end', jobId, outcome })
    return replies.map((entry) => reply(stream, entry))
  }

  #onFailed(jobId: Digest, code: RefusalCode, message: string): ProviderEffect[] {
    const job = this.#jobs.get(jobId)
    if (job === undefined) return []
    this.#jobs.delete(jobId)
    return [
      { type: 'persist', entries: [{ kind: 'release', jobId }] },
      ...job.streams.map((stream) => refusal(stream, jobId, code, message)),
      ...this.#whenDrained(),
    ]
  }

  #onStreamClosed(stream: StreamId): ProviderEffect[] {
    const effects: ProviderEffect[] = []
    for (const [jobId, job] of this.#jobs) {
      if (!job.streams.includes(stream)) continue
      job.streams = job.streams.filter((open) => open !== stream)
      effects.push(refusal(stream, jobId, 'cancelled', 'the requester left'))
      if (job.streams.length === 0) effects.push({ type: 'cancel', jobId })
    }
    return effects
  }

  /** R8: 256 receipts, or 250 ms when a quorum job waits, or the idle delay. */
  #schedule(quorum: boolean, now: number): ProviderEffect[] {
    const { parameters } = this.#init
    const full = this.#loose.length >= parameters.checkpointReceipts && this.#closing === undefined
    return this.#scheduleAt(
      full ? now : now + (quorum ? parameters.checkpointQuorumDelay : parameters.checkpointIdleDelay),
    )
  }

  #scheduleAt(at: number): ProviderEffect[] {
    if (this.#dueAt !== undefined && this.#dueAt <= at) return []
    this.#dueAt = at
    return [{ type: 'schedule-checkpoint', at }]
  }

  /** Asks for a seed, and again after the idle delay should no answer come. */
  #askSeed(now: number): ProviderEffect[] {
    return [{ type: 'choose-seed' }, ...this.#scheduleAt(now + this.#init.parameters.checkpointIdleDelay)]
  }

  #onDue(now: number): ProviderEffect[] {
    this.#dueAt = undefined
    if (this.#closing !== undefined) return this.#askSeed(now)
    const first = this.#loose[0]
    if (first === undefined) return []
    const grant = first.answer.record.receipt.grant
    const sameGrant = this.#loose.findIndex(({ answer }) => answer.record.receipt.grant !== grant)
    const limit = this.#init.parameters.checkpointReceipts
    const count = Math.min(sameGrant === -1 ? this.#loose.length : sameGrant, limit)
    this.#closing = this.#loose.slice(0, count)
    this.#loose = this.#loose.slice(count)
    return this.#askSeed(now)
  }

  #onSeed(seed: CheckpointSeed): ProviderEffect[] {
    const receipts = this.#closing
    const first = receipts?.[0]?.answer.record.receipt
    if (receipts === undefined || first === undefined) return []
    this.#closing = undefined
    const { domain, operator } = this.#init
    const checkpoint: Checkpoint = {
      operator: operator.address,
      grant: first.grant,
      sequence: this.#nextCheckpoint,
      previous: this.#previousCheckpoint,
      firstSequence: first.sequence,
      count: receipts.length,
      receiptsRoot: merkleRoot(
        'receipt',
        receipts.map(({ digest }) => digest),
      ),
      totalFee: receipts.reduce((sum, { answer }) => sum + answer.record.receipt.fee, 0n),
      ...seed,
    }
    const digest = digestOf(domain, CHECKPOINT, checkpoint)
    const signed = { checkpoint, signature: operator.sign(digest) }
    this.#nextCheckpoint += 1
    this.#previousCheckpoint = digest
    const jobs = receipts.map(({ answer }) => answer.jobId)
    this.#checkpoints.set(digest, {
      signed,
      receipts: receipts.map(({ answer, digest: receipt, waiting }) => ({
        jobId: answer.jobId,
        digest: receipt,
        waiting,
      })),
    })
    return [
      { type: 'persist', entries: [{ kind: 'checkpoint', signed, digest, jobs }] },
      { type: 'publish-checkpoint', signed, digest, records: receipts.map(({ answer }) => answer.record) },
      ...(this.#loose.length > 0
        ? this.#schedule(
            this.#loose.some(({ waiting }) => waiting !== undefined),
            seed.createdAt,
          )
        : []),
    ]
  }

  #onNoSeed(now: number): ProviderEffect[] {
    if (this.#closing === undefined) return []
    this.#loose = [...this.#closing, ...this.#loose]
    this.#closing = undefined
    return this.#scheduleAt(now + this.#init.parameters.checkpointIdleDelay)
  }

  #onCertified(certificate: Certificate, decided: bigint): ProviderEffect[] {
    const open = this.#checkpoints.get(certificate.checkpoint)
    if (open === undefined) return []
    this.#checkpoints.delete(certificate.checkpoint)
    const digests = open.receipts.map(({ digest }) => digest)
    const replies = open.receipts.flatMap(({ jobId, waiting }, index) => {
      if (waiting === undefined) return []
      this.#waiting.delete(jobId)
      const receiptProof = merkleProof('receipt', digests, index)
      const outcome = hasBit(decided, index) ? 'complete' : 'uncertified'
      return waiting.streams.flatMap((stream) => [
        reply(stream, { type: 'certificate', signed: open.signed, certificate, receiptProof }),
        reply(stream, { type: 'end', jobId, outcome }),
      ])
    })
    return [{ type: 'persist', entries: [{ kind: 'certificate', certificate }] }, ...replies]
  }

  #onAbandoned(checkpoint: Digest): ProviderEffect[] {
    const open = this.#checkpoints.get(checkpoint)
    if (open === undefined) return []
    this.#checkpoints.delete(checkpoint)
    return open.receipts.flatMap(({ jobId, waiting }) => {
      this.#waiting.delete(jobId)
      return (waiting?.streams ?? []).map((stream) => reply(stream, { type: 'end', jobId, outcome: 'uncertified' }))
    })
  }

  #whenDrained(): ProviderEffect[] {
    return this.#draining && this.#jobs.size === 0 ? [{ type: 'drained' }] : []
  }
}

/** R5: inputs for `tee` tiers are sealed to the encryption key. */
export const sealRequired = (job: Pick<Job, 'tier'>): boolean =>
  job.tier === TIER.tee || job.tier === TIER['tee+replay']

/** Whoever repeats a running job sends what the first one sent, byte for byte: only its sender knows all of it. */
const sameRequest = (first: JobRequest, other: JobRequest): boolean =>
  first.inputSalt === other.inputSalt &&
  first.sealed === other.sealed &&
  first.input.length === other.input.length &&
  first.input.every((byte, at) => byte === other.input[at])

function splitChunks(output: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < output.length; at += MAX_PLAIN_CHUNK_BYTES)
    chunks.push(output.subarray(at, at + MAX_PLAIN_CHUNK_BYTES))
  return chunks
}

/** Room for an AEAD tag, so that a sealed chunk keeps to the same limit. */
const MAX_PLAIN_CHUNK_BYTES = MAX_CHUNK_BYTES - 64

const reply = (stream: StreamId, entry: ProviderReply): ProviderEffect => ({ type: 'reply', stream, reply: entry })
const refusal = (stream: StreamId, jobId: Digest, code: RefusalCode, message: string): ProviderEffect =>
  reply(stream, { type: 'refusal', jobId, code, message })
const no = (code: RefusalCode, message: string): { code: RefusalCode; message: string } => ({ code, message })
