// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Treasury} from "../src/Treasury.sol";
import {ITreasury} from "../src/interfaces/ITreasury.sol";
import {Governance} from "./support/Governance.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice A token as some old ones are: `transfer` answers nothing, or false instead of reverting.
contract OldToken {
  mapping(address account => uint256) public balanceOf;
  bool private immutable _answersFalse;

  constructor(bool answersFalse) {
    _answersFalse = answersFalse;
  }

  function mint(address to, uint256 amount) external {
    balanceOf[to] += amount;
  }

  function transfer(address to, uint256 amount) external {
    if (!_answersFalse) {
      balanceOf[msg.sender] -= amount;
      balanceOf[to] += amount;
      return;
    }
    assembly {
      mstore(0, 0)
      return(0, 32)
    }
  }
}

contract TreasuryTest is Governance {
  address private constant PAYEE = address(0xD1);

  function setUp() public {
    deployGovernance();
    opg.transfer(address(treasury), 40_000_000e18);
  }

  function pay(IERC20 token, uint256 amount) private {
    vm.prank(address(timelock));
    treasury.pay(token, PAYEE, amount);
  }

  function test_paysWhatAVoteDecides() public {
    Proposal memory p =
      proposalOf(address(treasury), abi.encodeCall(treasury.pay, (opg, PAYEE, 1_000_000e18)), "a grant");
    ripen(p);
    equal(opg.balanceOf(PAYEE), 0, "not before");
    vm.expectEmit(true, true, false, true, address(treasury));
    emit ITreasury.TreasuryPaid(opg, PAYEE, 1_000_000e18);
    execute(p);
    equal(opg.balanceOf(PAYEE), 1_000_000e18, "paid");
    equal(opg.balanceOf(address(treasury)), 39_000_000e18, "the rest");
    isState(p, IGovernor.ProposalState.Executed, "done");
  }

  function test_nobodyElseMakesItPay() public {
    equal(treasury.governance(), address(timelock), "the timelock");
    address[6] memory others = [address(this), GUARDIAN, WHALE, STRANGER, address(governor), address(params)];
    for (uint256 index; index < others.length; ++index) {
      vm.expectRevert(abi.encodeWithSelector(ITreasury.NotGovernance.selector, others[index]));
      vm.prank(others[index]);
      treasury.pay(opg, others[index], 1);
    }
    equal(opg.balanceOf(address(treasury)), 40_000_000e18, "all of it");
  }

  function testFuzz_paysExactlyAndNeverMoreThanItHolds(uint256 amount) public {
    amount = bound(amount, 0, 80_000_000e18);
    uint256 held = opg.balanceOf(address(treasury));
    if (amount > held) {
      vm.expectRevert(
        abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, address(treasury), held, amount)
      );
      pay(opg, amount);
      equal(opg.balanceOf(PAYEE), 0, "nothing");
    } else {
      pay(opg, amount);
      equal(opg.balanceOf(PAYEE), amount, "exactly");
      equal(opg.balanceOf(address(treasury)), held - amount, "and no more");
    }
  }

  function test_holdsAnyToken() public {
    OldToken silent = new OldToken(false);
    silent.mint(address(treasury), 7);
    pay(IERC20(address(silent)), 5);
    equal(silent.balanceOf(PAYEE), 5, "paid without an answer");
    OldToken lying = new OldToken(true);
    lying.mint(address(treasury), 7);
    vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, lying));
    pay(IERC20(address(lying)), 5);
  }

  /// @dev It calls `transfer` of a token and nothing else: no call of governance makes its tokens vote.
  function test_audit17_itNeverVotes() public {
    address[3] memory callers = [address(timelock), GUARDIAN, WHALE];
    bytes[5] memory tries = [
      abi.encodeWithSignature("delegate(address)", WHALE),
      abi.encodeWithSignature("delegate(address,address)", opg, WHALE),
      abi.encodeWithSignature("approve(address,address,uint256)", opg, WHALE, 1),
      abi.encodeWithSignature("execute(address,bytes)", opg, abi.encodeCall(opg.delegate, (WHALE))),
      abi.encodeWithSignature("execute(address,uint256,bytes)", opg, 0, abi.encodeCall(opg.delegate, (WHALE)))
    ];
    uint256 before = votes.getVotes(WHALE);
    for (uint256 caller; caller < callers.length; ++caller) {
      vm.startPrank(callers[caller]);
      for (uint256 index; index < tries.length; ++index) {
        (bool done,) = address(treasury).call(tries[index]);
        isTrue(!done, "no such function");
      }
      vm.stopPrank();
    }
    equal(opg.delegates(address(treasury)), address(0), "nobody");
    equal(votes.getVotes(WHALE), before, "no vote more");
    equal(votes.getVotes(address(treasury)), 0, "it has none");
    passTime(1);
    Proposal memory p = someProposal("its own");
    vm.expectRevert(
      abi.encodeWithSelector(
        IGovernor.GovernorInsufficientProposerVotes.selector, address(treasury), 0, governor.proposalThreshold()
      )
    );
    proposeAs(address(treasury), p);
  }

  function test_refusesToBeGovernedByNobody() public {
    vm.expectRevert(abi.encodeWithSelector(ITreasury.InvalidParameters.selector));
    new Treasury(address(0));
  }
}
