import { type AnswerInit, type AnswerProblem, answerProblem, checkHeadAlone, checkReceiptAlone } from './answerTerms.ts'
import { ChunkChain, MAX_CHUNKS_PER_HEAD } from './chunks.ts'
import { ok, type Result } from './errors.ts'
import type { Digest } from './hex.ts'
import { merkleRoot } from './merkle.ts'
import type { SignedHead, SignedReceipt, TranscriptChunk } from './messages.ts'

/**
 * Follows one answer: no chunk is released before a verified head covers it (section 4, step 4), and the receipt is
 * checked whole (step 5). Pure and synchronous.
 */
export class AnswerChecker {
  readonly #init: AnswerInit
  readonly #chain: ChunkChain
  readonly #heads: SignedHead[] = []
  readonly #headDigests: Digest[] = []
  readonly #before: ReadonlyMap<number, Digest>
  #waiting: TranscriptChunk[] = []
  #receipt: SignedReceipt | undefined

  constructor(init: AnswerInit) {
    this.#init = init
    this.#chain = new ChunkChain(init.jobId)
    this.#before = new Map(init.before?.map(({ head }) => [head.index, head.head]))
  }

  get heads(): readonly SignedHead[] {
    return this.#heads
  }

  get receipt(): SignedReceipt | undefined {
    return this.#receipt
  }

  chunk(chunk: TranscriptChunk): Result<void, AnswerProblem> {
    if (this.#receipt !== undefined)
      return answerProblem('after-receipt', 'nothing after the receipt', `chunk ${chunk.index}`)
    const most = this.#heads.length === 0 ? 1 : MAX_CHUNKS_PER_HEAD
    if (this.#waiting.length >= most) {
      return answerProblem(
        'too-many-uncovered-chunks',
        `a head on the first chunk and every ${MAX_CHUNKS_PER_HEAD}`,
        'none',
      )
    }
    if (!this.#chain.accept(chunk)) {
      return answerProblem('chunk-out-of-order', `chunk ${this.#chain.index + 1}`, `chunk ${chunk.index}`)
    }
    const before = this.#before.get(chunk.index)
    if (before !== undefined && before !== this.#chain.head)
      return answerProblem('head-mismatch', before, this.#chain.head)
    this.#waiting.push(chunk)
    return ok(undefined)
  }

  /** Returns the chunks this head covers, now releasable. */
  head(signed: SignedHead): Result<readonly TranscriptChunk[], AnswerProblem> {
    const { jobId, job } = this.#init
    const { head } = signed
    if (this.#receipt !== undefined)
      return answerProblem('after-receipt', 'nothing after the receipt', `head ${head.index}`)
    if (
      head.jobId !== jobId ||
      head.grant !== job.grant ||
      head.index !== this.#chain.index ||
      this.#chain.index === 0
    ) {
      return answerProblem(
        'head-mismatch',
        `a head of this job and grant at ${this.#chain.index}`,
        `index ${head.index}`,
      )
    }
    if (head.head !== this.#chain.head) return answerProblem('head-mismatch', this.#chain.head, head.head)
    const last = this.#heads.at(-1)?.head
    if (
      last !== undefined &&
      (head.index <= last.index || head.fee < last.fee || head.outputUnits < last.outputUnits)
    ) {
      return answerProblem('head-regressed', 'index, units and fee that grow', `index ${head.index}, fee ${head.fee}`)
    }
    const alone = checkHeadAlone(this.#init, signed)
    if (!alone.ok) return alone
    this.#heads.push(signed)
    this.#headDigests.push(alone.value)
    const released = this.#waiting
    this.#waiting = []
    return ok(released)
  }

  /** Checks the receipt whole. `sentAt` and `now` are the requester's own clock, ms. */
  finish(signed: SignedReceipt, sentAt: number, now: number): Result<void, AnswerProblem> {
    if (this.#receipt !== undefined) return answerProblem('after-receipt', 'one receipt', 'another')
    const found = this.#checkChain(signed)
    if (found !== undefined) return found
    const alone = checkReceiptAlone(this.#init, signed, sentAt, now)
    if (!alone.ok) return alone
    this.#receipt = signed
    return ok(undefined)
  }

  #checkChain({ receipt }: SignedReceipt): Result<never, AnswerProblem> | undefined {
    if (this.#waiting.length > 0)
      return answerProblem('receipt-heads', 'a head over every chunk', `${this.#waiting.length} uncovered`)
    if (receipt.chunks !== this.#chain.index)
      return answerProblem('receipt-heads', `${this.#chain.index} chunks`, `${receipt.chunks}`)
    if (receipt.outputHead !== this.#chain.head)
      return answerProblem('receipt-heads', this.#chain.head, receipt.outputHead)
    const root = merkleRoot('head', this.#headDigests)
    if (receipt.headsRoot !== root) return answerProblem('receipt-heads', root, receipt.headsRoot)
    const last = this.#heads.at(-1)?.head
    if (last !== undefined && (receipt.fee !== last.fee || receipt.outputUnits !== last.outputUnits)) {
      return answerProblem('receipt-fee', `the last head's fee ${last.fee}`, `${receipt.fee}`)
    }
    return undefined
  }
}
