import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import type { Clock, Digest } from '../protocol/index.ts'
import { MAX_GROUP_BYTES, MAX_GROUP_WRITES, MAX_VALUE_BYTES, SCHEMA_VERSION, SLOW_COMMIT_MS } from './constants.ts'
import { corrupt, fromLevel, StoreError } from './errors.ts'
import type {
  Entry,
  ImportedHistory,
  Range,
  Signed,
  SigningKind,
  Store,
  StoreInit,
  StoreLogger,
  Write,
} from './interface.ts'
import {
  afterPrefix,
  decodeKey,
  decodeUint,
  encodeKey,
  encodeUint,
  encodeWholeKey,
  type Key,
  TABLE_NAMES,
  type Table,
} from './layout.ts'
import { readHistory, readSigned, signingKey, signingValue, writeHistory } from './signingHistory.ts'

type Database = Level<Uint8Array, Uint8Array>
type Sublevel = ReturnType<typeof sublevelOf>

const BINARY = { keyEncoding: 'view', valueEncoding: 'view' } as const
const sublevelOf = (database: Database, table: Table) => database.sublevel<Uint8Array, Uint8Array>(table, BINARY)

const SCHEMA_KEY: Key<'meta'> = ['schema']

/** One put or delete, in bytes. */
interface Operation {
  readonly table: Table
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
  readonly guard: Guard | undefined
}

/** Throws when the bytes that are there forbid the write; false when it is not needed. */
type Guard = (present: Uint8Array | undefined) => boolean

interface Commit {
  readonly operations: readonly Operation[]
  readonly bytes: number
  resolve(): void
  reject(error: StoreError): void
}

interface Accepted {
  readonly commits: Commit[]
  readonly operations: Operation[]
}

/**
 * Opens the store in `directory`, which is created (mode 0700) when it is not there. Rejects with StoreError `store-locked |
 * store-corrupt | store-newer | store-failed`.
 */
export async function openStore(directory: string, init: StoreInit): Promise<Store> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await assertWhole(directory)
  const database: Database = new Level(directory, BINARY)
  try {
    await database.open()
    const store = new LevelStore(database, directory, init)
    await store.checkSchema()
    return store
  } catch (thrown) {
    await database.close()
    throw thrown instanceof StoreError ? thrown : fromLevel(thrown, directory)
  }
}

/** LevelDB would start afresh beside the data when CURRENT is gone, and a node that forgot what it signed is dangerous. */
async function assertWhole(directory: string): Promise<void> {
  const files = await readdir(directory)
  if (!files.includes('CURRENT')) {
    if (files.some((name) => /\.(ldb|log)$|^MANIFEST-/.test(name))) throw corrupt('CURRENT is missing beside data')
    return
  }
  const manifest = (await readFile(join(directory, 'CURRENT'), 'utf8')).trimEnd()
  if (!files.includes(manifest)) throw corrupt('CURRENT names a file that is not there')
}

/** LevelDB hands out Buffers, whose `slice` shares memory where that of Uint8Array copies. */
const plain = (buffer: Uint8Array): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)

class LevelStore implements Store {
  readonly #database: Database
  readonly #directory: string
  readonly #clock: Clock
  readonly #logger: StoreLogger
  readonly #tables: { readonly [T in Table]: Sublevel }
  #waiting: Commit[] = []
  #flushing: Promise<void> | undefined
  #failed: StoreError | undefined
  #closed = false

  constructor(database: Database, directory: string, init: StoreInit) {
    this.#database = database
    this.#directory = directory
    this.#clock = init.clock
    this.#logger = init.logger
    const tables = TABLE_NAMES.map((name) => [name, sublevelOf(database, name)] as const)
    this.#tables = Object.fromEntries(tables) as { readonly [T in Table]: Sublevel }
  }

  async checkSchema(): Promise<void> {
    const value = await this.get('meta', SCHEMA_KEY)
    if (value === undefined) {
      for await (const _ of this.#database.keys({ limit: 1 })) throw corrupt('there is data without a schema version')
      await this.commit([{ type: 'put', table: 'meta', key: SCHEMA_KEY, value: encodeUint(SCHEMA_VERSION, 4) }])
      this.#logger.info({ room: 'store', schema: SCHEMA_VERSION }, 'store created')
      return
    }
    const version = value.length === 4 ? decodeUint(value) : 0
    if (version > SCHEMA_VERSION) {
      const detail = { code: 'store-newer', version, supported: SCHEMA_VERSION } as const
      throw new StoreError(
        detail,
        `expected schema ${SCHEMA_VERSION}, the store has ${version}; run the version that wrote it`,
      )
    }
    if (version !== SCHEMA_VERSION) throw corrupt(`schema version ${version} never existed`)
  }

  async commit(writes: readonly Write[]): Promise<void> {
    await this.#submit(writes.map(toOperation))
  }

  #submit(operations: readonly Operation[]): Promise<void> {
    this.#assertOpen()
    if (this.#failed !== undefined) throw this.#failed
    const bytes = operations.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ operations, bytes, resolve, reject })
    this.#flushing ??= this.#flush()
    return promise
  }

  /** One synced batch after the other, each with all that waited while the one before was written. */
  async #flush(): Promise<void> {
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      const accepted = this.#applyGuards(group)
      try {
        await this.#write(accepted.operations)
        for (const commit of accepted.commits) commit.resolve()
      } catch (thrown) {
        this.#fail(fromLevel(thrown, this.#directory), accepted.commits)
      }
    }
    this.#flushing = undefined
  }

  #takeGroup(): Commit[] {
    let writes = 0
    let bytes = 0
    let count = 0
    for (const commit of this.#waiting) {
      writes += commit.operations.length
      bytes += commit.bytes
      if (count > 0 && (writes > MAX_GROUP_WRITES || bytes > MAX_GROUP_BYTES)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  /** Drops the commits whose guards refuse, seeing what earlier commits of the group are about to write. */
  #applyGuards(group: readonly Commit[]): Accepted {
    const pending = new Map<string, Uint8Array | undefined>()
    const accepted: Accepted = { commits: [], operations: [] }
    for (const commit of group) {
      try {
        const own = new Map<string, Uint8Array | undefined>()
        const needed = commit.operations.filter((operation) => {
          const name = nameOf(operation)
          if (operation.guard !== undefined) {
            const newest = [own, pending].find((writes) => writes.has(name))
            const present = newest ? newest.get(name) : this.#tables[operation.table].getSync(operation.key)
            if (!operation.guard(present)) return false
          }
          own.set(name, operation.value)
          return true
        })
        for (const [name, value] of own) pending.set(name, value)
        accepted.operations.push(...needed)
        accepted.commits.push(commit)
      } catch (thrown) {
        commit.reject(thrown instanceof StoreError ? thrown : fromLevel(thrown, this.#directory))
      }
    }
    return accepted
  }

  async #write(operations: readonly Operation[]): Promise<void> {
    const start = this.#clock()
    await this.#database.batch(
      operations.map(({ table, key, value }) => {
        const sublevel = this.#tables[table]
        return value === undefined ? { type: 'del', sublevel, key } : { type: 'put', sublevel, key, value }
      }),
      { sync: true, ...BINARY },
    )
    const took = this.#clock() - start
    if (took > SLOW_COMMIT_MS) this.#logger.warn({ room: 'store', ms: took, writes: operations.length }, 'slow commit')
  }

  #fail(error: StoreError, commits: readonly Commit[]): void {
    this.#failed = error
    this.#logger.error({ room: 'store', code: error.code }, 'a commit failed; nothing more is written')
    for (const commit of [...commits, ...this.#waiting]) commit.reject(error)
    this.#waiting = []
  }

  async get<T extends Table>(table: T, key: Key<T>): Promise<Uint8Array | undefined> {
    this.#assertOpen()
    const bytes = encodeWholeKey(table, key)
    try {
      const value = await this.#tables[table].get(bytes)
      return value && plain(value)
    } catch (thrown) {
      throw fromLevel(thrown, this.#directory)
    }
  }

  has<T extends Table>(table: T, key: Key<T>): boolean {
    this.#assertOpen()
    const bytes = encodeWholeKey(table, key)
    try {
      return this.#tables[table].getSync(bytes) !== undefined
    } catch (thrown) {
      throw fromLevel(thrown, this.#directory)
    }
  }

  iterate<T extends Table>(table: T, range: Range<T> = {}): AsyncIterable<Entry<T>> {
    this.#assertOpen()
    return this.#entries(table, this.#tables[table].iterator({ ...bounds(table, range), ...BINARY }))
  }

  async *#entries<T extends Table>(
    table: T,
    iterator: AsyncIterable<[Uint8Array, Uint8Array]>,
  ): AsyncGenerator<Entry<T>> {
    try {
      for await (const [key, value] of iterator) yield { key: decodeKey(table, key), value: plain(value) }
    } catch (thrown) {
      throw thrown instanceof StoreError ? thrown : fromLevel(thrown, this.#directory)
    }
  }

  async lastSigned(kind: SigningKind, scope: Digest): Promise<Signed | undefined> {
    const key = signingKey(kind, scope)
    const value = await this.get('signing', key)
    return value === undefined ? undefined : readSigned(key, value)
  }

  async exportSigningHistory(): Promise<Uint8Array> {
    const entries: Signed[] = []
    for await (const { key, value } of this.iterate('signing')) entries.push(readSigned(key, value))
    return writeHistory(entries, this.#clock())
  }

  async importSigningHistory(bytes: Uint8Array): Promise<ImportedHistory> {
    const entries = readHistory(bytes)
    const conflicts: Signed[] = []
    let raised = 0
    const operations = entries.map((entry): Operation => {
      const guard: Guard = (present) => {
        const last = present && readSigned(signingKey(entry.kind, entry.scope), present)
        if (last?.sequence === entry.sequence && last.digest !== entry.digest) conflicts.push(entry)
        if (last !== undefined && entry.sequence <= last.sequence) return false
        raised += 1
        return true
      }
      return { ...toOperation({ type: 'sign', ...entry }), guard }
    })
    await this.#submit(operations)
    if (conflicts.length > 0) {
      this.#logger.error({ room: 'store', conflicts: conflicts.length }, 'another node has signed with this key')
    }
    return { raised, kept: entries.length - raised, conflicts }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#flushing
    await this.#database.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError({ code: 'store-closed' }, 'expected an open store; it was closed')
  }
}

function toOperation(write: Write): Operation {
  if (write.type === 'sign') {
    const { kind, scope, sequence, digest } = write
    return {
      table: 'signing',
      key: encodeWholeKey('signing', signingKey(kind, scope)),
      value: signingValue(sequence, digest),
      guard: (present) => mayRaise(write, present),
    }
  }
  const { table } = write
  const key = encodeWholeKey(table, write.key)
  if (write.type === 'delete') return { table, key, value: undefined, guard: undefined }
  const { value } = write
  if (value.length > MAX_VALUE_BYTES) {
    const detail = { code: 'too-large', limit: MAX_VALUE_BYTES, got: value.length } as const
    throw new StoreError(detail, `${table}: expected a value of at most ${MAX_VALUE_BYTES} bytes, got ${value.length}`)
  }
  if (write.type === 'put') return { table, key, value, guard: undefined }
  const guard: Guard = (present) => {
    if (present === undefined) return true
    if (Buffer.compare(present, value) === 0) return false
    throw new StoreError({ code: 'key-taken', table }, `${table}: expected a free key, another value is there`)
  }
  return { table, key, value, guard }
}

/** R27: refuses to sign at or below; the very same signature may be given again. */
function mayRaise({ kind, scope, sequence, digest }: Signed, present: Uint8Array | undefined): boolean {
  if (present === undefined) return true
  const last = readSigned(signingKey(kind, scope), present)
  if (sequence > last.sequence) return true
  if (sequence === last.sequence && digest === last.digest) return false
  const detail = { code: 'signed-before', kind, sequence, last: last.sequence } as const
  throw new StoreError(
    detail,
    `${kind}: expected a sequence above ${last.sequence}, got ${sequence}; never sign it again`,
  )
}

const nameOf = ({ table, key }: Operation): string => `${table}:${Buffer.from(key).toString('latin1')}`

interface Bounds {
  gte?: Uint8Array
  lt?: Uint8Array
  reverse?: boolean
  limit?: number
}

/** The tighter of prefix and range on either side. */
function bounds<T extends Table>(table: T, range: Range<T>): Bounds {
  const prefix = encodeKey(table, range.prefix ?? [])
  const lows = [prefix, encodeKey(table, range.gte ?? [])].sort(Buffer.compare)
  const after = afterPrefix(prefix)
  const highs = [after, range.lt && encodeKey(table, range.lt)]
    .filter((bound) => bound !== undefined)
    .sort(Buffer.compare)
  const bounded: Bounds = { gte: lows[1] as Uint8Array }
  if (highs[0] !== undefined) bounded.lt = highs[0]
  if (range.reverse !== undefined) bounded.reverse = range.reverse
  if (range.limit !== undefined) bounded.limit = range.limit
  return bounded
}
