// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOPG} from "../interfaces/IOPG.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title A dollar of devnets: play money with the interface of USDC
/// @notice Six decimals, EIP-2612 and EIP-3009 with a signature as v, r, s or as bytes (which also serves accounts with
/// code, EIP-1271). Name and version of the EIP-712 domain are those that stock x402 clients know. All of it is minted
/// at once; nobody blocks, pauses or redeems it, and it is worth nothing anywhere.
contract DevnetUSDC is ERC20, ERC3009, Nonces, IERC20Permit, IOPG {
  uint256 public constant TOTAL_SUPPLY = 1e15;

  bytes32 private constant PERMIT_TYPEHASH =
    keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

  /// @notice Thrown when the last second of a permit is over
  error PermitExpired(uint256 deadline);
  error InvalidPermitSignature();

  /// @param recipient receives the whole supply
  constructor(address recipient) ERC20("USDC", "USDC") EIP712("USDC", "2") {
    _mint(recipient, TOTAL_SUPPLY);
  }

  /// @inheritdoc IERC20Permit
  function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
    external
  {
    _permit(owner, spender, value, deadline, abi.encodePacked(r, s, v));
  }

  /// @notice The same with a signature as bytes.
  function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature) external {
    _permit(owner, spender, value, deadline, signature);
  }

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

  function decimals() public pure override returns (uint8) {
    return 6;
  }

  /// @notice Of the EIP-712 domain.
  function version() external pure returns (string memory) {
    return "2";
  }

  function nonces(address owner) public view override(Nonces, IERC20Permit) returns (uint256) {
    return super.nonces(owner);
  }

  /// @dev USDC knows no EIP-5267: tools ask for `name` and `version`.
  function eip712Domain()
    public
    pure
    override
    returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
  {
    revert();
  }

  // solhint-disable-next-line func-name-mixedcase
  function DOMAIN_SEPARATOR() external view returns (bytes32) {
    return _domainSeparatorV4();
  }

  function _permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) private {
    require(block.timestamp <= deadline, PermitExpired(deadline));
    bytes32 structHash = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, _useNonce(owner), deadline));
    require(
      SignatureChecker.isValidSignatureNow(owner, _hashTypedDataV4(structHash), signature), InvalidPermitSignature()
    );
    _approve(owner, spender, value);
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
