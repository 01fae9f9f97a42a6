// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {Checkpoint, Head, Job, Receipt, Vote} from "../src/interfaces/Objects.sol";
import {IndexedMerkle} from "../src/libraries/IndexedMerkle.sol";
import {Offences} from "./support/Offences.sol";
import {Trees} from "./support/Trees.sol";

/// @notice Gas of whole reports, seizures included, kept in snapshots/. Run with `--isolate`.
contract EvidenceGasTest is Offences {
  IEvidence.SignedGrant private grant;

  function setUp() public {
    deployEvidence();
    grant = grantOf(provider, 0);
  }

  function record(string memory name) private {
    vm.snapshotGasLastCall("gas", name);
  }

  function receipts(uint64 first, uint256 count) private view returns (Receipt[] memory list) {
    list = new Receipt[](count);
    for (uint256 index; index < count; ++index) {
      list[index] = receiptOf(grant, jobOf(grant, first + index), first + uint64(index));
    }
  }

  function test_twoCheckpoints() public {
    Checkpoint memory left = checkpointOf(provider, 7, receipts(10, 2));
    Checkpoint memory right = checkpointOf(provider, 7, receipts(12, 2));
    IEvidence.SignedCheckpoint memory one = sign(left);
    IEvidence.SignedCheckpoint memory two = sign(right);
    vm.prank(REPORTER);
    evidence.checkpointEquivocation(one, two);
    record("evidence: two checkpoints");
  }

  function test_twoVotes() public {
    address verifier = vm.addr(key("verifier", 0));
    IEvidence.SignedVote memory one = sign(voteOf(verifier, keccak256("checkpoint"), 0));
    Vote memory other = voteOf(verifier, keccak256("checkpoint"), 0);
    other.workCommit = keccak256("work");
    IEvidence.SignedVote memory two = sign(other);
    vm.prank(REPORTER);
    evidence.voteEquivocation(one, two);
    record("evidence: two votes");
  }

  function test_twoReceipts() public {
    IEvidence.SignedReceipt memory one = sign(receiptOf(grant, jobOf(grant, 1), 0), 0);
    Receipt memory other = receiptOf(grant, jobOf(grant, 1), 0);
    other.fee += 1;
    IEvidence.SignedReceipt memory two = sign(other, 0);
    vm.prank(REPORTER);
    evidence.receiptEquivocation(grant, one, two);
    record("evidence: two receipts");
  }

  function test_twoHeads() public {
    Receipt memory receipt = receiptOf(grant, jobOf(grant, 1), 0);
    IEvidence.SignedHead memory one = sign(headOf(receipt, 2), 0);
    Head memory other = headOf(receipt, 2);
    other.fee += 1;
    IEvidence.SignedHead memory two = sign(other, 0);
    vm.prank(REPORTER);
    evidence.headEquivocation(grant, one, two);
    record("evidence: two heads");
  }

  function test_headAgainstReceipt() public {
    Receipt memory receipt = receiptOf(grant, jobOf(grant, 1), 0);
    bytes32[] memory proof = Trees.proofOf(Trees.build(IndexedMerkle.HEAD, headDigestsOf(receipt)), 1);
    Head memory other = headOf(receipt, 2);
    Head memory head = headOf(receipt, 2);
    head.fee += 1;
    IEvidence.SignedHead memory signed = sign(head, 0);
    IEvidence.SignedReceipt memory shown = sign(receipt, 0);
    vm.prank(REPORTER);
    evidence.headAgainstReceipt(grant, signed, shown, other, 1, proof);
    record("evidence: head against receipt");
  }

  function test_omittedReceipt() public {
    Receipt[] memory list = receipts(10, 4);
    Checkpoint memory c = checkpointOf(provider, 0, list);
    IEvidence.AnchoredLeaf memory anchored = anchor(c);
    IEvidence.SignedCheckpoint memory signed = sign(c);
    IEvidence.SignedReceipt memory omitted = sign(receiptOf(grant, jobOf(grant, 99), 11), 0);
    bytes32 other = digestOf(list[1]);
    bytes32[] memory proof = Trees.proofOf(receiptTree(list), 1);
    vm.prank(REPORTER);
    evidence.omittedReceipt(grant, omitted, anchored, signed, other, proof);
    record("evidence: omitted receipt");
  }

  function test_doubledReceipt() public {
    Receipt[] memory first = receipts(10, 4);
    Receipt[] memory second = receipts(14, 4);
    second[0] = receiptOf(grant, jobOf(grant, 10), 14);
    Checkpoint memory c = checkpointOf(provider, 0, first);
    IEvidence.Inclusion memory left = inclusionOf(anchor(c), sign(c), first, 0);
    c = checkpointOf(provider, 1, second);
    IEvidence.Inclusion memory right = inclusionOf(anchor(c), sign(c), second, 0);
    vm.prank(REPORTER);
    evidence.doubledReceipt(left, right);
    record("evidence: doubled receipt");
  }

  function test_overcharge() public {
    Job memory job = jobOf(grant, 1);
    Receipt memory receipt = receiptOf(grant, job, 0);
    receipt.fee += 1;
    IEvidence.SignedReceipt memory signed = sign(receipt, 0);
    vm.prank(REPORTER);
    evidence.overcharge(grant, job, termsOf(provider), signed);
    record("evidence: overcharge");
  }

  function test_falseBatch() public {
    Checkpoint memory c = checkpointOf(provider, 0, receipts(10, 2));
    IEvidence.AnchoredLeaf memory first = anchor(c);
    IEvidence.AnchoredLeaf memory second = anchor(c);
    uint64 epoch = second.batch.epoch;
    bytes memory sigs64 = signaturesOf(epoch, digestOf(second.batch), ALL);
    vm.prank(REPORTER);
    evidence.falseBatch(first, second, epoch, ALL, sigs64);
    record("evidence: false batch, 5 signers");
  }
}
