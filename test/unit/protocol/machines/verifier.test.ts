import { describe, expect, it } from 'vitest'
import {
  checkVote,
  H,
  type LightOutcome,
  METHOD,
  NOT_CHECKED,
  opensVote,
  REASON,
  ROUND,
  VERIFIER_LIMITS,
  type VerifierEffect,
} from '../../../../src/protocol/index.ts'
import {
  committee,
  committeeEvent,
  effectsOf,
  factsOf,
  LIGHT,
  MATCH,
  MISMATCH,
  machineOf,
  mapOf,
  OPERATOR,
  RATE_ALL,
  runToVote,
  START,
  sentVotes,
  signedCheckpoint,
} from '../../../support/verifierMachine.ts'
import { castVote, crypto, DOMAIN } from '../../../support/votes.ts'

const types = (effects: readonly VerifierEffect[]): string[] => effects.map(({ type }) => type)
const openingsOf = (effects: readonly VerifierEffect[]) =>
  effectsOf(effects, 'send').flatMap(({ bundle }) => bundle.openings)
const rejected: LightOutcome = { verdict: 'rejected', reason: REASON['fee-mismatch'] }

describe('a member of the fast committee', () => {
  it('R14 fetches, acknowledges, checks and votes', () => {
    const { effects, digest } = runToVote(machineOf(0), 2)
    expect(types(effects)).toEqual([
      'find-committee',
      'schedule',
      'judge-grant',
      'fetch-records',
      'acknowledge',
      'check',
      'persist',
      'send',
      'schedule',
      'schedule',
    ])
    const [vote] = sentVotes(effects)
    expect(vote?.vote).toMatchObject({
      seat: 10,
      checkpoint: digest,
      round: ROUND.fast,
      accepted: 0b11n,
      rejected: 0n,
      replayed: 0n,
      methods: METHOD.signatures | METHOD.accounting | METHOD.evidence,
      notChecked: NOT_CHECKED.output | NOT_CHECKED.payment,
      seenAt: START,
    })
    const check = { domain: DOMAIN, crypto, committee: committee.seats, checkpoint: digest, count: 2, vote: vote! }
    expect(checkVote(check)).toMatchObject({ ok: true })
  })

  it('R27 sends a vote only when it is durable', () => {
    const machine = machineOf(0)
    const { signed, digest } = signedCheckpoint(0, 1)
    machine.handle({ type: 'checkpoint', now: START, signed, digest })
    machine.handle(committeeEvent(digest))
    machine.handle({ type: 'grant', now: START, grant: signed.checkpoint.grant, judged: true })
    machine.handle({ type: 'records', now: START, checkpoint: digest, recordsHash: H('r'), facts: factsOf(digest, 1) })
    const voted = machine.handle({
      type: 'checked',
      now: START,
      checkpoint: digest,
      outcomes: [LIGHT],
      lightDigest: H('l'),
    })
    expect(types(voted)).toEqual(['persist'])
    expect(sentVotes(machine.handle({ type: 'tick', now: START + 5_000, checkpoint: digest }))).toEqual([])
    const sent = machine.handle({ type: 'persisted', now: START, checkpoint: digest, round: 0 })
    expect(sentVotes(sent)).toEqual([effectsOf(voted, 'persist')[0]?.vote])
    expect(machine.handle({ type: 'persisted', now: START, checkpoint: digest, round: 0 })).toEqual([])
  })

  it('R14 replays what its seat is drawn for and shows sketches of it', () => {
    const { effects } = runToVote(machineOf(0, RATE_ALL), 3, [LIGHT, rejected, LIGHT])
    expect(effectsOf(effects, 'replay').map(({ index }) => index)).toEqual([0, 2])
    const [vote] = sentVotes(effects)
    expect(vote?.vote).toMatchObject({
      accepted: 0b101n,
      rejected: 0b010n,
      replayed: 0b101n,
      notChecked: NOT_CHECKED.payment,
    })
    expect(vote?.vote.methods).toBe(LIGHT.verdict === 'accepted' ? LIGHT.methods | METHOD['exact-replay'] : 0)
    expect(vote?.reasons).toEqual([{ index: 1, code: REASON['fee-mismatch'] }])
    const [persisted] = effectsOf(effects, 'persist')
    expect(persisted?.opening.sketches.map(({ receiptIndex }) => receiptIndex)).toEqual([0, 2])
    expect(opensVote(vote!, persisted!.opening)).toBe(true)
  })

  it('R12 says nothing of a receipt it was drawn for and cannot replay, where the tier rests on replay', () => {
    const abstained = { verdict: 'abstained', cause: 'model-missing' } as const
    const { effects } = runToVote(machineOf(0, RATE_ALL), 2, undefined, (index) => (index === 0 ? abstained : MATCH))
    expect(sentVotes(effects)[0]?.vote).toMatchObject({ accepted: 0b10n, rejected: 0n, replayed: 0b10n })
    expect(sentVotes(runToVote(machineOf(0, RATE_ALL), 1, undefined, () => abstained).effects)).toEqual([])
  })

  it('R17 shows its work a second after the vote, or as soon as the checkpoint is decided', () => {
    const late = machineOf(0)
    const { digest } = runToVote(late, 1)
    expect(openingsOf(late.handle({ type: 'tick', now: START + 999, checkpoint: digest }))).toEqual([])
    expect(openingsOf(late.handle({ type: 'tick', now: START + 1_000, checkpoint: digest }))).toHaveLength(1)
    expect(openingsOf(late.handle({ type: 'tick', now: START + 1_001, checkpoint: digest }))).toEqual([])
    const early = machineOf(0)
    runToVote(early, 1)
    const votes = [1, 2, 3, 4].map((member) => castVote(committee, { member, checkpoint: digest, accepted: [0] }))
    const three = early.handle({ type: 'votes', now: START, bundle: { votes: votes.slice(0, 3), openings: [] } })
    expect(openingsOf(three)).toEqual([])
    const four = early.handle({ type: 'votes', now: START, bundle: { votes: votes.slice(3), openings: [] } })
    expect(openingsOf(four)).toHaveLength(1)
  })

  it('R14 shows at once the work behind an accusation', () => {
    const { effects } = runToVote(machineOf(0, RATE_ALL), 1, undefined, () => MISMATCH)
    expect(sentVotes(effects)[0]?.vote).toMatchObject({ rejected: 1n, replayed: 1n })
    expect(openingsOf(effects)).toHaveLength(1)
  })

  it('R14 replays what opened work accuses, and votes once more', () => {
    const accuser = runToVote(machineOf(1, RATE_ALL), 2, undefined, (index) => (index === 1 ? MISMATCH : MATCH))
    const bundles = effectsOf(accuser.effects, 'send').map(({ bundle }) => bundle)
    const machine = machineOf(0)
    const { digest } = runToVote(machine, 2)
    expect(machine.handle({ type: 'votes', now: START, bundle: bundles[0]! })).toEqual([])
    const obliged = machine.handle({ type: 'votes', now: START, bundle: bundles[1]! })
    expect(effectsOf(obliged, 'replay').map(({ index }) => index)).toEqual([1])
    const again = machine.handle({ type: 'replayed', now: START, checkpoint: digest, index: 1, outcome: MISMATCH })
    const [persist] = effectsOf(again, 'persist')
    expect(persist?.vote.vote).toMatchObject({
      round: ROUND.escalated,
      accepted: 0b01n,
      rejected: 0b10n,
      replayed: 0b10n,
    })
    const sent = machine.handle({ type: 'persisted', now: START, checkpoint: digest, round: ROUND.escalated })
    expect(sentVotes(sent)[0]).toEqual(persist?.vote)
    expect(openingsOf(sent)).toEqual([persist?.opening])
    const more = {
      votes: [castVote(committee, { member: 2, checkpoint: digest, rejected: [[0, 1]], replayed: [0] })],
      openings: [],
    }
    expect(effectsOf(machine.handle({ type: 'votes', now: START, bundle: more }), 'persist')).toEqual([])
  })

  it('R14 is not moved by an accusation without opened work, nor by one it has looked at', () => {
    const machine = machineOf(0)
    const { digest } = runToVote(machine, 1)
    const bare = castVote(committee, {
      member: 1,
      checkpoint: digest,
      rejected: [[0, REASON['output-mismatch']]],
      replayed: [0],
    })
    expect(machine.handle({ type: 'votes', now: START, bundle: { votes: [bare], openings: [] } })).toEqual([])
    const looked = machineOf(0, RATE_ALL)
    runToVote(looked, 1)
    const accuser = runToVote(machineOf(1, RATE_ALL), 1, undefined, () => MISMATCH)
    for (const { bundle } of effectsOf(accuser.effects, 'send')) {
      expect(effectsOf(looked.handle({ type: 'votes', now: START, bundle }), 'persist')).toEqual([])
    }
  })

  it('R27 after a restart sends the stored vote and signs no other', () => {
    const before = runToVote(machineOf(0), 2)
    const [persisted] = effectsOf(before.effects, 'persist')
    const { vote, opening } = persisted!
    const machine = machineOf(0)
    machine.handle({ type: 'checkpoint', now: START, signed: before.signed, digest: before.digest })
    const restored = machine.handle(committeeEvent(before.digest, [{ vote, opening }]))
    expect(sentVotes(restored)).toEqual([vote])
    machine.handle({ type: 'grant', now: START, grant: before.signed.checkpoint.grant, judged: true })
    machine.handle({
      type: 'records',
      now: START,
      checkpoint: before.digest,
      recordsHash: H('r'),
      facts: factsOf(before.digest, 2),
    })
    const checked = machine.handle({
      type: 'checked',
      now: START,
      checkpoint: before.digest,
      outcomes: [rejected, rejected],
      lightDigest: H('l'),
    })
    expect(effectsOf(checked, 'persist')).toEqual([])
  })

  it('publishes two votes of one verifier for one round, and counts neither', () => {
    const machine = machineOf(0)
    const { digest } = runToVote(machine, 1)
    const first = castVote(committee, { member: 1, checkpoint: digest, accepted: [0] })
    const second = castVote(committee, { member: 1, checkpoint: digest, rejected: [[0, REASON.late]] })
    const effects = machine.handle({ type: 'votes', now: START, bundle: { votes: [first, second], openings: [] } })
    expect(effectsOf(effects, 'publish-equivocation')).toEqual([
      { type: 'publish-equivocation', kind: 'vote', first, second },
    ])
    expect(machine.handle({ type: 'votes', now: START, bundle: { votes: [second, first], openings: [] } })).toEqual([])
  })

  it('publishes two checkpoints of one sequence and votes on the first alone', () => {
    const machine = machineOf(0)
    const { signed } = runToVote(machine, 1)
    const rival = signedCheckpoint(0, 1, { receiptsRoot: H('test/rival') })
    machine.handle({ type: 'checkpoint', now: START, ...rival })
    const effects = machine.handle(committeeEvent(rival.digest))
    expect(effects).toEqual([
      { type: 'publish-equivocation', kind: 'checkpoint', first: signed, second: rival.signed },
      { type: 'release', checkpoint: rival.digest },
    ])
  })

  it('R14 abstains when it cannot fetch: retries, then lets go', () => {
    const machine = machineOf(0)
    const { signed, digest } = signedCheckpoint(0, 1)
    machine.handle({ type: 'checkpoint', now: START, signed, digest })
    machine.handle(committeeEvent(digest))
    const failed = machine.handle({ type: 'records-failed', now: START, checkpoint: digest })
    expect(failed).toEqual([{ type: 'schedule', at: START + 500, checkpoint: digest }])
    const again = machine.handle({ type: 'tick', now: START + 500, checkpoint: digest })
    expect(types(again)).toEqual(['fetch-records'])
    const end = machine.handle({ type: 'tick', now: START + 60_000, checkpoint: digest })
    expect(end).toEqual([{ type: 'release', checkpoint: digest }])
    expect(machine.load).toEqual({ open: 0, voted: 0 })
  })

  it('asks again for a committee that is pending and leaves one it has no seat on', () => {
    const machine = machineOf(0)
    const { signed, digest } = signedCheckpoint(0, 1)
    machine.handle({ type: 'checkpoint', now: START, signed, digest })
    machine.handle({ type: 'committee', now: START, checkpoint: digest, committee: 'pending', stored: [] })
    expect(types(machine.handle({ type: 'tick', now: START + 500, checkpoint: digest }))).toEqual(['find-committee'])
    expect(types(machine.handle(committeeEvent(digest, [], committee.seats.slice(1))))).toEqual(['release'])
    expect(machine.handle({ type: 'checkpoint', now: START, signed, digest })).toEqual([])
  })

  it('R29 tells the check what the operator had billed before, and which jobs', () => {
    const machine = machineOf(0)
    runToVote(machine, 1)
    const { signed, digest } = signedCheckpoint(1, 2)
    machine.handle({ type: 'checkpoint', now: START, signed, digest })
    machine.handle(committeeEvent(digest))
    const again = factsOf(signedCheckpoint(0, 1).digest, 1)[0]!
    const facts = [...factsOf(digest, 1), again]
    const [check] = effectsOf(
      machine.handle({ type: 'records', now: START, checkpoint: digest, recordsHash: H('r'), facts }),
      'check',
    )
    expect(check).toMatchObject({ exposed: 10n, exposureLimit: 1_000n, billed: [false, true] })
  })

  it('R29 counts what was checkpointed before a restart, once', () => {
    const machine = machineOf(0)
    const before = signedCheckpoint(0, 1)
    machine.remember(before.signed, before.digest)
    machine.remember(before.signed, before.digest)
    const { signed, digest } = signedCheckpoint(1, 1)
    machine.handle({ type: 'checkpoint', now: START, signed, digest })
    machine.handle(committeeEvent(digest))
    machine.handle({ type: 'grant', now: START, grant: signed.checkpoint.grant, judged: true })
    const facts = factsOf(digest, 1)
    const [check] = effectsOf(
      machine.handle({ type: 'records', now: START, checkpoint: digest, recordsHash: H('r'), facts }),
      'check',
    )
    expect(check).toMatchObject({ exposed: 10n })
  })

  it('takes up a bounded number of checkpoints of one operator', () => {
    const machine = machineOf(0)
    for (let sequence = 0; sequence < VERIFIER_LIMITS.perOperator; sequence += 1) {
      const { signed, digest } = signedCheckpoint(sequence, 1)
      expect(types(machine.handle({ type: 'checkpoint', now: START, signed, digest }))[0]).toBe('find-committee')
    }
    const { signed, digest } = signedCheckpoint(999, 1)
    expect(machine.handle({ type: 'checkpoint', now: START, signed, digest })).toEqual([
      { type: 'turn-away', checkpoint: digest, operator: OPERATOR.address, code: 'busy' },
    ])
  })

  it('R14 with votes that came before its committee was known opens at once', () => {
    const machine = machineOf(0)
    const { digest } = signedCheckpoint(0, 1)
    const votes = [1, 2, 3, 4].map((member) => castVote(committee, { member, checkpoint: digest, accepted: [0] }))
    machine.handle({ type: 'votes', now: START, bundle: { votes, openings: [] } })
    const { effects } = runToVote(machine, 1)
    expect(openingsOf(effects)).toHaveLength(1)
    expect(mapOf(0)).toBe(sentVotes(effects)[0]?.vote.accepted)
  })
})
