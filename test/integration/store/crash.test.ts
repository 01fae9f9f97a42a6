import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore, type Store } from '../../../src/store/index.ts'

const KILLS = 20
const LONGEST_RUN_MS = 80
const WRITER = join(import.meta.dirname, 'writer.ts')
const quiet = (): void => undefined
const digestOf = (value: number): `0x${string}` => `0x${value.toString(16).padStart(64, '0')}`

/** Runs the writer until a random moment after its first commit, kills it, and returns what it had acknowledged. */
async function writeUntilKilled(directory: string, first: number, afterMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, directory, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
    output += text
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  const lines = output.split('\n')
  return lines.slice(1, -1).map(Number)
}

const TABLES = ['records', 'receipts', 'heads', 'requests'] as const

/** Numbers at or above `first` and the bytes kept under them. */
async function contentsOf(store: Store, table: (typeof TABLES)[number], first: number): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  const range = table === 'receipts' ? { gte: [digestOf(1), first] as const } : { gte: [digestOf(first)] as const }
  for await (const { key, value } of store.iterate(table, range as object)) {
    const number = table === 'receipts' ? (key[1] as number) : Number(BigInt(key[0]))
    found.set(number, `${value.length} of ${value[0]}`)
  }
  return found
}

const expected = (number: number): string => `${200 + (number % 1_000)} of ${number % 251}`

async function verify(directory: string, first: number, acknowledged: readonly number[]): Promise<number> {
  const store = await openStore(directory, { clock: Date.now, logger: { info: quiet, warn: quiet, error: quiet } })
  try {
    const records = await contentsOf(store, 'records', first)
    expect(acknowledged.filter((number) => !records.has(number))).toEqual([])
    for (const [number, content] of records) if (content !== expected(number)) expect(content).toBe(expected(number))
    for (const table of TABLES) {
      const same = await contentsOf(store, table, first)
      expect(same.size, table).toBe(records.size)
      for (const [number, content] of records) if (same.get(number) !== content) expect.fail(`${table} lacks ${number}`)
    }
    const highest = Math.max(first - 1, ...records.keys())
    expect((await store.lastSigned('receipt', digestOf(1)))?.sequence ?? 0).toBe(highest)
    return highest
  } finally {
    await store.close()
  }
}

describe('a store whose process is killed', () => {
  let directory = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opg-crash-'))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it(`holds every acknowledged commit, whole, after each of ${KILLS} kills (R27)`, async () => {
    const acknowledged: number[] = []
    let first = 1
    for (let kill = 0; kill < KILLS; kill += 1) {
      const numbers = await writeUntilKilled(directory, first, Math.random() * LONGEST_RUN_MS)
      acknowledged.push(...numbers)
      first = 1 + (await verify(directory, first, numbers))
    }
    expect(acknowledged.length).toBeGreaterThan(KILLS)
    await verify(directory, 1, acknowledged)
  })
})
