import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ChannelPayment,
  formatPayment,
  formatPaymentRequired,
  formatSettlement,
  type PaymentRequired,
  parsePayment,
  parsePaymentRequired,
  parseSettlement,
  requirementsJson,
  type Settlement,
  type X402Context,
} from '../../src/payment/index.ts'
import { CHANNEL_CONFIG, channelIdOf, createChannelDomain } from '../../src/protocol/index.ts'
import { addresses, digests, structOf } from './arbitraries.ts'

const context: X402Context = {
  network: 'eip155:31337',
  domain: createChannelDomain(31_337, `0x${'ab'.repeat(20)}`),
  permit2: `0x${'aa'.repeat(20)}`,
  permit2Collector: `0x${'bb'.repeat(20)}`,
}

const amounts = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n })
const seconds = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
const signatures = fc
  .uint8Array({ minLength: 65, maxLength: 65 })
  .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as const)
const walletSignatures = fc
  .uint8Array({ minLength: 1, maxLength: 200 })
  .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as const)
const optional = <T>(name: string, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<object> =>
  fc.option(arbitrary).map((value) => (value === null ? {} : { [name]: value }))
const merged = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<object> =>
  fc.tuple(...parts).map((values) => Object.assign({}, ...values))

const authorizations = fc.oneof(
  fc.record({
    method: fc.constant('eip3009' as const),
    validAfter: seconds,
    validBefore: seconds,
    salt: digests,
    signature: walletSignatures,
  }),
  merged(
    fc.record({
      method: fc.constant('permit2' as const),
      nonce: seconds,
      deadline: seconds,
      signature: walletSignatures,
    }),
    optional('allowance', fc.record({ nonce: seconds, deadline: seconds, signature: signatures })),
  ),
)

const payments = fc
  .record({ config: structOf(CHANNEL_CONFIG), amount: amounts, signature: signatures })
  .chain(({ config, amount, signature }) => {
    const voucher = { channel: channelIdOf(context.domain, config), amount, signature }
    const shared = { config, voucher }
    return fc.oneof(
      fc.constant({ kind: 'voucher', ...shared }),
      fc
        .record({ amount: amounts, authorization: authorizations })
        .map((rest) => ({ kind: 'deposit', ...shared, ...rest })),
      optional('amount', amounts).map((rest) => ({ kind: 'refund', ...shared, ...rest })),
    ) as fc.Arbitrary<ChannelPayment>
  })

const standings = merged(
  fc.record({
    channel: digests,
    balance: amounts,
    totalClaimed: amounts,
    withdrawRequestedAt: fc.integer({ min: 0, max: 2 ** 40 - 1 }),
    refundNonce: seconds,
  }),
  optional('charged', amounts),
)
const states = [
  optional('standing', standings),
  optional('voucher', fc.record({ amount: amounts, signature: signatures })),
] as const
const words = fc.string({ minLength: 1, maxLength: 40 })
const requirements = merged(
  fc.record({
    asset: addresses,
    amount: amounts,
    payTo: addresses,
    receiverAuthorizer: addresses,
    withdrawDelay: fc.integer({ min: 0, max: 2 ** 40 - 1 }),
    maxTimeoutSeconds: fc.integer({ min: 1, max: 86_400 }),
    name: words,
    version: words,
  }),
  optional('assetTransferMethod', fc.constantFrom('eip3009', 'permit2')),
)
const required = merged(
  fc.record({
    code: fc.constantFrom('stale-voucher', 'unknown-channel', 'payment-required', 'insufficient-funds'),
    message: fc.string({ maxLength: 200 }),
    requirements,
  }),
  merged(
    fc.record({ url: words }),
    optional('description', fc.string({ maxLength: 100 })),
    optional('mimeType', words),
  ).map((resource) => ({ resource })),
  ...states,
) as fc.Arbitrary<PaymentRequired>
const settlements = merged(
  fc.record({ success: fc.boolean() }),
  optional('code', words),
  optional('message', fc.string({ maxLength: 200 })),
  optional('payer', addresses),
  optional('transaction', digests),
  optional('amount', amounts),
  ...states,
) as fc.Arbitrary<Settlement>

describe('x402 objects', () => {
  test('a payment reads back as it was', () => {
    const accepted = { scheme: 'batch-settlement', network: context.network }
    fc.assert(
      fc.property(payments, (payment) => {
        expect(parsePayment(formatPayment(payment, { accepted, context }), context)).toEqual({
          ok: true,
          value: payment,
        })
      }),
    )
  })

  test('what is required reads back as it was', () => {
    fc.assert(
      fc.property(required, (value) => {
        expect(parsePaymentRequired(formatPaymentRequired(value, context), context)).toEqual({ ok: true, value })
      }),
    )
  })

  test('a settlement reads back as it was', () => {
    fc.assert(
      fc.property(settlements, (value) => {
        expect(parseSettlement(formatSettlement(value, context), context)).toEqual({ ok: true, value })
      }),
    )
  })

  test('no bytes make a reader throw, and a changed byte never passes for another channel', () => {
    const accepted = requirementsJson(
      {
        asset: `0x${'01'.repeat(20)}`,
        amount: 1n,
        payTo: `0x${'02'.repeat(20)}`,
        receiverAuthorizer: `0x${'03'.repeat(20)}`,
        ...{ withdrawDelay: 900, maxTimeoutSeconds: 60, name: 'OPG', version: '1' },
      },
      context,
    )
    fc.assert(
      fc.property(payments, fc.nat(), fc.integer({ min: 0, max: 255 }), (payment, place, byte) => {
        const bytes = formatPayment(payment, { accepted, context })
        bytes[place % bytes.length] = byte
        const read = parsePayment(bytes, context)
        if (read.ok) expect(read.value.voucher.channel).toBe(channelIdOf(context.domain, read.value.config))
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const parse of [parsePayment, parsePaymentRequired, parseSettlement]) {
          const read = parse(bytes, context)
          expect(read.ok ? undefined : read.error.code).toBe('payment-malformed')
        }
      }),
    )
  })
})
