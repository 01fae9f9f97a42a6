import { CodedError, type Digest } from '../protocol/index.ts'

/** What the chain, or who answers for it, may say instead of a value. Wei and gas as bigint, times in ms. */
export type ChainErrorDetail =
  /** R2: an endpoint serves another chain than the network file names. */
  | { readonly code: 'foreign-chain-id'; readonly expected: number; readonly got: number; readonly endpoint: string }
  /** R2: the contracts there are another network's. */
  | { readonly code: 'foreign-network-id'; readonly expected: Digest; readonly got: string }
  /** R2: profile, chain id and genesis do not go together. */
  | { readonly code: 'profile-mismatch'; readonly profile: string; readonly chainId: number; readonly genesis: string }
  | { readonly code: 'network-file-malformed'; readonly problems: readonly string[] }
  /** A genesis that must not be deployed, with every reason. */
  | { readonly code: 'genesis-refused'; readonly problems: readonly string[] }
  /** A deployment cannot go on: the deployer's nonces or the code at its addresses are not the plan's. */
  | { readonly code: 'deployment-broken'; readonly step: string; readonly nonce: number }
  /** What is deployed is not what the plan says, with every difference. */
  | { readonly code: 'deployment-differs'; readonly problems: readonly string[] }
  | { readonly code: 'rpc-unreachable'; readonly endpoints: readonly string[] }
  /** R7: two endpoints name different blocks at one safe height. */
  | {
      readonly code: 'rpc-disagreement'
      readonly number: number
      readonly hashes: { readonly [endpoint: string]: Digest }
    }
  | { readonly code: 'rpc-failed'; readonly method: string; readonly rpcCode: number | undefined }
  /** A contract refused: its custom error, or `Error(string)`, `Panic(uint256)`. */
  | { readonly code: 'reverted'; readonly error: string; readonly args: readonly unknown[] }
  | { readonly code: 'gas-over-cap'; readonly estimate: bigint; readonly cap: bigint }
  | { readonly code: 'insufficient-funds'; readonly account: string }
  /** Another transaction of this account took every nonce that was tried. */
  | { readonly code: 'nonce-taken'; readonly account: string; readonly nonce: number }
  /** Not included in time; it may still be. */
  | {
      readonly code: 'not-included'
      readonly nonce: number
      readonly transactions: readonly Digest[]
      readonly afterMs: number
    }
  | { readonly code: 'no-signer' }
  /** Waited for a batch that did not come. */
  | { readonly code: 'not-anchored'; readonly number: number; readonly afterMs: number }
  | { readonly code: 'not-started' }
  | { readonly code: 'stopped' }

export type ChainErrorCode = ChainErrorDetail['code']

export class ChainError extends CodedError<ChainErrorDetail> {}

/** Whether a thrown value is a ChainError, of one code when given. */
export const isChainError = (error: unknown, code?: ChainErrorCode): error is ChainError =>
  error instanceof ChainError && (code === undefined || error.code === code)
