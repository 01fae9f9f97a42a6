import type { PaymentRequired, SettleResponse } from '@x402/core/types'
import type { Answer } from './answer.ts'
import type { Problem } from './http/problem.ts'

export interface Failure {
  readonly ok: false
  readonly problem: Problem
  /** Of a payment that is to be made (again). */
  readonly required?: PaymentRequired
  readonly settlement?: SettleResponse
}

/** What a client gets: an answer that is paid, or why there is none; with what x402 says in its headers. */
export type Outcome = Failure | { readonly ok: true; readonly answer: Answer; readonly settlement: SettleResponse }

export interface Refunded {
  readonly ok: true
  readonly answer: undefined
  readonly acknowledgement: unknown
  readonly settlement: SettleResponse
}

export const failed = (
  problem: Problem,
  more: { readonly required?: PaymentRequired; readonly settlement?: SettleResponse } = {},
): Failure => ({ ok: false, problem, ...more })
