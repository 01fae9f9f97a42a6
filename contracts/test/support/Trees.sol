// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IndexedMerkle} from "../../src/libraries/IndexedMerkle.sol";

/// @notice Builds the trees that `IndexedMerkle` verifies: complete, in heap order, the first leaf last.
library Trees {
  function build(bytes32 tag, bytes32[] memory digests) internal pure returns (bytes32[] memory tree) {
    uint256 count = digests.length;
    tree = new bytes32[](2 * count - 1);
    for (uint256 index; index < count; ++index) {
      tree[tree.length - 1 - index] = IndexedMerkle.leaf(tag, index, digests[index]);
    }
    for (uint256 node = count - 1; node > 0; --node) {
      tree[node - 1] = pair(tree[2 * node - 1], tree[2 * node]);
    }
  }

  function proofOf(bytes32[] memory tree, uint256 index) internal pure returns (bytes32[] memory proof) {
    proof = new bytes32[](33);
    uint256 length;
    for (uint256 node = tree.length - 1 - index; node > 0; node = (node - 1) / 2) {
      proof[length++] = tree[node % 2 == 0 ? node - 1 : node + 1];
    }
    assembly ("memory-safe") {
      mstore(proof, length)
    }
  }

  function pair(bytes32 left, bytes32 right) internal pure returns (bytes32) {
    return left < right ? keccak256(abi.encode(left, right)) : keccak256(abi.encode(right, left));
  }
}
