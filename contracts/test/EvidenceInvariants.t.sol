// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICommittee} from "../src/interfaces/ICommittee.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Checkpoint, Head, Leaf, Receipt, Role, Vote} from "../src/interfaces/Objects.sol";
import {IndexedMerkle} from "../src/libraries/IndexedMerkle.sol";
import {Offences} from "./support/Offences.sol";
import {Trees} from "./support/Trees.sol";

/// @notice An honest provider and an honest verifier among liars: another provider, and four of the five signers, enough
/// to anchor what they like. The honest sign one object a place; everything anybody signed is seen by all, and reported
/// in every combination. Actions revert only when a rule is broken (fail_on_revert).
contract Accusers is Offences {
  struct SeenReceipt {
    IEvidence.SignedGrant grant;
    uint256 nonce;
    IEvidence.SignedReceipt signed;
  }

  struct SeenHead {
    IEvidence.SignedGrant grant;
    IEvidence.SignedHead signed;
  }

  struct SeenCheckpoint {
    IEvidence.SignedCheckpoint signed;
    Receipt[] receipts;
  }

  struct SeenLeaf {
    IEvidence.AnchoredLeaf anchored;
    SeenCheckpoint checkpoint;
    uint256 signers;
  }

  struct Doubled {
    uint256 first;
    uint256 second;
    bytes32 subject;
  }

  uint256 private constant HONEST_SESSION = 0;
  uint256 private constant LIAR_SESSION = 1;

  address public liar;
  address public honestVerifier;
  uint256 public proved;

  bytes[] private receipts;
  bytes[] private heads;
  bytes[] private checkpoints;
  bytes[] private votes;
  bytes[] private leaves;
  /// @dev By index in `checkpoints`: those of the honest provider.
  uint256[] private honestCheckpoints;
  Doubled[] private doubled;
  uint64 private nextReceipt;
  uint64 private firstLoose;
  uint64 private nextSequence;
  mapping(bytes32 place => uint256) private includedAt;
  mapping(bytes32 checkpoint => uint256) private anchoredAt;
  mapping(bytes32 place => bool) private voted;

  constructor() {
    deployEvidence();
    liar = staked("liar", 0, Role.Provider, PROVIDER_STAKE);
    honestVerifier = vm.addr(key("verifier", 4));
    signReceipts(1);
    signCheckpoint();
    liarSigns(0, 0, 0);
    liarCheckpoints(0, 0, 0);
  }

  // What the honest do

  function signReceipts(uint256 count) public {
    IEvidence.SignedGrant memory grant = grantOf(provider, HONEST_SESSION);
    for (count = bound(count, 1, 3); count != 0; --count) {
      show(grant, nextReceipt, receiptOf(grant, jobOf(grant, nextReceipt), nextReceipt), HONEST_SESSION);
      ++nextReceipt;
    }
  }

  function signCheckpoint() public {
    uint256 count = nextReceipt - firstLoose;
    if (count == 0) return;
    IEvidence.SignedGrant memory grant = grantOf(provider, HONEST_SESSION);
    Receipt[] memory list = new Receipt[](count);
    for (uint64 index; index < count; ++index) {
      list[index] = receiptOf(grant, jobOf(grant, firstLoose + index), firstLoose + index);
    }
    honestCheckpoints.push(checkpoints.length);
    keep(checkpointOf(provider, nextSequence++, list), list);
    firstLoose = nextReceipt;
  }

  function voteOnce(uint256 seed, uint8 round) external {
    SeenCheckpoint memory seen = abi.decode(pick(checkpoints, seed), (SeenCheckpoint));
    round %= 4;
    bytes32 place = keccak256(abi.encode(digestOf(seen.signed.checkpoint), round));
    if (voted[place]) return;
    voted[place] = true;
    votes.push(abi.encode(sign(voteOf(honestVerifier, digestOf(seen.signed.checkpoint), round))));
  }

  /// @dev All sign what includes a checkpoint of the honest provider for the first time.
  function anchorOnce(uint256 seed) external {
    uint256 index = honestCheckpoints[seed % honestCheckpoints.length];
    Checkpoint memory c = abi.decode(checkpoints[index], (SeenCheckpoint)).signed.checkpoint;
    if (includedAt[placeOf(c.operator, c.sequence)] != 0 || anchoredAt[digestOf(c)] != 0) return;
    Leaf[] memory list = new Leaf[](1);
    list[0] = leafOf(c);
    uint256[] memory from = new uint256[](1);
    from[0] = index;
    anchorAll(list, from, ALL);
  }

  // What the liars do

  function liarSigns(uint256 nonce, uint64 sequence, uint256 variant) public {
    IEvidence.SignedGrant memory grant = grantOf(liar, LIAR_SESSION);
    nonce %= 4;
    Receipt memory receipt = receiptOf(grant, jobOf(grant, nonce), sequence % 4);
    receipt.fee += uint128(variant % 3);
    show(grant, nonce, receipt, LIAR_SESSION);
  }

  /// @dev The honest provider's session key under the liar's grant.
  function liarGrantsAnothersKey(uint256 nonce) external {
    IEvidence.SignedGrant memory grant = grantOf(liar, HONEST_SESSION);
    SeenReceipt memory seen = abi.decode(pick(receipts, nonce), (SeenReceipt));
    receipts.push(abi.encode(SeenReceipt(grant, seen.nonce, seen.signed)));
  }

  function liarCheckpoints(uint256 seed, uint64 sequence, uint256 count) public {
    Receipt[] memory list = new Receipt[](bound(count, 1, 3));
    for (uint256 index; index < list.length; ++index) {
      seed = uint256(keccak256(abi.encode(seed)));
      list[index] = abi.decode(pick(receipts, seed), (SeenReceipt)).signed.receipt;
    }
    Checkpoint memory c = checkpointOf(liar, sequence % 3, list);
    c.grant = digestOf(grantOf(liar, LIAR_SESSION).grant);
    keep(c, list);
  }

  function liarVotes(uint256 seed, uint8 round, uint256 accepted) external {
    SeenCheckpoint memory seen = abi.decode(pick(checkpoints, seed), (SeenCheckpoint));
    Vote memory vote = voteOf(vm.addr(key("verifier", seed % 4)), digestOf(seen.signed.checkpoint), round % 2);
    vote.accepted = accepted % 3;
    votes.push(abi.encode(sign(vote)));
  }

  /// @dev Two leaves of any checkpoints, included before or not, one of them under a sequence of the liars' choice; or one
  /// the honest provider never signed, in its name.
  function liarsAnchor(uint256 seed, uint64 sequence, bool forge) external {
    Leaf[] memory list = new Leaf[](2);
    uint256[] memory from = new uint256[](2);
    (from[0], from[1]) = (seed % checkpoints.length, (seed >> 128) % checkpoints.length);
    for (uint256 index; index < 2; ++index) {
      list[index] = leafOf(abi.decode(checkpoints[from[index]], (SeenCheckpoint)).signed.checkpoint);
    }
    list[1].sequence = sequence % 4;
    if (forge) {
      SeenCheckpoint memory forged = abi.decode(pick(checkpoints, seed >> 64), (SeenCheckpoint));
      forged.signed.checkpoint.operator = provider;
      forged.signed.checkpoint.grant = digestOf(grantOf(provider, HONEST_SESSION).grant);
      list[1] = leafOf(forged.signed.checkpoint);
      from[1] = checkpoints.length;
      checkpoints.push(abi.encode(forged));
    }
    anchorAll(list, from, liarSeats());
  }

  // Reports

  function accuse(uint256 kind, uint256 a, uint256 b, uint256 spot) public returns (bool ok) {
    return send(reportOf(kind, a, b, spot));
  }

  function accuseOften(uint256 seed) external {
    for (uint256 count; count < 24; ++count) {
      seed = uint256(keccak256(abi.encode(seed)));
      accuse(seed, seed >> 8, seed >> 72, seed >> 136);
    }
  }

  function accuseMutated(uint256 kind, uint256 a, uint256 b, uint256 spot, uint256 value) external {
    bytes memory data = reportOf(kind, a, b, spot);
    uint256 at = 0x24 + 32 * (uint256(keccak256(abi.encode(value, spot))) % ((data.length - 4) / 32));
    uint256 from = 0x24 + 32 * (uint256(keccak256(abi.encode(value, a))) % ((data.length - 4) / 32));
    assembly ("memory-safe") {
      switch mod(value, 3)
      case 0 { mstore(add(data, at), value) }
      case 1 { mstore(add(data, at), mload(add(data, from))) }
      default { mstore(add(data, at), add(mload(add(data, at)), 1)) }
    }
    send(data);
  }

  /// @dev Every doubled inclusion is provable and costs whoever signed the later batch.
  function proveDoubled(uint256 seed) public {
    if (doubled.length == 0) return;
    Doubled memory found = doubled[seed % doubled.length];
    SeenLeaf memory first = abi.decode(leaves[found.first], (SeenLeaf));
    SeenLeaf memory second = abi.decode(leaves[found.second], (SeenLeaf));
    (ICommittee.Seat[] memory seats,) = committee.signingSet(second.anchored.batch.epoch);
    uint256 due;
    for (uint256 seat; seat < SEATS; ++seat) {
      address verifier = seats[seat].verifier;
      if (second.signers >> seat & 1 == 0) continue;
      isTrue(verifier != honestVerifier, "the honest sign no second inclusion");
      if (!isCharged(verifier, found.subject)) due += manager.slashableOf(verifier, Role.Verifier) / 10;
    }
    bytes memory data = falseBatchCall(first, second);
    vm.prank(REPORTER);
    (bool ok, bytes memory out) = address(evidence).call(data);
    isTrue(ok == (due != 0), "provable, once");
    if (ok) equal(abi.decode(out, (uint256)), due, "a tenth of each");
    else equal(bytes32(bytes4(out)), bytes32(IEvidence.NoNewCase.selector), "charged before");
    for (uint256 seat; seat < SEATS; ++seat) {
      address verifier = seats[seat].verifier;
      if (second.signers >> seat & 1 == 0 || manager.slashableOf(verifier, Role.Verifier) == 0) continue;
      isTrue(isCharged(verifier, found.subject), "every signer");
    }
  }

  function proveAllDoubled() external {
    for (uint256 index; index < doubled.length; ++index) {
      proveDoubled(index);
    }
  }

  /// @dev Two leaves of two places and two checkpoints prove nothing against their signers.
  function accuseOfASingleInclusion(uint256 a, uint256 b) external {
    if (leaves.length == 0) return;
    (a, b) = (a % leaves.length, b % leaves.length);
    if (a > b) (a, b) = (b, a);
    SeenLeaf memory first = abi.decode(leaves[a], (SeenLeaf));
    SeenLeaf memory second = abi.decode(leaves[b], (SeenLeaf));
    (Leaf memory left, Leaf memory right) = (first.anchored.leaf, second.anchored.leaf);
    bool isDoubled =
      (left.operator == right.operator && left.sequence == right.sequence) || left.checkpoint == right.checkpoint;
    if (a != b && isDoubled) return;
    isTrue(!send(falseBatchCall(first, second)), "a single inclusion is no offence");
  }

  /// @dev Liars that lost all go on.
  function restake() public {
    if (manager.stakeOf(liar, Role.Provider) == 0) manager.stake(liar, Role.Provider, PROVIDER_STAKE);
    for (uint256 index; index < 4; ++index) {
      address verifier = vm.addr(key("verifier", index));
      if (manager.stakeOf(verifier, Role.Verifier) == 0) manager.stake(verifier, Role.Verifier, VERIFIER_STAKE);
    }
  }

  // Found by the invariants

  function parts() external view returns (IStakeManager, address, address, address) {
    return (manager, provider, honestVerifier, settler);
  }

  function doubledCount() external view returns (uint256) {
    return doubled.length;
  }

  // Parts

  function show(IEvidence.SignedGrant memory grant, uint256 nonce, Receipt memory receipt, uint256 session) private {
    receipts.push(abi.encode(SeenReceipt(grant, nonce, sign(receipt, session))));
    for (uint32 index = 1; index <= receipt.chunks; ++index) {
      heads.push(abi.encode(SeenHead(grant, sign(headOf(receipt, index), session))));
    }
  }

  function keep(Checkpoint memory c, Receipt[] memory list) private {
    checkpoints.push(abi.encode(SeenCheckpoint(sign(c), list)));
  }

  function isCharged(address verifier, bytes32 subject) private view returns (bool) {
    bytes32 caseId = evidence.caseIdOf(IEvidence.Offence.FalseBatch, verifier, subject);
    bytes32 case_ = manager.caseKey(address(evidence), caseId);
    return manager.seizureOf(case_).state != IStakeManager.SeizureState.None;
  }

  function pick(bytes[] storage pool, uint256 seed) private view returns (bytes memory) {
    return pool[seed % pool.length];
  }

  function placeOf(address operator, uint64 sequence) private pure returns (bytes32) {
    return keccak256(abi.encode(operator, sequence));
  }

  function liarSeats() private view returns (uint256 bitmap) {
    (ICommittee.Seat[] memory seats,) = committee.signingSet(manager.currentEpoch());
    for (uint256 seat; seat < SEATS; ++seat) {
      if (seats[seat].verifier != honestVerifier) bitmap |= 1 << seat;
    }
  }

  /// @dev Anchors, and notes every inclusion that is not the first of its place or of its checkpoint.
  function anchorAll(Leaf[] memory list, uint256[] memory from, uint256 signers) private {
    IEvidence.AnchoredLeaf[] memory anchored = anchorLeaves(list, signers);
    for (uint256 index; index < list.length; ++index) {
      SeenCheckpoint memory checkpoint = abi.decode(checkpoints[from[index]], (SeenCheckpoint));
      leaves.push(abi.encode(SeenLeaf(anchored[index], checkpoint, signers)));
      bytes32 place = placeOf(list[index].operator, list[index].sequence);
      bytes32 digest = list[index].checkpoint;
      // Indexes are kept one higher: zero is none.
      if (includedAt[place] != 0) doubled.push(Doubled(includedAt[place] - 1, leaves.length - 1, place));
      else if (anchoredAt[digest] != 0) doubled.push(Doubled(anchoredAt[digest] - 1, leaves.length - 1, digest));
      if (includedAt[place] == 0) includedAt[place] = leaves.length;
      if (anchoredAt[digest] == 0) anchoredAt[digest] = leaves.length;
    }
  }

  function falseBatchCall(SeenLeaf memory first, SeenLeaf memory second) private view returns (bytes memory) {
    uint64 epoch = second.anchored.batch.epoch;
    bytes memory sigs64 = signaturesOf(epoch, digestOf(second.anchored.batch), second.signers);
    return abi.encodeCall(IEvidence.falseBatch, (first.anchored, second.anchored, epoch, second.signers, sigs64));
  }

  function send(bytes memory data) private returns (bool ok) {
    vm.prank(REPORTER);
    (ok,) = address(evidence).call(data);
    if (ok) ++proved;
  }

  function inclusionIn(SeenLeaf memory seen, uint256 spot) private view returns (IEvidence.Inclusion memory) {
    uint8 index = uint8(spot % seen.checkpoint.receipts.length);
    return inclusionOf(seen.anchored, seen.checkpoint.signed, seen.checkpoint.receipts, index);
  }

  /// @dev A report of any kind from any two things seen; whether they fit is for the contract to say.
  function reportOf(uint256 kind, uint256 a, uint256 b, uint256 spot) private view returns (bytes memory) {
    kind %= 9;
    if (kind == 0) {
      SeenReceipt memory left = abi.decode(pick(receipts, a), (SeenReceipt));
      SeenReceipt memory right = abi.decode(pick(receipts, b), (SeenReceipt));
      return abi.encodeCall(IEvidence.receiptEquivocation, (left.grant, left.signed, right.signed));
    }
    if (kind == 1) {
      SeenHead memory left = abi.decode(pick(heads, a), (SeenHead));
      SeenHead memory right = abi.decode(pick(heads, b), (SeenHead));
      return abi.encodeCall(IEvidence.headEquivocation, (left.grant, left.signed, right.signed));
    }
    if (kind == 2) return headReportOf(a, b, spot);
    if (kind == 5) {
      SeenCheckpoint memory left = abi.decode(pick(checkpoints, a), (SeenCheckpoint));
      SeenCheckpoint memory right = abi.decode(pick(checkpoints, b), (SeenCheckpoint));
      return abi.encodeCall(IEvidence.checkpointEquivocation, (left.signed, right.signed));
    }
    if (kind == 6 && votes.length != 0) {
      IEvidence.SignedVote memory left = abi.decode(pick(votes, a), (IEvidence.SignedVote));
      IEvidence.SignedVote memory right = abi.decode(pick(votes, b), (IEvidence.SignedVote));
      return abi.encodeCall(IEvidence.voteEquivocation, (left, right));
    }
    if (kind == 7 || leaves.length == 0) {
      SeenReceipt memory seen = abi.decode(pick(receipts, a), (SeenReceipt));
      return abi.encodeCall(
        IEvidence.overcharge,
        (seen.grant, jobOf(seen.grant, seen.nonce), termsOf(seen.grant.grant.operator), seen.signed)
      );
    }
    if (kind == 3) return omissionReportOf(a, b, spot);
    SeenLeaf memory first = abi.decode(pick(leaves, a), (SeenLeaf));
    SeenLeaf memory second = abi.decode(pick(leaves, b), (SeenLeaf));
    if (kind == 4) {
      return abi.encodeCall(IEvidence.doubledReceipt, (inclusionIn(first, spot), inclusionIn(second, spot >> 128)));
    }
    return falseBatchCall(first, second);
  }

  function headReportOf(uint256 a, uint256 b, uint256 spot) private view returns (bytes memory) {
    SeenHead memory head = abi.decode(pick(heads, a), (SeenHead));
    SeenReceipt memory seen = abi.decode(pick(receipts, b), (SeenReceipt));
    Receipt memory receipt = seen.signed.receipt;
    uint32 position = spot % 2 == 0 ? head.signed.head.index - 1 : uint32(spot % receipt.chunks);
    Head memory other = headOf(receipt, position + 1);
    bytes32[] memory proof = Trees.proofOf(Trees.build(IndexedMerkle.HEAD, headDigestsOf(receipt)), position);
    return abi.encodeCall(IEvidence.headAgainstReceipt, (seen.grant, head.signed, seen.signed, other, position, proof));
  }

  function omissionReportOf(uint256 a, uint256 b, uint256 spot) private view returns (bytes memory) {
    SeenReceipt memory seen = abi.decode(pick(receipts, a), (SeenReceipt));
    SeenLeaf memory leaf = abi.decode(pick(leaves, b), (SeenLeaf));
    Receipt[] memory list = leaf.checkpoint.receipts;
    uint256 index = spot % list.length;
    uint64 first = leaf.checkpoint.signed.checkpoint.firstSequence;
    uint64 sequence = seen.signed.receipt.sequence;
    if (sequence >= first && sequence - first < list.length) index = sequence - first;
    return abi.encodeCall(
      IEvidence.omittedReceipt,
      (
        seen.grant,
        seen.signed,
        leaf.anchored,
        leaf.checkpoint.signed,
        digestOf(list[index]),
        Trees.proofOf(receiptTree(list), index)
      )
    );
  }
}

contract EvidenceInvariantsTest is Offences {
  Accusers private accusers;

  function setUp() public {
    accusers = new Accusers();
  }

  function targetContracts() public view returns (address[] memory targets) {
    targets = new address[](1);
    targets[0] = address(accusers);
  }

  function honestStands() private view {
    (IStakeManager stakes, address provider_, address verifier, address settler_) = accusers.parts();
    equal(stakes.slashableOf(provider_, Role.Provider), PROVIDER_STAKE, "provider");
    equal(stakes.slashableOf(verifier, Role.Verifier), VERIFIER_STAKE, "verifier");
    equal(stakes.slashableOf(settler_, Role.Settler), SETTLER_STAKE, "settler");
  }

  function invariant_noObjectiveOffenceTakesStakeOfTheHonest() public view {
    honestStands();
  }

  /// @dev One checkpoint, one inclusion: a second is provable whenever it was, against all who signed it.
  function afterInvariant() public {
    accusers.proveAllDoubled();
    honestStands();
  }

  /// @dev The suite is not empty: the same actions do find liars.
  function test_theAccusersFindLiars() public {
    uint256 seed = 1;
    for (uint256 round; round < 14; ++round) {
      seed = uint256(keccak256(abi.encode(seed)));
      accusers.signReceipts(0);
      accusers.signCheckpoint();
      accusers.liarSigns(seed >> 8, uint64(seed >> 16), seed >> 24);
      accusers.liarCheckpoints(seed, uint64(seed >> 32), seed >> 40);
      accusers.liarVotes(seed % 4, uint8(seed >> 48), seed >> 56);
      accusers.liarsAnchor(seed, uint64(seed >> 64), round % 3 == 0);
      accusers.anchorOnce(seed);
    }
    isTrue(accusers.doubledCount() > 5, "inclusions were doubled");
    for (uint256 kind; kind < 8; ++kind) {
      bool found;
      for (uint256 tries; !found && tries < 1500; ++tries) {
        seed = uint256(keccak256(abi.encode(seed)));
        accusers.restake();
        found = accusers.accuse(kind, seed, seed >> 64, seed >> 128);
      }
      isTrue(found, "every offence is found");
    }
    accusers.proveAllDoubled();
    honestStands();
  }
}
