// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./interfaces/IBatchAnchor.sol";
import {ICommittee} from "./interfaces/ICommittee.sol";
import {IDemands} from "./interfaces/IDemands.sol";
import {IEvidence} from "./interfaces/IEvidence.sol";
import {IFeeSplitterFactory} from "./interfaces/IFeeSplitterFactory.sol";
import {IPaymentChannels} from "./interfaces/IPaymentChannels.sol";
import {IProtocolParams, Module, Param} from "./interfaces/IProtocolParams.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Batch, Checkpoint, Job, Leaf, Receipt, Role, SessionGrant} from "./interfaces/Objects.sol";
import {Digests} from "./libraries/Digests.sol";
import {IndexedMerkle} from "./libraries/IndexedMerkle.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

contract Demands is IDemands {
  using Digests for Batch;
  using Digests for Checkpoint;
  using Digests for Job;
  using Digests for Leaf;
  using Digests for Receipt;
  using Digests for SessionGrant;
  using SafeERC20 for IERC20;

  /// @notice A bond must stay within reach of whom it serves: a tenth of the least provider's stake.
  uint128 public constant MAX_BOND = 1000e18;
  uint256 private constant BASIS = 10_000;

  IStakeManager public immutable stakeManager;
  IProtocolParams public immutable params;
  IBatchAnchor public immutable batchAnchor;
  IFeeSplitterFactory public immutable feeSplitters;
  IPaymentChannels public immutable paymentChannels;
  uint64 public immutable answerPeriod;
  uint128 public immutable bond;
  IERC20 private immutable _token;

  uint64 public count;
  mapping(uint64 id => Demand) private _demands;
  mapping(bytes32 subject => Standing) private _standings;
  mapping(Kind => mapping(address operator => uint64)) private _punishedAt;
  mapping(uint64 id => mapping(address verifier => bool)) private _charged;

  constructor(
    IStakeManager stakeManager_,
    IProtocolParams params_,
    IBatchAnchor batchAnchor_,
    IFeeSplitterFactory feeSplitters_,
    Setup memory setup
  ) {
    require(
      address(stakeManager_) != address(0) && address(params_) != address(0) && address(batchAnchor_) != address(0)
        && address(feeSplitters_) != address(0),
      InvalidParameters()
    );
    // What could leave before the deadline is not at stake.
    require(
      setup.answerPeriod != 0 && setup.answerPeriod <= stakeManager_.holdPeriod()
        && setup.answerPeriod < stakeManager_.unbondingPeriod() && setup.bond != 0 && setup.bond <= MAX_BOND,
      InvalidParameters()
    );
    (stakeManager, params, batchAnchor, feeSplitters) = (stakeManager_, params_, batchAnchor_, feeSplitters_);
    paymentChannels = feeSplitters_.channels();
    (answerPeriod, bond) = (setup.answerPeriod, setup.bond);
    _token = stakeManager_.token();
  }

  /// @inheritdoc IDemands
  function demandLeaf(Batch calldata b, uint32 index) external returns (uint64 id) {
    bytes32 digest = _digest(b.hash());
    require(batchAnchor.digestOf(b.number) == digest, NotAnchored(b.number));
    require(!batchAnchor.isVoid(b.number), BatchVoid(b.number));
    require(index < b.leaves, IndexOutOfRange(index, b.leaves));
    _checkAge(b.epoch);
    Demand memory demand;
    demand.kind = Kind.Leaf;
    demand.penalty = uint16(params.valueOf(Param.WithheldSettlerPenalty));
    demand.signerPenalty = uint16(params.valueOf(Param.WithheldSignerPenalty));
    demand.accused = b.settler;
    demand.index = index;
    demand.subject = leafSubject(digest, index);
    demand.root = b.checkpointsRoot;
    demand.object = digest;
    demand.number = b.number;
    id = _open(demand);
    emit LeafDemanded(id, b.number, b.settler, index, digest, msg.sender, _demands[id].deadline);
  }

  /// @inheritdoc IDemands
  function demandReceipt(
    IEvidence.AnchoredLeaf calldata anchored,
    IEvidence.SignedCheckpoint calldata signed,
    uint8 index
  ) external returns (uint64 id) {
    Checkpoint calldata checkpoint = signed.checkpoint;
    bytes32 digest = _digest(checkpoint.hash());
    require(anchored.leaf.checkpoint == digest, WrongCheckpoint(digest, anchored.leaf.checkpoint));
    _checkSignature(digest, signed.signature, checkpoint.operator);
    require(batchAnchor.checkLeaf(anchored.batch, anchored.leaf, anchored.proof), NotAnchored(anchored.batch.number));
    require(index < checkpoint.count, IndexOutOfRange(index, checkpoint.count));
    _checkAge(anchored.batch.epoch);
    Demand memory demand;
    demand.kind = Kind.Receipt;
    demand.penalty = uint16(params.valueOf(Param.WithheldProviderPenalty));
    demand.accused = checkpoint.operator;
    demand.index = index;
    demand.subject = receiptSubject(digest, index);
    demand.root = checkpoint.receiptsRoot;
    demand.object = digest;
    demand.number = anchored.batch.number;
    _checkStake(demand);
    id = _open(demand);
    emit ReceiptDemanded(id, digest, checkpoint.operator, index, msg.sender, _demands[id].deadline);
  }

  /// @inheritdoc IDemands
  function challengeClaim(
    IEvidence.SignedGrant calldata grant,
    IEvidence.SignedReceipt calldata shown,
    IPaymentChannels.ChannelConfig calldata config
  ) external returns (uint64 id) {
    Receipt calldata receipt = shown.receipt;
    address operator = grant.grant.operator;
    _checkReceipt(grant, shown);
    {
      bytes32 channel = paymentChannels.getChannelId(config);
      require(receipt.channel == channel, WrongChannel(channel, receipt.channel));
      require(
        config.receiverAuthorizer == operator && config.payerAuthorizer == receipt.requester
          && config.receiver == feeSplitters.splitterOf(operator),
        ForeignChannel(channel)
      );
    }
    Demand memory demand;
    (, demand.claimed) = paymentChannels.channels(receipt.channel);
    require(demand.claimed > receipt.chargedAfter, NotOverclaimed(demand.claimed, receipt.chargedAfter));
    demand.kind = Kind.Claim;
    demand.penalty = uint16(params.valueOf(Param.OverclaimPenalty));
    demand.accused = operator;
    demand.subject = claimSubject(operator, receipt.channel);
    demand.root = receipt.channel;
    demand.requester = receipt.requester;
    _checkStake(demand);
    id = _open(demand);
    emit ClaimChallenged(
      id, receipt.channel, operator, demand.claimed, receipt.chargedAfter, msg.sender, _demands[id].deadline
    );
  }

  /// @inheritdoc IDemands
  function answerLeaf(uint64 id, Leaf calldata l, bytes32[] calldata proof) external {
    Demand storage demand = _checkAnswerable(id, Kind.Leaf);
    require(
      l.index == demand.index
        && IndexedMerkle.verify(IndexedMerkle.CHECKPOINT, demand.root, demand.index, l.hash(), proof),
      NotProved(id)
    );
    emit LeafRevealed(id, demand.number, msg.sender, l, proof);
    _answer(id, demand);
  }

  /// @inheritdoc IDemands
  function answerReceipt(uint64 id, Receipt calldata r, bytes32[] calldata proof) external {
    Demand storage demand = _checkAnswerable(id, Kind.Receipt);
    require(
      IndexedMerkle.verify(IndexedMerkle.RECEIPT, demand.root, demand.index, _digest(r.hash()), proof), NotProved(id)
    );
    emit ReceiptRevealed(id, demand.object, msg.sender, r, proof);
    _answer(id, demand);
  }

  /// @inheritdoc IDemands
  function answerClaim(uint64 id, ClaimAnswer calldata answer) external {
    Demand storage demand = _checkAnswerable(id, Kind.Claim);
    _checkClaimAnswer(demand, answer);
    emit ClaimRevealed(id, demand.root, msg.sender, answer);
    _answer(id, demand);
  }

  /// @inheritdoc IDemands
  function expire(uint64 id) external returns (uint256 seized) {
    Demand storage demand = _demands[id];
    require(demand.state == State.Open, WrongState(id, demand.state));
    require(block.timestamp > demand.deadline, TooEarly(id, demand.deadline));
    bool upheld = _isUpheld(demand);
    State state = upheld ? State.Upheld : State.Lapsed;
    (address accused, address demander, Kind kind) = (demand.accused, demand.demander, demand.kind);
    _close(demand, state);
    if (!upheld) {
      _release(id);
    } else if (kind == Kind.Leaf) {
      batchAnchor.voidBatch(demand.number);
    } else {
      _punishedAt[kind][stakeManager.currentKeyOf(accused)] = uint64(block.timestamp);
      seized = _seize(caseIdOf(id), demand, accused, Role.Provider, demand.penalty);
    }
    emit DemandExpired(id, accused, state, seized);
    _token.safeTransfer(demander, bond);
  }

  /// @inheritdoc IDemands
  function holdSettler(uint64 id, bytes calldata settlerSig) external returns (uint256 held) {
    Demand storage demand = _checkSettler(id, State.Open, settlerSig);
    return _hold(id, demand.accused, Role.Settler, demand.penalty);
  }

  /// @inheritdoc IDemands
  function chargeSettler(uint64 id, bytes calldata settlerSig) external returns (uint256 seized) {
    Demand storage demand = _checkSettler(id, State.Upheld, settlerSig);
    address settler = demand.accused;
    seized = _seize(caseIdOf(id), demand, settler, Role.Settler, demand.penalty);
    emit SettlerCharged(id, settler, seized);
  }

  /// @inheritdoc IDemands
  function chargeSigners(uint64 id, uint64 setEpoch, uint256 signers, bytes calldata sigs64)
    external
    returns (uint256 seized)
  {
    Demand storage demand = _checkLeafDemand(id, State.Upheld);
    ICommittee committee = batchAnchor.committee();
    // Reverts unless every signature is that of the seat the bitmap names.
    committee.weigh(setEpoch, false, demand.object, signers, sigs64);
    (ICommittee.Seat[] memory seats,) = committee.signingSet(setEpoch);
    for (uint256 seat; signers >> seat != 0; ++seat) {
      if (signers >> seat & 1 == 1) seized += _charge(id, demand, seats[seat].verifier);
    }
  }

  /// @inheritdoc IDemands
  function demandOf(uint64 id) external view returns (Demand memory) {
    return _demands[id];
  }

  /// @inheritdoc IDemands
  function standingOf(bytes32 subject) external view returns (Standing memory) {
    return _standings[subject];
  }

  /// @inheritdoc IDemands
  function leafSubject(bytes32 batch, uint32 index) public pure returns (bytes32) {
    return keccak256(abi.encode(Kind.Leaf, batch, index));
  }

  /// @inheritdoc IDemands
  function receiptSubject(bytes32 checkpoint, uint8 index) public pure returns (bytes32) {
    return keccak256(abi.encode(Kind.Receipt, checkpoint, index));
  }

  /// @inheritdoc IDemands
  function claimSubject(address operator, bytes32 channel) public pure returns (bytes32) {
    return keccak256(abi.encode(Kind.Claim, operator, channel));
  }

  /// @inheritdoc IDemands
  function demandableUntil(uint64 epoch) public view returns (uint256) {
    // A batch names its epoch or is anchored in the one after.
    return stakeManager.genesisTimestamp() + (uint256(epoch) + 2) * stakeManager.epochLength()
      + stakeManager.unbondingPeriod();
  }

  /// @inheritdoc IDemands
  function punishedAt(Kind kind, address operator) external view returns (uint64) {
    return _punishedAt[kind][stakeManager.currentKeyOf(operator)];
  }

  /// @inheritdoc IDemands
  function caseIdOf(uint64 id) public pure returns (bytes32) {
    return bytes32(uint256(id));
  }

  function _open(Demand memory demand) private returns (uint64 id) {
    require(!params.isPaused(Module.Demands), DemandsPaused());
    address current = params.moduleOf(Module.Demands);
    require(current == address(this), Superseded(current));
    Standing storage standing = _standings[demand.subject];
    require(standing.open == 0, AlreadyDemanded(standing.open));
    require(demand.kind == Kind.Claim ? demand.claimed > standing.claimed : !standing.closed, Closed(demand.subject));
    id = ++count;
    standing.open = id;
    (demand.demander, demand.state) = (msg.sender, State.Open);
    demand.deadline = uint64(block.timestamp) + answerPeriod;
    _demands[id] = demand;
    // That a quorum names a settler keeps no stake of it: see `holdSettler`.
    if (demand.kind != Kind.Leaf) _hold(id, demand.accused, Role.Provider, demand.penalty);
    _token.safeTransferFrom(msg.sender, address(this), bond);
  }

  function _answer(uint64 id, Demand storage demand) private {
    _close(demand, State.Answered);
    _release(id);
    _token.safeTransfer(msg.sender, bond);
  }

  function _close(Demand storage demand, State state) private {
    demand.state = state;
    Standing storage standing = _standings[demand.subject];
    standing.open = 0;
    if (state == State.Lapsed) return;
    if (demand.kind == Kind.Claim) standing.claimed = demand.claimed;
    else standing.closed = true;
  }

  /// @dev Whoever released it, should the hold have run out before: an exit waits for nobody.
  function _release(uint64 id) private {
    bytes32 key = stakeManager.caseKey(address(this), caseIdOf(id));
    if (stakeManager.holdOf(key).until != 0) stakeManager.release(key);
  }

  function _hold(uint64 id, address operator, Role role, uint16 penalty) private returns (uint256) {
    return stakeManager.hold(caseIdOf(id), operator, role, penalty);
  }

  function _seize(bytes32 caseId, Demand storage demand, address operator, Role role, uint16 penalty)
    private
    returns (uint256)
  {
    return stakeManager.seize(caseId, operator, role, penalty, demand.demander);
  }

  function _charge(uint64 id, Demand storage demand, address verifier) private returns (uint256 seized) {
    if (_charged[id][verifier] || !stakeManager.isSlasher(address(this))) return 0;
    _charged[id][verifier] = true;
    seized = _seize(keccak256(abi.encode(id, verifier)), demand, verifier, Role.Verifier, demand.signerPenalty);
    emit SignerCharged(id, verifier, seized);
  }

  /// @dev A module that was replaced or disarmed ends its demands without a penalty: they can be made again elsewhere.
  function _isUpheld(Demand storage demand) private view returns (bool) {
    if (params.moduleOf(Module.Demands) != address(this) || !stakeManager.isSlasher(address(this))) return false;
    if (demand.kind == Kind.Leaf) return !batchAnchor.isVoid(demand.number);
    uint64 openedAt = demand.deadline - answerPeriod;
    return openedAt > _punishedAt[demand.kind][stakeManager.currentKeyOf(demand.accused)];
  }

  function _checkLeafDemand(uint64 id, State state) private view returns (Demand storage demand) {
    demand = _demands[id];
    require(demand.kind == Kind.Leaf, WrongKind(id, demand.kind));
    require(demand.state == state, WrongState(id, demand.state));
  }

  /// @dev By the key the batch names: it stays liable when it is rotated, and its successor signed nothing.
  function _checkSettler(uint64 id, State state, bytes calldata signature)
    private
    view
    returns (Demand storage demand)
  {
    demand = _checkLeafDemand(id, state);
    _checkSignature(demand.object, signature, demand.accused);
  }

  function _checkAnswerable(uint64 id, Kind kind) private view returns (Demand storage demand) {
    demand = _demands[id];
    require(demand.state == State.Open, WrongState(id, demand.state));
    require(demand.kind == kind, WrongKind(id, demand.kind));
    require(block.timestamp <= demand.deadline, TooLate(id, demand.deadline));
  }

  /// @dev The grant is the one the job names, so that another receipt of that job is receipt equivocation.
  function _checkClaimAnswer(Demand storage demand, ClaimAnswer calldata answer) private view {
    Receipt calldata receipt = answer.shown.receipt;
    Job calldata job = answer.job;
    _checkReceipt(answer.grant, answer.shown);
    require(receipt.provider == demand.accused, WrongProvider(demand.accused, receipt.provider));
    require(receipt.channel == demand.root, WrongChannel(demand.root, receipt.channel));
    require(receipt.chargedAfter >= demand.claimed, ChargedTooLittle(demand.claimed, receipt.chargedAfter));
    bytes32 digest = _digest(job.hash());
    require(
      digest == receipt.jobId && job.channel == demand.root && job.requester == demand.requester
        && job.provider == demand.accused && job.grant == receipt.grant,
      WrongJob(receipt.jobId, digest)
    );
    _checkSignature(digest, answer.requesterSig, job.requester);
  }

  function _checkReceipt(IEvidence.SignedGrant calldata grant, IEvidence.SignedReceipt calldata shown) private view {
    bytes32 grantDigest = _digest(grant.grant.hash());
    _checkSignature(grantDigest, grant.signature, grant.grant.operator);
    require(shown.receipt.grant == grantDigest, WrongGrant(grantDigest, shown.receipt.grant));
    require(shown.receipt.provider == grant.grant.operator, WrongProvider(grant.grant.operator, shown.receipt.provider));
    _checkSignature(_digest(shown.receipt.hash()), shown.signature, grant.grant.sessionKey);
  }

  /// @dev Of what an operator has in full, whatever else is held: else open demands of a friend would shut out others.
  function _checkStake(Demand memory demand) private view {
    uint256 atStake = stakeManager.slashableOf(demand.accused, Role.Provider) * demand.penalty / BASIS;
    require(atStake >= bond, NothingAtStake(demand.accused, atStake));
  }

  function _checkAge(uint64 epoch) private view {
    uint256 until = demandableUntil(epoch);
    require(block.timestamp <= until, TooOld(epoch, until));
  }

  function _checkSignature(bytes32 digest, bytes calldata signature, address signer) private pure {
    (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
    require(problem == ECDSA.RecoverError.NoError && recovered == signer, BadSignature(digest, signer));
  }

  function _digest(bytes32 structHash) private view returns (bytes32) {
    return Digests.toTyped(stakeManager.domainSeparator(), structHash);
  }
}
