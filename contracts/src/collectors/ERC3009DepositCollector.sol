// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDepositCollector} from "../interfaces/IDepositCollector.sol";
import {IOPG} from "../interfaces/IOPG.sol";
import {DepositCollector} from "./DepositCollector.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Deposits by an EIP-3009 authorization that the payer signed for one channel
/// @notice `collectorData` is `abi.encode(uint256 validAfter, uint256 validBefore, uint256 salt, bytes signature)`; the
/// authorization's nonce is `keccak256(abi.encode(channelId, salt))`, its recipient this contract.
contract ERC3009DepositCollector is DepositCollector {
  using SafeERC20 for IERC20;

  /// @param channels the channel contract
  constructor(address channels) DepositCollector(channels) {}

  /// @inheritdoc IDepositCollector
  function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata collectorData)
    external
    onlyChannels
  {
    (uint256 validAfter, uint256 validBefore, uint256 salt, bytes memory signature) =
      abi.decode(collectorData, (uint256, uint256, uint256, bytes));
    bytes32 nonce = keccak256(abi.encode(channelId, salt));
    IOPG(token).receiveWithAuthorization(payer, address(this), amount, validAfter, validBefore, nonce, signature);
    IERC20(token).safeTransfer(x402BatchSettlement, amount);
  }
}
