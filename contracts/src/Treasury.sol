// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITreasury} from "./interfaces/ITreasury.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

contract Treasury is ITreasury {
  using SafeERC20 for IERC20;

  address public immutable governance;

  /// @param governance_ the timelock
  constructor(address governance_) {
    require(governance_ != address(0), InvalidParameters());
    governance = governance_;
  }

  /// @inheritdoc ITreasury
  function pay(IERC20 token, address to, uint256 amount) external {
    require(msg.sender == governance, NotGovernance(msg.sender));
    emit TreasuryPaid(token, to, amount);
    token.safeTransfer(to, amount);
  }
}
