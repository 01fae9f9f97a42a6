import { describe, expect, it } from 'vitest'
import {
  H,
  REASON,
  type SignedVote,
  type VoteBundle,
  type WorkOpening,
  workCommitOf,
} from '../../../../src/protocol/index.ts'
import { createFirstSeen } from '../../../../src/roles/validators/firstSeen.ts'
import {
  type VoteValidatorContext,
  type VoteVerdict,
  validateVoteMessage,
} from '../../../../src/roles/validators/vote.ts'
import { encodeGossip } from '../../../../src/wire/index.ts'
import { PARAMETERS } from '../../../support/records.ts'
import { CHECKPOINT_ID, castVote, committeeOfSize, crypto, DOMAIN } from '../../../support/votes.ts'

const NOW = 1_800_000_000_000
const seven = committeeOfSize(7)
const contextOf = (change: Partial<VoteValidatorContext> = {}): VoteValidatorContext => ({
  domain: DOMAIN,
  parameters: PARAMETERS,
  crypto,
  now: () => NOW,
  holdsSeat: async (verifier) => seven.seats.some((seat) => seat.verifier === verifier),
  firstSeen: createFirstSeen(64),
  openings: createFirstSeen(64),
  ...change,
})
const judge = (bundle: VoteBundle, context = contextOf()): Promise<VoteVerdict> =>
  validateVoteMessage(encodeGossip('vote', bundle), context)
const short = ({ verdict }: VoteVerdict): string =>
  verdict.action === 'accept' ? 'accept' : `${verdict.action} ${verdict.code}`

const opening = (member: number): WorkOpening => ({
  verifier: seven.seats[member]!.verifier,
  checkpoint: CHECKPOINT_ID,
  round: 0,
  salt: H('test/salt', member),
  lightDigest: H('test/light', member),
  sketches: [],
})
const voteOf = (member: number): SignedVote =>
  castVote(seven, { member, accepted: [0], overrides: { workCommit: workCommitOf(opening(member)) } })
const bundleOf = (...members: number[]): VoteBundle => ({ votes: members.map(voteOf), openings: [] })

describe('R9 the validator of votes', () => {
  it('accepts votes that hold, and again only with something new', async () => {
    const context = contextOf()
    expect(short(await judge(bundleOf(0, 1), context))).toBe('accept')
    expect(short(await judge(bundleOf(1), context))).toBe('ignore seen')
    expect(short(await judge(bundleOf(1, 2), context))).toBe('accept')
    const shown = { votes: [voteOf(1)], openings: [opening(1)] }
    expect(short(await judge(shown, context))).toBe('accept')
    expect(short(await judge(shown, context))).toBe('ignore seen')
  })

  it('is not blocked by a forged copy that comes first', async () => {
    const context = contextOf()
    const forged = { votes: [{ ...voteOf(0), signature: voteOf(1).signature }], openings: [] }
    expect(short(await judge(forged, context))).toBe('reject bad-signature')
    const mixed = { votes: [voteOf(1), forged.votes[0]!], openings: [] }
    expect(short(await judge(mixed, context))).toBe('reject bad-signature')
    expect(short(await judge(bundleOf(0, 1), context))).toBe('accept')
  })

  it('does not forward two votes of one round and names both', async () => {
    const context = contextOf()
    await judge(bundleOf(0), context)
    const second = castVote(seven, { member: 0, rejected: [[0, REASON.late]] })
    const result = await judge({ votes: [second], openings: [] }, context)
    expect(short(result)).toBe('ignore equivocation')
    expect(result.rivals).toEqual([[voteOf(0), second]])
    expect(result.bundle?.votes).toEqual([second])
  })

  it.each([
    ['reject empty-bundle', { votes: [], openings: [opening(0)] }],
    [
      'reject vote-overlap',
      { votes: [castVote(seven, { member: 0, accepted: [0], rejected: [[0, 1]], replayed: [0] })], openings: [] },
    ],
    ['reject vote-round', { votes: [castVote(seven, { member: 0, accepted: [0], round: 3 })], openings: [] }],
    ['reject bad-opening', { votes: [voteOf(0)], openings: [opening(1)] }],
    ['reject bad-opening', { votes: [voteOf(0)], openings: [{ ...opening(0), salt: H('other') }] }],
    ['reject bad-opening', { votes: [voteOf(0)], openings: [opening(0), opening(0)] }],
    [
      'ignore too-old',
      { votes: [castVote(seven, { member: 0, accepted: [0], overrides: { seenAt: NOW - 600_001 } })], openings: [] },
    ],
    ['ignore no-seat', { votes: [castVote(committeeOfSize(8), { member: 7, accepted: [0] })], openings: [] }],
  ] as const)('says %s', async (expected, bundle) => {
    expect(short(await judge(bundle))).toBe(expected)
  })

  it('looks again later at what is from the future or whose stake is unknown', async () => {
    const early = {
      votes: [castVote(seven, { member: 0, accepted: [0], overrides: { seenAt: NOW + 2_001 } })],
      openings: [],
    }
    expect(await judge(early)).toMatchObject({ verdict: { action: 'ignore', code: 'future-time' }, later: true })
    const unknown = await judge(bundleOf(0), contextOf({ holdsSeat: async () => undefined }))
    expect(unknown).toMatchObject({ verdict: { action: 'ignore', code: 'unknown-stake' }, later: true })
  })
})
