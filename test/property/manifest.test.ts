import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalBytes,
  GRAPH_PATH,
  type Json,
  type Manifest,
  manifestBytes,
  manifestFromJson,
  manifestId,
  manifestToJson,
  modelCid,
  parseManifest,
  parseModelId,
  type TensorSpec,
} from '../../src/protocol/index.ts'

const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as const)
const address = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as const)
const tensorName = fc.stringMatching(/^[a-z]{1,8}$/)
const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map((value) => value + 0)

const spec: fc.Arbitrary<TensorSpec> = fc.record(
  {
    name: tensorName,
    dtype: fc.constantFrom('F32', 'F64', 'I8', 'I16', 'I32', 'I64', 'U8', 'BOOL'),
    shape: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom('time', 'width')), { maxLength: 3 }),
    nan: fc.constantFrom('refuse', 'allow'),
    min: number,
  },
  { requiredKeys: ['name', 'dtype', 'shape', 'nan'] },
)

const manifest: fc.Arbitrary<Manifest> = fc.record({
  version: fc.constant(1 as const),
  name: fc.stringMatching(/^[a-z0-9]{1,10}\/[a-z0-9]{1,10}$/),
  kind: fc.constant('tensor' as const),
  description: fc.stringMatching(/^[ -~é€]{0,40}$/),
  licence: fc.constantFrom('Apache-2.0', 'MIT OR Apache-2.0'),
  opset: fc.integer({ min: 1, max: 30 }),
  ir: fc.integer({ min: 1, max: 12 }),
  files: fc.tuple(digest, fc.nat()).map(([sha256, bytes]) => [{ path: GRAPH_PATH, sha256, bytes }]),
  inputs: fc.uniqueArray(spec, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
  outputs: fc.uniqueArray(spec, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
  macIn: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  macOut: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  memoryMB: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  referenceRate: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  maxBatch: fc.integer({ min: 1, max: 65_536 }),
  trace: fc.uniqueArray(
    tensorName.map((name) => `inner_${name}`),
    { maxLength: 3 },
  ),
  tolerance: fc.record({ atol: number.map(Math.abs), rtol: number.map(Math.abs) }),
  payee: address,
})

function shuffled(value: Json | undefined, random: () => number): Json | undefined {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, random) ?? null)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, member]) => ({ name, member, order: random() }))
  entries.sort((a, b) => a.order - b.order)
  return Object.fromEntries(entries.map(({ name, member }) => [name, shuffled(member, random)]))
}

describe('a manifest', () => {
  it('R3 parses from its own bytes to itself', () => {
    fc.assert(
      fc.property(manifest, (value) => {
        expect(parseManifest(manifestBytes(value))).toEqual({ ok: true, value })
      }),
    )
  })

  it('R3 has one id whatever the order of members', () => {
    fc.assert(
      fc.property(manifest, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (value, stream) => {
        const json = shuffled(manifestToJson(value), () => stream.next().value ?? 0)
        const parsed = manifestFromJson(json)
        if (!parsed.ok) throw parsed.error
        expect(manifestId(parsed.value)).toBe(manifestId(value))
      }),
    )
  })

  it('R3 has another id when any one field differs', () => {
    fc.assert(
      fc.property(manifest, manifest, (value, other) => {
        const id = manifestId(value)
        for (const field of Object.keys(value) as (keyof Manifest)[]) {
          const changed = { ...value, [field]: other[field] } as Manifest
          const before = canonicalBytes(manifestToJson(value)[field] ?? null)
          const after = canonicalBytes(manifestToJson(changed)[field] ?? null)
          const same = Buffer.from(before).equals(Buffer.from(after))
          expect(manifestId(changed) === id, field).toBe(same)
        }
      }),
    )
  })

  it('R3 is found again by its CID', () => {
    fc.assert(fc.property(digest, (id) => parseModelId(modelCid(id)) === id))
  })

  it('in changed bytes is refused or is another manifest', () => {
    fc.assert(
      fc.property(manifest, fc.nat(), fc.nat({ max: 255 }), (value, place, byte) => {
        const bytes = manifestBytes(value)
        const at = place % bytes.length
        fc.pre(bytes[at] !== byte)
        bytes[at] = byte
        const parsed = parseManifest(bytes)
        if (parsed.ok) expect(manifestId(parsed.value)).not.toBe(manifestId(value))
      }),
      { numRuns: 300 },
    )
  })
})
