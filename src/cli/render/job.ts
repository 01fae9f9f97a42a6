import { type JobView, momentOf, opgOf } from '../../node/index.ts'
import { type Json, toChecksumAddress } from '../../protocol/index.ts'
import { renderTable, shortId } from './table.ts'

export const jobJson = ({ account, provider, asked, receipt }: JobView): { readonly [name: string]: Json } => ({
  jobId: account.jobId,
  channel: account.channel,
  provider: provider === undefined ? null : toChecksumAddress(provider),
  state: account.state,
  outcome: account.outcome ?? null,
  fee: `${account.fee}`,
  maxFee: `${account.maxFee}`,
  since: account.since,
  asked: asked === undefined ? null : { ...asked },
  receipt: receipt ?? null,
})

export function renderJobs(jobs: readonly JobView[]): string {
  if (jobs.length === 0) return 'no paid jobs in the books of this home'
  return renderTable(
    ['JOB', 'MODEL', 'UNITS', 'PROVIDER', 'STATE', 'FEE', 'SINCE', 'RECEIPT'],
    jobs.map(({ account, provider, asked, receipt }) => [
      account.jobId,
      asked === undefined ? '-' : shortId(asked.model),
      asked === undefined ? '-' : `${asked.units}`,
      provider === undefined ? '-' : shortId(toChecksumAddress(provider)),
      account.outcome ?? account.state,
      account.state === 'settled' ? opgOf(account.fee) : `at most ${opgOf(account.maxFee)}`,
      momentOf(Math.floor(account.since / 1_000)),
      receipt === undefined ? 'no' : 'yes',
    ]),
  )
}
