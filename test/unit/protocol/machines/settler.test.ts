import { describe, expect, it } from 'vitest'
import {
  type Address,
  type ChainTip,
  type Digest,
  leafDigest,
  leafProofOf,
  type SettledCheckpoint,
  type SettlerEffect,
  type SettlerMachine,
  type SignedBatch,
  settlerOrder,
  settlerProblem,
  verifyMerkleProof,
} from '../../../../src/protocol/index.ts'
import { NOW, PARAMETERS, typed } from '../../../support/protocolWorld.ts'
import {
  contextOf,
  GENESIS,
  operatorOf,
  settledOf,
  settlerMachine,
  settlerOf,
  signersOf,
  tipOf,
} from '../../../support/settlement.ts'
import { crypto, DOMAIN } from '../../../support/votes.ts'

const THREE = signersOf([1n, 1n, 1n])
const none: ReadonlyMap<Address, number> = new Map()

const settle = (machine: SettlerMachine, ...settled: SettledCheckpoint[]): void => {
  for (const entry of settled) machine.handle({ type: 'settled', settled: entry })
}

const tick = (machine: SettlerMachine, now = NOW, tip: ChainTip = GENESIS, signers = THREE): SettlerEffect[] =>
  machine.handle({ type: 'tick', now, context: contextOf(tip, signers.seats) })

const proposed = (effects: readonly SettlerEffect[]) => typed(effects, 'request-signatures')[0]

const places = (batch: Pick<SignedBatch, 'leaves'> | undefined): [Address, number][] =>
  (batch?.leaves ?? []).map(({ operator, sequence }) => [operator, sequence])

/** Signatures of seats until the machine anchors. */
function quorum(machine: SettlerMachine, digest: Digest, seats: readonly number[] = [1, 2, 3]): SettlerEffect[] {
  return seats.flatMap((seat) =>
    machine.handle({ type: 'signature', digest, seat, signature: THREE.sign(seat, digest) }),
  )
}

/** One batch proposed, signed and sent. */
function anchoring(machine: SettlerMachine, now = NOW, tip = GENESIS): { signed: SignedBatch; digest: Digest } {
  const request = proposed(tick(machine, now, tip))
  if (request === undefined) throw new RangeError('nothing was proposed')
  const [anchor] = typed(quorum(machine, request.digest), 'anchor')
  if (anchor === undefined) throw new RangeError('nothing was anchored')
  return anchor
}

describe('a batch is built of (R19, R20)', () => {
  it('every checkpoint that follows what is anchored, by operator and sequence', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(1, 1), settledOf(0, 1), settledOf(0, 0), settledOf(1, 0))
    const operators = [operatorOf(0).address, operatorOf(1).address].sort()
    const request = proposed(tick(machine))
    expect(places(request?.proposal)).toEqual(
      operators.flatMap((operator) => [
        [operator, 0],
        [operator, 1],
      ]),
    )
    for (const [index, leaf] of request!.proposal.leaves.entries()) {
      const proof = leafProofOf(request!.proposal.leaves, index)
      expect(
        verifyMerkleProof('checkpoint', request!.proposal.batch.checkpointsRoot, index, leafDigest(leaf), proof),
      ).toBe(true)
    }
  })

  it('nothing behind a gap, until what is missing comes', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0), settledOf(0, 2), settledOf(1, 1))
    expect(places(proposed(tick(machine))?.proposal)).toEqual([[operatorOf(0).address, 0]])
    settle(machine, settledOf(0, 1))
    const later = proposed(tick(machine, NOW + 10_000))
    expect(places(later?.proposal).map(([, sequence]) => sequence)).toEqual([0, 1, 2])
    expect(machine.waiting).toBe(4)
  })

  it('one of two checkpoints an operator signed for one sequence, and the other is forgotten with it', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0), settledOf(0, 0, { change: { totalFee: 7n } }), settledOf(0, 1))
    const { signed } = anchoring(machine)
    expect(places(signed)).toEqual([
      [operatorOf(0).address, 0],
      [operatorOf(0).address, 1],
    ])
    machine.handle({ type: 'anchored', batch: signed })
    expect(machine.waiting).toBe(0)
  })

  it('no more than the limit, fairly among operators', () => {
    const machine = settlerMachine()
    for (let sequence = 0; sequence < PARAMETERS.batchCheckpoints + 5; sequence += 1)
      settle(machine, settledOf(0, sequence, { count: 1 }))
    settle(machine, settledOf(1, 0), settledOf(2, 0))
    const leaves = places(proposed(tick(machine))?.proposal)
    expect(leaves).toHaveLength(PARAMETERS.batchCheckpoints)
    for (const index of [1, 2]) expect(leaves).toContainEqual([operatorOf(index).address, 0])
  })

  it('nothing at all when nothing waits', () => {
    expect(tick(settlerMachine())).toEqual([])
  })

  it('undecided checkpoints as they are, and the certificate once it comes', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0, { undecided: true }))
    expect(proposed(tick(machine))?.proposal.leaves[0]).toMatchObject({ accepted: 0n, rejected: 0n, acceptedFee: 0n })
    const certified = settledOf(0, 0)
    expect(machine.handle({ type: 'settled', settled: certified })).toEqual([
      { type: 'persist', entries: [{ kind: 'settled', settled: certified }] },
    ])
    expect(proposed(tick(machine, NOW + 10_000))?.proposal.leaves[0]).toMatchObject({ accepted: 3n })
    expect(machine.handle({ type: 'settled', settled: settledOf(0, 0, { undecided: true }) })).toEqual([])
  })
})

describe('a settled checkpoint', () => {
  it('is stored once (R27)', () => {
    const machine = settlerMachine()
    const settled = settledOf(0, 0)
    expect(machine.handle({ type: 'settled', settled })).toEqual([
      { type: 'persist', entries: [{ kind: 'settled', settled }] },
    ])
    expect(machine.handle({ type: 'settled', settled })).toEqual([])
  })

  it('that is anchored already is not taken again', () => {
    const machine = settlerMachine()
    machine.handle({ type: 'restored', settled: [], signed: [], nextSequences: new Map([[operatorOf(0).address, 3]]) })
    for (const sequence of [0, 2])
      expect(machine.handle({ type: 'settled', settled: settledOf(0, sequence) })).toEqual([])
    settle(machine, settledOf(0, 3))
    expect(machine.waiting).toBe(1)
  })
})

describe('the turn of a settler (R19)', () => {
  const settlers = [0, 1, 2].map((index) => settlerOf(index).address)
  const tip: ChainTip = { ...GENESIS, number: 4, digest: settledOf(0, 0).digest, anchoredAt: NOW }
  const order = settlerOrder(settlers, tip.digest, 5)
  const machineAt = (position: number): SettlerMachine => {
    const index = settlers.indexOf(order[position] as Address)
    const machine = settlerMachine(index)
    settle(machine, settledOf(0, 0))
    return machine
  }
  const at = (machine: SettlerMachine, now: number, who = settlers): boolean =>
    machine.handle({ type: 'tick', now, context: contextOf(tip, THREE.seats, who) }).length > 0

  it.each([0, 1, 2])('at place %i comes after the interval and its delays, then stays', (position) => {
    const due = NOW + PARAMETERS.batchInterval + position * PARAMETERS.settlerDelay
    expect(at(machineAt(position), due - 1)).toBe(false)
    expect(at(machineAt(position), due)).toBe(true)
    expect(at(machineAt(position), due + 1_000_000)).toBe(true)
  })

  it('comes at once, but for the delays, when a batch is full', () => {
    for (const position of [0, 1]) {
      const machine = machineAt(position)
      for (let sequence = 1; sequence < PARAMETERS.batchCheckpoints; sequence += 1)
        settle(machine, settledOf(0, sequence, { count: 1 }))
      expect(at(machine, NOW + position * PARAMETERS.settlerDelay - 1)).toBe(false)
      expect(at(machine, NOW + position * PARAMETERS.settlerDelay)).toBe(true)
    }
  })

  it('never comes for who is not staked', () => {
    expect(at(machineAt(0), NOW + 1_000_000, [settlerOf(7).address])).toBe(false)
  })

  it('is drawn anew for each number', () => {
    const orders = new Set(Array.from({ length: 20 }, (_, number) => settlerOrder(settlers, tip.digest, number).join()))
    expect(orders.size).toBeGreaterThan(2)
  })
})

describe('a quorum (R13)', () => {
  const cases: readonly (readonly [string, readonly bigint[], readonly number[], boolean])[] = [
    ['exactly two thirds', [1n, 1n, 1n], [1, 2], false],
    ['all', [1n, 1n, 1n], [1, 2, 3], true],
    ['one above two thirds', [334n, 333n, 333n], [1, 2], true],
    ['one below two thirds', [333n, 333n, 334n], [1, 2], false],
    ['one heavy seat', [10n, 1n, 1n], [1], true],
    ['many light seats', [10n, 1n, 1n], [2, 3], false],
  ]
  it.each(cases)('is more than two thirds of the weight: %s', (_, weights, seats, anchors) => {
    const set = signersOf(weights)
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const request = proposed(tick(machine, NOW, GENESIS, set))!
    const effects = seats.flatMap((seat) =>
      machine.handle({ type: 'signature', digest: request.digest, seat, signature: set.sign(seat, request.digest) }),
    )
    expect(typed(effects, 'anchor')).toHaveLength(anchors ? 1 : 0)
  })

  it('counts a seat once', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const { digest } = proposed(tick(machine))!
    expect(quorum(machine, digest, [1, 1, 1, 2, 2])).toEqual([])
  })

  it.each([
    ['a seat outside the set', (digest: Digest) => ({ digest, seat: 9, signature: THREE.sign(1, digest) })],
    ['another signer on the seat', (digest: Digest) => ({ digest, seat: 3, signature: THREE.sign(1, digest) })],
    ['another batch', (digest: Digest) => ({ digest, seat: 3, signature: THREE.sign(3, settledOf(0, 0).digest) })],
    [
      'another proposal',
      (digest: Digest) => ({ digest: settledOf(0, 0).digest, seat: 3, signature: THREE.sign(3, digest) }),
    ],
    ['no signature', (digest: Digest) => ({ digest, seat: 3, signature: '0x' as const })],
  ])('counts nothing for %s', (_, forge) => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const { digest } = proposed(tick(machine))!
    quorum(machine, digest, [1, 2])
    expect(machine.handle({ type: 'signature', ...forge(digest) })).toEqual([])
    expect(typed(quorum(machine, digest, [3]), 'anchor')).toHaveLength(1)
  })

  it('is asked for with the settler’s own signature, which stays with the batch (R19, R21)', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const request = proposed(tick(machine))!
    const { settlerSignature } = request.proposal
    expect(settlerProblem(DOMAIN, crypto, request.proposal)).toBeUndefined()
    const effects = quorum(machine, request.digest)
    const [entry] = typed(effects, 'persist')[0]!.entries
    expect(entry).toMatchObject({ kind: 'signed-batch', signed: { settlerSignature } })
    expect(typed(effects, 'anchor')[0]?.signed.settlerSignature).toBe(settlerSignature)
    const { settlerSignature: _, ...shown } = typed(effects, 'anchor')[0]!.signed
    const [kept] = typed(machine.handle({ type: 'anchored', batch: shown }), 'persist')
    expect(kept?.entries).toMatchObject([{ signed: { settlerSignature, signatures: shown.signatures } }])
  })

  it('is stored before the batch is anchored, with its signatures by seat (R27)', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const { digest } = proposed(tick(machine))!
    const effects = quorum(machine, digest, [3, 1, 2])
    expect(effects.map(({ type }) => type)).toEqual(['persist', 'anchor'])
    const signed = typed(effects, 'anchor')[0]?.signed as SignedBatch
    expect(effects[0]).toEqual({ type: 'persist', entries: [{ kind: 'signed-batch', signed, digest }] })
    expect(signed.signatures.map(({ seat }) => seat)).toEqual([1, 2, 3])
    expect(quorum(machine, digest)).toEqual([])
  })
})

describe('a proposal', () => {
  it('is asked about once while it is young', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    tick(machine)
    expect(tick(machine, NOW + 9_999)).toEqual([])
  })

  it('that found no quorum in time, or was asked of everybody, is built anew', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const first = proposed(tick(machine))!
    const second = proposed(tick(machine, NOW + 10_000))!
    expect(second.digest).not.toBe(first.digest)
    expect(second.proposal.batch.cutoff).toBe(NOW + 10_000)
    expect(quorum(machine, first.digest)).toEqual([])
    machine.handle({ type: 'unsigned', digest: first.digest })
    expect(tick(machine, NOW + 10_001)).toEqual([])
    machine.handle({ type: 'unsigned', digest: second.digest })
    expect(proposed(tick(machine, NOW + 10_002))).toBeDefined()
  })

  it('is not given up once its quorum stands', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const { digest } = anchoring(machine)
    expect(machine.handle({ type: 'unsigned', digest })).toEqual([])
    expect(tick(machine, NOW + 20_000)).toEqual([])
  })

  it('cuts off after the last batch did, whatever this clock says', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const tip = { ...GENESIS, number: 1, digest: settledOf(0, 9).digest, cutoff: NOW + 700 }
    expect(proposed(tick(machine, NOW, tip))?.proposal.batch).toMatchObject({
      number: 2,
      previous: tip.digest,
      cutoff: NOW + 701,
    })
  })

  it('is dropped when a batch anchors what it holds, also under another number', () => {
    const [mine, winner] = [settlerMachine(0), settlerMachine(1)]
    settle(mine, settledOf(0, 0))
    settle(winner, settledOf(0, 0))
    const request = winner.handle({
      type: 'tick',
      now: NOW,
      context: contextOf(GENESIS, THREE.seats, [settlerOf(1).address]),
    })
    const { proposal } = proposed(request)!
    const tip = tipOf(proposal, NOW)
    expect(proposed(tick(mine, NOW + 5_000, tip))).toBeDefined()
    mine.handle({ type: 'anchored', batch: proposal })
    settle(mine, settledOf(0, 1))
    expect(places(proposed(tick(mine, NOW + 5_001, tip))?.proposal)).toEqual([[operatorOf(0).address, 1]])
  })

  it('on a tip the chain no longer has is built anew on the one it has', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const [left, right] = [settledOf(1, 0).digest, settledOf(1, 1).digest]
    tick(machine, NOW, { ...GENESIS, number: 3, digest: left })
    const again = proposed(tick(machine, NOW + 1, { ...GENESIS, number: 3, digest: right }))
    expect(again?.proposal.batch).toMatchObject({ number: 4, previous: right })
  })
})

describe('a lost race (R19)', () => {
  it('costs nothing: the rest is rebuilt on the winner', () => {
    const [mine, winner] = [settlerMachine(0), settlerMachine(1)]
    settle(mine, settledOf(0, 0), settledOf(0, 1))
    settle(winner, settledOf(0, 0))
    const { digest } = proposed(tick(mine))!
    const [request] = typed(
      winner.handle({ type: 'tick', now: NOW, context: contextOf(GENESIS, THREE.seats, [settlerOf(1).address]) }),
      'request-signatures',
    )
    mine.handle({ type: 'anchored', batch: request!.proposal })
    expect(quorum(mine, digest)).toEqual([])
    const next = proposed(tick(mine, NOW + 5_000, tipOf(request!.proposal, NOW)))
    expect(places(next?.proposal)).toEqual([[operatorOf(0).address, 1]])
    expect(next?.proposal.batch).toMatchObject({ number: 2, previous: request!.digest })
  })
})

describe('an anchor', () => {
  it('that reverted is built anew with all it held', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0), settledOf(0, 1))
    const first = anchoring(machine)
    machine.handle({ type: 'anchor-failed', digest: first.digest, reverted: true })
    const again = proposed(tick(machine, NOW + 1))!
    expect(places(again.proposal)).toEqual(places(first.signed))
    expect(again.digest).not.toBe(first.digest)
  })

  it('that failed for now is sent again as it was', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const first = anchoring(machine)
    machine.handle({ type: 'anchor-failed', digest: first.digest, reverted: false })
    expect(tick(machine, NOW + 1)).toEqual([{ ...first, type: 'anchor' }])
    expect(tick(machine, NOW + 2)).toEqual([])
  })

  it('nobody says anything about is sent again after a minute (R22)', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const first = anchoring(machine)
    expect(tick(machine, NOW + 59_999)).toEqual([])
    expect(tick(machine, NOW + 60_000)).toEqual([{ ...first, type: 'anchor' }])
    expect(tick(machine, NOW + 60_001)).toEqual([])
    expect(tick(machine, NOW + 120_000)).toEqual([{ ...first, type: 'anchor' }])
  })

  it('is sent again after a restart, as it was stored (R27)', () => {
    const before = settlerMachine()
    settle(before, settledOf(0, 0))
    const stored = anchoring(before)
    const after = settlerMachine()
    after.handle({ type: 'restored', settled: [settledOf(0, 0)], signed: [stored.signed], nextSequences: none })
    expect(tick(after)).toEqual([{ ...stored, type: 'anchor' }])
    expect(tick(after, NOW + 1)).toEqual([])
  })

  it('is chosen among what was stored by the tip it follows', () => {
    const stored = [settledOf(1, 0).digest, settledOf(1, 1).digest].map((digest) => {
      const machine = settlerMachine()
      settle(machine, settledOf(0, 0))
      return anchoring(machine, NOW, { ...GENESIS, number: 6, digest })
    })
    for (const signed of [stored.map((entry) => entry.signed), stored.map((entry) => entry.signed).toReversed()]) {
      for (const { signed: wanted } of stored) {
        const machine = settlerMachine()
        machine.handle({ type: 'restored', settled: [settledOf(0, 0)], signed, nextSequences: none })
        const [anchor] = typed(tick(machine, NOW, { ...GENESIS, number: 6, digest: wanted.batch.previous }), 'anchor')
        expect(anchor?.signed).toEqual(wanted)
      }
    }
  })

  it('without signatures is no stored quorum: the batch is built anew', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const { signed } = anchoring(machine)
    const after = settlerMachine()
    const bare = { ...signed, signatures: [] }
    after.handle({ type: 'restored', settled: [settledOf(0, 0)], signed: [bare], nextSequences: none })
    expect(tick(after).map(({ type }) => type)).toEqual(['request-signatures'])
  })
})

describe('a reorg (R22)', () => {
  it('takes the anchor back: it is sent again as it was, then the next is built on it', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0), settledOf(0, 1))
    const first = anchoring(machine)
    machine.handle({ type: 'anchored', batch: first.signed })
    expect(machine.waiting).toBe(0)
    machine.handle({ type: 'unanchored', number: 0, nextSequences: none, settled: [settledOf(0, 0), settledOf(0, 1)] })
    expect(machine.waiting).toBe(2)
    expect(tick(machine, NOW + 1)).toEqual([{ ...first, type: 'anchor' }])
    machine.handle({ type: 'anchored', batch: first.signed })
    expect(machine.waiting).toBe(0)
    settle(machine, settledOf(0, 2))
    const next = proposed(tick(machine, NOW + 50_000, tipOf(first.signed, NOW)))
    expect(next?.proposal.batch).toMatchObject({ number: 2, previous: first.digest })
  })

  it('keeps the signatures this node knows when the chain shows the batch without them', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const first = anchoring(machine)
    const stored = machine.handle({ type: 'anchored', batch: { ...first.signed, signatures: [] } })
    expect(stored).toEqual([
      { type: 'persist', entries: [{ kind: 'signed-batch', signed: first.signed, digest: first.digest }] },
    ])
    machine.handle({ type: 'unanchored', number: 0, nextSequences: none, settled: [settledOf(0, 0)] })
    expect(tick(machine, NOW + 1)).toEqual([{ ...first, type: 'anchor' }])
  })

  it('of a batch whose quorum this node never saw is rebuilt', () => {
    const machine = settlerMachine()
    settle(machine, settledOf(0, 0))
    const { proposal } = proposed(tick(machine))!
    machine.handle({ type: 'anchored', batch: proposal })
    machine.handle({ type: 'unanchored', number: 0, nextSequences: none, settled: [settledOf(0, 0)] })
    expect(places(proposed(tick(machine, NOW + 1))?.proposal)).toEqual([[operatorOf(0).address, 0]])
  })

  it('that puts another batch in the place leaves the one it took back alone', () => {
    const [mine, winner] = [settlerMachine(0), settlerMachine(1)]
    settle(mine, settledOf(0, 0), settledOf(1, 0))
    settle(winner, settledOf(0, 0))
    const first = anchoring(mine)
    mine.handle({ type: 'anchored', batch: first.signed })
    const { proposal } = proposed(
      winner.handle({ type: 'tick', now: NOW, context: contextOf(GENESIS, THREE.seats, [settlerOf(1).address]) }),
    )!
    mine.handle({ type: 'unanchored', number: 0, nextSequences: none, settled: [settledOf(0, 0), settledOf(1, 0)] })
    mine.handle({ type: 'anchored', batch: proposal })
    const next = proposed(tick(mine, NOW + 5_000, tipOf(proposal, NOW)))
    expect(places(next?.proposal)).toEqual([[operatorOf(1).address, 0]])
  })
})
