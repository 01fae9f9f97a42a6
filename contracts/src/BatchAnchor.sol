// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./interfaces/IBatchAnchor.sol";
import {ICommittee} from "./interfaces/ICommittee.sol";
import {IProtocolParams, Module} from "./interfaces/IProtocolParams.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Batch, Checkpoint, Leaf, Receipt, Role} from "./interfaces/Objects.sol";
import {Digests} from "./libraries/Digests.sol";
import {IndexedMerkle} from "./libraries/IndexedMerkle.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

contract BatchAnchor is IBatchAnchor {
  using Digests for Batch;
  using Digests for Checkpoint;
  using Digests for Leaf;
  using Digests for Receipt;

  /// @notice How far a signed time may be ahead of the block, in ms (protocol.md, Encoding).
  uint256 public constant FUTURE_TOLERANCE_MS = 2000;
  /// @notice Receipts in a checkpoint at most (R8): as many as a verdict map has bits.
  uint16 public constant MAX_RECEIPTS = 256;

  /// @dev Bytes of a batch with its type hash, or with its signers.
  uint256 private constant BATCH_LENGTH = 0x200;

  IStakeManager public immutable stakeManager;
  ICommittee public immutable committee;
  IProtocolParams public immutable params;
  uint64 private immutable _genesisTimestamp;
  uint64 private immutable _epochLength;
  uint256 private immutable _chainId;
  bytes32 private immutable _domainSeparator;

  uint64 public lastNumber;
  uint64 public lastEpoch;
  mapping(uint64 number => bytes32) public digestOf;
  mapping(uint64 number => bool) public isVoid;
  mapping(bytes32 checkpoint => uint64) public forcedAt;

  constructor(ICommittee committee_, IProtocolParams params_) {
    committee = committee_;
    params = params_;
    stakeManager = committee_.stakeManager();
    _genesisTimestamp = stakeManager.genesisTimestamp();
    _epochLength = stakeManager.epochLength();
    _chainId = block.chainid;
    _domainSeparator = stakeManager.domainSeparator();
  }

  /// @inheritdoc IBatchAnchor
  function anchor(Batch calldata b, uint256 signers, bytes calldata sigs64) external {
    require(!params.isPaused(Module.BatchAnchor), AnchorsPaused());
    (uint64 number, uint64 epoch, address settler) = (b.number, b.epoch, b.settler);
    _checkNext(b, number, epoch, settler);
    bytes memory encoded = _encode(b, signers);
    bytes32 digest = _digest(_hashOf(encoded));
    _checkQuorum(epoch, digest, signers, sigs64);

    (lastNumber, lastEpoch) = (number, epoch);
    digestOf[number] = digest;
    _emitAnchored(number, digest, settler, encoded);
  }

  /// @inheritdoc IBatchAnchor
  function voidBatch(uint64 number) external {
    require(
      msg.sender == params.moduleOf(Module.Demands) && digestOf[number] != 0 && !isVoid[number],
      NotVoidable(number, msg.sender)
    );
    isVoid[number] = true;
    emit BatchVoided(number);
  }

  /// @inheritdoc IBatchAnchor
  function force(Checkpoint calldata c, bytes calldata operatorSig) external {
    require(c.count != 0 && c.count <= MAX_RECEIPTS, WrongCount(c.count));
    uint64 epoch = stakeManager.currentEpoch();
    require(stakeManager.maturedStake(c.operator, Role.Provider, epoch) != 0, ProviderNotStaked(c.operator));
    bytes32 digest = _digest(c.hash());
    require(forcedAt[digest] == 0, AlreadyForced(digest));
    (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, operatorSig);
    require(problem == ECDSA.RecoverError.NoError && signer == c.operator, BadOperatorSignature(c.operator));
    forcedAt[digest] = uint64(block.timestamp);
    emit CheckpointForced(digest, c.operator, c.sequence, c, operatorSig);
  }

  /// @inheritdoc IBatchAnchor
  function checkLeaf(Batch calldata b, Leaf calldata l, bytes32[] calldata proof) external view returns (bool) {
    return _isAnchored(b) && !isVoid[b.number] && _isLeaf(b, l, proof);
  }

  /// @inheritdoc IBatchAnchor
  function checkReceipt(
    Batch calldata b,
    Leaf calldata l,
    bytes32[] calldata lp,
    Receipt calldata r,
    uint8 index,
    bytes32[] calldata rp
  ) external view returns (Status status, bool accepted) {
    if (!_isAnchored(b)) return (Status.NotAnchored, false);
    if (isVoid[b.number]) return (Status.Voided, false);
    if (!_isLeaf(b, l, lp)) return (Status.NotInBatch, false);
    if (index >= l.count || r.provider != l.operator) return (Status.NotInCheckpoint, false);
    if (!IndexedMerkle.verify(IndexedMerkle.RECEIPT, l.receiptsRoot, index, _digest(r.hash()), rp)) {
      return (Status.NotInCheckpoint, false);
    }
    if (l.rejected >> index & 1 == 1) return (Status.Rejected, false);
    if (l.accepted >> index & 1 == 1) return (Status.Accepted, true);
    return (Status.Undecided, false);
  }

  function _checkNext(Batch calldata b, uint64 number, uint64 epoch, address settler) private view {
    (uint64 last, uint64 oldest) = (lastNumber, lastEpoch);
    require(number == last + 1, WrongNumber(last + 1, number));
    bytes32 previous = digestOf[last];
    require(b.previous == previous, WrongPrevious(previous, b.previous));
    uint64 current = (uint64(block.timestamp) - _genesisTimestamp) / _epochLength;
    require(epoch <= current && epoch + 1 >= current && epoch >= oldest, WrongEpoch(epoch, current));
    uint256 nowMs = block.timestamp * 1000;
    require(b.cutoff <= nowMs + FUTURE_TOLERANCE_MS, CutoffInFuture(b.cutoff, nowMs));
    require((b.leaves == 0) == (b.checkpointsRoot == 0), RootWithoutLeaves());
    require(stakeManager.maturedStake(settler, Role.Settler, current) != 0, SettlerNotStaked(settler));
  }

  function _checkQuorum(uint64 epoch, bytes32 digest, uint256 signers, bytes calldata sigs64) private view {
    (uint256 signed, uint256 total) = committee.weigh(epoch, false, digest, signers, sigs64);
    require(signed * 3 > total * 2, NoQuorum(signed, total));
  }

  /// @dev Type hash, batch and signers: at once what is hashed and what is logged, so copied rather than encoded twice.
  /// Members that `_checkNext` does not read have had nobody look at what lies beyond their width.
  function _encode(Batch calldata b, uint256 signers) private pure returns (bytes memory encoded) {
    bytes32 typeHash = Digests.BATCH_TYPEHASH;
    assembly ("memory-safe") {
      let auditOf := calldataload(add(b, 0x100))
      let counts := or(calldataload(add(b, 0x120)), calldataload(add(b, 0x140)))
      let sums := or(calldataload(add(b, 0x160)), calldataload(add(b, 0x180)))
      if or(shr(64, auditOf), or(shr(32, counts), shr(128, sums))) { revert(0x00, 0x00) }
      encoded := mload(0x40)
      mstore(encoded, 0x220)
      mstore(add(encoded, 0x20), typeHash)
      calldatacopy(add(encoded, 0x40), b, 0x1E0)
      mstore(add(encoded, 0x220), signers)
      mstore(0x40, add(encoded, 0x240))
    }
  }

  /// @dev hashStruct of a batch: of `encoded` all but the signers.
  function _hashOf(bytes memory encoded) private pure returns (bytes32 structHash) {
    assembly ("memory-safe") {
      structHash := keccak256(add(encoded, 0x20), BATCH_LENGTH)
    }
  }

  /// @dev `emit BatchAnchored(next, digest, settler, batch, signers)`: its data is what `encoded` holds after the type hash.
  function _emitAnchored(uint64 next, bytes32 digest, address settler, bytes memory encoded) private {
    bytes32 topic = BatchAnchored.selector;
    assembly ("memory-safe") {
      log4(add(encoded, 0x40), BATCH_LENGTH, topic, next, digest, settler)
    }
  }

  function _digest(bytes32 structHash) private view returns (bytes32) {
    bytes32 separator = block.chainid == _chainId ? _domainSeparator : stakeManager.domainSeparator();
    return Digests.toTyped(separator, structHash);
  }

  function _isAnchored(Batch calldata b) private view returns (bool) {
    bytes32 digest = digestOf[b.number];
    return digest != 0 && digest == _digest(b.hash());
  }

  function _isLeaf(Batch calldata b, Leaf calldata l, bytes32[] calldata proof) private pure returns (bool) {
    return
      l.index < b.leaves && IndexedMerkle.verify(IndexedMerkle.CHECKPOINT, b.checkpointsRoot, l.index, l.hash(), proof);
  }
}
