// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The cheatcodes that read vectors.
interface JsonVm {
  function readFile(string calldata path) external view returns (string memory);
  function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
  function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
  function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
  function parseJsonBytesArray(string calldata json, string calldata key) external pure returns (bytes[] memory);
  function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
  function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
}
