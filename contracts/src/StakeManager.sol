// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Role} from "./interfaces/Objects.sol";
import {Digests} from "./libraries/Digests.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

contract StakeManager is IStakeManager {
  using SafeERC20 for IERC20;
  using SafeCast for uint256;

  struct Operator {
    address owner;
    bool frozen;
    address payout;
  }

  /// @dev `soon` counts from `soonEpoch`, `later` from `laterEpoch`. Stake comes in two epochs ahead, so two are enough:
  /// one of the current epoch and one of the epoch before. `later` is empty whenever `soon` is.
  struct Position {
    uint96 active;
    uint96 soon;
    uint32 soonEpoch;
    uint32 laterEpoch;
    uint96 later;
  }

  /// @notice Epochs between the one stake comes in and the first in which it counts.
  uint64 public constant MATURING_EPOCHS = 2;
  /// @notice Withdrawals of one operator and role on their way at a time: bounds the loop in `withdraw`.
  uint256 public constant MAX_UNBONDINGS = 8;
  uint64 public constant MAX_EPOCH_LENGTH = 7 days;
  uint64 public constant MAX_UNBONDING_PERIOD = 60 days;

  IERC20 public immutable token;
  uint64 public immutable epochLength;
  uint64 public immutable unbondingPeriod;
  uint64 public immutable genesisTimestamp;
  uint64 public immutable deploymentBlock;
  bytes32 public immutable networkId;
  uint256 private immutable _chainId;
  bytes32 private immutable _domainSeparator;

  mapping(address operator => Operator) private _operators;
  mapping(address operator => mapping(Role => Position)) private _positions;
  mapping(address operator => mapping(Role => Unbonding[])) private _unbondings;
  mapping(Role => address[]) private _members;
  mapping(Role => mapping(address operator => uint256)) private _memberIndex;

  /// @param token_ the network's token
  /// @param epochLength_ in seconds, at most a week
  /// @param unbondingPeriod_ in seconds, at least an epoch
  constructor(IERC20 token_, uint64 epochLength_, uint64 unbondingPeriod_) {
    require(
      address(token_) != address(0) && epochLength_ > 0 && epochLength_ <= MAX_EPOCH_LENGTH
        && unbondingPeriod_ >= epochLength_ && unbondingPeriod_ <= MAX_UNBONDING_PERIOD,
      InvalidParameters()
    );
    token = token_;
    epochLength = epochLength_;
    unbondingPeriod = unbondingPeriod_;
    genesisTimestamp = uint64(block.timestamp);
    deploymentBlock = uint64(block.number);
    networkId = Digests.networkId(block.chainid, address(this), blockhash(block.number - 1));
    _chainId = block.chainid;
    _domainSeparator = Digests.domainSeparator(block.chainid, address(this), networkId);
  }

  modifier onlyOwner(address operator) {
    address owner = _operators[operator].owner;
    require(owner != address(0) && owner == msg.sender, NotOwner(operator, msg.sender));
    _;
  }

  /// @inheritdoc IStakeManager
  function register(address operator, address payout, uint256 deadline, bytes calldata operatorSig) external {
    require(payout != address(0), InvalidArgument());
    require(block.timestamp <= deadline, ConsentExpired(deadline));
    require(_operators[operator].owner == address(0), AlreadyRegistered(operator));
    bytes32 consent =
      Digests.toTyped(domainSeparator(), Digests.hashRegistration(operator, msg.sender, payout, deadline));
    (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(consent, operatorSig);
    require(problem == ECDSA.RecoverError.NoError && signer == operator, BadConsent(operator));
    _operators[operator] = Operator({owner: msg.sender, frozen: false, payout: payout});
    emit Registered(operator, msg.sender, payout);
  }

  /// @inheritdoc IStakeManager
  function setPayout(address operator, address payout) external onlyOwner(operator) {
    require(payout != address(0), InvalidArgument());
    _operators[operator].payout = payout;
    emit PayoutChanged(operator, payout);
  }

  /// @inheritdoc IStakeManager
  function stake(address operator, Role role, uint128 amount) external onlyOwner(operator) {
    uint256 minimum = minimumStake(role);
    require(minimum != 0 && amount != 0, InvalidArgument());
    require(!_operators[operator].frozen, OperatorFrozen(operator));
    uint64 epoch = currentEpoch();
    uint64 countsFrom = epoch + MATURING_EPOCHS;
    Position memory position = _rolled(operator, role, epoch);
    uint96 added = uint256(amount).toUint96();
    if (position.soon == 0) (position.soon, position.soonEpoch) = (added, uint256(countsFrom).toUint32());
    else if (position.soonEpoch == countsFrom) position.soon += added;
    else (position.later, position.laterEpoch) = (position.later + added, uint256(countsFrom).toUint32());
    uint256 total = _total(position);
    require(total >= minimum, BelowMinimum(role, total, minimum));
    _positions[operator][role] = position;
    if (total == added) _enlist(operator, role);
    emit Staked(operator, role, amount, countsFrom);
    token.safeTransferFrom(msg.sender, address(this), amount);
  }

  /// @inheritdoc IStakeManager
  function requestUnstake(address operator, Role role, uint128 amount) external onlyOwner(operator) {
    require(amount != 0, InvalidArgument());
    Position memory position = _rolled(operator, role, currentEpoch());
    uint256 total = _total(position);
    require(amount <= total, ExceedsStake(amount, total));
    uint256 left = total - amount;
    uint256 minimum = minimumStake(role);
    require(left == 0 || left >= minimum, BelowMinimum(role, left, minimum));
    Unbonding[] storage queue = _unbondings[operator][role];
    require(queue.length < MAX_UNBONDINGS, TooManyUnbondings(operator, role));

    uint96 rest = uint96(amount);
    uint96 taken = rest < position.later ? rest : position.later;
    (position.later, rest) = (position.later - taken, rest - taken);
    taken = rest < position.soon ? rest : position.soon;
    (position.soon, rest) = (position.soon - taken, rest - taken);
    position.active -= rest;

    _positions[operator][role] = position;
    if (left == 0) _delist(operator, role);
    uint64 releaseAt = uint64(block.timestamp) + unbondingPeriod;
    queue.push(Unbonding({amount: amount, releaseAt: releaseAt}));
    emit UnstakeRequested(operator, role, amount, releaseAt);
  }

  /// @inheritdoc IStakeManager
  function withdraw(address operator, Role role) external {
    Unbonding[] storage queue = _unbondings[operator][role];
    uint256 length = queue.length;
    uint256 released;
    uint256 amount;
    while (released < length && queue[released].releaseAt <= block.timestamp) {
      amount += queue[released].amount;
      ++released;
    }
    require(released != 0, NothingToWithdraw(operator, role));
    for (uint256 index = released; index < length; ++index) {
      queue[index - released] = queue[index];
    }
    for (uint256 index; index < released; ++index) {
      queue.pop();
    }
    address owner = _operators[operator].owner;
    emit Withdrawn(operator, role, amount, owner);
    token.safeTransfer(owner, amount);
  }

  /// @inheritdoc IStakeManager
  function freeze(address operator) external onlyOwner(operator) {
    require(!_operators[operator].frozen, OperatorFrozen(operator));
    _operators[operator].frozen = true;
    emit Frozen(operator);
  }

  /// @inheritdoc IStakeManager
  function domainSeparator() public view returns (bytes32) {
    return
      block.chainid == _chainId ? _domainSeparator : Digests.domainSeparator(block.chainid, address(this), networkId);
  }

  /// @inheritdoc IStakeManager
  function slasher() external pure returns (address) {
    return address(0);
  }

  /// @inheritdoc IStakeManager
  function currentEpoch() public view returns (uint64) {
    return (uint64(block.timestamp) - genesisTimestamp) / epochLength;
  }

  /// @inheritdoc IStakeManager
  function minimumStake(Role role) public pure returns (uint128) {
    if (role == Role.Provider) return 10_000e18;
    if (role == Role.Verifier) return 2000e18;
    if (role == Role.Settler) return 5000e18;
    return 0;
  }

  /// @inheritdoc IStakeManager
  function maturedStake(address operator, Role role, uint64 epoch) external view returns (uint256) {
    uint64 current = currentEpoch();
    require(epoch >= current, EpochOver(epoch, current));
    return _matured(operator, role, epoch);
  }

  /// @inheritdoc IStakeManager
  function stakeOf(address operator, Role role) external view returns (uint256) {
    return _total(_positions[operator][role]);
  }

  /// @inheritdoc IStakeManager
  function unbondings(address operator, Role role) external view returns (Unbonding[] memory) {
    return _unbondings[operator][role];
  }

  /// @inheritdoc IStakeManager
  function ownerOf(address operator) external view returns (address) {
    return _operators[operator].owner;
  }

  /// @inheritdoc IStakeManager
  function payoutOf(address operator) external view returns (address) {
    return _operators[operator].payout;
  }

  /// @inheritdoc IStakeManager
  function isFrozen(address operator) external view returns (bool) {
    return _operators[operator].frozen;
  }

  /// @inheritdoc IStakeManager
  function operatorCount(Role role) external view returns (uint256) {
    return _members[role].length;
  }

  /// @inheritdoc IStakeManager
  function operators(Role role, uint256 from, uint256 count) external view returns (OperatorStake[] memory page) {
    address[] storage members = _members[role];
    uint256 length = members.length;
    uint64 epoch = currentEpoch();
    if (from >= length) return page;
    page = new OperatorStake[](Math.min(count, length - from));
    for (uint256 index; index < page.length; ++index) {
      address operator = members[from + index];
      page[index] = OperatorStake(operator, _operators[operator].owner, _matured(operator, role, epoch));
    }
  }

  function _matured(address operator, Role role, uint64 epoch) private view returns (uint256) {
    if (_operators[operator].frozen) return 0;
    Position storage position = _positions[operator][role];
    uint256 counts = position.active;
    if (position.soonEpoch <= epoch) counts += position.soon;
    if (position.laterEpoch != 0 && position.laterEpoch <= epoch) counts += position.later;
    return counts;
  }

  /// @dev The position as it is in `epoch`, with what has matured by then in `active`.
  function _rolled(address operator, Role role, uint64 epoch) private view returns (Position memory position) {
    position = _positions[operator][role];
    for (uint256 step; step < 2 && position.soon != 0 && position.soonEpoch <= epoch; ++step) {
      position.active += position.soon;
      (position.soon, position.soonEpoch) = (position.later, position.laterEpoch);
      (position.later, position.laterEpoch) = (0, 0);
    }
  }

  function _total(Position memory position) private pure returns (uint256) {
    return uint256(position.active) + position.soon + position.later;
  }

  function _enlist(address operator, Role role) private {
    _members[role].push(operator);
    _memberIndex[role][operator] = _members[role].length - 1;
  }

  function _delist(address operator, Role role) private {
    address[] storage members = _members[role];
    uint256 index = _memberIndex[role][operator];
    address last = members[members.length - 1];
    members[index] = last;
    _memberIndex[role][last] = index;
    members.pop();
    delete _memberIndex[role][operator];
  }
}
