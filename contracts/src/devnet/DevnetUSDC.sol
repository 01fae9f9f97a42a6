// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignedTransfers} from "../libraries/SignedTransfers.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title A dollar of devnets: play money with the interface of USDC
/// @notice Six decimals, EIP-2612 and EIP-3009 with a signature as v, r, s or as bytes (which also serves accounts with
/// code, EIP-1271). Name and version of the EIP-712 domain are those that stock x402 clients know. All of it is minted
/// at once; nobody blocks, pauses or redeems it, and it is worth nothing anywhere.
contract DevnetUSDC is ERC20, Nonces, IERC20Permit, SignedTransfers {
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
}
