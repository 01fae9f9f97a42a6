import { ChunkChain, MAX_CHUNKS_PER_HEAD } from './chunks.ts'
import { type Domain, digestOf } from './eip712.ts'
import { fail, ok, type Result } from './errors.ts'
import { chargeOf } from './fee.ts'
import { type Address, type Digest, ZERO_DIGEST } from './hex.ts'
import { merkleRoot } from './merkle.ts'
import type { SignedHead, SignedReceipt, TranscriptChunk } from './messages.ts'
import { HEAD, type Job, RECEIPT, STATUS, type Terms } from './objects.ts'
import type { Secp256k1 } from './ports.ts'

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
}

/** The requester grants this much clock skew to a receipt's times, ms. */
const CLOCK_SLACK_MS = 2_000

/**
 * Follows one answer: no chunk is released before a verified head covers it (section 4, step 4), and the receipt is
 * checked whole (step 5). Pure and synchronous.
 */
export class AnswerChecker {
  readonly #init: AnswerInit
  readonly #chain: ChunkChain
  readonly #heads: SignedHead[] = []
  readonly #headDigests: Digest[] = []
  #waiting: TranscriptChunk[] = []
  #receipt: SignedReceipt | undefined

  constructor(init: AnswerInit) {
    this.#init = init
    this.#chain = new ChunkChain(init.jobId)
  }

  get heads(): readonly SignedHead[] {
    return this.#heads
  }

  get receipt(): SignedReceipt | undefined {
    return this.#receipt
  }

  chunk(chunk: TranscriptChunk): Result<void, AnswerProblem> {
    if (this.#receipt !== undefined)
      return problem('after-receipt', 'nothing after the receipt', `chunk ${chunk.index}`)
    const most = this.#heads.length === 0 ? 1 : MAX_CHUNKS_PER_HEAD
    if (this.#waiting.length >= most) {
      return problem('too-many-uncovered-chunks', `a head on the first chunk and every ${MAX_CHUNKS_PER_HEAD}`, 'none')
    }
    if (!this.#chain.accept(chunk)) {
      return problem('chunk-out-of-order', `chunk ${this.#chain.index + 1}`, `chunk ${chunk.index}`)
    }
    this.#waiting.push(chunk)
    return ok(undefined)
  }

  /** Returns the chunks this head covers, now releasable. */
  head(signed: SignedHead): Result<readonly TranscriptChunk[], AnswerProblem> {
    const { domain, crypto, jobId, job, sessionKey } = this.#init
    const { head } = signed
    if (this.#receipt !== undefined) return problem('after-receipt', 'nothing after the receipt', `head ${head.index}`)
    if (
      head.jobId !== jobId ||
      head.grant !== job.grant ||
      head.index !== this.#chain.index ||
      this.#chain.index === 0
    ) {
      return problem('head-mismatch', `a head of this job and grant at ${this.#chain.index}`, `index ${head.index}`)
    }
    if (head.head !== this.#chain.head) return problem('head-mismatch', this.#chain.head, head.head)
    const last = this.#heads.at(-1)?.head
    if (
      last !== undefined &&
      (head.index <= last.index || head.fee < last.fee || head.outputUnits < last.outputUnits)
    ) {
      return problem('head-regressed', 'index, units and fee that grow', `index ${head.index}, fee ${head.fee}`)
    }
    if (head.fee > job.maxFee) return problem('head-over-ceiling', `at most ${job.maxFee}`, `${head.fee}`)
    const digest = digestOf(domain, HEAD, head)
    if (crypto.recover(digest, signed.signature) !== sessionKey) {
      return problem('head-signature', `the session key ${sessionKey}`, 'another signer')
    }
    this.#heads.push(signed)
    this.#headDigests.push(digest)
    const released = this.#waiting
    this.#waiting = []
    return ok(released)
  }

  /** Checks the receipt whole. `sentAt` and `now` are the requester's own clock, ms. */
  finish(signed: SignedReceipt, sentAt: number, now: number): Result<void, AnswerProblem> {
    const { receipt } = signed
    if (this.#receipt !== undefined) return problem('after-receipt', 'one receipt', 'another')
    const found = this.#checkBinding(signed) ?? this.#checkChain(signed) ?? this.#checkCharge(signed, sentAt, now)
    if (found !== undefined) return found
    const { domain, crypto, sessionKey } = this.#init
    if (crypto.recover(digestOf(domain, RECEIPT, receipt), signed.signature) !== sessionKey) {
      return problem('receipt-signature', `the session key ${sessionKey}`, 'another signer')
    }
    this.#receipt = signed
    return ok(undefined)
  }

  #checkBinding({ receipt }: SignedReceipt): Result<never, AnswerProblem> | undefined {
    const { jobId, job, evidence, assurance } = this.#init
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
      if (got !== value) return problem('receipt-mismatch', `${name} ${value}`, String(got))
    }
    if (receipt.status !== STATUS.complete && receipt.status !== STATUS.truncated) {
      return problem('receipt-status', 'complete or truncated', String(receipt.status))
    }
    return undefined
  }

  #checkChain({ receipt }: SignedReceipt): Result<never, AnswerProblem> | undefined {
    if (this.#waiting.length > 0)
      return problem('receipt-heads', 'a head over every chunk', `${this.#waiting.length} uncovered`)
    if (receipt.chunks !== this.#chain.index)
      return problem('receipt-heads', `${this.#chain.index} chunks`, `${receipt.chunks}`)
    if (receipt.outputHead !== this.#chain.head) return problem('receipt-heads', this.#chain.head, receipt.outputHead)
    const root = merkleRoot('head', this.#headDigests)
    if (receipt.headsRoot !== root) return problem('receipt-heads', root, receipt.headsRoot)
    return undefined
  }

  #checkCharge({ receipt }: SignedReceipt, sentAt: number, now: number): Result<never, AnswerProblem> | undefined {
    const { job, terms } = this.#init
    if (receipt.inputUnits !== 0) {
      return problem('receipt-fee', 'no input units: the ceiling counts none', `${receipt.inputUnits}`)
    }
    const charge = chargeOf(terms, receipt)
    for (const [name, value] of Object.entries({ ...charge, memoryMB: terms.memoryMB })) {
      const got = receipt[name as 'mac' | 'billedMs' | 'fee' | 'memoryMB']
      if (got !== value) return problem('receipt-fee', `${name} ${value}`, String(got))
    }
    const last = this.#heads.at(-1)?.head
    if (last !== undefined && (receipt.fee !== last.fee || receipt.outputUnits !== last.outputUnits)) {
      return problem('receipt-fee', `the last head's fee ${last.fee}`, `${receipt.fee}`)
    }
    if (receipt.fee > job.maxFee) return problem('receipt-fee', `at most ${job.maxFee}`, `${receipt.fee}`)
    if (receipt.outputUnits > job.maxOutputUnits)
      return problem('receipt-fee', `at most ${job.maxOutputUnits} units`, `${receipt.outputUnits}`)
    if (job.channel === ZERO_DIGEST && receipt.chargedAfter !== 0n) {
      return problem('receipt-fee', 'nothing charged on an unpaid job', `${receipt.chargedAfter}`)
    }
    if (receipt.billedMs > now - sentAt + CLOCK_SLACK_MS || receipt.finishedAt < receipt.startedAt) {
      return problem('receipt-clock', `at most ${now - sentAt} ms`, `${receipt.billedMs} ms`)
    }
    if (receipt.startedAt < sentAt - CLOCK_SLACK_MS) {
      return problem('receipt-clock', `started at ${sentAt} or later`, `${receipt.startedAt}`)
    }
    if (receipt.finishedAt > job.deadline || receipt.finishedAt > now + CLOCK_SLACK_MS) {
      return problem('receipt-clock', `finished by ${Math.min(job.deadline, now)}`, `${receipt.finishedAt}`)
    }
    return undefined
  }
}

const problem = (code: AnswerFault, expected: string, got: string): Result<never, AnswerProblem> =>
  fail({ code, expected, got })
