import { bytesToHex } from '../../protocol/index.ts'
import type { Attester } from '../attester.ts'
import { padReportData } from '../evidence.ts'
import { memberOf, parseJson } from '../json.ts'
import { DSTACK_TIMEOUT_MS, MAX_DSTACK_ANSWER_BYTES } from './constants.ts'
import { attesterError, fromSystem } from './errors.ts'

export interface AgentRequest {
  readonly socket: string
  readonly path: string
  /** JSON. */
  readonly body: string
  readonly timeoutMs: number
  readonly maxBytes: number
}

export interface AgentAnswer {
  readonly status: number
  readonly body: Uint8Array
}

/** POST to an HTTP server on a Unix socket. Throws an error with an errno in `code`. */
export type AskAgent = (request: AgentRequest) => Promise<AgentAnswer>

const NAME = 'dstack'
const OK_STATUS = 200

/** Agents before dstack 0.5 listen on `tappd.sock` and take the 64 bytes for a quote under another name. */
const pathOf = (socket: string): string => (socket.endsWith('tappd.sock') ? '/prpc/Tappd.RawQuote?json' : '/GetQuote')

/** An attester by dstack's guest agent: its answer is the document, byte by byte. */
export function dstackAttester(
  components: { readonly ask: AskAgent },
  { socket }: { readonly socket: string },
): Attester {
  return {
    kind: 'tdx-dstack',
    async attest(reportData) {
      const hex = bytesToHex(padReportData('tdx-dstack', reportData)).slice(2)
      const path = pathOf(socket)
      const answer = await components
        .ask({
          socket,
          path,
          body: JSON.stringify({ report_data: hex }),
          timeoutMs: DSTACK_TIMEOUT_MS,
          maxBytes: MAX_DSTACK_ANSWER_BYTES,
        })
        .catch((thrown: unknown) => {
          throw fromSystem(NAME, `a guest agent at ${socket}`, thrown)
        })
      if (answer.status !== OK_STATUS)
        throw attesterError('attester-failed', NAME, `${path} answered with ${OK_STATUS}`, `${answer.status}`)
      assertQuote(answer.body, hex)
      return { document: answer.body, collateral: new Uint8Array(0) }
    },
  }
}

/** The least that makes the answer evidence: a quote that holds our report data, and an event log. */
function assertQuote(body: Uint8Array, reportData: string): void {
  const parsed = parseJson(body, { malformed: 'malformed-evidence', maxBytes: MAX_DSTACK_ANSWER_BYTES })
  if (!parsed.ok) throw invalid('a JSON object', parsed.error.message)
  const [quote, eventLog] = ['quote', 'event_log'].map((name) => memberOf(parsed.value, name))
  if (typeof quote !== 'string' || !/^(?:0x)?[0-9a-fA-F]+$/.test(quote)) throw invalid('a quote in hex', typeof quote)
  if (typeof eventLog !== 'string') throw invalid('an event log', typeof eventLog)
  if (!quote.toLowerCase().includes(reportData)) throw invalid('a quote with our report data', 'a quote without')
}

const invalid = (expected: string, got: string): Error => attesterError('attester-answer-invalid', NAME, expected, got)
