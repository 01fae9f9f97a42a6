import {
  bit,
  type Certificate,
  type CertifiedReceipt,
  type CutJob,
  type Digest,
  digestOf,
  hexToBytes,
  JOB,
  type Job,
  MODE,
  merkleProof,
  type ProviderEffect,
  type ProviderEntry,
  type ProviderEvent,
  RECEIPT,
  type SignedCheckpoint,
  type StoredAnswer,
  type StoredJob,
  type StreamId,
} from '../../../src/protocol/index.ts'
import { funded, PaidProvider } from '../paidProvider.ts'
import { NOW, REQUESTER, runResult } from '../protocolWorld.ts'
import { DOMAIN } from '../votes.ts'
import { BooksOnDisk, Commits, Fuse } from './disk.ts'
import type { ClientFrame, Wire, Wires } from './wires.ts'

/** Prices that no clock of a run changes, so that a job costs what its units cost. */
export const LASTING = { perRequest: 1_000n, validUntil: NOW + 10 ** 9 } as const

class ProviderDisk extends BooksOnDisk {
  readonly reservations = new Map<Digest, Job>()
  readonly answers = new Map<Digest, StoredAnswer>()
  readonly progress = new Map<Digest, Extract<ProviderEntry, { kind: 'progress' }>[]>()
  readonly checkpoints: { signed: SignedCheckpoint; digest: Digest; jobs: readonly Digest[] }[] = []
  readonly certificates = new Map<Digest, Certificate>()

  commit(entries: readonly ProviderEntry[]): void {
    for (const entry of entries) this.#write(entry)
  }

  #write(entry: ProviderEntry): void {
    switch (entry.kind) {
      case 'reservation':
        this.reservations.set(entry.jobId, entry.job)
        return
      case 'release':
        this.reservations.delete(entry.jobId)
        return
      case 'answer':
        if (this.answers.has(entry.answer.jobId)) throw new Error(`job ${entry.answer.jobId} was answered twice`)
        this.answers.set(entry.answer.jobId, entry.answer)
        this.progress.delete(entry.answer.jobId)
        return
      case 'progress':
        this.progress.set(entry.jobId, [...(this.progress.get(entry.jobId) ?? []), entry])
        return
      case 'checkpoint':
        this.checkpoints.push(entry)
        return
      case 'certificate':
        this.certificates.set(entry.certificate.checkpoint, entry.certificate)
        return
      default:
        this.take(entry)
    }
  }

  find(jobId: Digest): StoredJob {
    const job = this.reservations.get(jobId)
    if (job === undefined) return undefined
    const answer = this.answers.get(jobId)
    if (answer === undefined) return this.#cut(jobId, job)
    const certified = job.mode === MODE.quorum ? this.#certified(jobId) : undefined
    return certified === undefined ? answer : { ...answer, certified }
  }

  #cut(jobId: Digest, job: Job): CutJob {
    const parts = this.progress.get(jobId) ?? []
    return { jobId, job, heads: parts.map(({ head }) => head), chunks: parts.flatMap(({ chunks }) => chunks) }
  }

  #certified(jobId: Digest): CertifiedReceipt | undefined {
    const held = this.checkpoints.find(({ jobs }) => jobs.includes(jobId))
    const certificate = held === undefined ? undefined : this.certificates.get(held.digest)
    if (held === undefined || certificate === undefined) return undefined
    const digests = held.jobs.map((each) => digestOf(DOMAIN, RECEIPT, this.answers.get(each)!.record.receipt))
    return { signed: held.signed, certificate, receiptProof: merkleProof('receipt', digests, held.jobs.indexOf(jobId)) }
  }

  loose(): readonly StoredAnswer[] {
    const covered = new Set(this.checkpoints.flatMap(({ jobs }) => jobs))
    return [...this.answers.values()].filter(({ jobId }) => !covered.has(jobId))
  }
}

interface Published {
  readonly digest: Digest
  readonly jobs: readonly Digest[]
}

/**
 * A provider's process: the real machine and ledger, with a disk whose commits take time, look-ups that overtake each
 * other, work that ends when the world says so, and a death at any step.
 */
export class ProviderProcess {
  readonly disk = new ProviderDisk('refunded')
  readonly fuse = new Fuse()
  readonly commits = new Commits()
  /** What the committee makes of a job. */
  readonly accepts: (jobId: Digest) => boolean
  readonly #wires: Wires
  #node: PaidProvider
  #starts = 0
  #lookups: (() => void)[] = []
  #work: { readonly jobId: Digest; readonly job: Job; cancelled: boolean }[] = []
  #timers = new Map<Digest, number>()
  #checkpointDue = false
  #published: Published[] = []
  #now = NOW + 100
  /** A slice of each job that was not settled when the last head left. */
  lent = 0n

  constructor(wires: Wires, accepts: (jobId: Digest) => boolean) {
    this.#wires = wires
    this.accepts = accepts
    this.#node = this.#newNode()
  }

  get now(): number {
    return this.#now
  }

  get node(): PaidProvider {
    return this.#node
  }

  get isIdle(): boolean {
    return this.#lookups.length + this.#work.length + this.#timers.size + this.#published.length === 0
  }

  #newNode(): PaidProvider {
    const { account, jobs, checkpoints } = this.disk
    const last = checkpoints.at(-1)
    const node = new PaidProvider({
      terms: LASTING,
      maxJobs: 64,
      init: { slots: 64 },
      history: {
        nextCheckpoint: checkpoints.length,
        ...(last === undefined ? {} : { previousCheckpoint: last.digest }),
        loose: this.disk.loose(),
        channels: account === undefined ? [] : [{ account, jobs: inOrder([...jobs.values()]) }],
      },
    })
    if (this.#starts > 0) node.rotate(this.#starts)
    return node
  }

  /** Everything in memory is gone. */
  restart(): void {
    this.#wires.breakAll('provider')
    this.commits.lose()
    this.#lookups = []
    this.#work = []
    this.#timers = new Map()
    this.#published = []
    this.#starts += 1
    this.#node = this.#newNode()
    this.#checkpointDue = this.disk.loose().length > 0
    this.#carryOut(this.#node.handle({ type: 'started', now: this.#now }))
    while (this.commits.underWay > 0) this.commits.sync()
    const { channel } = this.#node
    this.handle({ type: 'funds', now: this.#now, channel, funds: funded() })
  }

  handle(event: ProviderEvent): void {
    const { books, channel } = this.#node
    const before = books.unsettled(channel)
    const effects = this.#node.handle(event)
    if (effects.some((effect) => effect.type === 'reply' && effect.reply.type === 'head')) {
      const open = new Map([...before, ...books.unsettled(channel)].map(({ jobId, slice }) => [jobId, slice]))
      this.lent = [...open.values()].reduce((sum, slice) => sum + slice, 0n)
    }
    this.#carryOut(effects)
  }

  /** As the role does: in order, after what the event stores; replies that store nothing wait for what is under way. */
  #carryOut(effects: readonly ProviderEffect[]): void {
    const isStored = effects.some(({ type }) => type === 'persist')
    const isReply = effects.some(({ type }) => type === 'reply')
    if (!isStored && isReply) this.commits.afterLast(() => this.#continue(effects, 0))
    else this.#continue(effects, 0)
  }

  #continue(effects: readonly ProviderEffect[], from: number): void {
    for (let at = from; at < effects.length; at += 1) {
      const effect = effects[at]!
      this.fuse.burn()
      if (effect.type === 'persist') {
        const { entries } = effect
        this.commits.add(
          () => this.disk.commit(entries),
          () => this.#continue(effects, at + 1),
        )
        return
      }
      this.#carry(effect)
    }
  }

  #carry(effect: Exclude<ProviderEffect, { type: 'persist' }>): void {
    switch (effect.type) {
      case 'reply':
        this.#wires.reply(effect.stream, effect.reply)
        return
      case 'run':
        this.#work.push({ jobId: effect.jobId, job: effect.job, cancelled: false })
        return
      case 'cancel':
        for (const work of this.#work) if (work.jobId === effect.jobId) work.cancelled = true
        return
      case 'schedule-voucher':
        this.#timers.set(effect.jobId, effect.at)
        return
      case 'schedule-checkpoint':
        this.#checkpointDue = true
        return
      case 'choose-seed':
        this.handle({
          type: 'checkpoint-seed',
          seed: { epoch: 1, blockNumber: 1, blockHash: this.#node.grant.digest, createdAt: this.#now },
        })
        return
      case 'publish-checkpoint': {
        const jobs = this.disk.checkpoints.find(({ digest }) => digest === effect.digest)?.jobs ?? []
        this.#published.push({ digest: effect.digest, jobs })
        return
      }
      case 'misconduct':
        throw new Error(`an honest requester is accused of ${effect.code}`)
      case 'open-input':
      case 'drained':
        return
    }
  }

  take(wire: Wire, frame: ClientFrame): void {
    const { id: stream } = wire
    switch (frame.kind) {
      case 'request': {
        const stored = this.disk.find(digestOfJob(frame.request.job))
        const { request } = frame
        this.#lookups.push(() => this.handle({ type: 'job', now: this.#now, stream, request, stored }))
        return
      }
      case 'recall': {
        const { jobId } = frame
        const stored = this.disk.find(jobId)
        const peer = REQUESTER.address
        this.#lookups.push(() => this.handle({ type: 'recall', now: this.#now, stream, peer, jobId, stored }))
        return
      }
      case 'voucher':
        this.handle({ type: 'voucher', now: this.#now, stream, voucher: frame.voucher })
        return
      case 'show': {
        const { config } = this.#node
        const { voucher } = frame
        this.handle({ type: 'channel-shown', now: this.#now, stream, config, voucher, funds: funded() })
        return
      }
      case 'cancel':
        this.handle({ type: 'cancel', now: this.#now, stream, jobId: frame.jobId })
        return
    }
  }

  closed(stream: StreamId): void {
    this.handle({ type: 'stream-closed', now: this.#now, stream })
  }

  /** A look-up in the store ended. */
  lookUp(index: number): void {
    const [handle] = this.#lookups.splice(index % Math.max(1, this.#lookups.length), 1)
    handle?.()
  }

  finishWork(index: number): void {
    const [work] = this.#work.splice(index % Math.max(1, this.#work.length), 1)
    if (work === undefined) return
    const { jobId, job, cancelled } = work
    if (cancelled) {
      this.handle({ type: 'job-failed', now: this.#now, jobId, code: 'cancelled', message: 'cancelled' })
      return
    }
    const units = 1 + ((hexToBytes(jobId)[0] ?? 0) % job.maxOutputUnits)
    const times = { startedAt: this.#now, finishedAt: this.#now }
    const result = runResult({ output: new Uint8Array(units * 4), units, ...times })
    this.handle({ type: 'run-finished', now: this.#now, jobId, result })
  }

  /** The wait of the job that was blocked first is over. */
  voucherDue(): void {
    const [next] = this.#timers
    if (next === undefined) return
    const [jobId, at] = next
    this.#timers.delete(jobId)
    this.#now = Math.max(this.#now, at)
    this.handle({ type: 'voucher-due', now: this.#now, jobId })
  }

  checkpoint(): void {
    if (!this.#checkpointDue) return
    this.#checkpointDue = false
    this.handle({ type: 'checkpoint-due', now: this.#now })
  }

  /** The committee decides over the oldest checkpoint, or never does. */
  certify(abandoned = false): void {
    const published = this.#published.shift()
    if (published === undefined) return
    const { digest, jobs } = published
    if (abandoned) {
      this.handle({ type: 'certificate-abandoned', now: this.#now, checkpoint: digest })
      return
    }
    const accepted = jobs.reduce((map, jobId, index) => (this.accepts(jobId) ? map | bit(index) : map), 0n)
    const decided = jobs.reduce((map, _, index) => map | bit(index), 0n)
    const certificate = { checkpoint: digest, votes: [] }
    this.handle({ type: 'certified', now: this.#now, certificate, decided, accepted })
  }
}

const inOrder = <T extends { readonly state: string; readonly since: number }>(jobs: readonly T[]): T[] =>
  jobs.toSorted((a, b) => Number(a.state === 'pending') - Number(b.state === 'pending') || a.since - b.since)

const digestOfJob = (job: Job): Digest => digestOf(DOMAIN, JOB, job)
