// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Emission} from "../src/libraries/Emission.sol";

/// @notice What the model checker proves of linear schedules: for every amount, start, duration and second nothing
/// overflows, nothing is free before the start, everything is at the end.
contract EmissionProof {
  function nothingBeforeTheStartAllInTheEnd(uint128 amount, uint64 start, uint64 duration, uint256 timestamp)
    external
    pure
  {
    uint256 vested = Emission.vestedOf(amount, start, duration, timestamp);
    assert(timestamp >= start || vested == 0);
    assert(timestamp < uint256(start) + duration || vested == amount);
  }
}
