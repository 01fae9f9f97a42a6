import { x402Client } from '@x402/core/client'
import { validatePaymentPayload, validatePaymentRequired } from '@x402/core/schemas'
import type { PaymentRequired as StockRequired } from '@x402/core/types'
import { BatchSettlementEvmScheme, InMemoryClientChannelStorage } from '@x402/evm/batch-settlement/client'
import { type Hex, recoverTypedDataAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { beforeEach, describe, expect, it } from 'vitest'
import { nodeSecp256k1 } from '../../../src/node/index.ts'
import {
  type ChannelPayment,
  type ChannelRequirements,
  formatPayment,
  formatPaymentRequired,
  parsePayment,
  type X402Context,
} from '../../../src/payment/index.ts'
import {
  type Address,
  type ChannelConfig,
  channelIdOf,
  createChannelDomain,
  voucherDigest,
} from '../../../src/protocol/index.ts'

/** The stock client knows the canonical contracts alone, so they are what this network is made of. */
const CHAIN_ID = 84_532
const CHANNELS = '0x4020074e9df2ce1dee5a9c1b5c3f541d02a10003'
const context: X402Context = {
  network: `eip155:${CHAIN_ID}`,
  domain: createChannelDomain(CHAIN_ID, CHANNELS),
  permit2: '0x000000000022d473030f116ddee9f6b43ac78ba3',
  permit2Collector: '0x4020425faf3b746c082c2f942b4e5159887b0005',
}
const requirements: ChannelRequirements = {
  asset: `0x${'51'.repeat(20)}`,
  amount: 1_000n,
  payTo: `0x${'52'.repeat(20)}`,
  receiverAuthorizer: `0x${'53'.repeat(20)}`,
  ...{ withdrawDelay: 86_400, maxTimeoutSeconds: 300, name: 'OpenGradient', version: '1' },
}
const crypto = nodeSecp256k1()
const decode = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))
const encode = (object: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(object))
const lower = (text: string): Address => text.toLowerCase() as Address

function stock({ balance = 0n, claimed = 0n } = {}) {
  const payer = privateKeyToAccount(generatePrivateKey())
  const voucherSigner = privateKeyToAccount(generatePrivateKey())
  const storage = new InMemoryClientChannelStorage()
  // What the stock client asks the chain: the channel's balance and claims.
  const signer = Object.assign({ ...payer }, { readContract: async () => [balance, claimed] })
  const scheme = new BatchSettlementEvmScheme(signer, { storage, voucherSigner })
  const client = new x402Client().setSpendControls(false).register(context.network, scheme)
  const config: ChannelConfig = {
    payer: lower(payer.address),
    payerAuthorizer: lower(voucherSigner.address),
    receiver: requirements.payTo,
    receiverAuthorizer: requirements.receiverAuthorizer,
    token: requirements.asset,
    withdrawDelay: requirements.withdrawDelay,
    salt: `0x${'00'.repeat(32)}`,
  }
  return { payer, voucherSigner, scheme, client, config, channel: channelIdOf(context.domain, config) }
}

const requiredOf = (changes: Partial<ChannelRequirements> = {}): StockRequired => {
  const required = {
    code: 'payment-required',
    message: 'a voucher of at least 1000',
    resource: { url: 'opg:infer' },
    requirements: { ...requirements, ...changes },
  }
  return decode(formatPaymentRequired(required, context)) as StockRequired
}

describe('the stock x402 client and our objects', () => {
  let side: ReturnType<typeof stock>

  beforeEach(() => {
    side = stock()
  })

  it('takes our PaymentRequired and answers with a deposit that we read (EIP-3009)', async () => {
    const required = requiredOf()
    expect(() => validatePaymentRequired(required)).not.toThrow()
    const payload = await side.client.createPaymentPayload(required)
    const read = parsePayment(encode(payload), context)
    const payment = read.ok ? read.value : undefined
    expect(payment).toMatchObject({
      kind: 'deposit',
      config: side.config,
      voucher: { channel: side.channel, amount: 1_000n },
      amount: 5_000n,
      authorization: { method: 'eip3009', validAfter: 0n },
    })
    const { voucher } = payment as ChannelPayment
    expect(crypto.recover(voucherDigest(context.domain, voucher), voucher.signature)).toBe(side.config.payerAuthorizer)
  })

  it('answers with a Permit2 deposit where that is asked for', async () => {
    const payload = await side.client.createPaymentPayload(requiredOf({ assetTransferMethod: 'permit2' }))
    expect(parsePayment(encode(payload), context)).toMatchObject({
      ok: true,
      value: { kind: 'deposit', config: side.config, amount: 5_000n, authorization: { method: 'permit2' } },
    })
  })

  it('answers with a voucher once there is a deposit', async () => {
    side = stock({ balance: 9_000n, claimed: 2_000n })
    const payload = await side.client.createPaymentPayload(requiredOf())
    expect(parsePayment(encode(payload), context)).toMatchObject({
      ok: true,
      value: { kind: 'voucher', config: side.config, voucher: { channel: side.channel, amount: 3_000n } },
    })
  })

  it('takes over our books from the answer to a stale voucher', async () => {
    side = stock({ balance: 9_000n })
    const amount = 4_000n
    const signature = await side.voucherSigner.sign({
      hash: voucherDigest(context.domain, { channel: side.channel, amount }),
    })
    const standing = {
      ...{ channel: side.channel, balance: 9_000n, totalClaimed: 0n, withdrawRequestedAt: 0, refundNonce: 0n },
      charged: 3_500n,
    }
    const stale = {
      code: 'stale-voucher',
      message: 'more than 4000',
      resource: { url: 'opg:infer' },
      ...{ requirements, standing, voucher: { amount, signature } },
    }
    const corrective = decode(formatPaymentRequired(stale, context)) as StockRequired
    const first = await side.client.createPaymentPayload(requiredOf())
    const outcome = await side.scheme.schemeHooks.onPaymentResponse?.({
      paymentPayload: first,
      requirements: first.accepted,
      paymentRequired: corrective,
    })
    expect(outcome).toEqual({ recovered: true })
    const next = await side.client.createPaymentPayload(requiredOf())
    expect(parsePayment(encode(next), context)).toMatchObject({ ok: true, value: { voucher: { amount: 4_500n } } })
  })

  it('reads what we write as it reads its own', async () => {
    const theirs = await side.client.createPaymentPayload(requiredOf())
    const read = parsePayment(encode(theirs), context)
    if (!read.ok) throw new Error(read.error.got)
    const accepted = requiredOf().accepts[0] as never
    const ours = decode(formatPayment(read.value, { accepted, context })) as typeof theirs
    expect(() => validatePaymentPayload(ours)).not.toThrow()
    expect(ours.accepted).toEqual(theirs.accepted)
    expect(normal(ours.payload)).toEqual(normal(theirs.payload))
    const { voucher } = ours.payload as { voucher: { channelId: Hex; maxClaimableAmount: string; signature: Hex } }
    const signer = await recoverTypedDataAddress({
      domain: { name: 'x402 Batch Settlement', version: '1', chainId: CHAIN_ID, verifyingContract: CHANNELS },
      types: {
        Voucher: [
          { name: 'channelId', type: 'bytes32' },
          { name: 'maxClaimableAmount', type: 'uint128' },
        ],
      },
      primaryType: 'Voucher',
      message: { channelId: voucher.channelId, maxClaimableAmount: BigInt(voucher.maxClaimableAmount) },
      signature: voucher.signature,
    })
    expect(signer).toBe(side.voucherSigner.address)
  })
})

/** Addresses are the same in either case. */
const normal = (payload: unknown): unknown => JSON.parse(JSON.stringify(payload).toLowerCase())
