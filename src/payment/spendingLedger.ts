import { type Address, type Digest, fail, ok, type Result } from '../protocol/index.ts'
import { type SpendingError, spendingError } from './errors.ts'
import { budgetOf, type SpendingPolicy } from './policy.ts'

const DAY_MS = 86_400_000

/** What a payment asks for before it is made. */
export interface SpendingRequest {
  /** Names the payment for good: a job id, or the digest of what is bought. */
  readonly id: Digest
  readonly token: Address
  /** The voucher key, or the wallet itself where it pays directly. */
  readonly key: Address
  /** The most it may take, wei. */
  readonly amount: bigint
  /** Ms since 1970; its UTC day is charged. */
  readonly at: number
}

/** One payment in the book. */
export interface Spending extends SpendingRequest {
  /** Wei; undefined while it is only reserved. */
  readonly spent: bigint | undefined
}

export interface SpendingTotals {
  /** Spent in the day, and spent in the key's life, wei. */
  readonly daySpent: bigint
  readonly keySpent: bigint
  /** Set aside for what is not settled yet. */
  readonly dayReserved: bigint
  readonly keyReserved: bigint
}

/** What the budgets still allow, wei. */
export interface BudgetLeft {
  readonly perJob: bigint
  /** Of the UTC day, and of the key's life. */
  readonly day: bigint
  readonly key: bigint
}

/** What is spent of one day and one key, as it is stored. */
export interface SpentTotals {
  readonly day: number
  readonly daySpent: bigint
  readonly keySpent: bigint
}

interface Account {
  reserved: bigint
  spent: bigint
}

export const dayOf = (at: number): number => Math.floor(at / DAY_MS)

/**
 * The budgets of one wallet, pure: for every token, day and key, what is spent and what is reserved never pass what
 * the policy allows. Each method that refuses has changed nothing.
 */
export class SpendingLedger {
  readonly #policy: SpendingPolicy
  readonly #spendings = new Map<Digest, Spending>()
  readonly #days = new Map<string, Account>()
  readonly #keys = new Map<string, Account>()

  constructor(policy: SpendingPolicy) {
    this.#policy = policy
  }

  get(id: Digest): Spending | undefined {
    return this.#spendings.get(id)
  }

  /** Takes over what a store holds of a day or a key. */
  restoreDay(token: Address, day: number, spent: bigint): void {
    this.#day(token, day).spent = spent
  }

  restoreKey(token: Address, key: Address, spent: bigint): void {
    this.#key(token, key).spent = spent
  }

  /** Takes over a stored payment; a reserved one counts whatever the policy says by now. */
  restore(spending: Spending): void {
    this.#spendings.set(spending.id, spending)
    if (spending.spent === undefined) this.#setAside(spending, spending.amount)
  }

  /** Drops a settled payment from memory; its totals stay. */
  forget(id: Digest): void {
    this.#spendings.delete(id)
  }

  /** True when the payment is new; false when the very same one is in the book already. */
  reserve(request: SpendingRequest): Result<boolean, SpendingError> {
    const present = this.#spendings.get(request.id)
    if (present !== undefined) return sameAs(present, request)
    const allowed = this.check(request)
    if (!allowed.ok) return allowed
    const spending = { ...request, spent: undefined }
    this.#spendings.set(request.id, spending)
    this.#setAside(spending, request.amount)
    return ok(true)
  }

  /** Whether a new payment would be allowed; sets nothing aside. */
  check({ token, key, amount, at }: Omit<SpendingRequest, 'id'>): Result<void, SpendingError> {
    if (amount <= 0n) return fail(spendingError('amount-invalid', 'an amount above 0', `${amount}`))
    const budget = budgetOf(this.#policy, token)
    if (!budget.ok) return budget
    const { perJob, perDay, perKey } = budget.value
    if (amount > perJob) {
      return fail(spendingError('over-job-budget', `at most ${perJob} wei`, `${amount} wei`, 'a job'))
    }
    const [day, life] = [this.#day(token, dayOf(at)), this.#key(token, key)]
    const wouldDay = day.spent + day.reserved + amount
    if (wouldDay > perDay) {
      return fail(spendingError('over-day-budget', `at most ${perDay} wei`, `${wouldDay} wei`, 'a UTC day'))
    }
    const wouldKey = life.spent + life.reserved + amount
    if (wouldKey > perKey) {
      return fail(spendingError('over-key-budget', `at most ${perKey} wei`, `${wouldKey} wei`, 'a voucher key'))
    }
    return ok(undefined)
  }

  /** What a new payment may still take. SpendingError `asset-refused`. */
  left(token: Address, key: Address, at: number): Result<BudgetLeft, SpendingError> {
    const budget = budgetOf(this.#policy, token)
    if (!budget.ok) return budget
    const { perJob, perDay, perKey } = budget.value
    const rest = (most: bigint, { spent, reserved }: Account): bigint =>
      most > spent + reserved ? most - spent - reserved : 0n
    return ok({ perJob, day: rest(perDay, this.#day(token, dayOf(at))), key: rest(perKey, this.#key(token, key)) })
  }

  /** True when it is settled now; false when it was, at the same amount. */
  settle(id: Digest, spent: bigint): Result<boolean, SpendingError> {
    const spending = this.#spendings.get(id)
    if (spending === undefined) return unknown(id)
    if (spending.spent !== undefined) {
      if (spending.spent === spent) return ok(false)
      return fail(spendingError('reservation-conflict', `${spending.spent} wei, as settled before`, `${spent} wei`))
    }
    if (spent < 0n) return fail(spendingError('amount-invalid', 'an amount of at least 0', `${spent}`))
    if (spent > spending.amount) {
      return fail(spendingError('over-reservation', `at most ${spending.amount} wei`, `${spent} wei`))
    }
    this.#setAside(spending, -spending.amount)
    for (const account of this.#accounts(spending)) account.spent += spent
    this.#spendings.set(id, { ...spending, spent })
    return ok(true)
  }

  /** True when something was set free; false when nothing was reserved under the id. What is spent stays so. */
  release(id: Digest): Result<boolean, SpendingError> {
    const spending = this.#spendings.get(id)
    if (spending === undefined) return ok(false)
    if (spending.spent !== undefined) {
      return fail(
        spendingError('reservation-conflict', 'a payment that is only reserved', `${spending.spent} wei spent`),
      )
    }
    this.#spendings.delete(id)
    this.#setAside(spending, -spending.amount)
    return ok(true)
  }

  totals(token: Address, key: Address, at: number): SpendingTotals {
    const [day, life] = [this.#day(token, dayOf(at)), this.#key(token, key)]
    return { daySpent: day.spent, keySpent: life.spent, dayReserved: day.reserved, keyReserved: life.reserved }
  }

  /** The totals in which a payment counts. */
  spentWith({ token, key, at }: Spending): SpentTotals {
    return { day: dayOf(at), daySpent: this.#day(token, dayOf(at)).spent, keySpent: this.#key(token, key).spent }
  }

  #setAside(spending: SpendingRequest, amount: bigint): void {
    for (const account of this.#accounts(spending)) account.reserved += amount
  }

  #accounts({ token, key, at }: SpendingRequest): readonly Account[] {
    return [this.#day(token, dayOf(at)), this.#key(token, key)]
  }

  #day(token: Address, day: number): Account {
    return accountAt(this.#days, `${token} ${day}`)
  }

  #key(token: Address, key: Address): Account {
    return accountAt(this.#keys, `${token} ${key}`)
  }
}

function accountAt(accounts: Map<string, Account>, name: string): Account {
  const present = accounts.get(name)
  if (present !== undefined) return present
  const account = { reserved: 0n, spent: 0n }
  accounts.set(name, account)
  return account
}

function sameAs(present: Spending, { id, token, key, amount }: SpendingRequest): Result<boolean, SpendingError> {
  if (present.token === token && present.key === key && present.amount === amount) return ok(false)
  const words = (each: SpendingRequest): string => `${each.amount} wei of ${each.token} by ${each.key}`
  return fail(
    spendingError('reservation-conflict', words(present), words({ id, token, key, amount, at: 0 }), `payment ${id}`),
  )
}

const unknown = (id: Digest): Result<never, SpendingError> =>
  fail(spendingError('reservation-unknown', 'a payment that was reserved', id))
