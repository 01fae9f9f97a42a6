import { type ChannelView, momentOf, opgOf } from '../../node/index.ts'
import { type Json, toChecksumAddress } from '../../protocol/index.ts'
import { renderFacts, renderTable, shortId } from './table.ts'

const authorizedOf = ({ book }: ChannelView): bigint | undefined =>
  book === undefined ? undefined : (book.account.voucher?.amount ?? 0n)

/** A channel as every `--json` has it; vouchers stay where they are. */
export const channelJson = (view: ChannelView): { readonly [name: string]: Json } => {
  const { id, config, state, withdrawal, book } = view
  const authorized = authorizedOf(view)
  return {
    channel: id,
    payer: toChecksumAddress(config.payer),
    payerAuthorizer: toChecksumAddress(config.payerAuthorizer),
    provider: toChecksumAddress(config.receiverAuthorizer),
    splitter: toChecksumAddress(config.receiver),
    token: toChecksumAddress(config.token),
    withdrawDelay: config.withdrawDelay,
    balance: `${state.balance}`,
    claimed: `${state.totalClaimed}`,
    unclaimed: `${view.unclaimed}`,
    withdrawal:
      withdrawal === undefined ? null : { amount: `${withdrawal.amount}`, finalizableAt: withdrawal.finalizableAt },
    authorized: authorized === undefined ? null : `${authorized}`,
    charged: book === undefined ? null : `${book.account.charged}`,
    openJobs: book === undefined ? null : book.jobs.length,
  }
}

export function renderChannel(view: ChannelView): string {
  const { id, config, state, withdrawal, book } = view
  const authorized = authorizedOf(view)
  return renderFacts([
    ['channel', id],
    ['payer', toChecksumAddress(config.payer)],
    ['voucher key', toChecksumAddress(config.payerAuthorizer)],
    ['provider', toChecksumAddress(config.receiverAuthorizer)],
    ['deposited', opgOf(state.balance)],
    ['claimed', opgOf(state.totalClaimed)],
    ['authorized', authorized === undefined ? undefined : opgOf(authorized)],
    ['charged', book === undefined ? undefined : opgOf(book.account.charged)],
    ['open jobs', book === undefined ? undefined : `${book.jobs.length}`],
    ['withdraw delay', `${config.withdrawDelay} s`],
    [
      'withdrawal',
      withdrawal === undefined
        ? 'none'
        : `${opgOf(withdrawal.amount)}, can be finalized from ${momentOf(withdrawal.finalizableAt)} on`,
    ],
  ])
}

export function renderChannels(views: readonly ChannelView[]): string {
  if (views.length === 0) return 'no channels in the books of this home; opg channel show <provider> asks the chain'
  return renderTable(
    ['CHANNEL', 'PROVIDER', 'DEPOSITED', 'CLAIMED', 'CHARGED', 'WITHDRAWAL'],
    views.map(({ id, config, state, book, withdrawal }) => [
      shortId(id),
      toChecksumAddress(config.receiverAuthorizer),
      opgOf(state.balance),
      opgOf(state.totalClaimed),
      book === undefined ? '-' : opgOf(book.account.charged),
      withdrawal === undefined ? '-' : momentOf(withdrawal.finalizableAt),
    ]),
  )
}
