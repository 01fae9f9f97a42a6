import { describe, expect, it } from 'vitest'
import { parseKserveRequest } from '../../../../src/gateway/kserve/request.ts'

const input = (changes: object = {}): object => ({
  inputs: [{ name: 'x', shape: [2, 2], datatype: 'FP32', data: [1, 2, 3, 4], ...changes }],
})
const codeOf = (json: unknown): unknown => {
  const parsed = parseKserveRequest(json)
  return parsed.ok ? 'ok' : parsed.error.code
}

describe('an inference request of the Open Inference Protocol', () => {
  it('has its elements flat or nested, row by row', () => {
    const flat = parseKserveRequest(input())
    expect(flat).toMatchObject({ value: { tensors: { x: { dtype: 'F32', shape: [2, 2] } } } })
    expect(
      parseKserveRequest(
        input({
          data: [
            [1, 2],
            [3, 4],
          ],
        }),
      ),
    ).toEqual(flat)
  })

  it('takes what JSON numbers cannot hold as strings', () => {
    const big = { datatype: 'INT64', shape: [1], data: ['-9223372036854775808'] }
    expect(parseKserveRequest(input(big))).toMatchObject({
      value: { tensors: { x: { data: BigInt64Array.of(-(2n ** 63n)) } } },
    })
    expect(codeOf(input({ ...big, data: [2 ** 53] }))).toBe('tensor-value-invalid')
    expect(codeOf(input({ shape: [2], data: ['NaN', '-Infinity'] }))).toBe('ok')
  })

  it.each([
    ['no object', 7, 'request-invalid'],
    ['an unknown member', { ...input(), inputz: [] }, 'request-invalid'],
    ['no input', { inputs: [] }, 'request-invalid'],
    ['a datatype that our tensors lack', input({ datatype: 'BYTES' }), 'tensor-invalid'],
    ['another count than the shape has', input({ data: [1, 2, 3] }), 'tensor-invalid'],
    ['ragged nesting', input({ data: [[1, 2, 3], [4]] }), 'tensor-invalid'],
    [
      'nesting deeper than the shape',
      input({
        data: [
          [[1], [2]],
          [[3], [4]],
        ],
      }),
      'tensor-invalid',
    ],
    ['a value out of range', input({ datatype: 'UINT8', data: [1, 2, 3, 256] }), 'tensor-value-invalid'],
    ['a fraction for an integer', input({ datatype: 'INT32', data: [1, 2, 3, 0.5] }), 'tensor-value-invalid'],
    ['a number beyond its type', input({ data: [1, 2, 3, 1e300] }), 'tensor-value-invalid'],
    ['a negative dimension', input({ shape: [-1, 4] }), 'request-invalid'],
    ['more bytes than a job carries', input({ shape: [2 ** 24], data: [] }), 'tensor-invalid'],
    ['a name with a space', input({ name: 'a b' }), 'tensor-invalid'],
    ['binary data', input({ parameters: { binary_data_size: 4 } }), 'request-invalid'],
  ])('is refused with %s', (_, json, code) => {
    expect(codeOf(json)).toBe(code)
  })

  it('is refused with an input twice', () => {
    const { inputs } = input() as { readonly inputs: readonly object[] }
    expect(codeOf({ inputs: [...inputs, ...inputs] })).toBe('request-invalid')
  })

  it('may choose its outputs', () => {
    expect(
      parseKserveRequest({ ...input(), outputs: [{ name: 'y', parameters: { binary_data: false } }] }),
    ).toMatchObject({ value: { outputs: ['y'] } })
  })
})
