import { describe, expect, test } from 'vitest'
import { parsePaymentRequest, type Served } from '../../../../src/gateway/facilitator/request.ts'
import type { Address } from '../../../../src/protocol/index.ts'

const USDC: Address = `0x${'aa'.repeat(20)}`
const PAYER: Address = `0x${'bb'.repeat(20)}`
const PAY_TO: Address = `0x${'cc'.repeat(20)}`
const NONCE = `0x${'0d'.repeat(32)}`
const served: Served = { network: 'eip155:31337', assets: new Set([USDC]) }
const terms = {
  ...{ scheme: 'exact', network: served.network, amount: '1000', asset: USDC, payTo: PAY_TO, maxTimeoutSeconds: 60 },
  extra: { name: 'USDC', version: '2' },
}
const transfer = { signature: '0x01', authorization: { from: PAYER, to: PAY_TO, value: '1000', nonce: NONCE } }

const bodyOf = (payload: object, changes: object = {}, requirements: object = {}) => ({
  x402Version: 2,
  paymentPayload: { x402Version: 2, accepted: { ...terms, ...changes }, payload, resource: { url: 'http://x' } },
  paymentRequirements: { ...terms, ...changes, ...requirements },
})

function parsed(...args: Parameters<typeof bodyOf>) {
  const result = parsePaymentRequest(bodyOf(...args), served)
  if (!result.ok) throw result.error
  return result.value
}

const code = (value: unknown): string | undefined => {
  const result = parsePaymentRequest(value, served)
  return result.ok ? undefined : result.error.code
}

describe('a payment as a facilitator knows it', () => {
  test('is the same whatever is asked with its authorization; the request is not', () => {
    const first = parsed(transfer)
    const dearer = parsed(transfer, {}, { extra: { name: 'USDC', version: '1' } })
    const resigned = parsed({ ...transfer, signature: '0x02' })
    expect(new Set([first.id, dearer.id, resigned.id]).size).toBe(1)
    expect(new Set([first.digest, dearer.digest, resigned.digest]).size).toBe(3)
    expect(parsed(transfer)).toMatchObject({ id: first.id, digest: first.digest })
  })

  test('is another with another nonce, payer or token', () => {
    const other = { ...transfer.authorization, nonce: `0x${'0e'.repeat(32)}` }
    const payer = { ...transfer.authorization, from: PAY_TO }
    const ids = [transfer, { ...transfer, authorization: other }, { ...transfer, authorization: payer }]
    expect(new Set(ids.map((payload) => parsed(payload).id)).size).toBe(3)
  })

  test('by Permit2 is known by its nonce, in decimals or hex, in every scheme that takes one', () => {
    const permit = (nonce: string) => ({ signature: '0x01', permit2Authorization: { from: PAYER, nonce } })
    const deposit = {
      ...{ type: 'deposit', voucher: { channelId: NONCE } },
      deposit: { amount: '1', authorization: permit('255') },
    }
    const ids = [
      parsed(permit('255')).id,
      parsed(permit('0xff')).id,
      parsed(permit('255'), { scheme: 'upto' }).id,
      parsed(deposit, { scheme: 'batch-settlement' }).id,
    ]
    expect(new Set(ids).size).toBe(1)
  })

  test('a sweep may be meant again, a claim is itself', () => {
    const of = (type: string) =>
      parsed({ type, claims: [], receiver: PAY_TO, token: USDC }, { scheme: 'batch-settlement' })
    expect([of('settle').repeatable, of('claim').repeatable]).toEqual([true, false])
    expect(of('settle').id).not.toBe(of('claim').id)
  })

  test.each([
    ['no object', 7, 'payment-malformed'],
    ['an amount with a point', bodyOf(transfer, { amount: '1.5' }), 'payment-malformed'],
    ['an address that is none', bodyOf(transfer, { payTo: '0x12' }), 'payment-malformed'],
    ['half of a surrogate pair', bodyOf({ ...transfer, note: '\ud800' }), 'payment-malformed'],
    [
      'another version',
      { ...bodyOf(transfer), paymentPayload: { ...bodyOf(transfer).paymentPayload, x402Version: 1 } },
      'version-unsupported',
    ],
    ['another scheme', bodyOf(transfer, { scheme: 'deferred' }), 'scheme-unsupported'],
    ['another network', bodyOf(transfer, { network: 'eip155:1' }), 'network-unsupported'],
    ['another token', bodyOf(transfer, { asset: PAYER }), 'asset-unsupported'],
    ['other terms than were accepted', bodyOf(transfer, {}, { payTo: PAYER }), 'requirements-differ'],
  ])('%s is refused', (_, body, expected) => {
    expect(code(body)).toBe(expected)
  })
})
