import { describe, expect, it } from 'vitest'
import {
  decodeTensors,
  encodeTensors,
  TENSOR_LIMITS,
  type Tensor,
  TensorError,
  type Tensors,
  tensorsFromJson,
  tensorsToJson,
} from '../../../src/protocol/index.ts'

const pair: Tensor = { dtype: 'F32', shape: [2], data: Float32Array.of(1, -2) }

/** A file from any header text, with so many bytes of data. */
function file(header: string, data = 8): Uint8Array {
  const head = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + head.length + data)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true)
  bytes.set(head, 8)
  return bytes
}

function codeOf(bytes: Uint8Array, limits = TENSOR_LIMITS): string {
  const result = decodeTensors(bytes, limits)
  return result.ok ? 'ok' : result.error.code
}

const canonical = '{"x":{"data_offsets":[0,8],"dtype":"F32","shape":[2]}}'

describe('canonical tensors', () => {
  it('R3 have these bytes: length, RFC 8785 header, little-endian data sorted by name', () => {
    const tensors: Tensors = { z: { dtype: 'I16', shape: [], data: Int16Array.of(258) }, a: pair }
    const header =
      '{"a":{"data_offsets":[0,8],"dtype":"F32","shape":[2]},"z":{"data_offsets":[8,10],"dtype":"I16","shape":[]}}'
    const expected = file(header, 10)
    expected.set([0, 0, 128, 63, 0, 0, 0, 192, 2, 1], 8 + header.length)
    expect(encodeTensors(tensors)).toEqual(expected)
    expect(decodeTensors(expected)).toEqual({ ok: true, value: tensors })
  })

  it('may be none, empty or scalar', () => {
    for (const tensors of [
      {},
      { x: { dtype: 'F64', shape: [0, 5], data: new Float64Array(0) } },
      { x: { dtype: 'BOOL', shape: [], data: Uint8Array.of(1) } },
    ] as const) {
      expect(decodeTensors(encodeTensors(tensors))).toEqual({ ok: true, value: tensors })
    }
  })

  it('do not depend on the order of members or on where an array lies in its buffer', () => {
    const shifted: Tensor = { ...pair, data: Float32Array.of(9, 1, -2).subarray(1) } as Tensor
    const b: Tensor = { dtype: 'U8', shape: [1], data: Uint8Array.of(1) }
    expect(encodeTensors({ a: shifted, b })).toEqual(encodeTensors({ b, a: pair }))
  })

  it('read from an unaligned place', () => {
    const bytes = encodeTensors({ x: pair })
    const moved = new Uint8Array(bytes.length + 3)
    moved.set(bytes, 3)
    expect(decodeTensors(moved.subarray(3))).toEqual({ ok: true, value: { x: pair } })
    expect(decodeTensors(Buffer.from(moved).subarray(3))).toEqual({ ok: true, value: { x: pair } })
  })
})

describe('R3 one meaning has one byte string: refused is', () => {
  it.each([
    ['a header with spaces', canonical.replace(':{', ': {'), 8, 'tensor-not-canonical'],
    ['a padded header', `${canonical}  `, 8, 'tensor-not-canonical'],
    ['members out of order', '{"x":{"dtype":"F32","data_offsets":[0,8],"shape":[2]}}', 8, 'tensor-not-canonical'],
    [
      'tensors out of order',
      canonical.replace('}}', '},"a":{"data_offsets":[8,8],"dtype":"U8","shape":[0]}}'),
      8,
      'tensor-not-canonical',
    ],
    ['a tensor named twice', `${canonical.slice(0, -1)},${canonical.slice(1)}`, 8, 'tensor-not-canonical'],
    ['an escaped name', canonical.replace('"x"', '"\\u0078"'), 8, 'tensor-not-canonical'],
    ['a number written otherwise', canonical.replace('[2]', '[2.0]'), 8, 'tensor-not-canonical'],
    ['a negative zero', '{"x":{"data_offsets":[0,0],"dtype":"F32","shape":[-0]}}', 0, 'tensor-not-canonical'],
    ['a gap', canonical.replace('[0,8]', '[4,12]'), 12, 'tensor-not-canonical'],
    ['metadata', '{"__metadata__":{"a":"b"}}', 0, 'tensor-name-invalid'],
    ['a prototype', '{"__proto__":{"data_offsets":[0,8],"dtype":"F32","shape":[2]}}', 8, 'tensor-name-invalid'],
    ['a name with a space', canonical.replace('"x"', '"x y"'), 8, 'tensor-name-invalid'],
    ['an empty name', canonical.replace('"x"', '""'), 8, 'tensor-name-invalid'],
    ['an unknown type', canonical.replace('F32', 'F16'), 8, 'tensor-dtype-unknown'],
    ['an inherited type name', canonical.replace('F32', 'toString'), 8, 'tensor-dtype-unknown'],
    ['a negative dimension', canonical.replace('[2]', '[-2]'), 8, 'tensor-shape-invalid'],
    ['a fraction', canonical.replace('[2]', '[0.5]'), 8, 'tensor-shape-invalid'],
    ['a product beyond 2^53', canonical.replace('[2]', '[9007199254740991,2]'), 8, 'tensor-shape-invalid'],
    ['too many axes', canonical.replace('[2]', '[2,1,1,1,1,1,1,1,1]'), 8, 'tensor-shape-invalid'],
    ['an unknown member', canonical.replace('"shape"', '"extra":1,"shape"'), 8, 'tensor-header-invalid'],
    ['a header that is no object', '[1,2,3]', 0, 'tensor-header-invalid'],
    ['a header that is no JSON', '{"x":', 0, 'tensor-header-invalid'],
    ['too little data', canonical, 7, 'tensor-truncated'],
    ['too much data', canonical, 9, 'tensor-size-mismatch'],
  ])('%s', (_, header, data, code) => {
    expect(codeOf(file(canonical))).toBe('ok')
    expect(codeOf(file(header, data))).toBe(code)
  })

  it('a boolean of neither 0 nor 1', () => {
    const bytes = encodeTensors({ x: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) } })
    bytes[bytes.length - 1] = 2
    expect(codeOf(bytes)).toBe('tensor-value-invalid')
  })
})

describe('limits', () => {
  it('bound bytes, header, tensors and a lying header length', () => {
    const bytes = encodeTensors({ a: pair, b: pair })
    expect(codeOf(bytes, { ...TENSOR_LIMITS, maxBytes: bytes.length })).toBe('ok')
    expect(codeOf(bytes, { ...TENSOR_LIMITS, maxBytes: bytes.length - 1 })).toBe('tensor-limit-exceeded')
    expect(codeOf(bytes, { ...TENSOR_LIMITS, maxHeaderBytes: 10 })).toBe('tensor-limit-exceeded')
    expect(codeOf(bytes, { ...TENSOR_LIMITS, maxTensors: 1 })).toBe('tensor-limit-exceeded')
    expect(codeOf(new Uint8Array(16).fill(255))).toBe('tensor-limit-exceeded')
    expect(codeOf(new Uint8Array(9))).toBe('tensor-truncated')
    expect(codeOf(Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 123, 125))).toBe('tensor-truncated')
  })
})

it('encoding refuses tensors that are none', () => {
  const encode = (tensor: unknown) => () => encodeTensors({ x: tensor as Tensor })
  expect(encode({ ...pair, shape: [3] })).toThrow(TensorError)
  expect(encode({ ...pair, shape: [-2] })).toThrow(TensorError)
  expect(encode({ ...pair, dtype: 'F16' })).toThrow(TensorError)
  expect(encode({ dtype: 'BOOL', shape: [1], data: Uint8Array.of(7) })).toThrow(TensorError)
  expect(() => encodeTensors({ 'x y': pair })).toThrow(TensorError)
})

describe('tensors as JSON', () => {
  it('carry what JSON numbers cannot as strings', () => {
    const tensors: Tensors = {
      f: { dtype: 'F64', shape: [4], data: Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, -0, 0.1) },
      i: { dtype: 'I64', shape: [2], data: BigInt64Array.of(2n ** 63n - 1n, -5n) },
      b: { dtype: 'BOOL', shape: [1], data: Uint8Array.of(1) },
    }
    const json = tensorsToJson(tensors)
    expect(json).toMatchObject({
      f: { data: ['NaN', 'Infinity', '-0', 0.1] },
      i: { data: ['9223372036854775807', -5] },
      b: { data: [true] },
    })
    expect(tensorsFromJson(JSON.parse(JSON.stringify(json)))).toEqual({ ok: true, value: tensors })
  })

  it('refuse values their type cannot hold', () => {
    const code = (dtype: string, ...data: unknown[]): string => {
      const result = tensorsFromJson({ x: { dtype, shape: [data.length], data } })
      return result.ok ? 'ok' : result.error.code
    }
    expect(code('I8', 127, -128)).toBe('ok')
    expect(code('I8', 128)).toBe('tensor-value-invalid')
    expect(code('U8', -1)).toBe('tensor-value-invalid')
    expect(code('I32', 1.5)).toBe('tensor-value-invalid')
    expect(code('I64', '9223372036854775808')).toBe('tensor-value-invalid')
    expect(code('I64', 2 ** 53)).toBe('tensor-value-invalid')
    expect(code('F32', 1e39)).toBe('tensor-value-invalid')
    expect(code('F64', null)).toBe('tensor-value-invalid')
    expect(code('BOOL', 2)).toBe('tensor-value-invalid')
    expect(code('F16', 1)).toBe('tensor-dtype-unknown')
    expect(tensorsFromJson({ x: { dtype: 'F32', shape: [2], data: [1] } })).toMatchObject({
      error: { code: 'tensor-size-mismatch' },
    })
    expect(tensorsFromJson({ x: { dtype: 'F32', shape: [1], data: [1], more: 1 } })).toMatchObject({
      error: { code: 'tensor-header-invalid' },
    })
  })

  it('come as nested arrays with the type asked for', () => {
    const result = tensorsFromJson(
      {
        x: [
          [1, 2],
          [3, 4],
        ],
      },
      { x: 'I16' },
    )
    expect(result).toEqual({ ok: true, value: { x: { dtype: 'I16', shape: [2, 2], data: Int16Array.of(1, 2, 3, 4) } } })
    expect(tensorsFromJson({ x: [[1, 2], 3] })).toMatchObject({ error: { code: 'tensor-shape-invalid' } })
    expect(tensorsFromJson({ x: [1, [2]] })).toMatchObject({ error: { code: 'tensor-shape-invalid' } })
    expect(tensorsFromJson({ x: [[[[[[[[[1]]]]]]]]] })).toMatchObject({ error: { code: 'tensor-shape-invalid' } })
  })
})
