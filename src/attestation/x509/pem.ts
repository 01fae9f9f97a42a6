import { ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuse } from '../errors.ts'

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const SPACE = /[\r\n\t ]+/g

/** Bytes of a PEM chain: vendors' are below 10 kB. */
const MAX_PEM_BYTES = 65_536

/**
 * DER of each certificate in a PEM file (RFC 7468), in its order: at most `limit`, with nothing but white space or a
 * final NUL between and around them. `malformed-collateral`; `what` names the file in the message.
 */
export function pemCertificates(
  pem: Uint8Array,
  limit: number,
  what: string,
): Result<readonly Uint8Array[], AttestationError> {
  const bad = (got: string) => refuse('malformed-collateral', `${what} of 1 to ${limit} PEM certificates`, got)
  if (pem.length > MAX_PEM_BYTES) return bad(`${pem.length} bytes`)
  const text = new TextDecoder('latin1').decode(pem)
  const ders: Uint8Array[] = []
  let at = 0
  for (;;) {
    const begin = text.indexOf(BEGIN, at)
    if (begin === -1) break
    const end = text.indexOf(END, begin)
    if (end === -1 || ders.length === limit || !isBlank(text.slice(at, begin)))
      return bad('blocks cut short, too many, or text between them')
    const der = base64Bytes(text.slice(begin + BEGIN.length, end))
    if (der === undefined) return bad('a block that is not base64')
    ders.push(der)
    at = end + END.length
  }
  if (ders.length === 0 || !isBlank(text.slice(at))) return bad(ders.length === 0 ? 'none' : 'text after them')
  return ok(ders)
}

const isBlank = (text: string): boolean => text.replaceAll(SPACE, '').replace(/^\0$/, '') === ''

function base64Bytes(text: string): Uint8Array | undefined {
  const packed = text.replaceAll(SPACE, '')
  if (packed.length % 4 !== 0 || !BASE64.test(packed)) return undefined
  const binary = atob(packed)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = binary.charCodeAt(at)
  return bytes
}
