// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @title Trees whose leaves carry their index and the kind of tree (protocol.md, Merkle)
/// @notice Pairs are sorted, leaves are not. A leaf is hashed twice, so that no inner node can pose as one, and holds
/// its index, so that a receipt cannot be shown in another place. The count is signed beside the root: the caller
/// compares the index with it.
library IndexedMerkle {
  bytes32 internal constant RECEIPT = keccak256("OPG/leaf/receipt/1");
  bytes32 internal constant HEAD = keccak256("OPG/leaf/head/1");
  bytes32 internal constant TERMS = keccak256("OPG/leaf/terms/1");
  bytes32 internal constant MODEL = keccak256("OPG/leaf/model/1");
  bytes32 internal constant CHECKPOINT = keccak256("OPG/leaf/checkpoint/1");
  bytes32 internal constant VOTE = keccak256("OPG/leaf/vote/1");
  bytes32 internal constant CERTIFICATE = keccak256("OPG/leaf/certificate/1");
  bytes32 internal constant REASON = keccak256("OPG/leaf/reason/1");
  bytes32 internal constant REWARD = keccak256("OPG/leaf/reward/1");

  /// @notice Longest proof that a tree of 2^32 leaves can need.
  uint256 internal constant MAX_PROOF_LENGTH = 33;

  function leaf(bytes32 tag, uint256 index, bytes32 digest) internal pure returns (bytes32) {
    return keccak256(abi.encode(keccak256(abi.encode(tag, index, digest))));
  }

  function verify(bytes32 tag, bytes32 root, uint256 index, bytes32 digest, bytes32[] calldata proof)
    internal
    pure
    returns (bool)
  {
    if (proof.length > MAX_PROOF_LENGTH) return false;
    return MerkleProof.verifyCalldata(proof, root, leaf(tag, index, digest));
  }
}
