import { CodedError, fail } from '../protocol/index.ts'

/** Evidence or one of its parts is larger than allowed. */
export const SIZE_CODES = ['evidence-too-large'] as const

/** Evidence that is not what its format, its signer or our policy asks for. */
export const EVIDENCE_CODES = [
  'unsupported-kind',
  'malformed-cose',
  'trailing-bytes',
  'unexpected-header',
  'wrong-algorithm',
  'unknown-critical-header',
  'malformed-payload',
  'duplicate-key',
  'unknown-payload-key',
  'wrong-digest-algorithm',
  'bad-pcr',
  'bad-field',
  'untrusted-root',
  'assurance-refused',
  'bad-signature',
  'debug',
  'measurement-refused',
  'report-data-unbound',
  'report-data-mismatch',
  'malformed-evidence',
  'malformed-collateral',
  'collateral-missing',
  'malformed-crl',
  'crl-issuer-mismatch',
  'crl-not-yet-valid',
  'crl-expired',
  'bad-crl-signature',
  'tcb-status-refused',
  'attestation-key-mismatch',
  'td-attributes',
  'service-td',
  'collateral-not-yet-valid',
  'collateral-expired',
  'collateral-below-floor',
  'collateral-mismatch',
  'bad-collateral-signature',
  'qe-identity-mismatch',
  'tdx-module-mismatch',
  'tcb-level-not-found',
  'chip-revoked',
  'nonce-mismatch',
  'arch-mismatch',
  'fwid-mismatch',
  'malformed-rim',
  'bad-rim-signature',
  'rim-mismatch',
  'malformed-ocsp',
  'ocsp-signer-refused',
  'ocsp-not-yet-valid',
  'ocsp-expired',
  'bad-ocsp-signature',
  'ocsp-status-unknown',
  'unsupported-version',
  'host-requested',
  'migration-agent',
  'smt-refused',
  'abi-below-policy',
  'wrong-signing-key',
  'product-mismatch',
  'chip-mismatch',
  'tcb-mismatch',
  'tcb-inconsistent',
  'tcb-below-floor',
  'tcb-floor-missing',
  'malformed-event-log',
  'event-log-mismatch',
  'gpu-unbound',
  'too-few-vendors',
  'malformed-token',
  'digest-mismatch',
  'issuer-refused',
  'audience-refused',
  'token-not-yet-valid',
  'token-expired',
  'verifier-refused',
  'no-jwks',
  'unknown-key',
  'untrusted-key',
  'malformed-hcl-report',
  'runtime-data-mismatch',
  'malformed-tpm-quote',
  'pcr-mismatch',
  'td-report-mismatch',
  'vmpl-refused',
] as const

/** One certificate of the chain is at fault; `certificate` is its position, 0 the root. */
export const CERTIFICATE_CODES = [
  'malformed-certificate',
  'wrong-certificate-algorithm',
  'unknown-critical-extension',
  'issuer-mismatch',
  'not-a-ca',
  'ca-key-usage',
  'path-length',
  'certificate-not-yet-valid',
  'certificate-expired',
  'certificate-revoked',
  'leaf-is-ca',
  'leaf-key-usage',
  'bad-certificate-signature',
] as const

/** Freshness, apart from the validity of certificates; `limit` and `got` in milliseconds. */
export const AGE_CODES = ['evidence-too-old', 'evidence-from-the-future'] as const

/** Our own configuration is at fault: the node refuses to start. */
export const CONFIGURATION_CODES = [
  'non-vendor-root',
  'duplicate-root',
  'malformed-root',
  'bad-policy',
  'policy-refused',
  'policy-mismatch',
  'bad-authority',
  'bad-report-data',
] as const

export type SizeCode = (typeof SIZE_CODES)[number]
export type EvidenceCode = (typeof EVIDENCE_CODES)[number]
export type CertificateCode = (typeof CERTIFICATE_CODES)[number]
export type AgeCode = (typeof AGE_CODES)[number]
export type ConfigurationCode = (typeof CONFIGURATION_CODES)[number]

/** The closed set of this domain. */
export type AttestationErrorCode = SizeCode | EvidenceCode | CertificateCode | AgeCode | ConfigurationCode

export type AttestationErrorDetail =
  | { readonly code: EvidenceCode | ConfigurationCode; readonly expected: string; readonly got: string }
  | {
      readonly code: CertificateCode
      readonly certificate: number
      readonly expected: string
      readonly got: string
    }
  | { readonly code: SizeCode | AgeCode; readonly limit: number; readonly got: number }

export class AttestationError extends CodedError<AttestationErrorDetail> {}

/** Characters of what was expected and what came: registers are below 200, lists of them are cut. */
const MAX_WORDS = 1_024
/** Line ends, terminals' commands and changes of direction: documents may say them, messages and logs must not. */
const COMMANDS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/** Words of a document made fit for a message. */
const worded = (text: string): string =>
  (text.length > MAX_WORDS ? `${text.slice(0, MAX_WORDS)}…` : text).replace(COMMANDS, '\ufffd')

type Failure = { readonly ok: false; readonly error: AttestationError }

export const mismatch = (
  code: EvidenceCode | ConfigurationCode,
  expected: string,
  got: string,
  cause?: unknown,
): AttestationError => {
  const detail = { code, expected: worded(expected), got: worded(got) }
  return new AttestationError(detail, `${code}: expected ${detail.expected}, got ${detail.got}`, causeOf(cause))
}

export const refuse = (code: EvidenceCode, expected: string, got: string, cause?: unknown): Failure =>
  fail(mismatch(code, expected, got, cause))

export const refuseCertificate = (
  code: CertificateCode,
  certificate: number,
  expected: string,
  got: string,
  cause?: unknown,
): Failure => {
  const detail = { code, certificate, expected: worded(expected), got: worded(got) }
  const message = `${code}: certificate ${certificate} of the chain: expected ${detail.expected}, got ${detail.got}`
  return fail(new AttestationError(detail, message, causeOf(cause)))
}

export const refuseSize = (limit: number, got: number): Failure =>
  fail(
    new AttestationError(
      { code: 'evidence-too-large', limit, got },
      `evidence-too-large: expected at most ${limit} bytes, got ${got}`,
    ),
  )

export const refuseAge = (code: AgeCode, limit: number, got: number): Failure =>
  fail(new AttestationError({ code, limit, got }, `${code}: expected at most ${limit} ms, got ${got} ms`))

const causeOf = (cause: unknown): ErrorOptions | undefined => (cause === undefined ? undefined : { cause })
