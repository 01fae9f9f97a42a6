// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The cheatcodes these tests use.
interface Vm {
  struct Wallet {
    address addr;
    uint256 publicKeyX;
    uint256 publicKeyY;
    uint256 privateKey;
  }

  function createWallet(uint256 privateKey) external returns (Wallet memory);
  function addr(uint256 privateKey) external pure returns (address);
  function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
  function warp(uint256 timestamp) external;
  function roll(uint256 blockNumber) external;
  function chainId(uint256 id) external;
  function prank(address sender) external;
  function startPrank(address sender) external;
  function stopPrank() external;
  function assume(bool condition) external pure;
  function expectRevert(bytes calldata data) external;
  function expectPartialRevert(bytes4 selector) external;
  function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
  function mockCall(address callee, bytes calldata data, bytes calldata returned) external;
  function clearMockedCalls() external;
  function recordLogs() external;
  function etch(address target, bytes calldata code) external;
  function getNonce(address account) external view returns (uint64);
  function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
  function toString(uint256 value) external pure returns (string memory);
  function getBlockTimestamp() external view returns (uint256);
  function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
}
