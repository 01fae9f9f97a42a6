// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPG} from "../src/OPG.sol";
import {Test} from "./support/Test.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @notice An account with code whose signature is one word it was told.
contract Account is IERC1271 {
  bytes32 private immutable _word;

  constructor(bytes32 word) {
    _word = word;
  }

  function isValidSignature(bytes32, bytes calldata signature) external view returns (bytes4) {
    return bytes32(signature) == _word ? IERC1271.isValidSignature.selector : bytes4(0);
  }
}

contract OPGTest is Test {
  bytes32 private constant TRANSFER = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
  );
  bytes32 private constant RECEIVE = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
  );
  bytes32 private constant CANCEL = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
  bytes32 private constant PERMIT =
    keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

  OPG private opg;
  uint256 private payerKey = key("payer", 0);
  address private payer = vm.addr(payerKey);
  address private payee = address(0xBEEF);
  bytes32 private constant NONCE = keccak256("any 32 bytes");

  function setUp() public {
    vm.warp(1_800_000_000);
    opg = new OPG(address(this));
    opg.transfer(payer, 100e18);
  }

  function typed(bytes32 structHash) private view returns (bytes32) {
    return keccak256(abi.encodePacked(hex"1901", opg.DOMAIN_SEPARATOR(), structHash));
  }

  function authorization(bytes32 typehash, address to, uint256 value, uint256 after_, uint256 before)
    private
    view
    returns (bytes32)
  {
    return typed(keccak256(abi.encode(typehash, payer, to, value, after_, before, NONCE)));
  }

  function test_mintsTheWholeSupplyOnceToTheRecipient() public {
    OPG fresh = new OPG(payee);
    equal(fresh.totalSupply(), 1_000_000_000e18, "supply");
    equal(fresh.balanceOf(payee), 1_000_000_000e18, "recipient");
    equal(fresh.decimals(), 18, "decimals");
  }

  function test_movesByAuthorizationInBothForms() public {
    uint256 before = vm.getBlockTimestamp() + 60;
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, authorization(TRANSFER, payee, 3e18, 0, before));
    opg.transferWithAuthorization(payer, payee, 3e18, 0, before, NONCE, v, r, s);
    equal(opg.balanceOf(payee), 3e18, "v, r, s form");
    isTrue(opg.authorizationState(payer, NONCE), "used");

    bytes32 other = keccak256("another nonce");
    bytes memory signature =
      signature65(payerKey, typed(keccak256(abi.encode(TRANSFER, payer, payee, 4e18, 0, before, other))));
    opg.transferWithAuthorization(payer, payee, 4e18, 0, before, other, signature);
    equal(opg.balanceOf(payee), 7e18, "bytes form");
  }

  function test_refusesASecondUseInEitherForm() public {
    uint256 before = vm.getBlockTimestamp() + 60;
    bytes32 digest = authorization(TRANSFER, payee, 3e18, 0, before);
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, digest);
    opg.transferWithAuthorization(payer, payee, 3e18, 0, before, NONCE, signature65(payerKey, digest));
    bytes memory used = abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, NONCE);
    vm.expectRevert(used);
    opg.transferWithAuthorization(payer, payee, 3e18, 0, before, NONCE, v, r, s);
    vm.expectRevert(used);
    opg.transferWithAuthorization(payer, payee, 3e18, 0, before, NONCE, signature65(payerKey, digest));
  }

  function test_onlyThePayeeReceivesByAuthorization() public {
    uint256 before = vm.getBlockTimestamp() + 60;
    bytes memory signature = signature65(payerKey, authorization(RECEIVE, payee, 3e18, 0, before));
    vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, payee));
    opg.receiveWithAuthorization(payer, payee, 3e18, 0, before, NONCE, signature);
    vm.prank(payee);
    opg.receiveWithAuthorization(payer, payee, 3e18, 0, before, NONCE, signature);
    equal(opg.balanceOf(payee), 3e18, "received");
  }

  function test_aCancelledAuthorizationMovesNothing() public {
    uint256 before = vm.getBlockTimestamp() + 60;
    opg.cancelAuthorization(payer, NONCE, signature65(payerKey, typed(keccak256(abi.encode(CANCEL, payer, NONCE)))));
    bytes memory signature = signature65(payerKey, authorization(TRANSFER, payee, 3e18, 0, before));
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, NONCE));
    opg.transferWithAuthorization(payer, payee, 3e18, 0, before, NONCE, signature);
  }

  /// @dev Both ends exclusive, in seconds, whatever bits are set.
  function test_holdsOnlyBetweenItsTwoTimes() public {
    uint256 start = vm.getBlockTimestamp();
    bytes memory signature = signature65(payerKey, authorization(TRANSFER, payee, 1, start, start + 2));
    bytes memory refused = abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, start, start + 2);
    vm.expectRevert(refused);
    opg.transferWithAuthorization(payer, payee, 1, start, start + 2, NONCE, signature);
    vm.warp(start + 2);
    vm.expectRevert(refused);
    opg.transferWithAuthorization(payer, payee, 1, start, start + 2, NONCE, signature);
    vm.warp(start + 1);
    opg.transferWithAuthorization(payer, payee, 1, start, start + 2, NONCE, signature);
    equal(opg.balanceOf(payee), 1, "moved");
  }

  function test_readsTimesAsSecondsEvenWithTheBlockNumberFlagOfERC4337() public {
    uint256 flag = 1 << 47;
    bytes memory signature = signature65(payerKey, authorization(TRANSFER, payee, 1, flag, flag + 1e9));
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, flag, flag + 1e9));
    opg.transferWithAuthorization(payer, payee, 1, flag, flag + 1e9, NONCE, signature);
  }

  function test_refusesAnotherSignerAmountOrChain() public {
    uint256 before = vm.getBlockTimestamp() + 60;
    bytes memory invalid = abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
    bytes memory stranger = signature65(key("payer", 1), authorization(TRANSFER, payee, 3e18, 0, before));
    bytes memory right = signature65(payerKey, authorization(TRANSFER, payee, 3e18, 0, before));
    vm.expectRevert(invalid);
    opg.transferWithAuthorization(payer, payee, 3e18, 0, before, NONCE, stranger);
    vm.expectRevert(invalid);
    opg.transferWithAuthorization(payer, payee, 3e18 + 1, 0, before, NONCE, right);
    vm.chainId(84_532);
    vm.expectRevert(invalid);
    opg.transferWithAuthorization(payer, payee, 3e18, 0, before, NONCE, right);
  }

  function test_anAccountWithCodeAuthorizesByTheBytesForm() public {
    Account account = new Account("pass");
    opg.transfer(address(account), 1e18);
    uint256 before = vm.getBlockTimestamp() + 60;
    vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
    opg.transferWithAuthorization(address(account), payee, 1e18, 0, before, NONCE, abi.encode("fail"));
    opg.transferWithAuthorization(address(account), payee, 1e18, 0, before, NONCE, abi.encode(bytes32("pass")));
    equal(opg.balanceOf(payee), 1e18, "moved");
  }

  function test_permitsOnceByERC2612() public {
    uint256 deadline = vm.getBlockTimestamp() + 60;
    bytes32 digest = typed(keccak256(abi.encode(PERMIT, payer, payee, 5e18, 0, deadline)));
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, digest);
    opg.permit(payer, payee, 5e18, deadline, v, r, s);
    equal(opg.allowance(payer, payee), 5e18, "allowance");
    vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
    opg.permit(payer, payee, 5e18, deadline, v, r, s);
  }

  function test_votesCountAtPastSeconds() public {
    equal(opg.clock(), vm.getBlockTimestamp(), "clock");
    equal(keccak256(bytes(opg.CLOCK_MODE())), keccak256("mode=timestamp"), "mode");
    vm.prank(payer);
    opg.delegate(payer);
    uint256 delegated = vm.getBlockTimestamp();
    vm.warp(delegated + 10);
    vm.prank(payer);
    opg.transfer(payee, 40e18);
    vm.warp(delegated + 20);
    equal(opg.getPastVotes(payer, delegated), 100e18, "before");
    equal(opg.getPastVotes(payer, delegated + 10), 60e18, "after");
  }

  function testFuzz_transfersConserveTheSupply(uint256 value, address to) public {
    vm.assume(to != address(0));
    value = bound(value, 0, 100e18);
    uint256 sum = opg.balanceOf(payer) + (to == payer ? 0 : opg.balanceOf(to));
    vm.prank(payer);
    opg.transfer(to, value);
    equal(opg.balanceOf(payer) + (to == payer ? 0 : opg.balanceOf(to)), sum, "sum");
    equal(opg.totalSupply(), 1e27, "supply");
  }
}
