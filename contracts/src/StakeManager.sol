// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams, Param} from "./interfaces/IProtocolParams.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Role} from "./interfaces/Objects.sol";
import {Digests} from "./libraries/Digests.sol";
import {Shares} from "./libraries/Shares.sol";
import {Packed, Stake, Stakes} from "./libraries/Stakes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

contract StakeManager is IStakeManager, Votes {
  using SafeERC20 for IERC20;
  using Stakes for Packed;
  using Stakes for Stake;

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
  /// @param linked whether it is of a chain of rotations
  /// @param first key of the chain; zero: itself
  /// @param current key of the chain; kept by the first alone
  struct Operator {
    address owner;
    bool frozen;
    bool linked;
    address payout;
    address first;
    address current;
  }

  /// @param held sum of the holds
  /// @param queue unbonding entries, the second of release above the 128 bits of the amount
  struct Account {
    Packed packed;
    uint256 held;
    mapping(uint256 => uint256) queue;
  }

  /// @notice A hold, then a seizure of the same case id.
  /// @param operator the current key when it was opened
  /// @param time the end of a hold, the second of a seizure
  struct Case {
    address operator;
    uint256 amount;
    address reporter;
    uint256 time;
    uint256 slasher;
    Role role;
    CaseState state;
  }

  /// @param what operator (160 bits), amount (96)
  /// @param how reporter (160), time (40), slasher (32), role (8), state (8)
  struct PackedCase {
    uint256 what;
    uint256 how;
  }

  /// @dev What is left of an executed seizure. Of a pending one `pot` is the part that was unbonding and has no votes.
  struct Rest {
    uint128 toReporter;
    uint128 pot;
  }

  /// @param id counted from 1; another each time it is announced
  struct Slasher {
    uint64 from;
    uint32 id;
  }

  /// @notice Epochs between the one stake comes in and the first in which it counts.
  uint64 public constant MATURING_EPOCHS = 2;
  /// @notice Withdrawals of one operator and role on their way at a time: bounds every loop over them.
  uint256 public constant MAX_UNBONDINGS = 8;
  /// @dev A set signs for the epoch it was opened in and three more, and a batch may be of the epoch before: what signs
  /// stays slashable for an epoch after that.
  uint64 private constant MIN_UNBONDING_EPOCHS = 6;
  uint64 private constant MAX_EPOCH_LENGTH = 7 days;
  uint64 private constant MAX_UNBONDING_PERIOD = 60 days;
  /// @dev Of seizures, pots, holds and slashers.
  uint64 private constant MAX_DELAY = 180 days;
  /// @notice Where burned tokens go: the supply never changes.
  address public constant BURNED = 0x000000000000000000000000000000000000dEaD;

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
  mapping(bytes32 key => PackedCase) private _cases;
  mapping(bytes32 key => Rest) private _rests;
  mapping(address slasher => Slasher) private _slashers;
  mapping(uint256 id => address) private _slasherOf;
  uint32 private _lastSlasher;
  /// @dev What is staked for all its operators, plus one; zero: it never registered one.
  mapping(address owner => uint256) private _units;

  /// @dev A supply below 2^96 bounds every sum of stakes; delays of at most half a year overflow no time.
  constructor(Setup memory setup) EIP712("OPG Network", "1") {
    require(
      address(setup.token) != address(0) && address(setup.params) != address(0) && setup.governance != address(0)
        && setup.epochLength != 0 && setup.epochLength <= MAX_EPOCH_LENGTH
        && setup.unbondingPeriod >= MIN_UNBONDING_EPOCHS * setup.epochLength
        && setup.unbondingPeriod <= MAX_UNBONDING_PERIOD && setup.token.totalSupply() <= type(uint96).max,
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
    _checkOwner(operator);
    _;
  }

  modifier onlyGovernance() {
    _checkGovernance();
    _;
  }

  /// @inheritdoc IStakeManager
  function register(address operator, address payout, uint256 deadline, bytes calldata operatorSig) external {
    _checkArgument(payout != address(0));
    _checkConsent(operator, Digests.hashRegistration(operator, msg.sender, payout, deadline), deadline, operatorSig);
    _admitOperator(operator, payout);
    if (_units[msg.sender] == 0) {
      _units[msg.sender] = 1;
      if (delegates(msg.sender) == address(0)) _delegate(msg.sender, msg.sender);
    }
  }

  /// @inheritdoc IStakeManager
  function setPayout(address operator, address payout) external onlyOwner(operator) {
    _checkArgument(payout != address(0));
    operator = currentKeyOf(operator);
    _operator(operator).payout = payout;
    emit PayoutChanged(operator, payout);
  }

  /// @inheritdoc IStakeManager
  function stake(address operator, Role role, uint128 amount) external onlyOwner(operator) {
    _checkArgument(minimumStake(role) != 0 && amount != 0);
    _checkUsable(operator, !isFrozen(operator));
    uint64 countsFrom = currentEpoch() + MATURING_EPOCHS;
    (Account storage account, Stake memory position) = _load(operator, role);
    position.add(amount, countsFrom);
    uint256 total = position.total();
    _checkMinimum(role, total);
    _enlist(operator, role, position);
    account.packed.save(position);
    _addVotes(msg.sender, amount);
    emit Staked(operator, role, amount, countsFrom);
    token.safeTransferFrom(msg.sender, address(this), amount);
  }

  /// @inheritdoc IStakeManager
  function requestUnstake(address operator, Role role, uint128 amount) external onlyOwner(operator) {
    _checkArgument(amount != 0);
    (Account storage account, Stake memory position) = _load(operator, role);
    uint256 total = position.total();
    require(amount <= total, ExceedsStake(amount, total));
    uint256 left = total - amount;
    _checkMinimum(role, left);
    require(position.next - position.first < MAX_UNBONDINGS, TooManyUnbondings(operator, role));

    uint64 releaseAt = uint64(block.timestamp) + unbondingPeriod;
    position.take(amount);
    account.queue[position.next++] = uint256(releaseAt) << 128 | amount;
    position.unbonding += amount;
    if (left == 0) _delist(role, position);
    account.packed.save(position);
    _removeVotes(msg.sender, amount);
    emit UnstakeRequested(operator, role, amount, releaseAt);
  }

  /// @inheritdoc IStakeManager
  function withdraw(address operator, Role role) external {
    (Account storage account, Stake memory position) = _load(operator, role);
    uint256 held = account.held;
    uint256 limit = Math.saturatingSub(position.total() + position.unbonding, held);
    uint256 amount;
    bool due;
    while (position.first < position.next) {
      uint256 entry = account.queue[position.first];
      if (entry >> 128 > block.timestamp) break;
      due = true;
      entry = uint128(entry);
      if (amount + entry > limit) {
        account.queue[position.first] -= limit - amount;
        amount = limit;
        break;
      }
      amount += entry;
      delete account.queue[position.first++];
    }
    require(due, NothingToWithdraw(operator, role));
    require(amount != 0, UnderCase(operator, role, held));
    position.unbonding -= amount;
    account.packed.save(position);
    address owner = ownerOf(operator);
    emit Withdrawn(operator, role, amount, owner);
    _pay(owner, amount);
  }

  /// @inheritdoc IStakeManager
  function freeze(address operator) external onlyOwner(operator) {
    _checkUsable(operator, !isFrozen(operator));
    _operator(operator).frozen = true;
    for (uint8 role = uint8(Role.Provider); role <= uint8(Role.Settler); ++role) {
      _account(operator, Role(role)).packed.freeze();
    }
    emit Frozen(operator);
  }

  /// @inheritdoc IStakeManager
  function rotate(address from, address to, uint256 deadline, bytes calldata toSig) external onlyOwner(from) {
    _checkUsable(from, currentKeyOf(from) == from);
    _checkConsent(to, Digests.hashRotation(from, to, msg.sender, deadline), deadline, toSig);

    Operator storage old = _operator(from);
    _admitOperator(to, old.payout);
    address first = old.first;
    if (first == address(0)) first = from;
    (old.frozen, old.linked) = (true, true);
    Operator storage renewed = _operator(to);
    (renewed.linked, renewed.first) = (true, first);
    _operator(first).current = to;
    for (uint8 role = uint8(Role.Provider); role <= uint8(Role.Settler); ++role) {
      _move(from, to, Role(role));
    }
    emit Rotated(from, to);
  }

  /// @inheritdoc IStakeManager
  function announceSlasher(address slasher) external onlyGovernance {
    _admit(slasher, uint64(block.timestamp) + slasherDelay);
  }

  /// @inheritdoc IStakeManager
  function removeSlasher(address slasher) external onlyGovernance {
    require(_slashers[slasher].from != 0, NotSlasher(slasher));
    delete _slashers[slasher];
    emit SlasherRemoved(slasher);
  }

  /// @inheritdoc IStakeManager
  function hold(bytes32 caseId, address operator, Role role, uint16 bps) external returns (uint256 held) {
    (bytes32 key, Case memory record) = _open(caseId, operator, role);
    require(record.state == CaseState.None, CaseKnown(key));
    held = Shares.portion(_slashable(record.operator, role), bps);
    _account(record.operator, role).held += held;
    record.amount = held;
    record.time = block.timestamp + holdPeriod;
    record.state = CaseState.Held;
    _write(key, record);
    emit Held(key, record.operator, role, held, uint64(record.time));
  }

  /// @inheritdoc IStakeManager
  function release(bytes32 key) external {
    Case memory record = _read(key);
    require(record.state == CaseState.Held, UnknownCase(key));
    if (msg.sender != _slasherOf[record.slasher]) _checkReached(key, record.time);
    record.state = CaseState.Released;
    _write(key, record);
    _release(key, record);
  }

  /// @inheritdoc IStakeManager
  function seize(bytes32 caseId, address operator, Role role, uint16 bps, address reporter)
    external
    returns (uint256 seized)
  {
    (bytes32 key, Case memory record) = _open(caseId, operator, role);
    require(record.state <= CaseState.Released, CaseKnown(key));
    uint256 kept;
    if (record.state == CaseState.Held) {
      Case memory held = _read(key);
      if (currentKeyOf(held.operator) == record.operator && held.role == role) kept = held.amount;
      _release(key, held);
    }
    uint256 staked;
    (seized, staked) = _takeSeizable(record.operator, role, bps, kept);
    if (staked != seized) _rests[key].pot = uint128(seized - staked);
    record.amount = seized;
    record.reporter = reporter;
    record.time = block.timestamp;
    record.state = CaseState.Pending;
    _write(key, record);
    emit Seized(key, record.operator, role, seized, msg.sender, reporter);
  }

  /// @inheritdoc IStakeManager
  function returnSeizure(bytes32 key) external {
    require(msg.sender == params.guardian(), NotGuardian(msg.sender));
    Case memory record = _advance(key, CaseState.Pending, CaseState.Returned, 0);
    if (record.amount != 0) {
      address operator = currentKeyOf(record.operator);
      (Account storage account, Stake memory position) = _load(operator, record.role);
      position.active += record.amount;
      _enlist(operator, record.role, position);
      account.packed.save(position);
      _addVotes(ownerOf(operator), _rests[key].pot);
      delete _rests[key];
    }
    emit SeizureReturned(key, record.amount);
  }

  /// @inheritdoc IStakeManager
  function execute(bytes32 key) external {
    Case memory record = _advance(key, CaseState.Pending, CaseState.Executed, seizureDelay);
    address operator = currentKeyOf(record.operator);
    if (_isOffender(operator, record.reporter)) {
      record.reporter = address(0);
      _write(key, record);
    }
    (uint256 burned, uint256 toReporter, uint256 pot) =
      Shares.split(record.amount, record.reporter == address(0) ? 0 : params.valueOf(Param.ReporterShare));
    _removeVotes(ownerOf(operator), record.amount - _rests[key].pot);
    _rests[key] = Rest(uint128(toReporter), uint128(pot));
    (Account storage account, Stake memory position) = _load(operator, record.role);
    if (position.place != 0 && position.total() == 0) {
      _delist(record.role, position);
      account.packed.save(position);
    }
    emit SeizureExecuted(key, burned);
    _pay(BURNED, burned);
  }

  /// @inheritdoc IStakeManager
  function payReporter(bytes32 key) external {
    Case memory record = _read(key);
    Rest storage rest = _rests[key];
    uint256 amount = rest.toReporter;
    if (amount == 0) _refuseState(key, record.state);
    _checkReached(key, record.time + reporterDelay);
    rest.toReporter = 0;
    emit ReporterPaid(key, record.reporter, amount);
    _pay(record.reporter, amount);
  }

  /// @inheritdoc IStakeManager
  function payVictim(bytes32 caseId, address victim, uint256 amount) external {
    bytes32 key = caseKey(msg.sender, caseId);
    Case memory record = _read(key);
    if (record.state != CaseState.Executed) _refuseState(key, record.state);
    uint256 until = record.time + potPeriod;
    require(block.timestamp < until, TooLate(key, uint64(until)));
    Rest storage rest = _rests[key];
    uint256 pot = rest.pot;
    require(amount <= pot, ExceedsPot(amount, pot));
    require(!_isOffender(currentKeyOf(record.operator), victim), OffenderPaid(victim));
    rest.pot = uint128(pot - amount);
    emit VictimPaid(key, victim, amount);
    _pay(victim, amount);
  }

  /// @inheritdoc IStakeManager
  function closePot(bytes32 key) external {
    _advance(key, CaseState.Executed, CaseState.Closed, potPeriod);
    Rest storage rest = _rests[key];
    uint256 pot = rest.pot;
    rest.pot = 0;
    emit PotClosed(key, pot);
    _pay(params.treasury(), pot);
  }

  /// @inheritdoc IStakeManager
  function caseKey(address slasher, bytes32 caseId) public pure returns (bytes32) {
    return keccak256(abi.encode(slasher, caseId));
  }

  /// @inheritdoc IStakeManager
  function seizureOf(bytes32 key) external view returns (Seizure memory seizure) {
    Case memory record = _read(key);
    seizure.state = _seizureState(record.state);
    if (seizure.state == SeizureState.None) return seizure;
    seizure.slasher = _slasherOf[record.slasher];
    seizure.operator = record.operator;
    seizure.role = record.role;
    seizure.reporter = record.reporter;
    seizure.amount = uint128(record.amount);
    Rest storage rest = _rests[key];
    (seizure.toReporter, seizure.pot) = (rest.toReporter, rest.pot);
    seizure.seizedAt = uint64(record.time);
  }

  /// @inheritdoc IStakeManager
  function holdOf(bytes32 key) external view returns (Hold memory) {
    Case memory record = _read(key);
    if (record.state != CaseState.Held) delete record;
    return Hold(record.operator, record.role, uint128(record.amount), uint64(record.time));
  }

  /// @inheritdoc IStakeManager
  function slashableOf(address operator, Role role) external view returns (uint256) {
    return _slashable(currentKeyOf(operator), role);
  }

  /// @inheritdoc IStakeManager
  function heldOf(address operator, Role role) external view returns (uint256) {
    return _account(currentKeyOf(operator), role).held;
  }

  /// @inheritdoc IStakeManager
  function currentKeyOf(address operator) public view returns (address) {
    Operator storage record = _operator(operator);
    if (!record.linked) return operator;
    address first = record.first;
    return first == address(0) ? record.current : _operator(first).current;
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
    return _matured(operator, role, epoch);
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
      stakes[index] = accounts[operators_[index]].packed.matured(epoch, minimum);
    }
  }

  /// @inheritdoc IStakeManager
  function stakeOf(address operator, Role role) external view returns (uint256) {
    (, Stake memory position) = _load(operator, role);
    return position.total();
  }

  /// @inheritdoc IStakeManager
  function unbondings(address operator, Role role) external view returns (Unbonding[] memory entries) {
    (Account storage account, Stake memory position) = _load(operator, role);
    entries = new Unbonding[](position.next - position.first);
    for (uint256 index; index < entries.length; ++index) {
      uint256 entry = account.queue[position.first + index];
      entries[index] = Unbonding({amount: uint128(entry), releaseAt: uint64(entry >> 128)});
    }
  }

  /// @inheritdoc IStakeManager
  function ownerOf(address operator) public view returns (address) {
    return _operator(operator).owner;
  }

  /// @inheritdoc IStakeManager
  function payoutOf(address operator) external view returns (address) {
    return _operator(currentKeyOf(operator)).payout;
  }

  /// @inheritdoc IStakeManager
  function isFrozen(address operator) public view returns (bool) {
    return _operator(operator).frozen;
  }

  /// @inheritdoc IStakeManager
  function operatorCount(Role role) external view returns (uint256) {
    return _members[role].length;
  }

  /// @inheritdoc IStakeManager
  function operators(Role role, uint256 from, uint256 count) external view returns (OperatorStake[] memory page) {
    address[] storage members = _members[role];
    uint256 length = members.length;
    if (from >= length) return page;
    uint64 epoch = currentEpoch();
    page = new OperatorStake[](Math.min(count, length - from));
    for (uint256 index; index < page.length; ++index) {
      address operator = members[from + index];
      page[index] = OperatorStake(operator, ownerOf(operator), _matured(operator, role, epoch));
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
    return Math.saturatingSub(_units[account], 1);
  }

  /// @dev OpenZeppelin's total is not kept: `getPastTotalSupply` is the token's.
  function _addVotes(address owner, uint256 amount) private {
    _units[owner] += amount;
    _moveDelegateVotes(address(0), delegates(owner), amount);
  }

  function _removeVotes(address owner, uint256 amount) private {
    _units[owner] -= amount;
    _moveDelegateVotes(delegates(owner), address(0), amount);
  }

  function _admit(address slasher, uint64 from) private {
    _checkArgument(slasher != address(0));
    Slasher storage record = _slashers[slasher];
    require(record.from == 0, SlasherKnown(slasher));
    record.from = from;
    record.id = ++_lastSlasher;
    _slasherOf[record.id] = slasher;
    emit SlasherAnnounced(slasher, from);
  }

  /// @dev The caller's case, named anew; its state is as it was.
  function _open(bytes32 caseId, address operator, Role role) private view returns (bytes32 key, Case memory record) {
    Slasher memory slasher = _slashers[msg.sender];
    require(_acts(slasher.from), NotSlasher(msg.sender));
    key = caseKey(msg.sender, caseId);
    record.state = _read(key).state;
    // A key that was rotated away has no stake of its own: most reports are spared the look at the chain of keys.
    record.operator = _account(operator, role).packed.head == 0 ? currentKeyOf(operator) : operator;
    record.role = role;
    record.slasher = slasher.id;
  }

  function _acts(uint64 from) private view returns (bool) {
    return from != 0 && from <= block.timestamp;
  }

  function _checkConsent(address key, bytes32 structHash, uint256 deadline, bytes calldata signature) private view {
    require(block.timestamp <= deadline, ConsentExpired(deadline));
    (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(structHash), signature);
    require(problem == ECDSA.RecoverError.NoError && signer == key, BadConsent(key));
  }

  /// @dev Once and for good: a key that was rotated away stays registered.
  function _admitOperator(address key, address payout) private {
    Operator storage record = _operator(key);
    require(record.owner == address(0), AlreadyRegistered(key));
    record.owner = msg.sender;
    record.payout = payout;
    emit Registered(key, msg.sender, payout);
  }

  function _checkMinimum(Role role, uint256 total) private pure {
    uint256 minimum = minimumStake(role);
    require(total == 0 || total >= minimum, BelowMinimum(role, total, minimum));
  }

  function _checkArgument(bool valid) private pure {
    require(valid, InvalidArgument());
  }

  function _checkUsable(address operator, bool usable) private pure {
    require(usable, OperatorFrozen(operator));
  }

  function _checkOwner(address operator) private view {
    require(ownerOf(operator) == msg.sender, NotOwner(operator, msg.sender));
  }

  function _checkGovernance() private view {
    require(msg.sender == governance, NotGovernance(msg.sender));
  }

  function _checkEpoch(uint64 epoch) private view {
    uint64 current = currentEpoch();
    require(epoch >= current, EpochOver(epoch, current));
  }

  /// @dev Moves a seizure to its next state, from `delay` after it was made.
  function _advance(bytes32 key, CaseState from, CaseState to, uint64 delay) private returns (Case memory record) {
    record = _read(key);
    if (record.state != from) _refuseState(key, record.state);
    _checkReached(key, record.time + delay);
    record.state = to;
    _write(key, record);
  }

  function _pay(address to, uint256 amount) private {
    token.safeTransfer(to, amount);
  }

  function _account(address operator, Role role) private view returns (Account storage) {
    return _accounts[role][operator];
  }

  /// @dev The account with what has matured by now.
  function _load(address operator, Role role) private view returns (Account storage account, Stake memory position) {
    account = _account(operator, role);
    position = account.packed.load(currentEpoch());
  }

  function _operator(address key) private view returns (Operator storage) {
    return _operators[key];
  }

  function _read(bytes32 key) private view returns (Case memory record) {
    PackedCase storage packed = _cases[key];
    (uint256 what, uint256 how) = (packed.what, packed.how);
    record.operator = address(uint160(what));
    record.amount = what >> 160;
    record.reporter = address(uint160(how));
    record.time = uint40(how >> 160);
    record.slasher = uint32(how >> 200);
    record.role = Role(uint8(how >> 232));
    record.state = CaseState(how >> 240);
  }

  function _write(bytes32 key, Case memory record) private {
    PackedCase storage packed = _cases[key];
    packed.what = uint160(record.operator) | record.amount << 160;
    packed.how = uint160(record.reporter) | record.time << 160 | record.slasher << 200 | uint256(record.role) << 232
      | uint256(record.state) << 240;
  }

  function _refuseState(bytes32 key, CaseState state) private pure {
    require(state > CaseState.Released, UnknownCase(key));
    revert WrongState(key, _seizureState(state));
  }

  function _checkReached(bytes32 key, uint256 possibleAt) private view {
    require(block.timestamp >= possibleAt, TooEarly(key, uint64(possibleAt)));
  }

  function _seizureState(CaseState state) private pure returns (SeizureState) {
    return state <= CaseState.Released ? SeizureState.None : SeizureState(uint8(state) - uint8(CaseState.Released));
  }

  /// @dev Whether `account` is the owner of `operator`, or a key of the same owner, used or rotated away. Not its payout
  /// address: the owner could name a reporter or a victim there and so keep it from being paid.
  function _isOffender(address operator, address account) private view returns (bool) {
    address owner = ownerOf(operator);
    return account == owner || ownerOf(account) == owner;
  }

  function _release(bytes32 key, Case memory record) private {
    _account(currentKeyOf(record.operator), record.role).held -= record.amount;
    emit HoldReleased(key);
  }

  function _slashable(address operator, Role role) private view returns (uint256) {
    (, Stake memory position) = _load(operator, role);
    return position.total() + position.unbonding;
  }

  function _matured(address operator, Role role, uint64 epoch) private view returns (uint256) {
    return _account(operator, role).packed.matured(epoch, minimumStake(role));
  }

  /// @dev Takes what is staked first, then what is unbonding; of both the newest first. The votes of what is staked go
  /// with the execution: the two checkpoints would be a quarter of what a report costs.
  /// What a hold of the case kept is taken even if the rest of the stake has left meanwhile.
  function _takeSeizable(address operator, Role role, uint256 bps, uint256 kept)
    private
    returns (uint256 seized, uint256 staked)
  {
    (Account storage account, Stake memory position) = _load(operator, role);
    uint256 slashable = position.total() + position.unbonding;
    seized = Math.max(Shares.portion(slashable, bps), Math.min(kept, slashable));
    staked = position.take(seized);
    uint256 rest = seized - staked;
    position.unbonding -= rest;
    while (rest != 0) {
      uint256 entry = uint128(account.queue[position.next - 1]);
      if (entry > rest) {
        account.queue[position.next - 1] -= rest;
        break;
      }
      rest -= entry;
      delete account.queue[--position.next];
    }
    account.packed.save(position);
  }

  /// @dev All of it but the freeze.
  function _move(address from, address to, Role role) private {
    (Account storage source, Stake memory position) = _load(from, role);
    Account storage target = _account(to, role);
    position.frozen = false;
    if (position.place != 0) _members[role][position.place - 1] = to;
    target.packed.save(position);
    target.held = source.held;
    for (uint256 index = position.first; index < position.next; ++index) {
      target.queue[index] = source.queue[index];
      delete source.queue[index];
    }
    delete source.packed;
    delete source.held;
  }

  function _enlist(address operator, Role role, Stake memory position) private {
    if (position.place != 0) return;
    address[] storage members = _members[role];
    members.push(operator);
    position.place = members.length;
  }

  /// @dev The last of the list takes the place.
  function _delist(Role role, Stake memory position) private {
    address[] storage members = _members[role];
    uint256 last = members.length;
    if (position.place != last) {
      address moved = members[last - 1];
      members[position.place - 1] = moved;
      _account(moved, role).packed.setPlace(position.place);
    }
    members.pop();
    position.place = 0;
  }
}
