import {
  ASSURANCE,
  fail,
  type JobRecord,
  METHOD,
  NOT_CHECKED,
  ok,
  type Result,
  ZERO_DIGEST,
} from '../protocol/index.ts'
import { checkHeads, checkTrace, checkTranscript } from './checkChain.ts'
import { checkCeiling, checkFee, checkMinimumFee, checkTotalFee, checkUnits } from './checkCharge.ts'
import { checkJob, checkParameters, checkTerms, checkTimes } from './checkJob.ts'
import { checkPayment, checkVoucher } from './checkPayment.ts'
import {
  checkBilledOnce,
  checkEvidence,
  checkExposure,
  checkGrant,
  checkMembership,
  checkSequence,
} from './checkPlace.ts'
import { checkSignatures } from './checkSignatures.ts'
import type { Found, ReceiptContext, ReceiptFault } from './receiptContext.ts'

/** What a vote may say of a receipt that passed. */
export interface ReceiptFindings {
  /** Bits of `METHOD`. */
  readonly methods: number
  /** Bits of `NOT_CHECKED`; `output` until it is replayed. */
  readonly notChecked: number
  /** Code of `ASSURANCE`. */
  readonly assurance: number
}

/** Cheap first, signatures last; the first fault found is the reason of the vote. */
const CHECKS: readonly ((record: JobRecord, context: ReceiptContext) => Found)[] = [
  checkMembership,
  checkSequence,
  checkTotalFee,
  checkBilledOnce,
  checkJob,
  checkGrant,
  checkEvidence,
  checkTerms,
  checkPayment,
  checkUnits,
  checkFee,
  checkCeiling,
  checkMinimumFee,
  checkTimes,
  checkExposure,
  checkTrace,
  checkHeads,
  checkParameters,
  checkTranscript,
  checkVoucher,
  checkSignatures,
]

/**
 * Every check of R14 that needs no model, on one receipt of a checkpoint. That the receipt's digest is under `receiptsRoot` at
 * its index is the caller's check of the whole checkpoint (`checkRecords`). Pure and synchronous; some 3 ms, nearly all of
 * it in the four signatures and more of a record.
 */
export function checkReceipt(record: JobRecord, context: ReceiptContext): Result<ReceiptFindings, ReceiptFault> {
  for (const check of CHECKS) {
    const fault = check(record, context)
    if (fault !== undefined) return fail(fault)
  }
  const { verdict } = context.grant
  const unpaid = record.job.channel === ZERO_DIGEST
  return ok({
    methods: METHOD.signatures | METHOD.accounting | METHOD.evidence,
    notChecked:
      NOT_CHECKED.output |
      (unpaid ? NOT_CHECKED.payment : 0) |
      (record.transcript === undefined ? NOT_CHECKED.transcript : 0) |
      (verdict.ok ? verdict.value.notChecked : 0),
    assurance: verdict.ok ? verdict.value.assurance : ASSURANCE.none,
  })
}
