import { describe, expect, it } from 'vitest'
import {
  type ChannelConfig,
  channelIdOf,
  claimBatchDigest,
  createChannelDomain,
  type Digest,
  refundDigest,
  voucherDigest,
} from '../../../src/protocol/index.ts'
import {
  channelDomain,
  channelIdOf as publishedId,
  voucherDigest as publishedVoucher,
} from '../../support/channelTypes.ts'

const CHANNELS = `0x${'40'.repeat(20)}` as const
const digest = (byte: string): Digest => `0x${byte.repeat(32)}`
const config: ChannelConfig = {
  payer: `0x${'11'.repeat(20)}`,
  payerAuthorizer: `0x${'22'.repeat(20)}`,
  receiver: `0x${'33'.repeat(20)}`,
  receiverAuthorizer: `0x${'44'.repeat(20)}`,
  token: `0x${'55'.repeat(20)}`,
  withdrawDelay: 2 ** 40 - 1,
  salt: digest('66'),
}

describe('R23: hashes of channels', () => {
  const ours = createChannelDomain(31337, CHANNELS)
  const published = channelDomain(31337, CHANNELS)

  it('are those of the published types', () => {
    expect(channelIdOf(ours, config)).toBe(publishedId(published, config))
    const voucher = { channelId: digest('77'), maxClaimableAmount: 2n ** 128n - 1n }
    expect(voucherDigest(ours, { channel: voucher.channelId, amount: voucher.maxClaimableAmount })).toBe(
      publishedVoucher(published, voucher),
    )
  })

  it('differ by chain and by contract', () => {
    const id = channelIdOf(ours, config)
    expect(channelIdOf(createChannelDomain(31338, CHANNELS), config)).not.toBe(id)
    expect(channelIdOf(createChannelDomain(31337, config.payer), config)).not.toBe(id)
  })

  it('of a claim keep the order of its rows', () => {
    const row = (channel: Digest) => ({
      config,
      voucher: { channel, amount: 9n, signature: '0x' as const },
      totalClaimed: 4n,
    })
    const both = [row(digest('01')), row(digest('02'))]
    expect(claimBatchDigest(ours, both)).not.toBe(claimBatchDigest(ours, both.toReversed()))
    expect(refundDigest(ours, digest('01'), 0n, 5n)).not.toBe(refundDigest(ours, digest('01'), 1n, 5n))
  })
})
