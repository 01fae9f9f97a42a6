import { keccakBytes, tagDigest, writeUintWord } from './hash.ts'
import { bytesToHex, type Digest, isDigest, writeHex, ZERO_DIGEST } from './hex.ts'

/** What a tree is over; the tag separates leaves of different trees (section 2, Merkle). */
export const MERKLE_TAG = {
  receipt: 'OPG/leaf/receipt/1',
  head: 'OPG/leaf/head/1',
  terms: 'OPG/leaf/terms/1',
  model: 'OPG/leaf/model/1',
  checkpoint: 'OPG/leaf/checkpoint/1',
  vote: 'OPG/leaf/vote/1',
  certificate: 'OPG/leaf/certificate/1',
  reason: 'OPG/leaf/reason/1',
  reward: 'OPG/leaf/reward/1',
  policy: 'OPG/leaf/policy/1',
} as const
export type MerkleTag = keyof typeof MERKLE_TAG

/** `keccak256(keccak256(abi.encode(keccak256(tag), index, digest)))`: twice, so that no inner node can pose as a leaf. */
function hashLeaf(tag: MerkleTag, index: number, digest: Digest): Uint8Array {
  if (!isDigest(digest)) throw new RangeError('expected a digest of 0x and 64 lower-case hex digits')
  const encoded = new Uint8Array(96)
  encoded.set(tagDigest(MERKLE_TAG[tag]), 0)
  writeUintWord(index, encoded, 32)
  writeHex(digest, encoded, 64)
  return keccakBytes(keccakBytes(encoded))
}

function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(64)
  const leftFirst = compareBytes(left, right) <= 0
  pair.set(leftFirst ? left : right, 0)
  pair.set(leftFirst ? right : left, 32)
  return keccakBytes(pair)
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let at = 0; at < 32; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** A complete binary tree in heap order: node 0 is the root, the leaves are the last `count` nodes, the first leaf last. */
function buildTree(tag: MerkleTag, digests: readonly Digest[]): Uint8Array[] {
  const count = digests.length
  const tree = new Array<Uint8Array>(Math.max(0, 2 * count - 1))
  for (const [index, digest] of digests.entries()) tree[tree.length - 1 - index] = hashLeaf(tag, index, digest)
  for (let node = count - 2; node >= 0; node -= 1) {
    tree[node] = hashPair(tree[2 * node + 1] as Uint8Array, tree[2 * node + 2] as Uint8Array)
  }
  return tree
}

/** Root of an indexed tree; zero when empty. The count is signed beside the root wherever one appears. */
export function merkleRoot(tag: MerkleTag, digests: readonly Digest[]): Digest {
  const root = buildTree(tag, digests)[0]
  return root === undefined ? ZERO_DIGEST : bytesToHex(root)
}

/** Sibling path of leaf `index`, leaf first. Throws RangeError when there is no such leaf. */
export function merkleProof(tag: MerkleTag, digests: readonly Digest[], index: number): Digest[] {
  if (!Number.isInteger(index) || index < 0 || index >= digests.length) {
    throw new RangeError(`expected a leaf index below ${digests.length}, got ${index}`)
  }
  const tree = buildTree(tag, digests)
  const proof: Digest[] = []
  for (let node = tree.length - 1 - index; node > 0; node = (node - 1) >> 1) {
    proof.push(bytesToHex(tree[node % 2 === 0 ? node - 1 : node + 1] as Uint8Array))
  }
  return proof
}

/** Longest proof a tree of 2^32 leaves can need. */
export const MAX_PROOF_LENGTH = 33

/** Whether `proof` leads from `digest` at `index` to `root`; false, never a throw, for anything malformed. */
export function verifyMerkleProof(
  tag: MerkleTag,
  root: Digest,
  index: number,
  digest: Digest,
  proof: readonly Digest[],
): boolean {
  if (proof.length > MAX_PROOF_LENGTH || !Number.isSafeInteger(index) || index < 0) return false
  if (!isDigest(digest) || !proof.every(isDigest)) return false
  let node = hashLeaf(tag, index, digest)
  for (const sibling of proof) {
    const bytes = new Uint8Array(32)
    writeHex(sibling, bytes, 0)
    node = hashPair(node, bytes)
  }
  return bytesToHex(node) === root
}
