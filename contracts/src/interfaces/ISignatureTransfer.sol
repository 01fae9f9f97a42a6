// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the network uses of Permit2: one signed transfer with a witness
/// @notice Nonces are bits: word `nonce >> 8` of the owner, bit `nonce & 255`. Times in seconds, inclusive.
interface ISignatureTransfer {
  struct TokenPermissions {
    address token;
    uint256 amount;
  }

  /// @param deadline last second in which the signature is good
  struct PermitTransferFrom {
    TokenPermissions permitted;
    uint256 nonce;
    uint256 deadline;
  }

  struct SignatureTransferDetails {
    address to;
    uint256 requestedAmount;
  }

  error SignatureExpired(uint256 signatureDeadline);
  error InvalidAmount(uint256 maxAmount);
  error InvalidNonce();
  error InvalidSigner();

  event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);

  /// @notice Moves `transferDetails.requestedAmount` from `owner` for the spender that the signature names: the caller.
  /// @param witness hash of what the owner signed besides the transfer
  /// @param witnessTypeString the rest of the type after `deadline,`, with the types it refers to in alphabetical order
  function permitWitnessTransferFrom(
    PermitTransferFrom calldata permit,
    SignatureTransferDetails calldata transferDetails,
    address owner,
    bytes32 witness,
    string calldata witnessTypeString,
    bytes calldata signature
  ) external;

  /// @notice Uses up the nonces of one word that `mask` names.
  function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external;

  function nonceBitmap(address owner, uint256 word) external view returns (uint256);
  // solhint-disable-next-line func-name-mixedcase
  function DOMAIN_SEPARATOR() external view returns (bytes32);
}
