import { base64ToBytes, bytesToBase64, bytesToHex, hexToBytes } from '../../protocol/index.ts'
import type { Attester } from '../attester.ts'
import { equalBytes } from '../bytes.ts'
import { MAX_NITRO_BYTES } from '../constants.ts'
import { parseSign1 } from '../cose.ts'
import { padReportData } from '../evidence.ts'
import { parseNitroDocument } from '../nitro/document.ts'
import { MAX_NSM_OUTPUT_BYTES, NSM_TIMEOUT_MS } from './constants.ts'
import { attesterError } from './errors.ts'
import { type RunTool, toolOutput } from './tool.ts'

/**
 * How helpers for `/dev/nsm` take the user data: `hex` is `HELPER --user-data HEX`; `nsm-cli` is
 * `HELPER attest --user-data-b64 BASE64`, as the tool of that name has it.
 */
export const NSM_STYLES = ['hex', 'nsm-cli'] as const
export type NsmStyle = (typeof NSM_STYLES)[number]

export interface NsmInit {
  readonly helper: string
  readonly style: NsmStyle
}

const NAME = 'nsm'

const ARGS: Readonly<Record<NsmStyle, (userData: Uint8Array) => readonly string[]>> = {
  hex: (userData) => ['--user-data', bytesToHex(userData).slice(2)],
  'nsm-cli': (userData) => ['attest', '--user-data-b64', bytesToBase64(userData)],
}

/**
 * An attester by a helper program, which does the ioctl on `/dev/nsm` that Node cannot do. The helper ends with 0 and
 * writes the document to stdout: its bytes, or their hex or base64.
 */
export function nsmAttester(components: { readonly run: RunTool }, init: NsmInit): Attester {
  return {
    kind: 'nitro',
    async attest(reportData) {
      const userData = padReportData('nitro', reportData)
      const stdout = await toolOutput(NAME, components.run, {
        program: init.helper,
        args: ARGS[init.style](userData),
        timeoutMs: NSM_TIMEOUT_MS,
        maxBytes: MAX_NSM_OUTPUT_BYTES,
      })
      const document = documentOf(stdout)
      assertBound(document, userData)
      return { document, collateral: new Uint8Array(0) }
    },
  }
}

/** COSE_Sign1 is an array of four. */
const COSE_START = 0x84

function documentOf(stdout: Uint8Array): Uint8Array {
  const bytes = stdout[0] === COSE_START ? stdout : decoded(stdout)
  if (bytes === undefined || bytes.length === 0 || bytes.length > MAX_NITRO_BYTES)
    throw invalid('a document, raw or in hex or base64', `${stdout.length} other bytes`)
  return bytes
}

function decoded(stdout: Uint8Array): Uint8Array | undefined {
  const text = new TextDecoder().decode(stdout).replace(/\s+/g, '')
  return /^(?:[0-9a-fA-F]{2})+$/.test(text) ? hexToBytes(`0x${text.toLowerCase()}`) : base64ToBytes(text)
}

/** A helper may take other options than we think: a document without our data speaks for nobody. */
function assertBound(document: Uint8Array, userData: Uint8Array): void {
  const message = parseSign1(document)
  if (!message.ok) throw invalid('a COSE_Sign1', message.error.message)
  const payload = parseNitroDocument(message.value.payload)
  if (!payload.ok) throw invalid('a Nitro document', payload.error.message)
  const { userData: got } = payload.value
  if (got === undefined || !equalBytes(got, userData))
    throw invalid('a document with our user data', got === undefined ? 'one without' : 'one with other user data')
}

const invalid = (expected: string, got: string): Error => attesterError('attester-answer-invalid', NAME, expected, got)
