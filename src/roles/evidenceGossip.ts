import { type GossipVerdict, type Host, topicName } from '../net/index.ts'
import {
  type Address,
  type Clock,
  type Digest,
  type Domain,
  type Secp256k1,
  type SignedCheckpoint,
  type SignedVote,
  toError,
} from '../protocol/index.ts'
import type { Store } from '../store/index.ts'
import { type EquivocationProof, encode, encodeGossip, maxBytes } from '../wire/index.ts'
import type { CommitteeLookup } from './committee.ts'
import type { RoleLogger } from './logger.ts'
import type { PeerDirectory } from './peerDirectory.ts'
import { readStored } from './stored.ts'
import {
  type EvidenceValidatorContext,
  type EvidenceVerdict,
  examineProof,
  type Offence,
  orderedProof,
  validateEvidence,
  validateEvidenceMessage,
} from './validators/evidence.ts'

/** Two objects that one key signed for one place (R9): told to everybody, kept, and held against their signer. */
export interface EvidenceGossip {
  /** Takes up what the store holds. */
  start(): Promise<void>
  /** Resolves when nothing is being judged or stored any more. */
  stop(): Promise<void>
  checkpoints(first: SignedCheckpoint, second: SignedCheckpoint): void
  votes(first: SignedVote, second: SignedVote): void
  /** Proofs that hold, of one's own finding or another's, once an offence. */
  onEvidence(listener: (proof: EquivocationProof, offence: Offence) => void): void
}

export interface EvidenceGossipComponents {
  readonly host: Pick<Host, 'gossip' | 'conduct' | 'onPeerConnected'>
  readonly directory: Pick<PeerDirectory, 'operatorOf' | 'peerOf'>
  readonly committee: Pick<CommitteeLookup, 'seatEpochAt' | 'seatHolders' | 'isProvider'>
  readonly store: Pick<Store, 'commit' | 'iterate'>
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly clock: Clock
  readonly logger: RoleLogger
}

const QUEUE_LENGTH = 64
/** Offences are rare: more than this is a flood that gossipsub should hold against its source. */
const EXPECTED_PER_SECOND = 0.1
/** One proof bans; a few more show a habit. The rest adds nothing and would let one key fill the store. */
const MAX_PROOFS_PER_OPERATOR = 4
/** Offences kept over all operators. */
const MAX_PROOFS = 1_024
const MAX_WAITING = 64
const WAIT_MS = 1_000
const MAX_TRIES = 10

export function createEvidenceGossip(
  components: EvidenceGossipComponents,
  init: { readonly domain: Domain },
): EvidenceGossip {
  return new Evidence(components, init.domain)
}

class Evidence implements EvidenceGossip {
  readonly #c: EvidenceGossipComponents
  readonly #topic: string
  readonly #places = new Set<Digest>()
  readonly #proofsOf = new Map<Address, number>()
  readonly #listeners: ((proof: EquivocationProof, offence: Offence) => void)[] = []
  readonly #context: EvidenceValidatorContext
  readonly #work = new Set<Promise<unknown>>()
  #waiting: { readonly proof: EquivocationProof; readonly tries: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #offConnected: (() => void) | undefined

  constructor(components: EvidenceGossipComponents, domain: Domain) {
    this.#c = components
    this.#topic = topicName(domain.networkId, 'evidence', 0)
    this.#context = {
      domain,
      crypto: components.crypto,
      isKnown: (place) => this.#places.has(place),
      hasEnough: (operator) =>
        (this.#proofsOf.get(operator) ?? 0) >= MAX_PROOFS_PER_OPERATOR || this.#places.size >= MAX_PROOFS,
      isStaked: (operator, kind) => this.#isStaked(operator, kind),
    }
  }

  async start(): Promise<void> {
    const { host, directory, store, logger } = this.#c
    for await (const { key, value } of store.iterate('evidence')) {
      const examined = examineProof(this.#context.domain, readStored('EquivocationProof', value))
      if (!examined.ok) throw new RangeError(`the evidence under ${key[0]} is none: ${examined.error}`)
      this.#count(examined.value.offence)
    }
    this.#offConnected = host.onPeerConnected((peer) => {
      const operator = directory.operatorOf(peer)
      if (operator !== undefined && this.#proofsOf.has(operator)) this.#score(peer, operator)
    })
    host.gossip.subscribe(this.#topic, (bytes) => this.#judge(bytes), {
      maxBytes: maxBytes('EquivocationProof'),
      queueLength: QUEUE_LENGTH,
      expectedPerSecond: EXPECTED_PER_SECOND,
    })
    this.#timer = setInterval(() => {
      this.#lookAgain().catch((thrown) => logger.warn({ error: toError(thrown).message }, 'evidence waits longer'))
    }, WAIT_MS)
    this.#timer.unref()
  }
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#offConnected?.()
    this.#c.host.gossip.unsubscribe(this.#topic)
    await Promise.allSettled(this.#work)
  }

  onEvidence(listener: (proof: EquivocationProof, offence: Offence) => void): void {
    this.#listeners.push(listener)
  }

  checkpoints(first: SignedCheckpoint, second: SignedCheckpoint): void {
    this.#report(orderedProof('checkpoint', encode('SignedCheckpoint', first), encode('SignedCheckpoint', second)))
  }

  votes(first: SignedVote, second: SignedVote): void {
    this.#report(orderedProof('vote', encode('SignedVote', first), encode('SignedVote', second)))
  }

  /** Whoever finds two objects checked both; the proof passes the same validator as another's. */
  #report(proof: EquivocationProof): void {
    this.#run(() => this.#take(proof, 0))
  }

  async #take(proof: EquivocationProof, tries: number): Promise<void> {
    const { host, logger } = this.#c
    const result = this.#keep(await validateEvidence(proof, this.#context), tries)
    if ((await this.#conclude(result)).verdict.action !== 'accept') return
    await host.gossip.publish(this.#topic, encodeGossip('evidence', proof)).catch((thrown) => {
      logger.warn({ kind: proof.kind, error: toError(thrown).message }, 'evidence not gossiped')
    })
  }

  #keep(result: EvidenceVerdict, tries: number): EvidenceVerdict {
    const { proof, later } = result
    if (later === true && proof !== undefined && tries < MAX_TRIES && this.#waiting.length < MAX_WAITING) {
      this.#waiting.push({ proof, tries: tries + 1 })
    }
    return result
  }

  async #judge(bytes: Uint8Array): Promise<GossipVerdict> {
    return (await this.#conclude(this.#keep(await validateEvidenceMessage(bytes, this.#context), 0))).verdict
  }

  async #lookAgain(): Promise<void> {
    const entries = this.#waiting
    this.#waiting = []
    for (const { proof, tries } of entries) await this.#take(proof, tries)
  }

  /** Scored and told at once, kept before it is forwarded. Two copies that were judged side by side count once. */
  async #conclude(result: EvidenceVerdict): Promise<EvidenceVerdict> {
    const { proof, offence } = result
    if (result.verdict.action !== 'accept' || proof === undefined || offence === undefined) return result
    if (this.#places.has(offence.place)) return { verdict: { action: 'ignore', code: 'seen' } }
    const { store, directory, logger } = this.#c
    this.#count(offence)
    logger.warn({ ...offence }, 'two signatures for one place')
    const peer = directory.peerOf(offence.operator)
    if (peer !== undefined) this.#score(peer, offence.operator)
    for (const listener of this.#listeners) listener(proof, offence)
    const value = encode('EquivocationProof', proof)
    await store.commit([{ type: 'put', table: 'evidence', key: [offence.place], value }])
    return result
  }

  #count({ place, operator }: Offence): void {
    this.#places.add(place)
    this.#proofsOf.set(operator, (this.#proofsOf.get(operator) ?? 0) + 1)
  }

  #score(peer: string, operator: Address): void {
    this.#c.host.conduct.report(peer, 'equivocation', { operator })
  }

  /** Verifiers answer for their seats, everybody else for a provider's stake; in force now or an epoch ago. */
  async #isStaked(operator: Address, kind: EquivocationProof['kind']): Promise<boolean | undefined> {
    const { committee, clock } = this.#c
    const epoch = committee.seatEpochAt(clock())
    const epochs = [epoch, epoch - 1].filter((each) => each >= 0)
    if (kind !== 'vote') {
      const found = await Promise.all(epochs.map((each) => committee.isProvider(operator, each)))
      return found.includes(true) ? true : found[0]
    }
    const seats = await Promise.all(epochs.map((each) => committee.seatHolders(each)))
    if (seats.every(({ length }) => length === 0)) return undefined
    return seats.some((holders) => holders.includes(operator))
  }

  #run(work: () => Promise<void>): void {
    const running = work()
      .catch((thrown) => this.#c.logger.error({ error: toError(thrown).message }, 'evidence not taken up'))
      .finally(() => this.#work.delete(running))
    this.#work.add(running)
  }
}
