// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "./ICommittee.sol";
import {IEmissionReserve} from "./IEmissionReserve.sol";
import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";
import {RewardRoot} from "./Objects.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Pools of the network, the budget of an epoch, its root, cumulative claims (economy.md, Rewards per epoch)
/// @notice The signing set says who gets an epoch's rewards, the contract how much there is to give: the fees notified in
/// the epoch, the emission of the epoch, and 1/32 of what nobody earned before. A root waits `voidPeriod` and can be
/// voided in it; then it is final. The latest final root speaks for all that was given and not claimed: what an account has
/// open is paid by the root before it for as long as a wrong one waits. Amounts in wei of OPG, times in seconds.
interface IRewardDistributor {
  /// @param root of the tree of (account, cumulative amount)
  /// @param digest of the signed `RewardRoot`; what the next one names as `previous`
  /// @param cumulative of all roots up to this one
  /// @param finalAt second from which it is final
  struct Root {
    bytes32 root;
    bytes32 digest;
    uint128 cumulative;
    uint48 finalAt;
    uint48 epoch;
    uint32 leaves;
  }

  /// @notice The most that a root of an epoch may give: the sum.
  /// @param fees notified in the epoch
  /// @param emission of the epoch
  /// @param carried 1/32 of what is held and neither owed nor of this or a later epoch
  struct Budget {
    uint256 fees;
    uint256 emission;
    uint256 carried;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  error InvalidAmount();
  /// @notice Thrown when new roots are paused
  error RootsPaused();
  /// @notice Thrown when this is not the distributor that `params` points to
  error NotCurrent(address current);
  /// @notice Thrown when the root was signed for another distributor
  error WrongDistributor(address distributor);
  /// @notice Thrown when the root's epoch is not over, more than `MAX_LAG` epochs ago, or not after the last root's
  error WrongEpoch(uint64 epoch, uint64 current);
  /// @notice Thrown when a root was already posted in the epoch that runs now
  error PostedThisEpoch(uint64 epoch);
  /// @notice Thrown when the root does not build on the last one that stands
  error WrongPrevious(bytes32 expected, bytes32 got);
  /// @notice Thrown when a root comes without leaves or leaves without a root
  error RootWithoutLeaves();
  /// @notice Thrown when the cumulative total is not the last one plus the root's own
  error WrongCumulative(uint256 expected, uint256 got);
  /// @notice Thrown when the root gives more than the epoch's budget
  error ExceedsBudget(uint256 total, uint256 budget);
  /// @notice Thrown when the root was signed before the last one was voided: no void root is posted twice
  error WrongVoids(uint32 expected, uint32 got);
  /// @notice Thrown when the signatures are not more than 2/3 of the weight asked
  error NoQuorum(uint256 signed, uint256 total);
  /// @notice Thrown when there is no such root or it is final
  error NotVoidable(uint64 number);
  error NotGuardian(address caller);
  error NoFinalRoot();
  /// @notice Thrown when the proof does not lead to the latest final root
  error BadProof();
  /// @notice Thrown when the account has been paid everything the latest final root gives it
  error NothingToClaim(address account);
  /// @notice Thrown when another distributor does not exist yet
  error NotReplaced();
  /// @notice Thrown when the replacement was already noted
  error AlreadyRetired(uint64 retiredAt);
  /// @notice Thrown when the rest may not leave yet; zero: `retire` was not called
  error TooEarly(uint64 possibleAt);

  /// @param from who paid it in
  /// @param epoch to whose pool it went
  event Notified(address indexed from, uint64 indexed epoch, uint256 amount);
  /// @param number counts the roots that stand; a void root's number is given again
  event RootPosted(
    uint64 indexed number, bytes32 indexed digest, RewardRoot root, Budget budget, uint48 finalAt, uint256 signers
  );
  /// @notice This root and every one built on it is void.
  event RootVoided(uint64 indexed number, bytes32 indexed digest);
  /// @param payout who was paid: the payout address of a registered operator, else the account
  event Claimed(address indexed account, address indexed payout, uint256 amount, uint256 claimed);
  event Retired(address indexed successor, uint64 restLeavesAt);
  event RestMoved(address indexed successor, uint256 amount);

  /// @notice Takes `amount` from the caller into the fee pool of the current epoch. Anyone may call.
  function notify(uint256 amount) external;

  /// @notice Posts the rewards of an epoch that is over. Anyone may call; at most one root in each running epoch, so that
  /// no quorum catches up on many epochs at once.
  /// @param signers and `sigs64` as `ICommittee.weigh` reads them, over the digest of `r`, by the signing set of `r.epoch`
  function postRoot(RewardRoot calldata r, uint256 signers, bytes calldata sigs64) external;

  /// @notice Voids a root that is not final, and those built on it. Guardian only.
  function voidRoot(uint64 number) external;

  /// @notice The same by the jury: more than 2/3 of the weight of all seats. Anyone may call.
  /// @param epoch of the jury: the current one or the one before
  /// @param jurors and `sigs64` as `ICommittee.weigh` reads them, over `VoidRoot(bytes32 rewardRoot,uint64 epoch)`, where
  /// `rewardRoot` is the root's digest
  function voidRootByJury(uint64 number, uint64 epoch, uint256 jurors, bytes calldata sigs64) external;

  /// @notice Pays `account` what the latest final root gives it and it was not paid yet. Anyone may call. Never more than
  /// the root's total has left: the rest stays due.
  function claim(address account, uint128 cumulative, uint32 index, bytes32[] calldata proof)
    external
    returns (uint256 amount);

  /// @notice Notes that `params` points to another distributor: starts the delay of `moveRest`. Anyone may call.
  function retire() external;
  /// @notice Sends what no root has given to the distributor that replaced this one, `voidPeriod` after `retire`. Anyone
  /// may call, as often as something comes in. What final and waiting roots give stays, and stays claimable.
  function moveRest() external returns (uint256 amount);

  /// @notice What a root of `epoch` may give, if it were posted now.
  function budgetOf(uint64 epoch) external view returns (Budget memory);
  /// @notice Fees notified in `epoch`.
  function feesOf(uint64 epoch) external view returns (uint256);
  /// @notice What the reserve's schedule frees in `epoch`.
  function emissionOf(uint64 epoch) external view returns (uint256);
  /// @notice How many roots stand, final or waiting.
  function lastNumber() external view returns (uint64);
  /// @notice The latest final root; zero: none.
  function finalNumber() external view returns (uint64);
  /// @notice A root that stands; numbers count from 1. Reverts for others.
  function rootOf(uint64 number) external view returns (Root memory);
  /// @notice How often roots were voided; the next root names it.
  function voids() external view returns (uint32);
  /// @notice Paid to the account so far.
  function claimedOf(address account) external view returns (uint256);
  /// @notice Paid to all accounts so far.
  function paid() external view returns (uint256);
  /// @notice Given by roots that stand and not paid yet; the contract holds at least this.
  function owed() external view returns (uint256);
  /// @notice Second in which the replacement was noted; zero: it was not.
  function retiredAt() external view returns (uint64);
  function voidPeriod() external view returns (uint64);
  function token() external view returns (IERC20);
  function stakeManager() external view returns (IStakeManager);
  function committee() external view returns (ICommittee);
  function params() external view returns (IProtocolParams);
  function reserve() external view returns (IEmissionReserve);
}
