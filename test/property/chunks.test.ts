import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Chunk, ChunkChain, type Digest, firstHead, nextHead } from '../../src/protocol/index.ts'
import { digests } from './arbitraries.ts'

type Content = Pick<Chunk, 'data' | 'salt'>
interface Tail {
  readonly head: Digest
  readonly chunks: number
}

const contents = fc.array(fc.record({ data: fc.uint8Array({ maxLength: 40 }), salt: digests }), {
  minLength: 2,
  maxLength: 10,
})

/** What a receipt commits to, for a sender that numbers its chunks as it likes: gapless, so that a chain takes them. */
const tailOf = (jobId: Digest, chunks: readonly Content[]): Tail => {
  const chain = new ChunkChain(jobId)
  for (const [at, chunk] of chunks.entries()) expect(chain.accept({ ...chunk, index: at + 1 })).toBe(true)
  return { head: chain.head, chunks: chain.index }
}
const sameContent = (a: Content, b: Content): boolean => a.salt === b.salt && Buffer.compare(a.data, b.data) === 0

const check = (property: (jobId: Digest, chunks: Content[], at: number) => void): void =>
  fc.assert(
    fc.property(digests, contents, fc.nat(), (jobId, chunks, at) => property(jobId, chunks, at % chunks.length)),
    { numRuns: 60 },
  )

describe('a chunk chain', () => {
  it('detects a changed byte of any chunk', () => {
    check((jobId, chunks, at) => {
      const data = Uint8Array.of(...chunks[at]!.data, 0)
      expect(tailOf(jobId, chunks.with(at, { ...chunks[at]!, data })).head).not.toBe(tailOf(jobId, chunks).head)
      if (chunks[at]!.data.length > 0) {
        const flipped = chunks[at]!.data.slice()
        flipped[0]! ^= 1
        const changed = chunks.with(at, { ...chunks[at]!, data: flipped })
        expect(tailOf(jobId, changed).head).not.toBe(tailOf(jobId, chunks).head)
      }
    })
  })

  it('detects another salt', () => {
    fc.assert(
      fc.property(digests, contents, digests, (jobId, chunks, salt) => {
        fc.pre(chunks[0]!.salt !== salt)
        expect(tailOf(jobId, chunks.with(0, { ...chunks[0]!, salt })).head).not.toBe(tailOf(jobId, chunks).head)
      }),
      { numRuns: 40 },
    )
  })

  it('detects a dropped chunk, also when the rest is numbered anew', () => {
    check((jobId, chunks, at) => {
      expect(tailOf(jobId, chunks.toSpliced(at, 1)).head).not.toBe(tailOf(jobId, chunks).head)
    })
  })

  it('detects a chunk given twice, also when the rest is numbered anew', () => {
    check((jobId, chunks, at) => {
      expect(tailOf(jobId, chunks.toSpliced(at, 0, chunks[at]!)).head).not.toBe(tailOf(jobId, chunks).head)
    })
  })

  it('detects two chunks in another order', () => {
    check((jobId, chunks, at) => {
      const to = (at + 1) % chunks.length
      fc.pre(!sameContent(chunks[at]!, chunks[to]!))
      const swapped = chunks.with(at, chunks[to]!).with(to, chunks[at]!)
      expect(tailOf(jobId, swapped).head).not.toBe(tailOf(jobId, chunks).head)
    })
  })

  it('detects truncation at every length, and bytes moved over a border', () => {
    check((jobId, chunks, at) => {
      const whole = tailOf(jobId, chunks)
      expect(tailOf(jobId, chunks.slice(0, at)).head).not.toBe(whole.head)
      const [first, second] = [chunks[0]!, chunks[1]!]
      fc.pre(second.data.length > 0)
      const moved = [
        { ...first, data: Uint8Array.of(...first.data, second.data[0]!) },
        { ...second, data: second.data.slice(1) },
        ...chunks.slice(2),
      ]
      expect(tailOf(jobId, moved).head).not.toBe(whole.head)
    })
  })

  it('of one job is no chain of another', () => {
    fc.assert(
      fc.property(digests, digests, contents, (jobId, other, chunks) => {
        fc.pre(jobId !== other)
        expect(tailOf(jobId, chunks).head).not.toBe(tailOf(other, chunks).head)
      }),
      { numRuns: 40 },
    )
  })

  it('takes exactly the next index and is the fold of nextHead', () => {
    check((jobId, chunks, at) => {
      const chain = new ChunkChain(jobId)
      let head = firstHead(jobId)
      for (const [offset, chunk] of chunks.entries()) {
        expect(chain.accept({ ...chunk, index: offset + 2 + at })).toBe(false)
        expect(chain.accept({ ...chunk, index: offset })).toBe(false)
        expect(chain.accept({ ...chunk, index: offset + 1 })).toBe(true)
        head = nextHead(head, offset + 1, chunk)
        expect(chain.head).toBe(head)
      }
    })
  })
})
