import type { Terms } from './objects.ts'

/** Parts per million: a multiplier of 1, and a provider that is always full. */
export const PPM = 1_000_000
const MOST = 8 * PPM

/**
 * The load multiplier of the next offer (economy.md, the fee of a job): `m <- clamp(m * (1 + (utilisation - 0.5) / 8), 1,
 * 8)`, all in ppm, rounded down.
 */
export function nextMultiplier(multiplier: number, utilisation: number): number {
  const next = Math.floor((multiplier * (8 * PPM + utilisation - PPM / 2)) / (8 * PPM))
  return Math.min(MOST, Math.max(PPM, next))
}

type Prices = Pick<Terms, 'perRequest' | 'perGMAC' | 'perSecond' | 'perGBSecond'>

/** Base prices under a load multiplier in ppm, each rounded down in the payer's favour. */
export function pricesAt<P extends Prices>(base: P, multiplier: number): P {
  const at = (price: bigint): bigint => (price * BigInt(multiplier)) / BigInt(PPM)
  const { perRequest, perGMAC, perSecond, perGBSecond } = base
  return {
    ...base,
    perRequest: at(perRequest),
    perGMAC: at(perGMAC),
    perSecond: at(perSecond),
    perGBSecond: at(perGBSecond),
  }
}

/** How full a provider was over an interval: slots taken, weighted by time. Times in ms. */
export class Utilisation {
  readonly #slots: number
  #taken = 0
  #since: number
  #from: number
  #busyMs = 0

  constructor(slots: number, now: number) {
    this.#slots = slots
    this.#since = now
    this.#from = now
  }

  /** From now on so many slots are taken. */
  note(taken: number, now: number): void {
    this.#busyMs += this.#taken * Math.max(0, now - this.#since)
    this.#since = Math.max(this.#since, now)
    this.#taken = taken
  }

  /** Of the interval since the last call, ppm; the next one begins. */
  take(now: number): number {
    this.note(this.#taken, now)
    const whole = this.#slots * (this.#since - this.#from)
    const ppm = whole <= 0 ? 0 : Math.min(PPM, Math.floor((this.#busyMs * PPM) / whole))
    this.#from = this.#since
    this.#busyMs = 0
    return ppm
  }
}
