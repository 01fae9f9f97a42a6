// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "./interfaces/ICommittee.sol";
import {IEmissionReserve} from "./interfaces/IEmissionReserve.sol";
import {IProtocolParams, Module} from "./interfaces/IProtocolParams.sol";
import {IRewardDistributor} from "./interfaces/IRewardDistributor.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {RewardRoot, VoidRoot} from "./interfaces/Objects.sol";
import {Digests} from "./libraries/Digests.sol";
import {IndexedMerkle} from "./libraries/IndexedMerkle.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

contract RewardDistributor is IRewardDistributor {
  using Checkpoints for Checkpoints.Trace208;
  using Digests for RewardRoot;
  using Digests for VoidRoot;
  using SafeCast for uint256;
  using SafeERC20 for IERC20;

  /// @notice Epochs after which a root can no longer be posted: longer than a root waits, so that the epoch of a voided
  /// one can be posted again; shorter than unbonding, so that who signs can still lose stake.
  uint64 public constant MAX_LAG = 7;
  /// @notice What nobody earned comes back over this many epochs, ever less of it.
  uint256 public constant CARRY_DIVISOR = 32;

  IERC20 public immutable token;
  IStakeManager public immutable stakeManager;
  ICommittee public immutable committee;
  IProtocolParams public immutable params;
  IEmissionReserve public immutable reserve;
  uint64 public immutable voidPeriod;
  uint64 private immutable _genesis;
  uint64 private immutable _epochLength;

  /// @dev One more than the epoch in which the last root was posted, void or not.
  uint64 private _nextPostIn;
  uint32 public voids;
  uint64 public retiredAt;
  uint256 public paid;
  mapping(address account => uint256) public claimedOf;
  /// @dev Root `number` is at `number - 1`.
  Root[] private _roots;
  /// @dev Sum of the fees notified up to an epoch's end.
  Checkpoints.Trace208 private _fees;

  /// @param voidPeriod_ seconds in which a root can be voided, above zero and below `MAX_LAG` epochs
  constructor(
    IERC20 token_,
    IStakeManager stakeManager_,
    ICommittee committee_,
    IProtocolParams params_,
    IEmissionReserve reserve_,
    uint64 voidPeriod_
  ) {
    require(
      address(token_) != address(0) && address(params_) != address(0) && address(reserve_) != address(0)
        && voidPeriod_ != 0 && voidPeriod_ < MAX_LAG * stakeManager_.epochLength(),
      InvalidParameters()
    );
    token = token_;
    stakeManager = stakeManager_;
    committee = committee_;
    params = params_;
    reserve = reserve_;
    voidPeriod = voidPeriod_;
    _genesis = stakeManager_.genesisTimestamp();
    _epochLength = stakeManager_.epochLength();
  }

  /// @inheritdoc IRewardDistributor
  function notify(uint256 amount) external {
    require(amount != 0, InvalidAmount());
    uint64 epoch = stakeManager.currentEpoch();
    _fees.push(uint256(epoch).toUint48(), (_fees.latest() + amount).toUint208());
    emit Notified(msg.sender, epoch, amount);
    token.safeTransferFrom(msg.sender, address(this), amount);
  }

  /// @inheritdoc IRewardDistributor
  function postRoot(RewardRoot calldata r, uint256 signers, bytes calldata sigs64) external {
    require(!params.isPaused(Module.RewardDistributor), RootsPaused());
    address distributor = params.moduleOf(Module.RewardDistributor);
    require(distributor == address(this), NotCurrent(distributor));
    require(r.distributor == address(this), WrongDistributor(r.distributor));
    uint64 current = stakeManager.currentEpoch();
    _requireNext(r, current);
    Budget memory budget = _requireInBudget(r);
    bytes32 digest = _typed(r.hash());
    _requireQuorum(r.epoch, false, digest, signers, sigs64);

    _nextPostIn = current + 1;
    if (retiredAt != 0) delete retiredAt;
    uint48 finalAt = (block.timestamp + voidPeriod).toUint48();
    _roots.push(Root(r.root, digest, r.cumulative, finalAt, uint48(r.epoch), r.leaves));
    emit RootPosted(uint64(_roots.length), digest, r, budget, finalAt, signers);
    reserve.release();
  }

  /// @inheritdoc IRewardDistributor
  function voidRoot(uint64 number) external {
    require(msg.sender == params.guardian(), NotGuardian(msg.sender));
    _void(number);
  }

  /// @inheritdoc IRewardDistributor
  function voidRootByJury(uint64 number, uint64 epoch, uint256 jurors, bytes calldata sigs64) external {
    uint64 current = stakeManager.currentEpoch();
    require(epoch <= current && epoch + 1 >= current, WrongEpoch(epoch, current));
    require(number != 0 && number <= _roots.length, NotVoidable(number));
    bytes32 digest = _typed(VoidRoot(_roots[number - 1].digest, epoch).hash());
    _requireQuorum(epoch, true, digest, jurors, sigs64);
    _void(number);
  }

  /// @inheritdoc IRewardDistributor
  function claim(address account, uint128 cumulative, uint32 index, bytes32[] calldata proof)
    external
    returns (uint256 amount)
  {
    uint64 number = finalNumber();
    require(number != 0, NoFinalRoot());
    Root storage r = _roots[number - 1];
    bytes32 digest = Digests.hashReward(account, cumulative);
    require(index < r.leaves && IndexedMerkle.verify(IndexedMerkle.REWARD, r.root, index, digest, proof), BadProof());

    uint256 claimed = claimedOf[account];
    if (cumulative > claimed) amount = Math.min(cumulative - claimed, r.cumulative - paid);
    require(amount != 0, NothingToClaim(account));
    claimedOf[account] = claimed + amount;
    paid += amount;
    address payout = stakeManager.payoutOf(stakeManager.currentKeyOf(account));
    if (payout == address(0)) payout = account;
    emit Claimed(account, payout, amount, claimed + amount);
    token.safeTransfer(payout, amount);
  }

  /// @inheritdoc IRewardDistributor
  function retire() external {
    address successor = _successor();
    require(retiredAt == 0, AlreadyRetired(retiredAt));
    retiredAt = uint64(block.timestamp);
    emit Retired(successor, uint64(block.timestamp) + voidPeriod);
  }

  /// @inheritdoc IRewardDistributor
  function moveRest() external returns (uint256 amount) {
    address successor = _successor();
    require(
      retiredAt != 0 && block.timestamp >= retiredAt + voidPeriod, TooEarly(retiredAt == 0 ? 0 : retiredAt + voidPeriod)
    );
    amount = token.balanceOf(address(this)) - owed();
    require(amount != 0, InvalidAmount());
    emit RestMoved(successor, amount);
    token.safeTransfer(successor, amount);
  }

  /// @inheritdoc IRewardDistributor
  function budgetOf(uint64 epoch) external view returns (Budget memory) {
    uint256 held = token.balanceOf(address(this));
    if (params.moduleOf(Module.RewardDistributor) == address(this)) held += reserve.releasable();
    return _budgetOf(epoch, held);
  }

  /// @inheritdoc IRewardDistributor
  function feesOf(uint64 epoch) public view returns (uint256) {
    return _feesUntil(epoch) - (epoch == 0 ? 0 : _feesUntil(epoch - 1));
  }

  /// @inheritdoc IRewardDistributor
  function emissionOf(uint64 epoch) public view returns (uint256) {
    return reserve.vested(_startOf(epoch + 1)) - reserve.vested(_startOf(epoch));
  }

  /// @inheritdoc IRewardDistributor
  function lastNumber() external view returns (uint64) {
    return uint64(_roots.length);
  }

  /// @inheritdoc IRewardDistributor
  /// @dev At most one root is posted in an epoch and each waits less than `MAX_LAG` epochs: that bounds the loop.
  function finalNumber() public view returns (uint64 number) {
    number = uint64(_roots.length);
    while (number != 0 && _roots[number - 1].finalAt > block.timestamp) {
      --number;
    }
  }

  /// @inheritdoc IRewardDistributor
  function rootOf(uint64 number) external view returns (Root memory) {
    return _roots[number - 1];
  }

  /// @inheritdoc IRewardDistributor
  function owed() public view returns (uint256) {
    uint256 last = _roots.length;
    return last == 0 ? 0 : _roots[last - 1].cumulative - paid;
  }

  /// @dev That `r` is what may follow: everything but the budget and the signatures.
  function _requireNext(RewardRoot calldata r, uint64 current) private view {
    require(current >= _nextPostIn, PostedThisEpoch(current));
    require(r.epoch < current && current - r.epoch <= MAX_LAG, WrongEpoch(r.epoch, current));
    bytes32 previous;
    uint256 cumulative;
    uint256 last = _roots.length;
    if (last != 0) {
      Root storage standing = _roots[last - 1];
      require(r.epoch > standing.epoch, WrongEpoch(r.epoch, current));
      (previous, cumulative) = (standing.digest, standing.cumulative);
    }
    require(r.previous == previous, WrongPrevious(previous, r.previous));
    require(r.voids == voids, WrongVoids(voids, r.voids));
    require((r.leaves == 0) == (r.root == 0), RootWithoutLeaves());
    cumulative += r.total;
    require(r.cumulative == cumulative, WrongCumulative(cumulative, r.cumulative));
  }

  function _requireInBudget(RewardRoot calldata r) private view returns (Budget memory budget) {
    budget = _budgetOf(r.epoch, token.balanceOf(address(this)) + reserve.releasable());
    uint256 most = budget.fees + budget.emission + budget.carried;
    require(r.total <= most, ExceedsBudget(r.total, most));
  }

  function _requireQuorum(uint64 epoch, bool jury, bytes32 digest, uint256 bitmap, bytes calldata sigs64) private view {
    (uint256 signed, uint256 weight) = committee.weigh(epoch, jury, digest, bitmap, sigs64);
    require(signed * 3 > weight * 2, NoQuorum(signed, weight));
  }

  /// @dev What a void root had given is free again. The same bound on the loop as in `finalNumber`.
  function _void(uint64 number) private {
    uint64 last = uint64(_roots.length);
    require(number != 0 && number <= last && block.timestamp < _roots[number - 1].finalAt, NotVoidable(number));
    ++voids;
    for (; last >= number; --last) {
      bytes32 digest = _roots[last - 1].digest;
      _roots.pop();
      emit RootVoided(last, digest);
    }
  }

  /// @dev Nothing is kept of the carry: it is what is held, less what is owed and what came in or accrued after `epoch`,
  /// less the epoch's own. Void roots, skipped epochs, unearned rewards and tokens sent without `notify` end up in it.
  /// What accrued before this was the distributor may be counted as later and was not received: the budget then is less,
  /// never more than is free.
  function _budgetOf(uint64 epoch, uint256 held) private view returns (Budget memory budget) {
    uint256 later = _fees.latest() - _feesUntil(epoch);
    uint256 end = _startOf(epoch + 1);
    if (block.timestamp > end) later += reserve.vested(block.timestamp) - reserve.vested(end);
    uint256 free = Math.saturatingSub(held, owed() + later);
    budget.fees = Math.min(feesOf(epoch), free);
    budget.emission = Math.min(emissionOf(epoch), free - budget.fees);
    budget.carried = (free - budget.fees - budget.emission) / CARRY_DIVISOR;
  }

  function _feesUntil(uint64 epoch) private view returns (uint256) {
    return _fees.upperLookupRecent(uint256(epoch).toUint48());
  }

  function _startOf(uint64 epoch) private view returns (uint256) {
    return _genesis + uint256(epoch) * _epochLength;
  }

  function _successor() private view returns (address successor) {
    successor = params.moduleOf(Module.RewardDistributor);
    require(successor != address(0) && successor != address(this), NotReplaced());
  }

  function _typed(bytes32 structHash) private view returns (bytes32) {
    return Digests.toTyped(stakeManager.domainSeparator(), structHash);
  }
}
