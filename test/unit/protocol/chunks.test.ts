import { keccak256 } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  type Chunk,
  ChunkChain,
  firstHead,
  H,
  inputHashOf,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS_PER_HEAD,
  MAX_MS_PER_HEAD,
  nextHead,
  traceDigestOf,
  utf8,
} from '../../../src/protocol/index.ts'
import { hashOf } from '../../property/reference.ts'

const JOB = H('test/job')
const chunkAt = (index: number, text = `chunk ${index}`): Chunk => ({
  index,
  data: utf8(text),
  salt: H('test/salt', index),
})

describe('chunk chains', () => {
  it('start at head(0) = H("OPG/chunk/0", jobId)', () => {
    expect(firstHead(JOB)).toBe(hashOf('OPG/chunk/0', JOB))
    expect(new ChunkChain(JOB).head).toBe(firstHead(JOB))
    expect(new ChunkChain(JOB).index).toBe(0)
  })

  it('continue by head(i) = H("OPG/chunk/1", head(i-1), i, H(salt, keccak256(data)))', () => {
    const chunk = chunkAt(1)
    const data = hashOf('OPG/chunk/data/1', chunk.salt, keccak256(chunk.data))
    expect(nextHead(firstHead(JOB), 1, chunk)).toBe(hashOf('OPG/chunk/1', firstHead(JOB), 1n, data))
  })

  it('count chunks from 1 and hold the head after the last one', () => {
    const chain = new ChunkChain(JOB)
    expect(chain.accept(chunkAt(1))).toBe(true)
    expect(chain.accept(chunkAt(2))).toBe(true)
    expect(chain.index).toBe(2)
    expect(chain.head).toBe(nextHead(nextHead(firstHead(JOB), 1, chunkAt(1)), 2, chunkAt(2)))
  })

  it.each([0, 1, 3, -1, 1.5, Number.NaN])('refuse chunk %d where chunk 2 is due and change nothing', (index) => {
    const chain = new ChunkChain(JOB)
    chain.accept(chunkAt(1))
    const { head } = chain
    expect(chain.accept({ ...chunkAt(2), index })).toBe(false)
    expect([chain.index, chain.head]).toEqual([1, head])
    expect(chain.accept(chunkAt(2))).toBe(true)
  })

  it('take chunks of 64 kB and refuse larger ones', () => {
    const chain = new ChunkChain(JOB)
    expect(chain.accept({ ...chunkAt(1), data: new Uint8Array(MAX_CHUNK_BYTES + 1) })).toBe(false)
    expect(chain.accept({ ...chunkAt(1), data: new Uint8Array(MAX_CHUNK_BYTES) })).toBe(true)
    expect(MAX_CHUNK_BYTES).toBe(64_000)
  })

  it('of two jobs differ from the first head on', () => {
    expect(firstHead(JOB)).not.toBe(firstHead(H('test/job/2')))
  })

  it('are signed at least every 16 chunks or 50 ms', () => {
    expect([MAX_CHUNKS_PER_HEAD, MAX_MS_PER_HEAD]).toEqual([16, 50])
  })
})

describe('commitments of a job', () => {
  it('inputHash = H(T, salt, keccak256(bytes)) hides the input behind its salt', () => {
    const input = utf8('prompt')
    expect(inputHashOf(JOB, input)).toBe(hashOf('OPG/input/1', JOB, keccak256(input)))
    expect(inputHashOf(H('test/salt', 1), input)).not.toBe(inputHashOf(H('test/salt', 2), input))
  })

  it('R16 R17 the trace commits to the runtime class and to the trace bytes', () => {
    const [a, b] = [H('a'), H('b')]
    expect(traceDigestOf(a, b)).toBe(hashOf('OPG/trace/1', a, b))
    expect(new Set([traceDigestOf(a, b), traceDigestOf(b, a), traceDigestOf(a, a)]).size).toBe(3)
  })
})
