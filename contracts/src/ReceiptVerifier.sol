// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./interfaces/IBatchAnchor.sol";
import {IReceiptVerifier} from "./interfaces/IReceiptVerifier.sol";
import {Receipt} from "./interfaces/Objects.sol";
import {Chunks} from "./libraries/Chunks.sol";

contract ReceiptVerifier is IReceiptVerifier {
  /// @dev `Receipt.status` of work that was done to its end.
  uint8 private constant COMPLETE = 1;

  IBatchAnchor public immutable batchAnchor;

  constructor(IBatchAnchor batchAnchor_) {
    require(address(batchAnchor_) != address(0), InvalidParameters());
    batchAnchor = batchAnchor_;
  }

  /// @inheritdoc IReceiptVerifier
  function checkReceipt(Proof calldata proof) external view returns (Outcome outcome, Result memory result) {
    outcome = _check(proof);
    if (outcome == Outcome.Proven) _fill(result, proof.receipt);
  }

  /// @inheritdoc IReceiptVerifier
  function checkOutput(Proof calldata proof, Chunk[] calldata chunks)
    external
    view
    returns (Outcome outcome, Result memory result)
  {
    outcome = _checkWith(proof, chunks);
    if (outcome == Outcome.Proven) _fillWith(result, proof.receipt, chunks);
  }

  /// @inheritdoc IReceiptVerifier
  function requireReceipt(Proof calldata proof) external view returns (Result memory result) {
    Outcome outcome = _check(proof);
    require(outcome == Outcome.Proven, NotProven(outcome));
    _fill(result, proof.receipt);
  }

  /// @inheritdoc IReceiptVerifier
  function requireOutput(Proof calldata proof, Chunk[] calldata chunks) external view returns (Result memory result) {
    Outcome outcome = _checkWith(proof, chunks);
    require(outcome == Outcome.Proven, NotProven(outcome));
    _fillWith(result, proof.receipt, chunks);
  }

  /// @inheritdoc IReceiptVerifier
  function outputHeadOf(bytes32 jobId, Chunk[] calldata chunks) public pure returns (bytes32 head) {
    head = Chunks.first(jobId);
    for (uint256 at; at < chunks.length; ++at) {
      head = Chunks.next(head, at + 1, chunks[at].salt, keccak256(chunks[at].data));
    }
  }

  function _check(Proof calldata proof) private view returns (Outcome) {
    (IBatchAnchor.Status status, bool accepted) =
      batchAnchor.checkReceipt(proof.batch, proof.leaf, proof.leafProof, proof.receipt, proof.index, proof.receiptProof);
    // The steps before acceptance have the same codes in both enumerations.
    if (!accepted) return Outcome(uint8(status));
    return proof.receipt.status == COMPLETE ? Outcome.Proven : Outcome.Incomplete;
  }

  function _checkWith(Proof calldata proof, Chunk[] calldata chunks) private view returns (Outcome outcome) {
    outcome = _check(proof);
    if (outcome != Outcome.Proven) return outcome;
    if (chunks.length != proof.receipt.chunks) return Outcome.WrongChunkCount;
    if (outputHeadOf(proof.receipt.jobId, chunks) != proof.receipt.outputHead) return Outcome.WrongOutput;
  }

  function _fill(Result memory result, Receipt calldata receipt) private pure {
    result.jobId = receipt.jobId;
    result.model = receipt.model;
    result.requester = receipt.requester;
    result.provider = receipt.provider;
    result.inputHash = receipt.inputHash;
    result.parametersHash = receipt.parametersHash;
    result.finishedAt = receipt.finishedAt;
    result.assurance = receipt.assurance;
  }

  function _fillWith(Result memory result, Receipt calldata receipt, Chunk[] calldata chunks) private pure {
    _fill(result, receipt);
    if (chunks.length == 1) {
      result.output = chunks[0].data;
      return;
    }
    uint256 length;
    for (uint256 at; at < chunks.length; ++at) {
      length += chunks[at].data.length;
    }
    bytes memory output = new bytes(length);
    uint256 offset = 32;
    for (uint256 at; at < chunks.length; ++at) {
      bytes calldata data = chunks[at].data;
      assembly ("memory-safe") {
        calldatacopy(add(output, offset), data.offset, data.length)
      }
      offset += data.length;
    }
    result.output = output;
  }
}
