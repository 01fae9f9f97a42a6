import { bit, hasBit } from '../bitmap.ts'
import {
  checkVote,
  escalatedReceipts,
  findEquivocation,
  opensVote,
  reasonsRoot,
  tallyVotes,
  workCommitOf,
} from '../certificate.ts'
import { type Domain, digestOf } from '../eip712.ts'
import { type Address, bytesToHex, type Digest } from '../hex.ts'
import type { RejectionReason, SignedCheckpoint, SignedVote, Sketch, WorkOpening } from '../messages.ts'
import { ASSURANCE, DELIVERY, NOT_CHECKED, ROUND, VOTE, type Vote } from '../objects.ts'
import type { Parameters } from '../parameters.ts'
import type { Random, Secp256k1, Signer } from '../ports.ts'
import { mustReplay, sketchSeedOf } from '../seats.ts'
import { OperatorLedger } from './operatorLedger.ts'
import type {
  LightOutcome,
  OwnVote,
  RecordFacts,
  ReplayOutcome,
  SeatedCommittee,
  VerifierEffect,
  VerifierEvent,
} from './verifierEvents.ts'

export interface VerifierInit {
  readonly domain: Domain
  readonly parameters: Parameters
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly random: Random
  /** The verifier's operator key. */
  readonly verifier: Signer
}

/** Checkpoints under way: of one operator, of all, and voted ones that wait for the others. */
export const VERIFIER_LIMITS = {
  perOperator: 32,
  open: 256,
  voted: 256,
  done: 4_096,
  earlyDigests: 256,
  earlyVotes: 32,
} as const

/** Work is shown this long after a vote unless the checkpoint is decided before, ms; R17 allows `workOpening`. */
const OPEN_WORK_AFTER_MS = 1_000
/** Pause before another try for committee, grant or records, ms. */
const RETRY_MS = 500
/** A checkpoint without a vote is given up after this: who cannot fetch abstains (R14), ms. */
const GIVE_UP_AFTER_MS = 60_000
/** A checkpoint is followed this long after a vote, for work that others show and what it obliges to, ms. */
const FOLLOW_FOR_MS = 15_000

interface Case {
  readonly signed: SignedCheckpoint
  readonly seenAt: number
  committee: SeatedCommittee | undefined
  seat: number
  exposed: bigint
  facts: readonly RecordFacts[] | undefined
  checking: boolean
  /** Receipts this seat is drawn to replay. */
  drawn: bigint
  light: readonly LightOutcome[] | undefined
  lightDigest: Digest | undefined
  /** Receipts asked to be replayed, and what came of it. */
  readonly replays: Map<number, ReplayOutcome | undefined>
  readonly votes: Map<string, SignedVote>
  readonly openings: Map<string, WorkOpening>
  readonly accused: Set<Address>
  /** Own votes by round: signed at most once each, `sent` when durable. */
  readonly own: Map<number, OwnVote & { sentAt: number | undefined; opened: boolean }>
}

/**
 * The rules of a fast committee's member (R14, R17, R27): fetches, checks, replays what it must, votes once a round, shows its
 * work, replays again what another's opened work accuses. Events in, effects out; effects of one list are carried out in order.
 */
export class VerifierMachine {
  readonly #init: VerifierInit
  readonly #ledger: OperatorLedger
  readonly #cases = new Map<Digest, Case>()
  readonly #done = new Set<Digest>()
  readonly #grants = new Map<Digest, 'judging' | 'judged'>()
  readonly #early = new Map<Digest, { votes: SignedVote[]; openings: WorkOpening[] }>()

  constructor(init: VerifierInit) {
    this.#init = init
    this.#ledger = new OperatorLedger(init.parameters)
  }

  /** Checkpoints without a vote yet, and those voted on that are still followed. */
  get load(): { readonly open: number; readonly voted: number } {
    let voted = 0
    for (const entry of this.#cases.values()) if (entry.own.size > 0) voted += 1
    return { open: this.#cases.size - voted, voted }
  }

  /** Whether a checkpoint is under way or voted on and not yet released. */
  follows(checkpoint: Digest): boolean {
    return this.#cases.has(checkpoint)
  }

  /** R29: a checkpoint from before a restart counts towards its operator's exposure. */
  remember(signed: SignedCheckpoint, digest: Digest): void {
    this.#ledger.enter(signed, digest)
  }

  handle(event: VerifierEvent): VerifierEffect[] {
    switch (event.type) {
      case 'checkpoint':
        return this.#onCheckpoint(event.now, event.signed, event.digest)
      case 'committee':
        return this.#onCommittee(event)
      case 'records':
        return this.#onRecords(event)
      case 'records-failed':
        return this.#retry(event.checkpoint, event.now)
      case 'grant':
        return this.#onGrant(event.now, event.grant, event.judged)
      case 'checked':
        return this.#onChecked(event)
      case 'replayed':
        return this.#onReplayed(event)
      case 'persisted':
        return this.#onPersisted(event.now, event.checkpoint, event.round)
      case 'votes':
        return this.#onVotes(event)
      case 'tick':
        return this.#onTick(event.now, event.checkpoint)
    }
  }

  #onCheckpoint(now: number, signed: SignedCheckpoint, digest: Digest): VerifierEffect[] {
    if (this.#cases.has(digest) || this.#done.has(digest)) return []
    const { operator } = signed.checkpoint
    if (this.#isFull(operator)) return [{ type: 'turn-away', checkpoint: digest, operator, code: 'busy' }]
    this.#cases.set(digest, {
      signed,
      seenAt: now,
      committee: undefined,
      seat: 0,
      exposed: 0n,
      facts: undefined,
      checking: false,
      drawn: 0n,
      light: undefined,
      lightDigest: undefined,
      replays: new Map(),
      votes: new Map(),
      openings: new Map(),
      accused: new Set(),
      own: new Map(),
    })
    return [
      { type: 'find-committee', checkpoint: digest, signed },
      { type: 'schedule', at: now + GIVE_UP_AFTER_MS, checkpoint: digest },
    ]
  }

  #isFull(operator: Address): boolean {
    let open = 0
    let own = 0
    for (const entry of this.#cases.values()) {
      if (entry.own.size > 0) continue
      open += 1
      if (entry.signed.checkpoint.operator === operator) own += 1
    }
    return open >= VERIFIER_LIMITS.open || own >= VERIFIER_LIMITS.perOperator
  }

  #onCommittee(event: Extract<VerifierEvent, { type: 'committee' }>): VerifierEffect[] {
    const { checkpoint: digest, committee, stored, now } = event
    const entry = this.#cases.get(digest)
    if (entry === undefined || entry.committee !== undefined) return []
    if (committee === 'pending') return this.#retry(digest, now)
    if (committee === 'none') return this.#close(digest)
    const entered = this.#ledger.enter(entry.signed, digest)
    if ('rival' in entered) {
      return [
        { type: 'publish-equivocation', kind: 'checkpoint', first: entered.rival, second: entry.signed },
        ...this.#close(digest),
      ]
    }
    const { address } = this.#init.verifier
    const seat = committee.seats.find(({ verifier }) => verifier === address)
    if (seat === undefined) return this.#close(digest)
    entry.committee = committee
    entry.seat = seat.seat
    entry.exposed = entered.exposed
    for (const own of stored) this.#restore(entry, own, now)
    const early = this.#early.get(digest)
    this.#early.delete(digest)
    const resent = [...entry.own.values()].flatMap(({ vote, opening }) => this.#sendBundle(entry, [vote], [opening]))
    return [
      ...resent,
      ...this.#judgeGrant(entry),
      { type: 'fetch-records', checkpoint: digest, signed: entry.signed },
      ...(early === undefined ? [] : this.#add(digest, entry, early.votes, early.openings, now)),
      ...this.#trimVoted(),
    ]
  }

  /** R27: what was signed before a restart is sent again as it is, never signed anew. */
  #restore(entry: Case, { vote, opening }: OwnVote, now: number): void {
    entry.own.set(vote.vote.round, { vote, opening, sentAt: now, opened: true })
    entry.votes.set(placeOf(vote), vote)
    for (const { receiptIndex, values } of opening.sketches) {
      if (hasBit(vote.vote.replayed, receiptIndex))
        entry.replays.set(receiptIndex, restoredReplay(vote, receiptIndex, values))
    }
  }

  #judgeGrant(entry: Case): VerifierEffect[] {
    const { grant, operator } = entry.signed.checkpoint
    if (this.#grants.has(grant)) return []
    this.#grants.set(grant, 'judging')
    for (const oldest of this.#grants.keys()) {
      if (this.#grants.size <= VERIFIER_LIMITS.done) break
      this.#grants.delete(oldest)
    }
    return [{ type: 'judge-grant', grant, operator }]
  }

  #onGrant(now: number, grant: Digest, judged: boolean): VerifierEffect[] {
    if (judged) this.#grants.set(grant, 'judged')
    else this.#grants.delete(grant)
    return [...this.#cases]
      .filter(([, { signed, committee }]) => committee !== undefined && signed.checkpoint.grant === grant)
      .flatMap(([digest, entry]) => (judged ? this.#check(digest, entry) : this.#retry(digest, now)))
  }

  #onRecords(event: Extract<VerifierEvent, { type: 'records' }>): VerifierEffect[] {
    const entry = this.#cases.get(event.checkpoint)
    if (entry?.committee === undefined || entry.facts !== undefined) return []
    const { count, operator } = entry.signed.checkpoint
    if (event.facts.length !== count) throw new RangeError(`expected ${count} records, got ${event.facts.length}`)
    entry.facts = event.facts
    const { domain, verifier } = this.#init
    const delivery = {
      verifier: verifier.address,
      checkpoint: event.checkpoint,
      recordsHash: event.recordsHash,
      count,
      receivedAt: event.now,
    }
    const signature = verifier.sign(digestOf(domain, DELIVERY, delivery))
    return [
      { type: 'acknowledge', operator, delivery: { delivery, signature } },
      ...this.#check(event.checkpoint, entry),
    ]
  }

  #check(digest: Digest, entry: Case): VerifierEffect[] {
    const { signed, facts, committee } = entry
    if (committee === undefined || facts === undefined || entry.checking) return []
    if (this.#grants.get(signed.checkpoint.grant) !== 'judged') return []
    entry.checking = true
    return [
      {
        type: 'check',
        checkpoint: digest,
        signed,
        previous: this.#ledger.previousOf(signed.checkpoint),
        exposed: entry.exposed,
        exposureLimit: committee.exposureLimit,
        billed: this.#ledger.bill(
          digest,
          facts.map(({ jobId }) => jobId),
        ),
      },
    ]
  }

  #onChecked(event: Extract<VerifierEvent, { type: 'checked' }>): VerifierEffect[] {
    const entry = this.#cases.get(event.checkpoint)
    if (entry?.committee === undefined || !entry.checking || entry.light !== undefined) return []
    const { count } = entry.signed.checkpoint
    if (event.outcomes.length !== count)
      throw new RangeError(`expected ${count} outcomes, got ${event.outcomes.length}`)
    entry.light = event.outcomes
    const { fastSeed } = entry.committee
    for (let index = 0; index < count; index += 1) {
      if (mustReplay(fastSeed, entry.seat, index, this.#init.parameters.replayRate)) entry.drawn |= bit(index)
    }
    entry.lightDigest = event.lightDigest
    return this.#advance(event.checkpoint, entry)
  }

  #onReplayed(event: Extract<VerifierEvent, { type: 'replayed' }>): VerifierEffect[] {
    const entry = this.#cases.get(event.checkpoint)
    if (entry === undefined || !entry.replays.has(event.index) || entry.replays.get(event.index) !== undefined)
      return []
    entry.replays.set(event.index, event.outcome)
    return this.#advance(event.checkpoint, entry)
  }

  /** Replays what the next vote needs and has not, then votes. */
  #advance(digest: Digest, entry: Case): VerifierEffect[] {
    const { light, facts, committee } = entry
    if (light === undefined || facts === undefined || committee === undefined) return []
    const round = this.#nextRound(entry)
    if (round === undefined) return []
    const wanted = entry.drawn | this.#accusations(entry)
    const effects: VerifierEffect[] = []
    let waiting = false
    for (const [index, outcome] of light.entries()) {
      if (outcome.verdict === 'rejected' || !hasBit(wanted, index) || facts[index]?.transcript !== 'held') continue
      if (!entry.replays.has(index)) {
        entry.replays.set(index, undefined)
        effects.push({
          type: 'replay',
          checkpoint: digest,
          index,
          sketchSeed: sketchSeedOf(committee.fastSeed, entry.seat, index),
        })
      }
      waiting ||= entry.replays.get(index) === undefined
    }
    return waiting ? effects : this.#vote(digest, entry, round)
  }

  /** The round to vote in: 0 first; 1 once, when another's opened work accuses a receipt that this seat has not replayed. */
  #nextRound(entry: Case): number | undefined {
    const first = entry.own.get(ROUND.fast)
    if (first === undefined && !entry.own.has(ROUND.escalated)) return ROUND.fast
    if (entry.own.has(ROUND.escalated) || first === undefined) return undefined
    const unlooked = this.#accusations(entry) & ~first.vote.vote.replayed & ~first.vote.vote.rejected
    return unlooked === 0n ? undefined : ROUND.escalated
  }

  /** Receipts that counted votes with opened work reject for a mismatch (R14). */
  #accusations(entry: Case): bigint {
    const opened = [...entry.votes.values()].filter((vote) => {
      const opening = entry.openings.get(placeOf(vote))
      return opening !== undefined && opensVote(vote, opening)
    })
    return escalatedReceipts(opened)
  }

  #vote(digest: Digest, entry: Case, round: number): VerifierEffect[] {
    const { domain, verifier, random } = this.#init
    const judged = judge(entry)
    const looked = entry.own.get(ROUND.fast)?.vote.vote.replayed ?? 0n
    const isNew = round === ROUND.fast || (this.#accusations(entry) & judged.replayed & ~looked) !== 0n
    if ((judged.accepted | judged.rejected) === 0n || !isNew || entry.lightDigest === undefined) return []
    const opening: WorkOpening = {
      verifier: verifier.address,
      checkpoint: digest,
      round,
      salt: bytesToHex(random(32)),
      lightDigest: entry.lightDigest,
      sketches: judged.sketches,
    }
    const vote: Vote = {
      verifier: verifier.address,
      seat: entry.seat,
      checkpoint: digest,
      round,
      accepted: judged.accepted,
      rejected: judged.rejected,
      replayed: judged.replayed,
      reasons: reasonsRoot(judged.reasons),
      methods: judged.methods,
      assurance: judged.assurance,
      notChecked: judged.notChecked,
      workCommit: workCommitOf(opening),
      seenAt: entry.seenAt,
    }
    const signed = { vote, signature: verifier.sign(digestOf(domain, VOTE, vote)), reasons: judged.reasons }
    entry.own.set(round, { vote: signed, opening, sentAt: undefined, opened: false })
    return [{ type: 'persist', vote: signed, opening }, ...this.#trimVoted()]
  }

  #onPersisted(now: number, digest: Digest, round: number): VerifierEffect[] {
    const entry = this.#cases.get(digest)
    const own = entry?.own.get(round)
    if (entry === undefined || own === undefined || own.sentAt !== undefined) return []
    own.sentAt = now
    entry.votes.set(placeOf(own.vote), own.vote)
    return [
      ...this.#sendBundle(entry, [own.vote], []),
      ...this.#openWork(entry, now),
      { type: 'schedule', at: now + OPEN_WORK_AFTER_MS, checkpoint: digest },
      { type: 'schedule', at: now + FOLLOW_FOR_MS, checkpoint: digest },
      ...this.#advance(digest, entry),
    ]
  }

  #sendBundle(entry: Case, votes: readonly SignedVote[], openings: readonly WorkOpening[]): VerifierEffect[] {
    return [{ type: 'send', operator: entry.signed.checkpoint.operator, bundle: { votes, openings } }]
  }

  /** R17: work is shown, beside its vote, when nobody can copy it any more, and at once by who accuses. */
  #openWork(entry: Case, now: number): VerifierEffect[] {
    const closed = [...entry.own.values()].filter(({ sentAt, opened }) => sentAt !== undefined && !opened)
    if (closed.length === 0) return []
    const decided = this.#tally(entry)?.final === true
    const due = closed.filter(
      ({ vote, sentAt = now }) => decided || now >= sentAt + OPEN_WORK_AFTER_MS || escalatedReceipts([vote]) !== 0n,
    )
    if (due.length === 0) return []
    for (const own of due) own.opened = true
    return this.#sendBundle(
      entry,
      due.map(({ vote }) => vote),
      due.map(({ opening }) => opening),
    )
  }

  #tally(entry: Case): ReturnType<typeof tallyVotes> | undefined {
    if (entry.committee === undefined) return undefined
    const { seats } = entry.committee
    return tallyVotes({ committee: seats, count: entry.signed.checkpoint.count, votes: [...entry.votes.values()] })
  }

  #onVotes({ bundle, now }: Extract<VerifierEvent, { type: 'votes' }>): VerifierEffect[] {
    const digests = new Set([
      ...bundle.votes.map(({ vote }) => vote.checkpoint),
      ...bundle.openings.map(({ checkpoint }) => checkpoint),
    ])
    const effects: VerifierEffect[] = []
    for (const digest of digests) {
      if (this.#done.has(digest)) continue
      const votes = bundle.votes.filter(({ vote }) => vote.checkpoint === digest)
      const openings = bundle.openings.filter(({ checkpoint }) => checkpoint === digest)
      const entry = this.#cases.get(digest)
      if (entry?.committee === undefined) this.#keepEarly(digest, votes, openings)
      else effects.push(...this.#add(digest, entry, votes, openings, now), ...this.#advance(digest, entry))
    }
    return effects
  }

  #keepEarly(digest: Digest, votes: readonly SignedVote[], openings: readonly WorkOpening[]): void {
    const early = this.#early.get(digest) ?? { votes: [], openings: [] }
    early.votes = [...early.votes, ...votes].slice(-VERIFIER_LIMITS.earlyVotes)
    early.openings = [...early.openings, ...openings].slice(-VERIFIER_LIMITS.earlyVotes)
    this.#early.set(digest, early)
    for (const oldest of this.#early.keys()) {
      if (this.#early.size <= VERIFIER_LIMITS.earlyDigests) break
      this.#early.delete(oldest)
    }
  }

  #add(
    digest: Digest,
    entry: Case,
    votes: readonly SignedVote[],
    openings: readonly WorkOpening[],
    now: number,
  ): VerifierEffect[] {
    const { committee } = entry
    if (committee === undefined) return []
    const effects: VerifierEffect[] = []
    for (const vote of votes) {
      const place = placeOf(vote)
      const known = entry.votes.get(place)
      if (known?.signature === vote.signature || entry.accused.has(vote.vote.verifier)) continue
      const checked = checkVote({
        ...this.#init,
        committee: committee.seats,
        checkpoint: digest,
        count: entry.signed.checkpoint.count,
        vote,
      })
      if (!checked.ok) continue
      const pair = known === undefined ? undefined : findEquivocation([known, vote])
      if (pair === undefined) entry.votes.set(place, known ?? vote)
      else {
        entry.accused.add(vote.vote.verifier)
        const [first, second] = pair
        effects.push({ type: 'publish-equivocation', kind: 'vote', first, second })
      }
    }
    for (const verifier of entry.accused) {
      for (const round of [ROUND.fast, ROUND.escalated]) entry.votes.delete(`${verifier} ${round}`)
    }
    for (const opening of openings) {
      const vote = entry.votes.get(`${opening.verifier} ${opening.round}`)
      if (vote === undefined ? this.#isMember(committee, opening) : opensVote(vote, opening)) {
        entry.openings.set(`${opening.verifier} ${opening.round}`, opening)
      }
    }
    return [...effects, ...this.#openWork(entry, now)]
  }

  /** An opening may overtake its vote; kept for members alone, one a round. */
  #isMember({ seats }: SeatedCommittee, { verifier, round }: WorkOpening): boolean {
    return (round === ROUND.fast || round === ROUND.escalated) && seats.some((seat) => seat.verifier === verifier)
  }

  #onTick(now: number, digest: Digest): VerifierEffect[] {
    const entry = this.#cases.get(digest)
    if (entry === undefined) return []
    if (entry.committee === undefined) {
      if (now >= entry.seenAt + GIVE_UP_AFTER_MS) return this.#close(digest)
      return [{ type: 'find-committee', checkpoint: digest, signed: entry.signed }]
    }
    const opened = this.#openWork(entry, now)
    const votedAt = Math.max(...[...entry.own.values()].map(({ sentAt }) => sentAt ?? now), 0)
    const until = votedAt === 0 ? entry.seenAt + GIVE_UP_AFTER_MS : votedAt + FOLLOW_FOR_MS
    if (now >= until) return [...opened, ...this.#close(digest)]
    if (entry.facts !== undefined) return [...opened, ...this.#judgeGrant(entry)]
    return [...opened, ...this.#judgeGrant(entry), { type: 'fetch-records', checkpoint: digest, signed: entry.signed }]
  }

  #retry(digest: Digest, now: number): VerifierEffect[] {
    const entry = this.#cases.get(digest)
    return entry === undefined ? [] : [{ type: 'schedule', at: now + RETRY_MS, checkpoint: digest }]
  }

  #close(digest: Digest): VerifierEffect[] {
    this.#cases.delete(digest)
    this.#early.delete(digest)
    this.#done.add(digest)
    for (const oldest of this.#done) {
      if (this.#done.size <= VERIFIER_LIMITS.done) break
      this.#done.delete(oldest)
    }
    return [{ type: 'release', checkpoint: digest }]
  }

  #trimVoted(): VerifierEffect[] {
    const voted = [...this.#cases].filter(([, { own }]) => own.size > 0)
    return voted.slice(0, Math.max(0, voted.length - VERIFIER_LIMITS.voted)).flatMap(([digest]) => this.#close(digest))
  }
}

const placeOf = ({ vote }: SignedVote): string => `${vote.verifier} ${vote.round}`

function restoredReplay(own: SignedVote, index: number, sketch: Uint8Array): ReplayOutcome {
  const reason = own.reasons.find((entry) => entry.index === index)?.code
  const { methods: method } = own.vote
  return reason === undefined ? { verdict: 'match', method, sketch } : { verdict: 'mismatch', method, reason, sketch }
}

interface Judgement {
  readonly accepted: bigint
  readonly rejected: bigint
  readonly replayed: bigint
  readonly reasons: readonly RejectionReason[]
  readonly methods: number
  readonly notChecked: number
  readonly assurance: number
  readonly sketches: readonly Sketch[]
}

/** One verdict a receipt; a seat that was drawn to replay and could not says nothing where the tier rests on replay. */
function judge({ light, facts, replays }: Case): Judgement {
  let accepted = 0n
  let rejected = 0n
  let replayed = 0n
  let replayMethods = 0
  const reasons: RejectionReason[] = []
  const sketches: Sketch[] = []
  const passed: Extract<LightOutcome, { verdict: 'accepted' }>[] = []
  for (const [index, outcome] of (light ?? []).entries()) {
    if (outcome.verdict === 'rejected') {
      rejected |= bit(index)
      reasons.push({ index, code: outcome.reason })
      continue
    }
    const replay = replays.get(index)
    if (replay?.verdict === 'match' || replay?.verdict === 'mismatch') {
      replayed |= bit(index)
      replayMethods |= replay.method
      if (replay.sketch.length > 0) sketches.push({ receiptIndex: index, values: replay.sketch })
    }
    if (replay?.verdict === 'mismatch') {
      rejected |= bit(index)
      reasons.push({ index, code: replay.reason })
      continue
    }
    const couldNot = replay?.verdict === 'abstained' || facts?.[index]?.transcript === 'withheld'
    if (couldNot && facts?.[index]?.backedByReplay === true) continue
    accepted |= bit(index)
    const looked = replay?.verdict === 'match' ? outcome.notChecked & ~NOT_CHECKED.output : outcome.notChecked
    passed.push({ ...outcome, notChecked: looked })
  }
  return {
    accepted,
    rejected,
    replayed,
    reasons,
    methods: replayMethods | passed.reduce((all, { methods }) => all & methods, passed[0]?.methods ?? 0),
    notChecked: passed.reduce((any, { notChecked }) => any | notChecked, 0),
    assurance: passed.reduce(
      (least, { assurance }) => Math.min(least, assurance),
      passed[0]?.assurance ?? ASSURANCE.none,
    ),
    sketches,
  }
}
