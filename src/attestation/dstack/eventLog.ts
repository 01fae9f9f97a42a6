import { type Hex, hexToBytes, ok, type Result } from '../../protocol/index.ts'
import { concatBytes, equalBytes } from '../bytes.ts'
import { MAX_DSTACK_BYTES } from '../constants.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { type Extension, MAX_EVENTS, RTMR_BYTES, RTMR_COUNT } from '../eventlog/replay.ts'
import { isJsonObject, type JsonObject, parseJson } from '../json.ts'

/** Type of the events that dstack itself logs, and the register they go to; firmware's go to the others. */
export const RUNTIME_EVENT = 0x0800_0001
export const RUNTIME_REGISTER = 3
const MAX_NAME = 256

/** One event of dstack's log. */
export interface DstackEvent extends Extension {
  /** What was measured, where the digest was recomputed from it; undefined for firmware's events, whose names prove nothing. */
  readonly measured: { readonly name: string; readonly payload: Uint8Array } | undefined
}

const KEYS = new Set(['imr', 'event_type', 'digest', 'event', 'event_payload', 'version', 'preimage'])
const SECOND_VERSION: readonly unknown[] = [2, 'v2', 'V2']
const FIRST_VERSION: readonly unknown[] = [undefined, 1, 'v1', 'V1']

/**
 * The `event_log` of dstack's guest agent, a JSON array, in order. Digests of runtime events are recomputed from type,
 * name and payload; one that the log gives must be the same: `malformed-event-log`, `duplicate-key`, `event-log-mismatch`.
 */
export function parseDstackLog(
  text: string,
  crypto: AttestationCrypto,
): Result<readonly DstackEvent[], AttestationError> {
  const parsed = parseJson(new TextEncoder().encode(text), {
    malformed: 'malformed-event-log',
    maxBytes: MAX_DSTACK_BYTES,
  })
  if (!parsed.ok) return parsed
  const list = parsed.value
  if (!Array.isArray(list) || list.length > MAX_EVENTS)
    return refuse('malformed-event-log', `an array of at most ${MAX_EVENTS} events`, typeof list)
  const events: DstackEvent[] = []
  for (const [position, item] of list.entries()) {
    const event = parseEvent(item, position, crypto)
    if (!event.ok) return event
    events.push(event.value)
  }
  return ok(events)
}

/** Lower case alone: one way to write each byte. */
export const hexField = (value: unknown): Uint8Array | undefined =>
  typeof value === 'string' && value.length % 2 === 0 && /^[0-9a-f]*$/.test(value)
    ? hexToBytes(`0x${value}` as Hex)
    : undefined

function parseEvent(item: unknown, position: number, crypto: AttestationCrypto): Result<DstackEvent, AttestationError> {
  const bad = (expected: string, got: unknown) =>
    refuse('malformed-event-log', `${expected} in event ${position}`, JSON.stringify(got) ?? 'nothing')
  if (!isJsonObject(item)) return bad('an object', item)
  const unknown = Object.keys(item).find((key) => !KEYS.has(key))
  if (unknown !== undefined) return bad([...KEYS].join(', '), unknown)
  const { imr, event_type: type, event: name } = item
  if (typeof imr !== 'number' || !Number.isInteger(imr) || imr < 0 || imr >= RTMR_COUNT)
    return bad('a register from 0 to 3', imr)
  if (typeof type !== 'number' || !Number.isInteger(type) || type < 0 || type > 0xffff_ffff)
    return bad('an event_type of 32 bits', type)
  if (typeof name !== 'string' || name.length > MAX_NAME) return bad(`an event of at most ${MAX_NAME} letters`, name)
  const payload = hexField(item.event_payload)
  if (payload === undefined) return bad('an event_payload in lower-case hex', item.event_payload)
  const logged = hexField(item.digest ?? '')
  if (logged === undefined || (logged.length !== 0 && logged.length !== RTMR_BYTES))
    return bad(`a digest of ${RTMR_BYTES} bytes`, item.digest)

  if ((imr === RUNTIME_REGISTER) !== (type === RUNTIME_EVENT))
    return bad(`events of type ${RUNTIME_EVENT} in RTMR${RUNTIME_REGISTER} and no others`, { imr, type })
  if (type !== RUNTIME_EVENT) {
    if (logged.length === 0) return bad('a digest', item.digest)
    return ok({ register: imr, digest: logged, measured: undefined })
  }
  // The first version separates by colons: with one in a name, two events have the same digest.
  if (FIRST_VERSION.includes(item.version) && name.includes(':')) return bad('a name without colons', name)
  const message = preimageOf(item, name, payload)
  if (message === undefined) return bad('a preimage that says the same as the event', item.preimage)
  const digest = crypto.digest('sha384', message)
  if (logged.length !== 0 && !equalBytes(logged, digest))
    return refuse('event-log-mismatch', `the digest of event ${position}, ${JSON.stringify(name)}`, 'another')
  return ok({ register: imr, digest, measured: { name, payload } })
}

/**
 * What a runtime event's digest is over. Version 1: type (little endian), name and payload with colons between. Version 2:
 * a JSON object of the three, which the log carries; undefined where it says something else.
 */
function preimageOf(item: JsonObject, name: string, payload: Uint8Array): Uint8Array | undefined {
  const given = item.preimage === undefined ? undefined : hexField(item.preimage)
  if (item.preimage !== undefined && given === undefined) return undefined
  if (SECOND_VERSION.includes(item.version))
    return given !== undefined && saysSame(given, item, name) ? given : undefined
  if (!FIRST_VERSION.includes(item.version)) return undefined
  const encoder = new TextEncoder()
  const type = new Uint8Array(4)
  new DataView(type.buffer).setUint32(0, RUNTIME_EVENT, true)
  const message = concatBytes(type, encoder.encode(`:${name}:`), payload)
  return given === undefined || equalBytes(given, message) ? message : undefined
}

function saysSame(preimage: Uint8Array, item: JsonObject, name: string): boolean {
  const parsed = parseJson(preimage, { malformed: 'malformed-event-log', maxBytes: MAX_DSTACK_BYTES })
  if (!parsed.ok || !isJsonObject(parsed.value) || Object.keys(parsed.value).length !== 3) return false
  const { name: saidName, type, payload } = parsed.value
  return saidName === name && type === RUNTIME_EVENT && payload === item.event_payload
}
