// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Evidence} from "../src/Evidence.sol";
import {RewardDistributor} from "../src/RewardDistributor.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Governance} from "./support/Governance.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice What governance does, and when, with the periods of a public network.
contract GovernanceTimelineTest is Governance {
  uint128 private constant STAKE = 10_000e18;
  address private constant OWNER = address(0xC1);
  address private constant REPORTER = address(0xC2);
  address private constant VICTIM = address(0xC3);
  /// @dev What a captured governance announces: an account that seizes what it likes.
  address private constant THIEF = address(0xBAD);

  address private operator;

  function setUp() public {
    deployGovernance();
    opg.transfer(OWNER, 100_000e18);
    operator = stakedBy(OWNER, "provider", 0, Role.Provider, STAKE);
  }

  function unstakeAll() private {
    vm.prank(OWNER);
    manager.requestUnstake(operator, Role.Provider, STAKE);
  }

  function seizeBy(address slasher, bytes32 caseId) private returns (uint256) {
    vm.prank(slasher);
    return manager.seize(caseId, operator, Role.Provider, 10_000, REPORTER);
  }

  /// @dev `slasher` may open no case now.
  function isPowerless(address slasher, bytes32 caseId) private {
    bytes memory refusal = abi.encodeWithSelector(IStakeManager.NotSlasher.selector, slasher);
    vm.expectRevert(refusal);
    seizeBy(slasher, caseId);
    vm.expectRevert(refusal);
    vm.prank(slasher);
    manager.hold(caseId, operator, Role.Provider, 10_000);
    isTrue(!manager.isSlasher(slasher), "it says so");
  }

  function signedCheckpoint(uint64 sequence, bytes32 receiptsRoot)
    private
    view
    returns (IEvidence.SignedCheckpoint memory signed)
  {
    signed.checkpoint.operator = operator;
    signed.checkpoint.sequence = sequence;
    signed.checkpoint.count = 1;
    signed.checkpoint.receiptsRoot = receiptsRoot;
    bytes32 digest = Digests.toTyped(manager.domainSeparator(), harness.hashCheckpoint(signed.checkpoint));
    signed.signature = signature65(keys[operator], digest);
  }

  // One parameter

  /// @dev Every step at the last second before and the first second in which it is possible, to its effect on a seizure.
  function test_audit04_aParameterFromProposalToEffect() public {
    Proposal memory p = proposalOf(
      address(params), abi.encodeCall(params.setParam, (Param.ReporterShare, 0)), "nobody is paid to report"
    );
    uint256 begun = time();
    propose(p);
    equal(governor.proposalSnapshot(p.id), begun + VOTING_DELAY, "votes of a day later");
    vm.warp(begun + VOTING_DELAY);
    isState(p, IGovernor.ProposalState.Pending, "nobody votes yet");
    passTime(1);
    isState(p, IGovernor.ProposalState.Active, "voting");
    voteAs(WHALE, p, FOR);
    vm.warp(begun + VOTING_DELAY + VOTING_PERIOD);
    vm.expectRevert(inState(p, IGovernor.ProposalState.Active, IGovernor.ProposalState.Succeeded));
    queue(p);
    passTime(1);
    isState(p, IGovernor.ProposalState.Succeeded, "decided");
    vm.expectRevert(inState(p, IGovernor.ProposalState.Succeeded, IGovernor.ProposalState.Queued));
    execute(p);
    queue(p);
    uint256 due = time() + TIMELOCK_DELAY;
    equal(governor.proposalEta(p.id), due, "two days later");
    vm.warp(due - 1);
    (bool early,) =
      address(governor).call(abi.encodeCall(governor.execute, (p.targets, p.values, p.payloads, hashed(p))));
    isTrue(!early, "not a second early");
    vm.warp(due);
    vm.prank(STRANGER);
    execute(p);
    isState(p, IGovernor.ProposalState.Executed, "announced");
    takesEffectOnSeizuresAt(due + PARAM_DELAY);
    equal(time() - begun, 15 days + 1, "eight days to be decided, seven to take effect");
  }

  /// @dev The reporter of a seizure is paid as things stand when it is executed.
  function takesEffectOnSeizuresAt(uint256 at) private {
    vm.prank(SLASHER);
    manager.seize("before", operator, Role.Provider, 5000, REPORTER);
    vm.prank(SLASHER);
    manager.seize("after", operator, Role.Provider, 10_000, REPORTER);
    (bytes32 before, bytes32 later) = (manager.caseKey(SLASHER, "before"), manager.caseKey(SLASHER, "after"));
    vm.warp(at - 1);
    equal(params.valueOf(Param.ReporterShare), 1000, "as it was");
    manager.execute(before);
    equal(manager.seizureOf(before).toReporter, STAKE / 20, "a tenth of a half");
    vm.warp(at);
    equal(params.valueOf(Param.ReporterShare), 0, "in effect");
    manager.execute(later);
    equal(manager.seizureOf(later).toReporter, 0, "nothing");
  }

  // One module

  /// @dev The pointer moves after seven days, the power to seize comes after fifteen, and the old module acts until a
  /// vote takes its power.
  function test_aModuleIsReplacedAndTheNewOneSlashes() public {
    Evidence next = new Evidence(manager, params, batches);
    enact(
      proposalOf(
        [address(params), address(manager)],
        [
          abi.encodeCall(params.setModule, (Module.Evidence, address(next))),
          abi.encodeCall(manager.announceSlasher, (address(next)))
        ],
        "another Evidence"
      )
    );
    uint256 announced = time();
    IEvidence.SignedCheckpoint[3] memory said =
      [signedCheckpoint(1, "one"), signedCheckpoint(1, "other"), signedCheckpoint(1, "third")];
    vm.warp(announced + PARAM_DELAY - 1);
    equal(params.moduleOf(Module.Evidence), address(evidence), "the old one");
    passTime(1);
    equal(params.moduleOf(Module.Evidence), address(next), "the new one");
    vm.warp(announced + ANNOUNCING - 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotSlasher.selector, address(next)));
    next.checkpointEquivocation(said[0], said[1]);
    isTrue(manager.isSlasher(address(evidence)), "no offence goes unpunished meanwhile");
    passTime(1);
    equal(next.checkpointEquivocation(said[0], said[1]), STAKE, "proved to the new one");
    enact(proposalOf(address(manager), abi.encodeCall(manager.removeSlasher, (address(evidence))), "retire the old"));
    isPowerless(address(evidence), "retired");
  }

  function test_whatTheReserveFreesFollowsThePointerToTheNewDistributor() public {
    RewardDistributor next = new RewardDistributor(opg, manager, committee, params, reserve, 3 days);
    bytes memory call = abi.encodeCall(params.setModule, (Module.RewardDistributor, address(next)));
    enact(proposalOf(address(params), call, "another distributor"));
    vm.warp(time() + PARAM_DELAY - 1);
    uint256 before = reserve.release();
    equal(opg.balanceOf(address(distributor)), before, "to the old to the last second");
    passTime(1);
    uint256 later = reserve.release();
    isTrue(later != 0, "a second of emission");
    equal(opg.balanceOf(address(next)), later, "to the new");
    equal(opg.balanceOf(address(distributor)), before, "the old keeps what it owes");
  }

  /// @dev The pointer alone seizes nothing: StakeManager knows its slashers itself.
  function test_aPointerGivesNoPowerOverStake() public {
    bytes memory call = abi.encodeCall(params.setModule, (Module.Evidence, address(opg)));
    enact(proposalOf(address(params), call, "anything as Evidence"));
    passTime(1000 days);
    equal(params.moduleOf(Module.Evidence), address(opg), "it points there");
    isPowerless(address(opg), "pointed to");
  }

  // Confiscation

  function announceThief() private returns (uint256 announced) {
    Proposal memory p = proposalOf(address(manager), abi.encodeCall(manager.announceSlasher, (THIEF)), "confiscate");
    uint256 begun = time();
    enact(p);
    announced = time();
    isTrue(announced - begun >= VOTING_DELAY + VOTING_PERIOD + TIMELOCK_DELAY, "eight days in public before");
    equal(manager.slasherFrom(THIEF), announced + ANNOUNCING, "and fifteen after");
  }

  function leavesInTime(uint256 after_) private {
    uint256 announced = announceThief();
    isPowerless(THIEF, "at once");
    vm.warp(announced + after_);
    unstakeAll();
    uint256 out = time() + LEAVING;
    vm.warp(out - 1);
    isPowerless(THIEF, "while they leave");
    vm.warp(out);
    isPowerless(THIEF, "when they are free");
    manager.withdraw(operator, Role.Provider);
    equal(opg.balanceOf(OWNER), 100_000e18, "all of it is out");
    vm.warp(manager.slasherFrom(THIEF));
    isTrue(manager.isSlasher(THIEF), "now it acts");
    equal(seizeBy(THIEF, "confiscate"), 0, "on nothing");
  }

  function test_audit17_whoLeavesWhenConfiscationIsAnnouncedIsOutBeforeIt() public {
    leavesInTime(0);
  }

  function test_audit17_whoLeaves23HoursLaterIsOutBeforeItToo() public {
    leavesInTime(23 hours);
  }

  function testFuzz_audit17_whoeverLeavesWithinADayIsOutBefore(uint256 after_) public {
    leavesInTime(bound(after_, 0, ANNOUNCING - LEAVING - 1));
  }

  /// @dev Where the promise ends: stake that is still there a day after the announcement is the new slasher's to seize.
  function test_whoStaysADayIsUnderTheNewSlasher() public {
    uint256 announced = announceThief();
    vm.warp(announced + ANNOUNCING - LEAVING);
    unstakeAll();
    vm.warp(announced + ANNOUNCING - 1);
    isPowerless(THIEF, "to the last second");
    passTime(1);
    equal(seizeBy(THIEF, "confiscate"), STAKE, "unbonding stake is slashable");
  }

  /// @dev An announcement is no head start: announced twice it is refused, removed and announced anew it waits anew.
  function test_audit17_noVoteShortensTheWait() public {
    announceThief();
    passTime(1 days);
    Proposal memory twice = proposalOf(address(manager), abi.encodeCall(manager.announceSlasher, (THIEF)), "twice");
    ripen(twice);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.SlasherKnown.selector, THIEF));
    execute(twice);
    Proposal memory anew = proposalOf(
      [address(manager), address(manager)],
      [abi.encodeCall(manager.removeSlasher, (THIEF)), abi.encodeCall(manager.announceSlasher, (THIEF))],
      "anew"
    );
    enact(anew);
    equal(manager.slasherFrom(THIEF), time() + ANNOUNCING, "the whole wait again");
    equal(manager.slasherDelay(), ANNOUNCING, "nothing sets another");
  }

  /// @dev A guardian in league with the captured governance pauses all it can, as soon as somebody leaves.
  function test_audit14_aGuardianInLeagueHoldsNobodyBack() public {
    announceThief();
    unstakeAll();
    pauseAll();
    passTime(LEAVING);
    manager.withdraw(operator, Role.Provider);
    equal(opg.balanceOf(OWNER), 100_000e18, "all of it is out");
  }

  function pauseAll() private {
    Module[5] memory all =
      [Module.BatchAnchor, Module.Evidence, Module.Demands, Module.DisputeCourt, Module.RewardDistributor];
    vm.startPrank(GUARDIAN);
    for (uint256 index; index < all.length; ++index) {
      params.pause(all[index], 72 hours);
    }
    vm.stopPrank();
  }

  // Pauses

  function test_audit14_pausesTouchNewCasesOnly() public {
    IEvidence.SignedCheckpoint[2] memory said = [signedCheckpoint(1, "one"), signedCheckpoint(1, "other")];
    pauseAll();
    vm.expectRevert(abi.encodeWithSelector(IEvidence.CasesPaused.selector));
    evidence.checkpointEquivocation(said[0], said[1]);
    passTime(72 hours - 1);
    vm.expectRevert(abi.encodeWithSelector(IEvidence.CasesPaused.selector));
    evidence.checkpointEquivocation(said[0], said[1]);
    passTime(1);
    equal(evidence.checkpointEquivocation(said[0], said[1]), STAKE, "waited, not lost");
  }

  /// @dev All exits, and all that is owed, while everything is paused that can be.
  function test_audit14_pausesTouchNoExit() public {
    vm.startPrank(SLASHER);
    manager.seize("old", operator, Role.Provider, 1000, REPORTER);
    manager.hold("held", operator, Role.Provider, 1000);
    vm.stopPrank();
    bytes32 old = manager.caseKey(SLASHER, "old");
    vm.prank(OWNER);
    manager.requestUnstake(operator, Role.Provider, STAKE * 9 / 10);
    passTime(LEAVING - 1 days);
    pauseAll();
    isTrue(params.isPaused(Module.Evidence), "paused");
    manager.execute(old);
    manager.payReporter(old);
    equal(opg.balanceOf(REPORTER), STAKE / 100, "a tenth of a tenth");
    vm.prank(SLASHER);
    manager.payVictim("old", VICTIM, 1e18);
    equal(opg.balanceOf(VICTIM), 1e18, "victims are paid");
    manager.release(manager.caseKey(SLASHER, "held"));
    passTime(1 days);
    isTrue(params.isPaused(Module.Evidence), "still");
    manager.withdraw(operator, Role.Provider);
    equal(opg.balanceOf(OWNER), 100_000e18 - STAKE / 10, "out");
    uint256 released = reserve.release();
    equal(opg.balanceOf(address(distributor)), released, "the emission flows");
    vm.startPrank(OWNER);
    manager.stake(operator, Role.Provider, STAKE);
    manager.freeze(operator);
    opg.transfer(VICTIM, 1);
    vm.stopPrank();
    passTime(30 days);
    manager.closePot(old);
    equal(opg.balanceOf(address(treasury)), STAKE / 10 - STAKE / 20 - STAKE / 100 - 1e18, "the rest of the pot");
  }

  function test_audit14_aPauseStopsNoVote() public {
    Proposal memory p = proposalOf(
      [address(params), address(params)],
      [abi.encodeCall(params.setGuardian, (address(0))), abi.encodeCall(params.unpause, (Module.BatchAnchor))],
      "no guardian"
    );
    ripen(p);
    pauseAll();
    execute(p);
    isTrue(!params.isPaused(Module.BatchAnchor), "lifted by governance");
    isTrue(params.isPaused(Module.Evidence), "the others end by themselves");
    equal(params.guardian(), address(0), "and there is no guardian");
  }
}
