import { describe, expect, it } from 'vitest'
import { memberOf, parseJson } from '../../../src/attestation/json.ts'

const RULES = { malformed: 'malformed-evidence', maxBytes: 1_000_000 } as const
const read = (text: string) => parseJson(new TextEncoder().encode(text), RULES)
const codeOf = (text: string): string => {
  const result = read(text)
  return result.ok ? 'ok' : result.error.code
}

describe('strict JSON', () => {
  it.each([
    '{}',
    '[]',
    'null',
    '"a"',
    ' {"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]} ',
    '{"a":"b","b":"a"}',
    '{"a":"\\"a\\":","b":"{\\\\"}',
    '["a","a"]',
    '{"":1," ":2}',
  ])('reads %s as JSON.parse does', (text) => {
    const result = read(text)
    expect(result.ok && result.value).toEqual(JSON.parse(text))
  })

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a":{"b":1,"c":[],"b" :2}}',
    '[{"x":1},{"x":1,"x":2}]',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\"":1,"a\\"":2}',
  ])('refuses a name that comes twice: %s', (text) => {
    expect(codeOf(text)).toBe('duplicate-key')
  })

  it.each(['', '{', '{"a":1}x', '\ufeff{}', "{'a':1}", '{"a":1,}', '[01]', 'NaN'])('refuses %j', (text) => {
    expect(codeOf(text)).toBe('malformed-evidence')
  })

  it('refuses bytes that are no UTF-8', () => {
    const result = parseJson(Uint8Array.of(0x22, 0xff, 0x22), RULES)
    expect(result.ok ? 'ok' : result.error.code).toBe('malformed-evidence')
  })

  it('refuses depth, count and size beyond its bounds', () => {
    expect(codeOf('['.repeat(32) + ']'.repeat(32))).toBe('ok')
    expect(codeOf('['.repeat(33) + ']'.repeat(33))).toBe('malformed-evidence')
    expect(codeOf(`[${'1,'.repeat(65_537)}1]`)).toBe('malformed-evidence')
    expect(codeOf(`"${'a'.repeat(1_000_000)}"`)).toBe('evidence-too-large')
  })

  it('sees own members alone', () => {
    expect(memberOf({}, 'constructor')).toBeUndefined()
    expect(memberOf(JSON.parse('{"__proto__":1}'), '__proto__')).toBe(1)
    expect(memberOf([], 'length')).toBeUndefined()
  })
})
