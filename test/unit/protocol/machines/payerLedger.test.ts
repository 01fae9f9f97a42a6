import { describe, expect, it } from 'vitest'
import { type ChannelConfig, channelIdOf, H, PayerLedger, ZERO_DIGEST } from '../../../../src/protocol/index.ts'
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
