// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Data kept as the code of a contract (the SSTORE2 technique)
/// @notice A leading zero byte (STOP) makes the code refuse to run anything.
library Blob {
  error BlobNotWritten();

  /// @dev PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN: returns what follows these 10 bytes.
  function write(bytes memory data) internal returns (address blob) {
    bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df3", hex"00", data);
    assembly ("memory-safe") {
      blob := create(0, add(code, 0x20), mload(code))
    }
    require(blob != address(0), BlobNotWritten());
  }

  /// @notice The first `size` bytes.
  function read(address blob, uint256 size) internal view returns (bytes memory data) {
    data = new bytes(size);
    assembly ("memory-safe") {
      extcodecopy(blob, add(data, 0x20), 1, size)
    }
  }
}
