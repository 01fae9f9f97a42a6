import { describe, expect, it } from 'vitest'
import {
  type CollateralItem,
  encodeCollateral,
  productionPolicy,
  type VerifierContext,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import type { Result } from '../../../src/protocol/index.ts'
import { needVectors } from '../../support/needVectors.ts'
import { readVector, VECTORS } from '../../support/vectors.ts'

const crypto = nodeAttestationCrypto()
const FOLDER = 'tee/tdx/'
const NOW = Date.parse('2026-06-01T00:00:00Z')
const codeOf = (result: Result<unknown, { code: string }>): string => (result.ok ? 'accept' : result.error.code)

/** The vectors come without Intel's collateral, of any program, bound to report data of their own. */
const policy = {
  ...productionPolicy(),
  measurements: 'any',
  allowUnbound: true,
  tcbStatuses: ['UpToDate', 'Unknown'],
} as const

const verify = (
  kind: 'tdx' | 'tdx-dstack',
  document: Uint8Array,
  over: Partial<VerifierContext> = {},
  log?: Uint8Array,
) =>
  verifyEvidence(
    {
      kind,
      document,
      collateral: encodeCollateral(new Map<CollateralItem, Uint8Array>(log ? [['tdx/event-log', log]] : [])),
    },
    { now: NOW, trustRoots: vendorRoots(), policy, crypto, ...over },
  )

type Fields = Record<string, unknown> & { event_log: string }
type Event = Record<string, unknown> & { imr: number; event: string; digest: string; event_payload: string }

const read = async (name: string): Promise<Fields> =>
  JSON.parse(new TextDecoder().decode(await readVector(FOLDER + name))) as Fields
const encode = (fields: Fields): Uint8Array => new TextEncoder().encode(JSON.stringify(fields))
const withLog = (fields: Fields, change: (events: Event[]) => Event[]): Uint8Array =>
  encode({ ...fields, event_log: JSON.stringify(change(JSON.parse(fields.event_log) as Event[])) })

needVectors('dstack and firmware event logs')

const DOCUMENTS = [
  { name: 'dstack-quote-report.json', image: undefined },
  {
    name: 'dstack-tdx-lite-getquote.json',
    image: '0x07a2388c7a6a1b6a646d443f1517990a4ec294471d63146cda9d56972765051d',
  },
]

describe.runIf(VECTORS !== undefined).each(DOCUMENTS)('dstack: $name', ({ name, image }) => {
  it('replays to the registers of its quote, and tells what dstack measured', async () => {
    const document = await readVector(FOLDER + name)
    const result = await verify('tdx-dstack', document)
    if (!result.ok) throw result.error
    const { assurance, checked, measurements, tcbStatus } = result.value
    expect(assurance).toBe('hardware-intel')
    expect(checked).toEqual(expect.arrayContaining(['signature', 'event-log', 'compose']))
    expect(tcbStatus).toBe('Unknown')
    const { composehash = '', appid = '', instanceid, keyprovider = '', osimagehash } = measurements
    expect(composehash).toMatch(/^0x[0-9a-f]{64}$/)
    expect(composehash.startsWith(appid)).toBe(true)
    expect(instanceid).toMatch(/^0x[0-9a-f]{40}$/)
    expect(Buffer.from(keyprovider.slice(2), 'hex').toString()).toContain('"name"')
    expect(osimagehash).toBe(image)
  })

  it('asks for collateral in production', async () => {
    const document = await readVector(FOLDER + name)
    const strict = { policy: { ...policy, tcbStatuses: ['UpToDate'] } } as const
    expect(codeOf(await verify('tdx-dstack', document, strict))).toBe('collateral-missing')
    expect(codeOf(await verify('tdx-dstack', document, { trustRoots: [] }))).toBe('untrusted-root')
  })

  it('is refused with another log, or with names that the log does not measure', async () => {
    const fields = await read(name)
    const judge = async (change: (events: Event[]) => Event[]) =>
      codeOf(await verify('tdx-dstack', withLog(fields, change)))
    const runtime = (event: Event): boolean => event.imr === 3
    const rename = (events: Event[], digest: string) =>
      events.map((event) =>
        event.event === 'compose-hash' ? { ...event, event_payload: '00'.repeat(32), digest } : event,
      )
    expect(await judge((events) => events)).toBe('accept')
    expect(await judge((events) => rename(events, ''))).toBe('event-log-mismatch')
    expect(await judge((events) => events.filter((event) => event.event !== 'compose-hash'))).toBe('event-log-mismatch')
    expect(await judge((events) => events.toReversed())).toBe('event-log-mismatch')
    expect(await judge((events) => events.slice(1))).toBe('event-log-mismatch')
    expect(await judge((events) => events.filter((event) => !runtime(event)))).toBe('event-log-mismatch')
    expect(await judge((events) => [...events, ...events.filter(runtime).slice(-1)])).toBe('event-log-mismatch')
    expect(await judge((events) => events.map((event) => ({ ...event, imr: 3 })))).toBe('malformed-event-log')
  })

  it('needs no log of the firmware, whose registers the quote tells', async () => {
    const fields = await read(name)
    const result = await verify(
      'tdx-dstack',
      withLog(fields, (events) => events.filter(({ imr }) => imr === 3)),
    )
    expect(codeOf(result)).toBe('accept')
  })

  it('is refused when it says other report data than its quote, or brings members nobody knows', async () => {
    const fields = await read(name)
    expect(codeOf(await verify('tdx-dstack', encode({ ...fields, report_data: '00'.repeat(64) })))).toBe(
      'report-data-mismatch',
    )
    expect(codeOf(await verify('tdx-dstack', encode({ ...fields, more: 1 })))).toBe('unknown-payload-key')
    expect(codeOf(await verify('tdx-dstack', encode({ ...fields, quote: '00' })))).toBe('malformed-evidence')
    const quote = String(fields.quote)
    const other = quote.slice(0, 1000) + (quote[1000] === '0' ? '1' : '0') + quote.slice(1001)
    expect(codeOf(await verify('tdx-dstack', encode({ ...fields, quote: other })))).not.toBe('accept')
  })
})

describe.runIf(VECTORS !== undefined)('a firmware event log (CCEL) of Google', () => {
  const quote = () => readVector(`${FOLDER}google-ccel-cos-113-tdx-quote.dat`)
  const log = () => readVector(`${FOLDER}google-ccel-ccel_data.dat`)

  it('replays to the registers of its quote', async () => {
    const result = await verify('tdx', await quote(), { now: Date.parse('2024-10-01T00:00:00Z') }, await log())
    if (!result.ok) throw result.error
    expect(result.value.checked).toContain('event-log')
    const without = await verify('tdx', await quote(), { now: Date.parse('2024-10-01T00:00:00Z') })
    expect(without.ok && without.value.checked).not.toContain('event-log')
  })

  it('is refused beside another quote, cut short, or with a digest changed', async () => {
    const now = Date.parse('2025-06-20T00:00:00Z')
    const other = await readVector(`${FOLDER}phala-tdx_quote.bin`)
    expect(codeOf(await verify('tdx', other, { now }, await log()))).toBe('event-log-mismatch')
    const whole = await log()
    expect(codeOf(await verify('tdx', await quote(), { now }, whole.slice(0, 18_000)))).toBe('malformed-event-log')
    const changed = whole.slice()
    changed[80] = (changed[80] ?? 0) ^ 1
    expect(codeOf(await verify('tdx', await quote(), { now }, changed))).not.toBe('accept')
    expect(codeOf(await verify('tdx', await quote(), { now }, new Uint8Array(1_040_000)))).toBe('malformed-event-log')
  })
})
