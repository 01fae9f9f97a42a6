import { renderFacts } from './table.ts'

export interface ReceiptView {
  readonly jobId: string
  readonly receiptDigest: string
  readonly network: string
  readonly model: string
  readonly provider: string
  readonly requester: string
  readonly status: string
  readonly fee: string
  readonly payment: string
  readonly assurance: string
  readonly decision: string
  readonly votes?: number
  readonly replayed?: number
  readonly batch?: number
  readonly confidence?: string
  readonly notChecked: readonly string[]
}

export function renderReceipt(view: ReceiptView): string {
  const votes =
    view.votes === undefined ? '' : ` by ${view.votes} votes, ${view.replayed ?? 0} of which recomputed the output`
  const depth = view.confidence === undefined ? '' : `, ${view.confidence} on chain`
  return renderFacts([
    ['receipt', `${view.receiptDigest} holds`],
    ['job', view.jobId],
    ['model', view.model],
    ['provider', view.provider],
    ['requester', view.requester],
    ['status', view.status],
    ['payment', `${view.payment}, fee ${view.fee}`],
    ['assurance', view.assurance],
    ['verification', `${view.decision}${votes}`],
    ['batch', view.batch === undefined ? undefined : `${view.batch}${depth}`],
    ['not checked', view.notChecked.join(', ') || 'nothing left out'],
  ])
}
