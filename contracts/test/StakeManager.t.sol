// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StakeManager} from "../src/StakeManager.sol";
import {IProtocolParams} from "../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Stakers} from "./support/Stakers.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

contract StakeManagerTest is Stakers {
  address private stranger = STRANGER;

  function setUp() public {
    deploy();
  }

  function epoch() private view returns (uint64) {
    return manager.currentEpoch();
  }

  function counting(address operator, Role role) private view returns (uint256) {
    return manager.maturedStake(operator, role, epoch());
  }

  function test_R2_networkIdBindsChainAddressAndParentBlock() public view {
    bytes32 expected = keccak256(
      abi.encode(keccak256("OPG/network/1"), block.chainid, address(manager), blockhash(manager.deploymentBlock() - 1))
    );
    equal(manager.networkId(), expected, "network id");
    isTrue(blockhash(manager.deploymentBlock() - 1) != 0, "the parent hash is known");
  }

  function test_R3_domainSeparatorFollowsTheChainId() public {
    bytes32 home = manager.domainSeparator();
    equal(home, Digests.domainSeparator(block.chainid, address(manager), manager.networkId()), "home");
    vm.chainId(84_532);
    equal(
      manager.domainSeparator(), Digests.domainSeparator(84_532, address(manager), manager.networkId()), "elsewhere"
    );
    isTrue(manager.domainSeparator() != home, "they differ");
  }

  function refused(IStakeManager.Setup memory setup) private {
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidParameters.selector));
    new StakeManager(setup);
  }

  function base() private returns (IStakeManager.Setup memory setup) {
    setup = genesis();
    (setup.epochLength, setup.unbondingPeriod, setup.slasherDelay) = (24 hours, 14 days, 15 days);
    (setup.seizureDelay, setup.reporterDelay, setup.potPeriod, setup.holdPeriod) = (3 days, 7 days, 30 days, 14 days);
  }

  function test_refusesParametersOutOfRange() public {
    IStakeManager.Setup memory setup = base();
    equal(new StakeManager(setup).unbondingPeriod(), 14 days, "the values of Base");
    setup.token = IERC20(address(0));
    refused(setup);
    setup = base();
    setup.params = IProtocolParams(address(0));
    refused(setup);
    setup = base();
    setup.governance = address(0);
    refused(setup);
    setup = base();
    setup.epochLength = 0;
    refused(setup);
    setup = base();
    setup.seizureDelay = 0;
    refused(setup);
    setup = base();
    setup.reporterDelay = setup.seizureDelay - 1;
    refused(setup);
    setup = base();
    setup.potPeriod = setup.seizureDelay;
    refused(setup);
    setup = base();
    setup.holdPeriod = 0;
    refused(setup);
    setup = base();
    setup.slashers = new address[](1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidArgument.selector));
    new StakeManager(setup);
  }

  function test_refusesATokenWhoseSupplyDoesNotFitAPosition() public {
    bytes memory call = abi.encodeWithSelector(IERC20.totalSupply.selector);
    vm.mockCall(address(opg), call, abi.encode(uint256(type(uint96).max) + 1));
    refused(base());
    vm.mockCall(address(opg), call, abi.encode(type(uint96).max));
    new StakeManager(base());
  }

  function test_audit04_noPeriodIsTooShortForWhatSignsOrTooLongToEnd() public {
    IStakeManager.Setup memory setup = base();
    (setup.unbondingPeriod, setup.slasherDelay) = (6 days, 6 days + 1);
    new StakeManager(setup);
    setup.unbondingPeriod -= 1;
    refused(setup);
    setup = base();
    setup.slasherDelay = setup.unbondingPeriod;
    refused(setup);
    setup = base();
    (setup.epochLength, setup.unbondingPeriod, setup.slasherDelay) = (7 days, 60 days, 180 days);
    (setup.reporterDelay, setup.potPeriod, setup.holdPeriod) = (180 days, 180 days, 180 days);
    new StakeManager(setup);
    setup.epochLength += 1;
    refused(setup);
    setup.epochLength = type(uint64).max;
    refused(setup);
    setup.epochLength = 7 days;
    setup.unbondingPeriod += 1;
    refused(setup);
    setup.unbondingPeriod = type(uint64).max;
    refused(setup);
    setup.unbondingPeriod = 60 days;
    setup.slasherDelay += 1;
    refused(setup);
    setup.slasherDelay -= 1;
    setup.reporterDelay += 1;
    refused(setup);
    setup.reporterDelay -= 1;
    setup.potPeriod += 1;
    refused(setup);
    setup.potPeriod -= 1;
    setup.holdPeriod += 1;
    refused(setup);
  }

  function test_R1_registersWithTheOperatorsConsent() public {
    address operator = register("operator", 0);
    equal(manager.ownerOf(operator), address(this), "owner");
    equal(manager.payoutOf(operator), address(this), "payout");
  }

  function test_R1_refusesConsentGivenToAnotherOwner() public {
    uint256 deadline = vm.getBlockTimestamp();
    address operator = vm.addr(key("operator", 0));
    bytes memory consent = consentOf(key("operator", 0), address(this), address(this), deadline);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BadConsent.selector, operator));
    vm.prank(stranger);
    manager.register(operator, address(this), deadline, consent);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BadConsent.selector, operator));
    manager.register(operator, stranger, deadline, consent);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BadConsent.selector, address(0)));
    manager.register(address(0), address(this), deadline, consent);
  }

  function test_R3_refusesConsentSignedForAnotherChain() public {
    uint256 deadline = vm.getBlockTimestamp();
    address operator = vm.addr(key("operator", 0));
    bytes memory consent = consentOf(key("operator", 0), address(this), address(this), deadline);
    vm.chainId(84_532);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BadConsent.selector, operator));
    manager.register(operator, address(this), deadline, consent);
  }

  function test_refusesConsentAfterItsDeadlineAndASecondOwner() public {
    uint256 deadline = vm.getBlockTimestamp();
    uint256 privateKey = key("operator", 0);
    address operator = vm.addr(privateKey);
    bytes memory consent = consentOf(privateKey, address(this), address(this), deadline);
    vm.warp(deadline + 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.ConsentExpired.selector, deadline));
    manager.register(operator, address(this), deadline, consent);
    register("operator", 0);
    bytes memory toStranger = consentOf(privateKey, stranger, stranger, deadline + 100);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.AlreadyRegistered.selector, operator));
    vm.prank(stranger);
    manager.register(operator, stranger, deadline + 100, toStranger);
  }

  function test_refusesAPayoutOfNobody() public {
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidArgument.selector));
    manager.register(stranger, address(0), vm.getBlockTimestamp(), "");
    address operator = register("operator", 0);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidArgument.selector));
    manager.setPayout(operator, address(0));
    manager.setPayout(operator, stranger);
    equal(manager.payoutOf(operator), stranger, "payout");
  }

  function test_onlyTheOwnerActsForAnOperator() public {
    address operator = staked("operator", 0, Role.Verifier, VERIFIER_STAKE);
    bytes memory notOwner = abi.encodeWithSelector(IStakeManager.NotOwner.selector, operator, operator);
    vm.startPrank(operator);
    vm.expectRevert(notOwner);
    manager.stake(operator, Role.Verifier, 1);
    vm.expectRevert(notOwner);
    manager.requestUnstake(operator, Role.Verifier, VERIFIER_STAKE);
    vm.expectRevert(notOwner);
    manager.freeze(operator);
    vm.expectRevert(notOwner);
    manager.setPayout(operator, operator);
    vm.stopPrank();
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotOwner.selector, stranger, address(this)));
    manager.stake(stranger, Role.Verifier, VERIFIER_STAKE);
  }

  function test_stakeCountsFromTheEpochAfterNextToTheSecond() public {
    vm.warp(manager.genesisTimestamp() + 3 * EPOCH + 59);
    address operator = staked("operator", 0, Role.Verifier, VERIFIER_STAKE);
    equal(manager.maturedStake(operator, Role.Verifier, 4), 0, "the next epoch");
    equal(manager.maturedStake(operator, Role.Verifier, 5), VERIFIER_STAKE, "the one after");
    vm.warp(manager.genesisTimestamp() + 5 * EPOCH - 1);
    equal(counting(operator, Role.Verifier), 0, "a second before");
    vm.warp(manager.genesisTimestamp() + 5 * EPOCH);
    equal(counting(operator, Role.Verifier), VERIFIER_STAKE, "at the second");
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.EpochOver.selector, 4, 5));
    manager.maturedStake(operator, Role.Verifier, 4);
  }

  function test_stakesOfThreeEpochsMatureEachInItsOwn() public {
    address operator = staked("operator", 0, Role.Verifier, VERIFIER_STAKE);
    nextEpoch();
    manager.stake(operator, Role.Verifier, 10);
    manager.stake(operator, Role.Verifier, 5);
    equal(manager.maturedStake(operator, Role.Verifier, 2), VERIFIER_STAKE, "first");
    equal(manager.maturedStake(operator, Role.Verifier, 3), VERIFIER_STAKE + 15, "second");
    nextEpoch();
    manager.stake(operator, Role.Verifier, 7);
    equal(manager.maturedStake(operator, Role.Verifier, 3), VERIFIER_STAKE + 15, "second");
    equal(manager.maturedStake(operator, Role.Verifier, 4), VERIFIER_STAKE + 22, "third");
    equal(manager.stakeOf(operator, Role.Verifier), VERIFIER_STAKE + 22, "all");
    passEpochs(10);
    equal(counting(operator, Role.Verifier), VERIFIER_STAKE + 22, "long after");
  }

  function test_eachRoleHasItsMinimum() public view {
    equal(manager.minimumStake(Role.Provider), 10_000e18, "provider");
    equal(manager.minimumStake(Role.Verifier), 2000e18, "verifier");
    equal(manager.minimumStake(Role.Settler), 5000e18, "settler");
    equal(manager.minimumStake(Role.Host), 0, "host");
  }

  function test_rolesAreApart() public {
    address operator = staked("operator", 0, Role.Provider, 10_000e18);
    manager.stake(operator, Role.Settler, 5000e18);
    passEpochs(2);
    equal(counting(operator, Role.Provider), 10_000e18, "provider");
    equal(counting(operator, Role.Settler), 5000e18, "settler");
    equal(counting(operator, Role.Verifier), 0, "verifier");
  }

  function test_refusesLessThanTheMinimumAndRolesWithoutStake() public {
    address operator = register("operator", 0);
    vm.expectRevert(
      abi.encodeWithSelector(IStakeManager.BelowMinimum.selector, Role.Provider, 10_000e18 - 1, 10_000e18)
    );
    manager.stake(operator, Role.Provider, 10_000e18 - 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidArgument.selector));
    manager.stake(operator, Role.None, 10_000e18);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidArgument.selector));
    manager.stake(operator, Role.Host, 10_000e18);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidArgument.selector));
    manager.stake(operator, Role.Provider, 0);
    manager.stake(operator, Role.Provider, 10_000e18);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BelowMinimum.selector, Role.Provider, 1, 10_000e18));
    manager.requestUnstake(operator, Role.Provider, 10_000e18 - 1);
  }

  function test_unstakeLeavesWeightAtOnceAndTheNewestFirst() public {
    address operator = staked("operator", 0, Role.Verifier, 3 * VERIFIER_STAKE);
    passEpochs(2);
    manager.stake(operator, Role.Verifier, VERIFIER_STAKE);
    manager.requestUnstake(operator, Role.Verifier, 2 * VERIFIER_STAKE);
    equal(counting(operator, Role.Verifier), 2 * VERIFIER_STAKE, "now");
    equal(manager.maturedStake(operator, Role.Verifier, epoch() + 2), 2 * VERIFIER_STAKE, "later");
    manager.requestUnstake(operator, Role.Verifier, 2 * VERIFIER_STAKE);
    equal(counting(operator, Role.Verifier), 0, "all gone");
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.ExceedsStake.selector, 1, 0));
    manager.requestUnstake(operator, Role.Verifier, 1);
  }

  function test_restakedStakeMaturesAnew() public {
    address operator = staked("operator", 0, Role.Verifier, VERIFIER_STAKE);
    passEpochs(2);
    manager.requestUnstake(operator, Role.Verifier, VERIFIER_STAKE);
    manager.stake(operator, Role.Verifier, VERIFIER_STAKE);
    equal(manager.maturedStake(operator, Role.Verifier, epoch() + 1), 0, "not yet");
    equal(manager.maturedStake(operator, Role.Verifier, epoch() + 2), VERIFIER_STAKE, "anew");
  }

  function test_withdrawsToTheOwnerFromTheSecondOfReleaseByAnyone() public {
    address operator = staked("operator", 0, Role.Verifier, VERIFIER_STAKE);
    uint256 balance = opg.balanceOf(address(this));
    uint256 requested = vm.getBlockTimestamp();
    manager.requestUnstake(operator, Role.Verifier, VERIFIER_STAKE);
    vm.warp(requested + UNBONDING - 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToWithdraw.selector, operator, Role.Verifier));
    manager.withdraw(operator, Role.Verifier);
    vm.warp(requested + UNBONDING);
    vm.prank(stranger);
    manager.withdraw(operator, Role.Verifier);
    equal(opg.balanceOf(address(this)), balance + VERIFIER_STAKE, "paid to the owner");
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToWithdraw.selector, operator, Role.Verifier));
    manager.withdraw(operator, Role.Verifier);
  }

  function test_withdrawsOnlyWhatIsReleasedAndKeepsTheRest() public {
    address operator = staked("operator", 0, Role.Verifier, 4 * VERIFIER_STAKE);
    uint256 start = vm.getBlockTimestamp();
    for (uint256 index; index < 3; ++index) {
      vm.warp(start + index * 10);
      manager.requestUnstake(operator, Role.Verifier, uint128(VERIFIER_STAKE / 2 + index));
    }
    vm.warp(start + 10 + UNBONDING);
    uint256 balance = opg.balanceOf(address(this));
    manager.withdraw(operator, Role.Verifier);
    equal(opg.balanceOf(address(this)) - balance, VERIFIER_STAKE + 1, "two of three");
    IStakeManager.Unbonding[] memory left = manager.unbondings(operator, Role.Verifier);
    equal(left.length, 1, "one left");
    equal(left[0].amount, VERIFIER_STAKE / 2 + 2, "its amount");
    equal(left[0].releaseAt, start + 20 + UNBONDING, "its time");
  }

  function test_boundsWithdrawalsOnTheirWay() public {
    address operator = staked("operator", 0, Role.Verifier, 2 * VERIFIER_STAKE);
    for (uint256 index; index < manager.MAX_UNBONDINGS(); ++index) {
      manager.requestUnstake(operator, Role.Verifier, 1);
    }
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooManyUnbondings.selector, operator, Role.Verifier));
    manager.requestUnstake(operator, Role.Verifier, 1);
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    manager.withdraw(operator, Role.Verifier);
    manager.requestUnstake(operator, Role.Verifier, 1);
  }

  function test_freezeTakesAllWeightAtOnceAndStakeStillLeaves() public {
    address operator = staked("operator", 0, Role.Verifier, VERIFIER_STAKE);
    passEpochs(2);
    manager.freeze(operator);
    isTrue(manager.isFrozen(operator), "frozen");
    equal(counting(operator, Role.Verifier), 0, "weight");
    bytes memory frozen = abi.encodeWithSelector(IStakeManager.OperatorFrozen.selector, operator);
    vm.expectRevert(frozen);
    manager.stake(operator, Role.Verifier, VERIFIER_STAKE);
    vm.expectRevert(frozen);
    manager.freeze(operator);
    manager.requestUnstake(operator, Role.Verifier, VERIFIER_STAKE);
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    manager.withdraw(operator, Role.Verifier);
    equal(opg.balanceOf(address(manager)), 0, "nothing stays behind");
  }

  function test_aFrozenOperatorWeighsNothingWhateverHappensToItsStake() public {
    address operator = staked("operator", 0, Role.Verifier, 5 * VERIFIER_STAKE);
    passEpochs(2);
    manager.freeze(operator);
    manager.requestUnstake(operator, Role.Verifier, VERIFIER_STAKE);
    equal(counting(operator, Role.Verifier), 0, "after a part has left");
    seize("case", operator, Role.Verifier, 1000, REPORTER);
    equal(counting(operator, Role.Verifier), 0, "after a seizure");
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    manager.withdraw(operator, Role.Verifier);
    equal(counting(operator, Role.Verifier), 0, "after a withdrawal");
    isTrue(manager.stakeOf(operator, Role.Verifier) > VERIFIER_STAKE, "which is not for lack of stake");
  }

  function test_listsOperatorsByRoleInPages() public {
    for (uint256 index; index < 5; ++index) {
      staked("operator", index, Role.Settler, 5000e18 + uint128(index));
    }
    passEpochs(2);
    address gone = vm.addr(key("operator", 1));
    manager.requestUnstake(gone, Role.Settler, 5000e18 + 1);
    manager.freeze(vm.addr(key("operator", 2)));
    equal(manager.operatorCount(Role.Settler), 4, "count");
    equal(manager.operatorCount(Role.Verifier), 0, "other role");
    IStakeManager.OperatorStake[] memory all = manager.operators(Role.Settler, 0, 100);
    equal(all.length, 4, "one page");
    uint256 sum;
    for (uint256 index; index < 4; ++index) {
      equal(all[index].owner, address(this), "owner");
      isTrue(all[index].operator != gone, "gone");
      sum += all[index].stake;
    }
    equal(sum, 3 * 5000e18 + 0 + 3 + 4, "matured, the frozen one without");
    equal(manager.operators(Role.Settler, 3, 2).length, 1, "last page");
    equal(manager.operators(Role.Settler, 4, 2).length, 0, "past the end");
    manager.requestUnstake(all[0].operator, Role.Settler, uint128(manager.stakeOf(all[0].operator, Role.Settler)));
    manager.stake(gone, Role.Settler, 5000e18);
    equal(manager.operatorCount(Role.Settler), 4, "in again");
  }

  function test_answersForManyOperatorsAsForOne() public {
    address[] memory many = new address[](5);
    for (uint256 index; index < 4; ++index) {
      many[index] = staked("operator", index, Role.Verifier, VERIFIER_STAKE + uint128(index));
    }
    many[4] = stranger;
    nextEpoch();
    manager.stake(many[0], Role.Verifier, 1);
    manager.freeze(many[1]);
    for (uint64 ahead; ahead < 4; ++ahead) {
      uint256[] memory stakes = manager.maturedStakes(many, Role.Verifier, epoch() + ahead);
      equal(stakes.length, 5, "all");
      for (uint256 index; index < 5; ++index) {
        equal(stakes[index], manager.maturedStake(many[index], Role.Verifier, epoch() + ahead), "the same");
      }
    }
    equal(manager.maturedStakes(many, Role.Verifier, 2)[0], VERIFIER_STAKE, "two");
    equal(manager.maturedStakes(many, Role.Verifier, 3)[0], VERIFIER_STAKE + 1, "and three");
    passEpochs(1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.EpochOver.selector, 1, 2));
    manager.maturedStakes(many, Role.Verifier, 1);
  }

  function test_audit09_nobodyButTheOwnerMakesEntriesAndTheyAreBounded() public {
    address operator = staked("operator", 0, Role.Verifier, 2 * VERIFIER_STAKE);
    address[3] memory others = [stranger, operator, SLASHER];
    for (uint256 index; index < 3; ++index) {
      vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotOwner.selector, operator, others[index]));
      vm.prank(others[index]);
      manager.requestUnstake(operator, Role.Verifier, 1);
    }
    for (uint256 index; index < 8; ++index) {
      manager.requestUnstake(operator, Role.Verifier, 1);
    }
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.TooManyUnbondings.selector, operator, Role.Verifier));
    manager.requestUnstake(operator, Role.Verifier, 1);
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    manager.withdraw(operator, Role.Verifier);
    equal(manager.unbondings(operator, Role.Verifier).length, 0, "all eight in one call");
  }

  // Rotation

  function test_R1_rotationMovesStakeWithItsMaturityAndTheWayOut() public {
    address from = matured(3 * PROVIDER_STAKE);
    stakeFor(OWNER, from, Role.Verifier, VERIFIER_STAKE);
    unstake(from, Role.Provider, PROVIDER_STAKE);
    nextEpoch();
    stakeFor(OWNER, from, Role.Provider, 5);
    unstake(from, Role.Provider, 1);
    nextEpoch();
    stakeFor(OWNER, from, Role.Provider, 3);
    uint64 now_ = epoch();
    uint256 releaseAt = manager.unbondings(from, Role.Provider)[0].releaseAt;
    uint256 votes = manager.getVotes(OWNER);
    address to = keyed("operator", 1);
    bytes memory consent = rotationOf(from, to, OWNER, vm.getBlockTimestamp());
    vm.expectEmit(true, true, true, true, address(manager));
    emit IStakeManager.Registered(to, OWNER, PAYOUT);
    vm.expectEmit(true, true, true, true, address(manager));
    emit IStakeManager.Rotated(from, to);
    vm.prank(OWNER);
    manager.rotate(from, to, vm.getBlockTimestamp(), consent);
    equal(manager.maturedStake(to, Role.Provider, now_), 2 * PROVIDER_STAKE, "matured");
    equal(manager.maturedStake(to, Role.Provider, now_ + 1), 2 * PROVIDER_STAKE + 4, "maturing");
    equal(manager.maturedStake(to, Role.Provider, now_ + 2), 2 * PROVIDER_STAKE + 7, "and later");
    equal(manager.maturedStake(to, Role.Verifier, now_), VERIFIER_STAKE, "in every role");
    IStakeManager.Unbonding[] memory queue = manager.unbondings(to, Role.Provider);
    equal(queue.length, 2, "on its way");
    equal(queue[0].amount, PROVIDER_STAKE, "the first");
    equal(queue[0].releaseAt, releaseAt, "with its time");
    equal(queue[1].amount, 1, "the second");
    equal(
      manager.stakeOf(from, Role.Provider) + manager.unbondings(from, Role.Provider).length, 0, "the old key is bare"
    );
    equal(manager.maturedStake(from, Role.Verifier, now_), 0, "and weighs nothing");
    equal(manager.getVotes(OWNER), votes, "the owner votes as before");
    equal(manager.ownerOf(to), OWNER, "same owner");
    equal(manager.payoutOf(to), PAYOUT, "same payout");
    equal(manager.currentKeyOf(from), to, "leads on");
    equal(manager.currentKeyOf(to), to, "to here");
    equal(manager.currentKeyOf(stranger), stranger, "nobody's key is its own");
    vm.warp(releaseAt);
    manager.withdraw(to, Role.Provider);
    equal(opg.balanceOf(OWNER), PROVIDER_STAKE, "and leaves to the owner");
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToWithdraw.selector, from, Role.Provider));
    manager.withdraw(from, Role.Provider);
  }

  function test_R1_rotationKeepsThePlaceInTheList() public {
    address[3] memory before;
    for (uint256 index; index < 3; ++index) {
      before[index] = staked("operator", index, Role.Settler, 5000e18);
    }
    address renewed = rotate(before[1], "renewed", 0);
    IStakeManager.OperatorStake[] memory all = manager.operators(Role.Settler, 0, 10);
    equal(all.length, 3, "three");
    equal(all[0].operator, before[0], "first");
    equal(all[1].operator, renewed, "in place");
    equal(all[2].operator, before[2], "last");
    manager.requestUnstake(before[0], Role.Settler, 5000e18);
    manager.requestUnstake(renewed, Role.Settler, 5000e18);
    all = manager.operators(Role.Settler, 0, 10);
    equal(all.length, 1, "the list holds together");
    equal(all[0].operator, before[2], "the one with stake");
  }

  function test_R1_aKeyThatWasRotatedAwayNeverActsAgain() public {
    address from = matured(PROVIDER_STAKE);
    address to = rotate(from, "operator", 1);
    uint256 deadline = vm.getBlockTimestamp();
    isTrue(manager.isFrozen(from), "frozen");
    bytes memory frozen = abi.encodeWithSelector(IStakeManager.OperatorFrozen.selector, from);
    address next = keyed("operator", 2);
    bytes memory consent = rotationOf(from, next, OWNER, deadline);
    bytes memory back = rotationOf(to, from, OWNER, deadline);
    bytes memory again = consentOf(keys[from], OWNER, PAYOUT, deadline);
    vm.startPrank(OWNER);
    vm.expectRevert(frozen);
    manager.stake(from, Role.Provider, PROVIDER_STAKE);
    vm.expectRevert(frozen);
    manager.freeze(from);
    vm.expectRevert(frozen);
    manager.rotate(from, next, deadline, consent);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.ExceedsStake.selector, 1, 0));
    manager.requestUnstake(from, Role.Provider, 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.AlreadyRegistered.selector, from));
    manager.rotate(to, from, deadline, back);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.AlreadyRegistered.selector, from));
    manager.register(from, PAYOUT, deadline, again);
    manager.setPayout(from, VICTIM);
    vm.stopPrank();
    equal(manager.payoutOf(from), VICTIM, "its earnings go where those of the current key go");
    equal(manager.payoutOf(to), VICTIM, "one payout");
  }

  function test_R1_rotationNeedsTheOwnerAndTheNewKeysConsent() public {
    address from = matured(PROVIDER_STAKE);
    address to = keyed("operator", 1);
    uint256 deadline = vm.getBlockTimestamp();
    bytes memory consent = rotationOf(from, to, OWNER, deadline);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NotOwner.selector, from, stranger));
    vm.prank(stranger);
    manager.rotate(from, to, deadline, consent);
    address other = enrol("other", 0, OWNER, PAYOUT);
    vm.startPrank(OWNER);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BadConsent.selector, to));
    manager.rotate(other, to, deadline, consent);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BadConsent.selector, to));
    manager.rotate(from, to, deadline + 1, consent);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.BadConsent.selector, address(0)));
    manager.rotate(from, address(0), deadline, consent);
    vm.warp(deadline + 1);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.ConsentExpired.selector, deadline));
    manager.rotate(from, to, deadline, consent);
    vm.stopPrank();
  }

  function test_rotationEndsAFreezeAndTheNewKeyFreezesAtOnce() public {
    address from = matured(PROVIDER_STAKE);
    vm.prank(OWNER);
    manager.freeze(from);
    equal(counting(from, Role.Provider), 0, "frozen");
    address to = rotate(from, "operator", 1);
    isTrue(!manager.isFrozen(to), "a key that can be trusted");
    equal(counting(to, Role.Provider), PROVIDER_STAKE, "weighs again");
    vm.prank(OWNER);
    manager.freeze(to);
    equal(counting(to, Role.Provider), 0, "at once");
    stakeFor(OWNER, rotate(to, "operator", 2), Role.Verifier, VERIFIER_STAKE);
  }

  // Votes of stake

  function test_stakeVotesForTheOwnerFromTheStartToTheRequest() public {
    address operator = enrol("operator", 0, OWNER, PAYOUT);
    equal(manager.delegates(OWNER), OWNER, "its own delegate");
    stakeFor(OWNER, operator, Role.Provider, 3 * PROVIDER_STAKE);
    equal(manager.getVotes(OWNER), 3 * PROVIDER_STAKE, "maturing votes");
    stakeFor(OWNER, enrol("operator", 1, OWNER, PAYOUT), Role.Verifier, VERIFIER_STAKE);
    equal(manager.getVotes(OWNER), 3 * PROVIDER_STAKE + VERIFIER_STAKE, "of all its operators");
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    equal(manager.getVotes(OWNER), 2 * PROVIDER_STAKE + VERIFIER_STAKE, "unbonding does not");
    equal(opg.getVotes(OWNER) + opg.getVotes(address(manager)), 0, "and the token counts none of it");
  }

  function test_anExecutedSeizureTakesTheVotesOfWhatWasStakedOnly() public {
    address operator = matured(2 * PROVIDER_STAKE);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    seize("first", operator, Role.Provider, 7500, REPORTER);
    equal(manager.getVotes(OWNER), PROVIDER_STAKE, "the guardian may still return it");
    vm.warp(vm.getBlockTimestamp() + SEIZURE_DELAY);
    manager.execute(manager.caseKey(SLASHER, "first"));
    equal(manager.getVotes(OWNER), 0, "all that was staked");
    stakeFor(OWNER, enrol("other", 0, OWNER, PAYOUT), Role.Verifier, VERIFIER_STAKE);
    seize("second", operator, Role.Provider, 10_000, REPORTER);
    vm.warp(vm.getBlockTimestamp() + SEIZURE_DELAY);
    manager.execute(manager.caseKey(SLASHER, "second"));
    equal(manager.getVotes(OWNER), VERIFIER_STAKE, "unbonding had no votes to lose");
  }

  function test_anOwnersDelegateIsItsChoice() public {
    vm.prank(OWNER);
    manager.delegate(VICTIM);
    address operator = matured(PROVIDER_STAKE);
    equal(manager.delegates(OWNER), VICTIM, "chosen before");
    equal(manager.getVotes(VICTIM), PROVIDER_STAKE, "votes");
    vm.prank(OWNER);
    manager.delegate(address(0));
    equal(manager.getVotes(VICTIM), 0, "taken away");
    enrol("operator", 1, OWNER, PAYOUT);
    equal(manager.delegates(OWNER), address(0), "a second registration changes nothing");
    stakeFor(OWNER, operator, Role.Provider, 1);
    equal(manager.getVotes(OWNER), 0, "nobody votes");
  }

  function test_R3_delegatesBySignatureInTheNetworksDomain() public {
    address owner = vm.addr(key("owner", 0));
    stakeFor(owner, enrol("operator", 0, owner, PAYOUT), Role.Provider, PROVIDER_STAKE);
    bytes32 structHash = keccak256(
      abi.encode(
        keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)"), VICTIM, 0, vm.getBlockTimestamp()
      )
    );
    bytes32 digest = Digests.toTyped(manager.domainSeparator(), structHash);
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(key("owner", 0), digest);
    manager.delegateBySig(VICTIM, 0, vm.getBlockTimestamp(), v, r, s);
    equal(manager.getVotes(VICTIM), PROVIDER_STAKE, "votes");
    (
      bytes1 fields,
      string memory name,
      string memory version,
      uint256 chainId,
      address verifyingContract,
      bytes32 salt,
      uint256[] memory extensions
    ) = manager.eip712Domain();
    isTrue(fields == hex"1f" && extensions.length == 0, "all five fields");
    equal(
      keccak256(
        abi.encode(
          Digests.DOMAIN_TYPEHASH, keccak256(bytes(name)), keccak256(bytes(version)), chainId, verifyingContract, salt
        )
      ),
      manager.domainSeparator(),
      "ERC-5267 tells the domain"
    );
  }

  function test_audit17_flashStakeHasNoVotesInThePast() public {
    address operator = enrol("operator", 0, OWNER, PAYOUT);
    uint256 before = vm.getBlockTimestamp();
    vm.warp(before + 1);
    uint256 snapshot = vm.getBlockTimestamp();
    stakeFor(OWNER, operator, Role.Provider, PROVIDER_STAKE);
    vm.expectPartialRevert(bytes4(keccak256("ERC5805FutureLookup(uint256,uint48)")));
    manager.getPastVotes(OWNER, snapshot);
    unstake(operator, Role.Provider, PROVIDER_STAKE);
    vm.warp(snapshot + 1);
    equal(manager.getPastVotes(OWNER, snapshot), 0, "in and out within a second");
    equal(manager.getPastVotes(OWNER, before), 0, "and never before");
    stakeFor(OWNER, operator, Role.Provider, PROVIDER_STAKE);
    vm.warp(snapshot + 2);
    equal(manager.getPastVotes(OWNER, snapshot + 1), PROVIDER_STAKE, "who stays a second has staked for good");
    equal(manager.getPastTotalSupply(snapshot), opg.getPastTotalSupply(snapshot), "of the token's supply");
    equal(manager.clock(), vm.getBlockTimestamp(), "seconds");
    equal(keccak256(bytes(manager.CLOCK_MODE())), keccak256(bytes(opg.CLOCK_MODE())), "as the token");
  }

  function testFuzz_neverCountsAnAmountBelowTheMinimum(uint256 seed, uint8 steps) public {
    address operator = register("operator", 0);
    for (uint256 step; step < uint256(steps) % 24; ++step) {
      seed = uint256(keccak256(abi.encode(seed)));
      uint128 total = uint128(manager.stakeOf(operator, Role.Verifier));
      uint128 amount = uint128(bound(seed >> 8, 1, 3 * VERIFIER_STAKE));
      if (seed & 3 == 0) {
        nextEpoch();
      } else if (seed & 3 == 1 && total + amount >= VERIFIER_STAKE) {
        manager.stake(operator, Role.Verifier, amount);
      } else if (amount <= total && (total - amount >= VERIFIER_STAKE || total == amount)) {
        if (manager.unbondings(operator, Role.Verifier).length == 8) break;
        manager.requestUnstake(operator, Role.Verifier, amount);
      }
      for (uint64 ahead; ahead < 3; ++ahead) {
        uint256 counts = manager.maturedStake(operator, Role.Verifier, epoch() + ahead);
        isTrue(counts == 0 || counts >= VERIFIER_STAKE, "zero or at least the minimum");
        isTrue(counts <= manager.stakeOf(operator, Role.Verifier), "at most all");
      }
      equal(
        manager.maturedStake(operator, Role.Verifier, epoch() + 2),
        manager.stakeOf(operator, Role.Verifier),
        "in the end all"
      );
    }
  }
}
