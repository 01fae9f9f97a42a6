import { describe, expect, test } from 'vitest'
import { createConfig, parseConfig } from '../../../src/node/index.ts'
import { budgetOf, checkDeposit, checkHost, spendingPolicyOf } from '../../../src/payment/index.ts'
import type { Address } from '../../../src/protocol/index.ts'

const OPG: Address = `0x${'01'.repeat(20)}`
const USDC: Address = `0x${'02'.repeat(20)}`

describe('policy of a wallet', () => {
  test('without a section OPG alone may be spent, a little of it', () => {
    const policy = spendingPolicyOf(createConfig().payments, OPG)
    expect([...policy.budgets.keys()]).toEqual([OPG])
    expect(policy.budgets.get(OPG)?.perJob).toBe(10n ** 18n)
    const refused = budgetOf(policy, USDC)
    expect(refused.ok ? undefined : refused.error.detail).toEqual({
      code: 'asset-refused',
      expected: `one of ${OPG}`,
      got: USDC,
    })
  })

  test('another token is named by its address, whatever the case of its digits', () => {
    const { payments } = createConfig({
      payments: { assets: [{ asset: USDC.toUpperCase().replace('0X', '0x'), perJob: '7' }] },
    })
    const policy = spendingPolicyOf(payments, OPG)
    expect([...policy.budgets.keys()]).toEqual([USDC])
    expect(policy.budgets.get(USDC)?.perJob).toBe(7n)
  })

  test.each([
    ['an amount with a point', { assets: [{ asset: 'OPG', perJob: '1.5' }] }, 'payments.assets.0.perJob'],
    ['an unknown asset', { assets: [{ asset: 'USDC' }] }, 'payments.assets.0.asset'],
    ['an asset twice', { assets: [{ asset: 'OPG' }, { asset: 'OPG' }] }, 'payments.assets'],
    [
      'a first deposit above the most',
      { assets: [{ asset: 'OPG', maxDeposit: '1' }] },
      'payments.assets.0.firstDeposit',
    ],
    ['a host with a path', { hosts: ['example.com/x'] }, 'payments.hosts.0'],
  ])('%s is refused with its place', (_, payments, field) => {
    const parsed = parseConfig(JSON.stringify({ version: 1, payments }))
    expect(parsed.ok ? undefined : parsed.error.detail).toMatchObject({ code: 'config-invalid', field })
  })

  test.each([
    ['api.example.com', 'api.example.com', true],
    ['api.example.com', 'API.example.com', true],
    ['api.example.com', 'example.com', false],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'badexample.com', false],
    ['127.0.0.1:8080', '127.0.0.1:8080', true],
    ['127.0.0.1:8080', '127.0.0.1', false],
  ])('%s allows %s: %s', (allowed, given, expected) => {
    const policy = spendingPolicyOf(createConfig({ payments: { hosts: [allowed] } }).payments, OPG)
    expect(checkHost(policy, given).ok).toBe(expected)
  })

  test('a deposit counts with what the channel holds', () => {
    const budget = spendingPolicyOf(createConfig().payments, OPG).budgets.get(OPG)!
    expect(checkDeposit(budget, budget.maxDeposit - 1n, 1n).ok).toBe(true)
    const refused = checkDeposit(budget, budget.maxDeposit, 1n)
    expect(refused.ok ? undefined : refused.error.code).toBe('over-deposit-budget')
  })
})
