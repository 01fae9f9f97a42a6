// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EmissionReserve} from "../src/EmissionReserve.sol";
import {OPG} from "../src/OPG.sol";
import {RewardDistributor} from "../src/RewardDistributor.sol";
import {Module} from "../src/interfaces/IProtocolParams.sol";
import {RewardRoot, VoidRoot} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Rewards} from "./support/Rewards.sol";
import {Test} from "./support/Test.sol";
import {Trees} from "./support/Trees.sol";

/// @notice Twelve equal verifiers who sign anything: eight are exactly 2/3 and no quorum, nine are one. A guardian and a
/// jury act when they like; strangers post, claim, void, replace and wait. A call that must fail and does not, or must not
/// and does, is a finding.
contract RewardActors is Rewards {
  uint256 private constant VERIFIERS = 12;
  uint256 private constant QUORUM = 0x1FF;
  uint256 private constant MINORITY = 0xFF;
  uint256 private constant JURORS = 0x3FF;
  uint256 private constant ACCOUNTS = 4;

  /// @dev One distributor's roots that stand: what their leaves say, and the most that each could give.
  struct Posted {
    address[] accounts;
    uint128[] cumulatives;
    uint256 budget;
    uint64 epoch;
    uint64 postedIn;
  }

  address[] public distributors;
  mapping(address => Posted[]) private _posted;
  /// @dev One more than the epoch in which a distributor took its last root, void or not.
  mapping(address => uint64) private _lastPostedIn;
  uint256 public received;
  mapping(address => mapping(address => uint256)) private _paidTo;
  uint256 public corruptRoots;
  uint256 public claims;
  uint256 public voided;
  uint256 public replacements;
  uint256 public moved;

  constructor() {
    deployRewards();
    openWith(VERIFIERS, VERIFIER_STAKE, 0);
    distributors.push(address(distributor));
  }

  function count() external view returns (uint256) {
    return distributors.length;
  }

  function token() external view returns (OPG) {
    return opg;
  }

  function emission() external view returns (EmissionReserve) {
    return reserve;
  }

  function postedCount(address at) external view returns (uint256) {
    return _posted[at].length;
  }

  function postedAt(address at, uint256 index) external view returns (uint256 most, uint64 epoch, uint64 postedIn) {
    Posted storage posted = _posted[at][index];
    return (posted.budget, posted.epoch, posted.postedIn);
  }

  /// @dev Any leaves, whose sum need not be the total; signed by whoever `seed` says.
  function postAny(uint256 seed, uint256 share, uint256 lies) external {
    uint64 current = manager.currentEpoch();
    if (current == 0) return;
    uint64 epoch = current - uint64(bound(seed >> 8, 1, current < 3 ? current : 3));
    try committee.signers(epoch) {}
    catch {
      return;
    }
    Posted memory posted = _promise(seed, share, lies, epoch, current);
    RewardRoot memory r = nextRoot(
      epoch, treeOf(posted.accounts, posted.cumulatives)[0], uint32(ACCOUNTS), bound(share, 0, posted.budget * 5 / 4)
    );
    uint256 bitmap = seed % 3 == 0 ? MINORITY : QUORUM;
    bool may = bitmap == QUORUM && r.total <= posted.budget && _mayFollow(epoch, current);
    bytes memory sigs64 = signaturesOf(epoch, digestOf(r), bitmap);
    try distributor.postRoot(r, bitmap, sigs64) {
      isTrue(may, "posted against the rules");
      _posted[address(distributor)].push(posted);
      _lastPostedIn[address(distributor)] = current + 1;
      ++corruptRoots;
    } catch {
      isTrue(!may, "a root that follows was refused");
    }
  }

  function _mayFollow(uint64 epoch, uint64 current) private view returns (bool) {
    if (params.isPaused(Module.RewardDistributor)) return false;
    if (params.moduleOf(Module.RewardDistributor) != address(distributor)) return false;
    if (_lastPostedIn[address(distributor)] == current + 1) return false;
    uint256 last = _posted[address(distributor)].length;
    return last == 0 || epoch > _posted[address(distributor)][last - 1].epoch;
  }

  function _promise(uint256 seed, uint256 share, uint256 lies, uint64 epoch, uint64 current)
    private
    view
    returns (Posted memory posted)
  {
    posted.accounts = new address[](ACCOUNTS);
    posted.cumulatives = new uint128[](ACCOUNTS);
    (posted.epoch, posted.postedIn, posted.budget) = (epoch, current, budget(epoch));
    for (uint256 index; index < ACCOUNTS; ++index) {
      posted.accounts[index] = address(uint160(0xACC0 + index));
      uint256 random = uint256(keccak256(abi.encode(seed, share, lies, index)));
      posted.cumulatives[index] = uint128(bound(random, 0, lies % 4 == 0 ? type(uint128).max : posted.budget));
    }
  }

  function notifyFees(uint256 amount) external {
    amount = bound(amount, 1, 1000e18);
    distributor.notify(amount);
    received += amount;
  }

  function donate(uint256 amount, uint256 seed) external {
    amount = bound(amount, 1, 1000e18);
    opg.transfer(distributors[seed % distributors.length], amount);
    received += amount;
  }

  function releaseEmission() external {
    reserve.release();
  }

  /// @dev Everyone may claim everyone's: with the right proof, a changed one, or that of another root.
  function claimAny(uint256 seed, uint256 mutation) external {
    RewardDistributor at = RewardDistributor(distributors[seed % distributors.length]);
    uint256 number = at.finalNumber();
    if (number == 0) return;
    Posted storage posted = _posted[address(at)][number - 1];
    uint32 index = uint32((seed >> 16) % ACCOUNTS);
    (address account, uint128 cumulative) = (posted.accounts[index], posted.cumulatives[index]);
    bytes32[] memory proof = Trees.proofOf(treeOf(posted.accounts, posted.cumulatives), index);
    mutation = mutation % 6;
    if (mutation == 1) cumulative ^= uint128(1 << (seed % 128));
    if (mutation == 2) proof[seed % 2] ^= bytes32(uint256(1));
    if (mutation == 3) account = address(uint160(account) ^ 1);
    if (mutation == 4) index = (index + 1) % uint32(ACCOUNTS);
    uint256 before = at.claimedOf(account);
    uint256 left = at.rootOf(uint64(number)).cumulative - at.paid();
    uint256 due = cumulative > before ? cumulative - before : 0;
    bool may = (mutation == 0 || mutation == 5) && due != 0 && left != 0;
    try at.claim(account, cumulative, index, proof) returns (uint256 amount) {
      isTrue(may, "a claim without a leaf");
      equal(amount, due < left ? due : left, "what is due, at most what is left");
      _paidTo[address(at)][account] += amount;
      ++claims;
    } catch {
      isTrue(!may, "a claim was stopped");
    }
  }

  function paidTo(address at, uint256 index) external view returns (uint256) {
    return _paidTo[at][address(uint160(0xACC0 + index))];
  }

  function voidAny(uint256 seed, bool byJury, bool honestly) external {
    RewardDistributor at = RewardDistributor(distributors[seed % distributors.length]);
    uint64 last = at.lastNumber();
    uint64 number = last + 1 - uint64(bound(seed >> 8, 0, last < 5 ? last + 1 : 5));
    bool waits = number != 0 && number <= last && at.rootOf(number).finalAt > vm.getBlockTimestamp();
    bool done;
    if (byJury) {
      uint64 epoch = manager.currentEpoch();
      try committee.signers(epoch) {}
      catch {
        return;
      }
      uint256 bitmap = honestly ? JURORS : MINORITY;
      bytes32 named = number == 0 || number > last ? bytes32(0) : at.rootOf(number).digest;
      bytes32 digest = Digests.toTyped(manager.domainSeparator(), harness.hashVoidRoot(VoidRoot(named, epoch)));
      bytes memory sigs64 = signaturesOf(epoch, digest, bitmap);
      try at.voidRootByJury(number, epoch, bitmap, sigs64) {
        done = true;
      } catch {}
    } else {
      vm.prank(honestly ? GUARDIAN : address(0xBAD));
      try at.voidRoot(number) {
        done = true;
      } catch {}
    }
    equal(done ? 1 : 0, waits && honestly ? 1 : 0, "void exactly what waits, by who may");
    if (!done) return;
    while (_posted[address(at)].length >= number) {
      _posted[address(at)].pop();
    }
    ++voided;
  }

  function pauseRoots(uint256 duration) external {
    vm.prank(GUARDIAN);
    try params.pause(Module.RewardDistributor, uint64(bound(duration, 1, 4 * EPOCH))) {} catch {}
  }

  function passTime(uint256 seconds_) external {
    vm.warp(vm.getBlockTimestamp() + bound(seconds_, 1, 2 * EPOCH));
    _openNow();
  }

  function _openNow() private {
    if (!committee.isOpen(manager.currentEpoch())) open();
  }

  function replace(uint256 seed) external {
    if (seed % 8 != 0 || distributors.length == 3) return;
    RewardDistributor successor = newDistributor();
    opg.approve(address(successor), type(uint256).max);
    replaceBy(address(successor));
    distributor = successor;
    distributors.push(address(successor));
    ++replacements;
    _openNow();
  }

  function leave(uint256 seed) external {
    RewardDistributor at = RewardDistributor(distributors[seed % distributors.length]);
    try at.retire() {
      isTrue(address(at) != address(distributor), "the current one does not retire");
    } catch {}
    uint256 owedBefore = at.owed();
    try at.moveRest() {
      isTrue(address(at) != address(distributor), "the current one keeps its rest");
      equal(opg.balanceOf(address(at)), owedBefore, "all but what is owed");
      ++moved;
    } catch {}
  }
}

contract RewardInvariantsTest is Test {
  RewardActors private actors;
  OPG private opg;

  function setUp() public {
    actors = new RewardActors();
    opg = actors.token();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(actors);
  }

  /// @dev The calls above reach what they are about: without this the invariants could hold of nothing.
  function test_theActorsGetEverywhere() public {
    for (uint256 step; step < 600; ++step) {
      uint256 random = uint256(keccak256(abi.encode("reach", step)));
      uint256 more = uint256(keccak256(abi.encode(random)));
      uint256 what = random % 8;
      random >>= 8;
      if (what == 0) actors.postAny(random, more, more >> 128);
      if (what == 1) actors.notifyFees(random);
      if (what == 2) actors.donate(random, more);
      if (what == 3) actors.claimAny(random, more);
      if (what == 4) actors.voidAny(more, random % 8 == 0, true);
      if (what == 5 || what == 6) actors.passTime(random);
      if (what == 7) actors.leave(random);
      if (step % 200 == 199) actors.replace(8);
    }
    isTrue(actors.corruptRoots() > 20, "roots");
    isTrue(actors.claims() > 10, "claims");
    isTrue(actors.voided() > 2, "voids");
    equal(actors.replacements(), 2, "replacements");
    isTrue(actors.moved() > 0, "rests");
    invariant_claimsAreAtMostFinalTotalsAndThoseAtMostTheBudgets();
    invariant_everyDistributorHoldsWhatItOwes();
    invariant_noTokenIsLostOrMade();
    invariant_everyAccountWasPaidWhatItsClaimsSay();
  }

  function invariant_claimsAreAtMostFinalTotalsAndThoseAtMostTheBudgets() public view {
    for (uint256 which; which < actors.count(); ++which) {
      RewardDistributor at = RewardDistributor(actors.distributors(which));
      uint64 last = at.lastNumber();
      equal(last, actors.postedCount(address(at)), "roots that stand");
      uint256 budgets;
      uint256 before;
      for (uint64 number = 1; number <= last; ++number) {
        (uint256 most,,) = actors.postedAt(address(at), number - 1);
        uint256 cumulative = at.rootOf(number).cumulative;
        isTrue(cumulative - before <= most, "a root gives at most its epoch's budget");
        budgets += most;
        before = cumulative;
      }
      isTrue(before <= budgets, "totals");
      uint64 finals = at.finalNumber();
      isTrue(at.paid() <= (finals == 0 ? 0 : at.rootOf(finals).cumulative), "claims");
    }
  }

  function invariant_everyDistributorHoldsWhatItOwes() public view {
    for (uint256 which; which < actors.count(); ++which) {
      RewardDistributor at = RewardDistributor(actors.distributors(which));
      isTrue(opg.balanceOf(address(at)) >= at.owed(), "held");
    }
  }

  function invariant_noTokenIsLostOrMade() public view {
    uint256 found;
    for (uint256 which; which < actors.count(); ++which) {
      RewardDistributor at = RewardDistributor(actors.distributors(which));
      found += opg.balanceOf(address(at)) + at.paid();
    }
    equal(found, actors.received() + actors.emission().released(), "fees, gifts and emission");
    equal(opg.balanceOf(address(actors.emission())), 100_000_000e18 - actors.emission().released(), "reserve");
  }

  function invariant_everyAccountWasPaidWhatItsClaimsSay() public view {
    for (uint256 which; which < actors.count(); ++which) {
      RewardDistributor at = RewardDistributor(actors.distributors(which));
      uint256 sum;
      for (uint256 index; index < 4; ++index) {
        uint256 paid = actors.paidTo(address(at), index);
        equal(at.claimedOf(address(uint160(0xACC0 + index))), paid, "an account");
        sum += paid;
      }
      equal(sum, at.paid(), "all of them");
    }
  }

  /// @dev The quorum of these runs is corrupt from the first root: one running epoch gives it one budget at most.
  function invariant_aCorruptQuorumTakesOneBudgetInARunningEpoch() public view {
    for (uint256 which; which < actors.count(); ++which) {
      address at = actors.distributors(which);
      uint64 before;
      for (uint256 index; index < actors.postedCount(at); ++index) {
        (,, uint64 postedIn) = actors.postedAt(at, index);
        isTrue(index == 0 || postedIn > before, "one root an epoch");
        before = postedIn;
      }
    }
  }
}
