// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "./ICommittee.sol";
import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";
import {Batch, Checkpoint, Leaf, Receipt} from "./Objects.sol";

/// @title Numbered, chained, quorum-signed batches (R19 to R22)
/// @notice Anchoring moves no money. Leaves stay off chain and are proved against the anchored digest.
interface IBatchAnchor {
  /// @notice What is proved of a receipt.
  enum Status {
    NotAnchored,
    Voided,
    NotInBatch,
    NotInCheckpoint,
    Undecided,
    Rejected,
    Accepted
  }

  /// @notice Thrown when the batch is not the next one: a replay, a gap, or a race lost
  error WrongNumber(uint64 expected, uint64 got);
  /// @notice Thrown when the batch does not build on the last one
  error WrongPrevious(bytes32 expected, bytes32 got);
  /// @notice Thrown when the epoch is not the current or the one before it, or is before the last batch's
  error WrongEpoch(uint64 epoch, uint64 current);
  /// @notice Thrown when the cut-off is more than `FUTURE_TOLERANCE_MS` ahead of the block
  error CutoffInFuture(uint64 cutoff, uint256 nowMs);
  /// @notice Thrown when a root comes without leaves or leaves without a root
  error RootWithoutLeaves();
  /// @notice Thrown when the settler the batch names has no matured settler stake
  error SettlerNotStaked(address settler);
  /// @notice Thrown when the signatures are not more than 2/3 of the signers' weight
  error NoQuorum(uint256 signed, uint256 total);
  /// @notice Thrown when a forced checkpoint does not hold 1 to 256 receipts
  error WrongCount(uint16 count);
  /// @notice Thrown when a checkpoint is forced whose operator has no matured provider stake
  error ProviderNotStaked(address operator);
  error BadOperatorSignature(address operator);
  error AlreadyForced(bytes32 digest);
  /// @notice Thrown when new batches are paused
  error AnchorsPaused();
  /// @notice Thrown when a batch is voided by another than the module that proves withholding, or twice
  error NotVoidable(uint64 number, address caller);

  /// @param batch all of it, so that its digest can be recomputed from the log
  /// @param signers bit i is seat i of the signing set of `batch.epoch`
  event BatchAnchored(
    uint64 indexed number, bytes32 indexed digest, address indexed settler, Batch batch, uint256 signers
  );
  /// @notice Nothing is proved by this batch any more; the chain of numbers and digests stays.
  event BatchVoided(uint64 indexed number);
  /// @notice Later batches must include this checkpoint (R20).
  event CheckpointForced(
    bytes32 indexed digest, address indexed operator, uint64 indexed sequence, Checkpoint checkpoint, bytes operatorSig
  );

  /// @notice Anchors batch `lastNumber + 1`. Anyone may call: the settler the batch names is the one credited.
  /// @param signers and `sigs64` as `ICommittee.weigh` reads them
  function anchor(Batch calldata b, uint256 signers, bytes calldata sigs64) external;

  /// @notice Puts a signed checkpoint of a staked provider on chain. Anyone may call.
  /// @param operatorSig the operator's 65-byte signature of the checkpoint
  function force(Checkpoint calldata c, bytes calldata operatorSig) external;

  /// @notice Takes the force of proof from a batch whose leaf was withheld. `Module.Demands` only.
  function voidBatch(uint64 number) external;

  /// @notice Whether `l` is a leaf of the anchored batch `b`, which was not voided.
  function checkLeaf(Batch calldata b, Leaf calldata l, bytes32[] calldata proof) external view returns (bool);

  /// @notice What the anchored batch `b` says of receipt `index` of the checkpoint in leaf `l`.
  /// @param lp proof of the leaf, `rp` of the receipt
  function checkReceipt(
    Batch calldata b,
    Leaf calldata l,
    bytes32[] calldata lp,
    Receipt calldata r,
    uint8 index,
    bytes32[] calldata rp
  ) external view returns (Status status, bool accepted);

  function stakeManager() external view returns (IStakeManager);
  function committee() external view returns (ICommittee);
  function lastNumber() external view returns (uint64);
  /// @notice Epoch of the last batch.
  function lastEpoch() external view returns (uint64);
  /// @notice Digest of an anchored batch; zero for number 0 and for batches to come.
  function digestOf(uint64 number) external view returns (bytes32);
  function isVoid(uint64 number) external view returns (bool);
  function params() external view returns (IProtocolParams);
  /// @notice Second in which a checkpoint was forced; zero when it was not.
  function forcedAt(bytes32 checkpoint) external view returns (uint64);
}
