// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "./interfaces/ICommittee.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Role} from "./interfaces/Objects.sol";
import {Blob} from "./libraries/Blob.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

contract Committee is ICommittee {
  /// @notice Places in the active set, and jurors (R13).
  uint256 public constant MAX_SEATS = 64;
  /// @notice Seats that sign batches (R13).
  uint256 public constant MAX_SIGNERS = 21;
  /// @notice No seat weighs more than this share of the signers: 1/10.
  uint256 public constant CAP_DIVISOR = 10;
  /// @notice Epochs that an unopened epoch reaches back for its set.
  uint64 public constant MAX_CARRY = 3;
  /// @dev Fewer than three cannot outvote one.
  uint8 private constant LEAST_MINIMUM = 3;
  uint256 private constant SIGNATURE_LENGTH = 64;
  uint256 private constant SEAT_LENGTH = 32;
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
    uint256 weight = _weightOf(operator, epoch);
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
    address evicted = _places[evict];
    uint256 evictedWeight = _weightOf(evicted, epoch);
    require(evictedWeight < weight, NotDisplaceable(evict));
    for (uint256 place; place < count; ++place) {
      require(_weightOf(_places[place], epoch) >= evictedWeight, NotDisplaceable(evict));
    }
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
    (address[] memory verifiers, uint256[] memory weights, uint256 live) = _weights(epoch);
    require(live >= minimumSigners, TooFewVerifiers(live, minimumSigners));
    require(order.length == live, WrongOrderLength(live, order.length));

    uint256[] memory sorted = new uint256[](live);
    for (uint256 position; position < live; ++position) {
      uint256 place = order[position];
      require(place < weights.length && weights[place] != 0, WrongOrder(position));
      require(position == 0 || _comesBefore(verifiers, weights, order[position - 1], place), WrongOrder(position));
      sorted[position] = weights[place];
    }

    uint256 cap = _capOf(sorted, Math.min(live, MAX_SIGNERS));
    bytes memory data = new bytes(live * SEAT_LENGTH);
    for (uint256 position; position < live; ++position) {
      uint256 word = uint256(uint160(verifiers[order[position]])) << 96 | Math.min(sorted[position], cap);
      assembly ("memory-safe") {
        mstore(add(add(data, 0x20), mul(position, 0x20)), word)
      }
    }
    address snapshot = Blob.write(data);
    _snapshots[epoch] = snapshot;
    emit Opened(epoch, snapshot, live, cap);
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
    bytes memory data = Blob.read(snapshot, seats * SEAT_LENGTH);
    uint256 at;
    // No sum can overflow: 64 weights of 96 bits.
    unchecked {
      for (uint256 seat; seat < seats; ++seat) {
        (address verifier, uint96 weight) = _seatAt(data, seat);
        total += weight;
        if (bitmap >> seat & 1 == 0) continue;
        require(_recover(digest, sigs64, at) == verifier, BadSignature(seat));
        at += SIGNATURE_LENGTH;
        signed += weight;
      }
    }
  }

  /// @inheritdoc ICommittee
  function places() external view returns (address[] memory) {
    return _places;
  }

  /// @inheritdoc ICommittee
  function lightest() external view returns (uint8 place, uint256 weight) {
    (, uint256[] memory weights,) = _weights(stakeManager.currentEpoch());
    weight = weights[0];
    for (uint256 candidate = 1; candidate < weights.length; ++candidate) {
      if (weights[candidate] < weight) (place, weight) = (uint8(candidate), weights[candidate]);
    }
  }

  /// @inheritdoc ICommittee
  function currentOrder() external view returns (uint8[] memory order) {
    (address[] memory verifiers, uint256[] memory weights, uint256 live) = _weights(stakeManager.currentEpoch());
    order = new uint8[](live);
    uint256 filled;
    for (uint256 place; place < weights.length; ++place) {
      if (weights[place] == 0) continue;
      uint256 position = filled++;
      for (; position > 0 && _comesBefore(verifiers, weights, place, order[position - 1]); --position) {
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
      (seats[seat].verifier, seats[seat].weight) = _seatAt(data, seat);
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

  /// @dev The largest c such that no signer weighs more than a tenth of the signers when each is cut to c: with the k
  /// heaviest cut, c = (the rest) / (10 - k). Fewer than ten signers cannot each hold a tenth at most: no cap then.
  function _capOf(uint256[] memory sorted, uint256 signerCount) private pure returns (uint256 cap) {
    if (signerCount < CAP_DIVISOR) return sorted[0];
    uint256 rest;
    for (uint256 seat; seat < signerCount; ++seat) {
      rest += sorted[seat];
    }
    for (uint256 cut; cut < CAP_DIVISOR; ++cut) {
      cap = rest / (CAP_DIVISOR - cut);
      if (sorted[cut] <= cap) return cap;
      rest -= sorted[cut];
    }
  }

  function _comesBefore(address[] memory verifiers, uint256[] memory weights, uint256 left, uint256 right)
    private
    pure
    returns (bool)
  {
    return weights[left] == weights[right] ? verifiers[left] < verifiers[right] : weights[left] > weights[right];
  }

  /// @dev Of the signature at `at`, which the caller knows to be there. Address zero, which no seat has, when it is
  /// malformed or has a high s.
  function _recover(bytes32 digest, bytes calldata sigs64, uint256 at) private pure returns (address) {
    bytes32 r;
    uint256 vs;
    assembly ("memory-safe") {
      r := calldataload(add(sigs64.offset, at))
      vs := calldataload(add(add(sigs64.offset, at), 0x20))
    }
    uint256 s = vs & type(uint256).max >> 1;
    if (s > HALF_ORDER) return address(0);
    return ecrecover(digest, uint8(vs >> 255) + 27, r, bytes32(s));
  }

  /// @dev Set bits of a bitmap of at most 64.
  function _bitsOf(uint256 bitmap) private pure returns (uint256 count) {
    for (; bitmap != 0; bitmap &= bitmap - 1) {
      ++count;
    }
  }

  function _seatAt(bytes memory data, uint256 seat) private pure returns (address verifier, uint96 weight) {
    uint256 word;
    assembly ("memory-safe") {
      word := mload(add(add(data, 0x20), mul(seat, 0x20)))
    }
    return (address(uint160(word >> 96)), uint96(word));
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

  function _weights(uint64 epoch)
    private
    view
    returns (address[] memory verifiers, uint256[] memory weights, uint256 live)
  {
    verifiers = _places;
    weights = new uint256[](verifiers.length);
    for (uint256 place; place < weights.length; ++place) {
      weights[place] = _weightOf(verifiers[place], epoch);
      if (weights[place] != 0) ++live;
    }
  }

  function _weightOf(address operator, uint64 epoch) private view returns (uint256) {
    return stakeManager.maturedStake(operator, Role.Verifier, epoch);
  }
}
