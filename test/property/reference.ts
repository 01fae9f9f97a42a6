import { concatHex, encodeAbiParameters, type Hex, keccak256, stringToBytes } from 'viem'

/** Rules of docs/protocol.md written a second time from their text, on viem's hashing; nothing here calls src. */

/** R3: `H(T, ...)`; bigints are uint256 words, 20-byte hex an address. */
export const hashOf = (tag: string, ...values: readonly (Hex | bigint)[]): Hex =>
  keccak256(
    encodeAbiParameters(
      [
        { type: 'bytes32' },
        ...values.map((value) => ({
          type: typeof value === 'bigint' ? 'uint256' : value.length === 42 ? 'address' : 'bytes32',
        })),
      ],
      [keccak256(stringToBytes(tag)), ...values],
    ),
  )

/** Section 2, Merkle: the node of a leaf. */
export const leafOf = (tag: string, index: number, digest: Hex): Hex => keccak256(hashOf(tag, BigInt(index), digest))

/** Section 2, Merkle: the node over two nodes. */
export const pairOf = (a: Hex, b: Hex): Hex => keccak256(concatHex(a < b ? [a, b] : [b, a]))

export interface Stake {
  readonly operator: Hex
  readonly owner: Hex
  readonly weight: bigint
}

/** R13: each seat is the stake on which a point falls, stakes laid end to end in the order of their operators. */
export function seatsByTheText(stakes: readonly Stake[], seed: Hex, count: number): Hex[] {
  const ordered = [...stakes].sort((a, b) => (BigInt(a.operator) < BigInt(b.operator) ? -1 : 1))
  const ends: bigint[] = []
  for (const { weight } of ordered) ends.push((ends.at(-1) ?? 0n) + weight)
  const total = ends.at(-1) ?? 0n
  if (total === 0n) return []
  return Array.from({ length: count }, (_, seat) => {
    const point = BigInt(hashOf('OPG/seat/1', seed, BigInt(seat))) % total
    return (ordered[ends.findIndex((end) => point < end)] as Stake).operator
  })
}

/** R13: Fisher-Yates from the last place down, the pick of place i being H(tag, seed, i) mod (i + 1). */
export function orderByTheText(tag: string, seed: Hex, count: number): number[] {
  const order = [...Array(count).keys()]
  for (let place = count - 1; place >= 1; place -= 1) {
    const pick = Number(BigInt(hashOf(tag, seed, BigInt(place))) % BigInt(place + 1))
    ;[order[place], order[pick]] = [order[pick] as number, order[place] as number]
  }
  return order
}

/** R13 R14: seats in drawn order, each verifier once, without the operator and its owner, until seven stand. */
export function committeeByTheText(
  seats: readonly Stake[],
  seed: Hex,
  operator: Hex,
  owner: Hex | undefined,
): { seat: number; verifier: Hex }[] {
  const eligible = orderByTheText('OPG/fast/seat/1', seed, seats.length)
    .map((seat) => ({ seat, verifier: (seats[seat] as Stake).operator, of: (seats[seat] as Stake).owner }))
    .filter(({ verifier, of }) => verifier !== operator && of !== owner)
  const firstOfEach = eligible.filter(
    ({ verifier }, at) => eligible.findIndex((earlier) => earlier.verifier === verifier) === at,
  )
  return firstOfEach.slice(0, 7).map(({ seat, verifier }) => ({ seat, verifier }))
}
