// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchAnchor} from "../../src/BatchAnchor.sol";
import {Committee} from "../../src/Committee.sol";
import {Evidence} from "../../src/Evidence.sol";
import {OPG} from "../../src/OPG.sol";
import {ProtocolParams} from "../../src/ProtocolParams.sol";
import {StakeManager} from "../../src/StakeManager.sol";
import {IEvidence} from "../../src/interfaces/IEvidence.sol";
import {IProtocolParams, Module} from "../../src/interfaces/IProtocolParams.sol";
import {
  Batch,
  Checkpoint,
  Head,
  Job,
  Leaf,
  Receipt,
  Role,
  SessionGrant,
  Terms,
  Vote
} from "../../src/interfaces/Objects.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {IndexedMerkle} from "../../src/libraries/IndexedMerkle.sol";
import {Harness} from "../Harness.sol";
import {Network} from "./Network.sol";
import {Trees} from "./Trees.sol";

/// @notice A network with `Evidence`, and everything its operators sign, by the rules or against them.
abstract contract Offences is Network {
  uint128 internal constant PROVIDER_STAKE = 10_000e18;
  uint128 internal constant SETTLER_STAKE = 5000e18;
  address internal constant REPORTER = address(0x4E9);
  /// @dev Stands where the module that voids batches does.
  address internal constant DEMANDS = address(0xDE3);
  uint256 internal constant SEATS = 5;
  /// @dev Bits of all seats.
  uint256 internal constant ALL = (1 << SEATS) - 1;

  Evidence internal evidence;
  address internal provider;
  address internal settler;

  function genesisSlashers() internal view override returns (address[] memory slashers) {
    slashers = new address[](1);
    slashers[0] = params.moduleOf(Module.Evidence);
  }

  /// @dev One provider, one settler and five verifiers that sign batches; this contract owns them all.
  function deployEvidence() internal {
    vm.roll(100);
    vm.warp(1_800_000_000);
    opg = new OPG(address(this));
    uint64 nonce = vm.getNonce(address(this));
    IProtocolParams.Setup memory setup;
    (setup.governance, setup.treasury, setup.guardian) = (GOVERNANCE, TREASURY, GUARDIAN);
    (setup.guardianEnd, setup.changeDelay) = (uint64(vm.getBlockTimestamp() + 365 days), 7 days);
    (setup.modules, setup.targets) = (new Module[](3), new address[](3));
    (setup.modules[0], setup.targets[0]) = (Module.BatchAnchor, vm.computeCreateAddress(address(this), nonce + 3));
    (setup.modules[1], setup.targets[1]) = (Module.Evidence, vm.computeCreateAddress(address(this), nonce + 4));
    (setup.modules[2], setup.targets[2]) = (Module.Demands, DEMANDS);
    params = new ProtocolParams(setup);
    manager = new StakeManager(genesis());
    committee = new Committee(manager, 3);
    batches = new BatchAnchor(committee, params);
    evidence = new Evidence(manager, params, batches);
    harness = new Harness();
    opg.approve(address(manager), type(uint256).max);
    settler = staked("settler", 0, Role.Settler, SETTLER_STAKE);
    provider = staked("provider", 0, Role.Provider, PROVIDER_STAKE);
    openWith(SEATS, VERIFIER_STAKE, 0);
  }

  function typed(bytes32 structHash) internal view returns (bytes32) {
    return Digests.toTyped(manager.domainSeparator(), structHash);
  }

  // Digests

  function digestOf(SessionGrant memory value) internal view returns (bytes32) {
    return typed(harness.hashSessionGrant(value));
  }

  function digestOf(Job memory value) internal view returns (bytes32) {
    return typed(harness.hashJob(value));
  }

  function digestOf(Terms memory value) internal view returns (bytes32) {
    return typed(harness.hashTerms(value));
  }

  function digestOf(Head memory value) internal view returns (bytes32) {
    return typed(harness.hashHead(value));
  }

  function digestOf(Receipt memory value) internal view returns (bytes32) {
    return typed(harness.hashReceipt(value));
  }

  function digestOf(Checkpoint memory value) internal view returns (bytes32) {
    return typed(harness.hashCheckpoint(value));
  }

  function digestOf(Vote memory value) internal view returns (bytes32) {
    return typed(harness.hashVote(value));
  }

  // Signatures

  function sessionKey(uint256 index) internal pure returns (uint256) {
    return key("session", index);
  }

  function sign(Head memory head, uint256 session) internal view returns (IEvidence.SignedHead memory) {
    return IEvidence.SignedHead(head, signature65(sessionKey(session), digestOf(head)));
  }

  function sign(Receipt memory receipt, uint256 session) internal view returns (IEvidence.SignedReceipt memory) {
    return IEvidence.SignedReceipt(receipt, signature65(sessionKey(session), digestOf(receipt)));
  }

  function sign(Checkpoint memory checkpoint) internal view returns (IEvidence.SignedCheckpoint memory) {
    return IEvidence.SignedCheckpoint(checkpoint, signature65(keys[checkpoint.operator], digestOf(checkpoint)));
  }

  function sign(Vote memory vote) internal view returns (IEvidence.SignedVote memory) {
    return IEvidence.SignedVote(vote, signature65(keys[vote.verifier], digestOf(vote)));
  }

  // Objects as an honest operator makes them

  function grantOf(address operator, uint256 session) internal view returns (IEvidence.SignedGrant memory signed) {
    SessionGrant memory grant;
    grant.operator = operator;
    grant.sessionKey = vm.addr(sessionKey(session));
    grant.encryptionKey = keccak256("encryption key");
    grant.evidence = keccak256("evidence");
    grant.modelsRoot = keccak256("models");
    grant.policyEpoch = 1;
    grant.notBefore = 1_800_000_000_000;
    grant.notAfter = grant.notBefore + 86_400_000;
    return IEvidence.SignedGrant(grant, signature65(keys[operator], digestOf(grant)));
  }

  /// @dev 2 GMAC an output unit, 100 units a second, every price set.
  function termsOf(address operator) internal view returns (Terms memory terms) {
    terms.operator = operator;
    terms.model = keccak256("model");
    terms.macIn = 1e9;
    terms.macOut = 2e9;
    terms.memoryMB = 512;
    terms.referenceRate = 100;
    terms.token = address(opg);
    terms.perRequest = 1e15;
    terms.perGMAC = 3e15;
    terms.perSecond = 5e15;
    terms.perGBSecond = 7e15;
    terms.minVerifyFee = 1;
    terms.maxOutputUnits = 1000;
    terms.validUntil = 1_800_000_600_000;
  }

  function jobOf(IEvidence.SignedGrant memory grant, uint256 nonce) internal view returns (Job memory job) {
    job.requester = address(0x4E0);
    job.provider = grant.grant.operator;
    job.grant = digestOf(grant.grant);
    job.model = keccak256("model");
    job.inputHash = keccak256(abi.encode("input", nonce));
    job.parametersHash = keccak256("{}");
    job.terms = digestOf(termsOf(grant.grant.operator));
    (job.tier, job.privacy, job.mode) = (3, 1, 3);
    job.token = address(opg);
    job.channel = keccak256("channel");
    job.maxFee = 10e18;
    job.maxOutputUnits = 1000;
    job.nonce = bytes32(nonce);
    job.createdAt = 1_800_000_001_000;
    job.deadline = 1_800_000_600_000;
  }

  /// @dev 40 units in 500 ms: everything that is billed counts, time below its cap of 600 ms.
  function receiptOf(IEvidence.SignedGrant memory grant, Job memory job, uint64 sequence)
    internal
    view
    returns (Receipt memory receipt)
  {
    receipt.jobId = digestOf(job);
    receipt.grant = job.grant;
    receipt.provider = job.provider;
    receipt.requester = job.requester;
    receipt.channel = job.channel;
    receipt.sequence = sequence;
    receipt.model = job.model;
    receipt.inputHash = job.inputHash;
    receipt.parametersHash = job.parametersHash;
    receipt.terms = job.terms;
    receipt.outputHead = keccak256(abi.encode("output", receipt.jobId));
    receipt.chunks = 3;
    receipt.outputUnits = 40;
    receipt.evidence = grant.grant.evidence;
    receipt.trace = keccak256("trace");
    (receipt.assurance, receipt.status) = (1, 1);
    receipt.startedAt = 1_800_000_002_000;
    receipt.finishedAt = receipt.startedAt + 500;
    bill(receipt, termsOf(job.provider));
    receipt.chargedAfter = receipt.fee;
    receipt.headsRoot = Trees.build(IndexedMerkle.HEAD, headDigestsOf(receipt))[0];
  }

  function bill(Receipt memory receipt, Terms memory terms) internal view {
    receipt.mac = uint128(harness.macOf(terms, receipt.inputUnits, receipt.outputUnits));
    receipt.billedMs =
      uint64(harness.billedMsOf(terms, receipt.inputUnits, receipt.outputUnits, receipt.startedAt, receipt.finishedAt));
    receipt.memoryMB = terms.memoryMB;
    receipt.fee = uint128(harness.feeOf(terms, receipt.mac, receipt.billedMs));
  }

  /// @dev A head for chunk `index`, 1 to 3, of the receipt's answer.
  function headOf(Receipt memory receipt, uint32 index) internal pure returns (Head memory) {
    bool last = index == receipt.chunks;
    return Head({
      jobId: receipt.jobId,
      grant: receipt.grant,
      index: index,
      head: last ? receipt.outputHead : keccak256(abi.encode(receipt.jobId, index)),
      outputUnits: last ? receipt.outputUnits : 10 * index,
      fee: last ? receipt.fee : index
    });
  }

  function headDigestsOf(Receipt memory receipt) internal view returns (bytes32[] memory digests) {
    digests = new bytes32[](receipt.chunks);
    for (uint32 index; index < digests.length; ++index) {
      digests[index] = digestOf(headOf(receipt, index + 1));
    }
  }

  function receiptTree(Receipt[] memory receipts) internal view returns (bytes32[] memory tree) {
    bytes32[] memory digests = new bytes32[](receipts.length);
    for (uint256 index; index < digests.length; ++index) {
      digests[index] = digestOf(receipts[index]);
    }
    return Trees.build(IndexedMerkle.RECEIPT, digests);
  }

  function checkpointOf(address operator, uint64 sequence, Receipt[] memory receipts)
    internal
    view
    returns (Checkpoint memory checkpoint)
  {
    checkpoint.operator = operator;
    checkpoint.grant = receipts[0].grant;
    checkpoint.sequence = sequence;
    checkpoint.firstSequence = receipts[0].sequence;
    checkpoint.count = uint16(receipts.length);
    checkpoint.receiptsRoot = receiptTree(receipts)[0];
    for (uint256 index; index < receipts.length; ++index) {
      checkpoint.totalFee += receipts[index].fee;
    }
    checkpoint.epoch = 3;
    checkpoint.previous = keccak256(abi.encode("previous", sequence));
    checkpoint.blockNumber = 99;
    checkpoint.blockHash = keccak256("block");
    checkpoint.createdAt = 1_800_000_010_000;
  }

  function voteOf(address verifier, bytes32 checkpoint, uint8 round) internal pure returns (Vote memory vote) {
    (vote.verifier, vote.checkpoint, vote.round) = (verifier, checkpoint, round);
    (vote.seat, vote.accepted, vote.methods, vote.assurance) = (7, 3, 1, 1);
    vote.seenAt = 1_800_000_011_000;
  }

  // Anchoring

  function leafOf(Checkpoint memory checkpoint) internal view returns (Leaf memory leaf) {
    leaf.operator = checkpoint.operator;
    leaf.sequence = checkpoint.sequence;
    leaf.checkpoint = digestOf(checkpoint);
    leaf.receiptsRoot = checkpoint.receiptsRoot;
    leaf.count = checkpoint.count;
    leaf.accepted = (1 << checkpoint.count) - 1;
    leaf.acceptedFee = checkpoint.totalFee;
  }

  /// @dev Anchors `leaves` as the next batch; writes their indexes.
  function anchorLeaves(Leaf[] memory leaves, uint256 signers)
    internal
    returns (IEvidence.AnchoredLeaf[] memory anchored)
  {
    Batch memory b;
    b.number = batches.lastNumber() + 1;
    b.previous = batches.digestOf(b.number - 1);
    b.epoch = manager.currentEpoch();
    b.settler = settler;
    b.leaves = uint32(leaves.length);
    b.cutoff = uint64(vm.getBlockTimestamp() * 1000);
    bytes32[] memory hashes = new bytes32[](leaves.length);
    for (uint256 index; index < hashes.length; ++index) {
      leaves[index].index = uint32(index);
      hashes[index] = harness.hashLeaf(leaves[index]);
    }
    bytes32[] memory tree = Trees.build(IndexedMerkle.CHECKPOINT, hashes);
    b.checkpointsRoot = tree[0];
    batches.anchor(b, signers, signaturesOf(b.epoch, digestOf(b), signers));
    anchored = new IEvidence.AnchoredLeaf[](leaves.length);
    for (uint256 index; index < hashes.length; ++index) {
      anchored[index] = IEvidence.AnchoredLeaf(b, leaves[index], Trees.proofOf(tree, index));
    }
  }

  /// @dev Anchors the leaf of one checkpoint beside one of nobody.
  function anchor(Checkpoint memory checkpoint) internal returns (IEvidence.AnchoredLeaf memory) {
    Leaf[] memory leaves = new Leaf[](2);
    leaves[0].checkpoint = keccak256(abi.encode("beside", batches.lastNumber()));
    leaves[0].operator = address(0xE15E);
    leaves[0].sequence = batches.lastNumber();
    leaves[1] = leafOf(checkpoint);
    return anchorLeaves(leaves, ALL)[1];
  }

  function inclusionOf(
    IEvidence.AnchoredLeaf memory anchored,
    IEvidence.SignedCheckpoint memory signed,
    Receipt[] memory receipts,
    uint8 index
  ) internal view returns (IEvidence.Inclusion memory) {
    bytes32[] memory proof = Trees.proofOf(receiptTree(receipts), index);
    return IEvidence.Inclusion(anchored, signed, receipts[index], index, proof);
  }
}
