// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @notice The few assertions these tests need.
abstract contract Test {
  // forge-lint: disable-next-line(screaming-snake-case-const)
  Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

  error Unequal(string what, bytes32 expected, bytes32 got);
  error Untrue(string what);

  function equal(uint256 got, uint256 expected, string memory what) internal pure {
    require(got == expected, Unequal(what, bytes32(expected), bytes32(got)));
  }

  function equal(address got, address expected, string memory what) internal pure {
    equal(uint256(uint160(got)), uint256(uint160(expected)), what);
  }

  function equal(bytes32 got, bytes32 expected, string memory what) internal pure {
    require(got == expected, Unequal(what, expected, got));
  }

  function isTrue(bool condition, string memory what) internal pure {
    require(condition, Untrue(what));
  }

  function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
    return low + value % (high - low + 1);
  }

  function key(string memory role, uint256 index) internal pure returns (uint256) {
    return uint256(keccak256(abi.encode("opg-test/1", role, index))) >> 1;
  }

  function signature65(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
    return abi.encodePacked(r, s, v);
  }

  /// @dev EIP-2098.
  function signature64(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
    return abi.encodePacked(r, uint256(s) | uint256(v - 27) << 255);
  }
}
