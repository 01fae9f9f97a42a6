import { createHash } from 'node:crypto'
import { RUNTIME_EVENT } from '../../src/attestation/dstack/eventLog.ts'
import { replay } from '../../src/attestation/eventlog/replay.ts'
import type { TrustRoot } from '../../src/attestation/index.ts'
import { createIntelMint } from './intelMint.ts'
import { crypto } from './nitroMint.ts'

/** An event as dstack's guest agent lists it. */
export interface LoggedEvent {
  readonly imr: number
  readonly event_type: number
  readonly digest: string
  readonly event: string
  readonly event_payload: string
}

export interface DstackAnswer {
  readonly quote: string
  readonly event_log: string
  readonly report_data: string
}

export interface DstackMint {
  readonly root: TrustRoot
  /** The agent's answer, with a quote whose registers are what this log says. */
  mint(log: readonly LoggedEvent[]): Promise<{ readonly answer: DstackAnswer; readonly collateral: Uint8Array }>
}

const RTMR_AT = 328
const REPORT_DATA_AT = 520
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A guest of dstack under a throw-away authority in Intel's place. */
export async function createDstackMint(): Promise<DstackMint> {
  const intel = await createIntelMint('tdx')
  return {
    root: intel.root,
    async mint(log) {
      const extensions = log.map((event) => ({
        register: event.imr,
        digest: Uint8Array.from(Buffer.from(digestOf(event), 'hex')),
      }))
      let reportData = ''
      const { document, collateral } = await intel.mint({
        body: (body) => {
          for (const [index, register] of replay(extensions, crypto).entries()) body.set(register, RTMR_AT + 48 * index)
          reportData = hex(body.subarray(REPORT_DATA_AT, REPORT_DATA_AT + 64))
        },
      })
      return {
        answer: { quote: hex(document), event_log: JSON.stringify(log), report_data: reportData },
        collateral,
      }
    },
  }
}

const digestOf = ({ digest, event, event_payload }: LoggedEvent): string =>
  digest !== ''
    ? digest
    : createHash('sha384')
        .update(new Uint8Array(Uint32Array.of(RUNTIME_EVENT).buffer))
        .update(`:${event}:`)
        .update(Buffer.from(event_payload, 'hex'))
        .digest('hex')

export const runtimeEvent = (event: string, event_payload: string): LoggedEvent => ({
  imr: 3,
  event_type: RUNTIME_EVENT,
  digest: '',
  event,
  event_payload,
})

/** What a guest logs while it boots. */
export const BOOT: readonly LoggedEvent[] = [
  { imr: 0, event_type: 4, digest: '11'.repeat(48), event: '', event_payload: '00' },
  runtimeEvent('system-preparing', ''),
  runtimeEvent('app-id', 'aa'.repeat(20)),
  runtimeEvent('compose-hash', 'cc'.repeat(32)),
  runtimeEvent('instance-id', 'bb'.repeat(20)),
  runtimeEvent('boot-mr-done', ''),
  runtimeEvent('key-provider', '7b7d'),
  runtimeEvent('os-image-hash', 'dd'.repeat(32)),
  runtimeEvent('system-ready', ''),
]
