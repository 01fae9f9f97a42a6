// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "../../src/interfaces/IStakeManager.sol";
import {Role} from "../../src/interfaces/Objects.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {Network} from "./Network.sol";

/// @notice Operators with owners of their own, and the slasher's side.
abstract contract Stakers is Network {
  address internal constant OWNER = address(0x0A11);
  address internal constant PAYOUT = address(0xFA17);
  address internal constant REPORTER = address(0x4E9);
  address internal constant VICTIM = address(0x71C);
  address internal constant STRANGER = address(0xBAD);
  address internal constant DEAD = address(0xdEaD);
  uint128 internal constant PROVIDER_STAKE = 10_000e18;

  function enrol(string memory name, uint256 index, address owner, address payout) internal returns (address operator) {
    uint256 privateKey = key(name, index);
    operator = vm.addr(privateKey);
    keys[operator] = privateKey;
    uint256 deadline = vm.getBlockTimestamp();
    bytes memory consent = consentOf(privateKey, owner, payout, deadline);
    vm.prank(owner);
    manager.register(operator, payout, deadline, consent);
  }

  /// @dev Gives `owner` the tokens first.
  function stakeFor(address owner, address operator, Role role, uint128 amount) internal {
    opg.transfer(owner, amount);
    vm.startPrank(owner);
    opg.approve(address(manager), amount);
    manager.stake(operator, role, amount);
    vm.stopPrank();
  }

  /// @dev A provider of `OWNER`, paid at `PAYOUT`, with a matured stake.
  function matured(uint128 amount) internal returns (address operator) {
    operator = enrol("operator", 0, OWNER, PAYOUT);
    stakeFor(OWNER, operator, Role.Provider, amount);
    passEpochs(2);
  }

  function unstake(address operator, Role role, uint128 amount) internal {
    address owner = manager.ownerOf(operator);
    vm.prank(owner);
    manager.requestUnstake(operator, role, amount);
  }

  function rotationOf(address from, address to, address owner, uint256 deadline) internal view returns (bytes memory) {
    bytes32 structHash = Digests.hashRotation(from, to, owner, deadline);
    return signature65(keys[to], Digests.toTyped(manager.domainSeparator(), structHash));
  }

  function keyed(string memory name, uint256 index) internal returns (address operator) {
    operator = vm.addr(key(name, index));
    keys[operator] = key(name, index);
  }

  function rotate(address from, string memory name, uint256 index) internal returns (address to) {
    to = keyed(name, index);
    address owner = manager.ownerOf(from);
    uint256 deadline = vm.getBlockTimestamp();
    bytes memory consent = rotationOf(from, to, owner, deadline);
    vm.prank(owner);
    manager.rotate(from, to, deadline, consent);
  }

  function keyOf(bytes32 caseId) internal view returns (bytes32) {
    return manager.caseKey(SLASHER, caseId);
  }

  function seize(bytes32 caseId, address operator, Role role, uint16 bps, address reporter) internal returns (uint256) {
    vm.prank(SLASHER);
    return manager.seize(caseId, operator, role, bps, reporter);
  }

  function hold(bytes32 caseId, address operator, Role role, uint16 bps) internal returns (uint256) {
    vm.prank(SLASHER);
    return manager.hold(caseId, operator, role, bps);
  }

  function release(bytes32 caseId) internal {
    bytes32 case_ = keyOf(caseId);
    vm.prank(SLASHER);
    manager.release(case_);
  }

  function giveBack(bytes32 caseId) internal {
    bytes32 case_ = keyOf(caseId);
    vm.prank(GUARDIAN);
    manager.returnSeizure(case_);
  }

  function executed(bytes32 caseId) internal returns (IStakeManager.Seizure memory) {
    vm.warp(vm.getBlockTimestamp() + SEIZURE_DELAY);
    manager.execute(keyOf(caseId));
    return manager.seizureOf(keyOf(caseId));
  }
}
