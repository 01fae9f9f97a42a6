import type { DepositAuthorization } from '../../payment/index.ts'
import type { Digest } from '../../protocol/index.ts'

/** A deposit that was signed and that no block shows yet: its provider may bring it until it expires. */
export interface OpenDeposit {
  readonly amount: bigint
  readonly authorization: DepositAuthorization
  /** What the channel held when it was signed, with all that was out then. */
  readonly before: bigint
}

/** A chain whose clock is behind ours may take an authorization so much later, s. */
const CLOCK_SLACK = 60n
/** A provider brings none that is over sooner than this, s. */
const REUSABLE = 60n

/**
 * Deposits of this process that are out. A provider that does not bring what it was given gets the same again: another one
 * would let it bring both, and lock up more than a channel may hold.
 */
export class OpenDeposits {
  readonly #open = new Map<Digest, readonly OpenDeposit[]>()

  add(channel: Digest, deposit: OpenDeposit): void {
    this.#open.set(channel, [...(this.#open.get(channel) ?? []), deposit])
  }

  /** Those that may still be brought, where the channel holds `balance`; the others are forgotten. `now` in s. */
  live(channel: Digest, balance: bigint, now: bigint): readonly OpenDeposit[] {
    const live = (this.#open.get(channel) ?? []).filter(
      ({ amount, authorization, before }) => balance < before + amount && now < endOf(authorization) + CLOCK_SLACK,
    )
    if (live.length === 0) this.#open.delete(channel)
    else this.#open.set(channel, live)
    return live
  }
}

export const isReusable = ({ authorization }: OpenDeposit, now: bigint): boolean =>
  now + REUSABLE < endOf(authorization)

const endOf = (authorization: DepositAuthorization): bigint =>
  authorization.method === 'eip3009' ? authorization.validBefore : authorization.deadline
