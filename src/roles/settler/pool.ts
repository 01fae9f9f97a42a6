import type { Host } from '../../net/index.ts'
import {
  type Address,
  type Clock,
  type Digest,
  type Domain,
  digestOf,
  type JobRecord,
  type Parameters,
  RECEIPT,
  type ReceiptFacts,
  type Secp256k1,
  type SettledCheckpoint,
  type SignedCheckpoint,
  type SignedVote,
  toError,
  type VoteBundle,
} from '../../protocol/index.ts'
import type { CommitteeLookup } from '../committee.ts'
import type { RoleLogger } from '../logger.ts'
import type { PeerDirectory } from '../peerDirectory.ts'
import { fetchRecords } from '../recordsClient.ts'
import type { Sync } from '../sync.ts'
import { VoteCollector } from '../voteCollector.ts'
import type { SettledStore } from './settledStore.ts'

/** Every checkpoint this node heard of, until it is certified or given up as undecided (R14, R20). */
export interface SettlementPool {
  start(): Promise<void>
  stop(): void
  addCheckpoint(signed: SignedCheckpoint, digest: Digest): void
  addVotes(bundle: VoteBundle): void
  onSettled(listener: (settled: SettledCheckpoint) => void): void
  settled(digest: Digest): SettledCheckpoint | undefined
  /** Settled and not anchored, with when this node had it first, ms. */
  held(): { readonly settled: SettledCheckpoint; readonly since: number }[]
  /** The checkpoint, its committee and receipts, to judge another's certificate by; undefined while they cannot be had. */
  examine(digest: Digest, signed?: SignedCheckpoint): Promise<Examined | undefined>
  /** Forgets what an anchored batch holds. */
  forget(digests: readonly Digest[]): void
}

export interface Examined {
  readonly signed: SignedCheckpoint
  readonly receipts: readonly ReceiptFacts[]
  judge(votes: readonly SignedVote[]): { readonly accepted: bigint; readonly rejected: bigint } | undefined
}

export interface PoolComponents {
  readonly host: Host
  readonly directory: PeerDirectory
  readonly committee: CommitteeLookup
  readonly sync: Sync
  readonly store: SettledStore
  /** Records this process verified itself, when it holds a seat. */
  readonly records: (digest: Digest) => Promise<readonly JobRecord[] | undefined>
  readonly crypto: Secp256k1
  readonly clock: Clock
  readonly logger: RoleLogger
}

interface Tracked {
  readonly signed: SignedCheckpoint
  readonly digest: Digest
  readonly since: number
  collector: VoteCollector | undefined
  receipts: readonly ReceiptFacts[] | undefined
  settled: SettledCheckpoint | undefined
  early: SignedVote[]
  askedAt: number
  busy: boolean
}

const TICK_MS = 250
/** Missing votes and records are asked for this often, ms. */
const ASK_EVERY_MS = 1_000
/** A minute of the whole network's checkpoints (R8: 20 a second). */
const MAX_TRACKED = 1_200
const MAX_EARLY_VOTES = 64

export function createSettlementPool(
  components: PoolComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
): SettlementPool {
  return new Pool(components, init.domain, init.parameters)
}

class Pool implements SettlementPool {
  readonly #c: PoolComponents
  readonly #domain: Domain
  readonly #parameters: Parameters
  readonly #tracked = new Map<Digest, Tracked>()
  readonly #listeners: ((settled: SettledCheckpoint) => void)[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(components: PoolComponents, domain: Domain, parameters: Parameters) {
    this.#c = components
    this.#domain = domain
    this.#parameters = parameters
  }

  async start(): Promise<void> {
    for (const settled of await this.#c.store.allSettled()) {
      this.#tracked.set(settled.digest, {
        signed: settled.signed,
        digest: settled.digest,
        since: this.#c.clock(),
        collector: undefined,
        receipts: settled.receipts,
        settled,
        early: [],
        askedAt: 0,
        busy: false,
      })
    }
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  onSettled(listener: (settled: SettledCheckpoint) => void): void {
    this.#listeners.push(listener)
  }

  addCheckpoint(signed: SignedCheckpoint, digest: Digest): void {
    if (this.#tracked.has(digest)) return
    const entry: Tracked = {
      signed,
      digest,
      since: this.#c.clock(),
      collector: undefined,
      receipts: undefined,
      settled: undefined,
      early: [],
      askedAt: this.#c.clock(),
      busy: false,
    }
    this.#tracked.set(digest, entry)
    const [oldest] = this.#tracked.keys()
    if (this.#tracked.size > MAX_TRACKED && oldest !== undefined) {
      this.#c.logger.warn(
        { checkpoint: oldest },
        'too many checkpoints wait; the oldest is pulled again when a batch names it',
      )
      this.#tracked.delete(oldest)
    }
    void this.#advance(entry)
  }

  addVotes(bundle: VoteBundle): void {
    for (const vote of bundle.votes) {
      const entry = this.#tracked.get(vote.vote.checkpoint)
      if (entry === undefined || entry.settled !== undefined) continue
      if (entry.collector === undefined) {
        if (entry.early.length < MAX_EARLY_VOTES) entry.early.push(vote)
      } else if (entry.collector.add([vote]).changed) void this.#advance(entry)
    }
  }

  settled(digest: Digest): SettledCheckpoint | undefined {
    return this.#tracked.get(digest)?.settled
  }

  held(): { readonly settled: SettledCheckpoint; readonly since: number }[] {
    return [...this.#tracked.values()].flatMap(({ settled, since }) =>
      settled === undefined ? [] : [{ settled, since }],
    )
  }

  forget(digests: readonly Digest[]): void {
    for (const digest of digests) this.#tracked.delete(digest)
  }

  async examine(digest: Digest, signed?: SignedCheckpoint): Promise<Examined | undefined> {
    if (!this.#tracked.has(digest) && signed !== undefined) this.addCheckpoint(signed, digest)
    const entry = this.#tracked.get(digest)
    if (entry === undefined) return undefined
    await this.#prepare(entry)
    const { collector, receipts } = entry
    if (collector === undefined || receipts === undefined) return undefined
    return {
      signed: entry.signed,
      receipts,
      judge: (votes) => {
        const fresh = new VoteCollector(
          { domain: this.#domain, crypto: this.#c.crypto },
          { digest, checkpoint: entry.signed.checkpoint, committee: collector.committee },
        )
        if (fresh.add(votes).refused.length > 0) return undefined
        return { accepted: fresh.tally.accepted, rejected: fresh.tally.rejected }
      },
    }
  }

  #tick(): void {
    for (const entry of this.#tracked.values()) if (entry.settled === undefined) void this.#advance(entry)
  }

  async #advance(entry: Tracked): Promise<void> {
    if (entry.busy) return
    entry.busy = true
    try {
      await this.#prepare(entry)
      await this.#ask(entry)
      await this.#settle(entry)
    } catch (thrown) {
      this.#c.logger.warn({ checkpoint: entry.digest, error: toError(thrown).message }, 'checkpoint not settled yet')
    } finally {
      entry.busy = false
    }
  }

  async #prepare(entry: Tracked): Promise<void> {
    entry.collector ??= await this.#collectorOf(entry)
    if (entry.collector !== undefined && entry.early.length > 0) entry.collector.add(entry.early.splice(0))
    entry.receipts ??= await this.#receiptsOf(entry)
  }

  async #collectorOf(entry: Tracked): Promise<VoteCollector | undefined> {
    const committee = await this.#c.committee.committeeOf(entry.signed.checkpoint)
    if (!committee.ok) {
      if (committee.error.code === 'committee-pending') return undefined
      this.#c.logger.warn({ checkpoint: entry.digest, ...committee.error }, 'checkpoint has no committee')
      this.#tracked.delete(entry.digest)
      return undefined
    }
    return new VoteCollector(
      { domain: this.#domain, crypto: this.#c.crypto },
      { digest: entry.digest, checkpoint: entry.signed.checkpoint, committee: committee.value.seats },
    )
  }

  async #receiptsOf(entry: Tracked): Promise<readonly ReceiptFacts[] | undefined> {
    const own = await this.#c.records(entry.digest)
    if (own !== undefined) return this.#facts(own)
    const { checkpoint } = entry.signed
    const peers = [checkpoint.operator, ...(entry.collector?.committee.map(({ verifier }) => verifier) ?? [])]
    for (const operator of peers) {
      const peer = this.#c.directory.peerOf(operator)
      if (peer === undefined) continue
      const fetched = await fetchRecords(this.#c.host, peer, this.#domain, checkpoint, entry.digest)
      if (fetched.ok) return this.#facts(fetched.value.records)
    }
    return undefined
  }

  #facts(records: readonly JobRecord[]): ReceiptFacts[] {
    return records.map(({ receipt }) => ({
      digest: digestOf(this.#domain, RECEIPT, receipt),
      fee: receipt.fee,
      mac: receipt.mac,
    }))
  }

  /** Gossip is best effort: missing votes are asked of those who cast them. */
  async #ask(entry: Tracked): Promise<void> {
    const { collector } = entry
    const now = this.#c.clock()
    if (collector === undefined || collector.tally.final || now - entry.askedAt < ASK_EVERY_MS) return
    entry.askedAt = now
    const voted = new Set(collector.votes.map(({ vote }) => vote.verifier))
    const missing = collector.committee.map(({ verifier }) => verifier).filter((verifier) => !voted.has(verifier))
    await Promise.all(missing.map((verifier) => this.#askOne(verifier, entry.digest, collector)))
  }

  async #askOne(verifier: Address, checkpoint: Digest, collector: VoteCollector): Promise<void> {
    const peer = this.#c.directory.peerOf(verifier)
    if (peer === undefined) return
    const answer = await this.#c.sync.ask(peer, { kind: 'votesRequest', value: { checkpoint } }, 'votes')
    if (answer.ok) collector.add(answer.value.bundle.votes)
  }

  async #settle(entry: Tracked): Promise<void> {
    const { collector, receipts, signed, digest } = entry
    if (entry.settled !== undefined || collector === undefined || receipts === undefined) return
    const { tally } = collector
    const waited = this.#c.clock() - entry.since >= this.#parameters.certificateWait
    if (!tally.final && !waited) return
    const { accepted, rejected } = tally
    const votes = accepted === 0n && rejected === 0n ? [] : tally.votes
    const settled = { signed, digest, accepted, rejected, votes, receipts }
    await this.#c.store.commit([settled], [])
    entry.settled = settled
    for (const listener of this.#listeners) listener(settled)
  }
}
