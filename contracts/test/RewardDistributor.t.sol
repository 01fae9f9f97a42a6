// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RewardDistributor} from "../src/RewardDistributor.sol";
import {ICommittee} from "../src/interfaces/ICommittee.sol";
import {IEmissionReserve} from "../src/interfaces/IEmissionReserve.sol";
import {IProtocolParams, Module} from "../src/interfaces/IProtocolParams.sol";
import {IRewardDistributor} from "../src/interfaces/IRewardDistributor.sol";
import {RewardRoot} from "../src/interfaces/Objects.sol";
import {IndexedMerkle} from "../src/libraries/IndexedMerkle.sol";
import {Rewards} from "./support/Rewards.sol";
import {Trees} from "./support/Trees.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

contract RewardDistributorTest is Rewards {
  uint256 private constant VERIFIERS = 30;
  uint256 private constant SIGNERS = 21;
  address private constant ALICE = address(0xA11CE);
  address private constant BOB = address(0xB0B);

  address[] private accounts = [ALICE, BOB];
  uint128[] private cumulatives = [uint128(3e18), 5e18];

  /// @dev In epoch 3, with the sets of 2 and 3 open and 10 OPG of fees in the pool of 2.
  function setUp() public {
    deployRewards();
    openWith(VERIFIERS, VERIFIER_STAKE, 1e18);
    distributor.notify(10e18);
    nextOpen();
  }

  function give(uint128 toAlice, uint128 toBob) private {
    cumulatives[0] += toAlice;
    cumulatives[1] += toBob;
  }

  function tree() private view returns (bytes32[] memory) {
    return treeOf(accounts, cumulatives);
  }

  function total() private view returns (uint256) {
    uint64 last = distributor.lastNumber();
    return cumulatives[0] + cumulatives[1] - (last == 0 ? 0 : distributor.rootOf(last).cumulative);
  }

  function next(uint64 epoch) private view returns (RewardRoot memory) {
    return nextRoot(epoch, tree()[0], 2, total());
  }

  function postNext(uint64 epoch) private {
    post(next(epoch));
  }

  function claim(uint32 index) private returns (uint256) {
    return distributor.claim(accounts[index], cumulatives[index], index, Trees.proofOf(tree(), index));
  }

  function claimFails(uint32 index, bytes memory data) private {
    bytes32[] memory proof = Trees.proofOf(tree(), index);
    vm.expectRevert(data);
    distributor.claim(accounts[index], cumulatives[index], index, proof);
  }

  function nothingFor(address account) private pure returns (bytes memory) {
    return abi.encodeWithSelector(IRewardDistributor.NothingToClaim.selector, account);
  }

  // Pools and budget

  function test_notifyFillsThePoolOfTheEpochItIsCalledIn() public {
    distributor.notify(4e18);
    distributor.notify(3e18);
    equal(distributor.feesOf(2), 10e18, "epoch 2");
    equal(distributor.feesOf(3), 7e18, "epoch 3");
    equal(distributor.feesOf(0) + distributor.feesOf(1) + distributor.feesOf(4), 0, "others");
    equal(opg.balanceOf(address(distributor)), 17e18, "held");
  }

  function test_notifyTakesOnlyFromItsCallerAndOnlySomething() public {
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.InvalidAmount.selector));
    distributor.notify(0);
    vm.prank(ALICE);
    vm.expectRevert(
      abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(distributor), 0, 1)
    );
    distributor.notify(1);
  }

  function test_theBudgetIsFeesEmissionAndAPartOfTheCarry() public view {
    uint256 start = manager.genesisTimestamp();
    uint256 emission = reserve.vested(start + 3 * EPOCH) - reserve.vested(start + 2 * EPOCH);
    IRewardDistributor.Budget memory parts = distributor.budgetOf(2);
    equal(parts.fees, 10e18, "fees");
    equal(parts.emission, emission, "emission");
    equal(parts.emission, distributor.emissionOf(2), "the schedule's");
    equal(parts.carried, reserve.vested(start + 2 * EPOCH) / 32, "1/32 of what epochs 0 and 1 left");
  }

  function test_aSkippedEpochFallsIntoTheCarry() public {
    uint256 left = 10e18 + reserve.vested(manager.genesisTimestamp() + 3 * EPOCH);
    nextOpen();
    equal(distributor.budgetOf(3).carried, left / 32, "nothing was posted for 0 to 2");
    give(1e18, 0);
    postNext(3);
    equal(distributor.owed(), 9e18, "given");
    postFails(nextRoot(2, tree()[0], 2, 0), abi.encodeWithSelector(IRewardDistributor.PostedThisEpoch.selector, 4));
    nextOpen();
    postFails(nextRoot(2, tree()[0], 2, 0), abi.encodeWithSelector(IRewardDistributor.WrongEpoch.selector, 2, 5));
  }

  function test_whatNobodyEarnedComesBackBitByBit() public {
    uint256 before = distributor.budgetOf(2).carried;
    post(nextRoot(2, 0, 0, 0));
    nextOpen();
    uint256 earlier = 10e18 + reserve.vested(manager.genesisTimestamp() + 3 * EPOCH);
    equal(distributor.budgetOf(3).carried, earlier / 32, "all of epoch 2 is in the carry");
    isTrue(distributor.budgetOf(3).carried > before, "more than before");
  }

  function test_tokensSentWithoutNotifyAreCarryAndNothingElse() public {
    uint256 carried = distributor.budgetOf(2).carried;
    opg.transfer(address(distributor), 320e18);
    IRewardDistributor.Budget memory parts = distributor.budgetOf(2);
    equal(parts.fees, 10e18, "fees");
    equal(parts.carried - carried, 10e18, "1/32");
  }

  function test_feesOfTheEpochThatRunsAreNotInAnEarlierBudget() public {
    uint256 before = budget(2);
    distributor.notify(1000e18);
    equal(budget(2), before, "budget");
  }

  function test_theBudgetOfAnEpochStandsHoweverLateItIsAskedOrReleased() public {
    uint256 before = budget(2);
    vm.warp(vm.getBlockTimestamp() + EPOCH / 2);
    equal(budget(2), before, "later");
    reserve.release();
    equal(budget(2), before, "released");
    distributor.notify(7e18);
    nextOpen();
    equal(budget(2), before, "an epoch later");
  }

  function testFuzz_aRootGivesAtMostTheBudget(uint256 fees, uint256 over) public {
    fees = bound(fees, 0, 1_000_000e18);
    if (fees != 0) distributor.notify(fees);
    nextOpen();
    uint256 most = budget(3);
    over = bound(over, 1, 1e27);
    postFails(
      nextRoot(3, tree()[0], 2, most + over),
      abi.encodeWithSelector(IRewardDistributor.ExceedsBudget.selector, most + over, most)
    );
    post(nextRoot(3, tree()[0], 2, most));
    equal(distributor.owed(), most, "all of it");
    isTrue(opg.balanceOf(address(distributor)) >= most, "held");
  }

  function test_anEpochEndsBeforeItsRoot() public {
    vm.warp(uint256(manager.genesisTimestamp()) + 3 * EPOCH);
    equal(distributor.budgetOf(2).fees, 10e18, "in the first second of the next epoch");
    equal(distributor.budgetOf(3).fees, 0, "of an epoch that runs");
    postFails(next(3), abi.encodeWithSelector(IRewardDistributor.WrongEpoch.selector, 3, 3));
  }

  // What may be posted

  function test_R13_aRootNeedsMoreThanTwoThirdsOfTheSigners() public {
    RewardRoot memory r = next(2);
    bytes32 digest = digestOf(r);
    (ICommittee.Seat[] memory seats,) = committee.signingSet(2);
    uint256 weight;
    for (uint256 seat; seat < SIGNERS; ++seat) {
      weight += seats[seat].weight;
    }
    uint256 signed;
    uint256 count;
    while ((signed + seats[count].weight) * 3 <= weight * 2) {
      signed += seats[count++].weight;
    }
    bytes memory sigs64 = signaturesOf(2, digest, first(count));
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NoQuorum.selector, signed, weight));
    distributor.postRoot(r, first(count), sigs64);
    distributor.postRoot(r, first(count + 1), signaturesOf(2, digest, first(count + 1)));
    equal(distributor.lastNumber(), 1, "posted");
  }

  function test_R13_jurorsBelowTheSignersDoNotSignRoots() public {
    RewardRoot memory r = next(2);
    uint256 bitmap = first(VERIFIERS);
    bytes memory sigs64 = signaturesOf(2, digestOf(r), bitmap);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.UnknownSeat.selector, bitmap, SIGNERS));
    distributor.postRoot(r, bitmap, sigs64);
  }

  function test_refusesARootThatWasChangedAfterItWasSigned() public {
    RewardRoot memory r = next(2);
    bytes memory sigs64 = signaturesOf(2, digestOf(r), first(SIGNERS));
    r.table = keccak256("another");
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    distributor.postRoot(r, first(SIGNERS), sigs64);
  }

  function test_refusesWhatDoesNotFollow() public {
    RewardRoot memory r = next(2);
    r.previous = keccak256("another");
    postFails(r, abi.encodeWithSelector(IRewardDistributor.WrongPrevious.selector, 0, r.previous));
    r = next(2);
    r.cumulative += 1;
    postFails(r, abi.encodeWithSelector(IRewardDistributor.WrongCumulative.selector, 8e18, 8e18 + 1));
    r = next(2);
    r.voids = 1;
    postFails(r, abi.encodeWithSelector(IRewardDistributor.WrongVoids.selector, 0, 1));
    r = next(2);
    r.root = 0;
    postFails(r, abi.encodeWithSelector(IRewardDistributor.RootWithoutLeaves.selector));
    r = next(2);
    r.leaves = 0;
    postFails(r, abi.encodeWithSelector(IRewardDistributor.RootWithoutLeaves.selector));
  }

  function test_rootsAreChained() public {
    postNext(2);
    bytes32 digest = distributor.rootOf(1).digest;
    nextOpen();
    RewardRoot memory r = next(3);
    equal(r.previous, digest, "the fixture chains");
    r.previous = 0;
    postFails(r, abi.encodeWithSelector(IRewardDistributor.WrongPrevious.selector, digest, 0));
    give(1e18, 1e18);
    postNext(3);
    equal(distributor.rootOf(2).cumulative, 10e18, "cumulative");
  }

  function test_refusesAnEpochTooLongAgo() public {
    for (uint256 epoch; epoch < 7; ++epoch) {
      nextOpen();
    }
    postFails(next(2), abi.encodeWithSelector(IRewardDistributor.WrongEpoch.selector, 2, 10));
    postNext(3);
  }

  function test_atMostOneRootInAnEpochThatRuns() public {
    nextOpen();
    postNext(2);
    postFails(next(3), abi.encodeWithSelector(IRewardDistributor.PostedThisEpoch.selector, 4));
    vm.prank(GUARDIAN);
    distributor.voidRoot(1);
    postFails(next(2), abi.encodeWithSelector(IRewardDistributor.PostedThisEpoch.selector, 4));
    nextOpen();
    postNext(2);
  }

  function test_onlyTheCurrentDistributorTakesRoots() public {
    RewardDistributor successor = newDistributor();
    replaceBy(address(successor));
    RewardRoot memory r = next(2);
    postFails(r, abi.encodeWithSelector(IRewardDistributor.NotCurrent.selector, address(successor)));
  }

  function test_postedRootsTellEverything() public {
    RewardRoot memory r = next(2);
    bytes32 digest = digestOf(r);
    bytes memory sigs64 = signaturesOf(2, digest, first(SIGNERS));
    IRewardDistributor.Budget memory parts = distributor.budgetOf(2);
    uint48 finalAt = uint48(vm.getBlockTimestamp() + VOID_PERIOD);
    vm.expectEmit(true, true, true, true, address(distributor));
    emit IRewardDistributor.RootPosted(1, digest, r, parts, finalAt, first(SIGNERS));
    distributor.postRoot(r, first(SIGNERS), sigs64);
    IRewardDistributor.Root memory stored = distributor.rootOf(1);
    equal(stored.root, r.root, "root");
    equal(stored.digest, digest, "digest");
    equal(stored.epoch, 2, "epoch");
    equal(stored.leaves, 2, "leaves");
    equal(stored.finalAt, finalAt, "finalAt");
    equal(reserve.releasable(), 0, "the reserve was released");
  }

  // Claims

  function test_claimsOpenWhenTheRootIsFinal() public {
    claimFails(0, abi.encodeWithSelector(IRewardDistributor.NoFinalRoot.selector));
    postNext(2);
    vm.warp(vm.getBlockTimestamp() + VOID_PERIOD - 1);
    equal(distributor.finalNumber(), 0, "waiting");
    claimFails(0, abi.encodeWithSelector(IRewardDistributor.NoFinalRoot.selector));
    vm.warp(vm.getBlockTimestamp() + 1);
    equal(distributor.finalNumber(), 1, "final");
    equal(claim(0), 3e18, "alice");
    equal(claim(1), 5e18, "bob");
    equal(opg.balanceOf(ALICE), 3e18, "alice holds");
    equal(distributor.paid(), 8e18, "paid");
    equal(distributor.owed(), 0, "owed");
    claimFails(0, nothingFor(ALICE));
  }

  function test_claimsPayTheDifferenceSinceTheLast() public {
    postNext(2);
    passVoidPeriod();
    claim(0);
    open();
    give(2e18, 0);
    postNext(3);
    passVoidPeriod();
    equal(claim(0), 2e18, "the difference");
    equal(claim(1), 5e18, "everything at once");
    equal(distributor.claimedOf(ALICE), 5e18, "claimed");
  }

  function test_theOldRootStaysClaimableWhileANewOneWaits() public {
    postNext(2);
    passVoidPeriod();
    open();
    uint128[] memory old = cumulatives;
    bytes32[] memory oldTree = tree();
    give(2e18, 0);
    postNext(3);
    claimFails(0, abi.encodeWithSelector(IRewardDistributor.BadProof.selector));
    equal(distributor.claim(ALICE, old[0], 0, Trees.proofOf(oldTree, 0)), 3e18, "by the old root");
    passVoidPeriod();
    equal(claim(0), 2e18, "by the new one");
  }

  function test_anyoneClaimsForAnOperatorToItsPayout() public {
    address operator = register("provider", 0);
    manager.setPayout(operator, BOB);
    accounts[0] = operator;
    postNext(2);
    passVoidPeriod();
    vm.prank(address(0xCA11));
    claim(0);
    equal(opg.balanceOf(BOB), 3e18, "payout");
    equal(opg.balanceOf(operator), 0, "not the key");
  }

  function test_whatARotatedKeyEarnedGoesToThePayoutOfTheCurrentOne() public {
    address operator = register("provider", 0);
    uint256 newKey = key("provider", 1);
    uint256 deadline = vm.getBlockTimestamp() + EPOCH;
    bytes32 consent = keccak256(
      abi.encode(
        keccak256("Rotation(address from,address to,address owner,uint256 deadline)"),
        operator,
        vm.addr(newKey),
        address(this),
        deadline
      )
    );
    manager.rotate(operator, vm.addr(newKey), deadline, signature65(newKey, typed(consent)));
    manager.setPayout(vm.addr(newKey), BOB);
    accounts[0] = operator;
    postNext(2);
    passVoidPeriod();
    claim(0);
    equal(opg.balanceOf(BOB), 3e18, "payout of the new key");
  }

  function testFuzz_audit15_aChangedClaimProvesNothing(uint256 part, uint256 seed) public {
    postNext(2);
    passVoidPeriod();
    bytes32[] memory proof = Trees.proofOf(tree(), 0);
    (address account, uint128 cumulative, uint32 index) = (ALICE, cumulatives[0], uint32(0));
    part = part % 5;
    if (part == 0) account = address(uint160(bound(seed, 1, type(uint160).max)));
    if (part == 1) cumulative = uint128(bound(seed, 0, type(uint128).max));
    if (part == 2) index = uint32(bound(seed, 1, type(uint32).max));
    if (part == 3) proof[0] ^= bytes32(bound(seed, 1, type(uint256).max));
    if (part == 4) proof = new bytes32[](bound(seed, 0, 1) * 2);
    vm.assume(account != ALICE || cumulative != cumulatives[0] || part > 1);
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.BadProof.selector));
    distributor.claim(account, cumulative, index, proof);
  }

  function test_audit15_aLeafPastTheSignedCountProvesNothing() public {
    bytes32[] memory list = new bytes32[](3);
    list[2] = leafOf(ALICE, 1e18);
    bytes32[] memory grown = Trees.build(IndexedMerkle.REWARD, list);
    post(nextRoot(2, grown[0], 2, 1e18));
    passVoidPeriod();
    bytes32[] memory proof = Trees.proofOf(grown, 2);
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.BadProof.selector));
    distributor.claim(ALICE, 1e18, 2, proof);
  }

  function test_audit15_aLeafOfAnotherKindOfTreeProvesNothing() public {
    bytes32[] memory list = new bytes32[](1);
    list[0] = leafOf(ALICE, 1e18);
    post(nextRoot(2, Trees.build(IndexedMerkle.VOTE, list)[0], 1, 1e18));
    passVoidPeriod();
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.BadProof.selector));
    distributor.claim(ALICE, 1e18, 0, new bytes32[](0));
  }

  /// @dev The later root has Bob's new reward to give: a second payment of Alice's old leaf would come out of it.
  function test_audit15_aLaterRootPaysNoLeafOfAnEarlierOneTwice() public {
    postNext(2);
    passVoidPeriod();
    claim(0);
    claim(1);
    open();
    give(0, 4e18);
    postNext(3);
    passVoidPeriod();
    claimFails(0, nothingFor(ALICE));
    equal(claim(1), 4e18, "bob's new reward is whole");
    claimFails(1, nothingFor(BOB));
  }

  function test_audit15_anOldRootProvesNothingOnceANewerIsFinal() public {
    bytes32[] memory oldTree = tree();
    postNext(2);
    nextOpen();
    give(0, 1e18);
    postNext(3);
    passVoidPeriod();
    bytes32[] memory proof = Trees.proofOf(oldTree, 0);
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.BadProof.selector));
    distributor.claim(ALICE, 3e18, 0, proof);
  }

  function test_audit15_aRootOfOneDistributorIsNoneOfAnother() public {
    RewardRoot memory r = next(2);
    RewardDistributor old = distributor;
    distributor = newDistributor();
    opg.approve(address(distributor), type(uint256).max);
    distributor.notify(100e18);
    replaceBy(address(distributor));
    postFails(r, abi.encodeWithSelector(IRewardDistributor.WrongDistributor.selector, address(old)));
    bytes memory sigs64 = signaturesOf(2, digestOf(r), first(SIGNERS));
    r.distributor = address(distributor);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    distributor.postRoot(r, first(SIGNERS), sigs64);
  }

  function test_audit15_aVoidRootIsNotPostedAgain() public {
    RewardRoot memory r = next(2);
    post(r);
    vm.prank(GUARDIAN);
    distributor.voidRoot(1);
    nextOpen();
    postFails(r, abi.encodeWithSelector(IRewardDistributor.WrongVoids.selector, 1, 0));
    postNext(2);
    equal(distributor.rootOf(1).root, r.root, "signed again, it stands");
  }

  /// @dev A root whose leaves promise more than it gives: whoever comes last is paid what is left, keeps the rest due.
  function test_audit08_theLastClaimIsPaidWhatIsLeft() public {
    post(nextRoot(2, tree()[0], 2, 7e18));
    passVoidPeriod();
    equal(claim(0), 3e18, "the first");
    equal(claim(1), 4e18, "the last, clamped");
    equal(distributor.claimedOf(BOB), 4e18, "only what was paid counts");
    claimFails(1, nothingFor(BOB));
    open();
    post(nextRoot(3, tree()[0], 2, 1e18));
    passVoidPeriod();
    equal(claim(1), 1e18, "the rest");
  }

  function test_audit08_theLastOfManyIsPaidToTheWei() public {
    uint256 count = 37;
    uint256 most = budget(2);
    address[] memory many = new address[](count);
    uint128[] memory shares = new uint128[](count);
    uint256 given;
    for (uint256 index; index < count; ++index) {
      many[index] = address(uint160(0xF000 + index));
      shares[index] = uint128(index + 1 == count ? most - given : most / count);
      given += shares[index];
    }
    bytes32[] memory built = treeOf(many, shares);
    post(nextRoot(2, built[0], uint32(count), most));
    passVoidPeriod();
    for (uint32 index; index < count; ++index) {
      equal(distributor.claim(many[index], shares[index], index, Trees.proofOf(built, index)), shares[index], "share");
    }
    equal(distributor.owed(), 0, "nothing is left");
  }

  function test_audit11_whatIsDividedIsRoundedDownAndTheRestStays() public {
    uint256 held = opg.balanceOf(address(distributor)) + reserve.releasable();
    IRewardDistributor.Budget memory parts = distributor.budgetOf(2);
    uint256 later = reserve.vested(vm.getBlockTimestamp()) - reserve.vested(manager.genesisTimestamp() + 3 * EPOCH);
    uint256 carry = held - parts.fees - parts.emission - later;
    isTrue(carry % 32 != 0, "this carry does not divide");
    equal(parts.carried, carry / 32, "down");
    post(nextRoot(2, tree()[0], 2, budget(2)));
    equal(opg.balanceOf(address(distributor)) - distributor.owed(), carry - carry / 32 + later, "the rest");
  }

  /// @dev An epoch's emission is no whole number of wei: rounding each alone would lose some between them.
  function testFuzz_audit11_noWeiOfEmissionIsLostBetweenEpochs(uint64 from) public view {
    uint64 epochs = EMISSION_PERIOD / EPOCH;
    from = uint64(bound(from, 0, epochs - 1));
    uint256 start = manager.genesisTimestamp();
    uint256 sum;
    for (uint64 epoch = from; epoch < from + 50; ++epoch) {
      sum += distributor.emissionOf(epoch);
    }
    uint256 end = from + 50 > epochs ? epochs : from + 50;
    equal(sum, EMISSION * end / epochs - EMISSION * from / epochs, "what the schedule frees from the first to the last");
    equal(distributor.emissionOf(epochs), 0, "nothing after the end");
    equal(reserve.vested(start + uint256(epochs) * EPOCH), EMISSION, "all of it");
  }

  // Voiding

  function test_theGuardianVoidsARootThatWaits() public {
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotGuardian.selector, address(this)));
    distributor.voidRoot(1);
    uint256 before = budget(2);
    postNext(2);
    bytes32 digest = distributor.rootOf(1).digest;
    vm.expectEmit(true, true, false, true, address(distributor));
    emit IRewardDistributor.RootVoided(1, digest);
    vm.prank(GUARDIAN);
    distributor.voidRoot(1);
    equal(distributor.lastNumber(), 0, "none stands");
    equal(distributor.owed(), 0, "nothing is owed");
    equal(budget(2), before, "the epoch has its budget again");
    passVoidPeriod();
    claimFails(0, abi.encodeWithSelector(IRewardDistributor.NoFinalRoot.selector));
  }

  function test_aFinalRootAndAnUnknownOneAreNotVoidable() public {
    postNext(2);
    passVoidPeriod();
    vm.startPrank(GUARDIAN);
    for (uint64 number; number < 3; ++number) {
      vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotVoidable.selector, number));
      distributor.voidRoot(number);
    }
    vm.stopPrank();
  }

  function test_theGuardianVoidsNothingAfterItsDate() public {
    vm.warp(params.guardianEnd() - 2 * EPOCH);
    open();
    nextOpen();
    post(nextRoot(manager.currentEpoch() - 1, 0, 0, 0));
    isTrue(params.guardianEnd() < distributor.rootOf(1).finalAt, "the root still waits then");
    vm.warp(params.guardianEnd());
    vm.prank(GUARDIAN);
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotGuardian.selector, GUARDIAN));
    distributor.voidRoot(1);
  }

  function test_withARootGoWhatWasBuiltOnIt() public {
    postNext(2);
    nextOpen();
    give(1e18, 1e18);
    postNext(3);
    nextOpen();
    give(1e18, 1e18);
    postNext(4);
    vm.prank(GUARDIAN);
    distributor.voidRoot(2);
    equal(distributor.lastNumber(), 1, "the first stands");
    equal(distributor.voids(), 1, "once");
    equal(distributor.owed(), 8e18, "what it gives");
    cumulatives = [uint128(3e18), 5e18];
    nextOpen();
    equal(distributor.finalNumber(), 1, "and became final");
    equal(claim(1), 5e18, "and pays");
    give(0, 2e18);
    postNext(3);
    equal(distributor.lastNumber(), 2, "the number is given again");
  }

  function test_theJuryVoidsWithMoreThanTwoThirdsOfAllSeats() public {
    postNext(2);
    bytes32 digest = juryDigest(1, 3);
    (ICommittee.Seat[] memory seats,) = committee.signingSet(3);
    equal(seats.length, VERIFIERS, "all of them");
    uint256 weight;
    for (uint256 seat; seat < seats.length; ++seat) {
      weight += seats[seat].weight;
    }
    uint256 signed;
    uint256 count;
    while ((signed + seats[count].weight) * 3 <= weight * 2) {
      signed += seats[count++].weight;
    }
    bytes memory sigs64 = signaturesOf(3, digest, first(count));
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NoQuorum.selector, signed, weight));
    distributor.voidRootByJury(1, 3, first(count), sigs64);
    distributor.voidRootByJury(1, 3, first(count + 1), signaturesOf(3, digest, first(count + 1)));
    equal(distributor.lastNumber(), 0, "void");
  }

  function test_aVerdictHoldsForOneRootInTheEpochItWasSignedInAndTheNext() public {
    postNext(2);
    bytes memory sigs64 = signaturesOf(3, juryDigest(1, 3), first(VERIFIERS));
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.WrongEpoch.selector, 4, 3));
    distributor.voidRootByJury(1, 4, first(VERIFIERS), sigs64);
    nextOpen();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    distributor.voidRootByJury(1, 4, first(VERIFIERS), sigs64);
    give(1e18, 0);
    postNext(3);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    distributor.voidRootByJury(2, 3, first(VERIFIERS), sigs64);
    nextOpen();
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.WrongEpoch.selector, 3, 5));
    distributor.voidRootByJury(1, 3, first(VERIFIERS), sigs64);
  }

  function test_theJuryVoidsNoFinalAndNoUnknownRoot() public {
    postNext(2);
    bytes32 digest = juryDigest(1, 6);
    passVoidPeriod();
    open();
    bytes memory sigs64 = signaturesOf(6, digest, first(VERIFIERS));
    for (uint64 number; number < 3; ++number) {
      vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotVoidable.selector, number));
      distributor.voidRootByJury(number, 6, first(VERIFIERS), sigs64);
    }
  }

  // A corrupt quorum

  address private constant THIEF = address(0x7111EF);

  /// @dev Gives everything there is, and what anyone was given before, to the thief.
  function steal(uint64 epoch) private returns (bytes32[] memory proof, uint128 cumulative) {
    RewardRoot memory r = nextRoot(epoch, 0, 1, budget(epoch));
    bytes32[] memory list = new bytes32[](1);
    list[0] = leafOf(THIEF, r.cumulative);
    r.root = Trees.build(IndexedMerkle.REWARD, list)[0];
    post(r);
    return (new bytes32[](0), r.cumulative);
  }

  function test_aCorruptQuorumTakesNothingWhenTheGuardianActsInTime() public {
    steal(2);
    nextOpen();
    steal(3);
    nextOpen();
    steal(4);
    vm.prank(GUARDIAN);
    distributor.voidRoot(1);
    passVoidPeriod();
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NoFinalRoot.selector));
    distributor.claim(THIEF, 1, 0, new bytes32[](0));
    equal(distributor.owed(), 0, "nothing");
  }

  function test_aCorruptQuorumTakesOneBudgetWhenTheGuardianIsAnEpochLate() public {
    uint256 most = budget(2);
    (bytes32[] memory proof, uint128 cumulative) = steal(2);
    nextOpen();
    steal(3);
    nextOpen();
    steal(4);
    nextOpen();
    equal(distributor.finalNumber(), 1, "the first became final");
    vm.prank(GUARDIAN);
    distributor.voidRoot(2);
    equal(distributor.claim(THIEF, cumulative, 0, proof), most, "one budget");
    passVoidPeriod();
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NothingToClaim.selector, THIEF));
    distributor.claim(THIEF, cumulative, 0, proof);
    equal(distributor.owed(), 0, "no more");
  }

  function test_whatWasEarnedBeforeIsClaimedWhileACorruptRootWaits() public {
    postNext(2);
    passVoidPeriod();
    open();
    uint256 most = budget(5);
    (bytes32[] memory proof, uint128 cumulative) = steal(5);
    equal(claim(0) + claim(1), 8e18, "by anyone, for everyone");
    passVoidPeriod();
    equal(distributor.claim(THIEF, cumulative, 0, proof), most, "one budget");
  }

  /// @dev The price of cumulative claims, said aloud: the latest final root speaks for all that was not claimed.
  function test_whatNobodyClaimedIsInTheHandsOfTheLatestFinalRoot() public {
    postNext(2);
    passVoidPeriod();
    open();
    uint256 most = budget(5);
    (bytes32[] memory proof, uint128 cumulative) = steal(5);
    passVoidPeriod();
    equal(distributor.claim(THIEF, cumulative, 0, proof), most + 8e18, "the budget and the 8 that waited");
  }

  // Pause, replacement

  function test_audit14_aPauseStopsNewRootsAlone() public {
    postNext(2);
    nextOpen();
    give(1e18, 0);
    postNext(3);
    nextOpen();
    vm.prank(GUARDIAN);
    params.pause(Module.RewardDistributor, 72 hours);
    postFails(next(4), abi.encodeWithSelector(IRewardDistributor.RootsPaused.selector));
    distributor.notify(1e18);
    vm.prank(GUARDIAN);
    distributor.voidRoot(2);
    cumulatives = [uint128(3e18), 5e18];
    passVoidPeriod();
    equal(claim(0), 3e18, "claims go on");
    RewardDistributor old = distributor;
    replaceBy(address(newDistributor()));
    old.retire();
    passVoidPeriod();
    isTrue(old.moveRest() != 0, "the exit goes on");
    isTrue(params.isPaused(Module.RewardDistributor), "all of it in the pause");
  }

  function test_audit14_aPauseEndsByItself() public {
    vm.prank(GUARDIAN);
    params.pause(Module.RewardDistributor, EPOCH);
    nextOpen();
    postNext(2);
    equal(distributor.lastNumber(), 1, "posted");
  }

  function test_aReplacedDistributorHonoursItsRootsAndSendsOnTheRest() public {
    postNext(2);
    RewardDistributor old = distributor;
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotReplaced.selector));
    old.retire();
    RewardDistributor successor = newDistributor();
    replaceBy(address(successor));
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.TooEarly.selector, 0));
    old.moveRest();
    old.retire();
    uint64 possibleAt = uint64(vm.getBlockTimestamp()) + VOID_PERIOD;
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.AlreadyRetired.selector, possibleAt - VOID_PERIOD));
    old.retire();
    vm.warp(possibleAt - 1);
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.TooEarly.selector, possibleAt));
    old.moveRest();
    vm.warp(possibleAt);
    uint256 rest = opg.balanceOf(address(old)) - 8e18;
    equal(old.moveRest(), rest, "what no root gave");
    equal(opg.balanceOf(address(successor)), rest, "there");
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.InvalidAmount.selector));
    old.moveRest();
    equal(claim(0) + claim(1), 8e18, "the root is honoured");
    opg.transfer(address(old), 5);
    equal(old.moveRest(), 5, "nothing stays");
    equal(opg.balanceOf(address(old)), 0, "empty");
    distributor = successor;
    equal(distributor.budgetOf(manager.currentEpoch()).fees, 0, "the rest is no epoch's fee");
  }

  function test_theRestWaitsForASuccessor() public {
    replaceBy(address(0));
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotReplaced.selector));
    distributor.retire();
    RewardDistributor successor = newDistributor();
    replaceBy(address(successor));
    distributor.retire();
    passVoidPeriod();
    replaceBy(address(0));
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotReplaced.selector));
    distributor.moveRest();
  }

  function test_aReinstatedDistributorGoesOn() public {
    address self = address(distributor);
    replaceBy(address(newDistributor()));
    distributor.retire();
    replaceBy(self);
    nextEpoch();
    open();
    nextOpen();
    vm.expectRevert(abi.encodeWithSelector(IRewardDistributor.NotReplaced.selector));
    distributor.moveRest();
    post(nextRoot(manager.currentEpoch() - 1, 0, 0, 0));
    equal(distributor.retiredAt(), 0, "no longer retired");
  }

  function test_aSuccessorTakesNoMoreThanItHolds() public {
    reserve.release();
    RewardDistributor successor = newDistributor();
    replaceBy(address(successor));
    distributor = successor;
    uint256 accrued = reserve.releasable();
    uint64 current = manager.currentEpoch();
    for (uint64 epoch; epoch <= current; ++epoch) {
      isTrue(budget(epoch) <= accrued, "no more than accrued since");
    }
  }

  function test_rejectsParametersOutOfRange() public {
    bytes memory invalid = abi.encodeWithSelector(IRewardDistributor.InvalidParameters.selector);
    vm.expectRevert(invalid);
    new RewardDistributor(IERC20(address(0)), manager, committee, params, reserve, VOID_PERIOD);
    vm.expectRevert(invalid);
    new RewardDistributor(opg, manager, committee, IProtocolParams(address(0)), reserve, VOID_PERIOD);
    vm.expectRevert(invalid);
    new RewardDistributor(opg, manager, committee, params, IEmissionReserve(address(0)), VOID_PERIOD);
    vm.expectRevert(invalid);
    new RewardDistributor(opg, manager, committee, params, reserve, 0);
    vm.expectRevert(invalid);
    new RewardDistributor(opg, manager, committee, params, reserve, 7 * EPOCH);
    new RewardDistributor(opg, manager, committee, params, reserve, 7 * EPOCH - 1);
  }
}
