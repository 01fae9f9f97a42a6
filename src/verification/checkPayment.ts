import { channelIdOf, type JobRecord, sliceOf, voucherDigest, WITHDRAW_DELAY, ZERO_DIGEST } from '../protocol/index.ts'
import { type Found, found, type ReceiptContext } from './receiptContext.ts'

/**
 * R14, R23: the channel is the one the job names and pays the provider's splitter, the requester authorizes and the
 * provider claims. A job without a channel is a devnet's alone.
 */
export function checkPayment(record: JobRecord, { profile, parameters, payment }: ReceiptContext): Found {
  const { job, receipt, channelConfig: config, voucher } = record
  if (job.channel === ZERO_DIGEST) {
    if (profile !== 'devnet') return found('wrong-receiver', 'a channel that pays the provider', 'none')
    if (config !== undefined || voucher !== undefined) return found('wrong-receiver', 'no channel', 'its configuration')
    return receipt.chargedAfter === 0n ? undefined : found('bad-charge', 0, receipt.chargedAfter)
  }
  if (config === undefined) return found('wrong-receiver', 'the configuration of the channel', 'none')
  const id = channelIdOf(payment.domain, config)
  if (id !== job.channel) return found('wrong-receiver', job.channel, id)
  const leastDelay = parameters.withdrawDelay / 1_000
  const wrong =
    differs('receiver', payment.splitter, config.receiver) ??
    differs('receiverAuthorizer', job.provider, config.receiverAuthorizer) ??
    differs('payerAuthorizer', job.requester, config.payerAuthorizer) ??
    differs('token', payment.token, config.token) ??
    differs('token of the job', payment.token, job.token)
  if (wrong !== undefined) return wrong
  if (config.withdrawDelay < leastDelay || config.withdrawDelay > WITHDRAW_DELAY.max) {
    return found('wrong-receiver', `a withdrawDelay of ${leastDelay} to ${WITHDRAW_DELAY.max} s`, config.withdrawDelay)
  }
  return checkCharged(record)
}

/** R24: the fee is in the cumulative charge, and all but the last slice of it was authorized when the receipt was signed. */
function checkCharged({ job, terms, receipt, voucher }: JobRecord): Found {
  if (receipt.chargedAfter < receipt.fee) return found('bad-charge', `at least ${receipt.fee}`, receipt.chargedAfter)
  if (voucher === undefined) return found('bad-charge', 'the voucher of the first slice', 'none')
  if (voucher.channel !== job.channel) return found('bad-charge', `a voucher of ${job.channel}`, voucher.channel)
  const covered = voucher.amount + sliceOf(terms, job)
  return receipt.fee > covered ? found('bad-charge', `at most ${covered}`, receipt.fee) : undefined
}

/** R23: only the payer's cumulative voucher moves money. */
export function checkVoucher({ job, voucher }: JobRecord, { crypto, payment }: ReceiptContext): Found {
  if (voucher === undefined) return undefined
  const signer = crypto.recover(voucherDigest(payment.domain, voucher), voucher.signature)
  return signer === job.requester ? undefined : found('bad-signature', job.requester, signer ?? 'no signer')
}

const differs = (name: string, expected: string, got: string): Found =>
  got === expected ? undefined : found('wrong-receiver', `${name} ${expected}`, got)
