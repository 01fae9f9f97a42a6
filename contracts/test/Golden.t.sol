// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
import {Terms} from "../src/interfaces/Objects.sol";
import {Harness} from "./Harness.sol";
import {Test} from "./support/Test.sol";

/// @notice The cheatcodes that read the vectors.
interface JsonVm {
  function readFile(string calldata path) external view returns (string memory);
  function toString(uint256 value) external pure returns (string memory);
  function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
  function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
  function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
  function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
  function parseJsonAddressArray(string calldata json, string calldata key) external pure returns (address[] memory);
  function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
  function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
  function parseJsonBytesArray(string calldata json, string calldata key) external pure returns (bytes[] memory);
}

/// @notice The libraries give the vectors that our encoder and viem give (test/golden, scripts/generateGolden.ts).
contract GoldenTest is Test {
  JsonVm private constant JSON = JsonVm(address(uint160(uint256(keccak256("hevm cheat code")))));
  uint256 private constant VALUES = 6;
  uint256 private constant TREES = 14;
  uint256 private constant COMMITTEES = 4;

  Harness private harness;
  string private golden;

  function setUp() public {
    harness = new Harness();
    golden = JSON.readFile("../test/golden/protocol.golden.json");
  }

  function test_R2_networkIdsAndSeparators() public view {
    string memory json = golden;
    uint256[] memory chainId = JSON.parseJsonUintArray(json, ".domains.chainId");
    address[] memory stakeManager = JSON.parseJsonAddressArray(json, ".domains.verifyingContract");
    bytes32[] memory parent = JSON.parseJsonBytes32Array(json, ".domains.deploymentParentHash");
    bytes32[] memory network = JSON.parseJsonBytes32Array(json, ".domains.networkId");
    bytes32[] memory separator = JSON.parseJsonBytes32Array(json, ".domains.separator");
    equal(chainId.length, 2, "domains");
    for (uint256 at; at < chainId.length; ++at) {
      equal(harness.networkId(chainId[at], stakeManager[at], parent[at]), network[at], "network id");
      equal(harness.domainSeparator(chainId[at], stakeManager[at], network[at]), separator[at], "separator");
    }
  }

  function test_R3_everyTypeHashesAlike() public view {
    _checkType("SessionGrant", Harness.hashSessionGrant.selector);
    _checkType("Terms", Harness.hashTerms.selector);
    _checkType("Offer", Harness.hashOffer.selector);
    _checkType("Load", Harness.hashLoad.selector);
    _checkType("Job", Harness.hashJob.selector);
    _checkType("Head", Harness.hashHead.selector);
    _checkType("Receipt", Harness.hashReceipt.selector);
    _checkType("Checkpoint", Harness.hashCheckpoint.selector);
    _checkType("Vote", Harness.hashVote.selector);
    _checkType("Delivery", Harness.hashDelivery.selector);
    _checkType("Batch", Harness.hashBatch.selector);
    _checkType("Leaf", Harness.hashLeaf.selector);
    _checkType("RewardRoot", Harness.hashRewardRoot.selector);
    _checkType("VoidRoot", Harness.hashVoidRoot.selector);
  }

  function test_R3_signaturesRecoverToTheKnownKey() public view {
    string memory json = golden;
    address signer = JSON.parseJsonAddress(json, ".key.address");
    bytes32[] memory digests = JSON.parseJsonBytes32Array(json, ".types.Receipt.digestInFirst");
    bytes[] memory signatures = JSON.parseJsonBytesArray(json, ".types.Receipt.signatureInFirst");
    equal(signatures.length, VALUES, "signatures");
    for (uint256 at; at < VALUES; ++at) {
      equal(signatures[at].length, 65, "length");
      (bytes32 r, bytes32 s, uint8 v) = _split(signatures[at]);
      equal(ecrecover(digests[at], v, r, s), signer, "signer");
      isTrue(uint256(s) <= 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0, "low s");
    }
  }

  function test_treesProveEveryLeafAndNoOther() public view {
    string memory json = golden;
    for (uint256 tree; tree < TREES; ++tree) {
      string memory path = string.concat(".trees[", JSON.toString(tree), "]");
      bytes32 tag = keccak256(bytes(JSON.parseJsonString(json, string.concat(path, ".tag"))));
      bytes32 root = JSON.parseJsonBytes32(json, string.concat(path, ".root"));
      uint256 count = JSON.parseJsonUint(json, string.concat(path, ".count"));
      if (count == 0) {
        equal(root, bytes32(0), "root of none");
        continue;
      }
      bytes32[] memory digests = JSON.parseJsonBytes32Array(json, string.concat(path, ".digests"));
      equal(digests.length, count, "count");
      for (uint256 index; index < count; ++index) {
        bytes32[] memory proof =
          JSON.parseJsonBytes32Array(json, string.concat(path, ".proofs[", JSON.toString(index), "]"));
        isTrue(harness.merkleVerify(tag, root, index, digests[index], proof), "proof");
        isTrue(!harness.merkleVerify(tag, root, index + 1, digests[index], proof), "another index");
        isTrue(!harness.merkleVerify(tag, root, index, ~digests[index], proof), "another digest");
        isTrue(!harness.merkleVerify(~tag, root, index, digests[index], proof), "another tag");
      }
    }
  }

  function test_rewardLeavesHashAlike() public view {
    string memory json = golden;
    address[] memory accounts = JSON.parseJsonAddressArray(json, ".rewards.accounts");
    uint256[] memory cumulatives = JSON.parseJsonUintArray(json, ".rewards.cumulatives");
    bytes32[] memory digests = JSON.parseJsonBytes32Array(json, ".rewards.digests");
    bytes32 root = JSON.parseJsonBytes32(json, ".rewards.root");
    equal(digests.length, 5, "accounts");
    for (uint256 at; at < digests.length; ++at) {
      equal(harness.hashReward(accounts[at], uint128(cumulatives[at])), digests[at], "digest");
      bytes32[] memory proof =
        JSON.parseJsonBytes32Array(json, string.concat(".rewards.proofs[", JSON.toString(at), "]"));
      isTrue(harness.merkleVerify(keccak256("OPG/leaf/reward/1"), root, at, digests[at], proof), "proof");
    }
  }

  function test_feesToTheWei() public view {
    uint256 rows = _column("fee").length;
    equal(rows, 12, "rows");
    for (uint256 at; at < rows; ++at) {
      Terms memory terms;
      terms.macIn = uint128(_column("macIn")[at]);
      terms.macOut = uint128(_column("macOut")[at]);
      terms.memoryMB = uint64(_column("memoryMB")[at]);
      terms.referenceRate = uint64(_column("referenceRate")[at]);
      terms.perRequest = uint128(_column("perRequest")[at]);
      terms.perGMAC = uint128(_column("perGMAC")[at]);
      terms.perSecond = uint128(_column("perSecond")[at]);
      terms.perGBSecond = uint128(_column("perGBSecond")[at]);
      uint64 inputUnits = uint64(_column("inputUnits")[at]);
      uint64 outputUnits = uint64(_column("outputUnits")[at]);
      uint256 mac = harness.macOf(terms, inputUnits, outputUnits);
      uint256 billedMs = harness.billedMsOf(
        terms, inputUnits, outputUnits, uint64(_column("startedAt")[at]), uint64(_column("finishedAt")[at])
      );
      uint256 fee = harness.feeOf(terms, mac, billedMs);
      (uint256 provider, uint256 network) = harness.splitFee(fee, 200_000);
      equal(mac, _column("mac")[at], "mac");
      equal(billedMs, _column("billedMs")[at], "billedMs");
      equal(fee, _column("fee")[at], "fee");
      equal(provider, _column("providerShare")[at], "provider");
      equal(network, _column("networkShare")[at], "network");
    }
  }

  function test_R13_R14_seatsAndCommittees() public view {
    string memory json = golden;
    bytes32 epochSeed = JSON.parseJsonBytes32(json, ".seats.epochSeed");
    address[] memory expected = JSON.parseJsonAddressArray(json, ".seats.seats");
    IStakeManager.OperatorStake[] memory seats = harness.drawWorkSeats(_stakes(json), epochSeed, 128);
    equal(expected.length, 128, "seats");
    for (uint256 seat; seat < 128; ++seat) {
      equal(seats[seat].operator, expected[seat], "seat");
    }
    for (uint256 at; at < COMMITTEES; ++at) {
      _checkCommittee(json, string.concat(".seats.committees[", JSON.toString(at), "]"), seats, epochSeed);
    }
  }

  function test_R14_decidingVotesAndReplays() public view {
    string memory json = golden;
    uint256[] memory votes = JSON.parseJsonUintArray(json, ".seats.decidingVotes");
    equal(votes.length, 8, "sizes");
    for (uint256 size; size < votes.length; ++size) {
      equal(harness.decidingVotes(size), votes[size], "votes");
    }
    bytes32 seed = JSON.parseJsonBytes32(json, ".seats.replay.seed");
    uint256 seat = JSON.parseJsonUint(json, ".seats.replay.seat");
    uint256 rate = JSON.parseJsonUint(json, ".seats.replay.ratePpm");
    uint256[] memory receipts = JSON.parseJsonUintArray(json, ".seats.replay.receipts");
    isTrue(receipts.length > 0, "receipts");
    uint256 next;
    for (uint256 index; index < 256; ++index) {
      bool listed = next < receipts.length && receipts[next] == index;
      if (listed) ++next;
      isTrue(harness.mustReplay(seed, seat, index, rate) == listed, "replay");
    }
    equal(next, receipts.length, "replayed");
  }

  function test_R19_orderOfSettlers() public view {
    string memory json = golden;
    address[] memory settlers = JSON.parseJsonAddressArray(json, ".settlers.settlers");
    bytes32 previous = JSON.parseJsonBytes32(json, ".settlers.previousBatch");
    uint256[] memory numbers = JSON.parseJsonUintArray(json, ".settlers.numbers");
    equal(numbers.length, 3, "numbers");
    for (uint256 at; at < numbers.length; ++at) {
      address[] memory expected =
        JSON.parseJsonAddressArray(json, string.concat(".settlers.orders[", JSON.toString(at), "]"));
      address[] memory order = harness.settlerOrder(settlers, previous, uint64(numbers[at]));
      equal(order.length, expected.length, "length");
      for (uint256 place; place < order.length; ++place) {
        equal(order[place], expected[place], "settler");
      }
    }
  }

  /// @dev A flat struct of static members is its words in calldata, so a vector's encoding is the call's argument.
  function _checkType(string memory name, bytes4 selector) private view {
    string memory json = golden;
    string memory path = string.concat(".types.", name);
    bytes32 typeHash = JSON.parseJsonBytes32(json, string.concat(path, ".typeHash"));
    bytes32 ofString = keccak256(bytes(JSON.parseJsonString(json, string.concat(path, ".typeString"))));
    equal(ofString, typeHash, name);
    bytes[] memory encoded = JSON.parseJsonBytesArray(json, string.concat(path, ".encoded"));
    bytes32[] memory hashes = JSON.parseJsonBytes32Array(json, string.concat(path, ".structHash"));
    equal(encoded.length, VALUES, name);
    for (uint256 at; at < VALUES; ++at) {
      (bool success, bytes memory returned) = address(harness).staticcall(bytes.concat(selector, encoded[at]));
      isTrue(success, name);
      equal(abi.decode(returned, (bytes32)), hashes[at], name);
      equal(keccak256(bytes.concat(typeHash, encoded[at])), hashes[at], name);
    }
    _checkDigests(json, hashes, 0, string.concat(path, ".digestInFirst"));
    _checkDigests(json, hashes, 1, string.concat(path, ".digestInSecond"));
  }

  function _checkDigests(string memory json, bytes32[] memory hashes, uint256 domain, string memory path) private view {
    bytes32 separator = JSON.parseJsonBytes32Array(json, ".domains.separator")[domain];
    bytes32[] memory digests = JSON.parseJsonBytes32Array(json, path);
    for (uint256 at; at < VALUES; ++at) {
      equal(harness.toTyped(separator, hashes[at]), digests[at], path);
    }
  }

  function _checkCommittee(
    string memory json,
    string memory path,
    IStakeManager.OperatorStake[] memory seats,
    bytes32 epochSeed
  ) private view {
    address operator = JSON.parseJsonAddress(json, string.concat(path, ".operator"));
    address owner = JSON.parseJsonAddress(json, string.concat(path, ".owner"));
    bytes32 blockHash = JSON.parseJsonBytes32(json, string.concat(path, ".blockHash"));
    uint64 sequence = uint64(JSON.parseJsonUint(json, string.concat(path, ".sequence")));
    bytes32 seed = harness.fastSeedOf(epochSeed, blockHash, operator, sequence);
    equal(seed, JSON.parseJsonBytes32(json, string.concat(path, ".seed")), "fast seed");
    uint256[] memory expected = JSON.parseJsonUintArray(json, string.concat(path, ".seats"));
    address[] memory verifiers = JSON.parseJsonAddressArray(json, string.concat(path, ".verifiers"));
    uint256[] memory chosen = harness.drawCommittee(seats, seed, 7, operator, owner);
    equal(chosen.length, expected.length, "size");
    for (uint256 at; at < chosen.length; ++at) {
      equal(chosen[at], expected[at], "seat");
      equal(seats[chosen[at]].operator, verifiers[at], "verifier");
    }
  }

  function _stakes(string memory json) private pure returns (IStakeManager.OperatorStake[] memory stakes) {
    address[] memory operators = JSON.parseJsonAddressArray(json, ".seats.operators");
    address[] memory owners = JSON.parseJsonAddressArray(json, ".seats.owners");
    uint256[] memory weights = JSON.parseJsonUintArray(json, ".seats.weights");
    stakes = new IStakeManager.OperatorStake[](operators.length);
    for (uint256 at; at < operators.length; ++at) {
      stakes[at] = IStakeManager.OperatorStake(operators[at], owners[at], weights[at]);
    }
  }

  function _column(string memory name) private view returns (uint256[] memory) {
    return JSON.parseJsonUintArray(golden, string.concat(".fees.", name));
  }

  function _split(bytes memory signature) private pure returns (bytes32 r, bytes32 s, uint8 v) {
    assembly ("memory-safe") {
      r := mload(add(signature, 0x20))
      s := mload(add(signature, 0x40))
      v := byte(0, mload(add(signature, 0x60)))
    }
  }
}
