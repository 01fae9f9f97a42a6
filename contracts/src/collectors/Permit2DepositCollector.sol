// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDepositCollector} from "../interfaces/IDepositCollector.sol";
import {ISignatureTransfer} from "../interfaces/ISignatureTransfer.sol";
import {DepositCollector} from "./DepositCollector.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title Deposits of any ERC-20 by a Permit2 transfer whose witness is one channel
/// @notice `collectorData` is `abi.encode(uint256 nonce, uint256 deadline, bytes permit2Signature, bytes permitData)`.
/// `permitData` is empty, or `abi.encode(uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)` of an EIP-2612
/// permit for Permit2, so that the payer needs no transaction of its own. A permit that fails stops nothing: somebody may
/// have used it already.
contract Permit2DepositCollector is DepositCollector {
  string public constant DEPOSIT_WITNESS_TYPE_STRING =
    "DepositWitness witness)DepositWitness(bytes32 channelId)TokenPermissions(address token,uint256 amount)";
  bytes32 public constant DEPOSIT_WITNESS_TYPEHASH = keccak256("DepositWitness(bytes32 channelId)");

  // forge-lint: disable-next-line(screaming-snake-case-immutable)
  ISignatureTransfer public immutable PERMIT2;

  error InvalidPermit2Address();
  /// @notice Thrown when the permit is of another amount than the deposit
  error Permit2612AmountMismatch();

  event EIP2612PermitFailedWithReason(address indexed token, address indexed owner, string reason);
  event EIP2612PermitFailedWithPanic(address indexed token, address indexed owner, uint256 errorCode);
  event EIP2612PermitFailedWithData(address indexed token, address indexed owner, bytes data);

  /// @param channels the channel contract
  /// @param permit2 the canonical one, or a stand-in with its ABI, domain and digest
  constructor(address channels, address permit2) DepositCollector(channels) {
    require(permit2 != address(0), InvalidPermit2Address());
    PERMIT2 = ISignatureTransfer(permit2);
  }

  /// @inheritdoc IDepositCollector
  function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata collectorData)
    external
    onlyChannels
  {
    (uint256 nonce, uint256 deadline, bytes memory signature, bytes memory permitData) =
      abi.decode(collectorData, (uint256, uint256, bytes, bytes));
    if (permitData.length != 0) _tryPermit(payer, token, amount, permitData);
    PERMIT2.permitWitnessTransferFrom(
      ISignatureTransfer.PermitTransferFrom(ISignatureTransfer.TokenPermissions(token, amount), nonce, deadline),
      ISignatureTransfer.SignatureTransferDetails(x402BatchSettlement, amount),
      payer,
      keccak256(abi.encode(DEPOSIT_WITNESS_TYPEHASH, channelId)),
      DEPOSIT_WITNESS_TYPE_STRING,
      signature
    );
  }

  function _tryPermit(address payer, address token, uint256 amount, bytes memory permitData) private {
    (uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
      abi.decode(permitData, (uint256, uint256, uint8, bytes32, bytes32));
    require(value == amount, Permit2612AmountMismatch());
    try IERC20Permit(token).permit(payer, address(PERMIT2), value, deadline, v, r, s) {}
    catch Error(string memory reason) {
      emit EIP2612PermitFailedWithReason(token, payer, reason);
    } catch Panic(uint256 code) {
      emit EIP2612PermitFailedWithPanic(token, payer, code);
    } catch (bytes memory data) {
      emit EIP2612PermitFailedWithData(token, payer, data);
    }
  }
}
