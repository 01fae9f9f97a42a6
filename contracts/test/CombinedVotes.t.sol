// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CombinedVotes} from "../src/CombinedVotes.sol";
import {Vesting} from "../src/Vesting.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Governance} from "./support/Governance.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @notice A token whose votes are counted at block numbers.
contract BlockVotes is ERC20Votes {
  constructor() ERC20("Blocks", "BLK") EIP712("Blocks", "1") {}
}

/// @notice The same, but it says that it counts seconds.
contract LyingVotes is BlockVotes {
  // solhint-disable-next-line func-name-mixedcase
  function CLOCK_MODE() public pure override returns (string memory) {
    return "mode=timestamp";
  }
}

contract CombinedVotesTest is Governance {
  uint128 private constant STAKE = 20_000e18;
  address private constant OWNER = address(0xC1);

  function setUp() public {
    deployGovernance();
  }

  /// @dev Holds 50,000 OPG, 20,000 of them staked.
  function owner() private returns (address operator) {
    holds(OWNER, 50_000e18);
    operator = stakedBy(OWNER, "provider", 0, Role.Provider, STAKE);
    passTime(1);
  }

  function test_countsWhatIsHeldAndWhatIsStakedOnce() public {
    owner();
    equal(opg.getVotes(OWNER), 30_000e18, "held");
    equal(manager.getVotes(OWNER), STAKE, "staked");
    equal(votes.getVotes(OWNER), 50_000e18, "together");
    equal(votes.getPastVotes(OWNER, time() - 1), 50_000e18, "and in the past");
    equal(votes.getPastVotes(OWNER, time() - 2), 0, "not before");
    equal(votes.getPastTotalSupply(time() - 1), opg.TOTAL_SUPPLY(), "the supply, once");
    equal(address(votes.token()), address(opg), "token");
    equal(address(votes.stakeManager()), address(manager), "stakes");
  }

  /// @dev Votes of stake need no delegation; those of tokens do, as OPG has always had it.
  function test_stakeVotesByItselfAndDelegatesApart() public {
    opg.transfer(OWNER, 50_000e18);
    stakedBy(OWNER, "provider", 0, Role.Provider, STAKE);
    equal(votes.getVotes(OWNER), STAKE, "the stake alone");
    equal(votes.delegates(OWNER), address(0), "tokens have no delegate yet");
    vm.startPrank(OWNER);
    opg.delegate(STRANGER);
    equal(votes.delegates(OWNER), STRANGER, "of the tokens");
    equal(votes.getVotes(STRANGER), 30_000e18, "the tokens");
    equal(votes.getVotes(OWNER), STAKE, "the stake stays");
    manager.delegate(STRANGER);
    vm.stopPrank();
    equal(votes.getVotes(STRANGER), 50_000e18, "both");
    equal(votes.getVotes(OWNER), 0, "none");
  }

  function test_audit17_votesOfStakeLeaveWithTheRequest() public {
    address operator = owner();
    uint256 before = time();
    passTime(1);
    vm.prank(OWNER);
    manager.requestUnstake(operator, Role.Provider, STAKE);
    equal(votes.getVotes(OWNER), 30_000e18, "at once");
    equal(votes.getPastVotes(OWNER, before), 50_000e18, "the past stays");
    passTime(LEAVING);
    manager.withdraw(operator, Role.Provider);
    equal(votes.getVotes(OWNER), 50_000e18, "as tokens again");
  }

  function test_seizedStakeVotesUntilItIsExecutedAndReturnedStakeDoes() public {
    address operator = owner();
    vm.startPrank(SLASHER);
    manager.seize("returned", operator, Role.Provider, 5000, STRANGER);
    manager.seize("executed", operator, Role.Provider, 5000, STRANGER);
    vm.stopPrank();
    bytes32 seizure = manager.caseKey(SLASHER, "returned");
    vm.prank(GUARDIAN);
    manager.returnSeizure(seizure);
    equal(votes.getVotes(OWNER), 50_000e18, "nothing is decided yet, or it was returned");
    vm.warp(vm.getBlockTimestamp() + manager.seizureDelay());
    manager.execute(manager.caseKey(SLASHER, "executed"));
    equal(votes.getVotes(OWNER), 45_000e18, "5,000 were seized for good");
  }

  /// @dev What StakeManager holds is voted by its owners there, and by nobody as tokens.
  function test_audit17_stakedTokensDoNotVoteAsTokensToo() public {
    owner();
    equal(opg.balanceOf(address(manager)), STAKE, "it holds them");
    equal(opg.delegates(address(manager)), address(0), "nobody votes them");
    equal(votes.getVotes(address(manager)), 0, "it has no votes");
    address[3] memory callers = [OWNER, address(timelock), GUARDIAN];
    for (uint256 index; index < callers.length; ++index) {
      vm.prank(callers[index]);
      manager.delegate(callers[index]);
      equal(opg.delegates(address(manager)), address(0), "delegates its callers' stake alone");
    }
    equal(votes.getVotes(OWNER), 50_000e18, "still once");
  }

  function test_audit17_unvestedReservedTreasuryAndBurnedNeverVote() public {
    address beneficiary = address(0xC2);
    Vesting vesting = new Vesting(beneficiary, uint64(time()), 100 days);
    address burned = manager.BURNED();
    address[5] memory silent = [address(vesting), address(treasury), burned, address(reserve), address(distributor)];
    for (uint256 index; index < silent.length; ++index) {
      opg.transfer(silent[index], 100_000_000e18);
    }
    vm.prank(beneficiary);
    opg.delegate(beneficiary);
    passTime(50 days);
    for (uint256 index; index < silent.length; ++index) {
      equal(votes.getVotes(silent[index]), 0, "no votes");
      equal(votes.getPastVotes(silent[index], time() - 1), 0, "never had any");
      equal(opg.delegates(silent[index]), address(0), "no delegate");
    }
    equal(votes.getVotes(beneficiary), 0, "vested, not released");
    vesting.release(address(opg));
    equal(votes.getVotes(beneficiary), 50_000_000e18, "released, it votes");
  }

  function test_delegatesNothingItself() public {
    bytes memory refusal = abi.encodeWithSelector(CombinedVotes.DelegateAtTheSource.selector, opg, manager);
    vm.expectRevert(refusal);
    votes.delegate(STRANGER);
    vm.expectRevert(refusal);
    votes.delegateBySig(STRANGER, 0, type(uint256).max, 27, 0, 0);
  }

  function test_knowsNoFuture() public {
    equal(votes.clock(), time(), "seconds");
    equal(keccak256(bytes(votes.CLOCK_MODE())), keccak256("mode=timestamp"), "mode");
    bytes memory refusal = abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, time(), time());
    vm.expectRevert(refusal);
    votes.getPastVotes(WHALE, time());
    vm.expectRevert(refusal);
    votes.getPastTotalSupply(time());
  }

  function test_refusesTwoThatCountTimeDifferently() public {
    IERC5805 blocks = new BlockVotes();
    vm.expectRevert(abi.encodeWithSelector(CombinedVotes.InvalidParameters.selector));
    new CombinedVotes(opg, blocks);
    vm.expectRevert(abi.encodeWithSelector(CombinedVotes.InvalidParameters.selector));
    new CombinedVotes(blocks, manager);
    IERC5805 lying = new LyingVotes();
    vm.expectRevert(abi.encodeWithSelector(CombinedVotes.InvalidParameters.selector));
    new CombinedVotes(opg, lying);
    vm.roll(time());
    equal(blocks.clock(), opg.clock(), "the same number by chance");
    vm.expectRevert(abi.encodeWithSelector(CombinedVotes.InvalidParameters.selector));
    new CombinedVotes(opg, blocks);
  }

  /// @dev Staking, leaving, paying and delegating in any order: every token that has a delegate votes once, no other.
  function testFuzz_audit17_noOrderOfCallsCountsATokenTwice(uint256[16] memory acts, uint256[16] memory amounts)
    public
  {
    address[3] memory accounts = [address(0xC1), address(0xC2), address(0xC3)];
    address[3] memory operators;
    for (uint256 index; index < 3; ++index) {
      holds(accounts[index], 100_000e18);
      operators[index] = stakedBy(accounts[index], "provider", index, Role.Provider, STAKE);
    }
    for (uint256 at; at < acts.length; ++at) {
      uint256 who = acts[at] % 3;
      uint256 other = acts[at] / 3 % 3;
      actAs(accounts[who], accounts[other], operators[who], acts[at] / 9 % 6, amounts[at]);
      if (acts[at] / 54 % 2 == 0) passTime(1);
    }
    uint256 counted;
    uint256 expected;
    for (uint256 index; index < 3; ++index) {
      counted += votes.getVotes(accounts[index]);
      expected += opg.balanceOf(accounts[index]) + manager.stakeOf(operators[index], Role.Provider);
    }
    equal(counted, expected, "once each");
    passTime(1);
    uint256 past;
    for (uint256 index; index < 3; ++index) {
      past += votes.getPastVotes(accounts[index], time() - 1);
    }
    equal(past, expected, "and in the past");
  }

  function actAs(address account, address other, address operator, uint256 what, uint256 amount) private {
    uint256 staked = manager.stakeOf(operator, Role.Provider);
    uint256 held = opg.balanceOf(account);
    vm.startPrank(account);
    if (what == 0) {
      amount = bound(amount, 1, STAKE);
      if (amount <= held && staked + amount >= STAKE / 2) manager.stake(operator, Role.Provider, uint128(amount));
    } else if (what == 1 && staked != 0) {
      amount = bound(amount, 1, staked);
      bool room = manager.unbondings(operator, Role.Provider).length < manager.MAX_UNBONDINGS();
      if (room && (amount == staked || staked - amount >= STAKE / 2)) {
        manager.requestUnstake(operator, Role.Provider, uint128(amount));
      }
    } else if (what == 2) {
      opg.transfer(other, bound(amount, 0, held));
    } else if (what == 3) {
      opg.delegate(other);
    } else if (what == 4) {
      manager.delegate(other);
    } else if (what == 5 && manager.unbondings(operator, Role.Provider).length != 0) {
      vm.warp(time() + LEAVING);
      manager.withdraw(operator, Role.Provider);
    }
    vm.stopPrank();
  }
}
