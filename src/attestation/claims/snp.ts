import { ok, type Result } from '../../protocol/index.ts'
import type { AttestationError } from '../errors.ts'
import { parseSnpReport } from '../snp/report.ts'
import type { DocumentClaims } from './claims.ts'
import { fieldsOf } from './fields.ts'

export function snpClaims(bytes: Uint8Array): Result<DocumentClaims, AttestationError> {
  const report = parseSnpReport(bytes)
  if (!report.ok) return report
  const { signed: _, ...fields } = report.value
  return ok({ fields: fieldsOf(fields), certificates: [], issuedAt: undefined })
}
