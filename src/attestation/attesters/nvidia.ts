import { base64ToBytes, bytesToHex, utf8 } from '../../protocol/index.ts'
import type { Attester } from '../attester.ts'
import { padReportData } from '../evidence.ts'
import { memberOf, parseJson } from '../json.ts'
import { GPU_TOOL_TIMEOUT_MS, MAX_GPU_DOCUMENT_BYTES, MAX_GPU_TOOL_OUTPUT_BYTES, MAX_GPUS } from './constants.ts'
import { attesterError } from './errors.ts'
import { type RunTool, toolOutput } from './tool.ts'

const NAME = 'nvidia'

/** What it asks of every version: newer ones print text unless told otherwise, older ones know JSON alone. */
const ENVIRONMENT = { NVAT_FORMAT: 'json', NVAT_LOG_LEVEL: 'off' } as const

/**
 * An attester for the GPUs of a machine by `nvattest`, the command-line tool of NVIDIA's attestation SDK. `reportData` is
 * the nonce of R5. Its evidence binds no session key: it stands beside the evidence of the processor, never alone.
 */
export function nvidiaAttester(components: { readonly run: RunTool }, { tool }: { readonly tool: string }): Attester {
  return {
    kind: 'nvidia-gpu',
    async attest(reportData) {
      const nonce = bytesToHex(padReportData('nvidia-gpu', reportData)).slice(2)
      const stdout = await toolOutput(NAME, components.run, {
        program: tool,
        args: ['collect-evidence', '--device', 'gpu', '--nonce', nonce],
        environment: ENVIRONMENT,
        timeoutMs: GPU_TOOL_TIMEOUT_MS,
        maxBytes: MAX_GPU_TOOL_OUTPUT_BYTES,
      })
      const document = utf8(JSON.stringify(evidencesOf(stdout).map((evidence) => deviceOf(evidence, nonce))))
      if (document.length > MAX_GPU_DOCUMENT_BYTES)
        throw invalid(`evidence of at most ${MAX_GPU_DOCUMENT_BYTES} bytes`, `${document.length}`)
      return { document, collateral: new Uint8Array(0) }
    },
  }
}

/** `{"evidences": [...], "result_code": 0, "result_message": "Ok"}` */
function evidencesOf(stdout: Uint8Array): readonly unknown[] {
  const parsed = parseJson(stdout, { malformed: 'malformed-evidence', maxBytes: MAX_GPU_TOOL_OUTPUT_BYTES })
  if (!parsed.ok) throw invalid('one JSON object', parsed.error.message)
  const [code, message] = ['result_code', 'result_message'].map((name) => memberOf(parsed.value, name))
  if (code !== 0) throw attesterError('attester-failed', NAME, 'result code 0', `${shown(code)}: ${shown(message)}`)
  const evidences = memberOf(parsed.value, 'evidences')
  if (!Array.isArray(evidences) || evidences.length > MAX_GPUS)
    throw invalid(`up to ${MAX_GPUS} GPUs`, shown(evidences))
  if (evidences.length === 0) throw attesterError('attester-unavailable', NAME, 'a GPU in confidential mode', 'none')
  return evidences
}

interface Device {
  readonly arch: string
  readonly certificate: string
  readonly evidence: string
  readonly nonce: string
}

/** The members that verifiers read; versions of driver and firmware are in the signed report itself. */
function deviceOf(value: unknown, nonce: string): Device {
  const member = (name: string): unknown => memberOf(value, name)
  const [arch, certificate, evidence, got] = ['arch', 'certificate', 'evidence', 'nonce'].map(member)
  if (typeof arch !== 'string' || !/^[A-Za-z0-9_-]{1,32}$/.test(arch)) throw invalid('an architecture', shown(arch))
  if (!isBase64(certificate)) throw invalid('a certificate chain in base64', shown(certificate))
  if (!isBase64(evidence)) throw invalid('a report in base64', shown(evidence))
  if (typeof got !== 'string' || got.replace(/^0x/, '').toLowerCase() !== nonce) throw invalid('our nonce', shown(got))
  return { arch, certificate, evidence, nonce }
}

const isBase64 = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && base64ToBytes(value) !== undefined

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 120)

const invalid = (expected: string, got: string): Error => attesterError('attester-answer-invalid', NAME, expected, got)
