// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams} from "./IProtocolParams.sol";
import {Role} from "./Objects.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Custody of stake: roles, maturing, unbonding, seizure, votes; home of the network id
/// @notice Stake counts after a whole epoch and leaves weight and votes the moment its withdrawal is requested. What is
/// staked or unbonding can be seized until it is withdrawn. Amounts in wei of OPG, times in seconds, epochs counted from
/// `genesisTimestamp`, shares in basis points.
interface IStakeManager {
  /// @notice Everything a network fixes for good. Durations in seconds.
  /// @param governance the timelock: names slashers, no more
  /// @param seizureDelay between a seizure and its execution: the guardian's time to return it
  /// @param reporterDelay between a seizure and the reporter's share
  /// @param potPeriod between a seizure and the end of its victims' pot
  /// @param holdPeriod after which anyone may release a hold
  /// @param slasherDelay between the announcement of a slasher and its first act; longer than `unbondingPeriod`
  /// @param slashers modules that act from the first block
  struct Setup {
    IERC20 token;
    IProtocolParams params;
    address governance;
    uint64 epochLength;
    uint64 unbondingPeriod;
    uint64 seizureDelay;
    uint64 reporterDelay;
    uint64 potPeriod;
    uint64 holdPeriod;
    uint64 slasherDelay;
    address[] slashers;
  }

  enum SeizureState {
    None,
    Pending,
    Executed,
    Returned,
    Closed
  }

  /// @notice One seizure of one stake. `burned + toReporter + pot == amount` when it is executed.
  /// @param operator the key it was seized from, as it was when the offence was shown
  /// @param amount seized, after clamping
  /// @param reporter zero: nobody is paid for it
  /// @param toReporter owed to the reporter, zero once paid
  /// @param pot what is left for victims, then for the treasury; of a pending seizure the part that was unbonding
  struct Seizure {
    address slasher;
    address operator;
    Role role;
    SeizureState state;
    address reporter;
    uint128 amount;
    uint128 toReporter;
    uint128 pot;
    uint64 seizedAt;
  }

  /// @param until second from which anyone may release it
  struct Hold {
    address operator;
    Role role;
    uint128 amount;
    uint64 until;
  }

  /// @param operator the key whose stake it is
  /// @param owner who staked for it
  /// @param stake what counts for the role in the current epoch
  struct OperatorStake {
    address operator;
    address owner;
    uint256 stake;
  }

  /// @param amount on its way out
  /// @param releaseAt second from which `withdraw` pays it
  struct Unbonding {
    uint128 amount;
    uint64 releaseAt;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  /// @notice Thrown when the zero address or the role `None` is named
  error InvalidArgument();
  /// @notice Thrown when the operator's consent came after its deadline
  error ConsentExpired(uint256 deadline);
  /// @notice Thrown when the consent is not the operator's signature over this owner, payout and deadline
  error BadConsent(address operator);
  /// @notice Thrown when an operator registers a second time
  error AlreadyRegistered(address operator);
  /// @notice Thrown when the operator is not registered or the caller is not its owner
  error NotOwner(address operator, address caller);
  /// @notice Thrown when a frozen operator would be given stake or is frozen again, or a key is rotated away twice
  error OperatorFrozen(address operator);
  /// @notice Thrown when a role would be left with an amount that is neither zero nor its minimum
  error BelowMinimum(Role role, uint256 amount, uint256 minimum);
  /// @notice Thrown when more is requested than is staked
  error ExceedsStake(uint256 requested, uint256 staked);
  /// @notice Thrown when `MAX_UNBONDINGS` withdrawals are already on their way
  error TooManyUnbondings(address operator, Role role);
  /// @notice Thrown when nothing can be withdrawn yet
  error NothingToWithdraw(address operator, Role role);
  /// @notice Thrown when the matured stake of an epoch that is over is asked: it is not kept
  error EpochOver(uint64 epoch, uint64 current);
  error NotGovernance(address caller);
  error NotGuardian(address caller);
  /// @notice Thrown when the caller is no slasher, or not yet one, or not the slasher of this case
  error NotSlasher(address caller);
  error SlasherKnown(address slasher);
  /// @notice Thrown when a slasher uses one case id a second time
  error CaseKnown(bytes32 key);
  error UnknownCase(bytes32 key);
  /// @notice Thrown when the seizure is not in the state the call needs, or its reporter has nothing to receive
  error WrongState(bytes32 key, SeizureState state);
  error TooEarly(bytes32 key, uint64 possibleAt);
  error TooLate(bytes32 key, uint64 possibleUntil);
  /// @notice Thrown when everything that could be withdrawn is kept by open cases
  error UnderCase(address operator, Role role, uint256 held);
  /// @notice Thrown when more is paid to victims than the pot holds
  error ExceedsPot(uint256 requested, uint256 pot);
  /// @notice Thrown when an offender would be paid out of its own seizure
  error OffenderPaid(address account);

  /// @param operator the hot key, with its consent
  /// @param owner stakes for it, may freeze it
  /// @param payout receives its earnings
  event Registered(address indexed operator, address indexed owner, address payout);
  event PayoutChanged(address indexed operator, address payout);
  /// @param countsFrom first epoch in which `amount` counts
  event Staked(address indexed operator, Role indexed role, uint128 amount, uint64 countsFrom);
  /// @param releaseAt second from which it can be withdrawn
  event UnstakeRequested(address indexed operator, Role indexed role, uint128 amount, uint64 releaseAt);
  event Withdrawn(address indexed operator, Role indexed role, uint256 amount, address owner);
  event Frozen(address indexed operator);
  /// @notice `from` keeps its liability: what is proved against it is seized from `to`.
  event Rotated(address indexed from, address indexed to);
  event SlasherAnnounced(address indexed slasher, uint64 activeFrom);
  event SlasherRemoved(address indexed slasher);
  event Held(bytes32 indexed key, address indexed operator, Role indexed role, uint256 amount, uint64 until);
  event HoldReleased(bytes32 indexed key);
  /// @param key of the case here, see `caseKey`
  event Seized(
    bytes32 indexed key, address indexed operator, Role indexed role, uint256 amount, address slasher, address reporter
  );
  event SeizureReturned(bytes32 indexed key, uint256 amount);
  event SeizureExecuted(bytes32 indexed key, uint256 burned);
  event ReporterPaid(bytes32 indexed key, address indexed reporter, uint256 amount);
  event VictimPaid(bytes32 indexed key, address indexed victim, uint256 amount);
  event PotClosed(bytes32 indexed key, uint256 toTreasury);

  /// @notice Makes the caller the owner of `operator`, once and for good.
  /// @param operatorSig the operator's 65-byte signature of `Registration(address operator,address owner,address payout,
  /// uint256 deadline)` in the network's EIP-712 domain
  function register(address operator, address payout, uint256 deadline, bytes calldata operatorSig) external;

  /// @notice Changes who receives the operator's earnings. Owner only.
  function setPayout(address operator, address payout) external;

  /// @notice Takes `amount` from the owner; it counts from the epoch after next. Owner only.
  function stake(address operator, Role role, uint128 amount) external;

  /// @notice Takes `amount` out of the weight at once, the newest stake first, and starts its unbonding. Owner only.
  function requestUnstake(address operator, Role role, uint128 amount) external;

  /// @notice Pays everything whose unbonding is over to the owner. Anyone may call.
  function withdraw(address operator, Role role) external;

  /// @notice Takes all weight from an operator whose key its owner no longer trusts, for good. Stake leaves by
  /// `requestUnstake` as before. Owner only.
  function freeze(address operator) external;

  /// @notice Moves all stake of `from`, with its maturity, to the new key `to`. The old key stays liable. Owner only.
  /// @param toSig the new key's 65-byte signature of `Rotation(address from,address to,address owner,uint256 deadline)`
  function rotate(address from, address to, uint256 deadline, bytes calldata toSig) external;

  /// @notice Lets `slasher` act `slasherDelay` from now. Governance only.
  function announceSlasher(address slasher) external;
  /// @notice Takes the power to open cases from a slasher at once. Governance only.
  function removeSlasher(address slasher) external;

  /// @notice Keeps `bps` of what can be seized now from being withdrawn, until released, seized, or `holdPeriod` is over.
  /// Slashers only; one case id once.
  function hold(bytes32 caseId, address operator, Role role, uint16 bps) external returns (uint256 held);
  /// @notice Ends a hold: its slasher at any time, anyone once its time is over.
  function release(bytes32 key) external;
  /// @notice Takes `bps` of what the operator, or the key it was rotated to, has staked or unbonding in the role. Clamps,
  /// never reverts for a lack of stake. Ends a hold of the same case id and takes at least what it kept, if that is still
  /// there. Slashers only; one case id once.
  /// @param reporter is paid after `reporterDelay`; zero for a judged offence; the offender's own keys are never paid
  function seize(bytes32 caseId, address operator, Role role, uint16 bps, address reporter)
    external
    returns (uint256 seized);
  /// @notice Gives a seizure back before it is executed, as active stake. Guardian only.
  function returnSeizure(bytes32 key) external;
  /// @notice Burns half of a seizure and takes the votes of what was staked. Anyone, from `seizureDelay` on.
  function execute(bytes32 key) external;
  /// @notice Pays the reporter of an executed seizure. Anyone, from `reporterDelay` on.
  function payReporter(bytes32 key) external;
  /// @notice Pays a victim out of the pot of an executed seizure. Only the slasher that seized, until `potPeriod` is over.
  function payVictim(bytes32 caseId, address victim, uint256 amount) external;
  /// @notice Sends what is left of a pot to the treasury. Anyone, once `potPeriod` is over.
  function closePot(bytes32 key) external;

  /// @notice The id of a slasher's case here: keccak256(abi.encode(slasher, caseId)).
  function caseKey(address slasher, bytes32 caseId) external pure returns (bytes32);
  function seizureOf(bytes32 key) external view returns (Seizure memory);
  function holdOf(bytes32 key) external view returns (Hold memory);
  /// @notice What `seize` of 10,000 bps would take now: staked and unbonding, of the key the operator was rotated to.
  function slashableOf(address operator, Role role) external view returns (uint256);
  /// @notice Sum of the holds on the role's stake.
  function heldOf(address operator, Role role) external view returns (uint256);
  /// @notice The key that `operator` was rotated to in the end; itself when it was not.
  function currentKeyOf(address operator) external view returns (address);
  /// @notice Second from which a slasher acts; zero: never.
  function slasherFrom(address slasher) external view returns (uint64);
  function isSlasher(address slasher) external view returns (bool);
  function params() external view returns (IProtocolParams);
  function governance() external view returns (address);
  /// @notice Seconds; see `Setup`.
  function seizureDelay() external view returns (uint64);
  function reporterDelay() external view returns (uint64);
  function potPeriod() external view returns (uint64);
  function holdPeriod() external view returns (uint64);
  function slasherDelay() external view returns (uint64);
  /// @notice `maturedStake` of many operators in one call.
  function maturedStakes(address[] calldata operators_, Role role, uint64 epoch)
    external
    view
    returns (uint256[] memory);

  /// @notice The EIP-712 domain's salt (R2).
  function networkId() external view returns (bytes32);
  /// @notice The domain separator on the chain this runs on (R3).
  function domainSeparator() external view returns (bytes32);
  function deploymentBlock() external view returns (uint64);
  function token() external view returns (IERC20);
  function genesisTimestamp() external view returns (uint64);
  function epochLength() external view returns (uint64);
  function unbondingPeriod() external view returns (uint64);
  function currentEpoch() external view returns (uint64);
  /// @notice Least stake of a role, in wei.
  function minimumStake(Role role) external pure returns (uint128);
  /// @notice What counts for the role in `epoch`, which is the current one or later, as things stand now. Zero for a
  /// frozen operator; never an amount between zero and the minimum.
  function maturedStake(address operator, Role role, uint64 epoch) external view returns (uint256);
  /// @notice Everything staked for the role, matured or not, without what is unbonding.
  function stakeOf(address operator, Role role) external view returns (uint256);
  function unbondings(address operator, Role role) external view returns (Unbonding[] memory);
  /// @notice The owner of a registered operator, else zero.
  function ownerOf(address operator) external view returns (address);
  function payoutOf(address operator) external view returns (address);
  function isFrozen(address operator) external view returns (bool);
  /// @notice How many operators have stake in the role.
  function operatorCount(Role role) external view returns (uint256);
  /// @notice One page of the role's operators with what counts in the current epoch. The order has no meaning and
  /// changes: read all pages at one block.
  function operators(Role role, uint256 from, uint256 count) external view returns (OperatorStake[] memory);
}
