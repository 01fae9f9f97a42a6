// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Batch, Leaf, Receipt, Vote} from "./Objects.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Canaries: jobs with a known fault, by which seats that do not look are found (R18)
/// @notice An author commits to the canaries of an epoch before it begins, and reveals them when it is over. A canary is a
/// requester key of one epoch and what is wrong with the jobs it orders; until the reveal it cannot be told from other
/// requesters, so neither key nor payment is named on chain before: the budget goes to the author, who pays the jobs, and
/// what it does not account for with receipts it owes.
///
/// A seat missed a canary when its vote set `accepted` for the receipt and the bit of a method that exposes the fault.
/// What a seat did not claim to look at it cannot miss. A miss costs the epoch's pay, never stake: this contract records it
/// for the reward table and seizes nothing. A canary the author botched (no such receipt, no fault in it) records nothing.
interface ICanaryVault {
  /// @notice Which fault a canary has.
  enum Fault {
    None,
    BadEvidence,
    WrongFee,
    BrokenHead,
    StalePolicy,
    WrongOutput
  }

  /// @notice Digest under the committed root: H("OPG/canary/1", requester, fault, methods, salt), as leaf `index` with the
  /// tag "OPG/leaf/canary/1".
  /// @param requester the key whose jobs of the epoch are canaries
  /// @param methods mask of `Vote.methods` that expose the fault
  /// @param salt keeps the digest from being guessed
  struct Canary {
    address requester;
    Fault fault;
    uint32 methods;
    bytes32 salt;
  }

  /// @param root tree over the canaries
  /// @param count its leaves
  /// @param budget handed to the author, wei
  /// @param spent of it shown by receipts, wei
  struct Commitment {
    address author;
    uint64 epoch;
    bytes32 root;
    uint16 count;
    uint128 budget;
    uint128 spent;
  }

  /// @notice A receipt of an anchored batch that was not voided.
  /// @param leafProof of `leaf` under `batch.checkpointsRoot`
  /// @param receiptProof of `receipt` at `index` under `leaf.receiptsRoot`
  struct AnchoredReceipt {
    Batch batch;
    Leaf leaf;
    bytes32[] leafProof;
    Receipt receipt;
    uint8 index;
    bytes32[] receiptProof;
  }

  error NotGovernance(address caller);
  /// @notice Thrown when the caller is no author, or one that owes the budget of an earlier epoch
  error NotAuthor(address caller);
  /// @notice Thrown when an epoch is committed to that has begun, or revealed that is not over
  error WrongEpoch(uint64 epoch, uint64 current);
  error AlreadyCommitted(address author, uint64 epoch);
  error NotCommitted(address author, uint64 epoch);
  /// @notice Thrown when the vault has less than the budget asked for
  error InsufficientFunds(uint256 wanted, uint256 available);
  /// @notice Thrown when the canary is not under the committed root
  error NotUnderRoot(uint16 index);
  /// @notice Thrown when the receipt is not of the canary's key, not of its epoch, or not anchored
  error NotACanary(bytes32 receipt);
  /// @notice Thrown when a vote did not accept the receipt, or claims no method that exposes the fault
  error NotMissed(address verifier);
  error BadSignature(address signer);
  error AlreadyRecorded(address verifier, uint64 epoch);

  event Funded(address indexed from, uint256 amount);
  event AuthorSet(address indexed author, bool allowed);
  event Committed(address indexed author, uint64 indexed epoch, bytes32 root, uint16 count, uint128 budget);
  event Revealed(address indexed author, uint64 indexed epoch, Canary canary);
  event Accounted(address indexed author, uint64 indexed epoch, bytes32 indexed receipt, uint128 fee);
  event Repaid(address indexed author, uint64 indexed epoch, uint256 amount);
  /// @notice The verifier earns nothing by performance in the epoch.
  event Missed(address indexed verifier, uint64 indexed epoch, bytes32 indexed receipt, Fault fault);

  /// @notice Takes OPG from the caller into the vault; it never leaves but as a budget. Anyone.
  function fund(uint256 amount) external;
  /// @notice Lets an account commit, or no longer. Governance only.
  function setAuthor(address author, bool allowed) external;

  /// @notice Commits to the canaries of a later epoch and hands their budget to the author. Authors only, once an epoch.
  function commit(uint64 epoch, bytes32 root, uint16 count, uint128 budget) external;

  /// @notice Shows one canary of an epoch that is over. Anyone who knows it.
  function reveal(address author, uint64 epoch, Canary calldata canary, uint16 index, bytes32[] calldata proof) external;

  /// @notice Records that a verifier missed a revealed canary. Anyone; each verifier once an epoch.
  /// @param shown the canary's receipt; `vote` is of its leaf's checkpoint
  /// @param signature of the verifier, of `vote`
  function recordMiss(
    address author,
    uint64 epoch,
    AnchoredReceipt calldata shown,
    Vote calldata vote,
    bytes calldata signature
  ) external;

  /// @notice Counts the fee of a revealed canary's receipt as spent, once a receipt. Anyone.
  function account(address author, uint64 epoch, AnchoredReceipt calldata shown) external;
  /// @notice Gives back what an author did not spend; until it has, it commits to nothing more. Anyone, for the author.
  function repay(address author, uint64 epoch, uint128 amount) external;

  function commitmentOf(address author, uint64 epoch) external view returns (Commitment memory);
  /// @notice Budget of the author that is neither spent nor given back, over all epochs, in wei.
  function owedBy(address author) external view returns (uint256);
  function isAuthor(address author) external view returns (bool);
  function hasMissed(address verifier, uint64 epoch) external view returns (bool);
  function token() external view returns (IERC20);
}
