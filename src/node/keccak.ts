import { type Hash, type KeccakPermutation, keccakSponge } from '../protocol/index.ts'

interface Exports {
  readonly m: { readonly buffer: ArrayBuffer }
  readonly f: () => void
}

/** What the language's own library leaves to the platform's types. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Exports }
}

const LANES = 25
const STATE_BYTES = 8 * LANES

/** Round constants (FIPS 202, 3.2.5). */
const IOTA = [
  0x0000000000000001n,
  0x0000000000008082n,
  0x800000000000808an,
  0x8000000080008000n,
  0x000000000000808bn,
  0x0000000080000001n,
  0x8000000080008081n,
  0x8000000000008009n,
  0x000000000000008an,
  0x0000000000000088n,
  0x0000000080008009n,
  0x000000008000000an,
  0x000000008000808bn,
  0x800000000000008bn,
  0x8000000000008089n,
  0x8000000000008003n,
  0x8000000000008002n,
  0x8000000000000080n,
  0x000000000000800an,
  0x800000008000000an,
  0x8000000080008081n,
  0x8000000000008080n,
  0x0000000080000001n,
  0x8000000080008008n,
]

/** Bits by which rho turns lane x + 5y (FIPS 202, 3.2.2). */
const RHO = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14]

/** Instructions and types, WebAssembly 1.0 section 5. */
const I32 = 0x7f
const I64 = 0x7e
const LOOP = [0x03, 0x40]
const END = 0x0b
const CONTINUE_IF = [0x0d, 0]
const ADD_I32 = 0x6a
const BELOW_I32 = 0x49
const AND = 0x83
const XOR = 0x85
const ROTATE_LEFT = 0x89
const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const load = (offset: number): number[] => [0x29, 3, ...unsigned(offset)]
const store = (offset: number): number[] => [0x37, 3, ...unsigned(offset)]
const constI32 = (value: number): number[] => [0x41, ...signed(value)]
const constI64 = (value: number): number[] => [0x42, ...signed(value)]

const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >> 7)])
const signed = (value: number): number[] =>
  value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)]
const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()]
const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes]
const section = (id: number, items: readonly (readonly number[])[]): number[] => [id, ...sized(vector(items))]

const FIVE = [0, 1, 2, 3, 4]
const ROUND = 0
const lane = (x: number, y: number): number => 1 + (x % 5) + 5 * (y % 5)
const moved = (x: number, y: number): number => LANES + lane(x, y)
const column = (x: number): number => 1 + 2 * LANES + (x % 5)
const PARITY = 6 + 2 * LANES
const I64_LOCALS = PARITY

const everyLane = (instructions: (x: number, y: number) => readonly number[]): number[] =>
  FIVE.flatMap((y) => FIVE.flatMap((x) => instructions(x, y)))
const offsetOf = (x: number, y: number): number => 8 * (x + 5 * y)

function round(): number[] {
  const columns = FIVE.flatMap((x) => [
    ...get(lane(x, 0)),
    ...[1, 2, 3, 4].flatMap((y) => [...get(lane(x, y)), XOR]),
    ...set(column(x)),
  ])
  const thetaRhoPi = FIVE.flatMap((x) => [
    ...get(column(x + 4)),
    ...[...get(column(x + 1)), ...constI64(1), ROTATE_LEFT, XOR],
    ...set(PARITY),
    ...FIVE.flatMap((y) => [
      ...[...get(lane(x, y)), ...get(PARITY), XOR],
      ...[...constI64(RHO[x + 5 * y] as number), ROTATE_LEFT],
      ...set(moved(y, 2 * x + 3 * y)),
    ]),
  ])
  const chi = everyLane((x, y) => [
    ...get(moved(x, y)),
    ...[...get(moved(x + 1, y)), ...constI64(-1), XOR],
    ...[...get(moved(x + 2, y)), AND, XOR],
    ...set(lane(x, y)),
  ])
  const iota = [...get(lane(0, 0)), ...get(ROUND), ...load(STATE_BYTES), XOR, ...set(lane(0, 0))]
  return [...columns, ...thetaRhoPi, ...chi, ...iota]
}

/** `ROUND` counts bytes of the table of round constants, which lies behind the state. */
function permutation(): number[] {
  const next = [...get(ROUND), ...constI32(8), ADD_I32, ...set(ROUND)]
  const again = [...get(ROUND), ...constI32(8 * IOTA.length), BELOW_I32, ...CONTINUE_IF]
  return [
    ...vector([
      [1, I32],
      [I64_LOCALS, I64],
    ]),
    ...everyLane((x, y) => [...constI32(0), ...load(offsetOf(x, y)), ...set(lane(x, y))]),
    ...[...LOOP, ...round(), ...next, ...again, END],
    ...everyLane((x, y) => [...constI32(0), ...get(lane(x, y)), ...store(offsetOf(x, y))]),
    END,
  ]
}

/** One page of memory, exported as `m`, and one function without arguments, exported as `f`. */
function moduleBytes(): Uint8Array {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, 0, 0]]),
    ...section(3, [[0]]),
    ...section(5, [[0, 1]]),
    ...section(7, [
      [1, 0x6d, 2, 0],
      [1, 0x66, 0, 0],
    ]),
    ...section(10, [sized(permutation())]),
  ])
}

/** Keccak-f[1600] (FIPS 202) with 64-bit lanes, which JavaScript has to make of two words. */
function permutationInWasm(): KeccakPermutation {
  const { m, f } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes())).exports
  new BigUint64Array(m.buffer, STATE_BYTES, IOTA.length).set(IOTA)
  return { words: new Int32Array(m.buffer, 0, 2 * LANES), permute: f }
}

let made: Hash | undefined

/** Keccak-256 with its permutation as WebAssembly, five times as fast as the core's own. */
export function nodeKeccak(): Hash {
  made ??= keccakSponge(permutationInWasm())
  return made
}
