// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Demands} from "../src/Demands.sol";
import {StakeManager} from "../src/StakeManager.sol";
import {IBatchAnchor} from "../src/interfaces/IBatchAnchor.sol";
import {ICommittee} from "../src/interfaces/ICommittee.sol";
import {IDemands} from "../src/interfaces/IDemands.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {IFeeSplitterFactory} from "../src/interfaces/IFeeSplitterFactory.sol";
import {IPaymentChannels} from "../src/interfaces/IPaymentChannels.sol";
import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Batch, Job, Leaf, Receipt, Role} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Answerable} from "./support/Answerable.sol";

contract DemandsTest is Answerable {
  uint256 private provided;
  uint256 private settled;

  function setUp() public {
    deployAnswerable();
    anchorBatch();
    provided = manager.slashableOf(provider, Role.Provider);
    settled = manager.slashableOf(settler, Role.Settler);
  }

  function expectState(uint64 id, IDemands.State state) private view {
    equal(uint8(demands.demandOf(id).state), uint8(state), "state");
  }

  function expectNobodyLost() private view {
    equal(manager.slashableOf(provider, Role.Provider), provided, "provider");
    equal(manager.slashableOf(settler, Role.Settler), settled, "settler");
    equal(manager.heldOf(provider, Role.Provider), 0, "held of the provider");
    equal(manager.heldOf(settler, Role.Settler), 0, "held of the settler");
    equal(opg.balanceOf(address(demands)), 0, "bonds");
  }

  function newSetup(uint64 period, uint128 bond) private pure returns (IDemands.Setup memory) {
    return IDemands.Setup(period, bond);
  }

  function answerLeaf(uint64 id, uint256 at) private {
    Leaf memory leaf = leaves[at];
    bytes32[] memory proof = leafProof(at);
    vm.prank(answerer);
    demands.answerLeaf(id, leaf, proof);
  }

  function answerReceipt(uint64 id, uint256 at, uint256 index) private {
    Receipt memory receipt = receipts[at][index];
    bytes32[] memory proof = receiptProof(at, index);
    vm.prank(answerer);
    demands.answerReceipt(id, receipt, proof);
  }

  function answerClaim(uint64 id, uint64 sequence) private {
    IDemands.ClaimAnswer memory answer = claimAnswer(receiptOf(sequence), jobOf(sequence));
    vm.prank(answerer);
    demands.answerClaim(id, answer);
  }

  function expectAnswerRefused(uint64 id, IDemands.ClaimAnswer memory answer, bytes memory reason) private {
    vm.expectRevert(reason);
    demands.answerClaim(id, answer);
  }

  function receiptRefused(uint256 at, uint8 index, bytes memory reason) private {
    IEvidence.AnchoredLeaf memory leaf = anchored(at);
    IEvidence.SignedCheckpoint memory checkpoint = signedCheckpoint(checkpoints[at]);
    vm.expectRevert(reason);
    demands.demandReceipt(leaf, checkpoint, index);
  }

  function challengeRefused(Receipt memory shown, bytes memory reason) private {
    IEvidence.SignedGrant memory grant = grantOf(key("provider", 0), SESSION_KEY);
    IEvidence.SignedReceipt memory signed = signedReceipt(shown);
    IPaymentChannels.ChannelConfig memory config = channelConfig();
    vm.expectRevert(reason);
    demands.challengeClaim(grant, signed, config);
  }

  function claimed(uint128 total) private {
    claimOnChain(channelConfig(), REQUESTER_KEY, total);
  }

  // Construction

  function test_refusesParametersOutOfRange() public {
    bytes memory invalid = abi.encodeWithSelector(IDemands.InvalidParameters.selector);
    vm.expectRevert(invalid);
    new Demands(IStakeManager(address(0)), params, batches, splitters, newSetup(5, 1));
    vm.expectRevert(invalid);
    new Demands(manager, IProtocolParams(address(0)), batches, splitters, newSetup(5, 1));
    vm.expectRevert(invalid);
    new Demands(manager, params, IBatchAnchor(address(0)), splitters, newSetup(5, 1));
    vm.expectRevert(invalid);
    new Demands(manager, params, batches, IFeeSplitterFactory(address(0)), newSetup(5, 1));
    vm.expectRevert(invalid);
    new Demands(manager, params, batches, splitters, newSetup(0, 1));
    vm.expectRevert(invalid);
    new Demands(manager, params, batches, splitters, newSetup(HOLD_PERIOD + 1, 1));
    vm.expectRevert(invalid);
    new Demands(manager, params, batches, splitters, newSetup(5, 0));
    vm.expectRevert(invalid);
    new Demands(manager, params, batches, splitters, newSetup(5, 1000e18 + 1));
    Demands widest = new Demands(manager, params, batches, splitters, newSetup(HOLD_PERIOD, 1000e18));
    equal(widest.answerPeriod(), HOLD_PERIOD, "period");
    equal(widest.bond(), 1000e18, "bond");
    equal(address(widest.feeSplitters()), address(splitters), "splitters");
    equal(address(widest.paymentChannels()), address(channels), "the channels that the splitters claim from");
  }

  function test_refusesAPeriodInWhichStakeCanLeave() public {
    IStakeManager.Setup memory setup = genesis();
    setup.holdPeriod = UNBONDING + 1;
    IStakeManager other = new StakeManagerMaker().make(setup);
    vm.expectRevert(abi.encodeWithSelector(IDemands.InvalidParameters.selector));
    new Demands(other, params, batches, splitters, newSetup(UNBONDING, 1));
    new Demands(other, params, batches, splitters, newSetup(UNBONDING - 1, 1));
  }

  // Leaves

  function test_R21_aDemandForALeafTakesTheBondAndHoldsNothingYet() public {
    uint256 before = opg.balanceOf(demander);
    uint64 deadline = uint64(vm.getBlockTimestamp()) + ANSWER_PERIOD;
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.LeafDemanded(1, 1, settler, 1, digestOf(batch), demander, deadline);
    uint64 id = demandLeaf(1);
    equal(id, 1, "ids count from 1");
    equal(demands.count(), 1, "count");
    equal(before - opg.balanceOf(demander), BOND, "bond");
    equal(opg.balanceOf(address(demands)), BOND, "bond held");
    equal(manager.heldOf(settler, Role.Settler), 0, "to be named keeps no stake");
    IDemands.Demand memory demand = demands.demandOf(id);
    equal(demand.demander, demander, "demander");
    equal(demand.accused, settler, "accused");
    equal(uint8(demand.kind), uint8(IDemands.Kind.Leaf), "kind");
    equal(demand.deadline, deadline, "deadline");
    equal(demands.standingOf(demands.leafSubject(digestOf(batch), 1)).open, id, "open");
  }

  function test_R21_whoRevealsTheLeafIsPaidTheBond() public {
    uint64 id = demandLeaf(1);
    vm.warp(vm.getBlockTimestamp() + ANSWER_PERIOD);
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.LeafRevealed(id, 1, answerer, leaves[1], leafProof(1));
    answerLeaf(id, 1);
    equal(opg.balanceOf(answerer), BOND, "paid");
    expectState(id, IDemands.State.Answered);
    expectNobodyLost();
    isTrue(!batches.isVoid(1), "the batch stands");
  }

  function test_R21_aLeafNobodyRevealsVoidsTheBatchAndTakesNoStakeYet() public {
    uint256 before = opg.balanceOf(demander);
    uint64 id = demandLeaf(0);
    passDeadline();
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.DemandExpired(id, settler, IDemands.State.Upheld, 0);
    vm.prank(address(0xA11));
    equal(demands.expire(id), 0, "nothing is seized");
    equal(opg.balanceOf(demander), before, "the bond is back");
    isTrue(batches.isVoid(1), "void");
    expectNobodyLost();
  }

  function test_R21_aSettlerThatSignedAndWithheldPays() public {
    uint64 id = withheldLeaf();
    bytes memory signature = settlerSignature();
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.SettlerCharged(id, settler, settled / 10);
    vm.prank(address(0xA11));
    equal(demands.chargeSettler(id, signature), settled / 10, "a tenth");
    equal(manager.slashableOf(settler, Role.Settler), settled - settled / 10, "seized");
    equal(manager.slashableOf(provider, Role.Provider), provided, "a provider is not asked for leaves");
    IStakeManager.Seizure memory seizure = manager.seizureOf(manager.caseKey(address(demands), demands.caseIdOf(id)));
    equal(seizure.reporter, demander, "the reporter is who demanded, not who charged");
    isTrue(seizure.role == Role.Settler, "role");
  }

  /// @dev Whatever a quorum signs, of a settler it can only use what the settler signed itself.
  function test_audit05_aCorruptQuorumThatNamesAnHonestSettlerTakesNothingFromIt() public {
    garbageBatch();
    uint64 id = demandLeaf(0);
    bytes32 digest = digestOf(batch);
    bytes[4] memory tried = [
      bytes(""),
      signature65(key("verifier", 0), digest),
      abi.encodePacked(signature65(key("verifier", 0), digest), signature65(key("verifier", 1), digest)),
      signature65(key("settler", 0), keccak256("an honest batch"))
    ];
    bytes memory refused = abi.encodeWithSelector(IDemands.BadSignature.selector, digest, settler);
    for (uint256 at; at < 4; ++at) {
      vm.expectRevert(refused);
      demands.holdSettler(id, tried[at]);
    }
    passDeadline();
    equal(demands.expire(id), 0, "nothing");
    for (uint256 at; at < 4; ++at) {
      vm.expectRevert(refused);
      demands.chargeSettler(id, tried[at]);
    }
    isTrue(batches.isVoid(2), "its batch is void");
    expectNobodyLost();
    manager.requestUnstake(settler, Role.Settler, SETTLER_STAKE);
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    manager.withdraw(settler, Role.Settler);
    equal(manager.slashableOf(settler, Role.Settler), 0, "and no stake of it stays behind");
    bytes memory all = signaturesOf(batch.epoch, digest, ALL_SIGNERS);
    equal(demands.chargeSigners(id, batch.epoch, ALL_SIGNERS, all), 4 * (VERIFIER_STAKE / 100), "the quorum pays");
  }

  /// @dev A batch with a leaf that nobody has, as a quorum can anchor one in anybody's name.
  function garbageBatch() private {
    Batch memory b = batch;
    b.number = 2;
    b.previous = digestOf(batch);
    b.checkpointsRoot = keccak256("nobody knows what is under this");
    b.leaves = 1;
    b.cutoff = nowMs();
    batches.anchor(b, ALL_SIGNERS, signaturesOf(b.epoch, digestOf(b), ALL_SIGNERS));
    batch = b;
  }

  function withheldLeaf() private returns (uint64 id) {
    id = demandLeaf(0);
    passDeadline();
    demands.expire(id);
  }

  function test_aSettlerIsChargedOnceHoweverManyLeavesAreMissing() public {
    uint64 first = demandLeaf(0);
    uint64 second = demandLeaf(1);
    bytes memory signature = settlerSignature();
    passDeadline();
    demands.expire(first);
    demands.expire(second);
    expectState(second, IDemands.State.Lapsed);
    demands.chargeSettler(first, signature);
    bytes32 caseKey = manager.caseKey(address(demands), demands.caseIdOf(first));
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.CaseKnown.selector, caseKey));
    demands.chargeSettler(first, signature);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, second, IDemands.State.Lapsed));
    demands.chargeSettler(second, signature);
    equal(manager.slashableOf(settler, Role.Settler), settled - settled / 10, "once");
  }

  function test_aSettlerIsChargedForWhatWasUpheldAlone() public {
    uint64 id = demandLeaf(0);
    bytes memory signature = settlerSignature();
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, id, IDemands.State.Open));
    demands.chargeSettler(id, signature);
    answerLeaf(id, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, id, IDemands.State.Answered));
    demands.chargeSettler(id, signature);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongKind.selector, 99, IDemands.Kind.None));
    demands.chargeSettler(99, signature);
    uint64 receipt = demandReceipt(0, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongKind.selector, receipt, IDemands.Kind.Receipt));
    demands.holdSettler(receipt, signature);
    passDeadline();
    demands.expire(receipt);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongKind.selector, receipt, IDemands.Kind.Receipt));
    demands.chargeSettler(receipt, signature);
  }

  function test_audit15_aSettlersSignatureOfAnotherBatchOrNetworkChargesNothing() public {
    bytes memory first = settlerSignature();
    anchorBatch();
    uint64 id = withheldLeaf();
    settlerRefused(id, first);
    bytes32 structHash = harness.hashBatch(batch);
    uint256 signerKey = key("settler", 0);
    bytes32 salt = manager.networkId();
    bytes32[3] memory separators = [
      Digests.domainSeparator(block.chainid + 1, address(manager), salt),
      Digests.domainSeparator(block.chainid, address(demands), salt),
      Digests.domainSeparator(block.chainid, address(manager), keccak256("another network"))
    ];
    for (uint256 at; at < 3; ++at) {
      settlerRefused(id, signature65(signerKey, Digests.toTyped(separators[at], structHash)));
    }
    settlerRefused(id, signature65(signerKey, structHash));
    demands.chargeSettler(id, settlerSignature());
  }

  /// @dev Of one signature there is one form.
  function test_audit15_aMalleableOrMisshapenSettlersSignatureChargesNothing() public {
    uint64 id = withheldLeaf();
    bytes32 digest = digestOf(batch);
    (uint8 v, bytes32 r, bytes32 s) = vm.sign(key("settler", 0), digest);
    uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    settlerRefused(id, abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27)));
    settlerRefused(id, abi.encodePacked(r, s));
    settlerRefused(id, abi.encodePacked(r, s, v, uint8(0)));
    settlerRefused(id, abi.encodePacked(r, s, v - 27));
    settlerRefused(id, new bytes(65));
    demands.chargeSettler(id, abi.encodePacked(r, s, v));
  }

  function settlerRefused(uint64 id, bytes memory signature) private {
    vm.expectRevert(abi.encodeWithSelector(IDemands.BadSignature.selector, digestOf(batch), settler));
    demands.chargeSettler(id, signature);
    equal(manager.slashableOf(settler, Role.Settler), settled, "nothing");
  }

  /// @dev The key that signed is the one the batch names; its stake went on to another.
  function test_R1_aSettlerAnswersForTheKeyItRotatedFrom() public {
    address next = vm.addr(key("next settler", 0));
    bytes32 consent = Digests.hashRotation(settler, next, address(this), type(uint256).max);
    manager.rotate(settler, next, type(uint256).max, signature65(key("next settler", 0), digestOfHash(consent)));
    uint64 id = demandLeaf(0);
    bytes memory byTheNewKey = signature65(key("next settler", 0), digestOf(batch));
    bytes memory refused = abi.encodeWithSelector(IDemands.BadSignature.selector, digestOf(batch), settler);
    vm.expectRevert(refused);
    demands.holdSettler(id, byTheNewKey);
    equal(demands.holdSettler(id, settlerSignature()), settled / 10, "held");
    equal(manager.heldOf(next, Role.Settler), settled / 10, "of the new key");
    passDeadline();
    demands.expire(id);
    vm.expectRevert(refused);
    demands.chargeSettler(id, byTheNewKey);
    equal(demands.chargeSettler(id, settlerSignature()), settled / 10, "seized");
    equal(manager.slashableOf(next, Role.Settler), settled - settled / 10, "from the new key");
  }

  function test_R21_aSettlerThatSignedIsHeldAndCannotLeaveBeforeItIsCharged() public {
    manager.requestUnstake(settler, Role.Settler, SETTLER_STAKE);
    vm.warp(vm.getBlockTimestamp() + UNBONDING - 1);
    uint64 id = demandLeaf(0);
    equal(demands.holdSettler(id, settlerSignature()), settled / 10, "a tenth");
    passDeadline();
    manager.withdraw(settler, Role.Settler);
    equal(manager.slashableOf(settler, Role.Settler), settled / 10, "what is held stays");
    demands.expire(id);
    equal(manager.heldOf(settler, Role.Settler), settled / 10, "until it is charged");
    equal(demands.chargeSettler(id, settlerSignature()), settled / 10, "what was held, all that is left");
    equal(manager.heldOf(settler, Role.Settler), 0, "the hold ended");
  }

  function test_aSettlerIsHeldOnceByAnOpenDemand() public {
    uint64 id = demandLeaf(0);
    bytes memory signature = settlerSignature();
    demands.holdSettler(id, signature);
    bytes32 caseKey = manager.caseKey(address(demands), demands.caseIdOf(id));
    vm.expectRevert(abi.encodeWithSelector(IStakeManager.CaseKnown.selector, caseKey));
    demands.holdSettler(id, signature);
    answerLeaf(id, 0);
    expectNobodyLost();
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, id, IDemands.State.Answered));
    demands.holdSettler(id, signature);
    uint64 upheld = demandLeaf(1);
    passDeadline();
    demands.expire(upheld);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, upheld, IDemands.State.Upheld));
    demands.holdSettler(upheld, signature);
  }

  function test_aHoldOfASettlerEndsWithADemandThatLapses() public {
    uint64 first = demandLeaf(0);
    uint64 second = demandLeaf(1);
    demands.holdSettler(second, settlerSignature());
    passDeadline();
    demands.expire(first);
    demands.expire(second);
    equal(manager.heldOf(settler, Role.Settler), 0, "nothing is held");
  }

  function test_audit14_aSettlerNobodyChargesIsReleasedInItsTime() public {
    uint64 id = demandLeaf(0);
    demands.holdSettler(id, settlerSignature());
    passDeadline();
    demands.expire(id);
    bytes32 caseKey = manager.caseKey(address(demands), demands.caseIdOf(id));
    vm.warp(manager.holdOf(caseKey).until);
    vm.prank(address(0xA11));
    manager.release(caseKey);
    equal(manager.heldOf(settler, Role.Settler), 0, "released by anyone");
    equal(demands.chargeSettler(id, settlerSignature()), settled / 10, "and still liable");
  }

  function test_refusesLeavesThatAreNotThere() public {
    vm.expectRevert(abi.encodeWithSelector(IDemands.IndexOutOfRange.selector, 2, 2));
    demandLeaf(2);
    Batch memory b = batch;
    b.settler = provider;
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotAnchored.selector, 1));
    demands.demandLeaf(b, 0);
    b = batch;
    b.number = 2;
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotAnchored.selector, 2));
    demands.demandLeaf(b, 0);
  }

  function test_refusesLeavesOfAVoidBatch() public {
    uint64 id = demandLeaf(0);
    passDeadline();
    demands.expire(id);
    vm.expectRevert(abi.encodeWithSelector(IDemands.BatchVoid.selector, 1));
    demandLeaf(1);
  }

  function test_aBatchIsVoidedOnceHoweverManyOfItsLeavesAreMissing() public {
    uint64 first = demandLeaf(0);
    uint64 second = demandLeaf(1);
    passDeadline();
    demands.expire(second);
    demands.expire(first);
    expectState(second, IDemands.State.Upheld);
    expectState(first, IDemands.State.Lapsed);
    expectNobodyLost();
  }

  function test_aLeafOfABatchThatBecameVoidCanStillBeRevealed() public {
    uint64 first = demandLeaf(0);
    vm.warp(vm.getBlockTimestamp() + ANSWER_PERIOD);
    uint64 second = demandLeaf(1);
    vm.warp(vm.getBlockTimestamp() + 1);
    demands.expire(first);
    answerLeaf(second, 1);
    equal(opg.balanceOf(answerer), BOND, "paid");
    equal(manager.heldOf(settler, Role.Settler), 0, "released");
  }

  function test_R21_signersOfAVoidedBatchLoseTheirShareOnceEach() public {
    uint64 id = demandLeaf(0);
    passDeadline();
    demands.expire(id);
    (ICommittee.Seat[] memory seats,) = committee.signingSet(batch.epoch);
    bytes memory two = signaturesOf(batch.epoch, digestOf(batch), 5);
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.SignerCharged(id, seats[0].verifier, VERIFIER_STAKE / 100);
    equal(demands.chargeSigners(id, batch.epoch, 5, two), 2 * (VERIFIER_STAKE / 100), "two of four");
    bytes memory all = signaturesOf(batch.epoch, digestOf(batch), ALL_SIGNERS);
    equal(demands.chargeSigners(id, batch.epoch, ALL_SIGNERS, all), 2 * (VERIFIER_STAKE / 100), "the other two");
    equal(demands.chargeSigners(id, batch.epoch, ALL_SIGNERS, all), 0, "nobody twice");
    for (uint256 seat; seat < 4; ++seat) {
      equal(
        manager.slashableOf(seats[seat].verifier, Role.Verifier), VERIFIER_STAKE - VERIFIER_STAKE / 100, "one per cent"
      );
    }
    IStakeManager.Seizure memory seizure =
      manager.seizureOf(manager.caseKey(address(demands), keccak256(abi.encode(id, seats[0].verifier))));
    equal(seizure.reporter, demander, "reporter");
  }

  function test_signersAreChargedByTheirSignaturesAlone() public {
    uint64 id = demandLeaf(0);
    bytes memory good = signaturesOf(batch.epoch, digestOf(batch), 1);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, id, IDemands.State.Open));
    demands.chargeSigners(id, batch.epoch, 1, good);
    passDeadline();
    demands.expire(id);
    bytes memory forged = signaturesOf(batch.epoch, keccak256("another batch"), 1);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.BadSignature.selector, 0));
    demands.chargeSigners(id, batch.epoch, 1, forged);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.WrongSignatureLength.selector, 128, 64));
    demands.chargeSigners(id, batch.epoch, 3, good);
    equal(demands.chargeSigners(id, batch.epoch, 0, ""), 0, "nobody named, nobody charged");
  }

  function test_R13_signersOfACarriedSetAreToldByTheEpochItWasCarriedFrom() public {
    nextEpoch();
    anchorBatch();
    uint64 carriedFrom = batch.epoch - 1;
    bytes memory all = signaturesOf(batch.epoch, digestOf(batch), ALL_SIGNERS);
    manager.freeze(vm.addr(key("verifier", 0)));
    nextEpochIsOpenedLate();
    uint64 id = demandLeaf(0);
    passDeadline();
    demands.expire(id);
    vm.expectRevert(abi.encodeWithSelector(ICommittee.UnknownSeat.selector, ALL_SIGNERS, 3));
    demands.chargeSigners(id, batch.epoch, ALL_SIGNERS, all);
    equal(demands.chargeSigners(id, carriedFrom, ALL_SIGNERS, all), 4 * (VERIFIER_STAKE / 100), "all four");
  }

  /// @dev In the epoch the batch was anchored in.
  function nextEpochIsOpenedLate() private {
    equal(manager.currentEpoch(), batch.epoch, "the same epoch");
    open();
  }

  function test_signersAreNotChargedForADemandThatLapsed() public {
    uint64 first = demandLeaf(0);
    uint64 second = demandLeaf(1);
    passDeadline();
    demands.expire(first);
    demands.expire(second);
    bytes memory all = signaturesOf(batch.epoch, digestOf(batch), ALL_SIGNERS);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, second, IDemands.State.Lapsed));
    demands.chargeSigners(second, batch.epoch, ALL_SIGNERS, all);
  }

  function test_signersAreNotChargedForReceipts() public {
    uint64 id = demandReceipt(0, 0);
    passDeadline();
    demands.expire(id);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongKind.selector, id, IDemands.Kind.Receipt));
    demands.chargeSigners(id, batch.epoch, 1, "");
  }

  function test_aSettlerWithNothingLeftIsHeldToItsBatchAllTheSame() public {
    manager.requestUnstake(settler, Role.Settler, SETTLER_STAKE);
    vm.warp(vm.getBlockTimestamp() + UNBONDING);
    manager.withdraw(settler, Role.Settler);
    uint64 id = demandLeaf(0);
    passDeadline();
    demands.expire(id);
    expectState(id, IDemands.State.Upheld);
    equal(demands.chargeSettler(id, settlerSignature()), 0, "nothing to take");
    isTrue(batches.isVoid(1), "void");
    equal(opg.balanceOf(address(demands)), 0, "bond back");
  }

  function test_leavesAreDemandedAsLongAsTheirMakersCanLose() public {
    uint256 until = demands.demandableUntil(batch.epoch);
    equal(until, manager.genesisTimestamp() + (batch.epoch + 2) * EPOCH + UNBONDING, "until");
    vm.warp(until);
    demandLeaf(0);
    vm.warp(until + 1);
    vm.expectRevert(abi.encodeWithSelector(IDemands.TooOld.selector, batch.epoch, until));
    demandLeaf(1);
    IEvidence.AnchoredLeaf memory leaf = anchored(1);
    IEvidence.SignedCheckpoint memory checkpoint = signedCheckpoint(checkpoints[1]);
    vm.expectRevert(abi.encodeWithSelector(IDemands.TooOld.selector, batch.epoch, until));
    demands.demandReceipt(leaf, checkpoint, 0);
  }

  // Receipts

  function test_R21_whoRevealsTheReceiptIsPaidTheBond() public {
    uint64 deadline = uint64(vm.getBlockTimestamp()) + ANSWER_PERIOD;
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.ReceiptDemanded(1, leaves[1].checkpoint, provider, 2, demander, deadline);
    uint64 id = demandReceipt(1, 2);
    equal(manager.heldOf(provider, Role.Provider), provided / 20, "held");
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.ReceiptRevealed(id, leaves[1].checkpoint, answerer, receipts[1][2], receiptProof(1, 2));
    answerReceipt(id, 1, 2);
    equal(opg.balanceOf(answerer), BOND, "paid");
    expectNobodyLost();
  }

  function test_R21_aReceiptNobodyRevealsCostsTheProvider() public {
    uint64 id = demandReceipt(0, 1);
    passDeadline();
    equal(demands.expire(id), provided / 20, "five per cent");
    equal(manager.slashableOf(provider, Role.Provider), provided - provided / 20, "seized");
    equal(demands.punishedAt(IDemands.Kind.Receipt, provider), vm.getBlockTimestamp(), "punished");
    isTrue(!batches.isVoid(1), "the batch stands");
    receiptRefused(
      0, 1, abi.encodeWithSelector(IDemands.Closed.selector, demands.receiptSubject(leaves[0].checkpoint, 1))
    );
  }

  function test_aReceiptOutsideTheCheckpointIsNotDemanded() public {
    receiptRefused(0, 3, abi.encodeWithSelector(IDemands.IndexOutOfRange.selector, 3, 3));
  }

  function test_R21_aSigningSetCannotPutACheckpointIntoAnOperatorsMouth() public {
    address framer = staked("framer", 0, Role.Provider, 10_000e18);
    checkpoints[0].operator = provider;
    checkpoints[0].receiptsRoot = keccak256("receipts that never were");
    bytes32 digest = digestOfHash(harness.hashCheckpoint(checkpoints[0]));
    leaves[0].checkpoint = digest;
    IEvidence.SignedCheckpoint memory forged = signedCheckpoint(checkpoints[0]);
    forged.signature = signature65(keys[framer], digest);
    IEvidence.AnchoredLeaf memory leaf = anchored(0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.BadSignature.selector, digest, provider));
    demands.demandReceipt(leaf, forged, 0);
    forged.signature = hex"1234";
    vm.expectRevert(abi.encodeWithSelector(IDemands.BadSignature.selector, digest, provider));
    demands.demandReceipt(leaf, forged, 0);
  }

  function test_aCheckpointIsDemandedOfTheLeafThatNamesIt() public {
    IEvidence.AnchoredLeaf memory leaf = anchored(0);
    IEvidence.SignedCheckpoint memory other = signedCheckpoint(checkpoints[1]);
    vm.expectRevert(
      abi.encodeWithSelector(IDemands.WrongCheckpoint.selector, leaves[1].checkpoint, leaves[0].checkpoint)
    );
    demands.demandReceipt(leaf, other, 0);
    leaf.leaf.accepted = 0;
    other = signedCheckpoint(checkpoints[0]);
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotAnchored.selector, 1));
    demands.demandReceipt(leaf, other, 0);
  }

  function test_audit05_oneSilenceCostsOnePenaltyAndWhatLapsedCanBeDemandedAnew() public {
    uint64 first = demandReceipt(0, 0);
    uint64 second = demandReceipt(1, 1);
    vm.warp(vm.getBlockTimestamp() + 1);
    uint64 third = demandReceipt(1, 2);
    vm.warp(vm.getBlockTimestamp() + ANSWER_PERIOD);
    demands.expire(first);
    equal(demands.expire(second), 0, "the same silence");
    expectState(second, IDemands.State.Lapsed);
    vm.warp(vm.getBlockTimestamp() + 1);
    equal(demands.expire(third), 0, "demanded before the seizure");
    equal(manager.slashableOf(provider, Role.Provider), provided - provided / 20, "one penalty");
    equal(manager.heldOf(provider, Role.Provider), 0, "nothing is held");

    uint64 again = demandReceipt(1, 1);
    isTrue(again != second, "a new case");
    passDeadline();
    equal(demands.expire(again), (provided - provided / 20) / 20, "silent again, punished again");
  }

  function test_R1_anOperatorAnswersForTheKeyItRotatedFrom() public {
    uint64 id = demandReceipt(0, 0);
    uint64 other = demandReceipt(0, 1);
    address to = vm.addr(key("rotated", 0));
    uint256 deadline = vm.getBlockTimestamp() + 1;
    manager.rotate(provider, to, deadline, rotationConsent(to, deadline));
    passDeadline();
    equal(demands.expire(id), provided / 20, "from where the stake is now");
    equal(manager.slashableOf(to, Role.Provider), provided - provided / 20, "the new key");
    equal(demands.expire(other), 0, "one silence, whatever the key");
    equal(demands.punishedAt(IDemands.Kind.Receipt, to), vm.getBlockTimestamp(), "under the new key");
  }

  function rotationConsent(address to, uint256 deadline) private view returns (bytes memory) {
    bytes32 structHash = keccak256(
      abi.encode(
        keccak256("Rotation(address from,address to,address owner,uint256 deadline)"),
        provider,
        to,
        address(this),
        deadline
      )
    );
    return signature65(key("rotated", 0), digestOfHash(structHash));
  }

  // Claims

  function test_R25_whoShowsWhatAClaimWasEarnedWithIsPaidTheBond() public {
    claimed(3e18);
    Receipt memory shown = receiptOf(0);
    uint64 deadline = uint64(vm.getBlockTimestamp()) + ANSWER_PERIOD;
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.ClaimChallenged(1, channelId(), provider, 3e18, 1e18, demander, deadline);
    uint64 id = challenge(shown);
    equal(manager.heldOf(provider, Role.Provider), provided / 10, "a tenth is held");
    IDemands.ClaimAnswer memory answer = claimAnswer(receiptOf(2), jobOf(2));
    vm.expectEmit(true, true, true, true, address(demands));
    emit IDemands.ClaimRevealed(id, channelId(), answerer, answer);
    answerClaim(id, 2);
    equal(opg.balanceOf(answerer), BOND, "paid");
    expectNobodyLost();
    equal(demands.standingOf(demands.claimSubject(provider, channelId())).claimed, 3e18, "settled up to here");
  }

  function test_R25_aClaimNobodyExplainsCostsTheProvider() public {
    claimed(3e18);
    uint64 id = challenge(receiptOf(1));
    passDeadline();
    equal(demands.expire(id), provided / 10, "a tenth");
    equal(demands.punishedAt(IDemands.Kind.Claim, provider), vm.getBlockTimestamp(), "punished");
    equal(demands.punishedAt(IDemands.Kind.Receipt, provider), 0, "for this alone");
  }

  function test_R25_refusesAClaimThatWasCharged() public {
    claimed(2e18);
    challengeRefused(receiptOf(1), abi.encodeWithSelector(IDemands.NotOverclaimed.selector, 2e18, 2e18));
  }

  function test_R25_whatIsClaimedLaterIsNoPartOfTheQuestion() public {
    claimed(2e18);
    uint64 id = challenge(receiptOf(0));
    claimed(3e18);
    answerClaim(id, 1);
    expectState(id, IDemands.State.Answered);
  }

  function test_audit05_everyHigherClaimIsACaseAndNoneIsAskedTwice() public {
    claimed(2e18);
    uint64 first = challenge(receiptOf(0));
    challengeRefused(receiptOf(0), abi.encodeWithSelector(IDemands.AlreadyDemanded.selector, first));
    answerClaim(first, 1);
    challengeRefused(
      receiptOf(0), abi.encodeWithSelector(IDemands.Closed.selector, demands.claimSubject(provider, channelId()))
    );
    claimed(3e18);
    uint64 second = challenge(receiptOf(0));
    passDeadline();
    equal(demands.expire(second), provided / 10, "seized");
    challengeRefused(
      receiptOf(0), abi.encodeWithSelector(IDemands.Closed.selector, demands.claimSubject(provider, channelId()))
    );
    claimed(4e18);
    vm.warp(vm.getBlockTimestamp() + 1);
    uint64 third = challenge(receiptOf(0));
    passDeadline();
    equal(demands.expire(third), (provided - provided / 10) / 10, "and again");
  }

  function test_R25_aRequesterCannotFrameAProviderWithAChannelToItself() public {
    IPaymentChannels.ChannelConfig memory own = configOf(requester, requester, "own");
    own.receiver = requester;
    claimOnChain(own, REQUESTER_KEY, 5e18);
    Receipt memory shown = receiptOf(0);
    shown.channel = channels.getChannelId(own);
    IEvidence.SignedReceipt memory signed = signedReceipt(shown);
    IEvidence.SignedGrant memory grant = grantOf(key("provider", 0), SESSION_KEY);
    vm.expectRevert(abi.encodeWithSelector(IDemands.ForeignChannel.selector, shown.channel));
    demands.challengeClaim(grant, signed, own);
  }

  /// @dev All is the provider's but where the money goes: a payer that receives it claims from itself, in silence.
  function test_R25_aRequesterCannotFrameAProviderWithAChannelThatPaysNotItsSplitter() public {
    address other = staked("other provider", 0, Role.Provider, 10_000e18);
    address[4] memory receivers = [requester, provider, address(0xB0B), splitters.splitterOf(other)];
    IEvidence.SignedGrant memory grant = grantOf(key("provider", 0), SESSION_KEY);
    for (uint256 at; at < 4; ++at) {
      IPaymentChannels.ChannelConfig memory own = channelConfig();
      own.receiver = receivers[at];
      claimOnChain(own, REQUESTER_KEY, 5e18);
      Receipt memory shown = receiptOf(0);
      shown.channel = channels.getChannelId(own);
      IEvidence.SignedReceipt memory signed = signedReceipt(shown);
      vm.expectRevert(abi.encodeWithSelector(IDemands.ForeignChannel.selector, shown.channel));
      demands.challengeClaim(grant, signed, own);
    }
    equal(manager.heldOf(provider, Role.Provider), 0, "nothing is held");
  }

  /// @dev A channel keeps its splitter, its key and its provider's liability; the new key has a splitter of its own.
  function test_R25_aChannelOfAKeyThatWasRotatedIsChallengedByItsOwnSplitter() public {
    claimed(5e18);
    address next = vm.addr(key("rotated", 0));
    manager.rotate(provider, next, type(uint256).max, rotationConsent(next, type(uint256).max));
    uint64 id = challenge(receiptOf(0));
    equal(manager.heldOf(next, Role.Provider), provided / 10, "held of the new key");
    passDeadline();
    equal(demands.expire(id), provided / 10, "seized");
    equal(manager.slashableOf(next, Role.Provider), provided - provided / 10, "from the new key");

    IPaymentChannels.ChannelConfig memory moved = channelConfig();
    moved.receiver = splitters.splitterOf(next);
    Receipt memory shown = receiptOf(0);
    shown.channel = channels.getChannelId(moved);
    IEvidence.SignedReceipt memory signed = signedReceipt(shown);
    IEvidence.SignedGrant memory grant = grantOf(key("provider", 0), SESSION_KEY);
    vm.expectRevert(abi.encodeWithSelector(IDemands.ForeignChannel.selector, shown.channel));
    demands.challengeClaim(grant, signed, moved);
  }

  function test_R25_aProviderCannotFrameAnother() public {
    claimed(5e18);
    uint256 framerKey = key("framer", 0);
    staked("framer", 0, Role.Provider, 10_000e18);
    IEvidence.SignedGrant memory grant = grantOf(framerKey, 0xF4A);
    IPaymentChannels.ChannelConfig memory config = channelConfig();
    Receipt memory forged = receiptOf(0);
    forged.chargedAfter = 0;

    IEvidence.SignedReceipt memory signed = signedReceipt(forged);
    bytes32 expected = digestOfHash(harness.hashSessionGrant(grant.grant));
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongGrant.selector, expected, forged.grant));
    demands.challengeClaim(grant, signed, config);

    forged.grant = expected;
    signed.receipt = forged;
    signed.signature = signature65(0xF4A, digestOfHash(harness.hashReceipt(forged)));
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongProvider.selector, vm.addr(framerKey), provider));
    demands.challengeClaim(grant, signed, config);

    forged.provider = vm.addr(framerKey);
    signed.receipt = forged;
    signed.signature = signature65(0xF4A, digestOfHash(harness.hashReceipt(forged)));
    vm.expectRevert(abi.encodeWithSelector(IDemands.ForeignChannel.selector, forged.channel));
    demands.challengeClaim(grant, signed, config);
  }

  function test_R4_aReceiptCountsOnlyWithTheGrantOfItsKey() public {
    claimed(5e18);
    Receipt memory shown = receiptOf(0);
    IPaymentChannels.ChannelConfig memory config = channelConfig();
    IEvidence.SignedReceipt memory signed = signedReceipt(shown);
    IEvidence.SignedGrant memory grant = grantOf(key("provider", 0), SESSION_KEY);
    bytes memory good = grant.signature;
    grant.signature = signature65(key("stranger", 0), grantDigest());
    vm.expectRevert(abi.encodeWithSelector(IDemands.BadSignature.selector, grantDigest(), provider));
    demands.challengeClaim(grant, signed, config);
    grant.signature = good;
    bytes32 digest = digestOfHash(harness.hashReceipt(shown));
    signed.signature = signature65(key("stranger", 0), digest);
    vm.expectRevert(abi.encodeWithSelector(IDemands.BadSignature.selector, digest, vm.addr(SESSION_KEY)));
    demands.challengeClaim(grant, signed, config);
  }

  function test_R25_theChannelShownIsTheReceiptsAndTheRequestersOwn() public {
    claimed(5e18);
    IEvidence.SignedGrant memory grant = grantOf(key("provider", 0), SESSION_KEY);
    IEvidence.SignedReceipt memory signed = signedReceipt(receiptOf(0));
    IPaymentChannels.ChannelConfig memory other = configOf(requester, provider, "other");
    vm.expectRevert(
      abi.encodeWithSelector(IDemands.WrongChannel.selector, channels.getChannelId(other), signed.receipt.channel)
    );
    demands.challengeClaim(grant, signed, other);

    // A friend of the provider asks in the name of the channel's requester, to answer with jobs of its own.
    Receipt memory friendly = receiptOf(0);
    friendly.requester = address(0xF41E);
    signed = signedReceipt(friendly);
    IPaymentChannels.ChannelConfig memory config = channelConfig();
    vm.expectRevert(abi.encodeWithSelector(IDemands.ForeignChannel.selector, friendly.channel));
    demands.challengeClaim(grant, signed, config);
  }

  function test_R25_anAnswerIsAReceiptOfThatChannelAndProviderThatChargedEnough() public {
    claimed(3e18);
    uint64 id = challenge(receiptOf(0));
    expectAnswerRefused(
      id, claimAnswer(receiptOf(1), jobOf(1)), abi.encodeWithSelector(IDemands.ChargedTooLittle.selector, 3e18, 2e18)
    );
    Receipt memory foreign = receiptOf(5);
    foreign.channel = keccak256("another channel");
    expectAnswerRefused(
      id,
      claimAnswer(foreign, jobOf(5)),
      abi.encodeWithSelector(IDemands.WrongChannel.selector, channelId(), foreign.channel)
    );
    IDemands.ClaimAnswer memory answer = claimAnswer(receiptOf(5), jobOf(5));
    answer.shown.signature = signature65(REQUESTER_KEY, digestOfHash(harness.hashReceipt(receiptOf(5))));
    expectAnswerRefused(
      id,
      answer,
      abi.encodeWithSelector(
        IDemands.BadSignature.selector, digestOfHash(harness.hashReceipt(receiptOf(5))), vm.addr(SESSION_KEY)
      )
    );
  }

  function test_R25_anotherProvidersReceiptIsNoAnswer() public {
    claimed(3e18);
    uint64 id = challenge(receiptOf(0));
    IDemands.ClaimAnswer memory answer = claimAnswer(receiptOf(5), jobOf(5));
    answer.grant = grantOf(key("other", 0), SESSION_KEY);
    answer.shown.receipt.grant = digestOfHash(harness.hashSessionGrant(answer.grant.grant));
    answer.shown.receipt.provider = vm.addr(key("other", 0));
    answer.shown = signedReceipt(answer.shown.receipt);
    expectAnswerRefused(
      id, answer, abi.encodeWithSelector(IDemands.WrongProvider.selector, provider, vm.addr(key("other", 0)))
    );
  }

  function test_R25_aProviderCannotAnswerWithAReceiptItMadeUp() public {
    claimed(3e18);
    uint64 id = challenge(receiptOf(0));
    // A job that nobody ordered.
    Job memory job = jobOf(7);
    Receipt memory receipt = receiptOf(7);
    IDemands.ClaimAnswer memory answer = claimAnswer(receipt, job);
    bytes32 jobId = receipt.jobId;
    answer.requesterSig = signature65(key("provider", 0), jobId);
    expectAnswerRefused(id, answer, abi.encodeWithSelector(IDemands.BadSignature.selector, jobId, requester));
    // A job that a friend ordered on the requester's channel.
    job.requester = vm.addr(0xF41E);
    bytes32 friendly = digestOfHash(harness.hashJob(job));
    receipt.jobId = friendly;
    answer = claimAnswer(receipt, job);
    answer.requesterSig = signature65(0xF41E, friendly);
    expectAnswerRefused(id, answer, abi.encodeWithSelector(IDemands.WrongJob.selector, friendly, friendly));
    // Another job than the receipt's; on another channel; at another provider; under another grant.
    expectAnswerRefused(
      id,
      claimAnswer(receiptOf(7), jobOf(6)),
      abi.encodeWithSelector(IDemands.WrongJob.selector, jobId, digestOfHash(harness.hashJob(jobOf(6))))
    );
    for (uint256 field; field < 3; ++field) {
      job = jobOf(7);
      if (field == 0) job.channel = keccak256("another channel");
      else if (field == 1) job.provider = address(0xB0B);
      else job.grant = keccak256("another grant");
      receipt = receiptOf(7);
      receipt.jobId = digestOfHash(harness.hashJob(job));
      expectAnswerRefused(
        id, claimAnswer(receipt, job), abi.encodeWithSelector(IDemands.WrongJob.selector, receipt.jobId, receipt.jobId)
      );
    }
    passDeadline();
    equal(demands.expire(id), provided / 10, "none of it helps");
  }

  function test_audit05_anOverclaimOnManyChannelsAndWithheldReceiptsAreSilencesApart() public {
    claimed(3e18);
    uint64 claim = challenge(receiptOf(0));
    uint64 receipt = demandReceipt(0, 0);
    passDeadline();
    equal(demands.expire(receipt), provided / 20, "receipt");
    equal(demands.expire(claim), provided / 10, "claim: what its hold kept");
  }

  // All kinds

  function test_oneOpenDemandPerSubjectAndNoneOnceAnswered() public {
    uint64 leaf = demandLeaf(0);
    uint64 receipt = demandReceipt(0, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.AlreadyDemanded.selector, leaf));
    demandLeaf(0);
    receiptRefused(0, 0, abi.encodeWithSelector(IDemands.AlreadyDemanded.selector, receipt));
    answerLeaf(leaf, 0);
    answerReceipt(receipt, 0, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.Closed.selector, demands.leafSubject(digestOf(batch), 0)));
    demandLeaf(0);
    receiptRefused(
      0, 0, abi.encodeWithSelector(IDemands.Closed.selector, demands.receiptSubject(leaves[0].checkpoint, 0))
    );
    demandLeaf(1);
    demandReceipt(0, 1);
  }

  function test_everyDemandEndsOnceAndInItsTime() public {
    uint64 id = demandLeaf(0);
    uint64 deadline = demands.demandOf(id).deadline;
    vm.expectRevert(abi.encodeWithSelector(IDemands.TooEarly.selector, id, deadline));
    demands.expire(id);
    vm.warp(deadline);
    vm.expectRevert(abi.encodeWithSelector(IDemands.TooEarly.selector, id, deadline));
    demands.expire(id);
    vm.warp(deadline + 1);
    vm.expectRevert(abi.encodeWithSelector(IDemands.TooLate.selector, id, deadline));
    answerLeaf(id, 0);
    demands.expire(id);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, id, IDemands.State.Upheld));
    demands.expire(id);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, id, IDemands.State.Upheld));
    answerLeaf(id, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, 99, IDemands.State.None));
    demands.expire(99);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongState.selector, 99, IDemands.State.None));
    answerLeaf(99, 0);
  }

  function test_anAnswerIsOfTheKindThatWasAsked() public {
    uint64 leaf = demandLeaf(0);
    uint64 receipt = demandReceipt(0, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongKind.selector, receipt, IDemands.Kind.Receipt));
    answerLeaf(receipt, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.WrongKind.selector, leaf, IDemands.Kind.Leaf));
    answerReceipt(leaf, 0, 0);
    expectAnswerRefused(
      leaf,
      claimAnswer(receiptOf(2), jobOf(2)),
      abi.encodeWithSelector(IDemands.WrongKind.selector, leaf, IDemands.Kind.Leaf)
    );
  }

  function test_audit15_anAnswerForOnePlaceIsNoneForAnother() public {
    uint64 leaf = demandLeaf(0);
    uint64 receipt = demandReceipt(0, 0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotProved.selector, leaf));
    answerLeaf(leaf, 1);
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotProved.selector, receipt));
    answerReceipt(receipt, 0, 1);
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotProved.selector, receipt));
    answerReceipt(receipt, 1, 0);
    Leaf memory renumbered = leaves[1];
    renumbered.index = 0;
    bytes32[] memory proof = leafProof(1);
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotProved.selector, leaf));
    demands.answerLeaf(leaf, renumbered, proof);
    // The right bytes at a place whose proof was cut to an inner node.
    Leaf memory right = leaves[0];
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotProved.selector, leaf));
    demands.answerLeaf(leaf, right, new bytes32[](0));
  }

  function test_audit15_anAnswerToOneBatchIsNoneToAnother() public {
    Leaf memory old = leaves[0];
    bytes32[] memory proof = leafProof(0);
    anchorBatch();
    uint64 id = demandLeaf(0);
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotProved.selector, id));
    demands.answerLeaf(id, old, proof);
    answerLeaf(id, 0);
  }

  function test_audit15_signaturesOfAnotherChainOrNetworkDemandNothing() public {
    IEvidence.AnchoredLeaf memory leaf = anchored(0);
    IEvidence.SignedCheckpoint memory here = signedCheckpoint(checkpoints[0]);
    here.signature = signature65(
      keys[provider],
      Digests.toTyped(
        Digests.domainSeparator(block.chainid, address(manager), keccak256("another network")),
        harness.hashCheckpoint(checkpoints[0])
      )
    );
    vm.expectRevert(abi.encodeWithSelector(IDemands.BadSignature.selector, leaves[0].checkpoint, provider));
    demands.demandReceipt(leaf, here, 0);
    Batch memory b = batch;
    vm.chainId(84_532);
    vm.expectRevert(abi.encodeWithSelector(IDemands.NotAnchored.selector, 1));
    demands.demandLeaf(b, 0);
  }

  function test_audit07_aDemandCostsABondThatGoesToWhoeverAnswers() public {
    address poor = address(0x9004);
    Batch memory b = batch;
    vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
    vm.prank(poor);
    demands.demandLeaf(b, 0);
    uint256 before = opg.balanceOf(demander);
    answerLeaf(demandLeaf(0), 0);
    answerReceipt(demandReceipt(0, 0), 0, 0);
    equal(before - opg.balanceOf(demander), 2 * BOND, "spam costs");
  }

  function test_audit07_answeringOneselfReturnsTheBondAndNoMore() public {
    uint256 before = opg.balanceOf(demander);
    uint64 id = demandReceipt(0, 0);
    Receipt memory receipt = receipts[0][0];
    bytes32[] memory proof = receiptProof(0, 0);
    vm.prank(demander);
    demands.answerReceipt(id, receipt, proof);
    equal(opg.balanceOf(demander), before, "nothing gained");
    expectNobodyLost();
  }

  function test_audit07_nothingIsDemandedOfAProviderWithLessAtStakeThanTheBond() public {
    vm.prank(SLASHER);
    manager.seize("elsewhere", provider, Role.Provider, 9000, address(0));
    uint64 id = demandReceipt(0, 0);
    equal(uint256(manager.holdOf(manager.caseKey(address(demands), demands.caseIdOf(id))).amount), BOND, "just as much");
    vm.prank(SLASHER);
    manager.seize("and there", provider, Role.Provider, 1, address(0));
    uint256 atStake = manager.slashableOf(provider, Role.Provider) / 20;
    isTrue(atStake < BOND, "less");
    receiptRefused(0, 1, abi.encodeWithSelector(IDemands.NothingAtStake.selector, provider, atStake));
    vm.prank(SLASHER);
    manager.seize("and everywhere", provider, Role.Provider, 10_000, address(0));
    claimed(2e18);
    challengeRefused(receiptOf(0), abi.encodeWithSelector(IDemands.NothingAtStake.selector, provider, 0));
    passDeadline();
    equal(demands.expire(id), 0, "what is open ends, and takes what there is");
    expectState(id, IDemands.State.Upheld);
  }

  function test_audit07_openDemandsOfAFriendShutNobodyOut() public {
    for (uint256 at; at < 2; ++at) {
      for (uint8 index; index < 3; ++index) {
        demandReceipt(at, index);
      }
    }
    equal(manager.heldOf(provider, Role.Provider), 6 * (provided / 20), "six holds");
    claimed(2e18);
    challenge(receiptOf(0));
  }

  function test_audit07_whoPunishesItselfThroughAFriendStillLosesAndIsNotPaid() public {
    // The offender's own owner demands: it is no reporter.
    opg.approve(address(demands), type(uint256).max);
    IEvidence.AnchoredLeaf memory leaf = anchored(0);
    IEvidence.SignedCheckpoint memory checkpoint = signedCheckpoint(checkpoints[0]);
    uint64 id = demands.demandReceipt(leaf, checkpoint, 0);
    passDeadline();
    demands.expire(id);
    bytes32 case_ = manager.caseKey(address(demands), demands.caseIdOf(id));
    vm.warp(vm.getBlockTimestamp() + SEIZURE_DELAY);
    manager.execute(case_);
    IStakeManager.Seizure memory seizure = manager.seizureOf(case_);
    equal(seizure.reporter, address(0), "nobody is paid");
    equal(seizure.amount, provided / 20, "seized all the same");
  }

  function test_audit14_aPauseStopsNewDemandsNeverAnswersAndExits() public {
    claimed(3e18);
    uint64 leaf = demandLeaf(0);
    uint64 receipt = demandReceipt(0, 0);
    uint64 claim = challenge(receiptOf(0));
    uint64 withheld = demandReceipt(0, 1);
    vm.prank(GUARDIAN);
    params.pause(Module.Demands, 72 hours);
    bytes memory paused = abi.encodeWithSelector(IDemands.DemandsPaused.selector);
    vm.expectRevert(paused);
    demandLeaf(1);
    receiptRefused(1, 0, paused);
    answerLeaf(leaf, 0);
    answerReceipt(receipt, 0, 0);
    answerClaim(claim, 2);
    passDeadline();
    equal(demands.expire(withheld), provided / 20, "expires under a pause");
    equal(opg.balanceOf(address(demands)), 0, "no bond is stuck");
    claimed(4e18);
    challengeRefused(receiptOf(0), paused);
    vm.prank(GUARDIAN);
    params.unpause(Module.Demands);
    demandReceipt(1, 0);
  }

  function test_audit14_aReplacedModuleEndsItsDemandsAndOpensNone() public {
    uint64 withheld = demandLeaf(0);
    uint64 answered = demandReceipt(0, 0);
    vm.prank(GOVERNANCE);
    params.setModule(Module.Demands, address(channels));
    vm.warp(vm.getBlockTimestamp() + CHANGE_DELAY - ANSWER_PERIOD);
    uint64 late = demandReceipt(0, 1);
    vm.warp(vm.getBlockTimestamp() + ANSWER_PERIOD);
    receiptRefused(1, 0, abi.encodeWithSelector(IDemands.Superseded.selector, address(channels)));
    answerReceipt(late, 0, 1);
    equal(demands.expire(withheld) + demands.expire(answered), 0, "nothing is seized by it");
    expectState(withheld, IDemands.State.Lapsed);
    isTrue(!batches.isVoid(1), "nor voided");
    expectNobodyLost();
  }

  function test_audit14_aDisarmedModuleEndsItsDemands() public {
    uint64 upheld = demandLeaf(0);
    uint64 withheld = demandReceipt(0, 0);
    passDeadline();
    demands.expire(upheld);
    vm.prank(GOVERNANCE);
    manager.removeSlasher(address(demands));
    equal(demands.expire(withheld), 0, "nothing is seized");
    equal(manager.heldOf(provider, Role.Provider), 0, "nor held");
    anchorBatch();
    receiptRefused(0, 1, abi.encodeWithSelector(IStakeManager.NotSlasher.selector, address(demands)));
    bytes memory all = signaturesOf(batch.epoch, demands.demandOf(upheld).object, ALL_SIGNERS);
    equal(demands.chargeSigners(upheld, batch.epoch, ALL_SIGNERS, all), 0, "nor from signers");
  }

  function test_audit14_aHoldThatSomebodyReleasedStopsNoAnswer() public {
    vm.warp(vm.getBlockTimestamp() + 1);
    uint64 id = longDemands();
    vm.warp(vm.getBlockTimestamp() + HOLD_PERIOD);
    manager.release(manager.caseKey(address(demands), demands.caseIdOf(id)));
    answerReceipt(id, 0, 0);
    equal(opg.balanceOf(answerer), BOND, "paid");
  }

  /// @dev Demands whose period is as long as the hold.
  function longDemands() private returns (uint64) {
    Demands long = new Demands(manager, params, batches, splitters, newSetup(HOLD_PERIOD, BOND));
    vm.prank(GOVERNANCE);
    manager.announceSlasher(address(long));
    vm.prank(GOVERNANCE);
    params.setModule(Module.Demands, address(long));
    vm.warp(vm.getBlockTimestamp() + SLASHER_DELAY);
    // The committee's set is carried or opened anew: a fresh batch to demand from.
    open();
    anchorBatch();
    demands = long;
    vm.prank(demander);
    opg.approve(address(long), type(uint256).max);
    return demandReceipt(0, 0);
  }

  function test_theHoldKeepsTheStakeUntilTheEnd() public {
    manager.requestUnstake(provider, Role.Provider, PROVIDER_STAKE);
    uint256 releaseAt = vm.getBlockTimestamp() + UNBONDING;
    vm.warp(releaseAt - 1);
    uint64 id = demandReceipt(0, 0);
    vm.warp(releaseAt);
    manager.withdraw(provider, Role.Provider);
    equal(manager.slashableOf(provider, Role.Provider), provided / 20, "what is at stake stayed");
    vm.warp(releaseAt + ANSWER_PERIOD);
    equal(demands.expire(id), provided / 20, "and is seized");
  }

  function test_thePenaltyIsTheOneAtTheOpening() public {
    vm.prank(GOVERNANCE);
    params.setParam(Param.WithheldProviderPenalty, 1000);
    vm.warp(vm.getBlockTimestamp() + CHANGE_DELAY - 1);
    uint64 id = demandReceipt(0, 0);
    passDeadline();
    equal(params.valueOf(Param.WithheldProviderPenalty), 1000, "raised since");
    equal(demands.expire(id), provided / 20, "as it was");
  }

  function testFuzz_bondsHeldAreThoseOfOpenDemands(uint256 seed) public {
    uint256 open;
    for (uint256 at; at < 2; ++at) {
      for (uint8 index; index < 3; ++index) {
        seed = uint256(keccak256(abi.encode(seed)));
        uint64 id = demandReceipt(at, index);
        if (seed % 3 == 0) answerReceipt(id, at, index);
        else ++open;
      }
    }
    equal(opg.balanceOf(address(demands)), open * BOND, "bonds");
    passDeadline();
    for (uint64 id = 1; id <= 6; ++id) {
      if (demands.demandOf(id).state == IDemands.State.Open) demands.expire(id);
    }
    equal(opg.balanceOf(address(demands)), 0, "none");
    equal(manager.slashableOf(provider, Role.Provider), provided - (open == 0 ? 0 : provided / 20), "one penalty");
  }
}

/// @notice Makes a StakeManager apart from the fixture's, so that the fixture's predictions hold.
contract StakeManagerMaker {
  function make(IStakeManager.Setup memory setup) external returns (IStakeManager) {
    return new StakeManager(setup);
  }
}
