// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MeasurementRegistry} from "../src/MeasurementRegistry.sol";
import {IMeasurementRegistry} from "../src/interfaces/IMeasurementRegistry.sol";
import {IProtocolParams} from "../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Rewards} from "./support/Rewards.sol";

contract MeasurementRegistryTest is Rewards {
  uint8 private constant KIND = 1;
  bytes32 private constant IMAGE = keccak256("image");
  bytes32 private constant ROOT = keccak256("root");
  bytes32 private constant DOCUMENT = keccak256("document");
  uint64 private constant NOW = 10;

  MeasurementRegistry private registry;

  function setUp() public {
    deployRewards();
    passEpochs(NOW);
    registry = new MeasurementRegistry(manager, params);
  }

  function allow(uint64 from) private {
    vm.prank(GOVERNANCE);
    registry.allow(KIND, IMAGE, from);
  }

  function revoke(uint64 from) private {
    vm.prank(GUARDIAN);
    registry.revoke(KIND, IMAGE, from);
  }

  function publish(bytes32 root, uint64 from) private {
    vm.prank(GOVERNANCE);
    registry.publishPolicy(root, from, DOCUMENT, "ipfs://policy");
  }

  function refuses(bytes memory data) private {
    vm.expectRevert(data);
  }

  /// @dev Which of the epochs `from` to `from + 7` count, the first in the lowest bit.
  function allowed(uint64 from) private view returns (uint256 mask) {
    for (uint64 at; at < 8; ++at) {
      if (registry.isAllowed(KIND, IMAGE, from + at)) mask |= 1 << at;
    }
  }

  function test_R5_aMeasurementCountsFromAComingEpochOn() public {
    equal(allowed(NOW), 0, "nothing counts by itself");
    vm.prank(GOVERNANCE);
    vm.expectEmit(true, true, false, true, address(registry));
    emit IMeasurementRegistry.MeasurementAllowed(KIND, IMAGE, 12);
    registry.allow(KIND, IMAGE, 12);
    equal(allowed(NOW), 0xFC, "from 12 on");
    isTrue(registry.isAllowed(KIND, IMAGE, type(uint64).max - 1), "for good");
    isTrue(!registry.isAllowed(2, IMAGE, 12), "of its kind");
    isTrue(!registry.isAllowed(KIND, ROOT, 12), "alone");
    equal(registry.allowanceOf(KIND, IMAGE).from, 12, "from");
    equal(registry.allowanceOf(KIND, IMAGE).revokedFrom, type(uint64).max, "not revoked");
    equal(registry.allowanceOf(2, IMAGE).from, 0, "no other");
  }

  function testFuzz_onlyGovernanceAllowsAndPublishes(address stranger) public {
    vm.assume(stranger != GOVERNANCE);
    vm.startPrank(stranger);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.NotGovernance.selector, stranger));
    registry.allow(KIND, IMAGE, NOW + 1);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.NotGovernance.selector, stranger));
    registry.publishPolicy(ROOT, NOW + 1, DOCUMENT, "");
    vm.stopPrank();
    allow(NOW + 1);
    vm.assume(stranger != GUARDIAN);
    vm.prank(stranger);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.NotRevoker.selector, stranger));
    registry.revoke(KIND, IMAGE, NOW);
  }

  function test_nothingIsAllowedForAnEpochThatRunsOrIsFarAway() public {
    uint64[3] memory wrong = [NOW - 1, NOW, NOW + 33];
    for (uint256 at; at < wrong.length; ++at) {
      bytes memory data = abi.encodeWithSelector(IMeasurementRegistry.WrongEpoch.selector, wrong[at], NOW + 1, NOW + 32);
      vm.startPrank(GOVERNANCE);
      refuses(data);
      registry.allow(KIND, IMAGE, wrong[at]);
      refuses(data);
      registry.publishPolicy(ROOT, wrong[at], DOCUMENT, "");
      vm.stopPrank();
    }
    allow(NOW + 32);
    publish(ROOT, NOW + 32);
  }

  function test_refusesKindZeroAndDigestZero() public {
    vm.startPrank(GOVERNANCE);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.InvalidMeasurement.selector, 0, IMAGE));
    registry.allow(0, IMAGE, NOW + 1);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.InvalidMeasurement.selector, KIND, 0));
    registry.allow(KIND, 0, NOW + 1);
    vm.stopPrank();
  }

  function test_theGuardianAndGovernanceRevokeAtOnce() public {
    allow(NOW + 1);
    passEpochs(3);
    vm.prank(GUARDIAN);
    vm.expectEmit(true, true, false, true, address(registry));
    emit IMeasurementRegistry.MeasurementRevoked(KIND, IMAGE, NOW + 3, GUARDIAN);
    registry.revoke(KIND, IMAGE, NOW + 3);
    equal(allowed(NOW), 0x06, "what was over stays as it was");
    vm.prank(GOVERNANCE);
    registry.allow(2, IMAGE, NOW + 4);
    vm.prank(GOVERNANCE);
    registry.revoke(2, IMAGE, NOW + 3);
    isTrue(!registry.isAllowed(2, IMAGE, NOW + 4), "governance too");
  }

  function test_aRevocationOnlyNarrows() public {
    refuses(abi.encodeWithSelector(IMeasurementRegistry.NothingToRevoke.selector, KIND, IMAGE));
    vm.prank(GUARDIAN);
    registry.revoke(KIND, IMAGE, NOW);
    allow(NOW + 1);
    revoke(NOW + 5);
    equal(allowed(NOW), 0x1E, "1 to 4");
    for (uint64 later = 5; later < 7; ++later) {
      vm.prank(GUARDIAN);
      refuses(abi.encodeWithSelector(IMeasurementRegistry.NothingToRevoke.selector, KIND, IMAGE));
      registry.revoke(KIND, IMAGE, NOW + later);
    }
    revoke(NOW + 3);
    equal(allowed(NOW), 0x06, "1 and 2");
    passEpochs(2);
    vm.startPrank(GUARDIAN);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.WrongEpoch.selector, NOW + 1, NOW + 2, type(uint64).max - 1));
    registry.revoke(KIND, IMAGE, NOW + 1);
    refuses(
      abi.encodeWithSelector(IMeasurementRegistry.WrongEpoch.selector, type(uint64).max, NOW + 2, type(uint64).max - 1)
    );
    registry.revoke(KIND, IMAGE, type(uint64).max);
    vm.stopPrank();
  }

  function test_governanceAllowsARevokedOneAgainAndHistoryStays() public {
    allow(NOW + 1);
    vm.prank(GOVERNANCE);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.AlreadyAllowed.selector, KIND, IMAGE));
    registry.allow(KIND, IMAGE, NOW + 2);
    revoke(NOW + 3);
    vm.prank(GOVERNANCE);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.AlreadyAllowed.selector, KIND, IMAGE));
    registry.allow(KIND, IMAGE, NOW + 2);
    allow(NOW + 5);
    equal(allowed(NOW), 0xE6, "1, 2, and from 5 on");
    equal(registry.allowanceCount(KIND, IMAGE), 2, "two");
    equal(registry.allowanceAt(KIND, IMAGE, 0).revokedFrom, NOW + 3, "the first");
    equal(registry.allowanceAt(KIND, IMAGE, 1).from, NOW + 5, "the second");
  }

  /// @dev Looking at the newest allowance alone would let the one that counts now live on.
  function test_aRevocationEndsWhatCountsAndWhatWasAnnounced() public {
    allow(NOW + 1);
    revoke(NOW + 4);
    allow(NOW + 6);
    passEpochs(2);
    revoke(NOW + 2);
    equal(allowed(NOW), 0x02, "epoch 1, which is over, alone");
    allow(NOW + 5);
    equal(allowed(NOW), 0xE2, "allowed again from 5 on");
  }

  function testFuzz_whatIsOverNeverChangesAndRevocationsNeverWiden(uint256[12] memory moves) public {
    uint256 before;
    for (uint256 at; at < moves.length; ++at) {
      uint64 current = manager.currentEpoch();
      uint256 over = (1 << current) - 1;
      before = _history(64);
      uint64 from = current + uint64(bound(moves[at] >> 8, 0, 9));
      if (moves[at] % 3 == 0) {
        vm.prank(GOVERNANCE);
        try registry.allow(KIND, IMAGE, from) {
          isTrue(from > current && registry.isAllowed(KIND, IMAGE, from), "allowed");
        } catch {}
        isTrue(_history(64) & before == before, "allowing takes nothing");
      } else if (moves[at] % 3 == 1) {
        vm.prank(GUARDIAN);
        try registry.revoke(KIND, IMAGE, from) {
          equal(_history(64) >> from, 0, "nothing from there on");
        } catch {}
        equal(_history(64) & ~before, 0, "revoking gives nothing");
      } else {
        passEpochs(bound(moves[at] >> 8, 0, 3));
      }
      equal(_history(64) & over, before & over, "what is over");
    }
  }

  function _history(uint64 epochs) private view returns (uint256 mask) {
    for (uint64 epoch; epoch < epochs; ++epoch) {
      if (registry.isAllowed(KIND, IMAGE, epoch)) mask |= 1 << epoch;
    }
  }

  function test_R4_thePolicyOfAnyEpochIsKnown() public {
    equal(registry.policyRootOf(NOW), bytes32(0), "none yet");
    equal(registry.policyOf(NOW).from, 0, "none yet");
    vm.prank(GOVERNANCE);
    vm.expectEmit(true, true, true, true, address(registry));
    emit IMeasurementRegistry.PolicyPublished(NOW + 2, ROOT, DOCUMENT, "ipfs://policy");
    registry.publishPolicy(ROOT, NOW + 2, DOCUMENT, "ipfs://policy");
    publish(DOCUMENT, NOW + 5);
    passEpochs(20);
    publish(IMAGE, NOW + 21);
    equal(registry.policyRootOf(0), bytes32(0), "before the first");
    equal(registry.policyRootOf(NOW + 1), bytes32(0), "before the first");
    equal(registry.policyRootOf(NOW + 2), ROOT, "its first epoch");
    equal(registry.policyRootOf(NOW + 4), ROOT, "its last");
    equal(registry.policyRootOf(NOW + 5), DOCUMENT, "the next");
    equal(registry.policyRootOf(NOW + 20), DOCUMENT, "now");
    equal(registry.policyRootOf(NOW + 21), IMAGE, "to come");
    equal(registry.policyRootOf(type(uint64).max), IMAGE, "for ever");
    equal(registry.policyOf(NOW + 4).from, NOW + 2, "from");
    equal(registry.policyOf(NOW + 4).root, ROOT, "root");
    equal(registry.policyOf(NOW + 4).digest, DOCUMENT, "document");
  }

  function test_aPolicyIsReplacedBeforeItsEpochAndNotAfter() public {
    publish(ROOT, NOW + 2);
    publish(IMAGE, NOW + 2);
    equal(registry.policyRootOf(NOW + 2), IMAGE, "replaced");
    vm.prank(GOVERNANCE);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.WrongEpoch.selector, NOW + 1, NOW + 2, NOW + 32));
    registry.publishPolicy(ROOT, NOW + 1, DOCUMENT, "");
    passEpochs(2);
    vm.prank(GOVERNANCE);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.WrongEpoch.selector, NOW + 2, NOW + 3, NOW + 34));
    registry.publishPolicy(ROOT, NOW + 2, DOCUMENT, "");
  }

  function test_refusesAPolicyWithoutRootOrDocumentAndALongUri() public {
    vm.startPrank(GOVERNANCE);
    bytes memory invalid = abi.encodeWithSelector(IMeasurementRegistry.InvalidPolicy.selector);
    refuses(invalid);
    registry.publishPolicy(0, NOW + 1, DOCUMENT, "");
    refuses(invalid);
    registry.publishPolicy(ROOT, NOW + 1, 0, "");
    refuses(invalid);
    registry.publishPolicy(ROOT, NOW + 1, DOCUMENT, string(new bytes(257)));
    registry.publishPolicy(ROOT, NOW + 1, DOCUMENT, string(new bytes(256)));
    vm.stopPrank();
  }

  function test_aGuardianOfThePastRevokesNothing() public {
    allow(NOW + 1);
    vm.warp(params.guardianEnd());
    uint64 current = manager.currentEpoch();
    vm.prank(GUARDIAN);
    refuses(abi.encodeWithSelector(IMeasurementRegistry.NotRevoker.selector, GUARDIAN));
    registry.revoke(KIND, IMAGE, current);
  }

  function test_rejectsParametersOutOfRange() public {
    bytes memory invalid = abi.encodeWithSelector(IMeasurementRegistry.InvalidParameters.selector);
    refuses(invalid);
    new MeasurementRegistry(IStakeManager(address(0)), params);
    refuses(invalid);
    new MeasurementRegistry(manager, IProtocolParams(address(0)));
  }
}
