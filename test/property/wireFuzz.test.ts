import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode, WIRE_LIMITS, type WireType } from '../../src/wire/index.ts'
import { arbitraryMessage, WIRE_TYPES } from '../arbitraries/wire.ts'
import { heapAfterCollection } from '../support/fuzz/heap.ts'
import { BYTE_MUTATIONS, concat, insert, numbers, type Pick } from '../support/fuzz/mutations.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 5_000)
const SEED = Number(process.env.FUZZ_SEED ?? 1)
const SLOWEST_MS = 250
const HEAP_GROWTH_BYTES = 24 * 1024 * 1024
const SAMPLES_PER_TYPE = 12

const GIANT_LENGTHS = [
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
  Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80),
  Uint8Array.of(0x80, 0x80, 0x40),
]

function lengthDelimited(number: number, body: Uint8Array): Uint8Array {
  const header = [(number << 3) | 2]
  let rest = body.length
  while (rest > 127) {
    header.push((rest & 127) | 128)
    rest >>>= 7
  }
  return concat(Uint8Array.of(...header, rest), body)
}

type LimitedMutation = (bytes: Uint8Array, pick: Pick, other: Uint8Array, limit: number) => Uint8Array

const MUTATIONS: { readonly [name: string]: LimitedMutation } = {
  ...BYTE_MUTATIONS,
  'giant length': (bytes, pick) =>
    insert(bytes, pick(bytes.length + 1), GIANT_LENGTHS[pick(GIANT_LENGTHS.length)] as Uint8Array),
  'deep nesting': (bytes, pick, _, limit) => {
    const number = 1 + pick(15)
    let nested = bytes
    for (let depth = pick(200); depth > 0 && nested.length < limit; depth -= 1) nested = lengthDelimited(number, nested)
    return nested
  },
  groups: (bytes, pick) => insert(bytes, pick(bytes.length + 1), new Uint8Array(1 + pick(300)).fill((1 << 3) | 3)),
  'many elements': (bytes, pick, other, limit) => {
    const element = pick(3) === 0 ? Uint8Array.of() : other.subarray(0, pick(12))
    const part = lengthDelimited(1 + pick(12), element)
    const room = Math.min(limit, pick(20) === 0 ? limit : 4_096) - bytes.length
    const count = Math.max(0, Math.floor(room / part.length))
    return concat(
      bytes,
      new Uint8Array(count * part.length).map((_, at) => part[at % part.length] as number),
    )
  },
  noise: (_, pick, __, limit) => new Uint8Array(pick(Math.min(limit + 2, 2_048))).map(() => pick(256)),
}

interface Sample {
  readonly type: WireType
  readonly bytes: Uint8Array
}

const samples: readonly Sample[] = WIRE_TYPES.flatMap((type) =>
  fc
    .sample(arbitraryMessage(type), { seed: SEED, numRuns: SAMPLES_PER_TYPE })
    .map((value) => ({ type, bytes: encode(type, value) })),
)

function slowestOf(type: WireType, bytes: Uint8Array, repeats: number): number {
  let best = Number.POSITIVE_INFINITY
  for (let time = 0; time < repeats; time += 1) {
    const start = performance.now()
    decode(type, bytes)
    best = Math.min(best, performance.now() - start)
  }
  return best
}

describe('decode under mutated encodings', () => {
  it(
    `survives ${RUNS} of them, accepts only what encode would write, and is never slow`,
    () => {
      const pick = numbers(SEED)
      const names = Object.keys(MUTATIONS)
      const codes = new Map<string, number>()
      const before = heapAfterCollection()
      for (let run = 0; run < RUNS; run += 1) {
        const sample = samples[pick(samples.length)] as Sample
        const other = samples[pick(samples.length)] as Sample
        const name = names[pick(names.length)] as string
        const limit = WIRE_LIMITS[sample.type].value
        const bytes = (MUTATIONS[name] as LimitedMutation)(sample.bytes, pick, other.bytes, limit)
        const start = performance.now()
        const result = decode(sample.type, bytes)
        const elapsed = performance.now() - start
        const where = () =>
          `${sample.type}, ${name}, seed ${SEED}, run ${run}: ${Buffer.from(bytes.subarray(0, 512)).toString('hex')}`
        if (elapsed > SLOWEST_MS) expect(slowestOf(sample.type, bytes, 3), where()).toBeLessThan(SLOWEST_MS)
        if (!result.ok) codes.set(result.error.code, (codes.get(result.error.code) ?? 0) + 1)
        else if (Buffer.compare(encode(sample.type, result.value), bytes) !== 0) {
          expect.fail(`accepted an encoding that encode does not write: ${where()}`)
        } else codes.set('accepted', (codes.get('accepted') ?? 0) + 1)
      }
      expect(heapAfterCollection() - before).toBeLessThan(HEAP_GROWTH_BYTES)
      const reached = [
        'accepted',
        'malformed',
        'missing',
        'out-of-range',
        'oversize',
        'unknown-code',
        'unknown-field',
        'unknown-frame',
      ]
      expect([...codes.keys()]).toEqual(expect.arrayContaining(reached))
    },
    Math.max(30_000, RUNS * 10),
  )

  it.each(WIRE_TYPES)('refuses every truncation of %s that is not a message itself', (type) => {
    for (const { bytes } of samples.filter((sample) => sample.type === type).slice(0, 3)) {
      for (let length = 0; length < Math.min(bytes.length, 700); length += 1) {
        const result = decode(type, bytes.subarray(0, length))
        if (result.ok) expect(encode(type, result.value)).toEqual(bytes.subarray(0, length))
      }
    }
  })

  it('refuses half a million empty elements without building them', () => {
    const bytes = new Uint8Array(1_000_000)
    for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x0a
    const frame = lengthDelimited(2, bytes)
    const before = heapAfterCollection()
    expect(slowestOf('SyncFrame', frame, 3)).toBeLessThan(SLOWEST_MS)
    const result = decode('SyncFrame', frame)
    expect(result.ok ? undefined : result.error.code).toBe('missing')
    expect(heapAfterCollection() - before).toBeLessThan(4 * 1024 * 1024)
  })
})
