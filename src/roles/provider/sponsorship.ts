import { type Clock, type Digest, dropOldest } from '../../protocol/index.ts'

/** Transactions that this provider pays the gas of, for channels that have earned it nothing yet: together, and at once. */
const STRANGERS = { perHour: 600, burst: 256 }
/** The same of one channel that has. */
const EARNING = { perHour: 12, burst: 4 }
/** Channels that are remembered. */
const MAX_CHANNELS = 4_096
const HOUR_MS = 3_600_000

export interface Sponsorship {
  /** Whether one more deposit or refund of the channel is brought, `charged` being what it has been charged so far. */
  take(channel: Digest, charged: bigint): boolean
}

/**
 * Bounds the gas that payers can make a provider spend: deposits and refunds cost them nothing and can go round for ever. By
 * the generic cell rate algorithm. Whoever is turned away can deposit and withdraw by its own transaction.
 */
export function createSponsorship(clock: Clock): Sponsorship {
  const due = new Map<string, number>()
  return {
    take: (channel, charged) => {
      const [key, { perHour, burst }] = charged > 0n ? [channel, EARNING] : ['strangers', STRANGERS]
      const interval = HOUR_MS / perHour
      const now = clock()
      const at = Math.max(due.get(key) ?? now, now)
      if (at + interval - interval * burst > now) return false
      due.delete(key)
      due.set(key, at + interval)
      dropOldest(due, MAX_CHANNELS)
      return true
    },
  }
}
