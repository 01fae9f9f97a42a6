import { CodedError } from '../../protocol/index.ts'

/** Why a facilitator does not take a request. */
export type FacilitatorErrorDetail =
  | { readonly code: 'payment-malformed'; readonly expected: string; readonly got: string }
  | { readonly code: 'version-unsupported'; readonly expected: string; readonly got: string }
  | { readonly code: 'scheme-unsupported'; readonly expected: string; readonly got: string }
  | { readonly code: 'network-unsupported'; readonly expected: string; readonly got: string }
  | { readonly code: 'asset-unsupported'; readonly expected: string; readonly got: string }
  /** What the payer accepted is not what the merchant requires. */
  | { readonly code: 'requirements-differ'; readonly expected: string; readonly got: string }
  /** The same authorization was given for something else before. */
  | { readonly code: 'payment-conflict'; readonly expected: string; readonly got: string }
  | { readonly code: 'facilitator-unfunded'; readonly expected: string; readonly got: string }
  | { readonly code: 'verification-failed'; readonly expected: string; readonly got: string }
export type FacilitatorErrorCode = FacilitatorErrorDetail['code']

export class FacilitatorError extends CodedError<FacilitatorErrorDetail> {}

export const facilitatorError = (
  code: FacilitatorErrorCode,
  expected: string,
  got: string,
  options?: ErrorOptions,
): FacilitatorError => new FacilitatorError({ code, expected, got }, `expected ${expected}, got ${got}`, options)

/** Our codes in the words of x402 v2, section 9; what it has no word for keeps ours with underscores. */
const REASONS: { readonly [C in FacilitatorErrorCode]: string } = {
  'payment-malformed': 'invalid_payload',
  'version-unsupported': 'invalid_x402_version',
  'scheme-unsupported': 'unsupported_scheme',
  'network-unsupported': 'invalid_network',
  'asset-unsupported': 'invalid_payment_requirements',
  'requirements-differ': 'invalid_payment_requirements',
  'payment-conflict': 'payment_conflict',
  'facilitator-unfunded': 'facilitator_unfunded',
  'verification-failed': 'unexpected_verify_error',
}

export const reasonOf = ({ code }: FacilitatorError): string => REASONS[code]
