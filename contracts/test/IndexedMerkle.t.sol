// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IndexedMerkle} from "../src/libraries/IndexedMerkle.sol";
import {Harness} from "./Harness.sol";
import {Test} from "./support/Test.sol";
import {Trees} from "./support/Trees.sol";

contract IndexedMerkleTest is Test {
  Harness private harness = new Harness();
  bytes32 private constant TAG = IndexedMerkle.RECEIPT;

  function digests(uint256 count) private pure returns (bytes32[] memory list) {
    list = new bytes32[](count);
    for (uint256 index; index < count; ++index) {
      list[index] = keccak256(abi.encode("digest", index));
    }
  }

  function testFuzz_provesEveryLeafInItsPlaceAlone(uint256 count, uint256 index, uint256 other) public view {
    count = bound(count, 2, 64);
    index = bound(index, 0, count - 1);
    other = (index + bound(other, 1, count - 1)) % count;
    bytes32[] memory list = digests(count);
    bytes32[] memory tree = Trees.build(TAG, list);
    bytes32[] memory proof = Trees.proofOf(tree, index);
    isTrue(harness.merkleVerify(TAG, tree[0], index, list[index], proof), "in its place");
    isTrue(!harness.merkleVerify(TAG, tree[0], other, list[index], proof), "in another place");
    isTrue(!harness.merkleVerify(TAG, tree[0], index, list[other], proof), "another digest");
    isTrue(!harness.merkleVerify(IndexedMerkle.CHECKPOINT, tree[0], index, list[index], proof), "another kind of tree");
    isTrue(!harness.merkleVerify(TAG, keccak256("root"), index, list[index], proof), "another root");
    proof[bound(other, 0, proof.length - 1)] ^= bytes32(uint256(1));
    isTrue(!harness.merkleVerify(TAG, tree[0], index, list[index], proof), "a broken proof");
  }

  function test_aTreeOfOneIsItsLeaf() public view {
    bytes32[] memory list = digests(1);
    bytes32 root = IndexedMerkle.leaf(TAG, 0, list[0]);
    isTrue(harness.merkleVerify(TAG, root, 0, list[0], new bytes32[](0)), "no siblings");
    isTrue(!harness.merkleVerify(TAG, root, 1, list[0], new bytes32[](0)), "no second leaf");
  }

  function testFuzz_audit15_aLeafIsHashedTwiceWithItsKindAndIndex(bytes32 tag, uint256 index, bytes32 digest)
    public
    view
  {
    bytes32 once = keccak256(abi.encode(tag, index, digest));
    equal(harness.merkleLeaf(tag, index, digest), keccak256(bytes.concat(once)), "twice");
  }

  /// @dev Complete trees have no odd node: nothing is paired with itself or with zero.
  function test_audit15_anOddNodeIsNeverPairedWithItself() public view {
    bytes32[] memory list = digests(3);
    bytes32[] memory tree = Trees.build(TAG, list);
    bytes32[] memory proof = new bytes32[](2);
    for (uint256 index; index < 3; ++index) {
      bytes32 leaf = harness.merkleLeaf(TAG, index, list[index]);
      for (uint256 node; node < tree.length; ++node) {
        (proof[0], proof[1]) = (leaf, tree[node]);
        isTrue(!harness.merkleVerify(TAG, tree[0], index, list[index], proof), "paired with itself");
        proof[0] = 0;
        isTrue(!harness.merkleVerify(TAG, tree[0], index, list[index], proof), "paired with zero");
      }
    }
    // A fourth leaf, the third once more, as trees that double the odd one take.
    isTrue(!harness.merkleVerify(TAG, tree[0], 3, list[2], Trees.proofOf(tree, 2)), "a doubled leaf");
  }

  /// @dev The 64-byte attack: an inner node is the hash of 64 bytes; offered as a leaf it must not verify.
  function test_audit15_anInnerNodeCannotPoseAsALeaf() public view {
    bytes32[] memory tree = Trees.build(TAG, digests(4));
    bytes32[] memory proof = new bytes32[](1);
    proof[0] = tree[2];
    equal(Trees.pair(tree[1], proof[0]), tree[0], "the raw node would hash to the root");
    for (uint256 index; index < 4; ++index) {
      isTrue(!harness.merkleVerify(TAG, tree[0], index, tree[1], proof), "the node");
      isTrue(!harness.merkleVerify(TAG, tree[0], index, tree[3], proof), "its left half");
      isTrue(!harness.merkleVerify(TAG, tree[0], index, tree[4], proof), "its right half");
    }
    isTrue(!harness.merkleVerify(TAG, tree[0], 0, tree[0], new bytes32[](0)), "the root itself");
  }

  function test_theEmptyRootProvesNothing() public view {
    isTrue(!harness.merkleVerify(TAG, 0, 0, 0, new bytes32[](0)), "empty");
  }

  function test_refusesProofsLongerThanAnyTree() public view {
    bytes32[] memory list = digests(1);
    bytes32[] memory proof = new bytes32[](34);
    bytes32 root = IndexedMerkle.leaf(TAG, 0, list[0]);
    for (uint256 level; level < 33; ++level) {
      proof[level] = keccak256(abi.encode("sibling", level));
      root = Trees.pair(root, proof[level]);
    }
    bytes32[] memory longest = new bytes32[](33);
    for (uint256 level; level < 33; ++level) {
      longest[level] = proof[level];
    }
    isTrue(harness.merkleVerify(TAG, root, 0, list[0], longest), "33");
    isTrue(!harness.merkleVerify(TAG, Trees.pair(root, 0), 0, list[0], proof), "34");
  }
}
