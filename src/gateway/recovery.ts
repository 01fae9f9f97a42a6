import type { SettleResponse } from '@x402/core/types'
import type { DurableChannels } from './payments/channelStorage.ts'
import type { PaymentRecord, PaymentRecords } from './payments/records.ts'

export interface RecoveryComponents {
  readonly records: PaymentRecords
  readonly channels: DurableChannels
  readonly logger: { warn(fields: object, message: string): void }
}

/**
 * Takes up what an earlier process left (R27), before the door opens: a job without an answer was charged to nobody, and
 * its payment is free; an answer without its settlement waits for its payer to come back.
 */
export async function recoverPayments({ records, channels, logger }: RecoveryComponents): Promise<void> {
  for await (const { key, record } of records.all()) {
    const { state, reservation } = record
    if (state === 'pending') {
      if (reservation !== undefined) await channels.release(reservation.channelId, reservation.pendingId)
      await records.save(key, { ...record, state: 'failed', code: 'interrupted' })
      logger.warn({ code: 'interrupted' }, 'a job was interrupted; its payment is free')
    } else if (state === 'served') {
      const settlement = await chargedBefore(channels, record)
      if (settlement !== undefined) await records.save(key, { ...record, state: 'settled', settlement })
    }
  }
}

/** A voucher's charge is a write of our own: where that was made and ours about it was not, it is made up for. */
async function chargedBefore(
  channels: DurableChannels,
  { reservation, requirements, amount = '0' }: PaymentRecord,
): Promise<SettleResponse | undefined> {
  if (reservation === undefined) return undefined
  const { channelId, pendingId } = reservation
  const channel = await channels.get(channelId)
  if (channel === undefined || (await channels.lastCharged(channelId)) !== pendingId) return undefined
  const { balance, totalClaimed, withdrawRequestedAt, refundNonce, chargedCumulativeAmount } = channel
  const channelState = {
    ...{ channelId, balance, totalClaimed, withdrawRequestedAt, chargedCumulativeAmount },
    refundNonce: String(refundNonce),
  }
  return {
    success: true,
    payer: channel.channelConfig.payer,
    transaction: '',
    network: requirements.network,
    amount: '',
    extra: { channelState, chargedAmount: amount },
  }
}
