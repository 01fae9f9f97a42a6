// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EmissionReserve} from "../src/EmissionReserve.sol";
import {IEmissionReserve} from "../src/interfaces/IEmissionReserve.sol";
import {IProtocolParams} from "../src/interfaces/IProtocolParams.sol";
import {Emission} from "../src/libraries/Emission.sol";
import {Rewards} from "./support/Rewards.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

contract EmissionReserveTest is Rewards {
  uint256 private constant MONTH = 2_629_800;
  uint256 private constant MONTHS = 96;

  function setUp() public {
    deployRewards();
  }

  function test_startsEmptyAndGoesToTheDistributor() public {
    equal(reserve.release(), 0, "nothing in the first second");
    vm.warp(reserve.start() + MONTH);
    vm.expectEmit(true, false, false, true, address(reserve));
    emit IEmissionReserve.Released(address(distributor), EMISSION / MONTHS);
    vm.prank(address(0xA11));
    reserve.release();
    equal(opg.balanceOf(address(distributor)), EMISSION / MONTHS, "a month, by anyone");
    equal(reserve.release(), 0, "once");
  }

  /// @dev 100,000,000e18 / 96 leaves a remainder: no month rounds up, the last wei leaves with the last month.
  function test_audit11_walks96MonthsToTheWei() public {
    isTrue(EMISSION % MONTHS != 0, "a month is no whole number of wei");
    uint256 paid;
    for (uint256 month = 1; month <= MONTHS; ++month) {
      vm.warp(reserve.start() + month * MONTH);
      uint256 expected = EMISSION * month / MONTHS;
      equal(reserve.vested(vm.getBlockTimestamp()), expected, "vested");
      paid += reserve.release();
      equal(paid, expected, "paid");
      equal(opg.balanceOf(address(distributor)), expected, "received");
      equal(opg.balanceOf(address(reserve)), EMISSION - expected, "left");
    }
    equal(reserve.released(), EMISSION, "all of it");
    equal(opg.balanceOf(address(reserve)), 0, "empty");
    vm.warp(vm.getBlockTimestamp() + MONTH);
    equal(reserve.release(), 0, "nothing more");
  }

  function testFuzz_audit11_anyReleasesPayTheScheduleAndNoMore(uint256[12] memory steps) public {
    uint256 paid;
    for (uint256 at; at < steps.length; ++at) {
      vm.warp(vm.getBlockTimestamp() + bound(steps[at], 0, EMISSION_PERIOD / 10));
      paid += reserve.release();
      equal(paid, reserve.vested(vm.getBlockTimestamp()), "the schedule");
    }
    vm.warp(uint256(reserve.start()) + EMISSION_PERIOD);
    equal(paid + reserve.release(), EMISSION, "all of it in the end");
  }

  function testFuzz_theScheduleNeverFallsAndNeverPasses(uint256 early, uint256 late) public view {
    early = bound(early, 0, type(uint64).max);
    late = bound(late, early, type(uint64).max);
    isTrue(reserve.vested(early) <= reserve.vested(late), "never falls");
    isTrue(reserve.vested(late) <= EMISSION, "never passes");
    if (late < reserve.start()) equal(reserve.vested(late), 0, "not before its start");
  }

  function test_accruesWhileThereIsNoDistributor() public {
    replaceBy(address(0));
    vm.warp(reserve.start() + 7 * MONTH);
    equal(reserve.release(), 0, "nobody receives");
    equal(reserve.released(), 0, "nothing is lost");
    distributor = newDistributor();
    replaceBy(address(distributor));
    uint256 accrued = reserve.vested(vm.getBlockTimestamp());
    equal(reserve.release(), accrued, "all that accrued");
    equal(opg.balanceOf(address(distributor)), accrued, "to the new one");
  }

  function test_paysNothingItDoesNotHold() public {
    EmissionReserve poor = new EmissionReserve(opg, params, reserve.start(), EMISSION_PERIOD);
    vm.warp(reserve.start() + MONTH);
    equal(poor.release(), 0, "not funded yet");
    opg.transfer(address(poor), 5e18);
    equal(poor.release(), 5e18, "what there is");
    opg.transfer(address(poor), EMISSION);
    equal(poor.release(), EMISSION / MONTHS - 5e18, "the rest of the month");
  }

  function test_whatIsSentToItLeavesWithTheLastMonth() public {
    opg.transfer(address(reserve), 7);
    vm.warp(reserve.start() + MONTH);
    equal(reserve.release(), EMISSION / MONTHS, "the schedule alone");
    vm.warp(uint256(reserve.start()) + EMISSION_PERIOD - 1);
    reserve.release();
    isTrue(opg.balanceOf(address(reserve)) > 7, "not yet");
    vm.warp(vm.getBlockTimestamp() + 1);
    reserve.release();
    equal(opg.balanceOf(address(reserve)), 0, "empty");
    opg.transfer(address(reserve), 9);
    equal(reserve.release(), 9, "even later");
  }

  function test_itsTokensNeverVote() public {
    opg.delegate(address(this));
    vm.warp(vm.getBlockTimestamp() + 1);
    equal(opg.delegates(address(reserve)), address(0), "nobody");
    equal(opg.getVotes(address(this)), opg.totalSupply() - EMISSION, "the others do");
  }

  function test_aScheduleWithoutDurationIsFreeAtItsStart() public pure {
    equal(Emission.vestedOf(5, 100, 0, 99), 0, "before");
    equal(Emission.vestedOf(5, 100, 0, 100), 5, "at once");
  }

  function test_rejectsParametersOutOfRange() public {
    bytes memory invalid = abi.encodeWithSelector(IEmissionReserve.InvalidParameters.selector);
    vm.expectRevert(invalid);
    new EmissionReserve(IERC20(address(0)), params, 1, 1);
    vm.expectRevert(invalid);
    new EmissionReserve(opg, IProtocolParams(address(0)), 1, 1);
    vm.expectRevert(invalid);
    new EmissionReserve(opg, params, 1, 0);
    vm.expectRevert(invalid);
    new EmissionReserve(opg, params, type(uint64).max, 1);
  }
}
