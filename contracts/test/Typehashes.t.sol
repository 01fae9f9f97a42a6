// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Digests} from "../src/libraries/Digests.sol";
import {Harness} from "./Harness.sol";
import {Test} from "./support/Test.sol";

/// @notice Every EIP-712 type of the network, rebuilt from lists of its fields: name, width and order (audit finding 10).
contract TypehashesTest is Test {
  /// @param kinds of the fields, one word each: `a` address, `b` bytes32, else the bits of an unsigned integer
  /// @param hasher function of `Harness` that hashes the object; zero: none
  struct Type {
    bytes32 typehash;
    string name;
    string fields;
    string kinds;
    bytes4 hasher;
  }

  Harness private harness;
  Type[] private types;

  function setUp() public {
    harness = new Harness();
    add(
      Digests.SESSION_GRANT_TYPEHASH,
      "SessionGrant",
      "operator sessionKey encryptionKey evidence modelsRoot policyEpoch previousGrant notBefore notAfter",
      "a a b b b 64 b 64 64",
      Harness.hashSessionGrant.selector
    );
    add(
      Digests.TERMS_TYPEHASH,
      "Terms",
      "operator model macIn macOut memoryMB referenceRate token perRequest perGMAC perSecond perGBSecond minVerifyFee maxOutputUnits validUntil",
      "a b 128 128 64 64 a 128 128 128 128 128 64 64",
      Harness.hashTerms.selector
    );
    add(
      Digests.OFFER_TYPEHASH,
      "Offer",
      "operator grant termsRoot termsCount tiers privacy addressesHash sequence validUntil",
      "a b b 16 8 8 b 64 64",
      Harness.hashOffer.selector
    );
    add(
      Digests.LOAD_TYPEHASH,
      "Load",
      "operator sequence utilisationPpm freeSlots at",
      "a 64 32 16 64",
      Harness.hashLoad.selector
    );
    add(
      Digests.JOB_TYPEHASH,
      "Job",
      "requester provider grant model inputHash parametersHash terms tier privacy mode token channel maxFee maxOutputUnits nonce createdAt deadline",
      "a a b b b b b 8 8 8 a b 128 64 b 64 64",
      Harness.hashJob.selector
    );
    add(
      Digests.HEAD_TYPEHASH,
      "Head",
      "jobId grant index head outputUnits fee",
      "b b 32 b 64 128",
      Harness.hashHead.selector
    );
    add(
      Digests.RECEIPT_TYPEHASH,
      "Receipt",
      "jobId grant provider requester channel sequence model inputHash parametersHash terms outputHead headsRoot chunks inputUnits outputUnits mac billedMs memoryMB fee chargedAfter evidence trace assurance status startedAt finishedAt",
      "b b a a b 64 b b b b b b 32 64 64 128 64 64 128 128 b b 8 8 64 64",
      Harness.hashReceipt.selector
    );
    add(
      Digests.CHECKPOINT_TYPEHASH,
      "Checkpoint",
      "operator grant sequence previous firstSequence count receiptsRoot totalFee epoch blockNumber blockHash createdAt",
      "a b 64 b 64 16 b 128 64 64 b 64",
      Harness.hashCheckpoint.selector
    );
    add(
      Digests.VOTE_TYPEHASH,
      "Vote",
      "verifier seat checkpoint round accepted rejected replayed reasons methods assurance notChecked workCommit seenAt",
      "a 16 b 8 256 256 256 b 32 8 32 b 64",
      Harness.hashVote.selector
    );
    add(
      Digests.DELIVERY_TYPEHASH,
      "Delivery",
      "verifier checkpoint recordsHash count receivedAt",
      "a b b 16 64",
      Harness.hashDelivery.selector
    );
    add(
      Digests.BATCH_TYPEHASH,
      "Batch",
      "number previous epoch settler checkpointsRoot leaves votesRoot auditsRoot auditOf jobs rejected acceptedFee mac data cutoff",
      "64 b 64 a b 32 b b 64 32 32 128 128 b 64",
      Harness.hashBatch.selector
    );
    add(
      Digests.LEAF_TYPEHASH,
      "Leaf",
      "index operator sequence checkpoint receiptsRoot count accepted rejected slashable acceptedFee certificate",
      "32 a 64 b b 16 256 256 256 128 b",
      Harness.hashLeaf.selector
    );
    add(
      Digests.REGISTRATION_TYPEHASH,
      "Registration",
      "operator owner payout deadline",
      "a a a 256",
      Harness.hashRegistration.selector
    );
    add(Digests.ROTATION_TYPEHASH, "Rotation", "from to owner deadline", "a a a 256", 0);
    add(
      Digests.REWARD_ROOT_TYPEHASH,
      "RewardRoot",
      "distributor epoch voids root leaves total cumulative table previous",
      "a 64 32 b 32 128 128 b b",
      0
    );
    add(Digests.VOID_ROOT_TYPEHASH, "VoidRoot", "rewardRoot epoch", "b 64", 0);
  }

  function add(bytes32 typehash, string memory name, string memory fields, string memory kinds, bytes4 hasher) private {
    types.push(Type(typehash, name, fields, kinds, hasher));
  }

  /// @dev The words of a line, between single spaces.
  function wordsOf(string memory line) private pure returns (string[] memory words) {
    bytes memory text = bytes(line);
    uint256 count = 1;
    for (uint256 at; at < text.length; ++at) {
      if (text[at] == " ") ++count;
    }
    words = new string[](count);
    uint256 word;
    for (uint256 at; at < text.length; ++at) {
      if (text[at] == " ") ++word;
      else words[word] = string.concat(words[word], string(abi.encodePacked(text[at])));
    }
  }

  function typeOf(string memory kind) private pure returns (string memory) {
    if (widthOf(kind) == 160) return "address";
    return bytes(kind)[0] == "b" ? "bytes32" : string.concat("uint", kind);
  }

  /// @dev Bits.
  function widthOf(string memory kind) private pure returns (uint256 bits) {
    bytes memory text = bytes(kind);
    if (text[0] == "a") return 160;
    if (text[0] == "b") return 256;
    for (uint256 at; at < text.length; ++at) {
      bits = 10 * bits + uint8(text[at]) - 48;
    }
  }

  function test_audit10_everyTypehashIsThatOfItsFields() public view {
    for (uint256 index; index < types.length; ++index) {
      Type memory object = types[index];
      string[] memory names = wordsOf(object.fields);
      string[] memory kinds = wordsOf(object.kinds);
      equal(names.length, kinds.length, object.name);
      string memory encoded = string.concat(object.name, "(");
      for (uint256 field; field < names.length; ++field) {
        encoded = string.concat(encoded, field == 0 ? "" : ",", typeOf(kinds[field]), " ", names[field]);
      }
      equal(object.typehash, keccak256(bytes(string.concat(encoded, ")"))), object.name);
    }
  }

  function test_audit10_theDomainIsThatOfEIP712WithASalt() public pure {
    equal(
      Digests.DOMAIN_TYPEHASH,
      keccak256(
        bytes(
          string.concat(
            "EIP712Domain(",
            "string name,",
            "string version,",
            "uint256 chainId,",
            "address verifyingContract,",
            "bytes32 salt)"
          )
        )
      ),
      "domain"
    );
    bytes32 expected = keccak256(
      bytes.concat(
        Digests.DOMAIN_TYPEHASH,
        keccak256("OPG Network"),
        keccak256("1"),
        bytes32(uint256(31_337)),
        bytes32(uint256(0xABC)),
        bytes32(uint256(7))
      )
    );
    equal(Digests.domainSeparator(31_337, address(0xABC), bytes32(uint256(7))), expected, "separator");
    equal(
      Digests.toTyped(expected, bytes32(uint256(9))),
      keccak256(bytes.concat(hex"1901", expected, bytes32(uint256(9)))),
      "typed"
    );
  }

  /// @dev An object is the words of its fields: their order and widths in the struct are those of the type string.
  function testFuzz_audit10_everyObjectHashesItsFieldsInOrder(uint256 seed) public view {
    for (uint256 index; index < types.length; ++index) {
      Type memory object = types[index];
      if (object.hasher == 0) continue;
      string[] memory kinds = wordsOf(object.kinds);
      bytes memory words;
      for (uint256 field; field < kinds.length; ++field) {
        seed = uint256(keccak256(abi.encode(seed)));
        words = bytes.concat(words, bytes32(seed >> (256 - widthOf(kinds[field]))));
      }
      (bool ok, bytes memory out) = address(harness).staticcall(bytes.concat(object.hasher, words));
      isTrue(ok, object.name);
      equal(bytes32(out), keccak256(bytes.concat(object.typehash, words)), object.name);

      uint256 wide = seed % kinds.length;
      if (widthOf(kinds[wide]) == 256) continue;
      uint256 value = 1 << widthOf(kinds[wide]);
      assembly ("memory-safe") {
        mstore(add(add(words, 0x20), mul(0x20, wide)), value)
      }
      (ok,) = address(harness).staticcall(bytes.concat(object.hasher, words));
      isTrue(!ok, string.concat(object.name, ": one bit too wide"));
    }
  }

  function testFuzz_audit10_whatIsSignedForContractsHashesItsFieldsInOrder(
    address from,
    address to,
    address owner,
    uint256 deadline
  ) public pure {
    bytes32 expected = keccak256(
      bytes.concat(
        Digests.ROTATION_TYPEHASH,
        bytes32(uint256(uint160(from))),
        bytes32(uint256(uint160(to))),
        bytes32(uint256(uint160(owner))),
        bytes32(deadline)
      )
    );
    equal(Digests.hashRotation(from, to, owner, deadline), expected, "rotation");
  }
}
