// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DevnetUSDC} from "../src/devnet/DevnetUSDC.sol";
import {ExactPermit2Proxy} from "../src/devnet/ExactPermit2Proxy.sol";
import {Multicall3} from "../src/devnet/Multicall3.sol";
import {Permit2} from "../src/devnet/Permit2.sol";
import {Permit2Proxy} from "../src/devnet/Permit2Proxy.sol";
import {UptoPermit2Proxy} from "../src/devnet/UptoPermit2Proxy.sol";
import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {Wallet} from "./support/Channels.sol";
import {Test} from "./support/Test.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @notice What stands in for the contracts of others on devnets: the published types, signed and paid.
contract DevnetContractsTest is Test {
  bytes32 private constant PERMIT =
    keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
  bytes32 private constant PERMISSIONS = keccak256("TokenPermissions(address token,uint256 amount)");
  bytes32 private constant EXACT = keccak256(
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)"
  );
  bytes32 private constant UPTO = keccak256(
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)"
  );
  bytes32 private constant TRANSFER = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
  );
  bytes32 private constant RECEIVE = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
  );
  bytes32 private constant CANCEL = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
  bytes32 private constant NONCE = keccak256("any 32 bytes");
  address private constant PAYEE = address(0xBEEF);
  address private constant FACILITATOR = address(0xFAC1);
  address private constant STRANGER = address(0x5115);
  uint256 private constant NOW = 1_800_000_000;
  uint256 private constant FAR = 4_000_000_000;

  DevnetUSDC private usdc;
  Permit2 private permit2;
  UptoPermit2Proxy private upto;
  ExactPermit2Proxy private exact;
  Multicall3 private multicall;
  uint256 private payerKey = key("payer", 0);
  address private payer = vm.addr(payerKey);

  function setUp() public {
    vm.warp(NOW);
    usdc = new DevnetUSDC(address(this));
    permit2 = new Permit2();
    upto = new UptoPermit2Proxy(address(permit2));
    exact = new ExactPermit2Proxy(address(permit2));
    multicall = new Multicall3();
    usdc.transfer(payer, 100e6);
  }

  function allow() private {
    vm.prank(payer);
    usdc.approve(address(permit2), type(uint256).max);
  }

  function permitOf(uint256 amount) private view returns (ISignatureTransfer.PermitTransferFrom memory) {
    return ISignatureTransfer.PermitTransferFrom(ISignatureTransfer.TokenPermissions(address(usdc), amount), 7, FAR);
  }

  function transferSignature(bytes32 typehash, address spender, uint256 amount, bytes32 witness)
    private
    view
    returns (bytes memory)
  {
    bytes32 permitted = keccak256(abi.encode(PERMISSIONS, address(usdc), amount));
    bytes32 structHash = keccak256(abi.encode(typehash, permitted, spender, uint256(7), FAR, witness));
    return signature65(payerKey, keccak256(abi.encodePacked(hex"1901", permit2.DOMAIN_SEPARATOR(), structHash)));
  }

  function uptoSignature(uint256 amount, UptoPermit2Proxy.Witness memory witness) private view returns (bytes memory) {
    return transferSignature(UPTO, address(upto), amount, keccak256(abi.encode(upto.WITNESS_TYPEHASH(), witness)));
  }

  function exactSignature(uint256 amount, ExactPermit2Proxy.Witness memory witness)
    private
    view
    returns (bytes memory)
  {
    return transferSignature(EXACT, address(exact), amount, keccak256(abi.encode(exact.WITNESS_TYPEHASH(), witness)));
  }

  function permit2612(uint256 value) private view returns (Permit2Proxy.EIP2612Permit memory) {
    bytes32 structHash = keccak256(abi.encode(PERMIT, payer, address(permit2), value, usdc.nonces(payer), FAR));
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, typed(structHash));
    return Permit2Proxy.EIP2612Permit(value, FAR, r, s, v);
  }

  function typed(bytes32 structHash) private view returns (bytes32) {
    return keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), structHash));
  }

  function settleUpto(uint256 permitted, uint256 amount, UptoPermit2Proxy.Witness memory witness, bytes4 reason)
    private
  {
    bytes memory signature = uptoSignature(permitted, witness);
    vm.prank(FACILITATOR);
    if (reason != 0) vm.expectRevert(abi.encodeWithSelector(reason));
    upto.settle(permitOf(permitted), amount, payer, witness, signature);
  }

  // upto

  function test_uptoTakesAPartOfWhatWasPermittedOnce() public {
    allow();
    UptoPermit2Proxy.Witness memory witness = UptoPermit2Proxy.Witness(PAYEE, FACILITATOR, NOW);
    vm.expectEmit(true, true, true, true, address(upto));
    emit Permit2Proxy.Settled();
    settleUpto(5e6, 3e6, witness, 0);
    equal(usdc.balanceOf(PAYEE), 3e6, "paid");
    settleUpto(5e6, 1e6, witness, ISignatureTransfer.InvalidNonce.selector);
  }

  function test_uptoIsForTheFacilitatorThePayerSignedFor() public {
    allow();
    UptoPermit2Proxy.Witness memory witness = UptoPermit2Proxy.Witness(PAYEE, STRANGER, NOW);
    settleUpto(5e6, 3e6, witness, UptoPermit2Proxy.UnauthorizedFacilitator.selector);
    witness.facilitator = FACILITATOR;
    bytes memory signature = uptoSignature(5e6, witness);
    witness.to = FACILITATOR;
    vm.prank(FACILITATOR);
    vm.expectRevert(abi.encodeWithSelector(ISignatureTransfer.InvalidSigner.selector));
    upto.settle(permitOf(5e6), 3e6, payer, witness, signature);
  }

  function test_uptoRefusesMoreThanWasPermittedAndWhatIsTooEarlyOrFromOrForNobody() public {
    allow();
    UptoPermit2Proxy.Witness memory witness = UptoPermit2Proxy.Witness(PAYEE, FACILITATOR, NOW);
    settleUpto(5e6, 5e6 + 1, witness, UptoPermit2Proxy.AmountExceedsPermitted.selector);
    witness.validAfter = NOW + 1;
    settleUpto(5e6, 3e6, witness, Permit2Proxy.PaymentTooEarly.selector);
    witness = UptoPermit2Proxy.Witness(address(0), FACILITATOR, NOW);
    settleUpto(5e6, 3e6, witness, Permit2Proxy.InvalidDestination.selector);
    vm.prank(FACILITATOR);
    vm.expectRevert(abi.encodeWithSelector(Permit2Proxy.InvalidOwner.selector));
    upto.settle(permitOf(5e6), 3e6, address(0), UptoPermit2Proxy.Witness(PAYEE, FACILITATOR, NOW), "");
  }

  function test_uptoWithAPermitNeedsNoTransactionOfThePayer() public {
    UptoPermit2Proxy.Witness memory witness = UptoPermit2Proxy.Witness(PAYEE, FACILITATOR, NOW);
    bytes memory signature = uptoSignature(5e6, witness);
    Permit2Proxy.EIP2612Permit memory permit = permit2612(4e6);
    vm.prank(FACILITATOR);
    vm.expectRevert(abi.encodeWithSelector(Permit2Proxy.Permit2612AmountMismatch.selector));
    upto.settleWithPermit(permit, permitOf(5e6), 3e6, payer, witness, signature);
    permit = permit2612(5e6);
    vm.expectEmit(true, true, true, true, address(upto));
    emit Permit2Proxy.SettledWithPermit();
    vm.prank(FACILITATOR);
    upto.settleWithPermit(permit, permitOf(5e6), 3e6, payer, witness, signature);
    equal(usdc.balanceOf(PAYEE), 3e6, "paid");
  }

  function test_aPermitSomebodyUsedFirstStopsNoSettlement() public {
    UptoPermit2Proxy.Witness memory witness = UptoPermit2Proxy.Witness(PAYEE, FACILITATOR, NOW);
    bytes memory signature = uptoSignature(5e6, witness);
    Permit2Proxy.EIP2612Permit memory permit = permit2612(5e6);
    usdc.permit(payer, address(permit2), 5e6, FAR, permit.v, permit.r, permit.s);
    vm.prank(FACILITATOR);
    upto.settleWithPermit(permit, permitOf(5e6), 5e6, payer, witness, signature);
    equal(usdc.balanceOf(PAYEE), 5e6, "paid");
  }

  // exact

  function test_exactTakesAllThatWasPermittedByAnyoneOnce() public {
    allow();
    ExactPermit2Proxy.Witness memory witness = ExactPermit2Proxy.Witness(PAYEE, NOW);
    bytes memory signature = exactSignature(5e6, witness);
    exact.settle(permitOf(5e6), payer, witness, signature);
    equal(usdc.balanceOf(PAYEE), 5e6, "paid");
    vm.expectRevert(abi.encodeWithSelector(ISignatureTransfer.InvalidNonce.selector));
    exact.settle(permitOf(5e6), payer, witness, signature);
    signature = exactSignature(0, witness);
    vm.expectRevert(abi.encodeWithSelector(ExactPermit2Proxy.InvalidAmount.selector));
    exact.settle(permitOf(0), payer, witness, signature);
  }

  function test_exactWithAPermitNeedsNoTransactionOfThePayer() public {
    ExactPermit2Proxy.Witness memory witness = ExactPermit2Proxy.Witness(PAYEE, NOW);
    bytes memory signature = exactSignature(5e6, witness);
    exact.settleWithPermit(permit2612(5e6), permitOf(5e6), payer, witness, signature);
    equal(usdc.balanceOf(PAYEE), 5e6, "paid");
  }

  function test_proxiesNameTheirPermit2AndRefuseNone() public {
    equal(address(upto.PERMIT2()), address(permit2), "upto");
    equal(address(exact.PERMIT2()), address(permit2), "exact");
    vm.expectRevert(abi.encodeWithSelector(Permit2Proxy.InvalidPermit2Address.selector));
    new UptoPermit2Proxy(address(0));
    vm.expectRevert(abi.encodeWithSelector(Permit2Proxy.InvalidPermit2Address.selector));
    new ExactPermit2Proxy(address(0));
  }

  // Multicall3

  function failing() private view returns (Multicall3.Call3[] memory calls) {
    calls = new Multicall3.Call3[](3);
    calls[0] = Multicall3.Call3(address(usdc), false, abi.encodeCall(usdc.balanceOf, (payer)));
    calls[1] = Multicall3.Call3(address(usdc), true, abi.encodeCall(usdc.transfer, (PAYEE, 1)));
    calls[2] = Multicall3.Call3(address(multicall), false, abi.encodeCall(multicall.getEthBalance, (payer)));
  }

  function test_aggregatesAndTellsWhichCallFailed() public {
    Multicall3.Call3[] memory calls = failing();
    Multicall3.Result[] memory results = multicall.aggregate3(calls);
    equal(abi.decode(results[0].returnData, (uint256)), 100e6, "balance");
    isTrue(!results[1].success, "may fail");
    equal(abi.decode(results[2].returnData, (uint256)), payer.balance, "ether");
    calls[1].allowFailure = false;
    vm.expectRevert(abi.encodeWithSelector(Multicall3.CallFailed.selector, 1));
    multicall.aggregate3(calls);
  }

  function test_triesEveryCallUnderOneRule() public {
    Multicall3.Call[] memory calls = new Multicall3.Call[](2);
    calls[0] = Multicall3.Call(address(usdc), abi.encodeCall(usdc.transfer, (PAYEE, 1)));
    calls[1] = Multicall3.Call(address(usdc), abi.encodeCall(usdc.decimals, ()));
    Multicall3.Result[] memory results = multicall.tryAggregate(false, calls);
    isTrue(!results[0].success && results[1].success, "each by itself");
    vm.expectRevert(abi.encodeWithSelector(Multicall3.CallFailed.selector, 0));
    multicall.tryAggregate(true, calls);
  }

  // USDC

  function authorization(bytes32 typehash, address to, uint256 value, bytes32 nonce) private view returns (bytes32) {
    return typed(keccak256(abi.encode(typehash, payer, to, value, uint256(0), FAR, nonce)));
  }

  function test_theDollarHasTheDomainStockClientsKnow() public view {
    bytes32 domain = keccak256(
      abi.encode(
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak256("USDC"),
        keccak256("2"),
        block.chainid,
        address(usdc)
      )
    );
    equal(usdc.DOMAIN_SEPARATOR(), domain, "domain");
    equal(keccak256(bytes(usdc.name())), keccak256("USDC"), "name");
    equal(keccak256(bytes(usdc.version())), keccak256("2"), "version");
    equal(usdc.decimals(), 6, "decimals");
    equal(usdc.totalSupply(), usdc.TOTAL_SUPPLY(), "supply");
  }

  function test_theDollarDescribesItsDomainNoMoreThanUSDC() public {
    vm.expectRevert("");
    usdc.eip712Domain();
  }

  function test_theDollarMovesByAuthorizationInBothForms() public {
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, authorization(TRANSFER, PAYEE, 3e6, NONCE));
    usdc.transferWithAuthorization(payer, PAYEE, 3e6, 0, FAR, NONCE, v, r, s);
    bytes32 other = keccak256("another nonce");
    bytes memory signature = signature65(payerKey, authorization(TRANSFER, PAYEE, 4e6, other));
    usdc.transferWithAuthorization(payer, PAYEE, 4e6, 0, FAR, other, signature);
    equal(usdc.balanceOf(PAYEE), 7e6, "both");
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, other));
    usdc.transferWithAuthorization(payer, PAYEE, 4e6, 0, FAR, other, signature);
  }

  function test_theDollarIsReceivedByThePayeeAlone() public {
    bytes memory signature = signature65(payerKey, authorization(RECEIVE, PAYEE, 3e6, NONCE));
    vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, PAYEE));
    usdc.receiveWithAuthorization(payer, PAYEE, 3e6, 0, FAR, NONCE, signature);
    vm.prank(PAYEE);
    usdc.receiveWithAuthorization(payer, PAYEE, 3e6, 0, FAR, NONCE, signature);
    equal(usdc.balanceOf(PAYEE), 3e6, "received");
  }

  function test_aCanceledAuthorizationMovesNothing() public {
    bytes memory cancel = signature65(payerKey, typed(keccak256(abi.encode(CANCEL, payer, NONCE))));
    usdc.cancelAuthorization(payer, NONCE, cancel);
    bytes memory signature = signature65(payerKey, authorization(TRANSFER, PAYEE, 3e6, NONCE));
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, NONCE));
    usdc.transferWithAuthorization(payer, PAYEE, 3e6, 0, FAR, NONCE, signature);
  }

  function test_theDollarRefusesForeignAndLateAuthorizations() public {
    bytes memory signature = signature65(key("other", 0), authorization(TRANSFER, PAYEE, 3e6, NONCE));
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
    usdc.transferWithAuthorization(payer, PAYEE, 3e6, 0, FAR, NONCE, signature);
    signature = signature65(payerKey, authorization(TRANSFER, PAYEE, 3e6, NONCE));
    vm.warp(FAR);
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, 0, FAR));
    usdc.transferWithAuthorization(payer, PAYEE, 3e6, 0, FAR, NONCE, signature);
  }

  function test_aWalletPermitsByItsCodeAndOncePerNonce() public {
    Wallet wallet = new Wallet(payer);
    bytes32 structHash = keccak256(abi.encode(PERMIT, address(wallet), PAYEE, 3e6, uint256(0), FAR));
    bytes memory signature = signature65(payerKey, typed(structHash));
    usdc.permit(address(wallet), PAYEE, 3e6, FAR, signature);
    equal(usdc.allowance(address(wallet), PAYEE), 3e6, "allowed");
    vm.expectRevert(abi.encodeWithSelector(DevnetUSDC.InvalidPermitSignature.selector));
    usdc.permit(address(wallet), PAYEE, 3e6, FAR, signature);
    vm.expectRevert(abi.encodeWithSelector(DevnetUSDC.PermitExpired.selector, NOW - 1));
    usdc.permit(address(wallet), PAYEE, 3e6, NOW - 1, signature);
  }
}
