import { type Address, CodedError, type Digest } from '../protocol/index.ts'

/** Why the chain side does not do what an owner, voter or publisher asked. Wei as bigint, times in seconds since 1970. */
export type ChainRefusalDetail =
  | { readonly code: 'not-registered'; readonly operator: Address }
  | { readonly code: 'already-registered'; readonly operator: Address; readonly owner: Address }
  | { readonly code: 'not-owner'; readonly operator: Address; readonly expected: string; readonly got: string }
  | { readonly code: 'operator-frozen'; readonly operator: Address }
  | { readonly code: 'operator-rotated'; readonly operator: Address; readonly expected: string; readonly got: string }
  | { readonly code: 'too-many-unbondings'; readonly operator: Address; readonly releaseAt: number }
  | { readonly code: 'below-minimum'; readonly expected: string; readonly got: string }
  | { readonly code: 'exceeds-stake'; readonly expected: string; readonly got: string }
  | { readonly code: 'insufficient-allowance'; readonly expected: string; readonly got: string }
  | { readonly code: 'insufficient-funds'; readonly expected: string; readonly got: string }
  | { readonly code: 'nothing-staked'; readonly operator: Address; readonly role: string }
  | { readonly code: 'not-matured'; readonly operator: Address; readonly maturesAt: number }
  | { readonly code: 'still-bonded'; readonly operator: Address; readonly releaseAt: number }
  | { readonly code: 'under-case'; readonly operator: Address; readonly held: bigint }
  | { readonly code: 'already-seated'; readonly operator: Address }
  | { readonly code: 'too-light'; readonly expected: string; readonly got: string }
  | { readonly code: 'not-in-signing-set'; readonly operator: Address; readonly epoch: number }
  | { readonly code: 'epoch-open'; readonly epoch: number }
  | { readonly code: 'too-few-verifiers'; readonly expected: string; readonly got: string }
  | { readonly code: 'proposal-unknown'; readonly expected: string; readonly got: string }
  | { readonly code: 'proposal-state'; readonly expected: string; readonly got: string }
  | { readonly code: 'proposal-exists'; readonly number: number }
  | { readonly code: 'proposal-too-long'; readonly expected: string; readonly got: string }
  | { readonly code: 'proposal-reverts'; readonly target: Address }
  | { readonly code: 'not-canceller'; readonly expected: string; readonly got: string }
  | { readonly code: 'below-threshold'; readonly expected: string; readonly got: string }
  | { readonly code: 'already-voted'; readonly expected: string; readonly got: string }
  | { readonly code: 'no-votes'; readonly expected: string; readonly got: string }
  | { readonly code: 'timelock-waiting'; readonly executableFrom: number }
  | { readonly code: 'no-final-root'; readonly expected: string; readonly got: string }
  | { readonly code: 'reward-table-foreign'; readonly expected: Digest; readonly got: Digest }
  | { readonly code: 'nothing-to-claim'; readonly account: Address }
  | { readonly code: 'nothing-to-release'; readonly expected: string; readonly got: string }
  | { readonly code: 'model-unregistered'; readonly model: Digest }
  | { readonly code: 'model-taken'; readonly model: Digest; readonly owner: Address }
  | { readonly code: 'not-publisher'; readonly expected: string; readonly got: string }
  | { readonly code: 'not-offered'; readonly expected: string; readonly got: string }
  | { readonly code: 'name-taken'; readonly name: string; readonly owner: Address }
  | { readonly code: 'successor-invalid'; readonly model: Digest }
  | { readonly code: 'payment-refused' | 'unreachable'; readonly expected: string; readonly got: string }
  | { readonly code: 'not-payer'; readonly expected: string; readonly got: string }
  | { readonly code: 'withdrawal-open'; readonly finalizableAt: number }
  | { readonly code: 'no-withdrawal'; readonly expected: string; readonly got: string }
  | { readonly code: 'nothing-to-withdraw'; readonly expected: string; readonly got: string }
  | { readonly code: 'out-of-bounds'; readonly expected: string; readonly got: string }

export type ChainRefusalCode = ChainRefusalDetail['code']

/** An expected refusal, in words for who asked. */
export class ChainRefusal extends CodedError<ChainRefusalDetail & { readonly hint?: string }> {}

/** A second of the chain as people read it, always with its zone. */
export const momentOf = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z')

const WEI_DIGITS = 18

/** Wei as a decimal number of OPG, without trailing zeros. */
export function opgOf(wei: bigint | string): string {
  const digits = wei.toString().padStart(WEI_DIGITS + 1, '0')
  const fraction = digits.slice(-WEI_DIGITS).replace(/0+$/, '')
  return `${digits.slice(0, -WEI_DIGITS)}${fraction === '' ? '' : `.${fraction}`} OPG`
}

export const isChainRefusal = (error: unknown, code?: ChainRefusalCode): error is ChainRefusal =>
  error instanceof ChainRefusal && (code === undefined || error.code === code)
