import type { Host } from '../../net/index.ts'
import {
  type Address,
  CHECKPOINT,
  type Clock,
  countBits,
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
  /** Resolves when nothing is being settled any more. */
  stop(): Promise<void>
  addCheckpoint(signed: SignedCheckpoint, digest: Digest): void
  addVotes(bundle: VoteBundle): void
  onSettled(listener: (settled: SettledCheckpoint) => void): void
  settled(digest: Digest): SettledCheckpoint | undefined
  /** Settled and not forgotten, with when it was settled, by this node's clock, ms. */
  held(): { readonly settled: SettledCheckpoint; readonly since: number }[]
  /**
   * A checkpoint to judge another's certificate by; where it is not known here, one of `holders` is asked for it.
   * Undefined while it cannot be had.
   */
  examine(digest: Digest, holders?: readonly Address[]): Promise<Examined | undefined>
  /** Forgets what an anchored batch holds. */
  forget(digests: readonly Digest[]): void
  /** Takes up again what is stored as settled: after a start, and after the chain went back (R22). */
  recall(): Promise<void>
}

export interface Examined {
  readonly signed: SignedCheckpoint
  /** Undefined while nobody serves them: only what accepts receipts needs them. */
  readonly receipts: readonly ReceiptFacts[] | undefined
  /** Undefined when a vote does not hold, or the committee is not known. */
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
  settledAt: number
  early: SignedVote[]
  askedAt: number
  fetchedAt: number
  preparing: Promise<void> | undefined
  fault: string | undefined
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
  /** Anchored; gossip may bring them again. */
  readonly #forgotten = new Set<Digest>()
  readonly #work = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(components: PoolComponents, domain: Domain, parameters: Parameters) {
    this.#c = components
    this.#domain = domain
    this.#parameters = parameters
  }

  async start(): Promise<void> {
    await this.recall()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await Promise.allSettled(this.#work)
  }

  async recall(): Promise<void> {
    this.#forgotten.clear()
    for (const settled of await this.#c.store.allSettled()) {
      if (this.#tracked.has(settled.digest)) continue
      const receipts = settled.receipts.length > 0 ? settled.receipts : undefined
      this.#track({ ...this.#fresh(settled.signed, settled.digest), receipts, settled, settledAt: this.#c.clock() })
    }
  }

  onSettled(listener: (settled: SettledCheckpoint) => void): void {
    this.#listeners.push(listener)
  }

  addCheckpoint(signed: SignedCheckpoint, digest: Digest): void {
    if (this.#tracked.has(digest) || this.#forgotten.has(digest) || this.#stopped) return
    const entry = this.#fresh(signed, digest)
    this.#track(entry)
    this.#advance(entry)
  }

  #fresh(signed: SignedCheckpoint, digest: Digest): Tracked {
    return {
      signed,
      digest,
      since: this.#c.clock(),
      collector: undefined,
      receipts: undefined,
      settled: undefined,
      settledAt: 0,
      early: [],
      askedAt: 0,
      fetchedAt: 0,
      preparing: undefined,
      fault: undefined,
      busy: false,
    }
  }

  #track(entry: Tracked): void {
    this.#tracked.set(entry.digest, entry)
    const [oldest] = this.#tracked.keys()
    if (this.#tracked.size <= MAX_TRACKED || oldest === undefined) return
    const detail = 'too many checkpoints wait; the oldest is pulled again when a batch names it'
    this.#c.logger.warn({ checkpoint: oldest }, detail)
    this.#tracked.delete(oldest)
  }

  addVotes(bundle: VoteBundle): void {
    for (const vote of bundle.votes) {
      const entry = this.#tracked.get(vote.vote.checkpoint)
      if (entry === undefined || isDone(entry)) continue
      if (entry.collector === undefined) {
        if (entry.early.length < MAX_EARLY_VOTES) entry.early.push(vote)
      } else if (entry.collector.add([vote]).changed) this.#advance(entry)
    }
  }

  settled(digest: Digest): SettledCheckpoint | undefined {
    return this.#tracked.get(digest)?.settled
  }

  held(): { readonly settled: SettledCheckpoint; readonly since: number }[] {
    return [...this.#tracked.values()].flatMap(({ settled, settledAt }) =>
      settled === undefined ? [] : [{ settled, since: settledAt }],
    )
  }

  forget(digests: readonly Digest[]): void {
    for (const digest of digests) {
      this.#tracked.delete(digest)
      this.#forgotten.add(digest)
    }
    for (const oldest of this.#forgotten) {
      if (this.#forgotten.size <= MAX_TRACKED) break
      this.#forgotten.delete(oldest)
    }
  }

  async examine(digest: Digest, holders: readonly Address[] = []): Promise<Examined | undefined> {
    if (!this.#tracked.has(digest)) {
      const signed = await this.#find(digest, holders)
      if (signed !== undefined) this.addCheckpoint(signed, digest)
    }
    const entry = this.#tracked.get(digest)
    if (entry === undefined) return undefined
    await this.#prepare(entry)
    const { collector, receipts, signed } = entry
    return {
      signed,
      receipts,
      judge: (votes) => {
        if (votes.length === 0) return { accepted: 0n, rejected: 0n }
        if (collector === undefined) return undefined
        const fresh = new VoteCollector(
          { domain: this.#domain, crypto: this.#c.crypto },
          { digest, checkpoint: signed.checkpoint, committee: collector.committee },
        )
        if (fresh.add(votes).refused.length > 0) return undefined
        return { accepted: fresh.tally.accepted, rejected: fresh.tally.rejected }
      },
    }
  }

  /** R9: what gossip did not bring is pulled. */
  async #find(digest: Digest, holders: readonly Address[]): Promise<SignedCheckpoint | undefined> {
    const stored = await this.#c.store.checkpoint(digest)
    if (stored !== undefined && this.#isSigned(stored, digest)) return stored
    for (const holder of holders) {
      const peer = this.#c.directory.peerOf(holder)
      if (peer === undefined) continue
      const request = { kind: 'checkpointRequest', value: { checkpoint: digest } } as const
      const answer = await this.#c.sync.ask(peer, request, 'checkpoints')
      const signed = answer.ok ? answer.value.checkpoints[0] : undefined
      if (signed === undefined) continue
      if (this.#isSigned(signed, digest)) return signed
      this.#c.host.conduct.report(peer, 'bad-checkpoint', { checkpoint: digest })
    }
    return undefined
  }

  #isSigned({ checkpoint, signature }: SignedCheckpoint, digest: Digest): boolean {
    if (digestOf(this.#domain, CHECKPOINT, checkpoint) !== digest) return false
    return this.#c.crypto.recover(digest, signature) === checkpoint.operator
  }

  #tick(): void {
    for (const entry of this.#tracked.values()) if (!isDone(entry)) this.#advance(entry)
  }

  #advance(entry: Tracked): void {
    if (entry.busy || this.#stopped) return
    entry.busy = true
    const work = this.#settleWhenReady(entry)
      .catch((thrown) => this.#note(entry, toError(thrown).message, 'checkpoint not settled yet'))
      .finally(() => {
        entry.busy = false
        this.#work.delete(work)
      })
    this.#work.add(work)
  }

  async #settleWhenReady(entry: Tracked): Promise<void> {
    await this.#prepare(entry)
    await this.#ask(entry)
    await this.#settle(entry)
  }

  /** One line for each problem of a checkpoint, however often it is tried. */
  #note(entry: Tracked, fault: string, message: string): void {
    if (entry.fault === fault) return
    entry.fault = fault
    this.#c.logger.warn({ checkpoint: entry.digest, fault }, message)
  }

  /** Once at a time: a second collector would lose the votes of the first. */
  #prepare(entry: Tracked): Promise<void> {
    entry.preparing ??= this.#prepareNow(entry).finally(() => {
      entry.preparing = undefined
    })
    return entry.preparing
  }

  async #prepareNow(entry: Tracked): Promise<void> {
    entry.collector ??= await this.#collectorOf(entry)
    if (entry.collector !== undefined && entry.early.length > 0) entry.collector.add(entry.early.splice(0))
    const now = this.#c.clock()
    if (entry.receipts !== undefined || now - entry.fetchedAt < ASK_EVERY_MS) return
    entry.fetchedAt = now
    entry.receipts = await this.#receiptsOf(entry)
  }

  async #collectorOf(entry: Tracked): Promise<VoteCollector | undefined> {
    const committee = await this.#c.committee.committeeOf(entry.signed.checkpoint)
    if (!committee.ok) {
      const { code, expected, got } = committee.error
      if (code !== 'committee-pending') {
        this.#note(entry, `${code}: expected ${expected}, got ${got}`, 'checkpoint has no committee')
      }
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
    if (collector === undefined || collector.tally.final) return
    if (now - Math.max(entry.askedAt, entry.since) < ASK_EVERY_MS) return
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

  /** Undecided after the wait (R20); late votes may still decide it until it is anchored. */
  async #settle(entry: Tracked): Promise<void> {
    const { collector, receipts, signed, digest } = entry
    const { accepted, rejected, final, votes } = collector?.tally ?? NOTHING_DECIDED
    const waited = this.#c.clock() - entry.since >= this.#parameters.certificateWait
    if (!final && !waited) return
    if (accepted !== 0n && receipts === undefined) return
    if (entry.settled !== undefined && decidedOf(entry.settled) >= countBits(accepted | rejected)) return
    const deciding = accepted === 0n && rejected === 0n ? [] : votes
    const settled = { signed, digest, accepted, rejected, votes: deciding, receipts: receipts ?? [] }
    await this.#c.store.commit([settled], [])
    entry.settled = settled
    entry.settledAt = this.#c.clock()
    for (const listener of this.#listeners) listener(settled)
  }
}

const NOTHING_DECIDED = { accepted: 0n, rejected: 0n, final: false, votes: [] } as const

const decidedOf = ({ accepted, rejected }: SettledCheckpoint): number => countBits(accepted | rejected)

const isDone = ({ settled }: Tracked): boolean =>
  settled !== undefined && decidedOf(settled) === settled.signed.checkpoint.count
