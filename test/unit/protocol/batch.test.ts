import { describe, expect, it } from 'vitest'
import {
  anchorsWith,
  type Batch,
  batchDigest,
  buildBatch,
  certificateRoot,
  checkProposal,
  checkpointsRootOf,
  type Digest,
  forcedInTurn,
  H,
  hashStruct,
  hexToBytes,
  LEAF,
  type Leaf,
  leafDigest,
  leafOrder,
  leafProofOf,
  leavesDataDigest,
  merkleRoot,
  PROPOSAL_REFUSALS,
  type ProposalContext,
  type ProposalRefusal,
  type SettledCheckpoint,
  sha256,
  verifyMerkleProof,
  voteDigest,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import { NOW, PARAMETERS } from '../../support/protocolWorld.ts'
import { operatorOf, settledOf, settlerOf } from '../../support/settlement.ts'
import { DOMAIN } from '../../support/votes.ts'

const CUTOFF = NOW - 100
const LAST = { number: 6, digest: H('test/last'), cutoff: NOW - 5_000 }

const build = (settled: readonly SettledCheckpoint[], change: Partial<Batch> = {}) => {
  const built = buildBatch(DOMAIN, {
    number: LAST.number + 1,
    previous: LAST.digest,
    epoch: 3,
    settler: settlerOf(0).address,
    cutoff: CUTOFF,
    settled,
  })
  return { leaves: built.leaves, batch: { ...built.batch, ...change } }
}

const ordered = (settled: readonly SettledCheckpoint[]): SettledCheckpoint[] =>
  [...settled].sort((a, b) => leafOrder(a.signed.checkpoint, b.signed.checkpoint))

describe('a batch', () => {
  const settled = ordered([
    settledOf(0, 0, { count: 3, accepted: [0, 2], rejected: [1] }),
    settledOf(0, 1, { undecided: true }),
    settledOf(1, 0, { count: 2 }),
    settledOf(2, 5, { count: 1, rejected: [0], accepted: [] }),
  ])
  const { batch, leaves } = build(settled)

  it('has a leaf for each checkpoint by operator, then sequence, whatever the order it came in', () => {
    expect(leaves.map(({ checkpoint }) => checkpoint)).toEqual(settled.map(({ digest }) => digest))
    expect(leaves.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    for (const other of [settled.toReversed(), [...settled.slice(2), ...settled.slice(0, 2)]]) {
      expect(build(other)).toEqual({ batch, leaves })
    }
  })

  it('counts jobs, rejections, accepted fees and work, of accepted receipts alone (R26)', () => {
    expect(batch).toMatchObject({ leaves: 4, jobs: 3 + 2 + 2 + 1, rejected: 2, auditOf: 0, auditsRoot: ZERO_DIGEST })
    expect(batch.acceptedFee).toBe(100n + 102n + 100n + 101n)
    expect(batch.mac).toBe(1_000n + 1_002n + 2_000n + 2_001n)
    expect(batch.acceptedFee).toBe(leaves.reduce((sum, { acceptedFee }) => sum + acceptedFee, 0n))
  })

  it('commits to its leaves and certificates', () => {
    expect(batch.checkpointsRoot).toBe(checkpointsRootOf(leaves))
    expect(batch.votesRoot).toBe(
      merkleRoot(
        'certificate',
        leaves.map(({ certificate }) => certificate),
      ),
    )
    for (const [index, leaf] of leaves.entries()) {
      const proof = leafProofOf(leaves, index)
      expect(verifyMerkleProof('checkpoint', batch.checkpointsRoot, index, leafDigest(leaf), proof)).toBe(true)
    }
  })

  it('is content-addressed by its leaves in order (R21)', () => {
    const bytes = Buffer.concat(leaves.map((leaf) => hexToBytes(hashStruct(LEAF, leaf))))
    expect(batch.data).toBe(sha256(bytes))
    expect(leavesDataDigest(leaves.toReversed())).not.toBe(batch.data)
    expect(leavesDataDigest(leaves.slice(1))).not.toBe(batch.data)
  })

  it('carries the certificate of a decided checkpoint, votes by seat, and zero for an undecided one (R14)', () => {
    const votes = settledOf(0, 0, { voters: [4, 2, 0, 1, 3] }).votes
    const bySeat = [...votes].sort((a, b) => a.vote.seat - b.vote.seat).map(({ vote }) => voteDigest(DOMAIN, vote))
    expect(certificateRoot(DOMAIN, votes)).toBe(merkleRoot('vote', bySeat))
    expect(leaves.filter(({ certificate }) => certificate === ZERO_DIGEST)).toHaveLength(1)
  })

  it('calls slashable only rejections that every rejecting vote recomputed (R16)', () => {
    const slashable = (replayed: readonly number[]): bigint =>
      build([settledOf(0, 0, { count: 3, accepted: [0], rejected: [1, 2], replayed })]).leaves[0]!.slashable
    expect(slashable([])).toBe(0n)
    expect(slashable([0, 1])).toBe(0b010n)
    expect(slashable([1, 2])).toBe(0b110n)
    const [honest, lazy] = [
      settledOf(0, 0, { rejected: [0, 1], replayed: [0] }),
      settledOf(0, 0, { rejected: [0, 1], voters: [5] }),
    ]
    expect(build([{ ...honest, votes: [...honest.votes, ...lazy.votes] }]).leaves[0]!.slashable).toBe(0n)
  })
})

const context = (change: Partial<ProposalContext> = {}): ProposalContext => ({
  domain: DOMAIN,
  now: NOW,
  last: LAST,
  epoch: 3,
  settlerStaked: true,
  maxLeaves: 4,
  futureTolerance: PARAMETERS.futureTolerance,
  signerHold: PARAMETERS.signerHold,
  nextSequence: () => 0,
  held: [],
  forced: [],
  ...change,
})

interface Case {
  readonly settled?: readonly SettledCheckpoint[]
  readonly batch?: Partial<Batch>
  readonly leaves?: (leaves: readonly Leaf[]) => readonly Leaf[]
  readonly context?: Partial<ProposalContext>
}

function check(given: Case = {}): ProposalRefusal | Digest {
  const settled = ordered(given.settled ?? [settledOf(0, 0), settledOf(1, 0)])
  const { batch, leaves } = build(settled, given.batch)
  const result = checkProposal(context(given.context), batch, given.leaves?.(leaves) ?? leaves, settled)
  return result.ok ? result.value : result.error.code
}

const OLD = CUTOFF - PARAMETERS.signerHold
const held = (settled: SettledCheckpoint, since = OLD) => ({ settled, since })
const twoOf = (settled: SettledCheckpoint): SettledCheckpoint => ({ ...settled, accepted: settled.accepted & 1n })

const REFUSED: readonly (readonly [ProposalRefusal, string, Case])[] = [
  ['wrong-number', 'skips a number (R19)', { batch: { number: 8 } }],
  ['wrong-number', 'takes a number that is taken (R19)', { batch: { number: 6 } }],
  ['wrong-previous', 'follows another batch (R19)', { batch: { previous: ZERO_DIGEST } }],
  ['wrong-epoch', 'is of an epoch to come', { batch: { epoch: 4 } }],
  ['wrong-epoch', 'is of an epoch long past', { batch: { epoch: 1 } }],
  [
    'wrong-epoch',
    'is of an epoch before the last batch',
    { batch: { epoch: 2 }, context: { last: { ...LAST, epoch: 3 } } },
  ],
  ['settler-not-staked', 'names a settler without stake (R19)', { context: { settlerStaked: false } }],
  ['cutoff-in-future', 'cuts off in the future', { batch: { cutoff: NOW + PARAMETERS.futureTolerance + 1 } }],
  ['cutoff-regressed', 'cuts off no later than the last', { batch: { cutoff: LAST.cutoff } }],
  ['empty-batch', 'holds nothing', { settled: [] }],
  [
    'too-many-leaves',
    'holds more than the limit',
    { settled: [0, 1, 2, 3, 4].map((sequence) => settledOf(0, sequence)) },
  ],
  ['skipped-sequence', 'starts beyond a gap (R20)', { settled: [settledOf(0, 1)] }],
  ['skipped-sequence', 'has a gap (R20)', { settled: [settledOf(0, 0), settledOf(0, 2)] }],
  ['skipped-sequence', 'repeats what is anchored', { context: { nextSequence: () => 1 } }],
  ['skipped-sequence', 'holds one checkpoint twice', { settled: [settledOf(0, 0), settledOf(0, 0)] }],
  [
    'skipped-sequence',
    'holds two checkpoints of one sequence',
    { settled: [settledOf(0, 0), settledOf(0, 0, { change: { totalFee: 5n } })] },
  ],
  [
    'missing-certified',
    'lacks a certified checkpoint held long enough (R20)',
    { context: { held: [held(settledOf(2, 0))] } },
  ],
  [
    'missing-certified',
    'lacks the certified next of an operator it holds (R20)',
    { context: { held: [held(settledOf(0, 1))] } },
  ],
  [
    'missing-certified',
    'shows a certified checkpoint as undecided (R20)',
    { settled: [settledOf(0, 0, { undecided: true })], context: { held: [held(settledOf(0, 0))] } },
  ],
  [
    'missing-certified',
    'shows part of what is certified without the votes (R20)',
    {
      settled: [{ ...twoOf(settledOf(0, 0)), votes: settledOf(0, 0).votes.slice(0, 3) }],
      context: { held: [held(settledOf(0, 0))] },
    },
  ],
  [
    'missing-certified',
    'shows a certified checkpoint as undecided in a full batch (R20)',
    {
      settled: [settledOf(0, 0, { undecided: true }), ...[0, 1, 2].map((sequence) => settledOf(1, sequence))],
      context: { held: [held(settledOf(0, 0))] },
    },
  ],
  ['missing-forced', 'lacks a forced checkpoint (R20)', { context: { forced: [settledOf(2, 0).digest] } }],
  [
    'bad-certificate',
    'calls undecided what its committee may still decide (R14)',
    {
      settled: [settledOf(0, 0, { undecided: true, change: { createdAt: CUTOFF - 5_000 } })],
      context: { certificateWait: PARAMETERS.certificateWait },
    },
  ],
  [
    'leaf-mismatch',
    'shows another fee in a leaf',
    { leaves: (leaves) => leaves.with(0, { ...leaves[0]!, acceptedFee: 1n }) },
  ],
  [
    'leaf-mismatch',
    'shows other maps in a leaf',
    { leaves: (leaves) => leaves.with(1, { ...leaves[1]!, accepted: 0n }) },
  ],
  ['leaf-mismatch', 'lacks a leaf', { leaves: (leaves) => leaves.slice(0, 1) }],
  ['leaf-mismatch', 'shows its leaves in another order', { leaves: (leaves) => leaves.toReversed() }],
  ['leaf-mismatch', 'shows a leaf that nothing commits to', { leaves: (leaves) => [...leaves, leaves[1]!] }],
  ...(
    [
      'checkpointsRoot',
      'votesRoot',
      'auditsRoot',
      'data',
      'auditOf',
      'jobs',
      'rejected',
      'leaves',
      'acceptedFee',
      'mac',
    ] as const
  ).map((name): readonly [ProposalRefusal, string, Case] => [
    'batch-mismatch',
    `claims another ${name}`,
    {
      batch: {
        [name]:
          typeof build([settledOf(0, 0)]).batch[name] === 'string'
            ? H('test/other')
            : name === 'acceptedFee' || name === 'mac'
              ? 99n
              : 99,
      },
    },
  ]),
]

describe('a signer refuses a proposal', () => {
  it.each(REFUSED)('with %s when it %s', (code, _, given) => {
    expect(check(given)).toBe(code)
  })

  it('with a code of its own for all it can see without peers', () => {
    const elsewhere = ['not-a-signer', 'bad-settler-signature', 'bad-checkpoint', 'receipts-unavailable', 'busy']
    expect(new Set([...REFUSED.map(([code]) => code), ...elsewhere])).toEqual(new Set(PROPOSAL_REFUSALS))
  })
})

describe('a signer signs a proposal', () => {
  const ACCEPTED: readonly (readonly [string, Case])[] = [
    ['that agrees in everything', {}],
    ['of the epoch before, which may have ended under way', { batch: { epoch: 2 } }],
    ['that cuts off at each bound', { batch: { cutoff: NOW + PARAMETERS.futureTolerance } }],
    ['right after the last cut-off', { batch: { cutoff: LAST.cutoff + 1 } }],
    [
      'that goes on where the operator is',
      { settled: [settledOf(0, 7), settledOf(0, 8)], context: { nextSequence: () => 7 } },
    ],
    ['that lacks a checkpoint held too shortly (R20)', { context: { held: [held(settledOf(2, 0), OLD + 1)] } }],
    [
      'that lacks a checkpoint nobody certified (R20)',
      { context: { held: [held(settledOf(2, 0, { undecided: true }))] } },
    ],
    [
      'that lacks a checkpoint behind a gap: its operator must not stop the network',
      { context: { held: [held(settledOf(2, 1))] } },
    ],
    [
      'that holds the other of two an operator signed for one sequence: it must not stop the network',
      { context: { held: [held(settledOf(0, 0, { change: { totalFee: 5n } }))] } },
    ],
    [
      'that lacks what is anchored already',
      {
        context: {
          nextSequence: (operator) => (operator === operatorOf(2).address ? 1 : 0),
          held: [held(settledOf(2, 0))],
        },
      },
    ],
    [
      'that is full, whatever else waits',
      {
        settled: [0, 1, 2, 3].map((sequence) => settledOf(0, sequence)),
        context: { held: [held(settledOf(1, 0))], forced: [settledOf(2, 0).digest] },
      },
    ],
    ['that holds what was forced (R20)', { context: { forced: [settledOf(0, 0).digest] } }],
    [
      'with an undecided checkpoint this signer could not decide either (R20)',
      { settled: [settledOf(0, 0, { undecided: true })] },
    ],
    [
      'with an undecided checkpoint this signer holds certified since a moment ago',
      { settled: [settledOf(0, 0, { undecided: true })], context: { held: [held(settledOf(0, 0), OLD + 1)] } },
    ],
    [
      'with an undecided checkpoint once the wait is over (R14)',
      {
        settled: [settledOf(0, 0, { undecided: true, change: { createdAt: CUTOFF - PARAMETERS.certificateWait } })],
        context: { certificateWait: PARAMETERS.certificateWait },
      },
    ],
  ]
  it.each(ACCEPTED)('%s', (_, given) => {
    const settled = ordered(given.settled ?? [settledOf(0, 0), settledOf(1, 0)])
    expect(check(given)).toBe(batchDigest(DOMAIN, build(settled, given.batch).batch))
  })
})

describe('forced checkpoints (R20)', () => {
  const forced = [settledOf(0, 0), settledOf(0, 1), settledOf(0, 3), settledOf(1, 0)].map(({ digest, signed }) => ({
    digest,
    checkpoint: signed.checkpoint,
  }))

  it('are asked for when they are in the batch or it could go on with them, not behind a gap', () => {
    const asked = (settled: readonly SettledCheckpoint[], next = 0): Digest[] =>
      forcedInTurn(forced, settled, () => next)
    expect(asked([])).toEqual([forced[0]!.digest, forced[3]!.digest])
    expect(asked([settledOf(0, 0)])).toEqual([forced[0]!.digest, forced[1]!.digest, forced[3]!.digest])
    expect(asked([settledOf(1, 0)])).toEqual([forced[0]!.digest, forced[3]!.digest])
    expect(asked([], 3)).toEqual([forced[2]!.digest])
  })
})

describe('the weight that anchors (R13)', () => {
  it.each([
    [0n, 0n, false],
    [2n, 3n, false],
    [3n, 3n, true],
    [66n, 100n, false],
    [67n, 100n, true],
    [2n * 10n ** 30n, 3n * 10n ** 30n, false],
    [2n * 10n ** 30n + 1n, 3n * 10n ** 30n, true],
  ])('is more than two thirds: %i of %i', (signed, total, anchors) => {
    expect(anchorsWith(signed, total)).toBe(anchors)
  })
})
