import { describe, expect, test } from 'vitest'
import { configFields, createConfig, formatConfig, parseConfig } from '../../../src/node/config.ts'
import { NodeError } from '../../../src/node/errors.ts'

const problem = (text: string): { field: string; expected: string; got: string } => {
  const parsed = parseConfig(text, '/home/config.json')
  if (parsed.ok) throw new Error('expected a refusal')
  const { detail } = parsed.error
  if (detail.code !== 'config-invalid') throw new Error(detail.code)
  return { field: detail.field, expected: detail.expected, got: detail.got }
}

describe('a configuration', () => {
  test('needs nothing but its version', () => {
    const config = createConfig()
    expect(config).toMatchObject({
      version: 1,
      roles: ['requester'],
      listen: ['/ip4/0.0.0.0/tcp/4801'],
      metrics: { port: 9801 },
      log: { level: 'info' },
      attester: { kind: 'none' },
    })
    expect(parseConfig('{"version":1}')).toEqual({ ok: true, value: config })
  })

  test('comes back from the file it is written to', () => {
    const input = { roles: ['provider' as const], models: [{ folder: 'models/a', price: { perRequest: '7' } }] }
    const parsed = parseConfig(formatConfig(input))
    expect(parsed.ok && parsed.value.models[0]?.price).toMatchObject({ perRequest: 7n, minVerifyFee: 0n })
  })

  test('asks no price below what a job must leave for its verification: committees would reject it (R14)', () => {
    const price = (text: string): string => `{"version":1,"models":[{"folder":"a","price":${text}}]}`
    expect(problem(price('{"perRequest":"5","minVerifyFee":"6"}'))).toMatchObject({
      field: 'models.0.price.minVerifyFee',
    })
    expect(parseConfig(price('{"perRequest":"6","minVerifyFee":"6"}')).ok).toBe(true)
  })

  test('says where it is wrong, what was expected and what came', () => {
    expect(problem('{"version":1,"slots":0}')).toEqual({
      field: 'slots',
      expected: 'number to be >=1',
      got: '0',
    })
    expect(problem('{"version":1,"models":[{"folder":"a","price":{"perGMAC":7}}]}')).toMatchObject({
      field: 'models.0.price.perGMAC',
      got: '7',
    })
    expect(problem('{"version":1,"rolls":["provider"]}')).toMatchObject({ expected: 'no unknown fields', got: 'rolls' })
    expect(problem('{"version":2}')).toMatchObject({ field: 'version', got: '2' })
    expect(problem('{"version":1,')).toMatchObject({ field: '', expected: 'JSON' })
    expect(problem('{"version":1,"rpc":["ftp://x"]}')).toMatchObject({ field: 'rpc.0', got: '"ftp://x"' })
    expect(problem('{"version":1,"evidence":{"assurances":["very good"]}}')).toMatchObject({
      field: 'evidence.assurances.0',
    })
  })

  test('refuses amounts that are not decimal strings of the smallest unit', () => {
    for (const perRequest of ['1.5', '-1', '01', '0x10', '', '1e3']) {
      expect(() => createConfig({ models: [{ folder: 'a', price: { perRequest } }] })).toThrow(NodeError)
    }
  })

  test('takes the evidence policy of its profile unless it has its own (R6)', () => {
    const own = createConfig({ evidence: { assurances: ['hardware-aws'] } })
    expect(own.evidence).toMatchObject({ source: 'local', assurances: ['hardware-aws'], allowUnbound: false })
    expect(createConfig({ evidence: 'policy.json' }).evidence).toBe('policy.json')
    expect(createConfig().evidence).toBeUndefined()
  })

  test('has a sentence and a default for every field', () => {
    for (const { name, meaning, default: value } of configFields()) {
      expect([name, meaning]).toEqual([name, expect.stringMatching(/^[A-Z].*\.$/)])
      expect([name, value.length > 0]).toEqual([name, true])
    }
    expect(configFields().map(({ name }) => name)).toContain('evidence')
  })
})
