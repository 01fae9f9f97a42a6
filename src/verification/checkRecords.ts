import {
  type Checkpoint,
  type Digest,
  type Domain,
  digestOf,
  fail,
  type JobRecord,
  merkleRoot,
  ok,
  RECEIPT,
  type Result,
} from '../protocol/index.ts'

/** Records that are not those of the checkpoint: whoever sent them did not deliver it. */
export interface RecordsProblem {
  readonly code: 'records-count' | 'records-root'
  readonly expected: string
  readonly got: string
}

/** Whether these are all records of the checkpoint, in order: their receipts give `receiptsRoot`. Returns receipt digests. */
export function checkRecords(
  domain: Domain,
  checkpoint: Checkpoint,
  records: readonly JobRecord[],
): Result<readonly Digest[], RecordsProblem> {
  if (records.length !== checkpoint.count) {
    return fail({ code: 'records-count', expected: `${checkpoint.count}`, got: `${records.length}` })
  }
  const digests = records.map(({ receipt }) => digestOf(domain, RECEIPT, receipt))
  const root = merkleRoot('receipt', digests)
  return root === checkpoint.receiptsRoot
    ? ok(digests)
    : fail({ code: 'records-root', expected: checkpoint.receiptsRoot, got: root })
}
