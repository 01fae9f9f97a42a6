// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPGGovernor} from "../src/OPGGovernor.sol";
import {Timelock} from "../src/Timelock.sol";
import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Governance} from "./support/Governance.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Panic} from "@openzeppelin/contracts/utils/Panic.sol";

/// @notice Lends anything for the length of a call.
contract FlashLender {
  IERC20 private immutable _token;

  constructor(IERC20 token) {
    _token = token;
  }

  function lend(uint256 amount, Borrower borrower) external {
    uint256 held = _token.balanceOf(address(this));
    _token.transfer(address(borrower), amount);
    borrower.use();
    _token.transferFrom(address(borrower), address(this), amount);
    require(_token.balanceOf(address(this)) == held, "repaid");
  }
}

/// @notice Does with borrowed tokens what it was told, and never reverts for it.
contract Borrower {
  address[] private _targets;
  bytes[] private _calls;
  bool[] public succeeded;

  function plan(address target, bytes calldata call) external {
    _targets.push(target);
    _calls.push(call);
  }

  function use() external {
    for (uint256 index; index < _targets.length; ++index) {
      (bool done,) = _targets[index].call(_calls[index]);
      succeeded.push(done);
    }
  }
}

contract GovernorTest is Governance {
  function setUp() public {
    deployGovernance();
  }

  function settingRefused(uint256 value, uint256 least, uint256 most) private pure returns (bytes memory) {
    return abi.encodeWithSelector(OPGGovernor.SettingOutOfBounds.selector, value, least, most);
  }

  /// @dev Adopted, queued and due, but what it does reverts with `data`.
  function failsWith(bytes memory call, bytes memory data, string memory description) private {
    Proposal memory p = proposalOf(address(governor), call, description);
    ripen(p);
    vm.expectRevert(data);
    execute(p);
    isState(p, IGovernor.ProposalState.Queued, "nothing was done");
  }

  // What it begins with

  function test_beginsWithTheSettingsOfTheEconomy() public view {
    equal(governor.votingDelay(), 1 days, "delay");
    equal(governor.votingPeriod(), 5 days, "period");
    equal(governor.proposalThreshold(), opg.TOTAL_SUPPLY() / 1000, "0.1 %");
    equal(governor.quorum(time()), 10_000_000e18, "an absolute number");
    equal(governor.lateQuorumVoteExtension(), 1 days, "late quorum");
    equal(timelock.getMinDelay(), 2 days, "timelock");
    equal(governor.timelock(), address(timelock), "executes");
    isTrue(governor.proposalNeedsQueuing(0), "nothing goes past it");
    equal(address(governor.token()), address(votes), "counts");
    equal(address(governor.params()), address(params), "names the guardian");
    equal(governor.clock(), time(), "seconds");
    equal(keccak256(bytes(governor.CLOCK_MODE())), keccak256("mode=timestamp"), "mode");
    equal(keccak256(bytes(governor.name())), keccak256("OPG Governor"), "name");
  }

  function refusedAtGenesis(OPGGovernor.Settings memory wrong, bytes memory data) private {
    vm.expectRevert(data);
    new OPGGovernor(votes, timelock, params, wrong);
  }

  function test_refusesAGenesisOutOfBounds() public {
    OPGGovernor.Settings memory wrong = settings();
    wrong.votingDelay = 0;
    refusedAtGenesis(wrong, settingRefused(0, 1, type(uint48).max));
    wrong = settings();
    wrong.votingPeriod = 0;
    refusedAtGenesis(wrong, abi.encodeWithSelector(IGovernor.GovernorInvalidVotingPeriod.selector, 0));
    wrong = settings();
    wrong.proposalThreshold = governor.MAX_PROPOSAL_THRESHOLD() + 1;
    refusedAtGenesis(wrong, settingRefused(wrong.proposalThreshold, 0, governor.MAX_PROPOSAL_THRESHOLD()));
    wrong = settings();
    wrong.quorum = governor.MIN_QUORUM() - 1;
    refusedAtGenesis(wrong, settingRefused(wrong.quorum, governor.MIN_QUORUM(), governor.MAX_QUORUM()));
    wrong.quorum = governor.MAX_QUORUM() + 1;
    refusedAtGenesis(wrong, settingRefused(wrong.quorum, governor.MIN_QUORUM(), governor.MAX_QUORUM()));
    wrong = settings();
    wrong.lateQuorumExtension = VOTING_PERIOD + 1;
    refusedAtGenesis(
      wrong,
      abi.encodeWithSelector(
        GovernorPreventLateQuorum.GovernorPreventLateQuorumVoteExtensionTooLarge.selector,
        VOTING_PERIOD + 1,
        VOTING_PERIOD
      )
    );
  }

  // Proposing and voting

  function test_audit17_belowTheThresholdNobodyProposes() public {
    address poor = address(0xB0);
    holds(poor, THRESHOLD - 1);
    passTime(1);
    Proposal memory p = someProposal("poor");
    vm.expectRevert(
      abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, poor, THRESHOLD - 1, THRESHOLD)
    );
    proposeAs(poor, p);
    opg.transfer(poor, 1);
    vm.expectRevert(
      abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, poor, THRESHOLD - 1, THRESHOLD)
    );
    proposeAs(poor, p);
    passTime(1);
    equal(proposeAs(poor, p), p.id, "votes of the second before count");
  }

  /// @dev The whale's tokens, and what is staked, together make the threshold.
  function test_heldAndStakedTogetherMakeTheThreshold() public {
    address owner = address(0xB1);
    holds(owner, THRESHOLD);
    stakedBy(owner, "provider", 0, Role.Provider, uint128(THRESHOLD / 2));
    passTime(1);
    equal(opg.getVotes(owner), THRESHOLD / 2, "half of it is held");
    equal(proposeAs(owner, someProposal("both")), someProposal("both").id, "proposed");
  }

  function test_belowTheQuorumItFails() public {
    address nearly = address(0xB2);
    holds(nearly, QUORUM - 1);
    passTime(1);
    Proposal memory p = someProposal("nearly");
    propose(p);
    openVote(p);
    equal(voteAs(nearly, p, FOR), QUORUM - 1, "all but one wei");
    closeVote(p);
    isState(p, IGovernor.ProposalState.Defeated, "no quorum");
    vm.expectRevert(inState(p, IGovernor.ProposalState.Defeated, IGovernor.ProposalState.Succeeded));
    queue(p);
  }

  function test_abstainingMakesAQuorumAndVotesAgainstDoNot() public {
    address nearly = address(0xB2);
    address one = address(0xB3);
    holds(nearly, QUORUM - 1);
    holds(one, 1);
    passTime(1);
    Proposal memory enough = someProposal("abstained");
    Proposal memory against = someProposal("opposed");
    propose(enough);
    propose(against);
    openVote(enough);
    voteAs(nearly, enough, ABSTAIN);
    voteAs(one, enough, FOR);
    voteAs(nearly, against, FOR);
    voteAs(one, against, AGAINST);
    closeVote(enough);
    isState(enough, IGovernor.ProposalState.Succeeded, "10 M took part, one wei for it");
    isState(against, IGovernor.ProposalState.Defeated, "one wei short");
  }

  function test_moreAgainstThanForDefeats() public {
    Proposal memory p = someProposal("opposed");
    propose(p);
    openVote(p);
    voteAs(WHALE, p, FOR);
    voteAs(RIVAL, p, AGAINST);
    closeVote(p);
    isState(p, IGovernor.ProposalState.Defeated, "one wei more against");
  }

  function test_votesOnceAndOnlyInItsTime() public {
    Proposal memory p = someProposal("once");
    propose(p);
    vm.warp(governor.proposalSnapshot(p.id));
    vm.expectRevert(inState(p, IGovernor.ProposalState.Pending, IGovernor.ProposalState.Active));
    voteAs(WHALE, p, FOR);
    passTime(1);
    voteAs(WHALE, p, FOR);
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, WHALE));
    voteAs(WHALE, p, FOR);
    closeVote(p);
    vm.expectRevert(inState(p, IGovernor.ProposalState.Succeeded, IGovernor.ProposalState.Active));
    voteAs(RIVAL, p, AGAINST);
  }

  function test_audit17_aLateQuorumLeavesTimeToAnswer() public {
    Proposal memory p = someProposal("late");
    propose(p);
    uint256 deadline = governor.proposalDeadline(p.id);
    vm.warp(deadline);
    vm.expectEmit(true, false, false, true, address(governor));
    emit GovernorPreventLateQuorum.ProposalExtended(p.id, uint64(deadline + LATE_QUORUM));
    voteAs(WHALE, p, FOR);
    vm.warp(deadline + 1);
    isState(p, IGovernor.ProposalState.Active, "voting goes on");
    vm.warp(deadline + LATE_QUORUM);
    voteAs(RIVAL, p, AGAINST);
    closeVote(p);
    equal(time(), deadline + LATE_QUORUM + 1, "extended once");
    isState(p, IGovernor.ProposalState.Defeated, "the answer came in time");
  }

  function testFuzz_audit17_votingGoesOnAfterTheQuorum(uint256 at) public {
    Proposal memory p = someProposal("late");
    propose(p);
    uint256 deadline = governor.proposalDeadline(p.id);
    at = bound(at, 1, VOTING_PERIOD);
    vm.warp(governor.proposalSnapshot(p.id) + at);
    voteAs(WHALE, p, FOR);
    uint256 least = time() + LATE_QUORUM;
    equal(governor.proposalDeadline(p.id), least > deadline ? least : deadline, "at least a day");
  }

  // Borrowed votes

  function test_audit17_flashLoansProposeNothing() public {
    FlashLender lender = new FlashLender(opg);
    opg.transfer(address(lender), 100_000_000e18);
    passTime(1);
    Borrower borrower = new Borrower();
    Proposal memory p = someProposal("borrowed");
    borrower.plan(address(opg), abi.encodeCall(opg.delegate, (address(borrower))));
    borrower.plan(address(governor), abi.encodeCall(governor.propose, (p.targets, p.values, p.payloads, p.description)));
    borrower.plan(address(opg), abi.encodeCall(opg.approve, (address(lender), type(uint256).max)));
    lender.lend(100_000_000e18, borrower);
    isTrue(borrower.succeeded(0) && borrower.succeeded(2), "it had the tokens and their votes");
    isTrue(!borrower.succeeded(1), "and proposed nothing");
  }

  /// @dev Borrowed before, at and after the second that counts: nothing of it counts.
  function test_audit17_flashLoansVoteWithNothing() public {
    FlashLender lender = new FlashLender(opg);
    opg.transfer(address(lender), 100_000_000e18);
    Borrower borrower = new Borrower();
    Proposal memory p = someProposal("borrowed");
    propose(p);
    borrower.plan(address(opg), abi.encodeCall(opg.delegate, (address(borrower))));
    borrower.plan(address(opg), abi.encodeCall(opg.approve, (address(lender), type(uint256).max)));
    lender.lend(100_000_000e18, borrower);
    vm.warp(governor.proposalSnapshot(p.id));
    lender.lend(100_000_000e18, borrower);
    passTime(1);
    borrower.plan(address(governor), abi.encodeCall(governor.castVote, (p.id, FOR)));
    lender.lend(100_000_000e18, borrower);
    isTrue(borrower.succeeded(6), "the ballot was taken");
    (, uint256 inFavour,) = governor.proposalVotes(p.id);
    equal(inFavour, 0, "without a vote on it");
  }

  function test_audit17_stakeOfASecondVotesWithNothing() public {
    address owner = address(0xB4);
    opg.transfer(owner, 2 * QUORUM);
    Proposal memory p = someProposal("staked for a second");
    propose(p);
    vm.warp(governor.proposalSnapshot(p.id));
    address operator = stakedBy(owner, "provider", 0, Role.Provider, uint128(2 * QUORUM));
    equal(votes.getVotes(owner), 2 * QUORUM, "at that moment");
    vm.prank(owner);
    manager.requestUnstake(operator, Role.Provider, uint128(2 * QUORUM));
    passTime(1);
    equal(voteAs(owner, p, FOR), 0, "at the end of the second nothing was staked");
  }

  function test_audit17_stakeOfNowDoesNotProposeOrVote() public {
    address owner = address(0xB4);
    opg.transfer(owner, 2 * QUORUM);
    Proposal memory earlier = someProposal("earlier");
    propose(earlier);
    openVote(earlier);
    stakedBy(owner, "provider", 0, Role.Provider, uint128(2 * QUORUM));
    equal(voteAs(owner, earlier, FOR), 0, "staked after the snapshot");
    Proposal memory p = someProposal("at once");
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, owner, 0, THRESHOLD));
    proposeAs(owner, p);
  }

  function testFuzz_audit17_onlyVotesOfTheSnapshotCount(uint256 before, uint256 after_) public {
    address voter = address(0xB5);
    before = bound(before, 0, QUORUM);
    after_ = bound(after_, 0, QUORUM);
    Proposal memory p = someProposal("moves");
    propose(p);
    vm.warp(governor.proposalSnapshot(p.id));
    holds(voter, before);
    passTime(1);
    if (after_ > before) opg.transfer(voter, after_ - before);
    if (after_ < before) {
      vm.prank(voter);
      opg.transfer(STRANGER, before - after_);
    }
    equal(voteAs(voter, p, FOR), before, "as it was");
  }

  // Cancelling

  function test_theGuardianCancelsBeforeExecution() public {
    Proposal[4] memory ps =
      [someProposal("pending"), someProposal("active"), someProposal("succeeded"), someProposal("queued")];
    propose(ps[0]);
    cancelAs(GUARDIAN, ps[0]);
    isState(ps[0], IGovernor.ProposalState.Canceled, "pending");
    propose(ps[1]);
    openVote(ps[1]);
    cancelAs(GUARDIAN, ps[1]);
    isState(ps[1], IGovernor.ProposalState.Canceled, "active");
    adopt(ps[2]);
    isState(ps[2], IGovernor.ProposalState.Succeeded, "adopted");
    cancelAs(GUARDIAN, ps[2]);
    isState(ps[2], IGovernor.ProposalState.Canceled, "succeeded");
    ripen(ps[3]);
    isState(ps[3], IGovernor.ProposalState.Queued, "due");
    cancelAs(GUARDIAN, ps[3]);
    isState(ps[3], IGovernor.ProposalState.Canceled, "queued");
    vm.expectRevert(inState(ps[3], IGovernor.ProposalState.Canceled, IGovernor.ProposalState.Queued));
    execute(ps[3]);
    bytes32 salt = bytes20(address(governor)) ^ hashed(ps[3]);
    bytes32 operation = timelock.hashOperationBatch(ps[3].targets, ps[3].values, ps[3].payloads, 0, salt);
    isTrue(!timelock.isOperation(operation), "nor around the governor");
    equal(params.announcedValue(Param.NetworkShare).effectiveAt, 0, "nothing was done");
  }

  function test_theGuardianCancelsNothingThatIsDone() public {
    Proposal memory p = someProposal("done");
    enact(p);
    vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
    cancelAs(GUARDIAN, p);
    equal(params.announcedValue(Param.NetworkShare).value, 1500, "announced");
  }

  function test_audit17_theGuardianCannotStopItsRemoval() public {
    Proposal memory p = proposalOf(address(params), abi.encodeCall(params.setGuardian, (address(0))), "remove");
    propose(p);
    cancelRefused(GUARDIAN, p);
    openVote(p);
    cancelRefused(GUARDIAN, p);
    voteAs(WHALE, p, FOR);
    closeVote(p);
    cancelRefused(GUARDIAN, p);
    queue(p);
    cancelRefused(GUARDIAN, p);
    roleRefused(GUARDIAN, timelock.CANCELLER_ROLE());
    vm.prank(GUARDIAN);
    timelock.cancel(bytes32(0));
    vm.warp(governor.proposalEta(p.id));
    execute(p);
    equal(params.guardian(), address(0), "removed");
    Proposal memory next = someProposal("unguarded");
    propose(next);
    cancelRefused(GUARDIAN, next);
  }

  /// @dev The exception is the removal alone: what hides behind one is cancelled as anything else.
  function test_audit17_nothingHidesBehindARemoval() public {
    bytes memory removal = abi.encodeCall(params.setGuardian, (STRANGER));
    bytes memory more = abi.encodeCall(params.setParam, (Param.NetworkShare, 3000));
    Proposal memory both = proposalOf([address(params), address(params)], [removal, more], "both");
    Proposal memory twice = proposalOf([address(params), address(params)], [removal, removal], "twice");
    Proposal memory elsewhere = proposalOf(address(manager), removal, "elsewhere");
    Proposal memory other = proposalOf(address(params), more, "other");
    Proposal memory empty = proposalOf(address(params), "", "empty");
    Proposal[5] memory ps = [both, twice, elsewhere, other, empty];
    for (uint256 index; index < ps.length; ++index) {
      propose(ps[index]);
      cancelAs(GUARDIAN, ps[index]);
      isState(ps[index], IGovernor.ProposalState.Canceled, ps[index].description);
    }
  }

  function test_audit17_theGuardianCancelsNothingAfterItsDate() public {
    Proposal memory p = someProposal("later");
    vm.warp(params.guardianEnd() - 1);
    propose(p);
    passTime(1);
    cancelRefused(GUARDIAN, p);
    vm.prank(address(0));
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, p.id, address(0)));
    governor.cancel(p.targets, p.values, p.payloads, hashed(p));
  }

  function test_aProposerCancelsWhileNobodyVotes() public {
    Proposal memory p = someProposal("mine");
    propose(p);
    cancelRefused(STRANGER, p);
    cancelRefused(WHALE, p);
    cancelAs(PROPOSER, p);
    isState(p, IGovernor.ProposalState.Canceled, "taken back");
    Proposal memory late = someProposal("mine too");
    propose(late);
    openVote(late);
    cancelRefused(PROPOSER, late);
  }

  function test_aProposerCancelsEvenItsRemovalOfTheGuardian() public {
    Proposal memory p = proposalOf(address(params), abi.encodeCall(params.setGuardian, (address(0))), "mine");
    propose(p);
    cancelAs(PROPOSER, p);
    isState(p, IGovernor.ProposalState.Canceled, "taken back");
  }

  // The timelock

  function test_theTimelockHasNoAdminAndOneProposer() public view {
    address[6] memory others = [address(this), GUARDIAN, WHALE, PROPOSER, address(0), address(governor)];
    for (uint256 index; index < others.length; ++index) {
      isTrue(!timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), others[index]), "no admin");
      if (others[index] == address(governor)) continue;
      isTrue(!timelock.hasRole(timelock.PROPOSER_ROLE(), others[index]), "no proposer");
      isTrue(!timelock.hasRole(timelock.CANCELLER_ROLE(), others[index]), "no canceller");
    }
    isTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), address(governor)), "proposes");
    isTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), address(governor)), "cancels");
    isTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)), "anyone executes");
    equal(timelock.leastDelay(), TIMELOCK_DELAY, "the delay it began with");
  }

  function roleRefused(address account, bytes32 role) private {
    vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role));
  }

  function test_nobodyGoesAroundTheGovernor() public {
    Proposal memory p = someProposal("around");
    adopt(p);
    queue(p);
    bytes32 salt = bytes20(address(governor)) ^ hashed(p);
    bytes32 operation = timelock.hashOperationBatch(p.targets, p.values, p.payloads, 0, salt);
    (bytes32 proposerRole, bytes32 cancellerRole) = (timelock.PROPOSER_ROLE(), timelock.CANCELLER_ROLE());
    bytes32 adminRole = timelock.DEFAULT_ADMIN_ROLE();
    address[5] memory others = [address(this), GUARDIAN, WHALE, PROPOSER, STRANGER];
    for (uint256 index; index < others.length; ++index) {
      vm.startPrank(others[index]);
      roleRefused(others[index], proposerRole);
      timelock.schedule(address(params), 0, p.payloads[0], 0, 0, TIMELOCK_DELAY);
      roleRefused(others[index], proposerRole);
      timelock.scheduleBatch(p.targets, p.values, p.payloads, 0, 0, TIMELOCK_DELAY);
      roleRefused(others[index], cancellerRole);
      timelock.cancel(operation);
      roleRefused(others[index], adminRole);
      timelock.grantRole(proposerRole, others[index]);
      vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnauthorizedCaller.selector, others[index]));
      timelock.updateDelay(TIMELOCK_DELAY);
      vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
      timelock.executeBatch(p.targets, p.values, p.payloads, 0, salt);
      vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
      timelock.execute(address(params), 0, p.payloads[0], 0, 0);
      vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, others[index]));
      governor.relay(address(timelock), 0, "");
      vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, others[index]));
      governor.setQuorum(QUORUM);
      vm.stopPrank();
    }
    vm.warp(governor.proposalEta(p.id) - 1);
    vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
    execute(p);
    equal(params.announcedValue(Param.NetworkShare).effectiveAt, 0, "nothing was done");
  }

  function test_whatIsDueAnyoneExecutesOnceHereOrAtTheTimelock() public {
    Proposal memory p = someProposal("direct");
    ripen(p);
    bytes32 salt = bytes20(address(governor)) ^ hashed(p);
    vm.prank(STRANGER);
    timelock.executeBatch(p.targets, p.values, p.payloads, 0, salt);
    isState(p, IGovernor.ProposalState.Executed, "the governor knows");
    equal(params.announcedValue(Param.NetworkShare).value, 1500, "done");
    vm.expectRevert(inState(p, IGovernor.ProposalState.Executed, IGovernor.ProposalState.Queued));
    execute(p);
    Proposal memory other = proposalOf(address(params), abi.encodeCall(params.setParam, (Param.HostPool, 1)), "other");
    ripen(other);
    vm.prank(STRANGER);
    execute(other);
    vm.expectRevert(inState(other, IGovernor.ProposalState.Executed, IGovernor.ProposalState.Queued));
    execute(other);
  }

  /// @dev A setting of the governor is changed by the governor's own execution alone; the rest of the proposal waits.
  function test_settingsAreNotChangedFromTheTimelockDirectly() public {
    Proposal memory p = proposalOf(address(governor), abi.encodeCall(governor.setQuorum, (2 * QUORUM)), "quorum");
    ripen(p);
    vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", Panic.EMPTY_ARRAY_POP));
    timelock.executeBatch(p.targets, p.values, p.payloads, 0, bytes20(address(governor)) ^ hashed(p));
    execute(p);
    equal(governor.quorum(time()), 2 * QUORUM, "by the governor");
  }

  function delayRefused(uint256 delay) private {
    Proposal memory p = proposalOf(address(timelock), abi.encodeCall(timelock.updateDelay, (delay)), "delay");
    ripen(p);
    vm.expectRevert(
      abi.encodeWithSelector(Timelock.DelayOutOfBounds.selector, delay, TIMELOCK_DELAY, timelock.MAX_DELAY())
    );
    execute(p);
  }

  function test_audit17_theTimelockNeverGetsShorterThanItBegan() public {
    Proposal memory p = proposalOf(address(timelock), abi.encodeCall(timelock.updateDelay, (30 days)), "longest");
    enact(p);
    equal(timelock.getMinDelay(), 30 days, "longer");
    delayRefused(TIMELOCK_DELAY - 1);
    Proposal memory back = proposalOf(address(timelock), abi.encodeCall(timelock.updateDelay, (TIMELOCK_DELAY)), "back");
    enact(back);
    equal(timelock.getMinDelay(), TIMELOCK_DELAY, "and back");
  }

  function test_audit17_theTimelockNeverGetsEndless() public {
    delayRefused(30 days + 1);
    delayRefused(type(uint256).max);
    vm.expectRevert(abi.encodeWithSelector(Timelock.DelayOutOfBounds.selector, 30 days + 1, 0, 30 days));
    new Timelock(30 days + 1, address(governor));
  }

  /// @dev The way to another governor: a vote gives it the role and takes it from this one.
  function test_aVoteHandsTheTimelockToAnotherGovernor() public {
    OPGGovernor next = new OPGGovernor(votes, timelock, params, settings());
    bytes32 role = timelock.PROPOSER_ROLE();
    enact(
      proposalOf(
        [address(timelock), address(timelock)],
        [
          abi.encodeCall(timelock.grantRole, (role, address(next))),
          abi.encodeCall(timelock.revokeRole, (role, address(governor)))
        ],
        "next"
      )
    );
    Proposal memory p = someProposal("of the old");
    adopt(p);
    roleRefused(address(governor), role);
    queue(p);
    governor = next;
    enact(someProposal("of the next"));
    equal(params.announcedValue(Param.NetworkShare).value, 1500, "governed");
  }

  // Settings

  function test_governanceChangesItsSettings() public {
    enact(proposalOf(address(governor), abi.encodeCall(governor.setVotingDelay, (2 days)), "delay"));
    equal(governor.votingDelay(), 2 days, "delay");
    enact(proposalOf(address(governor), abi.encodeCall(governor.setVotingPeriod, (10 days)), "period"));
    equal(governor.votingPeriod(), 10 days, "period");
    enact(proposalOf(address(governor), abi.encodeCall(governor.setProposalThreshold, (THRESHOLD / 2)), "threshold"));
    equal(governor.proposalThreshold(), THRESHOLD / 2, "threshold");
    enact(proposalOf(address(governor), abi.encodeCall(governor.setLateQuorumVoteExtension, (2 days)), "late"));
    equal(governor.lateQuorumVoteExtension(), 2 days, "late");
    uint256 before = time();
    vm.warp(before + 1);
    enact(proposalOf(address(governor), abi.encodeCall(governor.setQuorum, (QUORUM / 2)), "quorum"));
    equal(governor.quorum(time()), QUORUM / 2, "quorum");
    equal(governor.quorum(before), QUORUM, "as it was");
  }

  function test_audit17_noVoteMakesTheNextImpossibleOrUnnoticed() public {
    failsWith(
      abi.encodeCall(governor.setVotingDelay, (12 hours - 1)),
      settingRefused(12 hours - 1, 12 hours, 4 days),
      "unnoticed"
    );
    failsWith(
      abi.encodeCall(governor.setVotingDelay, (type(uint48).max)),
      settingRefused(type(uint48).max, 12 hours, 4 days),
      "never begins"
    );
    failsWith(
      abi.encodeCall(governor.setVotingPeriod, (60 hours - 1)), settingRefused(60 hours - 1, 60 hours, 20 days), "short"
    );
    failsWith(
      abi.encodeCall(governor.setVotingPeriod, (type(uint32).max)),
      settingRefused(type(uint32).max, 60 hours, 20 days),
      "never ends"
    );
    failsWith(
      abi.encodeCall(governor.setProposalThreshold, (5_000_000e18 + 1)),
      settingRefused(5_000_000e18 + 1, 0, 5_000_000e18),
      "nobody proposes"
    );
    failsWith(
      abi.encodeCall(governor.setQuorum, (50_000_000e18 + 1)),
      settingRefused(50_000_000e18 + 1, 1_000_000e18, 50_000_000e18),
      "no quorum"
    );
    failsWith(
      abi.encodeCall(governor.setQuorum, (1_000_000e18 - 1)),
      settingRefused(1_000_000e18 - 1, 1_000_000e18, 50_000_000e18),
      "any quorum"
    );
    failsWith(
      abi.encodeCall(governor.setLateQuorumVoteExtension, (VOTING_PERIOD + 1)),
      abi.encodeWithSelector(
        GovernorPreventLateQuorum.GovernorPreventLateQuorumVoteExtensionTooLarge.selector,
        VOTING_PERIOD + 1,
        VOTING_PERIOD
      ),
      "held open"
    );
    failsWith(
      abi.encodeCall(governor.updateTimelock, (new Timelock(0, STRANGER))),
      abi.encodeWithSelector(OPGGovernor.TimelockIsFixed.selector),
      "another timelock"
    );
  }

  /// @dev Whatever setting is tried at whatever value, the next proposal is still made, voted on and executed.
  function testFuzz_audit17_noSettingBricksGovernance(uint256 which, uint256 value) public {
    uint256[5] memory around = [uint256(5 days), 25 days, 6_000_000e18, 60_000_000e18, 6 days];
    if (value % 4 != 0) value = bound(value, 0, around[which % 5]);
    bytes[5] memory calls = [
      abi.encodeCall(governor.setVotingDelay, (uint48(value))),
      abi.encodeCall(governor.setVotingPeriod, (uint32(value))),
      abi.encodeCall(governor.setProposalThreshold, (value)),
      abi.encodeCall(governor.setQuorum, (value)),
      abi.encodeCall(governor.setLateQuorumVoteExtension, (uint48(value)))
    ];
    holds(PROPOSER, governor.MAX_PROPOSAL_THRESHOLD());
    holds(WHALE, governor.MAX_QUORUM());
    passTime(1);
    Proposal memory p = proposalOf(address(governor), calls[which % 5], "any");
    ripen(p);
    try governor.execute(p.targets, p.values, p.payloads, hashed(p)) {} catch {}
    uint256 begun = time();
    enact(someProposal("the next"));
    isTrue(time() - begun <= 4 days + 20 days + 5 days + TIMELOCK_DELAY + 2, "in its time");
    isTrue(time() - begun >= 12 hours + 60 hours + TIMELOCK_DELAY, "not unnoticed");
    equal(params.announcedValue(Param.NetworkShare).value, 1500, "governed");
  }

  /// @dev Within the bounds every value is taken.
  function testFuzz_settingsWithinTheirBoundsAreTaken(uint256 delay, uint256 period) public {
    delay = bound(delay, 12 hours, 4 days);
    period = bound(period, 60 hours, 20 days);
    enact(
      proposalOf(
        [address(governor), address(governor)],
        [
          abi.encodeCall(governor.setVotingDelay, (uint48(delay))),
          abi.encodeCall(governor.setVotingPeriod, (uint32(period)))
        ],
        "both"
      )
    );
    equal(governor.votingDelay(), delay, "delay");
    equal(governor.votingPeriod(), period, "period");
  }

  /// @dev A devnet's votes of seconds never get to no delay at all.
  function test_theShortestDelayIsNeverZero() public {
    OPGGovernor.Settings memory quick = settings();
    (quick.votingDelay, quick.votingPeriod, quick.lateQuorumExtension) = (1, 3, 1);
    timelock = new Timelock(1, vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1));
    governor = new OPGGovernor(votes, timelock, params, quick);
    failsWith(abi.encodeCall(governor.setVotingDelay, (0)), settingRefused(0, 1, 4), "no delay");
    failsWith(abi.encodeCall(governor.setVotingPeriod, (1)), settingRefused(1, 2, 12), "half of it, up");
  }

  function test_audit17_aRunningVoteKeepsItsQuorum() public {
    Proposal memory lower = proposalOf(address(governor), abi.encodeCall(governor.setQuorum, (QUORUM / 10)), "lower");
    address tenth = address(0xB6);
    holds(tenth, QUORUM / 10);
    adopt(lower);
    queue(lower);
    vm.warp(governor.proposalEta(lower.id) - VOTING_DELAY - 1);
    Proposal memory running = someProposal("running");
    propose(running);
    vm.warp(governor.proposalEta(lower.id));
    openVote(running);
    execute(lower);
    Proposal memory later = proposalOf(address(params), abi.encodeCall(params.setParam, (Param.HostPool, 1)), "later");
    propose(later);
    voteAs(tenth, running, FOR);
    openVote(later);
    voteAs(tenth, later, FOR);
    closeVote(later);
    isState(running, IGovernor.ProposalState.Defeated, "its own quorum");
    isState(later, IGovernor.ProposalState.Succeeded, "the lower one");
  }

  function test_acceptsNoEther() public {
    (bool done,) = address(governor).call{value: 0}("");
    isTrue(!done, "the timelock holds it");
  }

  /// @dev Bounds are checked where a value is announced: what was voted for out of them does not even begin to wait.
  function test_aParameterOutOfBoundsRevertsAtExecution() public {
    Proposal memory p =
      proposalOf(address(params), abi.encodeCall(params.setParam, (Param.NetworkShare, 3001)), "too much");
    ripen(p);
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.OutOfBounds.selector, Param.NetworkShare, 3001, 500, 3000));
    execute(p);
    equal(params.announcedValue(Param.NetworkShare).effectiveAt, 0, "nothing is announced");
    Proposal memory nowhere =
      proposalOf(address(params), abi.encodeCall(params.setModule, (Module.Evidence, STRANGER)), "nowhere");
    ripen(nowhere);
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotAContract.selector, STRANGER));
    execute(nowhere);
  }
}
