// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPG} from "../src/OPG.sol";
import {ERC3009DepositCollector} from "../src/collectors/ERC3009DepositCollector.sol";
import {Permit2DepositCollector} from "../src/collectors/Permit2DepositCollector.sol";
import {IDepositCollector} from "../src/interfaces/IDepositCollector.sol";
import {IPaymentChannels} from "../src/interfaces/IPaymentChannels.sol";
import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {Channels, Wallet} from "./support/Channels.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @notice A token whose permit fails as it is told to.
contract BadPermitToken is ERC20 {
  uint8 private immutable _how;

  constructor(address holder, uint8 how) ERC20("Bad permit", "BAD") {
    _how = how;
    _mint(holder, 1e30);
  }

  function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external view {
    if (_how == 0) revert("no permits today");
    if (_how == 1) assert(false);
    revert ERC20InvalidSpender(address(0));
  }
}

contract CollectorsTest is Channels {
  bytes32 private constant PERMIT =
    keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
  bytes32 private constant TRANSFER = keccak256(
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,DepositWitness witness)DepositWitness(bytes32 channelId)TokenPermissions(address token,uint256 amount)"
  );
  address private constant RECEIVER = address(0xBEEF);
  address private constant STRANGER = address(0x5115);
  uint256 private constant FAR = 4_000_000_000;

  uint256 private payerKey = key("payer", 0);
  address private payer = vm.addr(payerKey);
  IPaymentChannels.ChannelConfig private config;
  bytes32 private id;

  function setUp() public {
    vm.warp(1_800_000_000);
    deployChannels(new OPG(address(this)));
    config = configOf(0, RECEIVER, STRANGER);
    id = channels.getChannelId(config);
    coin.transfer(payer, 100e18);
  }

  function transferSignature(
    uint256 signerKey,
    address token,
    uint256 amount,
    uint256 nonce,
    uint256 deadline,
    bytes32 to
  ) private view returns (bytes memory) {
    bytes32 permissions = keccak256(
      abi.encode(keccak256("TokenPermissions(address token,uint256 amount)"), token, amount)
    );
    bytes32 witness = keccak256(abi.encode(keccak256("DepositWitness(bytes32 channelId)"), to));
    bytes32 structHash =
      keccak256(abi.encode(TRANSFER, permissions, address(permitCollector), nonce, deadline, witness));
    return signature65(signerKey, keccak256(abi.encodePacked(hex"1901", permit2.DOMAIN_SEPARATOR(), structHash)));
  }

  function permitted(uint256 amount, uint256 nonce) private view returns (bytes memory) {
    return abi.encode(nonce, FAR, transferSignature(payerKey, config.token, amount, nonce, FAR, id), bytes(""));
  }

  function allowance(uint256 value) private view returns (bytes memory) {
    bytes32 structHash = keccak256(abi.encode(PERMIT, payer, address(permit2), value, coin.nonces(payer), FAR));
    (uint8 v, bytes32 r, bytes32 s) =
      vm.sign(payerKey, keccak256(abi.encodePacked(hex"1901", coin.DOMAIN_SEPARATOR(), structHash)));
    return abi.encode(value, FAR, v, r, s);
  }

  function allow(address token) private {
    vm.prank(payer);
    IERC20(token).approve(address(permit2), type(uint256).max);
  }

  function balanceOf(bytes32 channelId) private view returns (uint128 balance) {
    (balance,) = channels.channels(channelId);
  }

  // EIP-3009

  function test_anAuthorizationFillsTheChannelItNamesOnce() public {
    bytes memory data = authorization(payerKey, id, 3e18, 7);
    vm.prank(STRANGER);
    channels.deposit(config, 3e18, address(collector), data);
    equal(balanceOf(id), 3e18, "deposited");
    equal(coin.balanceOf(payer), 97e18, "the payer's");
    vm.expectRevert(
      abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, keccak256(abi.encode(id, uint256(7))))
    );
    channels.deposit(config, 3e18, address(collector), data);
  }

  function test_anAuthorizationFillsNoOtherChannelAndNoOtherAmount() public {
    bytes memory data = authorization(payerKey, id, 3e18, 7);
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
    channels.deposit(config, 2e18, address(collector), data);
    IPaymentChannels.ChannelConfig memory diverted = configOf(0, STRANGER, STRANGER);
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
    channels.deposit(diverted, 3e18, address(collector), data);
  }

  function test_aWalletAuthorizesByItsCode() public {
    Wallet wallet = new Wallet(vm.addr(key("wallet", 0)));
    config.payer = address(wallet);
    id = channels.getChannelId(config);
    coin.transfer(address(wallet), 3e18);
    uint256 before = vm.getBlockTimestamp() + 60;
    bytes32 nonce = keccak256(abi.encode(id, uint256(1)));
    bytes32 structHash =
      keccak256(abi.encode(RECEIVE, address(wallet), address(collector), 3e18, uint256(0), before, nonce));
    bytes memory signature =
      signature65(key("wallet", 0), keccak256(abi.encodePacked(hex"1901", coin.DOMAIN_SEPARATOR(), structHash)));
    channels.deposit(config, 3e18, address(collector), abi.encode(uint256(0), before, uint256(1), signature));
    equal(balanceOf(id), 3e18, "deposited");
  }

  function test_nobodyButTheChannelsCollects() public {
    bytes memory data = authorization(payerKey, id, 3e18, 7);
    bytes4 reason = IDepositCollector.OnlyX402BatchSettlement.selector;
    vm.expectRevert(abi.encodeWithSelector(reason));
    collector.collect(payer, address(coin), 3e18, id, data);
    data = permitted(3e18, 0);
    vm.expectRevert(abi.encodeWithSelector(reason));
    permitCollector.collect(payer, address(coin), 3e18, id, data);
  }

  function test_constructorsRefuseZero() public {
    vm.expectRevert(abi.encodeWithSelector(IDepositCollector.InvalidX402BatchSettlementAddress.selector));
    new ERC3009DepositCollector(address(0));
    vm.expectRevert(abi.encodeWithSelector(IDepositCollector.InvalidX402BatchSettlementAddress.selector));
    new Permit2DepositCollector(address(0), address(permit2));
    vm.expectRevert(abi.encodeWithSelector(Permit2DepositCollector.InvalidPermit2Address.selector));
    new Permit2DepositCollector(address(channels), address(0));
    equal(permitCollector.x402BatchSettlement(), address(channels), "channels");
    equal(address(permitCollector.PERMIT2()), address(permit2), "permit2");
  }

  // Permit2

  function test_aPermit2TransferFillsTheChannelItsWitnessNamesOnce() public {
    allow(address(coin));
    bytes memory data = permitted(3e18, 0x1ff);
    vm.prank(STRANGER);
    channels.deposit(config, 3e18, address(permitCollector), data);
    equal(balanceOf(id), 3e18, "deposited");
    equal(permit2.nonceBitmap(payer, 1), 1 << 255, "nonce 0x1ff");
    vm.expectRevert(abi.encodeWithSelector(ISignatureTransfer.InvalidNonce.selector));
    channels.deposit(config, 3e18, address(permitCollector), data);
  }

  function test_aPermit2TransferFillsNoOtherChannelAndNoOtherAmount() public {
    allow(address(coin));
    bytes memory data = permitted(3e18, 0);
    vm.expectRevert(abi.encodeWithSelector(ISignatureTransfer.InvalidSigner.selector));
    channels.deposit(config, 2e18, address(permitCollector), data);
    IPaymentChannels.ChannelConfig memory diverted = configOf(0, STRANGER, STRANGER);
    vm.expectRevert(abi.encodeWithSelector(ISignatureTransfer.InvalidSigner.selector));
    channels.deposit(diverted, 3e18, address(permitCollector), data);
  }

  function test_aPermitSparesThePayerAnApproval() public {
    bytes memory data =
      abi.encode(uint256(0), FAR, transferSignature(payerKey, config.token, 3e18, 0, FAR, id), allowance(3e18));
    channels.deposit(config, 3e18, address(permitCollector), data);
    equal(balanceOf(id), 3e18, "deposited");
    equal(coin.allowance(payer, address(permit2)), 0, "no allowance is left");
  }

  function test_aPermitSomebodyUsedFirstStopsNothing() public {
    bytes memory permitData = allowance(3e18);
    bytes memory data =
      abi.encode(uint256(0), FAR, transferSignature(payerKey, config.token, 3e18, 0, FAR, id), permitData);
    (uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
      abi.decode(permitData, (uint256, uint256, uint8, bytes32, bytes32));
    vm.prank(STRANGER);
    coin.permit(payer, address(permit2), value, deadline, v, r, s);
    channels.deposit(config, 3e18, address(permitCollector), data);
    equal(balanceOf(id), 3e18, "deposited");
  }

  function test_aPermitOfAnotherAmountIsRefused() public {
    bytes memory data =
      abi.encode(uint256(0), FAR, transferSignature(payerKey, config.token, 3e18, 0, FAR, id), allowance(4e18));
    vm.expectRevert(abi.encodeWithSelector(Permit2DepositCollector.Permit2612AmountMismatch.selector));
    channels.deposit(config, 3e18, address(permitCollector), data);
  }

  function test_aFailedPermitIsLoggedAsItFailed() public {
    for (uint8 how; how < 3; ++how) {
      BadPermitToken token = new BadPermitToken(payer, how);
      allow(address(token));
      config.token = address(token);
      id = channels.getChannelId(config);
      bytes memory data = abi.encode(
        uint256(how),
        FAR,
        transferSignature(payerKey, address(token), 3e18, how, FAR, id),
        abi.encode(3e18, FAR, uint8(27), bytes32(0), bytes32(0))
      );
      vm.expectEmit(true, true, true, true, address(permitCollector));
      if (how == 0) {
        emit Permit2DepositCollector.EIP2612PermitFailedWithReason(address(token), payer, "no permits today");
      } else if (how == 1) {
        emit Permit2DepositCollector.EIP2612PermitFailedWithPanic(address(token), payer, 1);
      } else {
        emit Permit2DepositCollector.EIP2612PermitFailedWithData(
          address(token), payer, abi.encodeWithSelector(IERC20Errors.ERC20InvalidSpender.selector, address(0))
        );
      }
      channels.deposit(config, 3e18, address(permitCollector), data);
      equal(balanceOf(id), 3e18, "deposited");
    }
  }

  // The stand-in

  /// @dev The arguments of a transfer to the receiver, ready before a caller or an error is announced.
  function transferCall(uint256 asked, uint256 deadline) private view returns (bytes memory) {
    return abi.encodeCall(
      ISignatureTransfer.permitWitnessTransferFrom,
      (
        ISignatureTransfer.PermitTransferFrom(ISignatureTransfer.TokenPermissions(address(coin), 3e18), 0, deadline),
        ISignatureTransfer.SignatureTransferDetails(RECEIVER, asked),
        payer,
        keccak256(abi.encode(permitCollector.DEPOSIT_WITNESS_TYPEHASH(), id)),
        permitCollector.DEPOSIT_WITNESS_TYPE_STRING(),
        transferSignature(payerKey, address(coin), 3e18, 0, deadline, id)
      )
    );
  }

  function refusesTransfer(bytes memory reason, uint256 asked, uint256 deadline, address spender) private {
    bytes memory data = transferCall(asked, deadline);
    vm.prank(spender);
    (bool done, bytes memory result) = address(permit2).call(data);
    isTrue(!done, "refused");
    equal(keccak256(result), keccak256(reason), "reason");
  }

  function test_permit2RefusesLateTransfersAndMoreThanWasPermitted() public {
    allow(address(coin));
    uint256 past = vm.getBlockTimestamp() - 1;
    address spender = address(permitCollector);
    refusesTransfer(abi.encodeWithSelector(ISignatureTransfer.SignatureExpired.selector, past), 3e18, past, spender);
    refusesTransfer(abi.encodeWithSelector(ISignatureTransfer.InvalidAmount.selector, 3e18), 3e18 + 1, FAR, spender);
  }

  function test_permit2IsForTheSpenderTheOwnerSignedFor() public {
    allow(address(coin));
    refusesTransfer(abi.encodeWithSelector(ISignatureTransfer.InvalidSigner.selector), 3e18, FAR, STRANGER);
    bytes memory data = transferCall(2e18, FAR);
    vm.prank(address(permitCollector));
    (bool done,) = address(permit2).call(data);
    isTrue(done, "and less than was permitted");
    equal(coin.balanceOf(RECEIVER), 2e18, "moved");
  }

  function test_permit2ForgetsNoncesItsOwnerGaveUp() public {
    allow(address(coin));
    vm.expectEmit(true, true, true, true, address(permit2));
    emit ISignatureTransfer.UnorderedNonceInvalidation(payer, 0, 5);
    vm.prank(payer);
    permit2.invalidateUnorderedNonces(0, 5);
    bytes memory data = permitted(3e18, 2);
    vm.expectRevert(abi.encodeWithSelector(ISignatureTransfer.InvalidNonce.selector));
    channels.deposit(config, 3e18, address(permitCollector), data);
    channels.deposit(config, 3e18, address(permitCollector), permitted(3e18, 1));
    equal(balanceOf(id), 3e18, "another nonce");
  }

  /// Audit 1: what a payer signed for one receiver is deposited for another.
  function test_audit01_noCollectorMovesADepositToAnotherReceiver() public {
    allow(address(coin));
    IPaymentChannels.ChannelConfig memory diverted = configOf(0, address(0xBAD), STRANGER);
    bytes memory byAuthorization = authorization(payerKey, id, 3e18, 7);
    bytes memory byPermit = permitted(3e18, 0);
    vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
    channels.deposit(diverted, 3e18, address(collector), byAuthorization);
    vm.expectPartialRevert(ISignatureTransfer.InvalidSigner.selector);
    channels.deposit(diverted, 3e18, address(permitCollector), byPermit);
    equal(coin.balanceOf(payer), 100e18, "the payer keeps its money");
  }
}
