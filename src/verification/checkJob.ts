import {
  digestOf,
  JOB,
  type JobRecord,
  maskHas,
  parametersHashOf,
  parseTensorParameters,
  termsDigest,
  verifyMerkleProof,
} from '../protocol/index.ts'
import { type Found, found, type ReceiptContext } from './receiptContext.ts'

const SHARED_FIELDS = [
  'grant',
  'provider',
  'requester',
  'channel',
  'model',
  'inputHash',
  'parametersHash',
  'terms',
] as const

/** The receipt answers the job it names: its digest, and every field the two share. */
export function checkJob({ job, receipt }: JobRecord, { domain }: ReceiptContext): Found {
  const jobId = digestOf(domain, JOB, job)
  if (receipt.jobId !== jobId) return found('job-mismatch', jobId, receipt.jobId)
  for (const field of SHARED_FIELDS) {
    if (receipt[field] !== job[field]) return found('job-mismatch', `${field} ${job[field]}`, receipt[field])
  }
  return undefined
}

/** Section 2: the parameters are the canonical ones the job names, where they are shown. */
export function checkParameters({ job, transcript }: JobRecord): Found {
  if (transcript === undefined) return undefined
  const hash = parametersHashOf(transcript.parameters)
  if (hash !== job.parametersHash) return found('job-mismatch', job.parametersHash, hash)
  const parsed = parseTensorParameters(transcript.parameters)
  return parsed.ok ? undefined : found('job-mismatch', parsed.error.expected, parsed.error.got)
}

/** The prices are the provider's own offer for this model, tier and privacy, in force when the job was made. */
export function checkTerms(record: JobRecord, { domain }: ReceiptContext): Found {
  const { job, terms, offer, termsIndex, termsProof } = record
  const digest = termsDigest(domain, terms)
  if (digest !== job.terms) return found('bad-terms', job.terms, digest)
  if (terms.operator !== job.provider) return found('bad-terms', job.provider, terms.operator)
  if (terms.model !== job.model) return found('bad-terms', job.model, terms.model)
  if (terms.token !== job.token) return found('bad-terms', `token ${terms.token}`, job.token)
  if (terms.validUntil < job.createdAt) return found('bad-terms', `a job by ${terms.validUntil}`, job.createdAt)
  if (offer.operator !== job.provider) return found('bad-terms', job.provider, offer.operator)
  if (!maskHas(offer.tiers, job.tier)) return found('bad-terms', `tiers ${offer.tiers.toString(2)}`, job.tier)
  if (!maskHas(offer.privacy, job.privacy))
    return found('bad-terms', `privacy ${offer.privacy.toString(2)}`, job.privacy)
  if (termsIndex >= offer.termsCount) return found('bad-terms', `an index below ${offer.termsCount}`, termsIndex)
  if (!verifyMerkleProof('terms', offer.termsRoot, termsIndex, digest, termsProof)) {
    return found('bad-terms', `terms under ${offer.termsRoot}`, digest)
  }
  return undefined
}

/** The job was done between its start and its deadline, and before the checkpoint that bills it. */
export function checkTimes({ job, receipt }: JobRecord, { checkpoint }: ReceiptContext): Found {
  if (receipt.finishedAt < receipt.startedAt) return found('late', `after ${receipt.startedAt}`, receipt.finishedAt)
  if (receipt.finishedAt > job.deadline) return found('late', `by ${job.deadline}`, receipt.finishedAt)
  if (receipt.finishedAt > checkpoint.createdAt) return found('late', `by ${checkpoint.createdAt}`, receipt.finishedAt)
  return undefined
}
