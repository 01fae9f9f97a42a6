import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, it } from 'vitest'
import { openStore, type Store, type Write } from '../../../src/store/index.ts'
import { addressOf, codeOf, collect, digestOf, RecordingLogger, temporaryDirectory, temporaryStore } from './support.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const record = (id: number, ...value: number[]): Write => ({
  type: 'put',
  table: 'records',
  key: [digestOf(id)],
  value: bytes(...value),
})
const init = () => ({ clock: () => 0, logger: new RecordingLogger() })

describe('commit', () => {
  it('keeps what it acknowledged over a restart (R27)', async () => {
    const directory = await temporaryDirectory()
    const first = await openStore(directory, init())
    await first.commit([record(1, 1, 2), { type: 'put', table: 'identity', key: ['grant'], value: bytes(9) }])
    await first.close()
    const second = await temporaryStore(directory)
    expect(await second.get('records', [digestOf(1)])).toEqual(bytes(1, 2))
    expect(await second.get('identity', ['grant'])).toEqual(bytes(9))
    expect(await second.get('records', [digestOf(2)])).toBeUndefined()
  })

  it('applies commits in the order they were made, deletions too', async () => {
    const store = await temporaryStore()
    await Promise.all([
      store.commit([record(1, 1)]),
      store.commit([record(1, 2)]),
      store.commit([{ type: 'delete', table: 'records', key: [digestOf(1)] }]),
      store.commit([record(1, 3), record(2, 4)]),
      store.commit([{ type: 'delete', table: 'records', key: [digestOf(2)] }]),
    ])
    expect(await store.get('records', [digestOf(1)])).toEqual(bytes(3))
    expect(await store.get('records', [digestOf(2)])).toBeUndefined()
  })

  it('keeps tables apart', async () => {
    const store = await temporaryStore()
    await store.commit([record(1, 1), { type: 'put', table: 'grants', key: [digestOf(1)], value: bytes(2) }])
    expect(await store.get('records', [digestOf(1)])).toEqual(bytes(1))
    expect(await store.get('grants', [digestOf(1)])).toEqual(bytes(2))
    expect(await store.get('certificates', [digestOf(1)])).toBeUndefined()
  })

  it('takes nothing of a commit with one bad write, and all of its neighbours', async () => {
    const store = await temporaryStore()
    const bad = { type: 'put', table: 'heads', key: [digestOf(1)], value: bytes(1) } as unknown as Write
    const outcomes = await Promise.all([
      codeOf(store.commit([record(1, 1)])),
      codeOf(store.commit([record(2, 2), bad])),
      codeOf(store.commit([record(3, 3)])),
    ])
    expect(outcomes).toEqual([undefined, 'invalid-key', undefined])
    expect((await collect(store.iterate('records'))).map(({ value }) => [...value])).toEqual([[1], [3]])
  })

  it('refuses values above the limit', async () => {
    const store = await temporaryStore()
    const value = new Uint8Array(32 * 1024 * 1024 + 1)
    expect(await codeOf(store.commit([{ type: 'put', table: 'records', key: [digestOf(1)], value }]))).toBe('too-large')
  })

  it('inserts once: other bytes are refused, the same ones are not (R27)', async () => {
    const store = await temporaryStore()
    const insert = (value: number): Write => ({
      type: 'insert',
      table: 'votes',
      key: [digestOf(1), 0, addressOf(1)],
      value: bytes(value),
    })
    expect(
      await Promise.all([
        codeOf(store.commit([insert(1)])),
        codeOf(store.commit([insert(2), record(1, 1)])),
        codeOf(store.commit([insert(1)])),
      ]),
    ).toEqual([undefined, 'key-taken', undefined])
    expect(await codeOf(store.commit([insert(2)]))).toBe('key-taken')
    expect(await codeOf(store.commit([insert(1)]))).toBeUndefined()
    expect(await store.get('votes', [digestOf(1), 0, addressOf(1)])).toEqual(bytes(1))
    expect(await store.get('records', [digestOf(1)])).toBeUndefined()
  })

  it('lets a refused commit leave no trace for the next in the same group', async () => {
    const store = await temporaryStore()
    const insert = (key: number, value: number): Write => ({
      type: 'insert',
      table: 'records',
      key: [digestOf(key)],
      value: bytes(value),
    })
    await store.commit([insert(1, 1)])
    expect(
      await Promise.all([codeOf(store.commit([insert(2, 1), insert(1, 2)])), codeOf(store.commit([insert(2, 2)]))]),
    ).toEqual(['key-taken', undefined])
    expect(await store.get('records', [digestOf(2)])).toEqual(bytes(2))
  })

  it('writes groups larger than one batch', async () => {
    const store = await temporaryStore()
    await Promise.all(Array.from({ length: 10_000 }, (_, id) => store.commit([record(id, id % 256)])))
    expect(await collect(store.iterate('records'))).toHaveLength(10_000)
  })
})

describe('get', () => {
  it('refuses keys of the wrong case, which would hide an object', async () => {
    const store = await temporaryStore()
    expect(await codeOf(store.get('records', [`0x${'AB'.repeat(32)}`]))).toBe('invalid-key')
  })
})

describe('has', () => {
  it('says at once, from the moment the store is open, what is there and what is not', async () => {
    const directory = await temporaryDirectory()
    const first = await openStore(directory, init())
    expect(first.has('records', [digestOf(1)])).toBe(false)
    await first.commit([record(1, 7)])
    expect(first.has('records', [digestOf(1)])).toBe(true)
    await first.commit([{ type: 'delete', table: 'records', key: [digestOf(1)] }, record(2)])
    expect([1, 2].map((id) => first.has('records', [digestOf(id)]))).toEqual([false, true])
    await first.close()
    expect(() => first.has('records', [digestOf(2)])).toThrow(expect.objectContaining({ code: 'store-closed' }))
    const second = await openStore(directory, init())
    expect(second.has('records', [digestOf(2)])).toBe(true)
    await second.close()
  })
})

describe('iterate', () => {
  const sequences = [0, 1, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 53 - 1]

  async function filled(): Promise<Store> {
    const store = await temporaryStore()
    for (const operator of [1, 2, 255]) {
      for (const sequence of sequences.toReversed()) {
        const value = bytes(operator)
        await store.commit([{ type: 'put', table: 'checkpoints', key: [addressOf(operator), sequence], value }])
      }
    }
    return store
  }

  it('gives sequences in their order', async () => {
    const store = await filled()
    const found = await collect(store.iterate('checkpoints', { prefix: [addressOf(2)] }))
    expect(found.map(({ key }) => key[1])).toEqual(sequences)
    expect(found.every(({ key, value }) => key[0] === addressOf(2) && value[0] === 2)).toBe(true)
  })

  it('gives the latest first when reversed', async () => {
    const store = await filled()
    const [latest] = await collect(store.iterate('checkpoints', { prefix: [addressOf(2)], reverse: true, limit: 1 }))
    expect(latest?.key).toEqual([addressOf(2), 2 ** 53 - 1])
  })

  it('keeps to ranges', async () => {
    const store = await filled()
    const found = await collect(
      store.iterate('checkpoints', { prefix: [addressOf(2)], gte: [addressOf(2), 255], lt: [addressOf(2), 65_536] }),
    )
    expect(found.map(({ key }) => key[1])).toEqual([255, 256, 65_535])
    expect(await collect(store.iterate('checkpoints', { gte: [addressOf(255)] }))).toHaveLength(sequences.length)
    expect(await collect(store.iterate('checkpoints', { lt: [addressOf(2)] }))).toHaveLength(sequences.length)
    expect(await collect(store.iterate('checkpoints', { prefix: [addressOf(3)] }))).toEqual([])
    expect(await collect(store.iterate('checkpoints', { prefix: [addressOf(2)], lt: [addressOf(1)] }))).toEqual([])
  })

  it('sees the moment of the call', async () => {
    const store = await temporaryStore()
    await store.commit([record(1, 1)])
    const iteration = store.iterate('records')
    await store.commit([record(2, 2)])
    expect(await collect(iteration)).toHaveLength(1)
  })

  it('can be left early', async () => {
    const store = await filled()
    for await (const { key } of store.iterate('checkpoints')) {
      expect(key).toEqual([addressOf(1), 0])
      break
    }
    await store.close()
  })
})

describe('openStore', () => {
  it('lets one process at a time in (R27)', async () => {
    const directory = await temporaryDirectory()
    const first = await openStore(directory, init())
    expect(await codeOf(openStore(directory, init()))).toBe('store-locked')
    await first.commit([record(1, 1)])
    await first.close()
    await (await openStore(directory, init())).close()
  })

  it('creates a directory that others cannot read', async () => {
    const directory = join(await temporaryDirectory(), 'a', 'db')
    await temporaryStore(directory)
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
  })

  it('refuses a store of a later version and leaves it as it is', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory, init())
    await store.commit([{ type: 'put', table: 'meta', key: ['schema'], value: bytes(0, 0, 0, 2) }])
    await store.close()
    for (let time = 0; time < 2; time += 1) expect(await codeOf(openStore(directory, init()))).toBe('store-newer')
  })

  it('refuses data that no version wrote', async () => {
    const directory = await temporaryDirectory()
    const level = new Level(directory)
    await level.put('foreign', 'data')
    await level.close()
    expect(await codeOf(openStore(directory, init()))).toBe('store-corrupt')
  })

  it('refuses a store without CURRENT instead of starting afresh', async () => {
    const directory = await temporaryDirectory()
    await (await openStore(directory, init())).close()
    await rm(join(directory, 'CURRENT'))
    expect(await codeOf(openStore(directory, init()))).toBe('store-corrupt')
  })

  it.each([
    ['CURRENT', 'nonsense'],
    ['CURRENT', 'MANIFEST-999999\n'],
    ['MANIFEST', 'nonsense'],
  ])('refuses a damaged %s (%j)', async (name, content) => {
    const directory = await temporaryDirectory()
    await (await openStore(directory, init())).close()
    const file = (await readdir(directory)).find((candidate) => candidate.startsWith(name)) as string
    await writeFile(join(directory, file), content)
    expect(await codeOf(openStore(directory, init()))).toBe('store-corrupt')
  })

  it('says that a table file is damaged when it is read', async () => {
    const directory = await temporaryDirectory()
    const level = new Level<Uint8Array, Uint8Array>(directory, { keyEncoding: 'view', valueEncoding: 'view' })
    await level.open()
    await level.close()
    await rm(directory, { recursive: true })
    const store = await openStore(directory, init())
    const value = crypto.getRandomValues(new Uint8Array(60_000))
    for (let id = 0; id < 200; id += 1)
      await store.commit([{ type: 'put', table: 'records', key: [digestOf(id)], value }])
    await store.close()
    await (await openStore(directory, init())).close()
    for (const name of (await readdir(directory)).filter((file) => file.endsWith('.ldb'))) {
      const content = await readFile(join(directory, name))
      for (let at = 0; at < content.length; at += 3_000) content[at] = (content[at] as number) ^ 0xff
      await writeFile(join(directory, `${name}.tmp`), content)
      await rename(join(directory, `${name}.tmp`), join(directory, name))
    }
    const readAll = async () => {
      const damaged = await openStore(directory, init())
      try {
        await collect(damaged.iterate('records'))
      } finally {
        await damaged.close()
      }
    }
    expect(await codeOf(readAll())).toBe('store-corrupt')
  })
})

describe('close', () => {
  it('waits for what was committed and refuses what comes later', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(directory, init())
    const commits = Array.from({ length: 100 }, (_, id) => store.commit([record(id, 1)]))
    await store.close()
    await store.close()
    await Promise.all(commits)
    expect(await codeOf(store.commit([record(1, 1)]))).toBe('store-closed')
    expect(await codeOf(store.get('records', [digestOf(1)]))).toBe('store-closed')
    expect(() => store.iterate('records')).toThrow()
    expect(await collect((await temporaryStore(directory)).iterate('records'))).toHaveLength(100)
  })
})
