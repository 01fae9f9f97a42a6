import type { Address, SeatStake } from '../protocol/index.ts'

/** What StakeManager logs, in the order it logged it. Amounts in wei; `role` is its code. */
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

interface Part {
  readonly countsFrom: number
  amount: bigint
}

/** Stakes recomputed from StakeManager's events: the view's answer for blocks whose state no endpoint keeps. Pure. */
export class StakeLedger {
  readonly #owners = new Map<Address, Address>()
  readonly #frozen = new Set<Address>()
  /** By role, then operator; oldest part first. */
  readonly #parts = new Map<number, Map<Address, Part[]>>()

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
    }
  }

  /** Every operator with stake that counts for `role` in `epoch`, by address. */
  matured(role: number, epoch: number): SeatStake[] {
    const stakes: SeatStake[] = []
    for (const [operator, parts] of this.#parts.get(role) ?? []) {
      if (this.#frozen.has(operator)) continue
      const weight = parts.reduce((sum, part) => (part.countsFrom <= epoch ? sum + part.amount : sum), 0n)
      if (weight > 0n) stakes.push({ operator, owner: this.#ownerOf(operator), weight })
    }
    return stakes.sort(byOperator)
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
