// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stand-in for Multicall3 on chains that lack it: devnets and tests
/// @notice Many calls in one, for tools that read: what viem and the x402 packages use of the published ABI.
contract Multicall3 {
  struct Call {
    address target;
    bytes callData;
  }

  struct Call3 {
    address target;
    bool allowFailure;
    bytes callData;
  }

  struct Result {
    bool success;
    bytes returnData;
  }

  /// @notice Thrown when a call failed that must not
  error CallFailed(uint256 index);

  /// @notice Makes every call in order; one that must not fail reverts all.
  function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory results) {
    results = new Result[](calls.length);
    for (uint256 index; index < calls.length; ++index) {
      Call3 calldata each = calls[index];
      results[index] = _make(index, each.target, each.callData, !each.allowFailure);
    }
  }

  /// @notice The same, with one rule for all of them.
  function tryAggregate(bool requireSuccess, Call[] calldata calls) external payable returns (Result[] memory results) {
    results = new Result[](calls.length);
    for (uint256 index; index < calls.length; ++index) {
      Call calldata each = calls[index];
      results[index] = _make(index, each.target, each.callData, requireSuccess);
    }
  }

  function getEthBalance(address account) external view returns (uint256) {
    return account.balance;
  }

  function _make(uint256 index, address target, bytes calldata data, bool mustSucceed)
    private
    returns (Result memory result)
  {
    (result.success, result.returnData) = target.call(data);
    require(result.success || !mustSucceed, CallFailed(index));
  }
}
