import { type Digest, dropOldest } from '../protocol/index.ts'

/** How a token of the door stands to the network's money, which is OPG. No oracle: the configuration says it. */
export interface Rate {
  /** Smallest units that stand for one OPG (10^18 wei). */
  readonly perOPG: bigint
  readonly marginPpm: number
  /** Least price, smallest units. */
  readonly minimum: bigint
}

const WEI_PER_OPG = 10n ** 18n
const PPM = 1_000_000n

/** What `wei` cost at the door, smallest units: one division, rounded up, so that no request is sold under its cost. */
export function priceOf(wei: bigint, { perOPG, marginPpm, minimum }: Rate): bigint {
  const divisor = WEI_PER_OPG * PPM
  const price = (wei * perOPG * (PPM + BigInt(marginPpm)) + divisor - 1n) / divisor
  return price > minimum ? price : minimum
}

/** What of a request decides its price. */
export interface Priced {
  readonly model: Digest
  readonly units: number
  readonly tier: number
  readonly privacy: number
}

interface Quote {
  /** The network's ceiling for the request, wei. */
  readonly ceiling: bigint
  /** ms since 1970. */
  readonly validUntil: number
}

/** Ceilings told to clients, for as long as they hold: offers move while a client signs. */
export interface Quotes {
  add(priced: Priced, ceiling: bigint, now: number): void
  /** Ceilings that were told and still hold, the newest first. */
  live(priced: Priced, now: number): readonly bigint[]
}

/** Requests of different prices that are remembered, and different prices of one. */
const MAX_PRICED = 4_096
const MAX_QUOTES = 4

export function createQuotes(init: { readonly holdMs: number }): Quotes {
  const told = new Map<string, readonly Quote[]>()
  const live = (key: string, now: number): readonly Quote[] =>
    (told.get(key) ?? []).filter(({ validUntil }) => validUntil > now)
  return {
    add: (priced, ceiling, now) => {
      const key = keyOf(priced)
      const others = live(key, now).filter((quote) => quote.ceiling !== ceiling)
      told.delete(key)
      told.set(key, [{ ceiling, validUntil: now + init.holdMs }, ...others].slice(0, MAX_QUOTES))
      dropOldest(told, MAX_PRICED)
    },
    live: (priced, now) => live(keyOf(priced), now).map(({ ceiling }) => ceiling),
  }
}

const keyOf = ({ model, units, tier, privacy }: Priced): string => `${model}/${units}/${tier}/${privacy}`
