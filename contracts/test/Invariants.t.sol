// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Batch, Role} from "../src/interfaces/Objects.sol";
import {Network} from "./support/Network.sol";

/// @notice Five operators staking, leaving, freezing, joining and anchoring in any order; each call is one that may
/// succeed, so that a revert is a finding (fail_on_revert).
contract Actors is Network {
  address[] public operators;
  uint256 public anchored;
  uint256 public withdrawn;

  constructor() {
    deploy();
    staked("settler", 0, Role.Settler, 5000e18);
    openWith(5, VERIFIER_STAKE, 1000e18);
    for (uint256 index; index < 5; ++index) {
      operators.push(vm.addr(key("verifier", index)));
    }
    operators.push(vm.addr(key("settler", 0)));
  }

  function parts() external view returns (IStakeManager, address, uint64, uint256) {
    return (manager, address(opg), batches.lastNumber(), opg.balanceOf(address(manager)));
  }

  function digestAt(uint64 number) external view returns (bytes32) {
    return batches.digestOf(number);
  }

  function pick(uint256 seed) private view returns (address) {
    return operators[seed % operators.length];
  }

  function stakeMore(uint256 seed, uint256 amount) external {
    address operator = pick(seed);
    if (manager.isFrozen(operator)) return;
    uint256 total = manager.stakeOf(operator, Role.Verifier);
    amount = bound(amount, 1, 5 * VERIFIER_STAKE);
    if (total + amount < VERIFIER_STAKE) amount = VERIFIER_STAKE;
    manager.stake(operator, Role.Verifier, uint128(amount));
  }

  function leave(uint256 seed, uint256 amount) external {
    address operator = pick(seed);
    uint256 total = manager.stakeOf(operator, Role.Verifier);
    if (total == 0 || manager.unbondings(operator, Role.Verifier).length == manager.MAX_UNBONDINGS()) return;
    amount = bound(amount, 1, total);
    if (total - amount < VERIFIER_STAKE) amount = total;
    manager.requestUnstake(operator, Role.Verifier, uint128(amount));
  }

  function takeOut(uint256 seed) external {
    address operator = pick(seed);
    IStakeManager.Unbonding[] memory queue = manager.unbondings(operator, Role.Verifier);
    if (queue.length == 0) return;
    vm.warp(vm.getBlockTimestamp() > queue[0].releaseAt ? vm.getBlockTimestamp() : queue[0].releaseAt);
    manager.withdraw(operator, Role.Verifier);
    ++withdrawn;
  }

  function freezeOne(uint256 seed) external {
    address operator = operators[0];
    if (seed % 16 == 0 && !manager.isFrozen(operator)) manager.freeze(operator);
  }

  function passTime(uint256 seconds_) external {
    vm.warp(vm.getBlockTimestamp() + bound(seconds_, 1, 2 * EPOCH));
  }

  function openEpoch() external {
    if (committee.isOpen(manager.currentEpoch())) return;
    uint8[] memory order = committee.currentOrder();
    if (order.length >= 3) committee.open(manager.currentEpoch(), order);
  }

  function anchorNext(uint256 bitmap) external {
    Batch memory b;
    b.number = batches.lastNumber() + 1;
    b.previous = batches.digestOf(b.number - 1);
    b.epoch = manager.currentEpoch();
    b.settler = operators[5];
    try committee.signers(b.epoch) returns (uint256 count) {
      bitmap &= (1 << count) - 1;
    } catch {
      return;
    }
    bytes32 digest = digestOf(b);
    bytes memory sigs64 = signaturesOf(b.epoch, digest, bitmap);
    (uint256 signed, uint256 total) = committee.weigh(b.epoch, false, digest, bitmap, sigs64);
    if (signed * 3 <= total * 2) return;
    batches.anchor(b, bitmap, sigs64);
    ++anchored;
  }
}

contract InvariantsTest is Network {
  Actors private actors;

  function setUp() public {
    actors = new Actors();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(actors);
  }

  function invariant_theManagerHoldsExactlyWhatIsStakedAndUnbonding() public view {
    (IStakeManager stakes,,, uint256 held) = actors.parts();
    uint256 owed;
    for (uint256 index; index < 6; ++index) {
      address operator = actors.operators(index);
      for (uint8 role = 1; role < 4; ++role) {
        owed += stakes.stakeOf(operator, Role(role));
        IStakeManager.Unbonding[] memory queue = stakes.unbondings(operator, Role(role));
        for (uint256 at; at < queue.length; ++at) {
          owed += queue[at].amount;
        }
      }
    }
    equal(held, owed, "held");
  }

  function invariant_maturedStakeIsZeroOrAtLeastTheMinimumAndAtMostAll() public view {
    (IStakeManager stakes,,,) = actors.parts();
    uint64 epoch = stakes.currentEpoch();
    for (uint256 index; index < 6; ++index) {
      address operator = actors.operators(index);
      uint256 counts = stakes.maturedStake(operator, Role.Verifier, epoch);
      isTrue(counts == 0 || counts >= VERIFIER_STAKE, "minimum");
      isTrue(counts <= stakes.stakeOf(operator, Role.Verifier), "all");
    }
  }

  function invariant_everyOperatorWithStakeIsListedOnce() public view {
    (IStakeManager stakes,,,) = actors.parts();
    IStakeManager.OperatorStake[] memory listed = stakes.operators(Role.Verifier, 0, 100);
    uint256 expected;
    for (uint256 index; index < 6; ++index) {
      address operator = actors.operators(index);
      uint256 times;
      for (uint256 at; at < listed.length; ++at) {
        if (listed[at].operator == operator) ++times;
      }
      equal(times, stakes.stakeOf(operator, Role.Verifier) == 0 ? 0 : 1, "times");
      expected += times;
    }
    equal(listed.length, expected, "nobody else");
  }

  function invariant_batchesAreGapless() public view {
    (,, uint64 last,) = actors.parts();
    equal(last, actors.anchored(), "one number a batch");
    for (uint64 number = 1; number <= last; ++number) {
      isTrue(actors.digestAt(number) != 0, "no gap");
    }
    equal(actors.digestAt(last + 1), bytes32(0), "none to come");
  }
}
