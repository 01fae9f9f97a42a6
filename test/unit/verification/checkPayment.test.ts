import { describe, expect, it } from 'vitest'
import { type JobRecord, NOT_CHECKED, sliceOf, type Voucher, ZERO_DIGEST } from '../../../src/protocol/index.ts'
import { checkReceipt, type ReceiptContext } from '../../../src/verification/index.ts'
import {
  buildPaidRecord,
  buildRecord,
  channelConfigOf,
  contextOf,
  PARAMETERS,
  PAYMENT,
  PROVIDER,
  voucherOf,
} from '../../support/records.ts'
import { signerOf } from '../../support/votes.ts'

const outcome = (record: JobRecord, change: Partial<ReceiptContext> = {}): string => {
  const result = checkReceipt(record, contextOf(record, change))
  return result.ok ? 'ok' : result.error.reason
}
const STRANGER = signerOf('stranger')
const withVoucher = (voucher: (record: JobRecord) => Voucher | undefined): JobRecord =>
  buildPaidRecord({
    record: ({ voucher: _, ...record }) => {
      const other = voucher(record)
      return other === undefined ? record : { ...record, voucher: other }
    },
  })

describe('R23: a paid receipt', () => {
  it('passes on the channel of its requester, and the payment was checked', () => {
    const record = buildPaidRecord({ spent: 5n })
    const result = checkReceipt(record, contextOf(record, { profile: 'production' }))
    expect(result.ok && result.value.notChecked & NOT_CHECKED.payment).toBe(0)
  })

  it.each([
    ['fees that go past the splitter', { receiver: PROVIDER.address }],
    ['claims that another authorizes', { receiverAuthorizer: STRANGER.address }],
    ['vouchers that another than the requester signs', { payerAuthorizer: STRANGER.address }],
    ['another token', { token: STRANGER.address }],
    ['a withdrawal that is over before a claim can be', { withdrawDelay: PARAMETERS.withdrawDelay / 1_000 - 1 }],
    ['a withdrawal that takes longer than the contract allows', { withdrawDelay: 31 * 86_400 }],
  ])('is rejected as wrong-receiver for %s', (_what, config) => {
    expect(outcome(buildPaidRecord({ config }))).toBe('wrong-receiver')
  })

  it('is rejected as wrong-receiver when another configuration is shown, or none', () => {
    const other = channelConfigOf({ salt: ZERO_DIGEST })
    expect(outcome(buildPaidRecord({ record: (record) => ({ ...record, channelConfig: other }) }))).toBe(
      'wrong-receiver',
    )
    const bare = buildPaidRecord({ record: ({ channelConfig: _, ...record }) => record })
    expect(outcome(bare)).toBe('wrong-receiver')
  })

  it('is rejected as wrong-receiver for the splitter of another provider', () => {
    const payment = { ...PAYMENT, splitter: STRANGER.address }
    expect(outcome(buildPaidRecord(), { payment })).toBe('wrong-receiver')
  })

  it('without a channel is a devnet’s alone', () => {
    expect(outcome(buildRecord())).toBe('ok')
    expect(outcome(buildRecord(), { profile: 'production' })).toBe('wrong-receiver')
  })
})

describe('R24: what a receipt charges', () => {
  it('is at least its fee', () => {
    expect(outcome(buildPaidRecord({ receipt: (receipt) => ({ ...receipt, chargedAfter: receipt.fee - 1n }) }))).toBe(
      'bad-charge',
    )
  })

  it('was authorized but for one slice', () => {
    const due = (record: JobRecord): bigint => record.receipt.fee - sliceOf(record.terms, record.job)
    const atLeast = (record: JobRecord): bigint => (due(record) > 0n ? due(record) : 0n)
    expect(outcome(withVoucher(({ job, ...rest }) => voucherOf(job.channel, atLeast({ job, ...rest }))))).toBe('ok')
    const small = buildPaidRecord({ job: { maxFee: 1n } })
    expect(outcome({ ...small, voucher: voucherOf(small.job.channel, 0n) })).toBe('bad-charge')
  })

  it.each<[string, string, (record: JobRecord) => Voucher | undefined]>([
    ['bad-charge', 'none', () => undefined],
    ['bad-charge', 'one of another channel', ({ receipt }) => voucherOf(ZERO_DIGEST, receipt.fee)],
    ['bad-signature', 'one of another key', ({ job, receipt }) => voucherOf(job.channel, receipt.fee, STRANGER)],
    [
      'bad-signature',
      'one with another amount than was signed',
      ({ job, receipt }) => ({ ...voucherOf(job.channel, receipt.fee), amount: receipt.fee + 1n }),
    ],
  ])('is rejected as %s with a voucher: %s', (reason, _what, voucher) => {
    expect(outcome(withVoucher(voucher))).toBe(reason)
  })
})
