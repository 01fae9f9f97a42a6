import { randomBytes } from 'node:crypto'
import type { x402HTTPClient } from '@x402/core/client'
import type { PaymentPayload, SettleResponse } from '@x402/core/types'
import type { ClientChannelStorage } from '@x402/evm/batch-settlement/client'
import { type SpendingBook, SpendingError } from '../../payment/index.ts'
import { type Address, bytesToHex, type Digest, toError } from '../../protocol/index.ts'
import type { ChainSession } from '../chainSession.ts'
import { type Authorizations, authorizationOf, movedBy } from './authorizations.ts'
import { payFetchError } from './errors.ts'
import { askPaid, discard, type PageRequest } from './http.ts'
import { payBy } from './payer.ts'
import type { PayableScheme, Terms } from './terms.ts'

/** What became of a payment. Amounts in the token's smallest unit. */
export interface Payment {
  readonly scheme: PayableScheme
  readonly network: string
  readonly asset: Address
  readonly payTo: string
  /** What was asked for at most. */
  readonly price: bigint
  /** What it took; all of the price where that is not known. */
  readonly spent: bigint
  /** What went into the channel with it. */
  readonly deposited: bigint | undefined
  readonly transaction: string | undefined
  readonly payer: string
  /** Who signed for it: the voucher key of a channel, else the payer. */
  readonly key: Address
  /** `unsettled`: the server gave the page and has not taken the money yet; it may, until the payment expires. */
  readonly state: 'settled' | 'unsettled'
}

interface PaymentComponents {
  readonly book: SpendingBook
  readonly authorizations: Authorizations
  readonly channels: ClientChannelStorage
  readonly chain: ChainSession['chain']
  readonly client: x402HTTPClient
}

interface PaymentInit {
  readonly terms: Terms
  readonly request: PageRequest
  readonly signal: AbortSignal
  readonly payer: string
  readonly key: Address
}

interface Attempt {
  readonly payload: PaymentPayload
  readonly response: Response
  readonly settlement: SettleResponse | undefined
}

/**
 * Pays once and asks for the page: the amount is set aside before anything is signed, and the book says what it took
 * before the page is handed on. What a server holds and has not used stays set aside until it cannot be used any more.
 */
export async function payOnce(
  components: PaymentComponents,
  init: PaymentInit,
): Promise<{ readonly response: Response; readonly payment: Payment }> {
  const { book } = components
  const { terms, key } = init
  const id = bytesToHex(randomBytes(32))
  const request = { id, token: terms.asset, key, amount: terms.amount, at: Date.now() }
  const reserved = await book.reserve(request)
  if (!reserved.ok) throw reserved.error
  const attempt = await send(components, init, id)
  const { settlement, response } = attempt
  if (settlement?.success !== true) return await unsettled(components, init, id, attempt)
  const spent = await spentOf(components, init, id, attempt.payload, settlement)
  await booked(book.settle(id, spent))
  await components.authorizations.forget(id)
  return { response, payment: paymentOf(init, attempt, { spent, state: 'settled' }) }
}

async function send(components: PaymentComponents, init: PaymentInit, id: Digest): Promise<Attempt> {
  const { book, authorizations, client } = components
  const { terms, request, signal } = init
  let sent: PaymentPayload | undefined
  const attempt = async (): Promise<Attempt & { readonly recovered: boolean }> => {
    const payload = await payBy(client, terms)
    const authorization = authorizationOf(payload, { id, amount: terms.amount })
    if (authorization !== undefined) await authorizations.keep(authorization)
    sent = payload
    const response = await askPaid(request, client.encodePaymentSignatureHeader(payload), signal)
    const header = (name: string): string | null => response.headers.get(name)
    const { recovered, settleResponse } = await client.processPaymentResult(payload, header, response.status)
    return { payload, response, settlement: settleResponse, recovered }
  }
  try {
    const first = await attempt()
    // The server knew the channel better and has proved it with our own voucher: once more from there.
    if (!first.recovered) return first
    await discard(first.response)
    return await attempt()
  } catch (thrown) {
    if (sent === undefined) await booked(book.release(id))
    else await lost(components, init, id, sent)
    if (thrown instanceof SpendingError || !isPlain(thrown)) throw thrown
    const expected = 'terms and an answer as x402 has them'
    throw payFetchError('terms-refused', expected, toError(thrown).message, { cause: thrown })
  }
}

/** Errors of the stock classes carry no code. */
const isPlain = (thrown: unknown): boolean => !(thrown instanceof Error && 'detail' in thrown)

/** Nobody knows what the server did with the payment: a voucher counts as used, an authorization until it expires. */
async function lost(
  { book, channels }: PaymentComponents,
  { terms }: PaymentInit,
  id: Digest,
  { payload }: PaymentPayload,
): Promise<void> {
  if (terms.scheme !== 'batch-settlement') return
  await forgetChannel(channels, payload)
  await booked(book.settle(id, terms.amount))
}

async function unsettled(
  components: PaymentComponents,
  init: PaymentInit,
  id: Digest,
  attempt: Attempt,
): Promise<{ readonly response: Response; readonly payment: Payment }> {
  const { book, channels, client } = components
  const { terms } = init
  const { response, settlement, payload } = attempt
  const refused = response.status === 402 || settlement !== undefined
  if (terms.scheme === 'batch-settlement') {
    await forgetChannel(channels, payload.payload)
    // Whoever refuses a voucher keeps it, and can claim it.
    await booked(book.settle(id, terms.amount))
  }
  if (!refused) return { response, payment: paymentOf(init, attempt, { spent: terms.amount, state: 'unsettled' }) }
  const { header } = client.parsePaymentResult({
    status: response.status,
    getHeader: (name) => response.headers.get(name),
    body: undefined,
  })
  await discard(response)
  const said = header as { readonly error?: string; readonly errorReason?: string } | undefined
  const reason = settlement?.errorReason ?? said?.errorReason ?? said?.error ?? `status ${response.status}`
  const held = terms.scheme === 'batch-settlement' ? '' : '; the amount stays set aside until the payment expires'
  throw payFetchError('payment-refused', 'a server that takes the payment', `${reason}${held}`)
}

/** What is known of a channel is read from the chain again, and from our own vouchers as the server shows them. */
async function forgetChannel(
  channels: ClientChannelStorage,
  payload: { readonly [name: string]: unknown },
): Promise<void> {
  const { voucher } = payload as { readonly voucher?: { readonly channelId?: string } }
  if (voucher?.channelId !== undefined) await channels.delete(voucher.channelId)
}

/** What a settled payment took, never more than was set aside. What the chain can show is not taken from the server. */
async function spentOf(
  { chain }: PaymentComponents,
  { terms, payer }: PaymentInit,
  id: Digest,
  payload: PaymentPayload,
  settlement: SettleResponse,
): Promise<bigint> {
  const most = terms.amount
  if (terms.scheme === 'exact') return most
  const nonce = authorizationOf(payload, { id, amount: most })?.nonce
  const transfer = { asset: terms.asset, from: payer, to: terms.requirements.payTo, nonce }
  const told = terms.scheme === 'upto' ? await movedBy(chain, settlement.transaction, transfer) : chargedBy(settlement)
  return 'amount' in told && told.amount < most ? told.amount : most
}

function chargedBy({ extra }: SettleResponse): { readonly amount: bigint } | { readonly unknown: string } {
  const charged = extra?.chargedAmount
  if (typeof charged === 'string' && /^[0-9]{1,38}$/.test(charged)) return { amount: BigInt(charged) }
  return { unknown: 'the server named no amount' }
}

function paymentOf(
  { terms, payer, key }: PaymentInit,
  { payload, settlement }: Attempt,
  outcome: Pick<Payment, 'spent' | 'state'>,
): Payment {
  const { deposit } = payload.payload as { readonly deposit?: { readonly amount: string } }
  const { scheme, asset, amount, requirements } = terms
  const { network, payTo } = requirements
  const transaction = settlement?.transaction === '' ? undefined : settlement?.transaction
  const deposited = deposit === undefined ? undefined : BigInt(deposit.amount)
  return { ...{ scheme, network, asset, payTo, price: amount, payer, key, transaction, deposited }, ...outcome }
}

async function booked(result: ReturnType<SpendingBook['settle']>): Promise<void> {
  const outcome = await result
  if (!outcome.ok) throw outcome.error
}
