import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { float32 } from '../../../devnet/models/model.ts'
import {
  decodeNpy,
  encodeNpy,
  type InputFormat,
  type InputOptions,
  parseInputs,
  readInputFile,
} from '../../../src/inference/index.ts'
import type { Manifest, TensorSpec } from '../../../src/protocol/index.ts'
import { temporaryDirectory, tinyManifest } from './fixtures.ts'

const x: TensorSpec = { name: 'x', dtype: 'F32', shape: ['batch', 3], nan: 'refuse' }
const candles: TensorSpec = { name: 'candles', dtype: 'F32', shape: ['batch', 2, 5], nan: 'refuse', min: 0 }
const manifestOf = (...inputs: TensorSpec[]): Manifest => tinyManifest({ inputs })

function parse(
  format: InputFormat,
  content: string | Uint8Array,
  manifest: Manifest,
  options: InputOptions = {},
): unknown {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const result = parseInputs(format, bytes, manifest, options)
  return result.ok ? result.value : result.error.detail
}

/** A version 1 file with any header. */
function npy(header: string, data: readonly number[], version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`)
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0]
  return Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...length, ...text, ...data)
}

describe('JSON', () => {
  it('comes as nested arrays, as tensors in full, or bare for a single input', () => {
    const expected = { x: float32([2, 3], [1, 2, 3, 4, 5, 6]) }
    const manifest = manifestOf(x)
    expect(parse('json', '{"x": [[1,2,3],[4,5,6]]}', manifest)).toEqual(expected)
    expect(parse('json', '[[1,2,3],[4,5,6]]', manifest)).toEqual(expected)
    expect(parse('json', '{"x": {"dtype":"F32","shape":[2,3],"data":[1,2,3,4,5,6]}}', manifest)).toEqual(expected)
    expect(parse('json', '{"x": {"dtype":"F64","shape":[2,3],"data":[1,2,3,4,5,6]}}', manifest)).toEqual(expected)
  })

  it('without the batch axis is a batch of one', () => {
    expect(parse('json', '[1,2,3]', manifestOf(x))).toEqual({ x: float32([1, 3], [1, 2, 3]) })
  })

  it('that does not parse names line and column', () => {
    const places = [
      ['{"x": [1,\n 2,, 3]}', 2, 4],
      ['{"x": [1,\n 2', 2, 3],
      ['{"x": [1, 2}', 1, 12],
      ['{"x" [1]}', 1, 6],
      ['{"x": "\\q"}', 1, 7],
      ['[1, 02]', 1, 6],
      ['[1] 2', 1, 5],
      ['{,}', 1, 2],
      ['[NaN]', 1, 2],
    ] as const
    for (const [text, line, column] of places) {
      expect(parse('json', text, manifestOf(x)), text).toMatchObject({ code: 'json-invalid', line, column })
    }
    expect(parse('json', Uint8Array.of(0xff), manifestOf(x))).toMatchObject({ code: 'json-invalid' })
  })

  it('that does not fit says what was expected and what came', () => {
    const manifest = manifestOf(x)
    const mismatch = (text: string) => parse('json', text, manifest)
    expect(mismatch('{"x": [[1,2],[3]]}')).toMatchObject({
      code: 'input-mismatch',
      expected: expect.stringContaining('2 items'),
    })
    expect(mismatch('{"x": [1,2]}')).toMatchObject({
      expected: expect.stringContaining('F32 [batch, 3]'),
      got: 'F32 [1, 2]',
    })
    expect(mismatch('{"x": [1,"two",3]}')).toMatchObject({ got: '"two" at element 1' })
    expect(mismatch('{"x": [1,1e39,3]}')).toMatchObject({ got: '1e+39 at element 1' })
    expect(mismatch('{"x": [1,"NaN",3]}')).toMatchObject({ expected: expect.stringContaining('finite') })
    expect(mismatch('{"z": [1,2,3]}')).toMatchObject({ code: 'input-mismatch' })
    expect(mismatch('7')).toMatchObject({ code: 'input-mismatch' })
    expect(mismatch('{"x": [true,2,3]}')).toMatchObject({ got: 'true at element 0' })
  })
})

describe('.npy', () => {
  it('of doubles and of integers fills a float input', () => {
    const doubles = { dtype: 'F64', shape: [1, 3], data: Float64Array.of(0.1, 2, 3) } as const
    const integers = { dtype: 'I64', shape: [3], data: BigInt64Array.of(1n, 2n, 3n) } as const
    expect(parse('npy', encodeNpy(doubles), manifestOf(x))).toEqual({ x: float32([1, 3], [0.1, 2, 3]) })
    expect(parse('npy', encodeNpy(integers), manifestOf(x))).toEqual({ x: float32([1, 3], [1, 2, 3]) })
  })

  it('of floats does not fill an integer input, nor large integers a small one', () => {
    const small = manifestOf({ ...x, dtype: 'I8' })
    expect(parse('npy', encodeNpy(float32([3], [1, 2.5, 3])), small)).toMatchObject({ code: 'input-mismatch' })
    const large = { dtype: 'I16', shape: [3], data: Int16Array.of(1, 300, 3) } as const
    expect(parse('npy', encodeNpy(large), small)).toMatchObject({ code: 'input-mismatch', got: '300 at element 1' })
  })

  it('keeps NaN for a model that allows it', () => {
    const allowed = manifestOf({ ...x, nan: 'allow' })
    const data = { dtype: 'F64', shape: [3], data: Float64Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY) } as const
    const expected = { x: float32([1, 3], [1, Number.NaN, Number.NEGATIVE_INFINITY]) }
    expect(parse('npy', encodeNpy(data), allowed)).toEqual(expected)
    expect(parse('npy', encodeNpy(data), manifestOf(x))).toMatchObject({ code: 'input-mismatch' })
  })

  it('for one of several inputs is named', () => {
    const both = manifestOf(x, { ...x, name: 'z' })
    const bytes = encodeNpy(float32([3], [1, 2, 3]))
    expect(parse('npy', bytes, both)).toMatchObject({
      code: 'input-ambiguous',
      expected: expect.stringContaining('x, z'),
    })
    expect(parse('npy', bytes, both, { input: 'z' })).toMatchObject({
      code: 'input-mismatch',
      expected: expect.stringContaining('x'),
    })
    expect(parse('npy', bytes, manifestOf(x), { input: 'q' })).toMatchObject({ code: 'input-ambiguous' })
  })

  it('in Fortran order, big-endian, versions 1 to 3 and with members in any order is read', () => {
    const fortran = npy(
      "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }",
      [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0],
    )
    expect(decodeNpy(fortran)).toEqual({
      ok: true,
      value: { dtype: 'I16', shape: [2, 3], data: Int16Array.of(1, 2, 3, 4, 5, 6) },
    })
    const big = npy("{'shape': (2,), 'descr': '>i2', 'fortran_order': False}", [0, 1, 1, 0], 2)
    expect(decodeNpy(big)).toEqual({ ok: true, value: { dtype: 'I16', shape: [2], data: Int16Array.of(1, 256) } })
    const scalar = npy("{'descr': '|b1', 'fortran_order': False, 'shape': ()}", [1], 3)
    expect(decodeNpy(scalar)).toEqual({ ok: true, value: { dtype: 'BOOL', shape: [], data: Uint8Array.of(1) } })
  })

  it('that is not whole, not ours or not plain is refused by name', () => {
    const code = (bytes: Uint8Array): string => {
      const result = decodeNpy(bytes)
      return result.ok ? 'ok' : result.error.code
    }
    const whole = encodeNpy(float32([2], [1, 2]))
    expect(code(whole)).toBe('ok')
    expect(code(whole.subarray(0, whole.length - 1))).toBe('npy-invalid')
    expect(code(whole.subarray(0, 40))).toBe('npy-invalid')
    expect(code(Uint8Array.of(1, 2, 3))).toBe('npy-invalid')
    expect(code(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", [0, 0, 0, 0], 4))).toBe('npy-invalid')
    for (const descr of ["'<f2'", "'|O'", "'<U5'", "'<c8'", "[('a', '<f4')]"]) {
      const bytes = npy(`{'descr': ${descr}, 'fortran_order': False, 'shape': (1,)}`, [0, 0, 0, 0])
      expect(code(bytes)).toBe('npy-dtype-unsupported')
    }
    for (const header of [
      "{'descr': '<f4', 'shape': (1,)}",
      "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
      "__import__('os')",
    ]) {
      expect(code(npy(header, [0, 0, 0, 0]))).toBe('npy-invalid')
    }
    expect(code(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}", [2]))).toBe('npy-invalid')
  })
})

describe('candle CSV', () => {
  const head = 'date,Open,High,Low,Close,Volume'
  const csv = (...rows: string[]): string => [head, ...rows].join('\n')
  const rows = ['a,1,2,0.5,1.5,10', 'b,2,3,1.5,2.5,20', 'c,3,4,2.5,3.5,30']

  it('gives the last rows as one window', () => {
    const expected = { candles: float32([1, 2, 5], [2, 3, 1.5, 2.5, 20, 3, 4, 2.5, 3.5, 30]) }
    expect(parse('csv', csv(...rows), manifestOf(candles))).toEqual(expected)
    expect(parse('csv', `\uFEFF${csv(...rows).replaceAll('\n', '\r\n')}\r\n\r\n`, manifestOf(candles))).toEqual(
      expected,
    )
  })

  it('gives sliding windows as a batch, oldest first, the last ending at the last row', () => {
    expect(parse('csv', csv(...rows), manifestOf(candles), { windows: 2 })).toEqual({
      candles: float32([2, 2, 5], [1, 2, 0.5, 1.5, 10, 2, 3, 1.5, 2.5, 20, 2, 3, 1.5, 2.5, 20, 3, 4, 2.5, 3.5, 30]),
    })
  })

  it('takes columns by name in any order, quoted or not', () => {
    const text = 'volume,close,low,"high",open\n10,1.5,.5,"2",1\n20,2.5,1.5,3,2e0\n'
    expect(parse('csv', text, manifestOf(candles))).toEqual({
      candles: float32([1, 2, 5], [1, 2, 0.5, 1.5, 10, 2, 3, 1.5, 2.5, 20]),
    })
  })

  it('names line and column of what is wrong', () => {
    const wrong = (text: string, options: InputOptions = {}) => parse('csv', text, manifestOf(candles), options)
    expect(wrong('date,open,high,low,close\n')).toMatchObject({
      code: 'csv-header-invalid',
      line: 1,
      expected: 'one column volume',
    })
    expect(wrong('')).toMatchObject({ code: 'csv-header-invalid' })
    expect(wrong('open,open,high,low,close,volume')).toMatchObject({
      code: 'csv-header-invalid',
      expected: 'one column open',
    })
    expect(wrong(csv('a,1,2,0.5,1.5,10', 'b,2,n/a,1.5,2.5,20'))).toMatchObject({
      code: 'csv-value-invalid',
      line: 3,
      column: 3,
      got: 'n/a',
    })
    expect(wrong(csv('a,1,2,0.5,1.5,'))).toMatchObject({ line: 2, column: 6, got: 'an empty field' })
    expect(wrong(csv('a,1,2,0.5,-1,10'))).toMatchObject({ line: 2, column: 5 })
    expect(wrong(csv('a,1,2,0.5,0x1,10'))).toMatchObject({ line: 2, column: 5 })
    expect(wrong(csv('a,1,2,0.5,1.5'))).toMatchObject({ line: 2, expected: '6 fields', got: '5' })
    expect(wrong(csv('a,1,0.9,0.5,1.5,10'))).toMatchObject({ line: 2, expected: 'low <= open, close <= high' })
    expect(wrong(csv(...rows), { windows: 3 })).toMatchObject({ code: 'csv-too-short', got: '3' })
    expect(wrong(csv(...rows), { windows: 0 })).toMatchObject({ code: 'input-mismatch' })
    expect(parse('csv', csv(...rows), manifestOf(x))).toMatchObject({ code: 'input-mismatch' })
  })
})

describe('a file', () => {
  it('is read by its extension', async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'a.JSON'), '[1,2,3]')
    await writeFile(join(directory, 'a.txt'), '[1,2,3]')
    const codes = await Promise.all(
      ['a.JSON', 'a.txt', 'none.npy'].map(async (name) => {
        const result = await readInputFile(join(directory, name), manifestOf(x))
        return result.ok ? 'ok' : result.error.code
      }),
    )
    expect(codes).toEqual(['ok', 'format-unknown', 'file-unreadable'])
  })
})
