import { describe, expect, it } from 'vitest'
import {
  keccak,
  MAX_PARAMETER_BYTES,
  parametersHashOf,
  parseTensorParameters,
  utf8,
} from '../../../src/protocol/index.ts'

const BOM = Uint8Array.of(0xef, 0xbb, 0xbf)

describe('parameters of a tensor job', () => {
  it('are none', () => {
    expect(parseTensorParameters(utf8('{}'))).toEqual({ ok: true, value: {} })
  })

  it.each([
    ['an unknown member', utf8('{"temperature":1}')],
    ['a member that hides in the prototype', utf8('{"__proto__":1}')],
    ['a list', utf8('[]')],
    ['nothing', utf8('null')],
    ['a number', utf8('1')],
    ['no bytes', new Uint8Array(0)],
    ['bytes that are no JSON', utf8('{')],
    ['bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d)],
    ['other bytes of the same value', utf8('{ }')],
    ['a byte order mark before the same value', Uint8Array.of(...BOM, ...utf8('{}'))],
    ['more bytes than the limit', new Uint8Array(MAX_PARAMETER_BYTES + 1).fill(0x20)],
  ])('are refused when they are %s (R10)', (_, bytes) => {
    expect(parseTensorParameters(bytes)).toMatchObject({ ok: false, error: { code: 'bad-parameters' } })
  })

  it('are read to the limit', () => {
    const bytes = new Uint8Array(MAX_PARAMETER_BYTES).fill(0x20)
    const result = parseTensorParameters(bytes)
    expect(result.ok ? '' : result.error.got).toBe('bytes that are not JSON')
  })

  it('are hashed as the bytes they are (R3)', () => {
    expect(parametersHashOf(utf8('{}'))).toBe(keccak(utf8('{}')))
  })
})
