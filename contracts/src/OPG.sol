// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOPG} from "./interfaces/IOPG.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title The network's token
/// @notice 1,000,000,000 OPG exist from the first block to the last: nobody mints, burns, pauses or owns.
contract OPG is ERC20, ERC20Permit, ERC20Votes, ERC3009, IOPG {
  uint256 public constant TOTAL_SUPPLY = 1e27;

  /// @param recipient receives the whole supply
  constructor(address recipient) ERC20("OPG", "OPG") ERC20Permit("OPG") {
    _mint(recipient, TOTAL_SUPPLY);
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

  /// @notice ERC-6372: votes are counted at seconds since 1970, because the block time of the chain changes.
  function clock() public view override returns (uint48) {
    return uint48(block.timestamp);
  }

  // solhint-disable-next-line func-name-mixedcase
  function CLOCK_MODE() public pure override returns (string memory) {
    return "mode=timestamp";
  }

  function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
    return super.nonces(owner);
  }

  function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
    super._update(from, to, value);
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
