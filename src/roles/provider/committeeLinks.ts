import { type Host, isNetError, protocolName, topicName } from '../../net/index.ts'
import {
  type Address,
  allBits,
  type Certificate,
  type Clock,
  type Digest,
  type Domain,
  type JobRecord,
  type Secp256k1,
  type SignedCheckpoint,
  toError,
  type VoteBundle,
} from '../../protocol/index.ts'
import { encode, encodeGossip, maxBytes } from '../../wire/index.ts'
import type { CommitteeLookup } from '../committee.ts'
import type { RoleLogger } from '../logger.ts'
import type { PeerDirectory } from '../peerDirectory.ts'
import { FrameFault, type TypedStream, typedStream } from '../typedStream.ts'
import { VoteCollector } from '../voteCollector.ts'
import type { ProviderJournal } from './journal.ts'
import { serveRecords } from './recordsServer.ts'

/** The provider's side of the fast committee (R14): connected ahead, pushed to directly, votes gathered from both paths. */
export interface CommitteeLinks {
  start(journal: ProviderJournal): void
  stop(): Promise<void>
  publish(signed: SignedCheckpoint, digest: Digest, records: readonly JobRecord[]): void
  /** Votes that came by gossip. */
  addVotes(bundle: VoteBundle): void
  onDecided(listener: DecidedListener): void
  onAbandoned(listener: (checkpoint: Digest) => void): void
}

/** Receipts a certificate accepted or rejected, and those it accepted. */
type DecidedListener = (
  certificate: Certificate,
  receipts: { readonly decided: bigint; readonly accepted: bigint },
) => void

export interface CommitteeLinksComponents {
  readonly host: Host
  readonly directory: PeerDirectory
  readonly committee: CommitteeLookup
  readonly crypto: Secp256k1
  readonly clock: Clock
  readonly logger: RoleLogger
}

export interface CommitteeLinksInit {
  readonly domain: Domain
  /** A requester that waits for a certificate is told `uncertified` after this, ms. */
  readonly waitMs: number
}

type RecordsStream = TypedStream<'RecordsFrame', 'RecordsFrame'>

interface Pending {
  readonly signed: SignedCheckpoint
  readonly records: readonly JobRecord[]
  collector: VoteCollector | undefined
  readonly pushed: Set<Address>
  readonly early: VoteBundle[]
  readonly timer: NodeJS.Timeout
  decided: boolean
}

const DIAL_TIMEOUT_MS = 5_000
/** Members that have not been reached are tried again this often, and links are opened ahead, ms. */
const RETRY_MS = 1_000
/** Checkpoints whose late votes are still gathered after they were decided. */
const MAX_PENDING = 256
/** Bundles kept for a checkpoint whose committee is not known yet: seven members, both rounds, with and without work. */
const MAX_EARLY_BUNDLES = 28

export function createCommitteeLinks(components: CommitteeLinksComponents, init: CommitteeLinksInit): CommitteeLinks {
  return new Links(components, init)
}

class Links implements CommitteeLinks {
  readonly #c: CommitteeLinksComponents
  readonly #init: CommitteeLinksInit
  readonly #protocol: string
  readonly #topic: string
  readonly #links = new Map<Address, Promise<RecordsStream | undefined>>()
  /** Links that are open; a dropped one is not dropped again in the name of its successor. */
  readonly #open = new Map<Address, RecordsStream>()
  readonly #grantsSent = new WeakMap<RecordsStream, Set<Digest>>()
  readonly #pending = new Map<Digest, Pending>()
  #journal: ProviderJournal | undefined
  #decided: DecidedListener = () => undefined
  #abandoned: (checkpoint: Digest) => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(components: CommitteeLinksComponents, init: CommitteeLinksInit) {
    this.#c = components
    this.#init = init
    this.#protocol = protocolName(init.domain.networkId, 'records')
    this.#topic = topicName(init.domain.networkId, 'checkpoint', 0)
  }

  onDecided(listener: DecidedListener): void {
    this.#decided = listener
  }

  onAbandoned(listener: (checkpoint: Digest) => void): void {
    this.#abandoned = listener
  }

  start(journal: ProviderJournal): void {
    this.#journal = journal
    this.#timer = setInterval(() => void this.#keepLinks(), RETRY_MS)
    this.#timer.unref()
    void this.#keepLinks()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    for (const { timer } of this.#pending.values()) clearTimeout(timer)
    this.#pending.clear()
    const links = [...this.#links.values()]
    this.#links.clear()
    this.#open.clear()
    await Promise.all(links.map(async (link) => (await link)?.close()))
  }

  publish(signed: SignedCheckpoint, digest: Digest, records: readonly JobRecord[]): void {
    const timer = setTimeout(() => this.#giveUp(digest), this.#init.waitMs)
    timer.unref()
    this.#pending.set(digest, {
      signed,
      records,
      collector: undefined,
      pushed: new Set(),
      early: [],
      timer,
      decided: false,
    })
    const [oldest] = this.#pending.keys()
    if (this.#pending.size > MAX_PENDING && oldest !== undefined) this.#forget(oldest)
    void this.#push(digest)
    this.#c.host.gossip
      .publish(this.#topic, encodeGossip('checkpoint', signed))
      .catch((thrown) =>
        this.#c.logger.warn({ checkpoint: digest, error: toError(thrown).message }, 'checkpoint not gossiped'),
      )
  }

  addVotes(bundle: VoteBundle): void {
    for (const digest of checkpointsOf(bundle)) this.#add(digest, bundle, undefined)
  }

  async #push(digest: Digest): Promise<void> {
    const pending = this.#pending.get(digest)
    if (pending === undefined) return
    if (pending.collector === undefined) {
      const committee = await this.#c.committee.committeeOf(pending.signed.checkpoint)
      if (!committee.ok) {
        const { code, expected, got } = committee.error
        const fields = { checkpoint: digest, code, expected, got }
        if (code === 'committee-pending') this.#c.logger.debug(fields, 'no committee yet')
        else this.#c.logger.warn(fields, 'no committee')
        return
      }
      pending.collector = new VoteCollector(
        { domain: this.#init.domain, crypto: this.#c.crypto },
        { digest, checkpoint: pending.signed.checkpoint, committee: committee.value.seats },
      )
      for (const bundle of pending.early.splice(0)) this.#add(digest, bundle, undefined)
    }
    const members = pending.collector.committee.filter(({ verifier }) => !pending.pushed.has(verifier))
    await Promise.all(members.map(({ verifier }) => this.#pushTo(verifier, digest, pending)))
  }

  async #pushTo(verifier: Address, digest: Digest, pending: Pending): Promise<void> {
    const link = await this.#link(verifier)
    if (link === undefined || pending.pushed.has(verifier)) return
    pending.pushed.add(verifier)
    try {
      await this.#sendGrant(link, pending.signed.checkpoint.grant)
      await link.write({
        kind: 'push',
        value: { checkpoint: pending.signed, records: fitting(pending.records) },
      })
    } catch (thrown) {
      pending.pushed.delete(verifier)
      this.#drop(verifier, link, thrown)
      this.#c.logger.debug({ checkpoint: digest, verifier, error: toError(thrown).message }, 'push failed')
    }
  }

  async #sendGrant(link: RecordsStream, digest: Digest): Promise<void> {
    const sent = this.#grantsSent.get(link) ?? new Set()
    if (sent.has(digest)) return
    const grant = await this.#journal?.grant(digest)
    if (grant === undefined) throw new RangeError(`grant ${digest} is not in the store`)
    await link.write({ kind: 'grant', value: { grant } })
    this.#grantsSent.set(link, sent.add(digest))
  }

  async #keepLinks(): Promise<void> {
    const now = this.#c.clock()
    try {
      const holders = await this.#c.committee.seatHolders(this.#c.committee.seatEpochAt(now))
      for (const verifier of holders) void this.#link(verifier)
    } catch (thrown) {
      this.#c.logger.debug({ error: toError(thrown).message }, 'the seats cannot be read now')
    }
    for (const [digest, pending] of this.#pending) if (!pending.decided) void this.#push(digest)
  }

  /** Undefined while the verifier is not connected. */
  #link(verifier: Address): Promise<RecordsStream | undefined> {
    const known = this.#links.get(verifier)
    if (known !== undefined) return known
    const peer = this.#c.directory.peerOf(verifier)
    if (peer === undefined) return Promise.resolve(undefined)
    const opening = this.#dial(peer, verifier)
    this.#links.set(verifier, opening)
    return opening
  }

  async #dial(peer: string, verifier: Address): Promise<RecordsStream | undefined> {
    const { host } = this.#c
    try {
      const stream = await host.openStream(peer, this.#protocol, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
      const link = typedStream(stream, 'RecordsFrame', 'RecordsFrame', host.conduct)
      this.#open.set(verifier, link)
      void this.#read(link, verifier)
      return link
    } catch (thrown) {
      this.#links.delete(verifier)
      this.#c.logger.debug({ peer, verifier, error: toError(thrown).message }, 'no link to the verifier')
      return undefined
    }
  }

  async #read(link: RecordsStream, verifier: Address): Promise<void> {
    try {
      for (;;) {
        const frame = await link.read({ timeoutMs: Number.POSITIVE_INFINITY })
        if (frame === undefined) break
        if (frame.kind === 'votes') {
          for (const digest of checkpointsOf(frame.value)) this.#add(digest, frame.value, link.peer)
        } else if (frame.kind === 'request') {
          if (this.#journal !== undefined) await serveRecords(link, frame.value, this.#journal)
        } else if (frame.kind !== 'delivery' && frame.kind !== 'refusal') {
          throw link.misplaced(`a verifier does not send ${frame.kind}`)
        }
      }
      this.#drop(verifier, link, undefined)
    } catch (thrown) {
      this.#drop(verifier, link, thrown)
      if (!isNetError(thrown) && !(thrown instanceof FrameFault)) {
        this.#c.logger.error({ verifier, error: toError(thrown).message }, 'link failed')
      }
    }
  }

  /** What was pushed may have died with the link: a verifier that comes back is pushed every undecided checkpoint again. */
  #drop(verifier: Address, link: RecordsStream, thrown: unknown): void {
    if (this.#open.get(verifier) === link) {
      this.#open.delete(verifier)
      this.#links.delete(verifier)
      for (const pending of this.#pending.values()) if (!pending.decided) pending.pushed.delete(verifier)
    }
    if (thrown === undefined) void link.close()
    else link.abort(toError(thrown))
  }

  #add(digest: Digest, bundle: VoteBundle, peer: string | undefined): void {
    const pending = this.#pending.get(digest)
    if (pending === undefined) return
    if (pending.collector === undefined) {
      if (pending.early.length < MAX_EARLY_BUNDLES) pending.early.push(bundle)
      return
    }
    const { refused, changed } = pending.collector.add(bundle.votes)
    for (const { code } of refused) {
      if (peer !== undefined) this.#c.host.conduct.report(peer, 'bad-vote', { code })
    }
    if (!changed || pending.decided || !pending.collector.tally.final) return
    pending.decided = true
    clearTimeout(pending.timer)
    const { accepted, rejected } = pending.collector.tally
    const certificate = pending.collector.certificate()
    this.#decided(certificate, { decided: accepted | rejected, accepted })
    for (const link of this.#links.values()) void this.#notify(link, certificate)
  }

  async #notify(opening: Promise<RecordsStream | undefined>, certificate: Certificate): Promise<void> {
    const link = await opening
    if (link === undefined) return
    await link.write({ kind: 'certificate', value: { certificate } }).catch((thrown) => {
      this.#c.logger.debug({ peer: link.peer, error: toError(thrown).message }, 'certificate not sent')
    })
  }

  /** What is decided by then is certified; the rest is `uncertified`. */
  #giveUp(digest: Digest): void {
    const pending = this.#pending.get(digest)
    if (pending === undefined || pending.decided) return
    pending.decided = true
    const tally = pending.collector?.tally
    const decided = tally === undefined ? 0n : allBits(pending.signed.checkpoint.count) & ~tally.undecided
    if (pending.collector === undefined || tally === undefined || decided === 0n) this.#abandoned(digest)
    else this.#decided(pending.collector.certificate(), { decided, accepted: tally.accepted })
  }

  /** Who still waits for it is told what stands. */
  #forget(digest: Digest): void {
    this.#giveUp(digest)
    clearTimeout(this.#pending.get(digest)?.timer)
    this.#pending.delete(digest)
  }
}

const checkpointsOf = ({ votes }: VoteBundle): Set<Digest> => new Set(votes.map(({ vote }) => vote.checkpoint))

const PUSH_BYTES = maxBytes('CheckpointPush') / 2

/** As many records from the first as surely fit one push; the others are asked for. */
function fitting(records: readonly JobRecord[]): JobRecord[] {
  const chosen: JobRecord[] = []
  let bytes = 0
  for (const record of records) {
    bytes += encode('JobRecord', record).length
    if (bytes > PUSH_BYTES) break
    chosen.push(record)
  }
  return chosen
}
