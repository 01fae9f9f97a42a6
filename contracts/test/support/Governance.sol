// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchAnchor} from "../../src/BatchAnchor.sol";
import {CombinedVotes} from "../../src/CombinedVotes.sol";
import {Committee} from "../../src/Committee.sol";
import {EmissionReserve} from "../../src/EmissionReserve.sol";
import {Evidence} from "../../src/Evidence.sol";
import {OPG} from "../../src/OPG.sol";
import {OPGGovernor} from "../../src/OPGGovernor.sol";
import {ProtocolParams} from "../../src/ProtocolParams.sol";
import {RewardDistributor} from "../../src/RewardDistributor.sol";
import {StakeManager} from "../../src/StakeManager.sol";
import {Timelock} from "../../src/Timelock.sol";
import {Treasury} from "../../src/Treasury.sol";
import {IProtocolParams, Module, Param} from "../../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../../src/interfaces/IStakeManager.sol";
import {Role} from "../../src/interfaces/Objects.sol";
import {Harness} from "../Harness.sol";
import {Network} from "./Network.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice A network governed as a public one: its real contracts, periods and thresholds.
abstract contract Governance is Network {
  struct Proposal {
    address[] targets;
    uint256[] values;
    bytes[] payloads;
    string description;
    uint256 id;
  }

  uint48 internal constant VOTING_DELAY = 1 days;
  uint32 internal constant VOTING_PERIOD = 5 days;
  uint48 internal constant LATE_QUORUM = 1 days;
  uint64 internal constant TIMELOCK_DELAY = 2 days;
  uint64 internal constant PARAM_DELAY = 7 days;
  uint64 internal constant STAKE_EPOCH = 1 days;
  uint64 internal constant LEAVING = 14 days;
  uint64 internal constant ANNOUNCING = 15 days;
  uint64 internal constant SEIZING = 3 days;
  uint256 internal constant THRESHOLD = 1_000_000e18;
  uint256 internal constant QUORUM = 10_000_000e18;

  uint8 internal constant AGAINST = 0;
  uint8 internal constant FOR = 1;
  uint8 internal constant ABSTAIN = 2;

  /// @dev Exactly the threshold.
  address internal constant PROPOSER = address(0xA1);
  /// @dev Twice the quorum.
  address internal constant WHALE = address(0xA2);
  /// @dev A little more than the whale.
  address internal constant RIVAL = address(0xA3);
  address internal constant STRANGER = address(0xA4);

  Timelock internal timelock;
  Treasury internal treasury;
  CombinedVotes internal votes;
  OPGGovernor internal governor;
  Evidence internal evidence;
  EmissionReserve internal reserve;
  RewardDistributor internal distributor;

  function settings() internal pure returns (OPGGovernor.Settings memory) {
    return OPGGovernor.Settings({
      votingDelay: VOTING_DELAY,
      votingPeriod: VOTING_PERIOD,
      proposalThreshold: THRESHOLD,
      quorum: QUORUM,
      lateQuorumExtension: LATE_QUORUM
    });
  }

  function deployGovernance() internal {
    vm.roll(100);
    vm.warp(1_800_000_000);
    uint256 nonce = vm.getNonce(address(this));
    opg = new OPG(address(this));
    timelock = new Timelock(TIMELOCK_DELAY, vm.computeCreateAddress(address(this), nonce + 6));
    treasury = new Treasury(address(timelock));
    params = new ProtocolParams(pointersFrom(nonce));
    manager = new StakeManager(custody(vm.computeCreateAddress(address(this), nonce + 9)));
    votes = new CombinedVotes(opg, manager);
    governor = new OPGGovernor(votes, timelock, params, settings());
    committee = new Committee(manager, 4);
    batches = new BatchAnchor(committee, params);
    evidence = new Evidence(manager, params, batches);
    reserve = new EmissionReserve(opg, params, uint64(time()), 252_460_800);
    distributor = new RewardDistributor(opg, manager, committee, params, reserve, 3 days);
    harness = new Harness();
    opg.transfer(address(reserve), 100_000_000e18);
    holds(PROPOSER, THRESHOLD);
    holds(WHALE, 2 * QUORUM);
    holds(RIVAL, 2 * QUORUM + 1);
    passTime(1);
  }

  function pointersFrom(uint256 nonce) private view returns (IProtocolParams.Setup memory setup) {
    setup.governance = address(timelock);
    setup.treasury = address(treasury);
    setup.guardian = GUARDIAN;
    setup.guardianEnd = uint64(time()) + GUARDIAN_PERIOD;
    setup.changeDelay = PARAM_DELAY;
    setup.modules = new Module[](4);
    setup.targets = new address[](4);
    (setup.modules[0], setup.modules[1]) = (Module.Committee, Module.BatchAnchor);
    (setup.modules[2], setup.modules[3]) = (Module.Evidence, Module.RewardDistributor);
    for (uint256 index; index < 3; ++index) {
      setup.targets[index] = vm.computeCreateAddress(address(this), nonce + 7 + index);
    }
    setup.targets[3] = vm.computeCreateAddress(address(this), nonce + 11);
  }

  function custody(address firstSlasher) private view returns (IStakeManager.Setup memory setup) {
    setup.token = opg;
    setup.params = params;
    setup.governance = address(timelock);
    (setup.epochLength, setup.unbondingPeriod, setup.slasherDelay) = (STAKE_EPOCH, LEAVING, ANNOUNCING);
    (setup.seizureDelay, setup.reporterDelay) = (SEIZING, 7 days);
    (setup.potPeriod, setup.holdPeriod) = (30 days, 10 days);
    setup.slashers = new address[](2);
    (setup.slashers[0], setup.slashers[1]) = (firstSlasher, SLASHER);
  }

  function time() internal view returns (uint256) {
    return vm.getBlockTimestamp();
  }

  function passTime(uint256 seconds_) internal {
    vm.warp(time() + seconds_);
  }

  /// @dev Tokens with their votes.
  function holds(address account, uint256 amount) internal {
    opg.transfer(account, amount);
    vm.prank(account);
    opg.delegate(account);
  }

  /// @dev An operator of `owner`, who already has the tokens.
  function stakedBy(address owner, string memory name, uint256 index, Role role, uint128 amount)
    internal
    returns (address operator)
  {
    uint256 privateKey = key(name, index);
    operator = vm.addr(privateKey);
    keys[operator] = privateKey;
    bytes memory consent = consentOf(privateKey, owner, owner, time());
    vm.startPrank(owner);
    opg.approve(address(manager), type(uint256).max);
    manager.register(operator, owner, time(), consent);
    manager.stake(operator, role, amount);
    vm.stopPrank();
  }

  function proposalOf(address target, bytes memory payload, string memory description)
    internal
    view
    returns (Proposal memory p)
  {
    p.targets = new address[](1);
    p.values = new uint256[](1);
    p.payloads = new bytes[](1);
    (p.targets[0], p.payloads[0], p.description) = (target, payload, description);
    identify(p);
  }

  function proposalOf(address[2] memory targets, bytes[2] memory payloads, string memory description)
    internal
    view
    returns (Proposal memory p)
  {
    p.targets = new address[](2);
    p.values = new uint256[](2);
    p.payloads = new bytes[](2);
    p.description = description;
    for (uint256 index; index < 2; ++index) {
      (p.targets[index], p.payloads[index]) = (targets[index], payloads[index]);
    }
    identify(p);
  }

  function identify(Proposal memory p) private view {
    p.id = governor.getProposalId(p.targets, p.values, p.payloads, hashed(p));
  }

  /// @dev A change that does no harm.
  function someProposal(string memory description) internal view returns (Proposal memory) {
    return proposalOf(address(params), abi.encodeCall(params.setParam, (Param.NetworkShare, 1500)), description);
  }

  function hashed(Proposal memory p) internal pure returns (bytes32) {
    return keccak256(bytes(p.description));
  }

  function propose(Proposal memory p) internal returns (uint256) {
    return proposeAs(PROPOSER, p);
  }

  function proposeAs(address proposer, Proposal memory p) internal returns (uint256) {
    vm.prank(proposer);
    return governor.propose(p.targets, p.values, p.payloads, p.description);
  }

  function voteAs(address voter, Proposal memory p, uint8 support) internal returns (uint256) {
    vm.prank(voter);
    return governor.castVote(p.id, support);
  }

  /// @dev To the first second in which votes are taken.
  function openVote(Proposal memory p) internal {
    vm.warp(governor.proposalSnapshot(p.id) + 1);
  }

  /// @dev To the first second in which no vote is taken any more.
  function closeVote(Proposal memory p) internal {
    vm.warp(governor.proposalDeadline(p.id) + 1);
  }

  function queue(Proposal memory p) internal {
    governor.queue(p.targets, p.values, p.payloads, hashed(p));
  }

  function execute(Proposal memory p) internal {
    governor.execute(p.targets, p.values, p.payloads, hashed(p));
  }

  function cancelAs(address caller, Proposal memory p) internal {
    vm.prank(caller);
    governor.cancel(p.targets, p.values, p.payloads, hashed(p));
  }

  function cancelRefused(address caller, Proposal memory p) internal {
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, p.id, caller));
    cancelAs(caller, p);
  }

  /// @dev Proposed, and decided by the whale alone.
  function adopt(Proposal memory p) internal {
    propose(p);
    openVote(p);
    voteAs(WHALE, p, FOR);
    closeVote(p);
  }

  /// @dev Everything up to the second in which it may be executed.
  function ripen(Proposal memory p) internal {
    adopt(p);
    queue(p);
    vm.warp(governor.proposalEta(p.id));
  }

  function enact(Proposal memory p) internal {
    ripen(p);
    execute(p);
  }

  function stateOf(Proposal memory p) internal view returns (uint256) {
    return uint256(governor.state(p.id));
  }

  function isState(Proposal memory p, IGovernor.ProposalState expected, string memory what) internal view {
    equal(stateOf(p), uint256(expected), what);
  }

  /// @dev What a governor's call answers that comes while the proposal is in another state than it needs.
  function inState(Proposal memory p, IGovernor.ProposalState now_, IGovernor.ProposalState needed)
    internal
    pure
    returns (bytes memory)
  {
    return abi.encodeWithSelector(
      IGovernor.GovernorUnexpectedProposalState.selector, p.id, now_, bytes32(1 << uint8(needed))
    );
  }
}
