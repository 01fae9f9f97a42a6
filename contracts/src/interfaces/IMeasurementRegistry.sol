// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";

/// @title Which enclaves the network trusts, and under which policy (R4 to R6, R14)
/// @notice A measurement counts in whole epochs, from `from` on and before `revokedFrom`. Governance allows; guardian or
/// governance revokes, at the earliest with the epoch that runs, of which what has passed is revoked too. What an epoch
/// that is over trusted never changes, so a grant is always judged by the policy of the epoch it names. Times in epochs.
interface IMeasurementRegistry {
  /// @param from first epoch in which it counts
  /// @param revokedFrom first epoch in which it does not any more; 2^64 - 1: it was not revoked
  struct Allowance {
    uint64 from;
    uint64 revokedFrom;
  }

  /// @param root of the policy's tree; zero: there is no policy
  /// @param digest sha-256 of the policy document
  struct Policy {
    bytes32 root;
    bytes32 digest;
    uint64 from;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  error NotGovernance(address caller);
  /// @notice Thrown when the caller is neither the guardian nor the timelock
  error NotRevoker(address caller);
  /// @notice Thrown when the kind's code or the digest is zero
  error InvalidMeasurement(uint8 kind, bytes32 digest);
  /// @notice Thrown when a root or a digest is zero or the URI is longer than `MAX_URI_BYTES`
  error InvalidPolicy();
  /// @notice Thrown when the change would begin in an epoch that is over or runs, or too far ahead, or before one announced
  error WrongEpoch(uint64 from, uint64 earliest, uint64 latest);
  /// @notice Thrown when the measurement counts or is going to
  error AlreadyAllowed(uint8 kind, bytes32 digest);
  /// @notice Thrown when a revocation would not narrow anything
  error NothingToRevoke(uint8 kind, bytes32 digest);

  event MeasurementAllowed(uint8 indexed kind, bytes32 indexed digest, uint64 from);
  event MeasurementRevoked(uint8 indexed kind, bytes32 indexed digest, uint64 revokedFrom, address by);
  /// @param digest sha-256 of the document that `uri` leads to
  event PolicyPublished(uint64 indexed from, bytes32 indexed root, bytes32 indexed digest, string uri);

  /// @notice Lets a measurement count from epoch `from`, a coming one, on. A revoked one may be allowed again. Governance
  /// only.
  /// @param kind code of the evidence, as in `Evidence.kind`
  /// @param digest 32 bytes that identify the measurement for its kind
  function allow(uint8 kind, bytes32 digest, uint64 from) external;

  /// @notice Ends a measurement with epoch `from`, which runs or comes, and is before what was set. Guardian or governance.
  function revoke(uint8 kind, bytes32 digest, uint64 from) external;

  /// @notice Publishes the policy of epoch `from`, a coming one at most `MAX_AHEAD` away, and of those after it. One that
  /// was announced for the same epoch is replaced. Governance only.
  function publishPolicy(bytes32 root, uint64 from, bytes32 digest, string calldata uri) external;

  function isAllowed(uint8 kind, bytes32 digest, uint64 epoch) external view returns (bool);
  /// @notice The latest allowance; zeros when there never was one.
  function allowanceOf(uint8 kind, bytes32 digest) external view returns (Allowance memory);
  function allowanceCount(uint8 kind, bytes32 digest) external view returns (uint256);
  /// @notice All there were, the oldest first.
  function allowanceAt(uint8 kind, bytes32 digest, uint256 index) external view returns (Allowance memory);
  /// @notice Root of the policy of any epoch as known now; zero: none.
  function policyRootOf(uint64 epoch) external view returns (bytes32);
  function policyOf(uint64 epoch) external view returns (Policy memory);
  function stakeManager() external view returns (IStakeManager);
  function params() external view returns (IProtocolParams);
}
