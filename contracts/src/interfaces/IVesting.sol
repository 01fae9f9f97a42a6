// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Linear vesting to one beneficiary for good
/// @notice Nobody delegates what it holds, so what is not vested never votes. Times in seconds.
interface IVesting {
  /// @notice Thrown when the wallet would change hands: what is not vested cannot be sold
  error OwnershipFixed();
}
