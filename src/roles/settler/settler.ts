import { type ChainClient, isChainError, type Sent } from '../../chain/index.ts'
import { type Host, topicName } from '../../net/index.ts'
import {
  type Address,
  type BatchSignature,
  bit,
  type Certificate,
  CHECKPOINT,
  type Clock,
  type Digest,
  type Domain,
  digestOf,
  type Parameters,
  type Secp256k1,
  type SettledCheckpoint,
  type SettlementContext,
  type SettlerEffect,
  type SettlerEvent,
  SettlerMachine,
  type SignedBatch,
  type Signer,
  type SignerSeat,
  toError,
} from '../../protocol/index.ts'
import { encode, encodeGossip, WIRE_LIMITS } from '../../wire/index.ts'
import type { RoleLogger } from '../logger.ts'
import type { PeerDirectory } from '../peerDirectory.ts'
import type { Sync } from '../sync.ts'
import type { BatchHistory } from './batchHistory.ts'
import type { SettlementPool } from './pool.ts'
import type { SettledStore } from './settledStore.ts'
import { type BatchSigner, forgetAnchored } from './signer.ts'

export interface Settler {
  start(): Promise<void>
  stop(): Promise<void>
}

export interface SettlerComponents {
  readonly host: Host
  readonly directory: PeerDirectory
  readonly sync: Sync
  readonly chain: ChainClient
  readonly pool: SettlementPool
  readonly history: BatchHistory
  readonly store: SettledStore
  /** Present when this process sits in the signing set itself. */
  readonly own: BatchSigner | undefined
  readonly signer: Signer
  readonly crypto: Secp256k1
  readonly clock: Clock
  readonly logger: RoleLogger
}

const TICK_MS = 250
const SIGNATURE_TIMEOUT_MS = 5_000
/** Before a proposal that found no quorum is built anew, and a transaction that did not get through goes out again, ms. */
const RETRY_MS = 1_000
/** Settlement waits this long for the new epoch's set, then goes on with the last one, ms. */
const OPEN_WAIT_MS = 3_000
/** Between two attempts to open an epoch that is not open, ms. */
const OPEN_EVERY_MS = 5_000
/** Providers are asked this often for checkpoints that gossip did not bring, ms; at once when a peer connects. */
const PULL_EVERY_MS = 5_000
/** Checkpoints in one answer. */
const PULL_PAGE = 64

export function createSettler(
  components: SettlerComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
): Settler {
  return new SettlerRole(components, init.domain, init.parameters)
}

class SettlerRole implements Settler {
  readonly #c: SettlerComponents
  readonly #domain: Domain
  readonly #parameters: Parameters
  readonly #topic: string
  readonly #machine: SettlerMachine
  readonly #stopping = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #offConnected: (() => void) | undefined
  #ticking = false
  #stopped = false
  #fault: string | undefined
  #openedEpoch = -1
  #openAt = 0
  #pullAt = 0
  /** Until when there was nothing to settle, by the chain's clock, ms. */
  #idleUntil = 0
  readonly #work = new Set<Promise<void>>()

  constructor(components: SettlerComponents, domain: Domain, parameters: Parameters) {
    this.#c = components
    this.#domain = domain
    this.#parameters = parameters
    this.#topic = topicName(domain.networkId, 'batch', 0)
    this.#machine = new SettlerMachine({
      domain,
      crypto: components.crypto,
      parameters,
      signer: components.signer,
    })
  }

  async start(): Promise<void> {
    const { history, pool, store, own } = this.#c
    const tip = await history.tip()
    this.#dispatch({
      type: 'restored',
      settled: await store.allSettled(),
      nextSequences: history.nextSequences(),
      signed: await store.batches(tip.number + 1),
    })
    pool.onSettled((settled) => this.#dispatch({ type: 'settled', settled }))
    history.onAnchored((batch) => this.#dispatch({ type: 'anchored', batch }))
    history.onUnanchored((number) => this.#track(this.#restore(number)))
    if (own === undefined) forgetAnchored(this.#c)
    this.#offConnected = this.#c.host.onPeerConnected(() => {
      this.#pullAt = 0
    })
    this.#timer = setInterval(() => this.#track(this.#tick()), TICK_MS)
  }

  /** A transaction under way is not waited for: it is sent again after a start, as after a crash. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    this.#offConnected?.()
    this.#stopping.resolve()
    while (this.#work.size > 0) await Promise.allSettled(this.#work)
  }

  async #restore(number: number): Promise<void> {
    const settled = await this.#c.store.allSettled()
    const nextSequences = this.#c.history.nextSequences()
    this.#dispatch({ type: 'unanchored', number, nextSequences, settled })
  }

  async #tick(): Promise<void> {
    if (this.#ticking || this.#stopped) return
    this.#ticking = true
    try {
      await this.#openEpoch()
      await this.#addForced()
      await this.#pullMissed()
      const context = await this.#context()
      if (context !== undefined) this.#dispatch({ type: 'tick', now: this.#now(), context })
      this.#fault = undefined
    } catch (thrown) {
      if (!isChainError(thrown)) throw thrown
      if (this.#fault === thrown.code) return
      this.#fault = thrown.code
      this.#c.logger.warn({ code: thrown.code }, 'the chain cannot be read now; settlement waits')
    } finally {
      this.#ticking = false
    }
  }

  /** The chain's clock, not this machine's: the contract compares cut-offs with block times, and takes none further ahead. */
  #now(): number {
    const { chain } = this.#c
    return Math.min(chain.chainNow(), chain.head().timestamp + this.#parameters.futureTolerance)
  }

  /** Undefined while this node does not hold the chain's last batch, or the chain has no signers or settlers. */
  async #context(): Promise<SettlementContext | undefined> {
    const { chain, history } = this.#c
    const last = await chain.lastBatch()
    const tip = await history.tip()
    if (last.digest !== tip.digest) return undefined
    // Of a block, so that the next one is never before it; and the chain takes no epoch before the last batch's.
    const before = (await history.batch(tip.number))?.batch.epoch ?? 0
    const epoch = Math.max(chain.epochAt(chain.head().timestamp), before)
    const set = await chain.signingSet(epoch)
    const settlers = (await chain.settlers(epoch)) ?? (await chain.settlers(epoch - 1))
    if (set === undefined || settlers === undefined) return undefined
    if (this.#machine.waiting === 0) this.#idleUntil = this.#now()
    const turnFrom = Math.max(tip.anchoredAt, this.#idleUntil - this.#parameters.batchInterval)
    return {
      tip: { ...tip, anchoredAt: turnFrom },
      epoch,
      signers: set.signers,
      settlers: settlers.map(({ operator }) => operator),
    }
  }

  /** An epoch nobody opens is signed by the last set, but only for a while (R13). */
  async #openEpoch(): Promise<void> {
    const { chain, clock, logger } = this.#c
    const epoch = chain.epochAt(chain.head().timestamp)
    if (epoch <= this.#openedEpoch || clock() < this.#openAt) return
    this.#openAt = clock() + OPEN_EVERY_MS
    const opening = chain.ensureOpened(epoch).then((opened) => {
      if (!opened.ok) {
        if (!this.#stopped) logger.warn({ epoch, code: opened.error.code }, opened.error.message)
        return
      }
      this.#openedEpoch = epoch
      if (opened.value.done === 'now') logger.info({ epoch }, 'epoch opened')
    })
    this.#track(Promise.race([opening, this.#stopping.promise]))
    await Promise.race([opening, this.#pause(OPEN_WAIT_MS)])
  }

  async #addForced(): Promise<void> {
    for (const { checkpoint, signature } of await this.#c.history.forced()) {
      this.#c.pool.addCheckpoint({ checkpoint, signature }, digestOf(this.#domain, CHECKPOINT, checkpoint))
    }
  }

  /** R9: what gossip did not bring, or came while this node was down, is pulled from the providers that are connected. */
  async #pullMissed(): Promise<void> {
    const { chain, clock, directory } = this.#c
    if (clock() < this.#pullAt) return
    this.#pullAt = clock() + PULL_EVERY_MS
    const epoch = chain.epochAt(chain.head().timestamp)
    const providers = (await chain.providers(epoch)) ?? (await chain.providers(epoch - 1)) ?? []
    for (const { operator } of providers) {
      const peer = directory.peerOf(operator)
      if (peer !== undefined) this.#track(this.#pull(operator, peer))
    }
  }

  async #pull(operator: Address, peer: string): Promise<void> {
    const { history, sync, pool, host, crypto } = this.#c
    const value = { operator, from: history.nextSequence(operator), count: PULL_PAGE }
    const answer = await sync.ask(peer, { kind: 'checkpointsRequest', value }, 'checkpoints')
    if (!answer.ok) return
    for (const signed of answer.value.checkpoints) {
      const digest = digestOf(this.#domain, CHECKPOINT, signed.checkpoint)
      const isTheirs = signed.checkpoint.operator === operator && crypto.recover(digest, signed.signature) === operator
      if (isTheirs) pool.addCheckpoint(signed, digest)
      else host.conduct.report(peer, 'bad-checkpoint', { checkpoint: digest })
    }
  }

  #dispatch(event: SettlerEvent): void {
    if (!this.#stopped) this.#track(this.#carryOut(this.#machine.handle(event)))
  }

  #track(step: Promise<void>): void {
    const work = step
      .catch((thrown) => this.#c.logger.error({ error: toError(thrown).message }, 'settlement step failed'))
      .finally(() => this.#work.delete(work))
    this.#work.add(work)
  }

  /** False when the role was stopped meanwhile. */
  async #pause(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    await Promise.race([promise, this.#stopping.promise])
    clearTimeout(timer)
    return !this.#stopped
  }

  async #carryOut(effects: readonly SettlerEffect[]): Promise<void> {
    for (const effect of effects) {
      if (this.#stopped && effect.type !== 'persist') return
      switch (effect.type) {
        case 'persist':
          await this.#persist(effect)
          break
        case 'request-signatures':
          await this.#gather(effect)
          break
        case 'anchor':
          await this.#anchor(effect.signed, effect.digest)
          break
      }
    }
  }

  #persist({ entries }: Extract<SettlerEffect, { type: 'persist' }>): Promise<void> {
    const settled = entries.flatMap((entry) => (entry.kind === 'settled' ? [entry.settled] : []))
    const batches = entries.flatMap((entry) =>
      entry.kind === 'signed-batch' ? [{ signed: entry.signed, digest: entry.digest }] : [],
    )
    return this.#c.store.commit(settled, batches)
  }

  async #gather(effect: Extract<SettlerEffect, { type: 'request-signatures' }>): Promise<void> {
    const certificates = effect.settled.filter(({ votes }) => votes.length > 0).map(certificateOf)
    const value = { batch: effect.proposal, certificates }
    this.#c.logger.info(
      { number: effect.proposal.batch.number, leaves: effect.proposal.leaves.length, jobs: effect.proposal.batch.jobs },
      'batch proposed',
    )
    await Promise.all(
      effect.signers.map(async (seat) => {
        const signature = await this.#ask(seat, value)
        if (signature !== undefined) this.#dispatch({ type: 'signature', digest: effect.digest, ...signature })
      }),
    )
    if (await this.#pause(RETRY_MS)) this.#dispatch({ type: 'unsigned', digest: effect.digest })
  }

  async #ask(
    { operator, seat }: SignerSeat,
    value: { readonly batch: SignedBatch; readonly certificates: readonly Certificate[] },
  ): Promise<BatchSignature | undefined> {
    const { own, signer, directory, sync, logger } = this.#c
    if (operator === signer.address && own !== undefined) {
      const frame = await own.consider(value)
      return frame.kind === 'signature' ? frame.value : undefined
    }
    const peer = directory.peerOf(operator)
    if (peer === undefined) return undefined
    const answer = await sync.ask(peer, { kind: 'proposal', value }, 'signature', { timeoutMs: SIGNATURE_TIMEOUT_MS })
    if (answer.ok) return answer.value
    logger.info({ seat, operator, code: answer.error.code }, answer.error.message)
    return undefined
  }

  async #anchor(signed: SignedBatch, digest: Digest): Promise<void> {
    const { chain, host, logger } = this.#c
    const bitmap = signed.signatures.reduce((map, { seat }) => map | bit(seat), 0n)
    const anchoring = chain.anchor(
      signed.batch,
      bitmap,
      signed.signatures.map(({ signature }) => signature),
    )
    const sent = await Promise.race([anchoring, this.#stopping.promise])
    if (sent === undefined) return
    if (!sent.ok) {
      const reverted = sent.error.code === 'reverted'
      logger.warn({ number: signed.batch.number, code: sent.error.code, reverted }, sent.error.message)
      if (reverted || (await this.#pause(RETRY_MS))) this.#dispatch({ type: 'anchor-failed', digest, reverted })
      return
    }
    const { transaction, gasUsed, safe } = sent.value
    logger.info({ number: signed.batch.number, transaction, gasUsed: gasUsed.toString() }, 'batch anchored')
    this.#track(this.#followToSafe(signed, safe))
    const whole = encode('SignedBatch', signed).length <= WIRE_LIMITS.gossipMessage.value
    const { recipients } = await host.gossip.publish(
      this.#topic,
      encodeGossip('batch', whole ? signed : { ...signed, leaves: [] }),
    )
    logger.debug({ recipients }, 'batch gossiped')
  }

  /** R22: the client sends it again when its block goes away; what the chain then refuses, somebody else anchored. */
  async #followToSafe({ batch: { number } }: SignedBatch, safe: Sent['safe']): Promise<void> {
    const settled = await Promise.race([safe, this.#stopping.promise])
    if (settled === undefined) return
    if (settled.ok) this.#c.logger.debug({ number, block: settled.value.blockNumber }, 'anchor is safe')
    else
      this.#c.logger.info({ number, code: settled.error.code }, 'the anchor went away; another one stands or follows')
  }
}

const certificateOf = ({ digest, votes }: SettledCheckpoint): Certificate => ({ checkpoint: digest, votes })
