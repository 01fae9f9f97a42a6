import { z } from 'zod'
import { type Address, type Digest, isAddress, isDigest, ok, type Result } from '../protocol/index.ts'
import type { Store, Write } from '../store/index.ts'
import { type SpendingError, spendingError } from './errors.ts'
import type { SpendingPolicy } from './policy.ts'
import {
  type BudgetLeft,
  type Spending,
  SpendingLedger,
  type SpendingRequest,
  type SpendingTotals,
} from './spendingLedger.ts'

/** Settled payments that stay in memory; older ones are looked up. */
const MAX_REMEMBERED = 4_096

export type BookResult = Result<void, SpendingError>

/**
 * The budgets of one wallet, kept over crashes (R27): what a method has answered is on disk. All methods are idempotent
 * by id. A process that dies between `reserve` and `settle` leaves the amount reserved: money that may have been spent
 * counts as spent until somebody knows better.
 */
export interface SpendingBook {
  /**
   * Sets an amount aside before it is paid; the same payment again changes nothing. `alongside` is called once the budgets
   * allow it: its writes are in the same commit.
   */
  reserve(request: SpendingRequest, alongside?: () => readonly Write[]): Promise<BookResult>
  /** Says what a reserved payment took in the end; the rest is free again. */
  settle(id: Digest, spent: bigint, alongside?: readonly Write[]): Promise<BookResult>
  /** Sets a payment free that was not made. An unknown id is no fault. */
  release(id: Digest, alongside?: readonly Write[]): Promise<BookResult>
  /** Of the UTC day of `at`, ms, and of the key's life. */
  totals(token: Address, key: Address, at: number): SpendingTotals
  /** Whether a new payment would be allowed; sets nothing aside. */
  check(request: Omit<SpendingRequest, 'id'>): Result<void, SpendingError>
  /** What a new payment may still take. SpendingError `asset-refused`. */
  left(token: Address, key: Address, at: number): Result<BudgetLeft, SpendingError>
  /** A payment by its id, if it is reserved or settled. */
  find(id: Digest): Promise<Spending | undefined>
  /** What no one has settled or released, oldest first: payments of a process that died among them. */
  open(): readonly Spending[]
}

const amount = z.string().regex(/^[0-9]{1,39}$/)
const record = z.strictObject({
  token: z.custom<Address>(isAddress),
  key: z.custom<Address>(isAddress),
  amount: amount.transform(BigInt),
  at: z.int().min(0),
  spent: amount.transform(BigInt).optional(),
})

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

const bytesOf = ({ token, key, amount: most, at, spent }: Spending): Uint8Array =>
  encoder.encode(
    JSON.stringify({ token, key, amount: `${most}`, at, ...(spent === undefined ? {} : { spent: `${spent}` }) }),
  )

const amountBytes = (value: bigint): Uint8Array => encoder.encode(`${value}`)

/** Throws SpendingError `spending-malformed`: a book that cannot be read allows nothing. */
function readSpending(id: Digest, bytes: Uint8Array): Spending {
  const parsed = record.safeParse(JSON.parse(decoder.decode(bytes)))
  if (!parsed.success) throw malformed(`payment ${id}`)
  const { spent, ...rest } = parsed.data
  return { id, ...rest, spent }
}

function readAmount(bytes: Uint8Array, what: string): bigint {
  const text = decoder.decode(bytes)
  if (!amount.safeParse(text).success) throw malformed(what)
  return BigInt(text)
}

const malformed = (what: string): SpendingError =>
  spendingError('spending-malformed', 'a record of this version', what, 'the book of spendings')

/** Reads the book in `store`. Throws SpendingError `spending-malformed` or StoreError. */
export async function openSpendingBook(store: Store, policy: SpendingPolicy): Promise<SpendingBook> {
  const ledger = new SpendingLedger(policy)
  for await (const { key, value } of store.iterate('spentDays')) {
    ledger.restoreDay(key[0], key[1], readAmount(value, 'the total of a day'))
  }
  for await (const { key, value } of store.iterate('spentKeys')) {
    ledger.restoreKey(key[0], key[1], readAmount(value, 'the total of a key'))
  }
  const reserved = new Map<Digest, Spending>()
  for await (const { key, value } of store.iterate('setAside')) {
    const spending = readSpending(key[0], value)
    ledger.restore(spending)
    reserved.set(spending.id, spending)
  }
  return new StoredBook(store, ledger, reserved)
}

/** Memory is changed at once and the store after it, in the same order: what is read back never allows more. */
class StoredBook implements SpendingBook {
  readonly #store: Store
  readonly #ledger: SpendingLedger
  readonly #open: Map<Digest, Spending>
  readonly #settled: Digest[] = []
  #stored: Promise<void> = Promise.resolve()

  constructor(store: Store, ledger: SpendingLedger, open: Map<Digest, Spending>) {
    this.#store = store
    this.#ledger = ledger
    this.#open = open
  }

  async reserve(request: SpendingRequest, alongside: () => readonly Write[] = () => []): Promise<BookResult> {
    if (!isDigest(request.id) || !isAddress(request.token) || !isAddress(request.key)) {
      throw new TypeError('expected a digest and two lower-case addresses')
    }
    await this.#load(request.id)
    const reserved = this.#ledger.reserve(request)
    if (!reserved.ok) return reserved
    const writes = alongside()
    if (!reserved.value) return await this.#whenStored(writes)
    const spending = this.#ledger.get(request.id) as Spending
    this.#open.set(request.id, spending)
    const put: Write = { type: 'put', table: 'setAside', key: [request.id], value: bytesOf(spending) }
    return await this.#commit([put, ...writes])
  }

  async settle(id: Digest, spent: bigint, alongside: readonly Write[] = []): Promise<BookResult> {
    if (this.#ledger.get(id) === undefined) await this.#load(id)
    const settled = this.#ledger.settle(id, spent)
    if (!settled.ok) return settled
    if (!settled.value) return await this.#whenStored(alongside)
    const spending = this.#ledger.get(id) as Spending
    const { day, daySpent, keySpent } = this.#ledger.spentWith(spending)
    const { token, key } = spending
    this.#open.delete(id)
    this.#remember(id)
    return await this.#commit([
      { type: 'delete', table: 'setAside', key: [id] },
      { type: 'put', table: 'spendings', key: [id], value: bytesOf(spending) },
      { type: 'put', table: 'spentDays', key: [token, day], value: amountBytes(daySpent) },
      { type: 'put', table: 'spentKeys', key: [token, key], value: amountBytes(keySpent) },
      ...alongside,
    ])
  }

  async release(id: Digest, alongside: readonly Write[] = []): Promise<BookResult> {
    if (this.#ledger.get(id) === undefined) await this.#load(id)
    const released = this.#ledger.release(id)
    if (!released.ok) return released
    if (!released.value) return await this.#whenStored(alongside)
    this.#open.delete(id)
    return await this.#commit([{ type: 'delete', table: 'setAside', key: [id] }, ...alongside])
  }

  totals(token: Address, key: Address, at: number): SpendingTotals {
    return this.#ledger.totals(token, key, at)
  }

  check(request: Omit<SpendingRequest, 'id'>): Result<void, SpendingError> {
    return this.#ledger.check(request)
  }

  left(token: Address, key: Address, at: number): Result<BudgetLeft, SpendingError> {
    return this.#ledger.left(token, key, at)
  }

  async find(id: Digest): Promise<Spending | undefined> {
    await this.#load(id)
    return this.#ledger.get(id)
  }

  open(): readonly Spending[] {
    return [...this.#open.values()].sort((left, right) => left.at - right.at)
  }

  /** Brings a settled payment back to mind, so that it is not made twice. */
  async #load(id: Digest): Promise<void> {
    // Of a new payment, as nearly all are, one look without a turn of the event loop tells.
    if (this.#ledger.get(id) !== undefined || !this.#store.has('spendings', [id])) return
    const value = await this.#store.get('spendings', [id])
    if (value === undefined || this.#ledger.get(id) !== undefined) return
    this.#ledger.restore(readSpending(id, value))
    this.#remember(id)
  }

  #remember(id: Digest): void {
    this.#settled.push(id)
    if (this.#settled.length > MAX_REMEMBERED) this.#ledger.forget(this.#settled.shift() as Digest)
  }

  /** A payment that was in the book already may still be on its way to the disk. */
  async #whenStored(writes: readonly Write[]): Promise<BookResult> {
    if (writes.length > 0) return await this.#commit(writes)
    await this.#stored
    return ok(undefined)
  }

  async #commit(writes: readonly Write[]): Promise<BookResult> {
    const stored = this.#store.commit(writes)
    this.#stored = stored
    await stored
    return ok(undefined)
  }
}
