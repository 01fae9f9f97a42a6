// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignerCap} from "../src/libraries/SignerCap.sol";
import {Test} from "./support/Test.sol";

contract SignerCapTest is Test {
  function cutTotal(uint256[] memory sorted, uint256 signers, uint256 cap) private pure returns (uint256 total) {
    for (uint256 seat; seat < signers; ++seat) {
      total += sorted[seat] < cap ? sorted[seat] : cap;
    }
  }

  /// @dev The definition: cut to `cap`, the heaviest weighs a tenth of all at most.
  function holds(uint256[] memory sorted, uint256 signers, uint256 cap) private pure returns (bool) {
    uint256 heaviest = sorted[0] < cap ? sorted[0] : cap;
    return heaviest * 10 <= cutTotal(sorted, signers, cap);
  }

  /// @dev Weights of all sizes, with many equal ones: `bits` is the widest of them.
  function weightsOf(uint256 seed, uint256 count, uint256 bits) private pure returns (uint256[] memory sorted) {
    sorted = new uint256[](count);
    for (uint256 filled; filled < count; ++filled) {
      seed = uint256(keccak256(abi.encode(seed)));
      uint256 weight = 1 + (seed >> 16) % (1 << 1 + seed % bits);
      if (filled != 0 && seed >> 8 & 3 == 0) weight = sorted[filled - 1];
      uint256 at = filled;
      for (; at > 0 && sorted[at - 1] < weight; --at) {
        sorted[at] = sorted[at - 1];
      }
      sorted[at] = weight;
    }
  }

  function testFuzz_R13_theCapIsTheLargestThatHolds(uint256 seed, uint256 count, uint256 signers, uint256 bits)
    public
    pure
  {
    signers = bound(signers, 10, 21);
    count = bound(count, signers, 64);
    uint256[] memory sorted = weightsOf(seed, count, bound(bits, 1, 40));
    (uint256 cap, uint256 total) = SignerCap.capOf(sorted, signers);
    equal(total, cutTotal(sorted, signers, cap), "total");
    isTrue(holds(sorted, signers, cap), "holds");
    if (sorted[0] <= cap) isTrue(holds(sorted, signers, sorted[0]), "nobody needs to be cut");
    else isTrue(!holds(sorted, signers, cap + 1), "the next does not");
  }

  function testFuzz_R13_fewerThanTenAreNotCut(uint256 seed, uint256 count, uint256 signers) public pure {
    signers = bound(signers, 1, 9);
    uint256[] memory sorted = weightsOf(seed, bound(count, signers, 64), 40);
    (uint256 cap, uint256 total) = SignerCap.capOf(sorted, signers);
    equal(cap, sorted[0], "cap");
    equal(total, cutTotal(sorted, signers, type(uint256).max), "total");
  }

  function test_R13_tenWithOneGiantAreAllCutToTheLightest() public pure {
    uint256[] memory sorted = new uint256[](10);
    for (uint256 seat; seat < 10; ++seat) {
      sorted[seat] = 1000 ether >> seat;
    }
    (uint256 cap, uint256 total) = SignerCap.capOf(sorted, 10);
    equal(cap, sorted[9], "the lightest");
    equal(total, 10 * sorted[9], "total");
  }
}
