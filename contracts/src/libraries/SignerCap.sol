// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The most that one signer weighs (R13)
library SignerCap {
  /// @notice No signer weighs more than this share of the signers: 1/10.
  uint256 internal constant DIVISOR = 10;

  /// @notice The largest c such that no signer weighs more than a tenth of the signers when each is cut to c: with the k
  /// heaviest cut, c = (the rest) / (10 - k). Fewer than ten signers cannot each hold a tenth at most: no cap then.
  /// @param weights of the signers, heaviest first, at least one
  function capOf(uint256[] memory weights) internal pure returns (uint256 cap) {
    if (weights.length < DIVISOR) return weights[0];
    uint256 rest;
    for (uint256 seat; seat < weights.length; ++seat) {
      rest += weights[seat];
    }
    uint256 cut;
    for (cap = rest / DIVISOR; weights[cut] > cap; cap = rest / (DIVISOR - cut)) {
      rest -= weights[cut++];
    }
  }
}
