import { type Address, encodeAbiParameters, type Hex, hashTypedData, keccak256, type TypedDataDomain } from 'viem'

/** The signed types of the x402 scheme `batch-settlement`, as published. */
export const CHANNEL_TYPES = {
  ChannelConfig: [
    { name: 'payer', type: 'address' },
    { name: 'payerAuthorizer', type: 'address' },
    { name: 'receiver', type: 'address' },
    { name: 'receiverAuthorizer', type: 'address' },
    { name: 'token', type: 'address' },
    { name: 'withdrawDelay', type: 'uint40' },
    { name: 'salt', type: 'bytes32' },
  ],
  Voucher: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
  ],
  Refund: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'nonce', type: 'uint256' },
    { name: 'amount', type: 'uint128' },
  ],
  ClaimEntry: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
    { name: 'totalClaimed', type: 'uint128' },
  ],
  ClaimBatch: [{ name: 'claims', type: 'ClaimEntry[]' }],
} as const

/** What a payer signs for Permit2 when it deposits. */
export const DEPOSIT_TYPES = {
  PermitWitnessTransferFrom: [
    { name: 'permitted', type: 'TokenPermissions' },
    { name: 'spender', type: 'address' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
    { name: 'witness', type: 'DepositWitness' },
  ],
  TokenPermissions: [
    { name: 'token', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
  DepositWitness: [{ name: 'channelId', type: 'bytes32' }],
} as const

export interface ChannelConfig {
  readonly payer: Address
  readonly payerAuthorizer: Address
  readonly receiver: Address
  readonly receiverAuthorizer: Address
  readonly token: Address
  readonly withdrawDelay: number
  readonly salt: Hex
}

export interface Voucher {
  readonly channelId: Hex
  readonly maxClaimableAmount: bigint
}

export interface ClaimEntry extends Voucher {
  readonly totalClaimed: bigint
}

export interface Refund {
  readonly channelId: Hex
  readonly nonce: bigint
  readonly amount: bigint
}

export interface DepositPermit {
  readonly permitted: { readonly token: Address; readonly amount: bigint }
  readonly spender: Address
  readonly nonce: bigint
  readonly deadline: bigint
  readonly witness: { readonly channelId: Hex }
}

export const channelDomain = (chainId: number, verifyingContract: Address): TypedDataDomain => ({
  name: 'x402 Batch Settlement',
  version: '1',
  chainId,
  verifyingContract,
})

export const channelIdOf = (domain: TypedDataDomain, message: ChannelConfig): Hex =>
  hashTypedData({ domain, types: CHANNEL_TYPES, primaryType: 'ChannelConfig', message })

export const voucherDigest = (domain: TypedDataDomain, message: Voucher): Hex =>
  hashTypedData({ domain, types: CHANNEL_TYPES, primaryType: 'Voucher', message })

export const refundDigest = (domain: TypedDataDomain, message: Refund): Hex =>
  hashTypedData({ domain, types: CHANNEL_TYPES, primaryType: 'Refund', message })

export const claimBatchDigest = (domain: TypedDataDomain, claims: readonly ClaimEntry[]): Hex =>
  hashTypedData({ domain, types: CHANNEL_TYPES, primaryType: 'ClaimBatch', message: { claims } })

/** The EIP-3009 nonce that binds an authorization to a channel. */
export const depositNonce = (channelId: Hex, salt: bigint): Hex =>
  keccak256(encodeAbiParameters([{ type: 'bytes32' }, { type: 'uint256' }], [channelId, salt]))

/** Permit2's domain has no version. */
export const depositPermitDigest = (chainId: number, permit2: Address, message: DepositPermit): Hex =>
  hashTypedData({
    domain: { name: 'Permit2', chainId, verifyingContract: permit2 },
    types: DEPOSIT_TYPES,
    primaryType: 'PermitWitnessTransferFrom',
    message,
  })
