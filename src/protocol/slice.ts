import { MAX_CHUNK_BYTES } from './chunks.ts'
import { ceilingOf } from './fee.ts'
import type { Job, Terms } from './objects.ts'

/** Output units one chunk covers at most, and the units whose price is a slice (section 4.2). */
export const SLICE_UNITS = 16

/**
 * What either side risks on a job (R24): the price of `SLICE_UNITS` output units with all their capped time, at most the
 * job's `maxFee`. In units of `Terms.token`.
 */
export function sliceOf(terms: Terms, { maxFee, maxOutputUnits }: Pick<Job, 'maxFee' | 'maxOutputUnits'>): bigint {
  const price = ceilingOf(terms, 0, Math.min(SLICE_UNITS, maxOutputUnits))
  return price < maxFee ? price : maxFee
}

export interface OutputPiece {
  readonly data: Uint8Array
  /** Output units covered by this piece and all before it. */
  readonly units: number
}

/**
 * The chunks of an output that was computed whole: as even as they can be, none above `MAX_CHUNK_BYTES` or
 * `SLICE_UNITS`. The last covers all units. Everyone who holds the output finds the same pieces, so that the units of a
 * truncated receipt can be checked.
 */
export function splitOutput(output: Uint8Array, units: number): OutputPiece[] {
  const count = Math.max(1, Math.ceil(output.length / MAX_CHUNK_BYTES), Math.ceil(units / SLICE_UNITS))
  const startOf = (index: number): number => Math.floor((output.length * index) / count)
  return Array.from({ length: count }, (_, index) => ({
    data: output.subarray(startOf(index), startOf(index + 1)),
    units: Math.floor((units * (index + 1)) / count),
  }))
}
