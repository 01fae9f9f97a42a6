import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createConfig, createLogger, homeAt } from '../../../src/node/index.ts'
import { withSpendingBook } from '../../../src/node/payFetch/spendingStore.ts'
import { spendingPolicyOf } from '../../../src/payment/index.ts'
import type { Address } from '../../../src/protocol/index.ts'

const OPG: Address = `0x${'01'.repeat(20)}`
const places: string[] = []

afterAll(async () => {
  for (const directory of places) await rm(directory, { recursive: true, force: true })
})

async function components() {
  const directory = await mkdtemp(join(tmpdir(), 'opg-book-'))
  places.push(directory)
  const policy = spendingPolicyOf(createConfig().payments, OPG)
  return { home: homeAt(directory), policy, logger: createLogger('fatal') }
}

const id = (index: number): `0x${string}` => `0x${index.toString(16).padStart(64, '0')}`

describe('the book of a home', () => {
  test('is opened by many that start at once, one after the other, and none is lost', async () => {
    for (let round = 0; round < 5; round += 1) {
      const parts = await components()
      await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          withSpendingBook(parts, 60_000, async (book) => {
            await book.reserve({ id: id(index + 1), token: OPG, key: OPG, amount: 1n, at: 0 })
            await book.settle(id(index + 1), 1n)
          }),
        ),
      )
      const { daySpent } = await withSpendingBook(parts, 60_000, async (book) => book.totals(OPG, OPG, 0))
      expect(daySpent).toBe(8n)
    }
  }, 120_000)

  test('that another keeps open is busy', async () => {
    const parts = await components()
    await withSpendingBook(parts, 60_000, async () => {
      await expect(withSpendingBook(parts, 200, async () => undefined)).rejects.toMatchObject({ code: 'wallet-busy' })
    })
  }, 60_000)
})
