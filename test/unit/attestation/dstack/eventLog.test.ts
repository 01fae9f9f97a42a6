import { sha384 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { parseDstackLog, RUNTIME_EVENT } from '../../../../src/attestation/dstack/eventLog.ts'
import { crypto } from '../../../support/nitroMint.ts'

const hex = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('hex')
const firmware = { imr: 0, event_type: 4, digest: '11'.repeat(48), event: '', event_payload: '00' }
const runtime = { imr: 3, event_type: RUNTIME_EVENT, digest: '', event: 'app-id', event_payload: 'abcd' }
const digestOf = sha384(Buffer.concat([Uint8Array.of(1, 0, 0, 8), Buffer.from(':app-id:'), Uint8Array.of(0xab, 0xcd)]))

const judge = (events: unknown) => {
  const parsed = parseDstackLog(typeof events === 'string' ? events : JSON.stringify(events), crypto)
  return parsed.ok ? parsed.value : parsed.error.code
}

describe("dstack's event log", () => {
  it('recomputes the digests of its own events, and names nothing of firmware', () => {
    expect(judge([firmware, runtime])).toEqual([
      { register: 0, digest: new Uint8Array(48).fill(0x11), measured: undefined },
      { register: 3, digest: digestOf, measured: { name: 'app-id', payload: Uint8Array.of(0xab, 0xcd) } },
    ])
    expect(judge([{ ...runtime, digest: hex(digestOf) }])).toEqual(judge([runtime]))
    expect(judge([])).toEqual([])
  })

  it('reads the second version by the object that was hashed', () => {
    const preimage = `{"name":"app-id","payload":"abcd","type":${RUNTIME_EVENT}}`
    const event = { ...runtime, version: 2, preimage: hex(preimage), digest: hex(sha384(Buffer.from(preimage))) }
    expect(judge([event])).toMatchObject([{ digest: sha384(Buffer.from(preimage)) }])
    expect(judge([{ ...event, preimage: undefined }])).toBe('malformed-event-log')
    expect(judge([{ ...event, event: 'compose-hash' }])).toBe('malformed-event-log')
    expect(judge([{ ...event, event_payload: 'abce' }])).toBe('malformed-event-log')
    expect(judge([{ ...event, digest: hex(digestOf) }])).toBe('event-log-mismatch')
    const twice = preimage.replace('{', '{"name":"other",')
    expect(judge([{ ...event, preimage: hex(twice), digest: '' }])).toBe('malformed-event-log')
    expect(judge([{ ...event, version: 3 }])).toBe('malformed-event-log')
  })

  it.each<[string, unknown, string]>([
    ['a digest of another payload', [{ ...runtime, digest: '22'.repeat(48) }], 'event-log-mismatch'],
    ['a short digest', [{ ...firmware, digest: '11' }], 'malformed-event-log'],
    ['no digest of firmware', [{ ...firmware, digest: '' }], 'malformed-event-log'],
    ['a register that is none', [{ ...firmware, imr: 4 }], 'malformed-event-log'],
    ['a register that is no number', [{ ...firmware, imr: '0' }], 'malformed-event-log'],
    ['an event type that is none', [{ ...firmware, event_type: -1 }], 'malformed-event-log'],
    ['an event of its own in another register', [{ ...runtime, imr: 2 }], 'malformed-event-log'],
    ['an event of firmware in RTMR3', [{ ...firmware, imr: 3 }], 'malformed-event-log'],
    ['a name without end', [{ ...runtime, event: 'a'.repeat(257) }], 'malformed-event-log'],
    // Else an app whose compose hash begins with 3ah could hide it in a name, and log another's afterwards.
    ['a name that a colon would end sooner', [{ ...runtime, event: 'app-id:' }], 'malformed-event-log'],
    ['a payload in upper case', [{ ...runtime, event_payload: 'ABCD' }], 'malformed-event-log'],
    ['half a byte of payload', [{ ...runtime, event_payload: 'abc' }], 'malformed-event-log'],
    ['a preimage that says something else', [{ ...runtime, preimage: '00' }], 'malformed-event-log'],
    ['a member nobody knows', [{ ...runtime, more: 1 }], 'malformed-event-log'],
    ['an event that is no object', [1], 'malformed-event-log'],
    ['too many events', Array.from({ length: 4_097 }, () => 1), 'malformed-event-log'],
    ['no array', {}, 'malformed-event-log'],
    ['no JSON', '[', 'malformed-event-log'],
    ['a member twice', '[{"imr":0,"imr":3}]', 'duplicate-key'],
  ])('is refused with %s', (_, events, code) => {
    expect(judge(events)).toBe(code)
  })
})
