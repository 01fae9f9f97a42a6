// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPG} from "../src/OPG.sol";
import {PaymentChannels} from "../src/PaymentChannels.sol";
import {IPaymentChannels} from "../src/interfaces/IPaymentChannels.sol";
import {Channels, PlainCollector, Wallet} from "./support/Channels.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice Takes a tenth of what is moved while told to.
contract TollToken is ERC20 {
  bool private immutable _takesToll;

  constructor(address holder, bool takesToll) ERC20("Toll", "TOLL") {
    _takesToll = takesToll;
    _mint(holder, type(uint256).max);
  }

  function _update(address from, address to, uint256 value) internal override {
    uint256 toll = _takesToll && from != address(0) && to != address(0) ? value / 10 : 0;
    super._update(from, to, value - toll);
    if (toll != 0) super._update(from, address(0xdead), toll);
  }
}

/// @notice Calls back into the channels whenever it is moved.
contract CallbackToken is ERC20 {
  address private _target;
  bytes private _data;
  bool public refused;

  constructor(address holder) ERC20("Callback", "BACK") {
    _mint(holder, 1e30);
  }

  function arm(address target, bytes calldata data) external {
    (_target, _data) = (target, data);
  }

  function _update(address from, address to, uint256 value) internal override {
    super._update(from, to, value);
    if (_target == address(0)) return;
    (bool done, bytes memory result) = _target.call(_data);
    refused = !done && bytes4(result) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
  }
}

contract PaymentChannelsTest is Channels {
  address private constant RECEIVER = address(0xBEEF);
  address private constant STRANGER = address(0x5115);
  uint256 private authorizerKey = key("receiver authorizer", 0);
  address private authorizer = vm.addr(authorizerKey);

  IPaymentChannels.ChannelConfig private config;
  bytes32 private id;

  function setUp() public {
    vm.warp(1_800_000_000);
    deployChannels(new OPG(address(this)));
    config = configOf(0, RECEIVER, authorizer);
    id = fund(0, config, 100e18);
  }

  function claimAs(address caller, IPaymentChannels.VoucherClaim memory row) private {
    vm.prank(caller);
    channels.claim(one(row));
  }

  function refusesClaim(address caller, bytes4 reason, IPaymentChannels.VoucherClaim[] memory rows) private {
    vm.prank(caller);
    refuses(reason);
    channels.claim(rows);
  }

  function refuses(bytes4 reason) private {
    vm.expectRevert(abi.encodeWithSelector(reason));
  }

  // Channels and deposits

  function test_channelIdIsBoundToEveryFieldTheChainAndTheContract() public {
    bytes32[10] memory ids;
    ids[0] = id;
    IPaymentChannels.ChannelConfig memory other = configOf(0, RECEIVER, authorizer);
    other.payer = STRANGER;
    ids[1] = channels.getChannelId(other);
    other = configOf(0, RECEIVER, authorizer);
    other.payerAuthorizer = STRANGER;
    ids[2] = channels.getChannelId(other);
    ids[3] = channels.getChannelId(configOf(0, STRANGER, authorizer));
    ids[4] = channels.getChannelId(configOf(0, RECEIVER, STRANGER));
    other = configOf(0, RECEIVER, authorizer);
    other.token = STRANGER;
    ids[5] = channels.getChannelId(other);
    other = configOf(0, RECEIVER, authorizer);
    other.withdrawDelay += 1;
    ids[6] = channels.getChannelId(other);
    other = configOf(0, RECEIVER, authorizer);
    other.salt = 0;
    ids[7] = channels.getChannelId(other);
    ids[8] = new PaymentChannels().getChannelId(config);
    vm.chainId(31338);
    ids[9] = channels.getChannelId(config);
    for (uint256 first; first < ids.length; ++first) {
      for (uint256 second = first + 1; second < ids.length; ++second) {
        isTrue(ids[first] != ids[second], "distinct ids");
      }
    }
  }

  function test_depositCreatesTheChannelOnceAndAddsUp() public {
    IPaymentChannels.ChannelConfig memory fresh = configOf(1, RECEIVER, authorizer);
    bytes32 channelId = channels.getChannelId(fresh);
    coin.transfer(fresh.payer, 5e18);
    bytes memory data = authorization(key("payer", 1), channelId, 2e18, 0);
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.ChannelCreated(channelId, fresh);
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.Deposited(channelId, STRANGER, 2e18, 2e18);
    vm.prank(STRANGER);
    channels.deposit(fresh, 2e18, address(collector), data);
    vm.recordLogs();
    channels.deposit(fresh, 3e18, address(collector), authorization(key("payer", 1), channelId, 3e18, 1));
    equal(countOf(IPaymentChannels.ChannelCreated.selector), 0, "created once");
    checkChannel(channelId, 5e18, 0, "both deposits");
    equal(coin.balanceOf(address(channels)), 105e18, "tokens held");
    equal(coin.balanceOf(address(collector)), 0, "nothing stays with the collector");
  }

  function countOf(bytes32 topic) private returns (uint256 count) {
    Log[] memory logs = LogVm(address(vm)).getRecordedLogs();
    for (uint256 index; index < logs.length; ++index) {
      if (logs[index].topics[0] == topic) ++count;
    }
  }

  function test_depositRefusesWhatIsNoChannel() public {
    for (uint256 field; field < 4; ++field) {
      IPaymentChannels.ChannelConfig memory broken = configOf(1, RECEIVER, authorizer);
      if (field == 0) broken.payer = address(0);
      else if (field == 1) broken.receiver = address(0);
      else if (field == 2) broken.receiverAuthorizer = address(0);
      else broken.token = address(0);
      refuses(IPaymentChannels.InvalidChannel.selector);
      channels.deposit(broken, 1, address(collector), "");
    }
    IPaymentChannels.ChannelConfig memory delayed = configOf(1, RECEIVER, authorizer);
    delayed.withdrawDelay = 15 minutes - 1;
    refuses(IPaymentChannels.WithdrawDelayOutOfRange.selector);
    channels.deposit(delayed, 1, address(collector), "");
    delayed.withdrawDelay = 30 days + 1;
    refuses(IPaymentChannels.WithdrawDelayOutOfRange.selector);
    channels.deposit(delayed, 1, address(collector), "");
    refuses(IPaymentChannels.ZeroDeposit.selector);
    channels.deposit(config, 0, address(collector), "");
    refuses(IPaymentChannels.InvalidCollector.selector);
    channels.deposit(config, 1, address(0), "");
  }

  function test_depositTakesTheShortestAndTheLongestDelay() public {
    IPaymentChannels.ChannelConfig memory delayed = configOf(1, RECEIVER, authorizer);
    delayed.withdrawDelay = channels.MIN_WITHDRAW_DELAY();
    checkChannel(fund(1, delayed, 1), 1, 0, "15 minutes");
    delayed.withdrawDelay = channels.MAX_WITHDRAW_DELAY();
    checkChannel(fund(1, delayed, 1), 1, 0, "30 days");
  }

  function test_depositRefusesABalanceBeyond128Bits() public {
    TollToken token = new TollToken(config.payer, false);
    PlainCollector plain = new PlainCollector(token, 0);
    vm.prank(config.payer);
    token.approve(address(plain), type(uint256).max);
    IPaymentChannels.ChannelConfig memory big = configOf(0, RECEIVER, authorizer);
    big.token = address(token);
    channels.deposit(big, type(uint128).max, address(plain), "");
    refuses(IPaymentChannels.DepositOverflow.selector);
    channels.deposit(big, 1, address(plain), "");
  }

  function test_depositRefusesTokensThatTakeAFeeAndCollectorsThatBringLess() public {
    TollToken token = new TollToken(config.payer, true);
    IPaymentChannels.ChannelConfig memory taxed = configOf(0, RECEIVER, authorizer);
    taxed.token = address(token);
    PlainCollector plain = new PlainCollector(token, 0);
    vm.prank(config.payer);
    token.approve(address(plain), type(uint256).max);
    refuses(IPaymentChannels.DepositCollectionFailed.selector);
    channels.deposit(taxed, 100, address(plain), "");

    PlainCollector short = new PlainCollector(coin, 1);
    vm.prank(config.payer);
    coin.approve(address(short), type(uint256).max);
    coin.transfer(config.payer, 1e18);
    refuses(IPaymentChannels.DepositCollectionFailed.selector);
    channels.deposit(config, 1e18, address(short), "");
    checkChannel(id, 100e18, 0, "nothing was booked");
  }

  function test_wordsThatAreNoAddressesOpenNoChannel() public {
    PlainCollector plain = new PlainCollector(coin, 0);
    vm.prank(config.payer);
    coin.approve(address(plain), 2);
    coin.transfer(config.payer, 2);
    bytes memory data = abi.encodeCall(IPaymentChannels.deposit, (config, 1, address(plain), ""));
    data[4 + 0x20] = 0x01; // above the 160 bits of the payer's authorizer
    (bool done,) = address(channels).call(data);
    isTrue(!done, "refused");
    data[4 + 0x20] = 0;
    (done,) = address(channels).call(data);
    isTrue(done, "and nothing else was wrong");
  }

  function test_noTokenCallsBackIntoTheChannels() public {
    CallbackToken token = new CallbackToken(config.payer);
    IPaymentChannels.ChannelConfig memory odd = configOf(0, RECEIVER, authorizer);
    odd.token = address(token);
    PlainCollector plain = new PlainCollector(token, 0);
    vm.prank(config.payer);
    token.approve(address(plain), type(uint256).max);
    channels.deposit(odd, 10, address(plain), "");
    claimAs(RECEIVER, rowOf(0, odd, 4, 4));
    token.arm(address(channels), abi.encodeCall(IPaymentChannels.settle, (RECEIVER, address(coin))));
    channels.settle(RECEIVER, address(token));
    isTrue(token.refused(), "settle within settle");
    token.arm(address(channels), abi.encodeCall(IPaymentChannels.deposit, (config, 1, address(plain), "")));
    channels.deposit(odd, 10, address(plain), "");
    isTrue(token.refused(), "deposit within deposit");
  }

  // Claims

  function test_claimBooksWithoutMovingMoney() public {
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.Claimed(id, RECEIVER, 30e18, 30e18);
    claimAs(RECEIVER, rowOf(0, config, 40e18, 30e18));
    checkChannel(id, 100e18, 30e18, "claimed");
    (uint128 claimed, uint128 settled) = channels.receivers(RECEIVER, address(coin));
    equal(claimed, 30e18, "receiver claimed");
    equal(settled, 0, "receiver settled");
    equal(coin.balanceOf(RECEIVER), 0, "no money moved");
  }

  function test_claimIsForReceiverAndItsAuthorizerOnly() public {
    IPaymentChannels.VoucherClaim memory row = rowOf(0, config, 40e18, 10e18);
    address[3] memory others = [STRANGER, config.payer, config.payerAuthorizer];
    for (uint256 index; index < others.length; ++index) {
      vm.prank(others[index]);
      refuses(IPaymentChannels.NotAuthorizedToClaim.selector);
      channels.claim(one(row));
    }
    claimAs(authorizer, row);
    checkChannel(id, 100e18, 10e18, "by the authorizer");
  }

  function test_claimsAreCumulativeAndOldOnesDoNothing() public {
    claimAs(RECEIVER, rowOf(0, config, 40e18, 30e18));
    claimAs(RECEIVER, rowOf(0, config, 40e18, 30e18));
    claimAs(RECEIVER, rowOf(0, config, 20e18, 20e18));
    checkChannel(id, 100e18, 30e18, "not twice, not back");
    claimAs(RECEIVER, rowOf(0, config, 50e18, 45e18));
    checkChannel(id, 100e18, 45e18, "the difference");
    (uint128 claimed,) = channels.receivers(RECEIVER, address(coin));
    equal(claimed, 45e18, "receiver claimed");
  }

  function test_claimNeverPassesCeilingOrBalance() public {
    refusesClaim(RECEIVER, IPaymentChannels.ClaimExceedsCeiling.selector, one(rowOf(0, config, 40e18, 40e18 + 1)));
    refusesClaim(RECEIVER, IPaymentChannels.ClaimExceedsBalance.selector, one(rowOf(0, config, 200e18, 100e18 + 1)));
    claimAs(RECEIVER, rowOf(0, config, 200e18, 100e18));
    checkChannel(id, 100e18, 100e18, "all of it");
  }

  function test_claimWantsTheVoucherOfThisChannelAndCeiling() public {
    bytes4 reason = IPaymentChannels.InvalidSignature.selector;
    IPaymentChannels.VoucherClaim memory row = rowOf(0, config, 40e18, 40e18);
    row.voucher.maxClaimableAmount += 1;
    refusesClaim(RECEIVER, reason, one(row));
    row = rowBy(key("payer", 0), config, 40e18, 40e18);
    refusesClaim(RECEIVER, reason, one(row));
    row = rowOf(0, config, 40e18, 40e18);
    row.signature = hex"";
    vm.prank(RECEIVER);
    vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 0));
    channels.claim(one(row));
  }

  function test_claimIsAllOrNothing() public {
    IPaymentChannels.ChannelConfig memory other = configOf(1, RECEIVER, authorizer);
    bytes32 otherId = fund(1, other, 10e18);
    refusesClaim(
      RECEIVER,
      IPaymentChannels.ClaimExceedsCeiling.selector,
      two(rowOf(0, config, 5e18, 5e18), rowOf(1, other, 5e18, 6e18))
    );
    checkChannel(id, 100e18, 0, "first");
    IPaymentChannels.VoucherClaim[] memory rows = two(rowOf(0, config, 5e18, 5e18), rowOf(1, other, 6e18, 6e18));
    vm.prank(RECEIVER);
    channels.claim(rows);
    checkChannel(id, 100e18, 5e18, "first");
    checkChannel(otherId, 10e18, 6e18, "second");
    vm.prank(RECEIVER);
    refuses(IPaymentChannels.EmptyBatch.selector);
    channels.claim(new IPaymentChannels.VoucherClaim[](0));
  }

  function test_withoutAuthorizerThePayerSignsItselfOrByItsCode() public {
    IPaymentChannels.ChannelConfig memory plain = configOf(1, RECEIVER, authorizer);
    plain.payerAuthorizer = address(0);
    bytes32 plainId = fund(1, plain, 10e18);
    claimAs(RECEIVER, rowBy(key("payer", 1), plain, 3e18, 3e18));
    checkChannel(plainId, 10e18, 3e18, "an account without code");
    IPaymentChannels.VoucherClaim memory row = rowBy(key("session", 1), plain, 4e18, 4e18);
    refusesClaim(RECEIVER, IPaymentChannels.InvalidSignature.selector, one(row));

    (IPaymentChannels.ChannelConfig memory coded, bytes32 codedId) = fundedWallet();
    claimAs(RECEIVER, rowBy(key("wallet", 0), coded, 3e18, 3e18));
    checkChannel(codedId, 10e18, 3e18, "an account with code");
    row = rowBy(key("wallet", 1), coded, 4e18, 4e18);
    refusesClaim(RECEIVER, IPaymentChannels.InvalidSignature.selector, one(row));
  }

  function test_anAuthorizerSignsByItsKeyAloneEvenWithCode() public {
    IPaymentChannels.ChannelConfig memory coded = configOf(1, RECEIVER, authorizer);
    coded.payerAuthorizer = address(new Wallet(vm.addr(key("wallet", 0))));
    fund(1, coded, 10e18);
    IPaymentChannels.VoucherClaim memory row = rowBy(key("wallet", 0), coded, 3e18, 3e18);
    refusesClaim(RECEIVER, IPaymentChannels.InvalidSignature.selector, one(row));
  }

  function fundedWallet() private returns (IPaymentChannels.ChannelConfig memory coded, bytes32 channelId) {
    Wallet wallet = new Wallet(vm.addr(key("wallet", 0)));
    coded = configOf(1, RECEIVER, authorizer);
    (coded.payer, coded.payerAuthorizer) = (address(wallet), address(0));
    coin.transfer(address(wallet), 10e18);
    PlainCollector plain = new PlainCollector(coin, 0);
    wallet.execute(address(coin), abi.encodeCall(IERC20.approve, (address(plain), 10e18)));
    channelId = channels.getChannelId(coded);
    channels.deposit(coded, 10e18, address(plain), "");
  }

  function test_anyoneBringsAClaimTheAuthorizerSigned() public {
    IPaymentChannels.ChannelConfig memory other = configOf(1, RECEIVER, authorizer);
    bytes32 otherId = fund(1, other, 10e18);
    IPaymentChannels.VoucherClaim[] memory rows = two(rowOf(0, config, 5e18, 5e18), rowOf(1, other, 9e18, 6e18));
    bytes memory signature = signature65(authorizerKey, channels.getClaimBatchDigest(rows));
    vm.prank(STRANGER);
    channels.claimWithSignature(rows, signature);
    checkChannel(id, 100e18, 5e18, "first");
    checkChannel(otherId, 10e18, 6e18, "second");
    channels.claimWithSignature(rows, signature);
    checkChannel(otherId, 10e18, 6e18, "a replay does nothing");
  }

  function test_anAuthorizerWithCodeSignsClaims() public {
    address wallet = address(new Wallet(authorizer));
    IPaymentChannels.ChannelConfig memory other = configOf(1, RECEIVER, wallet);
    bytes32 otherId = fund(1, other, 10e18);
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(1, other, 9e18, 6e18));
    bytes32 digest = channels.getClaimBatchDigest(rows);
    bytes memory wrong = signature65(key("wallet", 7), digest);
    refuses(IPaymentChannels.InvalidSignature.selector);
    channels.claimWithSignature(rows, wrong);
    channels.claimWithSignature(rows, signature65(authorizerKey, digest));
    checkChannel(otherId, 10e18, 6e18, "by EIP-1271");
  }

  function test_aSignedClaimIsOfTheseRowsTotalsAndOneAuthorizer() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 5e18, 4e18));
    bytes memory signature = signature65(authorizerKey, channels.getClaimBatchDigest(rows));
    rows[0].totalClaimed = 5e18;
    refuses(IPaymentChannels.InvalidSignature.selector);
    channels.claimWithSignature(rows, signature);

    IPaymentChannels.ChannelConfig memory other = configOf(1, RECEIVER, STRANGER);
    fund(1, other, 10e18);
    rows = two(rowOf(0, config, 5e18, 5e18), rowOf(1, other, 6e18, 6e18));
    signature = signature65(authorizerKey, channels.getClaimBatchDigest(rows));
    refuses(IPaymentChannels.NotReceiverAuthorizer.selector);
    channels.claimWithSignature(rows, signature);
    refuses(IPaymentChannels.EmptyBatch.selector);
    channels.claimWithSignature(new IPaymentChannels.VoucherClaim[](0), signature);
  }

  function test_theDigestOfNoRowsIsDefined() public view {
    bytes32 structHash = keccak256(abi.encode(channels.CLAIM_BATCH_TYPEHASH(), keccak256("")));
    (, string memory name, string memory version, uint256 chainId, address verifying,,) = channels.eip712Domain();
    bytes32 separator = keccak256(
      abi.encode(
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak256(bytes(name)),
        keccak256(bytes(version)),
        chainId,
        verifying
      )
    );
    equal(
      channels.getClaimBatchDigest(new IPaymentChannels.VoucherClaim[](0)),
      keccak256(abi.encodePacked(hex"1901", separator, structHash)),
      "digest"
    );
  }

  // Settlement

  function test_settlePaysWhatIsClaimedOnceByAnyone() public {
    claimAs(RECEIVER, rowOf(0, config, 40e18, 30e18));
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.Settled(RECEIVER, address(coin), STRANGER, 30e18);
    vm.prank(STRANGER);
    channels.settle(RECEIVER, address(coin));
    channels.settle(RECEIVER, address(coin));
    channels.settle(STRANGER, address(coin));
    equal(coin.balanceOf(RECEIVER), 30e18, "paid once");
    equal(coin.balanceOf(STRANGER), 0, "a stranger is owed nothing");
    claimAs(RECEIVER, rowOf(0, config, 40e18, 35e18));
    channels.settle(RECEIVER, address(coin));
    equal(coin.balanceOf(RECEIVER), 35e18, "and the rest");
  }

  // The payer's timed exit

  function withdraw(address caller, uint128 amount) private {
    vm.prank(caller);
    channels.initiateWithdraw(config, amount);
  }

  function finalize(address caller) private {
    vm.prank(caller);
    channels.finalizeWithdraw(config);
  }

  function test_thePayerLeavesAfterTheDelay() public {
    uint40 finalizeAfter = uint40(vm.getBlockTimestamp()) + DELAY;
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.WithdrawInitiated(id, 100e18, finalizeAfter);
    withdraw(config.payer, 100e18);
    (uint128 amount, uint40 initiatedAt) = channels.pendingWithdrawals(id);
    equal(amount, 100e18, "pending");
    equal(initiatedAt, vm.getBlockTimestamp(), "since");
    vm.warp(finalizeAfter - 1);
    vm.prank(config.payer);
    refuses(IPaymentChannels.WithdrawDelayNotElapsed.selector);
    channels.finalizeWithdraw(config);
    vm.warp(finalizeAfter);
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.WithdrawFinalized(id, config.payer, 100e18);
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.ChannelClosed(id, config);
    finalize(config.payer);
    equal(coin.balanceOf(config.payer), 100e18, "paid");
    vm.prank(config.payer);
    refuses(IPaymentChannels.WithdrawalNotPending.selector);
    channels.finalizeWithdraw(config);
    vm.recordLogs();
    fund(0, config, 1e18);
    equal(countOf(IPaymentChannels.ChannelCreated.selector), 1, "a closed channel opens again");
  }

  function test_claimsInTheDelayComeFirst() public {
    withdraw(config.payer, 100e18);
    claimAs(RECEIVER, rowOf(0, config, 70e18, 70e18));
    vm.warp(vm.getBlockTimestamp() + DELAY);
    finalize(config.payer);
    equal(coin.balanceOf(config.payer), 30e18, "what is left");
    checkChannel(id, 70e18, 70e18, "the rest is the receiver's");
    channels.settle(RECEIVER, address(coin));
    equal(coin.balanceOf(RECEIVER), 70e18, "receiver");
  }

  function test_aWithdrawalOfAChannelClaimedEmptyEndsWithNothing() public {
    withdraw(config.payer, 100e18);
    claimAs(RECEIVER, rowOf(0, config, 100e18, 100e18));
    vm.warp(vm.getBlockTimestamp() + DELAY);
    finalize(config.payer);
    equal(coin.balanceOf(config.payer), 0, "nothing left");
    (, uint40 initiatedAt) = channels.pendingWithdrawals(id);
    equal(initiatedAt, 0, "not pending any more");
  }

  function test_theSessionKeyLeavesForThePayer() public {
    withdraw(config.payerAuthorizer, 40e18);
    vm.warp(vm.getBlockTimestamp() + DELAY);
    finalize(config.payerAuthorizer);
    equal(coin.balanceOf(config.payer), 40e18, "the payer is paid");
    equal(coin.balanceOf(config.payerAuthorizer), 0, "its key is not");
    checkChannel(id, 60e18, 0, "the rest stays");
  }

  function test_nobodyElseLeavesForThePayer() public {
    address[3] memory others = [STRANGER, RECEIVER, authorizer];
    for (uint256 index; index < others.length; ++index) {
      vm.prank(others[index]);
      refuses(IPaymentChannels.InvalidChannel.selector);
      channels.initiateWithdraw(config, 1);
    }
    withdraw(config.payer, 1e18);
    vm.warp(vm.getBlockTimestamp() + DELAY);
    for (uint256 index; index < others.length; ++index) {
      vm.prank(others[index]);
      refuses(IPaymentChannels.NotAuthorizedToFinalizeWithdraw.selector);
      channels.finalizeWithdraw(config);
    }
  }

  function test_withdrawalsAreOneAtATimeOfWhatIsThere() public {
    vm.startPrank(config.payer);
    refuses(IPaymentChannels.NothingToWithdraw.selector);
    channels.initiateWithdraw(config, 0);
    refuses(IPaymentChannels.WithdrawAmountExceedsAvailable.selector);
    channels.initiateWithdraw(config, 100e18 + 1);
    channels.initiateWithdraw(config, 1);
    refuses(IPaymentChannels.WithdrawalAlreadyPending.selector);
    channels.initiateWithdraw(config, 1);
    vm.stopPrank();
  }

  // Refunds

  function test_theReceiverSideRefunds() public {
    claimAs(RECEIVER, rowOf(0, config, 30e18, 30e18));
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.Refunded(id, RECEIVER, 20e18);
    vm.prank(RECEIVER);
    channels.refund(config, 20e18);
    vm.prank(authorizer);
    channels.refund(config, type(uint128).max);
    equal(coin.balanceOf(config.payer), 70e18, "all that is not claimed");
    checkChannel(id, 30e18, 30e18, "what is claimed stays");
    equal(channels.refundNonce(id), 2, "nonces used");
    vm.prank(RECEIVER);
    channels.refund(config, 1);
    equal(coin.balanceOf(config.payer), 70e18, "nothing left to refund");
    equal(channels.refundNonce(id), 3, "and a nonce used all the same");
    vm.prank(RECEIVER);
    refuses(IPaymentChannels.ZeroRefund.selector);
    channels.refund(config, 0);
    vm.prank(config.payer);
    refuses(IPaymentChannels.NotAuthorizedToRefund.selector);
    channels.refund(config, 1);
  }

  function test_aFullRefundClosesTheChannel() public {
    vm.expectEmit(true, true, true, true, address(channels));
    emit IPaymentChannels.ChannelClosed(id, config);
    vm.prank(RECEIVER);
    channels.refund(config, 100e18);
  }

  function test_anyoneBringsARefundTheAuthorizerSignedOnce() public {
    bytes memory signature = signature65(authorizerKey, channels.getRefundDigest(id, 0, 20e18));
    refuses(IPaymentChannels.InvalidSignature.selector);
    channels.refundWithSignature(config, 21e18, 0, signature);
    refuses(IPaymentChannels.InvalidRefundNonce.selector);
    channels.refundWithSignature(config, 20e18, 1, signature);
    vm.prank(STRANGER);
    channels.refundWithSignature(config, 20e18, 0, signature);
    equal(coin.balanceOf(config.payer), 20e18, "refunded");
    refuses(IPaymentChannels.InvalidRefundNonce.selector);
    channels.refundWithSignature(config, 20e18, 0, signature);
    refuses(IPaymentChannels.InvalidSignature.selector);
    channels.refundWithSignature(config, 20e18, 1, signature);
  }

  function test_aDirectRefundVoidsASignedOne() public {
    bytes memory signature = signature65(authorizerKey, channels.getRefundDigest(id, 0, 20e18));
    vm.prank(RECEIVER);
    channels.refund(config, 1e18);
    refuses(IPaymentChannels.InvalidRefundNonce.selector);
    channels.refundWithSignature(config, 20e18, 0, signature);
  }

  function test_aRefundIsTakenOffAPendingWithdrawal() public {
    withdraw(config.payer, 50e18);
    vm.prank(RECEIVER);
    channels.refund(config, 20e18);
    (uint128 amount,) = channels.pendingWithdrawals(id);
    equal(amount, 30e18, "less is pending");
    vm.prank(RECEIVER);
    channels.refund(config, 30e18);
    (uint128 none, uint40 initiatedAt) = channels.pendingWithdrawals(id);
    equal(none, 0, "nothing is pending");
    equal(initiatedAt, 0, "and a new withdrawal may start");
  }

  // Together

  function test_severalCallsGoInOneTransaction() public {
    bytes[] memory calls = new bytes[](2);
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 30e18));
    calls[0] = abi.encodeCall(IPaymentChannels.claim, (rows));
    calls[1] = abi.encodeCall(IPaymentChannels.settle, (RECEIVER, address(coin)));
    vm.prank(RECEIVER);
    channels.multicall(calls);
    equal(coin.balanceOf(RECEIVER), 30e18, "claimed and settled");
  }

  /// Audit 1: a receiver the payer chooses alone recycles the escrow.
  function test_audit01_theReceiverIsInsideTheIdThatTheVoucherSigns() public {
    IPaymentChannels.VoucherClaim memory row = rowOf(0, config, 40e18, 30e18);
    row.voucher.channel.receiver = STRANGER;
    refusesClaim(STRANGER, IPaymentChannels.ClaimExceedsBalance.selector, one(row));
    IPaymentChannels.ChannelConfig memory diverted = configOf(0, STRANGER, authorizer);
    bytes32 divertedId = fund(0, diverted, 100e18);
    isTrue(divertedId != id, "another receiver is another channel");
    refusesClaim(STRANGER, IPaymentChannels.InvalidSignature.selector, one(row));
  }

  /// Audit 2: a voucher collected a second time after its signer was pointed to a new payer.
  function test_audit02_aVoucherIsOfOnePayerThoughItsSignerServesTwo() public {
    IPaymentChannels.ChannelConfig memory second = configOf(1, RECEIVER, authorizer);
    second.payerAuthorizer = config.payerAuthorizer;
    second.salt = config.salt;
    bytes32 secondId = fund(1, second, 100e18);
    IPaymentChannels.VoucherClaim memory row = rowOf(0, config, 40e18, 30e18);
    claimAs(RECEIVER, row);
    row.voucher.channel = second;
    refusesClaim(RECEIVER, IPaymentChannels.InvalidSignature.selector, one(row));
    checkChannel(secondId, 100e18, 0, "the second payer");
  }

  /// Audit 3: a voucher larger than the deposit cannot be collected at all.
  function test_audit03_aVoucherLargerThanTheDepositIsCollectedInParts() public {
    claimAs(RECEIVER, rowOf(0, config, 150e18, 100e18));
    channels.settle(RECEIVER, address(coin));
    fund(0, config, 50e18);
    claimAs(RECEIVER, rowOf(0, config, 150e18, 150e18));
    channels.settle(RECEIVER, address(coin));
    equal(coin.balanceOf(RECEIVER), 150e18, "the whole voucher");
  }

  /// Audit 11: zero address from ecrecover, high s, other lengths.
  function test_audit11_signaturesAreOfOneFormAndZeroSignsNothing() public {
    IPaymentChannels.VoucherClaim memory row = rowOf(0, config, 40e18, 30e18);
    (uint8 v, bytes32 r, bytes32 s) =
      vm.sign(key("session", 0), channels.getVoucherDigest(id, row.voucher.maxClaimableAmount));
    uint256 n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    bytes32 high = bytes32(n - uint256(s));
    row.signature = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
    vm.prank(RECEIVER);
    vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
    channels.claim(one(row));
    row.signature = abi.encodePacked(r, uint256(s) | uint256(v - 27) << 255);
    vm.prank(RECEIVER);
    vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
    channels.claim(one(row));
    row.signature = abi.encodePacked(bytes32(0), bytes32(0), uint8(27));
    vm.prank(RECEIVER);
    vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignature.selector));
    channels.claim(one(row));

    // The payer is an account whose code is gone or was never there: an invalid signature is not its consent.
    IPaymentChannels.ChannelConfig memory plain = configOf(1, RECEIVER, authorizer);
    plain.payerAuthorizer = address(0);
    fund(1, plain, 10e18);
    row = rowBy(key("payer", 1), plain, 3e18, 3e18);
    row.signature = abi.encodePacked(bytes32(0), bytes32(0), uint8(27));
    refusesClaim(RECEIVER, IPaymentChannels.InvalidSignature.selector, one(row));
  }

  /// Audit 12: whoever sends the transaction chooses the amount.
  function test_audit12_nobodyButTheReceiverSideChoosesTheAmount() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 10e18));
    bytes memory signature = signature65(authorizerKey, channels.getClaimBatchDigest(rows));
    rows[0].totalClaimed = 40e18;
    vm.prank(STRANGER);
    refuses(IPaymentChannels.NotAuthorizedToClaim.selector);
    channels.claim(rows);
    vm.prank(STRANGER);
    refuses(IPaymentChannels.InvalidSignature.selector);
    channels.claimWithSignature(rows, signature);
    rows[0].totalClaimed = 1;
    vm.prank(STRANGER);
    refuses(IPaymentChannels.InvalidSignature.selector);
    channels.claimWithSignature(rows, signature);
  }

  /// Audit 13: a claim that cannot be paid in full is burned.
  function test_audit13_aClaimThatExceedsTheBalanceIsNotUsedUp() public {
    withdraw(config.payer, 90e18);
    vm.warp(vm.getBlockTimestamp() + DELAY);
    finalize(config.payer);
    refusesClaim(RECEIVER, IPaymentChannels.ClaimExceedsBalance.selector, one(rowOf(0, config, 40e18, 40e18)));
    claimAs(RECEIVER, rowOf(0, config, 40e18, 10e18));
    fund(0, config, 30e18);
    claimAs(RECEIVER, rowOf(0, config, 40e18, 40e18));
    checkChannel(id, 40e18, 40e18, "all of it after all");
  }

  /// Audit 14: a pause that stops exits and claims.
  function test_audit14_noCallStopsExitsAndClaims() public {
    (bool done,) = address(channels).call(abi.encodeWithSignature("pause()"));
    isTrue(!done, "there is no pause");
    withdraw(config.payer, 100e18);
    vm.prank(RECEIVER);
    channels.refund(config, 1);
    claimAs(RECEIVER, rowOf(0, config, 40e18, 40e18));
    vm.warp(vm.getBlockTimestamp() + DELAY);
    finalize(config.payer);
    channels.settle(RECEIVER, address(coin));
    equal(coin.balanceOf(config.payer), 60e18, "payer");
    equal(coin.balanceOf(RECEIVER), 40e18, "receiver");
    equal(coin.balanceOf(address(channels)), 0, "nothing stays");
  }

  function testFuzz_claimedIsAtMostCeilingAndDeposit(uint128 deposited, uint128 ceiling, uint128 asked) public {
    deposited = uint128(bound(deposited, 1, 1e26));
    IPaymentChannels.ChannelConfig memory some = configOf(1, RECEIVER, authorizer);
    bytes32 someId = fund(1, some, deposited);
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(1, some, ceiling, asked));
    vm.prank(RECEIVER);
    (bool done,) = address(channels).call(abi.encodeCall(IPaymentChannels.claim, (rows)));
    equal(done ? 1 : 0, asked <= ceiling && asked <= deposited || asked == 0 ? 1 : 0, "goes through");
    checkChannel(someId, deposited, done ? asked : 0, "claimed");
  }
}

struct Log {
  bytes32[] topics;
  bytes data;
  address emitter;
}

/// @notice The cheatcode that reads recorded events.
interface LogVm {
  function getRecordedLogs() external returns (Log[] memory);
}
