import type { JobAccount } from '../accounts.ts'
import type { Digest } from '../hex.ts'

/** Jobs in one state with the sums of their amounts, in units of the channel's token. */
class SummedJobs {
  readonly jobs = new Map<Digest, JobAccount>()
  slice = 0n
  maxFee = 0n
  fee = 0n
  covered = 0n

  put(job: JobAccount): void {
    const before = this.jobs.get(job.jobId)
    if (before !== undefined) this.#count(before, -1n)
    this.jobs.set(job.jobId, job)
    this.#count(job, 1n)
  }

  delete(jobId: Digest): void {
    const job = this.jobs.get(jobId)
    if (job === undefined) return
    this.jobs.delete(jobId)
    this.#count(job, -1n)
  }

  #count({ slice, maxFee, fee, covered }: JobAccount, sign: 1n | -1n): void {
    this.slice += sign * slice
    this.maxFee += sign * maxFee
    this.fee += sign * fee
    this.covered += sign * covered
  }
}

/**
 * The unsettled jobs of one channel: those that were served, in that order, then those that run, as they were admitted.
 * Their sums are kept, so that a job costs the same however many others are open.
 */
export class OpenJobs {
  readonly #pending = new SummedJobs()
  readonly #served = new SummedJobs()

  constructor(jobs: Iterable<JobAccount> = []) {
    for (const job of jobs) this.put(job)
  }

  get size(): number {
    return this.#pending.jobs.size + this.#served.jobs.size
  }

  get pending(): Readonly<Pick<SummedJobs, 'slice' | 'maxFee' | 'fee'>> {
    return this.#pending
  }

  /** Over all of them. */
  get slice(): bigint {
    return this.#pending.slice + this.#served.slice
  }

  /** Over all of them. */
  get maxFee(): bigint {
    return this.#pending.maxFee + this.#served.maxFee
  }

  /** Over all of them. */
  get covered(): bigint {
    return this.#pending.covered + this.#served.covered
  }

  get(jobId: Digest): JobAccount | undefined {
    return this.#pending.jobs.get(jobId) ?? this.#served.jobs.get(jobId)
  }

  /** A job that is served now comes after those that were served before. */
  put(job: JobAccount): void {
    if (job.state === 'served') {
      this.#pending.delete(job.jobId)
      this.#served.put(job)
    } else this.#pending.put(job)
  }

  delete(jobId: Digest): void {
    this.#pending.delete(jobId)
    this.#served.delete(jobId)
  }

  all(): readonly JobAccount[] {
    return [...this.#served.jobs.values(), ...this.#pending.jobs.values()]
  }

  served(): readonly JobAccount[] {
    return [...this.#served.jobs.values()]
  }
}
