// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../interfaces/Objects.sol";

/// @title The fee of a job (economy.md), to the wei as everyone else computes it
/// @notice Times in ms, amounts in wei of `Terms.token`. What does not fit 256 bits reverts.
library Fees {
  /// @dev Slack over the reference rate within which time is billed, in thousandths.
  uint256 internal constant RATE_SLACK_PER_MILLE = 1500;
  uint256 internal constant FEE_DIVISOR = 1e9;
  uint256 internal constant PPM = 1e6;

  function macOf(Terms calldata terms, uint64 inputUnits, uint64 outputUnits) internal pure returns (uint256) {
    return uint256(terms.macIn) * inputUnits + uint256(terms.macOut) * outputUnits;
  }

  /// @notice min(finishedAt - startedAt, ceil(units * 1500 / referenceRate)); zero without a rate.
  function billedMsOf(Terms calldata terms, uint64 inputUnits, uint64 outputUnits, uint64 startedAt, uint64 finishedAt)
    internal
    pure
    returns (uint256)
  {
    uint256 rate = terms.referenceRate;
    if (rate == 0) return 0;
    uint256 cap = ((uint256(inputUnits) + outputUnits) * RATE_SLACK_PER_MILLE + rate - 1) / rate;
    uint256 elapsed = finishedAt > startedAt ? finishedAt - startedAt : 0;
    return elapsed < cap ? elapsed : cap;
  }

  /// @notice One division, rounded down in the payer's favour.
  function feeOf(Terms calldata terms, uint256 mac, uint256 billedMs) internal pure returns (uint256) {
    uint256 scaled = uint256(terms.perGMAC) * mac + uint256(terms.perSecond) * billedMs * 1e6
      + uint256(terms.perGBSecond) * terms.memoryMB * billedMs * 1e3;
    return terms.perRequest + scaled / FEE_DIVISOR;
  }

  /// @notice The provider gets the remainder.
  function split(uint256 fee, uint256 networkSharePpm) internal pure returns (uint256 provider, uint256 network) {
    network = fee * networkSharePpm / PPM;
    provider = fee - network;
  }
}
