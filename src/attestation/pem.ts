import { base64ToBytes, ok, type Result } from '../protocol/index.ts'
import { type AttestationError, type EvidenceCode, refuse } from './errors.ts'

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'

export interface PemRules {
  /** The code of bytes that are no PEM, or hold too much or nothing. */
  readonly malformed: EvidenceCode
  readonly maxBytes: number
  readonly maxCertificates: number
}

/**
 * DER of the certificates of a PEM text (RFC 7468), in the order written: at least one. Nothing but certificates and
 * line ends may stand in it; NUL bytes at its end, as Intel's quotes have them, are passed over.
 */
export function parsePemCertificates(pem: Uint8Array, rules: PemRules): Result<Uint8Array[], AttestationError> {
  const { malformed, maxBytes, maxCertificates } = rules
  if (pem.length > maxBytes) return refuse(malformed, `at most ${maxBytes} bytes of PEM`, `${pem.length}`)
  const certificates: Uint8Array[] = []
  const text = textOf(pem)
  let at = 0
  for (let begin = text.indexOf(BEGIN); begin !== -1; begin = text.indexOf(BEGIN, at)) {
    if (!isBlank(text.slice(at, begin)) || (at > 0 && at === begin))
      return refuse(malformed, 'PEM certificates alone', 'text before one')
    if (certificates.length === maxCertificates)
      return refuse(malformed, `at most ${maxCertificates} certificates`, 'more')
    const end = text.indexOf(END, begin)
    if (end === -1) return refuse(malformed, END, 'the end of the text')
    const body = text.slice(begin + BEGIN.length, end)
    const der = isLines(body) ? base64ToBytes(body.replaceAll(LINE_END, '')) : undefined
    if (der === undefined || der.length === 0) return refuse(malformed, 'a certificate in base64', 'something else')
    certificates.push(der)
    at = end + END.length
  }
  if (!isBlank(text.slice(at))) return refuse(malformed, 'PEM certificates alone', 'text after them')
  return certificates.length > 0 ? ok(certificates) : refuse(malformed, 'at least one PEM certificate', 'none')
}

const LINE_END = /\r?\n/g
const BLANK = /^(?:\r?\n)*$/

const isBlank = (text: string): boolean => BLANK.test(text)

/** Whether the labels around it stand on lines of their own. */
const isLines = (body: string): boolean => /^\r?\n/.test(body) && body.endsWith('\n')

/** Bytes beyond ASCII become letters that stand in no PEM. */
function textOf(pem: Uint8Array): string {
  let end = pem.length
  while (pem[end - 1] === 0) end -= 1
  return new TextDecoder().decode(pem.subarray(0, end))
}
