// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./IBatchAnchor.sol";
import {Batch, Leaf, Receipt} from "./Objects.sol";

/// @title What an anchored receipt proves, for other contracts
/// @notice A view: who calls it pays for no more than hashing. It proves that a quorum of the signing set anchored the
/// provider's receipt as accepted, and that given bytes are the answer the receipt commits to. It does not prove that the
/// input was a sensible one: `inputHash` and `parametersHash` are the requester's choice, so say whose receipts count.
/// Acceptance is the committee's and can still be followed by an audit or a withheld leaf; wait as long as you need.
interface IReceiptVerifier {
  /// @notice The step that failed, or that none did.
  enum Outcome {
    NotAnchored,
    Voided,
    NotInBatch,
    NotInCheckpoint,
    Undecided,
    Rejected,
    /// accepted, but the work was truncated or failed
    Incomplete,
    /// another number of chunks than the receipt's
    WrongChunkCount,
    /// the chunks do not give the receipt's output
    WrongOutput,
    Proven
  }

  /// @param leafProof of `leaf` under `batch.checkpointsRoot`
  /// @param index place of the receipt in its checkpoint
  /// @param receiptProof of `receipt` under `leaf.receiptsRoot`
  struct Proof {
    Batch batch;
    Leaf leaf;
    bytes32[] leafProof;
    Receipt receipt;
    uint8 index;
    bytes32[] receiptProof;
  }

  /// @notice One chunk of an answer, as it was streamed (protocol.md, Objects).
  struct Chunk {
    bytes data;
    bytes32 salt;
  }

  /// @param finishedAt ms since 1970, by the provider's clock
  /// @param assurance code of the trust root that matched (R6)
  /// @param output the chunks' data, one after another; empty where none were given
  struct Result {
    bytes32 jobId;
    bytes32 model;
    address requester;
    address provider;
    bytes32 inputHash;
    bytes32 parametersHash;
    uint64 finishedAt;
    uint8 assurance;
    bytes output;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  /// @notice Thrown by the strict forms when a step failed
  error NotProven(Outcome outcome);

  /// @notice Whether the receipt is anchored, accepted and complete. `result` is empty unless it is.
  function checkReceipt(Proof calldata proof) external view returns (Outcome outcome, Result memory result);

  /// @notice The same, and whether `chunks`, in their order, are the whole answer.
  function checkOutput(Proof calldata proof, Chunk[] calldata chunks)
    external
    view
    returns (Outcome outcome, Result memory result);

  /// @notice `checkReceipt` that reverts unless proven.
  function requireReceipt(Proof calldata proof) external view returns (Result memory);

  /// @notice `checkOutput` that reverts unless proven.
  function requireOutput(Proof calldata proof, Chunk[] calldata chunks) external view returns (Result memory);

  /// @notice `head(n)` over the chunks of job `jobId` (protocol.md, Objects).
  function outputHeadOf(bytes32 jobId, Chunk[] calldata chunks) external pure returns (bytes32);

  function batchAnchor() external view returns (IBatchAnchor);
}
