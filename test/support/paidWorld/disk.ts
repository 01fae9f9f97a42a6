import type { ChannelAccount, Digest, JobAccount, JobOutcome, LedgerEntry } from '../../../src/protocol/index.ts'

/** A process died: what it had not made durable is gone. */
export class Crash extends Error {}

/** The books of one side as they are on a disk. */
export class BooksOnDisk {
  account: ChannelAccount | undefined
  readonly jobs = new Map<Digest, JobAccount>()
  readonly settled = new Map<Digest, JobAccount>()
  /** What ended without a word to anybody may be asked for again. */
  readonly reopens: JobOutcome | undefined

  constructor(reopens?: JobOutcome) {
    this.reopens = reopens
  }

  take(entry: LedgerEntry): void {
    if (entry.kind === 'channel-account') {
      this.account = entry.account
      return
    }
    const { account } = entry
    if (account.state !== 'settled') {
      const before = this.settled.get(account.jobId)
      if (before !== undefined && before.outcome !== this.reopens)
        throw new Error(`job ${account.jobId} is open again after it was settled`)
      this.settled.delete(account.jobId)
      this.jobs.set(account.jobId, account)
      return
    }
    if (this.settled.has(account.jobId)) throw new Error(`job ${account.jobId} settled twice`)
    this.jobs.delete(account.jobId)
    this.settled.set(account.jobId, account)
  }
}

/** Commits become durable in their order; whoever waits for one goes on after it. A crash loses what is under way. */
export class Commits {
  #pending: { readonly write: () => void; readonly after: (() => void)[] }[] = []

  get underWay(): number {
    return this.#pending.length
  }

  add(write: () => void, after: () => void): void {
    this.#pending.push({ write, after: [after] })
  }

  /** After the last commit that is under way. */
  afterLast(then: () => void): void {
    const last = this.#pending.at(-1)
    if (last === undefined) then()
    else last.after.push(then)
  }

  /** The oldest commit is durable. */
  sync(): void {
    const commit = this.#pending.shift()
    if (commit === undefined) return
    commit.write()
    for (const then of commit.after) then()
  }

  lose(): void {
    this.#pending = []
  }
}

/** Steps of a process until it dies, where a death is planned. */
export class Fuse {
  #left: number | undefined

  light(steps: number): void {
    this.#left = steps
  }

  out(): void {
    this.#left = undefined
  }

  burn(): void {
    if (this.#left === undefined) return
    this.#left -= 1
    if (this.#left >= 0) return
    this.#left = undefined
    throw new Crash()
  }
}
