import type { SettleResponse } from '@x402/core/types'
import type { ChainSender } from '../../node/index.ts'
import type { SettlementJournal, SettlementRecord } from '../../payment/index.ts'
import { type Clock, type Digest, fail, type Json, ok, type Result, toError } from '../../protocol/index.ts'
import { type ChainReads, settlingSigner } from './chainSigner.ts'
import { type FacilitatorError, facilitatorError } from './errors.ts'
import { findInclusion, isLost, rebroadcast } from './lookUp.ts'
import type { PaymentRequest, Served } from './request.ts'
import { rememberedTransaction, stockFacilitator } from './schemes.ts'
import { SettlementSend } from './send.ts'

/** The word of the stock classes for a transaction that was sent and of which no more is known. */
const PENDING = 'settlement_pending'
const NOT_YET = 'it was sent and is in no block yet; ask again with the same payment'

export interface SettlementsComponents {
  readonly sender: ChainSender
  readonly reads: ChainReads
  readonly journal: SettlementJournal
  readonly clock: Clock
}

export interface SettlementsInit {
  readonly served: Served
  /** A caller waits this long for inclusion, ms. */
  readonly timeoutMs: number
}

export interface Settled {
  readonly response: SettleResponse
  /** Whether this is the answer of an earlier request with the same content. */
  readonly replayed: boolean
}

type Outcome = Result<Settled, FacilitatorError>

/**
 * Settles each payment once, however often and over however many crashes it is asked to (R27): what is about to be sent
 * is on disk before it leaves, and a payment that has a transaction is looked up by its hash and never sent beside it.
 */
export class Settlements {
  readonly #components: SettlementsComponents
  readonly #init: SettlementsInit
  readonly #running = new Map<Digest, { readonly digest: Digest; readonly outcome: Promise<Outcome> }>()

  constructor(components: SettlementsComponents, init: SettlementsInit) {
    this.#components = components
    this.#init = init
  }

  /** Puts what an earlier process had signed before the chain again. Returns how many settlements are open. */
  async resume(): Promise<number> {
    const { journal, sender } = this.#components
    const open = await journal.unanswered()
    for (const record of open) await rebroadcast(sender.chain, record)
    return open.length
  }

  /** FacilitatorError `payment-conflict` when the authorization was given for something else before. */
  async settle(request: PaymentRequest): Promise<Outcome> {
    const running = this.#running.get(request.id)
    if (running !== undefined) {
      if (running.digest !== request.digest) return conflict(running.digest, request)
      const outcome = await running.outcome
      return outcome.ok ? ok({ ...outcome.value, replayed: true }) : outcome
    }
    const outcome = this.#settleOnce(request).finally(() => this.#running.delete(request.id))
    this.#running.set(request.id, { digest: request.digest, outcome })
    return await outcome
  }

  async #settleOnce(request: PaymentRequest): Promise<Outcome> {
    const record = await this.#components.journal.find(request.id)
    if (record === undefined || (request.repeatable && record.answer !== undefined)) return await this.#send(request)
    if (record.request !== request.digest) return conflict(record.request, request)
    if (record.answer !== undefined) {
      return ok({ response: record.answer as unknown as SettleResponse, replayed: true })
    }
    try {
      return await this.#lookUp(request, record)
    } catch (thrown) {
      // Nobody could say what became of it: as open as before.
      return ok({ response: this.#pending(request, record, toError(thrown).message), replayed: true })
    }
  }

  async #send(request: PaymentRequest): Promise<Outcome> {
    const { sender, reads, journal, clock } = this.#components
    const { served, timeoutMs } = this.#init
    const send = new SettlementSend({ sender, journal, clock }, { request, timeoutMs })
    const response = await this.#stock(request, settlingSigner(reads, sender, send), undefined)
    if (send.refused !== undefined) {
      await journal.drop(request.id)
      return fail(facilitatorError('facilitator-unfunded', `gas on ${served.network}`, send.refused))
    }
    const { record } = send
    if (record === undefined) return ok({ response, replayed: false })
    return await this.#answer(record, response, send.inclusion)
  }

  async #lookUp(request: PaymentRequest, record: SettlementRecord): Promise<Outcome> {
    const { sender, reads, journal, clock } = this.#components
    if (await isLost(sender, record)) {
      await journal.drop(record.id)
      return await this.#send(request)
    }
    await rebroadcast(sender.chain, record)
    const until = clock() + this.#init.timeoutMs
    const inclusion = await findInclusion(sender.chain, record, { clock, until })
    if (inclusion === undefined) return ok({ response: this.#pending(request, record), replayed: true })
    const hands = {
      send: () => Promise.reject(new TypeError('expected to look a settlement up, not to send it')),
      included: async () => inclusion.hash,
    }
    const response =
      request.scheme === 'batch-settlement' && request.payload.payload.type !== 'deposit'
        ? this.#plain(request, inclusion)
        : await this.#stock(request, settlingSigner(reads, sender, hands), inclusion.hash)
    const outcome = await this.#answer(record, response, inclusion.hash)
    return outcome.ok ? ok({ ...outcome.value, replayed: true }) : outcome
  }

  /** Keeps the answer unless the chain has not decided. */
  async #answer(record: SettlementRecord, given: SettleResponse, inclusion: Digest | undefined): Promise<Outcome> {
    const transaction = inclusion ?? record.transactions.at(-1)?.hash ?? given.transaction
    if (inclusion === undefined) {
      const message = given.errorMessage ?? NOT_YET
      const pending = { success: false, errorReason: PENDING, errorMessage: message, transaction }
      return ok({ response: { ...given, ...pending }, replayed: false })
    }
    const response = { ...given, transaction }
    if (response.errorReason !== PENDING) {
      const answer = JSON.parse(JSON.stringify(response)) as { readonly [name: string]: Json | undefined }
      await this.#components.journal.put({ ...record, answer })
    }
    return ok({ response, replayed: false })
  }

  async #stock(
    { payload, requirements }: PaymentRequest,
    signer: ReturnType<typeof settlingSigner>,
    hash: Digest | undefined,
  ): Promise<SettleResponse> {
    try {
      const facilitator = stockFacilitator(this.#init.served, signer, rememberedTransaction(hash))
      return await facilitator.settle(payload, requirements)
    } catch (thrown) {
      const { network } = requirements
      const errorMessage = toError(thrown).message
      return { success: false, errorReason: 'unexpected_settle_error', errorMessage, transaction: '', network }
    }
  }

  /** A claim, sweep or refund of an earlier process: whether it went through, without the amounts it moved. */
  #plain({ requirements }: PaymentRequest, { succeeded, hash }: Inclusion): SettleResponse {
    const { network } = requirements
    return succeeded
      ? { success: true, transaction: hash, network }
      : { success: false, errorReason: 'invalid_transaction_state', transaction: hash, network }
  }

  #pending({ requirements }: PaymentRequest, record: SettlementRecord, message = NOT_YET): SettleResponse {
    return {
      success: false,
      errorReason: PENDING,
      errorMessage: message,
      transaction: record.transactions.at(-1)?.hash ?? '',
      network: requirements.network,
    }
  }
}

type Inclusion = { readonly hash: Digest; readonly succeeded: boolean }

const conflict = (before: Digest, { digest }: PaymentRequest): Result<never, FacilitatorError> =>
  fail(
    facilitatorError(
      'payment-conflict',
      `request ${before}, for which this payment was given first`,
      `request ${digest}`,
    ),
  )
