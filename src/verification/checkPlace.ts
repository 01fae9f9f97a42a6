import { digestOf, type JobRecord, modelsRootOf, SESSION_GRANT } from '../protocol/index.ts'
import { type Found, found, type ReceiptContext } from './receiptContext.ts'

/** The receipt is of this checkpoint's operator and grant. */
export function checkMembership({ receipt }: JobRecord, { checkpoint }: ReceiptContext): Found {
  if (receipt.provider !== checkpoint.operator) return found('bad-membership', checkpoint.operator, receipt.provider)
  if (receipt.grant !== checkpoint.grant) return found('bad-membership', checkpoint.grant, receipt.grant)
  return undefined
}

/** Receipts are numbered without gaps, within the checkpoint and from the one before it under the same grant. */
export function checkSequence({ receipt }: JobRecord, { checkpoint, previous, index }: ReceiptContext): Found {
  const expected = checkpoint.firstSequence + index
  if (receipt.sequence !== expected) return found('bad-sequence', expected, receipt.sequence)
  if (previous === undefined) return undefined
  if (checkpoint.sequence !== previous.sequence + 1) {
    return found('bad-sequence', `checkpoint ${previous.sequence + 1}`, `checkpoint ${checkpoint.sequence}`)
  }
  const next = previous.firstSequence + previous.count
  if (previous.grant === checkpoint.grant && checkpoint.firstSequence !== next) {
    return found('bad-sequence', `first receipt ${next}`, checkpoint.firstSequence)
  }
  return undefined
}

/** R29: fees of the window, this one included, stay below the operator's limit. */
export function checkExposure({ receipt }: JobRecord, { exposed, exposureLimit }: ReceiptContext): Found {
  const total = exposed + receipt.fee
  return total > exposureLimit ? found('overexposed', `at most ${exposureLimit}`, total) : undefined
}

/** A job is billed once. */
export function checkBilledOnce({ receipt }: JobRecord, { isBilled }: ReceiptContext): Found {
  return isBilled(receipt.jobId) ? found('replayed-job', 'a job that was not billed before', receipt.jobId) : undefined
}

/** R4: the grant is the operator's, in force when the job was made and when it ran, and covers the model. */
export function checkGrant({ job, receipt }: JobRecord, { domain, grant: judged }: ReceiptContext): Found {
  const { grant, verdict, models } = judged
  const digest = digestOf(domain, SESSION_GRANT, grant)
  if (receipt.grant !== digest) return found('bad-grant', digest, receipt.grant)
  if (grant.operator !== receipt.provider) return found('bad-grant', receipt.provider, grant.operator)
  if (receipt.startedAt < grant.notBefore) return found('bad-grant', `from ${grant.notBefore}`, receipt.startedAt)
  if (job.createdAt >= grant.notAfter) return found('bad-grant', `until ${grant.notAfter}`, job.createdAt)
  if (models !== undefined && modelsRootOf(models) === grant.modelsRoot && !models.includes(receipt.model)) {
    return found('bad-grant', 'a model of the grant', receipt.model)
  }
  if (!verdict.ok && verdict.error === 'bad-grant') return found('bad-grant', 'a grant that holds', digest)
  return undefined
}

/** R5, R6: the evidence is the grant's, was accepted under the policy, and gives the assurance the receipt claims. */
export function checkEvidence({ receipt }: JobRecord, { grant: { grant, verdict } }: ReceiptContext): Found {
  if (receipt.evidence !== grant.evidence) return found('bad-evidence', grant.evidence, receipt.evidence)
  if (!verdict.ok) return found(verdict.error, 'evidence that holds under the policy', grant.evidence)
  if (receipt.assurance !== verdict.value.assurance) {
    return found('assurance-mismatch', verdict.value.assurance, receipt.assurance)
  }
  return undefined
}
