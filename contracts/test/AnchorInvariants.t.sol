// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "../src/interfaces/ICommittee.sol";
import {Module} from "../src/interfaces/IProtocolParams.sol";
import {Batch, Role} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Network} from "./support/Network.sol";
import {Test} from "./support/Test.sol";

/// @notice Twelve verifiers, two settlers and everybody who wishes them ill. Beside the contracts runs a model of the
/// rules that is told who really signed what: a batch is anchored exactly when the model admits it, an epoch opens exactly
/// when it may. A wrong step reverts, which is a finding (fail_on_revert).
contract Forgers is Network {
  uint256 private constant VERIFIERS = 12;
  uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

  struct Proposal {
    Batch b;
    uint256 bitmap;
    bytes sigs64;
  }

  uint256 public anchored;
  uint256 public refused;

  address[] private _verifiers;
  address[2] private _settlers;
  Proposal[] private _proposals;
  /// @dev Digest of every anchored batch; number 0 has none.
  bytes32[] private _chain;
  uint64 private _lastEpoch;
  mapping(uint64 number => bool) private _void;
  mapping(bytes32 digest => mapping(address verifier => bool)) private _signed;
  uint64[] private _opened;
  mapping(uint64 epoch => ICommittee.Seat[]) private _sets;

  constructor() {
    deploy();
    for (uint256 index; index < VERIFIERS; ++index) {
      uint128 amount = VERIFIER_STAKE << uint128(index % 6);
      _verifiers.push(staked("verifier", index, Role.Verifier, amount + uint128(index) * 1e15));
    }
    _settlers = [staked("settler", 0, Role.Settler, 5000e18), register("settler", 1)];
    vm.prank(GOVERNANCE);
    params.setModule(Module.Demands, address(harness));
    passEpochs(2);
    for (uint256 index; index < VERIFIERS; ++index) {
      committee.join(_verifiers[index], 0);
    }
    _chain.push(0);
    openAny(0, 0);
  }

  function epoch() private view returns (uint64) {
    return manager.currentEpoch();
  }

  function nowMs() private view returns (uint64) {
    return uint64(vm.getBlockTimestamp() * 1000);
  }

  // What others do in between.

  function passTime(uint256 seconds_) external {
    vm.warp(vm.getBlockTimestamp() + bound(seconds_, 1, seconds_ % 8 == 0 ? 5 * EPOCH : EPOCH));
  }

  function stakeMore(uint256 seed, uint256 amount) external {
    address operator = _verifiers[seed % VERIFIERS];
    if (manager.isFrozen(operator)) return;
    manager.stake(operator, Role.Verifier, uint128(bound(amount, VERIFIER_STAKE, 8 * VERIFIER_STAKE)));
  }

  function leave(uint256 seed, bool whole) external {
    address operator = _verifiers[seed % VERIFIERS];
    uint256 staked_ = manager.stakeOf(operator, Role.Verifier);
    if (staked_ == 0 || manager.unbondings(operator, Role.Verifier).length == manager.MAX_UNBONDINGS()) return;
    uint256 amount = whole || staked_ < 2 * VERIFIER_STAKE ? staked_ : staked_ - VERIFIER_STAKE;
    manager.requestUnstake(operator, Role.Verifier, uint128(amount));
  }

  function freezeOne(uint256 seed) external {
    address operator = _verifiers[seed % 3];
    if (seed >> 8 & 7 == 0 && !manager.isFrozen(operator)) manager.freeze(operator);
  }

  function settlerComesOrGoes(uint256 seed) external {
    address settler = _settlers[seed % 2];
    uint256 staked_ = manager.stakeOf(settler, Role.Settler);
    if (staked_ == 0) manager.stake(settler, Role.Settler, 5000e18);
    else if (seed >> 8 & 3 == 0) manager.requestUnstake(settler, Role.Settler, uint128(staked_));
  }

  function pauseOrResume(uint256 seed) external {
    vm.prank(GUARDIAN);
    if (params.isPaused(Module.BatchAnchor)) params.unpause(Module.BatchAnchor);
    else if (seed % 4 == 0) try params.pause(Module.BatchAnchor, uint64(bound(seed, 1, EPOCH))) {} catch {}
  }

  function voidAny(uint256 seed, address caller) external {
    uint64 number = uint64(seed % (_chain.length + 2));
    if (seed >> 128 & 1 == 0) caller = address(harness);
    bool may = caller == params.moduleOf(Module.Demands) && number != 0 && number < _chain.length && !_void[number];
    vm.prank(caller);
    try batches.voidBatch(number) {
      isTrue(may, "voided by whom or what may not be");
      _void[number] = true;
    } catch {
      isTrue(!may, "not voided");
    }
  }

  // Opening, with any arguments.

  function openAny(uint256 epochSeed, uint256 orderSeed) public {
    uint64 asked = epochSeed % 4 == 3 ? uint64(epochSeed >> 8) % (epoch() + 4) : epoch();
    uint8[] memory order = committee.currentOrder();
    bool may = asked == epoch() && !_isOpened(asked) && order.length >= 3;
    if (orderSeed % 4 == 3 && order.length > 1) {
      order = _disturbed(order, orderSeed >> 8);
      may = false;
    }
    vm.prank(address(uint160(orderSeed | 1)));
    try committee.open(asked, order) {
      isTrue(may, "opened what may not be");
      _record(asked);
    } catch {
      isTrue(!may, "not opened");
    }
  }

  function _disturbed(uint8[] memory order, uint256 seed) private pure returns (uint8[] memory other) {
    uint256 kind = seed % 3;
    other = new uint8[](kind == 0 ? order.length - 1 : order.length);
    for (uint256 at; at < other.length; ++at) {
      other[at] = order[at];
    }
    uint256 one = (seed >> 8) % (order.length - 1);
    if (kind == 1) (other[one], other[one + 1]) = (other[one + 1], other[one]);
    if (kind == 2) other[one] = seed >> 16 & 1 == 0 ? other[one + 1] : uint8(VERIFIERS + (seed >> 24) % 200);
  }

  /// @dev Holds a new set against the stakes of the moment and remembers it.
  function _record(uint64 opened) private {
    (ICommittee.Seat[] memory seats, uint64 openedIn) = committee.signingSet(opened);
    equal(openedIn, opened, "its own");
    uint256 unit = committee.WEIGHT_UNIT();
    uint256 live;
    for (uint256 index; index < VERIFIERS; ++index) {
      if (manager.maturedStake(_verifiers[index], Role.Verifier, opened) != 0) ++live;
    }
    equal(seats.length, live, "all that have weight");
    uint256 before = type(uint256).max;
    uint256 total;
    for (uint256 seat; seat < live; ++seat) {
      uint256 stake = manager.maturedStake(seats[seat].verifier, Role.Verifier, opened);
      uint256 rank = stake << 160 | ~uint160(seats[seat].verifier);
      isTrue(rank < before, "by stake, then by address, nobody twice");
      before = rank;
      uint256 whole = stake - stake % unit;
      equal(seats[seat].weight, whole < seats[0].weight ? whole : seats[0].weight, "the stake, cut to one cap");
      total += seats[seat].weight;
      _sets[opened].push(seats[seat]);
    }
    if (live < 10) equal(seats[0].weight, _wholeStake(seats[0].verifier), "not cut");
    else isTrue(uint256(seats[0].weight) * 10 <= total, "a tenth");
    _opened.push(opened);
  }

  function _wholeStake(address verifier) private view returns (uint256 stake) {
    stake = manager.maturedStake(verifier, Role.Verifier, epoch());
    stake -= stake % committee.WEIGHT_UNIT();
  }

  function _isOpened(uint64 asked) private view returns (bool) {
    return _sets[asked].length != 0;
  }

  /// @dev The set for `asked` by the model; empty: none.
  function _setFor(uint64 asked) private view returns (ICommittee.Seat[] memory seats) {
    for (uint64 back; back < 4 && back <= asked && seats.length == 0; ++back) {
      seats = _sets[asked - back];
    }
  }

  // Batches, honest and forged.

  /// @dev A batch that is right but for who signs it.
  function propose(uint256 seed, uint256 bitmap) external {
    Batch memory b = _next(seed);
    if (seed >> 9 & 3 != 0) bitmap = type(uint256).max;
    _submit(_signedBy(b, digestOf(b), bitmap));
  }

  /// @dev Two that both have a quorum: the first takes the number.
  function race(uint256 seed) external {
    Batch memory first = _next(seed);
    Batch memory second = _next(seed >> 8);
    second.data = keccak256(abi.encode(seed, "second"));
    Proposal memory late = _signedBy(second, digestOf(second), type(uint256).max);
    _submit(_signedBy(first, digestOf(first), type(uint256).max));
    _submit(late);
    if (seed >> 16 & 1 == 0) return;
    // A fork: built on the one that lost.
    Batch memory fork = _next(seed);
    fork.previous = digestOf(second);
    _submit(_signedBy(fork, digestOf(fork), type(uint256).max));
  }

  function replay(uint256 seed) external {
    if (_proposals.length != 0) _submit(_proposals[seed % _proposals.length]);
  }

  /// @dev Old signatures under a new batch, of another number, epoch or nothing but another sum.
  function replaySignatures(uint256 seed) external {
    if (_proposals.length == 0) return;
    Proposal memory old = _proposals[seed % _proposals.length];
    Proposal memory p = Proposal(_next(seed >> 8), old.bitmap, old.sigs64);
    if (seed >> 16 & 1 == 1) (p.b.data, p.b.cutoff) = (old.b.data, old.b.cutoff);
    _submit(p);
  }

  /// @dev What the signers themselves sign, all of them, and the rules forbid.
  function corrupt(uint256 kind, uint256 seed) external {
    Batch memory b = _next(seed);
    kind = kind % 8;
    if (kind == 0) b.number = uint64(seed % (_chain.length + 3));
    if (kind == 1) b.previous = _chain[seed % _chain.length];
    if (kind == 2) b.epoch = uint64(seed % (epoch() + 3));
    if (kind == 3) b.cutoff = nowMs() + 1999 + uint64(seed % 4);
    if (kind == 4) b.leaves = uint32(seed % 2);
    if (kind == 5) b.checkpointsRoot = bytes32(seed % 2);
    if (kind == 6) b.settler = seed % 2 == 0 ? _verifiers[0] : address(uint160(seed));
    if (kind == 7) (b.number, b.previous) = (b.number + 1, digestOf(b));
    _submit(_signedBy(b, digestOf(b), type(uint256).max));
  }

  /// @dev What somebody makes of a batch that all signers signed.
  function forge(uint256 kind, uint256 seed) external {
    Batch memory b = _next(seed);
    kind = kind % 12;
    bytes32 digest = digestOf(b);
    bytes32 structHash = harness.hashBatch(b);
    bytes32 network = manager.networkId();
    if (kind == 0) digest = _inDomain(block.chainid + 1, address(manager), network, structHash);
    if (kind == 1) digest = _inDomain(block.chainid, address(batches), network, structHash);
    if (kind == 2) digest = _inDomain(block.chainid, address(manager), ~network, structHash);
    if (kind == 3) digest = structHash;
    Proposal memory p = _signedBy(b, digest, type(uint256).max);
    if (p.sigs64.length < 128) return;
    uint256 at = 64 * (seed % (p.sigs64.length / 64));
    if (kind == 4) _put(p.sigs64, at, signature64(key("stranger", seed % 3), digest));
    if (kind == 5) _put(p.sigs64, at, _slice(p.sigs64, at == 0 ? 64 : 0));
    if (kind == 6) _put(p.sigs64, at, _mirrored(_slice(p.sigs64, at)));
    if (kind == 7) p.sigs64 = bytes.concat(p.sigs64, new bytes(1 + seed % 65));
    if (kind == 8) p.bitmap |= 1 << (p.sigs64.length / 64 + seed % 200);
    if (kind == 9) _put(p.sigs64, at, new bytes(64));
    if (kind == 10) (p.b.acceptedFee, p.b.jobs) = (p.b.acceptedFee + 1, uint32(seed));
    if (kind == 11) p.b.settler = _settlers[0] == p.b.settler ? _settlers[1] : _settlers[0];
    _submit(p);
  }

  /// @dev However long nothing was opened: anybody opens the epoch, and the next batch is anchored.
  function restart(uint256 seed) external {
    vm.warp(vm.getBlockTimestamp() + bound(seed, 5, 9) * EPOCH);
    uint64 current = epoch();
    equal(_setFor(current).length, 0, "nothing is carried so far");
    (bool found,) = address(committee).staticcall(abi.encodeCall(committee.signingSet, (current)));
    isTrue(!found, "no set");
    Proposal memory p;
    p.b = _next(seed);
    p.b.epoch = current;
    _submit(p);
    if (committee.currentOrder().length < 3 || manager.maturedStake(_settlers[0], Role.Settler, current) == 0) return;
    openAny(0, 0);
    isTrue(_isOpened(current), "opened");
    p.b = _next(seed);
    (p.b.epoch, p.b.settler) = (current, _settlers[0]);
    uint256 length = _chain.length;
    bool paused = params.isPaused(Module.BatchAnchor);
    _submit(_signedBy(p.b, digestOf(p.b), type(uint256).max));
    isTrue(paused || _chain.length == length + 1, "going again");
  }

  function _next(uint256 seed) private view returns (Batch memory b) {
    b.number = uint64(_chain.length);
    b.previous = _chain[_chain.length - 1];
    b.epoch = epoch();
    if (seed >> 3 & 7 == 0 && b.epoch > _lastEpoch) b.epoch -= 1;
    b.settler = _settlers[seed >> 6 & 7 == 0 ? 1 : 0];
    b.jobs = uint32(seed >> 32);
    b.data = keccak256(abi.encode(seed));
    b.cutoff = nowMs();
  }

  function _inDomain(uint256 chainId, address verifying, bytes32 network, bytes32 structHash)
    private
    pure
    returns (bytes32)
  {
    return Digests.toTyped(Digests.domainSeparator(chainId, verifying, network), structHash);
  }

  /// @dev Signed by those of `bitmap` that are signers of its epoch.
  function _signedBy(Batch memory b, bytes32 digest, uint256 bitmap) private returns (Proposal memory p) {
    ICommittee.Seat[] memory seats = _setFor(b.epoch);
    p.b = b;
    for (uint256 seat; seat < seats.length; ++seat) {
      if (bitmap >> seat & 1 == 0) continue;
      p.bitmap |= 1 << seat;
      p.sigs64 = bytes.concat(p.sigs64, signature64(keys[seats[seat].verifier], digest));
      _signed[digest][seats[seat].verifier] = true;
    }
    if (_proposals.length < 64) _proposals.push(p);
    else _proposals[uint256(digest) % 64] = p;
  }

  function _submit(Proposal memory p) private {
    bool may = _isAdmissible(p);
    bytes32 digest = digestOf(p.b);
    vm.prank(address(uint160(uint256(digest))));
    try batches.anchor(p.b, p.bitmap, p.sigs64) {
      isTrue(may, "anchored what may not be");
      _chain.push(digest);
      _lastEpoch = p.b.epoch;
      ++anchored;
    } catch {
      isTrue(!may, "refused what is right");
      ++refused;
    }
  }

  function _isAdmissible(Proposal memory p) private view returns (bool) {
    Batch memory b = p.b;
    uint64 current = epoch();
    if (params.isPaused(Module.BatchAnchor)) return false;
    if (b.number != _chain.length || b.previous != _chain[_chain.length - 1]) return false;
    if (b.epoch > current || b.epoch + 1 < current || b.epoch < _lastEpoch) return false;
    if (b.cutoff > nowMs() + 2000 || (b.leaves == 0) != (b.checkpointsRoot == 0)) return false;
    if (manager.maturedStake(b.settler, Role.Settler, current) == 0) return false;
    ICommittee.Seat[] memory seats = _setFor(b.epoch);
    if (p.bitmap >> seats.length != 0) return false;
    bytes32 digest = digestOf(b);
    uint256 at;
    uint256 signed;
    uint256 total;
    for (uint256 seat; seat < seats.length; ++seat) {
      total += seats[seat].weight;
      if (p.bitmap >> seat & 1 == 0) continue;
      if (at + 64 > p.sigs64.length || !_isOf(seats[seat].verifier, digest, _slice(p.sigs64, at))) return false;
      at += 64;
      signed += seats[seat].weight;
    }
    return at == p.sigs64.length && signed * 3 > total * 2;
  }

  /// @dev Whether it is the signature that the verifier made: they are deterministic, so there is but one.
  function _isOf(address verifier, bytes32 digest, bytes memory signature) private view returns (bool) {
    return _signed[digest][verifier] && keccak256(signature) == keccak256(signature64(keys[verifier], digest));
  }

  /// @dev The other signature that recovers to the same key: order - s, the other parity.
  function _mirrored(bytes memory signature) private pure returns (bytes memory) {
    (bytes32 r, uint256 vs) = abi.decode(signature, (bytes32, uint256));
    uint256 s = vs & type(uint256).max >> 1;
    return abi.encodePacked(r, (ORDER - s) | (~vs & 1 << 255));
  }

  function _slice(bytes memory sigs64, uint256 at) private pure returns (bytes memory signature) {
    signature = new bytes(64);
    for (uint256 index; index < 64; ++index) {
      signature[index] = sigs64[at + index];
    }
  }

  function _put(bytes memory sigs64, uint256 at, bytes memory signature) private pure {
    for (uint256 index; index < 64; ++index) {
      sigs64[at + index] = signature[index];
    }
  }

  // What must hold at any time.

  function checkChain() external view {
    uint64 last = uint64(_chain.length - 1);
    equal(batches.lastNumber(), last, "last number");
    equal(batches.lastEpoch(), _lastEpoch, "last epoch");
    equal(anchored, last, "one number a batch");
    for (uint64 number; number <= last; ++number) {
      equal(batches.digestOf(number), _chain[number], "digest");
      isTrue(number == 0 || _chain[number] != 0, "no gap");
      isTrue(batches.isVoid(number) == _void[number], "void");
    }
    equal(batches.digestOf(last + 1), bytes32(0), "none to come");
  }

  function checkSets() external view {
    for (uint256 index; index < _opened.length; ++index) {
      uint64 opened = _opened[index];
      (ICommittee.Seat[] memory seats, uint64 openedIn) = committee.signingSet(opened);
      equal(openedIn, opened, "opened");
      equal(keccak256(abi.encode(seats)), keccak256(abi.encode(_sets[opened])), "as it was opened");
    }
  }

  function checkCarry() external view {
    ICommittee.Seat[] memory expected = _setFor(epoch());
    try committee.signingSet(epoch()) returns (ICommittee.Seat[] memory seats, uint64 openedIn) {
      isTrue(openedIn + 3 >= epoch() && openedIn <= epoch(), "at most three epochs");
      equal(keccak256(abi.encode(seats)), keccak256(abi.encode(expected)), "the latest");
      uint256 signing = expected.length < 21 ? expected.length : 21;
      equal(committee.signers(epoch()), signing, "signers");
    } catch {
      equal(expected.length, 0, "none");
    }
  }
}

contract AnchorInvariantsTest is Test {
  Forgers private forgers;

  function setUp() public {
    forgers = new Forgers();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(forgers);
  }

  function invariant_R19_numbersAreGaplessAndDigestsChained() public view {
    forgers.checkChain();
  }

  function invariant_R13_anOpenedSetNeverChanges() public view {
    forgers.checkSets();
  }

  function invariant_R13_aSetIsCarriedThreeEpochsAtMost() public view {
    forgers.checkCarry();
  }

  /// @dev The forgers of these invariants reach what they are for: batches are anchored, and refused.
  function test_theForgersAnchorAndAreRefused() public {
    uint256 seed = type(uint256).max;
    forgers.propose(seed, seed);
    forgers.propose(seed, seed);
    equal(forgers.anchored(), 2, "anchored");
    forgers.race(seed);
    equal(forgers.anchored(), 3, "one of the race");
    equal(forgers.refused(), 2, "not the late one, not the fork");
    for (uint256 kind; kind < 12; ++kind) {
      forgers.forge(kind, seed);
    }
    forgers.replay(0);
    forgers.replaySignatures(seed);
    equal(forgers.anchored(), 3, "nothing forged or old");
    equal(forgers.refused(), 16, "each was tried");
    forgers.restart(0);
    equal(forgers.anchored(), 4, "going again");
    forgers.checkChain();
    forgers.checkSets();
    forgers.checkCarry();
  }
}

/// @notice 64 places and 68 verifiers that want them.
contract Rivals is Network {
  uint256 private constant RIVALS = 68;
  uint256 private constant PLACES = 64;

  address[] private _rivals;
  /// @dev Who sits where, by the model.
  address[] private _seated;
  /// @dev Place plus one.
  mapping(address rival => uint256) private _placeOf;

  constructor() {
    deploy();
    for (uint256 index; index < RIVALS; ++index) {
      _rivals.push(staked("rival", index, Role.Verifier, VERIFIER_STAKE + uint128(index % 7) * 100e18));
    }
    passEpochs(2);
    for (uint256 index; index < PLACES; ++index) {
      committee.join(_rivals[index], uint8(index));
      _seated.push(_rivals[index]);
      _placeOf[_rivals[index]] = index + 1;
    }
  }

  function _weightOf(address rival) private view returns (uint256) {
    return manager.maturedStake(rival, Role.Verifier, manager.currentEpoch());
  }

  function _isSeated(address rival) private view returns (bool) {
    return _placeOf[rival] != 0;
  }

  function _lightest() private view returns (uint256 place, uint256 weight) {
    uint256[] memory weights = manager.maturedStakes(_seated, Role.Verifier, manager.currentEpoch());
    weight = type(uint256).max;
    for (uint256 candidate; candidate < PLACES; ++candidate) {
      if (weights[candidate] < weight) (place, weight) = (candidate, weights[candidate]);
    }
  }

  function passTime(uint256 seconds_) external {
    vm.warp(vm.getBlockTimestamp() + bound(seconds_, 1, 2 * EPOCH));
  }

  function stakeMore(uint256 seed, uint256 amount) external {
    address rival = _rivals[seed % RIVALS];
    if (manager.isFrozen(rival)) return;
    manager.stake(rival, Role.Verifier, uint128(bound(amount, VERIFIER_STAKE, 2 * VERIFIER_STAKE)));
  }

  function leave(uint256 seed) external {
    address rival = _rivals[seed % RIVALS];
    uint256 staked_ = manager.stakeOf(rival, Role.Verifier);
    if (staked_ == 0 || manager.unbondings(rival, Role.Verifier).length == manager.MAX_UNBONDINGS()) return;
    manager.requestUnstake(rival, Role.Verifier, uint128(staked_));
  }

  function freezeOne(uint256 seed) external {
    address rival = _rivals[seed % RIVALS];
    if (seed >> 8 & 3 == 0 && !manager.isFrozen(rival)) manager.freeze(rival);
  }

  function joinAny(uint256 seed, uint8 evict, address sender) external {
    address rival = seed % 16 == 0 ? sender : _rivals[seed % RIVALS];
    if (seed >> 8 & 1 == 0) {
      (uint256 lightest,) = _lightest();
      evict = uint8(lightest);
    }
    _join(rival, evict, sender);
  }

  function _join(address rival, uint8 evict, address sender) private returns (bool may) {
    (, uint256 least) = _lightest();
    uint256 weight = _weightOf(rival);
    may = weight > least && !_isSeated(rival) && evict < PLACES && _weightOf(_seated[evict % PLACES]) == least;
    vm.prank(sender);
    try committee.join(rival, evict) {
      isTrue(may, "displaced whom it may not");
      delete _placeOf[_seated[evict]];
      (_seated[evict], _placeOf[rival]) = (rival, uint256(evict) + 1);
    } catch {
      isTrue(!may, "did not displace");
    }
  }

  /// @dev Everybody who wants a place asks for the lightest, until nobody gets one: then the heaviest sit.
  function everybodyTries() external {
    bool changed = true;
    while (changed) {
      changed = false;
      for (uint256 index; index < RIVALS; ++index) {
        if (_isSeated(_rivals[index])) continue;
        (uint8 place, uint256 weight) = committee.lightest();
        (uint256 expected, uint256 least) = _lightest();
        equal(place, expected, "lightest place");
        equal(weight, least, "its weight");
        // Whoever is put out may outweigh another: once more.
        if (_join(_rivals[index], place, address(this))) changed = true;
      }
    }
    (, uint256 lowest) = _lightest();
    for (uint256 index; index < RIVALS; ++index) {
      if (!_isSeated(_rivals[index])) isTrue(_weightOf(_rivals[index]) <= lowest, "a heavier one is left out");
    }
  }

  function checkPlaces() external view {
    address[] memory places = committee.places();
    equal(places.length, PLACES, "full");
    for (uint256 place; place < PLACES; ++place) {
      equal(places[place], _seated[place], "who joined");
      equal(_placeOf[places[place]], place + 1, "nobody twice");
    }
  }
}

contract PlacesInvariantsTest is Test {
  Rivals private rivals;

  function setUp() public {
    rivals = new Rivals();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(rivals);
  }

  function invariant_R13_nobodyButTheLightestGivesUpItsPlace() public view {
    rivals.checkPlaces();
  }
}
