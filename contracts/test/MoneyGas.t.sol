// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeSplitter} from "../src/FeeSplitter.sol";
import {IPaymentChannels} from "../src/interfaces/IPaymentChannels.sol";
import {PlainCollector} from "./support/Channels.sol";
import {Money} from "./support/Money.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice A payer's account that burns all gas it is given.
contract BurningWallet {
  function approve(IERC20 token, address spender) external {
    token.approve(spender, type(uint256).max);
  }

  function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
    while (true) {}
    return 0;
  }
}

/// @notice Gas of whole transactions of the money path, kept in snapshots/. Run with `--isolate`.
contract MoneyGasTest is Money {
  uint256 private constant ROWS = 100;
  uint256 private constant BAD = 50;
  uint256 private constant TARGET_PER_ROW = 22_500;

  FeeSplitter private splitter;

  function setUp() public {
    deployMoney();
    splitter = provider(0);
  }

  function record(string memory name) private returns (uint256) {
    return vm.snapshotGasLastCall("money", name);
  }

  /// @dev First claims of channels of distinct payers, each with its own session key.
  function firstClaims(uint256 count) private returns (IPaymentChannels.VoucherClaim[] memory rows) {
    rows = new IPaymentChannels.VoucherClaim[](count);
    for (uint256 index; index < count; ++index) {
      IPaymentChannels.ChannelConfig memory config = configOf(index, address(splitter), operatorOf(0));
      fund(index, config, 10e18);
      rows[index] = rowOf(index, config, 5e18 + uint128(index), 4e18 + uint128(index));
    }
  }

  function claimBySplitter(IPaymentChannels.VoucherClaim[] memory rows, uint256 expected, string memory name)
    private
    returns (uint256 used)
  {
    vm.prank(operatorOf(0));
    uint256 claimed = splitter.claim(rows);
    used = record(name);
    equal(claimed, expected, name);
  }

  function test_claim100WithOneBadSignature() public {
    IPaymentChannels.VoucherClaim[] memory rows = firstClaims(ROWS);
    rows[BAD].signature = rows[0].signature;
    uint256 used = claimBySplitter(rows, (1 << ROWS) - 1 - (1 << BAD), "splitter claim, 100 rows, 1 bad signature");
    isTrue(used <= ROWS * TARGET_PER_ROW, "gas a row");
  }

  function test_claim100WithOneThatBurnsGas() public {
    IPaymentChannels.VoucherClaim[] memory rows = firstClaims(ROWS);
    BurningWallet wallet = new BurningWallet();
    PlainCollector plain = new PlainCollector(coin, 0);
    coin.transfer(address(wallet), 10e18);
    wallet.approve(coin, address(plain));
    IPaymentChannels.ChannelConfig memory config = configOf(BAD, address(splitter), operatorOf(0));
    (config.payer, config.payerAuthorizer) = (address(wallet), address(0));
    channels.deposit(config, 10e18, address(plain), "");
    rows[BAD] = rowOf(BAD, config, 5e18, 4e18);
    uint256 used = claimBySplitter(rows, (1 << ROWS) - 1 - (1 << BAD), "splitter claim, 100 rows, 1 that burns gas");
    isTrue(used <= ROWS * TARGET_PER_ROW + splitter.ROW_GAS(), "one row's share more");
  }

  function test_claim100Later() public {
    IPaymentChannels.VoucherClaim[] memory rows = firstClaims(ROWS);
    claimBySplitter(rows, (1 << ROWS) - 1, "splitter claim, 100 rows, first of the provider");
    for (uint256 index; index < ROWS; ++index) {
      rows[index] = rowOf(index, rows[index].voucher.channel, 6e18, 5e18);
    }
    claimBySplitter(rows, (1 << ROWS) - 1, "splitter claim, 100 rows, later");
  }

  function test_claim256() public {
    uint256 used = claimBySplitter(firstClaims(256), type(uint256).max, "splitter claim, 256 rows");
    isTrue(used < 16_777_216, "below the cap of a transaction");
  }

  function test_claim100BySignature() public {
    IPaymentChannels.VoucherClaim[] memory rows = firstClaims(ROWS);
    bytes memory signature = signature65(operatorKey(0), channels.getClaimBatchDigest(rows));
    equal(splitter.claimWithSignature(rows, signature), (1 << ROWS) - 1, "all");
    record("splitter claimWithSignature, 100 rows");
  }

  function test_claim100AtTheChannels() public {
    IPaymentChannels.VoucherClaim[] memory rows = firstClaims(ROWS);
    vm.prank(operatorOf(0));
    channels.claim(rows);
    record("channels claim, 100 rows");
  }

  function test_theRest() public {
    IPaymentChannels.ChannelConfig memory config = configOf(0, address(splitter), operatorOf(0));
    fund(0, config, 10e18);
    record("deposit by EIP-3009, first");
    fund(0, config, 10e18);
    record("deposit by EIP-3009, later");
    IPaymentChannels.VoucherClaim[] memory rows = new IPaymentChannels.VoucherClaim[](1);
    rows[0] = rowOf(0, config, 5e18, 5e18);
    claimBySplitter(rows, 1, "splitter claim, 1 row, first of the provider");
    splitter.distribute(coin);
    record("distribute, first");
    rows[0] = rowOf(0, config, 6e18, 6e18);
    claimBySplitter(rows, 1, "splitter claim, 1 row, later");
    splitter.distribute(coin);
    record("distribute, later");
    vm.prank(config.payer);
    channels.initiateWithdraw(config, 1e18);
    record("initiateWithdraw");
    vm.warp(vm.getBlockTimestamp() + DELAY);
    vm.prank(config.payer);
    channels.finalizeWithdraw(config);
    record("finalizeWithdraw");
    vm.prank(operatorOf(0));
    channels.refund(config, 1e18);
    record("refund");
    provider(1);
    record("create a splitter");
  }
}
