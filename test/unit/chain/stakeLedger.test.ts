import { describe, expect, it } from 'vitest'
import { type StakeEvent, StakeLedger } from '../../../src/chain/stakeLedger.ts'
import type { Address, Digest } from '../../../src/protocol/index.ts'

const ALICE: Address = `0x${'0a'.repeat(20)}`
const BOB: Address = `0x${'0b'.repeat(20)}`
const OWNER: Address = `0x${'cc'.repeat(20)}`
const CAROL: Address = `0x${'0c'.repeat(20)}`
const CASE: Digest = `0x${'ca'.repeat(32)}`
const VERIFIER = 2
const PROVIDER = 1

const staked = (operator: Address, amount: bigint, countsFrom: number, role = VERIFIER): StakeEvent => ({
  type: 'staked',
  operator,
  role,
  amount,
  countsFrom,
})
const unstaked = (operator: Address, amount: bigint): StakeEvent => ({
  type: 'unstaked',
  operator,
  role: VERIFIER,
  amount,
})

const seized = (operator: Address, amount: bigint): StakeEvent => ({
  type: 'seized',
  key: CASE,
  operator,
  role: VERIFIER,
  amount,
})

function ledgerOf(...events: StakeEvent[]): StakeLedger {
  const ledger = new StakeLedger((role) => (role === VERIFIER ? 2n : 0n))
  for (const operator of [BOB, ALICE]) ledger.apply({ type: 'registered', operator, owner: OWNER })
  for (const event of events) ledger.apply(event)
  return ledger
}

const weights = (ledger: StakeLedger, epoch: number): readonly (readonly [Address, bigint])[] =>
  ledger.matured(VERIFIER, epoch).map(({ operator, weight }) => [operator, weight] as const)

describe('stakes from events', () => {
  it('count from the epoch the event names, by address', () => {
    const ledger = ledgerOf(staked(BOB, 5n, 2), staked(ALICE, 3n, 2), staked(BOB, 2n, 3))
    expect(weights(ledger, 1)).toEqual([])
    expect(weights(ledger, 2)).toEqual([
      [ALICE, 3n],
      [BOB, 5n],
    ])
    expect(weights(ledger, 3)).toEqual([
      [ALICE, 3n],
      [BOB, 7n],
    ])
    expect(ledger.matured(VERIFIER, 2)[0]?.owner).toBe(OWNER)
  })

  it('keeps roles apart', () => {
    const ledger = ledgerOf(staked(ALICE, 3n, 2, PROVIDER))
    expect(weights(ledger, 2)).toEqual([])
    expect(ledger.matured(PROVIDER, 2)).toHaveLength(1)
  })

  it('leave weight at once, the newest first', () => {
    const ledger = ledgerOf(staked(ALICE, 5n, 2), staked(ALICE, 4n, 3), unstaked(ALICE, 6n))
    expect(weights(ledger, 2)).toEqual([[ALICE, 3n]])
    expect(weights(ledger, 3)).toEqual([[ALICE, 3n]])
    ledger.apply(unstaked(ALICE, 3n))
    expect(weights(ledger, 3)).toEqual([])
  })

  it('count no more once frozen', () => {
    expect(weights(ledgerOf(staked(ALICE, 5n, 2), { type: 'frozen', operator: ALICE }), 2)).toEqual([])
  })

  it('count only from the minimum of the role on', () => {
    const ledger = ledgerOf(staked(ALICE, 5n, 2), seized(ALICE, 4n), staked(BOB, 5n, 2), seized(BOB, 3n))
    expect(weights(ledger, 2)).toEqual([[BOB, 2n]])
  })

  it('move to a new key with their maturity, and count again where the old one was frozen', () => {
    const ledger = ledgerOf(staked(ALICE, 5n, 2), staked(ALICE, 4n, 3), { type: 'frozen', operator: ALICE })
    ledger.apply({ type: 'registered', operator: CAROL, owner: OWNER })
    ledger.apply({ type: 'rotated', from: ALICE, to: CAROL })
    expect(weights(ledger, 2)).toEqual([[CAROL, 5n]])
    expect(weights(ledger, 3)).toEqual([[CAROL, 9n]])
  })

  it('are seized newest first, of what is unbonding nothing, and come back at once, to the key of now', () => {
    const ledger = ledgerOf(staked(ALICE, 5n, 2), staked(ALICE, 4n, 3), seized(ALICE, 6n))
    expect(weights(ledger, 3)).toEqual([[ALICE, 3n]])
    ledger.apply({ type: 'registered', operator: BOB, owner: OWNER })
    ledger.apply({ type: 'rotated', from: ALICE, to: BOB })
    ledger.apply({ type: 'registered', operator: CAROL, owner: OWNER })
    ledger.apply({ type: 'rotated', from: BOB, to: CAROL })
    ledger.apply({ type: 'returned', key: CASE, amount: 6n })
    expect(weights(ledger, 0)).toEqual([[CAROL, 6n]])
    expect(weights(ledger, 2)).toEqual([[CAROL, 9n]])

    const leaving = ledgerOf(staked(ALICE, 5n, 2), unstaked(ALICE, 4n), seized(ALICE, 5n))
    expect(weights(leaving, 2)).toEqual([])
  })

  it('refuse a history that cannot be', () => {
    const ledger = ledgerOf(staked(ALICE, 5n, 2))
    expect(() => ledger.apply(unstaked(ALICE, 6n))).toThrow(RangeError)
    expect(() => ledger.apply({ type: 'returned', key: CASE, amount: 1n })).toThrow(RangeError)
  })
})
