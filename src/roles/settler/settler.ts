import { type ChainClient, isChainError } from '../../chain/index.ts'
import { type Host, topicName } from '../../net/index.ts'
import {
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
import type { BatchSigner } from './signer.ts'

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

export function createSettler(
  components: SettlerComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
): Settler {
  return new SettlerRole(components, init.domain, init.parameters)
}

class SettlerRole implements Settler {
  readonly #c: SettlerComponents
  readonly #domain: Domain
  readonly #topic: string
  readonly #machine: SettlerMachine
  #timer: NodeJS.Timeout | undefined
  #ticking = false
  #stopped = false
  readonly #work = new Set<Promise<void>>()

  constructor(components: SettlerComponents, domain: Domain, parameters: Parameters) {
    this.#c = components
    this.#domain = domain
    this.#topic = topicName(domain.networkId, 'batch', 0)
    this.#machine = new SettlerMachine({
      domain,
      crypto: components.crypto,
      parameters,
      settler: components.signer.address,
    })
  }

  async start(): Promise<void> {
    const { history, pool, store } = this.#c
    const tip = await history.tip()
    const signed = await store.batches(tip.number + 1)
    this.#dispatch({
      type: 'restored',
      settled: await store.allSettled(),
      nextSequences: history.nextSequences(),
      signed: signed.filter(({ signatures }) => signatures.length > 0),
    })
    pool.onSettled((settled) => this.#dispatch({ type: 'settled', settled }))
    history.onAnchored((batch) => {
      this.#dispatch({ type: 'anchored', batch })
      pool.forget(batch.leaves.map(({ checkpoint }) => checkpoint))
    })
    history.onUnanchored((number) => void this.#restore(number))
    this.#timer = setInterval(() => void this.#tick(), TICK_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await Promise.allSettled(this.#work)
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
      const { chain, history, pool, clock } = this.#c
      const epoch = chain.epochAt()
      for (const signed of await history.forced()) {
        pool.addCheckpoint(signed, digestOf(this.#domain, CHECKPOINT, signed.checkpoint))
      }
      const tip = await history.tip()
      const set = await chain.signingSet(epoch)
      const settlers = await chain.settlers(epoch)
      if (set === undefined) {
        await chain.ensureOpened(epoch)
        return
      }
      if (settlers === undefined) return
      this.#dispatch({
        type: 'tick',
        now: clock(),
        context: { tip, epoch, signers: set.signers, settlers: settlers.map(({ operator }) => operator) },
      })
    } catch (thrown) {
      if (!isChainError(thrown)) throw thrown
      this.#c.logger.warn({ code: thrown.code }, 'the chain cannot be read now; settlement waits')
    } finally {
      this.#ticking = false
    }
  }

  #dispatch(event: SettlerEvent): void {
    const work = this.#carryOut(this.#machine.handle(event)).catch((thrown) => {
      this.#c.logger.error({ event: event.type, error: toError(thrown).message }, 'settlement step failed')
    })
    this.#work.add(work)
    void work.then(() => this.#work.delete(work))
  }

  async #carryOut(effects: readonly SettlerEffect[]): Promise<void> {
    for (const effect of effects) {
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
    const sent = await chain.anchor(
      signed.batch,
      bitmap,
      signed.signatures.map(({ signature }) => signature),
    )
    if (!sent.ok) {
      const reverted = sent.error.code === 'reverted'
      logger.warn({ number: signed.batch.number, code: sent.error.code, reverted }, sent.error.message)
      this.#dispatch({ type: 'anchor-failed', digest, reverted })
      return
    }
    const { transaction, gasUsed } = sent.value
    logger.info({ number: signed.batch.number, transaction, gasUsed: gasUsed.toString() }, 'batch anchored')
    const whole = encode('SignedBatch', signed).length <= WIRE_LIMITS.gossipMessage.value
    const { recipients } = await host.gossip.publish(
      this.#topic,
      encodeGossip('batch', whole ? signed : { ...signed, leaves: [] }),
    )
    logger.debug({ recipients }, 'batch gossiped')
  }
}

const certificateOf = ({ digest, votes }: SettledCheckpoint): Certificate => ({ checkpoint: digest, votes })
