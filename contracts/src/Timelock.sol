// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title What the network's contracts know as governance
/// @notice Only the governor schedules and cancels, anyone executes what is due, nobody administers it but itself: a vote
/// can hand it to another governor. Its delay can be raised and lowered again by a vote, but never below the delay it
/// began with.
contract Timelock is TimelockController {
  /// @notice Thrown when the delay would be shorter than at the beginning, or longer than `MAX_DELAY`; seconds
  error DelayOutOfBounds(uint256 delay, uint256 least, uint256 most);

  uint256 public constant MAX_DELAY = 30 days;
  uint256 public immutable leastDelay;

  /// @param minDelay seconds between a decision and its execution
  /// @param governor proposes and cancels
  constructor(uint256 minDelay, address governor)
    TimelockController(minDelay, _only(governor), _only(address(0)), address(0))
  {
    require(minDelay <= MAX_DELAY, DelayOutOfBounds(minDelay, 0, MAX_DELAY));
    leastDelay = minDelay;
  }

  /// @inheritdoc TimelockController
  function updateDelay(uint256 newDelay) public override {
    require(newDelay >= leastDelay && newDelay <= MAX_DELAY, DelayOutOfBounds(newDelay, leastDelay, MAX_DELAY));
    super.updateDelay(newDelay);
  }

  function _only(address account) private pure returns (address[] memory accounts) {
    accounts = new address[](1);
    accounts[0] = account;
  }
}
