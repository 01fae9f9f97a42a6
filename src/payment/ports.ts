import type { ChannelConfig, ChannelFunds, ClaimRow, Digest, Result, Signature, Voucher } from '../protocol/index.ts'
import type { ChannelStanding } from './x402Answers.ts'

/** EIP-3009 `receiveWithAuthorization` to the collector. Times in seconds, exclusive. */
export interface Erc3009Authorization {
  readonly method: 'eip3009'
  readonly validAfter: bigint
  readonly validBefore: bigint
  readonly salt: Digest
  readonly signature: `0x${string}`
}

/** Permit2 signature transfer to the collector, with the channel as witness. `deadline` in seconds. */
export interface Permit2Authorization {
  readonly method: 'permit2'
  readonly nonce: bigint
  readonly deadline: bigint
  readonly signature: `0x${string}`
  /** Where Permit2 has no allowance yet: an EIP-2612 permit of the deposit's amount. */
  readonly allowance?: Permit2Allowance
}

/** `nonce` is the token's for the payer, `deadline` in seconds. */
export interface Permit2Allowance {
  readonly nonce: bigint
  readonly deadline: bigint
  readonly signature: Signature
}

export type DepositAuthorization = Erc3009Authorization | Permit2Authorization

/** A payment on a channel, parsed from an x402 v2 `PaymentPayload` of the scheme `batch-settlement`. */
export type ChannelPayment =
  | { readonly kind: 'voucher'; readonly config: ChannelConfig; readonly voucher: Voucher }
  | {
      readonly kind: 'deposit'
      readonly config: ChannelConfig
      readonly voucher: Voucher
      readonly amount: bigint
      readonly authorization: DepositAuthorization
    }
  /** Cooperative: pays back `amount`, or all that is not charged. */
  | { readonly kind: 'refund'; readonly config: ChannelConfig; readonly voucher: Voucher; readonly amount?: bigint }

export interface ChannelChainProblem {
  readonly code: 'deposit-failed' | 'refund-failed' | 'chain-unreachable' | 'insufficient-funds' | 'busy'
  readonly expected: string
  readonly got: string
}

/** What a provider's node does with the chain for its channels (R24, R25). */
export interface PayeeChannels {
  /** Reads a channel and follows it from then on; `busy` when too many with money in them are followed. */
  watch(channel: Digest): Promise<Result<ChannelFunds, ChannelChainProblem>>
  /** What the newest block says of a channel, as x402 objects show it; of the payee's books nothing. */
  standing(channel: Digest): Promise<Result<ChannelStanding, ChannelChainProblem>>
  /** Deposits, claims, refunds, withdrawals, blocks that became safe, reorganisations: what is left after each. */
  onFunds(listener: (channel: Digest, funds: ChannelFunds) => void): () => void
  /** Sends the payer's signed deposit and waits for its block; the payer needs no gas. */
  deposit(
    payment: Extract<ChannelPayment, { kind: 'deposit' }>,
  ): Promise<Result<{ transaction: Digest; funds: ChannelFunds }, ChannelChainProblem>>
  /** Pays `amount` back as the receiver's authorizer. */
  refund(
    config: ChannelConfig,
    amount: bigint,
  ): Promise<Result<{ transaction: Digest; funds: ChannelFunds }, ChannelChainProblem>>
}

/** A channel of which something may be claimed. */
export interface ClaimCandidate {
  readonly row: ClaimRow
  /** R25: a withdrawal is pending; the claim cannot wait. */
  readonly closing: boolean
}

/** The provider's books, as the claimer reads them. */
export interface ClaimSource {
  candidates(): readonly ClaimCandidate[]
}

/** The payer's wallet: signs deposits, never vouchers. Its key stays in it. */
export interface DepositWallet {
  readonly address: `0x${string}`
  authorize(config: ChannelConfig, amount: bigint): Promise<DepositAuthorization>
}
