import { z } from 'zod'
import { type Digest, isDigest, type Json } from '../protocol/index.ts'
import type { Store } from '../store/index.ts'
import { PaymentError } from './errors.ts'

/** Transactions of one settlement: replacements with a higher fee, and after a lost nonce a new one. */
const MAX_TRANSACTIONS = 64

/** A transaction that was signed for a settlement, sent or about to be. */
export interface SettlementTransaction {
  readonly hash: Digest
  readonly raw: `0x${string}`
  readonly nonce: number
}

/** What a facilitator knows of one payment from the moment it signs a transaction for it. */
export interface SettlementRecord {
  /** What the chain will take once: the authorization or permit with its nonce. */
  readonly id: Digest
  /** Digest of the whole request: the same payment for something else is not the same request. */
  readonly request: Digest
  readonly scheme: string
  /** Ms since 1970. */
  readonly createdAt: number
  readonly transactions: readonly SettlementTransaction[]
  /** The answer that was given for good; undefined while the chain has not decided. */
  readonly answer: { readonly [name: string]: Json | undefined } | undefined
}

/** The settlements of a facilitator over crashes (R27): a record is on disk before its transaction leaves. */
export interface SettlementJournal {
  find(id: Digest): Promise<SettlementRecord | undefined>
  put(record: SettlementRecord): Promise<void>
  /** Forgets a payment of which nothing was or will be sent. */
  drop(id: Digest): Promise<void>
  /** Every settlement without an answer. */
  unanswered(): Promise<readonly SettlementRecord[]>
  /** Forgets what was answered before `ms`. Returns how many. */
  prune(ms: number): Promise<number>
}

const digest = z.custom<Digest>(isDigest)
const schema = z.strictObject({
  request: digest,
  scheme: z.string(),
  createdAt: z.int().min(0),
  transactions: z
    .array(
      z.strictObject({
        hash: digest,
        raw: z.templateLiteral(['0x', z.string().regex(/^[0-9a-f]*$/)]),
        nonce: z.int().min(0),
      }),
    )
    .min(1)
    .max(MAX_TRANSACTIONS),
  answer: z.record(z.string(), z.json()).optional(),
})

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function createSettlementJournal(store: Store): SettlementJournal {
  const entries = async function* (): AsyncGenerator<SettlementRecord> {
    for await (const { key, value } of store.iterate('settlements')) yield readRecord(key[0], value)
  }
  return {
    async find(id) {
      const value = await store.get('settlements', [id])
      return value === undefined ? undefined : readRecord(id, value)
    },
    async put({ id, transactions, ...rest }) {
      const value = encoder.encode(JSON.stringify({ ...rest, transactions: transactions.slice(-MAX_TRANSACTIONS) }))
      await store.commit([{ type: 'put', table: 'settlements', key: [id], value }])
    },
    drop: (id) => store.commit([{ type: 'delete', table: 'settlements', key: [id] }]),
    async unanswered() {
      const records: SettlementRecord[] = []
      for await (const record of entries()) if (record.answer === undefined) records.push(record)
      return records
    },
    async prune(ms) {
      const old: Digest[] = []
      for await (const record of entries()) {
        if (record.answer !== undefined && record.createdAt < ms) old.push(record.id)
      }
      if (old.length > 0) {
        await store.commit(old.map((id) => ({ type: 'delete', table: 'settlements', key: [id] }) as const))
      }
      return old.length
    },
  }
}

/** Throws PaymentError `settlement-malformed`: a facilitator that cannot read its past pays nobody. */
function readRecord(id: Digest, bytes: Uint8Array): SettlementRecord {
  const parsed = schema.safeParse(JSON.parse(decoder.decode(bytes)))
  if (!parsed.success) {
    const expected = 'a settlement of this version'
    throw new PaymentError({ code: 'settlement-malformed', expected, got: id }, `expected ${expected} at ${id}`)
  }
  return { id, ...parsed.data, answer: parsed.data.answer }
}
