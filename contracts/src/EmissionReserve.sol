// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEmissionReserve} from "./interfaces/IEmissionReserve.sol";
import {IProtocolParams, Module} from "./interfaces/IProtocolParams.sol";
import {Emission} from "./libraries/Emission.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

contract EmissionReserve is IEmissionReserve {
  using SafeERC20 for IERC20;

  /// @notice What the schedule frees in all, in wei: a tenth of the supply.
  uint128 public constant ALLOCATION = 100_000_000e18;

  IERC20 public immutable token;
  IProtocolParams public immutable params;
  uint64 public immutable start;
  uint64 public immutable duration;

  uint256 public released;

  /// @param start_ second in which the schedule starts
  /// @param duration_ in seconds, above zero; 96 months of 2,629,800 s on a public network
  constructor(IERC20 token_, IProtocolParams params_, uint64 start_, uint64 duration_) {
    require(
      address(token_) != address(0) && address(params_) != address(0) && duration_ != 0
        && start_ <= type(uint64).max - duration_,
      InvalidParameters()
    );
    token = token_;
    params = params_;
    start = start_;
    duration = duration_;
  }

  /// @inheritdoc IEmissionReserve
  function release() external returns (uint256 amount) {
    address distributor = params.moduleOf(Module.RewardDistributor);
    amount = releasable();
    if (distributor == address(0) || amount == 0) return 0;
    released += amount;
    emit Released(distributor, amount);
    token.safeTransfer(distributor, amount);
  }

  /// @inheritdoc IEmissionReserve
  function releasable() public view returns (uint256) {
    uint256 held = token.balanceOf(address(this));
    if (block.timestamp >= uint256(start) + duration) return held;
    return Math.min(vested(block.timestamp) - released, held);
  }

  /// @inheritdoc IEmissionReserve
  function vested(uint256 timestamp) public view returns (uint256) {
    return Emission.vestedOf(ALLOCATION, start, duration, timestamp);
  }
}
