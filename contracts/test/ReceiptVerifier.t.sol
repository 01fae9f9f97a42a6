// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReceiptVerifier} from "../src/ReceiptVerifier.sol";
import {IBatchAnchor} from "../src/interfaces/IBatchAnchor.sol";
import {IReceiptVerifier} from "../src/interfaces/IReceiptVerifier.sol";
import {Receipt} from "../src/interfaces/Objects.sol";
import {Answerable} from "./support/Answerable.sol";
import {JsonVm} from "./support/JsonVm.sol";

contract ReceiptVerifierTest is Answerable {
  JsonVm private constant JSON = JsonVm(address(uint160(uint256(keccak256("hevm cheat code")))));

  ReceiptVerifier private verifier;
  IReceiptVerifier.Chunk[] private chunks;

  function setUp() public {
    deployAnswerable();
    verifier = new ReceiptVerifier(batches);
    string memory json = JSON.readFile("../test/golden/volatility.golden.json");
    bytes[] memory data = JSON.parseJsonBytesArray(json, ".split.data");
    bytes32[] memory salts = JSON.parseJsonBytes32Array(json, ".split.salts");
    for (uint256 at; at < data.length; ++at) {
      chunks.push(IReceiptVerifier.Chunk(data[at], salts[at]));
    }
    anchorBatch();
  }

  /// @dev Every receipt of the fixture commits to the same three chunks, under its own job.
  function receiptOf(uint64 sequence) internal view override returns (Receipt memory receipt) {
    receipt = super.receiptOf(sequence);
    receipt.chunks = uint32(chunks.length);
    receipt.outputHead = verifier.outputHeadOf(receipt.jobId, chunks);
    if (sequence % 3 == 1) receipt.status = 2;
  }

  function proofOf(uint256 at, uint8 index) private view returns (IReceiptVerifier.Proof memory) {
    return IReceiptVerifier.Proof(batch, leaves[at], leafProof(at), receipts[at][index], index, receiptProof(at, index));
  }

  function expectOutcome(
    IReceiptVerifier.Proof memory proof,
    IReceiptVerifier.Chunk[] memory given,
    IReceiptVerifier.Outcome expected
  ) private {
    (IReceiptVerifier.Outcome outcome, IReceiptVerifier.Result memory result) = verifier.checkOutput(proof, given);
    equal(uint8(outcome), uint8(expected), "outcome");
    equal(result.jobId, bytes32(0), "nothing is said of what is not proven");
    equal(result.output.length, 0, "no output");
    vm.expectRevert(abi.encodeWithSelector(IReceiptVerifier.NotProven.selector, expected));
    verifier.requireOutput(proof, given);
  }

  /// @dev The same of the form without output.
  function expectReceiptOutcome(IReceiptVerifier.Proof memory proof, IReceiptVerifier.Outcome expected) private {
    (IReceiptVerifier.Outcome outcome, IReceiptVerifier.Result memory result) = verifier.checkReceipt(proof);
    equal(uint8(outcome), uint8(expected), "outcome");
    equal(result.jobId, bytes32(0), "nothing is said of what is not proven");
    vm.expectRevert(abi.encodeWithSelector(IReceiptVerifier.NotProven.selector, expected));
    verifier.requireReceipt(proof);
    expectOutcome(proof, chunks, expected);
  }

  function expectFields(IReceiptVerifier.Result memory result, Receipt memory receipt) private pure {
    equal(result.jobId, receipt.jobId, "job");
    equal(result.model, receipt.model, "model");
    equal(result.requester, receipt.requester, "requester");
    equal(result.provider, receipt.provider, "provider");
    equal(result.inputHash, receipt.inputHash, "input");
    equal(result.parametersHash, receipt.parametersHash, "parameters");
    equal(result.finishedAt, receipt.finishedAt, "finished");
    equal(result.assurance, receipt.assurance, "assurance");
  }

  function test_refusesNoAnchor() public {
    vm.expectRevert(abi.encodeWithSelector(IReceiptVerifier.InvalidParameters.selector));
    new ReceiptVerifier(IBatchAnchor(address(0)));
    equal(address(verifier.batchAnchor()), address(batches), "anchor");
  }

  function test_provesAnAcceptedReceiptAndItsOutput() public view {
    for (uint256 at; at < 2; ++at) {
      IReceiptVerifier.Proof memory proof = proofOf(at, 0);
      (IReceiptVerifier.Outcome outcome, IReceiptVerifier.Result memory result) = verifier.checkReceipt(proof);
      equal(uint8(outcome), uint8(IReceiptVerifier.Outcome.Proven), "receipt");
      expectFields(result, proof.receipt);
      equal(result.output.length, 0, "no chunks, no output");
      expectFields(verifier.requireReceipt(proof), proof.receipt);
      (outcome, result) = verifier.checkOutput(proof, chunks);
      equal(uint8(outcome), uint8(IReceiptVerifier.Outcome.Proven), "output");
      expectFields(result, proof.receipt);
      bytes memory whole = bytes.concat(chunks[0].data, chunks[1].data, chunks[2].data);
      equal(keccak256(result.output), keccak256(whole), "bytes");
      equal(keccak256(verifier.requireOutput(proof, chunks).output), keccak256(whole), "strict");
    }
  }

  function test_provesTheChainOfTheProtocolsOwnVectors() public view {
    string memory json = JSON.readFile("../test/golden/volatility.golden.json");
    equal(
      verifier.outputHeadOf(JSON.parseJsonBytes32(json, ".split.jobId"), chunks),
      JSON.parseJsonBytes32(json, ".split.outputHead"),
      "three chunks"
    );
    json = JSON.readFile("../test/golden/protocol.golden.json");
    bytes[] memory data = JSON.parseJsonBytesArray(json, ".chunks.data");
    bytes32[] memory salts = JSON.parseJsonBytes32Array(json, ".chunks.salts");
    bytes32[] memory heads = JSON.parseJsonBytes32Array(json, ".chunks.heads");
    bytes32 jobId = JSON.parseJsonBytes32(json, ".chunks.jobId");
    equal(heads.length, data.length + 1, "heads");
    for (uint256 count; count < heads.length; ++count) {
      IReceiptVerifier.Chunk[] memory given = new IReceiptVerifier.Chunk[](count);
      for (uint256 at; at < count; ++at) {
        given[at] = IReceiptVerifier.Chunk(data[at], salts[at]);
      }
      equal(verifier.outputHeadOf(jobId, given), heads[count], "head");
    }
  }

  function test_saysWhichStepFailed() public {
    IReceiptVerifier.Proof memory proof = proofOf(0, 0);
    proof.batch.acceptedFee += 1;
    expectReceiptOutcome(proof, IReceiptVerifier.Outcome.NotAnchored);
    proof = proofOf(0, 0);
    proof.leaf.accepted = 7;
    expectReceiptOutcome(proof, IReceiptVerifier.Outcome.NotInBatch);
    proof = proofOf(0, 0);
    proof.receipt.model = keccak256("a better model");
    expectReceiptOutcome(proof, IReceiptVerifier.Outcome.NotInCheckpoint);
    expectReceiptOutcome(proofOf(0, 2), IReceiptVerifier.Outcome.Rejected);
    expectReceiptOutcome(proofOf(0, 1), IReceiptVerifier.Outcome.Incomplete);
  }

  function test_saysThatAReceiptIsUndecided() public {
    (acceptedMap, rejectedMap) = (0, 0);
    anchorBatch();
    expectReceiptOutcome(proofOf(0, 0), IReceiptVerifier.Outcome.Undecided);
  }

  function test_R21_aVoidedBatchProvesNothing() public {
    uint64 id = demandLeaf(1);
    passDeadline();
    IReceiptVerifier.Proof memory proof = proofOf(0, 0);
    verifier.requireOutput(proof, chunks);
    demands.expire(id);
    expectReceiptOutcome(proof, IReceiptVerifier.Outcome.Voided);
  }

  function test_theOutputIsEveryChunkInItsOrderAndNothingElse() public {
    IReceiptVerifier.Proof memory proof = proofOf(0, 0);
    IReceiptVerifier.Chunk[] memory fewer = new IReceiptVerifier.Chunk[](2);
    (fewer[0], fewer[1]) = (chunks[0], chunks[1]);
    expectOutcome(proof, fewer, IReceiptVerifier.Outcome.WrongChunkCount);
    IReceiptVerifier.Chunk[] memory given = chunks;
    (given[0], given[1]) = (given[1], given[0]);
    expectOutcome(proof, given, IReceiptVerifier.Outcome.WrongOutput);
    given = chunks;
    given[2].salt = keccak256("another salt");
    expectOutcome(proof, given, IReceiptVerifier.Outcome.WrongOutput);
    given = chunks;
    given[2].data[3] ^= 0x01;
    expectOutcome(proof, given, IReceiptVerifier.Outcome.WrongOutput);
    // The same bytes, cut elsewhere.
    given = chunks;
    given[0].data = bytes.concat(chunks[0].data, chunks[1].data);
    given[1].data = "";
    expectOutcome(proof, given, IReceiptVerifier.Outcome.WrongOutput);
  }

  function test_audit15_anOutputIsProvenForItsOwnJobAlone() public {
    IReceiptVerifier.Proof memory proof = proofOf(0, 0);
    proof.receiptProof = receiptProof(1, 0);
    proof.receipt = receipts[1][0];
    expectReceiptOutcome(proof, IReceiptVerifier.Outcome.NotInCheckpoint);
    proof = proofOf(0, 0);
    proof.index = 1;
    expectReceiptOutcome(proof, IReceiptVerifier.Outcome.NotInCheckpoint);
    isTrue(
      verifier.outputHeadOf(receipts[0][0].jobId, chunks) != verifier.outputHeadOf(receipts[1][0].jobId, chunks),
      "one answer, two heads"
    );
  }

  function testFuzz_theChainIsTheOneOfTheText(bytes32 jobId, bytes[] calldata data, bytes32 salt) public view {
    IReceiptVerifier.Chunk[] memory given = new IReceiptVerifier.Chunk[](data.length);
    bytes32 head = keccak256(abi.encode(keccak256("OPG/chunk/0"), jobId));
    for (uint256 at; at < data.length; ++at) {
      salt = keccak256(abi.encode(salt));
      given[at] = IReceiptVerifier.Chunk(data[at], salt);
      bytes32 content = keccak256(abi.encode(keccak256("OPG/chunk/data/1"), salt, keccak256(data[at])));
      head = keccak256(abi.encode(keccak256("OPG/chunk/1"), head, at + 1, content));
    }
    equal(verifier.outputHeadOf(jobId, given), head, "head");
  }
}
