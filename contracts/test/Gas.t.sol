// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Batch, Role} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Network} from "./support/Network.sol";

/// @notice Gas of whole transactions, kept in snapshots/. Run with `--isolate`, so that each call is one.
contract GasTest is Network {
  function setUp() public {
    deploy();
  }

  function record(string memory name) private {
    vm.snapshotGasLastCall("gas", name);
  }

  function batch(address settler) private view returns (Batch memory b) {
    b.number = batches.lastNumber() + 1;
    b.previous = batches.digestOf(b.number - 1);
    b.epoch = manager.currentEpoch();
    b.settler = settler;
    b.checkpointsRoot = keccak256("checkpoints");
    b.leaves = 64;
    b.votesRoot = keccak256("votes");
    b.auditsRoot = keccak256("audits");
    b.auditOf = 0x0123456789ABCDEF;
    b.jobs = 0x12345678;
    b.rejected = 0x12345678;
    b.acceptedFee = 0x0123456789ABCDEF0123456789ABCDEF;
    b.mac = 0x0123456789ABCDEF0123456789ABCDEF;
    b.data = keccak256("leaves");
    b.cutoff = uint64(vm.getBlockTimestamp() * 1000);
  }

  function anchorWith(uint256 verifiers, uint256 bitmap, string memory name) private {
    address settler = staked("settler", 0, Role.Settler, 5000e18);
    openWith(verifiers, VERIFIER_STAKE, 1e18);
    for (uint256 run; run < 2; ++run) {
      Batch memory b = batch(settler);
      bytes memory sigs64 = signaturesOf(b.epoch, digestOf(b), bitmap);
      batches.anchor(b, bitmap, sigs64);
    }
    record(name);
  }

  function test_anchorOf15Of21() public {
    anchorWith(21, 0x7FFF, "anchor, 15 of 21");
  }

  function test_anchorOf4Of5() public {
    anchorWith(5, 0xF, "anchor, 4 of 5");
  }

  function test_openAndJoin() public {
    address[] memory operators = new address[](65);
    for (uint256 index; index < 64; ++index) {
      operators[index] = staked("verifier", index, Role.Verifier, VERIFIER_STAKE + uint128(index) * 1e18);
    }
    operators[64] = staked("late", 0, Role.Verifier, 10 * VERIFIER_STAKE);
    passEpochs(2);
    for (uint256 index; index < 64; ++index) {
      committee.join(operators[index], 0);
    }
    record("join, free place");
    committee.join(operators[64], 0);
    record("join, displacing 1 of 64");
    uint8[] memory order = committee.currentOrder();
    committee.open(manager.currentEpoch(), order);
    record("open, 64 seats");
  }

  function test_stakeAndLeave() public {
    uint256 privateKey = key("operator", 0);
    address operator = vm.addr(privateKey);
    uint256 deadline = vm.getBlockTimestamp() + 60;
    bytes memory consent = consentOf(privateKey, address(this), address(this), deadline);
    manager.register(operator, address(this), deadline, consent);
    record("register");
    manager.stake(operator, Role.Provider, 10_000e18);
    record("stake, first");
    passEpochs(2);
    manager.stake(operator, Role.Provider, 1e18);
    record("stake, more");
    manager.requestUnstake(operator, Role.Provider, 1e18);
    record("requestUnstake");
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    manager.withdraw(operator, Role.Provider);
    record("withdraw");
    opg.transfer(operator, 1e18);
    record("OPG transfer, undelegated");
  }

  function test_seizure() public {
    address operator = staked("operator", 0, Role.Provider, 10_000e18);
    passEpochs(2);
    manager.requestUnstake(operator, Role.Provider, 10_000e18);
    manager.stake(operator, Role.Provider, 20_000e18);
    vm.prank(SLASHER);
    manager.hold("held", operator, Role.Provider, 1000);
    record("hold");
    vm.prank(SLASHER);
    manager.seize("case", operator, Role.Provider, 5000, address(0x4E9));
    record("seize, with a reporter");
    bytes32 case_ = manager.caseKey(SLASHER, "case");
    vm.warp(vm.getBlockTimestamp() + POT_PERIOD);
    manager.execute(case_);
    record("execute a seizure");
    manager.payReporter(case_);
    record("pay a reporter");
    manager.closePot(case_);
    record("close a pot");
  }

  function test_rotation() public {
    address from = staked("operator", 0, Role.Verifier, VERIFIER_STAKE);
    address to = vm.addr(key("operator", 1));
    uint256 deadline = vm.getBlockTimestamp();
    bytes32 consent = Digests.hashRotation(from, to, address(this), deadline);
    bytes memory signature = signature65(key("operator", 1), Digests.toTyped(manager.domainSeparator(), consent));
    manager.rotate(from, to, deadline, signature);
    record("rotate, one role");
    manager.freeze(to);
    record("freeze");
  }

  function test_maturedStakesOf64() public {
    address[] memory operators = new address[](64);
    for (uint256 index; index < 64; ++index) {
      operators[index] = staked("verifier", index, Role.Verifier, VERIFIER_STAKE);
    }
    manager.maturedStakes(operators, Role.Verifier, 2);
    record("maturedStakes of 64, with the transaction");
  }
}
