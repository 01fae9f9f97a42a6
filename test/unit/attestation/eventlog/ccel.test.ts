import { sha384 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { parseCcel } from '../../../../src/attestation/eventlog/ccel.ts'
import { checkReplay, MAX_EVENTS, replay } from '../../../../src/attestation/eventlog/replay.ts'
import { bytesToHex } from '../../../../src/protocol/index.ts'
import { ccelEvent, ccelLog } from '../../../support/ccel.ts'
import { crypto } from '../../../support/nitroMint.ts'

const digest = (fill: number): Uint8Array => new Uint8Array(48).fill(fill)
const judge = (log: Uint8Array) => {
  const parsed = parseCcel(log)
  return parsed.ok ? parsed.value : parsed.error.code
}

describe('firmware event logs (CCEL)', () => {
  it('yield the SHA-384 digests by register, in order, without events that extend nothing', () => {
    const log = ccelLog([
      ccelEvent({ register: 1, digests: [digest(1)] }),
      ccelEvent({ register: 0, type: 3, digests: [digest(9)] }),
      ccelEvent({ register: 4, digests: [digest(2)], data: new Uint8Array(100) }),
    ])
    expect(judge(log)).toEqual([
      { register: 0, digest: digest(1) },
      { register: 3, digest: digest(2) },
    ])
  })

  it.each([0, 0xff])('end where %i fills the rest of the table', (filler) => {
    const log = ccelLog([ccelEvent({ register: 1, digests: [digest(1)] })])
    expect(judge(Uint8Array.of(...log, ...new Uint8Array(1_000).fill(filler)))).toHaveLength(1)
    expect(judge(Uint8Array.of(...log, ...new Uint8Array(1_000).fill(filler), 1))).toBe('malformed-event-log')
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['zeros', new Uint8Array(1_000)],
    ['another specification', ccelLog([], { name: 'Spec ID Event02\0' })],
    ['a first event that extends', ccelLog([], { type: 8 })],
    ['no SHA-384', ccelLog([], { algorithms: [[11, 32]] })],
    ['SHA-384 of another length', ccelLog([], { algorithms: [[12, 32]] })],
    [
      'an algorithm twice',
      ccelLog([], {
        algorithms: [
          [12, 48],
          [12, 48],
        ],
      }),
    ],
    ['more algorithms than there are', ccelLog([], { count: 9 })],
    ['bytes after the algorithms', ccelLog([], { trailing: 1 })],
    ['an event of MRTD', ccelLog([ccelEvent({ register: 0, digests: [digest(1)] })])],
    ['an event of a fifth register', ccelLog([ccelEvent({ register: 5, digests: [digest(1)] })])],
    ['an event without a digest', ccelLog([ccelEvent({ register: 1, digests: [] })])],
    ['an event with two', ccelLog([ccelEvent({ register: 1, digests: [digest(1), digest(2)] })])],
    ['an event of another algorithm', ccelLog([ccelEvent({ register: 1, digests: [digest(1)], algorithm: 11 })])],
    ['an event cut short', ccelLog([ccelEvent({ register: 1, digests: [digest(1)] })]).slice(0, -1)],
    ['an event longer than the log', ccelLog([ccelEvent({ register: 1, digests: [digest(1)], size: 2 ** 32 - 1 })])],
    [
      'more events than allowed',
      ccelLog(Array.from({ length: MAX_EVENTS + 1 }, () => ccelEvent({ register: 1, digests: [digest(1)] }))),
    ],
  ])('are refused with %s', (_, log) => {
    expect(judge(log)).toBe('malformed-event-log')
  })

  it('are refused above a megabyte', () => {
    expect(judge(new Uint8Array(1_048_577))).toBe('evidence-too-large')
  })
})

describe('replay of an event log', () => {
  const one = { register: 2, digest: digest(1) }
  const two = { register: 2, digest: digest(2) }
  const extend = (register: Uint8Array, by: Uint8Array) => sha384(Uint8Array.of(...register, ...by))
  const both = extend(extend(digest(0), digest(1)), digest(2))
  const measured = {
    rtmr0: bytesToHex(digest(0)),
    rtmr1: bytesToHex(digest(7)),
    rtmr2: bytesToHex(both),
    rtmr3: bytesToHex(digest(0)),
  }
  const check = (log: (typeof one)[], required: number[]) => {
    const result = checkReplay(log, measured, required, crypto)
    return result.ok ? 'equal' : result.error.code
  }

  it('extends each register from zeros, in the order of the log', () => {
    expect(replay([one, two], crypto)).toEqual([digest(0), digest(0), both, digest(0)])
    expect(check([one, two], [0, 2])).toBe('equal')
    expect(check([two, one], [])).toBe('event-log-mismatch')
    expect(check([one], [])).toBe('event-log-mismatch')
  })

  it('asks for the required registers even where the log is silent', () => {
    expect(check([one, two], [1])).toBe('event-log-mismatch')
    expect(check([], [2])).toBe('event-log-mismatch')
    expect(check([], [3])).toBe('equal')
  })
})
