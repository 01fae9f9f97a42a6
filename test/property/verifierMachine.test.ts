import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkVote,
  type Digest,
  H,
  hashStruct,
  type OwnVote,
  REASON,
  type ReplayOutcome,
  type SignedVote,
  VERIFIER_LIMITS,
  type VerifierEffect,
  type VerifierEvent,
  VOTE,
  type VoteBundle,
} from '../../src/protocol/index.ts'
import {
  committee,
  committeeEvent,
  effectsOf,
  factsOf,
  LIGHT,
  MATCH,
  MISMATCH,
  machineOf,
  RATE_ALL,
  RATE_NONE,
  runToVote,
  START,
  signedCheckpoint,
} from '../support/verifierMachine.ts'
import { castVote, crypto, DOMAIN } from '../support/votes.ts'

const COUNT = 3
const CHECKPOINTS = [0, 1, 2].map((sequence) => signedCheckpoint(sequence, COUNT))
const REPLAYS: readonly ReplayOutcome[] = [MATCH, MISMATCH, { verdict: 'abstained', cause: 'engine-busy' }]

/** What other members may send: honest votes, accusations with their work, and noise. */
const BUNDLES: readonly VoteBundle[] = CHECKPOINTS.flatMap(({ digest }, sequence) => {
  const accuser = runToVote(machineOf(1, RATE_ALL), COUNT, undefined, () => MISMATCH, sequence)
  return [
    ...effectsOf(accuser.effects, 'send').map(({ bundle }) => bundle),
    ...[2, 3, 4, 5].map((member) => ({
      votes: [castVote(committee, { member, checkpoint: digest, accepted: [0, 1, 2] })],
      openings: [],
    })),
    { votes: [castVote(committee, { member: 2, checkpoint: digest, rejected: [[0, REASON.late]] })], openings: [] },
  ]
})

const steps = fc.noBias(
  fc.array(fc.record({ kind: fc.nat(9), pick: fc.nat(), choice: fc.nat() }), { minLength: 60, maxLength: 200 }),
)

/** Drives one verifier through random answers, orders, losses and restarts against a store that survives them. */
function run(moves: readonly { kind: number; pick: number; choice: number }[], replayAll: boolean) {
  const store = new Map<string, OwnVote>()
  const durable = new Set<Digest>()
  const sent: SignedVote[] = []
  let machine = machineOf(0, replayAll ? RATE_ALL : RATE_NONE)
  let waiting: VerifierEffect[] = []
  let now = START
  let openMost = 0

  const take = (effects: readonly VerifierEffect[]): void => {
    for (const effect of effects) {
      if (effect.type !== 'send') waiting.push(effect)
      else {
        for (const vote of effect.bundle.votes) {
          expect(durable.has(hashStruct(VOTE, vote.vote)), 'a vote left before it was durable').toBe(true)
          sent.push(vote)
        }
      }
    }
    openMost = Math.max(openMost, machine.load.open)
  }
  const storedOf = (checkpoint: Digest): OwnVote[] =>
    [...store.values()].filter(({ vote }) => vote.vote.checkpoint === checkpoint)

  const answer = (effect: VerifierEffect, choice: number): VerifierEvent | undefined => {
    switch (effect.type) {
      case 'find-committee':
        if (choice % 5 === 0)
          return { type: 'committee', now, checkpoint: effect.checkpoint, committee: 'pending', stored: [] }
        return committeeEvent(effect.checkpoint, storedOf(effect.checkpoint))
      case 'judge-grant':
        return { type: 'grant', now, grant: effect.grant, judged: choice % 4 !== 0 }
      case 'fetch-records':
        if (choice % 4 === 0) return { type: 'records-failed', now, checkpoint: effect.checkpoint }
        return {
          type: 'records',
          now,
          checkpoint: effect.checkpoint,
          recordsHash: H('r'),
          facts: factsOf(effect.checkpoint, COUNT),
        }
      case 'check': {
        const outcomes = [0, 1, 2].map((index) =>
          (choice >> index) % 2 === 0 ? LIGHT : ({ verdict: 'rejected', reason: REASON['fee-mismatch'] } as const),
        )
        return { type: 'checked', now, checkpoint: effect.checkpoint, outcomes, lightDigest: H('l') }
      }
      case 'replay':
        return {
          type: 'replayed',
          now,
          checkpoint: effect.checkpoint,
          index: effect.index,
          outcome: REPLAYS[choice % 3]!,
        }
      case 'persist': {
        const { vote } = effect
        const place = `${vote.vote.checkpoint} ${vote.vote.round}`
        const known = store.get(place)
        expect(known === undefined || known.vote.signature === vote.signature, 'a second vote for one round').toBe(true)
        store.set(place, effect)
        durable.add(hashStruct(VOTE, vote.vote))
        return { type: 'persisted', now, checkpoint: vote.vote.checkpoint, round: vote.vote.round }
      }
      case 'schedule':
        if (choice % 3 !== 0 || (effect.at - now > 5_000 && choice % 12 !== 0)) {
          waiting.push(effect)
          return undefined
        }
        now = Math.max(now, effect.at)
        return { type: 'tick', now, checkpoint: effect.checkpoint }
      default:
        return undefined
    }
  }

  for (const { kind, pick, choice } of moves) {
    if (kind === 0) take(machine.handle({ type: 'checkpoint', now, ...CHECKPOINTS[pick % 3]! }))
    else if (kind === 1) take(machine.handle({ type: 'votes', now, bundle: BUNDLES[pick % BUNDLES.length]! }))
    else if (kind === 2 && choice % 8 === 0) {
      machine = machineOf(0, replayAll ? RATE_ALL : RATE_NONE)
      waiting = []
    } else if (waiting.length > 0) {
      const [effect] = waiting.splice(pick % waiting.length, 1)
      const event = effect === undefined ? undefined : answer(effect, choice)
      if (event !== undefined) take(machine.handle(event))
    }
  }
  return { sent, openMost }
}

describe('R27 a verifier in any order of events, with losses and restarts', () => {
  it.each([
    ['replays', true],
    ['only checks', false],
  ])('never sends two votes for one round, and none before it is durable, when it %s', (_name, replayAll) => {
    let votes = 0
    fc.assert(
      fc.property(steps, (moves) => {
        const { sent, openMost } = run(moves, replayAll)
        const byPlace = new Map<string, Digest>()
        for (const signed of sent) {
          const { checkpoint, round } = signed.vote
          const place = `${checkpoint} ${round}`
          const digest = hashStruct(VOTE, signed.vote)
          expect(byPlace.get(place) ?? digest).toBe(digest)
          byPlace.set(place, digest)
          const check = { domain: DOMAIN, crypto, committee: committee.seats, checkpoint, count: COUNT, vote: signed }
          expect(checkVote(check)).toMatchObject({ ok: true })
        }
        votes += byPlace.size
        expect(openMost).toBeLessThanOrEqual(VERIFIER_LIMITS.perOperator)
      }),
      { numRuns: 150 },
    )
    expect(votes).toBeGreaterThan(100)
  })
})
