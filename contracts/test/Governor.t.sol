// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CombinedVotes} from "../src/CombinedVotes.sol";
import {OPGGovernor} from "../src/OPGGovernor.sol";
import {ProtocolParams} from "../src/ProtocolParams.sol";
import {Timelock} from "../src/Timelock.sol";
import {Treasury} from "../src/Treasury.sol";
import {Vesting} from "../src/Vesting.sol";
import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {ITreasury} from "../src/interfaces/ITreasury.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Governance} from "./support/Governance.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

/// @notice Borrows votes for one transaction, as a flash loan would.
contract FlashVoter {
  function tryToPropose(Governance_ test, OPGGovernor governor) external returns (bool proposed) {
    test.opgOf().delegate(address(this));
    try governor.propose(new address[](1), new uint256[](1), new bytes[](1), "flash") {
      proposed = true;
    } catch {}
    test.opgOf().transfer(msg.sender, test.opgOf().balanceOf(address(this)));
  }
}

interface Token_ {
  function delegate(address to) external;
  function transfer(address to, uint256 amount) external returns (bool);
  function balanceOf(address account) external view returns (uint256);
}

interface Governance_ {
  function opgOf() external view returns (Token_);
}

contract GovernorTest is Governance {
  function setUp() public {
    deploy();
    endow(ALICE, 20_000_000e18);
  }

  function opgOf() external view returns (Token_) {
    return Token_(address(opg));
  }

  function shareTo(uint256 value) private view returns (Plan memory) {
    return single(address(params), abi.encodeCall(IProtocolParams.setParam, (Param.NetworkShare, value)), "# share");
  }

  function guardianTo(address next) private view returns (Plan memory) {
    return single(address(params), abi.encodeCall(IProtocolParams.setGuardian, (next)), "# guardian");
  }

  function test_aParameterChangeGoesFromProposalToEffect() public {
    Plan memory plan = shareTo(1500);
    uint256 id = proposeBy(ALICE, plan);
    stateIs(id, IGovernor.ProposalState.Pending, "pending");
    pass(VOTING_DELAY + 1);
    stateIs(id, IGovernor.ProposalState.Active, "active");
    castBy(ALICE, id, 1);
    pass(VOTING_PERIOD);
    stateIs(id, IGovernor.ProposalState.Succeeded, "succeeded");
    queue(plan);
    stateIs(id, IGovernor.ProposalState.Queued, "queued");
    pass(TIMELOCK_DELAY - 1);
    vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
    execute(plan);
    pass(1);
    execute(plan);
    equal(params.valueOf(Param.NetworkShare), 2000, "before the delay");
    pass(CHANGE_DELAY - 1);
    equal(params.valueOf(Param.NetworkShare), 2000, "a second before");
    pass(1);
    equal(params.valueOf(Param.NetworkShare), 1500, "in effect");
  }

  function test_aModuleIsReplacedByAVote() public {
    Treasury another = new Treasury(address(timelock));
    Plan memory plan = single(
      address(params), abi.encodeCall(IProtocolParams.setModule, (Module.Evidence, address(another))), "# module"
    );
    enact(ALICE, plan);
    equal(params.moduleOf(Module.Evidence), address(0), "not yet");
    pass(CHANGE_DELAY);
    equal(params.moduleOf(Module.Evidence), address(another), "replaced");
  }

  function test_audit17_belowTheThresholdNobodyProposes() public {
    endow(BOB, THRESHOLD - 1);
    Plan memory plan = shareTo(1500);
    vm.expectRevert(
      abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, BOB, THRESHOLD - 1, THRESHOLD)
    );
    proposeBy(BOB, plan);
    opg.transfer(BOB, 1);
    pass(1);
    proposeBy(BOB, plan);
  }

  function test_audit17_belowTheAbsoluteQuorumNothingPasses() public {
    endow(BOB, QUORUM - 1);
    uint256 id = carry(BOB, shareTo(1500));
    stateIs(id, IGovernor.ProposalState.Defeated, "one wei short");
    opg.transfer(BOB, 1);
    pass(1);
    id = carry(BOB, shareTo(1600));
    stateIs(id, IGovernor.ProposalState.Succeeded, "exactly");
  }

  function test_audit17_aLateQuorumLeavesTimeToAnswer() public {
    endow(BOB, 30_000_000e18);
    uint256 id = proposeBy(ALICE, shareTo(1500));
    uint256 deadline = governor.proposalDeadline(id);
    vm.warp(deadline - 60);
    castBy(ALICE, id, 1);
    equal(governor.proposalDeadline(id), deadline - 60 + LATE_EXTENSION, "extended");
    vm.warp(deadline + 1);
    stateIs(id, IGovernor.ProposalState.Active, "still open");
    castBy(BOB, id, 0);
    vm.warp(deadline + LATE_EXTENSION);
    stateIs(id, IGovernor.ProposalState.Defeated, "answered");
  }

  function test_audit17_flashLoanedTokensNeitherProposeNorVote() public {
    FlashVoter flash = new FlashVoter();
    opg.transfer(address(flash), 500_000_000e18);
    isTrue(!flash.tryToPropose(Governance_(address(this)), governor), "proposed with borrowed votes");

    uint256 id = proposeBy(ALICE, shareTo(1500));
    pass(VOTING_DELAY + 1);
    opg.transfer(BOB, 500_000_000e18);
    vm.prank(BOB);
    opg.delegate(BOB);
    pass(1);
    vm.prank(BOB);
    equal(governor.castVote(id, 0), 0, "votes that came after the snapshot");
  }

  function test_audit17_flashStakeDoesNotVote() public {
    uint256 id = proposeBy(ALICE, shareTo(1500));
    pass(VOTING_DELAY + 1);
    stakeFor(BOB, 0, Role.Verifier, 400_000_000e18);
    pass(1);
    vm.prank(BOB);
    equal(governor.castVote(id, 0), 0, "stake that came after the snapshot");
  }

  function test_stakedTokensVoteThroughTheirOwner() public {
    stakeFor(BOB, 0, Role.Provider, 15_000_000e18);
    pass(1);
    equal(votes.getVotes(BOB), 15_000_000e18, "staked votes");
    equal(votes.getVotes(address(manager)), 0, "custody does not vote");
    uint256 id = enact(BOB, shareTo(1500));
    stateIs(id, IGovernor.ProposalState.Executed, "carried by stake");
  }

  function test_votesLeaveWithTheRequestToUnstake() public {
    address operator = stakeFor(BOB, 0, Role.Provider, 15_000_000e18);
    pass(1);
    vm.prank(BOB);
    manager.requestUnstake(operator, Role.Provider, 15_000_000e18);
    equal(votes.getVotes(BOB), 0, "unbonding does not vote");
  }

  function test_treasuryVestingAndBurnedTokensNeverVote() public {
    Vesting vesting = new Vesting(BOB, uint64(vm.getBlockTimestamp()), 365 days);
    opg.transfer(address(vesting), 100_000_000e18);
    opg.transfer(address(treasury), 100_000_000e18);
    opg.transfer(address(0xdEaD), 100_000_000e18);
    pass(30 days);
    equal(votes.getVotes(address(vesting)) + votes.getVotes(BOB), 0, "unvested");
    equal(votes.getVotes(address(treasury)), 0, "treasury");
    equal(votes.getVotes(address(0xdEaD)), 0, "burned");
    isTrue(opg.delegates(address(treasury)) == address(0), "treasury has a delegate");
  }

  function test_audit17_theGuardianCancelsAnyProposalUntilItIsExecuted() public {
    Plan memory plan = shareTo(1500);
    uint256 id = proposeBy(ALICE, plan);
    cancelBy(GUARDIAN, plan);
    stateIs(id, IGovernor.ProposalState.Canceled, "pending");

    plan = shareTo(1600);
    id = carry(ALICE, plan);
    queue(plan);
    cancelBy(GUARDIAN, plan);
    stateIs(id, IGovernor.ProposalState.Canceled, "queued");
    pass(TIMELOCK_DELAY);
    vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
    execute(plan);
  }

  function test_audit17_theGuardianCannotCancelItsOwnRemoval() public {
    Plan memory plan = guardianTo(address(0));
    uint256 id = carry(ALICE, plan);
    queue(plan);
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, GUARDIAN));
    cancelBy(GUARDIAN, plan);
    pass(TIMELOCK_DELAY);
    execute(plan);
    equal(params.guardian(), address(0), "removed");
  }

  function test_theGuardianCancelsWhatHidesBehindItsRemoval() public {
    Plan memory plan = double(guardianTo(address(0)), shareTo(3000));
    uint256 id = carry(ALICE, plan);
    cancelBy(GUARDIAN, plan);
    stateIs(id, IGovernor.ProposalState.Canceled, "cancelled");
  }

  function test_aProposalToTheParametersThatIsNoRemovalCanBeCancelled() public {
    Plan memory plan = shareTo(1500);
    uint256 id = carry(ALICE, plan);
    cancelBy(GUARDIAN, plan);
    stateIs(id, IGovernor.ProposalState.Canceled, "cancelled");
  }

  function test_theGuardianEndsAtItsDate() public {
    vm.warp(params.guardianEnd());
    Plan memory plan = shareTo(1500);
    uint256 id = proposeBy(ALICE, plan);
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, GUARDIAN));
    cancelBy(GUARDIAN, plan);
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, address(0)));
    cancelBy(address(0), plan);
  }

  function test_aProposerCancelsItsOwnWhileItIsPending() public {
    Plan memory plan = shareTo(1500);
    uint256 id = proposeBy(ALICE, plan);
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, BOB));
    cancelBy(BOB, plan);
    cancelBy(ALICE, plan);
    stateIs(id, IGovernor.ProposalState.Canceled, "cancelled");

    plan = shareTo(1600);
    id = proposeBy(ALICE, plan);
    pass(VOTING_DELAY + 1);
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, ALICE));
    cancelBy(ALICE, plan);
  }

  function test_audit17_nobodyWorksTheTimelockAroundTheGovernor() public {
    bytes32 admin = timelock.DEFAULT_ADMIN_ROLE();
    isTrue(!timelock.hasRole(admin, address(this)), "deployer administers");
    isTrue(timelock.hasRole(admin, address(timelock)), "itself does not administer");
    bytes32 proposer = timelock.PROPOSER_ROLE();
    vm.expectRevert(
      abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, address(this), proposer)
    );
    timelock.schedule(address(params), 0, "", 0, 0, TIMELOCK_DELAY);
    bytes32 canceller = timelock.CANCELLER_ROLE();
    vm.expectRevert(
      abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, address(this), canceller)
    );
    timelock.cancel(0);
    vm.expectRevert(
      abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, address(this), admin)
    );
    timelock.grantRole(proposer, address(this));
    isTrue(timelock.hasRole(proposer, address(governor)), "governor proposes");
    isTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)), "anyone executes");
  }

  function test_theTimelockCannotBeExchanged() public {
    Plan memory plan = single(address(governor), abi.encodeCall(governor.updateTimelock, (timelock)), "# exchange");
    carry(ALICE, plan);
    queue(plan);
    pass(TIMELOCK_DELAY);
    vm.expectRevert(abi.encodeWithSelector(OPGGovernor.TimelockIsFixed.selector));
    execute(plan);
  }

  function test_theTimelocksDelayNeverFallsBelowItsFirst() public {
    Plan memory plan = single(address(timelock), abi.encodeCall(timelock.updateDelay, (3 days)), "# longer");
    enact(ALICE, plan);
    equal(timelock.getMinDelay(), 3 days, "longer");
    vm.prank(address(timelock));
    timelock.updateDelay(TIMELOCK_DELAY);
    vm.prank(address(timelock));
    vm.expectRevert(
      abi.encodeWithSelector(Timelock.DelayOutOfBounds.selector, TIMELOCK_DELAY - 1, TIMELOCK_DELAY, 30 days)
    );
    timelock.updateDelay(TIMELOCK_DELAY - 1);
    vm.prank(address(timelock));
    vm.expectRevert(abi.encodeWithSelector(Timelock.DelayOutOfBounds.selector, 31 days, TIMELOCK_DELAY, 30 days));
    timelock.updateDelay(31 days);
    vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnauthorizedCaller.selector, address(this)));
    timelock.updateDelay(3 days);
    vm.expectRevert(abi.encodeWithSelector(Timelock.DelayOutOfBounds.selector, 31 days, 0, 30 days));
    new Timelock(31 days, address(governor));
  }

  /// @dev The bytes of a call that a proposal makes to the governor itself.
  function change(bytes memory data) private returns (Plan memory plan) {
    plan = single(address(governor), data, string.concat("# change ", vm.toString(vm.getBlockTimestamp())));
    carry(ALICE, plan);
    queue(plan);
    pass(TIMELOCK_DELAY);
  }

  function refuse(bytes memory data, uint256 value, uint256 least, uint256 most) private {
    Plan memory plan = change(data);
    vm.expectRevert(abi.encodeWithSelector(OPGGovernor.SettingOutOfBounds.selector, value, least, most));
    execute(plan);
  }

  function test_audit17_settingsStayWithinTheirBounds() public {
    refuse(abi.encodeCall(governor.setVotingDelay, (12 hours - 1)), 12 hours - 1, 12 hours, 4 days);
    refuse(abi.encodeCall(governor.setVotingDelay, (4 days + 1)), 4 days + 1, 12 hours, 4 days);
    refuse(abi.encodeCall(governor.setVotingPeriod, (60 hours - 1)), 60 hours - 1, 60 hours, 20 days);
    refuse(abi.encodeCall(governor.setVotingPeriod, (20 days + 1)), 20 days + 1, 60 hours, 20 days);
    refuse(abi.encodeCall(governor.setProposalThreshold, (5_000_001e18)), 5_000_001e18, 0, 5_000_000e18);
    refuse(abi.encodeCall(governor.setQuorum, (1e24 - 1)), 1e24 - 1, 1e24, 1e26);
    refuse(abi.encodeCall(governor.setQuorum, (1e26 + 1)), 1e26 + 1, 1e24, 1e26);
  }

  function test_settingsAreChangedByAVote() public {
    execute(change(abi.encodeCall(governor.setQuorum, (1e24))));
    execute(change(abi.encodeCall(governor.setProposalThreshold, (0))));
    execute(change(abi.encodeCall(governor.setLateQuorumVoteExtension, (2 days))));
    execute(change(abi.encodeCall(governor.setVotingDelay, (12 hours))));
    execute(change(abi.encodeCall(governor.setVotingPeriod, (10 days))));
    equal(governor.quorum(vm.getBlockTimestamp()), 1e24, "quorum");
    equal(governor.proposalThreshold(), 0, "threshold");
    equal(governor.lateQuorumVoteExtension(), 2 days, "extension");
    equal(governor.votingDelay(), 12 hours, "delay");
    equal(governor.votingPeriod(), 10 days, "period");
  }

  function test_onlyGovernanceChangesSettings() public {
    vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, address(this)));
    governor.setQuorum(1e25);
  }

  function test_aVoteKeepsTheQuorumItBeganWith() public {
    endow(BOB, 2_000_000e18);
    Plan memory lower = change(abi.encodeCall(governor.setQuorum, (1_000_000e18)));
    uint256 id = proposeBy(BOB, shareTo(1500));
    pass(VOTING_DELAY + 1);
    execute(lower);
    castBy(BOB, id, 1);
    pass(VOTING_PERIOD);
    stateIs(id, IGovernor.ProposalState.Defeated, "the old quorum counts");
    equal(governor.quorum(vm.getBlockTimestamp()), 1_000_000e18, "the new one counts for later");
  }

  function test_constructorChecksItsSettings() public {
    OPGGovernor.Settings memory s = settings();
    s.votingDelay = 0;
    vm.expectRevert(abi.encodeWithSelector(OPGGovernor.SettingOutOfBounds.selector, 0, 1, type(uint48).max));
    new OPGGovernor(votes, timelock, params, s);
    s = settings();
    s.quorum = 1;
    vm.expectRevert(abi.encodeWithSelector(OPGGovernor.SettingOutOfBounds.selector, 1, 1e24, 1e26));
    new OPGGovernor(votes, timelock, params, s);
    s = settings();
    s.proposalThreshold = 6_000_000e18;
    vm.expectRevert(abi.encodeWithSelector(OPGGovernor.SettingOutOfBounds.selector, 6_000_000e18, 0, 5_000_000e18));
    new OPGGovernor(votes, timelock, params, s);
  }

  function test_theTreasuryPaysByAVoteAlone() public {
    opg.transfer(address(treasury), 10e18);
    vm.expectRevert(abi.encodeWithSelector(ITreasury.NotGovernance.selector, address(this)));
    treasury.pay(opg, BOB, 1);
    enact(ALICE, single(address(treasury), abi.encodeCall(treasury.pay, (opg, BOB, 4e18)), "# pay"));
    equal(opg.balanceOf(BOB), 4e18, "paid");
    equal(opg.balanceOf(address(treasury)), 6e18, "kept");
    vm.expectRevert(abi.encodeWithSelector(ITreasury.InvalidParameters.selector));
    new Treasury(address(0));
  }

  function test_combinedVotesAreThoseOfBothAndDelegateNowhere() public {
    stakeFor(BOB, 0, Role.Provider, 11_000e18);
    endow(BOB, 7e18);
    uint256 before = vm.getBlockTimestamp() - 1;
    pass(1);
    equal(votes.getVotes(BOB), 11_007e18, "now");
    equal(votes.getPastVotes(BOB, before), 11_007e18, "then");
    equal(votes.getPastTotalSupply(before), 1e27, "supply");
    equal(votes.delegates(BOB), BOB, "delegate");
    equal(votes.clock(), vm.getBlockTimestamp(), "clock");
    equal(keccak256(bytes(votes.CLOCK_MODE())), keccak256("mode=timestamp"), "mode");
    vm.expectPartialRevert(CombinedVotes.DelegateAtTheSource.selector);
    votes.delegate(BOB);
    vm.expectPartialRevert(CombinedVotes.DelegateAtTheSource.selector);
    votes.delegateBySig(BOB, 0, 0, 0, 0, 0);
    BlockClock other = new BlockClock();
    vm.expectRevert(abi.encodeWithSelector(CombinedVotes.InvalidParameters.selector));
    new CombinedVotes(IERC5805(address(opg)), IERC5805(address(other)));
  }

  function testFuzz_allVotesTogetherNeverExceedTheSupply(uint128 held, uint128 staked, uint128 delegated) public {
    uint256 heldBy = bound(held, 1, 100_000_000e18);
    uint256 stakedBy = bound(staked, 10_000e18, 100_000_000e18);
    uint256 handed = bound(delegated, 1, 100_000_000e18);
    endow(BOB, heldBy);
    stakeFor(BOB, 0, Role.Provider, uint128(stakedBy));
    address carol = address(0xCA201);
    opg.transfer(carol, handed);
    vm.prank(carol);
    opg.delegate(BOB);
    uint256 sum = votes.getVotes(ALICE) + votes.getVotes(BOB) + votes.getVotes(carol) + votes.getVotes(address(manager))
      + votes.getVotes(address(this));
    equal(sum, 20_000_000e18 + heldBy + stakedBy + handed, "each token once");
    isTrue(sum <= 1e27, "above the supply");
  }
}

/// @notice Counts time in blocks.
contract BlockClock {
  function clock() external view returns (uint48) {
    return uint48(block.timestamp);
  }

  // solhint-disable-next-line func-name-mixedcase
  function CLOCK_MODE() external pure returns (string memory) {
    return "mode=blocknumber&from=default";
  }
}
