// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams} from "./IProtocolParams.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The staking rewards of the genesis, paid out linearly (economy.md, Genesis allocation)
/// @notice Nobody owns it and nothing changes its schedule: governance decides which distributor receives, not how much.
/// While there is no distributor the amount accrues. Amounts in wei of OPG, times in seconds.
interface IEmissionReserve {
  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();

  event Released(address indexed distributor, uint256 amount);

  /// @notice Pays what has accrued to the current distributor. Anyone may call. Zero, without a revert, when nothing has
  /// accrued or there is no distributor. Once the schedule is over it pays everything held, so that nothing can stay.
  function release() external returns (uint256 amount);

  /// @notice What `release` would pay now.
  function releasable() external view returns (uint256);
  /// @notice What the schedule has freed at `timestamp`, whether it was paid or not.
  function vested(uint256 timestamp) external view returns (uint256);
  /// @notice Paid so far.
  function released() external view returns (uint256);
  function token() external view returns (IERC20);
  function params() external view returns (IProtocolParams);
  /// @notice Second in which the schedule starts.
  function start() external view returns (uint64);
  /// @notice Seconds between its start and its end.
  function duration() external view returns (uint64);
}
