import { bytesToHex, type EvidenceKind, ok, type Result } from '../protocol/index.ts'
import { equalBytes } from './bytes.ts'
import { type AttestationError, refuse, refuseAge } from './errors.ts'
import {
  type AuthenticEvidence,
  type Check,
  type EvidenceInput,
  type EvidenceVerdict,
  type EvidenceVerifier,
  padReportData,
  type VerifierContext,
} from './evidence.ts'
import { verifyNitro } from './nitro/verify.ts'
import { admitMeasurements } from './policy.ts'

const VERIFIERS: Readonly<Record<EvidenceKind, EvidenceVerifier>> = { nitro: verifyNitro }

/**
 * Judges one piece of evidence under a policy (R5, R6). In order: structure, trust root, chain and signature of its
 * format; then debug mode, measurements, report data and age, so that those codes always speak of authentic evidence.
 * Anything not understood is refused. The error's code is one of `AttestationErrorCode`.
 */
export async function verifyEvidence(
  evidence: EvidenceInput,
  context: VerifierContext,
): Promise<Result<EvidenceVerdict, AttestationError>> {
  if (!Object.hasOwn(VERIFIERS, evidence.kind))
    return refuse('unsupported-kind', Object.keys(VERIFIERS).join(', '), String(evidence.kind))
  const authentic = await VERIFIERS[evidence.kind](evidence, context)
  return authentic.ok ? appraise(evidence.kind, authentic.value, context) : authentic
}

function appraise(
  kind: EvidenceKind,
  evidence: AuthenticEvidence,
  context: VerifierContext,
): Result<EvidenceVerdict, AttestationError> {
  const { policy, now, expectedReportData } = context
  const checked: Check[] = [...evidence.checked]
  const notChecked: Check[] = [...evidence.notChecked]

  if (evidence.debug) return refuse('debug', 'an enclave without debug mode', 'one whose memory its host can read')
  checked.push('not-debug')

  const measured = admitMeasurements(policy, kind, evidence.measurements)
  if (!measured.ok) return measured
  ;(policy.measurements === 'any' ? notChecked : checked).push('measurements')

  if (expectedReportData === undefined) {
    if (!policy.allowUnbound)
      return refuse('report-data-unbound', 'report data to compare with', 'none, and a policy that asks for it')
    notChecked.push('report-data')
  } else {
    const expected = padReportData(kind, expectedReportData)
    if (!equalBytes(expected, evidence.reportData))
      return refuse('report-data-mismatch', bytesToHex(expected), bytesToHex(evidence.reportData))
    checked.push('report-data')
  }

  const age = now - evidence.issuedAt
  if (!(age <= policy.maxAgeMs)) return refuseAge('evidence-too-old', policy.maxAgeMs, age)
  if (!(-age <= policy.maxAheadMs)) return refuseAge('evidence-from-the-future', policy.maxAheadMs, -age)
  checked.push('freshness')
  ;(evidence.assurance === 'simulated' ? notChecked : checked).push('hardware')

  return ok({
    kind,
    assurance: evidence.assurance,
    root: evidence.root,
    measurements: evidence.measurements,
    reportData: bytesToHex(evidence.reportData),
    keyBinding: {
      reportData: expectedReportData === undefined ? 'not-checked' : 'matched',
      publicKey: evidence.publicKey && bytesToHex(evidence.publicKey),
      nonce: evidence.nonce && bytesToHex(evidence.nonce),
    },
    instanceId: evidence.instanceId,
    issuedAt: evidence.issuedAt,
    expiresAt: evidence.expiresAt,
    checked,
    notChecked,
  })
}
