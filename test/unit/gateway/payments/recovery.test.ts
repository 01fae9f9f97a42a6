import type { PaymentPayload, PaymentRequirements } from '@x402/core/types'
import type { Channel } from '@x402/evm/batch-settlement/server'
import { describe, expect, it } from 'vitest'
import { createDurableChannels } from '../../../../src/gateway/payments/channelStorage.ts'
import { createPaymentRecords, type PaymentRecord } from '../../../../src/gateway/payments/records.ts'
import { recoverPayments } from '../../../../src/gateway/recovery.ts'
import { digestOf, RecordingLogger, temporaryStore } from '../../store/support.ts'

const CHANNEL = digestOf(7)
const reservation = { channelId: CHANNEL, pendingId: 'mine' }

const channel = (charged: string, pendingId?: string): Channel => ({
  ...{ channelId: CHANNEL, chargedCumulativeAmount: charged, signedMaxClaimable: '100', signature: '0x' },
  ...{ balance: '500', totalClaimed: '0', withdrawRequestedAt: 0, refundNonce: 0, lastRequestTimestamp: 0 },
  channelConfig: { payer: '0x00000000000000000000000000000000000000aa' } as unknown as Channel['channelConfig'],
  ...(pendingId === undefined ? {} : { pendingRequest: { pendingId, signedMaxClaimable: '100', expiresAt: 1 } }),
})

const record = (changes: Partial<PaymentRecord>): PaymentRecord => ({
  ...{ state: 'pending', digest: digestOf(1), request: digestOf(2), createdAt: 0 },
  payload: { x402Version: 2 } as PaymentPayload,
  requirements: { network: 'eip155:31337' } as unknown as PaymentRequirements,
  ...changes,
})

async function world() {
  const store = await temporaryStore()
  const parts = {
    records: createPaymentRecords(store),
    channels: createDurableChannels(store),
    logger: new RecordingLogger(),
  }
  return { ...parts, recover: () => recoverPayments(parts) }
}

describe('after a crash (R27)', () => {
  it('a job without an answer frees its payment and its channel', async () => {
    const { records, channels, recover } = await world()
    await channels.updateChannel(CHANNEL, () => channel('10', 'mine'))
    await records.save(digestOf(3), record({ reservation, identifier: digestOf(4) }))
    await recover()
    expect(await records.get(digestOf(3))).toMatchObject({ state: 'failed', code: 'interrupted' })
    expect(await records.named(digestOf(4))).toBeUndefined()
    expect((await channels.get(CHANNEL))?.pendingRequest).toBeUndefined()
  })

  it('a voucher that was charged counts as settled, once', async () => {
    const { records, channels, recover } = await world()
    await channels.updateChannel(CHANNEL, () => channel('10', 'mine'))
    await records.save(digestOf(3), record({ state: 'served', reservation, amount: '5' }))
    await channels.updateChannel(CHANNEL, () => channel('15'))
    await recover()
    expect(await records.get(digestOf(3))).toMatchObject({
      state: 'settled',
      settlement: { success: true, extra: { chargedAmount: '5', channelState: { chargedCumulativeAmount: '15' } } },
    })
  })

  it('a voucher that was not charged waits for its payer, its channel reserved', async () => {
    const { records, channels, recover } = await world()
    await channels.updateChannel(CHANNEL, () => channel('10', 'mine'))
    await records.save(digestOf(3), record({ state: 'served', reservation, amount: '5' }))
    await recover()
    expect(await records.get(digestOf(3))).toMatchObject({ state: 'served' })
    expect((await channels.get(CHANNEL))?.pendingRequest?.pendingId).toBe('mine')
  })

  it('a reservation of another request is left alone', async () => {
    const { channels } = await world()
    await channels.updateChannel(CHANNEL, () => channel('10', 'other'))
    await channels.release(CHANNEL, 'mine')
    expect((await channels.get(CHANNEL))?.pendingRequest?.pendingId).toBe('other')
  })
})

describe('channels on disk', () => {
  it('are updated one at a time, also by many at once', async () => {
    const { channels } = await world()
    await channels.updateChannel(CHANNEL, () => channel('0'))
    const add = (current: Channel | undefined): Channel => channel(String(Number(current?.chargedCumulativeAmount) + 1))
    await Promise.all(Array.from({ length: 20 }, () => channels.updateChannel(CHANNEL, add)))
    expect((await channels.get(CHANNEL))?.chargedCumulativeAmount).toBe('20')
    expect(await channels.updateChannel(CHANNEL, () => undefined)).toMatchObject({ status: 'deleted' })
    expect(await channels.list()).toEqual([])
  })

  it('go on after an update that throws', async () => {
    const { channels } = await world()
    const broken = channels.updateChannel(CHANNEL, () => {
      throw new RangeError('no')
    })
    await expect(broken).rejects.toThrow('no')
    expect(await channels.updateChannel(CHANNEL, () => channel('1'))).toMatchObject({ status: 'updated' })
  })
})
