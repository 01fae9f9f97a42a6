import type { ClaimRow, Digest } from '../protocol/index.ts'
import type { ClaimCandidate } from './ports.ts'

/** Why and since when a row is not sent. */
interface Held {
  readonly code: string
  readonly amount: bigint
  readonly totalClaimed: bigint
  readonly balance: bigint
  readonly at: number
}

/** A row is tried again after this all the same: its cause may be one that nothing here shows, ms. */
const RETRY_MS = 60 * 60 * 1_000

/** Rows the contract refuses. One that has another voucher, or whose channel holds another sum, has lost its cause. */
export class Quarantine {
  readonly #held = new Map<Digest, Held>()

  get size(): number {
    return this.#held.size
  }

  put({ voucher, totalClaimed }: ClaimRow, cause: Pick<Held, 'code' | 'balance' | 'at'>): void {
    this.#held.set(voucher.channel, { ...cause, amount: voucher.amount, totalClaimed })
  }

  holds({ voucher, totalClaimed }: ClaimRow, balance: bigint, now: number): boolean {
    const held = this.#held.get(voucher.channel)
    if (held === undefined) return false
    const isSame = held.amount === voucher.amount && held.totalClaimed === totalClaimed && held.balance === balance
    if (isSame && now - held.at < RETRY_MS) return true
    this.#held.delete(voucher.channel)
    return false
  }

  /** Forgets rows of which nothing is to be claimed any more. */
  keep(candidates: readonly ClaimCandidate[]): void {
    if (this.#held.size === 0) return
    const wanted = new Set(candidates.map(({ row }) => row.voucher.channel))
    for (const channel of this.#held.keys()) if (!wanted.has(channel)) this.#held.delete(channel)
  }
}
