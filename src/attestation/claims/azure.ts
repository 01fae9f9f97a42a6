import { ok, type Result } from '../../protocol/index.ts'
import { parseAzureDocument } from '../azure/document.ts'
import { parseHclReport } from '../azure/hclReport.ts'
import { readVtpmQuote } from '../azure/vtpmQuote.ts'
import type { AttestationCrypto } from '../crypto.ts'
import type { AttestationError } from '../errors.ts'
import type { DocumentClaims } from './claims.ts'
import { quoteClaims } from './dcap.ts'
import { fieldsOf } from './fields.ts'
import { snpClaims } from './snp.ts'

/** The virtual TPM's quote, the paravisor's report, and the hardware's own words under it. */
export function azureClaims(
  bytes: Uint8Array,
  tee: 'snp' | 'tdx',
  crypto: AttestationCrypto,
): Result<DocumentClaims, AttestationError> {
  const document = parseAzureDocument(bytes, tee)
  if (!document.ok) return document
  const { hclReport, quote, endorsement } = document.value
  const report = parseHclReport(hclReport, tee, crypto)
  if (!report.ok) return report
  const vtpm = readVtpmQuote(quote, crypto)
  if (!vtpm.ok) return vtpm
  const hardware = tee === 'snp' ? snpClaims(report.value.hardwareReport) : quoteClaims(endorsement, 'tdx')
  if (!hardware.ok) return hardware
  const { runtimeDigest, attestationKey } = report.value
  return ok({
    fields: [
      ...fieldsOf({ extraData: vtpm.value.extraData, ...vtpm.value.registers }, 'vtpm.'),
      ...fieldsOf({ runtimeDigest, attestationKey }, 'hcl.'),
      ...hardware.value.fields.map(([name, value]) => [`${tee}.${name}`, value] as const),
    ],
    certificates: tee === 'snp' ? [endorsement] : hardware.value.certificates,
    issuedAt: undefined,
  })
}
