// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Shares} from "../src/libraries/Shares.sol";

/// @notice What the model checker proves of seizures, for every stake and every share that governance could set.
contract SharesProof {
  /// @dev More than the supply: stakes are kept in 96 bits.
  uint256 private constant MAX_STAKE = type(uint96).max;

  function portionNeverExceedsTheWhole(uint256 amount, uint256 bps) external pure {
    require(amount <= MAX_STAKE);
    uint256 taken = Shares.portion(amount, bps);
    assert(taken <= amount);
    assert(bps < Shares.BASIS || taken == amount);
  }

  function splitConserves(uint256 amount, uint256 reporterBps) external pure {
    require(amount <= MAX_STAKE);
    (uint256 burned, uint256 toReporter, uint256 pot) = Shares.split(amount, reporterBps);
    assert(burned + toReporter + pot == amount);
    assert(burned >= amount - burned);
    assert(toReporter <= Shares.REPORTER_CAP);
  }
}
