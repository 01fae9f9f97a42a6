import { ok, type Result } from '../../protocol/index.ts'
import { parseQuote, type Tee } from '../dcap/quote.ts'
import { claimsOf, teeTcbSvn } from '../dcap/reports.ts'
import type { AttestationError } from '../errors.ts'
import { parsePemCertificates } from '../pem.ts'
import type { DocumentClaims } from './claims.ts'
import { fieldsOf } from './fields.ts'

const PEM_RULES = { malformed: 'malformed-evidence', maxBytes: 65_536, maxCertificates: 8 } as const

export function quoteClaims(bytes: Uint8Array, tee: Tee): Result<DocumentClaims, AttestationError> {
  const quote = parseQuote(bytes, tee)
  if (!quote.ok) return quote
  const { version, layout, qeReport, qeAuthData, attestationKey, signature, pckChain } = quote.value
  const { measurements, reportData } = claimsOf(quote.value)
  const chain = pckChain === undefined ? undefined : parsePemCertificates(pckChain, PEM_RULES)
  if (chain?.ok === false) return chain
  return ok({
    fields: [
      ...fieldsOf({ version, layout, ...measurements, reportdata: reportData }),
      ...(layout === 'sgx' ? [] : fieldsOf({ teetcbsvn: teeTcbSvn(quote.value.body) })),
      ...fieldsOf({ attestationKey, qeReport, qeAuthData, signature }),
    ],
    certificates: chain?.value ?? [],
    issuedAt: undefined,
  })
}
