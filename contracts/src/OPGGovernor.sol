// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams} from "./interfaces/IProtocolParams.sol";
import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title Votes of tokens held and staked decide what the timelock does
/// @notice OpenZeppelin's Governor with an absolute quorum. Its settings stay within bounds that are code, so that no
/// vote can make the next one impossible or unnoticed. The guardian may cancel any proposal but one that only names
/// another guardian or none. Times in seconds, votes in wei of OPG.
contract OPGGovernor is
  Governor,
  GovernorSettings,
  GovernorCountingSimple,
  GovernorVotes,
  GovernorTimelockControl,
  GovernorPreventLateQuorum
{
  using Checkpoints for Checkpoints.Trace208;
  using SafeCast for uint256;

  /// @param lateQuorumExtension voting goes on for at least this long after the quorum is reached; at most a voting period
  struct Settings {
    uint48 votingDelay;
    uint32 votingPeriod;
    uint256 proposalThreshold;
    uint256 quorum;
    uint48 lateQuorumExtension;
  }

  /// @notice Thrown when a setting would leave its bounds
  error SettingOutOfBounds(uint256 value, uint256 least, uint256 most);
  /// @notice Thrown when the timelock would be exchanged: the contracts know this one
  error TimelockIsFixed();

  event QuorumSet(uint256 oldQuorum, uint256 newQuorum);

  uint256 public constant MIN_QUORUM = 1_000_000e18;
  /// @notice A twentieth of the supply: more might never come together again.
  uint256 public constant MAX_QUORUM = 50_000_000e18;
  uint256 public constant MAX_PROPOSAL_THRESHOLD = 5_000_000e18;
  /// @notice Delay and period can go down to a half and up to four times what they began with.
  uint256 public constant SHRINK = 2;
  uint256 public constant GROW = 4;

  IProtocolParams public immutable params;
  uint48 private immutable _genesisDelay;
  uint32 private immutable _genesisPeriod;

  Checkpoints.Trace208 private _quorums;
  mapping(uint256 proposalId => bool) private _changesGuardianOnly;

  /// @param votes_ what counts
  /// @param params_ names the guardian
  constructor(IVotes votes_, TimelockController timelock_, IProtocolParams params_, Settings memory settings)
    Governor("OPG Governor")
    GovernorSettings(settings.votingDelay, settings.votingPeriod, settings.proposalThreshold)
    GovernorVotes(votes_)
    GovernorTimelockControl(timelock_)
    GovernorPreventLateQuorum(settings.lateQuorumExtension)
  {
    require(settings.votingDelay != 0, SettingOutOfBounds(0, 1, type(uint48).max));
    params = params_;
    _genesisDelay = settings.votingDelay;
    _genesisPeriod = settings.votingPeriod;
    _setQuorum(settings.quorum);
  }

  /// @notice Votes for and abstaining that a proposal needs whose voting has not begun. Governance only.
  function setQuorum(uint256 newQuorum) external onlyGovernance {
    _setQuorum(newQuorum);
  }

  /// @notice Never: the network's contracts answer to the timelock they were made with.
  function updateTimelock(TimelockController) public pure override {
    revert TimelockIsFixed();
  }

  /// @notice As it was at `timepoint`: a vote that runs keeps its quorum.
  function quorum(uint256 timepoint) public view override returns (uint256) {
    return _quorums.upperLookupRecent(timepoint.toUint48());
  }

  function state(uint256 proposalId) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
    return super.state(proposalId);
  }

  function proposalNeedsQueuing(uint256 proposalId)
    public
    view
    override(Governor, GovernorTimelockControl)
    returns (bool)
  {
    return super.proposalNeedsQueuing(proposalId);
  }

  function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
    return super.proposalThreshold();
  }

  function proposalDeadline(uint256 proposalId)
    public
    view
    override(Governor, GovernorPreventLateQuorum)
    returns (uint256)
  {
    return super.proposalDeadline(proposalId);
  }

  /// @dev While the contract is constructed the bounds are not there yet.
  function _setVotingDelay(uint48 newVotingDelay) internal override {
    if (_genesisDelay != 0) _requireWithin(newVotingDelay, _leastOf(_genesisDelay), _genesisDelay * GROW);
    super._setVotingDelay(newVotingDelay);
  }

  function _setVotingPeriod(uint32 newVotingPeriod) internal override {
    if (_genesisPeriod != 0) _requireWithin(newVotingPeriod, _leastOf(_genesisPeriod), _genesisPeriod * GROW);
    super._setVotingPeriod(newVotingPeriod);
  }

  function _setProposalThreshold(uint256 newProposalThreshold) internal override {
    _requireWithin(newProposalThreshold, 0, MAX_PROPOSAL_THRESHOLD);
    super._setProposalThreshold(newProposalThreshold);
  }

  function _propose(
    address[] memory targets,
    uint256[] memory values,
    bytes[] memory calldatas,
    string memory description,
    address proposer
  ) internal override returns (uint256 proposalId) {
    proposalId = super._propose(targets, values, calldatas, description, proposer);
    _changesGuardianOnly[proposalId] = targets.length == 1 && targets[0] == address(params)
      && bytes4(calldatas[0]) == IProtocolParams.setGuardian.selector;
  }

  /// @dev A proposer its own while it is pending, the guardian any until it is executed, but not its own replacement.
  function _validateCancel(uint256 proposalId, address caller) internal view override returns (bool) {
    bool isGuardian = caller != address(0) && caller == params.guardian();
    return (isGuardian && !_changesGuardianOnly[proposalId]) || super._validateCancel(proposalId, caller);
  }

  function _queueOperations(
    uint256 proposalId,
    address[] memory targets,
    uint256[] memory values,
    bytes[] memory calldatas,
    bytes32 descriptionHash
  ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
    return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
  }

  function _executeOperations(
    uint256 proposalId,
    address[] memory targets,
    uint256[] memory values,
    bytes[] memory calldatas,
    bytes32 descriptionHash
  ) internal override(Governor, GovernorTimelockControl) {
    super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
  }

  function _cancel(address[] memory targets, uint256[] memory values, bytes[] memory calldatas, bytes32 descriptionHash)
    internal
    override(Governor, GovernorTimelockControl)
    returns (uint256)
  {
    return super._cancel(targets, values, calldatas, descriptionHash);
  }

  function _tallyUpdated(uint256 proposalId) internal override(Governor, GovernorPreventLateQuorum) {
    super._tallyUpdated(proposalId);
  }

  function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
    return super._executor();
  }

  function _setQuorum(uint256 newQuorum) private {
    _requireWithin(newQuorum, MIN_QUORUM, MAX_QUORUM);
    (uint256 oldQuorum,) = _quorums.push(clock(), newQuorum.toUint208());
    emit QuorumSet(oldQuorum, newQuorum);
  }

  /// @dev Rounded up, never zero.
  function _leastOf(uint256 genesis) private pure returns (uint256) {
    return Math.ceilDiv(genesis, SHRINK);
  }

  function _requireWithin(uint256 value, uint256 least, uint256 most) private pure {
    require(value >= least && value <= most, SettingOutOfBounds(value, least, most));
  }
}
