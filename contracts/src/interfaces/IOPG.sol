// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";

/// @title EIP-3009 with a signature as bytes, beside the v, r, s form
/// @notice The bytes form also serves accounts with code (EIP-1271). Times in seconds, both ends exclusive.
interface IOPG is IERC3009, IERC3009Cancel {
  function transferWithAuthorization(
    address from,
    address to,
    uint256 value,
    uint256 validAfter,
    uint256 validBefore,
    bytes32 nonce,
    bytes calldata signature
  ) external;

  function receiveWithAuthorization(
    address from,
    address to,
    uint256 value,
    uint256 validAfter,
    uint256 validBefore,
    bytes32 nonce,
    bytes calldata signature
  ) external;

  function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;
}
