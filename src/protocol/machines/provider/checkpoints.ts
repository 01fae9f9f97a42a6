import { hasBit } from '../../bitmap.ts'
import { dropOldest } from '../../boundedMap.ts'
import { digestOf } from '../../eip712.ts'
import type { Digest } from '../../hex.ts'
import { merkleProof, merkleRoot } from '../../merkle.ts'
import type { Certificate, SignedCheckpoint } from '../../messages.ts'
import { CHECKPOINT, type Checkpoint, MODE, RECEIPT, STATUS } from '../../objects.ts'
import type {
  CertifiedReceipt,
  CheckpointSeed,
  ProviderEffect,
  ProviderInit,
  ProviderReply,
  StoredAnswer,
  StreamId,
} from './events.ts'

/** Streams that are owed the certificate of a quorum job. */
interface Waiting {
  streams: StreamId[]
}

interface LooseReceipt {
  readonly answer: StoredAnswer
  readonly digest: Digest
  readonly waiting: Waiting | undefined
}

interface OpenCheckpoint {
  readonly signed: SignedCheckpoint
  readonly receipts: readonly LooseReceipt[]
}

/** What became of one receipt, and who waited for it. */
export interface Decision {
  readonly jobId: Digest
  readonly accepted: boolean
  readonly replies: readonly { readonly stream: StreamId; readonly reply: ProviderReply }[]
}

const MAX_RECENT = 256

/**
 * Receipts on their way under checkpoints, and checkpoints on their way to certificates (R8, R14): numbered and chained
 * without gaps, one grant each.
 */
export class Checkpoints {
  readonly #init: Pick<ProviderInit, 'domain' | 'operator' | 'parameters' | 'history'>
  readonly #open = new Map<Digest, OpenCheckpoint>()
  /** Quorum jobs whose certificate may still come, until it does or is given up. */
  readonly #waiting = new Map<Digest, Waiting>()
  /** Certificates that may not be readable in the store yet. */
  readonly #certified = new Map<Digest, CertifiedReceipt>()
  #loose: LooseReceipt[]
  #closing: LooseReceipt[] | undefined
  #dueAt: number | undefined
  #next: number
  #previous: Digest

  constructor(init: Pick<ProviderInit, 'domain' | 'operator' | 'parameters' | 'history'>) {
    this.#init = init
    this.#next = init.history.nextCheckpoint
    this.#previous = init.history.previousCheckpoint
    this.#loose = init.history.loose.map((answer) =>
      this.#looseOf(answer, digestOf(init.domain, RECEIPT, answer.record.receipt), []),
    )
  }

  /** Takes a receipt that was just signed. Asks for the time at which it goes under a checkpoint. */
  add(answer: StoredAnswer, digest: Digest, streams: readonly StreamId[], now: number): ProviderEffect[] {
    const loose = this.#looseOf(answer, digest, streams)
    this.#loose.push(loose)
    return this.#schedule(loose.waiting !== undefined, now)
  }

  /** Whether a certificate for this job may still come. */
  awaits(jobId: Digest): boolean {
    return this.#waiting.has(jobId)
  }

  /** The stream is told with the others; false when no certificate is awaited. */
  wait(jobId: Digest, stream: StreamId): boolean {
    const waiting = this.#waiting.get(jobId)
    waiting?.streams.push(stream)
    return waiting !== undefined
  }

  certified(jobId: Digest): CertifiedReceipt | undefined {
    return this.#certified.get(jobId)
  }

  onDue(now: number): ProviderEffect[] {
    this.#dueAt = undefined
    if (this.#closing !== undefined) return this.#askSeed(now)
    const first = this.#loose[0]
    if (first === undefined) return []
    const grant = first.answer.record.receipt.grant
    const sameGrant = this.#loose.findIndex(({ answer }) => answer.record.receipt.grant !== grant)
    const limit = this.#init.parameters.checkpointReceipts
    const count = Math.min(sameGrant === -1 ? this.#loose.length : sameGrant, limit)
    this.#closing = this.#loose.slice(0, count)
    this.#loose = this.#loose.slice(count)
    return this.#askSeed(now)
  }

  onSeed(seed: CheckpointSeed): ProviderEffect[] {
    const receipts = this.#closing
    const first = receipts?.[0]?.answer.record.receipt
    if (receipts === undefined || first === undefined) return []
    this.#closing = undefined
    const { domain, operator } = this.#init
    const checkpoint: Checkpoint = {
      operator: operator.address,
      grant: first.grant,
      sequence: this.#next,
      previous: this.#previous,
      firstSequence: first.sequence,
      count: receipts.length,
      receiptsRoot: merkleRoot(
        'receipt',
        receipts.map(({ digest }) => digest),
      ),
      totalFee: receipts.reduce((sum, { answer }) => sum + answer.record.receipt.fee, 0n),
      ...seed,
    }
    const digest = digestOf(domain, CHECKPOINT, checkpoint)
    const signed = { checkpoint, signature: operator.sign(digest) }
    this.#next += 1
    this.#previous = digest
    this.#open.set(digest, { signed, receipts })
    const jobs = receipts.map(({ answer }) => answer.jobId)
    const quorum = this.#loose.some(({ waiting }) => waiting !== undefined)
    return [
      { type: 'persist', entries: [{ kind: 'checkpoint', signed, digest, jobs }] },
      { type: 'publish-checkpoint', signed, digest, records: receipts.map(({ answer }) => answer.record) },
      ...(this.#loose.length > 0 ? this.#schedule(quorum, seed.createdAt) : []),
    ]
  }

  onNoSeed(now: number): ProviderEffect[] {
    if (this.#closing === undefined) return []
    this.#loose = [...this.#closing, ...this.#loose]
    this.#closing = undefined
    return this.#scheduleAt(now + this.#init.parameters.checkpointIdleDelay)
  }

  /** What a certificate says of the quorum jobs under it; undefined of a checkpoint that is not open. */
  onCertified(certificate: Certificate, decided: bigint, accepted: bigint): readonly Decision[] | undefined {
    const open = this.#take(certificate.checkpoint)
    if (open === undefined) return undefined
    const digests = open.receipts.map(({ digest }) => digest)
    return open.receipts.flatMap(({ answer: { jobId, record }, waiting }, index) => {
      if (waiting === undefined) return []
      const receiptProof = merkleProof('receipt', digests, index)
      this.#certified.set(jobId, { signed: open.signed, certificate, receiptProof })
      dropOldest(this.#certified, MAX_RECENT)
      const outcome = hasBit(decided, index) ? outcomeOf(record.receipt.status) : 'uncertified'
      const replies = waiting.streams.flatMap((stream) => [
        { stream, reply: { type: 'certificate', signed: open.signed, certificate, receiptProof } as const },
        { stream, reply: { type: 'end', jobId, outcome } as const },
      ])
      return [{ jobId, accepted: hasBit(accepted, index), replies }]
    })
  }

  /** No certificate comes any more. */
  onAbandoned(checkpoint: Digest): readonly Decision[] {
    const receipts = this.#take(checkpoint)?.receipts ?? []
    return receipts.flatMap(({ answer: { jobId }, waiting }) => {
      if (waiting === undefined) return []
      const replies = waiting.streams.map(
        (stream) => ({ stream, reply: { type: 'end', jobId, outcome: 'uncertified' } }) as const,
      )
      return [{ jobId, accepted: false, replies }]
    })
  }

  #take(checkpoint: Digest): OpenCheckpoint | undefined {
    const open = this.#open.get(checkpoint)
    this.#open.delete(checkpoint)
    for (const { answer } of open?.receipts ?? []) this.#waiting.delete(answer.jobId)
    return open
  }

  #looseOf(answer: StoredAnswer, digest: Digest, streams: readonly StreamId[]): LooseReceipt {
    const waiting = answer.record.job.mode === MODE.quorum ? { streams: [...streams] } : undefined
    if (waiting !== undefined) this.#waiting.set(answer.jobId, waiting)
    return { answer, digest, waiting }
  }

  /** R8: 256 receipts, or 250 ms when a quorum job waits, or the idle delay. */
  #schedule(quorum: boolean, now: number): ProviderEffect[] {
    const { parameters } = this.#init
    const full = this.#loose.length >= parameters.checkpointReceipts && this.#closing === undefined
    return this.#scheduleAt(
      full ? now : now + (quorum ? parameters.checkpointQuorumDelay : parameters.checkpointIdleDelay),
    )
  }

  #scheduleAt(at: number): ProviderEffect[] {
    if (this.#dueAt !== undefined && this.#dueAt <= at) return []
    this.#dueAt = at
    return [{ type: 'schedule-checkpoint', at }]
  }

  /** Asks for a seed, and again after the idle delay should no answer come. */
  #askSeed(now: number): ProviderEffect[] {
    return [{ type: 'choose-seed' }, ...this.#scheduleAt(now + this.#init.parameters.checkpointIdleDelay)]
  }
}

export const outcomeOf = (status: number): 'complete' | 'truncated' =>
  status === STATUS.truncated ? 'truncated' : 'complete'
