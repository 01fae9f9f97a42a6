import type { Digest, JobRecord, SignedCheckpoint } from '../../protocol/index.ts'
import { recordWeight } from '../records.ts'

export interface HeldCheckpoint {
  readonly signed: SignedCheckpoint
  readonly records: readonly JobRecord[]
}

/** Record bytes a verifier keeps at once: some hundred checkpoints of small jobs, or a few of the greatest. */
export const MAX_HELD_BYTES = 256 * 1024 * 1024

/** Records of the checkpoints under way, within a limit of bytes. */
export class HeldRecords {
  readonly #held = new Map<Digest, HeldCheckpoint & { readonly bytes: number }>()
  readonly #most: number
  #bytes = 0

  constructor(most: number = MAX_HELD_BYTES) {
    this.#most = most
  }

  /** False when there is no room. */
  keep(digest: Digest, signed: SignedCheckpoint, records: readonly JobRecord[]): boolean {
    const bytes = records.reduce((sum, record) => sum + recordWeight(record), 0)
    this.release(digest)
    if (this.#bytes + bytes > this.#most) return false
    this.#bytes += bytes
    this.#held.set(digest, { signed, records, bytes })
    return true
  }

  /** All records of a checkpoint. */
  get(digest: Digest): HeldCheckpoint | undefined {
    const held = this.#held.get(digest)
    return held?.records.length === held?.signed.checkpoint.count ? held : undefined
  }

  /** The first records of a checkpoint, unchecked while some are missing. */
  first(digest: Digest): readonly JobRecord[] {
    return this.#held.get(digest)?.records ?? []
  }

  release(digest: Digest): void {
    this.#bytes -= this.#held.get(digest)?.bytes ?? 0
    this.#held.delete(digest)
  }
}
