import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Budget, SpendingLedger, type SpendingRequest } from '../../src/payment/index.ts'
import type { Address, Digest } from '../../src/protocol/index.ts'

const address = (index: number): Address => `0x${index.toString(16).padStart(40, '0')}`
const digest = (index: number): Digest => `0x${index.toString(16).padStart(64, '0')}`
const DAY = 86_400_000

const TOKENS = [1, 2].map(address)
const KEYS = [11, 12, 13].map(address)
const budget: Budget = { perJob: 50n, perDay: 120n, perKey: 200n, maxDeposit: 0n, firstDeposit: 0n }

type Step =
  | { readonly type: 'reserve'; readonly request: SpendingRequest }
  | { readonly type: 'settle'; readonly id: Digest; readonly spent: bigint }
  | { readonly type: 'release'; readonly id: Digest }

const ids = fc.integer({ min: 1, max: 24 }).map(digest)
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('reserve' as const),
    request: fc.record({
      id: ids,
      token: fc.constantFrom(...TOKENS),
      key: fc.constantFrom(...KEYS),
      amount: fc.bigInt({ min: -2n, max: 60n }),
      at: fc.integer({ min: 0, max: 3 * DAY }),
    }),
  }),
  fc.record({ type: fc.constant('settle' as const), id: ids, spent: fc.bigInt({ min: -2n, max: 60n }) }),
  fc.record({ type: fc.constant('release' as const), id: ids }),
)

describe('SpendingLedger', () => {
  test('no sequence of reservations, settlements and releases passes a budget, and its totals are the sums', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 120 }), (sequence) => {
        const policy = { budgets: new Map(TOKENS.map((token) => [token, budget])), hosts: undefined }
        const ledger = new SpendingLedger(policy)
        const model = new Map<Digest, SpendingRequest & { spent?: bigint }>()
        for (const step of sequence) {
          if (step.type === 'reserve') {
            const { id } = step.request
            const before = model.has(id)
            const result = ledger.reserve(step.request)
            if (result.ok) {
              expect(result.value).toBe(!before)
              if (!before) model.set(id, step.request)
            }
          } else if (step.type === 'settle') {
            const present = model.get(step.id)
            const result = ledger.settle(step.id, step.spent)
            if (result.ok && result.value && present !== undefined) present.spent = step.spent
            if (present === undefined) expect(result.ok).toBe(false)
          } else {
            const result = ledger.release(step.id)
            if (result.ok && result.value) model.delete(step.id)
          }
          assertTotals(ledger, [...model.values()])
        }
      }),
    )
  })
})

function assertTotals(ledger: SpendingLedger, spendings: readonly (SpendingRequest & { spent?: bigint })[]): void {
  for (const token of TOKENS) {
    for (const key of KEYS) {
      const of = spendings.filter((each) => each.token === token && each.key === key)
      const totals = ledger.totals(token, key, 0)
      expect(totals.keySpent).toBe(sum(of.map(({ spent }) => spent ?? 0n)))
      expect(totals.keyReserved).toBe(sum(of.filter(({ spent }) => spent === undefined).map(({ amount }) => amount)))
      expect(totals.keySpent + totals.keyReserved <= budget.perKey).toBe(true)
    }
    for (const at of [0, DAY, 2 * DAY, 3 * DAY]) {
      const of = spendings.filter((each) => each.token === token && Math.floor(each.at / DAY) === at / DAY)
      const { daySpent, dayReserved } = ledger.totals(token, KEYS[0]!, at)
      expect(daySpent + dayReserved).toBe(sum(of.map(({ spent, amount }) => spent ?? amount)))
      expect(daySpent + dayReserved <= budget.perDay).toBe(true)
    }
  }
  for (const { amount, spent } of spendings) {
    expect(amount <= budget.perJob && (spent ?? 0n) <= amount).toBe(true)
  }
}

const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n)
