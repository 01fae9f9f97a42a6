import { ChunkChain, traceDigestOf } from '../../chunks.ts'
import { type Domain, digestOf } from '../../eip712.ts'
import type { chargeOf, Usage } from '../../fee.ts'
import { bytesToHex, type Digest } from '../../hex.ts'
import { merkleRoot } from '../../merkle.ts'
import type { JobRecord, SignedHead, TranscriptChunk } from '../../messages.ts'
import { HEAD, type Head, PRIVACY, RECEIPT, type Receipt, STATUS } from '../../objects.ts'
import type { Random } from '../../ports.ts'
import { headsOf, type OutputPiece, splitOutput } from '../../slice.ts'
import type { ActiveGrant, JobRequest, OfferedTerms, RunResult, StoredAnswer } from './events.ts'

export interface ReleaseInit {
  readonly domain: Domain
  readonly random: Random
  readonly jobId: Digest
  readonly request: JobRequest
  readonly terms: OfferedTerms
  readonly grant: ActiveGrant
  /** Plain. */
  readonly input: Uint8Array
  readonly result: RunResult
  readonly charge: typeof chargeOf
}

/** Chunks and the head that covers them. */
export interface ReleasedPart {
  readonly chunks: readonly TranscriptChunk[]
  readonly signed: SignedHead
  /** Of the head. */
  readonly digest: Digest
}

/** What only the ledger and the checkpoint know of a receipt. */
export interface ReceiptPlace {
  readonly sequence: number
  readonly chargedAfter: bigint
}

/** One finished output on its way out, head by head (section 4, R24): nothing is signed before it may leave. */
export class Release {
  readonly #init: ReleaseInit
  readonly #pieces: readonly OutputPiece[]
  readonly #ends: readonly number[]
  readonly #chain: ChunkChain
  readonly #parts: ReleasedPart[] = []

  constructor(init: ReleaseInit) {
    this.#init = init
    this.#pieces = splitOutput(init.result.output, init.result.units)
    this.#ends = headsOf(this.#pieces)
    this.#chain = new ChunkChain(init.jobId)
  }

  get parts(): readonly ReleasedPart[] {
    return this.#parts
  }

  /** Of the last head that left. */
  get fee(): bigint {
    return this.#parts.at(-1)?.signed.head.fee ?? 0n
  }

  /** Of the next head; undefined once all are out. */
  get nextFee(): bigint | undefined {
    const end = this.#ends[this.#parts.length]
    return end === undefined ? undefined : this.#init.charge(this.#init.terms.terms, this.#usage(end)).fee
  }

  /** Signs the next head over its chunks. Throws RangeError once all are out. */
  next(): ReleasedPart {
    const end = this.#ends[this.#parts.length]
    if (end === undefined) throw new RangeError('every head has left')
    const { domain, random, jobId, grant, terms, charge } = this.#init
    const chunks: TranscriptChunk[] = []
    for (const { data } of this.#pieces.slice(this.#chain.index, end)) {
      const chunk = { index: this.#chain.index + 1, data, salt: bytesToHex(random(32)) }
      this.#chain.accept(chunk)
      chunks.push(chunk)
    }
    const usage = this.#usage(end)
    const head: Head = {
      jobId,
      grant: grant.digest,
      index: end,
      head: this.#chain.head,
      outputUnits: usage.outputUnits,
      fee: charge(terms.terms, usage).fee,
    }
    const digest = digestOf(domain, HEAD, head)
    const part = { chunks, signed: { head, signature: grant.session.sign(digest) }, digest }
    this.#parts.push(part)
    return part
  }

  /** The receipt for what left: `complete` when that is all, else `truncated`. */
  answer(place: ReceiptPlace, payment: Pick<JobRecord, 'channelConfig' | 'voucher'>): SignedAnswer {
    const { domain, jobId, request, terms, grant, result } = this.#init
    const receipt = this.#receipt(place)
    const digest = digestOf(domain, RECEIPT, receipt)
    const transcript = this.#transcript()
    const record: JobRecord = {
      job: request.job,
      jobSignature: request.signature,
      terms: terms.terms,
      offer: terms.offer,
      offerSignature: terms.offerSignature,
      termsIndex: terms.index,
      termsProof: terms.proof,
      heads: this.#parts.map(({ signed }) => signed),
      receipt,
      receiptSignature: grant.session.sign(digest),
      runtimeClass: result.runtimeClass,
      traceHash: result.traceHash,
      ...(transcript === undefined ? {} : { transcript }),
      ...payment,
    }
    return { answer: { jobId, record, chunks: transcript?.chunks ?? [] }, digest }
  }

  #receipt({ sequence, chargedAfter }: ReceiptPlace): Receipt {
    const { jobId, terms, grant, result, charge } = this.#init
    const { provider, requester, channel, model, inputHash, parametersHash, terms: termsId } = this.#init.request.job
    const usage = this.#usage(this.#chain.index)
    return {
      jobId,
      grant: grant.digest,
      ...{ provider, requester, channel, sequence, model, inputHash, parametersHash },
      terms: termsId,
      outputHead: this.#chain.head,
      headsRoot: merkleRoot(
        'head',
        this.#parts.map(({ digest }) => digest),
      ),
      chunks: this.#chain.index,
      inputUnits: usage.inputUnits,
      outputUnits: usage.outputUnits,
      ...charge(terms.terms, usage),
      memoryMB: terms.terms.memoryMB,
      chargedAfter,
      evidence: grant.signed.grant.evidence,
      trace: traceDigestOf(result.runtimeClass, result.traceHash),
      assurance: grant.assurance,
      status: this.nextFee === undefined ? STATUS.complete : STATUS.truncated,
      startedAt: usage.startedAt,
      finishedAt: usage.finishedAt,
    }
  }

  #transcript(): JobRecord['transcript'] {
    const { request, input } = this.#init
    if (request.job.privacy === PRIVACY.sealed) return undefined
    const chunks = this.#parts.flatMap((part) => part.chunks)
    return { inputSalt: request.inputSalt, input, parameters: request.parameters, chunks }
  }

  /** The times are those of the run, however slowly its output leaves. */
  #usage(chunks: number): Usage {
    const { startedAt, finishedAt } = this.#init.result
    return { inputUnits: 0, outputUnits: this.#pieces[chunks - 1]?.units ?? 0, startedAt, finishedAt }
  }
}

export interface SignedAnswer {
  readonly answer: StoredAnswer
  /** Of the receipt. */
  readonly digest: Digest
}
