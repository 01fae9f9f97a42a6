// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Committee} from "../src/Committee.sol";
import {StakeManager} from "../src/StakeManager.sol";
import {ICommittee} from "../src/interfaces/ICommittee.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Role} from "../src/interfaces/Objects.sol";
import {Blob} from "../src/libraries/Blob.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Network} from "./support/Network.sol";
import {Vm} from "./support/Vm.sol";

contract CommitteeTest is Network {
  uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
  bytes32 private constant DIGEST = keccak256("what is signed");

  function setUp() public {
    deploy();
  }

  function epoch() private view returns (uint64) {
    return manager.currentEpoch();
  }

  function seatsNow() private view returns (ICommittee.Seat[] memory seats) {
    (seats,) = committee.signingSet(epoch());
  }

  function fillPlaces(uint128 step) private returns (address[] memory operators) {
    operators = new address[](64);
    for (uint256 index; index < 64; ++index) {
      operators[index] = staked("verifier", index, Role.Verifier, VERIFIER_STAKE + uint128(index) * step);
    }
    passEpochs(2);
    for (uint256 index; index < 64; ++index) {
      committee.join(operators[index], 0);
    }
  }

  function test_refusesParametersOutOfRange() public {
    bytes memory invalid = abi.encodeWithSelector(ICommittee.InvalidParameters.selector);
    vm.expectRevert(invalid);
    new Committee(IStakeManager(address(0)), 4);
    vm.expectRevert(invalid);
    new Committee(manager, 2);
    vm.expectRevert(invalid);
    new Committee(manager, 22);
  }

  function test_R13_onlyMaturedVerifiersJoinAndOnce() public {
    address operator = staked("verifier", 0, Role.Verifier, VERIFIER_STAKE);
    nextEpoch();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NotMatured.selector, operator));
    committee.join(operator, 0);
    nextEpoch();
    vm.prank(address(0xA11CE));
    committee.join(operator, 0);
    equal(committee.places()[0], operator, "seated by anyone");
    vm.expectRevert(abi.encodeWithSelector(ICommittee.AlreadySeated.selector, operator));
    committee.join(operator, 0);
    address settler = staked("settler", 0, Role.Settler, 5000e18);
    passEpochs(2);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NotMatured.selector, settler));
    committee.join(settler, 0);
  }

  function test_R13_aFullSetGivesUpOnlyItsLightestAndOnlyToAHeavierOne() public {
    address[] memory operators = fillPlaces(1e18);
    address equalOne = staked("late", 0, Role.Verifier, VERIFIER_STAKE);
    address heavier = staked("late", 1, Role.Verifier, VERIFIER_STAKE + 1);
    address heaviest = staked("late", 2, Role.Verifier, VERIFIER_STAKE + 1000e18);
    passEpochs(2);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NotDisplaceable.selector, 0));
    committee.join(equalOne, 0);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NotDisplaceable.selector, 1));
    committee.join(heaviest, 1);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.UnknownPlace.selector, 64, 64));
    committee.join(heaviest, 64);
    (uint8 place, uint256 weight) = committee.lightest();
    equal(place, 0, "lightest");
    equal(weight, VERIFIER_STAKE, "its weight");
    committee.join(heavier, 0);
    equal(committee.places()[0], heavier, "displaced");
    committee.join(heaviest, 0);
    equal(committee.places()[0], heaviest, "displaced again");
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NotDisplaceable.selector, 1));
    committee.join(operators[0], 1);
    manager.requestUnstake(operators[40], Role.Verifier, VERIFIER_STAKE + 40e18);
    (place, weight) = committee.lightest();
    equal(place, 40, "lightest");
    equal(weight, 0, "without stake");
    committee.join(operators[0], 40);
    equal(committee.places()[40], operators[0], "one without stake gives way to anybody");
  }

  function test_R13_opensTheCurrentEpochOnceInTheOnlyOrder() public {
    openWith(5, VERIFIER_STAKE, 1e18);
    uint64 now_ = epoch();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.AlreadyOpen.selector, now_));
    committee.open(now_, new uint8[](5));
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongEpoch.selector, now_ + 1, now_));
    committee.open(now_ + 1, new uint8[](5));
    nextEpoch();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongEpoch.selector, now_, now_ + 1));
    committee.open(now_, new uint8[](5));
    uint8[] memory order = committee.currentOrder();
    vm.prank(address(0xA11CE));
    committee.open(now_ + 1, order);
    isTrue(committee.isOpen(now_ + 1), "opened by anyone");
    ICommittee.Seat[] memory seats = seatsNow();
    for (uint256 seat; seat < 5; ++seat) {
      equal(seats[seat].verifier, vm.addr(key("verifier", 4 - seat)), "heaviest first");
      equal(seats[seat].weight, VERIFIER_STAKE + (4 - seat) * 1e18, "its weight");
    }
  }

  function test_refusesOrdersThatLeaveOutRepeatOrMisplace() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    nextEpoch();
    uint8[] memory order = committee.currentOrder();
    uint8[] memory wrong = new uint8[](3);
    (wrong[0], wrong[1], wrong[2]) = (order[0], order[1], order[2]);
    uint64 now_ = epoch();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongOrderLength.selector, 4, 3));
    committee.open(now_, wrong);
    wrong = new uint8[](4);
    (wrong[0], wrong[1], wrong[2], wrong[3]) = (order[0], order[1], order[1], order[2]);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongOrder.selector, 2));
    committee.open(now_, wrong);
    (wrong[0], wrong[1], wrong[2], wrong[3]) = (order[1], order[0], order[2], order[3]);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongOrder.selector, 1));
    committee.open(now_, wrong);
    (wrong[0], wrong[1], wrong[2], wrong[3]) = (order[0], order[1], order[2], 4);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongOrder.selector, 3));
    committee.open(now_, wrong);
    committee.open(now_, order);
  }

  function test_equalWeightsAreOrderedByAddress() public {
    openWith(6, VERIFIER_STAKE, 0);
    ICommittee.Seat[] memory seats = seatsNow();
    for (uint256 seat = 1; seat < 6; ++seat) {
      isTrue(seats[seat - 1].verifier < seats[seat].verifier, "ascending");
    }
  }

  function test_unstakedAndFrozenVerifiersAreLeftOutOfTheNextSet() public {
    openWith(5, VERIFIER_STAKE, 1e18);
    manager.requestUnstake(vm.addr(key("verifier", 1)), Role.Verifier, VERIFIER_STAKE + 1e18);
    manager.freeze(vm.addr(key("verifier", 3)));
    nextEpoch();
    open();
    ICommittee.Seat[] memory seats = seatsNow();
    equal(seats.length, 3, "three left");
    equal(seats[0].verifier, vm.addr(key("verifier", 4)), "first");
    equal(seats[1].verifier, vm.addr(key("verifier", 2)), "second");
  }

  function test_doesNotOpenBelowTheMinimum() public {
    openWith(3, VERIFIER_STAKE, 0);
    manager.freeze(vm.addr(key("verifier", 0)));
    nextEpoch();
    uint64 now_ = epoch();
    uint8[] memory order = committee.currentOrder();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.TooFewVerifiers.selector, 2, 3));
    committee.open(now_, order);
  }

  function test_anUnopenedEpochKeepsTheLastSetForThreeEpochs() public {
    openWith(3, VERIFIER_STAKE, 0);
    uint64 opened = epoch();
    passEpochs(3);
    (, uint64 openedIn) = committee.signingSet(epoch());
    equal(openedIn, opened, "still");
    (uint256 signed,) = committee.weigh(epoch(), false, DIGEST, 7, signaturesOf(epoch(), DIGEST, 7));
    equal(signed, 3 * VERIFIER_STAKE, "weighs");
    bytes memory sigs64 = signaturesOf(epoch(), DIGEST, 7);
    nextEpoch();
    uint64 now_ = epoch();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NoSigningSet.selector, now_));
    committee.weigh(now_, false, DIGEST, 7, sigs64);
    open();
    committee.weigh(now_, false, DIGEST, 7, sigs64);
  }

  function test_noSetBeforeTheFirstOpening() public {
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NoSigningSet.selector, 0));
    committee.signers(0);
  }

  function test_R13_theHeaviest21SignAndAll64AreTheJury() public {
    fillPlaces(1e18);
    open();
    equal(committee.signers(epoch()), 21, "signers");
    uint256 signerWeight;
    uint256 juryWeight;
    ICommittee.Seat[] memory seats = seatsNow();
    equal(seats.length, 64, "seats");
    for (uint256 seat; seat < 64; ++seat) {
      if (seat < 21) signerWeight += seats[seat].weight;
      juryWeight += seats[seat].weight;
    }
    uint256 all = type(uint64).max;
    (uint256 signed, uint256 total) = committee.weigh(epoch(), true, DIGEST, all, signaturesOf(epoch(), DIGEST, all));
    equal(signed, juryWeight, "jury signed");
    equal(total, juryWeight, "jury");
    uint256 first = (1 << 21) - 1;
    (signed, total) = committee.weigh(epoch(), false, DIGEST, first, signaturesOf(epoch(), DIGEST, first));
    equal(signed, signerWeight, "signers signed");
    equal(total, signerWeight, "signers");
    bytes memory one = signaturesOf(epoch(), DIGEST, 1 << 21);
    uint64 now_ = epoch();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.UnknownSeat.selector, 1 << 21, 21));
    committee.weigh(now_, false, DIGEST, 1 << 21, one);
  }

  function test_weighsExactlyTheSeatsThatSigned() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    (uint256 signed, uint256 total) = committee.weigh(epoch(), false, DIGEST, 10, signaturesOf(epoch(), DIGEST, 10));
    equal(signed, 2 * VERIFIER_STAKE + 2e18, "seats 1 and 3");
    equal(total, 4 * VERIFIER_STAKE + 6e18, "all");
    (signed,) = committee.weigh(epoch(), false, DIGEST, 0, "");
    equal(signed, 0, "nobody");
  }

  function test_refusesWrongRepeatedMisplacedAndForeignSignatures() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    uint64 now_ = epoch();
    bytes memory zero = signaturesOf(now_, DIGEST, 1);
    bytes memory one = signaturesOf(now_, DIGEST, 2);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    committee.weigh(now_, false, keccak256("another digest"), 1, zero);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 1));
    committee.weigh(now_, false, DIGEST, 3, bytes.concat(zero, zero));
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    committee.weigh(now_, false, DIGEST, 3, bytes.concat(one, zero));
    bytes memory foreign = signature64(key("stranger", 0), DIGEST);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    committee.weigh(now_, false, DIGEST, 1, foreign);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    committee.weigh(now_, false, DIGEST, 1, new bytes(64));
    vm.expectRevert(abi.encodeWithSelector(ICommittee.UnknownSeat.selector, 16, 4));
    committee.weigh(now_, false, DIGEST, 16, zero);
  }

  function test_audit11_refusesSignatureBytesThatDoNotMatchTheBitmap() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    uint64 now_ = epoch();
    bytes memory both = signaturesOf(now_, DIGEST, 3);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongSignatureLength.selector, 64, 128));
    committee.weigh(now_, false, DIGEST, 1, both);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongSignatureLength.selector, 192, 128));
    committee.weigh(now_, false, DIGEST, 7, both);
    bytes memory odd = bytes.concat(both, hex"00");
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongSignatureLength.selector, 128, 129));
    committee.weigh(now_, false, DIGEST, 3, odd);
  }

  /// @dev A digest is solved for a chosen s, so that a signature one above half the order is right in all else.
  function signedWith(uint256 s, uint256 privateKey) private returns (bytes32 digest, bytes memory compact) {
    Vm.Wallet memory nonce = vm.createWallet(key("nonce", 0));
    uint256 r = nonce.publicKeyX;
    isTrue(r < ORDER, "r is the x of the nonce's point");
    uint256 product = mulmod(r, privateKey, ORDER);
    digest = bytes32(addmod(mulmod(s, nonce.privateKey, ORDER), ORDER - product, ORDER));
    compact = abi.encodePacked(r, s | (nonce.publicKeyY & 1) << 255);
    equal(ecrecover(digest, uint8(27 + (nonce.publicKeyY & 1)), bytes32(r), bytes32(s)), vm.addr(privateKey), "valid");
  }

  function test_audit11_refusesAHighS() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    uint64 now_ = epoch();
    uint256 privateKey = keys[seatsNow()[0].verifier];
    (bytes32 digest, bytes memory sigs64) = signedWith(ORDER / 2, privateKey);
    committee.weigh(now_, false, digest, 1, sigs64);
    (digest, sigs64) = signedWith(ORDER / 2 + 1, privateKey);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    committee.weigh(now_, false, digest, 1, sigs64);
  }

  /// @dev What `ecrecover` answers nothing to: the output must not be what an earlier seat left there.
  function test_audit11_refusesSignaturesThatRecoverToNobody() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    uint64 now_ = epoch();
    bytes memory good = signaturesOf(now_, DIGEST, 1);
    bytes32[2][5] memory malformed = [
      [bytes32(0), bytes32(0)],
      [bytes32(0), bytes32(uint256(1))],
      [bytes32(uint256(1)), bytes32(0)],
      [bytes32(ORDER), bytes32(uint256(1))],
      [bytes32(type(uint256).max), bytes32(uint256(1) << 255 | 1)]
    ];
    for (uint256 at; at < malformed.length; ++at) {
      bytes memory bad = abi.encodePacked(malformed[at][0], malformed[at][1]);
      vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
      committee.weigh(now_, false, DIGEST, 1, bad);
      vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 1));
      committee.weigh(now_, false, DIGEST, 3, bytes.concat(good, bad));
    }
  }

  /// @dev The worst case: it unstakes as soon as its set is open, and the set is carried as long as any.
  function test_audit04_stakeThatSignsStaysSlashableForAnEpochAfterItsLastSignature() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    uint64 opened = epoch();
    address leaver = vm.addr(key("verifier", 3));
    uint128 amount = VERIFIER_STAKE + 3e18;
    manager.requestUnstake(leaver, Role.Verifier, amount);
    equal(manager.maturedStake(leaver, Role.Verifier, opened), 0, "it has left the weight");
    passEpochs(committee.MAX_CARRY());
    uint64 last = epoch();
    (ICommittee.Seat[] memory seats, uint64 openedIn) = committee.signingSet(last);
    equal(openedIn, opened, "carried");
    equal(seats[0].verifier, leaver, "and signs still");
    // A batch of that epoch is taken until the end of the next.
    passEpochs(2);
    vm.warp(vm.getBlockTimestamp() - 1);
    equal(epoch(), last + 1, "the last second");
    committee.weigh(last, false, DIGEST, 1, signaturesOf(last, DIGEST, 1));
    vm.warp(vm.getBlockTimestamp() + EPOCH);
    bytes memory nothing = abi.encodeWithSelector(IStakeManager.NothingToWithdraw.selector, leaver, Role.Verifier);
    vm.expectRevert(nothing);
    manager.withdraw(leaver, Role.Verifier);
    equal(manager.slashableOf(leaver, Role.Verifier), amount, "slashable");
    vm.prank(SLASHER);
    equal(manager.seize("case", leaver, Role.Verifier, 10_000, address(0)), amount, "seized whole");
  }

  function test_audit04_noStakeManagerUnbondsBeforeItsSignaturesAreOver() public {
    IStakeManager.Setup memory setup = genesis();
    setup.unbondingPeriod = (uint64(committee.MAX_CARRY()) + 3) * EPOCH - 1;
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.InvalidParameters.selector));
    new StakeManager(setup);
    setup.unbondingPeriod += 1;
    new StakeManager(setup);
  }

  function test_aRotatedKeyKeepsItsSeatAndItsLiabilityUntilTheNextSet() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    address from = vm.addr(key("verifier", 3));
    address to = vm.addr(key("rotated", 0));
    keys[to] = key("rotated", 0);
    uint256 deadline = vm.getBlockTimestamp() + 1;
    bytes32 structHash = keccak256(
      abi.encode(
        keccak256("Rotation(address from,address to,address owner,uint256 deadline)"), from, to, address(this), deadline
      )
    );
    manager.rotate(from, to, deadline, signature65(keys[to], Digests.toTyped(manager.domainSeparator(), structHash)));
    committee.weigh(epoch(), false, DIGEST, 1, signaturesOf(epoch(), DIGEST, 1));
    equal(manager.slashableOf(from, Role.Verifier), VERIFIER_STAKE + 3e18, "liable");
    nextEpoch();
    committee.join(to, 0);
    open();
    ICommittee.Seat[] memory seats = seatsNow();
    equal(seats.length, 4, "the old key has no weight");
    equal(seats[0].verifier, to, "the new one sits in its stead");
  }

  function test_aSeatWeighsWholeThousandthsOfOpg() public {
    openWith(4, VERIFIER_STAKE + 1e15 - 1, 0);
    ICommittee.Seat[] memory seats = seatsNow();
    equal(committee.WEIGHT_UNIT(), 1e15, "unit");
    equal(seats[0].weight, VERIFIER_STAKE, "rounded down");
    manager.stake(seats[0].verifier, Role.Verifier, 1);
    passEpochs(2);
    open();
    equal(seatsNow()[0].weight, VERIFIER_STAKE + 1e15, "the next");
  }

  /// @dev Order and places by the exact stake, though the seats weigh the same.
  function test_aWeiDecidesTheOrder() public {
    openWith(4, VERIFIER_STAKE, 1);
    ICommittee.Seat[] memory seats = seatsNow();
    for (uint256 seat; seat < 4; ++seat) {
      equal(seats[seat].verifier, vm.addr(key("verifier", 3 - seat)), "heaviest first");
      equal(seats[seat].weight, VERIFIER_STAKE, "equal weight");
    }
  }

  /// @dev The whole supply in one seat, and the heaviest set there can be.
  function test_theWholeSupplyFitsASeat() public {
    uint256 supply = opg.totalSupply();
    openWith(3, VERIFIER_STAKE, 0);
    address whale = seatsNow()[0].verifier;
    manager.stake(whale, Role.Verifier, uint128(supply - 3 * VERIFIER_STAKE));
    passEpochs(2);
    open();
    ICommittee.Seat[] memory seats = seatsNow();
    equal(seats[0].verifier, whale, "verifier");
    equal(seats[0].weight, supply - 2 * VERIFIER_STAKE, "weight");
    equal(seats[1].weight, VERIFIER_STAKE, "the next");
    (uint256 signed, uint256 total) = committee.weigh(epoch(), true, DIGEST, 1, signaturesOf(epoch(), DIGEST, 1));
    equal(signed, supply - 2 * VERIFIER_STAKE, "signed");
    equal(total, supply, "total");
  }

  function test_orderValuesBeyondAByteNameNoPlace() public {
    openWith(4, VERIFIER_STAKE, 1e18);
    nextEpoch();
    uint64 now_ = epoch();
    uint8[] memory order = committee.currentOrder();
    bytes memory call = abi.encodeCall(committee.open, (now_, order));
    uint256 at = 4 + 32 * 3;
    equal(uint8(call[at + 31]), order[0], "first of the order");
    call[at + 30] = 0x01;
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongOrder.selector, 0));
    (bool reverted,) = address(committee).call(call);
    isTrue(reverted, "expected");
  }

  /// @dev Whoever calls chooses how much gas there is: it must suffice for all or do nothing.
  function test_tooLittleGasDoesNothingRatherThanHalf() public {
    openWith(12, VERIFIER_STAKE, 1e18);
    nextEpoch();
    uint64 now_ = epoch();
    uint8[] memory order = committee.currentOrder();
    bytes32 whole = keccak256(abi.encode(order));
    bytes4 notWritten = Blob.BlobNotWritten.selector;
    (uint256 blobs, uint256 answers, uint256 gas_) = (0, 0, 5000);
    while (!committee.isOpen(now_)) {
      try committee.currentOrder{gas: gas_}() returns (uint8[] memory got) {
        equal(keccak256(abi.encode(got)), whole, "the whole order");
        ++answers;
      } catch {}
      try committee.open{gas: gas_}(now_, order) {}
      catch (bytes memory reason) {
        if (bytes4(reason) == notWritten) ++blobs;
      }
      gas_ += 250;
    }
    isTrue(blobs != 0 && answers != 0, "refused in the midst");
    equal(seatsNow().length, 12, "opened whole");
    bytes memory sigs64 = signaturesOf(now_, DIGEST, 4095);
    answers = 0;
    for (gas_ = 20_000; answers < 4; gas_ += 250) {
      try committee.weigh{gas: gas_}(now_, false, DIGEST, 4095, sigs64) returns (uint256 signed, uint256 total) {
        equal(signed, total, "all of it");
        ++answers;
      } catch {}
    }
  }

  function test_theLightestOfAnEmptySetIsNone() public {
    vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x32));
    committee.lightest();
    uint8[] memory none = committee.currentOrder();
    equal(none.length, 0, "no order");
    vm.expectRevert(abi.encodeWithSelector(ICommittee.TooFewVerifiers.selector, 0, 3));
    committee.open(0, none);
  }

  function test_fewerThanTenSignersAreNotCapped() public {
    openWith(9, VERIFIER_STAKE, 100_000e18);
    ICommittee.Seat[] memory seats = seatsNow();
    equal(seats[0].weight, VERIFIER_STAKE + 800_000e18, "whole stake");
  }

  function test_R13_tenEquallyCappedSignersWeighTheSame() public {
    openWith(10, VERIFIER_STAKE, 1_000_000e18);
    ICommittee.Seat[] memory seats = seatsNow();
    for (uint256 seat; seat < 10; ++seat) {
      equal(seats[seat].weight, VERIFIER_STAKE, "the lightest decides");
    }
  }

  /// forge-config: default.fuzz.runs = 16
  function testFuzz_R13_noSignerWeighsMoreThanATenth(uint256 seed, uint256 count) public {
    count = bound(count, 10, 30);
    for (uint256 index; index < count; ++index) {
      seed = uint256(keccak256(abi.encode(seed)));
      staked("verifier", index, Role.Verifier, uint128((uint256(VERIFIER_STAKE) << seed % 10) + (seed >> 240)));
    }
    passEpochs(2);
    for (uint256 index; index < count; ++index) {
      committee.join(vm.addr(key("verifier", index)), 0);
    }
    open();
    (, uint256 total) = committee.weigh(epoch(), false, DIGEST, 0, "");
    ICommittee.Seat[] memory seats = seatsNow();
    uint256 unit = committee.WEIGHT_UNIT();
    bool capping;
    for (uint256 seat; seat < count; ++seat) {
      uint256 stake = manager.maturedStake(seats[seat].verifier, Role.Verifier, epoch());
      isTrue(uint256(seats[seat].weight) * 10 <= total, "a tenth");
      isTrue(seats[seat].weight <= stake, "never more than staked");
      if (seats[seat].weight < stake - stake % unit) {
        capping = true;
        isTrue(total - uint256(seats[seat].weight) * 10 < 10 * unit, "cut no deeper than needed");
      }
      isTrue(seat == 0 || seats[seat - 1].weight >= seats[seat].weight, "descending");
    }
    isTrue(capping || uint256(seats[0].weight) * 10 <= total, "whole when light enough");
  }
}

/// @notice 24 verifiers, of whom 21 sign.
contract WeighingTest is Network {
  bytes32 private constant DIGEST = keccak256("what is signed");
  uint64 private now_;

  function setUp() public {
    deploy();
    openWith(24, VERIFIER_STAKE, 1e18);
    now_ = manager.currentEpoch();
  }

  function testFuzz_audit11_refusesEveryOtherBitPattern(uint256 position, uint256 bits) public {
    bytes memory sigs64 = signaturesOf(now_, DIGEST, 15);
    position = bound(position, 0, 255);
    uint8 change = uint8(bound(bits, 1, 255));
    sigs64[position] ^= bytes1(change);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, position / 64));
    committee.weigh(now_, false, DIGEST, 15, sigs64);
  }

  function testFuzz_weighsAnySeatsAndCountsTheirSignatures(uint256 bitmap, bool jury) public {
    bitmap &= jury ? (1 << 24) - 1 : (1 << 21) - 1;
    bytes memory sigs64 = signaturesOf(now_, DIGEST, bitmap);
    (uint256 signed, uint256 total) = committee.weigh(now_, jury, DIGEST, bitmap, sigs64);
    (ICommittee.Seat[] memory seats,) = committee.signingSet(now_);
    for (uint256 seat; seat < 24; ++seat) {
      if (bitmap >> seat & 1 == 1) signed -= seats[seat].weight;
      if (seat < 21 || jury) total -= seats[seat].weight;
    }
    equal(signed, 0, "signed is their sum");
    equal(total, 0, "total is the sum of all");
    uint256 length = sigs64.length;
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongSignatureLength.selector, length, length + 64));
    committee.weigh(now_, jury, DIGEST, bitmap, bytes.concat(sigs64, new bytes(64)));
  }
}
