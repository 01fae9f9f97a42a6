import { describe, expect, it } from 'vitest'
import {
  type ChannelConfig,
  channelIdOf,
  type Digest,
  H,
  type JobOrder,
  PayerLedger,
  type Voucher,
  voucherDigest,
  ZERO_DIGEST,
} from '../../../../src/protocol/index.ts'
import { PARAMETERS, PAYMENT, PROVIDER, REQUESTER } from '../../../support/records.ts'
import { crypto, signerOf } from '../../../support/votes.ts'

const CONFIG: ChannelConfig = {
  payer: signerOf('payer').address,
  payerAuthorizer: REQUESTER.address,
  receiver: PAYMENT.splitter,
  receiverAuthorizer: PROVIDER.address,
  token: PAYMENT.token,
  withdrawDelay: PARAMETERS.withdrawDelay / 1_000,
  salt: ZERO_DIGEST,
}
const channel = channelIdOf(PAYMENT.domain, CONFIG)
const [A, B] = [H('test/job', 1), H('test/job', 2)]
const SLICE = 10n

function opened(): PayerLedger {
  const ledger = new PayerLedger({ domain: PAYMENT.domain, crypto, signer: REQUESTER })
  ledger.open(CONFIG)
  ledger.seen(channel, { balance: 1_000n, safeBalance: 1_000n, totalClaimed: 0n, withdrawing: false })
  for (const jobId of [A, B]) {
    expect(ledger.reserve({ jobId, channel, maxFee: 40n, slice: SLICE, quorum: true, now: 0 }).ok).toBe(true)
  }
  return ledger
}

const authorized = (ledger: PayerLedger): bigint => ledger.account(channel)?.voucher?.amount ?? 0n

describe('a provider that asks for more than is due', () => {
  it('gets the last slice of a quorum job by no call before the certificate, not on the stream of another job (R11)', () => {
    const ledger = opened()
    ledger.verified(A, 40n)
    expect(ledger.serve(A, 40n, 40n, 1).ok).toBe(true)
    expect(ledger.asked(B, 50n)).toMatchObject({ ok: false, error: { code: 'over-ceiling' } })
    expect(ledger.asked(B, 40n).ok).toBe(true)
    expect(authorized(ledger)).toBe(40n)
    expect(ledger.settle(A, 'paid', 2).voucher?.amount).toBe(50n)
  })

  it('gets no last slice of a quorum job whose receipt it holds back', () => {
    const ledger = opened()
    ledger.verified(A, 40n)
    expect(ledger.asked(A, 41n)).toMatchObject({ ok: false, error: { code: 'over-ceiling' } })
    expect(ledger.asked(A, 40n).ok).toBe(true)
    expect(authorized(ledger)).toBe(40n)
  })
})

describe('the books of a payer', () => {
  const funds = { balance: 1_000n, safeBalance: 1_000n, totalClaimed: 0n, withdrawing: false }
  const voucherOf = (amount: bigint, signer = REQUESTER): Voucher => ({
    ...{ channel, amount },
    signature: signer.sign(voucherDigest(PAYMENT.domain, { channel, amount })),
  })
  const fresh = (): PayerLedger => {
    const ledger = new PayerLedger({ domain: PAYMENT.domain, crypto, signer: REQUESTER })
    ledger.open(CONFIG)
    ledger.seen(channel, funds)
    return ledger
  }
  const order = (jobId: Digest, changes: Partial<JobOrder> = {}): JobOrder => ({
    ...{ jobId, channel, maxFee: 40n, slice: SLICE, quorum: false, now: 0 },
    ...changes,
  })

  it('show a voucher of nothing on a new channel, and the highest on any other', () => {
    const ledger = fresh()
    expect(ledger.shown(channel)).toEqual(voucherOf(0n))
    expect(authorized(ledger)).toBe(0n)
    ledger.reserve(order(A))
    expect(ledger.shown(channel)).toEqual(voucherOf(10n))
  })

  it('catch up once with a voucher of their own key, and settle what was open at what the payee charged (R27)', () => {
    const ledger = fresh()
    ledger.reserve(order(A))
    const caught = ledger.catchUp(voucherOf(70n), { charged: 65n, slice: SLICE, now: 5 })
    expect(caught).toMatchObject({ ok: true, value: { settled: [{ jobId: A, outcome: 'paid' }] } })
    expect([ledger.account(channel)?.charged, authorized(ledger)]).toEqual([65n, 70n])
    expect(ledger.unsettled(channel)).toEqual([])
    const again = ledger.catchUp(voucherOf(71n), { charged: 71n, slice: SLICE, now: 6 })
    expect(again).toMatchObject({ ok: false, error: { code: 'key-shared' } })
    expect(ledger.isShared(channel)).toBe(true)
    expect(ledger.reserve(order(B))).toMatchObject({ ok: false, error: { code: 'key-shared' } })
  })

  it('take a payee at its word up to a slice beyond the voucher it shows, and no further', () => {
    const ledger = fresh()
    ledger.catchUp(voucherOf(70n), { charged: 1_000n, slice: SLICE, now: 5 })
    expect(ledger.account(channel)?.charged).toBe(80n)
  })

  it('catch up with no stranger, and with nothing after they were compared', () => {
    const ledger = fresh()
    const other = ledger.catchUp(voucherOf(70n, PROVIDER), { charged: 70n, slice: SLICE, now: 1 })
    expect(other).toMatchObject({ ok: false, error: { code: 'bad-voucher' } })
    ledger.agree(channel)
    const late = ledger.catchUp(voucherOf(70n), { charged: 70n, slice: SLICE, now: 1 })
    expect(late).toMatchObject({ ok: false, error: { code: 'key-shared', got: '70' } })
    expect(ledger.account(channel)?.charged).toBe(0n)
  })

  it('pay a recalled job what its provider can have earned, and no more (R26)', () => {
    const ledger = fresh()
    ledger.reserve(order(A))
    expect(ledger.recalled(A, 21n)).toMatchObject({ ok: false, error: { code: 'over-ceiling' } })
    expect(ledger.recalled(A, 20n).ok).toBe(true)
    expect(ledger.settle(A, 'paid', 2).voucher?.amount).toBe(20n)
    expect(ledger.account(channel)?.charged).toBe(20n)
  })

  it('answer a call within what is due, the same voucher again where it is authorized already', () => {
    const ledger = fresh()
    ledger.reserve(order(A))
    expect(ledger.asked(A, 10n)).toEqual({ ok: true, value: { entries: [], voucher: voucherOf(10n) } })
    expect(ledger.asked(A, 11n)).toMatchObject({ ok: false, error: { code: 'over-ceiling' } })
    expect(ledger.verified(A, 10n).voucher).toEqual(voucherOf(20n))
    expect(ledger.asked(A, 21n)).toMatchObject({ ok: false, error: { code: 'over-ceiling' } })
  })

  it('reserve what is free, and nothing on a channel that is being left', () => {
    const ledger = fresh()
    expect(ledger.free(channel)).toBe(1_000n)
    expect(ledger.reserve(order(A, { maxFee: 1_001n }))).toMatchObject({ error: { code: 'insufficient-funds' } })
    ledger.reserve(order(A))
    expect(ledger.free(channel)).toBe(960n)
    expect(ledger.seen(channel, { ...funds, withdrawing: true })).toHaveLength(1)
    expect(ledger.reserve(order(B))).toMatchObject({ ok: false, error: { code: 'channel-closing' } })
    expect(ledger.reserve(order(B, { channel: A }))).toMatchObject({ ok: false, error: { code: 'unknown-channel' } })
    expect(ledger.settle(A, 'refunded', 1)).toMatchObject({ entries: [{ account: { outcome: 'refunded', fee: 0n } }] })
    expect(ledger.free(channel)).toBe(1_000n)
  })
})
