import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, type Hex, recoverAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { CHANNEL_GOLDEN_PATH, renderChannelGolden } from '../../../scripts/generateChannelGolden.ts'
import { type ChannelConfig, channelDomain, channelIdOf, voucherDigest } from '../../support/channelTypes.ts'

/** The shared vectors, in the domain of the canonical contract. */
interface ChannelVectors {
  readonly domain: { readonly chainId: number; readonly verifyingContract: Address }
  readonly channelConfig: ChannelConfig
  readonly channelId: Hex
  readonly voucher: {
    readonly maxClaimableAmount: string
    readonly digest: Hex
    readonly signature: Hex
    readonly signer: Address
  }
}

const folder = process.env.OPG_VECTORS
const REQUIRED = process.env.CI === 'true'

describe('x402 batch-settlement', () => {
  it('hashes as the vectors that PaymentChannels is tested with', () => {
    expect(renderChannelGolden()).toBe(readFileSync(CHANNEL_GOLDEN_PATH, 'utf8'))
  })

  if (folder === undefined) {
    it(REQUIRED ? 'has its vectors in CI' : 'SKIPPED: needs OPG_VECTORS', (context) => {
      if (REQUIRED) expect.fail('expected OPG_VECTORS to name the folder of vectors, got nothing')
      context.skip('SKIPPED: needs OPG_VECTORS')
    })
  }
})

describe.runIf(folder !== undefined)('x402 batch-settlement at the canonical contract', () => {
  const read = (): ChannelVectors =>
    JSON.parse(readFileSync(join(folder ?? '', 'opengradient/og-merkle-and-x402-vectors.json'), 'utf8'))
      .x402_batch_settlement

  it('gives its channel the same id', () => {
    const { domain, channelConfig, channelId } = read()
    expect(channelIdOf(channelDomain(domain.chainId, domain.verifyingContract), channelConfig)).toBe(channelId)
  })

  it('gives its voucher the same digest, and recovers its signer', async () => {
    const { domain, channelId, voucher } = read()
    const digest = voucherDigest(channelDomain(domain.chainId, domain.verifyingContract), {
      channelId,
      maxClaimableAmount: BigInt(voucher.maxClaimableAmount),
    })
    expect(digest).toBe(voucher.digest)
    expect(await recoverAddress({ hash: digest, signature: voucher.signature })).toBe(voucher.signer)
  })

  it('gives another chain, contract or field another id', () => {
    const { domain, channelConfig, channelId } = read()
    const others = [
      channelIdOf(channelDomain(1, domain.verifyingContract), channelConfig),
      channelIdOf(channelDomain(domain.chainId, channelConfig.token), channelConfig),
      channelIdOf(channelDomain(domain.chainId, domain.verifyingContract), {
        ...channelConfig,
        receiver: channelConfig.token,
      }),
    ]
    expect(new Set([channelId, ...others]).size).toBe(4)
  })
})
