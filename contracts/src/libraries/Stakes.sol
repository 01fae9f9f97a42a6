// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What one operator has in one role, as two storage words.
/// @param head alone answers what has matured, unless `HAS_LATER` is set in it: from the lowest bit active (96 bits), soon
/// (96), soonEpoch (32), place (29), three flags
/// @param tail later (96), unbonding (96), first (32), next (32)
struct Packed {
  uint256 head;
  uint256 tail;
}

/// @notice The same, unpacked. Amounts in wei, below 2^96.
/// @param soon counts from `soonEpoch`; stake comes in two epochs ahead, so `soon` and `later` are enough
/// @param later counts from the epoch after `soonEpoch`; zero whenever `soon` is
/// @param place in the list of the role's operators, from 1; zero: not in it
/// @param unbonding sum of the entries `first` to `next - 1` of the queue
struct Stake {
  uint256 active;
  uint256 soon;
  uint256 soonEpoch;
  uint256 later;
  uint256 place;
  bool frozen;
  uint256 unbonding;
  uint256 first;
  uint256 next;
}

/// @title Arithmetic of maturing stake
library Stakes {
  uint256 private constant HAS_TAIL = 1 << 253;
  uint256 private constant FROZEN = 1 << 254;
  uint256 private constant HAS_LATER = 1 << 255;
  uint256 private constant PLACE_MASK = (1 << 29) - 1;

  /// @notice As it is in `epoch`, with what has matured by then in `active`.
  function load(Packed storage packed, uint256 epoch) internal view returns (Stake memory stake) {
    uint256 head = packed.head;
    uint256 tail = head & HAS_TAIL == 0 ? 0 : packed.tail;
    stake.active = uint96(head);
    stake.soon = uint96(head >> 96);
    stake.soonEpoch = uint32(head >> 192);
    stake.place = head >> 224 & PLACE_MASK;
    stake.frozen = head & FROZEN != 0;
    stake.later = uint96(tail);
    stake.unbonding = uint96(tail >> 96);
    stake.first = uint32(tail >> 192);
    stake.next = tail >> 224;
    while (stake.soon != 0 && stake.soonEpoch <= epoch) {
      stake.active += stake.soon;
      (stake.soon, stake.later) = (stake.later, 0);
      ++stake.soonEpoch;
    }
  }

  function save(Packed storage packed, Stake memory stake) internal {
    uint256 head = stake.active | stake.soon << 96 | stake.soonEpoch << 192 | stake.place << 224;
    if (stake.frozen) head |= FROZEN;
    if (stake.later != 0) head |= HAS_LATER;
    uint256 tail = stake.later | stake.unbonding << 96 | stake.first << 192 | stake.next << 224;
    if (tail != 0) head |= HAS_TAIL;
    if ((head | packed.head) & HAS_TAIL != 0) packed.tail = tail;
    packed.head = head;
  }

  /// @notice From now on nothing of it counts, until it is saved unfrozen.
  function freeze(Packed storage packed) internal {
    packed.head |= FROZEN;
  }

  function setPlace(Packed storage packed, uint256 place) internal {
    packed.head = packed.head & ~(PLACE_MASK << 224) | place << 224;
  }

  /// @notice What counts in `epoch`: nothing of a frozen operator, and nothing below `minimum`.
  function matured(Packed storage packed, uint256 epoch, uint256 minimum) internal view returns (uint256 counts) {
    uint256 head = packed.head;
    if (head & FROZEN != 0) return 0;
    counts = uint96(head);
    uint256 soonEpoch = uint32(head >> 192);
    unchecked {
      if (soonEpoch <= epoch) {
        counts += uint96(head >> 96);
        if (head & HAS_LATER != 0 && soonEpoch < epoch) counts += uint96(packed.tail);
      }
    }
    if (counts < minimum) counts = 0;
  }

  /// @notice Everything staked, matured or not.
  function total(Stake memory stake) internal pure returns (uint256) {
    return stake.active + stake.soon + stake.later;
  }

  /// @notice Adds what counts from `epoch`, two after the one `stake` was loaded for.
  function add(Stake memory stake, uint256 amount, uint256 epoch) internal pure {
    if (stake.soon == 0) (stake.soon, stake.soonEpoch) = (amount, epoch);
    else if (stake.soonEpoch == epoch) stake.soon += amount;
    else stake.later += amount;
  }

  /// @notice Takes at most `amount`, the newest first. Returns how much.
  function take(Stake memory stake, uint256 amount) internal pure returns (uint256) {
    uint256 left = amount;
    uint256 part = left < stake.later ? left : stake.later;
    (stake.later, left) = (stake.later - part, left - part);
    part = left < stake.soon ? left : stake.soon;
    (stake.soon, left) = (stake.soon - part, left - part);
    part = left < stake.active ? left : stake.active;
    (stake.active, left) = (stake.active - part, left - part);
    return amount - left;
  }
}
