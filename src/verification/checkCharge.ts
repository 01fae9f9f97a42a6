import { chargeOf, type JobRecord, STATUS } from '../protocol/index.ts'
import { type Found, found, type ReceiptContext } from './receiptContext.ts'

/** Units keep to what job and terms allow; a tensor model bills output units alone. */
export function checkUnits({ job, terms, receipt }: JobRecord): Found {
  if (receipt.inputUnits !== 0) return found('units-mismatch', 'no input units of a tensor model', receipt.inputUnits)
  const most = Math.min(job.maxOutputUnits, terms.maxOutputUnits)
  return receipt.outputUnits > most ? found('units-mismatch', `at most ${most} units`, receipt.outputUnits) : undefined
}

/** Usage and fee, recomputed to the wei; failed work costs nothing (R26). */
export function checkFee({ terms, receipt }: JobRecord): Found {
  const charge = chargeOf(terms, receipt)
  const fee = receipt.status === STATUS.failed ? 0n : charge.fee
  for (const [name, value] of Object.entries({ ...charge, fee, memoryMB: terms.memoryMB })) {
    const got = receipt[name as 'mac' | 'billedMs' | 'fee' | 'memoryMB']
    if (got !== value) return found('fee-mismatch', `${name} ${value}`, got)
  }
  return undefined
}

/** The checkpoint's total is the sum of its receipts; a wrong one spoils them all. */
export function checkTotalFee(_record: JobRecord, { checkpoint, totalFee }: ReceiptContext): Found {
  return checkpoint.totalFee === totalFee ? undefined : found('fee-mismatch', totalFee, checkpoint.totalFee)
}

export function checkCeiling({ job, receipt }: JobRecord): Found {
  return receipt.fee > job.maxFee ? found('over-ceiling', `at most ${job.maxFee}`, receipt.fee) : undefined
}

/** A complete job pays at least what its terms set aside for verification. */
export function checkMinimumFee({ terms, receipt }: JobRecord): Found {
  if (receipt.status !== STATUS.complete || receipt.fee >= terms.minVerifyFee) return undefined
  return found('below-minimum-fee', `at least ${terms.minVerifyFee}`, receipt.fee)
}
