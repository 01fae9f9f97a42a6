import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHECKPOINT,
  type Checkpoint,
  type Digest,
  digestOf,
  type JobRequest,
  MODE,
  merkleRoot,
  type ProviderEffect,
  type ProviderHistory,
  type ProviderReply,
  RECEIPT,
  type Receipt,
  type StoredAnswer,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { jobIdOf, NOW, PARAMETERS, runResult, TestProvider } from '../support/protocolWorld.ts'
import { DOMAIN } from '../support/votes.ts'

const MODES = [MODE.local, MODE.buffered, MODE.quorum]
const LIMIT = 3

const steps = fc.noBias(
  fc.array(fc.record({ kind: fc.nat(19), pick: fc.nat(), choice: fc.nat() }), { minLength: 40, maxLength: 160 }),
)

/** The disk of a provider: what was made durable, and what a start reads from it (R27). */
class Disk {
  readonly reserved = new Set<Digest>()
  readonly answers = new Map<Digest, StoredAnswer>()
  readonly checkpoints: Checkpoint[] = []

  history(): ProviderHistory {
    const covered = new Map<Digest, number>()
    for (const { grant, firstSequence, count } of this.checkpoints) covered.set(grant, firstSequence + count)
    const last = this.checkpoints.at(-1)
    const loose = [...this.answers.values()]
      .filter(({ record: { receipt } }) => receipt.sequence >= (covered.get(receipt.grant) ?? 0))
      .sort(({ record: { receipt: a } }, { record: { receipt: b } }) =>
        a.grant === b.grant ? a.sequence - b.sequence : a.grant < b.grant ? -1 : 1,
      )
    return {
      nextCheckpoint: this.checkpoints.length,
      previousCheckpoint: last === undefined ? ZERO_DIGEST : digestOf(DOMAIN, CHECKPOINT, last),
      loose,
      channels: [],
    }
  }
}

function jobOf(reply: ProviderReply): Digest {
  if (reply.type === 'head') return reply.signed.head.jobId
  if (reply.type === 'receipt') return reply.signed.receipt.jobId
  return 'jobId' in reply && reply.jobId !== undefined ? reply.jobId : ZERO_DIGEST
}

/** Drives a provider through jobs, failures, rotations, lost seeds, certificates and restarts. */
class Run {
  readonly disk = new Disk()
  readonly requests: JobRequest[] = []
  readonly running = new Set<JobRequest>()
  readonly open: Digest[] = []
  readonly terminals = new Map<number, number>()
  readonly jobOfStream = new Map<number, Digest>()
  provider: TestProvider
  due: number | undefined
  seedAsked = false
  now = NOW
  stream = 0
  grants = 0

  constructor() {
    this.provider = this.#start()
  }

  #start(): TestProvider {
    const parameters = { ...PARAMETERS, checkpointReceipts: LIMIT }
    const provider = new TestProvider({ init: { parameters, history: this.disk.history() } })
    this.grants += 1
    provider.rotate(this.grants)
    if (this.disk.history().loose.length > 0) this.due = this.now
    return provider
  }

  take(effects: readonly ProviderEffect[]): void {
    for (const [at, effect] of effects.entries()) {
      switch (effect.type) {
        case 'persist':
          this.#store(effect)
          break
        case 'reply':
          this.#reply(effect.stream, effect.reply)
          expect(
            effects.slice(at + 1).every((later) => later.type !== 'persist' || !concerns(later, jobOf(effect.reply))),
            'something of a job was stored after a reply of that job',
          ).toBe(true)
          break
        case 'schedule-checkpoint':
          this.due = Math.min(this.due ?? Number.POSITIVE_INFINITY, effect.at)
          break
        case 'choose-seed':
          this.seedAsked = true
          break
        case 'publish-checkpoint':
          expect(this.disk.checkpoints.at(-1)).toEqual(effect.signed.checkpoint)
          this.open.push(effect.digest)
          break
        default:
          break
      }
    }
  }

  #store(effect: Extract<ProviderEffect, { type: 'persist' }>): void {
    for (const entry of effect.entries) {
      if (entry.kind === 'reservation') this.disk.reserved.add(entry.jobId)
      if (entry.kind === 'release') this.disk.reserved.delete(entry.jobId)
      if (entry.kind === 'answer') {
        expect(this.disk.answers.has(entry.answer.jobId), 'one job was billed twice').toBe(false)
        this.disk.answers.set(entry.answer.jobId, entry.answer)
      }
      if (entry.kind === 'checkpoint') this.disk.checkpoints.push(entry.signed.checkpoint)
    }
  }

  #reply(stream: number, reply: ProviderReply): void {
    if (reply.type === 'accepted') expect(this.disk.reserved.has(reply.jobId), 'accepted before reserved').toBe(true)
    if (reply.type === 'receipt') {
      const stored = this.disk.answers.get(reply.signed.receipt.jobId)
      expect(stored?.record.receipt, 'a receipt left before it was stored').toEqual(reply.signed.receipt)
    }
    const isTerminal = reply.type === 'end' || reply.type === 'refusal'
    expect(this.terminals.get(stream) ?? 0, 'a reply after the terminal frame').toBe(0)
    if (isTerminal) this.terminals.set(stream, 1)
  }

  ask(request: JobRequest): void {
    this.stream += 1
    const jobId = jobIdOf(request)
    this.jobOfStream.set(this.stream, jobId)
    const cut = this.disk.reserved.has(jobId) ? { jobId, job: request.job, heads: [], chunks: [] } : undefined
    const stored = this.disk.answers.get(jobId) ?? cut
    const effects = this.provider.handle({ type: 'job', now: this.now, stream: this.stream, request, stored })
    if (effects.some(({ type }) => type === 'run')) this.running.add(request)
    this.take(effects)
  }

  step({ kind, pick, choice }: { kind: number; pick: number; choice: number }): void {
    const running = [...this.running][pick % Math.max(1, this.running.size)]
    this.now += choice % 300
    if (kind < 6) {
      const request = this.provider.request({
        mode: MODES[choice % 3]!,
        createdAt: this.now,
        deadline: this.now + 60_000,
      })
      this.requests.push(request)
      this.ask(request)
    } else if (kind < 8 && this.requests.length > 0) this.ask(this.requests[pick % this.requests.length]!)
    else if (kind < 12 && running !== undefined) {
      this.running.delete(running)
      const result = runResult({ units: 1 + (choice % 6), startedAt: this.now - 5, finishedAt: this.now })
      this.take(this.provider.handle({ type: 'run-finished', now: this.now, jobId: jobIdOf(running), result }))
    } else if (kind === 12 && running !== undefined) {
      this.running.delete(running)
      this.take(
        this.provider.handle({
          type: 'job-failed',
          now: this.now,
          jobId: jobIdOf(running),
          code: 'failed',
          message: 'the work failed',
        }),
      )
    } else if (kind === 13 && this.stream > 0) {
      this.closeStream(1 + (pick % this.stream))
    } else if (kind === 14) this.take(this.tick())
    else if (kind === 15) this.answerSeed(choice % 3 === 0)
    else if (kind === 16 && this.open.length > 0) {
      const [checkpoint] = this.open.splice(pick % this.open.length, 1)
      this.take(
        choice % 2 === 0
          ? this.provider.handle({ type: 'certificate-abandoned', now: this.now, checkpoint: checkpoint! })
          : this.provider.handle({
              type: 'certified',
              now: this.now,
              certificate: { checkpoint: checkpoint!, votes: [] },
              decided: BigInt(choice % 8),
              accepted: BigInt(choice % 8),
            }),
      )
    } else if (kind === 17) {
      this.grants += 1
      this.provider.rotate(this.grants)
    } else if (kind === 18 && choice % 6 === 0) this.crash()
  }

  closeStream(stream: number): void {
    const effects = this.provider.handle({ type: 'stream-closed', now: this.now, stream })
    this.take(effects)
    for (const effect of effects) {
      if (effect.type !== 'cancel') continue
      const request = [...this.running].find((entry) => jobIdOf(entry) === effect.jobId)
      if (request !== undefined) this.running.delete(request)
      this.take(
        this.provider.handle({
          type: 'job-failed',
          now: this.now,
          jobId: effect.jobId,
          code: 'cancelled',
          message: 'cancelled',
        }),
      )
    }
  }

  tick(): ProviderEffect[] {
    if (this.due === undefined) return []
    this.now = Math.max(this.now, this.due)
    this.due = undefined
    return this.provider.handle({ type: 'checkpoint-due', now: this.now })
  }

  /** `lost`: nobody ever answers. */
  answerSeed(lost: boolean): void {
    if (!this.seedAsked) return
    this.seedAsked = false
    if (lost) return
    const seed = { epoch: 1, blockNumber: 90, blockHash: ZERO_DIGEST, createdAt: this.now }
    this.take(
      this.now % 3 === 0
        ? this.provider.handle({ type: 'seed-unavailable', now: this.now })
        : this.provider.handle({ type: 'checkpoint-seed', seed }),
    )
  }

  crash(): void {
    for (const stream of this.jobOfStream.keys()) this.terminals.set(stream, 1)
    this.running.clear()
    this.open.length = 0
    this.due = undefined
    this.seedAsked = false
    this.provider = this.#start()
  }

  /** Lets everything that was begun end. */
  finish(): void {
    for (const request of this.running) {
      const result = runResult({ startedAt: this.now - 5, finishedAt: this.now })
      this.take(this.provider.handle({ type: 'run-finished', now: this.now, jobId: jobIdOf(request), result }))
    }
    this.running.clear()
    for (let round = 0; round < 200 && this.disk.history().loose.length > 0; round += 1) {
      expect(this.due !== undefined || this.seedAsked, 'loose receipts and nothing scheduled').toBe(true)
      this.take(this.tick())
      this.now += 1
      this.answerSeed(round === 0)
    }
    for (const checkpoint of this.open)
      this.take(this.provider.handle({ type: 'certificate-abandoned', now: this.now, checkpoint }))
  }
}

function concerns(effect: Extract<ProviderEffect, { type: 'persist' }>, jobId: Digest): boolean {
  return effect.entries.some(
    (entry) =>
      ((entry.kind === 'reservation' || entry.kind === 'release') && entry.jobId === jobId) ||
      (entry.kind === 'answer' && entry.answer.jobId === jobId),
  )
}

function checkChain(disk: Disk): void {
  const byGrant = new Map<Digest, Receipt[]>()
  for (const { record } of disk.answers.values()) {
    byGrant.set(record.receipt.grant, [...(byGrant.get(record.receipt.grant) ?? []), record.receipt])
  }
  for (const receipts of byGrant.values()) {
    expect(receipts.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(receipts.map((_, at) => at))
  }
  let previous = ZERO_DIGEST
  const covered = new Map<Digest, number>()
  for (const [sequence, checkpoint] of disk.checkpoints.entries()) {
    const { grant, firstSequence, count } = checkpoint
    expect(checkpoint).toMatchObject({ sequence, previous, firstSequence: covered.get(grant) ?? 0 })
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThanOrEqual(LIMIT)
    const receipts = (byGrant.get(grant) ?? [])
      .filter((receipt) => receipt.sequence >= firstSequence && receipt.sequence < firstSequence + count)
      .sort((a, b) => a.sequence - b.sequence)
    expect(checkpoint.receiptsRoot).toBe(
      merkleRoot(
        'receipt',
        receipts.map((receipt) => digestOf(DOMAIN, RECEIPT, receipt)),
      ),
    )
    expect(checkpoint.totalFee).toBe(receipts.reduce((sum, { fee }) => sum + fee, 0n))
    covered.set(grant, firstSequence + count)
    previous = digestOf(DOMAIN, CHECKPOINT, checkpoint)
  }
}

describe('a provider in any order of events, with failures, rotations, lost seeds and restarts', () => {
  it('R27 stores before it replies, numbers receipts without gaps, and puts each under exactly one checkpoint (R8, R26)', () => {
    let checkpoints = 0
    fc.assert(
      fc.property(steps, (moves) => {
        const run = new Run()
        for (const move of moves) run.step(move)
        run.finish()
        checkChain(run.disk)
        expect(run.disk.history().loose).toEqual([])
        expect(run.provider.machine.load.running).toBe(0)
        for (const stream of run.jobOfStream.keys()) {
          expect(run.terminals.get(stream), `stream ${stream} had no terminal frame (R10)`).toBe(1)
        }
        checkpoints += run.disk.checkpoints.length
      }),
      { numRuns: 60 },
    )
    expect(checkpoints).toBeGreaterThan(100)
  })
})
