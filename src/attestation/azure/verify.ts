import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes, isZero } from '../bytes.ts'
import { parseQuote } from '../dcap/quote.ts'
import { verifyTdx } from '../dcap/verify.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { AuthenticEvidence, EvidenceVerifier, ParsedEvidence, VerifierContext } from '../evidence.ts'
import { verifySnp } from '../snp/verify.ts'
import { type AzureDocument, parseAzureDocument } from './document.ts'
import { admitRuntimeData, type HclReport, parseHclReport } from './hclReport.ts'
import { matchTdReport } from './tdReport.ts'
import { type QuoteClaims, readVtpmQuote } from './vtpmQuote.ts'

/** The paravisor's privilege level: a report of any other was asked for by the guest, which could name a key of its own. */
const PARAVISOR_VMPL = '0x00000000'

/**
 * An Azure confidential VM on SEV-SNP. The paravisor's SNP report, with the VCEK of the document and `amd/chain` of the
 * bundle, says which key the virtual TPM signs with; that key's quote says what the guest booted, and its qualifying
 * data is the report data.
 */
export const verifyAzureSnp: EvidenceVerifier = async (evidence, context) => {
  const opened = openDocument(evidence, context, 'snp')
  if (!opened.ok) return opened
  const { document, report } = opened.value
  const collateral = new Map(evidence.collateral)
  const supplied = collateral.get('amd/vek')
  if (supplied !== undefined && !equalBytes(supplied, document.endorsement))
    return refuse('malformed-collateral', 'amd/vek of the document, or none', 'another certificate')
  collateral.set('amd/vek', document.endorsement)

  const inner = await verifySnp({ kind: 'sev-snp', document: report.hardwareReport, collateral }, context)
  if (!inner.ok) return inner
  const { vmpl } = inner.value.measurements
  if (vmpl !== PARAVISOR_VMPL) return refuse('vmpl-refused', PARAVISOR_VMPL, String(vmpl))
  return conclude(opened.value, inner.value, context)
}

/**
 * An Azure confidential VM on TDX: as above, by Intel's quote in the document, which must be of the TD report that the
 * paravisor keeps. The trust domain is the paravisor, which Azure starts without SEPT_VE_DISABLE: it handles #VE itself,
 * so `allowSeptVe` does not apply, and `tdattributes` is among the measurements.
 */
export const verifyAzureTdx: EvidenceVerifier = async (evidence, context) => {
  const opened = openDocument(evidence, context, 'tdx')
  if (!opened.ok) return opened
  const { document, report } = opened.value
  const quote = parseQuote(document.endorsement, 'tdx')
  if (!quote.ok) return quote
  const { body, length } = quote.value
  if (!isZero(document.endorsement.subarray(length)))
    return refuse('trailing-bytes', 'nothing after the quote', `${document.endorsement.length - length} bytes`)
  const matched = matchTdReport(report.hardwareReport, body, context.crypto)
  if (!matched.ok) return matched

  const { collateral } = evidence
  const policy = { ...context.policy, allowSeptVe: true }
  const inner = await verifyTdx({ kind: 'tdx', document: document.endorsement, collateral }, { ...context, policy })
  return inner.ok ? conclude(opened.value, inner.value, context) : inner
}

interface Opened {
  readonly document: AzureDocument
  readonly report: HclReport
  readonly quote: QuoteClaims
}

function openDocument(
  evidence: ParsedEvidence,
  { crypto }: VerifierContext,
  tee: 'snp' | 'tdx',
): Result<Opened, AttestationError> {
  const document = parseAzureDocument(evidence.document, tee)
  if (!document.ok) return document
  const report = parseHclReport(document.value.hclReport, tee, crypto)
  if (!report.ok) return report
  const quote = readVtpmQuote(document.value.quote, crypto)
  if (!quote.ok) return quote
  return ok({ document: document.value, report: report.value, quote: quote.value })
}

/** From authentic hardware evidence to the virtual TPM under it. */
async function conclude(
  { document, report, quote }: Opened,
  inner: AuthenticEvidence,
  { crypto }: VerifierContext,
): Promise<Result<AuthenticEvidence, AttestationError>> {
  const bound = admitRuntimeData(report, inner.reportData)
  if (!bound.ok) return bound
  const { message, signature } = document.quote
  if (!(await crypto.verify('RS256', report.attestationKey, signature, message)))
    return refuse('bad-signature', 'an RS256 signature by HCLAkPub over the quote', 'another')
  return ok({
    ...inner,
    measurements: { ...inner.measurements, ...quote.registers },
    reportData: quote.extraData,
    publicKey: report.attestationKey,
    nonce: undefined,
    checked: [...inner.checked, 'vtpm'],
  })
}
