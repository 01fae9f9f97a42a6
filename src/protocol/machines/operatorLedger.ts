import type { Address, Digest } from '../hex.ts'
import type { SignedCheckpoint } from '../messages.ts'
import type { Checkpoint } from '../objects.ts'

/** Operators remembered; those unseen longest make room. */
const MAX_OPERATORS = 4_096
/** Checkpoints of one operator by which a second one under the same sequence, or a gap, is noticed. */
const MAX_TAIL = 32
/** The exposure window is counted in this many parts. */
const BUCKETS = 168
/** Jobs remembered over all operators; at 256 receipts a checkpoint those of the last few hundred. */
const MAX_JOBS = 65_536

interface OperatorRecord {
  readonly tail: Map<number, { readonly digest: Digest; readonly signed: SignedCheckpoint }>
  readonly fees: Map<number, bigint>
}

/** What a verifier remembers of operators: their last checkpoints, the fees of the exposure window (R29), jobs billed. */
export class OperatorLedger {
  readonly #operators = new Map<Address, OperatorRecord>()
  readonly #jobs = new Map<Digest, Digest>()
  readonly #bucket: number

  constructor({ exposureWindow }: { readonly exposureWindow: number }) {
    this.#bucket = exposureWindow / BUCKETS
  }

  /**
   * Enters a checkpoint. Returns the fees of the window before it, or another checkpoint that the operator signed for the same
   * sequence, in which case nothing is entered.
   */
  enter(signed: SignedCheckpoint, digest: Digest): { readonly exposed: bigint } | { readonly rival: SignedCheckpoint } {
    const { operator, sequence, createdAt, totalFee } = signed.checkpoint
    const record = this.#of(operator)
    const known = record.tail.get(sequence)
    if (known !== undefined && known.digest !== digest) return { rival: known.signed }
    const bucket = Math.floor(createdAt / this.#bucket)
    const newest = Math.max(bucket, ...record.fees.keys())
    for (const old of record.fees.keys()) if (old <= newest - BUCKETS) record.fees.delete(old)
    let exposed = 0n
    for (const fees of record.fees.values()) exposed += fees
    if (known !== undefined) return { exposed: exposed - totalFee }
    record.fees.set(bucket, (record.fees.get(bucket) ?? 0n) + totalFee)
    record.tail.set(sequence, { digest, signed })
    trim(record.tail, MAX_TAIL)
    return { exposed }
  }

  /** The checkpoint that this one names as its previous, where it is remembered. */
  previousOf({ operator, sequence, previous }: Checkpoint): Checkpoint | undefined {
    const before = this.#operators.get(operator)?.tail.get(sequence - 1)
    return before?.digest === previous ? before.signed.checkpoint : undefined
  }

  /** Enters the jobs of a checkpoint; per job whether another checkpoint, or an earlier place of this one, billed it. */
  bill(checkpoint: Digest, jobs: readonly Digest[]): boolean[] {
    const own = new Set<Digest>()
    return jobs.map((jobId) => {
      const holder = this.#jobs.get(jobId)
      const billed = own.has(jobId) || (holder !== undefined && holder !== checkpoint)
      own.add(jobId)
      if (holder === undefined) {
        this.#jobs.set(jobId, checkpoint)
        trim(this.#jobs, MAX_JOBS)
      }
      return billed
    })
  }

  #of(operator: Address): OperatorRecord {
    const record = this.#operators.get(operator) ?? { tail: new Map(), fees: new Map() }
    this.#operators.delete(operator)
    this.#operators.set(operator, record)
    trim(this.#operators, MAX_OPERATORS)
    return record
  }
}

function trim<K>(map: Map<K, unknown>, most: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= most) return
    map.delete(oldest)
  }
}
