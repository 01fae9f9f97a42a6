import { decodePaymentRequiredHeader } from '@x402/core/http'
import { parsePaymentRequired } from '@x402/core/schemas'
import type { PaymentRequired, PaymentRequirements } from '@x402/core/types'
import { budgetOf, type SpendingError, type SpendingPolicy } from '../../payment/index.ts'
import { type Address, isAddress, toError } from '../../protocol/index.ts'
import { type PayFetchError, payFetchError } from './errors.ts'

export const PAYABLE_SCHEMES = ['exact', 'upto', 'batch-settlement'] as const
export type PayableScheme = (typeof PAYABLE_SCHEMES)[number]

/** An authorization is good for no longer than this, seconds: until then it may still be used by who holds it. */
const MAX_TIMEOUT_SECONDS = 3_600
/** Options of one answer that are looked at. */
const MAX_OPTIONS = 32
/** A fortieth of a megabyte: the header of a page with all its options and extensions. */
const MAX_HEADER_CHARACTERS = 64 * 1024

/** The one way of paying that was chosen. */
export interface Terms {
  readonly scheme: PayableScheme
  readonly asset: Address
  /** The price; the ceiling of one where the server charges what was used. Smallest units. */
  readonly amount: bigint
  readonly requirements: PaymentRequirements
  readonly required: PaymentRequired
}

/** What the caller allows at most: of any token, or of the network's own. */
export interface MaxAmount {
  readonly amount: bigint
  readonly opgOnly: boolean
}

/** What a 402 asks for. Throws PayFetchError `payment-required-malformed`. */
export function readPaymentRequired({ headers }: Response): PaymentRequired {
  const header = headers.get('payment-required')
  const malformed = (got: string): PayFetchError =>
    payFetchError('payment-required-malformed', 'a PAYMENT-REQUIRED header of x402 v2', got)
  if (header === null) throw malformed('none')
  if (header.length > MAX_HEADER_CHARACTERS) throw malformed(`${header.length} characters`)
  let value: unknown
  try {
    value = decodePaymentRequiredHeader(header)
  } catch (thrown) {
    throw malformed(toError(thrown).message)
  }
  const parsed = parsePaymentRequired(value)
  if (!parsed.success) throw malformed(parsed.error.issues[0]?.message ?? 'something else')
  if (parsed.data.x402Version !== 2) throw malformed(`x402 v${parsed.data.x402Version}`)
  return parsed.data as PaymentRequired
}

/**
 * The first of the server's options that can be paid and that the policy and the caller allow. Throws the reason why the
 * first option that could be paid is not allowed, or PayFetchError `no-payment-option`.
 */
export function chooseTerms(
  required: PaymentRequired,
  init: {
    readonly network: string
    readonly opg: Address
    readonly policy: SpendingPolicy
    readonly max: MaxAmount | undefined
  },
): Terms {
  const options = required.accepts.slice(0, MAX_OPTIONS)
  let refusal: PayFetchError | SpendingError | undefined
  for (const requirements of options) {
    const scheme = PAYABLE_SCHEMES.find((name) => name === requirements.scheme)
    const asset = requirements.asset.toLowerCase()
    if (scheme === undefined || requirements.network !== init.network || !isAddress(asset)) continue
    if (!/^[0-9]{1,38}$/.test(requirements.amount) || !isAddress(requirements.payTo.toLowerCase())) continue
    const terms = { scheme, asset, amount: BigInt(requirements.amount), requirements, required }
    const problem = problemOf(terms, init)
    if (problem === undefined) return terms
    refusal ??= problem
  }
  if (refusal !== undefined) throw refusal
  const offered = options.map(({ scheme, network }) => `${scheme} on ${network}`).join(', ')
  throw payFetchError('no-payment-option', `${PAYABLE_SCHEMES.join(', ')} on ${init.network}`, offered)
}

function problemOf(
  { asset, amount, requirements }: Terms,
  init: { readonly opg: Address; readonly policy: SpendingPolicy; readonly max: MaxAmount | undefined },
): PayFetchError | SpendingError | undefined {
  const { policy, max, opg } = init
  const budget = budgetOf(policy, asset)
  if (!budget.ok) return budget.error
  if (max?.opgOnly === true && asset !== opg) return payFetchError('over-max', 'a price in OPG', `one in ${asset}`)
  if (max !== undefined && amount > max.amount) {
    return payFetchError('over-max', `at most ${max.amount} of ${asset}`, `${amount}`)
  }
  if (requirements.maxTimeoutSeconds > MAX_TIMEOUT_SECONDS) {
    const got = `${requirements.maxTimeoutSeconds} seconds`
    return payFetchError('terms-refused', `a payment that is over after ${MAX_TIMEOUT_SECONDS} seconds`, got)
  }
  return undefined
}
