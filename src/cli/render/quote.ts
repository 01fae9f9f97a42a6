import { type JobQuote, type JobQuotes, momentOf, opgOf } from '../../node/index.ts'
import { type Json, toChecksumAddress } from '../../protocol/index.ts'
import { renderFacts, renderTable, shortId } from './table.ts'

/** What was asked for. */
export interface QuotedJob {
  readonly model: string
  readonly name: string | undefined
  readonly units: number
  readonly mode: string
  readonly tier: string
  readonly privacy: string
}

const validUntilOf = ({ offer: { signed, terms } }: JobQuote): number =>
  Math.min(signed.offer.validUntil, terms.validUntil)

export function quoteJson({ name, ...asked }: QuotedJob, { payer, offers }: JobQuotes): { [name: string]: Json } {
  return {
    ...asked,
    ...(name === undefined ? {} : { name }),
    wallet:
      payer === undefined
        ? null
        : {
            address: toChecksumAddress(payer.address),
            opg: `${payer.opg}`,
            perJob: `${payer.left?.perJob ?? 0n}`,
            dayLeft: `${payer.left?.day ?? 0n}`,
            keyLeft: `${payer.left?.key ?? 0n}`,
          },
    offers: offers.map(offerJson),
  }
}

function offerJson(quote: JobQuote): Json {
  const { offer, slice, parts, payment, refusal } = quote
  const { signed, terms, ceiling } = offer
  const { perRequest, perGMAC, perSecond, perGBSecond } = terms
  return {
    provider: toChecksumAddress(signed.offer.operator),
    token: toChecksumAddress(terms.token),
    ceiling: `${ceiling}`,
    slice: `${slice}`,
    parts: texts(parts),
    price: texts({ perRequest, perGMAC, perSecond, perGBSecond }),
    validUntil: validUntilOf(quote),
    payment:
      payment === undefined
        ? null
        : {
            ...{ channel: payment.channel, known: payment.isKnown, closing: payment.closing },
            ...texts({ balance: payment.balance, free: payment.free }),
            ...texts({ authorized: payment.authorized, charged: payment.charged, deposit: payment.deposit }),
          },
    ...(refusal === undefined ? {} : { refusal: { ...refusal } }),
  }
}

const texts = (amounts: object): { [name: string]: string } =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, `${amount}`]))

export function renderQuote(asked: QuotedJob, quotes: JobQuotes): string {
  const { payer, offers } = quotes
  const left = payer?.left
  const until = Math.min(...offers.map(validUntilOf))
  const facts = renderFacts([
    ['model', `${asked.name ?? '(no manifest)'} ${asked.model}`],
    ['job', `${asked.units} units, ${asked.mode}, ${asked.tier}, ${asked.privacy}`],
    ['wallet', payer === undefined ? 'none' : `${toChecksumAddress(payer.address)} holds ${opgOf(payer.opg)}`],
    [
      'budgets',
      payer === undefined
        ? undefined
        : left === undefined
          ? 'none for OPG'
          : `${opgOf(left.perJob)} a job, ${opgOf(left.day)} left today, ${opgOf(left.key)} left of the key`,
    ],
    ['prices hold', `until ${momentOf(Math.floor(until / 1_000))}, what providers ask under their present load`],
  ])
  const table = renderTable(
    [
      'PROVIDER',
      'COSTS AT MOST',
      'SLICE',
      'REQUEST',
      'COMPUTE',
      'TIME',
      'MEMORY',
      'CHANNEL',
      'FREE',
      'DEPOSIT',
      'PAYS',
    ],
    offers.map(({ offer, slice, parts, payment, refusal }) => [
      shortId(offer.signed.offer.operator),
      opgOf(offer.ceiling),
      opgOf(slice),
      ...[parts.request, parts.compute, parts.time, parts.memory].map(opgOf),
      payment === undefined || (payment.balance === 0n && !payment.isKnown) ? 'none' : shortId(payment.channel),
      payment === undefined ? '-' : opgOf(payment.free),
      payment === undefined ? '-' : opgOf(payment.deposit),
      refusal?.code ?? 'yes',
    ]),
  )
  return `${facts}\n\n${table}`
}
