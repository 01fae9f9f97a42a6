import { MAX_CHUNK_BYTES, MAX_CHUNKS_PER_HEAD } from './chunks.ts'
import { ceilingOf } from './fee.ts'
import type { Job, Terms } from './objects.ts'

/** Output units one chunk covers at most, and the units whose price is a slice (section 4.2). */
export const SLICE_UNITS = 16

/** Room for an AEAD tag, so that a sealed chunk keeps to the limit of a plain one. */
const MAX_PLAIN_CHUNK_BYTES = MAX_CHUNK_BYTES - 64

/**
 * What either side risks on a job (R24): the price of `SLICE_UNITS` output units with all their capped time, at most the
 * job's `maxFee`. One unit more than the price, because the fees of two heads are each rounded down: no head is above the
 * one before by more than a slice. In units of `Terms.token`.
 */
export function sliceOf(terms: Terms, { maxFee, maxOutputUnits }: Pick<Job, 'maxFee' | 'maxOutputUnits'>): bigint {
  const price = ceilingOf(terms, 0, Math.min(SLICE_UNITS, maxOutputUnits)) + 1n
  return price < maxFee ? price : maxFee
}

export interface OutputPiece {
  readonly data: Uint8Array
  /** Output units covered by this piece and all before it. */
  readonly units: number
}

/**
 * The chunks of an output that was computed whole: as even as they can be, none above `MAX_PLAIN_CHUNK_BYTES` or
 * `SLICE_UNITS`. The last covers all units. Everyone who holds the output finds the same pieces, so that the units of a
 * truncated receipt can be checked.
 */
export function splitOutput(output: Uint8Array, units: number): OutputPiece[] {
  const count = Math.max(1, Math.ceil(output.length / MAX_PLAIN_CHUNK_BYTES), Math.ceil(units / SLICE_UNITS))
  const startOf = (index: number): number => Math.floor((output.length * index) / count)
  return Array.from({ length: count }, (_, index) => ({
    data: output.subarray(startOf(index), startOf(index + 1)),
    units: Math.floor((units * (index + 1)) / count),
  }))
}

/**
 * Chunks, from 1, that a head ends on: the first, the last, and between them as few as leave no head with more than
 * `SLICE_UNITS` units or `MAX_CHUNKS_PER_HEAD` chunks of its own.
 */
export function headsOf(pieces: readonly OutputPiece[]): number[] {
  const heads: number[] = []
  for (const at of pieces.keys()) {
    const index = at + 1
    const last = heads.at(-1) ?? 0
    const next = pieces[index]
    const covered = last === 0 ? 0 : (pieces[last - 1]?.units ?? 0)
    const full = index - last >= MAX_CHUNKS_PER_HEAD || (next !== undefined && next.units - covered > SLICE_UNITS)
    if (index === 1 || next === undefined || full) heads.push(index)
  }
  return heads
}
