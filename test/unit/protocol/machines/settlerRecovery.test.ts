import { describe, expect, it } from 'vitest'
import {
  batchDigest,
  bit,
  type SettledCheckpoint,
  type SettlementContext,
  type SettlerEffect,
  SettlerMachine,
  type SignedBatch,
  ZERO_DIGEST,
} from '../../../../src/protocol/index.ts'
import { NOW, PARAMETERS } from '../../../support/records.ts'
import { crypto, DOMAIN, settledOf, signerOf } from '../../../support/settledFixture.ts'

const SETTLER = signerOf('settler').address
const SIGNERS = [0, 1, 2, 3].map((seat) => ({ seat, operator: signerOf('verifier', seat).address, weight: 10n }))

const machineOf = (batchCheckpoints = PARAMETERS.batchCheckpoints): SettlerMachine =>
  new SettlerMachine({
    domain: DOMAIN,
    crypto,
    parameters: { ...PARAMETERS, batchCheckpoints },
    signer: signerOf('settler'),
  })

const contextOf = (tip: Partial<SettlementContext['tip']> = {}): SettlementContext => ({
  tip: { number: 0, digest: ZERO_DIGEST, cutoff: 0, anchoredAt: 0, ...tip },
  epoch: 1,
  signers: SIGNERS,
  settlers: [SETTLER],
})

const proposalIn = (effects: readonly SettlerEffect[]): SignedBatch | undefined =>
  effects.find((effect) => effect.type === 'request-signatures')?.proposal

const propose = (machine: SettlerMachine, context = contextOf(), now = NOW): SignedBatch => {
  const proposal = proposalIn(machine.handle({ type: 'tick', now, context }))
  if (proposal === undefined) throw new RangeError('nothing was proposed')
  return proposal
}

const settle = (machine: SettlerMachine, ...settled: SettledCheckpoint[]): void => {
  for (const each of settled) machine.handle({ type: 'settled', settled: each })
}

describe('a settler machine', () => {
  it('takes a checkpoint again when late votes decided it (R14)', () => {
    const machine = machineOf()
    settle(machine, settledOf({ voters: 0 }), settledOf(), settledOf({ voters: 0 }))
    expect(propose(machine).leaves.map(({ accepted }) => accepted)).toEqual([bit(0)])
  })

  it('gives every operator its turn when there is more than fits', () => {
    const machine = machineOf(3)
    const many = [0, 1, 2, 3].map((sequence) => settledOf({ sequence }))
    settle(machine, ...many, settledOf({ provider: 1 }), settledOf({ provider: 2 }))
    const operators = propose(machine).leaves.map(({ operator }) => operator)
    expect(new Set(operators).size).toBe(3)
  })

  it('cuts off after the last batch, also when the clock of the chain went back (R19)', () => {
    const machine = machineOf()
    settle(machine, settledOf())
    expect(propose(machine, contextOf({ cutoff: NOW + 500 })).batch.cutoff).toBe(NOW + 501)
  })

  it('builds anew as soon as it is known that no quorum comes, and never drops one that did (R19)', () => {
    const machine = machineOf()
    settle(machine, settledOf())
    const first = propose(machine)
    const digest = batchDigest(DOMAIN, first.batch)
    expect(proposalIn(machine.handle({ type: 'tick', now: NOW + 1, context: contextOf() }))).toBeUndefined()
    machine.handle({ type: 'unsigned', digest })
    const second = propose(machine, contextOf(), NOW + 2)
    const again = batchDigest(DOMAIN, second.batch)
    for (const { seat } of SIGNERS.slice(0, 3)) {
      machine.handle({ type: 'signature', digest: again, seat, signature: signerOf('verifier', seat).sign(again) })
    }
    machine.handle({ type: 'unsigned', digest: again })
    expect(machine.handle({ type: 'tick', now: NOW + 3, context: contextOf() })).toEqual([])
  })

  it('sends no batch again of which it has no signatures, and builds it anew instead (R22)', () => {
    const machine = machineOf()
    const one = settledOf()
    settle(machine, one)
    const proposal = propose(machine)
    machine.handle({ type: 'anchored', batch: { ...proposal, signatures: [] } })
    expect(machine.waiting).toBe(0)
    machine.handle({ type: 'unanchored', number: 0, nextSequences: new Map(), settled: [one] })
    const effects = machine.handle({ type: 'tick', now: NOW + 5_000, context: contextOf() })
    expect(effects.map(({ type }) => type)).toEqual(['request-signatures'])
  })

  it('forgets a rival of an anchored checkpoint', () => {
    const machine = machineOf()
    settle(machine, settledOf(), settledOf({ totalFee: 1n }))
    machine.handle({ type: 'anchored', batch: propose(machine) })
    expect(machine.waiting).toBe(0)
  })
})
