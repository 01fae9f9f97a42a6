// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDemands} from "../src/interfaces/IDemands.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Batch, Receipt, Role} from "../src/interfaces/Objects.sol";
import {Answerable} from "./support/Answerable.sol";
import {Test} from "./support/Test.sol";

/// @notice Adversaries demand whatever there is, again and again, from several accounts; answer each other's demands before
/// the honest do, or in the honest ones' place; end demands as soon as they can. The honest settler and provider of batch
/// one answer in time, at the very last second. Batch two has a settler and a provider that never answer. Batch three is of
/// a corrupt quorum: it names the honest settler, which never signed it, and nobody knows its leaves. Every call is made
/// valid first, so that a revert is a finding (fail_on_revert).
contract DemandActors is Answerable {
  address[3] public adversaries = [address(0xADA), address(0xADB), address(0xADC)];
  address public silentSettler;
  address public silentProvider;
  uint128 public claimedSoFar;
  uint256 public openBonds;
  uint256 public upheld;
  uint256 public answered;
  uint256 public lapsed;
  uint256 public charged;
  uint256 public framed;

  /// @dev What a batch was made of, encoded: its leaves, checkpoints, receipts and their proofs.
  struct Book {
    bytes anchored;
    bytes checkpoints;
    bytes receipts;
    bytes proofs;
  }

  Book[2] private books;
  Batch private garbage;
  bytes[2] private settlerSigs;
  mapping(uint64 id => bool) private isCharged;

  constructor() {
    deployAnswerable();
    anchorBatch();
    _keep(0);
    address honestSettler = settler;
    address honestProvider = provider;
    silentSettler = staked("settler", 1, Role.Settler, SETTLER_STAKE);
    silentProvider = staked("provider", 1, Role.Provider, PROVIDER_STAKE);
    passEpochs(2);
    open();
    (settler, provider) = (silentSettler, silentProvider);
    anchorBatch();
    _keep(1);
    (settler, provider) = (honestSettler, honestProvider);
    _frame();
    for (uint256 at; at < 3; ++at) {
      fund(adversaries[at]);
    }
  }

  function _frame() private {
    Batch memory b = batch;
    (b.number, b.previous, b.settler) = (b.number + 1, digestOf(b), settler);
    b.checkpointsRoot = keccak256("nobody knows what is under this");
    batches.anchor(b, ALL_SIGNERS, signaturesOf(b.epoch, digestOf(b), ALL_SIGNERS));
    garbage = b;
  }

  function _keep(uint256 at) private {
    settlerSigs[at] = settlerSignature();
    books[at].anchored = abi.encode(anchored(0), anchored(1));
    books[at].checkpoints = abi.encode(signedCheckpoint(checkpoints[0]), signedCheckpoint(checkpoints[1]));
    books[at].receipts = abi.encode(receipts[0], receipts[1]);
    bytes32[][3][2] memory paths;
    for (uint256 leaf; leaf < 2; ++leaf) {
      for (uint256 index; index < 3; ++index) {
        paths[leaf][index] = receiptProof(leaf, index);
      }
    }
    books[at].proofs = abi.encode(paths);
  }

  function anchoredOf(uint256 book, uint256 leaf) private view returns (IEvidence.AnchoredLeaf memory) {
    (IEvidence.AnchoredLeaf memory first, IEvidence.AnchoredLeaf memory second) =
      abi.decode(books[book].anchored, (IEvidence.AnchoredLeaf, IEvidence.AnchoredLeaf));
    return leaf == 0 ? first : second;
  }

  function checkpointOf(uint256 book, uint256 leaf) private view returns (IEvidence.SignedCheckpoint memory) {
    (IEvidence.SignedCheckpoint memory first, IEvidence.SignedCheckpoint memory second) =
      abi.decode(books[book].checkpoints, (IEvidence.SignedCheckpoint, IEvidence.SignedCheckpoint));
    return leaf == 0 ? first : second;
  }

  function receiptIn(uint256 book, uint256 leaf, uint256 index)
    private
    view
    returns (Receipt memory receipt, bytes32[] memory proof)
  {
    (Receipt[3] memory first, Receipt[3] memory second) = abi.decode(books[book].receipts, (Receipt[3], Receipt[3]));
    bytes32[][3][2] memory paths = abi.decode(books[book].proofs, (bytes32[][3][2]));
    return (leaf == 0 ? first[index] : second[index], paths[leaf][index]);
  }

  function parts() external view returns (IDemands, address, address, uint256) {
    return (demands, settler, provider, opg.balanceOf(address(demands)));
  }

  function stakes() external view returns (uint256[4] memory) {
    return [
      manager.slashableOf(settler, Role.Settler),
      manager.slashableOf(provider, Role.Provider),
      manager.slashableOf(silentSettler, Role.Settler),
      manager.slashableOf(silentProvider, Role.Provider)
    ];
  }

  function held() external view returns (uint256[4] memory) {
    return [
      manager.heldOf(settler, Role.Settler),
      manager.heldOf(provider, Role.Provider),
      manager.heldOf(silentSettler, Role.Settler),
      manager.heldOf(silentProvider, Role.Provider)
    ];
  }

  function honestStakes() external pure returns (uint256, uint256) {
    return (SETTLER_STAKE, PROVIDER_STAKE);
  }

  function askLeaf(uint256 who, uint256 book, uint256 leaf) external {
    IEvidence.AnchoredLeaf memory at = anchoredOf(book % 2, leaf % 2);
    IDemands.Standing memory standing = demands.standingOf(demands.leafSubject(digestOf(at.batch), uint32(leaf % 2)));
    if (standing.open != 0 || standing.closed || batches.isVoid(at.batch.number)) return;
    if (vm.getBlockTimestamp() > demands.demandableUntil(at.batch.epoch)) return;
    vm.prank(adversaries[who % 3]);
    demands.demandLeaf(at.batch, uint32(leaf % 2));
    ++openBonds;
  }

  function askFramed(uint256 who, uint256 leaf) external {
    IDemands.Standing memory standing = demands.standingOf(demands.leafSubject(digestOf(garbage), uint32(leaf % 2)));
    if (standing.open != 0 || standing.closed || batches.isVoid(garbage.number)) return;
    if (vm.getBlockTimestamp() > demands.demandableUntil(garbage.epoch)) return;
    vm.prank(adversaries[who % 3]);
    demands.demandLeaf(garbage, uint32(leaf % 2));
    ++openBonds;
    ++framed;
  }

  /// @dev Whoever has a settler's signature of its batch keeps its stake there; of batch three there is none.
  function keepSettler(uint256 id) external {
    if (demands.count() == 0) return;
    id = bound(id, 1, demands.count());
    IDemands.Demand memory demand = demands.demandOf(uint64(id));
    if (demand.kind != IDemands.Kind.Leaf || demand.state != IDemands.State.Open) return;
    if (demand.number == garbage.number || _isHeld(uint64(id))) return;
    demands.holdSettler(uint64(id), settlerSigs[demand.number - 1]);
  }

  function chargeSettler(uint256 id) external {
    if (demands.count() == 0) return;
    id = bound(id, 1, demands.count());
    IDemands.Demand memory demand = demands.demandOf(uint64(id));
    if (demand.kind != IDemands.Kind.Leaf || demand.state != IDemands.State.Upheld || isCharged[uint64(id)]) return;
    if (demand.number == garbage.number) return _tryToFrame(uint64(id));
    isCharged[uint64(id)] = true;
    demands.chargeSettler(uint64(id), settlerSigs[demand.number - 1]);
    ++charged;
  }

  /// @dev With all that the honest settler ever signed, and with what the quorum signs.
  function _tryToFrame(uint64 id) private {
    bytes32 digest = digestOf(garbage);
    bytes[3] memory tried = [settlerSigs[0], settlerSigs[1], signature65(key("verifier", 0), digest)];
    for (uint256 at; at < 3; ++at) {
      vm.expectRevert(abi.encodeWithSelector(IDemands.BadSignature.selector, digest, settler));
      demands.chargeSettler(id, tried[at]);
    }
  }

  function _isHeld(uint64 id) private view returns (bool) {
    return manager.holdOf(manager.caseKey(address(demands), demands.caseIdOf(id))).until != 0;
  }

  function askReceipt(uint256 who, uint256 book, uint256 leaf, uint256 index) external {
    IEvidence.AnchoredLeaf memory at = anchoredOf(book % 2, leaf % 2);
    IEvidence.SignedCheckpoint memory signed = checkpointOf(book % 2, leaf % 2);
    IDemands.Standing memory standing = demands.standingOf(demands.receiptSubject(at.leaf.checkpoint, uint8(index % 3)));
    if (standing.open != 0 || standing.closed || batches.isVoid(at.batch.number)) return;
    if (vm.getBlockTimestamp() > demands.demandableUntil(at.batch.epoch)) return;
    if (manager.slashableOf(at.leaf.operator, Role.Provider) / 20 < BOND) return;
    vm.prank(adversaries[who % 3]);
    demands.demandReceipt(at, signed, uint8(index % 3));
    ++openBonds;
  }

  function earnAndClaim() external {
    claimedSoFar += 1e18;
    claimOnChain(channelConfig(), REQUESTER_KEY, claimedSoFar);
  }

  function askClaim(uint256 who) external {
    if (claimedSoFar < 2e18) return;
    IDemands.Standing memory standing = demands.standingOf(demands.claimSubject(provider, channelId()));
    if (standing.open != 0 || standing.claimed >= claimedSoFar) return;
    demander = adversaries[who % 3];
    challenge(receiptOf(0));
    ++openBonds;
  }

  /// @dev An adversary answers before the honest do: the answer is the same, the bond is the adversary's.
  function frontRun(uint256 who, uint256 id) external {
    if (demands.count() == 0) return;
    id = bound(id, 1, demands.count());
    if (_answers(uint64(id)) && vm.getBlockTimestamp() <= demands.demandOf(uint64(id)).deadline) {
      _answer(uint64(id), adversaries[who % 3]);
    }
  }

  function passTime(uint256 seconds_) external {
    _passTo(vm.getBlockTimestamp() + bound(seconds_, 1, 3 * ANSWER_PERIOD));
  }

  /// @dev Time passes second by second for the honest: what falls due is answered in its last one.
  function _passTo(uint256 until) private {
    uint64 count = demands.count();
    for (uint64 id = 1; id <= count; ++id) {
      uint64 deadline = demands.demandOf(id).deadline;
      if (_answers(id) && deadline < until) {
        vm.warp(deadline > vm.getBlockTimestamp() ? deadline : vm.getBlockTimestamp());
        _answer(id, answerer);
      }
    }
    vm.warp(until);
  }

  /// @dev Open, and of the honest: ids are in the order of their deadlines.
  function _answers(uint64 id) private view returns (bool) {
    IDemands.Demand memory demand = demands.demandOf(id);
    if (demand.number == garbage.number) return false;
    return demand.state == IDemands.State.Open && (demand.accused == settler || demand.accused == provider);
  }

  function _answer(uint64 id, address by) private {
    IDemands.Demand memory demand = demands.demandOf(id);
    if (demand.kind == IDemands.Kind.Leaf) {
      IEvidence.AnchoredLeaf memory at = anchoredOf(0, demand.index);
      vm.prank(by);
      demands.answerLeaf(id, at.leaf, at.proof);
    } else if (demand.kind == IDemands.Kind.Receipt) {
      uint256 leaf = demand.object == anchoredOf(0, 0).leaf.checkpoint ? 0 : 1;
      (Receipt memory receipt, bytes32[] memory proof) = receiptIn(0, leaf, demand.index);
      vm.prank(by);
      demands.answerReceipt(id, receipt, proof);
    } else {
      uint64 sequence = uint64(demand.claimed / 1e18) - 1;
      IDemands.ClaimAnswer memory answer = claimAnswer(receiptOf(sequence), jobOf(sequence));
      vm.prank(by);
      demands.answerClaim(id, answer);
    }
    ++answered;
    --openBonds;
  }

  function end(uint256 id) external {
    if (demands.count() == 0) return;
    id = bound(id, 1, demands.count());
    IDemands.Demand memory demand = demands.demandOf(uint64(id));
    if (demand.state != IDemands.State.Open || vm.getBlockTimestamp() <= demand.deadline) return;
    demands.expire(uint64(id));
    --openBonds;
    if (demands.demandOf(uint64(id)).state == IDemands.State.Upheld) ++upheld;
    else ++lapsed;
  }

  /// @dev Everything ends: a day passes, and whoever cares ends what is open.
  function endAll() external {
    _passTo(vm.getBlockTimestamp() + ANSWER_PERIOD + 1);
    uint64 count = demands.count();
    for (uint64 id = 1; id <= count; ++id) {
      this.end(id);
      this.chargeSettler(id);
    }
  }
}

contract DemandsInvariantsTest is Test {
  DemandActors private actors;

  function setUp() public {
    actors = new DemandActors();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(actors);
  }

  function invariant_bondsHeldAreThoseOfOpenDemands() public view {
    (IDemands demands,,, uint256 balance) = actors.parts();
    uint256 open;
    for (uint64 id = 1; id <= demands.count(); ++id) {
      if (demands.demandOf(id).state == IDemands.State.Open) ++open;
    }
    equal(open, actors.openBonds(), "open");
    equal(balance, open * demands.bond(), "bonds");
    equal(open + actors.answered() + actors.upheld() + actors.lapsed(), demands.count(), "all");
  }

  function invariant_whoAnswersInTimeNeverLoses() public view {
    (uint256 settlerStake, uint256 providerStake) = actors.honestStakes();
    uint256[4] memory stakes = actors.stakes();
    equal(stakes[0], settlerStake, "settler");
    equal(stakes[1], providerStake, "provider");
  }

  function invariant_aBatchIsPunishedOnce() public view {
    (uint256 settlerStake,) = actors.honestStakes();
    isTrue(actors.stakes()[2] >= settlerStake - settlerStake / 10, "a tenth at most");
  }

  function invariant_stakeIsHeldForOpenDemandsAndUnchargedSettlersAlone() public view {
    (IDemands demands, address settler, address provider,) = actors.parts();
    IStakeManager manager = demands.stakeManager();
    uint256[4] memory expected;
    for (uint64 id = 1; id <= demands.count(); ++id) {
      IDemands.Demand memory demand = demands.demandOf(id);
      bool isOpen = demand.state == IDemands.State.Open;
      IStakeManager.Hold memory hold = manager.holdOf(manager.caseKey(address(demands), demands.caseIdOf(id)));
      if (demand.kind != IDemands.Kind.Leaf) {
        equal(hold.until != 0 ? 1 : 0, isOpen ? 1 : 0, "of a provider while it is open");
      } else if (hold.until != 0) {
        isTrue(isOpen || demand.state == IDemands.State.Upheld, "of a settler until it is charged");
        isTrue(demand.number < 3, "never of one that signed nothing");
      }
      if (demand.accused == settler) expected[0] += hold.amount;
      else if (demand.accused == provider) expected[1] += hold.amount;
      else if (demand.kind == IDemands.Kind.Leaf) expected[2] += hold.amount;
      else expected[3] += hold.amount;
    }
    uint256[4] memory held = actors.held();
    for (uint256 at; at < 4; ++at) {
      equal(held[at], expected[at], "held");
    }
  }

  function invariant_aSubjectHasOneOpenDemandAndAClosedOneNone() public view {
    (IDemands demands,,,) = actors.parts();
    for (uint64 id = 1; id <= demands.count(); ++id) {
      IDemands.Demand memory demand = demands.demandOf(id);
      IDemands.Standing memory standing = demands.standingOf(demand.subject);
      if (demand.state == IDemands.State.Open) equal(standing.open, id, "the open one");
      if (standing.closed) equal(standing.open, 0, "closed");
    }
  }

  /// @dev The invariants speak of every end, so every end must be within the actors' reach.
  function test_theActorsReachEveryEnd() public {
    actors.askLeaf(0, 0, 0);
    actors.askReceipt(1, 0, 1, 2);
    actors.earnAndClaim();
    actors.earnAndClaim();
    actors.askClaim(2);
    actors.askLeaf(0, 1, 0);
    actors.askLeaf(1, 1, 1);
    actors.askReceipt(2, 1, 0, 0);
    actors.askReceipt(2, 1, 1, 0);
    equal(actors.openBonds(), 7, "open");
    actors.askFramed(0, 0);
    actors.askFramed(0, 1);
    equal(actors.framed(), 2, "framed");
    for (uint256 id = 1; id <= 9; ++id) {
      actors.keepSettler(id);
    }
    uint256[4] memory held = actors.held();
    isTrue(held[0] != 0 && held[2] != 0, "settlers that signed are held");
    actors.frontRun(0, 2);
    actors.endAll();
    equal(actors.answered(), 3, "leaf, receipt and claim of the honest");
    equal(actors.upheld(), 3, "leaf and receipt of the silent, leaf of the quorum");
    equal(actors.lapsed(), 3, "the same silences");
    equal(actors.charged(), 1, "the silent settler alone");
    uint256[4] memory stakes = actors.stakes();
    (uint256 settlerStake,) = actors.honestStakes();
    equal(stakes[0], settlerStake, "the one that was framed lost nothing");
    equal(stakes[2], settlerStake - settlerStake / 10, "the silent a tenth");
    actors.askReceipt(2, 1, 1, 0);
    equal(actors.openBonds(), 0, "the batch of the silent is void");
  }

  /// @dev Every demand ends: whatever happened, one period later nothing is open, held or owed.
  function afterInvariant() public {
    actors.endAll();
    (,,, uint256 balance) = actors.parts();
    equal(actors.openBonds(), 0, "none is open");
    equal(balance, 0, "no bond is left");
    uint256[4] memory held = actors.held();
    for (uint256 at; at < 4; ++at) {
      equal(held[at], 0, "nothing is held");
    }
  }
}
