import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openSpendingBook, type SpendingBook, type SpendingPolicy } from '../../../src/payment/index.ts'
import type { Address, Digest } from '../../../src/protocol/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'

const TOKEN: Address = `0x${'01'.repeat(20)}`
const KEY: Address = `0x${'02'.repeat(20)}`
const OTHER_KEY: Address = `0x${'03'.repeat(20)}`
const DAY = 86_400_000
const id = (index: number): Digest => `0x${index.toString(16).padStart(64, '0')}`
const policy: SpendingPolicy = {
  budgets: new Map([[TOKEN, { perJob: 60n, perDay: 100n, perKey: 150n, maxDeposit: 0n, firstDeposit: 0n }]]),
  hosts: undefined,
}
const request = (index: number, amount: bigint, at = 0, key = KEY) => ({ id: id(index), token: TOKEN, key, amount, at })

const places: string[] = []
const stores: Store[] = []
const logger = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function openBook(directory: string): Promise<SpendingBook> {
  const store = await openStore(directory, { clock: Date.now, logger })
  stores.push(store)
  return await openSpendingBook(store, policy)
}

async function place(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-spending-'))
  places.push(directory)
  return directory
}

const closeStores = async (): Promise<void> => {
  for (const store of stores.splice(0)) await store.close()
}

afterEach(async () => {
  await closeStores()
  for (const directory of places.splice(0)) await rm(directory, { recursive: true })
})

const code = (result: Awaited<ReturnType<SpendingBook['reserve']>>): string | undefined =>
  result.ok ? undefined : result.error.code

describe('SpendingBook', () => {
  test('each budget refuses with its own code, what is allowed and what it would come to', async () => {
    const book = await openBook(await place())
    const over = await book.reserve(request(1, 61n))
    expect(over.ok ? undefined : over.error.detail).toEqual({
      code: 'over-job-budget',
      expected: 'at most 60 wei',
      got: '61 wei',
    })
    expect(code(await book.reserve(request(1, 60n)))).toBeUndefined()
    const day = await book.reserve(request(2, 41n))
    expect(day.ok ? undefined : day.error.detail).toEqual({
      code: 'over-day-budget',
      expected: 'at most 100 wei',
      got: '101 wei',
    })
    expect(code(await book.reserve(request(2, 41n, DAY)))).toBeUndefined()
    expect(code(await book.reserve(request(3, 50n, DAY)))).toBe('over-key-budget')
    expect(code(await book.reserve(request(3, 50n, DAY, OTHER_KEY)))).toBeUndefined()
    expect(code(await book.reserve({ ...request(4, 1n), token: KEY }))).toBe('asset-refused')
  })

  test('the same payment again changes nothing; another under its id is refused', async () => {
    const book = await openBook(await place())
    await book.reserve(request(1, 60n))
    expect(code(await book.reserve(request(1, 60n)))).toBeUndefined()
    expect(book.totals(TOKEN, KEY, 0).dayReserved).toBe(60n)
    expect(code(await book.reserve(request(1, 59n)))).toBe('reservation-conflict')
    expect(code(await book.settle(id(1), 61n))).toBe('over-reservation')
    expect(code(await book.settle(id(1), 20n))).toBeUndefined()
    expect(code(await book.settle(id(1), 20n))).toBeUndefined()
    expect(code(await book.settle(id(1), 21n))).toBe('reservation-conflict')
    expect(code(await book.release(id(1)))).toBe('reservation-conflict')
    expect(code(await book.reserve(request(1, 60n)))).toBeUndefined()
    expect(book.totals(TOKEN, KEY, 0)).toEqual({ daySpent: 20n, keySpent: 20n, dayReserved: 0n, keyReserved: 0n })
  })

  test('what was released may be reserved again; what never was cannot be settled', async () => {
    const book = await openBook(await place())
    await book.reserve(request(1, 60n))
    expect(code(await book.release(id(1)))).toBeUndefined()
    expect(code(await book.release(id(1)))).toBeUndefined()
    expect(code(await book.settle(id(1), 1n))).toBe('reservation-unknown')
    expect(code(await book.reserve(request(1, 40n)))).toBeUndefined()
    expect(book.totals(TOKEN, KEY, 0).dayReserved).toBe(40n)
  })

  test('reservations and totals are there after a restart, and still bind (R27)', async () => {
    const directory = await place()
    const book = await openBook(directory)
    await book.reserve(request(1, 60n))
    await book.settle(id(1), 50n)
    await book.reserve(request(2, 40n))
    await closeStores()
    const again = await openBook(directory)
    expect(again.totals(TOKEN, KEY, 0)).toEqual({ daySpent: 50n, keySpent: 50n, dayReserved: 40n, keyReserved: 40n })
    expect(again.open().map((each) => each.id)).toEqual([id(2)])
    expect(code(await again.reserve(request(3, 11n)))).toBe('over-day-budget')
    expect(code(await again.reserve(request(1, 60n)))).toBeUndefined()
    expect((await again.find(id(1)))?.spent).toBe(50n)
    expect(code(await again.settle(id(2), 0n))).toBeUndefined()
    expect(again.open()).toEqual([])
    expect(again.totals(TOKEN, KEY, 0).dayReserved).toBe(0n)
  })

  test('fifty at once share one budget', async () => {
    const book = await openBook(await place())
    const results = await Promise.all(Array.from({ length: 50 }, (_, index) => book.reserve(request(index + 1, 10n))))
    expect(results.filter((result) => result.ok)).toHaveLength(10)
    expect(new Set(results.map(code))).toEqual(new Set([undefined, 'over-day-budget']))
  })
})

describe('what the budgets have left', () => {
  test('counts what is reserved and spent, and asking sets nothing aside', async () => {
    const book = await openBook(await place())
    const left = () => book.left(TOKEN, KEY, 0)
    expect(left()).toEqual({ ok: true, value: { perJob: 60n, day: 100n, key: 150n } })
    const { id: _, ...asked } = request(1, 60n)
    expect([book.check(asked), book.check(asked)]).toMatchObject([{ ok: true }, { ok: true }])
    expect(left()).toEqual({ ok: true, value: { perJob: 60n, day: 100n, key: 150n } })
    await book.reserve(request(1, 60n))
    expect(book.check(asked)).toMatchObject({ ok: false, error: { code: 'over-day-budget' } })
    expect(left()).toEqual({ ok: true, value: { perJob: 60n, day: 40n, key: 90n } })
    await book.settle(id(1), 25n)
    expect(left()).toEqual({ ok: true, value: { perJob: 60n, day: 75n, key: 125n } })
    expect(book.left(TOKEN, KEY, DAY)).toMatchObject({ value: { day: 100n, key: 125n } })
    expect(book.left(KEY, KEY, 0)).toMatchObject({ ok: false, error: { code: 'asset-refused' } })
  })
})
