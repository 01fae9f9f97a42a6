import { describe, expect, it } from 'vitest'
import {
  type BatchDraft,
  batchDigest,
  buildBatch,
  checkProposal,
  createDomain,
  forcedInTurn,
  leafOrder,
  type ProposalContext,
  type SettledCheckpoint,
  type Signature,
  settlerProblem,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import { NOW } from '../../support/records.ts'
import { crypto, DOMAIN, settledOf, signerOf } from '../../support/settledFixture.ts'
import { highS } from '../../support/signatures.ts'

const SETTLER = signerOf('settler').address
const HOLD = 3_000
const WAIT = 10_000
const TOLERANCE = 2_000
const CUTOFF = NOW + 60_000

const held = (...settled: SettledCheckpoint[]): ProposalContext['held'] =>
  settled.map((each) => ({ settled: each, since: CUTOFF - HOLD }))

/** `signed`, or the code with which a signer refuses a batch of these. */
function verdictOf(
  settled: readonly SettledCheckpoint[],
  context: Partial<ProposalContext> = {},
  draft: Partial<BatchDraft> = {},
): string {
  const ordered = [...settled].sort((a, b) => leafOrder(a.signed.checkpoint, b.signed.checkpoint))
  const built = buildBatch(DOMAIN, {
    number: 1,
    previous: ZERO_DIGEST,
    epoch: 5,
    settler: SETTLER,
    cutoff: CUTOFF,
    settled: ordered,
    ...draft,
  })
  const checked = checkProposal(
    {
      domain: DOMAIN,
      now: CUTOFF,
      last: { number: 0, digest: ZERO_DIGEST, cutoff: 0 },
      epoch: 5,
      settlerStaked: true,
      maxLeaves: 64,
      futureTolerance: TOLERANCE,
      signerHold: HOLD,
      certificateWait: WAIT,
      nextSequence: () => 0,
      held: [],
      forced: [],
      ...context,
    },
    built.batch,
    built.leaves,
    ordered,
  )
  return checked.ok ? 'signed' : checked.error.code
}

const one = settledOf()

describe('what a signer asks of a proposal', () => {
  it('takes the epoch before, as the contract does, but none before the last batch (R13, R19)', () => {
    const last = { number: 0, digest: ZERO_DIGEST, cutoff: 0 }
    expect(verdictOf([one], {}, { epoch: 4 })).toBe('signed')
    expect(verdictOf([one], {}, { epoch: 3 })).toBe('wrong-epoch')
    expect(verdictOf([one], {}, { epoch: 6 })).toBe('wrong-epoch')
    expect(verdictOf([one], { last: { ...last, epoch: 5 } }, { epoch: 4 })).toBe('wrong-epoch')
  })

  it('demands the certified checkpoint that would come next, once it was held long enough (R20)', () => {
    const next = settledOf({ sequence: 1 })
    expect(verdictOf([one], { held: held(one, next) })).toBe('missing-certified')
    expect(verdictOf([one], { held: [{ settled: next, since: CUTOFF - HOLD + 1 }] })).toBe('signed')
    expect(verdictOf([one, next], { held: held(one, next) })).toBe('signed')
  })

  it('demands nothing behind a gap, nothing uncertified, and no rival of a proposed checkpoint (R20)', () => {
    expect(verdictOf([one], { held: held(settledOf({ sequence: 2 })) })).toBe('signed')
    expect(verdictOf([one], { held: held(settledOf({ sequence: 1, voters: 0 })) })).toBe('signed')
    const rival = settledOf({ totalFee: 1n })
    expect(rival.digest).not.toBe(one.digest)
    expect(verdictOf([one], { held: held(rival) })).toBe('signed')
  })

  it('refuses as undecided what a committee may still decide, unless it was forced (R14, R20)', () => {
    const fresh = settledOf({ voters: 0, createdAt: CUTOFF + TOLERANCE - WAIT + 1 })
    expect(verdictOf([fresh])).toBe('bad-certificate')
    expect(verdictOf([fresh], { forced: [fresh.digest] })).toBe('signed')
    expect(verdictOf([settledOf({ voters: 0, createdAt: CUTOFF + TOLERANCE - WAIT })])).toBe('signed')
    expect(verdictOf([settledOf({ voters: 0, createdAt: CUTOFF + TOLERANCE + 1 })])).toBe('signed')
    expect(verdictOf([settledOf({ createdAt: CUTOFF })])).toBe('signed')
  })

  it('refuses a leaf without the votes this signer counted, but not one that shows them all (R14)', () => {
    const stripped = settledOf({ voters: 0, createdAt: NOW })
    const certified = settledOf({ createdAt: NOW })
    expect(stripped.digest).toBe(certified.digest)
    expect(verdictOf([stripped], { held: held(certified) })).toBe('missing-certified')
    const overruled = { ...certified, accepted: 0n }
    expect(verdictOf([overruled], { held: held(certified) })).toBe('signed')
  })

  it('asks for forced checkpoints in their turn: with the batch or right after it (R20)', () => {
    const list = [0, 1, 3].map((sequence) => {
      const { digest, signed } = settledOf({ sequence })
      return { digest, checkpoint: signed.checkpoint }
    })
    expect(forcedInTurn(list, [one], () => 0)).toEqual([list[0]!.digest, list[1]!.digest])
    expect(forcedInTurn(list, [], () => 3)).toEqual([list[2]!.digest])
    const rival = settledOf({ totalFee: 1n })
    expect(forcedInTurn([{ digest: rival.digest, checkpoint: rival.signed.checkpoint }], [one], () => 0)).toEqual([])
    expect(verdictOf([one], { forced: [list[1]!.digest] })).toBe('missing-forced')
  })
})

describe('a settler answers for a batch it names itself in (R19, R21)', () => {
  const { batch } = buildBatch(DOMAIN, {
    number: 1,
    previous: ZERO_DIGEST,
    epoch: 5,
    settler: SETTLER,
    cutoff: CUTOFF,
    settled: [one],
  })
  const own = signerOf('settler').sign(batchDigest(DOMAIN, batch))
  const problemOf = (settlerSignature?: Signature, domain = DOMAIN, of = batch) =>
    settlerProblem(domain, crypto, { batch: of, ...(settlerSignature === undefined ? {} : { settlerSignature }) })

  it('by its own signature of the batch digest', () => {
    expect(problemOf(own)).toBeUndefined()
  })

  it('and by no other: of nobody, another key, another batch, another network, another shape', () => {
    const code = 'bad-settler-signature'
    const expected = `the signature of ${SETTLER}`
    expect(problemOf()).toEqual({ code, expected, got: 'none' })
    const rival = signerOf('verifier').sign(batchDigest(DOMAIN, batch))
    expect(problemOf(rival)).toEqual({ code, expected, got: signerOf('verifier').address })
    const { chainId, verifyingContract, networkId } = DOMAIN
    expect(problemOf(own, createDomain(chainId, verifyingContract, one.digest))?.code).toBe(code)
    expect(problemOf(own, createDomain(chainId + 1, verifyingContract, networkId))?.code).toBe(code)
    expect(problemOf(own, DOMAIN, { ...batch, cutoff: CUTOFF + 1 })?.code).toBe(code)
    expect(problemOf(own, DOMAIN, { ...batch, settler: signerOf('verifier').address })?.code).toBe(code)
    expect(problemOf(highS(own))).toEqual({ code, expected, got: 'no signature' })
    expect(problemOf(own.slice(0, -2) as Signature)).toEqual({ code, expected, got: 'no signature' })
  })
})
