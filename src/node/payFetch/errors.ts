import { CodedError } from '../../protocol/index.ts'

type Words = { readonly expected: string; readonly got: string; readonly hint?: string }

/** Why a page was not paid for or not fetched; refusals of the wallet's policy are SpendingErrors. */
export type PayFetchErrorDetail =
  | ({ readonly code: 'url-invalid' } & Words)
  /** Whoever sits on an unencrypted line may put in his own address as the receiver. */
  | ({ readonly code: 'url-insecure' } & Words)
  | ({ readonly code: 'redirect-refused' } & Words)
  | ({ readonly code: 'unreachable' } & Words)
  | ({ readonly code: 'timed-out' } & Words)
  | ({ readonly code: 'response-too-large' } & Words)
  | ({ readonly code: 'payment-required-malformed' } & Words)
  /** Nothing the server takes can be paid from this wallet. */
  | ({ readonly code: 'no-payment-option' } & Words)
  /** Above what the caller said it may cost. */
  | ({ readonly code: 'over-max' } & Words)
  | ({ readonly code: 'terms-refused' } & Words)
  /** The server did not take the payment. */
  | ({ readonly code: 'payment-refused' } & Words)
  /** Another process pays from this home. */
  | ({ readonly code: 'wallet-busy' } & Words)
export type PayFetchErrorCode = PayFetchErrorDetail['code']

export class PayFetchError extends CodedError<PayFetchErrorDetail> {}

export const payFetchError = (
  code: PayFetchErrorCode,
  expected: string,
  got: string,
  options: ErrorOptions & { readonly hint?: string } = {},
): PayFetchError => {
  const { hint, cause } = options
  const detail = { code, expected, got, ...(hint === undefined ? {} : { hint }) } as PayFetchErrorDetail
  return new PayFetchError(detail, `expected ${expected}, got ${got}`, cause === undefined ? {} : { cause })
}
