import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeKeccak } from '../../src/node/keccak.ts'
import { bytesToHex, utf8 } from '../../src/protocol/index.ts'
import { keccak256 as ownKeccak256 } from '../../src/protocol/keccak.ts'

describe.each([
  ["the core's", ownKeccak256],
  ["Node's", nodeKeccak()],
])('%s keccak256', (_, keccak256) => {
  it.each([
    ['', '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'],
    ['abc', '0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'],
  ])('of "%s" is the published digest', (text, digest) => {
    expect(bytesToHex(keccak256(utf8(text)))).toBe(digest)
  })

  it('agrees with another implementation at every length around the block size', () => {
    const bytes = Uint8Array.from({ length: 3 * 136 + 2 }, (_, at) => (at * 151) % 256)
    for (let length = 0; length <= bytes.length; length += 1) {
      const part = bytes.subarray(0, length)
      expect(keccak256(part)).toEqual(keccak_256(part))
    }
  })

  it('agrees with another implementation on any bytes, wherever they lie in memory', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_000 }), fc.nat(7), (bytes, offset) => {
        const shifted = new Uint8Array(bytes.length + offset)
        shifted.set(bytes, offset)
        expect(keccak256(shifted.subarray(offset))).toEqual(keccak_256(bytes))
      }),
      { numRuns: 500 },
    )
  })

  it('hands out memory of its own', () => {
    const first = keccak256(utf8('one'))
    const kept = Uint8Array.from(first)
    keccak256(utf8('two'))
    expect(first).toEqual(kept)
  })
})
