// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPG} from "../src/OPG.sol";
import {Vesting} from "../src/Vesting.sol";
import {IVesting} from "../src/interfaces/IVesting.sol";
import {Test} from "./support/Test.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

contract VestingTest is Test {
  uint64 private constant START = 1_800_000_000;
  uint256 private constant MONTH = 2_629_800;

  address private beneficiary = address(0xBE4);
  OPG private opg;

  function setUp() public {
    vm.warp(START);
    opg = new OPG(address(this));
  }

  function funded(uint256 amount, uint256 firstMonth, uint256 months) private returns (Vesting wallet) {
    wallet = new Vesting(beneficiary, uint64(START + firstMonth * MONTH), uint64(months * MONTH));
    opg.transfer(address(wallet), amount);
  }

  /// @dev The rows of the genesis that vest (economy.md): 96 months by the end of each, to the wei.
  function test_audit11_walks96MonthsToTheWei() public {
    Vesting[4] memory wallets = [
      funded(360_000_000e18, 0, 60),
      funded(100_000_000e18, 0, 48),
      funded(150_000_000e18, 12, 36),
      funded(100_000_000e18, 12, 36)
    ];
    uint256[4] memory amounts = [uint256(360_000_000e18), 100_000_000e18, 150_000_000e18, 100_000_000e18];
    uint256[4] memory firsts = [uint256(0), 0, 12, 12];
    uint256[4] memory months = [uint256(60), 48, 36, 36];
    uint256 held;
    for (uint256 month; month <= 96; ++month) {
      vm.warp(START + month * MONTH);
      for (uint256 row; row < 4; ++row) {
        uint256 passed = month > firsts[row] ? month - firsts[row] : 0;
        uint256 vested = passed >= months[row] ? amounts[row] : amounts[row] * passed / months[row];
        equal(wallets[row].vestedAmount(address(opg), uint64(vm.getBlockTimestamp())), vested, "vested");
        held += wallets[row].releasable(address(opg));
        wallets[row].release(address(opg));
        equal(opg.balanceOf(address(wallets[row])), amounts[row] - vested, "left");
      }
      equal(opg.balanceOf(beneficiary), held, "received");
    }
    equal(held, 710_000_000e18, "everything");
  }

  function testFuzz_audit11_anyReleasesPayTheScheduleAndAllInTheEnd(uint256 amount, uint256[8] memory steps) public {
    amount = bound(amount, 1, 1e27);
    Vesting wallet = funded(amount, 12, 36);
    for (uint256 at; at < steps.length; ++at) {
      vm.warp(vm.getBlockTimestamp() + bound(steps[at], 0, 8 * MONTH));
      wallet.release(address(opg));
      uint256 time = vm.getBlockTimestamp();
      uint256 begun = START + 12 * MONTH;
      uint256 vested = time < begun ? 0 : time >= begun + 36 * MONTH ? amount : amount * (time - begun) / (36 * MONTH);
      equal(opg.balanceOf(beneficiary), vested, "the schedule");
    }
    vm.warp(START + 48 * MONTH);
    wallet.release(address(opg));
    equal(opg.balanceOf(beneficiary), amount, "to the last wei");
  }

  function test_anyoneReleasesToTheBeneficiary() public {
    Vesting wallet = funded(36e18, 0, 36);
    vm.warp(START + MONTH);
    vm.prank(address(0xA11));
    wallet.release(address(opg));
    equal(opg.balanceOf(beneficiary), 1e18, "a month");
  }

  function test_nobodyChangesItsOwner() public {
    Vesting wallet = funded(36e18, 0, 36);
    vm.startPrank(beneficiary);
    vm.expectRevert(abi.encodeWithSelector(IVesting.OwnershipFixed.selector));
    wallet.transferOwnership(address(this));
    vm.expectRevert(abi.encodeWithSelector(IVesting.OwnershipFixed.selector));
    wallet.renounceOwnership();
    vm.stopPrank();
    equal(wallet.owner(), beneficiary, "owner");
    vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
    new Vesting(address(0), START, 1);
  }

  /// @dev Votes move by `delegate` of the holder alone; the wallet has no function that makes one.
  function test_whatIsNotVestedNeverVotes() public {
    Vesting wallet = funded(36e18, 0, 36);
    vm.startPrank(beneficiary);
    opg.delegate(beneficiary);
    bytes[3] memory tries = [
      abi.encodeWithSignature("delegate(address)", beneficiary),
      abi.encodeWithSignature("delegate(address,address)", opg, beneficiary),
      abi.encodeWithSignature("execute(address,bytes)", opg, abi.encodeCall(opg.delegate, (beneficiary)))
    ];
    for (uint256 at; at < tries.length; ++at) {
      (bool done,) = address(wallet).call(tries[at]);
      isTrue(!done, "no such function");
    }
    vm.stopPrank();
    equal(opg.getVotes(beneficiary), 0, "not vested, no vote");
    equal(opg.delegates(address(wallet)), address(0), "nobody");
    vm.warp(START + MONTH);
    wallet.release(address(opg));
    equal(opg.getVotes(beneficiary), 1e18, "vested and released, it votes");
  }

  function test_tokensThatComeLaterFollowTheSchedule() public {
    Vesting wallet = funded(36e18, 0, 36);
    vm.warp(START + 18 * MONTH);
    wallet.release(address(opg));
    opg.transfer(address(wallet), 2e18);
    wallet.release(address(opg));
    equal(opg.balanceOf(beneficiary), 19e18, "half of both");
  }
}
