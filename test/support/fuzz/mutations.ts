/** mulberry32: one stream of 32-bit numbers per seed. */
export function numbers(seed: number): Pick {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** A number from 0 to `below` - 1. */
export type Pick = (below: number) => number
export type Mutation = (bytes: Uint8Array, pick: Pick, other: Uint8Array) => Uint8Array

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
export const insert = (bytes: Uint8Array, at: number, part: Uint8Array): Uint8Array =>
  concat(bytes.subarray(0, at), part, bytes.subarray(at))

/** Mutations that need to know nothing of the format. */
export const BYTE_MUTATIONS = {
  'bit flips': (bytes, pick) => {
    const changed = bytes.slice()
    for (let flips = 1 + pick(4); flips > 0 && changed.length > 0; flips -= 1) {
      const at = pick(changed.length)
      changed[at] = (changed[at] as number) ^ (1 << pick(8))
    }
    return changed
  },
  bytes: (bytes, pick) => {
    const changed = bytes.slice()
    for (let times = 1 + pick(8); times > 0 && changed.length > 0; times -= 1) changed[pick(changed.length)] = pick(256)
    return changed
  },
  truncation: (bytes, pick) => bytes.subarray(0, pick(bytes.length + 1)),
  beheading: (bytes, pick) => bytes.subarray(pick(bytes.length + 1)),
  removal: (bytes, pick) => {
    const from = pick(bytes.length + 1)
    return concat(bytes.subarray(0, from), bytes.subarray(Math.min(bytes.length, from + 1 + pick(40))))
  },
  splice: (bytes, pick, other) =>
    concat(bytes.subarray(0, pick(bytes.length + 1)), other.subarray(pick(other.length + 1))),
  insertion: (bytes, pick, other) => insert(bytes, pick(bytes.length + 1), other.subarray(0, pick(64))),
  repetition: (bytes) => concat(bytes, bytes),
} as const satisfies { readonly [name: string]: Mutation }
