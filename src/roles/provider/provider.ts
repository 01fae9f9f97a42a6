import type { Attester, EncryptionKey, Sealing } from '../../attestation/index.ts'
import type { BlockRef } from '../../chain/index.ts'
import type { InferenceEngine, InferenceFailure } from '../../inference/index.ts'
import type { Host } from '../../net/index.ts'
import type { ClaimCandidate, ClaimSource, PayeeChannels, X402Context } from '../../payment/index.ts'
import {
  ASSURANCE,
  addressFromPeerId,
  type CheckpointSeed,
  type Clock,
  type chargeOf,
  committeeBlockTime,
  type Digest,
  type Domain,
  type Job,
  type JobRequest,
  keccak,
  type Manifest,
  nameOfCode,
  nextMultiplier,
  type OfferedTerms,
  type Parameters,
  type Payee,
  PPM,
  PRIVACY,
  type Profile,
  type ProviderEffect,
  type ProviderEvent,
  ProviderMachine,
  parseTensorParameters,
  pricesAt,
  type Random,
  type RefusalCode,
  type Secp256k1,
  type Signer,
  type StreamId,
  signOffer,
  type Terms,
  termsDigest,
  termsProofOf,
  toError,
  Utilisation,
  type Voucher,
  ZERO_DIGEST,
} from '../../protocol/index.ts'
import type { CommitteeLookup } from '../committee.ts'
import type { GrantChecker } from '../grants.ts'
import type { RoleLogger } from '../logger.ts'
import type { Offers } from '../offers.ts'
import { ChannelBook } from './channelBook.ts'
import type { CommitteeLinks } from './committeeLinks.ts'
import { StreamedInferServer } from './inferServer.ts'
import type { ProviderJournal } from './journal.ts'
import { PaymentDesk } from './paymentDesk.ts'
import { fitsRecord } from './recordSize.ts'
import { openSession } from './session.ts'

/** A model on sale: its manifest and the final prices, wei of `token`. */
export interface ModelForSale {
  readonly id: Digest
  readonly manifest: Manifest
  readonly prices: Pick<
    Terms,
    'token' | 'perRequest' | 'perGMAC' | 'perSecond' | 'perGBSecond' | 'minVerifyFee' | 'maxOutputUnits'
  >
}

export interface ProviderComponents {
  readonly host: Host
  readonly offers: Offers
  readonly journal: ProviderJournal
  readonly engine: Pick<InferenceEngine, 'run' | 'runtimeClass'>
  readonly chain: ProviderChain
  readonly attester: Attester
  /** For a GPU beside the processor (R5). */
  readonly gpuAttester?: Attester
  readonly sealing: Sealing
  readonly grants: GrantChecker
  readonly committee: CommitteeLookup
  readonly links: CommitteeLinks
  readonly operator: Signer
  /** Where payment channels are served. */
  readonly payments?: { readonly channels: PayeeChannels; readonly context: X402Context }
  readonly crypto: Secp256k1
  readonly random: Random
  readonly clock: Clock
  readonly logger: RoleLogger
}

/** How a provider is paid (R23, R24). Amounts in wei of the payee's token. */
export interface ProviderPayments {
  readonly payee: Payee
  /** Lent on deposits that no safe block holds yet. */
  readonly float: bigint
  readonly minDeposit: bigint
  /** EIP-712 domain of the token, for deposits. */
  readonly tokenName: string
  readonly tokenVersion: string
  /** The formula of the terms when left out (economy.md); adversaries bill otherwise. */
  readonly charge?: typeof chargeOf
}

export interface ProviderChain {
  head(): BlockRef
  blockByNumber(number: number): Promise<BlockRef | undefined>
  blockAtTime(ms: number): Promise<BlockRef | undefined>
}

export interface ProviderRoleInit {
  readonly domain: Domain
  readonly profile: Profile
  readonly parameters: Parameters
  readonly models: readonly ModelForSale[]
  readonly tiers: readonly number[]
  readonly privacy: readonly number[]
  /** Jobs that may run or wait at once. */
  readonly slots: number
  readonly maxInputBytes: number
  /** Whether jobs without a channel are admitted; only ever on a devnet. */
  readonly unpaid: boolean
  /** With `ProviderComponents.payments`. */
  readonly payments?: ProviderPayments
}

export interface Provider {
  start(): Promise<void>
  /** Refuses new jobs, lets running ones end, then stops. */
  stop(): Promise<void>
  status(): { readonly grant: Digest | undefined; readonly running: number; readonly slots: number }
  /** What the chain may be asked to pay out; empty before `start` and where no channel is served. */
  readonly claims: ClaimSource
}

/** Offers are renewed this many times within their life, so that one lost message costs nothing. */
const OFFERS_PER_LIFE = 3
/** Longer than a stream may wait for its next voucher. */
const DRAIN_TIMEOUT_MS = 12_000
/** Canonical parameters of a job, as the wire bounds them. */
const MAX_PARAMETERS_BYTES = 16 * 1_024
/** Unsettled jobs of one channel. */
const MAX_CHANNEL_JOBS = 512
/** Quorum jobs of one channel in a row that committees did not accept. */
const MAX_REFUSED_JOBS = 16
/** Served jobs that nobody paid are looked for this often, ms. */
const SETTLE_EVERY_MS = 60_000

export function createProvider(components: ProviderComponents, init: ProviderRoleInit): Provider {
  return new ProviderRole(components, init)
}

class ProviderRole implements Provider {
  readonly #components: ProviderComponents
  readonly #init: ProviderRoleInit
  readonly #server: StreamedInferServer
  readonly #aborts = new Map<Digest, AbortController>()
  readonly #streams = new Map<Digest, StreamId>()
  readonly #voucherTimers = new Map<Digest, NodeJS.Timeout>()
  readonly claims: ClaimSource = { candidates: () => this.#candidates() }
  #machine: ProviderMachine | undefined
  #book: ChannelBook | undefined
  #desk: PaymentDesk | undefined
  #settleTimer: NodeJS.Timeout | undefined
  /** The last commit, and how many are under way: what rests on them does not leave before they are durable. */
  #committed: Promise<void> = Promise.resolve()
  #committing = 0
  /** ppm (economy.md). */
  #multiplier = PPM
  #utilisation: Utilisation | undefined
  #encryptionKey: EncryptionKey | undefined
  #offerTimer: NodeJS.Timeout | undefined
  #grantTimer: NodeJS.Timeout | undefined
  #checkpointTimer: { readonly at: number; readonly handle: NodeJS.Timeout } | undefined
  #grant: { readonly digest: Digest; readonly offer: () => Promise<void> } | undefined
  #drained: (() => void) | undefined

  constructor(components: ProviderComponents, init: ProviderRoleInit) {
    this.#components = components
    this.#init = init
    this.#server = new StreamedInferServer(components, {
      domain: init.domain,
      encryptionKey: () => this.#encryptionKey,
      backend: {
        request: (stream, jobId, request) => this.#onRequest(stream, jobId, request),
        recall: (stream, peer, jobId) => this.#onRecall(stream, peer, jobId),
        voucher: (stream, voucher) => this.#onVoucher(stream, voucher),
        payment: (stream, peer, payload) => this.#onPayment(stream, peer, payload),
        cancel: (stream, jobId) => this.#dispatch({ type: 'cancel', now: this.#components.clock(), stream, jobId }),
        closed: (stream) => this.#dispatch({ type: 'stream-closed', now: this.#components.clock(), stream }),
      },
    })
  }

  async start(): Promise<void> {
    const { journal, crypto, random, operator, links, logger } = this.#components
    const { domain, profile, parameters, tiers, privacy, slots, maxInputBytes } = this.#init
    const charge = this.#init.payments?.charge
    const history = await journal.history()
    this.#machine = new ProviderMachine({
      domain,
      profile,
      parameters,
      crypto,
      random,
      operator,
      tiers,
      privacy,
      slots,
      maxInputBytes,
      unpaid: this.#init.unpaid,
      payments: this.#ledgerInit(),
      ...(charge === undefined ? {} : { charge }),
      history,
    })
    const { clock } = this.#components
    this.#utilisation = new Utilisation(slots, clock())
    links.onDecided((certificate, receipts) =>
      this.#dispatch({ type: 'certified', now: clock(), certificate, ...receipts }),
    )
    links.onAbandoned((checkpoint) => this.#dispatch({ type: 'certificate-abandoned', now: clock(), checkpoint }))
    await this.#startPayments(history.channels.map(({ account }) => account.id))
    links.start(journal)
    await this.#renewGrant()
    this.#server.start()
    if (history.loose.length > 0) {
      logger.info({ receipts: history.loose.length }, 'receipts from before the restart go under a checkpoint')
      this.#schedule(this.#components.clock())
    }
  }

  #ledgerInit(): ConstructorParameters<typeof ProviderMachine>[0]['payments'] {
    const { payments } = this.#components
    const { payments: terms } = this.#init
    if (payments === undefined || terms === undefined) return undefined
    const limits = { maxJobs: MAX_CHANNEL_JOBS, maxRefused: MAX_REFUSED_JOBS }
    return { domain: payments.context.domain, payee: terms.payee, float: terms.float, ...limits }
  }

  /** R27: closes what a restart cut off, then follows the channels that hold something. */
  async #startPayments(loaded: readonly Digest[]): Promise<void> {
    const { payments, journal, clock, crypto, logger } = this.#components
    const { payments: terms } = this.#init
    const books = this.#machine?.books
    if (payments === undefined || terms === undefined || books === undefined) return
    await this.#carryOut(this.#handle({ type: 'started', now: clock() }))
    const { channels, context } = payments
    const book = new ChannelBook({
      channels,
      find: (channel) => journal.channel(channel),
      logger,
      backend: {
        has: (channel) => books.has(channel),
        load: (channel, funds) => this.#dispatch({ type: 'channel-loaded', channel, funds }),
        unload: (channel) => this.#unload(channel),
        funds: (channel, funds) => this.#dispatch({ type: 'funds', now: clock(), channel, funds }),
      },
    })
    this.#book = book
    this.#desk = new PaymentDesk({ channels, context, crypto, clock }, terms, {
      books,
      book,
      handle: (event) => this.#handle(event),
      carryOut: (effects) => this.#carryOut(effects),
      reply: (stream, reply) => this.#server.reply(stream, reply),
    })
    book.start(loaded)
    this.#settleTimer = setInterval(() => this.#dispatch({ type: 'settle-due', now: clock() }), SETTLE_EVERY_MS)
    this.#settleTimer.unref()
  }

  #unload(channel: Digest): boolean {
    const books = this.#machine?.books
    if (books === undefined || books.unsettled(channel).length > 0) return false
    if (books.claimable(channel) > (books.funds(channel)?.totalClaimed ?? 0n)) return false
    this.#dispatch({ type: 'channel-unloaded', channel })
    return true
  }

  #candidates(): readonly ClaimCandidate[] {
    const books = this.#machine?.books
    if (books === undefined) return []
    return [...books.channels()].flatMap((channel) => {
      const account = books.account(channel)
      const totalClaimed = books.claimable(channel)
      if (account?.voucher === undefined || totalClaimed <= (books.funds(channel)?.totalClaimed ?? 0n)) return []
      const { config, voucher, closing } = account
      return [{ row: { config, voucher, totalClaimed }, closing }]
    })
  }

  async stop(): Promise<void> {
    clearInterval(this.#settleTimer)
    clearInterval(this.#offerTimer)
    clearTimeout(this.#grantTimer)
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve
    })
    this.#dispatch({ type: 'drain' })
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_TIMEOUT_MS).unref())])
    await this.#closeLast()
    clearTimeout(this.#checkpointTimer?.handle)
    for (const abort of this.#aborts.values()) abort.abort()
    for (const timer of this.#voucherTimers.values()) clearTimeout(timer)
    this.#book?.stop()
    await this.#components.links.stop()
  }

  status(): { readonly grant: Digest | undefined; readonly running: number; readonly slots: number } {
    const load = this.#machine?.load ?? { running: 0, slots: this.#init.slots }
    return { grant: this.#grant?.digest, ...load }
  }

  /** What was signed before the stop goes under a checkpoint now rather than after the next start. */
  async #closeLast(): Promise<void> {
    if (this.#checkpointTimer === undefined) return
    clearTimeout(this.#checkpointTimer.handle)
    this.#checkpointTimer = undefined
    await this.#carryOut(this.#handle({ type: 'checkpoint-due', now: this.#components.clock() }))
  }

  async #renewGrant(): Promise<void> {
    const { journal, clock, grants, logger } = this.#components
    const { domain, parameters, models } = this.#init
    const now = clock()
    const session = await openSession(this.#components, {
      domain,
      parameters,
      models: models.map(({ id }) => id),
      policyEpoch: this.#components.committee.seatEpochAt(now),
      previousGrant: (await journal.latestGrant()) ?? ZERO_DIGEST,
      now,
    })
    const verdict = await grants.check(session.grant.signed, now)
    if (!verdict.ok) throw new Error(`this node's own evidence is refused: ${verdict.error.message}`)
    await journal.saveGrant(session.grant.digest, session.grant.signed)
    this.#encryptionKey = session.encryptionKey
    this.#dispatch({ type: 'granted', grant: { ...session.grant, assurance: verdict.value.assurance } })
    this.#grant = { digest: session.grant.digest, offer: () => this.#publishOffer(session.grant.digest) }
    logger.info(
      { grant: session.grant.digest, assurance: nameOfCode(ASSURANCE, verdict.value.assurance) },
      'session granted',
    )
    await this.#grant.offer()
    clearInterval(this.#offerTimer)
    this.#offerTimer = setInterval(() => this.#offerAgain(), parameters.offerLife / OFFERS_PER_LIFE)
    this.#grantTimer = setTimeout(() => this.#renewAgain(), parameters.grantLife / 2)
    this.#grantTimer.unref()
  }

  #offerAgain(): void {
    this.#grant?.offer().catch((thrown) => this.#fault(thrown, 'offer not published'))
  }

  #renewAgain(): void {
    this.#renewGrant().catch((thrown) => this.#fault(thrown, 'session not renewed'))
  }

  async #publishOffer(grantDigest: Digest): Promise<void> {
    const { journal, operator, offers, host, clock } = this.#components
    const { domain, parameters, models, tiers, privacy } = this.#init
    const grant = await journal.grant(grantDigest)
    if (grant === undefined) throw new RangeError('the current grant is not in the store')
    const now = clock()
    const validUntil = now + parameters.offerLife
    if (this.#utilisation !== undefined)
      this.#multiplier = nextMultiplier(this.#multiplier, this.#utilisation.take(now))
    const { evidence: _, ...withoutEvidence } = grant
    const signed = signOffer(domain, operator, {
      terms: models.map((model) => termsOf(model, operator, validUntil, this.#multiplier)),
      addresses: host.addresses(),
      grant: withoutEvidence,
      grantDigest,
      tiers,
      privacy,
      sequence: await journal.nextOfferSequence(),
      validUntil,
    })
    const terms: OfferedTerms[] = signed.terms.map((entry, index) => ({
      terms: entry,
      digest: termsDigest(domain, entry),
      offer: signed.offer,
      offerSignature: signed.signature,
      index,
      proof: termsProofOf(domain, signed, index),
    }))
    await journal.saveOffer(signed)
    this.#dispatch({ type: 'offered', terms })
    await offers.publish(signed)
  }

  async #onRequest(stream: StreamId, jobId: Digest, request: JobRequest): Promise<void> {
    const parameters = parseTensorParameters(request.parameters)
    if (!parameters.ok) {
      const { code, expected, got } = parameters.error
      this.#server.reply(stream, { type: 'refusal', jobId, code, message: `expected ${expected}, got ${got}` })
      return
    }
    const { journal, clock } = this.#components
    const { channel } = request.job
    const [stored] = await Promise.all([
      journal.find(jobId),
      channel === ZERO_DIGEST ? undefined : this.#book?.ensure(channel),
    ])
    this.#streams.set(jobId, stream)
    await this.#carryOut(this.#handle({ type: 'job', now: clock(), stream, request, stored }))
    if (!this.#aborts.has(jobId)) this.#streams.delete(jobId)
  }

  async #onRecall(stream: StreamId, peer: string, jobId: Digest): Promise<void> {
    const { journal, clock, crypto } = this.#components
    const stored = await journal.find(jobId)
    const asks = addressFromPeerId(peer, crypto)
    await this.#carryOut(this.#handle({ type: 'recall', now: clock(), stream, peer: asks, jobId, stored }))
  }

  async #onVoucher(stream: StreamId, voucher: Voucher): Promise<void> {
    if (this.#book === undefined) return this.#refuseUnpaid(stream)
    await this.#book.ensure(voucher.channel)
    await this.#carryOut(this.#handle({ type: 'voucher', now: this.#components.clock(), stream, voucher }))
  }

  async #onPayment(stream: StreamId, peer: string, payload: Uint8Array): Promise<void> {
    if (this.#desk === undefined) return this.#refuseUnpaid(stream)
    await this.#desk.take(stream, peer, payload)
  }

  #refuseUnpaid(stream: StreamId): void {
    const message = 'expected no payment: payment channels are not served here'
    this.#server.reply(stream, { type: 'refusal', code: 'payment-required', message })
  }

  #handle(event: ProviderEvent): ProviderEffect[] {
    if (this.#machine === undefined) throw new RangeError('the provider is not started')
    const effects = this.#machine.handle(event)
    this.#utilisation?.note(this.#machine.load.running, this.#components.clock())
    return effects
  }

  #dispatch(event: ProviderEvent): void {
    this.#carryOut(this.#handle(event)).catch((thrown) => this.#fault(thrown, `${event.type} not carried out`))
  }

  #fault(thrown: unknown, message: string): void {
    this.#components.logger.error({ error: toError(thrown).message }, message)
  }

  async #commit(entries: Extract<ProviderEffect, { type: 'persist' }>['entries']): Promise<void> {
    this.#committing += 1
    this.#committed = this.#components.journal.commit(entries)
    try {
      await this.#committed
    } finally {
      this.#committing -= 1
    }
  }

  /** R27: replies of an event that stores nothing rest on what earlier ones are storing. */
  async #carryOut(effects: readonly ProviderEffect[]): Promise<void> {
    const isStored = effects.some(({ type }) => type === 'persist')
    if (!isStored && this.#committing > 0 && effects.some(({ type }) => type === 'reply')) await this.#committed
    for (const effect of effects) {
      switch (effect.type) {
        case 'persist':
          await this.#commit(effect.entries)
          break
        case 'schedule-voucher':
          this.#scheduleVoucher(effect.jobId, effect.at)
          break
        case 'misconduct':
          this.#server.report(effect.stream, effect.code)
          break
        case 'reply':
          this.#server.reply(effect.stream, effect.reply)
          break
        case 'open-input':
          void this.#open(effect.jobId)
          break
        case 'run':
          void this.#run(effect.jobId, effect.job, effect.input)
          break
        case 'cancel':
          this.#aborts.get(effect.jobId)?.abort()
          break
        case 'schedule-checkpoint':
          this.#schedule(effect.at)
          break
        case 'choose-seed':
          await this.#chooseSeed()
          break
        case 'publish-checkpoint':
          this.#components.links.publish(effect.signed, effect.digest, effect.records)
          break
        case 'drained':
          this.#drained?.()
          break
      }
    }
  }

  async #open(jobId: Digest): Promise<void> {
    const stream = this.#streams.get(jobId)
    const input = stream === undefined ? undefined : await this.#server.open(stream)
    if (input === undefined) {
      this.#failed(jobId, 'unseal-failed', 'the sealed input cannot be opened with the key of this grant')
    } else this.#dispatch({ type: 'input-opened', now: this.#components.clock(), jobId, input })
  }

  async #run(jobId: Digest, { model, deadline, privacy }: Job, input: Uint8Array): Promise<void> {
    const { engine, clock } = this.#components
    const abort = new AbortController()
    this.#aborts.set(jobId, abort)
    try {
      const run = await engine.run({ model, input, parameters: {}, deadline, trace: true, signal: abort.signal })
      if (!run.ok) return this.#failed(jobId, refusalOf(run.error), run.error.message)
      const { output, trace, units, startedAt, finishedAt } = run.value
      const inputBytes = input.length + MAX_PARAMETERS_BYTES
      if (!fitsRecord({ output, units, inputBytes, isKept: privacy !== PRIVACY.sealed })) {
        const message = `expected an answer whose record can be kept, got ${output.length} bytes of ${units} units`
        return this.#failed(jobId, 'output-too-long', message)
      }
      const result = {
        output,
        units,
        traceHash: keccak(trace),
        runtimeClass: engine.runtimeClass,
        startedAt,
        finishedAt,
      }
      this.#dispatch({ type: 'run-finished', now: clock(), jobId, result })
    } catch (thrown) {
      this.#fault(thrown, 'inference failed')
      this.#failed(jobId, 'failed', 'the work failed inside the node')
    } finally {
      this.#aborts.delete(jobId)
      this.#streams.delete(jobId)
    }
  }

  #failed(jobId: Digest, code: RefusalCode, message: string): void {
    this.#dispatch({ type: 'job-failed', now: this.#components.clock(), jobId, code, message })
  }

  #scheduleVoucher(jobId: Digest, at: number): void {
    const { clock } = this.#components
    clearTimeout(this.#voucherTimers.get(jobId))
    const due = (): void => {
      this.#voucherTimers.delete(jobId)
      this.#dispatch({ type: 'voucher-due', now: clock(), jobId })
    }
    this.#voucherTimers.set(jobId, setTimeout(due, Math.max(1, at - clock())))
  }

  #schedule(at: number): void {
    if (this.#checkpointTimer !== undefined && this.#checkpointTimer.at <= at) return
    clearTimeout(this.#checkpointTimer?.handle)
    const due = (): void => {
      this.#checkpointTimer = undefined
      this.#dispatch({ type: 'checkpoint-due', now: this.#components.clock() })
    }
    this.#checkpointTimer = { at, handle: setTimeout(due, Math.max(0, at - this.#components.clock())) }
  }

  /** R14: the block that seeds the committee follows from the time alone. */
  async #chooseSeed(): Promise<void> {
    const { chain, clock } = this.#components
    const createdAt = clock()
    const age = this.#init.parameters.committeeBlockAge
    const block = await chain.blockAtTime(committeeBlockTime(createdAt, age)).catch((thrown) => {
      this.#fault(thrown, 'the chain cannot be read')
      return undefined
    })
    if (block === undefined) {
      this.#fault(new Error('no block of the right age; the checkpoint waits'), 'checkpoint not closed')
      this.#dispatch({ type: 'seed-unavailable', now: createdAt })
      return
    }
    const seed: CheckpointSeed = {
      epoch: this.#components.committee.seatEpochAt(createdAt),
      blockNumber: block.number,
      blockHash: block.hash,
      createdAt,
    }
    await this.#carryOut(this.#handle({ type: 'checkpoint-seed', seed }))
  }
}

function termsOf({ id, manifest, prices }: ModelForSale, operator: Signer, validUntil: number, load: number): Terms {
  return {
    operator: operator.address,
    model: id,
    macIn: manifest.macIn,
    macOut: manifest.macOut,
    memoryMB: manifest.memoryMB,
    referenceRate: manifest.referenceRate,
    ...pricesAt(prices, load),
    validUntil,
  }
}

function refusalOf(failure: InferenceFailure): RefusalCode {
  switch (failure.code) {
    case 'deadline-exceeded':
    case 'cancelled':
      return failure.code
    case 'busy':
      return 'busy'
    case 'model-unknown':
      return 'unknown-model'
    case 'input-invalid':
    case 'input-too-large':
      return 'bad-input'
    default:
      return 'failed'
  }
}
