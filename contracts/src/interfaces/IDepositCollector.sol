// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Brings a deposit from its payer into a channel (x402 `batch-settlement`)
interface IDepositCollector {
  /// @notice Thrown when the channel contract named at construction is zero
  error InvalidX402BatchSettlementAddress();
  /// @notice Thrown when the caller is not the channel contract: nobody else may redirect what a payer signed
  error OnlyX402BatchSettlement();

  /// @notice Moves exactly `amount` from the payer to the caller. The channel contract only.
  /// @param channelId what the payer's authorization must be bound to
  /// @param collectorData the authorization, as the collector reads it
  function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata collectorData)
    external;

  /// @notice The channel contract.
  function x402BatchSettlement() external view returns (address);
}
