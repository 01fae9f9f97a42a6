import type { Attester, EncryptionKey, Sealing } from '../../attestation/index.ts'
import type { BlockRef } from '../../chain/index.ts'
import type { InferenceEngine, InferenceFailure } from '../../inference/index.ts'
import type { Host } from '../../net/index.ts'
import {
  ASSURANCE,
  type CheckpointSeed,
  type Clock,
  committeeBlockTime,
  type Digest,
  type Domain,
  type JobRequest,
  keccak,
  type Manifest,
  nameOfCode,
  type OfferedTerms,
  type Parameters,
  type Profile,
  type ProviderEffect,
  type ProviderEvent,
  ProviderMachine,
  parseTensorParameters,
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
  ZERO_DIGEST,
} from '../../protocol/index.ts'
import type { CommitteeLookup } from '../committee.ts'
import type { GrantChecker } from '../grants.ts'
import type { RoleLogger } from '../logger.ts'
import type { Offers } from '../offers.ts'
import type { CommitteeLinks } from './committeeLinks.ts'
import { StreamedInferServer } from './inferServer.ts'
import type { ProviderJournal } from './journal.ts'
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
  readonly crypto: Secp256k1
  readonly random: Random
  readonly clock: Clock
  readonly logger: RoleLogger
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
}

export interface Provider {
  start(): Promise<void>
  /** Refuses new jobs, lets running ones end, then stops. */
  stop(): Promise<void>
  status(): { readonly grant: Digest | undefined; readonly running: number; readonly slots: number }
}

/** Offers are renewed this many times within their life, so that one lost message costs nothing. */
const OFFERS_PER_LIFE = 3
const DRAIN_TIMEOUT_MS = 10_000

export function createProvider(components: ProviderComponents, init: ProviderRoleInit): Provider {
  return new ProviderRole(components, init)
}

class ProviderRole implements Provider {
  readonly #components: ProviderComponents
  readonly #init: ProviderRoleInit
  readonly #server: StreamedInferServer
  readonly #aborts = new Map<Digest, AbortController>()
  readonly #streams = new Map<Digest, StreamId>()
  #machine: ProviderMachine | undefined
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
        cancel: (stream) => this.#dispatch({ type: 'stream-closed', stream }),
        closed: (stream) => this.#dispatch({ type: 'stream-closed', stream }),
      },
    })
  }

  async start(): Promise<void> {
    const { journal, crypto, random, operator, links, logger } = this.#components
    const { domain, profile, parameters, tiers, privacy, slots, maxInputBytes } = this.#init
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
      history,
    })
    links.onDecided((certificate, decided) => this.#dispatch({ type: 'certified', certificate, decided }))
    links.onAbandoned((checkpoint) => this.#dispatch({ type: 'certificate-abandoned', checkpoint }))
    links.start(journal)
    await this.#renewGrant()
    this.#server.start()
    if (history.loose.length > 0) {
      logger.info({ receipts: history.loose.length }, 'receipts from before the restart go under a checkpoint')
      this.#schedule(this.#components.clock())
    }
  }

  async stop(): Promise<void> {
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
    const validUntil = clock() + parameters.offerLife
    const { evidence: _, ...withoutEvidence } = grant
    const signed = signOffer(domain, operator, {
      terms: models.map((model) => termsOf(model, operator, validUntil)),
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
    const stored = await this.#components.journal.find(jobId)
    this.#streams.set(jobId, stream)
    await this.#carryOut(this.#handle({ type: 'job', now: this.#components.clock(), stream, request, stored }))
    if (!this.#aborts.has(jobId)) this.#streams.delete(jobId)
  }

  #handle(event: ProviderEvent): ProviderEffect[] {
    if (this.#machine === undefined) throw new RangeError('the provider is not started')
    return this.#machine.handle(event)
  }

  #dispatch(event: ProviderEvent): void {
    this.#carryOut(this.#handle(event)).catch((thrown) => this.#fault(thrown, `${event.type} not carried out`))
  }

  #fault(thrown: unknown, message: string): void {
    this.#components.logger.error({ error: toError(thrown).message }, message)
  }

  async #carryOut(effects: readonly ProviderEffect[]): Promise<void> {
    for (const effect of effects) {
      switch (effect.type) {
        case 'persist':
          await this.#components.journal.commit(effect.entries)
          break
        case 'reply':
          this.#server.reply(effect.stream, effect.reply)
          break
        case 'open-input':
          void this.#open(effect.jobId)
          break
        case 'run':
          void this.#run(effect.jobId, effect.job.model, effect.input, effect.job.deadline)
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

  async #run(jobId: Digest, model: Digest, input: Uint8Array, deadline: number): Promise<void> {
    const { engine, clock } = this.#components
    const abort = new AbortController()
    this.#aborts.set(jobId, abort)
    try {
      const run = await engine.run({ model, input, parameters: {}, deadline, trace: true, signal: abort.signal })
      if (!run.ok) return this.#failed(jobId, refusalOf(run.error), run.error.message)
      const { output, trace, units, startedAt, finishedAt } = run.value
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
    this.#dispatch({ type: 'job-failed', jobId, code, message })
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

function termsOf({ id, manifest, prices }: ModelForSale, operator: Signer, validUntil: number): Terms {
  return {
    operator: operator.address,
    model: id,
    macIn: manifest.macIn,
    macOut: manifest.macOut,
    memoryMB: manifest.memoryMB,
    referenceRate: manifest.referenceRate,
    ...prices,
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
