// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "./interfaces/ICommittee.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Role} from "./interfaces/Objects.sol";
import {Blob} from "./libraries/Blob.sol";
import {SignerCap} from "./libraries/SignerCap.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

contract Committee is ICommittee {
  using SafeCast for uint256;

  /// @dev A set as it was opened: one slot. Weights in `WEIGHT_UNIT`, after the cap.
  /// @param blob address whose code holds the seats
  /// @param seats how many they are
  struct Snapshot {
    address blob;
    uint8 seats;
    uint40 signerWeight;
    uint40 juryWeight;
  }

  /// @notice Places in the active set, and jurors (R13).
  uint256 public constant MAX_SEATS = 64;
  /// @notice Seats that sign batches (R13).
  uint256 public constant MAX_SIGNERS = 21;
  /// @notice No seat weighs more than this share of the signers: 1/10.
  uint256 public constant CAP_DIVISOR = SignerCap.DIVISOR;
  /// @notice Epochs that an unopened epoch reaches back for its set. With the epoch it was opened in and the one in which a
  /// batch of the last is still taken a set signs for five: unbonding lasts six (`StakeManager.MIN_UNBONDING_EPOCHS`).
  uint64 public constant MAX_CARRY = 3;
  /// @notice A thousandth of an OPG, in wei: seats weigh whole multiples of it. The supply is 1e12 of it, below 2^40.
  uint256 public constant WEIGHT_UNIT = 1e15;
  /// @dev Fewer than three cannot outvote one.
  uint8 private constant LEAST_MINIMUM = 3;
  uint256 private constant SIGNATURE_LENGTH = 64;
  /// @dev Of a seat in a snapshot: the verifier's 20 bytes, then 5 of its weight in `WEIGHT_UNIT`.
  uint256 private constant SEAT_LENGTH = 25;
  /// @dev Of the weight in a word that begins with a seat.
  uint256 private constant WEIGHT_SHIFT = 56;
  uint256 private constant WEIGHT_MASK = 0xFFFFFFFFFF;
  /// @dev Half the order of secp256k1: the highest s that counts (EIP-2).
  uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

  IStakeManager public immutable stakeManager;
  uint8 public immutable minimumSigners;

  address[] private _places;
  /// @dev Place plus one; zero: none.
  mapping(address operator => uint256) private _placeOf;
  mapping(uint64 epoch => Snapshot) private _snapshots;

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
    require(!isOpen(epoch), AlreadyOpen(epoch));
    (uint256[] memory ranks, uint256 live) = _ranks(epoch);
    require(live >= minimumSigners, TooFewVerifiers(live, minimumSigners));
    require(order.length == live, WrongOrderLength(live, order.length));

    (bytes memory seats, uint256[] memory weights, uint40 juryWeight) = _sorted(ranks, order);
    (uint256 cap, uint256 signerWeight) = SignerCap.capOf(weights, Math.min(live, MAX_SIGNERS));
    for (uint256 seat; weights[seat] > cap; ++seat) {
      juryWeight -= uint40(weights[seat] - cap);
      _cut(seats, seat, cap);
    }
    address blob = Blob.write(seats);
    _snapshots[epoch] = Snapshot(blob, uint8(live), uint40(signerWeight), juryWeight);
    emit Opened(epoch, blob, live, cap * WEIGHT_UNIT);
  }

  /// @inheritdoc ICommittee
  function weigh(uint64 epoch, bool jury, bytes32 digest, uint256 bitmap, bytes calldata sigs64)
    external
    view
    returns (uint256 signed, uint256 total)
  {
    (Snapshot memory snapshot,) = _snapshotOf(epoch);
    uint256 seats = jury ? snapshot.seats : _signersOf(snapshot);
    require(bitmap >> seats == 0, UnknownSeat(bitmap, seats));
    uint256 expected = _bitsOf(bitmap) * SIGNATURE_LENGTH;
    require(sigs64.length == expected, WrongSignatureLength(expected, sigs64.length));
    signed = _weigh(Blob.read(snapshot.blob, seats * SEAT_LENGTH), digest, bitmap, sigs64) * WEIGHT_UNIT;
    total = (jury ? snapshot.juryWeight : snapshot.signerWeight) * WEIGHT_UNIT;
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
    Snapshot memory snapshot;
    (snapshot, openedIn) = _snapshotOf(epoch);
    seats = new Seat[](snapshot.seats);
    bytes memory data = Blob.read(snapshot.blob, seats.length * SEAT_LENGTH);
    for (uint256 seat; seat < seats.length; ++seat) {
      uint256 entry;
      assembly ("memory-safe") {
        entry := mload(add(add(data, 0x20), mul(seat, SEAT_LENGTH)))
      }
      seats[seat] = Seat(address(uint160(entry >> 96)), uint96((entry >> WEIGHT_SHIFT & WEIGHT_MASK) * WEIGHT_UNIT));
    }
  }

  /// @inheritdoc ICommittee
  function signers(uint64 epoch) external view returns (uint256) {
    (Snapshot memory snapshot,) = _snapshotOf(epoch);
    return _signersOf(snapshot);
  }

  /// @inheritdoc ICommittee
  function isOpen(uint64 epoch) public view returns (bool) {
    return _snapshots[epoch].blob != address(0);
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

  /// @dev Weight of the seats in `bitmap`, in `WEIGHT_UNIT`. The caller knows that each of its bits is a seat and has a
  /// signature. A malformed one gives address zero, which no seat has. No sum can overflow: 64 weights of 40 bits.
  function _weigh(bytes memory seats, bytes32 digest, uint256 bitmap, bytes calldata sigs64)
    private
    view
    returns (uint256 signed)
  {
    uint256 seat;
    assembly ("memory-safe") {
      let input := mload(0x40)
      let signature := sigs64.offset
      mstore(input, digest)
      // Left with bits only by a bad signature.
      for { seat := add(seats, 0x20) } bitmap { bitmap := shr(1, bitmap) } {
        if and(bitmap, 1) {
          let entry := mload(seat)
          let vs := calldataload(add(signature, 0x20))
          let s := shr(1, shl(1, vs))
          mstore(add(input, 0x20), add(shr(255, vs), 27))
          calldatacopy(add(input, 0x40), signature, 0x20)
          mstore(add(input, 0x60), s)
          mstore(0x00, 0)
          pop(staticcall(gas(), 1, input, 0x80, 0x00, 0x20))
          if or(gt(s, HALF_ORDER), xor(mload(0x00), shr(96, entry))) { break }
          signed := add(signed, and(shr(WEIGHT_SHIFT, entry), WEIGHT_MASK))
          signature := add(signature, SIGNATURE_LENGTH)
        }
        seat := add(seat, SEAT_LENGTH)
      }
      seat := div(sub(seat, add(seats, 0x20)), SEAT_LENGTH)
    }
    require(bitmap == 0, BadSignature(seat));
  }

  function _snapshotOf(uint64 epoch) private view returns (Snapshot memory snapshot, uint64 openedIn) {
    for (uint64 back; back <= MAX_CARRY && back <= epoch; ++back) {
      snapshot = _snapshots[epoch - back];
      if (snapshot.blob != address(0)) return (snapshot, epoch - back);
    }
    revert NoSigningSet(epoch);
  }

  function _signersOf(Snapshot memory snapshot) private pure returns (uint256) {
    return Math.min(snapshot.seats, MAX_SIGNERS);
  }

  /// @dev What every place weighs in `epoch`. Both lists lie in memory as in a call, so they are moved as they are:
  /// generated code would take them apart word by word, at 300 gas a place.
  function _weights(uint64 epoch) private view returns (address[] memory verifiers, uint256[] memory weights) {
    verifiers = _places;
    address manager = address(stakeManager);
    bytes4 selector = IStakeManager.maturedStakes.selector;
    Role role = Role.Verifier;
    assembly ("memory-safe") {
      let size := add(0x20, shl(5, mload(verifiers)))
      weights := mload(0x40)
      mstore(weights, selector)
      mstore(add(weights, 0x04), 0x60)
      mstore(add(weights, 0x24), role)
      mstore(add(weights, 0x44), epoch)
      mcopy(add(weights, 0x64), verifiers, size)
      if iszero(staticcall(gas(), manager, weights, add(0x64, size), 0x00, 0x00)) {
        returndatacopy(weights, 0x00, returndatasize())
        revert(weights, returndatasize())
      }
      // Past the offset of the list.
      returndatacopy(weights, 0x20, size)
      mstore(0x40, add(weights, size))
    }
  }

  /// @dev Of every place one number, the higher the earlier its seat: 96 bits of weight, then the address inverted. Zero
  /// without weight; else no two are equal.
  function _ranks(uint64 epoch) private view returns (uint256[] memory ranks, uint256 live) {
    address[] memory verifiers;
    (verifiers, ranks) = _weights(epoch);
    assembly ("memory-safe") {
      let verifier := add(verifiers, 0x20)
      let end := add(verifier, shl(5, mload(verifiers)))
      for { let at := add(ranks, 0x20) } lt(verifier, end) { at := add(at, 0x20) } {
        let weight := mload(at)
        if weight {
          mstore(at, sub(shl(160, add(weight, 1)), add(mload(verifier), 1)))
          live := add(live, 1)
        }
        verifier := add(verifier, 0x20)
      }
    }
  }

  /// @dev The seats as they are kept and their weights, uncapped. Each seat must rank below the one before it: then `order`
  /// names no place twice, and with its length all that have weight.
  function _sorted(uint256[] memory ranks, uint8[] calldata order)
    private
    pure
    returns (bytes memory seats, uint256[] memory weights, uint40 total)
  {
    weights = new uint256[](order.length);
    // A word more than the seats take: each is written as a whole word, and the next over what that left behind it.
    seats = new bytes(order.length * SEAT_LENGTH + 32);
    uint256 sum;
    uint256 before = type(uint256).max;
    for (uint256 position; position < order.length; ++position) {
      uint256 rank;
      uint256 weight;
      assembly ("memory-safe") {
        let place := calldataload(add(order.offset, shl(5, position)))
        if lt(place, mload(ranks)) { rank := mload(add(add(ranks, 0x20), shl(5, place))) }
        weight := div(shr(160, rank), WEIGHT_UNIT)
        sum := add(sum, weight)
        mstore(add(add(weights, 0x20), shl(5, position)), weight)
        mstore(add(add(seats, 0x20), mul(position, SEAT_LENGTH)), or(shl(96, not(rank)), shl(WEIGHT_SHIFT, weight)))
      }
      require(rank != 0 && rank < before, WrongOrder(position));
      before = rank;
    }
    assembly ("memory-safe") {
      mstore(seats, sub(mload(seats), 32))
    }
    // Every weight fits its place in a seat when the sum does.
    total = sum.toUint40();
  }

  function _cut(bytes memory seats, uint256 seat, uint256 weight) private pure {
    assembly ("memory-safe") {
      let at := add(add(seats, 0x20), mul(seat, SEAT_LENGTH))
      mstore(at, or(and(mload(at), not(shl(WEIGHT_SHIFT, WEIGHT_MASK))), shl(WEIGHT_SHIFT, weight)))
    }
  }
}
