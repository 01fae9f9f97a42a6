export * from './assurance.ts'
export * from './attester.ts'
export { type AskAgent, dstackAttester } from './attesters/dstack.ts'
export { ATTESTER_CODES, AttesterError, type AttesterErrorCode } from './attesters/errors.ts'
export { NSM_STYLES, type NsmStyle, nsmAttester } from './attesters/nsm.ts'
export { nvidiaAttester } from './attesters/nvidia.ts'
export type { RunTool, ToolEnd } from './attesters/tool.ts'
export { type TsmDirectory, tsmAttester, tsmProvider } from './attesters/tsm.ts'
export type { DocumentClaims } from './claims/claims.ts'
export { readClaims } from './claims/readClaims.ts'
export {
  COLLATERAL_ITEMS,
  type Collateral,
  type CollateralItem,
  collateralDigest,
  encodeCollateral,
  parseCollateral,
} from './collateral.ts'
export * from './composite.ts'
export * from './constants.ts'
export type { AttestationCrypto, DigestAlgorithm, SignatureAlgorithm } from './crypto.ts'
export {
  type EarAppraisal,
  type EarClaims,
  type EarContext,
  type EarInit,
  earClaims,
  signEar,
  verifyEar,
} from './ear.ts'
export {
  commitmentOf,
  type EpochPolicy,
  formatEpochPolicy,
  measurementDigest,
  type PolicyCommitment,
  parseEpochPolicy,
  policyEntries,
  verifyCommitment,
} from './epochPolicy.ts'
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
  type DocumentKind,
  type EvidenceInput,
  type EvidenceVerdict,
  evidenceDigest,
  type Freshness,
  padReportData,
  REPORT_DATA_BYTES,
  TCB_STATUSES,
  type TcbStatus,
  TOKEN_KINDS,
  type TokenKind,
  type VerifierContext,
} from './evidence.ts'
export * from './policy.ts'
export * from './policyFile.ts'
export * from './sealing.ts'
export {
  type Measured,
  type SimulatedAttesterComponents,
  type SimulatedAttesterInit,
  type SimulatedMeasurements,
  simulatedAttester,
} from './simulated/attester.ts'
export * from './simulated/authority.ts'
export type { AuthorityPem } from './simulated/authorityPem.ts'
export { type SimulatedSnpAttesterInit, simulatedSnpAttester } from './simulated/snp.ts'
export {
  createSimulatedSnpAuthority,
  importSimulatedSnpAuthority,
  type SimulatedSnpAuthority,
} from './simulated/snpAuthority.ts'
export { type SimulatedTdxAttesterInit, simulatedTdxAttester } from './simulated/tdx.ts'
export {
  createSimulatedTdxAuthority,
  importSimulatedTdxAuthority,
  type SimulatedTdxAuthority,
} from './simulated/tdxAuthority.ts'
export { collateralEnd } from './supply/lifetime.ts'
export { manifestChain } from './supply/manifestChain.ts'
export { type CollateralNeed, collateralNeedOf, vcekPath } from './supply/needs.ts'
export { encodeOcspBundle, ocspRequest } from './supply/ocspRequest.ts'
export { pinKeySet } from './token/trustedKey.ts'
export {
  AWS_NITRO_ROOT_G1,
  assertTrustRoots,
  rootAssurance,
  type TrustProfile,
  type TrustRoot,
  trustRoot,
  vendorRoots,
} from './trustRoots.ts'
export { createVerdictCache, type VerdictCache } from './verdictCache.ts'
export * from './verifyEvidence.ts'
export { type Subtle, type WebKey, type WebKeyPair, webAttestationCrypto } from './webcrypto.ts'
export { KEY_OF, type KeyType, keyTypeOf } from './x509/algorithms.ts'
export { type Certificate, nameText, parseCertificate } from './x509/certificate.ts'
export { parseRevocationList, type RevocationList } from './x509/crl.ts'
