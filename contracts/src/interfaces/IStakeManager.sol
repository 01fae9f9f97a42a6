// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Role} from "./Objects.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Custody of stake: roles, maturing, unbonding; home of the network id
/// @notice Stake counts after a whole epoch and leaves weight the moment its withdrawal is requested. Amounts in wei of
/// OPG, times in seconds, epochs counted from `genesisTimestamp`.
interface IStakeManager {
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
  /// @notice Thrown when a frozen operator would be given stake, or is frozen again
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

  /// @notice The EIP-712 domain's salt (R2).
  function networkId() external view returns (bytes32);
  /// @notice The domain separator on the chain this runs on (R3).
  function domainSeparator() external view returns (bytes32);
  function deploymentBlock() external view returns (uint64);
  function token() external view returns (IERC20);
  /// @notice Who may seize stake. Zero: nothing seizes stake in this form.
  function slasher() external view returns (address);
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
