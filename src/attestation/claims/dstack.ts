import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { parseDstackLog } from '../dstack/eventLog.ts'
import { parseDstackDocument } from '../dstack/verify.ts'
import type { AttestationError } from '../errors.ts'
import type { DocumentClaims } from './claims.ts'
import { quoteClaims } from './dcap.ts'

/** The quote, and the events of its log: by name and payload where their digest was recomputed, by digest alone elsewhere. */
export function dstackClaims(bytes: Uint8Array, crypto: AttestationCrypto): Result<DocumentClaims, AttestationError> {
  const document = parseDstackDocument(bytes)
  if (!document.ok) return document
  const quote = quoteClaims(document.value.quote, 'tdx')
  if (!quote.ok) return quote
  const log = parseDstackLog(document.value.eventLog, crypto)
  if (!log.ok) return log
  const events = log.value.map(({ register, digest, measured }, position): readonly [string, string] => [
    `event.${position}`,
    measured === undefined
      ? `rtmr${register} ${bytesToHex(digest)}`
      : `rtmr${register} ${measured.name} ${bytesToHex(measured.payload)}`,
  ])
  return ok({ ...quote.value, fields: [...quote.value.fields, ...events] })
}
