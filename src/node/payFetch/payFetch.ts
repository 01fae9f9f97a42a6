import type { Network } from '@x402/core/types'
import { privateKeyToAccount } from 'viem/accounts'
import { budgetOf, type SpendingBook, spendingPolicyOf } from '../../payment/index.ts'
import { type Address, bytesToHex } from '../../protocol/index.ts'
import { withChainSession } from '../chainSession.ts'
import { nodeSecp256k1 } from '../crypto.ts'
import type { Home, OpenedHome } from '../home.ts'
import type { NodeLogger } from '../logger.ts'
import { readOperatorKey } from '../operatorKey.ts'
import { openWallet } from '../wallet.ts'
import { Authorizations } from './authorizations.ts'
import { channelFiles } from './channelFiles.ts'
import { askFor, discard, type Page, type PageRequest, payableUrl, readResponse } from './http.ts'
import { createPayer } from './payer.ts'
import { type Payment, payOnce } from './payment.ts'
import { paymentPaths, withSpendingBook } from './spendingStore.ts'
import { chooseTerms, type MaxAmount, readPaymentRequired, type Terms } from './terms.ts'

export interface PayFetchComponents {
  readonly home: Home
  readonly opened: OpenedHome
  readonly environment: { readonly [name: string]: string | undefined }
  readonly logger: NodeLogger
  /** Told the price and who is paid, before anything is sent. */
  readonly onTerms: (terms: Terms) => void
  readonly signal: AbortSignal
}

export interface PayFetchInit {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: string | undefined
  readonly max: MaxAmount | undefined
  /** Key file of the wallet. */
  readonly wallet: string
  readonly timeoutMs: number
  /** Largest body that is read. */
  readonly maxBytes: number
}

export interface PaidPage {
  readonly url: string
  readonly status: number
  readonly contentType: string
  readonly body: Uint8Array
  /** Undefined: nobody asked for one. */
  readonly payment: Payment | undefined
}

/**
 * Fetches a page from any x402 v2 server and pays for it from the home's wallet, inside its policy. Throws PayFetchError,
 * SpendingError, and what opening the home's keys and chain throws.
 */
export async function payFetch(components: PayFetchComponents, init: PayFetchInit): Promise<PaidPage> {
  const { config, network } = components.opened
  const { timeoutMs, maxBytes, headers, method, body } = init
  const policy = spendingPolicyOf(config.payments, network.contracts.opg)
  const signal = AbortSignal.any([components.signal, AbortSignal.timeout(timeoutMs)])
  const request = { url: payableUrl(init.url, policy), method, headers, body }
  const page = await askFor(request, signal)
  if (page.response.status !== 402) return await pageOf(page, undefined, maxBytes, signal)
  const required = readPaymentRequired(page.response)
  await discard(page.response)
  const caip = `eip155:${network.chainId}`
  const terms = chooseTerms(required, { network: caip, opg: network.contracts.opg, policy, max: init.max })
  components.onTerms(terms)
  return await withSpendingBook({ ...components, policy }, timeoutMs, async (book) => {
    const paid = await payAndAsk(components, { ...init, book, terms, request: { ...request, url: page.url }, signal })
    return await pageOf({ url: page.url, response: paid.response }, paid.payment, maxBytes, signal)
  })
}

async function payAndAsk(
  { home, opened, environment }: PayFetchComponents,
  init: {
    readonly wallet: string
    readonly book: SpendingBook
    readonly terms: Terms
    readonly request: PageRequest
    readonly signal: AbortSignal
  },
): Promise<{ readonly response: Response; readonly payment: Payment }> {
  const { config, network } = opened
  const { book, terms, request, signal } = init
  const crypto = nodeSecp256k1()
  const paths = paymentPaths(home)
  const wallet = await openWallet(init.wallet, network, crypto, environment)
  const voucherKey =
    terms.scheme === 'batch-settlement'
      ? privateKeyToAccount(bytesToHex(await readOperatorKey(home, opened, crypto, environment)))
      : undefined
  const budget = budgetOf(spendingPolicyOf(config.payments, network.contracts.opg), terms.asset)
  if (!budget.ok) throw budget.error
  return await withChainSession({ network, rpc: config.rpc }, async ({ chain }) => {
    const authorizations = new Authorizations(paths.authorizations)
    await authorizations.resolve(book, chain)
    const channels = channelFiles(paths.channels)
    const client = createPayer(
      { chain, wallet, voucherKey, channels },
      { network: `eip155:${network.chainId}` as Network, budget: budget.value },
    )
    const key = (voucherKey ?? wallet).address.toLowerCase() as Address
    return await payOnce(
      { book, authorizations, channels, chain, client },
      { terms, request, signal, payer: wallet.address, key },
    )
  })
}

async function pageOf(
  page: Page,
  payment: Payment | undefined,
  maxBytes: number,
  signal: AbortSignal,
): Promise<PaidPage> {
  const { status, headers } = page.response
  const body = await readResponse(page, maxBytes, signal)
  return { url: page.url.href, status, contentType: headers.get('content-type') ?? '', body, payment }
}
