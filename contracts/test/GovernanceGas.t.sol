// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {Governance} from "./support/Governance.sol";

/// @notice Gas of whole transactions of governance, kept in snapshots/. Run with `--isolate`.
contract GovernanceGasTest is Governance {
  /// @dev What a transaction may use at all (EIP-7825).
  uint256 private constant TRANSACTION_CAP = 16_777_216;

  function setUp() public {
    deployGovernance();
  }

  function record(string memory name) private {
    uint256 gas = vm.snapshotGasLastCall("governance", name);
    isTrue(gas != 0 && gas < TRANSACTION_CAP, name);
  }

  function test_aParameterChange() public {
    Proposal memory p = someProposal("# A lower share\n\nFifteen percent of every fee.");
    propose(p);
    record("propose");
    openVote(p);
    voteAs(WHALE, p, FOR);
    record("vote, first");
    voteAs(RIVAL, p, FOR);
    record("vote, later");
    closeVote(p);
    queue(p);
    record("queue");
    vm.warp(governor.proposalEta(p.id));
    execute(p);
    record("execute, one parameter");
  }

  function test_aModuleReplacement() public {
    Proposal memory p = proposalOf(
      [address(params), address(manager)],
      [
        abi.encodeCall(params.setModule, (Module.Evidence, address(harness))),
        abi.encodeCall(manager.announceSlasher, (address(harness)))
      ],
      "# Another module"
    );
    ripen(p);
    execute(p);
    record("execute, a module and its slasher");
  }

  function test_cancelAndPause() public {
    Proposal memory p = someProposal("# Cancelled");
    adopt(p);
    queue(p);
    cancelAs(GUARDIAN, p);
    record("cancel, queued");
    vm.prank(GUARDIAN);
    params.pause(Module.Evidence, 72 hours);
    record("pause");
  }

  function test_reads() public {
    params.valueOf(Param.NetworkShare);
    record("valueOf, untouched");
    params.moduleOf(Module.Evidence);
    record("moduleOf, untouched");
    enact(someProposal("# Touched"));
    passTime(PARAM_DELAY);
    params.valueOf(Param.NetworkShare);
    record("valueOf, changed");
  }
}
