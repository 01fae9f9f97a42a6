import { encodePaymentSignatureHeader } from '@x402/core/http'
import type { PaymentPayload } from '@x402/core/types'
import { describe, expect, it } from 'vitest'
import { readPayment } from '../../../../src/gateway/payments/payment.ts'

const ADDRESS = '0x00000000000000000000000000000000000000Aa'
const NONCE = `0x${'ab'.repeat(32)}`

const payload = (scheme: string, inner: object, more: object = {}): PaymentPayload =>
  ({
    x402Version: 2,
    accepted: {
      ...{ scheme, network: 'eip155:31337', asset: ADDRESS, amount: '10', payTo: ADDRESS, maxTimeoutSeconds: 60 },
      extra: {},
    },
    payload: inner,
    ...more,
  }) as PaymentPayload

const eip3009 = (changes: object = {}, signature = '0x01'): object => ({
  authorization: {
    from: ADDRESS,
    to: ADDRESS,
    value: '10',
    validAfter: '0',
    validBefore: '1',
    nonce: NONCE,
    ...changes,
  },
  signature,
})
const voucher = (maxClaimableAmount: string, channelId = NONCE): object => ({
  ...{ type: 'voucher', channelConfig: { payer: ADDRESS } },
  voucher: { channelId, maxClaimableAmount, signature: '0x01' },
})
const read = (payment: PaymentPayload) => {
  const result = readPayment(encodePaymentSignatureHeader(payment))
  if (!result.ok) throw new Error(result.error.code)
  return result.value
}
const codeOf = (header: string): unknown => {
  const result = readPayment(header)
  return result.ok ? 'ok' : result.error.code
}

describe('a payment', () => {
  it('is one by what it authorises, whatever its signature and its other members', () => {
    const first = read(payload('exact', eip3009()))
    const other = read(
      payload('exact', eip3009({ from: ADDRESS.toLowerCase() }, '0x02'), { resource: { url: 'http://x' } }),
    )
    expect(other.key).toBe(first.key)
    expect(other.digest).not.toBe(first.digest)
  })

  it.each([
    ['nonce', payload('exact', eip3009({ nonce: `0x${'cd'.repeat(32)}` }))],
    ['payer', payload('exact', eip3009({ from: ADDRESS.replace('Aa', 'Bb') }))],
    ['kind', payload('upto', { permit2Authorization: { from: ADDRESS, nonce: '1' } })],
    ['channel', payload('batch-settlement', voucher('10'))],
  ])('of another %s is another', (_, other) => {
    expect(read(other).key).not.toBe(read(payload('exact', eip3009())).key)
  })

  it('by voucher is one by channel and cumulative amount', () => {
    const of = (amount: string): unknown => read(payload('batch-settlement', voucher(amount))).key
    expect(of('10')).toBe(of('10'))
    expect(of('10')).not.toBe(of('11'))
  })

  it('is its signer’s: a channel that a thief opened in the name of another names no answer of hers', () => {
    const of = (payerAuthorizer?: string): unknown => {
      const { channelConfig, ...rest } = voucher('10') as { channelConfig: object }
      const config = { ...channelConfig, ...(payerAuthorizer === undefined ? {} : { payerAuthorizer }) }
      return read(payload('batch-settlement', { ...rest, channelConfig: config })).payer
    }
    const thief = `0x${'66'.repeat(20)}`
    expect(of(thief)).toBe(thief)
    expect(of(`0x${'00'.repeat(20)}`)).toBe(ADDRESS.toLowerCase())
    expect(of()).toBe(ADDRESS.toLowerCase())
  })

  it.each([
    ['no base64', '%', 'payment-malformed'],
    ['no JSON', Buffer.from('{').toString('base64'), 'payment-malformed'],
    ['an unknown scheme', encodePaymentSignatureHeader(payload('later', {})), 'payment-unsupported'],
    ['no authorization', encodePaymentSignatureHeader(payload('exact', {})), 'payment-malformed'],
    [
      'an amount that is none',
      encodePaymentSignatureHeader(payload('batch-settlement', voucher('-1'))),
      'payment-malformed',
    ],
  ])('with %s is refused', (_, header, code) => {
    expect(codeOf(header)).toBe(code)
  })

  it('may name itself, within the rules; a schema that it brings is not looked at', () => {
    const named = (id: unknown): PaymentPayload =>
      payload('exact', eip3009(), {
        extensions: { 'payment-identifier': { info: { required: false, id }, schema: { $ref: '#' } } },
      })
    expect(read(named('order_0123456789')).identifier).toBe('order_0123456789')
    for (const id of ['short', 7, 'x'.repeat(129), 'with spaces 0123']) {
      expect(codeOf(encodePaymentSignatureHeader(named(id)))).toBe('payment-identifier-invalid')
    }
  })
})
