// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Arithmetic of a seizure (economy.md, Stakes and penalties)
/// @notice Amounts in wei, shares in basis points. Nothing reverts: shares are clamped.
library Shares {
  uint256 internal constant BASIS = 10_000;
  /// @dev The most a reporter is paid for one seizure.
  uint256 internal constant REPORTER_CAP = 500e18;

  /// @notice `bps` of `amount`, rounded down. `amount` below 2^240.
  function portion(uint256 amount, uint256 bps) internal pure returns (uint256) {
    return amount * (bps < BASIS ? bps : BASIS) / BASIS;
  }

  /// @notice Half is burned, rounded up; the reporter is paid out of the other half; the rest is the victims'.
  /// The three sum to `amount`.
  function split(uint256 amount, uint256 reporterBps)
    internal
    pure
    returns (uint256 burned, uint256 toReporter, uint256 pot)
  {
    uint256 rest = amount / 2;
    burned = amount - rest;
    toReporter = portion(amount, reporterBps);
    if (toReporter > REPORTER_CAP) toReporter = REPORTER_CAP;
    if (toReporter > rest) toReporter = rest;
    pot = rest - toReporter;
  }
}
