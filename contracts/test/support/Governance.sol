// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CombinedVotes} from "../../src/CombinedVotes.sol";
import {OPG} from "../../src/OPG.sol";
import {OPGGovernor} from "../../src/OPGGovernor.sol";
import {ProtocolParams} from "../../src/ProtocolParams.sol";
import {StakeManager} from "../../src/StakeManager.sol";
import {Timelock} from "../../src/Timelock.sol";
import {Treasury} from "../../src/Treasury.sol";
import {IProtocolParams} from "../../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../../src/interfaces/IStakeManager.sol";
import {Role} from "../../src/interfaces/Objects.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {Test} from "./Test.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

/// @notice Governance as on Base, with its periods, over the real token and the real stakes. This contract holds the supply.
abstract contract Governance is Test {
  uint64 internal constant EPOCH = 1 days;
  uint64 internal constant UNBONDING = 14 days;
  uint64 internal constant SLASHER_DELAY = 15 days;
  uint64 internal constant CHANGE_DELAY = 7 days;
  uint256 internal constant TIMELOCK_DELAY = 2 days;
  uint48 internal constant VOTING_DELAY = 1 days;
  uint32 internal constant VOTING_PERIOD = 5 days;
  uint48 internal constant LATE_EXTENSION = 1 days;
  uint256 internal constant THRESHOLD = 1_000_000e18;
  uint256 internal constant QUORUM = 10_000_000e18;
  address internal constant GUARDIAN = address(0x60A);
  address internal constant GENESIS_SLASHER = address(0x51A);
  address internal constant ALICE = address(0xA11CE);
  address internal constant BOB = address(0xB0B);

  OPG internal opg;
  Timelock internal timelock;
  Treasury internal treasury;
  ProtocolParams internal params;
  StakeManager internal manager;
  CombinedVotes internal votes;
  OPGGovernor internal governor;

  function deploy() internal {
    vm.roll(100);
    vm.warp(1_800_000_000);
    uint256 nonce = vm.getNonce(address(this));
    opg = new OPG(address(this));
    timelock = new Timelock(TIMELOCK_DELAY, vm.computeCreateAddress(address(this), nonce + 6));
    treasury = new Treasury(address(timelock));
    params = new ProtocolParams(parameters());
    manager = new StakeManager(stakes());
    votes = new CombinedVotes(IERC5805(address(opg)), IERC5805(address(manager)));
    governor = new OPGGovernor(votes, timelock, params, settings());
    equal(vm.computeCreateAddress(address(this), nonce + 6), address(governor), "predicted governor");
  }

  function parameters() internal view returns (IProtocolParams.Setup memory setup) {
    setup.governance = address(timelock);
    setup.treasury = address(treasury);
    setup.guardian = GUARDIAN;
    setup.guardianEnd = uint64(vm.getBlockTimestamp()) + 730 days;
    setup.changeDelay = CHANGE_DELAY;
  }

  function stakes() internal view returns (IStakeManager.Setup memory setup) {
    setup.token = opg;
    setup.params = params;
    setup.governance = address(timelock);
    setup.epochLength = EPOCH;
    setup.unbondingPeriod = UNBONDING;
    setup.seizureDelay = 3 days;
    setup.reporterDelay = 7 days;
    setup.potPeriod = 30 days;
    setup.holdPeriod = 10 days;
    setup.slasherDelay = SLASHER_DELAY;
    setup.slashers = new address[](1);
    setup.slashers[0] = GENESIS_SLASHER;
  }

  function settings() internal pure returns (OPGGovernor.Settings memory) {
    return OPGGovernor.Settings({
      votingDelay: VOTING_DELAY,
      votingPeriod: VOTING_PERIOD,
      proposalThreshold: THRESHOLD,
      quorum: QUORUM,
      lateQuorumExtension: LATE_EXTENSION
    });
  }

  function pass(uint256 duration) internal {
    vm.warp(vm.getBlockTimestamp() + duration);
    vm.roll(100 + vm.getBlockTimestamp() / 2);
  }

  /// @dev Tokens that vote: held by `account` and delegated to itself.
  function endow(address account, uint256 amount) internal {
    opg.transfer(account, amount);
    vm.prank(account);
    opg.delegate(account);
    pass(1);
  }

  /// @dev `owner` stakes `amount` for an operator of its own.
  function stakeFor(address owner, uint256 index, Role role, uint128 amount) internal returns (address operator) {
    uint256 privateKey = key("operator", index);
    operator = vm.addr(privateKey);
    uint256 deadline = vm.getBlockTimestamp() + 60;
    bytes32 structHash = Digests.hashRegistration(operator, owner, owner, deadline);
    bytes memory consent = signature65(privateKey, Digests.toTyped(manager.domainSeparator(), structHash));
    opg.transfer(owner, amount);
    vm.startPrank(owner);
    manager.register(operator, owner, deadline, consent);
    opg.approve(address(manager), amount);
    manager.stake(operator, role, amount);
    vm.stopPrank();
  }

  struct Plan {
    address[] targets;
    uint256[] values;
    bytes[] calldatas;
    string description;
  }

  function single(address target, bytes memory data, string memory description)
    internal
    pure
    returns (Plan memory plan)
  {
    plan.targets = new address[](1);
    plan.values = new uint256[](1);
    plan.calldatas = new bytes[](1);
    (plan.targets[0], plan.calldatas[0], plan.description) = (target, data, description);
  }

  function double(Plan memory first, Plan memory second) internal pure returns (Plan memory plan) {
    plan.targets = new address[](2);
    plan.values = new uint256[](2);
    plan.calldatas = new bytes[](2);
    (plan.targets[0], plan.targets[1]) = (first.targets[0], second.targets[0]);
    (plan.calldatas[0], plan.calldatas[1]) = (first.calldatas[0], second.calldatas[0]);
    plan.description = string.concat(first.description, second.description);
  }

  function hashOf(Plan memory plan) internal pure returns (bytes32) {
    return keccak256(bytes(plan.description));
  }

  function proposeBy(address proposer, Plan memory plan) internal returns (uint256 id) {
    vm.prank(proposer);
    id = governor.propose(plan.targets, plan.values, plan.calldatas, plan.description);
  }

  function castBy(address voter, uint256 id, uint8 support) internal {
    vm.prank(voter);
    governor.castVote(id, support);
  }

  function queue(Plan memory plan) internal {
    governor.queue(plan.targets, plan.values, plan.calldatas, hashOf(plan));
  }

  function execute(Plan memory plan) internal {
    governor.execute(plan.targets, plan.values, plan.calldatas, hashOf(plan));
  }

  function cancelBy(address caller, Plan memory plan) internal {
    vm.prank(caller);
    governor.cancel(plan.targets, plan.values, plan.calldatas, hashOf(plan));
  }

  /// @dev Proposed and voted for by `proposer`, up to the end of the vote.
  function carry(address proposer, Plan memory plan) internal returns (uint256 id) {
    id = proposeBy(proposer, plan);
    pass(VOTING_DELAY + 1);
    castBy(proposer, id, 1);
    pass(VOTING_PERIOD);
  }

  /// @dev The whole way to the execution.
  function enact(address proposer, Plan memory plan) internal returns (uint256 id) {
    id = carry(proposer, plan);
    queue(plan);
    pass(TIMELOCK_DELAY);
    execute(plan);
  }

  function stateIs(uint256 id, IGovernor.ProposalState expected, string memory what) internal view {
    equal(uint256(governor.state(id)), uint256(expected), what);
  }
}
