import { bytesToHex, ok, type Result } from '../protocol/index.ts'
import { verifyAzureSnp, verifyAzureTdx } from './azure/verify.ts'
import { equalBytes } from './bytes.ts'
import { parseCollateral } from './collateral.ts'
import { verifySgx, verifyTdx } from './dcap/verify.ts'
import { verifyDstack } from './dstack/verify.ts'
import { type AttestationError, refuse, refuseAge } from './errors.ts'
import {
  type AuthenticEvidence,
  type Check,
  type DocumentKind,
  type EvidenceInput,
  type EvidenceVerdict,
  type EvidenceVerifier,
  type Freshness,
  padReportData,
  type VerifierContext,
} from './evidence.ts'
import { verifyNitro } from './nitro/verify.ts'
import { verifyGpu, verifySwitch } from './nvidia/verify.ts'
import { admitMeasurements, admitTcb, isRevokedChip } from './policy.ts'
import { verifySnp } from './snp/verify.ts'
import { verifyGcp } from './token/gcp.ts'
import { verifyMaa } from './token/maa.ts'
import { verifyNras } from './token/nras.ts'

const VERIFIERS: Readonly<Partial<Record<DocumentKind, EvidenceVerifier>>> = {
  nitro: verifyNitro,
  'sev-snp': verifySnp,
  'tdx-dstack': verifyDstack,
  'nvidia-gpu': verifyGpu,
  'nvidia-switch': verifySwitch,
  tdx: verifyTdx,
  sgx: verifySgx,
  'azure-snp-vtpm': verifyAzureSnp,
  'azure-tdx-vtpm': verifyAzureTdx,
  nras: verifyNras,
  maa: verifyMaa,
  gcp: verifyGcp,
}

/**
 * Judges one piece of evidence under a policy (R5, R6). In order: structure, trust root, chain, signature and collateral
 * of its format; then debug mode, revoked chips, TCB status, measurements, report data and age, so that those codes
 * always speak of authentic evidence. Anything not understood is refused. The error's code is one of
 * `AttestationErrorCode`.
 */
export async function verifyEvidence(
  evidence: EvidenceInput,
  context: VerifierContext,
): Promise<Result<EvidenceVerdict, AttestationError>> {
  const verifier = Object.hasOwn(VERIFIERS, evidence.kind) ? VERIFIERS[evidence.kind] : undefined
  if (verifier === undefined)
    return refuse('unsupported-kind', Object.keys(VERIFIERS).join(', '), String(evidence.kind))
  const collateral = parseCollateral(evidence.collateral ?? new Uint8Array(0))
  if (!collateral.ok) return collateral
  const { kind, document: given } = evidence
  // A Buffer's slices are views, and what is read here must not change what was handed in.
  const document = new Uint8Array(given.buffer, given.byteOffset, given.length)
  const authentic = await verifier({ kind, document, collateral: collateral.value }, context)
  return authentic.ok ? appraise(kind, authentic.value, context) : authentic
}

function appraise(
  kind: DocumentKind,
  evidence: AuthenticEvidence,
  context: VerifierContext,
): Result<EvidenceVerdict, AttestationError> {
  const { policy, expectedReportData } = context
  const checked: Check[] = [...evidence.checked]
  const notChecked: Check[] = [...evidence.notChecked]

  if (evidence.debug === true)
    return refuse('debug', 'an enclave without debug mode', 'one whose memory its host can read')
  ;(evidence.debug === undefined ? notChecked : checked).push('not-debug')
  if (isRevokedChip(policy, evidence.instanceId))
    return refuse('chip-revoked', 'a machine that is not revoked', evidence.instanceId)
  const tcb = admitTcb(policy, evidence.tcbStatus)
  if (!tcb.ok) return tcb

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

  const freshness = judgeAge(evidence.issuedAt, context)
  if (!freshness.ok) return freshness
  ;(freshness.value.basis === 'none' ? notChecked : checked).push('freshness')
  ;(evidence.assurance.startsWith('hardware-') ? checked : notChecked).push('hardware')
  return ok(
    verdictOf(kind, evidence, freshness.value, { checked, notChecked, bound: expectedReportData !== undefined }),
  )
}

/** Age by the document's own signed time, else by the block its report data names. */
function judgeAge(issuedAt: number | undefined, context: VerifierContext): Result<Freshness, AttestationError> {
  const { now, policy, boundAt, expectedReportData } = context
  const bound = expectedReportData === undefined ? undefined : boundAt
  const at = issuedAt ?? bound
  if (at === undefined) return ok({ basis: 'none' })
  const ageMs = now - at
  if (!(ageMs <= policy.maxAgeMs)) return refuseAge('evidence-too-old', policy.maxAgeMs, ageMs)
  if (!(-ageMs <= policy.maxAheadMs)) return refuseAge('evidence-from-the-future', policy.maxAheadMs, -ageMs)
  return ok({ basis: issuedAt === undefined ? 'bound-block' : 'signed-time', at, ageMs })
}

function verdictOf(
  kind: DocumentKind,
  evidence: AuthenticEvidence,
  freshness: Freshness,
  found: { readonly checked: readonly Check[]; readonly notChecked: readonly Check[]; readonly bound: boolean },
): EvidenceVerdict {
  const { assurance, root, measurements, reportData, publicKey, nonce, instanceId, tcbStatus, advisories } = evidence
  return {
    kind,
    assurance,
    root,
    measurements,
    reportData: bytesToHex(reportData),
    keyBinding: {
      reportData: found.bound ? 'matched' : 'not-checked',
      publicKey: publicKey && bytesToHex(publicKey),
      nonce: nonce && bytesToHex(nonce),
    },
    instanceId,
    tcbStatus,
    advisories,
    freshness,
    expiresAt: evidence.expiresAt,
    checked: found.checked,
    notChecked: found.notChecked,
  }
}
