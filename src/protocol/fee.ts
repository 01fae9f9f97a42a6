import type { Terms } from './objects.ts'

/** What a job used. A unit is a token; for a tensor model one inference. Times in ms since 1970. */
export interface Usage {
  readonly inputUnits: number
  readonly outputUnits: number
  readonly startedAt: number
  readonly finishedAt: number
}

/** Everything of a fee that everyone recomputes to the wei (economy.md, the fee of a job). */
export interface Charge {
  readonly mac: bigint
  /** Capped milliseconds: a slow or lying provider cannot bill its slowness. */
  readonly billedMs: number
  /** Wei of `Terms.token`. */
  readonly fee: bigint
}

/** Slack over the reference rate within which time is billed, in thousandths. */
const RATE_SLACK_PER_MILLE = 1500n
const FEE_DIVISOR = 1_000_000_000n

export function macOf(terms: Pick<Terms, 'macIn' | 'macOut'>, inputUnits: number, outputUnits: number): bigint {
  return terms.macIn * BigInt(inputUnits) + terms.macOut * BigInt(outputUnits)
}

/** `min(finishedAt - startedAt, ceil(units * 1500 / referenceRate))`, units being input plus output units. */
export function billedMsOf(terms: Pick<Terms, 'referenceRate'>, usage: Usage): number {
  if (terms.referenceRate === 0) return 0
  const rate = BigInt(terms.referenceRate)
  const units = BigInt(usage.inputUnits) + BigInt(usage.outputUnits)
  const cap = (units * RATE_SLACK_PER_MILLE + rate - 1n) / rate
  const elapsed = BigInt(Math.max(0, usage.finishedAt - usage.startedAt))
  return Number(elapsed < cap ? elapsed : cap)
}

/**
 * `perRequest + (perGMAC * mac + perSecond * ms * 1e6 + perGBSecond * memoryMB * ms * 1e3) / 1e9`, one division,
 * rounded down in the payer's favour.
 */
export function feeOf(
  terms: Pick<Terms, 'perRequest' | 'perGMAC' | 'perSecond' | 'perGBSecond' | 'memoryMB'>,
  mac: bigint,
  billedMs: number,
): bigint {
  const ms = BigInt(billedMs)
  const scaled =
    terms.perGMAC * mac + terms.perSecond * ms * 1_000_000n + terms.perGBSecond * BigInt(terms.memoryMB) * ms * 1_000n
  return terms.perRequest + scaled / FEE_DIVISOR
}

export function chargeOf(terms: Terms, usage: Usage): Charge {
  const mac = macOf(terms, usage.inputUnits, usage.outputUnits)
  const billedMs = billedMsOf(terms, usage)
  return { mac, billedMs, fee: feeOf(terms, mac, billedMs) }
}

/** The most a job can cost before it runs: every output unit used and all capped time billed. */
export function ceilingOf(terms: Terms, inputUnits: number, maxOutputUnits: number): bigint {
  const usage = { inputUnits, outputUnits: maxOutputUnits, startedAt: 0, finishedAt: Number.MAX_SAFE_INTEGER }
  return chargeOf(terms, usage).fee
}

/** Genesis split of a settled fee, in ppm (economy.md); the provider gets the remainder. */
export const NETWORK_SHARE_PPM = 200_000n

export interface FeeSplit {
  readonly provider: bigint
  readonly network: bigint
}

export function splitFee(fee: bigint, networkSharePpm: bigint = NETWORK_SHARE_PPM): FeeSplit {
  const network = (fee * networkSharePpm) / 1_000_000n
  return { provider: fee - network, network }
}
