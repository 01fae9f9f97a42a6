// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The treasury: pays what governance decides, and never votes
/// @notice It holds any ERC-20 and can do one thing with it. It has no way to delegate, so what it holds has no votes.
interface ITreasury {
  /// @notice Thrown when a constructor parameter is zero
  error InvalidParameters();
  error NotGovernance(address caller);

  event TreasuryPaid(IERC20 indexed token, address indexed to, uint256 amount);

  /// @notice Pays `amount` of `token` in its smallest unit. Governance only.
  function pay(IERC20 token, address to, uint256 amount) external;

  function governance() external view returns (address);
}
