import { describe, expect, it } from 'vitest'
import {
  type ChannelPayment,
  formatPayment,
  parsePayment,
  parsePaymentRequired,
  type X402Context,
} from '../../../src/payment/index.ts'
import { type ChannelConfig, channelIdOf, createChannelDomain } from '../../../src/protocol/index.ts'

const context: X402Context = {
  network: 'eip155:31337',
  domain: createChannelDomain(31_337, `0x${'ab'.repeat(20)}`),
  permit2: `0x${'aa'.repeat(20)}`,
  permit2Collector: `0x${'bb'.repeat(20)}`,
}
const config: ChannelConfig = {
  payer: `0x${'11'.repeat(20)}`,
  payerAuthorizer: `0x${'12'.repeat(20)}`,
  receiver: `0x${'13'.repeat(20)}`,
  receiverAuthorizer: `0x${'14'.repeat(20)}`,
  token: `0x${'15'.repeat(20)}`,
  withdrawDelay: 900,
  salt: `0x${'16'.repeat(32)}`,
}
const voucher = { channel: channelIdOf(context.domain, config), amount: 7n, signature: `0x${'17'.repeat(65)}` } as const
const deposit: ChannelPayment = {
  ...{ kind: 'deposit', config, voucher, amount: 9n },
  authorization: { method: 'permit2', nonce: 1n, deadline: 2n, signature: '0x1234' },
}

type Members = { [name: string]: Members }
const encoder = new TextEncoder()

/** The deposit, written, after a change to its JSON. */
function changed(change: (object: Members) => void): Uint8Array {
  const accepted = { scheme: 'batch-settlement', network: context.network }
  const bytes = formatPayment(deposit, { accepted, context })
  const object = JSON.parse(new TextDecoder().decode(bytes))
  change(object)
  return encoder.encode(JSON.stringify(object))
}
const codeOf = (bytes: Uint8Array): string | undefined => {
  const read = parsePayment(bytes, context)
  return read.ok ? undefined : read.error.code
}
const set = (object: Members, path: string, value: unknown): void => {
  const names = path.split('.')
  const last = names.pop() as string
  const parent = names.reduce((at, name) => at[name] as Members, object)
  Object.assign(parent, { [last]: value })
}

describe('parsePayment', () => {
  it('takes what was written', () => {
    expect(
      parsePayment(
        changed(() => {}),
        context,
      ),
    ).toEqual({ ok: true, value: deposit })
  })

  it.each([
    ['another scheme', 'accepted.scheme', 'exact', 'scheme-unsupported'],
    ['another chain', 'accepted.network', 'eip155:1', 'foreign-network'],
    ['another channel', 'payload.voucher.channelId', `0x${'00'.repeat(32)}`, 'channel-mismatch'],
    ['a configuration of another channel', 'payload.channelConfig.withdrawDelay', 901, 'channel-mismatch'],
    [
      'a permit of another payer',
      'payload.deposit.authorization.permit2Authorization.from',
      config.token,
      'channel-mismatch',
    ],
    ['a permit of another amount', 'payload.deposit.amount', '10', 'channel-mismatch'],
    [
      'a permit for another spender',
      'payload.deposit.authorization.permit2Authorization.spender',
      config.payer,
      'channel-mismatch',
    ],
    ['the first version', 'x402Version', 1, 'payment-malformed'],
    ['an unknown member', 'payload.note', 'x', 'payment-malformed'],
    ['an unknown kind', 'payload.type', 'claim', 'payment-malformed'],
    ['an amount beyond uint128', 'payload.voucher.maxClaimableAmount', `${2n ** 128n}`, 'payment-malformed'],
    ['an amount with a sign', 'payload.voucher.maxClaimableAmount', '-1', 'payment-malformed'],
    ['an amount as a number', 'payload.voucher.maxClaimableAmount', 7, 'payment-malformed'],
    ['an amount with leading zeros', 'payload.voucher.maxClaimableAmount', '007', 'payment-malformed'],
    ['a short signature', 'payload.voucher.signature', '0x1234', 'payment-malformed'],
    ['an address with a wrong checksum', 'payload.channelConfig.payer', `0xAa${'11'.repeat(19)}`, 'payment-malformed'],
  ])('refuses %s', (_, path, value, code) => {
    expect(codeOf(changed((object) => set(object, path, value)))).toBe(code)
  })

  it('refuses what is too large, no JSON, or no UTF-8', () => {
    expect(codeOf(changed((object) => set(object, 'extensions', { x: 'x'.repeat(16_384) })))).toBe('payment-malformed')
    expect(codeOf(encoder.encode('{'))).toBe('payment-malformed')
    expect(codeOf(new Uint8Array([0xff, 0xfe]))).toBe('payment-malformed')
  })
})

describe('parsePaymentRequired', () => {
  it('refuses an answer without an offer of our scheme on this network', () => {
    const resource = { url: 'opg:infer' }
    const other = { scheme: 'exact', network: 'eip155:31337' }
    const read = (accepts: object[]) =>
      parsePaymentRequired(encoder.encode(JSON.stringify({ x402Version: 2, resource, accepts })), context)
    expect(read([other])).toMatchObject({ ok: false, error: { code: 'scheme-unsupported' } })
    expect(read([{ scheme: 'batch-settlement', network: 'eip155:1' }])).toMatchObject({
      ok: false,
      error: { code: 'foreign-network' },
    })
  })
})
