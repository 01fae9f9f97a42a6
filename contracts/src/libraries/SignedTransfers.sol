// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOPG} from "../interfaces/IOPG.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title EIP-3009 with a signature as bytes, for tokens
abstract contract SignedTransfers is ERC3009, IOPG {
  /// @inheritdoc IOPG
  function transferWithAuthorization(
    address from,
    address to,
    uint256 value,
    uint256 validAfter,
    uint256 validBefore,
    bytes32 nonce,
    bytes calldata signature
  ) external {
    _requireSignature(
      from,
      keccak256(abi.encode(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce)),
      signature
    );
    _transferWithAuthorization(from, to, value, validAfter, validBefore, nonce);
  }

  /// @inheritdoc IOPG
  function receiveWithAuthorization(
    address from,
    address to,
    uint256 value,
    uint256 validAfter,
    uint256 validBefore,
    bytes32 nonce,
    bytes calldata signature
  ) external {
    _requireSignature(
      from,
      keccak256(abi.encode(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce)),
      signature
    );
    require(to == msg.sender, ERC20InvalidReceiver(to));
    _transferWithAuthorization(from, to, value, validAfter, validBefore, nonce);
  }

  /// @inheritdoc IOPG
  function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
    _requireSignature(authorizer, keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), signature);
    _cancelAuthorization(authorizer, nonce);
  }

  /// @dev EIP-3009 knows seconds only; the base contract would read bit 47 as a switch to block numbers.
  function _checkValidity(uint256 validAfter, uint256 validBefore) internal view override {
    require(
      block.timestamp > validAfter && block.timestamp < validBefore,
      ERC3009InvalidAuthorizationTime(validAfter, validBefore)
    );
  }

  function _requireSignature(address signer, bytes32 structHash, bytes calldata signature) private view {
    require(
      SignatureChecker.isValidSignatureNowCalldata(signer, _hashTypedDataV4(structHash), signature),
      ERC3009InvalidSignature()
    );
  }
}
