import {
  createLogger,
  payFetch as fetchPaid,
  type MaxAmount,
  opgOf,
  type PaidPage,
  type Payment,
  readHome,
  type Terms,
  WALLET_FILE,
} from '../../node/index.ts'
import { type Address, toChecksumAddress } from '../../protocol/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError } from '../errors.ts'
import { EXIT } from '../exitCodes.ts'

export interface PayFetchOptions {
  readonly home?: string
  readonly wallet?: string
  readonly method?: string
  readonly header: readonly string[]
  readonly data?: string
  readonly max?: MaxAmount
  readonly timeout: number
  readonly maxBytes: number
}

/** `opg pay-fetch`: the page on stdout, what it cost on stderr. */
export async function payFetch(url: string, options: PayFetchOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const opened = await readHome(home)
  const { opg } = opened.network.contracts
  const { data, max, timeout, maxBytes } = options
  const page = await fetchPaid(
    {
      home,
      opened,
      environment: context.environment,
      logger: createLogger('fatal'),
      onTerms: (terms) => context.note(`price  ${priceOf(terms, opg)}`),
      signal: context.signal,
    },
    {
      ...{ url, body: data, max, maxBytes, timeoutMs: timeout * 1_000 },
      method: options.method ?? (data === undefined ? 'GET' : 'POST'),
      headers: headersOf(options.header),
      wallet: options.wallet ?? home.path(WALLET_FILE),
    },
  )
  if (page.payment !== undefined) context.note(settlementOf(page.payment, opg))
  if (page.status >= 400) context.note(`the server answered with status ${page.status}`)
  const text = textOf(page)
  if (text === undefined && !context.json) context.note('the body is not text; --json has it in base64')
  return {
    text: text ?? '',
    json: jsonOf(page, text),
    exit: page.status >= 400 ? EXIT.failed : EXIT.ok,
  }
}

function headersOf(lines: readonly string[]): Headers {
  const headers = new Headers()
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t]*)$/.exec(line) ?? []
    if (name === undefined || value === undefined || /^(?:payment-|x-payment)/i.test(name)) {
      const message = `--header: expected "Name: value", and no payment header, got ${line}`
      throw new CliError({ code: 'usage', message })
    }
    headers.append(name, value)
  }
  return headers
}

const amountOf = (amount: bigint, asset: Address, opg: Address): string =>
  asset === opg ? opgOf(amount) : `${amount} of ${toChecksumAddress(asset)}`

const priceOf = ({ amount, asset, scheme, requirements }: Terms, opg: Address): string =>
  `${scheme === 'exact' ? '' : 'at most '}${amountOf(amount, asset, opg)} to ${requirements.payTo} (${scheme})`

function settlementOf({ spent, asset, transaction, deposited, state }: Payment, opg: Address): string {
  const paid = state === 'settled' ? 'paid  ' : 'open  '
  const where = transaction === undefined ? '' : ` in ${transaction}`
  const deposit = deposited === undefined ? '' : `; ${amountOf(deposited, asset, opg)} deposited in the channel`
  return `${paid} ${amountOf(spent, asset, opg)}${where}${deposit}`
}

function textOf({ body }: PaidPage): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined
    throw thrown
  }
}

function jsonOf(page: PaidPage, text: string | undefined): CommandResult['json'] {
  const { url, status, contentType, body, payment } = page
  return {
    ...{ url, status, contentType, encoding: text === undefined ? 'base64' : 'utf-8' },
    body: text ?? Buffer.from(body).toString('base64'),
    payment:
      payment === undefined
        ? null
        : {
            scheme: payment.scheme,
            network: payment.network,
            asset: toChecksumAddress(payment.asset),
            payTo: payment.payTo,
            price: `${payment.price}`,
            spent: `${payment.spent}`,
            deposited: payment.deposited === undefined ? null : `${payment.deposited}`,
            transaction: payment.transaction ?? null,
            payer: payment.payer,
            key: toChecksumAddress(payment.key),
            state: payment.state,
          },
  }
}
