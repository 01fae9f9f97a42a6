// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVesting} from "./interfaces/IVesting.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {VestingWallet} from "@openzeppelin/contracts/finance/VestingWallet.sol";

/// @notice A schedule with a cliff is a wallet that starts at its end (economy.md). Anyone may call `release`; it pays the
/// beneficiary.
contract Vesting is VestingWallet, IVesting {
  /// @param beneficiary receives everything that vests
  /// @param start_ second in which the schedule starts
  /// @param duration_ in seconds
  constructor(address beneficiary, uint64 start_, uint64 duration_) VestingWallet(beneficiary, start_, duration_) {}

  /// @inheritdoc Ownable
  function transferOwnership(address) public pure override {
    revert OwnershipFixed();
  }

  /// @inheritdoc Ownable
  function renounceOwnership() public pure override {
    revert OwnershipFixed();
  }
}
