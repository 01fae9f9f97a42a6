import { describe, expect, it } from 'vitest'
import { encodeTensors, H, type Tensor, type Tensors } from '../../../src/protocol/index.ts'
import {
  compareSketches,
  compareTensors,
  lightDigestOf,
  SKETCH_POSITIONS,
  sketchOf,
  withinTolerance,
} from '../../../src/verification/index.ts'

const tolerance = { atol: 1e-5, rtol: 1e-4 }
const f32 = (shape: readonly number[], values: readonly number[]): Tensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
})
const compare = (claimed: Tensors, own: Tensors) => compareTensors(claimed, own, tolerance)

describe('R16 outputs of two runtime classes', () => {
  it('agree within atol + rtol * |own|', () => {
    expect(withinTolerance(1.000109, 1, tolerance)).toBe(true)
    expect(withinTolerance(1.000111, 1, tolerance)).toBe(false)
    expect(withinTolerance(0, 1e-5, tolerance)).toBe(true)
    expect(withinTolerance(Number.NaN, Number.NaN, tolerance)).toBe(true)
    expect(withinTolerance(Number.NaN, 0, tolerance)).toBe(false)
    expect(withinTolerance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, tolerance)).toBe(true)
    expect(withinTolerance(Number.POSITIVE_INFINITY, 1, tolerance)).toBe(false)
    expect(withinTolerance(1, Number.POSITIVE_INFINITY, tolerance)).toBe(false)
  })

  it('differ in names, types, shapes and integers exactly', () => {
    const own = { y: f32([1, 2], [0.25, 0.75]) }
    expect(compare({ y: f32([1, 2], [0.250001, 0.75]) }, own)).toBe('agree')
    expect(compare({ z: f32([1, 2], [0.25, 0.75]) }, own)).toBe('differ')
    expect(compare({ ...own, z: f32([1], [1]) }, own)).toBe('differ')
    expect(compare({ y: f32([2, 1], [0.25, 0.75]) }, own)).toBe('differ')
    expect(compare({ y: { dtype: 'F64', shape: [1, 2], data: Float64Array.of(0.25, 0.75) } }, own)).toBe('differ')
    const label = (value: bigint): Tensors => ({ y: { dtype: 'I64', shape: [1], data: BigInt64Array.of(value) } })
    expect(compare(label(1n), label(1n))).toBe('agree')
    expect(compare(label(1n), label(2n))).toBe('differ')
  })

  it('are a near tie, not a difference, where only the argmax of a row turns', () => {
    const own = { y: f32([2, 2], [1, 2, 0.5, 0.500001]) }
    expect(compare({ y: f32([2, 2], [1, 2, 0.500001, 0.5]) }, own)).toBe('near-tie')
    expect(compare({ y: f32([2, 2], [1, 2, 0.501, 0.5]) }, own)).toBe('differ')
  })
})

describe('R17 sketches', () => {
  const trace = encodeTensors({
    hidden: f32(
      [64, 64],
      Array.from({ length: 4096 }, (_, at) => Math.sin(at)),
    ),
    labels: { dtype: 'I64', shape: [2], data: BigInt64Array.of(1n, 2n) },
  })

  it('hold the values at the positions a seat draws', () => {
    const sketch = sketchOf(trace, H('test/seat', 1))
    expect(sketch).toHaveLength(SKETCH_POSITIONS * 4)
    expect(sketchOf(trace, H('test/seat', 1))).toEqual(sketch)
    expect(sketchOf(trace, H('test/seat', 2))).not.toEqual(sketch)
    const values = new Float32Array(sketch.slice().buffer)
    const all = new Set(Array.from({ length: 4096 }, (_, at) => Math.fround(Math.sin(at))))
    expect([...values].every((value) => all.has(value))).toBe(true)
  })

  it('are compared by tolerance, so a copy for another seat does not pass', () => {
    const own = sketchOf(trace, H('test/seat', 1))
    const near = new Float32Array(own.slice().buffer).map((value) => value * 1.00001)
    expect(compareSketches(new Uint8Array(near.buffer), own, tolerance)).toBe(true)
    expect(compareSketches(sketchOf(trace, H('test/seat', 2)), own, tolerance)).toBe(false)
    expect(compareSketches(own.subarray(4), own, tolerance)).toBe(false)
    expect(compareSketches(new Uint8Array(0), own, tolerance)).toBe(false)
  })

  it('are empty for a trace without floats', () => {
    expect(sketchOf(encodeTensors({}), H('test/seat', 1))).toHaveLength(0)
    expect(sketchOf(new Uint8Array(0), H('test/seat', 1))).toHaveLength(0)
  })

  it('of light checks are keyed by the verifier and cover every piece', () => {
    const pieces = [Uint8Array.of(1, 2), Uint8Array.of(3)]
    const digest = lightDigestOf(`0x${'01'.repeat(20)}`, pieces)
    expect(lightDigestOf(`0x${'02'.repeat(20)}`, pieces)).not.toBe(digest)
    expect(lightDigestOf(`0x${'01'.repeat(20)}`, [Uint8Array.of(1), Uint8Array.of(2, 3)])).not.toBe(digest)
  })
})
