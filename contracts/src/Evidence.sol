// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./interfaces/IBatchAnchor.sol";
import {ICommittee} from "./interfaces/ICommittee.sol";
import {IEvidence} from "./interfaces/IEvidence.sol";
import {IProtocolParams, Module, Param} from "./interfaces/IProtocolParams.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Batch, Checkpoint, Head, Job, Leaf, Receipt, Role, SessionGrant, Terms, Vote} from "./interfaces/Objects.sol";
import {Digests} from "./libraries/Digests.sol";
import {Fees} from "./libraries/Fees.sol";
import {IndexedMerkle} from "./libraries/IndexedMerkle.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

contract Evidence is IEvidence {
  using Digests for Batch;
  using Digests for Checkpoint;
  using Digests for Head;
  using Digests for Job;
  using Digests for Leaf;
  using Digests for Receipt;
  using Digests for SessionGrant;
  using Digests for Terms;
  using Digests for Vote;

  /// @dev `Receipt.status` of work that costs nothing (R26).
  uint8 private constant FAILED = 3;

  IStakeManager public immutable stakeManager;
  IProtocolParams public immutable params;
  IBatchAnchor public immutable batchAnchor;

  modifier whenOpen() {
    require(!params.isPaused(Module.Evidence), CasesPaused());
    _;
  }

  constructor(IStakeManager stakeManager_, IProtocolParams params_, IBatchAnchor batchAnchor_) {
    require(
      address(stakeManager_) != address(0) && address(params_) != address(0) && address(batchAnchor_) != address(0),
      InvalidParameters()
    );
    (stakeManager, params, batchAnchor) = (stakeManager_, params_, batchAnchor_);
  }

  /// @inheritdoc IEvidence
  function receiptEquivocation(SignedGrant calldata grant, SignedReceipt calldata left, SignedReceipt calldata right)
    external
    whenOpen
    returns (uint256 seized)
  {
    bytes32 jobId = left.receipt.jobId;
    require(right.receipt.jobId == jobId, DifferentSubjects(jobId, right.receipt.jobId));
    require(_differ(left.receipt, right.receipt), NoDifference(jobId));
    bytes32 separator = stakeManager.domainSeparator();
    bytes32 grantDigest = _checkGrant(separator, grant);
    _checkReceipt(separator, grant, grantDigest, left);
    _checkReceipt(separator, grant, grantDigest, right);
    return _prove(Offence.ReceiptEquivocation, grant.grant.operator, jobId, Role.Provider, Param.EquivocationPenalty);
  }

  /// @inheritdoc IEvidence
  function headEquivocation(SignedGrant calldata grant, SignedHead calldata left, SignedHead calldata right)
    external
    whenOpen
    returns (uint256 seized)
  {
    bytes32 subject = _checkSameHead(left.head, right.head);
    bytes32 separator = stakeManager.domainSeparator();
    bytes32 grantDigest = _checkGrant(separator, grant);
    bytes32 digest = _checkHead(separator, grant, grantDigest, left);
    require(_checkHead(separator, grant, grantDigest, right) != digest, SameObject(digest));
    return _prove(Offence.HeadEquivocation, grant.grant.operator, subject, Role.Provider, Param.EquivocationPenalty);
  }

  /// @inheritdoc IEvidence
  function headAgainstReceipt(
    SignedGrant calldata grant,
    SignedHead calldata signed,
    SignedReceipt calldata receipt,
    Head calldata other,
    uint32 position,
    bytes32[] calldata proof
  ) external whenOpen returns (uint256 seized) {
    bytes32 subject = _checkSameHead(signed.head, other);
    require(receipt.receipt.jobId == signed.head.jobId, DifferentSubjects(signed.head.jobId, receipt.receipt.jobId));
    bytes32 separator = stakeManager.domainSeparator();
    {
      bytes32 grantDigest = _checkGrant(separator, grant);
      bytes32 digest = Digests.toTyped(separator, other.hash());
      require(_checkHead(separator, grant, grantDigest, signed) != digest, SameObject(digest));
      require(
        IndexedMerkle.verify(IndexedMerkle.HEAD, receipt.receipt.headsRoot, position, digest, proof),
        NotInHeads(position, digest)
      );
      _checkReceipt(separator, grant, grantDigest, receipt);
    }
    return _prove(Offence.HeadEquivocation, grant.grant.operator, subject, Role.Provider, Param.EquivocationPenalty);
  }

  /// @inheritdoc IEvidence
  function omittedReceipt(
    SignedGrant calldata grant,
    SignedReceipt calldata receipt,
    AnchoredLeaf calldata anchored,
    SignedCheckpoint calldata signed,
    bytes32 other,
    bytes32[] calldata proof
  ) external whenOpen returns (uint256 seized) {
    bytes32 separator = stakeManager.domainSeparator();
    bytes32 grantDigest = _checkGrant(separator, grant);
    require(
      signed.checkpoint.operator == grant.grant.operator,
      DifferentOperators(grant.grant.operator, signed.checkpoint.operator)
    );
    require(signed.checkpoint.grant == grantDigest, WrongGrant(grantDigest, signed.checkpoint.grant));
    uint256 index = _placeOf(receipt.receipt.sequence, signed.checkpoint);
    require(_checkReceipt(separator, grant, grantDigest, receipt) != other, SameObject(other));
    _checkPlace(signed.checkpoint, index, other, proof);
    _checkCheckpoint(separator, anchored, signed);
    return _prove(
      Offence.OmittedReceipt,
      grant.grant.operator,
      keccak256(abi.encode(grantDigest, receipt.receipt.sequence)),
      Role.Provider,
      Param.EquivocationPenalty
    );
  }

  /// @inheritdoc IEvidence
  function doubledReceipt(Inclusion calldata left, Inclusion calldata right)
    external
    whenOpen
    returns (uint256 seized)
  {
    bytes32 jobId = left.receipt.jobId;
    require(right.receipt.jobId == jobId, DifferentSubjects(jobId, right.receipt.jobId));
    address operator = left.signed.checkpoint.operator;
    require(
      right.signed.checkpoint.operator == operator, DifferentOperators(operator, right.signed.checkpoint.operator)
    );
    bytes32 separator = stakeManager.domainSeparator();
    bytes32 digest = _checkInclusion(separator, left);
    require(_checkInclusion(separator, right) != digest || left.index != right.index, SameObject(digest));
    return _prove(Offence.DoubledReceipt, operator, jobId, Role.Provider, Param.DoubledReceiptPenalty);
  }

  /// @inheritdoc IEvidence
  function checkpointEquivocation(SignedCheckpoint calldata left, SignedCheckpoint calldata right)
    external
    whenOpen
    returns (uint256 seized)
  {
    address operator = left.checkpoint.operator;
    bytes32 sequence = bytes32(uint256(left.checkpoint.sequence));
    require(right.checkpoint.operator == operator, DifferentOperators(operator, right.checkpoint.operator));
    require(
      right.checkpoint.sequence == left.checkpoint.sequence,
      DifferentSubjects(sequence, bytes32(uint256(right.checkpoint.sequence)))
    );
    bytes32 separator = stakeManager.domainSeparator();
    bytes32 digest = Digests.toTyped(separator, left.checkpoint.hash());
    bytes32 other = Digests.toTyped(separator, right.checkpoint.hash());
    require(digest != other, SameObject(digest));
    _checkSignature(digest, left.signature, operator);
    _checkSignature(other, right.signature, operator);
    return _prove(Offence.CheckpointEquivocation, operator, sequence, Role.Provider, Param.EquivocationPenalty);
  }

  /// @inheritdoc IEvidence
  function voteEquivocation(SignedVote calldata left, SignedVote calldata right)
    external
    whenOpen
    returns (uint256 seized)
  {
    address verifier = left.vote.verifier;
    require(right.vote.verifier == verifier, DifferentOperators(verifier, right.vote.verifier));
    bytes32 subject = keccak256(abi.encode(left.vote.checkpoint, left.vote.round));
    {
      bytes32 otherSubject = keccak256(abi.encode(right.vote.checkpoint, right.vote.round));
      require(otherSubject == subject, DifferentSubjects(subject, otherSubject));
    }
    bytes32 separator = stakeManager.domainSeparator();
    bytes32 digest = Digests.toTyped(separator, left.vote.hash());
    bytes32 other = Digests.toTyped(separator, right.vote.hash());
    require(digest != other, SameObject(digest));
    _checkSignature(digest, left.signature, verifier);
    _checkSignature(other, right.signature, verifier);
    return _prove(Offence.VoteEquivocation, verifier, subject, Role.Verifier, Param.EquivocationPenalty);
  }

  /// @inheritdoc IEvidence
  function overcharge(
    SignedGrant calldata grant,
    Job calldata job,
    Terms calldata terms,
    SignedReceipt calldata receipt
  ) external whenOpen returns (uint256 seized) {
    bytes32 separator = stakeManager.domainSeparator();
    bytes32 jobId = receipt.receipt.jobId;
    {
      bytes32 digest = Digests.toTyped(separator, job.hash());
      require(digest == jobId, WrongJob(jobId, digest));
      digest = Digests.toTyped(separator, terms.hash());
      require(digest == job.terms, WrongTerms(job.terms, digest));
    }
    require(_isOvercharged(job, terms, receipt.receipt), NotOvercharged(jobId));
    _checkReceipt(separator, grant, _checkGrant(separator, grant), receipt);
    return _prove(Offence.Overcharge, grant.grant.operator, jobId, Role.Provider, Param.OverchargePenalty);
  }

  /// @inheritdoc IEvidence
  function falseBatch(
    AnchoredLeaf calldata first,
    AnchoredLeaf calldata second,
    uint64 setEpoch,
    uint256 signers,
    bytes calldata sigs64
  ) external whenOpen returns (uint256 seized) {
    require(signers != 0, NoSigners());
    bytes32 subject = _doublingOf(first, second);
    _checkLeaf(first);
    _checkLeaf(second);
    ICommittee committee = batchAnchor.committee();
    {
      bytes32 digest = Digests.toTyped(stakeManager.domainSeparator(), second.batch.hash());
      // Reverts unless every signature is that of the seat the bitmap names.
      committee.weigh(setEpoch, false, digest, signers, sigs64);
    }
    (ICommittee.Seat[] memory seats,) = committee.signingSet(setEpoch);
    uint16 penalty = uint16(params.valueOf(Param.FalseBatchPenalty));
    for (uint256 seat; signers >> seat != 0; ++seat) {
      if (signers >> seat & 1 == 1) seized += _chargeSigner(seats[seat].verifier, subject, penalty);
    }
    require(seized != 0, NoNewCase());
  }

  /// @inheritdoc IEvidence
  function caseIdOf(Offence offence, address operator, bytes32 subject) public pure returns (bytes32) {
    return keccak256(abi.encode(offence, operator, subject));
  }

  function _prove(Offence offence, address operator, bytes32 subject, Role role, Param penalty)
    private
    returns (uint256 seized)
  {
    bytes32 caseId = caseIdOf(offence, operator, subject);
    seized = stakeManager.seize(caseId, operator, role, uint16(params.valueOf(penalty)), msg.sender);
    require(seized != 0, NothingToSeize(operator, role));
    emit OffenceProved(offence, operator, caseId, msg.sender, seized);
  }

  /// @dev Nothing, and no revert, for a signer that was charged before or has no stake.
  function _chargeSigner(address verifier, bytes32 subject, uint16 penalty) private returns (uint256) {
    if (stakeManager.slashableOf(verifier, Role.Verifier) == 0) return 0;
    bytes32 caseId = caseIdOf(Offence.FalseBatch, verifier, subject);
    try stakeManager.seize(caseId, verifier, Role.Verifier, penalty, msg.sender) returns (uint256 seized) {
      emit OffenceProved(Offence.FalseBatch, verifier, caseId, msg.sender, seized);
      return seized;
    } catch (bytes memory reason) {
      if (bytes4(reason) != IStakeManager.CaseKnown.selector) {
        assembly ("memory-safe") {
          revert(add(reason, 0x20), mload(reason))
        }
      }
      return 0;
    }
  }

  /// @dev What both leaves include: a place (operator, sequence), or one checkpoint under two places.
  function _doublingOf(AnchoredLeaf calldata first, AnchoredLeaf calldata second) private pure returns (bytes32) {
    require(first.batch.number <= second.batch.number, WrongOrder(first.batch.number, second.batch.number));
    if (first.batch.number == second.batch.number) {
      bytes32 digest = first.leaf.hash();
      require(second.leaf.hash() != digest, SameObject(digest));
    }
    bytes32 place = keccak256(abi.encode(first.leaf.operator, first.leaf.sequence));
    bytes32 otherPlace = keccak256(abi.encode(second.leaf.operator, second.leaf.sequence));
    if (place == otherPlace) return place;
    require(first.leaf.checkpoint == second.leaf.checkpoint, DifferentSubjects(place, otherPlace));
    return first.leaf.checkpoint;
  }

  function _isOvercharged(Job calldata job, Terms calldata terms, Receipt calldata receipt)
    private
    pure
    returns (bool)
  {
    if (receipt.fee > job.maxFee) return true;
    if (receipt.fee != 0 && (receipt.status == FAILED || receipt.outputUnits > job.maxOutputUnits)) return true;
    uint256 mac = Fees.macOf(terms, receipt.inputUnits, receipt.outputUnits);
    if (receipt.mac > mac) return true;
    uint256 billedMs =
      Fees.billedMsOf(terms, receipt.inputUnits, receipt.outputUnits, receipt.startedAt, receipt.finishedAt);
    if (receipt.billedMs > billedMs) return true;
    return receipt.fee > Fees.feeOf(terms, mac, billedMs);
  }

  function _differ(Receipt calldata left, Receipt calldata right) private pure returns (bool) {
    return left.outputHead != right.outputHead || left.headsRoot != right.headsRoot || left.chunks != right.chunks
      || left.trace != right.trace || left.inputUnits != right.inputUnits || left.outputUnits != right.outputUnits
      || left.mac != right.mac || left.billedMs != right.billedMs || left.memoryMB != right.memoryMB
      || left.startedAt != right.startedAt || left.finishedAt != right.finishedAt || left.fee != right.fee
      || left.chargedAfter != right.chargedAfter || left.status != right.status;
  }

  function _checkSameHead(Head calldata left, Head calldata right) private pure returns (bytes32 subject) {
    subject = keccak256(abi.encode(left.jobId, left.index));
    bytes32 other = keccak256(abi.encode(right.jobId, right.index));
    require(other == subject, DifferentSubjects(subject, other));
  }

  function _checkSignature(bytes32 digest, bytes calldata signature, address signer) private pure {
    (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
    require(problem == ECDSA.RecoverError.NoError && recovered == signer, BadSignature(digest, signer));
  }

  function _checkGrant(bytes32 separator, SignedGrant calldata signed) private pure returns (bytes32 digest) {
    digest = Digests.toTyped(separator, signed.grant.hash());
    _checkSignature(digest, signed.signature, signed.grant.operator);
  }

  function _checkReceipt(
    bytes32 separator,
    SignedGrant calldata grant,
    bytes32 grantDigest,
    SignedReceipt calldata signed
  ) private pure returns (bytes32 digest) {
    require(signed.receipt.grant == grantDigest, WrongGrant(grantDigest, signed.receipt.grant));
    digest = Digests.toTyped(separator, signed.receipt.hash());
    _checkSignature(digest, signed.signature, grant.grant.sessionKey);
  }

  function _checkHead(bytes32 separator, SignedGrant calldata grant, bytes32 grantDigest, SignedHead calldata signed)
    private
    pure
    returns (bytes32 digest)
  {
    require(signed.head.grant == grantDigest, WrongGrant(grantDigest, signed.head.grant));
    digest = Digests.toTyped(separator, signed.head.hash());
    _checkSignature(digest, signed.signature, grant.grant.sessionKey);
  }

  function _placeOf(uint64 sequence, Checkpoint calldata checkpoint) private pure returns (uint256) {
    uint64 first = checkpoint.firstSequence;
    require(sequence >= first && sequence - first < checkpoint.count, NotInRange(sequence, first, checkpoint.count));
    return sequence - first;
  }

  function _checkPlace(Checkpoint calldata checkpoint, uint256 index, bytes32 digest, bytes32[] calldata proof)
    private
    pure
  {
    require(
      index < checkpoint.count
        && IndexedMerkle.verify(IndexedMerkle.RECEIPT, checkpoint.receiptsRoot, index, digest, proof),
      NotInCheckpoint(index, digest)
    );
  }

  function _checkInclusion(bytes32 separator, Inclusion calldata shown) private view returns (bytes32 digest) {
    bytes32 receipt = Digests.toTyped(separator, shown.receipt.hash());
    _checkPlace(shown.signed.checkpoint, shown.index, receipt, shown.proof);
    return _checkCheckpoint(separator, shown.anchored, shown.signed);
  }

  /// @dev The leaf says that it was anchored, the signature whose it is: who signs batches signs for no operator.
  function _checkCheckpoint(bytes32 separator, AnchoredLeaf calldata anchored, SignedCheckpoint calldata signed)
    private
    view
    returns (bytes32 digest)
  {
    digest = Digests.toTyped(separator, signed.checkpoint.hash());
    require(anchored.leaf.checkpoint == digest, WrongCheckpoint(digest, anchored.leaf.checkpoint));
    _checkSignature(digest, signed.signature, signed.checkpoint.operator);
    _checkLeaf(anchored);
  }

  function _checkLeaf(AnchoredLeaf calldata anchored) private view {
    require(batchAnchor.checkLeaf(anchored.batch, anchored.leaf, anchored.proof), NotAnchored(anchored.batch.number));
  }
}
