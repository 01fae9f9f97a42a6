// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A linear schedule (economy.md, Genesis allocation)
/// @notice One multiplication and one division, rounded down: never more than was promised, and all of it from the end on.
library Emission {
  /// @param amount in wei
  /// @param start second in which the schedule starts
  /// @param duration in seconds; zero: everything is free at `start`
  function vestedOf(uint128 amount, uint64 start, uint64 duration, uint256 timestamp) internal pure returns (uint256) {
    if (timestamp < start) return 0;
    if (timestamp - start >= duration) return amount;
    uint64 elapsed = uint64(timestamp - start);
    return uint256(amount) * elapsed / duration;
  }
}
