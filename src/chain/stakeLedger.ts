import type { Address, Digest, SeatStake } from '../protocol/index.ts'

/** What StakeManager logs, in the order it logged it. Amounts in wei; `role` is its code, `key` a seizure's. */
export type StakeEvent =
  | { readonly type: 'registered'; readonly operator: Address; readonly owner: Address }
  | {
      readonly type: 'staked'
      readonly operator: Address
      readonly role: number
      readonly amount: bigint
      readonly countsFrom: number
    }
  | { readonly type: 'unstaked'; readonly operator: Address; readonly role: number; readonly amount: bigint }
  | { readonly type: 'frozen'; readonly operator: Address }
  | { readonly type: 'rotated'; readonly from: Address; readonly to: Address }
  | {
      readonly type: 'seized'
      readonly key: Digest
      readonly operator: Address
      readonly role: number
      readonly amount: bigint
    }
  | { readonly type: 'returned'; readonly key: Digest; readonly amount: bigint }

interface Part {
  readonly countsFrom: number
  amount: bigint
}

interface Seizure {
  readonly operator: Address
  readonly role: number
}

/** Stakes recomputed from StakeManager's events: the view's answer for blocks whose state no endpoint keeps. Pure. */
export class StakeLedger {
  readonly #minimumOf: (role: number) => bigint
  readonly #owners = new Map<Address, Address>()
  readonly #frozen = new Set<Address>()
  readonly #rotated = new Map<Address, Address>()
  readonly #seizures = new Map<Digest, Seizure>()
  /** By role, then operator; oldest part first. */
  readonly #parts = new Map<number, Map<Address, Part[]>>()

  /** `minimumOf` a role: less never counts. */
  constructor(minimumOf: (role: number) => bigint) {
    this.#minimumOf = minimumOf
  }

  apply(event: StakeEvent): void {
    switch (event.type) {
      case 'registered':
        this.#owners.set(event.operator, event.owner)
        break
      case 'staked':
        this.#partsOf(event.role, event.operator).push({ countsFrom: event.countsFrom, amount: event.amount })
        break
      case 'unstaked':
        this.#take(this.#partsOf(event.role, event.operator), event.amount)
        break
      case 'frozen':
        this.#frozen.add(event.operator)
        break
      case 'rotated':
        this.#rotate(event.from, event.to)
        break
      case 'seized':
        this.#seize(event)
        break
      case 'returned':
        this.#return(event)
        break
    }
  }

  /** Every operator with stake that counts for `role` in `epoch`, by address. */
  matured(role: number, epoch: number): SeatStake[] {
    const stakes: SeatStake[] = []
    const minimum = this.#minimumOf(role)
    for (const [operator, parts] of this.#parts.get(role) ?? []) {
      if (this.#frozen.has(operator)) continue
      const weight = parts.reduce((sum, part) => (part.countsFrom <= epoch ? sum + part.amount : sum), 0n)
      if (weight > 0n && weight >= minimum) stakes.push({ operator, owner: this.#ownerOf(operator), weight })
    }
    return stakes.sort(byOperator)
  }

  /** The new key takes all stake with its maturity; the old one, frozen or not, holds none and gets none. */
  #rotate(from: Address, to: Address): void {
    this.#rotated.set(from, to)
    for (const operators of this.#parts.values()) {
      const parts = operators.get(from)
      if (parts === undefined) continue
      operators.delete(from)
      operators.set(to, parts)
    }
  }

  /** What is staked goes first, then what is unbonding, which counts for nothing. */
  #seize({ key, operator, role, amount }: Seizure & { readonly key: Digest; readonly amount: bigint }): void {
    this.#seizures.set(key, { operator, role })
    const parts = this.#partsOf(role, operator)
    const staked = parts.reduce((sum, part) => sum + part.amount, 0n)
    this.#take(parts, amount < staked ? amount : staked)
  }

  /** Counts at once, for the key the operator has now. */
  #return({ key, amount }: { readonly key: Digest; readonly amount: bigint }): void {
    const seizure = this.#seizures.get(key)
    if (seizure === undefined) throw new RangeError(`expected a seizure ${key} before it was returned`)
    if (amount > 0n) this.#partsOf(seizure.role, this.#keyOf(seizure.operator)).unshift({ countsFrom: 0, amount })
  }

  #keyOf(operator: Address): Address {
    let key = operator
    for (let next = this.#rotated.get(key); next !== undefined; next = this.#rotated.get(key)) key = next
    return key
  }

  #ownerOf(operator: Address): Address {
    const owner = this.#owners.get(operator)
    if (owner === undefined) throw new RangeError(`expected ${operator} to be registered before it staked`)
    return owner
  }

  #partsOf(role: number, operator: Address): Part[] {
    const operators = this.#parts.get(role) ?? new Map<Address, Part[]>()
    const parts = operators.get(operator) ?? []
    operators.set(operator, parts)
    this.#parts.set(role, operators)
    return parts
  }

  /** The newest stake leaves first. */
  #take(parts: Part[], amount: bigint): void {
    let rest = amount
    while (rest > 0n) {
      const newest = parts.at(-1)
      if (newest === undefined) throw new RangeError(`expected a stake of at least ${amount}, got ${amount - rest}`)
      if (newest.amount > rest) {
        newest.amount -= rest
        return
      }
      rest -= newest.amount
      parts.pop()
    }
  }
}

export const byOperator = (left: SeatStake, right: SeatStake): number =>
  left.operator < right.operator ? -1 : left.operator > right.operator ? 1 : 0
