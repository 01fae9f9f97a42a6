import { describe, expect, it } from 'vitest'
import {
  certificateDigest,
  checkVote,
  findEquivocation,
  H,
  merkleRoot,
  opensVote,
  REASON,
  ROUND,
  reasonsRoot,
  type SignedVote,
  tallyVotes,
  verifyCertificate,
  voteDigest,
  type WorkOpening,
  workCommitOf,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import { CHECKPOINT_ID, castVote, committeeOfSize, crypto, DOMAIN } from '../../support/votes.ts'

const MISMATCH = REASON['output-mismatch']
const FEE = REASON['fee-mismatch']
const seven = committeeOfSize(7)
const tally = (votes: readonly SignedVote[], count = 2) => tallyVotes({ committee: seven.seats, count, votes })
const members = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)
const check = (vote: SignedVote, count = 2) =>
  checkVote({ domain: DOMAIN, crypto, committee: seven.seats, checkpoint: CHECKPOINT_ID, count, vote })
const codeOf = (result: ReturnType<typeof check>): string => (result.ok ? 'ok' : result.error.code)

describe('a tally', () => {
  it('R14 accepts a receipt at five of seven seats and leaves it undecided at four', () => {
    const four = members(0, 4).map((member) => castVote(seven, { member, accepted: [0] }))
    expect(tally(four)).toMatchObject({ accepted: 0n, rejected: 0n, undecided: 0b11n, final: false })
    const five = [...four, castVote(seven, { member: 6, accepted: [0, 1] })]
    expect(tally(five)).toMatchObject({ accepted: 0b01n, undecided: 0b10n, final: false })
  })

  it('R14 rejects at five seats and gives the most frequent reason, the lowest code on a tie', () => {
    const codes = [FEE, FEE, REASON.late, REASON.late, REASON['bad-chain']]
    const votes = codes.map((code, member) => castVote(seven, { member, accepted: [1], rejected: [[0, code]] }))
    const result = tally(votes)
    expect(result).toMatchObject({ accepted: 0b10n, rejected: 0b01n, undecided: 0n, final: true })
    expect([...result.reasons]).toEqual([[0, FEE]])
  })

  it('R14 decides nothing below the smallest committee', () => {
    const two = committeeOfSize(2)
    const votes = members(0, 2).map((member) => castVote(two, { member, accepted: [0] }))
    expect(tallyVotes({ committee: two.seats, count: 1, votes })).toMatchObject({ undecided: 1n, final: false })
  })

  it('R14 lets a round 1 vote replace its round 0 vote, whatever the order', () => {
    const round0 = members(0, 5).map((member) => castVote(seven, { member, accepted: [0, 1] }))
    const changed = castVote(seven, { member: 0, round: ROUND.escalated, accepted: [1] })
    for (const votes of [
      [...round0, changed],
      [changed, ...round0],
    ]) {
      expect(tally(votes)).toMatchObject({ accepted: 0b10n, undecided: 0b01n })
    }
  })

  it('R14 ignores who has no seat, another seat, or votes in a later round', () => {
    const votes = [
      ...members(0, 4).map((member) => castVote(seven, { member, accepted: [0, 1] })),
      castVote(committeeOfSize(8), { member: 7, accepted: [0, 1] }),
      castVote(seven, { member: 5, accepted: [0, 1], overrides: { seat: 99 } }),
      castVote(seven, { member: 6, accepted: [0, 1], round: ROUND.audit }),
    ]
    expect(tally(votes)).toMatchObject({ accepted: 0n, undecided: 0b11n })
    expect(tally(votes).votes.map(({ vote }) => vote.seat)).toEqual([10, 11, 12, 13])
  })

  it('R14 does not let five who did not look outvote two who saw a cheat', () => {
    const saw = members(0, 2).map((member) =>
      castVote(seven, { member, accepted: [1], rejected: [[0, MISMATCH]], replayed: [0] }),
    )
    const blind = members(2, 7).map((member) => castVote(seven, { member, accepted: [0, 1] }))
    expect(tally([...blind, ...saw])).toMatchObject({ accepted: 0b10n, rejected: 0n, undecided: 0b01n })
  })

  it('R14 convicts once five looked, those of round 0 included', () => {
    const saw = members(0, 2).map((member) =>
      castVote(seven, { member, accepted: [1], rejected: [[0, MISMATCH]], replayed: [0] }),
    )
    const blind = members(2, 7).map((member) => castVote(seven, { member, accepted: [0, 1] }))
    const looked = members(2, 5).map((member) =>
      castVote(seven, { member, round: ROUND.escalated, accepted: [1], rejected: [[0, MISMATCH]], replayed: [0] }),
    )
    const result = tally([...saw, ...blind, ...looked])
    expect(result).toMatchObject({ accepted: 0b10n, rejected: 0b01n, final: true })
    expect([...result.reasons]).toEqual([[0, MISMATCH]])
  })

  it('R14 acquits when five looked and found nothing: a lone liar convicts nobody', () => {
    const liar = castVote(seven, { member: 0, accepted: [1], rejected: [[0, MISMATCH]], replayed: [0] })
    const looked = members(1, 6).map((member) =>
      castVote(seven, { member, round: ROUND.escalated, accepted: [0, 1], replayed: [0] }),
    )
    expect(tally([liar, ...looked])).toMatchObject({ accepted: 0b11n, rejected: 0n, final: true })
  })

  it('R14 lets no accuser void rejections for a fault that needs no replay', () => {
    const accuser = castVote(seven, { member: 0, accepted: [1], rejected: [[0, MISMATCH]], replayed: [0] })
    const others = members(1, 6).map((member) => castVote(seven, { member, accepted: [1], rejected: [[0, FEE]] }))
    expect(tally([accuser, ...others])).toMatchObject({ accepted: 0b10n, rejected: 0b01n, final: true })
  })

  it('counts nothing of a verifier that signed two votes for one round', () => {
    const votes = members(0, 5).map((member) => castVote(seven, { member, accepted: [0, 1] }))
    const second = castVote(seven, { member: 0, accepted: [1] })
    expect(tally([...votes, second])).toMatchObject({ accepted: 0n, undecided: 0b11n })
    expect(findEquivocation([...votes, second])).toEqual([votes[0], second])
    expect(findEquivocation([...votes, ...votes])).toBeUndefined()
  })
})

describe('a vote', () => {
  const good = { member: 0, accepted: [0], rejected: [[1, FEE]], replayed: [0] } as const

  it('that holds returns its digest', () => {
    const vote = castVote(seven, good)
    expect(check(vote)).toEqual({ ok: true, value: voteDigest(DOMAIN, vote.vote) })
  })

  it.each([
    ['vote-checkpoint', castVote(seven, { ...good, checkpoint: H('test/other') })],
    ['vote-round', castVote(seven, { ...good, round: ROUND.jury })],
    ['vote-range', castVote(seven, { ...good, accepted: [0, 2] })],
    ['vote-range', castVote(seven, { ...good, replayed: [2] })],
    ['vote-overlap', castVote(seven, { ...good, accepted: [0, 1] })],
    ['vote-reasons', castVote(seven, { ...good, reasons: [] })],
    ['vote-reasons', castVote(seven, { ...good, reasons: [{ index: 1, code: 99 }] })],
    ['vote-reasons', castVote(seven, { ...good, overrides: { reasons: H('test/root') } })],
    ['vote-reasons', castVote(seven, { ...good, rejected: [[1, MISMATCH]] })],
    ['vote-seat', castVote(seven, { ...good, overrides: { seat: 11 } })],
    ['vote-seat', castVote(committeeOfSize(8), { ...good, member: 7 })],
    ['vote-signature', { ...castVote(seven, good), signature: castVote(seven, { ...good, member: 1 }).signature }],
  ])('R14 fails with %s', (code, vote) => {
    expect(codeOf(check(vote))).toBe(code)
  })
})

describe('a certificate', () => {
  const votes = members(0, 5).map((member) => castVote(seven, { member, accepted: [0, 1] }))
  const verify = (certificate: { checkpoint: `0x${string}`; votes: readonly SignedVote[] }) =>
    verifyCertificate({
      domain: DOMAIN,
      crypto,
      committee: seven.seats,
      checkpoint: CHECKPOINT_ID,
      count: 2,
      certificate,
    })

  it('R14 gives the tally of its votes', () => {
    const result = verify({ checkpoint: CHECKPOINT_ID, votes })
    expect(result.ok && result.value).toMatchObject({ accepted: 0b11n, final: true })
  })

  it('R14 is refused whole for one vote that does not hold', () => {
    const forged = { ...castVote(seven, { member: 5, accepted: [0, 1] }), signature: votes[0]!.signature }
    expect(verify({ checkpoint: CHECKPOINT_ID, votes: [...votes, forged] })).toMatchObject({
      ok: false,
      error: { code: 'vote-signature' },
    })
    expect(verify({ checkpoint: H('test/other'), votes })).toMatchObject({ error: { code: 'certificate-checkpoint' } })
    expect(verify({ checkpoint: CHECKPOINT_ID, votes: [] })).toMatchObject({ error: { code: 'certificate-size' } })
    expect(verify({ checkpoint: CHECKPOINT_ID, votes: Array(15).fill(votes[0]) })).toMatchObject({
      error: { code: 'certificate-size' },
    })
  })

  it('has one digest whatever the order of its votes', () => {
    const digest = merkleRoot(
      'vote',
      votes.map(({ vote }) => voteDigest(DOMAIN, vote)),
    )
    expect(certificateDigest(DOMAIN, [...votes].reverse())).toBe(digest)
  })
})

describe('reasons and work', () => {
  it('R14 the root of reasons is by ascending receipt index, zero without any', () => {
    expect(reasonsRoot([])).toBe(ZERO_DIGEST)
    const a = { index: 3, code: FEE }
    const b = { index: 7, code: MISMATCH }
    expect(reasonsRoot([b, a])).toBe(reasonsRoot([a, b]))
    expect(reasonsRoot([a])).not.toBe(reasonsRoot([{ ...a, index: 4 }]))
  })

  it('R17 a work commitment opens only by its own preimage', () => {
    const vote = castVote(seven, { member: 0, accepted: [0] })
    const opening: WorkOpening = {
      verifier: vote.vote.verifier,
      checkpoint: CHECKPOINT_ID,
      round: 0,
      salt: H('test/salt'),
      lightDigest: H('test/light'),
      sketches: [{ receiptIndex: 0, values: Uint8Array.of(1, 2, 3, 4) }],
    }
    const bound = castVote(seven, { member: 0, accepted: [0], overrides: { workCommit: workCommitOf(opening) } })
    expect(opensVote(bound, opening)).toBe(true)
    expect(opensVote(vote, opening)).toBe(false)
    for (const other of [
      { ...opening, salt: H('test/salt/2') },
      { ...opening, lightDigest: H('test/light/2') },
      { ...opening, round: 1 },
      { ...opening, sketches: [] },
      { ...opening, sketches: [{ receiptIndex: 1, values: Uint8Array.of(1, 2, 3, 4) }] },
      { ...opening, sketches: [{ receiptIndex: 0, values: Uint8Array.of(1, 2, 3, 5) }] },
    ]) {
      expect(opensVote(bound, other)).toBe(false)
    }
  })
})
