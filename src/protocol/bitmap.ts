/** 256-bit maps over the receipts of a checkpoint; bit i is receipt `firstSequence + i`. */
export const MAX_RECEIPTS = 256

export const bit = (index: number): bigint => 1n << BigInt(index)
export const hasBit = (map: bigint, index: number): boolean => ((map >> BigInt(index)) & 1n) === 1n
export const allBits = (count: number): bigint => (1n << BigInt(count)) - 1n

export function countBits(map: bigint): number {
  let count = 0
  for (let rest = map; rest > 0n; rest &= rest - 1n) count += 1
  return count
}

export function bitsIn(map: bigint): number[] {
  const indices: number[] = []
  for (let index = 0; index < MAX_RECEIPTS; index += 1) if (hasBit(map, index)) indices.push(index)
  return indices
}
