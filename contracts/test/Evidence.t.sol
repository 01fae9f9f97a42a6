// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Evidence} from "../src/Evidence.sol";
import {IBatchAnchor} from "../src/interfaces/IBatchAnchor.sol";
import {ICommittee} from "../src/interfaces/ICommittee.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Checkpoint, Head, Job, Leaf, Receipt, Role, Terms, Vote} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {IndexedMerkle} from "../src/libraries/IndexedMerkle.sol";
import {Offences} from "./support/Offences.sol";
import {Trees} from "./support/Trees.sol";

/// @notice Reports of every offence, and of what is none.
abstract contract Reports is Offences {
  IEvidence.SignedGrant internal grant;
  /// @dev Calls built of what an honest provider and honest verifiers signed.
  bytes[] internal honest;

  function deployReports() internal {
    deployEvidence();
    grant = grantOf(provider, 0);
  }

  // How a report is sent and refused

  function report(bytes memory call) internal returns (uint256 seized) {
    vm.prank(REPORTER);
    (bool ok, bytes memory out) = address(evidence).call(call);
    if (!ok) {
      assembly ("memory-safe") {
        revert(add(out, 0x20), mload(out))
      }
    }
    return abi.decode(out, (uint256));
  }

  function refused(bytes memory call, bytes memory reason, string memory what) internal {
    vm.prank(REPORTER);
    (bool ok, bytes memory out) = address(evidence).call(call);
    isTrue(!ok, what);
    equal(bytes32(out), bytes32(reason), what);
    equal(keccak256(out), keccak256(reason), what);
  }

  /// @dev Reports, and compares what was taken, the case and the event with what is due.
  function taken(bytes memory call, IEvidence.Offence offence, address operator, bytes32 subject, uint256 bps)
    internal
    returns (bytes32 caseKey)
  {
    bool verifies = offence == IEvidence.Offence.VoteEquivocation || offence == IEvidence.Offence.FalseBatch;
    Role role = verifies ? Role.Verifier : Role.Provider;
    uint256 before = manager.slashableOf(operator, role);
    uint256 due = before * bps / 10_000;
    bytes32 caseId = keccak256(abi.encode(uint8(offence), operator, subject));
    equal(evidence.caseIdOf(offence, operator, subject), caseId, "case id");
    vm.expectEmit(true, true, true, true, address(evidence));
    emit IEvidence.OffenceProved(offence, operator, caseId, REPORTER, due);
    equal(report(call), due, "returned");
    equal(manager.slashableOf(operator, role), before - due, "left");
    caseKey = manager.caseKey(address(evidence), caseId);
    IStakeManager.Seizure memory seizure = manager.seizureOf(caseKey);
    equal(seizure.amount, due, "seized");
    equal(seizure.reporter, REPORTER, "reporter");
    equal(seizure.slasher, address(evidence), "slasher");
    equal(uint256(seizure.role), uint256(role), "role");
    refused(call, abi.encodeWithSelector(IStakeManager.CaseKnown.selector, caseKey), "a second report");
  }

  function known(IEvidence.Offence offence, address operator, bytes32 subject) internal view returns (bytes memory) {
    bytes32 key_ = manager.caseKey(address(evidence), evidence.caseIdOf(offence, operator, subject));
    return abi.encodeWithSelector(IStakeManager.CaseKnown.selector, key_);
  }

  function badSignature(bytes32 digest, address signer) internal pure returns (bytes memory) {
    return abi.encodeWithSelector(IEvidence.BadSignature.selector, digest, signer);
  }

  function wrongGrant(bytes32 expected, bytes32 got) internal pure returns (bytes memory) {
    return abi.encodeWithSelector(IEvidence.WrongGrant.selector, expected, got);
  }

  // Evidence of each offence

  function receiptFor(uint256 nonce, uint64 sequence) internal view returns (Receipt memory) {
    return receiptOf(grant, jobOf(grant, nonce), sequence);
  }

  function receiptsCall(Receipt memory left, Receipt memory right) internal view returns (bytes memory) {
    return abi.encodeCall(IEvidence.receiptEquivocation, (grant, sign(left, 0), sign(right, 0)));
  }

  function headsCall(Head memory left, Head memory right) internal view returns (bytes memory) {
    return abi.encodeCall(IEvidence.headEquivocation, (grant, sign(left, 0), sign(right, 0)));
  }

  function checkpointsCall(Checkpoint memory left, Checkpoint memory right) internal view returns (bytes memory) {
    return abi.encodeCall(IEvidence.checkpointEquivocation, (sign(left), sign(right)));
  }

  function votesCall(Vote memory left, Vote memory right) internal view returns (bytes memory) {
    return abi.encodeCall(IEvidence.voteEquivocation, (sign(left), sign(right)));
  }

  function overchargeCall(Job memory job, Receipt memory receipt) internal view returns (bytes memory) {
    return abi.encodeCall(IEvidence.overcharge, (grant, job, termsOf(grant.grant.operator), sign(receipt, 0)));
  }

  /// @dev A head that is not the one under the receipt's root at `position`.
  function headAgainstReceiptCall(Receipt memory receipt, Head memory shown, uint32 position)
    internal
    view
    returns (bytes memory)
  {
    bytes32[] memory tree = Trees.build(IndexedMerkle.HEAD, headDigestsOf(receipt));
    return abi.encodeCall(
      IEvidence.headAgainstReceipt,
      (grant, sign(shown, 0), sign(receipt, 0), headOf(receipt, position + 1), position, Trees.proofOf(tree, position))
    );
  }

  function checkpoint(uint64 sequence, uint64 first, uint256 count) internal view returns (Checkpoint memory) {
    return checkpointOf(provider, sequence, receiptList(first, count));
  }

  /// @dev Receipts of jobs `first` to `first + count - 1` with those sequences.
  function receiptList(uint64 first, uint256 count) internal view returns (Receipt[] memory receipts) {
    receipts = new Receipt[](count);
    for (uint256 index; index < count; ++index) {
      receipts[index] = receiptFor(first + index, first + uint64(index));
    }
  }

  struct Omission {
    IEvidence.SignedReceipt receipt;
    IEvidence.AnchoredLeaf anchored;
    IEvidence.SignedCheckpoint signed;
    bytes32 other;
    bytes32[] proof;
  }

  /// @dev A receipt of job 99 at `sequence`, where an anchored checkpoint of receipts 10 to 12 holds another.
  function omission(uint64 sequence) internal returns (Omission memory shown) {
    Receipt[] memory receipts = receiptList(10, 3);
    shown.receipt = sign(receiptFor(99, sequence), 0);
    Checkpoint memory c = checkpointOf(provider, 4, receipts);
    shown.signed = sign(c);
    shown.anchored = anchor(c);
    uint256 index = sequence < 10 || sequence > 12 ? 0 : sequence - 10;
    shown.other = digestOf(receipts[index]);
    shown.proof = Trees.proofOf(receiptTree(receipts), index);
  }

  function omissionCall(Omission memory shown) internal view returns (bytes memory) {
    return abi.encodeCall(
      IEvidence.omittedReceipt, (grant, shown.receipt, shown.anchored, shown.signed, shown.other, shown.proof)
    );
  }

  struct Doubling {
    IEvidence.Inclusion left;
    IEvidence.Inclusion right;
  }

  /// @dev Job `nonce` in checkpoint 0 at index 1 and in checkpoint 1 at index 0.
  function doubling(uint256 nonce) internal returns (Doubling memory shown) {
    Receipt[] memory first = receiptList(10, 2);
    Receipt[] memory second = receiptList(12, 2);
    first[1] = receiptFor(nonce, 11);
    second[0] = receiptFor(nonce, 12);
    Checkpoint memory c = checkpointOf(provider, 0, first);
    shown.left = inclusionOf(anchor(c), sign(c), first, 1);
    c = checkpointOf(provider, 1, second);
    shown.right = inclusionOf(anchor(c), sign(c), second, 0);
  }

  function doublingCall(Doubling memory shown) internal pure returns (bytes memory) {
    return abi.encodeCall(IEvidence.doubledReceipt, (shown.left, shown.right));
  }

  struct Falsehood {
    IEvidence.AnchoredLeaf first;
    IEvidence.AnchoredLeaf second;
    uint64 setEpoch;
  }

  /// @dev One checkpoint anchored twice.
  function falsehood() internal returns (Falsehood memory shown) {
    Checkpoint memory c = checkpoint(0, 10, 2);
    shown.first = anchor(c);
    shown.second = anchor(c);
    shown.setEpoch = shown.second.batch.epoch;
  }

  function falseBatchCall(Falsehood memory shown, uint256 signers) internal view returns (bytes memory) {
    bytes memory sigs64 = signaturesOf(shown.setEpoch, digestOf(shown.second.batch), signers);
    return abi.encodeCall(IEvidence.falseBatch, (shown.first, shown.second, shown.setEpoch, signers, sigs64));
  }

  function verifierAt(uint256 seat) internal view returns (address) {
    (ICommittee.Seat[] memory seats,) = committee.signingSet(manager.currentEpoch());
    return seats[seat].verifier;
  }

  /// @dev One case of each offence, of the provider or of verifier 0.
  function guiltyCalls() internal returns (bytes[] memory calls) {
    calls = new bytes[](9);
    Receipt memory receipt = receiptFor(1, 0);
    Receipt memory other = receiptFor(1, 0);
    other.fee += 1;
    calls[0] = receiptsCall(receipt, other);
    Head memory head = headOf(receipt, 2);
    head.fee += 1;
    calls[1] = headsCall(headOf(receipt, 2), head);
    calls[2] = headAgainstReceiptCall(receipt, head, 1);
    calls[3] = omissionCall(omission(11));
    calls[4] = doublingCall(doubling(50));
    calls[5] = checkpointsCall(checkpoint(7, 10, 2), checkpoint(7, 12, 2));
    Vote memory vote = voteOf(verifierAt(0), keccak256("checkpoint"), 0);
    Vote memory otherVote = voteOf(verifierAt(0), keccak256("checkpoint"), 0);
    otherVote.accepted = 1;
    calls[6] = votesCall(vote, otherVote);
    calls[7] = overchargeCall(jobOf(grant, 1), other);
    calls[8] = falseBatchCall(falsehood(), 1);
  }

  /// @dev What an honest provider and honest verifiers signed, put where an offence would be.
  function honestCalls() internal {
    Receipt[] memory receipts = receiptList(10, 3);
    Receipt[] memory later = receiptList(13, 2);
    Checkpoint memory c = checkpointOf(provider, 0, receipts);
    Checkpoint memory next = checkpointOf(provider, 1, later);
    IEvidence.AnchoredLeaf memory anchored = anchor(c);
    IEvidence.AnchoredLeaf memory anchoredNext = anchor(next);
    honest.push(receiptsCall(receipts[0], receipts[1]));
    Receipt memory altered = receiptFor(10, 10);
    altered.fee += 1;
    honest.push(
      abi.encodeCall(
        IEvidence.receiptEquivocation,
        (grant, sign(receipts[0], 0), IEvidence.SignedReceipt(altered, sign(receipts[0], 0).signature))
      )
    );
    honest.push(headsCall(headOf(receipts[0], 1), headOf(receipts[0], 2)));
    Head memory head = headOf(receipts[0], 1);
    head.fee += 1;
    honest.push(
      abi.encodeCall(
        IEvidence.headEquivocation,
        (grant, sign(headOf(receipts[0], 1), 0), IEvidence.SignedHead(head, sign(headOf(receipts[0], 1), 0).signature))
      )
    );
    honest.push(headAgainstReceiptCall(receipts[0], headOf(receipts[0], 2), 1));
    Omission memory omitted =
      Omission(sign(receipts[1], 0), anchored, sign(c), digestOf(receipts[2]), Trees.proofOf(receiptTree(receipts), 2));
    honest.push(omissionCall(omitted));
    (omitted.receipt, omitted.other) = (sign(later[0], 0), digestOf(receipts[1]));
    honest.push(omissionCall(omitted));
    honest.push(
      doublingCall(
        Doubling(inclusionOf(anchored, sign(c), receipts, 0), inclusionOf(anchoredNext, sign(next), later, 1))
      )
    );
    honest.push(
      doublingCall(Doubling(inclusionOf(anchored, sign(c), receipts, 0), inclusionOf(anchored, sign(c), receipts, 0)))
    );
    honest.push(checkpointsCall(c, next));
    honest.push(votesCall(voteOf(verifierAt(0), digestOf(c), 0), voteOf(verifierAt(0), digestOf(c), 1)));
    honest.push(overchargeCall(jobOf(grant, 10), receipts[0]));
    honest.push(falseBatchCall(Falsehood(anchored, anchoredNext, anchored.batch.epoch), ALL));
  }

  function mutate(bytes memory data, bytes memory other, uint256 seed) internal pure {
    uint256 words = (data.length - 4) / 32;
    for (uint256 count = 1 + seed % 3; count != 0; --count) {
      seed = uint256(keccak256(abi.encode(seed)));
      uint256 at = 0x24 + 32 * ((seed >> 8) % words);
      uint256 from = 0x24 + 32 * ((seed >> 40) % words);
      uint256 kind = seed % 6;
      assembly ("memory-safe") {
        let word := mload(add(data, at))
        switch kind
        case 0 { word := seed }
        case 1 { word := mload(add(data, from)) }
        case 2 { word := add(word, 1) }
        case 3 { word := xor(word, shl(shr(248, seed), 1)) }
        case 4 { word := 0 }
        default { if lt(at, mload(other)) { word := mload(add(other, at)) } }
        mstore(add(data, at), word)
      }
    }
  }

  function stakes() internal view returns (bytes32) {
    bytes memory all = abi.encode(
      manager.slashableOf(provider, Role.Provider),
      manager.slashableOf(settler, Role.Settler),
      opg.balanceOf(address(manager))
    );
    for (uint256 seat; seat < SEATS; ++seat) {
      all = bytes.concat(all, abi.encode(manager.slashableOf(vm.addr(key("verifier", seat)), Role.Verifier)));
    }
    return keccak256(all);
  }
}

contract EvidenceTest is Reports {
  /// @dev Order of secp256k1: n - s with the other v signs the same.
  uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

  function setUp() public {
    deployReports();
  }

  // Receipt equivocation

  function test_R27_twoReceiptsOfOneJobTakeAllProviderStake() public {
    Receipt memory left = receiptFor(1, 0);
    Receipt memory right = receiptFor(1, 0);
    right.outputHead = keccak256("another output");
    taken(receiptsCall(left, right), IEvidence.Offence.ReceiptEquivocation, provider, left.jobId, 10_000);
  }

  function change(Receipt memory receipt, uint256 field) private pure returns (bool counts) {
    if (field == 0) receipt.outputHead = keccak256("other");
    else if (field == 1) receipt.headsRoot = keccak256("other");
    else if (field == 2) receipt.chunks += 1;
    else if (field == 3) receipt.trace = keccak256("other");
    else if (field == 4) receipt.inputUnits += 1;
    else if (field == 5) receipt.outputUnits += 1;
    else if (field == 6) receipt.mac += 1;
    else if (field == 7) receipt.billedMs += 1;
    else if (field == 8) receipt.memoryMB += 1;
    else if (field == 9) receipt.startedAt += 1;
    else if (field == 10) receipt.finishedAt += 1;
    else if (field == 11) receipt.fee += 1;
    else if (field == 12) receipt.chargedAfter += 1;
    else if (field == 13) receipt.status = 2;
    else if (field == 14) receipt.sequence += 1;
    else if (field == 15) receipt.provider = address(1);
    else if (field == 16) receipt.requester = address(1);
    else if (field == 17) receipt.channel = keccak256("other");
    else if (field == 18) receipt.model = keccak256("other");
    else if (field == 19) receipt.inputHash = keccak256("other");
    else if (field == 20) receipt.parametersHash = keccak256("other");
    else if (field == 21) receipt.terms = keccak256("other");
    else if (field == 22) receipt.evidence = keccak256("other");
    else receipt.assurance += 1;
    return field < 14;
  }

  function test_receiptsDifferInWhatTheProviderSaysOfItsWorkAlone() public {
    for (uint256 field; field < 24; ++field) {
      Receipt memory left = receiptFor(field, 0);
      Receipt memory right = receiptFor(field, 0);
      bool counts = change(right, field);
      isTrue(digestOf(left) != digestOf(right), "changed");
      if (counts) {
        equal(report(receiptsCall(left, right)), PROVIDER_STAKE, "an offence");
        manager.stake(provider, Role.Provider, PROVIDER_STAKE);
      } else {
        bytes memory reason = abi.encodeWithSelector(IEvidence.NoDifference.selector, left.jobId);
        refused(receiptsCall(left, right), reason, "what job and grant fix, and the sequence");
      }
    }
  }

  function test_R3_oneReceiptSignedTwiceIsNoOffence() public {
    Receipt memory receipt = receiptFor(1, 0);
    bytes memory reason = abi.encodeWithSelector(IEvidence.NoDifference.selector, receipt.jobId);
    refused(receiptsCall(receipt, receipt), reason, "one digest");
  }

  function test_receiptsOfTwoJobsAreNoOffence() public {
    Receipt memory left = receiptFor(1, 0);
    Receipt memory right = receiptFor(2, 1);
    bytes memory reason = abi.encodeWithSelector(IEvidence.DifferentSubjects.selector, left.jobId, right.jobId);
    refused(receiptsCall(left, right), reason, "two jobs");
  }

  // Head equivocation

  function test_R9_twoHeadsOfOnePlaceTakeAllProviderStake() public {
    Receipt memory receipt = receiptFor(1, 0);
    Head memory left = headOf(receipt, 2);
    Head memory right = headOf(receipt, 2);
    right.fee += 1;
    bytes32 subject = keccak256(abi.encode(receipt.jobId, uint256(2)));
    taken(headsCall(left, right), IEvidence.Offence.HeadEquivocation, provider, subject, 10_000);
  }

  function test_aReceiptProvesTheOtherHead() public {
    Receipt memory receipt = receiptFor(1, 0);
    for (uint32 position; position < 3; ++position) {
      Head memory shown = headOf(receipt, position + 1);
      shown.head = keccak256("another head");
      bytes32 subject = keccak256(abi.encode(receipt.jobId, uint256(position + 1)));
      taken(
        headAgainstReceiptCall(receipt, shown, position), IEvidence.Offence.HeadEquivocation, provider, subject, 10_000
      );
      manager.stake(provider, Role.Provider, PROVIDER_STAKE);
      bytes memory again = known(IEvidence.Offence.HeadEquivocation, provider, subject);
      refused(headsCall(headOf(receipt, position + 1), shown), again, "both forms are one case");
    }
  }

  function test_headsOfTwoPlacesOrJobsAreNoOffence() public {
    Receipt memory receipt = receiptFor(1, 0);
    Receipt memory other = receiptFor(2, 1);
    Head memory left = headOf(receipt, 1);
    Head memory right = headOf(receipt, 2);
    bytes32 subject = keccak256(abi.encode(receipt.jobId, uint256(1)));
    bytes4 selector = IEvidence.DifferentSubjects.selector;
    bytes memory reason = abi.encodeWithSelector(selector, subject, keccak256(abi.encode(receipt.jobId, uint256(2))));
    refused(headsCall(left, right), reason, "two places");
    reason = abi.encodeWithSelector(selector, subject, keccak256(abi.encode(other.jobId, uint256(1))));
    refused(headsCall(left, headOf(other, 1)), reason, "two jobs");
    refused(headAgainstReceiptCall(other, left, 0), reason, "a receipt's own heads and a head of another job");
    bytes32[] memory none;
    refused(
      abi.encodeCall(IEvidence.headAgainstReceipt, (grant, sign(left, 0), sign(other, 0), headOf(receipt, 1), 0, none)),
      abi.encodeWithSelector(selector, receipt.jobId, other.jobId),
      "a receipt of another job"
    );
  }

  function test_R3_oneHeadIsNoOffenceHoweverOftenItIsShown() public {
    Receipt memory receipt = receiptFor(1, 0);
    Head memory head = headOf(receipt, 1);
    bytes memory reason = abi.encodeWithSelector(IEvidence.SameObject.selector, digestOf(head));
    refused(headsCall(head, head), reason, "twice");
    refused(headAgainstReceiptCall(receipt, head, 0), reason, "the receipt's own");
  }

  function test_aHeadThatTheReceiptDoesNotHoldProvesNothing() public {
    Receipt memory receipt = receiptFor(1, 0);
    Head memory other = headOf(receipt, 1);
    other.fee += 7;
    bytes32[] memory tree = Trees.build(IndexedMerkle.HEAD, headDigestsOf(receipt));
    bytes memory reason = abi.encodeWithSelector(IEvidence.NotInHeads.selector, 0, digestOf(other));
    refused(
      abi.encodeCall(
        IEvidence.headAgainstReceipt,
        (grant, sign(headOf(receipt, 1), 0), sign(receipt, 0), other, 0, Trees.proofOf(tree, 0))
      ),
      reason,
      "a made up head"
    );
    Head memory shown = headOf(receipt, 2);
    shown.fee += 1;
    reason = abi.encodeWithSelector(IEvidence.NotInHeads.selector, 2, digestOf(headOf(receipt, 2)));
    refused(
      abi.encodeCall(
        IEvidence.headAgainstReceipt,
        (grant, sign(shown, 0), sign(receipt, 0), headOf(receipt, 2), 2, Trees.proofOf(tree, 1))
      ),
      reason,
      "another position"
    );
  }

  // Omitted receipt

  function test_aReceiptLeftOutOfItsPlaceTakesAllProviderStake() public {
    for (uint64 sequence = 10; sequence < 13; ++sequence) {
      bytes32 subject = keccak256(abi.encode(digestOf(grant.grant), sequence));
      taken(omissionCall(omission(sequence)), IEvidence.Offence.OmittedReceipt, provider, subject, 10_000);
      manager.stake(provider, Role.Provider, PROVIDER_STAKE);
    }
  }

  function test_aReceiptOutsideTheRangeIsNotOmitted() public {
    for (uint64 sequence = 9; sequence < 14; sequence += 4) {
      bytes memory reason = abi.encodeWithSelector(IEvidence.NotInRange.selector, sequence, 10, 3);
      refused(omissionCall(omission(sequence)), reason, "before and after");
    }
  }

  function test_aReceiptInItsPlaceIsNotOmitted() public {
    Omission memory shown = omission(11);
    shown.receipt = sign(receiptFor(11, 11), 0);
    refused(omissionCall(shown), abi.encodeWithSelector(IEvidence.SameObject.selector, shown.other), "itself");
    bytes32 neighbour = digestOf(receiptFor(12, 12));
    (shown.other, shown.proof) = (neighbour, Trees.proofOf(receiptTree(receiptList(10, 3)), 2));
    refused(
      omissionCall(shown), abi.encodeWithSelector(IEvidence.NotInCheckpoint.selector, 1, neighbour), "its neighbour"
    );
  }

  function test_aCheckpointOfAnotherGrantOrOperatorOmitsNothing() public {
    Omission memory shown = omission(11);
    bytes32 expected = digestOf(grant.grant);
    shown.signed.checkpoint.grant = keccak256("another grant");
    shown.signed = sign(shown.signed.checkpoint);
    refused(omissionCall(shown), wrongGrant(expected, keccak256("another grant")), "grant");
    shown.signed.checkpoint.operator = settler;
    refused(
      omissionCall(shown), abi.encodeWithSelector(IEvidence.DifferentOperators.selector, provider, settler), "operator"
    );
  }

  function test_R21_onlyWhatIsAnchoredCountsAsLeftOut() public {
    Omission memory shown = omission(11);
    uint64 number = shown.anchored.batch.number;
    bytes memory notAnchored = abi.encodeWithSelector(IEvidence.NotAnchored.selector, number);
    shown.anchored.batch.jobs += 1;
    refused(omissionCall(shown), notAnchored, "another batch of its number");
    shown.anchored.batch.jobs -= 1;
    shown.anchored.leaf.accepted = 0;
    refused(omissionCall(shown), notAnchored, "another leaf");
    shown.anchored.leaf.accepted = 7;
    bytes32 leafed = shown.anchored.leaf.checkpoint;
    shown.signed.checkpoint.totalFee += 1;
    shown.signed = sign(shown.signed.checkpoint);
    refused(
      omissionCall(shown),
      abi.encodeWithSelector(IEvidence.WrongCheckpoint.selector, digestOf(shown.signed.checkpoint), leafed),
      "a checkpoint that was not anchored"
    );
  }

  function test_R21_aVoidedBatchProvesNothing() public {
    Omission memory omitted = omission(11);
    Doubling memory doubled = doubling(50);
    Falsehood memory falsely = falsehood();
    bytes memory call = falseBatchCall(falsely, ALL);
    vm.startPrank(DEMANDS);
    batches.voidBatch(omitted.anchored.batch.number);
    batches.voidBatch(doubled.right.anchored.batch.number);
    batches.voidBatch(falsely.first.batch.number);
    vm.stopPrank();
    bytes4 selector = IEvidence.NotAnchored.selector;
    refused(omissionCall(omitted), abi.encodeWithSelector(selector, omitted.anchored.batch.number), "omitted");
    refused(doublingCall(doubled), abi.encodeWithSelector(selector, doubled.right.anchored.batch.number), "doubled");
    refused(call, abi.encodeWithSelector(selector, falsely.first.batch.number), "included again after it was voided");
  }

  // Doubled receipt

  function test_oneJobInTwoCheckpointsTakesATenth() public {
    Doubling memory shown = doubling(50);
    bytes32 jobId = shown.left.receipt.jobId;
    taken(doublingCall(shown), IEvidence.Offence.DoubledReceipt, provider, jobId, 1000);
    (shown.left, shown.right) = (shown.right, shown.left);
    refused(doublingCall(shown), known(IEvidence.Offence.DoubledReceipt, provider, jobId), "the other way round");
  }

  function test_oneJobAtTwoPlacesOfOneCheckpointTakesATenth() public {
    Receipt[] memory receipts = receiptList(10, 3);
    receipts[2] = receiptFor(10, 12);
    Checkpoint memory c = checkpointOf(provider, 0, receipts);
    IEvidence.AnchoredLeaf memory anchored = anchor(c);
    IEvidence.SignedCheckpoint memory signed = sign(c);
    Doubling memory shown =
      Doubling(inclusionOf(anchored, signed, receipts, 0), inclusionOf(anchored, signed, receipts, 2));
    taken(doublingCall(shown), IEvidence.Offence.DoubledReceipt, provider, receipts[0].jobId, 1000);
  }

  function test_oneCheckpointAnchoredTwiceIsNotItsOperatorsDoubling() public {
    Receipt[] memory receipts = receiptList(10, 2);
    Checkpoint memory c = checkpointOf(provider, 0, receipts);
    IEvidence.SignedCheckpoint memory signed = sign(c);
    Doubling memory shown =
      Doubling(inclusionOf(anchor(c), signed, receipts, 1), inclusionOf(anchor(c), signed, receipts, 1));
    refused(
      doublingCall(shown), abi.encodeWithSelector(IEvidence.SameObject.selector, digestOf(c)), "the signers' doing"
    );
  }

  function test_twoJobsAreNotDoubled() public {
    Doubling memory shown = doubling(50);
    Receipt[] memory second = receiptList(12, 2);
    second[0] = receiptFor(50, 12);
    shown.right = inclusionOf(shown.right.anchored, shown.right.signed, second, 1);
    refused(
      doublingCall(shown),
      abi.encodeWithSelector(IEvidence.DifferentSubjects.selector, shown.left.receipt.jobId, shown.right.receipt.jobId),
      "two jobs"
    );
  }

  function test_theCheckpointsOfADoublingAreOfOneOperator() public {
    address other = staked("provider", 1, Role.Provider, PROVIDER_STAKE);
    Doubling memory shown = doubling(50);
    shown.right.signed.checkpoint.operator = other;
    shown.right.signed = sign(shown.right.signed.checkpoint);
    refused(
      doublingCall(shown),
      abi.encodeWithSelector(IEvidence.DifferentOperators.selector, provider, other),
      "two operators"
    );
  }

  function test_R21_aReceiptPastTheSignedCountIsInNoCheckpoint() public {
    Receipt[] memory receipts = receiptList(10, 3);
    receipts[2] = receiptFor(10, 12);
    Checkpoint memory c = checkpointOf(provider, 0, receipts);
    c.count = 2;
    IEvidence.AnchoredLeaf memory anchored = anchor(c);
    IEvidence.SignedCheckpoint memory signed = sign(c);
    Doubling memory shown =
      Doubling(inclusionOf(anchored, signed, receipts, 0), inclusionOf(anchored, signed, receipts, 2));
    refused(
      doublingCall(shown),
      abi.encodeWithSelector(IEvidence.NotInCheckpoint.selector, 2, digestOf(receipts[2])),
      "index 2 of 2"
    );
  }

  // Checkpoint and vote equivocation

  function test_R9_twoCheckpointsOfOneSequenceTakeAllProviderStake() public {
    Checkpoint memory left = checkpoint(7, 10, 2);
    Checkpoint memory right = checkpoint(7, 10, 2);
    right.createdAt += 1;
    taken(checkpointsCall(left, right), IEvidence.Offence.CheckpointEquivocation, provider, bytes32(uint256(7)), 10_000);
  }

  function test_checkpointsOfTwoSequencesOrOperatorsAreNoOffence() public {
    address other = staked("provider", 1, Role.Provider, PROVIDER_STAKE);
    Checkpoint memory left = checkpoint(7, 10, 2);
    Checkpoint memory right = checkpoint(8, 12, 2);
    refused(
      checkpointsCall(left, right),
      abi.encodeWithSelector(IEvidence.DifferentSubjects.selector, uint256(7), uint256(8)),
      "two sequences"
    );
    (right.sequence, right.operator) = (7, other);
    refused(
      checkpointsCall(left, right),
      abi.encodeWithSelector(IEvidence.DifferentOperators.selector, provider, other),
      "two operators"
    );
    refused(checkpointsCall(left, left), abi.encodeWithSelector(IEvidence.SameObject.selector, digestOf(left)), "one");
  }

  function test_twoVotesOfOneRoundTakeAllVerifierStake() public {
    address verifier = verifierAt(2);
    for (uint8 round; round < 4; ++round) {
      Vote memory left = voteOf(verifier, keccak256("checkpoint"), round);
      Vote memory right = voteOf(verifier, keccak256("checkpoint"), round);
      (right.accepted, right.rejected) = (1, 2);
      bytes32 subject = keccak256(abi.encode(keccak256("checkpoint"), uint256(round)));
      taken(votesCall(left, right), IEvidence.Offence.VoteEquivocation, verifier, subject, 10_000);
      manager.stake(verifier, Role.Verifier, VERIFIER_STAKE);
    }
  }

  function test_votesOfTwoRoundsCheckpointsOrVerifiersAreNoOffence() public {
    address verifier = verifierAt(0);
    Vote memory left = voteOf(verifier, keccak256("checkpoint"), 0);
    bytes32 subject = keccak256(abi.encode(left.checkpoint, uint256(0)));
    bytes4 selector = IEvidence.DifferentSubjects.selector;
    Vote memory right = voteOf(verifier, left.checkpoint, 1);
    bytes memory reason = abi.encodeWithSelector(selector, subject, keccak256(abi.encode(left.checkpoint, uint256(1))));
    refused(votesCall(left, right), reason, "round 1 replaces round 0");
    right = voteOf(verifier, keccak256("another"), 0);
    reason = abi.encodeWithSelector(selector, subject, keccak256(abi.encode(keccak256("another"), uint256(0))));
    refused(votesCall(left, right), reason, "two checkpoints");
    right = voteOf(verifierAt(1), left.checkpoint, 0);
    reason = abi.encodeWithSelector(IEvidence.DifferentOperators.selector, verifier, verifierAt(1));
    refused(votesCall(left, right), reason, "two verifiers");
    refused(votesCall(left, left), abi.encodeWithSelector(IEvidence.SameObject.selector, digestOf(left)), "one");
  }

  // Overcharge

  function overcharged(Receipt memory receipt, Job memory job, bool expected, string memory what) private {
    bytes memory call = overchargeCall(job, receipt);
    if (!expected) {
      refused(call, abi.encodeWithSelector(IEvidence.NotOvercharged.selector, receipt.jobId), what);
      return;
    }
    uint256 before = manager.slashableOf(provider, Role.Provider);
    equal(report(call), before / 10, what);
    equal(manager.slashableOf(provider, Role.Provider), before - before / 10, what);
  }

  function test_aFeeAboveTheFormulaTakesATenth() public {
    Job memory job = jobOf(grant, 1);
    Receipt memory receipt = receiptOf(grant, job, 0);
    receipt.fee += 1;
    taken(overchargeCall(job, receipt), IEvidence.Offence.Overcharge, provider, receipt.jobId, 1000);
  }

  function test_overchargeIsEveryChargeAboveWhatUsageAndJobAllow() public {
    Job memory job = jobOf(grant, 1);
    overcharged(receiptOf(grant, job, 0), job, false, "the right fee");
    Receipt memory receipt = receiptOf(grant, job, 0);
    receipt.fee -= 1;
    overcharged(receipt, job, false, "less");
    receipt = receiptOf(grant, job, 0);
    receipt.mac += 1;
    overcharged(receipt, job, true, "mac");

    job = jobOf(grant, 2);
    receipt = receiptOf(grant, job, 0);
    receipt.billedMs += 1;
    overcharged(receipt, job, true, "billed time");

    job = jobOf(grant, 3);
    receipt = receiptOf(grant, job, 0);
    receipt.finishedAt = receipt.startedAt + 601;
    (receipt.billedMs, receipt.fee) = (601, receipt.fee);
    overcharged(receipt, job, true, "time past the cap");

    job = jobOf(grant, 4);
    receipt = receiptOf(grant, job, 0);
    job.maxFee = receipt.fee;
    receipt.jobId = digestOf(job);
    overcharged(receipt, job, false, "at the ceiling");
    job.maxFee = receipt.fee - 1;
    receipt.jobId = digestOf(job);
    overcharged(receipt, job, true, "above the ceiling, though the formula allows it");

    job = jobOf(grant, 5);
    job.maxOutputUnits = 40;
    receipt = receiptOf(grant, job, 0);
    overcharged(receipt, job, false, "as many units as ordered");
    job.maxOutputUnits = 39;
    receipt.jobId = digestOf(job);
    overcharged(receipt, job, true, "a unit nobody ordered");
  }

  function test_R26_failedWorkCostsNothing() public {
    Job memory job = jobOf(grant, 1);
    Receipt memory receipt = receiptOf(grant, job, 0);
    (receipt.status, receipt.fee) = (3, 0);
    overcharged(receipt, job, false, "no fee");
    job.maxOutputUnits = 1;
    receipt.jobId = digestOf(job);
    overcharged(receipt, job, false, "nothing is billed of what was too much");
    receipt.fee = 1;
    overcharged(receipt, job, true, "one wei");
  }

  function test_R26_truncatedWorkCostsItsUsage() public {
    Job memory job = jobOf(grant, 1);
    Receipt memory receipt = receiptOf(grant, job, 0);
    (receipt.status, receipt.outputUnits) = (2, 7);
    bill(receipt, termsOf(provider));
    overcharged(receipt, job, false, "seven units");
    receipt.fee += 1;
    overcharged(receipt, job, true, "one wei more");
  }

  /// @dev The terms a receipt names are the provider's word; what was agreed is in the job.
  function test_dearerTermsNamedByTheReceiptSaveNobody() public {
    Job memory job = jobOf(grant, 1);
    Receipt memory receipt = receiptOf(grant, job, 0);
    Terms memory dearer = termsOf(provider);
    dearer.perRequest += 1;
    bill(receipt, dearer);
    receipt.terms = digestOf(dearer);
    overcharged(receipt, job, true, "by the job's terms");
  }

  function test_jobAndTermsAreThoseTheReceiptAndTheJobName() public {
    Job memory job = jobOf(grant, 1);
    Receipt memory receipt = receiptOf(grant, job, 0);
    Job memory other = jobOf(grant, 1);
    other.maxFee = 1;
    bytes memory reason = abi.encodeWithSelector(IEvidence.WrongJob.selector, receipt.jobId, digestOf(other));
    refused(overchargeCall(other, receipt), reason, "a job made up");
    Terms memory cheaper = termsOf(provider);
    cheaper.perRequest = 0;
    reason = abi.encodeWithSelector(IEvidence.WrongTerms.selector, job.terms, digestOf(cheaper));
    refused(abi.encodeCall(IEvidence.overcharge, (grant, job, cheaper, sign(receipt, 0))), reason, "terms made up");
  }

  function test_noFeeIsAbovePricesThatPass256Bits() public {
    Terms memory terms = termsOf(provider);
    terms.macOut = type(uint128).max;
    terms.perGMAC = type(uint128).max;
    Job memory job = jobOf(grant, 1);
    (job.terms, job.maxFee) = (digestOf(terms), type(uint128).max);
    Receipt memory receipt = receiptOf(grant, job, 0);
    receipt.outputUnits = 1000;
    receipt.fee = type(uint128).max;
    bytes memory call = abi.encodeCall(IEvidence.overcharge, (grant, job, terms, sign(receipt, 0)));
    refused(call, abi.encodeWithSignature("Panic(uint256)", 0x11), "overflow");
  }

  function testFuzz_overchargeIsExactlyWhatPassesTheFormula(
    uint64 outputUnits,
    uint32 elapsed,
    uint128 fee,
    uint8 status,
    uint64 perSecond
  ) public {
    Terms memory terms = termsOf(provider);
    terms.perSecond = perSecond;
    Job memory job = jobOf(grant, 1);
    job.terms = digestOf(terms);
    job.maxFee = 20e18;
    Receipt memory receipt = receiptOf(grant, job, 0);
    receipt.outputUnits = uint64(bound(outputUnits, 0, 1200));
    receipt.finishedAt = receipt.startedAt + elapsed;
    receipt.status = uint8(bound(status, 1, 3));
    bill(receipt, terms);
    uint256 due = receipt.status == 3 ? 0 : receipt.fee;
    receipt.fee = uint128(fee % 3 == 0 ? due : bound(fee, 0, 25e18));
    bool expected =
      receipt.fee > due || receipt.fee > job.maxFee || (receipt.fee != 0 && receipt.outputUnits > job.maxOutputUnits);
    bytes memory call = abi.encodeCall(IEvidence.overcharge, (grant, job, terms, sign(receipt, 0)));
    if (expected) equal(report(call), PROVIDER_STAKE / 10, "a tenth");
    else refused(call, abi.encodeWithSelector(IEvidence.NotOvercharged.selector, receipt.jobId), "no more than due");
  }

  // False batch

  function test_R20_whoSignsASecondInclusionLosesATenth() public {
    Falsehood memory shown = falsehood();
    uint256 signers = 0x1D;
    bytes memory call = falseBatchCall(shown, signers);
    bytes32 subject = keccak256(abi.encode(provider, uint256(0)));
    for (uint256 seat; seat < SEATS; ++seat) {
      if (signers >> seat & 1 == 0) continue;
      address verifier = verifierAt(seat);
      vm.expectEmit(true, true, true, true, address(evidence));
      emit IEvidence.OffenceProved(
        IEvidence.Offence.FalseBatch,
        verifier,
        evidence.caseIdOf(IEvidence.Offence.FalseBatch, verifier, subject),
        REPORTER,
        VERIFIER_STAKE / 10
      );
    }
    equal(report(call), 4 * VERIFIER_STAKE / 10, "four tenths");
    for (uint256 seat; seat < SEATS; ++seat) {
      uint256 left = signers >> seat & 1 == 1 ? VERIFIER_STAKE * 9 / 10 : VERIFIER_STAKE;
      equal(manager.slashableOf(verifierAt(seat), Role.Verifier), left, "left");
    }
    equal(manager.slashableOf(provider, Role.Provider), PROVIDER_STAKE, "not the provider");
    refused(call, abi.encodeWithSelector(IEvidence.NoNewCase.selector), "a second report");
    equal(report(falseBatchCall(shown, ALL)), VERIFIER_STAKE / 10, "a report of some does not spoil that of all");
  }

  function test_twoLeavesOfOnePlaceInOneBatch() public {
    Checkpoint memory c = checkpoint(0, 10, 2);
    Leaf[] memory leaves = new Leaf[](3);
    leaves[0] = leafOf(c);
    c.totalFee += 1;
    leaves[2] = leafOf(c);
    IEvidence.AnchoredLeaf[] memory anchored = anchorLeaves(leaves, ALL);
    Falsehood memory shown = Falsehood(anchored[0], anchored[2], anchored[0].batch.epoch);
    equal(report(falseBatchCall(shown, ALL)), VERIFIER_STAKE / 2, "five tenths");
    shown = Falsehood(anchored[0], anchored[0], anchored[0].batch.epoch);
    bytes memory reason = abi.encodeWithSelector(IEvidence.SameObject.selector, harness.hashLeaf(anchored[0].leaf));
    refused(falseBatchCall(shown, ALL), reason, "one leaf");
  }

  function test_oneCheckpointUnderTwoSequencesIsTwoInclusions() public {
    Checkpoint memory c = checkpoint(0, 10, 2);
    Falsehood memory shown;
    shown.first = anchor(c);
    Leaf[] memory leaves = new Leaf[](1);
    leaves[0] = leafOf(c);
    leaves[0].sequence = 1;
    shown.second = anchorLeaves(leaves, ALL)[0];
    shown.setEpoch = shown.second.batch.epoch;
    bytes32 caseId = evidence.caseIdOf(IEvidence.Offence.FalseBatch, verifierAt(0), digestOf(c));
    equal(report(falseBatchCall(shown, 1)), VERIFIER_STAKE / 10, "a tenth");
    equal(
      manager.seizureOf(manager.caseKey(address(evidence), caseId)).amount, VERIFIER_STAKE / 10, "by the checkpoint"
    );
  }

  function test_everyInclusionOnceIsNoOffence() public {
    Falsehood memory shown;
    shown.first = anchor(checkpoint(0, 10, 2));
    shown.second = anchor(checkpoint(1, 12, 2));
    shown.setEpoch = shown.second.batch.epoch;
    refused(
      falseBatchCall(shown, ALL),
      abi.encodeWithSelector(
        IEvidence.DifferentSubjects.selector,
        keccak256(abi.encode(provider, uint256(0))),
        keccak256(abi.encode(provider, uint256(1)))
      ),
      "two places"
    );
  }

  function test_onlyTheLaterBatchIsFalse() public {
    Falsehood memory shown = falsehood();
    (shown.first, shown.second) = (shown.second, shown.first);
    refused(
      falseBatchCall(shown, ALL), abi.encodeWithSelector(IEvidence.WrongOrder.selector, 2, 1), "the first was right"
    );
  }

  function test_whoDidNotSignTheLaterBatchIsNotCharged() public {
    Falsehood memory shown = falsehood();
    bytes memory sigs64 = signaturesOf(shown.setEpoch, digestOf(shown.first.batch), 1);
    refused(
      abi.encodeCall(IEvidence.falseBatch, (shown.first, shown.second, shown.setEpoch, 1, sigs64)),
      abi.encodeWithSelector(ICommittee.BadSignature.selector, 0),
      "a signature of the first batch"
    );
    refused(
      abi.encodeCall(IEvidence.falseBatch, (shown.first, shown.second, shown.setEpoch, 0, "")),
      abi.encodeWithSelector(IEvidence.NoSigners.selector),
      "nobody"
    );
  }

  function test_aSignerWithoutStakeIsPassedOver() public {
    Falsehood memory shown = falsehood();
    Vote memory left = voteOf(verifierAt(0), keccak256("checkpoint"), 0);
    Vote memory right = voteOf(verifierAt(0), keccak256("checkpoint"), 0);
    right.accepted = 1;
    equal(report(votesCall(left, right)), VERIFIER_STAKE, "all of one");
    refused(falseBatchCall(shown, 1), abi.encodeWithSelector(IEvidence.NoNewCase.selector), "alone");
    equal(report(falseBatchCall(shown, 3)), VERIFIER_STAKE / 10, "with another");
  }

  /// @dev An epoch that is opened after its batch was anchored has another set than the one that signed.
  function test_signersAreToldByTheSetThatSigned() public {
    nextEpoch();
    Falsehood memory shown = falsehood();
    shown.setEpoch -= 1;
    bytes memory call = falseBatchCall(shown, ALL);
    address newcomer = verifierAt(0);
    manager.freeze(newcomer);
    open();
    (ICommittee.Seat[] memory seats,) = committee.signingSet(manager.currentEpoch());
    equal(seats.length, SEATS - 1, "another set");
    equal(report(call), VERIFIER_STAKE / 2, "all who signed, the frozen one included");
  }

  function test_anErrorOfTheStakeManagerIsNotSwallowed() public {
    Falsehood memory shown = falsehood();
    bytes memory call = falseBatchCall(shown, ALL);
    vm.prank(GOVERNANCE);
    manager.removeSlasher(address(evidence));
    refused(call, abi.encodeWithSelector(IStakeManager.NotSlasher.selector, address(evidence)), "no slasher");
  }

  // Nobody is framed

  function equivocation() private view returns (Receipt memory left, Receipt memory right) {
    (left, right) = (receiptFor(1, 0), receiptFor(1, 0));
    right.fee += 1;
  }

  function test_R4_noOneAnswersForASessionKeyItDidNotGrant() public {
    (Receipt memory left, Receipt memory right) = equivocation();
    IEvidence.SignedGrant memory forged = grantOf(provider, 0);
    forged.grant.sessionKey = vm.addr(sessionKey(6));
    bytes32 forgedDigest = digestOf(forged.grant);
    (left.grant, right.grant) = (forgedDigest, forgedDigest);
    refused(
      abi.encodeCall(IEvidence.receiptEquivocation, (forged, sign(left, 6), sign(right, 6))),
      badSignature(forgedDigest, provider),
      "the old signature"
    );
    forged.signature = signature65(sessionKey(6), forgedDigest);
    refused(
      abi.encodeCall(IEvidence.receiptEquivocation, (forged, sign(left, 6), sign(right, 6))),
      badSignature(forgedDigest, provider),
      "signed by the session key itself"
    );
  }

  /// @dev Another operator may grant the victim's session key: what that key signed names another grant.
  function test_R4_aForeignGrantOfTheSessionKeyProvesNothing() public {
    address thief = staked("provider", 1, Role.Provider, PROVIDER_STAKE);
    (Receipt memory left, Receipt memory right) = equivocation();
    IEvidence.SignedGrant memory foreign = grantOf(thief, 0);
    bytes memory reason = wrongGrant(digestOf(foreign.grant), left.grant);
    refused(abi.encodeCall(IEvidence.receiptEquivocation, (foreign, sign(left, 0), sign(right, 0))), reason, "receipts");
    Head memory other = headOf(left, 1);
    other.fee += 1;
    refused(
      abi.encodeCall(IEvidence.headEquivocation, (foreign, sign(headOf(left, 1), 0), sign(other, 0))), reason, "heads"
    );
  }

  function test_R4_receiptsOfAnotherGrantProveNothing() public {
    (Receipt memory left, Receipt memory right) = equivocation();
    IEvidence.SignedGrant memory next = grantOf(provider, 0);
    next.grant.policyEpoch += 1;
    next.signature = signature65(keys[provider], digestOf(next.grant));
    refused(
      abi.encodeCall(IEvidence.receiptEquivocation, (next, sign(left, 0), sign(right, 0))),
      wrongGrant(digestOf(next.grant), left.grant),
      "the next grant of one session key"
    );
    left.grant = digestOf(next.grant);
    refused(receiptsCall(left, right), wrongGrant(digestOf(grant.grant), left.grant), "one of each");
  }

  function test_R3_whatWasSignedForAnotherNetworkProvesNothing() public {
    bytes32 elsewhere = Digests.domainSeparator(block.chainid, address(manager), keccak256("another network"));
    Checkpoint memory left = checkpoint(7, 10, 2);
    Checkpoint memory right = checkpoint(7, 12, 2);
    bytes memory foreign = signature65(keys[provider], Digests.toTyped(elsewhere, harness.hashCheckpoint(right)));
    refused(
      abi.encodeCall(IEvidence.checkpointEquivocation, (sign(left), IEvidence.SignedCheckpoint(right, foreign))),
      badSignature(digestOf(right), provider),
      "a checkpoint"
    );
    IEvidence.SignedGrant memory away = grantOf(provider, 0);
    away.signature = signature65(keys[provider], Digests.toTyped(elsewhere, harness.hashSessionGrant(away.grant)));
    (Receipt memory one, Receipt memory two) = equivocation();
    refused(
      abi.encodeCall(IEvidence.receiptEquivocation, (away, sign(one, 0), sign(two, 0))),
      badSignature(digestOf(away.grant), provider),
      "a grant"
    );
  }

  function test_R3_whatWasSignedOnAnotherChainProvesNothing() public {
    Checkpoint memory left = checkpoint(7, 10, 2);
    Checkpoint memory right = checkpoint(7, 12, 2);
    bytes memory call = checkpointsCall(left, right);
    vm.chainId(84_532);
    refused(call, badSignature(digestOf(left), provider), "a fork's");
  }

  function test_signaturesOfOneObjectAreNotThoseOfAnother() public {
    (Receipt memory left, Receipt memory right) = equivocation();
    IEvidence.SignedReceipt memory one = sign(left, 0);
    IEvidence.SignedReceipt memory two = sign(right, 0);
    (one.signature, two.signature) = (two.signature, one.signature);
    refused(
      abi.encodeCall(IEvidence.receiptEquivocation, (grant, one, two)),
      badSignature(digestOf(left), vm.addr(sessionKey(0))),
      "swapped"
    );
    refused(
      abi.encodeCall(
        IEvidence.receiptEquivocation, (grant, sign(left, 0), IEvidence.SignedReceipt(right, sign(left, 0).signature))
      ),
      badSignature(digestOf(right), vm.addr(sessionKey(0))),
      "one for both"
    );
  }

  /// @dev A session key signs no checkpoint, whatever it was granted for.
  function test_R4_aSessionKeySignsNoCheckpointAndNoVote() public {
    Checkpoint memory left = checkpoint(7, 10, 2);
    Checkpoint memory right = checkpoint(7, 12, 2);
    bytes memory bySession = signature65(sessionKey(0), digestOf(right));
    refused(
      abi.encodeCall(IEvidence.checkpointEquivocation, (sign(left), IEvidence.SignedCheckpoint(right, bySession))),
      badSignature(digestOf(right), provider),
      "checkpoint"
    );
    Vote memory one = voteOf(verifierAt(0), keccak256("checkpoint"), 0);
    Vote memory two = voteOf(verifierAt(0), keccak256("checkpoint"), 0);
    two.accepted = 1;
    refused(
      abi.encodeCall(
        IEvidence.voteEquivocation, (sign(one), IEvidence.SignedVote(two, signature65(sessionKey(0), digestOf(two))))
      ),
      badSignature(digestOf(two), verifierAt(0)),
      "vote"
    );
  }

  /// @dev More than two thirds of the signers anchor a checkpoint its operator never signed.
  function test_aCorruptSigningSetFramesNoOperator() public {
    Receipt[] memory receipts = receiptList(10, 3);
    Receipt memory mine = receipts[1];
    receipts[1] = receiptFor(99, 11);
    Checkpoint memory forged = checkpointOf(provider, 0, receipts);
    IEvidence.AnchoredLeaf memory anchored = anchor(forged);
    bytes memory signature = signature65(keys[verifierAt(0)], digestOf(forged));
    Omission memory shown;
    shown.receipt = sign(mine, 0);
    shown.anchored = anchored;
    shown.signed = IEvidence.SignedCheckpoint(forged, signature);
    shown.other = digestOf(receipts[1]);
    shown.proof = Trees.proofOf(receiptTree(receipts), 1);
    bytes memory reason = badSignature(digestOf(forged), provider);
    refused(omissionCall(shown), reason, "left out by others");
    receipts[2] = receiptFor(10, 12);
    forged = checkpointOf(provider, 1, receipts);
    anchored = anchor(forged);
    IEvidence.SignedCheckpoint memory signed = IEvidence.SignedCheckpoint(forged, signature);
    Doubling memory doubled =
      Doubling(inclusionOf(anchored, signed, receipts, 0), inclusionOf(anchored, signed, receipts, 2));
    refused(doublingCall(doubled), badSignature(digestOf(forged), provider), "doubled by others");
  }

  function test_audit11_malleableCompactAndZeroSignaturesAreRefused() public {
    Checkpoint memory left = checkpoint(7, 10, 2);
    Checkpoint memory right = checkpoint(7, 12, 2);
    IEvidence.SignedCheckpoint memory good = sign(left);
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[provider], digestOf(right));
    bytes[] memory bad = new bytes[](7);
    bad[0] = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    bad[1] = signature64(keys[provider], digestOf(right));
    bad[2] = abi.encodePacked(r, s, v, uint8(0));
    bad[3] = abi.encodePacked(r, s, uint8(v - 27));
    bad[4] = new bytes(65);
    bad[5] = "";
    bad[6] = abi.encodePacked(r, s, uint8(29));
    bytes memory reason = badSignature(digestOf(right), provider);
    for (uint256 index; index < bad.length; ++index) {
      IEvidence.SignedCheckpoint memory other = IEvidence.SignedCheckpoint(right, bad[index]);
      refused(abi.encodeCall(IEvidence.checkpointEquivocation, (good, other)), reason, "right");
      refused(abi.encodeCall(IEvidence.checkpointEquivocation, (other, good)), reason, "left");
    }
    (left.operator, right.operator) = (address(0), address(0));
    good = IEvidence.SignedCheckpoint(left, bad[4]);
    refused(
      abi.encodeCall(IEvidence.checkpointEquivocation, (good, IEvidence.SignedCheckpoint(right, bad[4]))),
      badSignature(digestOf(left), address(0)),
      "nobody signed for the zero address"
    );
  }

  function test_audit11_aFeeRoundedDownIsRightAndOneWeiMoreIsNot() public {
    Terms memory terms = termsOf(provider);
    (terms.perGMAC, terms.perRequest, terms.perSecond, terms.perGBSecond) = (1, 0, 0, 0);
    terms.macOut = 1e9 - 1;
    Job memory job = jobOf(grant, 1);
    job.terms = digestOf(terms);
    Receipt memory receipt = receiptOf(grant, job, 0);
    receipt.outputUnits = 1;
    bill(receipt, terms);
    equal(receipt.fee, 0, "0.999999999 rounds down");
    bytes memory call = abi.encodeCall(IEvidence.overcharge, (grant, job, terms, sign(receipt, 0)));
    refused(call, abi.encodeWithSelector(IEvidence.NotOvercharged.selector, receipt.jobId), "down");
    receipt.fee = 1;
    call = abi.encodeCall(IEvidence.overcharge, (grant, job, terms, sign(receipt, 0)));
    equal(report(call), PROVIDER_STAKE / 10, "up");
  }

  // Cases

  function test_audit05_repeatedOffencesAreDistinctCases() public {
    for (uint256 nonce; nonce < 3; ++nonce) {
      Job memory job = jobOf(grant, nonce);
      Receipt memory receipt = receiptOf(grant, job, 0);
      receipt.fee += 1;
      taken(overchargeCall(job, receipt), IEvidence.Offence.Overcharge, provider, receipt.jobId, 1000);
    }
    equal(manager.slashableOf(provider, Role.Provider), 7290e18, "a tenth of what was left, thrice");
    Receipt memory left = receiptFor(0, 0);
    Receipt memory right = receiptFor(0, 0);
    right.fee += 1;
    equal(report(receiptsCall(left, right)), 7290e18, "another offence of the same job");
  }

  function test_audit05_oneOffenceIsOneCaseWhateverItsDigests() public {
    Receipt memory left = receiptFor(1, 0);
    Receipt memory right = receiptFor(1, 0);
    right.fee += 1;
    report(receiptsCall(left, right));
    manager.stake(provider, Role.Provider, PROVIDER_STAKE);
    bytes memory reason = known(IEvidence.Offence.ReceiptEquivocation, provider, left.jobId);
    refused(receiptsCall(right, left), reason, "the other way round");
    right.fee += 1;
    refused(receiptsCall(left, right), reason, "a third receipt");
    Checkpoint memory c = checkpoint(7, 10, 2);
    report(checkpointsCall(c, checkpoint(7, 12, 2)));
    manager.stake(provider, Role.Provider, PROVIDER_STAKE);
    reason = known(IEvidence.Offence.CheckpointEquivocation, provider, bytes32(uint256(7)));
    refused(checkpointsCall(c, checkpoint(7, 14, 2)), reason, "a third checkpoint");
    equal(report(checkpointsCall(checkpoint(8, 14, 2), checkpoint(8, 15, 2))), PROVIDER_STAKE, "another sequence");
  }

  /// @dev Else an operator reports itself for every sequence to come before it stakes, and may then sign what it likes.
  function test_audit05_casesCannotBeUsedUpBeforeThereIsStake() public {
    address fresh = register("provider", 1);
    Checkpoint memory left = checkpoint(7, 10, 2);
    Checkpoint memory right = checkpoint(7, 12, 2);
    (left.operator, right.operator) = (fresh, fresh);
    bytes memory call = checkpointsCall(left, right);
    bytes memory reason = abi.encodeWithSelector(IEvidence.NothingToSeize.selector, fresh, Role.Provider);
    refused(call, reason, "registered");
    manager.stake(fresh, Role.Provider, PROVIDER_STAKE);
    equal(report(call), PROVIDER_STAKE, "the case was not used up");
  }

  function test_aReportIsPaidHoweverSmallTheStake() public {
    Checkpoint memory left = checkpoint(7, 10, 2);
    for (uint256 nonce; nonce < 60; ++nonce) {
      Job memory job = jobOf(grant, nonce);
      Receipt memory receipt = receiptOf(grant, job, 0);
      receipt.fee += 1;
      report(overchargeCall(job, receipt));
    }
    uint256 left_ = manager.slashableOf(provider, Role.Provider);
    isTrue(left_ != 0 && left_ < PROVIDER_STAKE / 500, "little is left");
    equal(report(checkpointsCall(left, checkpoint(7, 12, 2))), left_, "all of it");
  }

  function rotated(uint256 index) private returns (address to) {
    uint256 privateKey = key("rotated", index);
    to = vm.addr(privateKey);
    keys[to] = privateKey;
    uint256 deadline = vm.getBlockTimestamp() + 60;
    bytes32 structHash = Digests.hashRotation(provider, to, address(this), deadline);
    manager.rotate(provider, to, deadline, signature65(privateKey, typed(structHash)));
  }

  function test_aRotatedKeyStaysLiableAndNothingIsChargedTwice() public {
    Receipt memory left = receiptFor(1, 0);
    Receipt memory right = receiptFor(1, 0);
    right.fee += 1;
    bytes memory before = receiptsCall(left, right);
    Job memory job = jobOf(grant, 2);
    Receipt memory dear = receiptOf(grant, job, 1);
    dear.fee += 1;
    bytes memory call = overchargeCall(job, dear);
    equal(report(call), PROVIDER_STAKE / 10, "before");
    address to = rotated(0);
    refused(call, known(IEvidence.Offence.Overcharge, provider, dear.jobId), "the same case after the rotation");
    taken(before, IEvidence.Offence.ReceiptEquivocation, provider, left.jobId, 10_000);
    equal(manager.slashableOf(to, Role.Provider), 0, "taken from the new key");
  }

  function test_stakeOnItsWayOutIsTaken() public {
    manager.requestUnstake(provider, Role.Provider, PROVIDER_STAKE);
    (Receipt memory left, Receipt memory right) = equivocation();
    taken(receiptsCall(left, right), IEvidence.Offence.ReceiptEquivocation, provider, left.jobId, 10_000);
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.NothingToWithdraw.selector, provider, Role.Provider));
    manager.withdraw(provider, Role.Provider);
  }

  function test_aFrozenOperatorStaysLiable() public {
    manager.freeze(provider);
    (Receipt memory left, Receipt memory right) = equivocation();
    taken(receiptsCall(left, right), IEvidence.Offence.ReceiptEquivocation, provider, left.jobId, 10_000);
  }

  function test_halfBurnsAndTheReporterIsPaidAtMost500() public {
    (Receipt memory left, Receipt memory right) = equivocation();
    bytes32 case_ =
      taken(receiptsCall(left, right), IEvidence.Offence.ReceiptEquivocation, provider, left.jobId, 10_000);
    vm.warp(vm.getBlockTimestamp() + POT_PERIOD);
    manager.execute(case_);
    manager.payReporter(case_);
    manager.closePot(case_);
    equal(opg.balanceOf(manager.BURNED()), PROVIDER_STAKE / 2, "burned");
    equal(opg.balanceOf(REPORTER), 500e18, "reporter");
    equal(opg.balanceOf(TREASURY), PROVIDER_STAKE / 2 - 500e18, "treasury");
  }

  function test_anOffenderThatReportsItselfIsPaidNothing() public {
    (Receipt memory left, Receipt memory right) = equivocation();
    bytes memory call = receiptsCall(left, right);
    bytes32 key_ = manager.caseKey(
      address(evidence), evidence.caseIdOf(IEvidence.Offence.ReceiptEquivocation, provider, left.jobId)
    );
    (bool ok,) = address(evidence).call(call);
    isTrue(ok, "the owner's own report");
    vm.warp(vm.getBlockTimestamp() + POT_PERIOD);
    uint256 before = opg.balanceOf(address(this));
    manager.execute(key_);
    equal(manager.seizureOf(key_).reporter, address(0), "nobody");
    manager.closePot(key_);
    equal(opg.balanceOf(TREASURY), PROVIDER_STAKE / 2, "half to the treasury");
    equal(opg.balanceOf(address(this)), before, "nothing to the offender");
  }

  function test_timesOfGrantAndReceiptSaveNobody() public {
    Receipt memory left = receiptFor(1, 0);
    Receipt memory right = receiptFor(1, 0);
    (right.startedAt, right.finishedAt) = (grant.grant.notAfter + 1, grant.grant.notAfter + 2);
    vm.warp(grant.grant.notAfter / 1000 + 30 days);
    equal(report(receiptsCall(left, right)), PROVIDER_STAKE, "after the grant, by the receipt and by the block");
  }

  function test_pausesStopNewCasesAlone() public {
    bytes[] memory calls = guiltyCalls();
    vm.prank(GUARDIAN);
    params.pause(Module.Evidence, 1 hours);
    for (uint256 index; index < calls.length; ++index) {
      refused(calls[index], abi.encodeWithSelector(IEvidence.CasesPaused.selector), "paused");
    }
    vm.warp(vm.getBlockTimestamp() + 1 hours);
    isTrue(report(calls[0]) != 0, "over by itself");
  }

  function test_governedPenaltiesAreTaken() public {
    vm.prank(GOVERNANCE);
    params.setParam(Param.OverchargePenalty, 2500);
    Job memory job = jobOf(grant, 1);
    Receipt memory receipt = receiptOf(grant, job, 0);
    receipt.fee += 1;
    bytes memory call = overchargeCall(job, receipt);
    vm.warp(vm.getBlockTimestamp() + params.changeDelay());
    taken(call, IEvidence.Offence.Overcharge, provider, receipt.jobId, 2500);
  }

  function test_refusesToBeMadeWithoutItsParts() public {
    bytes memory reason = abi.encodeWithSelector(IEvidence.InvalidParameters.selector);
    vm.expectRevert(reason);
    new Evidence(IStakeManager(address(0)), params, batches);
    vm.expectRevert(reason);
    new Evidence(manager, IProtocolParams(address(0)), batches);
    vm.expectRevert(reason);
    new Evidence(manager, params, IBatchAnchor(address(0)));
    equal(address(evidence.stakeManager()), address(manager), "stake manager");
    equal(address(evidence.params()), address(params), "params");
    equal(address(evidence.batchAnchor()), address(batches), "batch anchor");
  }

  // Trees

  function test_audit15_aJobInTwoBatchesIsProvableFromTheBatchesAlone() public {
    Doubling memory shown = doubling(50);
    isTrue(shown.left.anchored.batch.number != shown.right.anchored.batch.number, "two batches");
    equal(report(doublingCall(shown)), PROVIDER_STAKE / 10, "a tenth");
  }

  function test_audit15_noInnerNodePosesAsAnOmittedReceiptsPlace() public {
    Receipt[] memory receipts = receiptList(10, 3);
    Omission memory shown = omission(11);
    shown.receipt = sign(receipts[1], 0);
    bytes32[] memory tree = receiptTree(receipts);
    bytes32[] memory full = Trees.proofOf(tree, 1);
    for (uint256 node; node < tree.length; ++node) {
      for (uint256 length; length <= full.length; ++length) {
        bytes32[] memory proof = new bytes32[](length);
        for (uint256 at; at < length; ++at) {
          proof[at] = full[full.length - length + at];
        }
        (shown.other, shown.proof) = (tree[node], proof);
        refused(
          omissionCall(shown), abi.encodeWithSelector(IEvidence.NotInCheckpoint.selector, 1, tree[node]), "a node"
        );
      }
    }
  }

  function test_audit15_aLeafOfOneBatchIsNoLeafOfAnother() public {
    Omission memory shown = omission(11);
    shown.anchored.batch = anchor(checkpoint(5, 20, 2)).batch;
    refused(
      omissionCall(shown),
      abi.encodeWithSelector(IEvidence.NotAnchored.selector, shown.anchored.batch.number),
      "the root of another batch"
    );
  }
}

/// @notice What the honest signed, and proofs of offences, with words changed, exchanged and spliced.
contract EvidenceMutationsTest is Reports {
  bytes[] private guilty;

  function setUp() public {
    deployReports();
    honestCalls();
    guilty = guiltyCalls();
  }

  function test_whatTheHonestSignedProvesNothing() public {
    bytes4[] memory reasons = new bytes4[](honest.length);
    reasons[0] = IEvidence.DifferentSubjects.selector;
    reasons[1] = IEvidence.BadSignature.selector;
    reasons[2] = IEvidence.DifferentSubjects.selector;
    reasons[3] = IEvidence.BadSignature.selector;
    reasons[4] = IEvidence.SameObject.selector;
    reasons[5] = IEvidence.NotInCheckpoint.selector;
    reasons[6] = IEvidence.NotInRange.selector;
    reasons[7] = IEvidence.DifferentSubjects.selector;
    reasons[8] = IEvidence.SameObject.selector;
    reasons[9] = IEvidence.DifferentSubjects.selector;
    reasons[10] = IEvidence.DifferentSubjects.selector;
    reasons[11] = IEvidence.NotOvercharged.selector;
    reasons[12] = IEvidence.DifferentSubjects.selector;
    bytes32 before = stakes();
    for (uint256 index; index < honest.length; ++index) {
      (bool ok, bytes memory out) = address(evidence).call(honest[index]);
      isTrue(!ok, "refused");
      equal(bytes32(bytes4(out)), bytes32(reasons[index]), "for want of an offence");
    }
    equal(stakes(), before, "stakes");
  }

  function testFuzz_noMutationOfWhatTheHonestSignedTakesAnything(uint256 seed) public {
    bytes32 before = stakes();
    for (uint256 index; index < honest.length; ++index) {
      bytes memory call = honest[index];
      (bool ok,) = address(evidence).call(call);
      isTrue(!ok, "unchanged");
      for (uint256 round; round < 2; ++round) {
        seed = uint256(keccak256(abi.encode(seed, index)));
        call = honest[index];
        mutate(call, honest[seed % honest.length], seed);
        (ok,) = address(evidence).call(call);
        isTrue(!ok, "changed");
      }
    }
    equal(stakes(), before, "stakes");
  }

  /// @dev Every word counts: what still proves something proves it of the offender, and takes what is due.
  function testFuzz_mutatedProofsTakeFromTheOffenderAlone(uint256 seed) public {
    address verifier = verifierAt(0);
    for (uint256 index; index < guilty.length; ++index) {
      if (manager.slashableOf(provider, Role.Provider) == 0) manager.stake(provider, Role.Provider, PROVIDER_STAKE);
      if (manager.slashableOf(verifier, Role.Verifier) == 0) manager.stake(verifier, Role.Verifier, VERIFIER_STAKE);
      uint256 provided = manager.slashableOf(provider, Role.Provider);
      uint256 verified = manager.slashableOf(verifier, Role.Verifier);
      for (uint256 round; round < 4; ++round) {
        seed = uint256(keccak256(abi.encode(seed, index)));
        bytes memory call = guilty[index];
        mutate(call, guilty[seed % guilty.length], seed);
        vm.prank(REPORTER);
        (bool ok, bytes memory out) = address(evidence).call(call);
        if (!ok) continue;
        uint256 base = index == 6 || index == 8 ? verified : provided;
        bool isTenth = index == 4 || index == 7 || index == 8;
        equal(abi.decode(out, (uint256)), isTenth ? base / 10 : base, "due");
        equal(
          manager.slashableOf(provider, Role.Provider) + manager.slashableOf(verifier, Role.Verifier),
          provided + verified - abi.decode(out, (uint256)),
          "the offender's"
        );
        break;
      }
    }
    equal(manager.slashableOf(settler, Role.Settler), SETTLER_STAKE, "settler");
    for (uint256 seat; seat < SEATS; ++seat) {
      address other = vm.addr(key("verifier", seat));
      if (other != verifier) equal(manager.slashableOf(other, Role.Verifier), VERIFIER_STAKE, "honest verifiers");
    }
  }
}
