// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Harness} from "./Harness.sol";
import {Test} from "./support/Test.sol";

/// @notice What the vectors of Golden.t.sol do not show of the draws.
contract SeatsTest is Test {
  Harness private harness = new Harness();

  function stakesOf(uint256 count, uint256 seed) private pure returns (IStakeManager.OperatorStake[] memory stakes) {
    stakes = new IStakeManager.OperatorStake[](count);
    for (uint256 index; index < count; ++index) {
      uint256 random = uint256(keccak256(abi.encode(seed, index)));
      stakes[index] = IStakeManager.OperatorStake(
        address(uint160(random) | 1), address(uint160(1 + random % 3)), random >> 160 & 1 == 0 ? 0 : random >> 192
      );
    }
  }

  function test_R13_nobodyIsDrawnWhereNobodyHasStake() public view {
    equal(harness.drawWorkSeats(stakesOf(0, 0), "seed", 128).length, 0, "of none");
    IStakeManager.OperatorStake[] memory stakes = stakesOf(3, 0);
    for (uint256 index; index < 3; ++index) {
      stakes[index].stake = 0;
    }
    equal(harness.drawWorkSeats(stakes, "seed", 128).length, 0, "of three without");
  }

  function testFuzz_R13_onlyStakeIsDrawnInWhateverOrderItComes(uint256 seed, uint256 count) public view {
    count = bound(count, 2, 24);
    IStakeManager.OperatorStake[] memory stakes = stakesOf(count, seed);
    stakes[0].stake = 1 + seed % 1000;
    IStakeManager.OperatorStake[] memory seats = harness.drawWorkSeats(stakes, bytes32(seed), 16);
    (stakes[0], stakes[count - 1]) = (stakes[count - 1], stakes[0]);
    IStakeManager.OperatorStake[] memory again = harness.drawWorkSeats(stakes, bytes32(seed), 16);
    for (uint256 seat; seat < 16; ++seat) {
      isTrue(seats[seat].stake != 0, "has stake");
      equal(seats[seat].operator, again[seat].operator, "the same");
    }
  }

  function testFuzz_R14_noCommitteeJudgesItself(uint256 seed, uint256 size) public view {
    IStakeManager.OperatorStake[] memory stakes = stakesOf(8, seed);
    stakes[0].stake = 1;
    IStakeManager.OperatorStake[] memory seats = harness.drawWorkSeats(stakes, bytes32(seed), 32);
    size = bound(size, 0, 40);
    address operator = seats[seed % 32].operator;
    address owner = seed % 2 == 0 ? address(0) : seats[(seed >> 8) % 32].owner;
    uint256[] memory chosen = harness.drawCommittee(seats, bytes32(seed), size, operator, owner);
    isTrue(chosen.length <= size, "at most so many");
    for (uint256 at; at < chosen.length; ++at) {
      IStakeManager.OperatorStake memory seat = seats[chosen[at]];
      isTrue(seat.operator != operator && (owner == address(0) || seat.owner != owner), "not its own");
      for (uint256 other; other < at; ++other) {
        isTrue(seats[chosen[other]].operator != seat.operator, "nobody twice");
      }
    }
    if (chosen.length == size) return;
    // Nobody was left who might have sat.
    for (uint256 index; index < 32; ++index) {
      bool sits = seats[index].operator == operator || (owner != address(0) && seats[index].owner == owner);
      for (uint256 at; at < chosen.length; ++at) {
        if (seats[chosen[at]].operator == seats[index].operator) sits = true;
      }
      isTrue(sits, "left out");
    }
  }
}
