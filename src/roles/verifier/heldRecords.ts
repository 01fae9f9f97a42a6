import type { Digest, JobRecord, SignedCheckpoint } from '../../protocol/index.ts'

export interface HeldCheckpoint {
  readonly signed: SignedCheckpoint
  readonly records: readonly JobRecord[]
}

/** Record bytes a verifier keeps at once: some hundred checkpoints of small jobs, or a few of the greatest. */
export const MAX_HELD_BYTES = 256 * 1024 * 1024
/** What a record weighs without input and output. */
const RECORD_BYTES = 4_096

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
    const bytes = records.reduce((sum, record) => sum + weightOf(record), 0)
    this.release(digest)
    if (this.#bytes + bytes > this.#most) return false
    this.#bytes += bytes
    this.#held.set(digest, { signed, records, bytes })
    return true
  }

  get(digest: Digest): HeldCheckpoint | undefined {
    return this.#held.get(digest)
  }

  release(digest: Digest): void {
    this.#bytes -= this.#held.get(digest)?.bytes ?? 0
    this.#held.delete(digest)
  }
}

function weightOf({ transcript, heads }: JobRecord): number {
  const chunks = transcript?.chunks ?? []
  return chunks.reduce(
    (sum, { data }) => sum + data.length + 64,
    RECORD_BYTES + heads.length * 256 + (transcript?.input.length ?? 0),
  )
}
