import type { InferenceEngine } from '../../inference/index.ts'
import type { Host } from '../../net/index.ts'
import {
  type Address,
  CHECKPOINT,
  type Clock,
  type Digest,
  type Domain,
  digestOf,
  type JobRecord,
  type LightOutcome,
  type Manifest,
  METHOD,
  type Parameters,
  PRIVACY,
  type Profile,
  type Random,
  REASON,
  type RecordFacts,
  type ReplayOutcome,
  type SeatedCommittee,
  type Secp256k1,
  type SignedCheckpoint,
  type Signer,
  TIER,
  toError,
  type VerifierEffect,
  type VerifierEvent,
  VerifierMachine,
  type VoteBundle,
  voteDigest,
} from '../../protocol/index.ts'
import {
  checkReceipt,
  checkRecords,
  lightDigestOf,
  type PaymentContext,
  type ReceiptContext,
  type ReplayResult,
  replayReceipt,
  sketchOf,
} from '../../verification/index.ts'
import type { RecordsFrame } from '../../wire/index.ts'
import type { CheckpointGossip } from '../checkpointGossip.ts'
import type { CommitteeLookup } from '../committee.ts'
import type { EvidenceGossip } from '../evidenceGossip.ts'
import type { RoleLogger } from '../logger.ts'
import type { PeerDirectory } from '../peerDirectory.ts'
import { recordPieces, recordsHashOf } from '../records.ts'
import { fetchRecords } from '../recordsClient.ts'
import type { RecordsDoor, RecordsStream } from '../recordsDoor.ts'
import type { VoteGossip } from '../voteGossip.ts'
import type { GrantBook } from './grantBook.ts'
import { HeldRecords } from './heldRecords.ts'
import type { VerifierJournal } from './journal.ts'
import { SendQueue } from './sendQueue.ts'

/** A member of fast committees (R14): checks what providers push or gossip announces, and votes. */
export interface Verifier {
  start(): Promise<void>
  stop(): Promise<void>
  /** Records this process checked against their checkpoint, while it holds them. */
  records(checkpoint: Digest): Promise<readonly JobRecord[] | undefined>
  status(): { readonly open: number; readonly voted: number; readonly replaying: number }
}

/** How the fees of the network travel (R23). */
export interface VerifierPayments extends Omit<PaymentContext, 'splitter'> {
  /** Where the fees of an operator are received. Throws where the chain cannot be read. */
  splitterOf(operator: Address): Promise<Address>
}

export interface VerifierComponents {
  readonly host: Pick<Host, 'openStream' | 'conduct'>
  readonly door: RecordsDoor
  readonly directory: Pick<PeerDirectory, 'operatorOf' | 'peerOf'>
  readonly checkpoints: CheckpointGossip
  readonly votes: VoteGossip
  readonly evidence: EvidenceGossip
  readonly committee: CommitteeLookup
  readonly grants: GrantBook
  readonly payments: VerifierPayments
  readonly journal: VerifierJournal
  /** Absent: this verifier makes light checks only and abstains where it must replay (R7). */
  readonly engine?: Pick<InferenceEngine, 'run' | 'runtimeClass'>
  /** Of the models the engine has loaded. */
  readonly manifestOf: (model: Digest) => Manifest | undefined
  readonly operator: Signer
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly random: Random
  readonly clock: Clock
  readonly logger: RoleLogger
}

export interface VerifierRoleInit {
  readonly domain: Domain
  readonly profile: Profile
  readonly parameters: Parameters
  /** Replays at once; as many as the engine has workers. */
  readonly replays?: number
}

/** Receipts checked before other work gets a turn: some 12 ms. */
const CHECKS_PER_TURN = 4
const PPM = 1_000_000n

export function createVerifier(components: VerifierComponents, init: VerifierRoleInit): Verifier {
  return new VerifierRole(components, init)
}

type EffectOf<T extends VerifierEffect['type']> = Extract<VerifierEffect, { type: T }>

class VerifierRole implements Verifier {
  readonly #c: VerifierComponents
  readonly #init: VerifierRoleInit
  readonly #machine: VerifierMachine
  readonly #held = new HeldRecords()
  readonly #links = new Map<Address, RecordsStream>()
  readonly #fetching = new Set<Digest>()
  /** Where the operator of a checkpoint under way receives its fees. */
  readonly #splitters = new Map<Digest, Address>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #work = new Set<Promise<void>>()
  readonly #replays: EffectOf<'replay'>[] = []
  readonly #stop = new AbortController()
  readonly #queue: SendQueue
  #replaying = 0

  constructor(components: VerifierComponents, init: VerifierRoleInit) {
    this.#c = components
    this.#init = init
    const { crypto, random, operator } = components
    this.#machine = new VerifierMachine({ ...init, crypto, random, verifier: operator })
    this.#queue = new SendQueue(init.parameters.voteBundle, (to, bundle) => this.#deliver(to, bundle))
  }

  /** R29: what operators put under checkpoints before a restart counts from the first checkpoint on. */
  async start(): Promise<void> {
    const { door, checkpoints, votes, journal, clock } = this.#c
    const { domain, parameters } = this.#init
    for await (const signed of journal.checkpoints(clock() - parameters.exposureWindow)) {
      this.#machine.remember(signed, digestOf(domain, CHECKPOINT, signed.checkpoint))
    }
    checkpoints.onCheckpoint((signed, digest) => this.#dispatch({ type: 'checkpoint', now: clock(), signed, digest }))
    votes.onVotes((bundle) => this.#dispatch({ type: 'votes', now: clock(), bundle }))
    door.serve({
      checkpoint: async (digest) => this.#held.get(digest)?.signed,
      records: async (digest, from, count) => this.#held.get(digest)?.records.slice(from, from + count),
      grant: async (digest) => this.#c.grants.signed(digest),
    })
    door.onLink((link, first) => this.#follow(link, first))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#queue.flushAll()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#replays.length = 0
    await Promise.allSettled(this.#work)
    const links = [...this.#links.values()]
    this.#links.clear()
    await Promise.all(links.map((link) => link.close()))
  }

  async records(checkpoint: Digest): Promise<readonly JobRecord[] | undefined> {
    return this.#held.get(checkpoint)?.records
  }

  status(): { readonly open: number; readonly voted: number; readonly replaying: number } {
    return { ...this.#machine.load, replaying: this.#replaying + this.#replays.length }
  }

  #dispatch(event: VerifierEvent): void {
    if (this.#stop.signal.aborted) return
    for (const effect of this.#machine.handle(event)) this.#carryOut(effect)
  }

  #carryOut(effect: VerifierEffect): void {
    switch (effect.type) {
      case 'find-committee':
        this.#run(() => this.#findCommittee(effect))
        break
      case 'judge-grant':
        this.#run(() => this.#judgeGrant(effect))
        break
      case 'fetch-records':
        this.#run(() => this.#fetch(effect))
        break
      case 'acknowledge':
        this.#write(effect.operator, { kind: 'delivery', value: effect.delivery })
        break
      case 'check':
        this.#run(() => this.#check(effect))
        break
      case 'replay':
        this.#replays.push(effect)
        this.#replayNext()
        break
      case 'persist':
        this.#run(() => this.#persist(effect))
        break
      case 'send':
        this.#queue.push(effect.operator, effect.bundle)
        break
      case 'publish-equivocation':
        if (effect.kind === 'vote') this.#c.evidence.votes(effect.first, effect.second)
        else this.#c.evidence.checkpoints(effect.first, effect.second)
        break
      case 'schedule':
        this.#schedule(effect)
        break
      case 'release':
        this.#held.release(effect.checkpoint)
        this.#splitters.delete(effect.checkpoint)
        break
      case 'turn-away':
        this.#write(effect.operator, {
          kind: 'refusal',
          value: { code: effect.code, message: 'too many checkpoints of this operator wait here' },
        })
        break
    }
  }

  #run(work: () => Promise<void>): void {
    const running = work()
      .catch((thrown) => this.#c.logger.error({ error: toError(thrown).message }, 'verification step failed'))
      .finally(() => this.#work.delete(running))
    this.#work.add(running)
  }

  async #findCommittee({ checkpoint, signed }: EffectOf<'find-committee'>): Promise<void> {
    const { committee: lookup, journal, payments, clock, logger } = this.#c
    let committee: SeatedCommittee | 'pending' | 'none' = 'pending'
    try {
      this.#splitters.set(checkpoint, await payments.splitterOf(signed.checkpoint.operator))
      const found = await lookup.committeeOf(signed.checkpoint)
      if (found.ok) {
        const { seats, fastSeed, stake } = found.value
        const share = BigInt(this.#init.parameters.exposureShare)
        committee = { seats, fastSeed, exposureLimit: (stake * share) / PPM }
      } else if (found.error.code !== 'committee-pending') {
        committee = 'none'
        logger.warn({ checkpoint, ...found.error }, 'checkpoint has no committee')
      }
    } catch (thrown) {
      logger.warn({ checkpoint, error: toError(thrown).message }, 'the committee cannot be read now')
    }
    const stored = typeof committee === 'string' ? [] : await journal.votes(checkpoint)
    this.#dispatch({ type: 'committee', now: clock(), checkpoint, committee, stored })
  }

  async #judgeGrant({ grant, operator }: EffectOf<'judge-grant'>): Promise<void> {
    let judged = false
    try {
      judged = (await this.#c.grants.judge(grant, operator)) !== undefined
    } catch (thrown) {
      this.#c.logger.warn({ grant, error: toError(thrown).message }, 'the grant cannot be judged now')
    }
    this.#dispatch({ type: 'grant', now: this.#c.clock(), grant, judged })
  }

  async #fetch({ checkpoint: digest, signed }: EffectOf<'fetch-records'>): Promise<void> {
    const { clock, directory, host, grants, logger } = this.#c
    const { domain } = this.#init
    const pushed = this.#held.get(digest)
    if (pushed !== undefined) return this.#hold(digest, pushed.records)
    if (this.#fetching.has(digest)) return
    this.#fetching.add(digest)
    try {
      const peer = directory.peerOf(signed.checkpoint.operator)
      const fetched =
        peer === undefined
          ? undefined
          : await fetchRecords(host, peer, domain, signed.checkpoint, digest, { held: this.#held.first(digest) })
      if (fetched?.ok === false && fetched.error.code === 'bad-records') this.#held.release(digest)
      if (fetched?.ok === true && this.#held.keep(digest, signed, fetched.value.records)) {
        if (fetched.value.grant !== undefined) grants.add(fetched.value.grant)
        return this.#hold(digest, fetched.value.records)
      }
      const code = fetched === undefined ? 'not-connected' : fetched.ok ? 'no-room' : fetched.error.code
      logger.debug({ checkpoint: digest, code }, 'records not fetched')
    } finally {
      this.#fetching.delete(digest)
    }
    this.#dispatch({ type: 'records-failed', now: clock(), checkpoint: digest })
  }

  #hold(digest: Digest, records: readonly JobRecord[]): void {
    const recordsHash = recordsHashOf(records)
    this.#dispatch({
      type: 'records',
      now: this.#c.clock(),
      checkpoint: digest,
      recordsHash,
      facts: records.map(factsOf),
    })
  }

  async #check(effect: EffectOf<'check'>): Promise<void> {
    const { checkpoint: digest, signed, previous, exposureLimit, billed } = effect
    const { domain, profile, parameters } = this.#init
    const { checkpoint } = signed
    const held = this.#held.get(digest)
    const grant = this.#c.grants.judged(checkpoint.grant)
    const splitter = this.#splitters.get(digest)
    if (held === undefined || grant === undefined || splitter === undefined)
      throw new RangeError('records, grant and splitter are held until released')
    const { domain: channels, token } = this.#c.payments
    const totalFee = held.records.reduce((sum, { receipt }) => sum + receipt.fee, 0n)
    const crypto = rememberingRecover(this.#c.crypto)
    const outcomes: LightOutcome[] = []
    let exposed = effect.exposed
    for (const [index, record] of held.records.entries()) {
      const context: ReceiptContext = {
        domain,
        profile,
        parameters,
        crypto,
        checkpoint,
        index,
        grant,
        payment: { domain: channels, token, splitter },
        totalFee,
        exposed,
        exposureLimit,
        isBilled: () => billed[index] === true,
        ...(previous === undefined ? {} : { previous }),
      }
      const result = checkReceipt(record, context)
      if (result.ok) outcomes.push({ verdict: 'accepted', ...result.value })
      else {
        outcomes.push({ verdict: 'rejected', reason: REASON[result.error.reason] })
        this.#c.logger.info({ checkpoint: digest, index, ...result.error }, 'receipt rejected')
      }
      exposed += record.receipt.fee
      if (index % CHECKS_PER_TURN === CHECKS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve))
    }
    const lightDigest = lightDigestOf(this.#c.operator.address, held.records.flatMap(recordPieces))
    this.#dispatch({ type: 'checked', now: this.#c.clock(), checkpoint: digest, outcomes, lightDigest })
  }

  #replayNext(): void {
    while (this.#replaying < (this.#init.replays ?? 1)) {
      const next = this.#replays.shift()
      if (next === undefined) return
      this.#replaying += 1
      this.#run(async () => {
        try {
          await this.#replay(next)
        } finally {
          this.#replaying -= 1
          this.#replayNext()
        }
      })
    }
  }

  async #replay({ checkpoint, index, sketchSeed }: EffectOf<'replay'>): Promise<void> {
    const outcome = await this.#replayed(checkpoint, index, sketchSeed)
    if (outcome.verdict !== 'match') this.#c.logger.info({ checkpoint, index, ...described(outcome) }, 'replay')
    this.#dispatch({ type: 'replayed', now: this.#c.clock(), checkpoint, index, outcome })
  }

  async #replayed(checkpoint: Digest, index: number, sketchSeed: Digest): Promise<ReplayOutcome> {
    const { engine, clock } = this.#c
    const record = this.#held.get(checkpoint)?.records[index]
    if (record === undefined) return { verdict: 'abstained', cause: 'records-released' }
    const manifest = this.#c.manifestOf(record.receipt.model)
    if (engine === undefined || manifest === undefined) return { verdict: 'abstained', cause: 'model-missing' }
    let result: ReplayResult
    try {
      result = await replayReceipt(record, { engine, clock }, { manifest, signal: this.#stop.signal })
    } catch (thrown) {
      this.#c.logger.error({ checkpoint, index, error: toError(thrown).message }, 'replay failed here')
      return { verdict: 'abstained', cause: 'engine-failed' }
    }
    if (result.verdict === 'abstain') return { verdict: 'abstained', cause: result.cause }
    const method = METHOD[result.method]
    const sketch = sketchOf(result.trace, sketchSeed)
    if (result.verdict === 'match') return { verdict: 'match', method, sketch }
    return { verdict: 'mismatch', method, reason: REASON[result.reason], sketch }
  }

  /** R27: the machine lets a vote out only when it hears that it is durable. */
  async #persist({ vote, opening }: EffectOf<'persist'>): Promise<void> {
    const { checkpoint, round } = vote.vote
    await this.#c.journal.saveVote(voteDigest(this.#init.domain, vote.vote), vote, opening)
    this.#dispatch({ type: 'persisted', now: this.#c.clock(), checkpoint, round })
  }

  #schedule({ at, checkpoint }: EffectOf<'schedule'>): void {
    const due = (): void => {
      this.#timers.delete(timer)
      this.#dispatch({ type: 'tick', now: this.#c.clock(), checkpoint })
    }
    const timer = setTimeout(due, Math.max(0, at - this.#c.clock()))
    this.#timers.add(timer)
  }

  #deliver(operator: Address, bundle: VoteBundle): void {
    this.#write(operator, { kind: 'votes', value: bundle })
    this.#c.votes.publish(bundle)
  }

  #write(operator: Address, frame: RecordsFrame): void {
    const link = this.#links.get(operator)
    if (link === undefined) return
    this.#run(async () => {
      await link.write(frame).catch((thrown) => {
        this.#c.logger.debug({ operator, kind: frame.kind, error: toError(thrown).message }, 'link lost')
      })
    })
  }

  /** The stream a provider keeps to this seat (R10, R14): grants and pushes come, votes and deliveries go. */
  async #follow(link: RecordsStream, first: RecordsFrame): Promise<void> {
    const operator = this.#c.directory.operatorOf(link.peer)
    if (operator === undefined) throw link.misplaced('a provider has a secp256k1 PeerId (R1)')
    this.#links.set(operator, link)
    try {
      for (let frame: RecordsFrame | undefined = first; frame !== undefined; ) {
        await this.#onFrame(link, operator, frame)
        frame = await link.read({ timeoutMs: Number.POSITIVE_INFINITY, signal: this.#stop.signal })
      }
    } finally {
      if (this.#links.get(operator) === link) this.#links.delete(operator)
    }
  }

  async #onFrame(link: RecordsStream, operator: Address, frame: RecordsFrame): Promise<void> {
    switch (frame.kind) {
      case 'grant':
        return this.#c.grants.add(frame.value.grant)
      case 'push':
        return this.#onPush(link, operator, frame.value.checkpoint, frame.value.records)
      case 'certificate':
        this.#dispatch({
          type: 'votes',
          now: this.#c.clock(),
          bundle: { votes: frame.value.certificate.votes, openings: [] },
        })
        return
      case 'refusal':
        this.#c.logger.debug({ operator, code: frame.value.code }, 'provider refused')
        return
      default:
        throw link.misplaced(`a provider does not send ${frame.kind} here`)
    }
  }

  async #onPush(
    link: RecordsStream,
    operator: Address,
    signed: SignedCheckpoint,
    records: readonly JobRecord[],
  ): Promise<void> {
    const { checkpoints, clock, host, crypto } = this.#c
    const { domain } = this.#init
    const { checkpoint } = signed
    if (checkpoint.operator !== operator) throw link.misplaced('a provider pushes its own checkpoints')
    const digest = digestOf(domain, CHECKPOINT, checkpoint)
    if (crypto.recover(digest, signed.signature) !== operator) throw link.misplaced('a checkpoint with a bad signature')
    if (records.length > this.#held.first(digest).length) {
      const whole = records.length >= checkpoint.count
      if (!whole || checkRecords(domain, checkpoint, records).ok) this.#held.keep(digest, signed, records)
      else host.conduct.report(link.peer, 'bad-records', { checkpoint: digest })
    }
    const { verdict } = await checkpoints.add(signed)
    if (verdict.action === 'ignore' && verdict.code === 'seen') {
      this.#dispatch({ type: 'checkpoint', now: clock(), signed, digest })
    }
    if (!this.#machine.follows(digest)) this.#held.release(digest)
  }
}

/** The signatures that many records of a checkpoint share, the offer's above all, are recovered once. */
function rememberingRecover(crypto: Pick<Secp256k1, 'recover'>): Pick<Secp256k1, 'recover'> {
  const known = new Map<string, Address | undefined>()
  return {
    recover: (digest, signature) => {
      const key = digest + signature
      if (!known.has(key)) known.set(key, crypto.recover(digest, signature))
      return known.get(key)
    },
  }
}

function factsOf({ receipt, job, transcript }: JobRecord): RecordFacts {
  return {
    jobId: receipt.jobId,
    transcript: transcript !== undefined ? 'held' : job.privacy === PRIVACY.sealed ? 'sealed' : 'withheld',
    backedByReplay: job.tier === TIER.replay || job.tier === TIER['tee+replay'],
  }
}

const described = (outcome: ReplayOutcome): object =>
  outcome.verdict === 'abstained'
    ? { verdict: outcome.verdict, cause: outcome.cause }
    : { verdict: outcome.verdict, reason: outcome.verdict === 'mismatch' ? outcome.reason : undefined }
