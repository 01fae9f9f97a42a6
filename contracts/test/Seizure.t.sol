// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Shares} from "../src/libraries/Shares.sol";
import {Stakers} from "./support/Stakers.sol";

contract SeizureTest is Stakers {
  bytes32 private constant CASE = keccak256("case");
  bytes32 private constant OTHER = keccak256("another case");

  function setUp() public {
    deploy();
  }

  function seizure(bytes32 caseId) private view returns (IStakeManager.Seizure memory) {
    return manager.seizureOf(keyOf(caseId));
  }

  function later(uint256 seconds_) private {
    vm.warp(vm.getBlockTimestamp() + seconds_);
  }

  function isWeight(address operator, uint256 amount, string memory what) private view {
    equal(manager.maturedStake(operator, Role.Provider, manager.currentEpoch()), amount, what);
  }

  // Who may

  function test_onlySlashersOpenCases() public {
    address operator = matured(PROVIDER_STAKE);
    bytes memory refused = abi.encodeWithSelector(IStakeManager.NotSlasher.selector, OWNER);
    vm.startPrank(OWNER);
    vm.expectRevert(refused);
    manager.seize(CASE, operator, Role.Provider, 1, REPORTER);
    vm.expectRevert(refused);
    manager.hold(CASE, operator, Role.Provider, 1);
    vm.stopPrank();
  }

  function test_onlyGovernanceNamesSlashers() public {
    bytes memory refused = abi.encodeWithSelector(IStakeManager.NotGovernance.selector, GUARDIAN);
    vm.startPrank(GUARDIAN);
    vm.expectRevert(refused);
    manager.announceSlasher(GUARDIAN);
    vm.expectRevert(refused);
    manager.removeSlasher(SLASHER);
    vm.stopPrank();
    vm.startPrank(GOVERNANCE);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidArgument.selector));
    manager.announceSlasher(address(0));
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.SlasherKnown.selector, SLASHER));
    manager.announceSlasher(SLASHER);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotSlasher.selector, STRANGER));
    manager.removeSlasher(STRANGER);
  }

  function test_aSlasherActsFromItsSecondAndNotAfterItsRemoval() public {
    address operator = matured(PROVIDER_STAKE);
    uint256 from = vm.getBlockTimestamp() + SLASHER_DELAY;
    vm.prank(GOVERNANCE);
    manager.announceSlasher(STRANGER);
    equal(manager.slasherFrom(STRANGER), from, "from");
    vm.warp(from - 1);
    isTrue(!manager.isSlasher(STRANGER), "not yet");
    bytes memory refused = abi.encodeWithSelector(IStakeManager.NotSlasher.selector, STRANGER);
    vm.startPrank(STRANGER);
    vm.expectRevert(refused);
    manager.seize(CASE, operator, Role.Provider, 1, REPORTER);
    vm.warp(from);
    isTrue(manager.isSlasher(STRANGER), "now");
    manager.seize(CASE, operator, Role.Provider, 1, REPORTER);
    vm.stopPrank();
    vm.prank(GOVERNANCE);
    manager.removeSlasher(STRANGER);
    equal(manager.slasherFrom(STRANGER), 0, "gone");
    vm.prank(STRANGER);
    vm.expectRevert(refused);
    manager.hold(OTHER, operator, Role.Provider, 1);
    vm.prank(GOVERNANCE);
    manager.announceSlasher(STRANGER);
    equal(manager.slasherFrom(STRANGER), vm.getBlockTimestamp() + SLASHER_DELAY, "waits anew");
  }

  function test_aRemovedSlashersCasesGoOn() public {
    address operator = matured(2 * PROVIDER_STAKE);
    address other = enrol("other", 0, OWNER, PAYOUT);
    stakeFor(OWNER, other, Role.Provider, PROVIDER_STAKE);
    seize(CASE, operator, Role.Provider, 5000, REPORTER);
    hold(OTHER, other, Role.Provider, 10_000);
    vm.prank(GOVERNANCE);
    manager.removeSlasher(SLASHER);
    executed(CASE);
    equal(seizure(CASE).slasher, SLASHER, "still its case");
    vm.prank(SLASHER);
    manager.payVictim(CASE, VICTIM, 1);
    later(HOLD_PERIOD);
    manager.release(keyOf(OTHER));
    equal(manager.heldOf(other, Role.Provider), 0, "released");
    later(POT_PERIOD);
    manager.payReporter(keyOf(CASE));
    manager.closePot(keyOf(CASE));
    equal(opg.balanceOf(address(manager)), PROVIDER_STAKE + PROVIDER_STAKE, "the rest is staked");
  }

  // Seizing

  function testFuzz_seizesTheShareOfEverythingRoundedDown(uint128 amount, uint128 out, uint16 bps) public {
    amount = uint128(bound(amount, PROVIDER_STAKE, 1e26));
    out = uint128(bound(out, 0, amount));
    if (amount - out < PROVIDER_STAKE) out = amount;
    address operator = matured(amount);
    if (out != 0) unstake(operator, Role.Provider, out);
    uint256 expected = uint256(amount) * (bps < 10_000 ? bps : 10_000) / 10_000;
    equal(manager.slashableOf(operator, Role.Provider), amount, "all of it can be seized");
    equal(seize(CASE, operator, Role.Provider, bps, REPORTER), expected, "seized");
    equal(seizure(CASE).amount, expected, "recorded");
    equal(manager.slashableOf(operator, Role.Provider), amount - expected, "left");
    equal(
      manager.stakeOf(operator, Role.Provider), expected > amount - out ? 0 : amount - out - expected, "staked first"
    );
  }

  function test_takesTheNewestStakeFirstThenTheNewestUnbonding() public {
    address operator = matured(4 * PROVIDER_STAKE);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    later(1);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    stakeFor(OWNER, operator, Role.Provider, PROVIDER_STAKE);
    nextEpoch();
    stakeFor(OWNER, operator, Role.Provider, PROVIDER_STAKE);
    seize(keccak256("1"), operator, Role.Provider, 2500, REPORTER);
    isWeight(operator, 2 * PROVIDER_STAKE, "what matures goes first");
    equal(manager.stakeOf(operator, Role.Provider), 2 * PROVIDER_STAKE + PROVIDER_STAKE / 2, "the newest");
    seize(keccak256("2"), operator, Role.Provider, 5000, REPORTER);
    equal(manager.stakeOf(operator, Role.Provider), PROVIDER_STAKE / 4, "then what is active");
    equal(manager.unbondings(operator, Role.Provider).length, 2, "unbonding untouched");
    seize(keccak256("3"), operator, Role.Provider, 5000, REPORTER);
    IStakeManager.Unbonding[] memory left = manager.unbondings(operator, Role.Provider);
    equal(manager.stakeOf(operator, Role.Provider), 0, "all that was staked");
    equal(left.length, 2, "the newest in part");
    equal(left[0].amount, PROVIDER_STAKE, "the older whole");
    equal(left[1].amount, PROVIDER_STAKE / 8, "the newer less");
    seize(keccak256("4"), operator, Role.Provider, 5000, REPORTER);
    left = manager.unbondings(operator, Role.Provider);
    equal(left.length, 1, "the newer is gone");
    equal(left[0].amount, PROVIDER_STAKE * 9 / 16, "the older in part");
    seize(keccak256("5"), operator, Role.Provider, 10_000, REPORTER);
    equal(manager.unbondings(operator, Role.Provider).length, 0, "all");
    equal(manager.slashableOf(operator, Role.Provider), 0, "nothing left");
  }

  function test_rolesAreSeizedApart() public {
    address operator = matured(PROVIDER_STAKE);
    stakeFor(OWNER, operator, Role.Verifier, VERIFIER_STAKE);
    seize(CASE, operator, Role.Verifier, 10_000, REPORTER);
    equal(manager.stakeOf(operator, Role.Provider), PROVIDER_STAKE, "untouched");
  }

  function test_aRestBelowTheMinimumCountsForNothingAndLeavesOrIsToppedUp() public {
    address operator = matured(PROVIDER_STAKE);
    seize(CASE, operator, Role.Provider, 1, REPORTER);
    isWeight(operator, 0, "below the minimum");
    uint128 left = uint128(manager.stakeOf(operator, Role.Provider));
    vm.expectRevert(
      abi.encodeWithSelector(IStakeManager.BelowMinimum.selector, Role.Provider, left - 1, PROVIDER_STAKE)
    );
    vm.prank(OWNER);
    manager.requestUnstake(operator, Role.Provider, 1);
    stakeFor(OWNER, operator, Role.Provider, PROVIDER_STAKE - left);
    isWeight(operator, 0, "the top-up matures first");
    passEpochs(2);
    isWeight(operator, PROVIDER_STAKE, "topped up");
  }

  function test_audit05_repeatedOffencesAreDistinctCasesAndEachCountsOnce() public {
    address operator = matured(4 * PROVIDER_STAKE);
    equal(seize(CASE, operator, Role.Provider, 5000, REPORTER), 2 * PROVIDER_STAKE, "first");
    equal(seize(OTHER, operator, Role.Provider, 5000, REPORTER), PROVIDER_STAKE, "second");
    bytes memory known = abi.encodeWithSelector(IStakeManager.CaseKnown.selector, keyOf(CASE));
    vm.startPrank(SLASHER);
    vm.expectRevert(known);
    manager.seize(CASE, operator, Role.Provider, 5000, REPORTER);
    vm.expectRevert(known);
    manager.hold(CASE, operator, Role.Provider, 5000);
    vm.stopPrank();
  }

  function test_audit05_aSeizureClampsAndNeverRevertsForLackOfStake() public {
    address operator = matured(PROVIDER_STAKE);
    equal(seize(CASE, operator, Role.Provider, type(uint16).max, REPORTER), PROVIDER_STAKE, "at most all");
    equal(seize(OTHER, operator, Role.Provider, 10_000, REPORTER), 0, "nothing is left");
    equal(seize(keccak256("role"), operator, Role.Host, 10_000, REPORTER), 0, "a role without stake");
    equal(seize(keccak256("key"), STRANGER, Role.Provider, 10_000, REPORTER), 0, "nobody");
    later(POT_PERIOD);
    bytes32[4] memory cases = [CASE, OTHER, keccak256("role"), keccak256("key")];
    for (uint256 index; index < 4; ++index) {
      manager.execute(keyOf(cases[index]));
      manager.closePot(keyOf(cases[index]));
      isTrue(seizure(cases[index]).state == IStakeManager.SeizureState.Closed, "closed");
    }
  }

  function test_audit05_parametersNeverBlockASeizure() public {
    address operator = matured(PROVIDER_STAKE);
    vm.mockCall(
      address(params),
      abi.encodeWithSelector(IProtocolParams.valueOf.selector, Param.ReporterShare),
      abi.encode(type(uint256).max)
    );
    seize(CASE, operator, Role.Provider, 10, REPORTER);
    IStakeManager.Seizure memory done = executed(CASE);
    equal(done.amount, 10e18, "seized");
    equal(opg.balanceOf(DEAD), 5e18, "half is burned in any case");
    equal(done.toReporter, 5e18, "at most the other half");
    equal(done.pot, 0, "nothing left");
  }

  function test_audit04_unbondingStaysSeizableUntilWithdrawn() public {
    address operator = matured(PROVIDER_STAKE);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    later(UNBONDING + 30 days);
    equal(seize(CASE, operator, Role.Provider, 10_000, REPORTER), PROVIDER_STAKE, "its time is over, it is still here");
  }

  // Holds

  function test_aHoldKeepsItsAmountFromBeingWithdrawn() public {
    address operator = matured(2 * PROVIDER_STAKE);
    unstake(operator, Role.Provider, 2 * PROVIDER_STAKE);
    equal(hold(CASE, operator, Role.Provider, 3000), 6000e18, "held");
    equal(manager.heldOf(operator, Role.Provider), 6000e18, "sum");
    IStakeManager.Hold memory open = manager.holdOf(keyOf(CASE));
    equal(open.operator, operator, "operator");
    isTrue(open.role == Role.Provider, "role");
    equal(open.amount, 6000e18, "amount");
    equal(open.until, vm.getBlockTimestamp() + HOLD_PERIOD, "until");
    later(UNBONDING);
    manager.withdraw(operator, Role.Provider);
    equal(opg.balanceOf(OWNER), 14_000e18, "all but the held part");
    equal(manager.unbondings(operator, Role.Provider)[0].amount, 6000e18, "the entry in part");
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.UnderCase.selector, operator, Role.Provider, 6000e18));
    manager.withdraw(operator, Role.Provider);
    release(CASE);
    manager.withdraw(operator, Role.Provider);
    equal(opg.balanceOf(OWNER), 2 * PROVIDER_STAKE, "all");
    equal(manager.holdOf(keyOf(CASE)).amount, 0, "no hold any more");
  }

  function test_whatIsStakedCoversAHold() public {
    address operator = matured(3 * PROVIDER_STAKE);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    hold(CASE, operator, Role.Provider, 6000);
    later(UNBONDING);
    manager.withdraw(operator, Role.Provider);
    equal(opg.balanceOf(OWNER), PROVIDER_STAKE, "whole");
  }

  function test_aHoldEndsForAnyoneWhenItsTimeIsOver() public {
    address operator = matured(PROVIDER_STAKE);
    bytes32 held = keyOf(CASE);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.UnknownCase.selector, held));
    manager.release(held);
    hold(CASE, operator, Role.Provider, 10_000);
    uint256 until = vm.getBlockTimestamp() + HOLD_PERIOD;
    vm.warp(until - 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooEarly.selector, held, until));
    manager.release(held);
    vm.warp(until);
    vm.prank(STRANGER);
    manager.release(held);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.UnknownCase.selector, held));
    manager.release(held);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.CaseKnown.selector, held));
    vm.prank(SLASHER);
    manager.hold(CASE, operator, Role.Provider, 10_000);
    equal(seize(CASE, operator, Role.Provider, 10_000, REPORTER), PROVIDER_STAKE, "the case may still convict");
  }

  function test_aSeizureTakesAtLeastWhatItsHoldKept() public {
    address operator = matured(2 * PROVIDER_STAKE);
    unstake(operator, Role.Provider, 2 * PROVIDER_STAKE);
    vm.prank(SLASHER);
    uint256 held = manager.hold(CASE, operator, Role.Provider, 1000);
    equal(held, PROVIDER_STAKE / 5, "a tenth");
    later(UNBONDING);
    manager.withdraw(operator, Role.Provider);
    equal(manager.slashableOf(operator, Role.Provider), held, "the rest left");
    equal(seize(CASE, operator, Role.Provider, 1000, REPORTER), held, "a tenth of what there was");
    equal(manager.slashableOf(operator, Role.Provider), 0, "nothing is left");
  }

  function test_aSeizureTakesWhatAnotherCaseLeftOfItsHold() public {
    address operator = matured(2 * PROVIDER_STAKE);
    vm.prank(SLASHER);
    manager.hold(CASE, operator, Role.Provider, 5000);
    seize("other", operator, Role.Provider, 9000, REPORTER);
    equal(seize(CASE, operator, Role.Provider, 5000, REPORTER), PROVIDER_STAKE / 5, "all that is left, no more");
  }

  function test_aSeizureEndsTheHoldOfItsCaseAndNoOther() public {
    address operator = matured(2 * PROVIDER_STAKE);
    hold(CASE, operator, Role.Provider, 2000);
    hold(OTHER, operator, Role.Provider, 10_000);
    equal(seize(CASE, operator, Role.Provider, 8000, REPORTER), 16_000e18, "other holds protect nothing");
    equal(manager.heldOf(operator, Role.Provider), 20_000e18, "the other hold is as it was");
    unstake(operator, Role.Provider, 4000e18);
    later(UNBONDING);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.UnderCase.selector, operator, Role.Provider, 20_000e18));
    manager.withdraw(operator, Role.Provider);
    manager.release(keyOf(OTHER));
    manager.withdraw(operator, Role.Provider);
    equal(opg.balanceOf(OWNER), 4000e18, "the rest");
  }

  function test_aHoldOfOneOperatorEndsWhenItsCaseSeizesAnother() public {
    address operator = matured(PROVIDER_STAKE);
    address other = enrol("other", 0, OWNER, PAYOUT);
    stakeFor(OWNER, other, Role.Verifier, VERIFIER_STAKE);
    hold(CASE, operator, Role.Provider, 10_000);
    seize(CASE, other, Role.Verifier, 10_000, REPORTER);
    equal(manager.heldOf(operator, Role.Provider), 0, "released");
    equal(manager.heldOf(other, Role.Verifier), 0, "never held");
  }

  // Shares

  function test_halfIsBurnedATenthGoesToTheReporterTheRestToVictimsThenTheTreasury() public {
    address operator = matured(PROVIDER_STAKE);
    seize(CASE, operator, Role.Provider, 1000, REPORTER);
    uint64 seizedAt = uint64(vm.getBlockTimestamp());
    IStakeManager.Seizure memory done = executed(CASE);
    isTrue(done.state == IStakeManager.SeizureState.Executed, "executed");
    equal(done.operator, operator, "operator");
    isTrue(done.role == Role.Provider, "role");
    equal(done.reporter, REPORTER, "reporter");
    equal(done.seizedAt, seizedAt, "when");
    equal(opg.balanceOf(DEAD), 500e18, "burned");
    equal(done.toReporter, 100e18, "a tenth");
    equal(done.pot, 400e18, "the rest");
    vm.warp(seizedAt + REPORTER_DELAY);
    manager.payReporter(keyOf(CASE));
    equal(opg.balanceOf(REPORTER), 100e18, "paid");
    equal(seizure(CASE).toReporter, 0, "owed no more");
    vm.prank(SLASHER);
    manager.payVictim(CASE, VICTIM, 150e18);
    equal(opg.balanceOf(VICTIM), 150e18, "a victim");
    vm.warp(seizedAt + POT_PERIOD);
    manager.closePot(keyOf(CASE));
    equal(opg.balanceOf(TREASURY), 250e18, "the treasury");
    equal(opg.balanceOf(address(manager)), 9000e18, "what is still staked");
    equal(opg.totalSupply(), 1e27, "the supply is as it was");
  }

  function test_theReporterReceivesAtMostFiveHundred() public {
    seize(CASE, matured(100 * PROVIDER_STAKE), Role.Provider, 10_000, REPORTER);
    IStakeManager.Seizure memory done = executed(CASE);
    equal(done.toReporter, 500e18, "capped");
    equal(done.pot, 500_000e18 - 500e18, "the rest is the victims'");
  }

  function test_aJudgedOffenceHasNoReporter() public {
    seize(CASE, matured(PROVIDER_STAKE), Role.Provider, 10_000, address(0));
    IStakeManager.Seizure memory done = executed(CASE);
    equal(done.toReporter, 0, "nobody");
    equal(done.pot, 5000e18, "all to the pot");
    bytes32 case_ = keyOf(CASE);
    vm.expectRevert(
      abi.encodeWithSelector(IStakeManager.WrongState.selector, case_, IStakeManager.SeizureState.Executed)
    );
    manager.payReporter(case_);
  }

  function test_noKeyOfTheOffenderIsEverPaid() public {
    address first = matured(10 * PROVIDER_STAKE);
    address sibling = enrol("sibling", 0, OWNER, VICTIM);
    address second = rotate(first, "operator", 1);
    address[4] memory offenders = [OWNER, first, second, sibling];
    for (uint256 index; index < offenders.length; ++index) {
      bytes32 caseId = bytes32(index);
      seize(caseId, index % 2 == 0 ? first : second, Role.Provider, 1000, offenders[index]);
      equal(executed(caseId).toReporter, 0, "nobody's");
      equal(seizure(caseId).reporter, address(0), "not as its own reporter");
      for (uint256 victim; victim < offenders.length; ++victim) {
        vm.expectRevert(abi.encodeWithSelector(IStakeManager.OffenderPaid.selector, offenders[victim]));
        vm.prank(SLASHER);
        manager.payVictim(caseId, offenders[victim], 1);
      }
    }
  }

  function test_anOwnerCannotTakeTheReportersShareByChangingItsPayout() public {
    address operator = matured(PROVIDER_STAKE);
    seize(CASE, operator, Role.Provider, 1000, REPORTER);
    vm.prank(OWNER);
    manager.setPayout(operator, REPORTER);
    equal(executed(CASE).toReporter, 100e18, "as it was when it was reported");
  }

  function test_onlyTheSlasherOfTheCasePaysVictimsAndOnlyInTime() public {
    address operator = matured(PROVIDER_STAKE);
    seize(CASE, operator, Role.Provider, 10_000, REPORTER);
    uint256 until = vm.getBlockTimestamp() + POT_PERIOD;
    bytes32 case_ = keyOf(CASE);
    vm.expectRevert(
      abi.encodeWithSelector(IStakeManager.WrongState.selector, case_, IStakeManager.SeizureState.Pending)
    );
    vm.prank(SLASHER);
    manager.payVictim(CASE, VICTIM, 1);
    uint256 pot = executed(CASE).pot;
    bytes32 foreign = manager.caseKey(STRANGER, CASE);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.UnknownCase.selector, foreign));
    vm.prank(STRANGER);
    manager.payVictim(CASE, STRANGER, 1);
    vm.startPrank(SLASHER);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.ExceedsPot.selector, pot + 1, pot));
    manager.payVictim(CASE, VICTIM, pot + 1);
    vm.warp(until);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooLate.selector, case_, until));
    manager.payVictim(CASE, VICTIM, 1);
    vm.warp(until - 1);
    manager.payVictim(CASE, VICTIM, pot);
    vm.stopPrank();
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooEarly.selector, case_, until));
    manager.closePot(case_);
    vm.warp(until);
    manager.closePot(case_);
    equal(opg.balanceOf(TREASURY), 0, "nothing was left");
  }

  function test_everyStepHasItsTimeAndItsState() public {
    bytes32 case_ = keyOf(CASE);
    bytes memory unknown = abi.encodeWithSelector(IStakeManager.UnknownCase.selector, case_);
    address operator = matured(PROVIDER_STAKE);
    hold(CASE, operator, Role.Provider, 1);
    vm.expectRevert(unknown);
    manager.execute(case_);
    vm.expectRevert(unknown);
    manager.closePot(case_);
    vm.expectRevert(unknown);
    manager.payReporter(case_);
    vm.prank(GUARDIAN);
    vm.expectRevert(unknown);
    manager.returnSeizure(case_);
    isTrue(seizure(CASE).state == IStakeManager.SeizureState.None, "a hold is no seizure");

    seize(CASE, operator, Role.Provider, 10_000, REPORTER);
    uint256 seizedAt = vm.getBlockTimestamp();
    equal(manager.holdOf(case_).amount, 0, "a seizure is no hold");
    vm.warp(seizedAt + SEIZURE_DELAY - 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooEarly.selector, case_, seizedAt + SEIZURE_DELAY));
    manager.execute(case_);
    vm.warp(seizedAt + SEIZURE_DELAY);
    vm.prank(STRANGER);
    manager.execute(case_);
    bytes memory wrong =
      abi.encodeWithSelector(IStakeManager.WrongState.selector, case_, IStakeManager.SeizureState.Executed);
    vm.expectRevert(wrong);
    manager.execute(case_);
    vm.prank(GUARDIAN);
    vm.expectRevert(wrong);
    manager.returnSeizure(case_);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooEarly.selector, case_, seizedAt + REPORTER_DELAY));
    manager.payReporter(case_);
    vm.warp(seizedAt + POT_PERIOD);
    manager.closePot(case_);
    wrong = abi.encodeWithSelector(IStakeManager.WrongState.selector, case_, IStakeManager.SeizureState.Closed);
    vm.expectRevert(wrong);
    manager.closePot(case_);
    vm.prank(SLASHER);
    vm.expectRevert(wrong);
    manager.payVictim(CASE, VICTIM, 0);
    manager.payReporter(case_);
    equal(opg.balanceOf(REPORTER), 500e18, "paid after the pot is closed");
    vm.expectRevert(wrong);
    manager.payReporter(case_);
    equal(opg.balanceOf(address(manager)), 0, "nothing stays behind");
  }

  function test_aFoundOutOperatorLosesItsPlaceWhenNothingIsLeft() public {
    address operator = matured(PROVIDER_STAKE);
    address other = enrol("other", 0, OWNER, PAYOUT);
    stakeFor(OWNER, other, Role.Provider, PROVIDER_STAKE);
    seize(CASE, operator, Role.Provider, 10_000, REPORTER);
    seize(OTHER, other, Role.Provider, 5000, REPORTER);
    equal(manager.operatorCount(Role.Provider), 2, "while it may be returned");
    executed(CASE);
    manager.execute(keyOf(OTHER));
    equal(manager.operatorCount(Role.Provider), 1, "gone");
    equal(manager.operators(Role.Provider, 0, 2)[0].operator, other, "the other stays");
    stakeFor(OWNER, operator, Role.Provider, PROVIDER_STAKE);
    equal(manager.operatorCount(Role.Provider), 2, "it may come again");
  }

  // The guardian

  function test_theGuardianReturnsAPendingSeizureAsActiveStake() public {
    address operator = matured(2 * PROVIDER_STAKE);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    uint256 votes = manager.getVotes(OWNER);
    seize(CASE, operator, Role.Provider, 10_000, REPORTER);
    equal(manager.getVotes(OWNER), votes, "its votes until the execution");
    bytes32 case_ = keyOf(CASE);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotGuardian.selector, GOVERNANCE));
    vm.prank(GOVERNANCE);
    manager.returnSeizure(case_);
    vm.prank(GUARDIAN);
    manager.returnSeizure(case_);
    isWeight(operator, 2 * PROVIDER_STAKE, "at once");
    equal(manager.getVotes(OWNER), votes + PROVIDER_STAKE, "with its votes");
    isTrue(seizure(CASE).state == IStakeManager.SeizureState.Returned, "returned");
    later(POT_PERIOD);
    bytes memory wrong =
      abi.encodeWithSelector(IStakeManager.WrongState.selector, case_, IStakeManager.SeizureState.Returned);
    vm.expectRevert(wrong);
    manager.execute(case_);
    vm.expectRevert(wrong);
    manager.payReporter(case_);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.CaseKnown.selector, case_));
    vm.prank(SLASHER);
    manager.seize(CASE, operator, Role.Provider, 1, REPORTER);
  }

  function test_aReturnFindsTheCurrentKeyListsItAgainAndKeepsItFrozen() public {
    address operator = matured(2 * PROVIDER_STAKE);
    seize(CASE, operator, Role.Provider, 5000, REPORTER);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    equal(manager.operatorCount(Role.Provider), 0, "left");
    address renewed = rotate(operator, "operator", 1);
    vm.prank(OWNER);
    manager.freeze(renewed);
    giveBack(CASE);
    equal(manager.operators(Role.Provider, 0, 1)[0].operator, renewed, "listed");
    equal(manager.stakeOf(renewed, Role.Provider), PROVIDER_STAKE, "returned");
    equal(manager.stakeOf(operator, Role.Provider), 0, "nothing for the old key");
    isWeight(renewed, 0, "frozen");
    unstake(renewed, Role.Provider, PROVIDER_STAKE);
    later(UNBONDING);
    manager.withdraw(renewed, Role.Provider);
    equal(opg.balanceOf(OWNER), 2 * PROVIDER_STAKE, "all of it leaves");
  }

  function test_anEmptySeizureReturnsNothing() public {
    seize(CASE, STRANGER, Role.Provider, 10_000, REPORTER);
    giveBack(CASE);
    equal(manager.operatorCount(Role.Provider), 0, "nobody is listed");
  }

  function test_noGuardianReturnsAfterItsEnd() public {
    address operator = matured(PROVIDER_STAKE);
    vm.warp(params.guardianEnd());
    seize(CASE, operator, Role.Provider, 10_000, REPORTER);
    bytes32 case_ = keyOf(CASE);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotGuardian.selector, GUARDIAN));
    vm.prank(GUARDIAN);
    manager.returnSeizure(case_);
  }

  // Liability of keys that were rotated away

  function test_R1_everyEarlierKeyIsLiableWithTheStakeOfTheCurrentOne() public {
    address first = matured(4 * PROVIDER_STAKE);
    hold(OTHER, first, Role.Provider, 2500);
    address second = rotate(first, "operator", 1);
    address third = rotate(second, "operator", 2);
    equal(manager.slashableOf(first, Role.Provider), 4 * PROVIDER_STAKE, "of the first key");
    equal(manager.heldOf(first, Role.Provider), PROVIDER_STAKE, "the hold has moved");
    equal(manager.heldOf(third, Role.Provider), PROVIDER_STAKE, "to the last");
    equal(seize(CASE, first, Role.Provider, 2500, REPORTER), PROVIDER_STAKE, "seized");
    equal(seizure(CASE).operator, third, "from the current key");
    equal(seize(keccak256("second"), second, Role.Provider, 5000, REPORTER), 15_000e18, "and by the second");
    equal(hold(keccak256("held"), first, Role.Provider, 10_000), 15_000e18, "and held");
    equal(manager.stakeOf(third, Role.Provider), 15_000e18, "taken");
    release(OTHER);
    equal(manager.heldOf(third, Role.Provider), 15_000e18, "a hold of before ends at the current key");
    address fourth = rotate(third, "operator", 3);
    giveBack(CASE);
    equal(manager.stakeOf(fourth, Role.Provider), 25_000e18, "returned to the key of now");
  }

  // Audit findings of exits

  function test_audit14_noPauseReachesExits() public {
    address operator = matured(4 * PROVIDER_STAKE);
    hold(OTHER, operator, Role.Provider, 1000);
    seize(CASE, operator, Role.Provider, 5000, REPORTER);
    uint256 pausable;
    for (uint8 module = 1; module <= uint8(type(Module).max); ++module) {
      vm.prank(GUARDIAN);
      try params.pause(Module(module), 72 hours) {
        ++pausable;
      } catch (bytes memory reason) {
        equal(reason, abi.encodeWithSelector(IProtocolParams.NotPausable.selector, Module(module)), "the only reason");
      }
    }
    isTrue(pausable > 2, "paused");
    unstake(operator, Role.Provider, 2 * PROVIDER_STAKE);
    later(UNBONDING);
    manager.release(keyOf(OTHER));
    manager.execute(keyOf(CASE));
    manager.payReporter(keyOf(CASE));
    manager.closePot(keyOf(CASE));
    manager.withdraw(operator, Role.Provider);
    isTrue(params.isPaused(Module.BatchAnchor), "all the while");
    equal(opg.balanceOf(address(manager)), 0, "everything is out");
  }

  function test_audit08_dustAndDonationsNeverBlockTheLastExit() public {
    address operator = matured(PROVIDER_STAKE + 1);
    opg.transfer(address(manager), 7);
    seize(CASE, operator, Role.Provider, 3333, REPORTER);
    seize(OTHER, operator, Role.Provider, 9999, REPORTER);
    uint128 left = uint128(manager.stakeOf(operator, Role.Provider));
    unstake(operator, Role.Provider, left);
    later(POT_PERIOD + UNBONDING);
    manager.withdraw(operator, Role.Provider);
    bytes32[2] memory cases = [CASE, OTHER];
    for (uint256 index; index < 2; ++index) {
      manager.execute(keyOf(cases[index]));
      manager.payReporter(keyOf(cases[index]));
      manager.closePot(keyOf(cases[index]));
    }
    equal(opg.balanceOf(address(manager)), 7, "but for the donation");
    equal(
      opg.balanceOf(OWNER) + opg.balanceOf(DEAD) + opg.balanceOf(REPORTER) + opg.balanceOf(TREASURY),
      PROVIDER_STAKE + 1,
      "to the last wei"
    );
  }

  function test_audit17_everybodyLeavesBeforeANewSlasherActs() public {
    address[4] memory owners = [address(0xA1), address(0xA2), address(0xA3), address(0xA4)];
    address[4] memory stakers;
    for (uint256 index; index < 4; ++index) {
      stakers[index] = enrol("staker", index, owners[index], PAYOUT);
      stakeFor(owners[index], stakers[index], Role.Provider, PROVIDER_STAKE);
    }
    passEpochs(2);
    vm.prank(GOVERNANCE);
    manager.announceSlasher(STRANGER);
    later(EPOCH - 1);
    for (uint256 index; index < 4; ++index) {
      unstake(stakers[index], Role.Provider, PROVIDER_STAKE);
    }
    later(UNBONDING);
    isTrue(!manager.isSlasher(STRANGER), "it cannot act yet");
    for (uint256 index; index < 4; ++index) {
      manager.withdraw(stakers[index], Role.Provider);
      equal(opg.balanceOf(owners[index]), PROVIDER_STAKE, "out");
    }
    later(1);
    isTrue(manager.isSlasher(STRANGER), "it acts");
    for (uint256 index; index < 4; ++index) {
      vm.prank(STRANGER);
      equal(manager.seize(bytes32(index), stakers[index], Role.Provider, 10_000, STRANGER), 0, "nothing to confiscate");
    }
  }

  function equal(bytes memory got, bytes memory expected, string memory what) private pure {
    equal(keccak256(got), keccak256(expected), what);
  }

  function testFuzz_sharesSumToTheWhole(uint96 amount, uint256 bps) public pure {
    (uint256 burned, uint256 toReporter, uint256 pot) = Shares.split(amount, bps);
    equal(burned + toReporter + pot, amount, "sum");
    isTrue(burned >= amount / 2 && burned <= uint256(amount) / 2 + 1, "half");
    isTrue(toReporter <= 500e18, "capped");
  }
}
