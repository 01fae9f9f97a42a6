// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "../interfaces/IStakeManager.sol";

/// @title Draws of work seats, committees and settlers (R13, R14, R19), as nodes make them
/// @notice Pure functions of stakes and hashes: a dispute recomputes what the nodes drew.
library Seats {
  uint256 internal constant FAST_ACCEPT = 5;
  uint256 internal constant FAST_COMMITTEE = 7;
  uint256 internal constant MIN_COMMITTEE = 3;
  uint256 internal constant PPM = 1e6;

  /// @notice Stake-weighted draw with repetition. Any order of `stakes` gives the same seats.
  function drawWorkSeats(IStakeManager.OperatorStake[] memory stakes, bytes32 seed, uint256 count)
    internal
    pure
    returns (IStakeManager.OperatorStake[] memory seats)
  {
    _sort(stakes);
    uint256 total;
    for (uint256 index; index < stakes.length; ++index) {
      total += stakes[index].stake;
    }
    if (total == 0) return seats;
    seats = new IStakeManager.OperatorStake[](count);
    for (uint256 seat; seat < count; ++seat) {
      uint256 point = uint256(keccak256(abi.encode(keccak256("OPG/seat/1"), seed, seat))) % total;
      uint256 index;
      for (; point >= stakes[index].stake; ++index) {
        point -= stakes[index].stake;
      }
      seats[seat] = stakes[index];
    }
  }

  /// @notice Fisher-Yates of 0..count-1 by the hash of (seed, step).
  function drawOrder(bytes32 tag, bytes32 seed, uint256 count) internal pure returns (uint256[] memory order) {
    order = new uint256[](count);
    for (uint256 index; index < count; ++index) {
      order[index] = index;
    }
    for (uint256 left = count; left > 1; --left) {
      uint256 pick = uint256(keccak256(abi.encode(tag, seed, left - 1))) % left;
      (order[left - 1], order[pick]) = (order[pick], order[left - 1]);
    }
  }

  /// @notice Seed of one checkpoint's fast committee (R14).
  function fastSeedOf(bytes32 epochSeed, bytes32 blockHash, address operator, uint64 sequence)
    internal
    pure
    returns (bytes32)
  {
    return keccak256(abi.encode(keccak256("OPG/fast/1"), epochSeed, blockHash, operator, sequence));
  }

  /// @notice Seats of distinct verifiers, without those of the checkpoint's operator and owner.
  /// @param owner zero when unknown
  function drawCommittee(
    IStakeManager.OperatorStake[] memory seats,
    bytes32 seed,
    uint256 size,
    address operator,
    address owner
  ) internal pure returns (uint256[] memory chosen) {
    uint256[] memory order = drawOrder(keccak256("OPG/fast/seat/1"), seed, seats.length);
    chosen = new uint256[](size < order.length ? size : order.length);
    uint256 count;
    for (uint256 index; index < order.length && count < chosen.length; ++index) {
      IStakeManager.OperatorStake memory seat = seats[order[index]];
      if (seat.operator == operator || (owner != address(0) && seat.owner == owner)) continue;
      if (_has(seats, chosen, count, seat.operator)) continue;
      chosen[count++] = order[index];
    }
    assembly ("memory-safe") {
      mstore(chosen, count)
    }
  }

  /// @notice Votes that decide: 5 of 7 and the same share, rounded up, of fewer; zero when nothing can be decided.
  function decidingVotes(uint256 committeeSize) internal pure returns (uint256) {
    if (committeeSize < MIN_COMMITTEE) return 0;
    return (committeeSize * FAST_ACCEPT + FAST_COMMITTEE - 1) / FAST_COMMITTEE;
  }

  /// @notice Whether a seat must replay a receipt (R14). Rate in millionths.
  function mustReplay(bytes32 fastSeed, uint256 seat, uint256 receiptIndex, uint256 ratePpm)
    internal
    pure
    returns (bool)
  {
    return uint256(keccak256(abi.encode(keccak256("OPG/replay/1"), fastSeed, seat, receiptIndex))) % PPM < ratePpm;
  }

  /// @notice The order in which settlers take batch `number` (R19).
  function settlerOrder(address[] memory settlers, bytes32 previousBatch, uint64 number)
    internal
    pure
    returns (address[] memory ordered)
  {
    for (uint256 index = 1; index < settlers.length; ++index) {
      address held = settlers[index];
      uint256 at = index;
      for (; at > 0 && settlers[at - 1] > held; --at) {
        settlers[at] = settlers[at - 1];
      }
      settlers[at] = held;
    }
    bytes32 seed = keccak256(abi.encode(keccak256("OPG/settler/seed/1"), previousBatch, number));
    uint256[] memory order = drawOrder(keccak256("OPG/settler/1"), seed, settlers.length);
    ordered = new address[](order.length);
    for (uint256 index; index < order.length; ++index) {
      ordered[index] = settlers[order[index]];
    }
  }

  function _has(IStakeManager.OperatorStake[] memory seats, uint256[] memory chosen, uint256 count, address operator)
    private
    pure
    returns (bool)
  {
    for (uint256 index; index < count; ++index) {
      if (seats[chosen[index]].operator == operator) return true;
    }
    return false;
  }

  /// @dev In place, by operator address.
  function _sort(IStakeManager.OperatorStake[] memory stakes) private pure {
    for (uint256 index = 1; index < stakes.length; ++index) {
      IStakeManager.OperatorStake memory held = stakes[index];
      uint256 at = index;
      for (; at > 0 && stakes[at - 1].operator > held.operator; --at) {
        stakes[at] = stakes[at - 1];
      }
      stakes[at] = held;
    }
  }
}
