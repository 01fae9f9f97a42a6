// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "./interfaces/ICommittee.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Role} from "./interfaces/Objects.sol";
import {Blob} from "./libraries/Blob.sol";
import {SignerCap} from "./libraries/SignerCap.sol";
import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

contract Committee is ICommittee {
  using Arrays for address[];
  using Arrays for uint256[];

  /// @notice Places in the active set, and jurors (R13).
  uint256 public constant MAX_SEATS = 64;
  /// @notice Seats that sign batches (R13).
  uint256 public constant MAX_SIGNERS = 21;
  /// @notice No seat weighs more than this share of the signers: 1/10.
  uint256 public constant CAP_DIVISOR = SignerCap.DIVISOR;
  /// @notice Epochs that an unopened epoch reaches back for its set. With the epoch it was opened in and the one in which a
  /// batch of the last is still taken a set signs for five: unbonding lasts six (`StakeManager.MIN_UNBONDING_EPOCHS`).
  uint64 public constant MAX_CARRY = 3;
  /// @notice Wei; seats weigh whole multiples of it.
  uint256 public constant WEIGHT_UNIT = 1 gwei;
  /// @dev Fewer than three cannot outvote one.
  uint8 private constant LEAST_MINIMUM = 3;
  uint256 private constant SIGNATURE_LENGTH = 64;
  /// @dev Of a seat in a snapshot: the verifier's 20 bytes, then 8 of its weight in `WEIGHT_UNIT`.
  uint256 private constant SEAT_LENGTH = 28;
  /// @dev Half the order of secp256k1: the highest s that counts (EIP-2).
  uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

  IStakeManager public immutable stakeManager;
  uint8 public immutable minimumSigners;

  address[] private _places;
  /// @dev Place plus one; zero: none.
  mapping(address operator => uint256) private _placeOf;
  mapping(uint64 epoch => address) private _snapshots;

  /// @param minimumSigners_ fewest verifiers with which an epoch opens, 3 to 21
  constructor(IStakeManager stakeManager_, uint8 minimumSigners_) {
    require(
      address(stakeManager_) != address(0) && minimumSigners_ >= LEAST_MINIMUM && minimumSigners_ <= MAX_SIGNERS,
      InvalidParameters()
    );
    stakeManager = stakeManager_;
    minimumSigners = minimumSigners_;
  }

  /// @inheritdoc ICommittee
  function join(address operator, uint8 evict) external {
    uint64 epoch = stakeManager.currentEpoch();
    uint256 weight = stakeManager.maturedStake(operator, Role.Verifier, epoch);
    require(weight != 0, NotMatured(operator));
    require(_placeOf[operator] == 0, AlreadySeated(operator));
    uint256 count = _places.length;
    if (count < MAX_SEATS) {
      _places.push(operator);
      _placeOf[operator] = count + 1;
      emit Joined(operator, uint8(count), address(0));
      return;
    }
    require(evict < count, UnknownPlace(evict, count));
    (address[] memory verifiers, uint256[] memory weights) = _weights(epoch);
    uint256 least = weights[evict];
    require(least < weight, NotDisplaceable(evict));
    for (uint256 place; place < count; ++place) {
      require(weights[place] >= least, NotDisplaceable(evict));
    }
    address evicted = verifiers[evict];
    delete _placeOf[evicted];
    _places[evict] = operator;
    _placeOf[operator] = uint256(evict) + 1;
    emit Joined(operator, evict, evicted);
  }

  /// @inheritdoc ICommittee
  function open(uint64 epoch, uint8[] calldata order) external {
    uint64 current = stakeManager.currentEpoch();
    require(epoch == current, WrongEpoch(epoch, current));
    require(_snapshots[epoch] == address(0), AlreadyOpen(epoch));
    (uint256[] memory ranks, uint256 live) = _ranks(epoch);
    require(live >= minimumSigners, TooFewVerifiers(live, minimumSigners));
    require(order.length == live, WrongOrderLength(live, order.length));

    uint256[] memory weights = new uint256[](Math.min(live, MAX_SIGNERS));
    uint256 before = type(uint256).max;
    for (uint256 position; position < live; ++position) {
      uint256 place = order[position];
      uint256 rank = place < ranks.length ? ranks.unsafeMemoryAccess(place) : 0;
      require(rank != 0 && rank < before, WrongOrder(position));
      if (position < weights.length) weights[position] = _weightIn(rank);
      before = rank;
    }

    uint256 cap = SignerCap.capOf(weights);
    // One word more than the seats take: each seat is written as a whole word, over what the one before left behind it.
    bytes memory data = new bytes(live * SEAT_LENGTH + 32);
    for (uint256 position; position < live; ++position) {
      uint256 rank = ranks.unsafeMemoryAccess(order[position]);
      uint256 seat = uint256(uint160(~rank)) << 96 | Math.min(_weightIn(rank), cap) << 32;
      assembly ("memory-safe") {
        mstore(add(add(data, 0x20), mul(position, SEAT_LENGTH)), seat)
      }
    }
    assembly ("memory-safe") {
      mstore(data, mul(live, SEAT_LENGTH))
    }
    address snapshot = Blob.write(data);
    _snapshots[epoch] = snapshot;
    emit Opened(epoch, snapshot, live, cap * WEIGHT_UNIT);
  }

  /// @inheritdoc ICommittee
  function weigh(uint64 epoch, bool jury, bytes32 digest, uint256 bitmap, bytes calldata sigs64)
    external
    view
    returns (uint256 signed, uint256 total)
  {
    (address snapshot,) = _snapshotOf(epoch);
    uint256 seats = _seatsOf(snapshot);
    if (!jury) seats = Math.min(seats, MAX_SIGNERS);
    require(bitmap >> seats == 0, UnknownSeat(bitmap, seats));
    uint256 expected = _bitsOf(bitmap) * SIGNATURE_LENGTH;
    require(sigs64.length == expected, WrongSignatureLength(expected, sigs64.length));
    (signed, total) = _weigh(Blob.read(snapshot, seats * SEAT_LENGTH), digest, bitmap, sigs64);
    (signed, total) = (signed * WEIGHT_UNIT, total * WEIGHT_UNIT);
  }

  /// @inheritdoc ICommittee
  function places() external view returns (address[] memory) {
    return _places;
  }

  /// @inheritdoc ICommittee
  function lightest() external view returns (uint8 place, uint256 weight) {
    (, uint256[] memory weights) = _weights(stakeManager.currentEpoch());
    weight = weights[0];
    for (uint256 candidate = 1; candidate < weights.length; ++candidate) {
      if (weights[candidate] < weight) (place, weight) = (uint8(candidate), weights[candidate]);
    }
  }

  /// @inheritdoc ICommittee
  function currentOrder() external view returns (uint8[] memory order) {
    (uint256[] memory ranks, uint256 live) = _ranks(stakeManager.currentEpoch());
    order = new uint8[](live);
    uint256 filled;
    for (uint256 place; place < ranks.length; ++place) {
      if (ranks[place] == 0) continue;
      uint256 position = filled++;
      for (; position > 0 && ranks[order[position - 1]] < ranks[place]; --position) {
        order[position] = order[position - 1];
      }
      order[position] = uint8(place);
    }
  }

  /// @inheritdoc ICommittee
  function signingSet(uint64 epoch) external view returns (Seat[] memory seats, uint64 openedIn) {
    address snapshot;
    (snapshot, openedIn) = _snapshotOf(epoch);
    seats = new Seat[](_seatsOf(snapshot));
    bytes memory data = Blob.read(snapshot, seats.length * SEAT_LENGTH);
    for (uint256 seat; seat < seats.length; ++seat) {
      uint256 entry;
      assembly ("memory-safe") {
        entry := mload(add(add(data, 0x20), mul(seat, SEAT_LENGTH)))
      }
      seats[seat] = Seat(address(uint160(entry >> 96)), uint96(uint64(entry >> 32) * WEIGHT_UNIT));
    }
  }

  /// @inheritdoc ICommittee
  function signers(uint64 epoch) external view returns (uint256) {
    (address snapshot,) = _snapshotOf(epoch);
    return Math.min(_seatsOf(snapshot), MAX_SIGNERS);
  }

  /// @inheritdoc ICommittee
  function isOpen(uint64 epoch) external view returns (bool) {
    return _snapshots[epoch] != address(0);
  }

  /// @dev Set bits of a bitmap of at most 64: sums of 2, 4 and 8 bits side by side, then of all eight bytes in the highest.
  function _bitsOf(uint256 bitmap) private pure returns (uint256) {
    unchecked {
      bitmap -= bitmap >> 1 & 0x5555555555555555;
      bitmap = (bitmap & 0x3333333333333333) + (bitmap >> 2 & 0x3333333333333333);
      bitmap = bitmap + (bitmap >> 4) & 0x0F0F0F0F0F0F0F0F;
      return bitmap * 0x0101010101010101 >> 56 & 0xFF;
    }
  }

  /// @dev In units of weight. The caller knows that no bit is past the seats and that there is a signature for each bit.
  /// Address zero, which no seat has, is what a malformed signature gives. No sum can overflow: 64 weights of 64 bits.
  function _weigh(bytes memory seats, bytes32 digest, uint256 bitmap, bytes calldata sigs64)
    private
    view
    returns (uint256 signed, uint256 total)
  {
    uint256 seat;
    assembly ("memory-safe") {
      let input := mload(0x40)
      let signature := sigs64.offset
      let end := add(add(seats, 0x20), mload(seats))
      mstore(input, digest)
      for { seat := add(seats, 0x20) } lt(seat, end) { seat := add(seat, SEAT_LENGTH) } {
        let entry := mload(seat)
        let weight := and(shr(32, entry), 0xFFFFFFFFFFFFFFFF)
        total := add(total, weight)
        if and(bitmap, 1) {
          let vs := calldataload(add(signature, 0x20))
          let s := shr(1, shl(1, vs))
          mstore(add(input, 0x20), add(shr(255, vs), 27))
          calldatacopy(add(input, 0x40), signature, 0x20)
          mstore(add(input, 0x60), s)
          mstore(0x00, 0)
          pop(staticcall(gas(), 1, input, 0x80, 0x00, 0x20))
          if or(gt(s, HALF_ORDER), xor(mload(0x00), shr(96, entry))) { break }
          signed := add(signed, weight)
          signature := add(signature, SIGNATURE_LENGTH)
        }
        bitmap := shr(1, bitmap)
      }
      seat := div(sub(seat, add(seats, 0x20)), SEAT_LENGTH)
    }
    require(bitmap == 0, BadSignature(seat));
  }

  function _seatsOf(address snapshot) private view returns (uint256) {
    return Blob.length(snapshot) / SEAT_LENGTH;
  }

  function _snapshotOf(uint64 epoch) private view returns (address snapshot, uint64 openedIn) {
    for (uint64 back; back <= MAX_CARRY && back <= epoch; ++back) {
      snapshot = _snapshots[epoch - back];
      if (snapshot != address(0)) return (snapshot, epoch - back);
    }
    revert NoSigningSet(epoch);
  }

  function _weights(uint64 epoch) private view returns (address[] memory verifiers, uint256[] memory weights) {
    verifiers = _places;
    weights = stakeManager.maturedStakes(verifiers, Role.Verifier, epoch);
  }

  /// @dev Of every place one number, the higher the earlier its seat: 96 bits of weight, then the address inverted. Zero
  /// without weight; else no two are equal.
  function _ranks(uint64 epoch) private view returns (uint256[] memory ranks, uint256 live) {
    address[] memory verifiers;
    (verifiers, ranks) = _weights(epoch);
    uint256 count = verifiers.length;
    for (uint256 place; place < count; ++place) {
      uint256 weight = ranks.unsafeMemoryAccess(place);
      if (weight == 0) continue;
      ranks[place] = weight << 160 | ~uint160(verifiers.unsafeMemoryAccess(place));
      ++live;
    }
  }

  /// @dev In `WEIGHT_UNIT`.
  function _weightIn(uint256 rank) private pure returns (uint256) {
    return (rank >> 160) / WEIGHT_UNIT;
  }
}
