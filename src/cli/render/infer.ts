import { opgOf } from '../../node/index.ts'
import { hasBit, type Json, NOT_CHECKED } from '../../protocol/index.ts'
import type { RequestAnswer, RequestProgress } from '../../roles/index.ts'
import { renderFacts, shortId } from './table.ts'

/** What holds of an answer without a committee; scripts compare it. */
export const LOCAL_STATEMENT = 'evidence and receipt checked; output not recomputed'

/** Who recomputed the output, counted from the certificate (R11, R14). */
export function statementOf({ certificate, receipt, verdict }: RequestAnswer): string {
  if (certificate === undefined || verdict === undefined) return LOCAL_STATEMENT
  const index = receipt.receipt.sequence - certificate.checkpoint.checkpoint.firstSequence
  const accepting = certificate.certificate.votes.filter(({ vote }) => hasBit(vote.accepted, index))
  const replayed = accepting.filter(({ vote }) => hasBit(vote.replayed, index)).length
  const recomputed = replayed === 0 ? 'output not recomputed' : `output recomputed by ${replayed} of them`
  return `accepted by ${accepting.length} of ${verdict.committee} verifiers; ${recomputed}`
}

export const notCheckedNames = (mask: number): string[] =>
  Object.entries(NOT_CHECKED)
    .filter(([, bit]) => (mask & bit) !== 0)
    .map(([name]) => name)

export interface InferView {
  readonly jobId: string
  readonly model: string
  readonly name: string
  readonly provider: string
  readonly requester: string
  readonly mode: string
  readonly tier: string
  readonly privacy: string
  readonly outputs: { readonly [name: string]: Json }
  readonly assurance: string
  readonly statement: string
  readonly verdict?: { readonly status: string; readonly votes: number; readonly committee: number }
  readonly notChecked: readonly string[]
  readonly status: string
  readonly units: number
  /** Wei. */
  readonly fee: string
  readonly payment: string
  /** Wei, of the channel's books; absent on an unpaid job. */
  readonly charged?: string
  readonly authorized?: string
  readonly timings: { readonly [name: string]: number }
  readonly receipt: string
  readonly batch?: number
}

/** A tensor's numbers, the long ones cut in the middle. */
const MAX_NUMBERS = 64

export function renderInfer(view: InferView): string {
  const outputs = Object.entries(view.outputs).map(([name, tensor]) => {
    const { dtype, shape, data } = tensor as { dtype: string; shape: number[]; data: (number | string | boolean)[] }
    const shown =
      data.length > MAX_NUMBERS ? `${data.slice(0, MAX_NUMBERS).join(' ')} … (${data.length})` : data.join(' ')
    return `${name} ${dtype} [${shape.join(', ')}]\n  ${shown}`
  })
  const facts = renderFacts([
    ['model', `${view.name} ${view.model}`],
    ['job', view.jobId],
    ['provider', view.provider],
    ['assurance', view.assurance],
    ['checked', view.statement],
    ['not checked', view.notChecked.join(', ') || 'nothing left out'],
    ['payment', `${view.payment}, fee ${opgOf(view.fee)}`],
    ['charged', view.charged === undefined ? undefined : `${opgOf(view.charged)} on the channel`],
    ['authorized', view.authorized === undefined ? undefined : opgOf(view.authorized)],
    [
      'time',
      Object.entries(view.timings)
        .map(([name, ms]) => `${name} ${ms}`)
        .join(', '),
    ],
    ['batch', view.batch === undefined ? undefined : `${view.batch}`],
    ['receipt', view.receipt],
  ])
  return [...outputs, '', facts].join('\n')
}

/** What every surface says of a job that no channel pays for. */
const UNPAID = 'unpaid (channel 0)'

export const paymentOf = (channel: string): string => (/^0x0+$/.test(channel) ? UNPAID : `channel ${channel}`)

/** One line for each step of a running request. */
export function renderProgress(progress: RequestProgress): string {
  switch (progress.type) {
    case 'offers':
      return `${progress.count} offers fit`
    case 'offer-chosen':
      return `asking ${shortId(progress.offer.signed.offer.operator)}, at most ${opgOf(progress.offer.ceiling)}`
    case 'evidence-checked':
      return 'evidence checked'
    case 'job-sent':
      return `job ${shortId(progress.jobId)} sent`
    case 'chunk':
      return `chunk ${progress.index}`
    case 'head':
      return `head ${progress.index} verified`
    case 'receipt':
      return `receipt checked, fee ${opgOf(progress.fee)}; waiting for the rest`
    case 'certificate':
      return `certificate: ${progress.verdict.status}, ${progress.verdict.votes} of ${progress.verdict.committee}`
    case 'channel':
      return `channel ${shortId(progress.channel)} holds ${opgOf(progress.maxFee)} for it`
    case 'voucher':
      return `authorized up to ${opgOf(progress.authorized)}`
    case 'resumed':
      return `the stream was lost; asking ${shortId(progress.provider)} for job ${shortId(progress.jobId)} again`
    case 'failover':
      return `${shortId(progress.provider)} failed: ${progress.code}; trying the next`
  }
}
