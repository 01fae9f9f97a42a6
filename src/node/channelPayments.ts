import type { LocalAccount } from 'viem'
import type { ChannelBook } from '../payment/index.ts'
import { type ChannelPayment, createDepositWallet, type Settlement } from '../payment/index.ts'
import {
  type ChannelConfig,
  channelIdOf,
  createChannelDomain,
  type Digest,
  type Signer,
  type Voucher,
  voucherDigest,
} from '../protocol/index.ts'
import { payProvider } from '../roles/index.ts'
import { ChainRefusal } from './chainRefusals.ts'
import { nodePorts, type OpgNode } from './node.ts'
import { createPaymentFrames } from './paymentFrames.ts'

/** Whose channel it is: the wallet's money, the key that signs vouchers, and what it signed so far. */
export interface ChannelOwner {
  readonly account: LocalAccount
  readonly key: Signer
  readonly books: readonly ChannelBook[]
}

/** Deposits through the provider, who pays the gas. Throws ChainRefusal `payment-refused | unreachable`, ChainError. */
export async function depositThroughProvider(
  node: OpgNode,
  owner: ChannelOwner,
  config: ChannelConfig,
  amount: bigint,
): Promise<Settlement> {
  const { chain } = node.parts
  const wallet = createDepositWallet({ account: owner.account, chain, random: nodePorts().random })
  const authorization = await wallet.authorize(config, amount)
  return await pay(node, { kind: 'deposit', config, voucher: shownVoucher(node, owner, config), amount, authorization })
}

/**
 * Asks the provider to pay back `amount`, or all that is not charged. Throws ChainRefusal `payment-refused | unreachable`,
 * ChainError.
 */
export async function refundThroughProvider(
  node: OpgNode,
  owner: Pick<ChannelOwner, 'key' | 'books'>,
  config: ChannelConfig,
  amount?: bigint,
): Promise<Settlement> {
  const voucher = shownVoucher(node, owner, config)
  return await pay(node, { kind: 'refund', config, voucher, ...(amount === undefined ? {} : { amount }) })
}

const idOf = (node: OpgNode, config: ChannelConfig): Digest => channelIdOf(domainOf(node), config)

function domainOf({ parts }: OpgNode) {
  const { chainId, contracts } = parts.chain.network
  return createChannelDomain(chainId, contracts.paymentChannels)
}

/** The highest there is: it authorizes nothing new. */
function shownVoucher(
  node: OpgNode,
  { key, books }: Pick<ChannelOwner, 'key' | 'books'>,
  config: ChannelConfig,
): Voucher {
  const channel = idOf(node, config)
  const held = books.find(({ account }) => account.id === channel)?.account.voucher
  if (held !== undefined) return held
  return { channel, amount: 0n, signature: key.sign(voucherDigest(domainOf(node), { channel, amount: 0n })) }
}

async function pay(node: OpgNode, payment: ChannelPayment): Promise<Settlement> {
  const { chain, host, directory, offers } = node.parts
  const { receiverAuthorizer: provider } = payment.config
  const frames = await createPaymentFrames(chain)
  const answered = await payProvider(
    { host, directory, offers },
    { networkId: chain.network.networkId, frames },
    { provider, channel: idOf(node, payment.config), payment },
  )
  if (!answered.ok) throw refused(answered.error.code, answered.error.message)
  const { settlement } = answered.value
  if (!settlement.success) throw refused(settlement.code ?? 'payment-refused', settlement.message ?? 'no reason given')
  return settlement
}

function refused(got: string, message: string): ChainRefusal {
  const code = got === 'unreachable' ? 'unreachable' : 'payment-refused'
  const expected = code === 'unreachable' ? 'a provider that answers' : 'a provider that takes the payment'
  const hint = code === 'unreachable' ? 'opg offers shows who is there' : 'opg channel withdraw needs no provider'
  return new ChainRefusal({ code, expected, got, hint }, `the payment was not made: ${message}`)
}
