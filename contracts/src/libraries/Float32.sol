// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IEEE-754 binary32 to fixed point, in integers alone
library Float32 {
  uint256 private constant UNIT = 1e18;
  uint256 private constant FRACTION_BITS = 23;
  uint256 private constant FRACTION_MASK = 0x7fffff;
  uint256 private constant EXPONENT_MASK = 0xff;
  /// @dev Exponent field at which a significand of 24 bits is the value: the bias, and 23 bits of fraction.
  uint256 private constant EXPONENT_OF_ONE = 150;

  /// @notice Thrown for NaN and the infinities
  error NotFinite(uint32 bits);
  /// @notice Thrown below zero; -0 is zero
  error Negative(uint32 bits);

  /// @notice The value times 1e18, rounded down. Every finite float fits.
  function toFixed18(uint32 bits) internal pure returns (uint256) {
    uint256 exponent = uint256(bits) >> FRACTION_BITS & EXPONENT_MASK;
    uint256 significand = bits & FRACTION_MASK;
    require(exponent != EXPONENT_MASK, NotFinite(bits));
    // Subnormals have no leading bit and the exponent of the least normal.
    if (exponent == 0) exponent = 1;
    else significand |= 1 << FRACTION_BITS;
    require(bits >> 31 == 0 || significand == 0, Negative(bits));
    uint256 scaled = significand * UNIT;
    return exponent < EXPONENT_OF_ONE ? scaled >> EXPONENT_OF_ONE - exponent : scaled << exponent - EXPONENT_OF_ONE;
  }
}
