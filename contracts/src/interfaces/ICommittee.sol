// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "./IStakeManager.sol";

/// @title The signing set and the jury (R13)
/// @notice An active set of at most 64 matured verifiers, kept by displacement. `open` freezes it for an epoch as a list
/// sorted by weight: all of it is the jury, the heaviest 21 are the signers of batches.
interface ICommittee {
  /// @param verifier operator address
  /// @param weight wei of matured stake, rounded down to a thousandth of an OPG, after the cap
  struct Seat {
    address verifier;
    uint96 weight;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  /// @notice Thrown when the operator has no matured verifier stake
  error NotMatured(address operator);
  /// @notice Thrown when the operator already has a place in the active set
  error AlreadySeated(address operator);
  /// @notice Thrown when the place named is neither free nor taken
  error UnknownPlace(uint8 place, uint256 places);
  /// @notice Thrown when `place` is not the lightest of a full set, or not lighter than the newcomer
  error NotDisplaceable(uint8 place);
  /// @notice Thrown when another epoch than the current one is opened
  error WrongEpoch(uint64 epoch, uint64 current);
  error AlreadyOpen(uint64 epoch);
  /// @notice Thrown when `order` names not exactly the places with weight
  error WrongOrderLength(uint256 expected, uint256 got);
  /// @notice Thrown when `order[position]` does not come after the one before it (weight down, then address up)
  error WrongOrder(uint256 position);
  error TooFewVerifiers(uint256 verifiers, uint256 minimum);
  /// @notice Thrown when neither `epoch` nor one of the three before it was opened
  error NoSigningSet(uint64 epoch);
  /// @notice Thrown when the bitmap names a seat that is not there
  error UnknownSeat(uint256 bitmap, uint256 seats);
  error WrongSignatureLength(uint256 expected, uint256 got);
  /// @notice Thrown when a signature is malformed, has a high s, or is not the seat's
  error BadSignature(uint256 seat);

  /// @param place index in the active set
  /// @param evicted who left it, zero when the place was free
  event Joined(address indexed operator, uint8 place, address indexed evicted);
  /// @param snapshot address whose code holds the seats
  /// @param seats the jury; the first 21 of them sign
  /// @param cap the most one seat weighs
  event Opened(uint64 indexed epoch, address snapshot, uint256 seats, uint256 cap);

  /// @notice Seats a matured verifier. Anyone may call. `evict` is the next free place while the set has one; in a full
  /// set the lightest place, when its weight is below the newcomer's.
  function join(address operator, uint8 evict) external;

  /// @notice Freezes the set for the current epoch. Anyone may call, and can choose nothing: `order` is what
  /// `currentOrder` returns.
  function open(uint64 epoch, uint8[] calldata order) external;

  /// @notice Weighs signatures of `digest`. Reverts unless every signature is right.
  /// @param epoch the set of this epoch, or, when it was not opened, of the latest of the three before it that was
  /// @param jury whether all seats count, not only the signers
  /// @param bitmap bit i is seat i of `signingSet`
  /// @param sigs64 64 bytes per set bit, lowest bit first: r, then s with the parity of v in its top bit (EIP-2098)
  function weigh(uint64 epoch, bool jury, bytes32 digest, uint256 bitmap, bytes calldata sigs64)
    external
    view
    returns (uint256 signed, uint256 total);

  function stakeManager() external view returns (IStakeManager);
  /// @notice The fewest verifiers with which an epoch opens.
  function minimumSigners() external view returns (uint8);
  /// @notice The active set, in no order.
  function places() external view returns (address[] memory);
  /// @notice The lightest place and its weight in the current epoch; reverts when the set is empty.
  function lightest() external view returns (uint8 place, uint256 weight);
  /// @notice What `open` wants as its order in this epoch.
  function currentOrder() external view returns (uint8[] memory order);
  /// @notice The seats that `weigh` uses for `epoch`, and the epoch they were opened in.
  function signingSet(uint64 epoch) external view returns (Seat[] memory seats, uint64 openedIn);
  /// @notice How many of the first seats of `signingSet(epoch)` sign batches.
  function signers(uint64 epoch) external view returns (uint256);
  function isOpen(uint64 epoch) external view returns (bool);
}
