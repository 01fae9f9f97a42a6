// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "../src/interfaces/IBatchAnchor.sol";
import {ICommittee} from "../src/interfaces/ICommittee.sol";
import {Module} from "../src/interfaces/IProtocolParams.sol";
import {Batch, Checkpoint, Leaf, Receipt, Role} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {IndexedMerkle} from "../src/libraries/IndexedMerkle.sol";
import {Network} from "./support/Network.sol";
import {Trees} from "./support/Trees.sol";

contract BatchAnchorTest is Network {
  uint256 private constant ALL = 15;
  address private settler;
  address private provider;

  function setUp() public {
    deploy();
    settler = staked("settler", 0, Role.Settler, 5000e18);
    provider = staked("provider", 0, Role.Provider, 10_000e18);
    openWith(4, VERIFIER_STAKE, 0);
  }

  function epoch() private view returns (uint64) {
    return manager.currentEpoch();
  }

  function nextBatch() private view returns (Batch memory b) {
    b.number = batches.lastNumber() + 1;
    b.previous = batches.digestOf(b.number - 1);
    b.epoch = epoch();
    b.settler = settler;
    b.jobs = 12;
    b.acceptedFee = 34;
    b.data = keccak256("leaves");
    b.cutoff = uint64(vm.getBlockTimestamp() * 1000);
  }

  function sign(Batch memory b, uint256 bitmap) private view returns (bytes memory) {
    return signaturesOf(b.epoch, digestOf(b), bitmap);
  }

  function anchor(Batch memory b) private {
    batches.anchor(b, ALL, sign(b, ALL));
  }

  function anchorReverts(Batch memory b, bytes memory reason) private {
    bytes memory sigs64 = sign(b, ALL);
    vm.expectRevert(reason);
    batches.anchor(b, ALL, sigs64);
  }

  function test_R19_anchorsTheNextBatchAndCreditsTheSettlerItNames() public {
    Batch memory b = nextBatch();
    bytes memory sigs64 = sign(b, ALL);
    vm.expectEmit(true, true, true, true, address(batches));
    emit IBatchAnchor.BatchAnchored(1, digestOf(b), settler, b, ALL);
    vm.prank(address(0xF407));
    batches.anchor(b, ALL, sigs64);
    equal(batches.lastNumber(), 1, "number");
    equal(batches.lastEpoch(), b.epoch, "epoch");
    equal(batches.digestOf(1), digestOf(b), "digest");
  }

  function test_R19_batchesFormAChain() public {
    anchor(nextBatch());
    Batch memory second = nextBatch();
    equal(second.previous, batches.digestOf(1), "previous");
    anchor(second);
    equal(batches.lastNumber(), 2, "number");
  }

  function test_R19_refusesAReplay() public {
    Batch memory b = nextBatch();
    anchor(b);
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.WrongNumber.selector, 2, 1));
  }

  function test_R19_refusesAGap() public {
    Batch memory b = nextBatch();
    b.number = 2;
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.WrongNumber.selector, 1, 2));
    b.number = 0;
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.WrongNumber.selector, 1, 0));
  }

  function test_R19_ofTwoSignedProposalsOnlyTheFirstStands() public {
    Batch memory first = nextBatch();
    Batch memory second = nextBatch();
    second.data = keccak256("other leaves");
    anchor(first);
    anchorReverts(second, abi.encodeWithSelector(IBatchAnchor.WrongNumber.selector, 2, 1));
    Batch memory orphan = nextBatch();
    orphan.previous = digestOf(second);
    anchorReverts(
      orphan, abi.encodeWithSelector(IBatchAnchor.WrongPrevious.selector, digestOf(first), digestOf(second))
    );
  }

  function test_refusesAWrongPreviousForTheFirst() public {
    Batch memory b = nextBatch();
    b.previous = keccak256("made up");
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.WrongPrevious.selector, bytes32(0), b.previous));
  }

  function test_R13_moreThanTwoThirdsAnchorsAndTwoThirdsDoesNot() public {
    address[] memory verifiers = committee.places();
    manager.freeze(verifiers[0]);
    nextEpoch();
    open();
    Batch memory b = nextBatch();
    bytes memory two = sign(b, 3);
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.NoQuorum.selector, 2 * VERIFIER_STAKE, 3 * VERIFIER_STAKE));
    batches.anchor(b, 3, two);
    manager.stake(verifiers[1], Role.Verifier, uint128(committee.WEIGHT_UNIT()));
    passEpochs(2);
    open();
    b = nextBatch();
    bytes memory heavierTwo = sign(b, 3);
    batches.anchor(b, 3, heavierTwo);
    equal(batches.lastNumber(), 1, "one unit of weight more is more than 2/3");
  }

  function testFuzz_R13_quorumIsExactlyMoreThanTwoThirds(uint256 bitmap, uint256 seed) public {
    for (uint256 index; index < 4; ++index) {
      seed = uint256(keccak256(abi.encode(seed)));
      manager.stake(vm.addr(key("verifier", index)), Role.Verifier, uint128(bound(seed, 1, 9000e18)));
    }
    passEpochs(2);
    open();
    bitmap = bound(bitmap, 0, 15);
    Batch memory b = nextBatch();
    bytes memory sigs64 = sign(b, bitmap);
    (uint256 signed, uint256 total) = committee.weigh(b.epoch, false, digestOf(b), bitmap, sigs64);
    if (signed * 3 <= total * 2) {
      vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.NoQuorum.selector, signed, total));
    }
    batches.anchor(b, bitmap, sigs64);
    equal(batches.lastNumber(), signed * 3 > total * 2 ? 1 : 0, "anchored");
  }

  function test_refusesAChangedBatch() public {
    Batch memory b = nextBatch();
    bytes memory sigs64 = sign(b, ALL);
    b.settler = staked("settler", 1, Role.Settler, 5000e18);
    b.acceptedFee += 1;
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.SettlerNotStaked.selector, b.settler));
    batches.anchor(b, ALL, sigs64);
    b.settler = settler;
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    batches.anchor(b, ALL, sigs64);
  }

  function test_R19_aFrontRunnerCannotPutItselfIn() public {
    address thief = staked("settler", 1, Role.Settler, 5000e18);
    passEpochs(2);
    open();
    Batch memory b = nextBatch();
    bytes memory sigs64 = sign(b, ALL);
    b.settler = thief;
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    vm.prank(thief);
    batches.anchor(b, ALL, sigs64);
  }

  function test_R3_refusesSignaturesOfAnotherChain() public {
    Batch memory b = nextBatch();
    bytes memory sigs64 = sign(b, ALL);
    vm.chainId(84_532);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    batches.anchor(b, ALL, sigs64);
  }

  function test_R3_refusesSignaturesOfAnotherNetwork() public {
    Batch memory b = nextBatch();
    bytes32 elsewhere = Digests.toTyped(
      Digests.domainSeparator(block.chainid, address(manager), keccak256("another network")), harness.hashBatch(b)
    );
    bytes memory sigs64 = signaturesOf(b.epoch, elsewhere, ALL);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    batches.anchor(b, ALL, sigs64);
  }

  function test_refusesASettlerWithoutMaturedStake() public {
    Batch memory b = nextBatch();
    b.settler = register("settler", 1);
    bytes memory refused = abi.encodeWithSelector(IBatchAnchor.SettlerNotStaked.selector, b.settler);
    anchorReverts(b, refused);
    manager.stake(b.settler, Role.Settler, 5000e18);
    nextEpoch();
    open();
    b.epoch = epoch();
    anchorReverts(b, refused);
    nextEpoch();
    open();
    b.epoch = epoch();
    anchor(b);
  }

  function test_refusesASettlerFromTheMomentItUnstakes() public {
    Batch memory b = nextBatch();
    manager.requestUnstake(settler, Role.Settler, 5000e18);
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.SettlerNotStaked.selector, settler));
  }

  function test_acceptsTheCurrentEpochAndTheOneBefore() public {
    Batch memory b = nextBatch();
    bytes memory sigs64 = sign(b, ALL);
    nextEpoch();
    open();
    batches.anchor(b, ALL, sigs64);
    equal(batches.lastEpoch(), b.epoch, "the one before");
    anchor(nextBatch());
    Batch memory back = nextBatch();
    back.epoch -= 1;
    anchorReverts(back, abi.encodeWithSelector(IBatchAnchor.WrongEpoch.selector, back.epoch, back.epoch + 1));
  }

  function test_refusesOlderAndComingEpochs() public {
    Batch memory b = nextBatch();
    bytes memory sigs64 = sign(b, ALL);
    passEpochs(2);
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.WrongEpoch.selector, b.epoch, b.epoch + 2));
    batches.anchor(b, ALL, sigs64);
    b = nextBatch();
    b.epoch += 1;
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.WrongEpoch.selector, b.epoch, b.epoch - 1));
  }

  function test_R20_refusesACutoffAheadOfTheBlock() public {
    Batch memory b = nextBatch();
    uint256 nowMs = vm.getBlockTimestamp() * 1000;
    b.cutoff = uint64(nowMs + 2001);
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.CutoffInFuture.selector, b.cutoff, nowMs));
    b.cutoff = uint64(nowMs + 2000);
    anchor(b);
  }

  function test_refusesLeavesWithoutARootAndARootWithoutLeaves() public {
    Batch memory b = nextBatch();
    b.leaves = 1;
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.RootWithoutLeaves.selector));
    (b.leaves, b.checkpointsRoot) = (0, keccak256("root"));
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.RootWithoutLeaves.selector));
  }

  function test_anchorsWithTheLastSetWhileNoneIsOpenedAndThenStops() public {
    passEpochs(3);
    anchor(nextBatch());
    nextEpoch();
    Batch memory b = nextBatch();
    vm.expectRevert(abi.encodeWithSelector(ICommittee.NoSigningSet.selector, b.epoch));
    batches.anchor(b, ALL, "");
  }

  function checkpoint() private view returns (Checkpoint memory c) {
    c.operator = provider;
    c.sequence = 7;
    c.count = 3;
    c.receiptsRoot = keccak256("receipts");
    c.epoch = epoch();
  }

  function signCheckpoint(Checkpoint memory c, uint256 privateKey) private view returns (bytes memory) {
    return signature65(privateKey, Digests.toTyped(manager.domainSeparator(), harness.hashCheckpoint(c)));
  }

  function test_R20_forcesASignedCheckpointOnceByAnyone() public {
    Checkpoint memory c = checkpoint();
    bytes memory signature = signCheckpoint(c, keys[provider]);
    bytes32 digest = Digests.toTyped(manager.domainSeparator(), harness.hashCheckpoint(c));
    vm.expectEmit(true, true, true, true, address(batches));
    emit IBatchAnchor.CheckpointForced(digest, provider, 7, c, signature);
    vm.prank(address(0xA11CE));
    batches.force(c, signature);
    equal(batches.forcedAt(digest), vm.getBlockTimestamp(), "recorded");
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.AlreadyForced.selector, digest));
    batches.force(c, signature);
  }

  function test_R20_refusesToForceWhatTheStakedOperatorDidNotSign() public {
    Checkpoint memory c = checkpoint();
    bytes memory signature = signCheckpoint(c, key("stranger", 0));
    bytes memory bad = abi.encodeWithSelector(IBatchAnchor.BadOperatorSignature.selector, provider);
    vm.expectRevert(bad);
    batches.force(c, signature);
    vm.expectRevert(bad);
    batches.force(c, "");
    signature = signCheckpoint(c, keys[provider]);
    c.sequence = 8;
    vm.expectRevert(bad);
    batches.force(c, signature);
    c.operator = settler;
    signature = signCheckpoint(c, keys[settler]);
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.ProviderNotStaked.selector, settler));
    batches.force(c, signature);
  }

  function test_R8_forcesOnlyCheckpointsOf1To256Receipts() public {
    Checkpoint memory c = checkpoint();
    c.count = 0;
    bytes memory signature = signCheckpoint(c, keys[provider]);
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.WrongCount.selector, 0));
    batches.force(c, signature);
    c.count = 257;
    signature = signCheckpoint(c, keys[provider]);
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.WrongCount.selector, 257));
    batches.force(c, signature);
    c.count = 256;
    batches.force(c, signCheckpoint(c, keys[provider]));
  }

  function setDemands(address module) private {
    vm.prank(GOVERNANCE);
    params.setModule(Module.Demands, module);
    vm.warp(vm.getBlockTimestamp() + CHANGE_DELAY);
    if (!committee.isOpen(epoch())) open();
  }

  function test_audit14_aPauseStopsNewBatchesAlone() public {
    address late = staked("late", 0, Role.Verifier, VERIFIER_STAKE);
    Proved memory p = proved(0);
    setDemands(address(harness));
    vm.prank(GUARDIAN);
    params.pause(Module.BatchAnchor, 3 * EPOCH);
    Batch memory b = nextBatch();
    anchorReverts(b, abi.encodeWithSelector(IBatchAnchor.AnchorsPaused.selector));
    Checkpoint memory c = checkpoint();
    batches.force(c, signCheckpoint(c, keys[provider]));
    isTrue(batches.checkLeaf(p.b, p.l, p.lp), "leaves are proved");
    expectStatus(p, 0, IBatchAnchor.Status.Accepted, "receipts are proved");
    vm.prank(address(harness));
    batches.voidBatch(1);
    nextEpoch();
    open();
    committee.join(late, 0);
    isTrue(params.isPaused(Module.BatchAnchor), "all in the pause");
  }

  function test_audit14_aPauseEndsByItself() public {
    vm.prank(GUARDIAN);
    params.pause(Module.BatchAnchor, EPOCH / 2);
    vm.warp(vm.getBlockTimestamp() + EPOCH / 2 - 1);
    anchorReverts(nextBatch(), abi.encodeWithSelector(IBatchAnchor.AnchorsPaused.selector));
    vm.warp(vm.getBlockTimestamp() + 1);
    anchor(nextBatch());
  }

  function test_audit14_thePauseOfAnotherModuleDoesNotStopBatches() public {
    vm.prank(GUARDIAN);
    params.pause(Module.Demands, EPOCH);
    anchor(nextBatch());
  }

  function test_onlyTheModuleOfDemandsVoidsABatchAndOnce() public {
    anchor(nextBatch());
    anchor(nextBatch());
    address module = address(harness);
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.NotVoidable.selector, 1, module));
    vm.prank(module);
    batches.voidBatch(1);
    setDemands(module);
    address[4] memory others = [GOVERNANCE, GUARDIAN, address(this), settler];
    for (uint256 at; at < others.length; ++at) {
      vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.NotVoidable.selector, 1, others[at]));
      vm.prank(others[at]);
      batches.voidBatch(1);
    }
    isTrue(!batches.isVoid(1), "not yet");
    vm.expectEmit(true, true, true, true, address(batches));
    emit IBatchAnchor.BatchVoided(1);
    vm.prank(module);
    batches.voidBatch(1);
    isTrue(batches.isVoid(1) && !batches.isVoid(2), "the first alone");
    uint64[3] memory impossible = [uint64(0), 1, 3];
    for (uint256 at; at < impossible.length; ++at) {
      vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.NotVoidable.selector, impossible[at], module));
      vm.prank(module);
      batches.voidBatch(impossible[at]);
    }
    setDemands(address(committee));
    vm.expectRevert(abi.encodeWithSelector(IBatchAnchor.NotVoidable.selector, 2, module));
    vm.prank(module);
    batches.voidBatch(2);
    vm.prank(address(committee));
    batches.voidBatch(2);
  }

  function test_aVoidedBatchProvesNothingAndTheChainGoesOn() public {
    Proved memory p = proved(0);
    Proved memory kept = proved(1);
    setDemands(address(harness));
    vm.prank(address(harness));
    batches.voidBatch(1);
    isTrue(!batches.checkLeaf(p.b, p.l, p.lp), "leaf");
    expectStatus(p, 0, IBatchAnchor.Status.Voided, "receipt");
    p.b.acceptedFee += 1;
    expectStatus(p, 0, IBatchAnchor.Status.NotAnchored, "a changed batch was never there to be voided");
    isTrue(batches.checkLeaf(kept.b, kept.l, kept.lp), "the next stands");
    expectStatus(kept, 1, IBatchAnchor.Status.Rejected, "with its receipts");
    Batch memory b = nextBatch();
    equal(b.number, 3, "number");
    anchor(b);
    setDemands(address(harness));
    vm.prank(address(harness));
    batches.voidBatch(3);
    b = nextBatch();
    equal(b.previous, batches.digestOf(3), "built on a voided one");
    anchor(b);
  }

  /// @dev The log is written by hand: whoever reads it by the ABI must find the batch and its digest.
  function testFuzz_R19_theLogGivesTheBatchAndItsDigest(Batch memory b, uint256 bitmap) public {
    Batch memory next = nextBatch();
    (b.number, b.previous, b.epoch, b.settler) = (next.number, next.previous, next.epoch, settler);
    b.cutoff = uint64(bound(b.cutoff, 0, next.cutoff + 2000));
    if (b.leaves == 0) b.checkpointsRoot = 0;
    else if (b.checkpointsRoot == 0) b.leaves = 0;
    bitmap = bitmap % 2 == 0 ? ALL : ALL - (1 << bitmap % 4);
    bytes memory sigs64 = sign(b, bitmap);
    bytes32 digest = digestOf(b);
    vm.expectEmit(true, true, true, true, address(batches));
    emit IBatchAnchor.BatchAnchored(b.number, digest, settler, b, bitmap);
    batches.anchor(b, bitmap, sigs64);
    equal(batches.digestOf(1), digest, "digest");
  }

  /// @dev Bits past a member's width would be in the digest and the log, and readers of the log would stumble.
  function testFuzz_refusesBitsPastTheWidthOfAMember(uint256 member, uint256 bit) public {
    uint8[15] memory widths = [64, 0, 64, 160, 0, 32, 0, 0, 64, 32, 32, 128, 128, 0, 64];
    member = bound(member, 0, 14);
    uint256 width = widths[member];
    if (width == 0) (member, width) = (9, 32);
    bytes memory words = abi.encode(nextBatch());
    uint256 dirty = 1 << bound(bit, width, 255);
    assembly ("memory-safe") {
      let at := add(add(words, 0x20), shl(5, member))
      mstore(at, or(mload(at), dirty))
    }
    // Signed as it is: nothing but its form is wrong.
    bytes32 structHash = keccak256(bytes.concat(Digests.BATCH_TYPEHASH, words));
    bytes memory sigs64 = signaturesOf(epoch(), Digests.toTyped(manager.domainSeparator(), structHash), ALL);
    bytes memory rest = abi.encode(ALL, words.length + 64, sigs64.length);
    (bool accepted, bytes memory reason) =
      address(batches).call(bytes.concat(batches.anchor.selector, words, rest, sigs64));
    isTrue(!accepted, "refused");
    equal(reason.length, 0, "for its form");
    equal(batches.lastNumber(), 0, "nothing anchored");
  }

  struct Proved {
    Batch b;
    Leaf l;
    bytes32[] lp;
    Receipt r;
    bytes32[] rp;
  }

  /// @dev Three receipts: the first accepted, the second rejected, the third undecided; leaf 1 of two.
  function proved(uint8 index) private returns (Proved memory p) {
    bytes32[] memory receipts = new bytes32[](3);
    for (uint256 at; at < 3; ++at) {
      Receipt memory r;
      r.provider = provider;
      r.sequence = uint64(10 + at);
      receipts[at] = Digests.toTyped(manager.domainSeparator(), harness.hashReceipt(r));
      if (at == index) p.r = r;
    }
    bytes32[] memory tree = Trees.build(IndexedMerkle.RECEIPT, receipts);
    p.rp = Trees.proofOf(tree, index);
    p.l.index = 1;
    p.l.operator = provider;
    p.l.receiptsRoot = tree[0];
    p.l.count = 3;
    p.l.accepted = 1;
    p.l.rejected = 2;
    bytes32[] memory leaves = new bytes32[](2);
    leaves[0] = keccak256("another leaf");
    leaves[1] = harness.hashLeaf(p.l);
    tree = Trees.build(IndexedMerkle.CHECKPOINT, leaves);
    p.lp = Trees.proofOf(tree, 1);
    p.b = nextBatch();
    p.b.leaves = 2;
    p.b.checkpointsRoot = tree[0];
    anchor(p.b);
  }

  function expectStatus(Proved memory p, uint8 index, IBatchAnchor.Status expected, string memory what) private view {
    (IBatchAnchor.Status status, bool accepted) = batches.checkReceipt(p.b, p.l, p.lp, p.r, index, p.rp);
    equal(uint256(status), uint256(expected), what);
    isTrue(accepted == (expected == IBatchAnchor.Status.Accepted), what);
  }

  function test_R21_tellsTheVerdictOfAReceipt() public {
    expectStatus(proved(0), 0, IBatchAnchor.Status.Accepted, "accepted");
    expectStatus(proved(1), 1, IBatchAnchor.Status.Rejected, "rejected");
    expectStatus(proved(2), 2, IBatchAnchor.Status.Undecided, "undecided");
  }

  function test_R21_provesLeavesOfAnchoredBatchesAlone() public {
    Proved memory p = proved(0);
    isTrue(batches.checkLeaf(p.b, p.l, p.lp), "the leaf");
    bytes32[] memory none = new bytes32[](0);
    isTrue(!batches.checkLeaf(p.b, p.l, none), "without proof");
    p.l.accepted = 7;
    isTrue(!batches.checkLeaf(p.b, p.l, p.lp), "a changed leaf");
    expectStatus(p, 0, IBatchAnchor.Status.NotInBatch, "a changed leaf");
    p.l.accepted = 1;
    p.b.acceptedFee += 1;
    isTrue(!batches.checkLeaf(p.b, p.l, p.lp), "a changed batch");
    expectStatus(p, 0, IBatchAnchor.Status.NotAnchored, "a changed batch");
    Batch memory zero;
    isTrue(!batches.checkLeaf(zero, p.l, p.lp), "number zero");
    p.b = nextBatch();
    expectStatus(p, 0, IBatchAnchor.Status.NotAnchored, "a batch to come");
  }

  function test_R21_refusesForgedReceiptProofs() public {
    Proved memory p = proved(0);
    expectStatus(p, 1, IBatchAnchor.Status.NotInCheckpoint, "another index");
    expectStatus(p, 3, IBatchAnchor.Status.NotInCheckpoint, "past the count");
    p.r.fee += 1;
    expectStatus(p, 0, IBatchAnchor.Status.NotInCheckpoint, "a changed receipt");
    p.r.fee -= 1;
    p.rp = new bytes32[](0);
    expectStatus(p, 0, IBatchAnchor.Status.NotInCheckpoint, "without proof");
  }

  function test_audit15_refusesALeafPastTheSignedCount() public {
    bytes32[] memory leaves = new bytes32[](2);
    Leaf memory l;
    l.index = 1;
    leaves[1] = harness.hashLeaf(l);
    bytes32[] memory tree = Trees.build(IndexedMerkle.CHECKPOINT, leaves);
    Batch memory b = nextBatch();
    b.leaves = 1;
    b.checkpointsRoot = tree[0];
    anchor(b);
    isTrue(!batches.checkLeaf(b, l, Trees.proofOf(tree, 1)), "index equals the count");
  }

  /// @dev The tree holds more receipts than the leaf, which the signers signed, says.
  function test_audit15_refusesAReceiptPastTheSignedCount() public {
    bytes32[] memory receipts = new bytes32[](3);
    Proved memory p;
    p.r.provider = provider;
    receipts[2] = Digests.toTyped(manager.domainSeparator(), harness.hashReceipt(p.r));
    bytes32[] memory tree = Trees.build(IndexedMerkle.RECEIPT, receipts);
    p.rp = Trees.proofOf(tree, 2);
    (p.l.operator, p.l.receiptsRoot, p.l.accepted) = (provider, tree[0], 7);
    for (uint16 count = 2; count < 4; ++count) {
      p.l.count = count;
      bytes32[] memory leaves = new bytes32[](1);
      leaves[0] = harness.hashLeaf(p.l);
      p.b = nextBatch();
      p.b.leaves = 1;
      p.b.checkpointsRoot = Trees.build(IndexedMerkle.CHECKPOINT, leaves)[0];
      anchor(p.b);
      IBatchAnchor.Status status = count == 3 ? IBatchAnchor.Status.Accepted : IBatchAnchor.Status.NotInCheckpoint;
      expectStatus(p, 2, status, "third of the count");
    }
  }

  function test_R21_refusesAReceiptOfAnotherProviderInTheLeaf() public {
    Receipt memory r;
    r.provider = address(0xBAD);
    bytes32[] memory list = new bytes32[](1);
    list[0] = Digests.toTyped(manager.domainSeparator(), harness.hashReceipt(r));
    Proved memory p;
    p.r = r;
    p.l.operator = provider;
    p.l.count = 1;
    p.l.accepted = 1;
    p.l.receiptsRoot = Trees.build(IndexedMerkle.RECEIPT, list)[0];
    list[0] = harness.hashLeaf(p.l);
    p.b = nextBatch();
    p.b.leaves = 1;
    p.b.checkpointsRoot = Trees.build(IndexedMerkle.CHECKPOINT, list)[0];
    anchor(p.b);
    expectStatus(p, 0, IBatchAnchor.Status.NotInCheckpoint, "another provider");
  }

  function test_aReceiptMarkedBothWaysCountsAsRejected() public {
    Proved memory p = proved(0);
    p.l.rejected = 3;
    bytes32[] memory leaves = new bytes32[](2);
    leaves[1] = harness.hashLeaf(p.l);
    bytes32[] memory tree = Trees.build(IndexedMerkle.CHECKPOINT, leaves);
    p.lp = Trees.proofOf(tree, 1);
    p.b = nextBatch();
    p.b.leaves = 2;
    p.b.checkpointsRoot = tree[0];
    anchor(p.b);
    expectStatus(p, 0, IBatchAnchor.Status.Rejected, "both");
  }

  /// @dev A batch of `receiptCount` receipts in leaf `leafIndex` of `leafCount`, with random verdicts.
  function randomProof(uint256 seed, uint256 leafCount, uint256 leafIndex, uint256 receiptCount, uint256 receiptIndex)
    private
    returns (Proved memory p)
  {
    bytes32[] memory list = new bytes32[](receiptCount);
    for (uint256 at; at < receiptCount; ++at) {
      Receipt memory r;
      r.provider = provider;
      r.sequence = uint64(at);
      r.fee = uint128(seed);
      list[at] = Digests.toTyped(manager.domainSeparator(), harness.hashReceipt(r));
      if (at == receiptIndex) p.r = r;
    }
    bytes32[] memory tree = Trees.build(IndexedMerkle.RECEIPT, list);
    p.rp = Trees.proofOf(tree, receiptIndex);
    p.l.index = uint32(leafIndex);
    p.l.operator = provider;
    p.l.receiptsRoot = tree[0];
    p.l.count = uint16(receiptCount);
    p.l.accepted = uint256(keccak256(abi.encode(seed, "accepted")));
    p.l.rejected = uint256(keccak256(abi.encode(seed, "rejected"))) & ~p.l.accepted;
    list = new bytes32[](leafCount);
    for (uint256 at; at < leafCount; ++at) {
      list[at] = at == leafIndex ? harness.hashLeaf(p.l) : keccak256(abi.encode(seed, at));
    }
    tree = Trees.build(IndexedMerkle.CHECKPOINT, list);
    p.lp = Trees.proofOf(tree, leafIndex);
    p.b = nextBatch();
    p.b.leaves = uint32(leafCount);
    p.b.checkpointsRoot = tree[0];
    anchor(p.b);
  }

  function statusOf(Proved memory p, uint256 index) private view returns (IBatchAnchor.Status status) {
    (status,) = batches.checkReceipt(p.b, p.l, p.lp, p.r, uint8(index), p.rp);
  }

  function verdictOf(Proved memory p, uint256 index) private pure returns (IBatchAnchor.Status) {
    if (p.l.rejected >> index & 1 == 1) return IBatchAnchor.Status.Rejected;
    return p.l.accepted >> index & 1 == 1 ? IBatchAnchor.Status.Accepted : IBatchAnchor.Status.Undecided;
  }

  function mutated(bytes32[] memory proof, uint256 seed) private pure returns (bytes32[] memory other) {
    uint256 kind = seed % 4;
    if (proof.length == 0 || kind == 0) {
      other = new bytes32[](proof.length + 1);
      for (uint256 at; at < proof.length; ++at) {
        other[at] = proof[at];
      }
      other[proof.length] = keccak256(abi.encode(seed));
      return other;
    }
    other = new bytes32[](kind == 1 ? proof.length - 1 : proof.length);
    for (uint256 at; at < other.length; ++at) {
      other[at] = proof[at];
    }
    if (kind != 1) other[(seed >> 8) % proof.length] ^= bytes32(1 << (seed >> 16) % 256);
  }

  /// @dev Trees of every shape, odd ones too; one thing wrong at a time.
  function testFuzz_audit15_provesWhatIsThereAndNothingElse(uint256 seed, uint256 shape, uint256 wrong) public {
    uint256 leafCount = bound(shape, 1, 9);
    uint256 leafIndex = (shape >> 8) % leafCount;
    uint256 receiptCount = bound(shape >> 16, 1, 9);
    uint256 index = (shape >> 24) % receiptCount;
    Proved memory p = randomProof(seed, leafCount, leafIndex, receiptCount, index);
    isTrue(batches.checkLeaf(p.b, p.l, p.lp), "the leaf is there");
    equal(uint256(statusOf(p, index)), uint256(verdictOf(p, index)), "the receipt is there");
    wrong = bound(wrong, 0, 9);
    if (wrong == 0) p.lp = mutated(p.lp, seed);
    if (wrong == 1) p.l.index = uint32((leafIndex + 1 + seed % 8) % (leafCount + 8));
    if (wrong == 1 && p.l.index == leafIndex) p.l.index += 1;
    if (wrong == 2) p.l.operator = address(uint160(provider) ^ 1);
    if (wrong == 3) p.l.accepted ^= 1 << seed % 256;
    if (wrong == 4) p.l.count += 1;
    if (wrong < 5) {
      isTrue(!batches.checkLeaf(p.b, p.l, p.lp), "not this leaf");
      equal(uint256(statusOf(p, index)), uint256(IBatchAnchor.Status.NotInBatch), "nor its receipts");
      return;
    }
    if (wrong == 5) p.rp = mutated(p.rp, seed);
    if (wrong == 6) index = (index + 1 + seed % 255) % 256;
    if (wrong == 7) p.r.fee ^= uint128(1) << uint128(seed % 128);
    if (wrong == 8) p.r.provider = address(uint160(provider) ^ 1);
    if (wrong == 9) p.r.sequence += 1;
    isTrue(batches.checkLeaf(p.b, p.l, p.lp), "the leaf is there still");
    equal(uint256(statusOf(p, index)), uint256(IBatchAnchor.Status.NotInCheckpoint), "not this receipt");
  }

  /// @dev The leaf and its proof are right, the batch they are shown under is not theirs.
  function test_audit15_aLeafIsNotReplayedUnderAnotherBatch() public {
    Proved memory first = proved(0);
    Batch memory other = nextBatch();
    other.leaves = 2;
    other.checkpointsRoot = keccak256("another root");
    anchor(other);
    isTrue(!batches.checkLeaf(other, first.l, first.lp), "another batch");
    other.checkpointsRoot = first.b.checkpointsRoot;
    isTrue(!batches.checkLeaf(other, first.l, first.lp), "the root written into another batch");
    other = first.b;
    other.number = 2;
    isTrue(!batches.checkLeaf(other, first.l, first.lp), "the batch under another number");
    expectStatus(Proved(other, first.l, first.lp, first.r, first.rp), 0, IBatchAnchor.Status.NotAnchored, "receipt");
  }

  /// @dev A checkpoint's tree shown as the tree of leaves, and the other way round: the tags tell them apart.
  function test_audit15_aTreeOfOneKindProvesNothingOfAnother() public {
    Leaf memory l;
    l.operator = provider;
    l.count = 1;
    bytes32[] memory list = new bytes32[](1);
    list[0] = harness.hashLeaf(l);
    Batch memory b = nextBatch();
    b.leaves = 1;
    b.checkpointsRoot = Trees.build(IndexedMerkle.RECEIPT, list)[0];
    anchor(b);
    isTrue(!batches.checkLeaf(b, l, new bytes32[](0)), "of receipts");
    b = nextBatch();
    b.leaves = 1;
    b.checkpointsRoot = Trees.build(IndexedMerkle.CHECKPOINT, list)[0];
    anchor(b);
    isTrue(batches.checkLeaf(b, l, new bytes32[](0)), "of leaves");
  }

  /// @dev Naive trees take an inner node, 64 bytes, for a leaf. Here its hash would have to be that of a whole Leaf.
  function test_audit15_anInnerNodeIsNoLeaf() public {
    bytes32[] memory list = new bytes32[](4);
    Leaf memory l;
    list[0] = harness.hashLeaf(l);
    bytes32[] memory tree = Trees.build(IndexedMerkle.CHECKPOINT, list);
    Batch memory b = nextBatch();
    b.leaves = 4;
    b.checkpointsRoot = tree[0];
    anchor(b);
    isTrue(batches.checkLeaf(b, l, Trees.proofOf(tree, 0)), "a leaf");
    bytes32[] memory short = new bytes32[](1);
    short[0] = tree[1];
    isTrue(!batches.checkLeaf(b, l, short), "from the middle");
    isTrue(!batches.checkLeaf(b, l, new bytes32[](0)), "from the root");
  }
}
