// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams, Param} from "./interfaces/IProtocolParams.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Role} from "./interfaces/Objects.sol";
import {Digests} from "./libraries/Digests.sol";
import {Shares} from "./libraries/Shares.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

contract StakeManager is IStakeManager, Votes {
  using SafeERC20 for IERC20;
  using SafeCast for uint256;

  /// @dev Where a key stands in a chain of rotations.
  enum Link {
    Alone,
    First,
    Later
  }

  enum CaseState {
    None,
    Held,
    Released,
    Pending,
    Executed,
    Returned,
    Closed
  }

  /// @param frozen by its owner, or because it was rotated away
  /// @param other the current key, if this is the first of a chain; the first key, if it is a later one
  struct Operator {
    address owner;
    bool frozen;
    Link link;
    address payout;
    address other;
  }

  /// @dev One slot, which alone answers `maturedStake` unless `later` is staked. `soon` counts from `soonEpoch`, `later`
  /// from the epoch after it. Stake comes in two epochs ahead, so two are enough. `later` is empty whenever `soon` is.
  /// @param place in the list of the role's operators, from 1; kept from the first stake until the last has left, or its
  /// seizure is executed
  struct Position {
    uint96 active;
    uint96 soon;
    uint32 soonEpoch;
    uint24 place;
    uint8 flags;
  }

  /// @param unbonding sum of the entries `first` to `next - 1` of the queue
  struct Book {
    uint96 later;
    uint96 unbonding;
    uint32 first;
    uint32 next;
  }

  struct Account {
    Position position;
    Book book;
    uint256 held;
    mapping(uint256 => Unbonding) queue;
  }

  /// @dev A hold, then a seizure of the same case id.
  /// @param operator the current key when it was opened
  /// @param time the end of a hold, the second of a seizure
  struct Case {
    address operator;
    uint96 amount;
    address reporter;
    uint40 time;
    uint32 slasher;
    Role role;
    CaseState state;
    uint128 toReporter;
    uint128 pot;
  }

  /// @param id of its address, plus one; kept when it is removed
  struct Slasher {
    uint64 from;
    uint32 id;
  }

  /// @param units staked for all its operators
  /// @param known whether it has registered an operator
  struct Voter {
    uint128 units;
    bool known;
  }

  /// @notice Epochs between the one stake comes in and the first in which it counts.
  uint64 public constant MATURING_EPOCHS = 2;
  /// @notice Withdrawals of one operator and role on their way at a time: bounds every loop over them.
  uint256 public constant MAX_UNBONDINGS = 8;
  /// @notice A set signs for the epoch it was opened in and three more, and a batch may be of the epoch before: what
  /// signs is slashable for two epochs after that.
  uint64 public constant MIN_UNBONDING_EPOCHS = 6;
  uint64 public constant MAX_EPOCH_LENGTH = 7 days;
  uint64 public constant MAX_UNBONDING_PERIOD = 60 days;
  /// @notice Bound of the delays of seizures, pots, holds and slashers.
  uint64 public constant MAX_DELAY = 180 days;
  /// @notice Where burned tokens go: the supply never changes.
  address public constant BURNED = 0x000000000000000000000000000000000000dEaD;

  uint8 private constant FROZEN = 1;
  uint8 private constant HAS_LATER = 2;

  IERC20 public immutable token;
  IProtocolParams public immutable params;
  address public immutable governance;
  uint64 public immutable epochLength;
  uint64 public immutable unbondingPeriod;
  uint64 public immutable seizureDelay;
  uint64 public immutable reporterDelay;
  uint64 public immutable potPeriod;
  uint64 public immutable holdPeriod;
  uint64 public immutable slasherDelay;
  uint64 public immutable genesisTimestamp;
  uint64 public immutable deploymentBlock;
  bytes32 public immutable networkId;
  uint256 private immutable _chainId;
  bytes32 private immutable _domainSeparator;

  mapping(address key => Operator) private _operators;
  mapping(Role => mapping(address operator => Account)) private _accounts;
  mapping(Role => address[]) private _members;
  mapping(bytes32 key => Case) private _cases;
  mapping(address slasher => Slasher) private _slashers;
  address[] private _slasherOf;
  mapping(address owner => Voter) private _voters;

  constructor(Setup memory setup) EIP712("OPG Network", "1") {
    require(
      address(setup.token) != address(0) && address(setup.params) != address(0) && setup.governance != address(0)
        && setup.epochLength != 0 && setup.epochLength <= MAX_EPOCH_LENGTH
        && setup.unbondingPeriod >= MIN_UNBONDING_EPOCHS * setup.epochLength
        && setup.unbondingPeriod <= MAX_UNBONDING_PERIOD,
      InvalidParameters()
    );
    require(
      setup.seizureDelay != 0 && setup.reporterDelay >= setup.seizureDelay && setup.potPeriod > setup.seizureDelay
        && setup.holdPeriod != 0 && setup.slasherDelay > setup.unbondingPeriod && setup.reporterDelay <= MAX_DELAY
        && setup.potPeriod <= MAX_DELAY && setup.holdPeriod <= MAX_DELAY && setup.slasherDelay <= MAX_DELAY,
      InvalidParameters()
    );
    token = setup.token;
    params = setup.params;
    governance = setup.governance;
    epochLength = setup.epochLength;
    unbondingPeriod = setup.unbondingPeriod;
    seizureDelay = setup.seizureDelay;
    reporterDelay = setup.reporterDelay;
    potPeriod = setup.potPeriod;
    holdPeriod = setup.holdPeriod;
    slasherDelay = setup.slasherDelay;
    genesisTimestamp = uint64(block.timestamp);
    deploymentBlock = uint64(block.number);
    networkId = Digests.networkId(block.chainid, address(this), blockhash(block.number - 1));
    _chainId = block.chainid;
    _domainSeparator = Digests.domainSeparator(block.chainid, address(this), networkId);
    for (uint256 index; index < setup.slashers.length; ++index) {
      _admit(setup.slashers[index], uint64(block.timestamp));
    }
  }

  modifier onlyOwner(address operator) {
    address owner = _operators[operator].owner;
    require(owner != address(0) && owner == msg.sender, NotOwner(operator, msg.sender));
    _;
  }

  modifier onlyGovernance() {
    require(msg.sender == governance, NotGovernance(msg.sender));
    _;
  }

  /// @inheritdoc IStakeManager
  function register(address operator, address payout, uint256 deadline, bytes calldata operatorSig) external {
    require(payout != address(0), InvalidArgument());
    require(_operators[operator].owner == address(0), AlreadyRegistered(operator));
    _checkConsent(operator, Digests.hashRegistration(operator, msg.sender, payout, deadline), deadline, operatorSig);
    Operator storage record = _operators[operator];
    (record.owner, record.payout) = (msg.sender, payout);
    if (!_voters[msg.sender].known) {
      _voters[msg.sender].known = true;
      if (delegates(msg.sender) == address(0)) _delegate(msg.sender, msg.sender);
    }
    emit Registered(operator, msg.sender, payout);
  }

  /// @inheritdoc IStakeManager
  function setPayout(address operator, address payout) external onlyOwner(operator) {
    require(payout != address(0), InvalidArgument());
    operator = currentKeyOf(operator);
    _operators[operator].payout = payout;
    emit PayoutChanged(operator, payout);
  }

  /// @inheritdoc IStakeManager
  function stake(address operator, Role role, uint128 amount) external onlyOwner(operator) {
    uint256 minimum = minimumStake(role);
    require(minimum != 0 && amount != 0, InvalidArgument());
    require(!_operators[operator].frozen, OperatorFrozen(operator));
    uint64 countsFrom = currentEpoch() + MATURING_EPOCHS;
    (Position memory position, Book memory book) = _load(operator, role);
    uint96 added = uint256(amount).toUint96();
    if (position.soon == 0) (position.soon, position.soonEpoch) = (added, uint256(countsFrom).toUint32());
    else if (position.soonEpoch == countsFrom) position.soon += added;
    else book.later += added;
    uint256 total = _total(position, book);
    require(total >= minimum, BelowMinimum(role, total, minimum));
    _enlist(operator, role, position);
    _save(operator, role, position, book);
    _addVotes(msg.sender, amount);
    emit Staked(operator, role, amount, countsFrom);
    token.safeTransferFrom(msg.sender, address(this), amount);
  }

  /// @inheritdoc IStakeManager
  function requestUnstake(address operator, Role role, uint128 amount) external onlyOwner(operator) {
    require(amount != 0, InvalidArgument());
    (Position memory position, Book memory book) = _load(operator, role);
    uint256 total = _total(position, book);
    require(amount <= total, ExceedsStake(amount, total));
    uint256 left = total - amount;
    uint256 minimum = minimumStake(role);
    require(left == 0 || left >= minimum, BelowMinimum(role, left, minimum));
    require(book.next - book.first < MAX_UNBONDINGS, TooManyUnbondings(operator, role));

    uint64 releaseAt = uint64(block.timestamp) + unbondingPeriod;
    _take(position, book, uint96(amount));
    _accounts[role][operator].queue[book.next++] = Unbonding({amount: amount, releaseAt: releaseAt});
    book.unbonding += uint96(amount);
    if (left == 0) _delist(role, position);
    _save(operator, role, position, book);
    _removeVotes(msg.sender, amount);
    emit UnstakeRequested(operator, role, amount, releaseAt);
  }

  /// @inheritdoc IStakeManager
  function withdraw(address operator, Role role) external {
    Account storage account = _accounts[role][operator];
    Book memory book = account.book;
    uint256 amount;
    for (uint256 index = book.first; index < book.next; ++index) {
      Unbonding memory entry = account.queue[index];
      if (entry.releaseAt > block.timestamp) break;
      amount += entry.amount;
    }
    require(amount != 0, NothingToWithdraw(operator, role));
    uint256 held = account.held;
    if (held != 0) {
      amount = Math.min(amount, Math.saturatingSub(_total(account.position, book) + book.unbonding, held));
      require(amount != 0, UnderCase(operator, role, held));
    }

    uint256 rest = amount;
    while (rest != 0) {
      Unbonding storage entry = account.queue[book.first];
      uint256 entryAmount = entry.amount;
      if (entryAmount > rest) {
        entry.amount = uint128(entryAmount - rest);
        break;
      }
      rest -= entryAmount;
      delete account.queue[book.first++];
    }
    book.unbonding -= uint96(amount);
    account.book = book;
    address owner = _operators[operator].owner;
    emit Withdrawn(operator, role, amount, owner);
    token.safeTransfer(owner, amount);
  }

  /// @inheritdoc IStakeManager
  function freeze(address operator) external onlyOwner(operator) {
    require(!_operators[operator].frozen, OperatorFrozen(operator));
    _operators[operator].frozen = true;
    for (uint8 role = uint8(Role.Provider); role <= uint8(Role.Settler); ++role) {
      Position storage position = _accounts[Role(role)][operator].position;
      if (position.place != 0) position.flags |= FROZEN;
    }
    emit Frozen(operator);
  }

  /// @inheritdoc IStakeManager
  function rotate(address from, address to, uint256 deadline, bytes calldata toSig) external onlyOwner(from) {
    require(currentKeyOf(from) == from, OperatorFrozen(from));
    require(_operators[to].owner == address(0), AlreadyRegistered(to));
    _checkConsent(to, Digests.hashRotation(from, to, msg.sender, deadline), deadline, toSig);

    Operator storage old = _operators[from];
    address first = old.link == Link.Later ? old.other : from;
    if (first == from) old.link = Link.First;
    _operators[first].other = to;
    _operators[to] = Operator({owner: msg.sender, frozen: false, link: Link.Later, payout: old.payout, other: first});
    old.frozen = true;
    for (uint8 role = uint8(Role.Provider); role <= uint8(Role.Settler); ++role) {
      _move(from, to, Role(role));
    }
    emit Registered(to, msg.sender, old.payout);
    emit Rotated(from, to);
  }

  /// @inheritdoc IStakeManager
  function announceSlasher(address slasher) external onlyGovernance {
    _admit(slasher, uint64(block.timestamp) + slasherDelay);
  }

  /// @inheritdoc IStakeManager
  function removeSlasher(address slasher) external onlyGovernance {
    require(_slashers[slasher].from != 0, NotSlasher(slasher));
    _slashers[slasher].from = 0;
    emit SlasherRemoved(slasher);
  }

  /// @inheritdoc IStakeManager
  function hold(bytes32 caseId, address operator, Role role, uint16 bps) external returns (uint256 held) {
    uint32 slasher = _checkSlasher();
    bytes32 key = caseKey(msg.sender, caseId);
    Case storage record = _cases[key];
    require(record.state == CaseState.None, CaseKnown(key));
    operator = currentKeyOf(operator);
    held = Shares.portion(_slashable(operator, role), bps);
    _accounts[role][operator].held += held;
    uint64 until = uint64(block.timestamp) + holdPeriod;
    _open(record, operator, role, held, address(0), until, slasher, CaseState.Held);
    emit Held(key, operator, role, held, until);
  }

  /// @inheritdoc IStakeManager
  function release(bytes32 key) external {
    Case storage record = _cases[key];
    require(record.state == CaseState.Held, UnknownCase(key));
    require(msg.sender == _slasherOf[record.slasher - 1] || block.timestamp >= record.time, TooEarly(key, record.time));
    record.state = CaseState.Released;
    _release(key, record);
  }

  /// @inheritdoc IStakeManager
  function seize(bytes32 caseId, address operator, Role role, uint16 bps, address reporter)
    external
    returns (uint256 seized)
  {
    uint32 slasher = _checkSlasher();
    bytes32 key = caseKey(msg.sender, caseId);
    Case storage record = _cases[key];
    CaseState state = record.state;
    require(state <= CaseState.Released, CaseKnown(key));
    if (state == CaseState.Held) _release(key, record);
    operator = currentKeyOf(operator);
    if (_isOffender(operator, reporter)) reporter = address(0);
    seized = _takeSeizable(operator, role, bps);
    _open(record, operator, role, seized, reporter, uint64(block.timestamp), slasher, CaseState.Pending);
    emit Seized(key, operator, role, seized, msg.sender, reporter);
  }

  /// @inheritdoc IStakeManager
  function returnSeizure(bytes32 key) external {
    require(msg.sender == params.guardian(), NotGuardian(msg.sender));
    Case storage record = _cases[key];
    _checkState(key, record, CaseState.Pending);
    record.state = CaseState.Returned;
    uint256 amount = record.amount;
    address operator = currentKeyOf(record.operator);
    if (amount != 0) {
      (Position memory position, Book memory book) = _load(operator, record.role);
      position.active += uint96(amount);
      _enlist(operator, record.role, position);
      if (_operators[operator].frozen) position.flags |= FROZEN;
      _save(operator, record.role, position, book);
      _addVotes(_operators[operator].owner, amount);
    }
    emit SeizureReturned(key, amount);
  }

  /// @inheritdoc IStakeManager
  function execute(bytes32 key) external {
    Case storage record = _cases[key];
    _checkState(key, record, CaseState.Pending);
    _checkReached(key, record.time + seizureDelay);
    uint256 share = record.reporter == address(0) ? 0 : params.valueOf(Param.ReporterShare);
    (uint256 burned, uint256 toReporter, uint256 pot) = Shares.split(record.amount, share);
    record.state = CaseState.Executed;
    (record.toReporter, record.pot) = (uint128(toReporter), uint128(pot));
    address operator = currentKeyOf(record.operator);
    (Position memory position, Book memory book) = _load(operator, record.role);
    if (position.place != 0 && _total(position, book) == 0) {
      _delist(record.role, position);
      _save(operator, record.role, position, book);
    }
    emit SeizureExecuted(key, burned);
    token.safeTransfer(BURNED, burned);
  }

  /// @inheritdoc IStakeManager
  function payReporter(bytes32 key) external {
    Case storage record = _cases[key];
    uint256 amount = record.toReporter;
    require(amount != 0, WrongState(key, _seizureState(record)));
    _checkReached(key, record.time + reporterDelay);
    record.toReporter = 0;
    address reporter = record.reporter;
    emit ReporterPaid(key, reporter, amount);
    token.safeTransfer(reporter, amount);
  }

  /// @inheritdoc IStakeManager
  function payVictim(bytes32 caseId, address victim, uint256 amount) external {
    bytes32 key = caseKey(msg.sender, caseId);
    Case storage record = _cases[key];
    _checkState(key, record, CaseState.Executed);
    uint64 until = record.time + potPeriod;
    require(block.timestamp < until, TooLate(key, until));
    uint256 pot = record.pot;
    require(amount <= pot, ExceedsPot(amount, pot));
    require(!_isOffender(currentKeyOf(record.operator), victim), OffenderPaid(victim));
    record.pot = uint128(pot - amount);
    emit VictimPaid(key, victim, amount);
    token.safeTransfer(victim, amount);
  }

  /// @inheritdoc IStakeManager
  function closePot(bytes32 key) external {
    Case storage record = _cases[key];
    _checkState(key, record, CaseState.Executed);
    _checkReached(key, record.time + potPeriod);
    uint256 pot = record.pot;
    record.state = CaseState.Closed;
    record.pot = 0;
    emit PotClosed(key, pot);
    token.safeTransfer(params.treasury(), pot);
  }

  /// @inheritdoc IStakeManager
  function caseKey(address slasher, bytes32 caseId) public pure returns (bytes32) {
    return keccak256(abi.encode(slasher, caseId));
  }

  /// @inheritdoc IStakeManager
  function seizureOf(bytes32 key) external view returns (Seizure memory seizure) {
    Case storage record = _cases[key];
    SeizureState state = _seizureState(record);
    if (state == SeizureState.None) return seizure;
    return Seizure({
      slasher: _slasherOf[record.slasher - 1],
      operator: record.operator,
      role: record.role,
      state: state,
      reporter: record.reporter,
      amount: record.amount,
      toReporter: record.toReporter,
      pot: record.pot,
      seizedAt: record.time
    });
  }

  /// @inheritdoc IStakeManager
  function holdOf(bytes32 key) external view returns (Hold memory open) {
    Case storage record = _cases[key];
    if (record.state == CaseState.Held) open = Hold(record.operator, record.role, record.amount, record.time);
  }

  /// @inheritdoc IStakeManager
  function slashableOf(address operator, Role role) external view returns (uint256) {
    return _slashable(currentKeyOf(operator), role);
  }

  /// @inheritdoc IStakeManager
  function heldOf(address operator, Role role) external view returns (uint256) {
    return _accounts[role][currentKeyOf(operator)].held;
  }

  /// @inheritdoc IStakeManager
  function currentKeyOf(address operator) public view returns (address) {
    Operator storage record = _operators[operator];
    Link link = record.link;
    if (link == Link.Alone) return operator;
    return link == Link.First ? record.other : _operators[record.other].other;
  }

  /// @inheritdoc IStakeManager
  function slasherFrom(address slasher) external view returns (uint64) {
    return _slashers[slasher].from;
  }

  /// @inheritdoc IStakeManager
  function isSlasher(address slasher) external view returns (bool) {
    return _acts(_slashers[slasher].from);
  }

  /// @inheritdoc IStakeManager
  function domainSeparator() public view returns (bytes32) {
    return
      block.chainid == _chainId ? _domainSeparator : Digests.domainSeparator(block.chainid, address(this), networkId);
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
    _checkEpoch(epoch);
    return _matured(_accounts[role][operator], epoch, minimumStake(role));
  }

  /// @inheritdoc IStakeManager
  function maturedStakes(address[] calldata operators_, Role role, uint64 epoch)
    external
    view
    returns (uint256[] memory stakes)
  {
    _checkEpoch(epoch);
    uint256 minimum = minimumStake(role);
    mapping(address => Account) storage accounts = _accounts[role];
    stakes = new uint256[](operators_.length);
    for (uint256 index; index < stakes.length; ++index) {
      stakes[index] = _matured(accounts[operators_[index]], epoch, minimum);
    }
  }

  /// @inheritdoc IStakeManager
  function stakeOf(address operator, Role role) external view returns (uint256) {
    Account storage account = _accounts[role][operator];
    return _total(account.position, account.book);
  }

  /// @inheritdoc IStakeManager
  function unbondings(address operator, Role role) external view returns (Unbonding[] memory entries) {
    Account storage account = _accounts[role][operator];
    Book memory book = account.book;
    entries = new Unbonding[](book.next - book.first);
    for (uint256 index; index < entries.length; ++index) {
      entries[index] = account.queue[book.first + index];
    }
  }

  /// @inheritdoc IStakeManager
  function ownerOf(address operator) external view returns (address) {
    return _operators[operator].owner;
  }

  /// @inheritdoc IStakeManager
  function payoutOf(address operator) external view returns (address) {
    return _operators[currentKeyOf(operator)].payout;
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
    uint256 minimum = minimumStake(role);
    if (from >= length) return page;
    page = new OperatorStake[](Math.min(count, length - from));
    for (uint256 index; index < page.length; ++index) {
      address operator = members[from + index];
      page[index] =
        OperatorStake(operator, _operators[operator].owner, _matured(_accounts[role][operator], epoch, minimum));
    }
  }

  /// @notice ERC-6372: seconds since 1970, as the token's.
  function clock() public view override returns (uint48) {
    return uint48(block.timestamp);
  }

  // solhint-disable-next-line func-name-mixedcase
  function CLOCK_MODE() public pure override returns (string memory) {
    return "mode=timestamp";
  }

  /// @notice The token's: staked votes are a part of them.
  function getPastTotalSupply(uint256 timepoint) public view override returns (uint256) {
    return IVotes(address(token)).getPastTotalSupply(timepoint);
  }

  /// @notice ERC-5267: the network's domain (R3), in which delegations are signed too.
  function eip712Domain()
    public
    view
    override
    returns (
      bytes1 fields,
      string memory name,
      string memory version,
      uint256 chainId,
      address verifyingContract,
      bytes32 salt,
      uint256[] memory extensions
    )
  {
    return (hex"1f", "OPG Network", "1", block.chainid, address(this), networkId, extensions);
  }

  function _hashTypedDataV4(bytes32 structHash) internal view override returns (bytes32) {
    return Digests.toTyped(domainSeparator(), structHash);
  }

  function _getVotingUnits(address account) internal view override returns (uint256) {
    return _voters[account].units;
  }

  function _addVotes(address owner, uint256 amount) private {
    _voters[owner].units += uint128(amount);
    _moveDelegateVotes(address(0), delegates(owner), amount);
  }

  function _removeVotes(address owner, uint256 amount) private {
    _voters[owner].units -= uint128(amount);
    _moveDelegateVotes(delegates(owner), address(0), amount);
  }

  function _admit(address slasher, uint64 from) private {
    require(slasher != address(0), InvalidArgument());
    Slasher storage record = _slashers[slasher];
    require(record.from == 0, SlasherKnown(slasher));
    if (record.id == 0) {
      _slasherOf.push(slasher);
      record.id = uint32(_slasherOf.length);
    }
    record.from = from;
    emit SlasherAnnounced(slasher, from);
  }

  /// @return id of the calling slasher
  function _checkSlasher() private view returns (uint32 id) {
    Slasher memory record = _slashers[msg.sender];
    require(_acts(record.from), NotSlasher(msg.sender));
    return record.id;
  }

  function _acts(uint64 from) private view returns (bool) {
    return from != 0 && from <= block.timestamp;
  }

  function _checkConsent(address key, bytes32 structHash, uint256 deadline, bytes calldata signature) private view {
    require(block.timestamp <= deadline, ConsentExpired(deadline));
    (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(structHash), signature);
    require(problem == ECDSA.RecoverError.NoError && signer == key, BadConsent(key));
  }

  function _checkEpoch(uint64 epoch) private view {
    uint64 current = currentEpoch();
    require(epoch >= current, EpochOver(epoch, current));
  }

  function _checkState(bytes32 key, Case storage record, CaseState wanted) private view {
    CaseState state = record.state;
    require(state > CaseState.Released, UnknownCase(key));
    require(state == wanted, WrongState(key, _seizureState(record)));
  }

  function _checkReached(bytes32 key, uint64 possibleAt) private view {
    require(block.timestamp >= possibleAt, TooEarly(key, possibleAt));
  }

  function _seizureState(Case storage record) private view returns (SeizureState) {
    CaseState state = record.state;
    return state <= CaseState.Released ? SeizureState.None : SeizureState(uint8(state) - uint8(CaseState.Released));
  }

  /// @dev Whether `account` is the owner or payout of `operator`, or a key of the same owner, used or rotated away.
  function _isOffender(address operator, address account) private view returns (bool) {
    Operator storage record = _operators[operator];
    address owner = record.owner;
    return account == owner || account == record.payout || _operators[account].owner == owner;
  }

  function _open(
    Case storage record,
    address operator,
    Role role,
    uint256 amount,
    address reporter,
    uint64 time,
    uint32 slasher,
    CaseState state
  ) private {
    (record.operator, record.amount) = (operator, uint96(amount));
    record.reporter = reporter;
    record.time = uint40(time);
    record.slasher = slasher;
    record.role = role;
    record.state = state;
  }

  function _release(bytes32 key, Case storage record) private {
    _accounts[record.role][currentKeyOf(record.operator)].held -= record.amount;
    emit HoldReleased(key);
  }

  function _slashable(address operator, Role role) private view returns (uint256) {
    Account storage account = _accounts[role][operator];
    Book memory book = account.book;
    return _total(account.position, book) + book.unbonding;
  }

  /// @dev Takes what is staked first, then what is unbonding; of both the newest first.
  function _takeSeizable(address operator, Role role, uint256 bps) private returns (uint256 seized) {
    (Position memory position, Book memory book) = _load(operator, role);
    uint256 staked = _total(position, book);
    seized = Shares.portion(staked + book.unbonding, bps);
    staked = Math.min(staked, seized);
    _take(position, book, uint96(staked));
    uint256 rest = seized - staked;
    book.unbonding -= uint96(rest);
    mapping(uint256 => Unbonding) storage queue = _accounts[role][operator].queue;
    while (rest != 0) {
      Unbonding storage entry = queue[book.next - 1];
      uint256 amount = entry.amount;
      if (amount > rest) {
        entry.amount = uint128(amount - rest);
        break;
      }
      rest -= amount;
      delete queue[--book.next];
    }
    _save(operator, role, position, book);
    _removeVotes(_operators[operator].owner, staked);
  }

  function _matured(Account storage account, uint64 epoch, uint256 minimum) private view returns (uint256 counts) {
    Position memory position = account.position;
    if (position.flags & FROZEN != 0) return 0;
    counts = position.active;
    if (position.soonEpoch <= epoch) {
      counts += position.soon;
      if (position.flags & HAS_LATER != 0 && position.soonEpoch < epoch) counts += account.book.later;
    }
    if (counts < minimum) counts = 0;
  }

  /// @dev As it is in the current epoch, with what has matured by then in `active`.
  function _load(address operator, Role role) private view returns (Position memory position, Book memory book) {
    Account storage account = _accounts[role][operator];
    (position, book) = (account.position, account.book);
    uint64 epoch = currentEpoch();
    while (position.soon != 0 && position.soonEpoch <= epoch) {
      position.active += position.soon;
      (position.soon, book.later) = (book.later, 0);
      ++position.soonEpoch;
    }
  }

  function _save(address operator, Role role, Position memory position, Book memory book) private {
    position.flags = book.later == 0 ? position.flags & ~HAS_LATER : position.flags | HAS_LATER;
    Account storage account = _accounts[role][operator];
    (account.position, account.book) = (position, book);
  }

  /// @dev The newest first. `amount` is at most the total.
  function _take(Position memory position, Book memory book, uint96 amount) private pure {
    uint96 taken = amount < book.later ? amount : book.later;
    (book.later, amount) = (book.later - taken, amount - taken);
    taken = amount < position.soon ? amount : position.soon;
    (position.soon, amount) = (position.soon - taken, amount - taken);
    position.active -= amount;
  }

  function _total(Position memory position, Book memory book) private pure returns (uint256) {
    return uint256(position.active) + position.soon + book.later;
  }

  function _move(address from, address to, Role role) private {
    Account storage source = _accounts[role][from];
    Account storage target = _accounts[role][to];
    (Position memory position, Book memory book) = (source.position, source.book);
    position.flags &= ~FROZEN;
    if (position.place != 0) _members[role][position.place - 1] = to;
    (target.position, target.book, target.held) = (position, book, source.held);
    for (uint256 index = book.first; index < book.next; ++index) {
      target.queue[index] = source.queue[index];
      delete source.queue[index];
    }
    delete source.position;
    delete source.book;
    delete source.held;
  }

  function _enlist(address operator, Role role, Position memory position) private {
    if (position.place != 0) return;
    _members[role].push(operator);
    position.place = _members[role].length.toUint24();
  }

  function _delist(Role role, Position memory position) private {
    address[] storage members = _members[role];
    uint256 last = members.length;
    if (position.place != last) {
      address moved = members[last - 1];
      members[position.place - 1] = moved;
      _accounts[role][moved].position.place = position.place;
    }
    members.pop();
    position.place = 0;
  }
}
