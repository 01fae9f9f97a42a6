export * from './attester.ts'
export * from './constants.ts'
export {
  AGE_CODES,
  AttestationError,
  type AttestationErrorCode,
  type AttestationErrorDetail,
  CERTIFICATE_CODES,
  CONFIGURATION_CODES,
  EVIDENCE_CODES,
  SIZE_CODES,
} from './errors.ts'
export {
  CHECKS,
  type Check,
  type EvidenceInput,
  type EvidenceVerdict,
  evidenceDigest,
  padReportData,
  REPORT_DATA_BYTES,
  type VerifierContext,
} from './evidence.ts'
export * from './policy.ts'
export * from './sealing.ts'
export * from './simulated/attester.ts'
export * from './simulated/authority.ts'
export {
  AWS_NITRO_ROOT_G1,
  assertTrustRoots,
  rootAssurance,
  type TrustProfile,
  type TrustRoot,
  trustRoot,
  vendorRoots,
} from './trustRoots.ts'
export * from './verifyEvidence.ts'
export type { Subtle, WebKey, WebKeyPair } from './webcrypto.ts'
