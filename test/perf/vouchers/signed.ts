import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import { nodeSecp256k1 } from '../../../src/node/index.ts'
import {
  type ChannelConfig,
  type ChannelDomain,
  channelIdOf,
  createSigner,
  type Digest,
  H,
  type Payee,
  type Signer,
  type Voucher,
  voucherDigest,
} from '../../../src/protocol/index.ts'
import { DEVNET_SEED } from '../../support/devnetChain.ts'

/** One channel, and vouchers signed ahead of the measurement: each authorizes `VOUCHER_STEP` more than the one before. */
export interface SignedChannel {
  readonly config: ChannelConfig
  readonly channel: Digest
  readonly vouchers: readonly Voucher[]
}

/** Wei. */
export const VOUCHER_STEP = 1_000n

/** Wei: more than any bench authorizes on one channel. */
export const CHANNEL_FUNDS = 10n ** 18n

const keyOf = (role: string, index: number): Signer =>
  createSigner(nodeSecp256k1(), devnetPrivateKey(DEVNET_SEED, role, index))

/**
 * Channels of the test chain's payer to `payee`, told apart by their salt; their key is the requester's, as which alone a peer may
 * show them. The same in every process.
 */
export function signedChannel(domain: ChannelDomain, payee: Payee, index: number, vouchers: number): SignedChannel {
  const signer = keyOf('requester', 0)
  const config: ChannelConfig = {
    payer: keyOf('payer', 0).address,
    payerAuthorizer: signer.address,
    receiver: payee.splitter,
    receiverAuthorizer: payee.operator,
    token: payee.token,
    withdrawDelay: payee.minWithdrawDelay,
    salt: H('bench/channel', index),
  }
  const channel = channelIdOf(domain, config)
  const signed = Array.from({ length: vouchers }, (_, at) => {
    const amount = VOUCHER_STEP * BigInt(at + 1)
    return { channel, amount, signature: signer.sign(voucherDigest(domain, { channel, amount })) }
  })
  return { config, channel, vouchers: signed }
}
