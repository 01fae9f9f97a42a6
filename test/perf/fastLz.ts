import { LibZip } from 'solady'
import { type Hex, size } from 'viem'

/** Constants of the Fjord estimator, in millionths (OP Stack specification, Fjord L1-cost fees). */
const INTERCEPT = -42_585_600
const COEFFICIENT = 836_500
const LEAST_BYTES = 100

/** Bytes of data availability that an OP Stack chain charges a signed transaction for: its FastLZ length, regressed. */
export function dataBytes(signedTransaction: Hex): number {
  const compressed = size(LibZip.flzCompress(signedTransaction) as Hex)
  return Math.max(LEAST_BYTES, Math.round((INTERCEPT + COEFFICIENT * compressed) / 1_000_000))
}
