import { type BatchView, opgOf } from '../../node/index.ts'
import { renderFacts, renderTable, shortId } from './table.ts'

export function renderBatches(batches: readonly BatchView[]): string {
  if (batches.length === 0) return 'no batches yet'
  return renderTable(
    ['BATCH', 'DIGEST', 'LEAVES', 'JOBS', 'REJECTED', 'SIGNERS', 'BLOCK', 'GAS', 'DEPTH'],
    batches.map((batch) => [
      `${batch.number}`,
      shortId(batch.digest),
      `${batch.leaves}`,
      `${batch.jobs}`,
      `${batch.rejected}`,
      `${batch.signers}`,
      `${batch.block}`,
      batch.gasUsed,
      batch.confidence,
    ]),
  )
}

/** One checkpoint of a batch; maps are 0x-hex, bit i is receipt i. */
export interface LeafView {
  readonly index: number
  readonly operator: string
  readonly sequence: number
  readonly checkpoint: string
  readonly count: number
  readonly accepted: number
  readonly rejected: number
  readonly acceptedFee: string
}

export function renderBatch(batch: BatchView, leaves: readonly LeafView[] | undefined): string {
  const facts = renderFacts([
    ['batch', `${batch.number}`],
    ['digest', batch.digest],
    ['previous', batch.previous],
    ['epoch', `${batch.epoch}`],
    ['settler', batch.settler],
    ['jobs', `${batch.jobs}, rejected ${batch.rejected}`],
    ['accepted fees', opgOf(batch.acceptedFee)],
    ['signers', `${batch.signers}`],
    ['anchored in', `block ${batch.block} (${batch.confidence}), transaction ${batch.transaction}`],
    ['gas', batch.gasUsed],
  ])
  if (leaves === undefined) return `${facts}\nno connected peer serves the leaves of this batch`
  const table = renderTable(
    ['LEAF', 'PROVIDER', 'CHECKPOINT', 'SEQUENCE', 'RECEIPTS', 'ACCEPTED', 'REJECTED'],
    leaves.map((leaf) => [
      `${leaf.index}`,
      shortId(leaf.operator),
      shortId(leaf.checkpoint),
      `${leaf.sequence}`,
      `${leaf.count}`,
      `${leaf.accepted}`,
      `${leaf.rejected}`,
    ]),
  )
  return `${facts}\n\n${table}`
}
