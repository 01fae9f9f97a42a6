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
 * DER of the certificates of a PEM text (RFC 7468), in the order written: at least one. Nothing but certificates, line
 * ends and blanks may stand in it; NUL bytes at its end, as Intel's quotes have them, are passed over.
 */
export function parsePemCertificates(pem: Uint8Array, rules: PemRules): Result<Uint8Array[], AttestationError> {
  const { malformed, maxBytes, maxCertificates } = rules
  if (pem.length > maxBytes) return refuse(malformed, `at most ${maxBytes} bytes of PEM`, `${pem.length}`)
  const certificates: Uint8Array[] = []
  let block: string[] | undefined
  for (const line of linesOf(pem)) {
    if (line === BEGIN && block === undefined) {
      if (certificates.length === maxCertificates)
        return refuse(malformed, `at most ${maxCertificates} certificates`, 'more')
      block = []
    } else if (line === END && block !== undefined) {
      const der = base64ToBytes(block.join(''))
      if (der === undefined || der.length === 0) return refuse(malformed, 'a certificate in base64', 'something else')
      certificates.push(der)
      block = undefined
    } else if (block !== undefined) block.push(line)
    else if (line !== '') return refuse(malformed, `PEM certificates alone`, JSON.stringify(line.slice(0, 64)))
  }
  if (block !== undefined) return refuse(malformed, END, 'the end of the text')
  return certificates.length > 0 ? ok(certificates) : refuse(malformed, 'at least one PEM certificate', 'none')
}

/** Bytes beyond ASCII become letters that stand in no PEM. */
function linesOf(pem: Uint8Array): string[] {
  let end = pem.length
  while (pem[end - 1] === 0) end -= 1
  return new TextDecoder()
    .decode(pem.subarray(0, end))
    .split('\n')
    .map((line) => line.replace(/[\t\r ]+$/, ''))
}
