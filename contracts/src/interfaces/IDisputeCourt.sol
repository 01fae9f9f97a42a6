// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./IBatchAnchor.sol";
import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";
import {Batch, Leaf, Receipt, Vote} from "./Objects.sol";

/// @title The judged offence: a wrong result (economy.md, Stakes and penalties)
/// @notice A leaf whose `slashable` map is not empty is disputed by anyone with a bond, contested by the provider or not,
/// ruled by the jury (all seats of the signing set, R13), and closed by anyone. Every deadline has a default, so that no
/// dispute outlives `openPeriod + contestPeriod + rulePeriod`, at most 8 days after the batch's cut-off:
///
/// | state | ends by | default at the deadline |
/// |---|---|---|
/// | Open | `contest` | not contested: convicted of the leaf's `slashable` receipts |
/// | Contested | `rule` with more than 2/3 of the jury's weight | silence: acquitted |
/// | Ruled | `close` | - |
///
/// A conviction takes `WrongResultPenalty` of provider stake, `RepeatedWrongResultPenalty` at the third in 90 days; an
/// operator is convicted once an epoch at most, further disputes of that epoch end without a penalty. Half burns; nobody
/// is paid as a reporter; the rest is the victims' pot for `IStakeManager.potPeriod`. While a dispute runs the share at
/// stake is held, so that it cannot be withdrawn.
///
/// Demands of withheld leaves and receipts are not here but in the module `Demands`; the objective offences in `Evidence`.
/// Bonds and losses in wei of OPG, times in seconds.
interface IDisputeCourt {
  enum State {
    None,
    Open,
    Contested,
    Ruled,
    Convicted,
    Acquitted
  }

  /// @param openPeriod from the batch's cut-off, in which a dispute can be opened
  /// @param contestPeriod from the opening
  /// @param rulePeriod from the contest
  /// @param lossPeriod from a conviction, in which losses are registered; shorter than `IStakeManager.potPeriod`, so that
  /// `payLosses` has time
  /// @param bond of the opener, and of the provider that contests
  struct Setup {
    uint64 openPeriod;
    uint64 contestPeriod;
    uint64 rulePeriod;
    uint64 lossPeriod;
    uint128 bond;
  }

  /// @param leaf struct hash of the disputed leaf
  /// @param checkpoint its checkpoint's digest
  /// @param operator who answers
  /// @param epoch of the batch: one conviction an operator and epoch
  /// @param wrong receipts found wrong; `slashable` of the leaf while nothing is ruled
  /// @param right receipts found right; what is in neither map lies in the calibration's grey zone, or was not judged
  /// @param deadline second at which the default of `state` holds
  struct Dispute {
    bytes32 leaf;
    bytes32 checkpoint;
    address operator;
    uint64 epoch;
    address opener;
    State state;
    uint64 deadline;
    uint256 wrong;
    uint256 right;
  }

  /// @notice What the jury signs: `Finding(bytes32 dispute,uint256 wrong,uint256 right)` in the network's domain.
  /// @param wrong and `right`: disjoint maps over the receipts of the checkpoint
  struct Finding {
    bytes32 dispute;
    uint256 wrong;
    uint256 right;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  /// @notice Thrown when new disputes are paused
  error CasesPaused();
  /// @notice Thrown when the leaf is not under an anchored batch that stands
  error NotAnchored(uint64 number);
  /// @notice Thrown when no receipt of the leaf is marked slashable
  error NotSlashable(bytes32 leaf);
  error AlreadyDisputed(bytes32 leaf);
  error UnknownDispute(bytes32 id);
  /// @notice Thrown when the dispute is not in the state the call needs
  error WrongState(bytes32 id, State state);
  error TooEarly(bytes32 id, uint64 possibleAt);
  error TooLate(bytes32 id, uint64 possibleUntil);
  /// @notice Thrown when another than the owner of the operator contests
  error NotOwner(address operator, address caller);
  /// @notice Thrown when the maps of a finding overlap or reach past the checkpoint's receipts
  error BadFinding(bytes32 id);
  /// @notice Thrown when the signatures are not more than 2/3 of the jury's weight
  error NoQuorum(uint256 signed, uint256 total);
  /// @notice Thrown when a vote agrees with the finding, or judged only what lies in the grey zone
  error NoContradiction(bytes32 id, address verifier);
  /// @notice Thrown when a signature is malformed, has a high s, or is not the signer's
  error BadSignature(bytes32 digest, address signer);
  /// @notice Thrown when a receipt is not one the operator was convicted of
  error NoLoss(bytes32 id, bytes32 receipt);
  error LossKnown(bytes32 id, bytes32 receipt);

  event Opened(bytes32 indexed id, address indexed operator, address indexed opener, Leaf leaf, uint64 deadline);
  event Contested(bytes32 indexed id, uint64 deadline);
  event RulingGiven(bytes32 indexed id, uint256 wrong, uint256 right, uint256 jurors);
  /// @param seized wei; zero of an acquittal, and of a second conviction in one epoch
  event Closed(bytes32 indexed id, address indexed operator, bool convicted, uint256 seized);
  event JurorCharged(bytes32 indexed id, address indexed verifier, uint256 seized);
  event LossRegistered(bytes32 indexed id, address indexed requester, bytes32 indexed receipt, uint128 fee);
  event LossPaid(bytes32 indexed id, address indexed requester, bytes32 indexed receipt, uint256 amount);

  /// @notice Disputes an anchored leaf. Takes the bond from the caller and holds what a conviction would take. Anyone.
  /// @return id keccak256(abi.encode(batch digest, leaf's struct hash))
  function open(Batch calldata batch, Leaf calldata leaf, bytes32[] calldata proof) external returns (bytes32 id);

  /// @notice Asks for the jury. Takes the bond from the caller. Owner of the operator, before the deadline.
  function contest(bytes32 id) external;

  /// @notice Records the finding of more than 2/3 of the jury's weight. Anyone, before the deadline. A finding with an
  /// empty `wrong` acquits by name, which silence does not: only then can seats that rejected be charged.
  /// @param setEpoch epoch of the jury, the current one or the one before, as `ICommittee.weigh` reads it
  function rule(Finding calldata finding, uint64 setEpoch, uint256 jurors, bytes calldata sigs64) external;

  /// @notice Ends a dispute that is ruled or whose deadline passed: seizes or releases the hold, and pays the bonds to who
  /// was right (the opener's back with the provider's on a conviction, the reverse on an acquittal). Anyone.
  function close(bytes32 id) external returns (uint256 seized);

  /// @notice Seizes `JurorPenalty` of the verifier stake of a seat whose vote of round 0 to 2 accepted what the jury found
  /// wrong, or rejected what it found right. The grey zone is in neither map: nobody is charged for it. One case a seat
  /// and dispute. Anyone; nobody is paid for it.
  function chargeSeat(bytes32 id, Vote calldata vote, bytes calldata signature) external returns (uint256 seized);

  /// @notice Enters the loss of a requester: a receipt of the leaf found wrong, its fee at most. Anyone, for the
  /// receipt's requester, in `lossPeriod`; each receipt once.
  /// @param proof of the receipt at `index` under the leaf's `receiptsRoot`
  function registerLoss(bytes32 id, Leaf calldata leaf, Receipt calldata receipt, uint8 index, bytes32[] calldata proof)
    external;

  /// @notice Pays at most `max` registered losses, in the order they came, once `lossPeriod` is over: to each its fee, or
  /// its share by fees where the pot is smaller. Anyone. What is left goes to the treasury by `IStakeManager.closePot`.
  function payLosses(bytes32 id, uint256 max) external returns (uint256 paid);

  function disputeOf(bytes32 id) external view returns (Dispute memory);
  /// @notice Fees registered, and how many losses of how many are paid.
  function lossesOf(bytes32 id) external view returns (uint256 fees, uint256 count, uint256 paidCount);
  /// @notice Convictions of an operator in the last 90 days.
  function convictionsOf(address operator) external view returns (uint256);
  function setup() external view returns (Setup memory);
  function stakeManager() external view returns (IStakeManager);
  function params() external view returns (IProtocolParams);
  function batchAnchor() external view returns (IBatchAnchor);
}
