import type { ChunkOpener, Sealing } from '../../attestation/index.ts'
import { type Host, isNetError, protocolName } from '../../net/index.ts'
import {
  type Address,
  ANSWER_FAULTS,
  CHECKPOINT,
  type Clock,
  canonicalBytes,
  type Digest,
  type Domain,
  digestOf,
  fail,
  hasBit,
  inputHashOf,
  isRefusalCode,
  type Json,
  ok,
  type Parameters,
  parametersHashOf,
  type Random,
  type RankedOffer,
  RECEIPT,
  type Receipt,
  type RequesterEffect,
  type RequesterEvent,
  RequesterMachine,
  type RequestFailure,
  type RequestSuccess,
  type Result,
  randomDigest,
  rankOffers,
  type Secp256k1,
  type SignedGrant,
  type SignedJob,
  type Signer,
  sealRequired,
  type TranscriptChunk,
  toError,
  type Verdict,
  verifyCertificate,
  verifyMerkleProof,
} from '../../protocol/index.ts'
import type { InferCertificate, InferRequest, InferServerFrame } from '../../wire/index.ts'
import type { CommitteeLookup } from '../committee.ts'
import type { GrantChecker } from '../grants.ts'
import type { RoleLogger } from '../logger.ts'
import type { Offers } from '../offers.ts'
import type { PeerDirectory } from '../peerDirectory.ts'
import { sealingContext } from '../sealingContext.ts'
import type { Sync } from '../sync.ts'
import { FrameFault } from '../typedStream.ts'
import { createInferStreamPool, type InferStream, type InferStreamPool } from './streamPool.ts'

export interface InferenceOrder {
  readonly model: Digest
  /** Canonical tensors. */
  readonly input: Uint8Array
  readonly parameters: Json
  readonly tier: number
  readonly privacy: number
  readonly mode: number
  /** Wei. */
  readonly maxFee?: bigint
  readonly maxOutputUnits: number
  /** ms until the request is given up. */
  readonly timeoutMs: number
  readonly only?: readonly Address[]
  readonly ignore?: readonly Address[]
}

/** What happens while a request runs, for people who watch. */
export type RequestProgress =
  | { readonly type: 'offers'; readonly count: number }
  | { readonly type: 'offer-chosen'; readonly offer: RankedOffer }
  | { readonly type: 'evidence-checked'; readonly provider: Address; readonly assurance: number }
  | { readonly type: 'job-sent'; readonly jobId: Digest; readonly provider: Address }
  | { readonly type: 'chunk'; readonly jobId: Digest; readonly index: number; readonly bytes: number }
  | { readonly type: 'head'; readonly jobId: Digest; readonly index: number; readonly head: Digest }
  | { readonly type: 'receipt'; readonly jobId: Digest; readonly fee: bigint }
  | { readonly type: 'certificate'; readonly jobId: Digest; readonly verdict: Verdict }
  | { readonly type: 'failover'; readonly provider: Address; readonly code: string; readonly message: string }

export interface RequestAnswer extends RequestSuccess {
  readonly inputSalt: Digest
  readonly input: Uint8Array
  readonly parameters: Uint8Array
  readonly grant: SignedGrant
  readonly certificate?: InferCertificate
}

export interface RequestOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RequestProgress) => void
  /** Verified chunks as they may be handed on (section 4.4). */
  readonly onChunks?: (chunks: readonly TranscriptChunk[]) => void
}

export interface Requester {
  request(order: InferenceOrder, options?: RequestOptions): Promise<Result<RequestAnswer, RequestFailure>>
  stop(): Promise<void>
}

/** What a requester keeps: what it asked for before it asks, and what it got (section 4). */
export interface RequesterJournal {
  saveJob(jobId: Digest, signed: SignedJob): Promise<void>
  saveAnswer(answer: RequestAnswer): Promise<void>
}

export interface RequesterComponents {
  readonly host: Host
  readonly directory: PeerDirectory
  readonly offers: Offers
  readonly sync: Sync
  readonly grants: GrantChecker
  readonly committee: CommitteeLookup
  readonly sealing: Sealing
  readonly journal: RequesterJournal
  readonly signer: Signer
  readonly crypto: Secp256k1
  readonly random: Random
  readonly clock: Clock
  readonly logger: RoleLogger
}

export interface RequesterRoleInit {
  readonly domain: Domain
  readonly parameters: Parameters
}

/** How long a request waits for the first offer that fits, ms. */
const OFFER_WAIT_MS = 10_000
const DIAL_TIMEOUT_MS = 10_000
/** A provider that stays silent this long is given up for the next, ms. */
const FRAME_TIMEOUT_MS = 60_000

export function createRequester(components: RequesterComponents, init: RequesterRoleInit): Requester {
  const { host } = components
  const protocol = protocolName(init.domain.networkId, 'infer')
  const pool = createInferStreamPool({
    open: (peer) => host.openStream(peer, protocol, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) }),
    conduct: host.conduct,
  })
  const offDisconnected = host.onPeerDisconnected((peer) => pool.forget(peer))
  const seen = new Map<Address, { latencyMs: number; reputation: number }>()
  return {
    request: (order, options = {}) => new RunningRequest(components, init, pool, seen, order, options).run(),
    stop: () => {
      offDisconnected()
      return pool.close()
    },
  }
}

/** The stream that carries the present attempt. */
interface Conversation {
  readonly stream: InferStream
  readonly provider: Address
  /** A receipt was read, good or bad. */
  receipted: boolean
  /** Its terminal frame was read. */
  ended: boolean
}

/** What a failure says about the peer; one that rests on this node's own policy or view of the chain says nothing. */
function misconductOf(code: string): string | undefined {
  if (code === 'rejected' || code === 'bad-grant') return code
  if (code === 'evidence-digest') return 'bad-evidence'
  return ANSWER_FAULTS.some((fault) => fault === code) ? 'answer-invalid' : undefined
}

type Experiences = Map<Address, { latencyMs: number; reputation: number }>

class RunningRequest {
  readonly #c: RequesterComponents
  readonly #init: RequesterRoleInit
  readonly #pool: InferStreamPool
  readonly #seen: Experiences
  readonly #order: InferenceOrder
  readonly #options: RequestOptions
  readonly #inputSalt: Digest
  readonly #parameters: Uint8Array
  readonly #done = Promise.withResolvers<Result<RequestAnswer, RequestFailure>>()
  #machine: RequesterMachine | undefined
  #conversation: Conversation | undefined
  #opener: ChunkOpener | undefined
  #grant: SignedGrant | undefined
  #certificate: InferCertificate | undefined
  #receipt: Receipt | undefined
  #settled = false

  constructor(
    components: RequesterComponents,
    init: RequesterRoleInit,
    pool: InferStreamPool,
    seen: Experiences,
    order: InferenceOrder,
    options: RequestOptions,
  ) {
    this.#c = components
    this.#init = init
    this.#pool = pool
    this.#seen = seen
    this.#order = order
    this.#options = options
    this.#inputSalt = randomDigest(components.random)
    this.#parameters = canonicalBytes(order.parameters)
  }

  async run(): Promise<Result<RequestAnswer, RequestFailure>> {
    const { domain } = this.#init
    const { signer, crypto, random, clock } = this.#c
    const deadline = clock() + this.#order.timeoutMs
    const offers = await this.#findOffers(deadline)
    this.#progress({ type: 'offers', count: offers.length })
    this.#machine = new RequesterMachine({
      domain,
      crypto,
      random,
      requester: signer,
      offers,
      order: {
        model: this.#order.model,
        inputHash: inputHashOf(this.#inputSalt, this.#order.input),
        parametersHash: parametersHashOf(this.#parameters),
        tier: this.#order.tier,
        privacy: this.#order.privacy,
        mode: this.#order.mode,
        maxFee: this.#order.maxFee,
        maxOutputUnits: this.#order.maxOutputUnits,
        deadline,
      },
    })
    const timer = setTimeout(() => this.#dispatch({ type: 'timeout' }), Math.max(0, deadline - clock()))
    const cancel = (): void => this.#dispatch({ type: 'cancel' })
    this.#options.signal?.addEventListener('abort', cancel, { once: true })
    if (this.#options.signal?.aborted === true) cancel()
    this.#dispatch({ type: 'start' })
    try {
      return await this.#done.promise
    } finally {
      clearTimeout(timer)
      this.#options.signal?.removeEventListener('abort', cancel)
    }
  }

  async #findOffers(deadline: number): Promise<RankedOffer[]> {
    const { offers, clock } = this.#c
    const until = Math.min(deadline, clock() + OFFER_WAIT_MS)
    for (;;) {
      const ranked = this.#rank()
      const left = until - clock()
      if (ranked.length > 0 || left <= 0 || this.#options.signal?.aborted === true) return ranked
      const next = Promise.withResolvers<void>()
      const off = offers.onOffer(() => next.resolve())
      const timer = setTimeout(next.resolve, left)
      this.#options.signal?.addEventListener('abort', () => next.resolve(), { once: true })
      await next.promise
      clearTimeout(timer)
      off()
    }
  }

  #rank(): RankedOffer[] {
    const { model, tier, privacy, maxOutputUnits, maxFee, only, ignore } = this.#order
    return rankOffers(
      this.#init.domain,
      this.#c.offers.live(),
      {
        model,
        tier,
        privacy,
        maxOutputUnits,
        ...(maxFee === undefined ? {} : { maxFee }),
        ...(only === undefined ? {} : { only }),
        ...(ignore === undefined ? {} : { ignore }),
      },
      (operator) => this.#seen.get(operator) ?? { latencyMs: 0, reputation: 0.5 },
    )
  }

  #progress(progress: RequestProgress): void {
    this.#options.onProgress?.(progress)
  }

  #dispatch(event: RequesterEvent): void {
    if (this.#machine === undefined || this.#settled) return
    this.#carryOut(this.#machine.handle(event)).catch((thrown) => {
      const error = toError(thrown)
      this.#c.logger.error({ error: error.message }, 'request not carried out')
      this.#settle(fail({ code: 'stream-failed', message: error.message, deliveredChunks: 0, paid: 0n }))
    })
  }

  #settle(result: Result<RequestAnswer, RequestFailure>): void {
    this.#settled = true
    this.#done.resolve(result)
  }

  async #carryOut(effects: readonly RequesterEffect[]): Promise<void> {
    for (const effect of effects) {
      switch (effect.type) {
        case 'check-evidence':
          this.#progress({ type: 'offer-chosen', offer: effect.offer })
          void this.#checkEvidence(effect.offer)
          break
        case 'persist-job':
          await this.#c.journal.saveJob(effect.jobId, effect.signed)
          break
        case 'send-job':
          void this.#converse(effect.jobId, effect.signed, effect.offer)
          break
        case 'deliver':
          this.#options.onChunks?.(effect.chunks)
          break
        case 'close-stream':
          this.#closeStream(effect.whole)
          break
        case 'report':
          this.#report(effect.provider, effect.code, effect.message)
          break
        case 'succeed':
          await this.#succeed(effect.result)
          break
        case 'fail':
          this.#settle(fail(effect.failure))
          break
      }
    }
  }

  /** A whole answer's stream is left to its reader, who gives it back after the terminal frame. */
  #closeStream(whole: boolean): void {
    const conversation = this.#conversation
    if (conversation === undefined || (whole && !conversation.ended)) return
    this.#conversation = undefined
    if (conversation.ended) this.#pool.give(conversation.stream)
    else conversation.stream.abort(new Error('the request is over'))
  }

  #report(provider: Address, code: string, message: string): void {
    this.#lowerReputation(provider)
    this.#progress({ type: 'failover', provider, code, message })
    const peer = this.#c.directory.peerOf(provider)
    const misconduct = misconductOf(code)
    if (peer !== undefined && misconduct !== undefined) this.#c.host.conduct.report(peer, misconduct, { code })
  }

  /** A provider that dies is ranked lower here; that alone is no misconduct. */
  #lowerReputation(provider: Address): void {
    const known = this.#seen.get(provider) ?? { latencyMs: 0, reputation: 0.5 }
    this.#seen.set(provider, { ...known, reputation: known.reputation / 2 })
  }

  async #succeed(result: RequestSuccess): Promise<void> {
    if (this.#grant === undefined) throw new RangeError('an answer without a checked grant')
    const { provider } = result.receipt.receipt
    const known = this.#seen.get(provider) ?? { latencyMs: 0, reputation: 0.5 }
    this.#seen.set(provider, {
      latencyMs: result.timings.firstChunkMs,
      reputation: Math.min(1, known.reputation + (1 - known.reputation) / 8),
    })
    const answer: RequestAnswer = {
      ...result,
      inputSalt: this.#inputSalt,
      input: this.#order.input,
      parameters: this.#parameters,
      grant: this.#grant,
      ...(this.#certificate === undefined ? {} : { certificate: this.#certificate }),
    }
    await this.#c.journal.saveAnswer(answer)
    this.#settle(ok(answer))
  }

  /** R5, fail-closed: nothing of the input leaves before the grant and its evidence hold. */
  async #checkEvidence(offer: RankedOffer): Promise<void> {
    const { grants, sync, clock } = this.#c
    try {
      const peer = await this.#connect(offer)
      let verdict = await grants.check(offer.signed.grant, clock())
      if (!verdict.ok && verdict.error.code === 'evidence-missing') {
        const grant = offer.signed.offer.grant
        const pulled = await sync.ask(peer, { kind: 'grantRequest', value: { grant } }, 'grant')
        if (!pulled.ok) return this.#dispatch({ type: 'evidence-refused', ...pulled.error })
        const { grant: session, signature } = offer.signed.grant
        verdict = await grants.check({ ...pulled.value.grant, grant: session, signature }, clock())
      }
      if (!verdict.ok) return this.#dispatch({ type: 'evidence-refused', ...verdict.error })
      const { assurance, notChecked } = verdict.value
      this.#grant = verdict.value.signed
      this.#progress({ type: 'evidence-checked', provider: offer.signed.offer.operator, assurance })
      this.#dispatch({ type: 'evidence-accepted', now: clock(), assurance, notChecked })
    } catch (thrown) {
      const error = toError(thrown)
      this.#dispatch({ type: 'evidence-refused', code: 'unreachable', message: error.message })
    }
  }

  async #connect(offer: RankedOffer): Promise<string> {
    const { host, directory } = this.#c
    const { operator } = offer.signed.offer
    const connected = directory.peerOf(operator)
    if (connected !== undefined) return connected
    const failures: string[] = []
    for (const address of offer.signed.addresses) {
      try {
        const peer = await host.connect(address, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
        if (directory.operatorOf(peer) === operator) return peer
        failures.push(`${address} is another operator`)
      } catch (thrown) {
        failures.push(toError(thrown).message)
      }
    }
    throw new Error(`no address of ${operator} answers: ${failures.join('; ') || 'none given'}`)
  }

  async #converse(jobId: Digest, signed: SignedJob, offer: RankedOffer): Promise<void> {
    const { operator } = offer.signed.offer
    let conversation: Conversation | undefined
    try {
      const peer = this.#c.directory.peerOf(operator)
      if (peer === undefined) throw new Error(`the connection to ${operator} is gone`)
      const request = await this.#requestOf(signed, offer)
      const stream = await this.#pool.take(peer)
      if (this.#settled) return this.#pool.give(stream)
      conversation = { stream, provider: operator, receipted: false, ended: false }
      this.#conversation = conversation
      await stream.write({ kind: 'request', value: request })
      this.#progress({ type: 'job-sent', jobId, provider: operator })
      await this.#readAnswer(conversation, jobId)
    } catch (thrown) {
      if (this.#conversation !== conversation) return
      const code = thrown instanceof FrameFault || isNetError(thrown) ? thrown.code : 'stream-failed'
      if (conversation !== undefined) this.#lowerReputation(operator)
      this.#dispatch({ type: 'stream-failed', code, message: toError(thrown).message })
    }
  }

  async #requestOf(signed: SignedJob, offer: RankedOffer): Promise<InferRequest> {
    const sealed = sealRequired(signed.job)
    const base = { ...signed, inputSalt: this.#inputSalt, parameters: this.#parameters, sealed }
    this.#opener = undefined
    if (!sealed) return { ...base, input: this.#order.input }
    const context = sealingContext(signed.job.grant, signed.job.requester)
    const { encryptionKey } = offer.signed.grant.grant
    const input = await this.#c.sealing.sealInput(encryptionKey, this.#order.input, context)
    if (!input.ok) throw input.error
    this.#opener = input.value.response.opener('to-requester')
    return { ...base, input: input.value.sealed }
  }

  async #readAnswer(conversation: Conversation, jobId: Digest): Promise<void> {
    const { stream } = conversation
    while (this.#conversation === conversation) {
      const frame = await stream.read({ timeoutMs: FRAME_TIMEOUT_MS })
      if (this.#conversation !== conversation) return
      if (frame === undefined) {
        if (!conversation.receipted) this.#lowerReputation(conversation.provider)
        return this.#dispatch({
          type: 'stream-failed',
          code: 'unexpected-end',
          message: 'the stream ended without a terminal frame',
        })
      }
      conversation.ended = frame.kind === 'end' || frame.kind === 'refusal'
      if (frame.kind === 'receipt') conversation.receipted = true
      if (frame.kind === 'end' && !conversation.receipted) {
        this.#lowerReputation(conversation.provider)
        this.#c.host.conduct.report(stream.peer, 'answer-invalid', { code: 'no-receipt', jobId })
      }
      await this.#onFrame(frame, stream, jobId)
      if (conversation.ended && this.#conversation === conversation) this.#closeStream(true)
    }
  }

  async #onFrame(frame: InferServerFrame, stream: InferStream, jobId: Digest): Promise<void> {
    const now = this.#c.clock()
    switch (frame.kind) {
      case 'accepted':
        return this.#dispatch({ type: 'accepted' })
      case 'chunk': {
        const chunk = await this.#openChunk(frame.value)
        this.#progress({ type: 'chunk', jobId, index: chunk.index, bytes: chunk.data.length })
        return this.#dispatch({ type: 'chunk', now, chunk })
      }
      case 'head':
        this.#progress({ type: 'head', jobId, index: frame.value.head.index, head: frame.value.head.head })
        return this.#dispatch({ type: 'head', now, signed: frame.value })
      case 'receipt': {
        const { receipt: signed, runtimeClass, traceHash } = frame.value
        this.#progress({ type: 'receipt', jobId, fee: signed.receipt.fee })
        this.#receipt = signed.receipt
        return this.#dispatch({ type: 'receipt', now, signed, runtimeClass, traceHash })
      }
      case 'certificate':
        return this.#onCertificate(frame.value, stream, jobId)
      case 'end':
        return this.#dispatch({ type: 'end', now, outcome: frame.value.outcome })
      case 'refusal': {
        const { code, message } = frame.value
        if (!isRefusalCode(code)) throw stream.misplaced(`unknown refusal ${code}`)
        return this.#dispatch({ type: 'refused', code, message })
      }
    }
  }

  async #openChunk({ index, data, salt }: TranscriptChunk): Promise<TranscriptChunk> {
    if (this.#opener === undefined) return { index, data, salt }
    const opened = await this.#opener.openChunk(index, data)
    if (!opened.ok) throw opened.error
    return { index, data: opened.value, salt }
  }

  /** Every vote, the committee and the inclusion are checked here; the provider's word counts for nothing (R11, R14). */
  async #onCertificate(value: InferCertificate, stream: InferStream, jobId: Digest): Promise<void> {
    const checked = await this.#checkCertificate(value)
    if (!checked.ok) {
      this.#c.host.conduct.report(stream.peer, 'bad-certificate', { jobId, problem: checked.error })
      return this.#dispatch({ type: 'stream-failed', code: 'bad-certificate', message: checked.error })
    }
    const verdict = checked.value
    this.#certificate = value
    this.#progress({ type: 'certificate', jobId, verdict })
    this.#dispatch({ type: 'certified', now: this.#c.clock(), checkpoint: value.checkpoint, verdict })
  }

  async #checkCertificate(value: InferCertificate): Promise<Result<Verdict, string>> {
    const receipt = this.#receipt
    if (receipt === undefined) return fail('a certificate before the receipt')
    const { domain } = this.#init
    const { crypto, committee: lookup } = this.#c
    const { checkpoint, signature } = value.checkpoint
    if (checkpoint.operator !== receipt.provider || checkpoint.grant !== receipt.grant) {
      return fail('the checkpoint is of another operator or grant')
    }
    const index = receipt.sequence - checkpoint.firstSequence
    const digest = digestOf(domain, RECEIPT, receipt)
    if (index < 0 || index >= checkpoint.count) return fail('the receipt is outside the checkpoint')
    if (!verifyMerkleProof('receipt', checkpoint.receiptsRoot, index, digest, value.receiptProof)) {
      return fail('the receipt is not under the checkpoint')
    }
    const checkpointDigest = digestOf(domain, CHECKPOINT, checkpoint)
    if (crypto.recover(checkpointDigest, signature) !== checkpoint.operator) return fail('the checkpoint is not signed')
    const committee = await lookup.committeeOf(checkpoint)
    if (!committee.ok) {
      const { code, expected, got } = committee.error
      return fail(`${code}: expected ${expected}, got ${got}`)
    }
    const tally = verifyCertificate({
      domain,
      crypto,
      committee: committee.value.seats,
      checkpoint: checkpointDigest,
      count: checkpoint.count,
      certificate: value.certificate,
    })
    if (!tally.ok) return fail(`${tally.error.code}: expected ${tally.error.expected}, got ${tally.error.got}`)
    const { accepted, rejected, reasons, votes } = tally.value
    const reason = reasons.get(index)
    return ok({
      status: hasBit(accepted, index) ? 'accepted' : hasBit(rejected, index) ? 'rejected' : 'undecided',
      ...(reason === undefined ? {} : { reason }),
      votes: votes.length,
      committee: committee.value.seats.length,
      replayed: votes.filter(({ vote }) => hasBit(vote.replayed, index)).length,
    })
  }
}
