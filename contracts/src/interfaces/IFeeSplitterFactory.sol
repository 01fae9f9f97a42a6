// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "./IPaymentChannels.sol";
import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";

/// @title One splitter per provider, at an address known before it exists
/// @notice A splitter is a clone of fixed code with the operator in it; nobody can put other code at its address.
interface IFeeSplitterFactory {
  /// @notice Thrown when the operator never registered
  error NotRegistered(address operator);

  event SplitterCreated(address indexed operator, address splitter);

  /// @notice Makes the splitter of a registered operator, or finds it made. Anyone may call.
  function create(address operator) external returns (address splitter);

  /// @notice Where the splitter of `operator` is or will be. It stays good when the operator's key is rotated.
  function splitterOf(address operator) external view returns (address);
  /// @notice The code all splitters run.
  function implementation() external view returns (address);
  function stakeManager() external view returns (IStakeManager);
  function params() external view returns (IProtocolParams);
  function channels() external view returns (IPaymentChannels);
}
