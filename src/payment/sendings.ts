import { TransactionReceiptNotFoundError } from 'viem'
import { getTransactionCount, getTransactionReceipt, sendRawTransaction } from 'viem/actions'
import { z } from 'zod'
import {
  asChainError,
  type Call,
  type ChainClient,
  ChainError,
  type Inclusion,
  isChainError,
  type Sent,
  type SignedTransaction,
} from '../chain/index.ts'
import { type Address, type Digest, isDigest, type Result, toError } from '../protocol/index.ts'
import type { Store } from '../store/index.ts'

/** The part of a pino logger that this room uses. Never given keys, signatures or vouchers. */
export interface PaymentLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Transactions kept of one purpose: replacements with a higher fee, and after a lost nonce a new one. */
const MAX_TRANSACTIONS = 16

interface Sending {
  readonly transactions: readonly SignedTransaction[]
  /** Ms since 1970 until which it is remembered, also when it is safe; 0: not longer than that. */
  readonly keepUntil: number
}

const digest = z.custom<Digest>(isDigest)
const sending = z.strictObject({
  transactions: z
    .array(z.strictObject({ hash: digest, raw: z.templateLiteral(['0x', z.string()]), nonce: z.int().min(0) }))
    .min(1)
    .max(MAX_TRANSACTIONS),
  keepUntil: z.int().min(0),
})

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

interface Components {
  readonly chain: Pick<ChainClient, 'send' | 'query' | 'onBlock' | 'safe' | 'chainNow'>
  readonly store: Pick<Store, 'commit' | 'get' | 'iterate'>
  readonly logger: PaymentLogger
}

/**
 * Transactions of one account that a crash must not double (R27): each is on disk before it leaves, under what it is for,
 * until it is safe. After a restart the very same bytes go out again, which no chain takes twice, and whoever wants to do
 * the same thing waits for them first.
 */
export class Sendings {
  readonly #c: Components
  readonly #account: Address
  readonly #left = new Map<Digest, Sending>()
  #unfollow: (() => void) | undefined
  #looking: Promise<void> | undefined
  #waiting: (() => void)[] = []

  constructor(components: Components, { account }: { readonly account: Address }) {
    this.#c = components
    this.#account = account
  }

  /** Reads what a process before this one left. Rejects with StoreError, SyntaxError or ZodError: it cannot be read. */
  async start(): Promise<void> {
    const { store, chain } = this.#c
    for await (const { key, value } of store.iterate('payeeTransactions')) {
      this.#left.set(key[0], sending.parse(JSON.parse(decoder.decode(value))))
    }
    this.#unfollow = chain.onBlock(() => this.#look())
    if (this.#left.size > 0) this.#look()
  }

  async stop(): Promise<void> {
    this.#unfollow?.()
    this.#unfollow = undefined
    await this.#looking
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /**
   * What became of a transaction that an earlier process, or an earlier attempt, sent for `id`: its block, or undefined
   * when there is none and can be none any more. Waits while it may still be included. Throws ChainError.
   */
  async leftover(id: Digest): Promise<Inclusion | undefined> {
    for (;;) {
      const left = this.#left.get(id)
      if (left === undefined) return undefined
      const found = await this.#find(left)
      if (found !== undefined) return found
      if (!(await this.#canCome(left))) {
        await this.#forget(id)
        return undefined
      }
      if (this.#unfollow !== undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve))
      if (this.#unfollow === undefined) throw new ChainError({ code: 'stopped' }, 'expected a node that runs, it stops')
    }
  }

  /** Whether a transaction for `id` is in no block and may still come. Throws ChainError. */
  async isOpen(id: Digest): Promise<boolean> {
    const left = this.#left.get(id)
    return left !== undefined && (await this.#find(left)) === undefined && (await this.#canCome(left))
  }

  /** Sends a call for `id` and waits for its block; `keepUntil` in ms since 1970. */
  async send(id: Digest, call: Call, { keepUntil = 0 } = {}): Promise<Result<Sent, ChainError>> {
    const { chain, store, logger } = this.#c
    let record = this.#left.get(id) ?? { transactions: [], keepUntil }
    const sent = await chain.send(call, {
      onSigned: async (transaction) => {
        record = { transactions: [...record.transactions, transaction].slice(-MAX_TRANSACTIONS), keepUntil }
        const value = encoder.encode(JSON.stringify(record))
        await store.commit([{ type: 'put', table: 'payeeTransactions', key: [id], value }])
      },
    })
    if (!sent.ok) {
      const isOpen = isChainError(sent.error, 'not-included') || isChainError(sent.error, 'stopped')
      if (!isOpen) await this.#forget(id)
      else if (record.transactions.length > 0) this.#left.set(id, record)
      return sent
    }
    if (keepUntil > 0) this.#left.set(id, record)
    else {
      sent.value.safe
        .then((safe) => (safe.ok || !isChainError(safe.error, 'stopped') ? this.#forget(id) : undefined))
        .catch((error) => logger.error({ error: toError(error).message }, 'a sent transaction was not forgotten'))
    }
    return sent
  }

  /** One look at everything that is left, after every block. */
  #look(): void {
    this.#looking ??= this.#lookOnce()
      .catch((error) => this.#c.logger.warn({ error: toError(error).message }, 'transactions not followed'))
      .finally(() => {
        this.#looking = undefined
        for (const wake of this.#waiting.splice(0)) wake()
      })
  }

  async #lookOnce(): Promise<void> {
    for (const [id, left] of [...this.#left]) {
      const found = await this.#find(left)
      if (found === undefined) await this.#again(left)
      else if (found.blockNumber <= this.#c.chain.safe().number && left.keepUntil <= this.#c.chain.chainNow())
        await this.#forget(id)
    }
  }

  /** In a block, and successful. */
  async #find({ transactions }: Sending): Promise<Inclusion | undefined> {
    for (const { hash } of transactions.toReversed()) {
      const receipt = await this.#c.chain.query(async (client) => {
        try {
          return await getTransactionReceipt(client, { hash })
        } catch (error) {
          if (error instanceof TransactionReceiptNotFoundError) return undefined
          throw error
        }
      })
      if (receipt === undefined || receipt.status !== 'success') continue
      const { blockHash, blockNumber, gasUsed } = receipt
      return { transaction: hash, blockHash, blockNumber: Number(blockNumber), gasUsed }
    }
    return undefined
  }

  async #canCome({ transactions }: Sending): Promise<boolean> {
    const next = await this.#c.chain.query((client) => getTransactionCount(client, { address: this.#account }))
    return transactions.some(({ nonce }) => nonce >= next)
  }

  /** An endpoint that has it already, or no longer can take it, says so; the next look finds out what holds. */
  async #again(left: Sending): Promise<void> {
    const last = left.transactions.at(-1)
    if (last === undefined || !(await this.#canCome(left))) return
    try {
      await this.#c.chain.query((client) => sendRawTransaction(client, { serializedTransaction: last.raw }))
    } catch (thrown) {
      const { code, message } = asChainError('eth_sendRawTransaction', thrown)
      this.#c.logger.info(
        { code, error: message, transaction: last.hash },
        'a transaction sent before was not taken anew',
      )
    }
  }

  async #forget(id: Digest): Promise<void> {
    this.#left.delete(id)
    await this.#c.store.commit([{ type: 'delete', table: 'payeeTransactions', key: [id] }])
  }
}
