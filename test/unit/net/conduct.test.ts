import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { NET_CONDUCT, PeerConduct } from '../../../src/net/conduct.ts'
import { NET_LIMITS } from '../../../src/net/constants.ts'
import { createNetMetrics } from '../../../src/net/metrics.ts'
import { recordingLogger } from '../../integration/net/hosts.ts'

const HALF_LIFE = NET_LIMITS.conductHalfLife.value

function setUp(init: ConstructorParameters<typeof PeerConduct>[1] = {}) {
  let now = 1_000_000
  const logger = recordingLogger()
  const registry = new Registry()
  const unwelcome: [string, string][] = []
  const conduct = new PeerConduct(
    { clock: () => now, logger, metrics: createNetMetrics(registry) },
    { onUnwelcome: (peer, code) => unwelcome.push([peer, code]), ...init },
  )
  conduct.register({ late: { weight: 8 }, forged: { weight: 60 } })
  const pass = (milliseconds: number): void => {
    now += milliseconds
  }
  return { conduct, logger, registry, unwelcome, pass }
}

describe('conduct', () => {
  test('a report becomes a score, a log line with the code and a metric', async () => {
    const { conduct, logger, registry } = setUp()
    conduct.report('peer', 'late', { topic: 'vote' })
    expect(conduct.score('peer')).toBe(-8)
    expect(conduct.score('other')).toBe(0)
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { peer: 'peer', code: 'late', topic: 'vote' } }])
    expect(await registry.getSingleMetricAsString('opg_net_conduct_total')).toContain('{code="late"} 1')
  })

  test('scores decay by half in a half-life, to nothing in the end', () => {
    const { conduct, pass } = setUp()
    conduct.report('peer', 'late')
    pass(HALF_LIFE)
    expect(conduct.score('peer')).toBeCloseTo(-4, 9)
    pass(20 * HALF_LIFE)
    expect(conduct.score('peer')).toBe(0)
  })

  test('at the disconnect threshold a peer is unwelcome until its score mends', () => {
    const { conduct, unwelcome, pass } = setUp()
    conduct.report('peer', 'late')
    conduct.report('peer', 'late')
    expect(conduct.isWelcome('peer')).toBe(true)
    conduct.report('peer', 'late')
    expect(unwelcome).toEqual([['peer', 'late']])
    expect([conduct.isWelcome('peer'), conduct.isBanned('peer')]).toEqual([false, false])
    pass(HALF_LIFE)
    expect(conduct.isWelcome('peer')).toBe(true)
  })

  test('a ban outlasts the score and ends by time; the floor holds', () => {
    const { conduct, pass } = setUp()
    for (let index = 0; index < 5; index += 1) conduct.report('peer', 'forged')
    expect(conduct.score('peer')).toBe(NET_LIMITS.conductFloor.value)
    pass(NET_LIMITS.conductBanTime.value - 1)
    expect(conduct.isBanned('peer')).toBe(true)
    pass(1)
    expect(conduct.isBanned('peer')).toBe(false)
  })

  test('codes are a closed set: unknown ones and second weights are errors', () => {
    const { conduct } = setUp()
    expect(() => conduct.report('peer', 'unheard-of')).toThrow(
      expect.objectContaining({ code: 'unknown-conduct-code' }),
    )
    expect(() => conduct.register({ late: { weight: 9 } })).toThrow(
      expect.objectContaining({ code: 'invalid-configuration' }),
    )
    expect(() => conduct.register({ odd: { weight: 0 } })).toThrow(
      expect.objectContaining({ code: 'invalid-configuration' }),
    )
    conduct.register({ late: { weight: 8 }, ...NET_CONDUCT })
  })

  test('memory is bounded: the least guilty is forgotten first, a banned one last', () => {
    const { conduct } = setUp({ maxPeers: 3 })
    conduct.report('banned', 'forged')
    conduct.report('twice', 'late')
    conduct.report('twice', 'late')
    conduct.report('once', 'late')
    conduct.report('again', 'forged')
    expect(
      conduct
        .records()
        .map(({ peer }) => peer)
        .sort(),
    ).toEqual(['again', 'banned', 'twice'])
  })

  test('R27: records outlive a restart', () => {
    const first = setUp()
    first.conduct.report('peer', 'forged')
    const second = setUp({ records: first.conduct.records() })
    expect(second.conduct.isBanned('peer')).toBe(true)
    expect(second.conduct.score('peer')).toBe(-60)
  })
})
