// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./IBatchAnchor.sol";
import {IEvidence} from "./IEvidence.sol";
import {IFeeSplitterFactory} from "./IFeeSplitterFactory.sol";
import {IPaymentChannels} from "./IPaymentChannels.sol";
import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";
import {Batch, Job, Leaf, Receipt} from "./Objects.sol";

/// @title What must be answered in time: a leaf, a receipt, a claim (R21, R25; economy.md, Stakes and penalties)
/// @notice Anyone puts up a bond and demands. Whoever answers in time is paid the bond; what nobody answers costs the
/// withholder stake, and the bond goes back. Never inputs or outputs: a leaf, a receipt, and for a claim the receipt and
/// job behind it.
///
/// **Who is accused.** Of a leaf, whoever signed the batch: the settler it names by its own signature, for a quorum can
/// name any settler, and the signers by theirs. Of a receipt, the operator whose signed checkpoint counts it: a leaf alone
/// could put any name there. Of a claim, the operator that granted the session key of the receipt shown, on a channel that
/// pays its splitter, whose claims that operator authorizes and whose vouchers the receipt's requester signs (R23).
///
/// **How it ends.** `answer...` up to and including the deadline, `expire` after it, both by anyone, both for ever and
/// under any pause. What was answered is on chain, in the event, and is not demanded again. The penalty is the one at the
/// opening. For a leaf `expire` voids the batch and takes no stake: `chargeSettler` and `chargeSigners` do, at any time
/// after. Stake of providers is kept from the opening on, that of a settler once its signature is shown: `holdSettler`.
///
/// **One silence, one penalty.** A batch is voided, and each that signed it seized, once. An operator whose stake was seized for a
/// receipt is not seized for other receipts that were demanded before that: they lapse, the bond goes back and they may
/// be demanded anew. The same for claims. An operator that is away for one period loses one penalty, however many demand.
///
/// **What a demander risks.** Its bond, to whoever answers. Answering itself returns the bond and no more. It is the
/// reporter of what is seized.
interface IDemands {
  enum Kind {
    None,
    Leaf,
    Receipt,
    Claim
  }

  /// @notice `Upheld`: unanswered, stake was seized or, for a leaf, can be. `Lapsed`: unanswered, but punished already or no longer by this
  /// module; nothing was seized.
  enum State {
    None,
    Open,
    Answered,
    Upheld,
    Lapsed
  }

  /// @param answerPeriod seconds from a demand to its deadline; at most the hold, less than the unbonding of the stake
  /// @param bond wei of OPG of every demand, at most `MAX_BOND`
  struct Setup {
    uint64 answerPeriod;
    uint128 bond;
  }

  /// @param penalty and `signerPenalty`: basis points, as they were at the opening
  /// @param accused settler of the batch, or provider
  /// @param index of the leaf or receipt
  /// @param root what is proved against: `checkpointsRoot` of the batch, `receiptsRoot` of the checkpoint; of a claim the
  /// channel
  /// @param object digest of the batch or checkpoint; of a claim zero
  /// @param number of the batch; of a claim zero
  /// @param claimed on the channel at the opening
  /// @param requester who signs for the channel
  struct Demand {
    address demander;
    Kind kind;
    State state;
    uint16 penalty;
    uint16 signerPenalty;
    address accused;
    uint64 deadline;
    uint32 index;
    bytes32 subject;
    bytes32 root;
    bytes32 object;
    uint64 number;
    uint128 claimed;
    address requester;
  }

  /// @param open id of the demand that is open; zero: none
  /// @param closed answered or punished, for good; leaves and receipts only
  /// @param claimed of a channel, up to here answered or punished: only more can be challenged
  struct Standing {
    uint64 open;
    bool closed;
    uint128 claimed;
  }

  /// @notice What shows that a claim was earned: a receipt for a job that the channel's requester signed. The receipt alone
  /// would not do, a provider can sign one at will. A job has one receipt: another, signed to answer with, is receipt
  /// equivocation, and both of its halves are public then.
  /// @param grant the one `job` names
  /// @param shown signed by the session key of `grant`
  /// @param requesterSig signature of `job` by its requester
  struct ClaimAnswer {
    IEvidence.SignedGrant grant;
    IEvidence.SignedReceipt shown;
    Job job;
    bytes requesterSig;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  /// @notice Thrown when new demands are paused
  error DemandsPaused();
  /// @notice Thrown when another module has taken this one's place
  error Superseded(address current);
  /// @notice Thrown when the batch is not anchored, or the leaf not in it
  error NotAnchored(uint64 number);
  error BatchVoid(uint64 number);
  /// @notice Thrown when those who made a batch of this epoch may all have left: nobody is bound to keep it
  error TooOld(uint64 epoch, uint256 demandableUntil);
  error IndexOutOfRange(uint256 index, uint256 count);
  /// @notice Thrown when the leaf names another checkpoint than the one shown
  error WrongCheckpoint(bytes32 expected, bytes32 got);
  /// @notice Thrown when a signature of `digest` is malformed, has a high s, or is not the signer's
  error BadSignature(bytes32 digest, address signer);
  /// @notice Thrown when the receipt names another grant than the one shown
  error WrongGrant(bytes32 expected, bytes32 got);
  error WrongProvider(address expected, address got);
  /// @notice Thrown when the configuration is not that of the receipt's channel
  error WrongChannel(bytes32 expected, bytes32 got);
  /// @notice Thrown when the channel does not pay the accused's splitter, its claims are not the accused's to authorize, or
  /// its vouchers not the requester's
  error ForeignChannel(bytes32 channel);
  /// @notice Thrown when no more is claimed than the receipt charged
  error NotOverclaimed(uint128 claimed, uint128 chargedAfter);
  /// @notice Thrown when less could be seized than the demander puts up
  error NothingAtStake(address operator, uint256 atStake);
  error AlreadyDemanded(uint64 id);
  /// @notice Thrown when it was answered or punished
  error Closed(bytes32 subject);
  error WrongKind(uint64 id, Kind kind);
  /// @notice Thrown when the demand is not in the state the call needs
  error WrongState(uint64 id, State state);
  error TooLate(uint64 id, uint64 deadline);
  error TooEarly(uint64 id, uint64 deadline);
  /// @notice Thrown when the proof does not show the object at the place demanded
  error NotProved(uint64 id);
  /// @notice Thrown when the receipt was not charged as much as is claimed
  error ChargedTooLittle(uint128 expected, uint128 got);
  /// @notice Thrown when the job is not the receipt's, or not of this channel, requester, provider and grant
  error WrongJob(bytes32 expected, bytes32 got);

  event LeafDemanded(
    uint64 indexed id,
    uint64 indexed number,
    address indexed settler,
    uint32 index,
    bytes32 batch,
    address demander,
    uint64 deadline
  );
  event ReceiptDemanded(
    uint64 indexed id,
    bytes32 indexed checkpoint,
    address indexed provider,
    uint8 index,
    address demander,
    uint64 deadline
  );
  event ClaimChallenged(
    uint64 indexed id,
    bytes32 indexed channel,
    address indexed provider,
    uint128 claimed,
    uint128 chargedAfter,
    address demander,
    uint64 deadline
  );
  event LeafRevealed(uint64 indexed id, uint64 indexed number, address indexed answerer, Leaf leaf, bytes32[] proof);
  event ReceiptRevealed(
    uint64 indexed id, bytes32 indexed checkpoint, address indexed answerer, Receipt receipt, bytes32[] proof
  );
  event ClaimRevealed(uint64 indexed id, bytes32 indexed channel, address indexed answerer, ClaimAnswer answer);
  /// @param seized wei of the accused's stake; of a leaf zero
  event DemandExpired(uint64 indexed id, address indexed accused, State state, uint256 seized);
  event SettlerCharged(uint64 indexed id, address indexed settler, uint256 seized);
  event SignerCharged(uint64 indexed id, address indexed verifier, uint256 seized);

  /// @notice Demands leaf `index` of an anchored batch. Takes the bond.
  function demandLeaf(Batch calldata b, uint32 index) external returns (uint64 id);

  /// @notice Demands receipt `index` of an anchored checkpoint. Takes the bond.
  /// @param anchored the leaf that names the checkpoint
  /// @param signed the checkpoint, with its operator's signature
  function demandReceipt(
    IEvidence.AnchoredLeaf calldata anchored,
    IEvidence.SignedCheckpoint calldata signed,
    uint8 index
  ) external returns (uint64 id);

  /// @notice Shows a receipt that charged less than is claimed on its channel. Takes the bond.
  /// @param config of the channel the receipt names
  function challengeClaim(
    IEvidence.SignedGrant calldata grant,
    IEvidence.SignedReceipt calldata shown,
    IPaymentChannels.ChannelConfig calldata config
  ) external returns (uint64 id);

  /// @notice Reveals the leaf. Anyone, in time; paid the bond.
  function answerLeaf(uint64 id, Leaf calldata l, bytes32[] calldata proof) external;

  /// @notice Reveals the receipt. Anyone, in time; paid the bond.
  function answerReceipt(uint64 id, Receipt calldata r, bytes32[] calldata proof) external;

  /// @notice Reveals what the claim was earned with. Anyone, in time; paid the bond.
  function answerClaim(uint64 id, ClaimAnswer calldata answer) external;

  /// @notice Ends an unanswered demand: bond back, the provider's stake seized, the batch of a leaf void. Anyone, after the
  /// deadline.
  /// @return seized wei of the accused's stake; of a leaf zero
  function expire(uint64 id) external returns (uint256 seized);

  /// @notice Keeps the penalty of an open demand for a leaf from being withdrawn by a settler that signed the batch: until
  /// the demand ends without it, or the settler is charged, or the hold of `IStakeManager` is over. Anyone, once.
  /// @param settlerSig 65 bytes, low s, of the batch digest by the key the batch names
  function holdSettler(uint64 id, bytes calldata settlerSig) external returns (uint256 held);

  /// @notice Seizes from the settler of a batch that was voided by demand `id`, if it signed that batch. Anyone, any time
  /// after; once, `IStakeManager` refuses the case a second time.
  /// @param settlerSig as in `holdSettler`
  function chargeSettler(uint64 id, bytes calldata settlerSig) external returns (uint256 seized);

  /// @notice Seizes from the signers of a batch that was voided by demand `id`. Anyone, any time after; each signer once,
  /// those charged before are passed over. Apart from `expire`, so that no exit hangs on signatures.
  /// @param setEpoch the epoch of the set by which the signers are told: the batch's, or the one its set was carried from,
  /// should that epoch have been opened after the batch was anchored
  /// @param signers and `sigs64`: as `ICommittee.weigh` reads them; any of them, no quorum is asked
  function chargeSigners(uint64 id, uint64 setEpoch, uint256 signers, bytes calldata sigs64)
    external
    returns (uint256 seized);

  function demandOf(uint64 id) external view returns (Demand memory);
  /// @notice Where a subject stands: `leafSubject`, `receiptSubject` or `claimSubject`.
  function standingOf(bytes32 subject) external view returns (Standing memory);
  /// @param batch digest
  function leafSubject(bytes32 batch, uint32 index) external pure returns (bytes32);
  /// @param checkpoint digest
  function receiptSubject(bytes32 checkpoint, uint8 index) external pure returns (bytes32);
  function claimSubject(address operator, bytes32 channel) external pure returns (bytes32);
  /// @notice Last second in which leaves and receipts of batches of `epoch` can be demanded: when stake that left as the
  /// last such batch was anchored is paid out.
  function demandableUntil(uint64 epoch) external view returns (uint256);
  /// @notice Second of the last seizure for a receipt or a claim; what was demanded up to it lapses.
  function punishedAt(Kind kind, address operator) external view returns (uint64);
  /// @notice Demands so far; ids count from 1.
  function count() external view returns (uint64);
  /// @notice The case id of a demand at StakeManager, for the one accused. Signers have keccak256(abi.encode(id, verifier)).
  function caseIdOf(uint64 id) external pure returns (bytes32);

  function answerPeriod() external view returns (uint64);
  function bond() external view returns (uint128);
  function stakeManager() external view returns (IStakeManager);
  function params() external view returns (IProtocolParams);
  function batchAnchor() external view returns (IBatchAnchor);
  /// @notice Says which splitter a provider's channels pay.
  function feeSplitters() external view returns (IFeeSplitterFactory);
  /// @notice The channels whose claims are challenged: those of `feeSplitters`.
  function paymentChannels() external view returns (IPaymentChannels);
}
