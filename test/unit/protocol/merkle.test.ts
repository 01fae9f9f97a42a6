import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  type Digest,
  H,
  MAX_PROOF_LENGTH,
  MERKLE_TAG,
  merkleProof,
  merkleRoot,
  verifyMerkleProof,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import { leafOf, pairOf } from '../../property/reference.ts'

const digestsOf = (count: number): Digest[] => Array.from({ length: count }, (_, index) => H('test/leaf', index))

describe('indexed Merkle trees', () => {
  it('has root zero when empty', () => {
    expect(merkleRoot('receipt', [])).toBe(ZERO_DIGEST)
    expect(() => merkleProof('receipt', [], 0)).toThrow(RangeError)
  })

  it('has the leaf itself as root when single, proved by nothing', () => {
    const [digest] = digestsOf(1)
    expect(merkleRoot('head', [digest!])).toBe(leafOf(MERKLE_TAG.head, 0, digest!))
    expect(merkleProof('head', [digest!], 0)).toEqual([])
    expect(verifyMerkleProof('head', merkleRoot('head', [digest!]), 0, digest!, [])).toBe(true)
  })

  it('is the complete tree of double-hashed indexed leaves and sorted pairs', () => {
    const digests = digestsOf(5)
    const [a, b, c, d, e] = digests.map((digest, index) => leafOf(MERKLE_TAG.receipt, index, digest)) as [
      Hex,
      Hex,
      Hex,
      Hex,
      Hex,
    ]
    const root = pairOf(pairOf(pairOf(b, a), e), pairOf(d, c))
    expect(merkleRoot('receipt', digests)).toBe(root)
    expect(merkleProof('receipt', digests, 0)).toEqual([b, e, pairOf(c, d)])
  })

  it.each([1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 255, 256])('proves each of %d leaves at its index only', (count) => {
    const digests = digestsOf(count)
    const root = merkleRoot('receipt', digests)
    for (const index of new Set([0, 1, count >> 1, count - 2, count - 1].filter((at) => at >= 0 && at < count))) {
      const proof = merkleProof('receipt', digests, index)
      expect(verifyMerkleProof('receipt', root, index, digests[index]!, proof)).toBe(true)
      expect(verifyMerkleProof('receipt', root, (index + 1) % (count + 1), digests[index]!, proof)).toBe(false)
    }
  })

  it('keeps the order of its leaves: unsorted, each bound to its index', () => {
    const [a, b, c] = digestsOf(3)
    expect(merkleRoot('receipt', [a!, b!, c!])).not.toBe(merkleRoot('receipt', [b!, a!, c!]))
  })

  it('gives another root under every tag', () => {
    const digests = digestsOf(3)
    const tags = Object.keys(MERKLE_TAG) as (keyof typeof MERKLE_TAG)[]
    expect(new Set(tags.map((tag) => merkleRoot(tag, digests))).size).toBe(tags.length)
    expect(new Set(Object.values(MERKLE_TAG)).size).toBe(tags.length)
  })

  it.each([-1, 0.5, 3, Number.NaN])('throws on a proof for leaf %d of 3', (index) => {
    expect(() => merkleProof('receipt', digestsOf(3), index)).toThrow(RangeError)
  })

  it('refuses digests that are not 32 bytes, rather than pad them', () => {
    expect(() => merkleRoot('receipt', ['0x1234'])).toThrow(RangeError)
    expect(() => merkleRoot('receipt', [`${digestsOf(1)[0]!}00`])).toThrow(RangeError)
  })

  it('is false, and does not throw, for anything malformed in a proof from outside', () => {
    const digests = digestsOf(4)
    const root = merkleRoot('receipt', digests)
    const proof = merkleProof('receipt', digests, 2)
    const digest = digests[2]!
    const verify = (...[index, leaf, path]: [number, Digest, readonly Digest[]]): boolean =>
      verifyMerkleProof('receipt', root, index, leaf, path)
    expect(verify(2, digest, proof)).toBe(true)
    expect(verify(2, digest, [`${proof[0]!}00`, proof[1]!])).toBe(false)
    expect(verify(2, digest, [proof[0]!.toUpperCase().replace('X', 'x') as Digest, proof[1]!])).toBe(false)
    expect(verify(2, digest, ['0x', proof[1]!])).toBe(false)
    expect(verify(2, digest, ['zz' as Digest, proof[1]!])).toBe(false)
    expect(verify(2, `${digest}00`, proof)).toBe(false)
    expect(verify(2, '0x12', proof)).toBe(false)
    expect(verify(-1, digest, proof)).toBe(false)
    expect(verify(0.5, digest, proof)).toBe(false)
  })

  it('refuses proofs longer than any tree needs before hashing them', () => {
    const endless = Array.from({ length: MAX_PROOF_LENGTH + 1 }, () => ZERO_DIGEST)
    expect(verifyMerkleProof('receipt', ZERO_DIGEST, 0, ZERO_DIGEST, endless)).toBe(false)
  })
})
