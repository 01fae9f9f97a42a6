import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { parseSign1 } from '../cose.ts'
import type { AttestationError } from '../errors.ts'
import { parseNitroDocument } from '../nitro/document.ts'
import { isoOf } from '../x509/chain.ts'
import type { DocumentClaims } from './claims.ts'

export function nitroClaims(bytes: Uint8Array): Result<DocumentClaims, AttestationError> {
  const message = parseSign1(bytes)
  if (!message.ok) return message
  const parsed = parseNitroDocument(message.value.payload)
  if (!parsed.ok) return parsed
  const { moduleId, timestamp, pcrs, certificate, cabundle, publicKey, userData, nonce } = parsed.value
  const optional = (name: string, value: Uint8Array | undefined): readonly [string, string] => [
    name,
    value === undefined ? 'null' : bytesToHex(value),
  ]
  return ok({
    fields: [
      ['module_id', moduleId],
      ['digest', 'SHA384'],
      ['timestamp', isoOf(timestamp)],
      ...[...pcrs].map(([index, register]) => [`pcr${index}`, bytesToHex(register)] as const),
      optional('public_key', publicKey),
      optional('user_data', userData),
      optional('nonce', nonce),
      ['signature', bytesToHex(message.value.signature)],
    ],
    certificates: [...cabundle, certificate],
    issuedAt: timestamp,
  })
}
