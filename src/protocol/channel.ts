import { type Domain, defineStruct, digestOf, hashStruct, type StructValue } from './eip712.ts'
import { keccak, keccakWords, tagDigest } from './hash.ts'
import { type Address, type Digest, writeHex } from './hex.ts'
import type { Signature } from './ports.ts'

/**
 * Payment channels of the x402 v2 scheme `batch-settlement` (R23): the published types and hashes, so that vouchers are
 * the same here, at the canonical contract and in other tools. Amounts in units of the channel's token, for OPG wei.
 */
export const CHANNEL_CONFIG = defineStruct('ChannelConfig', {
  payer: 'address',
  payerAuthorizer: 'address',
  receiver: 'address',
  receiverAuthorizer: 'address',
  token: 'address',
  withdrawDelay: 'uint40',
  salt: 'bytes32',
})
/**
 * What a channel is. `payerAuthorizer` is the session key that signs vouchers, `receiver` the provider's splitter,
 * `receiverAuthorizer` the provider, `withdrawDelay` in seconds.
 */
export type ChannelConfig = StructValue<typeof CHANNEL_CONFIG>

export const VOUCHER = defineStruct('Voucher', { channelId: 'bytes32', maxClaimableAmount: 'uint128' })
export const REFUND = defineStruct('Refund', { channelId: 'bytes32', nonce: 'uint256', amount: 'uint128' })
const CLAIM_ENTRY = defineStruct('ClaimEntry', {
  channelId: 'bytes32',
  maxClaimableAmount: 'uint128',
  totalClaimed: 'uint128',
})

/** The payer's word that of `channel` at most `amount` may ever be claimed; cumulative. */
export interface Voucher {
  readonly channel: Digest
  readonly amount: bigint
  readonly signature: Signature
}

/** One row of a claim: what the receiver takes in all, at most the ceiling of the voucher. */
export interface ClaimRow {
  readonly config: ChannelConfig
  readonly voucher: Voucher
  readonly totalClaimed: bigint
}

/** Separates vouchers of one chain and one channels contract from all others. */
export type ChannelDomain = Pick<Domain, 'separator'>

const DOMAIN_TYPE_STRING = 'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'

/** The EIP-712 domain of the contract `channels` on `chainId`. */
export function createChannelDomain(chainId: number, channels: Address): ChannelDomain {
  const digest = keccakWords(
    tagDigest(DOMAIN_TYPE_STRING),
    tagDigest('x402 Batch Settlement'),
    tagDigest('1'),
    chainId,
    channels,
  )
  const separator = new Uint8Array(32)
  writeHex(digest, separator, 0)
  return { separator }
}

/** Bound to chain and contract. */
export const channelIdOf = (domain: ChannelDomain, config: ChannelConfig): Digest =>
  digestOf(domain, CHANNEL_CONFIG, config)

export const voucherDigest = (domain: ChannelDomain, { channel, amount }: Omit<Voucher, 'signature'>): Digest =>
  digestOf(domain, VOUCHER, { channelId: channel, maxClaimableAmount: amount })

/** What the receiver's authorizer signs to pay `amount` back; `nonce` is the channel's. */
export const refundDigest = (domain: ChannelDomain, channel: Digest, nonce: bigint, amount: bigint): Digest =>
  digestOf(domain, REFUND, { channelId: channel, nonce, amount })

const CLAIM_BATCH_TYPE_STRING = `ClaimBatch(ClaimEntry[] claims)${CLAIM_ENTRY.typeString}`

/** What the receiver's authorizer signs so that anyone may bring these claims, in this order (watch-towers). */
export function claimBatchDigest(domain: ChannelDomain, rows: readonly ClaimRow[]): Digest {
  const entries = new Uint8Array(32 * rows.length)
  for (const [index, { voucher, totalClaimed }] of rows.entries()) {
    const entry = { channelId: voucher.channel, maxClaimableAmount: voucher.amount, totalClaimed }
    writeHex(hashStruct(CLAIM_ENTRY, entry), entries, 32 * index)
  }
  const preimage = new Uint8Array(66)
  preimage.set([0x19, 0x01], 0)
  preimage.set(domain.separator, 2)
  writeHex(keccakWords(tagDigest(CLAIM_BATCH_TYPE_STRING), keccak(entries)), preimage, 34)
  return keccak(preimage)
}

/** Seconds a withdrawal takes at least and at most, as the published contract has it. */
export const WITHDRAW_DELAY = { min: 15 * 60, max: 30 * 86_400 } as const
