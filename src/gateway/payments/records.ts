import type { PaymentPayload, PaymentRequirements, SettleResponse } from '@x402/core/types'
import { z } from 'zod'
import type { Store, Write } from '../../node/index.ts'
import { type Digest, isDigest, utf8 } from '../../protocol/index.ts'
import type { Reservation } from './merchant.ts'

/**
 * What became of a payment (R27), stored before it is acted upon: `pending` before the job, `served` with its answer
 * before the settlement, `settled` with the settlement before the answer leaves; `failed` frees the payment.
 */
export type PaymentState = 'pending' | 'served' | 'settled' | 'failed'

export interface PaymentRecord {
  readonly state: PaymentState
  /** Digest of the payload that was presented. */
  readonly digest: Digest
  /** Digest of what was asked. */
  readonly request: Digest
  readonly identifier?: Digest
  readonly payload: PaymentPayload
  readonly requirements: PaymentRequirements
  readonly reservation?: Reservation
  /** Smallest units to settle, as a decimal string. */
  readonly amount?: string
  readonly settlement?: SettleResponse
  /** Why it failed. */
  readonly code?: string
  /** ms since 1970. */
  readonly createdAt: number
}

export interface PaymentRecords {
  get(key: Digest): Promise<PaymentRecord | undefined>
  /** The payment an identifier names, unless that failed. */
  named(identifier: Digest): Promise<{ readonly key: Digest; readonly record: PaymentRecord } | undefined>
  /** The receipt file of an answered request. */
  answer(key: Digest): Promise<Uint8Array | undefined>
  save(key: Digest, record: PaymentRecord, answer?: Uint8Array): Promise<void>
  remove(key: Digest, record: PaymentRecord): Promise<void>
  all(): AsyncIterable<{ readonly key: Digest; readonly record: PaymentRecord }>
}

const digest = z.string().refine(isDigest)
const object = <T>() => z.custom<T>((value) => typeof value === 'object' && value !== null)

/** Written by this process alone: its shape is looked at, the objects of x402 inside were parsed at the door. */
const schema = z.strictObject({
  state: z.enum(['pending', 'served', 'settled', 'failed']),
  digest,
  request: digest,
  identifier: digest.optional(),
  payload: object<PaymentPayload>(),
  requirements: object<PaymentRequirements>(),
  reservation: z.strictObject({ channelId: z.string(), pendingId: z.string() }).optional(),
  amount: z.string().optional(),
  settlement: object<SettleResponse>().optional(),
  code: z.string().optional(),
  createdAt: z.number(),
})

export function createPaymentRecords(store: Store): PaymentRecords {
  const get = async (key: Digest): Promise<PaymentRecord | undefined> => {
    const bytes = await store.get('gatewayPayments', [key])
    return bytes === undefined ? undefined : parse(bytes)
  }
  return {
    get,
    named: async (identifier) => {
      const bytes = await store.get('gatewayIdentifiers', [identifier])
      if (bytes === undefined) return undefined
      const key = digest.parse(decoder.decode(bytes))
      const record = await get(key)
      return record === undefined || record.state === 'failed' ? undefined : { key, record }
    },
    answer: (key) => store.get('gatewayAnswers', [key]),
    save: (key, { identifier, ...record }, answer) => {
      const isFree = record.state === 'failed' || identifier === undefined
      const kept = isFree ? record : { ...record, identifier }
      const writes: Write[] = [{ type: 'put', table: 'gatewayPayments', key: [key], value: utf8(JSON.stringify(kept)) }]
      if (identifier !== undefined) {
        const entry = { table: 'gatewayIdentifiers', key: [identifier] } as const
        writes.push(isFree ? { type: 'delete', ...entry } : { type: 'put', ...entry, value: utf8(key) })
      }
      if (answer !== undefined) writes.push({ type: 'put', table: 'gatewayAnswers', key: [key], value: answer })
      return store.commit(writes)
    },
    remove: (key, { identifier }) =>
      store.commit([
        { type: 'delete', table: 'gatewayPayments', key: [key] },
        { type: 'delete', table: 'gatewayAnswers', key: [key] },
        ...(identifier === undefined
          ? []
          : [{ type: 'delete', table: 'gatewayIdentifiers', key: [identifier] } satisfies Write]),
      ]),
    all: async function* () {
      for await (const entry of store.iterate('gatewayPayments')) {
        yield { key: entry.key[0], record: parse(entry.value) }
      }
    },
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

const parse = (bytes: Uint8Array): PaymentRecord => schema.parse(JSON.parse(decoder.decode(bytes))) as PaymentRecord
