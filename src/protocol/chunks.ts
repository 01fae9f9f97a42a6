import { H, keccak } from './hash.ts'
import type { Digest } from './hex.ts'

/** Bytes of one chunk's data at most (section 2). */
export const MAX_CHUNK_BYTES = 64_000
/** A head is signed at least this often (section 2). */
export const MAX_CHUNKS_PER_HEAD = 16
export const MAX_MS_PER_HEAD = 50

export interface Chunk {
  readonly index: number
  readonly data: Uint8Array
  readonly salt: Digest
}

/** `head(0)`: binds the chain to one job. */
export const firstHead = (jobId: Digest): Digest => H('OPG/chunk/0', jobId)

/** `head(i)` after chunk i; chunks count from 1 because head(0) covers none. */
export function nextHead(previous: Digest, index: number, chunk: Pick<Chunk, 'data' | 'salt'>): Digest {
  return H('OPG/chunk/1', previous, index, H('OPG/chunk/data/1', chunk.salt, keccak(chunk.data)))
}

/** Follows a chunk chain; `accept` says whether the chunk is the next one. */
export class ChunkChain {
  #head: Digest
  #index = 0

  constructor(jobId: Digest) {
    this.#head = firstHead(jobId)
  }

  get head(): Digest {
    return this.#head
  }

  get index(): number {
    return this.#index
  }

  /** Appends and returns true, or returns false and changes nothing when the chunk is out of order or too large. */
  accept(chunk: Chunk): boolean {
    if (chunk.index !== this.#index + 1 || chunk.data.length > MAX_CHUNK_BYTES) return false
    this.#head = nextHead(this.#head, chunk.index, chunk)
    this.#index = chunk.index
    return true
  }
}

/** `inputHash = H(T, salt, keccak256(bytes))` (section 2). */
export const inputHashOf = (salt: Digest, bytes: Uint8Array): Digest => H('OPG/input/1', salt, keccak(bytes))

/** Commits to the runtime class and the bytes of the trace tensors of a job (R16, R17). */
export const traceDigestOf = (runtimeClass: Digest, traceHash: Digest): Digest =>
  H('OPG/trace/1', runtimeClass, traceHash)
