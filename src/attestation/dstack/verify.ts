import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { MAX_DSTACK_BYTES } from '../constants.ts'
import { parseQuote } from '../dcap/quote.ts'
import { claimsOf } from '../dcap/reports.ts'
import { verifyTdx } from '../dcap/verify.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { checkReplay } from '../eventlog/replay.ts'
import type { EvidenceVerifier } from '../evidence.ts'
import { isJsonObject, parseJson } from '../json.ts'
import { type DstackEvent, hexField, parseDstackLog, RUNTIME_REGISTER } from './eventLog.ts'

/** The guest agent's answer, shape checked. */
export interface DstackDocument {
  readonly quote: Uint8Array
  /** JSON. */
  readonly eventLog: string
  readonly reportData: Uint8Array | undefined
}

const KEYS = new Set(['quote', 'event_log', 'report_data', 'vm_config', 'hash_algorithm', 'prefix'])
const REPORT_DATA_BYTES = 64

/** The guest's own events, by the names of the measurements they become. */
const EVENTS = {
  'compose-hash': 'composehash',
  'app-id': 'appid',
  'instance-id': 'instanceid',
  'key-provider': 'keyprovider',
  'os-image-hash': 'osimagehash',
} as const
/** Guests of every version measure these before they start what they were given. */
const REQUIRED: readonly string[] = ['compose-hash', 'app-id']
const BOOT_DONE = 'system-ready'
const COMPOSE_HASH_BYTES = 32

/**
 * The answer of dstack's guest agent to GetQuote: a TDX quote, and the event log that leads to its RTMR3. Everything
 * `verifyTdx` checks, and that the log replays to the quote's registers; then what dstack measured of the application.
 * `vm_config` is the host's word and not read.
 */
export const verifyDstack: EvidenceVerifier = async (evidence, context) => {
  const parsed = parseDstackDocument(evidence.document)
  if (!parsed.ok) return parsed
  const { quote: document, eventLog, reportData } = parsed.value
  const quote = parseQuote(document, 'tdx')
  if (!quote.ok) return quote
  const log = parseDstackLog(eventLog, context.crypto)
  if (!log.ok) return log
  const application = measuredOf(log.value)
  if (!application.ok) return application
  const claims = claimsOf(quote.value)
  const replayed = checkReplay(log.value, claims.measurements, [RUNTIME_REGISTER], context.crypto)
  if (!replayed.ok) return replayed
  if (reportData !== undefined && !equalBytes(reportData, claims.reportData))
    return refuse('report-data-mismatch', `${bytesToHex(claims.reportData)} of the quote`, bytesToHex(reportData))

  const verified = await verifyTdx({ ...evidence, kind: 'tdx', document }, context)
  if (!verified.ok) return verified
  const { measurements, checked } = verified.value
  return ok({
    ...verified.value,
    measurements: { ...measurements, ...application.value },
    checked: [...checked, 'event-log', 'compose'],
  })
}

export function parseDstackDocument(bytes: Uint8Array): Result<DstackDocument, AttestationError> {
  const parsed = parseJson(bytes, { malformed: 'malformed-evidence', maxBytes: MAX_DSTACK_BYTES })
  if (!parsed.ok) return parsed
  const value = parsed.value
  if (!isJsonObject(value)) return refuse('malformed-evidence', 'a JSON object', typeof value)
  const unknown = Object.keys(value).find((key) => !KEYS.has(key))
  if (unknown !== undefined) return refuse('unknown-payload-key', [...KEYS].join(', '), unknown)
  const quote = prefixedHex(value.quote)
  if (quote === undefined) return refuse('malformed-evidence', 'a quote in lower-case hex', typeof value.quote)
  if (typeof value.event_log !== 'string')
    return refuse('malformed-evidence', 'an event_log in a string', typeof value.event_log)
  const reportData = value.report_data === undefined ? undefined : prefixedHex(value.report_data)
  if (value.report_data !== undefined && reportData?.length !== REPORT_DATA_BYTES)
    return refuse('malformed-evidence', `${REPORT_DATA_BYTES} bytes of report_data in hex`, typeof value.report_data)
  return ok({ quote, eventLog: value.event_log, reportData })
}

/** Some agents write `0x` before. */
const prefixedHex = (value: unknown): Uint8Array | undefined =>
  hexField(typeof value === 'string' && value.startsWith('0x') ? value.slice(2) : value)

/**
 * The measurements in the log. An application can extend the register too, once it runs: a name of dstack's that comes
 * again, or after the boot, is `event-log-mismatch`, and a log without the end of the boot yields the required ones alone.
 */
function measuredOf(log: readonly DstackEvent[]): Result<Readonly<Record<string, Hex>>, AttestationError> {
  const events = log.flatMap(({ measured }) => (measured === undefined ? [] : [measured]))
  const end = events.findIndex(({ name }) => name === BOOT_DONE)
  const measurements: Record<string, Hex> = {}
  for (const [name, measurement] of Object.entries(EVENTS)) {
    const [first, ...more] = events.flatMap((event, position) => (event.name === name ? [{ event, position }] : []))
    if (first === undefined) {
      if (REQUIRED.includes(name)) return refuse('event-log-mismatch', `an event ${name}`, 'none')
      continue
    }
    if (more.length > 0 || (end !== -1 && first.position > end))
      return refuse('event-log-mismatch', `${name} once, before ${BOOT_DONE}`, 'again or later')
    if (end === -1 && !REQUIRED.includes(name)) continue
    measurements[measurement] = bytesToHex(first.event.payload)
  }
  const compose = events.find(({ name }) => name === 'compose-hash')
  if (compose?.payload.length !== COMPOSE_HASH_BYTES)
    return refuse('event-log-mismatch', `a compose-hash of ${COMPOSE_HASH_BYTES} bytes`, `${compose?.payload.length}`)
  return ok(measurements)
}
