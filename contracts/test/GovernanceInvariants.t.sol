// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProtocolParams} from "../src/ProtocolParams.sol";
import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {Governance} from "./support/Governance.sol";
import {Test} from "./support/Test.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice Everybody but the timelock: strangers, the guardian, contracts of the network, and a minority that proposes
/// and votes with all but one wei of the quorum. They try everything that changes something.
contract Outsiders is Governance {
  address private constant MINORITY = address(0xE1);
  address private constant LOOT = address(0xE2);

  address[] private _callers;
  Proposal[] private _proposals;
  uint256 public attempts;
  uint256 public defeated;
  uint256 public paused;

  constructor() {
    deployGovernance();
    holds(MINORITY, QUORUM - THRESHOLD - 1);
    opg.transfer(address(treasury), 1_000_000e18);
    passTime(1);
    _callers = [STRANGER, GUARDIAN, PROPOSER, MINORITY, address(this), address(manager), address(params), address(opg)];
  }

  // What an invariant looks at

  function unchanged() external view {
    for (uint256 index = 1; index <= uint256(type(Param).max); ++index) {
      equal(params.announcedValue(Param(index)).effectiveAt, 0, "no value is announced");
    }
    for (uint256 index; index <= uint256(type(Module).max); ++index) {
      equal(params.announcedModule(Module(index)).effectiveAt, 0, "no pointer is announced");
    }
    equal(params.valueOf(Param.NetworkShare), 2000, "values of the genesis");
    equal(params.moduleOf(Module.Committee), address(committee), "committee");
    equal(params.moduleOf(Module.BatchAnchor), address(batches), "anchor");
    equal(params.moduleOf(Module.Evidence), address(evidence), "evidence");
    equal(params.moduleOf(Module.RewardDistributor), address(distributor), "distributor");
    equal(params.moduleOf(Module.Demands), address(0), "no other");
    equal(params.guardian(), time() < params.guardianEnd() ? GUARDIAN : address(0), "guardian");
  }

  function unmoved() external view {
    equal(opg.balanceOf(address(treasury)), 1_000_000e18, "the treasury");
    equal(opg.balanceOf(LOOT), 0, "no loot");
    isTrue(manager.isSlasher(SLASHER) && manager.isSlasher(address(evidence)), "slashers of the genesis");
    for (uint256 index; index < _callers.length; ++index) {
      equal(manager.slasherFrom(_callers[index]), 0, "and no other");
      isTrue(!timelock.hasRole(timelock.PROPOSER_ROLE(), _callers[index]), "no proposer");
      isTrue(!timelock.hasRole(timelock.CANCELLER_ROLE(), _callers[index]), "no canceller");
      isTrue(!timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), _callers[index]), "no admin");
    }
    equal(timelock.getMinDelay(), TIMELOCK_DELAY, "timelock");
    equal(governor.quorum(time()), QUORUM, "quorum");
    equal(governor.votingDelay(), VOTING_DELAY, "delay");
    equal(governor.votingPeriod(), VOTING_PERIOD, "period");
    equal(governor.proposalThreshold(), THRESHOLD, "threshold");
    equal(governor.lateQuorumVoteExtension(), LATE_QUORUM, "late quorum");
  }

  // What they do

  function attempt(uint256 who, address target, bytes memory call) private {
    ++attempts;
    vm.prank(_callers[who % _callers.length]);
    (bool done,) = target.call(call);
    isTrue(!done, "refused");
  }

  function changeValues(uint256 who, uint8 param, uint256 value) external {
    param = uint8(bound(param, 0, uint256(type(Param).max)));
    attempt(who, address(params), abi.encodeCall(params.setParam, (Param(param), bound(value, 0, 10_000))));
  }

  function changePointers(uint256 who, uint8 module, address target) external {
    Module which = Module(bound(module, 0, uint256(type(Module).max)));
    attempt(who, address(params), abi.encodeCall(params.setModule, (which, target)));
    attempt(who, address(params), abi.encodeCall(params.setGuardian, (target)));
    attempt(who, address(manager), abi.encodeCall(manager.announceSlasher, (target)));
    attempt(who, address(manager), abi.encodeCall(manager.removeSlasher, (SLASHER)));
  }

  function takeTheTreasury(uint256 who, uint256 amount) external {
    attempt(who, address(treasury), abi.encodeCall(treasury.pay, (opg, LOOT, amount)));
  }

  function changeSettings(uint256 who, uint256 value) external {
    attempt(who, address(governor), abi.encodeCall(governor.setQuorum, (value)));
    attempt(who, address(governor), abi.encodeCall(governor.setVotingDelay, (uint48(value))));
    attempt(who, address(governor), abi.encodeCall(governor.setVotingPeriod, (uint32(value))));
    attempt(who, address(governor), abi.encodeCall(governor.setProposalThreshold, (value)));
    attempt(who, address(governor), abi.encodeCall(governor.setLateQuorumVoteExtension, (uint48(value))));
    attempt(who, address(governor), abi.encodeCall(governor.updateTimelock, (timelock)));
    attempt(who, address(timelock), abi.encodeCall(timelock.updateDelay, (value)));
  }

  function workTheTimelock(uint256 who, uint256 at, bytes32 salt) external {
    address caller = _callers[who % _callers.length];
    bytes memory call = abi.encodeCall(params.setGuardian, (caller));
    attempt(
      who, address(timelock), abi.encodeCall(timelock.schedule, (address(params), 0, call, 0, salt, TIMELOCK_DELAY))
    );
    attempt(who, address(timelock), abi.encodeCall(timelock.execute, (address(params), 0, call, 0, salt)));
    attempt(who, address(timelock), abi.encodeCall(timelock.cancel, (salt)));
    attempt(who, address(timelock), abi.encodeCall(timelock.grantRole, (timelock.PROPOSER_ROLE(), caller)));
    attempt(who, address(governor), abi.encodeCall(governor.relay, (address(timelock), 0, "")));
    if (_proposals.length == 0) return;
    Proposal memory p = _proposals[at % _proposals.length];
    salt = bytes20(address(governor)) ^ hashed(p);
    bytes memory batch = abi.encodeCall(timelock.executeBatch, (p.targets, p.values, p.payloads, 0, salt));
    attempt(who, address(timelock), batch);
  }

  /// @dev The only calls of theirs that succeed here: each is put to the vote, and supported by all they have.
  function proposeLoot(uint256 what) external {
    bytes[4] memory calls = [
      abi.encodeCall(treasury.pay, (opg, LOOT, 1_000_000e18)),
      abi.encodeCall(params.setParam, (Param.NetworkShare, 3000)),
      abi.encodeCall(manager.announceSlasher, (MINORITY)),
      abi.encodeCall(timelock.grantRole, (timelock.PROPOSER_ROLE(), MINORITY))
    ];
    address[4] memory targets = [address(treasury), address(params), address(manager), address(timelock)];
    string memory description = vm.toString(_proposals.length);
    Proposal memory p = proposalOf(targets[what % 4], calls[what % 4], description);
    propose(p);
    _proposals.push(p);
    openVote(p);
    voteAs(PROPOSER, p, what / 4 % 2 == 0 ? FOR : ABSTAIN);
    voteAs(MINORITY, p, FOR);
    closeVote(p);
    isState(p, IGovernor.ProposalState.Defeated, "one wei short of the quorum");
    ++defeated;
  }

  function pushLoot(uint256 who, uint256 at) external {
    if (_proposals.length == 0) return;
    Proposal memory p = _proposals[at % _proposals.length];
    attempt(who, address(governor), abi.encodeCall(governor.queue, (p.targets, p.values, p.payloads, hashed(p))));
    attempt(who, address(governor), abi.encodeCall(governor.execute, (p.targets, p.values, p.payloads, hashed(p))));
  }

  function pause(uint256 which, uint64 duration) external {
    Module module = Module(bound(which, 1, uint256(type(Module).max)));
    vm.prank(GUARDIAN);
    try params.pause(module, uint64(bound(duration, 1, 80 hours))) {
      ++paused;
    } catch {}
  }

  function wait(uint256 seconds_) external {
    passTime(bound(seconds_, 1, 30 days));
  }
}

contract OutsidersInvariantsTest is Test {
  Outsiders private outsiders;

  function setUp() public {
    outsiders = new Outsiders();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(outsiders);
  }

  function invariant_nobodyButTheTimelockChangesAValueOrAPointer() public view {
    outsiders.unchanged();
  }

  function invariant_nobodyButTheTimelockMovesMoneyPowersOrSettings() public view {
    outsiders.unmoved();
  }

  /// @dev That the calls above get as far as they can.
  function test_outsidersReachTheVote() public {
    outsiders.proposeLoot(0);
    outsiders.pushLoot(3, 0);
    outsiders.workTheTimelock(3, 0, "salt");
    outsiders.pause(uint256(Module.Evidence) - 1, 1 hours);
    equal(outsiders.defeated(), 1, "voted on");
    equal(outsiders.attempts(), 8, "tried");
    equal(outsiders.paused(), 1, "paused");
    outsiders.unchanged();
    outsiders.unmoved();
  }
}

/// @notice The timelock and the guardian doing whatever they may, against a list of what must follow.
contract Governing is Test {
  struct Expected {
    uint256 inEffect;
    uint256 announced;
    uint256 effectiveAt;
  }

  struct Interval {
    uint256 from;
    uint256 until;
  }

  uint64 private constant CHANGE_DELAY = 7 days;
  uint256 private constant MAX_PAUSE = 72 hours;
  uint256 private constant PAUSE_COOLDOWN = 14 days;
  address private constant GOVERNANCE = address(0x60F);
  address private constant GUARDIAN = address(0x60A);
  uint64 private constant GUARDIAN_PERIOD = 4 * 365 days;

  ProtocolParams public params;
  mapping(Param => Expected) private _values;
  mapping(Module => Expected) private _pointers;
  mapping(Module => Interval[]) private _pauses;
  uint256 public changes;
  uint256 public pauses;
  uint256 public refused;

  constructor() {
    vm.warp(1_800_000_000);
    IProtocolParams.Setup memory setup;
    (setup.governance, setup.treasury, setup.guardian) = (GOVERNANCE, address(1), GUARDIAN);
    (setup.guardianEnd, setup.changeDelay) = (uint64(time()) + GUARDIAN_PERIOD, CHANGE_DELAY);
    params = new ProtocolParams(setup);
    for (uint256 index = 1; index <= uint256(type(Param).max); ++index) {
      _values[Param(index)].inEffect = params.valueOf(Param(index));
    }
  }

  function time() private view returns (uint256) {
    return vm.getBlockTimestamp();
  }

  function announce(Expected storage expected, uint256 value) private {
    expected.inEffect = current(expected);
    (expected.announced, expected.effectiveAt) = (value, time() + CHANGE_DELAY);
    ++changes;
  }

  function current(Expected storage expected) private view returns (uint256) {
    return expected.effectiveAt != 0 && time() >= expected.effectiveAt ? expected.announced : expected.inEffect;
  }

  function setParam(uint256 which, uint256 value) external {
    Param param = Param(bound(which, 1, uint256(type(Param).max)));
    value = bound(value, 0, 11_000);
    (uint256 least, uint256 most) = params.boundsOf(param);
    vm.prank(GOVERNANCE);
    try params.setParam(param, value) {
      isTrue(value >= least && value <= most, "within bounds");
      announce(_values[param], value);
    } catch {
      isTrue(value < least || value > most, "refused for its value");
      ++refused;
    }
  }

  function setModule(uint256 which, bool exists) external {
    Module module = Module(bound(which, 1, uint256(type(Module).max)));
    address target = exists ? address(params) : address(0);
    vm.prank(GOVERNANCE);
    params.setModule(module, target);
    announce(_pointers[module], uint160(target));
  }

  function pause(uint256 which, uint64 duration) external {
    Module module = Module(bound(which, 1, uint256(type(Module).max)));
    duration = uint64(bound(duration, 0, 80 hours));
    vm.prank(GUARDIAN);
    try params.pause(module, duration) {
      _pauses[module].push(Interval(time(), time() + duration));
      ++pauses;
    } catch {
      ++refused;
    }
  }

  function unpause(uint256 which, bool byGovernance) external {
    Module module = Module(bound(which, 1, uint256(type(Module).max)));
    address by = byGovernance ? GOVERNANCE : params.guardian();
    if (by == address(0)) return;
    vm.prank(by);
    params.unpause(module);
    uint256 count = _pauses[module].length;
    if (count == 0) return;
    Interval storage last = _pauses[module][count - 1];
    if (last.until > time()) last.until = time();
  }

  function waitABit(uint256 seconds_) external {
    vm.warp(time() + bound(seconds_, 1, 4 days));
  }

  function waitLong(uint256 seconds_) external {
    vm.warp(time() + bound(seconds_, 1, 20 days));
  }

  // What an invariant looks at

  function followsAnnouncements() external view {
    for (uint256 index = 1; index <= uint256(type(Param).max); ++index) {
      equal(params.valueOf(Param(index)), current(_values[Param(index)]), "value");
    }
    for (uint256 index = 1; index <= uint256(type(Module).max); ++index) {
      equal(uint160(params.moduleOf(Module(index))), current(_pointers[Module(index)]), "pointer");
    }
  }

  function withinBounds() external view {
    for (uint256 index = 1; index <= uint256(type(Param).max); ++index) {
      (uint256 least, uint256 most) = params.boundsOf(Param(index));
      uint256 value = params.valueOf(Param(index));
      isTrue(value >= least && value <= most && most <= 10_000, "within bounds");
    }
    isTrue(params.valueOf(Param.VerifierPool) + params.valueOf(Param.HostPool) <= 10_000, "pools");
    isTrue(params.valueOf(Param.BaseEmission) + params.valueOf(Param.ProviderEmission) <= 10_000, "emission");
  }

  /// @dev Of all windows of a pause and its cooldown, those that begin with a pause or end with one hold the most.
  function pausesAreShort() external view {
    for (uint256 index = 1; index <= uint256(type(Module).max); ++index) {
      Interval[] storage all = _pauses[Module(index)];
      for (uint256 at; at < all.length; ++at) {
        isTrue(stopped(all, all[at].from) <= MAX_PAUSE, "after its beginning");
        isTrue(stopped(all, all[at].until - MAX_PAUSE - PAUSE_COOLDOWN) <= MAX_PAUSE, "before its end");
      }
      bool expected = all.length != 0 && time() < all[all.length - 1].until;
      isTrue(params.isPaused(Module(index)) == expected, "paused as announced");
    }
  }

  /// @dev Seconds of the window that begins at `from` in which the module stood still.
  function stopped(Interval[] storage all, uint256 from) private view returns (uint256 sum) {
    uint256 end = from + MAX_PAUSE + PAUSE_COOLDOWN;
    for (uint256 at; at < all.length; ++at) {
      uint256 first = all[at].from > from ? all[at].from : from;
      uint256 last = all[at].until < end ? all[at].until : end;
      if (last > first) sum += last - first;
    }
  }
}

contract GoverningInvariantsTest is Test {
  Governing private governing;

  function setUp() public {
    governing = new Governing();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(governing);
  }

  function invariant_valuesAndPointersFollowTheirAnnouncements() public view {
    governing.followsAnnouncements();
  }

  function invariant_valuesStayWithinBoundsAndSharesWithinTheWhole() public view {
    governing.withinBounds();
  }

  function invariant_noWindowOfAPauseAndItsCooldownHoldsMoreThanOnePause() public view {
    governing.pausesAreShort();
  }

  /// @dev That the calls above do something.
  function test_governingChangesAndPauses() public {
    governing.setParam(0, 2500);
    governing.setParam(0, 3001);
    governing.setModule(0, true);
    governing.pause(uint256(Module.Evidence) - 1, 72 hours);
    governing.pause(uint256(Module.Evidence) - 1, 72 hours);
    governing.waitABit(1 hours);
    governing.unpause(uint256(Module.Evidence) - 1, true);
    governing.waitLong(19 days);
    equal(governing.params().valueOf(Param.NetworkShare), 2500, "in effect");
    equal(governing.changes(), 2, "two changes");
    equal(governing.pauses(), 1, "one pause");
    equal(governing.refused(), 2, "a value and a second pause");
    governing.followsAnnouncements();
    governing.pausesAreShort();
  }
}
