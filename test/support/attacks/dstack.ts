import {
  devnetPolicy,
  type EvidencePolicy,
  type VerifierContext,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { crypto } from '../nitroMint.ts'
import { readVector } from '../vectors.ts'
import type { Attack, AttackSuite } from './suite.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
/** Quotes are padded with zeros to 5,006 bytes; theirs ends here. */
const QUOTE_BYTES = 4_936

/** The vector comes without Intel's collateral. */
const POLICY: EvidencePolicy = { ...devnetPolicy(), allowUnbound: true, tcbStatuses: ['UpToDate', 'Unknown'] }

interface Answer {
  readonly quote: string
  readonly event_log: string
  readonly report_data: string
  readonly vm_config?: string
}
interface LogEvent {
  readonly imr: number
  readonly event_type: number
  readonly digest: string
  readonly event: string
  readonly event_payload: string
}

const encode = (answer: object): Uint8Array => new TextEncoder().encode(JSON.stringify(answer))
const read = async (name: string): Promise<Answer> =>
  JSON.parse(new TextDecoder().decode(await readVector(`tee/tdx/${name}`))) as Answer

async function judge(document: Uint8Array, over: Partial<VerifierContext> = {}): Promise<string> {
  const verdict = await verifyEvidence(
    { kind: 'tdx-dstack', document },
    { now: NOW, trustRoots: vendorRoots(), policy: POLICY, crypto, ...over },
  )
  return verdict.ok ? 'accept' : verdict.error.code
}

/** Attacks on answers of dstack's guest agent. The log of firmware and the host's `vm_config`, which tell nothing, are left out. */
export async function dstackAttacks(): Promise<AttackSuite> {
  const { quote, event_log, report_data } = await read('dstack-quote-report.json')
  const other = await read('dstack-tdx-lite-getquote.json')
  const log = (JSON.parse(event_log) as LogEvent[]).filter(({ imr }) => imr === 3)
  const answer: Answer = { quote, event_log: JSON.stringify(log), report_data }
  const good = encode(answer)
  const start = new TextDecoder().decode(good).indexOf(quote)

  const changed = (name: string, expected: string, change: object): Attack => ({
    name,
    expected,
    run: () => judge(encode({ ...answer, ...change })),
  })
  const logged = (name: string, expected: string, change: (events: LogEvent[]) => unknown[]): Attack =>
    changed(name, expected, { event_log: JSON.stringify(change(log)) })
  const replaced = (event: string, change: Partial<LogEvent>) => (events: LogEvent[]) =>
    events.map((each) => (each.event === event ? { ...each, ...change } : each))
  const compose = { event_payload: '00'.repeat(32) }

  return {
    kind: 'tdx-dstack',
    document: 'real',
    flips: {
      bytes: good,
      unsigned: [
        { from: start + 2 * QUOTE_BYTES, to: start + quote.length, why: 'padding after the quote, which nobody reads' },
      ],
      judge,
    },
    attacks: [
      logged('another compose file', 'event-log-mismatch', replaced('compose-hash', compose)),
      logged(
        'another compose file, its digest left out',
        'event-log-mismatch',
        replaced('compose-hash', { ...compose, digest: '' }),
      ),
      logged(
        'another application',
        'event-log-mismatch',
        replaced('app-id', { event_payload: '00'.repeat(20), digest: '' }),
      ),
      logged(
        'an event renamed',
        'event-log-mismatch',
        replaced('LIUM_MINER_HOTKEY', { event: 'os-image-hash', digest: '' }),
      ),
      logged('a second compose file, logged by the application', 'event-log-mismatch', (events) => [
        ...events,
        ...events.filter(({ event }) => event === 'compose-hash'),
      ]),
      logged('an event of dstack after the boot', 'event-log-mismatch', (events) => [
        ...events,
        { ...events[0], event: 'os-image-hash', event_payload: '00'.repeat(32), digest: '' },
      ]),
      logged('no events at all', 'event-log-mismatch', () => []),
      logged('events in another order', 'event-log-mismatch', (events) => events.toReversed()),
      logged('the last event left out', 'event-log-mismatch', (events) => events.slice(0, -1)),
      logged('an event of firmware that was none', 'event-log-mismatch', (events) => [
        { imr: 0, event_type: 4, digest: '00'.repeat(48), event: '', event_payload: '' },
        ...events,
      ]),
      logged('an event of firmware in RTMR3', 'malformed-event-log', replaced('app-id', { event_type: 4 })),
      changed('a member of an event twice', 'duplicate-key', {
        event_log: answer.event_log.replace('{"imr":3,', '{"imr":3,"imr":3,'),
      }),
      changed("the log of another machine's quote", 'event-log-mismatch', { event_log: other.event_log }),
      changed("another machine's quote", 'event-log-mismatch', { quote: other.quote }),
      changed('other report data than the quote', 'report-data-mismatch', { report_data: '00'.repeat(64) }),
      changed('a member nobody knows', 'unknown-payload-key', { attestation: '00' }),
      {
        name: 'a member twice',
        expected: 'duplicate-key',
        run: () => judge(new TextEncoder().encode(JSON.stringify(answer).replace('{', '{"quote":"",'))),
      },
      {
        name: 'replayed: report data of another session',
        expected: 'report-data-mismatch',
        run: () => judge(good, { expectedReportData: new Uint8Array(32).fill(1) }),
      },
      { name: 'under no root of Intel', expected: 'untrusted-root', run: () => judge(good, { trustRoots: [] }) },
      {
        name: 'an expired chain',
        expected: 'certificate-expired',
        run: () => judge(good, { now: Date.parse('2060-01-01T00:00:00Z') }),
      },
      {
        name: 'no collateral, where production asks for it',
        expected: 'collateral-missing',
        run: () => judge(good, { policy: { ...POLICY, tcbStatuses: ['UpToDate'] } }),
      },
      {
        name: 'a compose file that is not on the list',
        expected: 'measurement-refused',
        run: () =>
          judge(good, {
            policy: {
              ...POLICY,
              measurements: [{ kind: 'tdx-dstack', values: { composehash: `0x${'00'.repeat(32)}` } }],
            },
          }),
      },
      { name: 'truncated by a byte', expected: 'malformed-evidence', run: () => judge(good.slice(0, -1)) },
      { name: '10 MB of it', expected: 'evidence-too-large', run: () => judge(new Uint8Array(10_000_000).fill(0x5b)) },
    ],
  }
}
