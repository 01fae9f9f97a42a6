// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "../src/interfaces/IBatchAnchor.sol";
import {ICommittee} from "../src/interfaces/ICommittee.sol";
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

  function test_R21_refusesALeafPastTheSignedCount() public {
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
}
