import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Digest,
  MERKLE_TAG,
  type MerkleTag,
  merkleProof,
  merkleRoot,
  verifyMerkleProof,
} from '../../src/protocol/index.ts'
import { digests, merkleTags } from './arbitraries.ts'
import { leafOf, pairOf } from './reference.ts'

const trees = fc
  .tuple(merkleTags, fc.array(digests, { minLength: 1, maxLength: 40 }), fc.nat())
  .map(([tag, leaves, at]) => ({ tag, leaves, index: at % leaves.length }))

describe('an indexed Merkle tree', () => {
  it('proves every leaf', () => {
    fc.assert(
      fc.property(trees, ({ tag, leaves }) => {
        const root = merkleRoot(tag, leaves)
        for (const [index, leaf] of leaves.entries()) {
          expect(verifyMerkleProof(tag, root, index, leaf, merkleProof(tag, leaves, index))).toBe(true)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('proves no other index, digest or tag by any of its proofs', () => {
    fc.assert(
      fc.property(trees, digests, fc.nat(100), merkleTags, ({ tag, leaves, index }, digest, other, otherTag) => {
        const root = merkleRoot(tag, leaves)
        const leaf = leaves[index]!
        const proof = merkleProof(tag, leaves, index)
        if (digest !== leaf) expect(verifyMerkleProof(tag, root, index, digest, proof)).toBe(false)
        if (other !== index) expect(verifyMerkleProof(tag, root, other, leaf, proof)).toBe(false)
        if (otherTag !== tag) expect(verifyMerkleProof(otherTag, root, index, leaf, proof)).toBe(false)
      }),
      { numRuns: 80 },
    )
  })

  it('proves a leaf by no other path: shorter, longer, reordered or changed', () => {
    fc.assert(
      fc.property(trees, digests, fc.nat(), ({ tag, leaves, index }, digest, at) => {
        const root = merkleRoot(tag, leaves)
        const proof = merkleProof(tag, leaves, index)
        const refuses = (path: readonly Digest[]): void =>
          expect(verifyMerkleProof(tag, root, index, leaves[index]!, path)).toBe(false)
        refuses([...proof, digest])
        refuses([digest, ...proof])
        if (proof.length === 0) return
        refuses(proof.slice(1))
        refuses(proof.slice(0, -1))
        refuses(proof.with(at % proof.length, digest))
        if (proof.length > 1 && proof[0] !== proof.at(-1)) refuses([...proof].reverse())
      }),
      { numRuns: 80 },
    )
  })

  it('has no inner node that can pose as a leaf, at any index under any tag', () => {
    fc.assert(
      fc.property(trees, fc.nat(40), ({ tag, leaves, index }, posed) => {
        const root = merkleRoot(tag, leaves)
        const proof = merkleProof(tag, leaves, index)
        let node = leafOf(MERKLE_TAG[tag], index, leaves[index]!)
        for (let depth = 0; depth <= proof.length; depth += 1) {
          for (const [anyTag, at] of [
            [tag, index],
            [tag, posed],
            ...Object.keys(MERKLE_TAG).map((name) => [name, 0]),
          ] as [MerkleTag, number][]) {
            expect(verifyMerkleProof(anyTag, root, at, node, proof.slice(depth))).toBe(false)
          }
          const sibling = proof[depth]
          if (sibling !== undefined) node = pairOf(node, sibling)
        }
        expect(node).toBe(root)
      }),
      { numRuns: 30 },
    )
  })

  it('has another root for another list', () => {
    fc.assert(
      fc.property(trees, digests, ({ tag, leaves, index }, digest) => {
        const root = merkleRoot(tag, leaves)
        expect(merkleRoot(tag, [...leaves, digest])).not.toBe(root)
        expect(merkleRoot(tag, leaves.slice(0, -1))).not.toBe(root)
        if (digest !== leaves[index]) expect(merkleRoot(tag, leaves.with(index, digest))).not.toBe(root)
        if (leaves[0] !== leaves[index]) {
          expect(merkleRoot(tag, leaves.with(0, leaves[index]!).with(index, leaves[0]!))).not.toBe(root)
        }
      }),
      { numRuns: 80 },
    )
  })
})
