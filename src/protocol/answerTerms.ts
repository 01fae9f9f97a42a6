import { type Domain, digestOf } from './eip712.ts'
import { fail, ok, type Result } from './errors.ts'
import { ceilingOf, chargeOf } from './fee.ts'
import { type Address, type Digest, ZERO_DIGEST } from './hex.ts'
import type { SignedHead, SignedReceipt } from './messages.ts'
import { HEAD, type Job, RECEIPT, STATUS, type Terms } from './objects.ts'
import type { Secp256k1 } from './ports.ts'
import { SLICE_UNITS } from './slice.ts'

/** What a requester found wrong with an answer (section 4, steps 4 and 5). */
export const ANSWER_FAULTS = [
  'chunk-out-of-order',
  'head-signature',
  'head-mismatch',
  'head-regressed',
  'head-over-ceiling',
  'too-many-uncovered-chunks',
  'receipt-signature',
  'receipt-mismatch',
  'receipt-heads',
  'receipt-fee',
  'receipt-charged',
  'receipt-clock',
  'receipt-status',
  'after-receipt',
] as const
export type AnswerFault = (typeof ANSWER_FAULTS)[number]

export interface AnswerProblem {
  readonly code: AnswerFault
  readonly expected: string
  readonly got: string
}

export interface AnswerInit {
  readonly domain: Domain
  readonly crypto: Secp256k1
  readonly jobId: Digest
  readonly job: Job
  readonly terms: Terms
  /** Session key of the job's grant; only what it signed counts (R4). */
  readonly sessionKey: Address
  /** Digest of the grant's evidence and the assurance this peer found for it (R6). */
  readonly evidence: Digest
  readonly assurance: number
  /** Heads of this job that were verified on a stream that was lost; the answer that is sent again must agree. */
  readonly before?: readonly SignedHead[]
}

/** The requester grants this much clock skew to a receipt's times, ms. */
const CLOCK_SLACK_MS = 2_000

/**
 * What a head says by itself: this job's, signed by its session key, with no more units and no higher fee than the offer's
 * terms allow at that place. Not that its chunks are those that came.
 */
export function checkHeadAlone(init: AnswerInit, { head, signature }: SignedHead): Result<Digest, AnswerProblem> {
  const { domain, crypto, jobId, job, terms, sessionKey } = init
  if (head.jobId !== jobId || head.grant !== job.grant)
    return answerProblem('head-mismatch', `a head of job ${jobId}`, `one of ${head.jobId}`)
  const released = job.channel === ZERO_DIGEST ? job.maxOutputUnits : head.index * SLICE_UNITS
  const units = Math.min(released, job.maxOutputUnits)
  if (head.outputUnits > units)
    return answerProblem('head-over-ceiling', `at most ${units} units at chunk ${head.index}`, `${head.outputUnits}`)
  const price = ceilingOf(terms, 0, head.outputUnits)
  const ceiling = price < job.maxFee ? price : job.maxFee
  if (head.fee > ceiling) return answerProblem('head-over-ceiling', `at most ${ceiling}`, `${head.fee}`)
  const digest = digestOf(domain, HEAD, head)
  if (crypto.recover(digest, signature) === sessionKey) return ok(digest)
  return answerProblem('head-signature', `the session key ${sessionKey}`, 'another signer')
}

/** What a receipt says by itself: everything but that it covers the chunks that came. Times are the requester's, ms. */
export function checkReceiptAlone(
  init: AnswerInit,
  signed: SignedReceipt,
  sentAt: number,
  now: number,
): Result<void, AnswerProblem> {
  const found = bindingProblem(init, signed) ?? chargeProblem(init, signed, sentAt, now)
  if (found !== undefined) return found
  const { domain, crypto, sessionKey } = init
  if (crypto.recover(digestOf(domain, RECEIPT, signed.receipt), signed.signature) === sessionKey) return ok(undefined)
  return answerProblem('receipt-signature', `the session key ${sessionKey}`, 'another signer')
}

function bindingProblem(init: AnswerInit, { receipt }: SignedReceipt): Result<never, AnswerProblem> | undefined {
  const { jobId, job, evidence, assurance } = init
  const expected = {
    jobId,
    grant: job.grant,
    provider: job.provider,
    requester: job.requester,
    channel: job.channel,
    model: job.model,
    inputHash: job.inputHash,
    parametersHash: job.parametersHash,
    terms: job.terms,
    evidence,
    assurance,
  } as const
  for (const [name, value] of Object.entries(expected)) {
    const got = receipt[name as keyof typeof expected]
    if (got !== value) return answerProblem('receipt-mismatch', `${name} ${value}`, String(got))
  }
  if (receipt.status !== STATUS.complete && receipt.status !== STATUS.truncated) {
    return answerProblem('receipt-status', 'complete or truncated', String(receipt.status))
  }
  return undefined
}

function chargeProblem(
  init: AnswerInit,
  { receipt }: SignedReceipt,
  sentAt: number,
  now: number,
): Result<never, AnswerProblem> | undefined {
  const { job, terms } = init
  if (receipt.inputUnits !== 0) {
    return answerProblem('receipt-fee', 'no input units: the ceiling counts none', `${receipt.inputUnits}`)
  }
  const charge = chargeOf(terms, receipt)
  for (const [name, value] of Object.entries({ ...charge, memoryMB: terms.memoryMB })) {
    const got = receipt[name as 'mac' | 'billedMs' | 'fee' | 'memoryMB']
    if (got !== value) return answerProblem('receipt-fee', `${name} ${value}`, String(got))
  }
  if (receipt.fee > job.maxFee) return answerProblem('receipt-fee', `at most ${job.maxFee}`, `${receipt.fee}`)
  if (receipt.outputUnits > job.maxOutputUnits)
    return answerProblem('receipt-fee', `at most ${job.maxOutputUnits} units`, `${receipt.outputUnits}`)
  if (job.channel === ZERO_DIGEST && receipt.chargedAfter !== 0n) {
    return answerProblem('receipt-fee', 'nothing charged on an unpaid job', `${receipt.chargedAfter}`)
  }
  if (job.channel !== ZERO_DIGEST && receipt.chargedAfter < receipt.fee) {
    return answerProblem('receipt-charged', `at least the fee ${receipt.fee}`, `${receipt.chargedAfter}`)
  }
  if (receipt.billedMs > now - sentAt + CLOCK_SLACK_MS || receipt.finishedAt < receipt.startedAt) {
    return answerProblem('receipt-clock', `at most ${now - sentAt} ms`, `${receipt.billedMs} ms`)
  }
  if (receipt.startedAt < sentAt - CLOCK_SLACK_MS) {
    return answerProblem('receipt-clock', `started at ${sentAt} or later`, `${receipt.startedAt}`)
  }
  if (receipt.finishedAt > job.deadline || receipt.finishedAt > now + CLOCK_SLACK_MS) {
    return answerProblem('receipt-clock', `finished by ${Math.min(job.deadline, now)}`, `${receipt.finishedAt}`)
  }
  return undefined
}

export const answerProblem = (code: AnswerFault, expected: string, got: string): Result<never, AnswerProblem> =>
  fail({ code, expected, got })
