// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The chain of an answer's chunks (protocol.md, Objects)
/// @notice `H(T, ...) = keccak256(abi.encode(keccak256(T), ...))`.
library Chunks {
  bytes32 internal constant FIRST = keccak256("OPG/chunk/0");
  bytes32 internal constant NEXT = keccak256("OPG/chunk/1");
  bytes32 internal constant DATA = keccak256("OPG/chunk/data/1");

  /// @notice `head(0)`: binds the chain to one job.
  function first(bytes32 jobId) internal pure returns (bytes32) {
    return keccak256(abi.encode(FIRST, jobId));
  }

  /// @notice `head(index)`; chunks count from 1, because `head(0)` covers none.
  function next(bytes32 head, uint256 index, bytes32 salt, bytes32 dataHash) internal pure returns (bytes32) {
    return keccak256(abi.encode(NEXT, head, index, keccak256(abi.encode(DATA, salt, dataHash))));
  }
}
