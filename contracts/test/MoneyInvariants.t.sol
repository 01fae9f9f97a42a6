// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeSplitter} from "../src/FeeSplitter.sol";
import {IFeeSplitter} from "../src/interfaces/IFeeSplitter.sol";
import {IPaymentChannels} from "../src/interfaces/IPaymentChannels.sol";
import {Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {Money} from "./support/Money.sol";

/// @notice Payers who leave in mid-use, providers who claim what nobody signed, strangers who try everything. Every
/// action may fail on the chain; what must never succeed is refused here at once.
contract MoneyActors is Money {
  uint256 public constant PAYERS = 3;
  uint256 public constant PROVIDERS = 2;
  uint256 public constant CHANNELS = PAYERS * PROVIDERS;
  address private constant STRANGER = address(0x5115);

  uint128[CHANNELS] public ceiling;
  uint256[CHANNELS] public deposited;
  uint256[PROVIDERS] public expectedProvider;
  uint256[PROVIDERS] public expectedNetwork;
  uint256[PROVIDERS] public unsplit;
  /// @dev What was done, so that a run that did nothing shows.
  uint256 public claims;
  uint256 public sweeps;
  uint256 public exits;

  /// @dev Written down once: deriving addresses of keys is most of a run otherwise.
  IPaymentChannels.ChannelConfig[CHANNELS] private _configs;
  bytes32[CHANNELS] private _ids;
  FeeSplitter[PROVIDERS] private _splitters;
  address[PROVIDERS] private _payouts;

  constructor() {
    deployMoney();
    for (uint256 index; index < PROVIDERS; ++index) {
      _splitters[index] = provider(index);
      _payouts[index] = payoutOf(index);
    }
    for (uint256 channel; channel < CHANNELS; ++channel) {
      uint256 index = channel % PROVIDERS;
      _configs[channel] = configOf(channel / PROVIDERS, address(_splitters[index]), operatorOf(index));
      _ids[channel] = channels.getChannelId(_configs[channel]);
    }
  }

  function start() external {
    for (uint256 channel; channel < CHANNELS; ++channel) {
      deposit(channel, 10e18);
    }
  }

  function splitterAt(uint256 index) public view returns (FeeSplitter) {
    return _splitters[index];
  }

  function configAt(uint256 channel) public view returns (IPaymentChannels.ChannelConfig memory) {
    return _configs[channel];
  }

  function stateAt(uint256 channel) public view returns (uint128 balance, uint128 claimed) {
    return channels.channels(_ids[channel]);
  }

  function as_(address caller, address target, bytes memory data) private returns (bool done, bytes memory result) {
    vm.prank(caller);
    return target.call(data);
  }

  /// @dev Says what is wrong by itself: reverts of handlers end a run.
  function never(bool done, string memory what) private pure {
    isTrue(!done, what);
  }

  // Payers

  function deposit(uint256 channel, uint128 amount) public {
    channel %= CHANNELS;
    amount = uint128(bound(amount, 1, 1e22));
    IPaymentChannels.ChannelConfig memory config = configAt(channel);
    bytes32 id = channels.getChannelId(config);
    coin.transfer(config.payer, amount);
    bytes memory data = authorization(key("payer", channel / PROVIDERS), id, amount, deposited[channel]);
    channels.deposit(config, amount, address(collector), data);
    deposited[channel] += amount;
  }

  function leave(uint256 channel, uint128 amount, bool byKey) public {
    channel %= CHANNELS;
    IPaymentChannels.ChannelConfig memory config = configAt(channel);
    address caller = byKey ? config.payerAuthorizer : config.payer;
    as_(caller, address(channels), abi.encodeCall(IPaymentChannels.initiateWithdraw, (config, amount % 1e22)));
  }

  function finalize(uint256 channel) public {
    IPaymentChannels.ChannelConfig memory config = configAt(channel % CHANNELS);
    (bool done,) = as_(config.payer, address(channels), abi.encodeCall(IPaymentChannels.finalizeWithdraw, (config)));
    if (done) ++exits;
  }

  // Providers

  function signedRow(uint256 channel, uint128 most, uint128 total)
    private
    returns (IPaymentChannels.VoucherClaim[] memory)
  {
    (uint128 balance,) = stateAt(channel);
    most = uint128(bound(most, 0, uint256(balance) * 3 / 2));
    if (most > ceiling[channel]) ceiling[channel] = most;
    return one(rowOf(channel / PROVIDERS, configAt(channel), most, uint128(bound(total, 0, uint256(most) * 5 / 4))));
  }

  function claimBySplitter(uint256 channel, uint128 most, uint128 total) public {
    channel %= CHANNELS;
    IPaymentChannels.VoucherClaim[] memory rows = signedRow(channel, most, total);
    FeeSplitter splitter = splitterAt(channel % PROVIDERS);
    vm.prank(operatorOf(channel % PROVIDERS));
    uint256 done = splitter.claim(rows);
    (uint128 balance, uint128 claimed) = stateAt(channel);
    equal(done, claimed >= rows[0].totalClaimed ? 1 : 0, "the bit says what is claimed");
    isTrue(claimed <= balance, "claimed is there");
    claims += done;
  }

  function claimBySignature(uint256 channel, uint128 most, uint128 total, bool bySplitter) public {
    channel %= CHANNELS;
    IPaymentChannels.VoucherClaim[] memory rows = signedRow(channel, most, total);
    bytes memory signature = signature65(operatorKey(channel % PROVIDERS), channels.getClaimBatchDigest(rows));
    address target = bySplitter ? address(splitterAt(channel % PROVIDERS)) : address(channels);
    bytes4 selector =
      bySplitter ? IFeeSplitter.claimWithSignature.selector : IPaymentChannels.claimWithSignature.selector;
    as_(STRANGER, target, abi.encodeWithSelector(selector, rows, signature));
  }

  function refund(uint256 channel, uint128 amount) public {
    channel %= CHANNELS;
    bytes memory data = abi.encodeCall(IPaymentChannels.refund, (configAt(channel), amount % 1e22));
    as_(operatorOf(channel % PROVIDERS), address(channels), data);
  }

  /// A provider claims with a voucher of a key that is not the payer's.
  function forge(uint256 channel, uint128 total, uint256 forger) public {
    channel %= CHANNELS;
    (uint128 balance, uint128 before) = stateAt(channel);
    if (balance == before) return;
    total = uint128(bound(total, before + 1, balance));
    IPaymentChannels.VoucherClaim[] memory rows = one(rowBy(key("forger", forger % 3), configAt(channel), total, total));
    address operator = operatorOf(channel % PROVIDERS);
    (bool done,) = as_(operator, address(channels), abi.encodeCall(IPaymentChannels.claim, (rows)));
    never(done, "a forged voucher");
    FeeSplitter splitter = splitterAt(channel % PROVIDERS);
    vm.prank(operator);
    equal(splitter.claim(rows), 0, "a forged voucher by the splitter");
  }

  // Everyone

  function settle(uint256 index) public {
    index %= PROVIDERS;
    address splitter = address(splitterAt(index));
    uint256 before = coin.balanceOf(splitter);
    channels.settle(splitter, address(coin));
    unsplit[index] += coin.balanceOf(splitter) - before;
  }

  function donate(uint256 index, uint96 amount) public {
    index %= PROVIDERS;
    amount = uint96(bound(amount, 0, 1e22));
    coin.transfer(address(splitterAt(index)), amount);
    unsplit[index] += amount;
  }

  function distribute(uint256 index) public {
    index %= PROVIDERS;
    FeeSplitter splitter = splitterAt(index);
    (uint128 claimed, uint128 settled) = channels.receivers(address(splitter), address(coin));
    uint256 swept = unsplit[index] + claimed - settled;
    uint256 network = swept * params.valueOf(Param.NetworkShare) / 10_000;
    vm.prank(STRANGER);
    splitter.distribute(coin);
    expectedProvider[index] += swept - network;
    expectedNetwork[index] += network;
    unsplit[index] = 0;
    ++sweeps;
  }

  function govern(uint256 share, bool withDistributor) public {
    setShare(bound(share, 500, 3000));
    point(Module.RewardDistributor, withDistributor ? address(distributor) : address(0));
  }

  function wait(uint256 time) public {
    vm.warp(vm.getBlockTimestamp() + bound(time, 1, 2 * DELAY));
  }

  /// A stranger with the rows, the configurations and every old signature of the payers.
  function meddle(uint256 channel, uint128 amount) public {
    channel %= CHANNELS;
    IPaymentChannels.ChannelConfig memory config = configAt(channel);
    amount = uint128(bound(amount, 1, 1e22));
    IPaymentChannels.VoucherClaim[] memory rows =
      one(rowOf(channel / PROVIDERS, config, ceiling[channel], ceiling[channel]));
    bytes memory signature = signature65(key("forger", 0), channels.getClaimBatchDigest(rows));
    bytes[7] memory calls = [
      abi.encodeCall(IPaymentChannels.claim, (rows)),
      abi.encodeCall(IPaymentChannels.claimWithSignature, (rows, signature)),
      abi.encodeCall(IPaymentChannels.refund, (config, amount)),
      abi.encodeCall(IPaymentChannels.refundWithSignature, (config, amount, 0, signature)),
      abi.encodeCall(IPaymentChannels.initiateWithdraw, (config, amount)),
      abi.encodeCall(IPaymentChannels.finalizeWithdraw, (config)),
      abi.encodeCall(IPaymentChannels.deposit, (config, amount, address(collector), abi.encode(0, 0, 0, signature)))
    ];
    for (uint256 index; index < calls.length; ++index) {
      (bool done,) = as_(STRANGER, address(channels), calls[index]);
      never(done, "a stranger at the channels");
    }
    address splitter = address(splitterAt(channel % PROVIDERS));
    (bool claimed,) = as_(STRANGER, splitter, abi.encodeCall(IFeeSplitter.claim, (rows)));
    never(claimed, "a stranger at the splitter");
  }

  // What the invariants ask

  function checkSolvency() external view {
    uint256 owed;
    for (uint256 channel; channel < CHANNELS; ++channel) {
      (uint128 balance,) = stateAt(channel);
      owed += balance;
    }
    for (uint256 index; index < PROVIDERS; ++index) {
      (uint128 claimed, uint128 settled) = channels.receivers(address(splitterAt(index)), address(coin));
      isTrue(settled <= claimed, "settled is claimed");
      owed -= settled;
    }
    equal(coin.balanceOf(address(channels)), owed, "the channels hold what they owe");
  }

  function checkClaims() external view {
    uint256[PROVIDERS] memory totals;
    for (uint256 channel; channel < CHANNELS; ++channel) {
      (uint128 balance, uint128 claimed) = stateAt(channel);
      isTrue(claimed <= ceiling[channel] && claimed <= balance, "at most ceiling and deposit");
      totals[channel % PROVIDERS] += claimed;
    }
    for (uint256 index; index < PROVIDERS; ++index) {
      (uint128 claimed,) = channels.receivers(address(splitterAt(index)), address(coin));
      equal(claimed, totals[index], "a receiver's claims are its channels'");
    }
  }

  /// @dev What a payer put in is in its pocket, in its channels, or claimed by a voucher it signed.
  function checkPayers() external view {
    for (uint256 payer; payer < PAYERS; ++payer) {
      uint256 put;
      uint256 left = coin.balanceOf(_configs[payer * PROVIDERS].payer);
      for (uint256 channel = payer * PROVIDERS; channel < (payer + 1) * PROVIDERS; ++channel) {
        (uint128 balance,) = stateAt(channel);
        put += deposited[channel];
        left += balance;
      }
      equal(left, put, "a payer's money");
    }
  }

  function checkShares() external view {
    uint256 networkSum;
    uint256 networkOwed;
    for (uint256 index; index < PROVIDERS; ++index) {
      FeeSplitter splitter = splitterAt(index);
      IFeeSplitter.Owed memory owed = splitter.owedOf(coin);
      equal(coin.balanceOf(_payouts[index]) + owed.provider, expectedProvider[index], "the provider's part");
      equal(coin.balanceOf(address(splitter)), uint256(owed.provider) + owed.network + unsplit[index], "held");
      networkSum += expectedNetwork[index];
      networkOwed += owed.network;
    }
    equal(coin.balanceOf(address(distributor)) + networkOwed, networkSum, "the network's part");
  }

  /// @dev Run to the end: every payer leaves, every fee arrives, nothing is left anywhere.
  function checkExits() external {
    point(Module.RewardDistributor, address(distributor));
    for (uint256 channel; channel < CHANNELS; ++channel) {
      IPaymentChannels.ChannelConfig memory config = configAt(channel);
      (uint128 balance, uint128 claimed) = stateAt(channel);
      (, uint40 pendingSince) = channels.pendingWithdrawals(_ids[channel]);
      uint256 before = coin.balanceOf(config.payer);
      vm.startPrank(config.payer);
      if (pendingSince != 0) {
        vm.warp(vm.getBlockTimestamp() + DELAY);
        channels.finalizeWithdraw(config);
      }
      uint256 rest = balance - claimed - (coin.balanceOf(config.payer) - before);
      if (rest != 0) {
        channels.initiateWithdraw(config, uint128(rest));
        vm.warp(vm.getBlockTimestamp() + DELAY);
        channels.finalizeWithdraw(config);
      }
      vm.stopPrank();
      equal(coin.balanceOf(config.payer) - before, balance - claimed, "all that is not claimed");
    }
    for (uint256 index; index < PROVIDERS; ++index) {
      splitterAt(index).distribute(coin);
      equal(coin.balanceOf(address(splitterAt(index))), 0, "nothing stays with a splitter");
    }
    equal(coin.balanceOf(address(channels)), 0, "nothing stays in the channels");
  }
}

contract MoneyInvariantsTest {
  MoneyActors private actors;

  function setUp() public {
    actors = new MoneyActors();
    actors.start();
  }

  /// @dev What the runner reads: whom it calls, and how.
  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(actors);
  }

  struct Selectors {
    address addr;
    bytes4[] selectors;
  }

  function targetSelectors() public view returns (Selectors[] memory targets) {
    bytes4[13] memory list = [
      MoneyActors.deposit.selector,
      MoneyActors.leave.selector,
      MoneyActors.finalize.selector,
      MoneyActors.claimBySplitter.selector,
      MoneyActors.claimBySplitter.selector,
      MoneyActors.claimBySignature.selector,
      MoneyActors.refund.selector,
      MoneyActors.forge.selector,
      MoneyActors.settle.selector,
      MoneyActors.donate.selector,
      MoneyActors.distribute.selector,
      MoneyActors.wait.selector,
      MoneyActors.meddle.selector
    ];
    targets = new Selectors[](1);
    targets[0] = Selectors(address(actors), new bytes4[](list.length + 1));
    for (uint256 index; index < list.length; ++index) {
      targets[0].selectors[index] = list[index];
    }
    targets[0].selectors[list.length] = MoneyActors.govern.selector;
  }

  /// The actors do what they are for: without this, a run in which everything failed would hold every invariant.
  function test_theActorsClaimSweepAndLeave() public {
    actors.claimBySplitter(0, 4e18, 3e18);
    actors.claimBySignature(1, 4e18, 3e18, true);
    actors.claimBySignature(2, 4e18, 3e18, false);
    for (uint256 channel; channel < 3; ++channel) {
      (, uint128 claimed) = actors.stateAt(channel);
      require(claimed == 3e18, "claimed");
    }
    actors.leave(3, 5e18, true);
    actors.wait(2 * 1 hours - 1);
    actors.finalize(3);
    actors.distribute(0);
    actors.distribute(1);
    require(actors.claims() == 1 && actors.exits() == 1 && actors.sweeps() == 2, "all done");
    require(actors.expectedProvider(0) == 4.8e18 && actors.expectedNetwork(1) == 0.6e18, "and counted");
    actors.checkShares();
    actors.checkPayers();
  }

  function invariant_moneyIsWhereItBelongsToTheWei() public view {
    actors.checkSolvency();
    actors.checkClaims();
    actors.checkPayers();
    actors.checkShares();
  }

  function invariant_everyoneCanLeave() public {
    actors.checkExits();
  }
}
