// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMeasurementRegistry} from "./interfaces/IMeasurementRegistry.sol";
import {IProtocolParams} from "./interfaces/IProtocolParams.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

contract MeasurementRegistry is IMeasurementRegistry {
  using Checkpoints for Checkpoints.Trace256;

  /// @notice How many epochs ahead a change may be announced: a mistake is never locked in for longer.
  uint64 public constant MAX_AHEAD = 32;
  uint256 public constant MAX_URI_BYTES = 256;
  uint64 private constant NOT_REVOKED = type(uint64).max;

  IStakeManager public immutable stakeManager;
  IProtocolParams public immutable params;

  mapping(uint8 kind => mapping(bytes32 digest => Allowance[])) private _allowances;
  /// @dev Epoch from which a policy is in effect, twice: as key and as value. No policy begins with epoch 0.
  Checkpoints.Trace256 private _starts;
  mapping(uint256 from => Policy) private _policies;

  constructor(IStakeManager stakeManager_, IProtocolParams params_) {
    require(address(stakeManager_) != address(0) && address(params_) != address(0), InvalidParameters());
    stakeManager = stakeManager_;
    params = params_;
  }

  modifier onlyGovernance() {
    require(msg.sender == params.governance(), NotGovernance(msg.sender));
    _;
  }

  /// @inheritdoc IMeasurementRegistry
  function allow(uint8 kind, bytes32 digest, uint64 from) external onlyGovernance {
    require(kind != 0 && digest != 0, InvalidMeasurement(kind, digest));
    uint64 current = stakeManager.currentEpoch();
    require(from > current && from <= current + MAX_AHEAD, WrongEpoch(from, current + 1, current + MAX_AHEAD));
    Allowance[] storage list = _allowances[kind][digest];
    if (list.length != 0) {
      require(list[list.length - 1].revokedFrom <= from, AlreadyAllowed(kind, digest));
    }
    list.push(Allowance(from, NOT_REVOKED));
    emit MeasurementAllowed(kind, digest, from);
  }

  /// @inheritdoc IMeasurementRegistry
  function revoke(uint8 kind, bytes32 digest, uint64 from) external {
    require(msg.sender == params.guardian() || msg.sender == params.governance(), NotRevoker(msg.sender));
    uint64 current = stakeManager.currentEpoch();
    require(from >= current && from < NOT_REVOKED, WrongEpoch(from, current, NOT_REVOKED - 1));
    Allowance[] storage list = _allowances[kind][digest];
    uint256 left = list.length;
    require(left != 0 && from < list[left - 1].revokedFrom, NothingToRevoke(kind, digest));
    // One that was announced may stand behind one that still counts: both end.
    for (; left != 0 && from < list[left - 1].revokedFrom; --left) {
      list[left - 1].revokedFrom = from;
    }
    emit MeasurementRevoked(kind, digest, from, msg.sender);
  }

  /// @inheritdoc IMeasurementRegistry
  function publishPolicy(bytes32 root, uint64 from, bytes32 digest, string calldata uri) external onlyGovernance {
    require(root != 0 && digest != 0 && bytes(uri).length <= MAX_URI_BYTES, InvalidPolicy());
    uint64 current = stakeManager.currentEpoch();
    uint64 earliest = uint64(Math.max(_starts.latest(), current + 1));
    require(from >= earliest && from <= current + MAX_AHEAD, WrongEpoch(from, earliest, current + MAX_AHEAD));
    _starts.push(from, from);
    _policies[from] = Policy(root, digest, from);
    emit PolicyPublished(from, root, digest, uri);
  }

  /// @inheritdoc IMeasurementRegistry
  /// @dev Of those that had begun the latest decides; one before it had ended. Governance alone makes the list longer.
  function isAllowed(uint8 kind, bytes32 digest, uint64 epoch) external view returns (bool) {
    Allowance[] storage list = _allowances[kind][digest];
    for (uint256 index = list.length; index != 0; --index) {
      Allowance memory allowance = list[index - 1];
      if (allowance.from <= epoch) return epoch < allowance.revokedFrom;
    }
    return false;
  }

  /// @inheritdoc IMeasurementRegistry
  function allowanceOf(uint8 kind, bytes32 digest) external view returns (Allowance memory latest) {
    Allowance[] storage list = _allowances[kind][digest];
    if (list.length != 0) latest = list[list.length - 1];
  }

  /// @inheritdoc IMeasurementRegistry
  function allowanceCount(uint8 kind, bytes32 digest) external view returns (uint256) {
    return _allowances[kind][digest].length;
  }

  /// @inheritdoc IMeasurementRegistry
  function allowanceAt(uint8 kind, bytes32 digest, uint256 index) external view returns (Allowance memory) {
    return _allowances[kind][digest][index];
  }

  /// @inheritdoc IMeasurementRegistry
  function policyRootOf(uint64 epoch) external view returns (bytes32) {
    return _policies[_starts.upperLookupRecent(epoch)].root;
  }

  /// @inheritdoc IMeasurementRegistry
  function policyOf(uint64 epoch) external view returns (Policy memory) {
    return _policies[_starts.upperLookupRecent(epoch)];
  }
}
