// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./IBatchAnchor.sol";
import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";
import {Batch, Checkpoint, Head, Job, Leaf, Receipt, Role, SessionGrant, Terms, Vote} from "./Objects.sol";

/// @title Objective offences: proved by signatures and Merkle proofs alone, no vote (economy.md, Stakes and penalties)
/// @notice Every function is open to anyone, checks what it is given and seizes a governed share of the offender's stake.
///
/// **Who answers.** An operator answers for what its own key signed, and for what a session key signed that it granted
/// (R4): the grant carries its signature in the domain of this network, and the object names the digest of that grant.
/// What others signed in its name, a corrupt signing set included, never counts: a checkpoint is taken from its
/// operator's signature, not from the leaf that names it. Signatures are 65 bytes with a low s.
///
/// **Times save nobody.** `notBefore` and `notAfter` say when a requester may rely on a session key. Liability has no such
/// window: the times in a receipt are the offender's own words, and a key may sign at any time. Who grants a key answers
/// for it until it is destroyed.
///
/// **Cases.** An offence has a subject (a job, a head, a sequence, a vote's place). (Offence, key, subject) is one case id,
/// used once: a second report reverts with `IStakeManager.CaseKnown`, whatever other digests it shows; another subject is
/// another case. The key is the one that signed, never the key it was rotated to, so that a rotation opens no second case
/// for one offence; StakeManager takes the stake from where it is now. A report that would take nothing reverts, so that
/// nobody can use up case ids while it has no stake.
///
/// **Reporters.** The sender is the reporter. A report is all there is to know of an offence, so whoever sees it before it
/// is mined can send it first and be paid; send it privately, or accept that. Nothing is committed beforehand: a delay
/// would serve the offender. An offender that reports itself under another name saves at most the reporter's share; half
/// of what is taken burns in any case.
///
/// An `eth_call` of any function is its dry run: it returns what it would take or reverts with what does not hold.
interface IEvidence {
  enum Offence {
    None,
    ReceiptEquivocation,
    HeadEquivocation,
    OmittedReceipt,
    DoubledReceipt,
    CheckpointEquivocation,
    VoteEquivocation,
    Overcharge,
    FalseBatch
  }

  /// @param signature of `grant.operator`
  struct SignedGrant {
    SessionGrant grant;
    bytes signature;
  }

  /// @param signature of the session key of the grant the receipt names
  struct SignedReceipt {
    Receipt receipt;
    bytes signature;
  }

  /// @param signature of the session key of the grant the head names
  struct SignedHead {
    Head head;
    bytes signature;
  }

  /// @param signature of `checkpoint.operator`
  struct SignedCheckpoint {
    Checkpoint checkpoint;
    bytes signature;
  }

  /// @param signature of `vote.verifier`
  struct SignedVote {
    Vote vote;
    bytes signature;
  }

  /// @notice A leaf of an anchored batch that was not voided.
  /// @param proof of `leaf` under `batch.checkpointsRoot`
  struct AnchoredLeaf {
    Batch batch;
    Leaf leaf;
    bytes32[] proof;
  }

  /// @notice A receipt at a place of an anchored checkpoint.
  /// @param anchored the leaf that names the digest of `signed`
  /// @param index place of the receipt in the checkpoint
  /// @param proof of the receipt under `receiptsRoot` of the checkpoint
  struct Inclusion {
    AnchoredLeaf anchored;
    SignedCheckpoint signed;
    Receipt receipt;
    uint8 index;
    bytes32[] proof;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  /// @notice Thrown when new cases are paused
  error CasesPaused();
  /// @notice Thrown when a signature of `digest` is malformed, has a high s, or is not the signer's
  error BadSignature(bytes32 digest, address signer);
  /// @notice Thrown when an object names another grant than the one shown
  error WrongGrant(bytes32 expected, bytes32 got);
  /// @notice Thrown when two objects are one: no offence, however often it was signed
  error SameObject(bytes32 digest);
  /// @notice Thrown when two objects are of two subjects: there may well be two
  error DifferentSubjects(bytes32 left, bytes32 right);
  /// @notice Thrown when the objects are of two operators or verifiers
  error DifferentOperators(address left, address right);
  /// @notice Thrown when two receipts of one job do not differ in what the provider says of its work
  error NoDifference(bytes32 jobId);
  /// @notice Thrown when the job is not the one the receipt names
  error WrongJob(bytes32 expected, bytes32 got);
  /// @notice Thrown when the terms are not those the job names
  error WrongTerms(bytes32 expected, bytes32 got);
  error NotOvercharged(bytes32 jobId);
  /// @notice Thrown when the leaf is not under an anchored batch, or the batch was voided
  error NotAnchored(uint64 number);
  /// @notice Thrown when the leaf names another checkpoint than the one shown
  error WrongCheckpoint(bytes32 expected, bytes32 got);
  /// @notice Thrown when the checkpoint does not cover the receipt's sequence
  error NotInRange(uint64 sequence, uint64 first, uint16 count);
  /// @notice Thrown when the proof does not show the digest at the place
  error NotInCheckpoint(uint256 index, bytes32 digest);
  /// @notice Thrown when the proof does not show the head at the position
  error NotInHeads(uint256 position, bytes32 digest);
  /// @notice Thrown when the second batch is before the first
  error WrongOrder(uint64 first, uint64 second);
  /// @notice Thrown when the bitmap names nobody
  error NoSigners();
  /// @notice Thrown when every signer named is charged already or has no stake
  error NoNewCase();
  /// @notice Thrown when the share of the offender's stake is nothing; the case stays open
  error NothingToSeize(address operator, Role role);

  /// @param operator the key that signed
  /// @param seized wei of OPG
  event OffenceProved(
    Offence indexed offence, address indexed operator, bytes32 indexed caseId, address reporter, uint256 seized
  );

  /// @notice Two receipts of one job under one grant that differ in what the provider says of its work: output
  /// (`outputHead`, `headsRoot`, `chunks`, `trace`), usage (`inputUnits`, `outputUnits`, `mac`, `billedMs`, `memoryMB`,
  /// `startedAt`, `finishedAt`), fee (`fee`, `chargedAfter`) or `status`. Receipts that differ in `sequence` alone are the
  /// lesser offence of doubling once they are anchored; all other fields repeat the job and the grant. Subject: jobId.
  /// @return seized wei, as for every function here
  function receiptEquivocation(SignedGrant calldata grant, SignedReceipt calldata left, SignedReceipt calldata right)
    external
    returns (uint256 seized);

  /// @notice Two heads of one place in one job. Subject: (jobId, index).
  function headEquivocation(SignedGrant calldata grant, SignedHead calldata left, SignedHead calldata right)
    external
    returns (uint256 seized);

  /// @notice A head, and a receipt of its job whose `headsRoot` holds another head for its place. The same offence and
  /// subject as `headEquivocation`: both forms together are one case.
  /// @param other the head under `headsRoot`; needs no signature, the receipt has one
  /// @param position of `other` in the tree of heads
  function headAgainstReceipt(
    SignedGrant calldata grant,
    SignedHead calldata signed,
    SignedReceipt calldata receipt,
    Head calldata other,
    uint32 position,
    bytes32[] calldata proof
  ) external returns (uint256 seized);

  /// @notice A receipt, and an anchored checkpoint of its grant that covers its sequence with something else there.
  /// Subject: (grant, sequence).
  /// @param signed the checkpoint `anchored` names, with its operator's signature: a signing set alone cannot put words
  /// into an operator's mouth
  /// @param other what is at `receipt.sequence - firstSequence`, by `proof` under `receiptsRoot`
  function omittedReceipt(
    SignedGrant calldata grant,
    SignedReceipt calldata receipt,
    AnchoredLeaf calldata anchored,
    SignedCheckpoint calldata signed,
    bytes32 other,
    bytes32[] calldata proof
  ) external returns (uint256 seized);

  /// @notice One job at two places of one operator's anchored checkpoints. One checkpoint under two batches is not this
  /// but the signers' `falseBatch`. Subject: jobId.
  function doubledReceipt(Inclusion calldata left, Inclusion calldata right) external returns (uint256 seized);

  /// @notice Two checkpoints of one (operator, sequence). Subject: sequence.
  function checkpointEquivocation(SignedCheckpoint calldata left, SignedCheckpoint calldata right)
    external
    returns (uint256 seized);

  /// @notice Two votes of one (verifier, checkpoint, round), of the verifier's stake. Subject: (checkpoint, round).
  function voteEquivocation(SignedVote calldata left, SignedVote calldata right) external returns (uint256 seized);

  /// @notice A receipt that charges more than job and terms allow: a fee above `maxFee`, above the formula for the usage it
  /// states, on failed work, or for units nobody ordered; `mac` or `billedMs` above what that usage gives. The terms are
  /// those the job names, whichever the receipt does. Prices whose fee passes 256 bits revert with a panic: no `uint128`
  /// is above them. Subject: jobId.
  function overcharge(
    SignedGrant calldata grant,
    Job calldata job,
    Terms calldata terms,
    SignedReceipt calldata receipt
  ) external returns (uint256 seized);

  /// @notice Two anchored leaves of one (operator, sequence), or of one checkpoint: whoever signed the later batch doubled an
  /// inclusion. Signers charged before are passed over, so that a report of some cannot spoil a report of all. Subject:
  /// (operator, sequence), or the checkpoint where the leaves give it two places; one case a signer.
  /// @param second not before `first`; may be the same batch
  /// @param setEpoch the epoch of the set by which the signers are told: the second batch's, or the one its set was
  /// carried from, should that epoch have been opened after the batch was anchored
  /// @param signers and `sigs64`: of the second batch, as `ICommittee.weigh` reads them; any of them, no quorum is asked
  function falseBatch(
    AnchoredLeaf calldata first,
    AnchoredLeaf calldata second,
    uint64 setEpoch,
    uint256 signers,
    bytes calldata sigs64
  ) external returns (uint256 seized);

  /// @notice The id under which a case goes to StakeManager: keccak256(abi.encode(offence, operator, subject)).
  /// @param operator the key that signed
  /// @param subject a jobId, a sequence as a word, or keccak256(abi.encode(...)) of the pair each function names
  function caseIdOf(Offence offence, address operator, bytes32 subject) external pure returns (bytes32);

  function stakeManager() external view returns (IStakeManager);
  function params() external view returns (IProtocolParams);
  function batchAnchor() external view returns (IBatchAnchor);
}
