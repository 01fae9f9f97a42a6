// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPG} from "../src/OPG.sol";
import {StakeManager} from "../src/StakeManager.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Stakers} from "./support/Stakers.sol";

/// @notice Owners, strangers, a slasher that accuses at random, the guardian and time, in any order. A call that must not
/// succeed is made and must revert; every other call must succeed (fail_on_revert).
contract StakeActors is Stakers {
  uint256 private constant CHAINS = 4;
  uint256 private constant MAX_CASES = 60;

  /// @dev Chain 0 is the honest operator: its owner only staked, no slasher names it.
  address[][] private chains;
  address[] public owners = [address(0xA0), address(0xA1), address(0xA1), address(0xA3)];
  bytes32[] private cases;
  uint256 public donated;
  uint256 public rotations;

  constructor() {
    deploy();
    for (uint256 index; index < CHAINS; ++index) {
      chains.push();
      chains[index].push(enrol("staker", index, owners[index], payoutOf(index)));
      stakeFor(owners[index], chains[index][0], Role.Provider, 3 * PROVIDER_STAKE + uint128(index));
      stakeFor(owners[index], chains[index][0], Role.Verifier, 7 * VERIFIER_STAKE + uint128(index));
    }
    passEpochs(2);
  }

  function parts() external view returns (StakeManager, OPG) {
    return (manager, opg);
  }

  function keysOf(uint256 chain) external view returns (address[] memory) {
    return chains[chain];
  }

  function allCases() external view returns (bytes32[] memory) {
    return cases;
  }

  function payoutOf(uint256 chain) private pure returns (address) {
    return address(uint160(0xFA00 + chain));
  }

  function current(uint256 chain) private view returns (address) {
    return chains[chain][chains[chain].length - 1];
  }

  /// @dev One that is not honest.
  function pick(uint256 seed) private pure returns (uint256) {
    return 1 + seed % (CHAINS - 1);
  }

  function roleOf(uint256 seed) private pure returns (Role) {
    return seed % 2 == 0 ? Role.Provider : Role.Verifier;
  }

  function anyKey(uint256 chain, uint256 seed) private view returns (address) {
    return chains[chain][seed % chains[chain].length];
  }

  function offenders(uint256 chain) private view returns (address[] memory accounts) {
    address[] storage list = chains[chain];
    accounts = new address[](list.length + 1);
    for (uint256 index; index < list.length; ++index) {
      accounts[index] = list[index];
    }
    accounts[list.length] = owners[chain];
  }

  function held(uint256 chain) private view returns (uint256 sum) {
    address[] memory accounts = offenders(chain);
    for (uint256 index; index < accounts.length; ++index) {
      sum += opg.balanceOf(accounts[index]);
    }
  }

  // Owners

  function ownerStakes(uint256 seed, uint256 amount) external {
    uint256 chain = pick(seed);
    if (manager.isFrozen(current(chain))) return;
    Role role = roleOf(seed >> 8);
    uint256 minimum = manager.minimumStake(role);
    uint256 total = manager.stakeOf(current(chain), role);
    amount = bound(amount, 1, 2 * minimum);
    if (total + amount < minimum) amount = minimum - total;
    stakeFor(owners[chain], current(chain), role, uint128(amount));
  }

  function ownerLeaves(uint256 seed, uint256 amount) external {
    uint256 chain = pick(seed);
    Role role = roleOf(seed >> 8);
    uint256 total = manager.stakeOf(current(chain), role);
    if (total == 0 || manager.unbondings(current(chain), role).length == manager.MAX_UNBONDINGS()) return;
    amount = bound(amount, 1, total);
    if (total - amount < manager.minimumStake(role)) amount = total;
    unstake(current(chain), role, uint128(amount));
  }

  function ownerFreezes(uint256 seed) external {
    uint256 chain = pick(seed >> 8);
    if (seed % 8 != 0 || manager.isFrozen(current(chain))) return;
    vm.prank(owners[chain]);
    manager.freeze(current(chain));
  }

  function ownerRotates(uint256 seed) external {
    uint256 chain = pick(seed);
    if (chains[chain].length == 5) return;
    chains[chain].push(rotate(current(chain), "renewed", ++rotations));
  }

  function ownerChangesPayout(uint256 seed) external {
    uint256 chain = pick(seed);
    vm.prank(owners[chain]);
    manager.setPayout(anyKey(chain, seed >> 8), payoutOf(seed >> 16 & 7));
  }

  function ownerDelegates(uint256 seed) external {
    vm.prank(owners[pick(seed)]);
    manager.delegate(owners[seed >> 8 & 3]);
  }

  // Anyone

  function anyoneWithdraws() external {
    for (uint256 index = 2; index < 2 * CHAINS; ++index) {
      withdrawFrom(index / 2, roleOf(index));
    }
  }

  function withdrawFrom(uint256 chain, Role role) private {
    address operator = current(chain);
    IStakeManager.Unbonding[] memory queue = manager.unbondings(operator, role);
    uint256 due;
    for (uint256 index; index < queue.length; ++index) {
      if (queue[index].releaseAt <= vm.getBlockTimestamp()) due += queue[index].amount;
    }
    uint256 all = manager.slashableOf(operator, role);
    uint256 kept = manager.heldOf(operator, role);
    uint256 payable_ = kept >= all ? 0 : all - kept;
    if (due < payable_) payable_ = due;
    uint256 balance = opg.balanceOf(owners[chain]);
    vm.prank(STRANGER);
    try manager.withdraw(operator, role) {
      isTrue(payable_ != 0, "paid something");
    } catch {
      equal(payable_, 0, "had something to pay");
    }
    equal(opg.balanceOf(owners[chain]) - balance, payable_, "paid what it could");
  }

  function anyoneMovesACase(uint256 seed, uint256 step) external {
    if (cases.length == 0) return;
    uint256 index = seed % cases.length;
    bytes32 case_ = keyOf(cases[index]);
    IStakeManager.Seizure memory seizure = manager.seizureOf(case_);
    IStakeManager.Hold memory open = manager.holdOf(case_);
    uint256 now_ = vm.getBlockTimestamp();
    uint256 chain = chainOf(seizure.operator);
    uint256 before = held(chain);
    bool pending = seizure.state == IStakeManager.SeizureState.Pending;
    bool done = seizure.state == IStakeManager.SeizureState.Executed;
    bool expected;
    bytes memory call;
    if (step % 4 == 0) {
      (expected, call) = (pending && now_ >= seizure.seizedAt + SEIZURE_DELAY, abi.encodeCall(manager.execute, (case_)));
    } else if (step % 4 == 1) {
      expected = seizure.toReporter != 0 && now_ >= seizure.seizedAt + REPORTER_DELAY;
      call = abi.encodeCall(manager.payReporter, (case_));
    } else if (step % 4 == 2) {
      (expected, call) = (done && now_ >= seizure.seizedAt + POT_PERIOD, abi.encodeCall(manager.closePot, (case_)));
    } else {
      (expected, call) = (open.until != 0 && now_ >= open.until, abi.encodeCall(manager.release, (case_)));
    }
    vm.prank(STRANGER);
    (bool succeeded,) = address(manager).call(call);
    isTrue(succeeded == expected, "what may happen happens, and nothing else");
    equal(held(chain), before, "no offender is paid");
  }

  function anyoneDonates(uint256 amount) external {
    amount = bound(amount, 1, 1e20);
    donated += amount;
    opg.transfer(address(manager), amount);
  }

  function passTime(uint256 seconds_) external {
    vm.warp(vm.getBlockTimestamp() + bound(seconds_, 1, seconds_ % 4 == 0 ? UNBONDING : EPOCH));
  }

  /// @dev Nothing of this may succeed for one who is neither owner nor slasher, guardian or governance.
  function strangerTries(uint256 seed) external {
    address operator = anyKey(seed % CHAINS, seed >> 8);
    Role role = roleOf(seed >> 16);
    bytes32 caseId = cases.length == 0 ? bytes32(0) : cases[seed % cases.length];
    address fresh = keyed("stranger", 0);
    bytes memory consent = rotationOf(operator, fresh, STRANGER, type(uint256).max);
    bytes[12] memory calls = [
      abi.encodeCall(manager.stake, (operator, role, 1e22)),
      abi.encodeCall(manager.requestUnstake, (operator, role, 1e18)),
      abi.encodeCall(manager.freeze, (operator)),
      abi.encodeCall(manager.rotate, (operator, fresh, type(uint256).max, consent)),
      abi.encodeCall(manager.setPayout, (operator, STRANGER)),
      abi.encodeCall(manager.register, (operator, STRANGER, type(uint256).max, consent)),
      abi.encodeCall(manager.hold, (bytes32(seed), operator, role, 10_000)),
      abi.encodeCall(manager.seize, (bytes32(seed), operator, role, 10_000, STRANGER)),
      abi.encodeCall(manager.payVictim, (caseId, STRANGER, 0)),
      abi.encodeCall(manager.returnSeizure, (keyOf(caseId))),
      abi.encodeCall(manager.announceSlasher, (STRANGER)),
      abi.encodeCall(manager.removeSlasher, (SLASHER))
    ];
    for (uint256 index; index < calls.length; ++index) {
      vm.prank(STRANGER);
      (bool succeeded,) = address(manager).call(calls[index]);
      isTrue(!succeeded, "a stranger does nothing");
    }
  }

  // The slasher and the guardian

  function slasherHolds(uint256 seed, uint16 bps) external {
    if (cases.length == MAX_CASES) return;
    bytes32 caseId = bytes32(cases.length + 1);
    cases.push(caseId);
    hold(caseId, anyKey(pick(seed), seed >> 8), roleOf(seed >> 16), bps);
  }

  function slasherSeizes(uint256 seed, uint16 bps) external {
    if (cases.length == MAX_CASES) return;
    uint256 chain = pick(seed);
    bytes32 caseId = bytes32(cases.length + 1);
    if (seed >> 40 & 1 == 0 && cases.length != 0) {
      caseId = cases[seed >> 48 & type(uint8).max % cases.length];
      if (manager.seizureOf(keyOf(caseId)).state != IStakeManager.SeizureState.None) return;
    } else {
      cases.push(caseId);
    }
    address[] memory accounts = offenders(chain);
    address[3] memory reporters = [address(0), REPORTER, accounts[seed >> 24 & type(uint8).max % accounts.length]];
    if (bps > 10_000 && bps % 3 != 0) bps %= 3000;
    seize(caseId, anyKey(chain, seed >> 8), roleOf(seed >> 16), bps, reporters[seed >> 32 & type(uint8).max % 3]);
  }

  function slasherReleases(uint256 seed) external {
    if (cases.length == 0) return;
    bytes32 caseId = cases[seed % cases.length];
    if (manager.holdOf(keyOf(caseId)).until != 0) release(caseId);
  }

  function slasherPaysVictims(uint256 seed, uint256 amount) external {
    if (cases.length == 0) return;
    bytes32 caseId = cases[seed % cases.length];
    IStakeManager.Seizure memory seizure = manager.seizureOf(keyOf(caseId));
    uint256 chain = chainOf(seizure.operator);
    address[] memory accounts = offenders(chain);
    for (uint256 index; index < accounts.length; ++index) {
      vm.prank(SLASHER);
      (bool paid,) = address(manager).call(abi.encodeCall(manager.payVictim, (caseId, accounts[index], 0)));
      isTrue(!paid, "no offender is paid");
    }
    if (seizure.state != IStakeManager.SeizureState.Executed || vm.getBlockTimestamp() >= seizure.seizedAt + POT_PERIOD)
    {
      return;
    }
    vm.prank(SLASHER);
    manager.payVictim(caseId, VICTIM, bound(amount, 0, seizure.pot));
  }

  function guardianReturns(uint256 seed) external {
    if (cases.length == 0 || seed % 4 != 0) return;
    bytes32 caseId = cases[(seed >> 8) % cases.length];
    if (manager.seizureOf(keyOf(caseId)).state == IStakeManager.SeizureState.Pending) giveBack(caseId);
  }

  /// @dev The chain of a key; of none, the first that can be accused.
  function chainOf(address operator) private view returns (uint256) {
    for (uint256 chain; chain < CHAINS; ++chain) {
      for (uint256 index; index < chains[chain].length; ++index) {
        if (chains[chain][index] == operator) return chain;
      }
    }
    return 1;
  }

  /// @dev Everybody leaves.
  function close() external {
    vm.warp(vm.getBlockTimestamp() + 400 days);
    for (uint256 index; index < cases.length; ++index) {
      bytes32 case_ = keyOf(cases[index]);
      if (manager.holdOf(case_).until != 0) manager.release(case_);
      if (manager.seizureOf(case_).state == IStakeManager.SeizureState.Pending) manager.execute(case_);
      if (manager.seizureOf(case_).toReporter != 0) manager.payReporter(case_);
      if (manager.seizureOf(case_).state == IStakeManager.SeizureState.Executed) manager.closePot(case_);
    }
    for (uint256 round; round < 2; ++round) {
      for (uint256 index; index < 2 * CHAINS; ++index) {
        address operator = current(index / 2);
        Role role = roleOf(index);
        if (manager.unbondings(operator, role).length != 0) manager.withdraw(operator, role);
        uint128 total = uint128(manager.stakeOf(operator, role));
        if (total != 0) unstake(operator, role, total);
      }
      vm.warp(vm.getBlockTimestamp() + UNBONDING);
    }
  }
}

contract StakeInvariantsTest is Stakers {
  uint256 private constant CHAINS = 4;

  StakeActors private actors;
  StakeManager private stakes;
  OPG private token;

  function setUp() public {
    actors = new StakeActors();
    (stakes, token) = actors.parts();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(actors);
  }

  function excludeSelectors() public view returns (FuzzSelector[] memory excluded) {
    excluded = new FuzzSelector[](1);
    excluded[0].addr = address(actors);
    excluded[0].selectors = new bytes4[](1);
    excluded[0].selectors[0] = StakeActors.close.selector;
  }

  struct FuzzSelector {
    address addr;
    bytes4[] selectors;
  }

  function operatorOf(uint256 chain) private view returns (address) {
    address[] memory list = actors.keysOf(chain);
    return list[list.length - 1];
  }

  function roleAt(uint256 index) private pure returns (Role) {
    return index == 0 ? Role.Provider : Role.Verifier;
  }

  function caseAt(bytes32 caseId) private view returns (bytes32) {
    return stakes.caseKey(SLASHER, caseId);
  }

  /// @dev The one long walk: cases live for many calls.
  /// forge-config: default.invariant.depth = 300
  function invariant_stakedUnbondingAndSeizedAreHeldToTheWei() public view {
    uint256 owed = actors.donated();
    for (uint256 chain; chain < CHAINS; ++chain) {
      for (uint256 index; index < 2; ++index) {
        Role role = roleAt(index);
        uint256 sum = stakes.stakeOf(operatorOf(chain), role);
        IStakeManager.Unbonding[] memory queue = stakes.unbondings(operatorOf(chain), role);
        for (uint256 at; at < queue.length; ++at) {
          isTrue(queue[at].amount != 0, "no empty entry");
          sum += queue[at].amount;
        }
        equal(stakes.slashableOf(actors.keysOf(chain)[0], role), sum, "all of it can be seized, by any key");
        owed += sum;
      }
    }
    bytes32[] memory cases = actors.allCases();
    for (uint256 index; index < cases.length; ++index) {
      IStakeManager.Seizure memory seizure = stakes.seizureOf(caseAt(cases[index]));
      if (seizure.state == IStakeManager.SeizureState.Pending) owed += seizure.amount;
      else owed += seizure.toReporter + seizure.pot;
    }
    equal(token.balanceOf(address(stakes)), owed, "held");
  }

  function invariant_holdsSumToTheOpenOnes() public view {
    bytes32[] memory cases = actors.allCases();
    for (uint256 chain; chain < CHAINS; ++chain) {
      uint256[2] memory sums;
      for (uint256 index; index < cases.length; ++index) {
        IStakeManager.Hold memory open = stakes.holdOf(caseAt(cases[index]));
        if (open.until == 0 || stakes.currentKeyOf(open.operator) != operatorOf(chain)) continue;
        sums[open.role == Role.Provider ? 0 : 1] += open.amount;
      }
      equal(stakes.heldOf(operatorOf(chain), Role.Provider), sums[0], "provider");
      equal(stakes.heldOf(operatorOf(chain), Role.Verifier), sums[1], "verifier");
    }
  }

  function invariant_votesAreWhatIsStaked() public view {
    uint256 staked_;
    uint256 votes =
      stakes.getVotes(actors.owners(0)) + stakes.getVotes(actors.owners(1)) + stakes.getVotes(actors.owners(3));
    for (uint256 chain; chain < CHAINS; ++chain) {
      staked_ += stakes.stakeOf(operatorOf(chain), Role.Provider) + stakes.stakeOf(operatorOf(chain), Role.Verifier);
    }
    bytes32[] memory cases = actors.allCases();
    for (uint256 index; index < cases.length; ++index) {
      IStakeManager.Seizure memory pending = stakes.seizureOf(caseAt(cases[index]));
      if (pending.state == IStakeManager.SeizureState.Pending) staked_ += pending.amount - pending.pot;
    }
    equal(votes, staked_, "votes of what is staked, and of what the guardian may return");
  }

  function invariant_nobodyLowersTheStakeOfAnHonestOperator() public view {
    address honest = operatorOf(0);
    uint64 epoch = stakes.currentEpoch();
    equal(stakes.maturedStake(honest, Role.Provider, epoch), 3 * PROVIDER_STAKE, "provider");
    equal(stakes.maturedStake(honest, Role.Verifier, epoch), 7 * VERIFIER_STAKE, "verifier");
    equal(stakes.heldOf(honest, Role.Provider) + stakes.heldOf(honest, Role.Verifier), 0, "free");
    equal(stakes.payoutOf(honest), address(0xFA00), "payout");
    isTrue(!stakes.isFrozen(honest), "not frozen");
  }

  function invariant_theListNamesEveryKeyWithStakeOnce() public view {
    for (uint256 index; index < 2; ++index) {
      Role role = roleAt(index);
      IStakeManager.OperatorStake[] memory listed = stakes.operators(role, 0, 100);
      isTrue(listed.length <= CHAINS, "at most one for each");
      for (uint256 chain; chain < CHAINS; ++chain) {
        uint256 times;
        for (uint256 at; at < listed.length; ++at) {
          if (listed[at].operator == operatorOf(chain)) ++times;
        }
        isTrue(times == 1 || times == 0 && stakes.stakeOf(operatorOf(chain), role) == 0, "listed");
      }
    }
  }

  function invariant_whatCountsIsZeroOrAtLeastTheMinimumAndOnlyOfTheCurrentKey() public view {
    uint64 epoch = stakes.currentEpoch();
    for (uint256 chain; chain < CHAINS; ++chain) {
      address[] memory list = actors.keysOf(chain);
      uint256[] memory weights = stakes.maturedStakes(list, Role.Provider, epoch);
      for (uint256 index; index < list.length; ++index) {
        isTrue(weights[index] == 0 || weights[index] >= PROVIDER_STAKE, "minimum");
        isTrue(weights[index] == 0 || !stakes.isFrozen(list[index]), "the frozen weigh nothing");
        isTrue(weights[index] <= stakes.stakeOf(list[index], Role.Provider), "at most all");
        isTrue(index == list.length - 1 || weights[index] == 0, "an old key weighs nothing");
        equal(stakes.currentKeyOf(list[index]), list[list.length - 1], "every key leads to the last");
      }
    }
  }

  function afterInvariant() public {
    actors.close();
    equal(token.balanceOf(address(stakes)), actors.donated(), "every state has an exit, to the last wei");
    equal(stakes.operatorCount(Role.Provider) + stakes.operatorCount(Role.Verifier), 0, "nobody is left");
    equal(stakes.getVotes(actors.owners(1)) + stakes.getVotes(actors.owners(0)), 0, "no votes are left");
    equal(token.totalSupply(), 1e27, "the supply is fixed");
  }
}
