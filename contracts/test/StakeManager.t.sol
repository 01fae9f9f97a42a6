// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StakeManager} from "../src/StakeManager.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Network} from "./support/Network.sol";

contract StakeManagerTest is Network {
  address private stranger = address(0xBAD);

  function setUp() public {
    deploy();
  }

  function epoch() private view returns (uint64) {
    return manager.currentEpoch();
  }

  function matured(address operator, Role role) private view returns (uint256) {
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

  function test_refusesParametersOutOfRange() public {
    IStakeManager.Setup memory setup = genesis();
    setup.unbondingPeriod = 5 * EPOCH;
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidParameters.selector));
    new StakeManager(setup);
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
    equal(matured(operator, Role.Verifier), 0, "a second before");
    vm.warp(manager.genesisTimestamp() + 5 * EPOCH);
    equal(matured(operator, Role.Verifier), VERIFIER_STAKE, "at the second");
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
    equal(matured(operator, Role.Verifier), VERIFIER_STAKE + 22, "long after");
  }

  function test_rolesAreApart() public {
    address operator = staked("operator", 0, Role.Provider, 10_000e18);
    manager.stake(operator, Role.Settler, 5000e18);
    passEpochs(2);
    equal(matured(operator, Role.Provider), 10_000e18, "provider");
    equal(matured(operator, Role.Settler), 5000e18, "settler");
    equal(matured(operator, Role.Verifier), 0, "verifier");
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
    equal(matured(operator, Role.Verifier), 2 * VERIFIER_STAKE, "now");
    equal(manager.maturedStake(operator, Role.Verifier, epoch() + 2), 2 * VERIFIER_STAKE, "later");
    manager.requestUnstake(operator, Role.Verifier, 2 * VERIFIER_STAKE);
    equal(matured(operator, Role.Verifier), 0, "all gone");
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
    equal(matured(operator, Role.Verifier), 0, "weight");
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
