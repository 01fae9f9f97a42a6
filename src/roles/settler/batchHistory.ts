import type { AnchoredBatch, ChainClient } from '../../chain/index.ts'
import type { Host } from '../../net/index.ts'
import {
  type Address,
  batchDigest,
  type ChainTip,
  checkpointsRootOf,
  type Digest,
  type Domain,
  leavesDataDigest,
  type SignedBatch,
  type SignedCheckpoint,
  toError,
  ZERO_DIGEST,
} from '../../protocol/index.ts'
import type { RoleLogger } from '../logger.ts'
import { refuseSync, type Sync } from '../sync.ts'
import type { SettledStore } from './settledStore.ts'

/** The anchored batches with their leaves (R21: content-addressed, served by settlers and signers). */
export interface BatchHistory {
  /** Reads what the chain holds and fetches leaves this node lacks. */
  start(): Promise<void>
  stop(): void
  tip(): Promise<ChainTip>
  /** Next checkpoint sequence of an operator that no anchored batch has. */
  nextSequence(operator: Address): number
  nextSequences(): ReadonlyMap<Address, number>
  /** Checkpoints forced on chain (R20) that no anchored batch has. */
  forced(): Promise<readonly SignedCheckpoint[]>
  /** Leaves of a proposal this node knows, so that they need not be fetched once it is anchored. */
  keepProposal(proposal: SignedBatch, digest: Digest): Promise<void>
  onAnchored(listener: (signed: SignedBatch, anchored: AnchoredBatch) => void): void
  /** The chain went back to `number`. */
  onUnanchored(listener: (number: number) => void): void
  batch(number: number): Promise<SignedBatch | undefined>
}

export interface BatchHistoryComponents {
  readonly chain: Pick<
    ChainClient,
    'lastBatch' | 'batch' | 'onAnchored' | 'onReorg' | 'blockByNumber' | 'chainNow' | 'forced'
  >
  readonly host: Pick<Host, 'connectedPeers' | 'conduct'>
  readonly sync: Sync
  readonly store: SettledStore
  readonly logger: RoleLogger
}

const RETRY_MS = 500

export function createBatchHistory(
  components: BatchHistoryComponents,
  init: { readonly domain: Domain },
): BatchHistory {
  return new History(components, init.domain)
}

interface Known {
  readonly signed: SignedBatch
  readonly anchored: AnchoredBatch
  readonly anchoredAt: number
}

class History implements BatchHistory {
  readonly #c: BatchHistoryComponents
  readonly #domain: Domain
  readonly #known: Known[] = []
  readonly #next = new Map<Address, number>()
  readonly #anchoredListeners: ((signed: SignedBatch, anchored: AnchoredBatch) => void)[] = []
  readonly #unanchoredListeners: ((number: number) => void)[] = []
  readonly #off: (() => void)[] = []
  #following: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(components: BatchHistoryComponents, domain: Domain) {
    this.#c = components
    this.#domain = domain
  }

  async start(): Promise<void> {
    this.#c.sync.respond('batchRequest', async ({ number }) => {
      const signed = await this.batch(number)
      return signed === undefined
        ? refuseSync('not-found', `batch ${number} is not held here`)
        : { kind: 'batch', value: { batch: signed } }
    })
    this.#off.push(this.#c.chain.onAnchored(() => this.#follow()))
    this.#off.push(this.#c.chain.onReorg(() => this.#follow()))
    this.#follow()
    await this.#following
  }

  stop(): void {
    this.#stopped = true
    for (const off of this.#off) off()
  }

  onAnchored(listener: (signed: SignedBatch, anchored: AnchoredBatch) => void): void {
    this.#anchoredListeners.push(listener)
  }

  onUnanchored(listener: (number: number) => void): void {
    this.#unanchoredListeners.push(listener)
  }

  nextSequence(operator: Address): number {
    return this.#next.get(operator) ?? 0
  }

  nextSequences(): ReadonlyMap<Address, number> {
    return this.#next
  }

  async forced(): Promise<readonly SignedCheckpoint[]> {
    const forced = await this.#c.chain.forced()
    return forced.filter(({ checkpoint }) => checkpoint.sequence >= this.nextSequence(checkpoint.operator))
  }

  async tip(): Promise<ChainTip> {
    await this.#following
    const last = this.#known.at(-1)
    if (last === undefined) return { number: 0, digest: ZERO_DIGEST, cutoff: 0, anchoredAt: 0 }
    const { batch } = last.signed
    return { number: batch.number, digest: last.anchored.digest, cutoff: batch.cutoff, anchoredAt: last.anchoredAt }
  }

  async keepProposal(proposal: SignedBatch, digest: Digest): Promise<void> {
    await this.#c.store.commit([], [{ signed: proposal, digest }])
  }

  async batch(number: number): Promise<SignedBatch | undefined> {
    return this.#known[number - 1]?.signed
  }

  #follow(): void {
    this.#following = this.#following
      .then(() => this.#catchUp())
      .catch((thrown) => {
        this.#c.logger.warn({ error: toError(thrown).message }, 'the batches on chain cannot be read now')
        if (!this.#stopped) setTimeout(() => this.#follow(), RETRY_MS).unref()
      })
  }

  async #catchUp(): Promise<void> {
    await this.#dropReorged()
    const last = await this.#c.chain.lastBatch()
    for (let number = this.#known.length + 1; number <= last.number && !this.#stopped; number += 1) {
      const anchored = await this.#c.chain.batch(number)
      if (anchored === undefined) return
      const signed = await this.#leavesOf(anchored)
      if (signed === undefined) throw new RangeError(`no peer serves the leaves of batch ${number}`)
      await this.#append(signed, anchored)
    }
  }

  async #append(signed: SignedBatch, anchored: AnchoredBatch): Promise<void> {
    const block = await this.#c.chain.blockByNumber(anchored.blockNumber)
    this.#known.push({ signed, anchored, anchoredAt: block?.timestamp ?? this.#c.chain.chainNow() })
    this.#count(signed)
    await this.#c.store.commit([], [{ signed, digest: anchored.digest }])
    for (const listener of this.#anchoredListeners) listener(signed, anchored)
  }

  #count({ leaves }: SignedBatch): void {
    for (const { operator, sequence } of leaves) this.#next.set(operator, sequence + 1)
  }

  async #dropReorged(): Promise<void> {
    let kept = this.#known.length
    while (kept > 0) {
      const { anchored } = this.#known[kept - 1] as Known
      const now = await this.#c.chain.batch(anchored.batch.number)
      if (now?.digest === anchored.digest) break
      kept -= 1
    }
    if (kept === this.#known.length) return
    this.#known.length = kept
    this.#next.clear()
    for (const { signed } of this.#known) this.#count(signed)
    this.#c.logger.warn({ number: kept }, 'the chain went back; later batches are anchored again')
    for (const listener of this.#unanchoredListeners) listener(kept)
  }

  /** From the store, else from any peer; whoever serves them, they must hash to what was anchored. */
  async #leavesOf(anchored: AnchoredBatch): Promise<SignedBatch | undefined> {
    const { batch, digest } = anchored
    const stored = await this.#c.store.batch(batch.number, digest)
    if (stored !== undefined) return stored
    for (const peer of this.#c.host.connectedPeers()) {
      const answer = await this.#c.sync.ask(peer, { kind: 'batchRequest', value: { number: batch.number } }, 'batch')
      if (!answer.ok) continue
      const { batch: signed } = answer.value
      const honest =
        batchDigest(this.#domain, signed.batch) === digest &&
        checkpointsRootOf(signed.leaves) === batch.checkpointsRoot &&
        leavesDataDigest(signed.leaves) === batch.data
      if (honest) return signed
      this.#c.host.conduct.report(peer, 'bad-batch', { number: batch.number })
    }
    return undefined
  }
}
