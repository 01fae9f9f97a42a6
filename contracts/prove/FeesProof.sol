// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../src/interfaces/Objects.sol";
import {Fees} from "../src/libraries/Fees.sol";

/// @notice What the model checker proves of fees and their split, for all values within the bounds that are required.
contract FeesProof {
  /// @dev More than the supply of any token that is paid with: 2^100 wei.
  uint256 private constant MAX_PRICE = 2 ** 100;
  /// @dev 2^53 - 1, the largest time, unit count or rate on the wire.
  uint256 private constant MAX_COUNT = 2 ** 53 - 1;

  function splitConserves(uint128 fee, uint256 networkSharePpm) external pure {
    require(networkSharePpm <= Fees.PPM);
    (uint256 provider, uint256 network) = Fees.split(fee, networkSharePpm);
    assert(provider + network == fee);
    assert(network <= fee);
  }

  function feeNeverOverflows(Terms calldata terms, uint128 mac, uint64 billedMs) external pure {
    require(terms.perRequest <= MAX_PRICE && terms.perGMAC <= MAX_PRICE && terms.perSecond <= MAX_PRICE);
    require(terms.perGBSecond <= MAX_PRICE && terms.memoryMB <= 2 ** 40 && billedMs <= MAX_COUNT);
    uint256 fee = Fees.feeOf(terms, mac, billedMs);
    assert(fee >= terms.perRequest);
  }

  function billedTimeIsCapped(Terms calldata terms, uint64 inputUnits, uint64 outputUnits, uint64 start, uint64 end)
    external
    pure
  {
    require(inputUnits <= MAX_COUNT && outputUnits <= MAX_COUNT && terms.referenceRate <= MAX_COUNT);
    uint256 billed = Fees.billedMsOf(terms, inputUnits, outputUnits, start, end);
    assert(end <= start ? billed == 0 : billed <= end - start);
  }
}
