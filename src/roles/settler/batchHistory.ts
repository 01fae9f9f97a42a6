import { type AnchoredBatch, type ChainClient, isChainError } from '../../chain/index.ts'
import { type GossipVerdict, type Host, topicName } from '../../net/index.ts'
import {
  type Address,
  batchDigest,
  type ChainTip,
  type Digest,
  type Domain,
  type Secp256k1,
  type SignedBatch,
  type SignedCheckpoint,
  settlerProblem,
  toError,
  ZERO_DIGEST,
} from '../../protocol/index.ts'
import { WIRE_LIMITS } from '../../wire/index.ts'
import type { RoleLogger } from '../logger.ts'
import { refuseSync, type Sync } from '../sync.ts'
import { hasQuorum, leavesAgree, validateBatchMessage } from '../validators/batch.ts'
import type { SettledStore } from './settledStore.ts'

/** The anchored batches with their leaves (R21: content-addressed, served by settlers and signers). */
export interface BatchHistory {
  /** Reads what the chain holds and fetches leaves this node lacks. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The last batch this node holds with its leaves; behind the chain while they are fetched. */
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
    | 'lastBatch'
    | 'batch'
    | 'onAnchored'
    | 'onReorg'
    | 'blockByNumber'
    | 'chainNow'
    | 'forced'
    | 'finalized'
    | 'signingSet'
  >
  readonly host: Pick<Host, 'connectedPeers' | 'conduct' | 'gossip'>
  readonly sync: Sync
  readonly store: SettledStore
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly logger: RoleLogger
}

const RETRY_MS = 500
/** Who asks for the tip waits this long for a catch-up, then takes what is known, ms. */
const TIP_WAIT_MS = 1_000
/** Batches whose leaves stay in memory; older ones are read from the store. */
const MAX_IN_MEMORY = 256
const QUEUE_LENGTH = 32
/** Valid batches in the topic: one an interval of a devnet. */
const BATCHES_PER_SECOND = 0.5

export function createBatchHistory(
  components: BatchHistoryComponents,
  init: { readonly domain: Domain },
): BatchHistory {
  return new History(components, init.domain)
}

interface Known {
  readonly anchored: AnchoredBatch
  readonly anchoredAt: number
  /** Undefined where the store has it. */
  signed: SignedBatch | undefined
}

class History implements BatchHistory {
  readonly #c: BatchHistoryComponents
  readonly #domain: Domain
  readonly #topic: string
  readonly #known: Known[] = []
  readonly #next = new Map<Address, number>()
  readonly #anchoredListeners: ((signed: SignedBatch, anchored: AnchoredBatch) => void)[] = []
  readonly #unanchoredListeners: ((number: number) => void)[] = []
  readonly #off: (() => void)[] = []
  #following: Promise<void> = Promise.resolve()
  #isQueued = false
  #retry: NodeJS.Timeout | undefined
  #fault: string | undefined
  /** Batches up to this one are final, and what they made superfluous is gone. */
  #pruned = 0
  #stopped = false

  constructor(components: BatchHistoryComponents, domain: Domain) {
    this.#c = components
    this.#domain = domain
    this.#topic = topicName(domain.networkId, 'batch', 0)
  }

  async start(): Promise<void> {
    const { sync, chain, host } = this.#c
    sync.respond('batchRequest', async ({ number }) => {
      const signed = await this.batch(number)
      return signed === undefined
        ? refuseSync('not-found', `batch ${number} is not held here`)
        : { kind: 'batch', value: { batch: signed } }
    })
    this.#off.push(chain.onAnchored(() => this.#follow()))
    this.#off.push(chain.onReorg(() => this.#follow()))
    host.gossip.subscribe(this.#topic, (bytes) => this.#onGossip(bytes), {
      maxBytes: WIRE_LIMITS.gossipMessage.value,
      queueLength: QUEUE_LENGTH,
      expectedPerSecond: BATCHES_PER_SECOND,
    })
    this.#off.push(() => host.gossip.unsubscribe(this.#topic))
    this.#follow()
    await this.#following
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    for (const off of this.#off) off()
    await this.#following
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
    await this.#settled(TIP_WAIT_MS)
    const last = this.#known.at(-1)
    if (last === undefined) return { number: 0, digest: ZERO_DIGEST, cutoff: 0, anchoredAt: 0 }
    const { batch, digest } = last.anchored
    return { number: batch.number, digest, cutoff: batch.cutoff, anchoredAt: last.anchoredAt }
  }

  async keepProposal(proposal: SignedBatch, digest: Digest): Promise<void> {
    await this.#c.store.commit([], [{ signed: proposal, digest }])
  }

  async batch(number: number): Promise<SignedBatch | undefined> {
    const known = this.#known[number - 1]
    return known === undefined ? undefined : (known.signed ?? this.#c.store.batch(number, known.anchored.digest))
  }

  /** A catch-up may hang on peers that do not answer: nobody waits longer than `ms` for it. */
  async #settled(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    await Promise.race([this.#following, promise])
    clearTimeout(timer)
  }

  #follow(): void {
    if (this.#isQueued || this.#stopped) return
    this.#isQueued = true
    clearTimeout(this.#retry)
    this.#following = this.#following.then(async () => {
      this.#isQueued = false
      try {
        await this.#catchUp()
        this.#fault = undefined
      } catch (thrown) {
        this.#report(toError(thrown))
        if (!this.#stopped) this.#retry = setTimeout(() => this.#follow(), RETRY_MS)
      }
    })
  }

  /** Repeats of one fault are one line. */
  #report(error: Error): void {
    const kind = isChainError(error) ? error.code : error.message
    if (this.#fault === kind || this.#stopped) return
    this.#fault = kind
    const code = isChainError(error) ? { code: error.code } : {}
    this.#c.logger.warn({ ...code, error: error.message }, 'the batches on chain cannot be followed now')
  }

  async #catchUp(): Promise<void> {
    await this.#dropReorged()
    const last = await this.#c.chain.lastBatch()
    for (let number = this.#known.length + 1; number <= last.number && !this.#stopped; number += 1) {
      const anchored = await this.#anchored(number)
      if (anchored.batch.previous !== this.#digestAt(number - 1)) {
        throw new RangeError(`batch ${number} follows another than ${number - 1} here; the chain moved`)
      }
      const signed = await this.#leavesOf(anchored)
      if (signed === undefined) throw new RangeError(`no peer serves the leaves of batch ${number}`)
      await this.#append(signed, anchored)
    }
    await this.#prune()
  }

  #digestAt(number: number): Digest {
    return this.#known[number - 1]?.anchored.digest ?? ZERO_DIGEST
  }

  async #append(found: SignedBatch, anchored: AnchoredBatch): Promise<void> {
    const anchoredAt = await this.#timeOf(anchored)
    const { digest, batch } = anchored
    await this.#c.store.commit([], [{ signed: found, digest }])
    // Read back: its signatures may have come by gossip since it was looked for.
    const signed = (await this.#c.store.batch(batch.number, digest)) ?? found
    this.#known.push({ signed, anchored, anchoredAt })
    const old = this.#known.at(-1 - MAX_IN_MEMORY)
    if (old !== undefined) old.signed = undefined
    for (const { operator, sequence } of signed.leaves) this.#next.set(operator, sequence + 1)
    for (const listener of this.#anchoredListeners) listener(signed, anchored)
  }

  /** R22: drops the batches the chain no longer holds; those it holds in another block stay. */
  async #dropReorged(): Promise<void> {
    const last = await this.#c.chain.lastBatch()
    let kept = this.#known.length
    for (let number = this.#known.length; number > 0; number -= 1) {
      const known = this.#known[number - 1] as Known
      const now = number > last.number ? undefined : await this.#anchored(number)
      if (now?.digest !== known.anchored.digest) kept = number - 1
      else if (now.blockHash === known.anchored.blockHash) break
      else this.#known[number - 1] = { ...known, anchored: now, anchoredAt: await this.#timeOf(now) }
    }
    if (kept === this.#known.length) return
    for (let number = this.#known.length; number > kept; number -= 1) {
      const leaves = (await this.batch(number))?.leaves ?? []
      for (const { operator, sequence } of leaves.toReversed()) this.#next.set(operator, sequence)
    }
    this.#known.length = kept
    this.#c.logger.warn({ number: kept }, 'the chain went back; later batches are anchored again')
    for (const listener of this.#unanchoredListeners) listener(kept)
  }

  async #anchored(number: number): Promise<AnchoredBatch> {
    const anchored = await this.#c.chain.batch(number)
    if (anchored !== undefined) return anchored
    throw new RangeError(`batch ${number} cannot be read on the chain that is followed; asked again`)
  }

  async #timeOf({ blockNumber }: AnchoredBatch): Promise<number> {
    return (await this.#c.chain.blockByNumber(blockNumber))?.timestamp ?? this.#c.chain.chainNow()
  }

  /** What is final makes other proposals of its number, and its checkpoints' own entries, superfluous. */
  async #prune(): Promise<void> {
    const { number: finalBlock } = this.#c.chain.finalized()
    while (this.#pruned < this.#known.length) {
      const number = this.#pruned + 1
      const { anchored } = this.#known[number - 1] as Known
      if (anchored.blockNumber > finalBlock) return
      const checkpoints = (await this.batch(number))?.leaves.map(({ checkpoint }) => checkpoint) ?? []
      await this.#c.store.prune(number, anchored.digest, checkpoints)
      this.#pruned = number
    }
  }

  async #onGossip(bytes: Uint8Array): Promise<GossipVerdict> {
    const { chain, crypto } = this.#c
    const { verdict, batch: signed } = await validateBatchMessage(bytes, {
      domain: this.#domain,
      crypto,
      isHeld: async (number, digest) => {
        const held = await this.#c.store.batch(number, digest)
        return held !== undefined && held.signatures.length > 0 && held.settlerSignature !== undefined
      },
      anchored: async (number) => (await chain.batch(number))?.digest,
      tip: () => ({ number: this.#known.length, digest: this.#digestAt(this.#known.length) }),
      signers: async (epoch) => (await chain.signingSet(epoch))?.signers,
    })
    if (verdict.action === 'accept' && signed !== undefined) await this.#keepSigned(signed)
    return verdict
  }

  /** Too large a batch comes without its leaves: they are here as a proposal, or pulled when it is followed. */
  async #keepSigned(signed: SignedBatch): Promise<void> {
    const { number } = signed.batch
    const digest = batchDigest(this.#domain, signed.batch)
    const held = signed.leaves.length > 0 ? signed : await this.#c.store.batch(number, digest)
    if (held === undefined || held.leaves.length === 0) return
    const whole = { ...signed, leaves: held.leaves }
    await this.#c.store.commit([], [{ signed: whole, digest }])
    const known = this.#known[number - 1]
    // Read back: the store keeps what it had of the signatures.
    if (known?.anchored.digest === digest && known.signed !== undefined) {
      known.signed = (await this.#c.store.batch(number, digest)) ?? whole
    }
  }

  /** The settler's signature, where there is one, is the settler's: nobody that checks what it keeps serves another. */
  #isSettlersOwn(signed: SignedBatch): boolean {
    return signed.settlerSignature === undefined || settlerProblem(this.#domain, this.#c.crypto, signed) === undefined
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
      if (batchDigest(this.#domain, signed.batch) === digest && leavesAgree(signed) && this.#isSettlersOwn(signed)) {
        const signers = (await this.#c.chain.signingSet(batch.epoch))?.signers ?? []
        return hasQuorum(this.#c.crypto, signed, digest, signers) ? signed : { ...signed, signatures: [] }
      }
      this.#c.host.conduct.report(peer, 'bad-batch', { number: batch.number })
    }
    return undefined
  }
}
