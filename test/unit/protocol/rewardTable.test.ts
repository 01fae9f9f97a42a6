import { describe, expect, it } from 'vitest'
import {
  type Address,
  MAX_REWARD_ROWS,
  parseRewardTable,
  type RewardTable,
  rewardDigest,
  rewardProof,
  rewardRoot,
  verifyMerkleProof,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'

const account = (index: number): Address => `0x${index.toString(16).padStart(40, '0')}`
const tableOf = (count: number): RewardTable => ({
  epoch: 7,
  rows: Array.from({ length: count }, (_, index) => ({ account: account(index + 1), cumulative: BigInt(index) * 5n })),
})
const jsonOf = ({ epoch, rows }: RewardTable) => ({
  version: 1,
  epoch,
  rows: rows.map((row) => ({ account: row.account, cumulative: `${row.cumulative}` })),
})
const fieldOf = (value: unknown): string => {
  const parsed = parseRewardTable(value)
  if (parsed.ok) throw new Error('expected a refusal')
  const { detail } = parsed.error
  return detail.code === 'reward-table-malformed' ? detail.field : detail.code
}

describe('a reward table', () => {
  it('has a root over its rows, under which each is proved at its own index and nowhere else', () => {
    for (const count of [1, 2, 3, 8, 21]) {
      const table = tableOf(count)
      const root = rewardRoot(table)
      for (const [index, row] of table.rows.entries()) {
        const proof = rewardProof(table, row.account)
        expect(proof).toMatchObject({ ...row, index })
        const path = proof?.proof ?? []
        expect(verifyMerkleProof('reward', root, index, rewardDigest(row), path)).toBe(true)
        expect(verifyMerkleProof('reward', root, index + 1, rewardDigest(row), path)).toBe(false)
        const more = rewardDigest({ ...row, cumulative: row.cumulative + 1n })
        expect(verifyMerkleProof('reward', root, index, more, path)).toBe(false)
      }
    }
  })

  it('has another root when an amount, an account or the order changes', () => {
    const { epoch, rows } = tableOf(3)
    const [first, second, third] = rows as [RewardTable['rows'][0], RewardTable['rows'][0], RewardTable['rows'][0]]
    const roots = [
      rows,
      [second, first, third],
      [{ ...first, cumulative: 1n }, second, third],
      [{ ...first, account: account(99) }, second, third],
      [first, second],
    ].map((changed) => rewardRoot({ epoch, rows: changed }))
    expect(new Set(roots).size).toBe(roots.length)
  })

  it('proves nothing for who is not in it, and is worth zero when empty', () => {
    expect(rewardProof(tableOf(3), account(4))).toBeUndefined()
    expect(rewardRoot(tableOf(0))).toBe(ZERO_DIGEST)
  })
})

describe('the file of a reward table', () => {
  it('is read as it was written, addresses in any case', () => {
    const table = tableOf(20)
    expect(parseRewardTable(jsonOf(table))).toEqual({ ok: true, value: table })
    const shouting = { ...jsonOf(table), rows: [{ account: `0x${'AB'.repeat(20)}`, cumulative: '3' }] }
    const parsed = parseRewardTable(shouting)
    expect(parsed.ok && parsed.value.rows).toEqual([{ account: `0x${'ab'.repeat(20)}`, cumulative: 3n }])
    expect(parseRewardTable({ version: 1, epoch: 0, rows: [] })).toEqual({ ok: true, value: { epoch: 0, rows: [] } })
  })

  it('is refused at the first thing that is not as it should be', () => {
    const good = jsonOf(tableOf(2))
    const [first, second] = good.rows as [(typeof good.rows)[0], (typeof good.rows)[0]]
    const rows = (...changed: unknown[]) => fieldOf({ ...good, rows: changed })
    expect([null, [], 'x', 7, {}, { ...good, version: 2 }].map(fieldOf)).toEqual(Array(6).fill('version'))
    expect(fieldOf({ ...good, total: '1' })).toBe('total')
    expect([-1, 1.5, '7', 2 ** 53].map((epoch) => fieldOf({ ...good, epoch }))).toEqual(Array(4).fill('epoch'))
    expect(fieldOf({ ...good, rows: {} })).toBe('rows')
    expect(rows(first, null)).toBe('rows.1')
    expect(rows({ account: first.account })).toBe('rows.0')
    expect(rows({ ...first, note: '' })).toBe('rows.0')
    expect(rows({ ...first, account: '0x12' })).toBe('rows.0.account')
    expect(rows(second, first)).toBe('rows.1.account')
    expect(rows(first, first)).toBe('rows.1.account')
  })

  it('takes every amount of 128 bits, as decimal digits alone', () => {
    const [row] = jsonOf(tableOf(1)).rows
    const read = (cumulative: unknown) => parseRewardTable({ version: 1, epoch: 1, rows: [{ ...row, cumulative }] })
    expect(read(`${2n ** 128n - 1n}`).ok).toBe(true)
    for (const wrong of [`${2n ** 128n}`, '01', '-1', '1.0', '0x1', '', ' 1', 1, null]) {
      expect([wrong, read(wrong).ok]).toEqual([wrong, false])
    }
  })

  it('has at most as many rows as a network may have accounts', () => {
    expect(parseRewardTable(jsonOf(tableOf(MAX_REWARD_ROWS))).ok).toBe(true)
    expect(fieldOf(jsonOf(tableOf(MAX_REWARD_ROWS + 1)))).toBe('reward-table-too-long')
  })
})
