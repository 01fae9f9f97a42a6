import { CodedError } from '../protocol/index.ts'

/** Why money is not spent. Amounts are wei; `expected` is the budget, `got` what was asked for. */
export type SpendingErrorDetail =
  /** The policy does not name the token. */
  | { readonly code: 'asset-refused'; readonly expected: string; readonly got: string }
  | { readonly code: 'host-refused'; readonly expected: string; readonly got: string }
  | { readonly code: 'over-job-budget'; readonly expected: string; readonly got: string }
  /** Of a UTC day: what is reserved and spent in it, and this. */
  | { readonly code: 'over-day-budget'; readonly expected: string; readonly got: string }
  /** Of a voucher key's whole life. */
  | { readonly code: 'over-key-budget'; readonly expected: string; readonly got: string }
  /** Of one channel. */
  | { readonly code: 'over-deposit-budget'; readonly expected: string; readonly got: string }
  | { readonly code: 'amount-invalid'; readonly expected: string; readonly got: string }
  /** One id, two different payments. */
  | { readonly code: 'reservation-conflict'; readonly expected: string; readonly got: string }
  | { readonly code: 'reservation-unknown'; readonly expected: string; readonly got: string }
  /** More was spent than was set aside for it. */
  | { readonly code: 'over-reservation'; readonly expected: string; readonly got: string }
  | { readonly code: 'spending-malformed'; readonly expected: string; readonly got: string }

export type SpendingErrorCode = SpendingErrorDetail['code']

/** A refusal of the wallet's policy or of its book. */
export class SpendingError extends CodedError<SpendingErrorDetail> {}

/** `what` says whose budget it is: "a job", "a day". */
export const spendingError = (code: SpendingErrorCode, expected: string, got: string, what?: string): SpendingError =>
  new SpendingError({ code, expected, got }, `${what === undefined ? '' : `${what}: `}expected ${expected}, got ${got}`)

export type PaymentErrorDetail = {
  readonly code: 'settlement-malformed'
  readonly expected: string
  readonly got: string
}

/** What is stored of payments cannot be read. */
export class PaymentError extends CodedError<PaymentErrorDetail> {}
