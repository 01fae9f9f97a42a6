import { type Address, type Hex, hashTypedData, type TypedDataDomain } from 'viem'

/** The signed types of the x402 scheme `batch-settlement`, as published: a second hand to check our own hashes by. */
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
