// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISignatureTransfer} from "../interfaces/ISignatureTransfer.sol";
import {Permit2Proxy} from "./Permit2Proxy.sol";

/// @title Stand-in for the proxy of the x402 scheme `upto` on chains that lack it: devnets and tests
/// @notice Takes any part of what the payer permitted. The witness names the one facilitator that may say how much.
contract UptoPermit2Proxy is Permit2Proxy {
  struct Witness {
    address to;
    address facilitator;
    uint256 validAfter;
  }

  string public constant WITNESS_TYPE_STRING =
    "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)";
  bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,address facilitator,uint256 validAfter)");

  error AmountExceedsPermitted();
  /// @notice Thrown when the caller is not the facilitator the payer signed for
  error UnauthorizedFacilitator();

  /// @param permit2 the canonical one, or a stand-in
  constructor(address permit2) Permit2Proxy(permit2) {}

  /// @notice Pays `amount` of what `owner` permitted to `witness.to`. The facilitator alone.
  function settle(
    ISignatureTransfer.PermitTransferFrom calldata permit,
    uint256 amount,
    address owner,
    Witness calldata witness,
    bytes calldata signature
  ) external nonReentrant {
    _settle(permit, amount, owner, witness, signature);
    emit Settled();
  }

  /// @notice The same after an EIP-2612 permit for Permit2, so that the payer needs no transaction of its own.
  function settleWithPermit(
    EIP2612Permit calldata permit2612,
    ISignatureTransfer.PermitTransferFrom calldata permit,
    uint256 amount,
    address owner,
    Witness calldata witness,
    bytes calldata signature
  ) external nonReentrant {
    _allow(permit2612, permit.permitted, owner);
    _settle(permit, amount, owner, witness, signature);
    emit SettledWithPermit();
  }

  function _settle(
    ISignatureTransfer.PermitTransferFrom calldata permit,
    uint256 amount,
    address owner,
    Witness calldata witness,
    bytes calldata signature
  ) private {
    require(msg.sender == witness.facilitator, UnauthorizedFacilitator());
    require(amount <= permit.permitted.amount, AmountExceedsPermitted());
    bytes32 hash = keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.facilitator, witness.validAfter));
    _pay(permit, Payment(owner, witness.to, amount, witness.validAfter, hash), WITNESS_TYPE_STRING, signature);
  }
}
