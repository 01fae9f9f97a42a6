// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDepositCollector} from "../interfaces/IDepositCollector.sol";

/// @notice What every collector shares: it serves one channel contract and nobody else.
abstract contract DepositCollector is IDepositCollector {
  address public immutable x402BatchSettlement;

  /// @param channels the channel contract
  constructor(address channels) {
    require(channels != address(0), InvalidX402BatchSettlementAddress());
    x402BatchSettlement = channels;
  }

  modifier onlyChannels() {
    require(msg.sender == x402BatchSettlement, OnlyX402BatchSettlement());
    _;
  }
}
