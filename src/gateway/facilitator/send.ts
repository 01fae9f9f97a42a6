import type { ChainSender } from '../../node/index.ts'
import type { SettlementJournal, SettlementRecord } from '../../payment/index.ts'
import type { Address, Clock, Digest } from '../../protocol/index.ts'
import type { SettlementHands } from './chainSigner.ts'
import { findInclusion } from './lookUp.ts'
import type { PaymentRequest } from './request.ts'

/** One settlement's transaction: kept before it leaves, replaced where its fee was too low, and followed to its block. */
export class SettlementSend implements SettlementHands {
  readonly #sender: ChainSender
  readonly #journal: SettlementJournal
  readonly #clock: Clock
  readonly #request: PaymentRequest
  readonly #timeoutMs: number
  #included: Promise<Digest> | undefined
  /** What is on disk; undefined while nothing was signed. */
  record: SettlementRecord | undefined
  /** The transaction that is in a block. */
  inclusion: Digest | undefined
  /** Why no endpoint took what was signed, where that is certain. */
  refused: string | undefined

  constructor(
    components: { readonly sender: ChainSender; readonly journal: SettlementJournal; readonly clock: Clock },
    init: { readonly request: PaymentRequest; readonly timeoutMs: number },
  ) {
    this.#sender = components.sender
    this.#journal = components.journal
    this.#clock = components.clock
    this.#request = init.request
    this.#timeoutMs = init.timeoutMs
  }

  async send(call: { readonly to: Address; readonly data: `0x${string}` }): Promise<Digest> {
    if (this.#included !== undefined) throw new TypeError('expected one transaction of a settlement')
    const signed = Promise.withResolvers<Digest>()
    this.#included = this.#follow(call, signed.resolve)
    // Nothing was signed when it fails before; after that the failure is told to whoever waits for inclusion.
    this.#included.catch(signed.reject)
    return await signed.promise
  }

  async included(): Promise<Digest> {
    if (this.#included === undefined) throw new TypeError('expected a transaction to wait for')
    return await this.#included
  }

  async #follow(
    call: { readonly to: Address; readonly data: `0x${string}` },
    onSigned: (hash: Digest) => void,
  ): Promise<Digest> {
    const sent = await this.#sender.chain.send(call, {
      timeoutMs: this.#timeoutMs,
      onSigned: async (transaction) => {
        const { id, digest: request, scheme } = this.#request
        const before = this.record ?? { id, request, scheme, createdAt: this.#clock(), transactions: [] }
        this.record = { ...before, transactions: [...before.transactions, transaction], answer: undefined }
        await this.#journal.put(this.record)
        onSigned(transaction.hash)
      },
    })
    if (sent.ok) {
      this.inclusion = sent.value.transaction
      return sent.value.transaction
    }
    const { error } = sent
    if (error.code === 'reverted' && this.record !== undefined) {
      // Included and failed: the receipt says so, and the stock class reads it.
      this.inclusion = (await findInclusion(this.#sender.chain, this.record, { clock: this.#clock, until: 0 }))?.hash
      if (this.inclusion !== undefined) return this.inclusion
    }
    // With one transaction it is certain that none left; a replacement may have been refused where the first was taken.
    const alone = this.record === undefined || this.record.transactions.length === 1
    if (error.code === 'insufficient-funds' && alone) this.refused = error.message
    throw error
  }
}
