// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The most that one signer weighs (R13)
library SignerCap {
  /// @notice No signer weighs more than this share of the signers: 1/10.
  uint256 internal constant DIVISOR = 10;

  /// @notice The largest cap such that no signer weighs more than a tenth of the signers when each is cut to it: with the
  /// k heaviest cut, cap = (the rest) / (10 - k). Fewer than ten signers cannot each hold a tenth at most: no cap then.
  /// @param sorted weights, heaviest first, at least one; the first `signers` of them sign
  /// @return cap never below a weight that is not to be cut
  /// @return total of the signers after it
  function capOf(uint256[] memory sorted, uint256 signers) internal pure returns (uint256 cap, uint256 total) {
    uint256 rest;
    for (uint256 seat; seat < signers; ++seat) {
      rest += sorted[seat];
    }
    if (signers < DIVISOR) return (sorted[0], rest);
    uint256 cut;
    for (cap = rest / DIVISOR; sorted[cut] > cap; cap = rest / (DIVISOR - cut)) {
      rest -= sorted[cut++];
    }
    total = rest + cut * cap;
  }
}
