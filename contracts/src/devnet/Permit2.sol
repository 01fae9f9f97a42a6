// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISignatureTransfer} from "../interfaces/ISignatureTransfer.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Stand-in for Permit2 on chains that lack it: devnets and tests
/// @notice The signature transfer with a witness, with the ABI, domain and digest of the canonical contract. Signatures
/// are 65 bytes with a low s, or EIP-1271 of an owner with code; the domain is of wherever this code runs.
contract Permit2 is ISignatureTransfer {
  using SafeERC20 for IERC20;

  bytes32 private constant DOMAIN_TYPEHASH =
    keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
  bytes32 private constant TOKEN_PERMISSIONS_TYPEHASH = keccak256("TokenPermissions(address token,uint256 amount)");
  string private constant TRANSFER_TYPE_STUB =
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";

  mapping(address owner => mapping(uint256 word => uint256)) public nonceBitmap;

  /// @inheritdoc ISignatureTransfer
  function permitWitnessTransferFrom(
    PermitTransferFrom calldata permit,
    SignatureTransferDetails calldata transferDetails,
    address owner,
    bytes32 witness,
    string calldata witnessTypeString,
    bytes calldata signature
  ) external {
    require(block.timestamp <= permit.deadline, SignatureExpired(permit.deadline));
    require(transferDetails.requestedAmount <= permit.permitted.amount, InvalidAmount(permit.permitted.amount));
    _useNonce(owner, permit.nonce);
    bytes32 digest = _digestOf(permit, witness, witnessTypeString);
    require(SignatureChecker.isValidSignatureNowCalldata(owner, digest, signature), InvalidSigner());
    IERC20(permit.permitted.token).safeTransferFrom(owner, transferDetails.to, transferDetails.requestedAmount);
  }

  /// @inheritdoc ISignatureTransfer
  function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external {
    nonceBitmap[msg.sender][wordPos] |= mask;
    emit UnorderedNonceInvalidation(msg.sender, wordPos, mask);
  }

  // solhint-disable-next-line func-name-mixedcase
  function DOMAIN_SEPARATOR() public view returns (bytes32) {
    return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Permit2"), block.chainid, address(this)));
  }

  function _useNonce(address owner, uint256 nonce) private {
    uint256 bit = 1 << (nonce & 0xff);
    uint256 word = nonceBitmap[owner][nonce >> 8];
    require(word & bit == 0, InvalidNonce());
    nonceBitmap[owner][nonce >> 8] = word | bit;
  }

  function _digestOf(PermitTransferFrom calldata permit, bytes32 witness, string calldata witnessTypeString)
    private
    view
    returns (bytes32)
  {
    bytes32 typehash = keccak256(abi.encodePacked(TRANSFER_TYPE_STUB, witnessTypeString));
    bytes32 permitted = keccak256(abi.encode(TOKEN_PERMISSIONS_TYPEHASH, permit.permitted));
    return MessageHashUtils.toTypedDataHash(
      DOMAIN_SEPARATOR(), keccak256(abi.encode(typehash, permitted, msg.sender, permit.nonce, permit.deadline, witness))
    );
  }
}
