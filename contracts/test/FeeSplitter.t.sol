// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeSplitter} from "../src/FeeSplitter.sol";
import {FeeSplitterFactory} from "../src/FeeSplitterFactory.sol";
import {PaymentChannels} from "../src/PaymentChannels.sol";
import {IFeeSplitter} from "../src/interfaces/IFeeSplitter.sol";
import {IFeeSplitterFactory} from "../src/interfaces/IFeeSplitterFactory.sol";
import {IPaymentChannels} from "../src/interfaces/IPaymentChannels.sol";
import {IProtocolParams, Module} from "../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {PlainCollector} from "./support/Channels.sol";
import {Money} from "./support/Money.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A payer's account whose consent is a trap.
contract TrapWallet {
  enum Trap {
    Refuses,
    Reverts,
    BurnsGas,
    ReturnsMuch
  }

  Trap private immutable _trap;

  constructor(Trap trap) {
    _trap = trap;
  }

  function approve(IERC20 token, address spender) external {
    token.approve(spender, type(uint256).max);
  }

  function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
    if (_trap == Trap.Refuses) return 0xffffffff;
    if (_trap == Trap.Reverts) revert("no");
    if (_trap == Trap.BurnsGas) while (true) {}
    assembly ("memory-safe") {
      revert(0, 20000)
    }
  }
}

/// @notice Refuses to pay some, changes balances, calls back.
contract OddToken is ERC20 {
  mapping(address account => bool) public refused;
  address private _target;
  bytes private _data;
  bytes4 public reason;

  constructor(address holder) ERC20("Odd", "ODD") {
    _mint(holder, 1e30);
  }

  function refuse(address account, bool refusal) external {
    refused[account] = refusal;
  }

  function shrink(address account, uint256 amount) external {
    _burn(account, amount);
  }

  function arm(address target, bytes calldata data) external {
    (_target, _data) = (target, data);
  }

  function _update(address from, address to, uint256 value) internal override {
    require(!refused[to], "refused");
    super._update(from, to, value);
    if (_target == address(0)) return;
    (bool done, bytes memory result) = _target.call(_data);
    if (!done) reason = bytes4(result);
  }
}

/// @notice Distributors that do not do what they are for.
contract OddDistributor {
  enum Way {
    Reverts,
    BurnsGas,
    TakesNothing,
    TakesHalf,
    TriesMore,
    GivesBack,
    ReturnsMuch
  }

  IERC20 private immutable _token;
  Way private immutable _way;

  constructor(IERC20 token, Way way) {
    (_token, _way) = (token, way);
  }

  function notify(uint256 amount) external {
    if (_way == Way.Reverts) revert("not today");
    if (_way == Way.BurnsGas) while (true) {}
    if (_way == Way.TakesHalf) _token.transferFrom(msg.sender, address(this), amount / 2);
    if (_way == Way.TriesMore) _token.transferFrom(msg.sender, address(this), amount + 1);
    if (_way == Way.GivesBack) _token.transfer(msg.sender, 1e18);
    if (_way == Way.ReturnsMuch) {
      assembly ("memory-safe") {
        revert(0, 100000)
      }
    }
  }
}

contract FeeSplitterTest is Money {
  address private constant STRANGER = address(0x5115);

  FeeSplitter private splitter;
  IPaymentChannels.ChannelConfig private config;
  bytes32 private id;

  function setUp() public {
    deployMoney();
    splitter = provider(0);
    config = configOf(0, address(splitter), operatorOf(0));
    id = fund(0, config, 100e18);
  }

  function claimed(bytes32 channelId) private view returns (uint128 total) {
    (, total) = channels.channels(channelId);
  }

  function claim(IPaymentChannels.VoucherClaim[] memory rows) private returns (uint256) {
    vm.prank(operatorOf(0));
    return splitter.claim(rows);
  }

  function earn(uint128 amount) private {
    uint128 total = claimed(id) + amount;
    fund(0, config, amount);
    equal(claim(one(rowOf(0, config, total, total))), 1, "claimed");
  }

  // The factory

  function test_aSplitterIsKnownBeforeItExistsAndMadeOnce() public {
    address expected = factory.splitterOf(operatorOf(1));
    equal(expected.code.length, 0, "not there yet");
    IPaymentChannels.ChannelConfig memory early = configOf(1, expected, operatorOf(1));
    fund(1, early, 10e18);
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(1, early, 10e18, 10e18));
    vm.prank(operatorOf(1));
    channels.claim(rows);
    channels.settle(expected, address(coin));
    equal(coin.balanceOf(expected), 10e18, "paid before it exists");

    vm.expectRevert(abi.encodeWithSelector(IFeeSplitterFactory.NotRegistered.selector, operatorOf(1)));
    factory.create(operatorOf(1));
    FeeSplitter late = provider(1);
    equal(address(late), expected, "where it was expected");
    equal(late.operator(), operatorOf(1), "operator");
    vm.prank(STRANGER);
    equal(factory.create(operatorOf(1)), expected, "made once");
    late.distribute(coin);
    equal(coin.balanceOf(payoutOf(1)), 8e18, "nothing is lost");
  }

  function test_theFactoryTellsWhatItsSplittersServe() public view {
    equal(address(factory.stakeManager()), address(manager), "stake manager");
    equal(address(factory.params()), address(params), "params");
    equal(address(factory.channels()), address(channels), "channels");
    equal(address(splitter.stakeManager()), address(manager), "stake manager");
    equal(address(splitter.params()), address(params), "params");
    equal(address(splitter.channels()), address(channels), "channels");
    isTrue(factory.splitterOf(operatorOf(0)) != factory.splitterOf(operatorOf(1)), "one each");
    isTrue(factory.implementation() != address(splitter), "code apart");
  }

  function test_aCloneCannotBeMadeWithoutItsParts() public {
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.InvalidParameters.selector));
    new FeeSplitter(IStakeManager(address(0)), params, channels);
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.InvalidParameters.selector));
    new FeeSplitter(manager, IProtocolParams(address(0)), channels);
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.InvalidParameters.selector));
    new FeeSplitterFactory(manager, params, IPaymentChannels(STRANGER));
  }

  // Claims

  function test_theOperatorClaimsRows() public {
    IPaymentChannels.ChannelConfig memory second = configOf(1, address(splitter), operatorOf(0));
    bytes32 secondId = fund(1, second, 50e18);
    equal(claim(two(rowOf(0, config, 40e18, 30e18), rowOf(1, second, 20e18, 20e18))), 3, "both");
    equal(claimed(id), 30e18, "first");
    equal(claimed(secondId), 20e18, "second");
    equal(claim(one(rowOf(0, config, 40e18, 30e18))), 1, "claimed already is claimed");
  }

  function test_nobodyElseClaims() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 40e18));
    address[5] memory others = [STRANGER, OWNER, config.payer, config.payerAuthorizer, payoutOf(0)];
    for (uint256 index; index < others.length; ++index) {
      vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.NotOperator.selector, others[index], operatorOf(0)));
      vm.prank(others[index]);
      splitter.claim(rows);
    }
  }

  function test_rowsAreOneTo256() public {
    IPaymentChannels.VoucherClaim[] memory rows = new IPaymentChannels.VoucherClaim[](257);
    IPaymentChannels.VoucherClaim memory row = rowOf(0, config, 1, 1);
    for (uint256 index; index < rows.length; ++index) {
      rows[index] = row;
    }
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.WrongRowCount.selector, 257));
    vm.prank(operatorOf(0));
    splitter.claim(rows);
    assembly ("memory-safe") {
      mstore(rows, 256)
    }
    equal(claim(rows), type(uint256).max, "a bit for each row");
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.WrongRowCount.selector, 0));
    vm.prank(operatorOf(0));
    splitter.claim(new IPaymentChannels.VoucherClaim[](0));
  }

  function test_watchTowersBringWhatTheOperatorSigned() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 30e18));
    bytes memory signature = signature65(operatorKey(0), channels.getClaimBatchDigest(rows));
    vm.prank(config.payer);
    channels.initiateWithdraw(config, 100e18);
    vm.prank(STRANGER);
    equal(splitter.claimWithSignature(rows, signature), 1, "claimed");
    equal(claimed(id), 30e18, "in time");

    rows = one(rowOf(0, config, 40e18, 40e18));
    signature = signature65(operatorKey(0), channels.getClaimBatchDigest(rows));
    vm.prank(STRANGER);
    channels.claimWithSignature(rows, signature);
    equal(claimed(id), 40e18, "the same signature at the channel contract");
  }

  function test_whatTheOperatorDidNotSignIsRefused() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 30e18));
    bytes32 digest = channels.getClaimBatchDigest(rows);
    bytes memory refusal = abi.encodeWithSelector(IFeeSplitter.BadOperatorSignature.selector, operatorOf(0));
    bytes[4] memory signatures =
      [signature65(operatorKey(1), digest), signature64(operatorKey(0), digest), bytes(""), new bytes(65)];
    for (uint256 index; index < signatures.length; ++index) {
      vm.expectRevert(refusal);
      splitter.claimWithSignature(rows, signatures[index]);
    }
    bytes memory signature = signature65(operatorKey(0), digest);
    rows[0].totalClaimed = 40e18;
    vm.expectRevert(refusal);
    splitter.claimWithSignature(rows, signature);
  }

  /// @dev A channel of a payer with code, filled; nobody signs for it.
  function trapRow(TrapWallet.Trap trap, uint256 salt) private returns (IPaymentChannels.VoucherClaim memory row) {
    TrapWallet wallet = new TrapWallet(trap);
    PlainCollector plain = new PlainCollector(coin, 0);
    coin.transfer(address(wallet), 10e18);
    wallet.approve(coin, address(plain));
    IPaymentChannels.ChannelConfig memory trapped = configOf(0, address(splitter), operatorOf(0));
    (trapped.payer, trapped.payerAuthorizer, trapped.salt) = (address(wallet), address(0), bytes32(salt));
    channels.deposit(trapped, 10e18, address(plain), "");
    return rowOf(0, trapped, 5e18, 5e18);
  }

  /// @dev Rows that fail in every way, at the odd places; good ones at the even.
  function mixedRows() private returns (IPaymentChannels.VoucherClaim[] memory rows, bytes4[] memory reasons) {
    rows = new IPaymentChannels.VoucherClaim[](22);
    reasons = new bytes4[](22);
    for (uint256 index; index < rows.length; index += 2) {
      IPaymentChannels.ChannelConfig memory good = configOf(index + 1, address(splitter), operatorOf(0));
      fund(index + 1, good, 10e18);
      rows[index] = rowOf(index + 1, good, 5e18, 5e18);
    }
    IPaymentChannels.ChannelConfig memory bad = configOf(100, address(splitter), operatorOf(0));
    fund(100, bad, 10e18);
    rows[1] = rowOf(0, bad, 5e18, 5e18); // signed by another payer's key
    reasons[1] = IPaymentChannels.InvalidSignature.selector;
    rows[3] = rowOf(100, bad, 5e18, 6e18);
    reasons[3] = IPaymentChannels.ClaimExceedsCeiling.selector;
    rows[5] = rowOf(100, bad, 11e18, 11e18);
    reasons[5] = IPaymentChannels.ClaimExceedsBalance.selector;
    IPaymentChannels.ChannelConfig memory foreign = configOf(100, STRANGER, operatorOf(0));
    fund(100, foreign, 10e18);
    rows[7] = rowOf(100, foreign, 5e18, 5e18); // another receiver
    reasons[7] = IPaymentChannels.NotAuthorizedToClaim.selector;
    foreign = configOf(101, address(splitter), operatorOf(0));
    rows[9] = rowOf(101, foreign, 5e18, 5e18); // nothing was ever deposited
    reasons[9] = IPaymentChannels.ClaimExceedsBalance.selector;
    rows[11] = trapRow(TrapWallet.Trap.Refuses, 1);
    reasons[11] = IPaymentChannels.InvalidSignature.selector;
    rows[13] = trapRow(TrapWallet.Trap.Reverts, 2);
    reasons[13] = IPaymentChannels.InvalidSignature.selector;
    rows[15] = trapRow(TrapWallet.Trap.BurnsGas, 3);
    reasons[15] = IPaymentChannels.InvalidSignature.selector; // the 64th left to the channels is enough to say so
    rows[17] = trapRow(TrapWallet.Trap.ReturnsMuch, 4);
    reasons[17] = IPaymentChannels.InvalidSignature.selector;
    rows[19] = rowOf(100, bad, 5e18, 5e18);
    rows[19].signature = hex"00"; // malformed
    reasons[19] = ECDSA.ECDSAInvalidSignatureLength.selector;
    rows[21] = rowOf(100, configOf(100, address(splitter), operatorOf(0)), 5e18, 5e18);
    rows[21].voucher.channel.token = STRANGER; // no such channel
    reasons[21] = IPaymentChannels.ClaimExceedsBalance.selector;
  }

  function test_badRowsHurtNobodyElse() public {
    (IPaymentChannels.VoucherClaim[] memory rows, bytes4[] memory reasons) = mixedRows();
    for (uint256 index = 1; index < rows.length; index += 2) {
      vm.expectEmit(true, true, true, true, address(splitter));
      emit IFeeSplitter.ClaimFailed(index, reasons[index]);
    }
    equal(claim(rows), 0x155555, "the even rows");
    for (uint256 index; index < rows.length; ++index) {
      equal(claimed(channels.getChannelId(rows[index].voucher.channel)), index % 2 == 0 ? 5e18 : 0, "claimed");
    }
    (uint128 total,) = channels.receivers(address(splitter), address(coin));
    equal(total, 55e18, "eleven rows");
  }

  function test_aRowThatBurnsGasBurnsItsShareAndNoMore() public {
    IPaymentChannels.VoucherClaim[] memory rows = new IPaymentChannels.VoucherClaim[](10);
    for (uint256 index; index < rows.length; ++index) {
      rows[index] = trapRow(TrapWallet.Trap.BurnsGas, index);
    }
    uint256 before = gasleft();
    equal(claim(rows), 0, "none");
    uint256 used = before - gasleft();
    isTrue(used > 9 * splitter.ROW_GAS() && used < 12 * splitter.ROW_GAS(), "a share a row");
  }

  /// Whoever relays with too little gas gets a revert, never a row that failed for want of gas.
  function testFuzz_noGasLimitStarvesARow(uint256 limit) public {
    IPaymentChannels.ChannelConfig memory second = configOf(1, address(splitter), operatorOf(0));
    fund(1, second, 50e18);
    IPaymentChannels.VoucherClaim[] memory rows = two(rowOf(0, config, 40e18, 30e18), rowOf(1, second, 20e18, 20e18));
    limit = bound(limit, 1000, 500_000);
    vm.prank(operatorOf(0));
    (bool done, bytes memory result) = address(splitter).call{gas: limit}(abi.encodeCall(IFeeSplitter.claim, (rows)));
    if (done) equal(abi.decode(result, (uint256)), 3, "both or none");
    else equal(claimed(id), 0, "none");
  }

  function test_tooLittleGasIsSaid() public {
    bytes memory data = abi.encodeCall(IFeeSplitter.claim, (one(rowOf(0, config, 40e18, 30e18))));
    vm.prank(operatorOf(0));
    (bool done, bytes memory result) = address(splitter).call{gas: 120_000}(data);
    isTrue(!done && bytes4(result) == IFeeSplitter.TooLittleGas.selector, "said");
  }

  // Distribution

  function test_fourFifthsToTheProviderTheRestToTheNetwork() public {
    earn(10e18 + 7);
    (uint256 toNetwork, uint256 toProvider) = (2e18 + 1, 8e18 + 6);
    vm.expectEmit(true, true, true, true, address(splitter));
    emit IFeeSplitter.Distributed(coin, payoutOf(0), toProvider, toNetwork);
    vm.prank(STRANGER);
    splitter.distribute(coin);
    equal(coin.balanceOf(payoutOf(0)), toProvider, "provider");
    equal(pooled(), toNetwork, "network");
    equal(distributor.feesOf(manager.currentEpoch()), toNetwork, "in the pool of this epoch");
    equal(coin.balanceOf(address(splitter)), 0, "nothing stays");
    equal(coin.allowance(address(splitter), address(distributor)), 0, "no allowance stays");
  }

  function test_donationsAreSplitAndNothingIsNoError() public {
    splitter.distribute(coin);
    equal(coin.balanceOf(payoutOf(0)), 0, "nothing");
    coin.transfer(address(splitter), 5e18);
    splitter.distribute(coin);
    equal(coin.balanceOf(payoutOf(0)), 4e18, "provider");
    equal(pooled(), 1e18, "network");
  }

  function test_otherTokensGoToTheTreasury() public {
    OddToken token = new OddToken(address(this));
    token.transfer(address(splitter), 5e18);
    splitter.distribute(token);
    equal(token.balanceOf(payoutOf(0)), 4e18, "provider");
    equal(token.balanceOf(TREASURY), 1e18, "treasury");
  }

  function test_theShareInEffectCounts() public {
    earn(10e18);
    setShare(500);
    splitter.distribute(coin);
    equal(pooled(), 0.5e18, "5 %");
    equal(coin.balanceOf(payoutOf(0)), 9.5e18, "95 %");
  }

  function test_whatTheDistributorDoesNotTakeIsKeptForTheNextOne() public {
    for (uint8 way; way <= uint8(OddDistributor.Way.ReturnsMuch); ++way) {
      if (way == uint8(OddDistributor.Way.GivesBack)) continue;
      OddDistributor odd = new OddDistributor(coin, OddDistributor.Way(way));
      point(Module.RewardDistributor, address(odd));
      uint256 paidBefore = coin.balanceOf(payoutOf(0));
      uint256 pooledBefore = pooled();
      uint256 kept = way == uint8(OddDistributor.Way.TakesHalf) ? 1e18 : 2e18;
      earn(10e18);
      vm.expectEmit(true, true, true, true, address(splitter));
      emit IFeeSplitter.Kept(coin, 0, kept);
      splitter.distribute(coin);
      equal(coin.balanceOf(payoutOf(0)), paidBefore + 8e18, "the provider is paid all the same");
      equal(coin.balanceOf(address(splitter)), kept, "kept");
      equal(splitter.owedOf(coin).network, kept, "owed to the network");
      equal(splitter.owedOf(coin).provider, 0, "not to the provider");
      equal(coin.allowance(address(splitter), address(odd)), 0, "no allowance stays");
      splitter.distribute(coin);
      kept = splitter.owedOf(coin).network;
      equal(coin.balanceOf(payoutOf(0)), paidBefore + 8e18, "not split a second time");
      point(Module.RewardDistributor, address(distributor));
      splitter.distribute(coin);
      equal(pooled(), pooledBefore + kept, "delivered in the end");
      equal(coin.balanceOf(address(splitter)), 0, "nothing stays");
      equal(splitter.owedOf(coin).network, 0, "nothing is owed");
    }
  }

  function test_withoutADistributorTheNetworksShareWaits() public {
    point(Module.RewardDistributor, address(0));
    earn(10e18);
    splitter.distribute(coin);
    equal(coin.balanceOf(payoutOf(0)), 8e18, "provider");
    earn(10e18);
    splitter.distribute(coin);
    equal(splitter.owedOf(coin).network, 4e18, "of both");
    equal(coin.balanceOf(payoutOf(0)), 16e18, "provider");
    point(Module.RewardDistributor, address(distributor));
    splitter.distribute(coin);
    equal(pooled(), 4e18, "delivered");
  }

  function test_aDistributorThatGivesIsADonor() public {
    OddDistributor odd = new OddDistributor(coin, OddDistributor.Way.GivesBack);
    coin.transfer(address(odd), 1e18);
    point(Module.RewardDistributor, address(odd));
    earn(10e18);
    splitter.distribute(coin);
    equal(splitter.owedOf(coin).network, 2e18, "still owed");
    equal(coin.balanceOf(address(splitter)), 3e18, "with the gift");
    point(Module.RewardDistributor, address(distributor));
    splitter.distribute(coin);
    equal(pooled(), 2.2e18, "the gift is split too");
    equal(coin.balanceOf(payoutOf(0)), 8.8e18, "provider");
  }

  function test_withTooLittleGasForTheDistributorNothingHappens() public {
    earn(10e18);
    bool said;
    for (uint256 limit = 100_000; limit < 800_000; limit += 20_000) {
      (bool done, bytes memory result) =
        address(splitter).call{gas: limit}(abi.encodeCall(IFeeSplitter.distribute, (coin)));
      if (done) {
        equal(pooled(), 2e18, "all or nothing");
        isTrue(said, "and below that it is said");
        return;
      }
      equal(coin.balanceOf(payoutOf(0)), 0, "nothing moved");
      said = bytes4(result) == IFeeSplitter.TooLittleGas.selector;
    }
    isTrue(false, "800,000 gas are enough");
  }

  function test_aPayoutThatIsRefusedIsKeptAndDoesNotHoldTheNetworkBack() public {
    OddToken token = new OddToken(address(this));
    token.refuse(payoutOf(0), true);
    token.transfer(address(splitter), 5e18);
    vm.expectEmit(true, true, true, true, address(splitter));
    emit IFeeSplitter.Kept(token, 4e18, 0);
    splitter.distribute(token);
    equal(token.balanceOf(TREASURY), 1e18, "the network has its share");
    token.refuse(TREASURY, true);
    token.transfer(address(splitter), 5e18);
    splitter.distribute(token);
    equal(splitter.owedOf(token).provider, 8e18, "kept for the provider");
    equal(splitter.owedOf(token).network, 1e18, "kept for the network");
    vm.prank(OWNER);
    manager.setPayout(operatorOf(0), STRANGER);
    splitter.distribute(token);
    equal(token.balanceOf(STRANGER), 8e18, "to the new payout");
    token.refuse(TREASURY, false);
    splitter.distribute(token);
    equal(token.balanceOf(TREASURY), 2e18, "to the treasury");
    equal(token.balanceOf(address(splitter)), 0, "nothing stays");
  }

  function test_aTokenThatShrinksPaysWhatItCan() public {
    OddToken token = new OddToken(address(this));
    token.refuse(payoutOf(0), true);
    token.transfer(address(splitter), 5e18);
    splitter.distribute(token);
    token.shrink(address(splitter), 1e18);
    token.refuse(payoutOf(0), false);
    splitter.distribute(token);
    equal(splitter.owedOf(token).provider, 4e18, "owed as before");
    token.transfer(address(splitter), 1e18);
    splitter.distribute(token);
    equal(token.balanceOf(payoutOf(0)), 4e18, "paid once it is there");
  }

  function test_noTokenDistributesWithinADistribution() public {
    OddToken token = new OddToken(address(this));
    token.transfer(address(splitter), 5e18);
    token.arm(address(splitter), abi.encodeCall(IFeeSplitter.distribute, (token)));
    splitter.distribute(token);
    equal(token.balanceOf(payoutOf(0)), 4e18, "once");
    isTrue(token.reason() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "refused");
  }

  // Rotation

  function test_afterARotationTheNewKeyClaimsAndItsPayoutIsPaid() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 30e18));
    bytes memory oldSignature = signature65(operatorKey(0), channels.getClaimBatchDigest(rows));
    bytes memory newSignature = signature65(operatorKey(1), channels.getClaimBatchDigest(rows));
    rotate(0, 1);
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.NotOperator.selector, operatorOf(0), operatorOf(1)));
    vm.prank(operatorOf(0));
    splitter.claim(rows);
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.BadOperatorSignature.selector, operatorOf(1)));
    splitter.claimWithSignature(rows, oldSignature);
    equal(splitter.claimWithSignature(rows, newSignature), 1, "the new key's signature");
    equal(splitter.operator(), operatorOf(0), "the splitter stays whose it was");
    rows = one(rowOf(0, config, 40e18, 40e18));
    vm.prank(operatorOf(1));
    equal(splitter.claim(rows), 1, "the new key");
    vm.prank(OWNER);
    manager.setPayout(operatorOf(1), STRANGER);
    splitter.distribute(coin);
    equal(coin.balanceOf(STRANGER), 32e18, "the payout of the new key");
    equal(coin.balanceOf(payoutOf(0)), 0, "not the old one");
  }

  function test_whatTheOldKeySignedIsGoodAtTheChannels() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 30e18));
    bytes memory signature = signature65(operatorKey(0), channels.getClaimBatchDigest(rows));
    rotate(0, 1);
    channels.claimWithSignature(rows, signature);
    equal(claimed(id), 30e18, "claimed");
  }

  function test_theCodeBehindTheClonesServesNobody() public {
    FeeSplitter bare = FeeSplitter(factory.implementation());
    address none = bare.operator();
    equal(manager.ownerOf(none), address(0), "its operator is nobody");
    coin.transfer(address(bare), 5e18);
    bare.distribute(coin);
    equal(bare.owedOf(coin).provider, 4e18, "and has no payout");
    equal(pooled(), 1e18, "the network has its share");
  }

  // Audits

  /// Audit 1: a payer names a split of its own and recycles its escrow.
  function test_audit01_noPayerChoosesTheSplit() public {
    FeeSplitter mine = provider(1);
    IPaymentChannels.ChannelConfig memory diverted = configOf(0, address(mine), operatorOf(1));
    bytes32 divertedId = fund(0, diverted, 10e18);
    IPaymentChannels.VoucherClaim memory row = rowOf(0, diverted, 5e18, 5e18);
    equal(claim(one(row)), 0, "a channel to another splitter");
    row.voucher.channel.receiver = address(splitter);
    equal(claim(one(row)), 0, "its voucher under this splitter's name");
    equal(claimed(divertedId), 0, "nothing");
    // The address of a splitter leaves no choice: code, operator and payout are fixed by the operator's registration.
    equal(factory.splitterOf(operatorOf(0)), address(splitter), "one address an operator");
    vm.prank(STRANGER);
    equal(factory.create(operatorOf(0)), address(splitter), "whoever makes it");
  }

  /// Audit 3: a voucher larger than the deposit.
  function test_audit03_aRowClaimsPartOfAVoucherLargerThanTheDeposit() public {
    equal(claim(one(rowOf(0, config, 150e18, 150e18))), 0, "more than there is");
    equal(claim(one(rowOf(0, config, 150e18, 100e18))), 1, "what there is");
    fund(0, config, 50e18);
    equal(claim(one(rowOf(0, config, 150e18, 150e18))), 1, "the rest");
    splitter.distribute(coin);
    equal(coin.balanceOf(payoutOf(0)), 120e18, "all of it");
  }

  /// Audit 11: shares that do not sum to the fee, or dust that stays.
  function testFuzz_audit11_theSharesSumToTheFeeToTheWei(uint96 amount, uint256 share) public {
    share = bound(share, 500, 3000);
    setShare(share);
    amount = uint96(bound(amount, 0, 1e26));
    coin.transfer(address(splitter), amount);
    splitter.distribute(coin);
    equal(coin.balanceOf(payoutOf(0)) + pooled(), amount, "sum");
    equal(pooled(), uint256(amount) * share / 10_000, "rounded down, the remainder to the provider");
    equal(coin.balanceOf(address(splitter)), 0, "no dust");
  }

  /// Audit 12: the sender of the transaction chooses the amount.
  function test_audit12_aRelayChoosesNothing() public {
    IPaymentChannels.VoucherClaim[] memory rows = one(rowOf(0, config, 40e18, 10e18));
    bytes memory signature = signature65(operatorKey(0), channels.getClaimBatchDigest(rows));
    IPaymentChannels.VoucherClaim[] memory more = one(rowOf(0, config, 40e18, 40e18));
    vm.expectRevert(abi.encodeWithSelector(IFeeSplitter.BadOperatorSignature.selector, operatorOf(0)));
    vm.prank(STRANGER);
    splitter.claimWithSignature(more, signature);
    rows[0].signature = hex"";
    vm.prank(STRANGER);
    equal(splitter.claimWithSignature(rows, signature), 0, "a relay that spoils a row");
    rows = one(rowOf(0, config, 40e18, 10e18));
    equal(splitter.claimWithSignature(rows, signature), 1, "spoils only its own transaction");
  }

  /// Audit 13: a failed payment uses up the claim.
  function test_audit13_whatCannotBePaidNowIsPaidLater() public {
    point(Module.RewardDistributor, address(new OddDistributor(coin, OddDistributor.Way.Reverts)));
    earn(1);
    earn(4);
    splitter.distribute(coin);
    equal(splitter.owedOf(coin).network, 1, "a wei is remembered");
    point(Module.RewardDistributor, address(distributor));
    splitter.distribute(coin);
    equal(pooled(), 1, "and paid");
  }

  /// Audit 14: a pause that stops claims and exits.
  function test_audit14_noPauseStopsClaimsAndShares() public {
    uint256 paused;
    for (uint8 module = 1; module <= uint8(type(Module).max); ++module) {
      vm.prank(GUARDIAN);
      (bool done,) = address(params).call(abi.encodeCall(IProtocolParams.pause, (Module(module), 1 hours)));
      if (done) ++paused;
    }
    isTrue(params.isPaused(Module.RewardDistributor) && paused > 1, "everything that can be paused is");
    earn(10e18);
    splitter.distribute(coin);
    equal(coin.balanceOf(payoutOf(0)), 8e18, "provider");
    equal(pooled(), 2e18, "network");
  }

  /// The whole way of a fee over random jobs of several payers: 80 and 20 of every sweep, to the wei.
  function testFuzz_everySweepIsSplitToTheWei(uint256 seed) public {
    uint128[4] memory totals;
    uint256 expectedProvider;
    uint256 expectedNetwork;
    for (uint256 sweep; sweep < 2; ++sweep) {
      uint256 swept;
      for (uint256 job; job < 3; ++job) {
        uint256 payer = uint256(keccak256(abi.encode(seed, sweep, job))) % 4;
        uint128 fee = uint128(uint256(keccak256(abi.encode(seed, job, sweep))) % 1e20);
        IPaymentChannels.ChannelConfig memory some = configOf(10 + payer, address(splitter), operatorOf(0));
        if (fee != 0) fund(10 + payer, some, fee);
        totals[payer] += fee;
        equal(claim(one(rowOf(10 + payer, some, totals[payer], totals[payer]))), 1, "claimed");
        swept += fee;
      }
      splitter.distribute(coin);
      expectedNetwork += swept / 5;
      expectedProvider += swept - swept / 5;
    }
    equal(coin.balanceOf(payoutOf(0)), expectedProvider, "provider");
    equal(pooled(), expectedNetwork, "network");
  }
}
