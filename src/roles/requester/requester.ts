import type { ChunkOpener, Sealing } from '../../attestation/index.ts'
import { type Host, isNetError, protocolName } from '../../net/index.ts'
import type { PaymentRequired } from '../../payment/index.ts'
import {
  type Address,
  ANSWER_FAULTS,
  type Clock,
  CodedError,
  canonicalBytes,
  type Digest,
  type Domain,
  fail,
  inputHashOf,
  isRefusalCode,
  type Json,
  type LedgerEntry,
  type OfferPolicy,
  ok,
  type Parameters,
  parametersHashOf,
  type Random,
  type RankedOffer,
  type Receipt,
  type RefusalCode,
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
  type Voucher,
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
import { checkCertificate } from './certificateCheck.ts'
import { type KeptJob, rankedOfKept } from './keptJob.ts'
import type { Counterparty, Payer } from './payer.ts'
import { recallJob } from './recall.ts'
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
  | { readonly type: 'channel'; readonly channel: Digest; readonly maxFee: bigint }
  | { readonly type: 'voucher'; readonly jobId: Digest; readonly authorized: bigint }
  /** A paid job's stream was lost: the same job is asked for again. */
  | { readonly type: 'resumed'; readonly jobId: Digest; readonly provider: Address }
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
  /** Live offers that fit, in the order a request would ask them. */
  rank(policy: OfferPolicy): RankedOffer[]
  /** Asks for a job of an earlier run again: what was stored comes back, charged once (R27). Throws RangeError for one that is not kept. */
  retry(jobId: Digest, options?: RequestOptions): Promise<Result<RequestAnswer, RequestFailure>>
  /** Settles what lost streams left open with a connected provider; what cannot be decided yet stays open (R26). */
  recall(provider: Address): Promise<void>
  stop(): Promise<void>
}

/** What a requester keeps: what it asked for before it asks, and what it got (section 4). */
export interface RequesterJournal {
  saveJob(jobId: Digest, kept: KeptJob): Promise<void>
  /** What `saveJob` kept; absent where a requester never pays. */
  loadJob?(jobId: Digest): Promise<KeptJob | undefined>
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
  /** Absent where jobs are unpaid. */
  readonly payer?: Payer
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

/** A stored answer is sent at once; one that still runs may take as long as any, ms. */
const RETRY_TIMEOUT_MS = 60_000
/** How long a request waits for the first offer that fits, ms. */
const OFFER_WAIT_MS = 10_000
const DIAL_TIMEOUT_MS = 10_000
/** A provider that stays silent this long is given up for the next, ms. */
const FRAME_TIMEOUT_MS = 60_000
/** A provider that was told to stop a paid job has this long to end it, ms. */
const CANCEL_WAIT_MS = 5_000
/** Before a lost stream is opened again: once, twice, three times this, ms. */
const RESUME_PAUSE_MS = 250
/** A call for more than is verified yet is looked at again after this, ms, so many times. */
const ASK_LATER_MS = 250
const MAX_ASKS = 40

export function createRequester(components: RequesterComponents, init: RequesterRoleInit): Requester {
  const { host } = components
  const protocol = protocolName(init.domain.networkId, 'infer')
  const pool = createInferStreamPool({
    open: (peer) => host.openStream(peer, protocol, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) }),
    conduct: host.conduct,
  })
  const offDisconnected = host.onPeerDisconnected((peer) => pool.forget(peer))
  const shared: Shared = { pool, seen: new Map(), running: new Set() }
  /** Undefined where the offer it was made for lacks its terms. */
  const askAgain = async (
    kept: KeptJob,
    options: RequestOptions,
  ): Promise<Result<RequestAnswer, RequestFailure> | undefined> => {
    const offer = rankedOfKept(init.domain, kept)
    if (offer === undefined) return undefined
    const { job, input } = kept
    const parameters: Json = JSON.parse(new TextDecoder().decode(kept.parameters))
    const { model, tier, privacy, mode, maxOutputUnits } = job
    const timeoutMs = RETRY_TIMEOUT_MS
    const order = { model, input, parameters, tier, privacy, mode, maxOutputUnits, timeoutMs }
    return await new RunningRequest(components, init, shared, order, options, recall, { kept, offer }).run()
  }
  const recall = async (provider: Address): Promise<void> => {
    const { payer, directory, journal, logger } = components
    const peer = directory.peerOf(provider)
    if (payer === undefined || peer === undefined || journal.loadJob === undefined) return
    for (const account of payer.openWith(provider)) {
      const { jobId } = account
      if (shared.running.has(jobId)) continue
      shared.running.add(jobId)
      try {
        const kept = await journal.loadJob(jobId)
        const stream = await pool.take(peer)
        let open: 'over-ceiling' | undefined
        try {
          open = await recallJob({ ...components, payer }, init.domain, stream, account, kept)
          pool.give(stream)
        } catch (thrown) {
          stream.abort(toError(thrown))
          throw thrown
        }
        if (open !== undefined && kept !== undefined) await askAgain(kept, {})
      } catch (thrown) {
        if (!(thrown instanceof CodedError)) throw thrown
        logger.warn({ jobId, code: thrown.code }, 'a job could not be recalled')
        return
      } finally {
        shared.running.delete(jobId)
      }
    }
  }
  const offConnected = host.onPeerConnected((peer) => {
    const provider = components.directory.operatorOf(peer)
    if (provider === undefined || (components.payer?.openWith(provider).length ?? 0) === 0) return
    recall(provider).catch((thrown) =>
      components.logger.error({ provider, error: toError(thrown).message }, 'lost jobs not recalled'),
    )
  })
  return {
    request: (order, options = {}) => new RunningRequest(components, init, shared, order, options, recall).run(),
    rank: (policy) => rankLive(components, init, shared, policy),
    retry: async (jobId, options = {}) => {
      // A job that cost nothing is over: its provider may have forgotten it, and would run and charge it anew.
      if ((await components.payer?.ended(jobId)) === 'refunded') return fail(overAtNothing(jobId))
      const kept = await components.journal.loadJob?.(jobId)
      const answer = kept && (await askAgain(kept, options))
      if (answer === undefined) throw new RangeError(`expected a kept job, got ${jobId}`)
      return answer
    },
    recall,
    stop: () => {
      offConnected()
      offDisconnected()
      return pool.close()
    },
  }
}

const overAtNothing = (jobId: Digest): RequestFailure => ({
  code: 'refused',
  message: `job ${jobId} ended without an answer and cost nothing; ask anew`,
  expected: 'a job that is open or was paid',
  got: 'refunded',
  deliveredChunks: 0,
  paid: 0n,
})

function rankLive(
  { offers }: Pick<RequesterComponents, 'offers'>,
  { domain }: RequesterRoleInit,
  { seen }: Shared,
  policy: OfferPolicy,
): RankedOffer[] {
  return rankOffers(
    domain,
    offers.live(),
    policy,
    (operator) => seen.get(operator) ?? { latencyMs: 0, reputation: 0.5 },
  )
}

/** What requests of one requester share. */
interface Shared {
  readonly pool: InferStreamPool
  readonly seen: Experiences
  /** Jobs a request or a recall is busy with. */
  readonly running: Set<Digest>
}

interface Kept {
  readonly kept: KeptJob
  readonly offer: RankedOffer
}

/** The stream that carries the present attempt. */
interface Conversation {
  readonly stream: InferStream
  readonly provider: Address
  readonly jobId: Digest
  /** A receipt was read, good or bad. */
  receipted: boolean
  /** Its terminal frame was read. */
  ended: boolean
  /** What the provider showed of its books before it refused. */
  required: PaymentRequired | undefined
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
  readonly #shared: Shared
  readonly #order: InferenceOrder
  readonly #options: RequestOptions
  readonly #recall: (provider: Address) => Promise<void>
  readonly #kept: Kept | undefined
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
  /** Effects are carried out in the order of their events. */
  readonly #waiting: RequesterEffect[] = []
  /** What effects that wait have begun to store: why it failed, or undefined. */
  readonly #stored = new Map<RequesterEffect, Promise<Error | undefined>>()
  #isCarrying = false
  /** Frees what was promised of a channel to a job that is not in the books yet. */
  #promised: (() => void) | undefined
  readonly #jobs: Digest[] = []
  #resumes = 0
  #asks = 0
  #giveUp: NodeJS.Timeout | undefined
  #saving: Promise<void> | undefined

  constructor(
    components: RequesterComponents,
    init: RequesterRoleInit,
    shared: Shared,
    order: InferenceOrder,
    options: RequestOptions,
    recall: (provider: Address) => Promise<void>,
    kept?: Kept,
  ) {
    this.#c = components
    this.#init = init
    this.#shared = shared
    this.#order = order
    this.#options = options
    this.#recall = recall
    this.#kept = kept
    this.#inputSalt = kept?.kept.inputSalt ?? randomDigest(components.random)
    this.#parameters = kept?.kept.parameters ?? canonicalBytes(order.parameters)
  }

  async run(): Promise<Result<RequestAnswer, RequestFailure>> {
    const { domain } = this.#init
    const { signer, crypto, random, clock } = this.#c
    const deadline = clock() + this.#order.timeoutMs
    const kept = this.#kept
    const offers = kept === undefined ? await this.#findOffers(deadline) : [kept.offer]
    this.#progress({ type: 'offers', count: offers.length })
    this.#machine = new RequesterMachine({
      domain,
      crypto,
      random,
      requester: signer,
      offers,
      ...(this.#c.payer === undefined ? {} : { books: this.#c.payer.ledger }),
      ...(kept === undefined ? {} : { again: { job: kept.kept.job, signature: kept.kept.signature } }),
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
      clearTimeout(this.#giveUp)
      this.#promised?.()
      for (const jobId of this.#jobs) this.#shared.running.delete(jobId)
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
    return rankLive(this.#c, this.#init, this.#shared, {
      ...{ model, tier, privacy, maxOutputUnits },
      ...(maxFee === undefined ? {} : { maxFee }),
      ...(only === undefined ? {} : { only }),
      ...(ignore === undefined ? {} : { ignore }),
    })
  }

  #progress(progress: RequestProgress): void {
    this.#options.onProgress?.(progress)
  }

  #dispatch(event: RequesterEvent): void {
    if (this.#machine === undefined || this.#settled) return
    const effects = this.#machine.handle(event)
    this.#store(effects)
    this.#waiting.push(...effects)
    if (this.#isCarrying) return
    this.#isCarrying = true
    this.#carryOut().catch((thrown) => {
      const error = toError(thrown)
      this.#c.logger.error({ error: error.message }, 'request not carried out')
      this.#settle(fail({ code: 'stream-failed', message: error.message, deliveredChunks: 0, paid: 0n }))
    })
  }

  /** The jobs of a channel share its books: what these say goes to the store as it was said, whichever request waits (R27). */
  #store(effects: readonly RequesterEffect[]): void {
    const { payer } = this.#c
    if (payer === undefined) return
    for (const effect of effects) {
      if (effect.type === 'persist') this.#note(effect, payer.persist(effect.entries))
      if (effect.type !== 'settle') continue
      // Answer and settlement reach the disk in one group.
      const answered = effects.find((each) => each.type === 'succeed')
      if (answered !== undefined) this.#saving = this.#save(answered.result)
      this.#note(effect, payer.settle(effect.jobId, effect.spent, effect.entries))
    }
  }

  #note(effect: RequesterEffect, commit: Promise<void>): void {
    this.#stored.set(
      effect,
      commit.then(() => undefined, toError),
    )
  }

  async #whenStored(effect: RequesterEffect): Promise<void> {
    const failed = await this.#stored.get(effect)
    this.#stored.delete(effect)
    if (failed !== undefined) throw failed
  }

  #settle(result: Result<RequestAnswer, RequestFailure>): void {
    this.#settled = true
    this.#done.resolve(result)
  }

  async #carryOut(): Promise<void> {
    for (let effect = this.#waiting.shift(); effect !== undefined; effect = this.#waiting.shift()) {
      const done = this.#carry(effect)
      if (done !== undefined) await done
    }
    this.#isCarrying = false
  }

  #carry(effect: RequesterEffect): Promise<void> | undefined {
    switch (effect.type) {
      case 'check-evidence':
        this.#progress({ type: 'offer-chosen', offer: effect.offer })
        void this.#checkEvidence(effect.offer)
        return undefined
      case 'open-channel':
        this.#spend(effect.offer, (to, payer) => this.#openChannel(to, payer, effect.maxFee))
        return undefined
      case 'mend-channel': {
        const required = this.#conversation?.required
        this.#spend(effect.offer, (to, payer) => this.#mendChannel(to, payer, { ...effect, required }))
        return undefined
      }
      case 'compare-books':
        this.#spend(effect.offer, async (to, payer) => {
          const shared = await payer.isShared(to, effect.channel)
          this.#dispatch({ type: 'books-compared', now: this.#c.clock(), shared })
        })
        return undefined
      case 'reserve-budget':
        return this.#reserve(effect)
      case 'persist-job':
        return this.#persistJob(effect, [])
      case 'persist':
      case 'settle':
        return this.#whenStored(effect)
      case 'send-job':
        void this.#converse(effect)
        return undefined
      case 'send-voucher':
        return this.#sendVoucher(effect.voucher)
      case 'ask-later':
        return this.#askLater(effect.event)
      case 'cancel-job':
        return this.#cancelJob(effect.jobId)
      case 'deliver':
        this.#options.onChunks?.(effect.chunks)
        return undefined
      case 'close-stream':
        this.#closeStream(effect.whole)
        return undefined
      case 'report':
        this.#report(effect.provider, effect.code, effect.message)
        return undefined
      case 'succeed':
        return this.#succeed(effect.result)
      case 'fail':
        this.#settle(fail(effect.failure))
        return undefined
    }
  }

  /** What needs the provider's ear and the wallet; frames go on meanwhile. */
  #spend(offer: RankedOffer, action: (to: Counterparty, payer: Payer) => Promise<void>): void {
    const { payer, clock } = this.#c
    const run = async (): Promise<void> => {
      if (payer === undefined) throw new RangeError('a paid job without a wallet')
      await action({ offer, peer: await this.#connect(offer), pool: this.#shared.pool }, payer)
    }
    run().catch((thrown) => {
      const { message } = toError(thrown)
      const code = thrown instanceof FrameFault || isNetError(thrown) ? thrown.code : 'unreachable'
      this.#dispatch({ type: 'money-refused', now: clock(), code, message })
    })
  }

  async #openChannel(to: Counterparty, payer: Payer, maxFee: bigint): Promise<void> {
    await this.#recall(to.offer.signed.offer.operator)
    const opened = await payer.channelFor(to, maxFee)
    const now = this.#c.clock()
    if (!opened.ok) return this.#dispatch({ type: 'money-refused', now, ...opened.error })
    this.#promised?.()
    this.#promised = opened.value.done
    if (this.#settled) return opened.value.done()
    const { channel } = opened.value
    this.#progress({ type: 'channel', channel, maxFee })
    this.#dispatch({ type: 'channel-ready', now, channel })
  }

  async #mendChannel(
    to: Counterparty,
    payer: Payer,
    refusal: {
      readonly channel: Digest
      readonly code: RefusalCode
      readonly required: PaymentRequired | undefined
    },
  ): Promise<void> {
    const { channel } = refusal
    const mended = await payer.mend(to, channel, refusal)
    const now = this.#c.clock()
    this.#dispatch(
      mended.ok ? { type: 'channel-ready', now, channel } : { type: 'money-refused', now, ...mended.error },
    )
  }

  /** The job is signed once the budgets hold it, and all of it is one commit. */
  async #reserve({ jobId, job }: Extract<RequesterEffect, { type: 'reserve-budget' }>): Promise<void> {
    const { payer, clock } = this.#c
    if (payer === undefined) throw new RangeError('a paid job without a wallet')
    let kept: Promise<void> | undefined
    let isSigned = false
    const reserved = await payer.reserve(jobId, job, () => {
      const entries: LedgerEntry[] = []
      for (const effect of this.#machine?.handle({ type: 'budget-reserved', now: clock() }) ?? []) {
        if (effect.type !== 'persist-job') {
          this.#waiting.push(effect)
          continue
        }
        isSigned = true
        this.#shared.running.add(jobId)
        this.#jobs.push(jobId)
        entries.push(...effect.entries)
        kept = this.#keep(effect)
      }
      return entries
    })
    await kept
    this.#promised?.()
    this.#promised = undefined
    if (!reserved.ok) return this.#dispatch({ type: 'money-refused', now: clock(), ...reserved.error })
    if (!isSigned) await payer.settle(jobId, undefined, [])
  }

  #persistJob(
    effect: Extract<RequesterEffect, { type: 'persist-job' }>,
    entries: readonly LedgerEntry[],
  ): Promise<void> {
    return Promise.all([this.#keep(effect), this.#c.payer?.persist([...effect.entries, ...entries])]).then(() => {})
  }

  #keep({ jobId, signed, offer, ...rest }: Extract<RequesterEffect, { type: 'persist-job' }>): Promise<void> {
    const { assurance, notChecked } = rest
    return this.#c.journal.saveJob(jobId, {
      ...signed,
      offer: offer.signed,
      inputSalt: this.#inputSalt,
      input: this.#order.input,
      parameters: this.#parameters,
      assurance,
      notChecked,
    })
  }

  /** A voucher that finds no stream is asked for again when the job is. */
  async #sendVoucher(voucher: Voucher): Promise<void> {
    const { stream, jobId } = this.#conversation ?? {}
    if (stream === undefined || jobId === undefined) return
    await this.#c.payer?.whenStored(voucher)
    try {
      await stream.write({ kind: 'voucher', value: voucher })
      this.#progress({ type: 'voucher', jobId, authorized: voucher.amount })
    } catch (thrown) {
      if (!isNetError(thrown)) throw thrown
      this.#c.logger.debug({ jobId, code: thrown.code }, 'voucher not sent')
    }
  }

  #askLater(event: Extract<RequesterEvent, { type: 'ledger' }>): undefined {
    this.#asks += 1
    if (this.#asks <= MAX_ASKS) setTimeout(() => this.#dispatch(event), ASK_LATER_MS).unref()
  }

  /** A provider that hears it ends the job by a receipt or a refusal; one that never heard of the job owes no answer. */
  async #cancelJob(jobId: Digest): Promise<void> {
    this.#giveUp = setTimeout(() => this.#dispatch({ type: 'give-up' }), CANCEL_WAIT_MS)
    try {
      await this.#conversation?.stream.write({ kind: 'cancel', value: { jobId } })
    } catch (thrown) {
      if (!isNetError(thrown)) throw thrown
      this.#c.logger.debug({ jobId, code: thrown.code }, 'cancel not sent')
    }
  }

  /** A whole answer's stream is left to its reader, who gives it back after the terminal frame. */
  #closeStream(whole: boolean): void {
    const conversation = this.#conversation
    if (conversation === undefined || (whole && !conversation.ended)) return
    this.#conversation = undefined
    if (conversation.ended) this.#shared.pool.give(conversation.stream)
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
    const known = this.#shared.seen.get(provider) ?? { latencyMs: 0, reputation: 0.5 }
    this.#shared.seen.set(provider, { ...known, reputation: known.reputation / 2 })
  }

  async #succeed(result: RequestSuccess): Promise<void> {
    const { provider } = result.receipt.receipt
    const known = this.#shared.seen.get(provider) ?? { latencyMs: 0, reputation: 0.5 }
    this.#shared.seen.set(provider, {
      latencyMs: result.timings.firstChunkMs,
      reputation: Math.min(1, known.reputation + (1 - known.reputation) / 8),
    })
    await (this.#saving ?? this.#save(result))
    this.#settle(ok(this.#answerOf(result)))
  }

  #answerOf(result: RequestSuccess): RequestAnswer {
    if (this.#grant === undefined) throw new RangeError('an answer without a checked grant')
    return {
      ...result,
      inputSalt: this.#inputSalt,
      input: this.#order.input,
      parameters: this.#parameters,
      grant: this.#grant,
      ...(this.#certificate === undefined ? {} : { certificate: this.#certificate }),
    }
  }

  #save(result: RequestSuccess): Promise<void> {
    return this.#c.journal.saveAnswer(this.#answerOf(result))
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

  async #converse(effect: Extract<RequesterEffect, { type: 'send-job' }>): Promise<void> {
    const { jobId, signed, offer, voucher, again } = effect
    const { operator } = offer.signed.offer
    let conversation: Conversation | undefined
    let isSent = again
    try {
      if (again) await this.#pauseBefore(jobId, operator)
      const peer = again ? await this.#connect(offer) : this.#c.directory.peerOf(operator)
      if (peer === undefined) throw new Error(`the connection to ${operator} is gone`)
      const request = await this.#requestOf(signed, offer, voucher)
      if (voucher !== undefined) await this.#c.payer?.whenStored(voucher)
      const stream = await this.#shared.pool.take(peer)
      if (this.#settled) return this.#shared.pool.give(stream)
      conversation = { stream, provider: operator, jobId, receipted: false, ended: false, required: undefined }
      this.#conversation = conversation
      isSent = true
      await stream.write({ kind: 'request', value: request })
      this.#progress({ type: again ? 'resumed' : 'job-sent', jobId, provider: operator })
      await this.#readAnswer(conversation, jobId)
    } catch (thrown) {
      if (this.#conversation !== conversation) return
      const code = thrown instanceof FrameFault || isNetError(thrown) ? thrown.code : 'stream-failed'
      if (conversation !== undefined) this.#lowerReputation(operator)
      const { message } = toError(thrown)
      this.#dispatch({ type: 'stream-failed', now: this.#c.clock(), code, message, sent: isSent })
    }
  }

  async #pauseBefore(jobId: Digest, provider: Address): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, RESUME_PAUSE_MS * this.#resumes)
    this.#resumes += 1
    this.#shared.running.add(jobId)
    this.#jobs.push(jobId)
    this.#c.logger.debug({ jobId, provider }, 'asking for a job again')
    await promise
  }

  async #requestOf(signed: SignedJob, offer: RankedOffer, voucher: Voucher | undefined): Promise<InferRequest> {
    const sealed = sealRequired(signed.job)
    const paid = voucher === undefined ? {} : { voucher }
    const base = { ...signed, ...paid, inputSalt: this.#inputSalt, parameters: this.#parameters, sealed }
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
          now: this.#c.clock(),
          code: 'unexpected-end',
          message: 'the stream ended without a terminal frame',
          sent: true,
        })
      }
      conversation.ended = frame.kind === 'end' || frame.kind === 'refusal'
      if (frame.kind === 'receipt') conversation.receipted = true
      if (frame.kind === 'end' && !conversation.receipted) {
        this.#lowerReputation(conversation.provider)
        this.#c.host.conduct.report(stream.peer, 'answer-invalid', { code: 'no-receipt', jobId })
      }
      await this.#onFrame(frame, stream, jobId)
      // The last voucher goes out before the stream is given back.
      if (!conversation.ended || this.#conversation !== conversation) continue
      if (!this.#waiting.some(({ type }) => type === 'close-stream')) this.#closeStream(true)
      return
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
        return this.#dispatch({ type: 'refused', now, code, message })
      }
      case 'ledger':
        return this.#dispatch({ type: 'ledger', ...frame.value })
      case 'paymentRequired': {
        const read = this.#c.payer?.readRequired(frame.value.required)
        if (read?.ok === false) throw stream.misplaced(`a call for payment: ${read.error.expected}, ${read.error.got}`)
        if (this.#conversation !== undefined) this.#conversation.required = read?.value
        return
      }
      case 'settlement':
        throw stream.misplaced('a settlement without a payment')
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
    const checked = await checkCertificate(this.#c, this.#init.domain, this.#receipt, value)
    if (!checked.ok) {
      this.#c.host.conduct.report(stream.peer, 'bad-certificate', { jobId, problem: checked.error })
      return this.#dispatch({
        ...{ type: 'stream-failed', now: this.#c.clock(), code: 'bad-certificate' },
        ...{ message: checked.error, sent: true },
      })
    }
    const verdict = checked.value
    this.#certificate = value
    this.#progress({ type: 'certificate', jobId, verdict })
    this.#dispatch({ type: 'certified', now: this.#c.clock(), checkpoint: value.checkpoint, verdict })
  }
}
