// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISignatureTransfer} from "../interfaces/ISignatureTransfer.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title What the stand-ins of the x402 Permit2 proxies share: devnets and tests
/// @notice The payer signs a Permit2 transfer whose spender is the proxy and whose witness names the payee: whoever calls
/// can send the money nowhere else. Times in seconds.
abstract contract Permit2Proxy is ReentrancyGuardTransient {
  /// @param value the amount of the Permit2 transfer
  struct EIP2612Permit {
    uint256 value;
    uint256 deadline;
    bytes32 r;
    bytes32 s;
    uint8 v;
  }

  // forge-lint: disable-next-line(screaming-snake-case-immutable)
  ISignatureTransfer public immutable PERMIT2;

  error InvalidPermit2Address();
  error InvalidOwner();
  error InvalidDestination();
  error PaymentTooEarly();
  /// @notice Thrown when the permit is of another amount than the Permit2 transfer
  error Permit2612AmountMismatch();

  event Settled();
  event SettledWithPermit();

  /// @param permit2 the canonical one, or a stand-in with its ABI, domain and digest
  constructor(address permit2) {
    require(permit2 != address(0), InvalidPermit2Address());
    PERMIT2 = ISignatureTransfer(permit2);
  }

  /// @dev What every settlement pays, and to whom.
  struct Payment {
    address owner;
    address to;
    uint256 amount;
    uint256 validAfter;
    bytes32 witness;
  }

  function _pay(
    ISignatureTransfer.PermitTransferFrom calldata permit,
    Payment memory payment,
    string memory witnessTypeString,
    bytes calldata signature
  ) internal {
    require(payment.owner != address(0), InvalidOwner());
    require(payment.to != address(0), InvalidDestination());
    require(block.timestamp >= payment.validAfter, PaymentTooEarly());
    PERMIT2.permitWitnessTransferFrom(
      permit,
      ISignatureTransfer.SignatureTransferDetails(payment.to, payment.amount),
      payment.owner,
      payment.witness,
      witnessTypeString,
      signature
    );
  }

  /// @dev A permit that fails stops nothing: somebody may have used it already, and then Permit2 has its allowance.
  function _allow(
    EIP2612Permit calldata permit2612,
    ISignatureTransfer.TokenPermissions calldata permitted,
    address owner
  ) internal {
    require(permit2612.value == permitted.amount, Permit2612AmountMismatch());
    try IERC20Permit(permitted.token)
      .permit(
        owner, address(PERMIT2), permit2612.value, permit2612.deadline, permit2612.v, permit2612.r, permit2612.s
      ) {}
      catch {}
  }
}
