// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
  Batch,
  Checkpoint,
  Delivery,
  Head,
  Job,
  Leaf,
  Load,
  Offer,
  Receipt,
  RewardRoot,
  SessionGrant,
  Terms,
  VoidRoot,
  Vote
} from "../interfaces/Objects.sol";

/// @title EIP-712 hashes of the protocol's objects (R3)
/// @notice Every type is flat and of static fields, so `abi.encode(typehash, object)` is EIP-712's encodeData.
library Digests {
  bytes32 internal constant SESSION_GRANT_TYPEHASH = keccak256(
    "SessionGrant(address operator,address sessionKey,bytes32 encryptionKey,bytes32 evidence,bytes32 modelsRoot,uint64 policyEpoch,bytes32 previousGrant,uint64 notBefore,uint64 notAfter)"
  );
  bytes32 internal constant TERMS_TYPEHASH = keccak256(
    "Terms(address operator,bytes32 model,uint128 macIn,uint128 macOut,uint64 memoryMB,uint64 referenceRate,address token,uint128 perRequest,uint128 perGMAC,uint128 perSecond,uint128 perGBSecond,uint128 minVerifyFee,uint64 maxOutputUnits,uint64 validUntil)"
  );
  bytes32 internal constant OFFER_TYPEHASH = keccak256(
    "Offer(address operator,bytes32 grant,bytes32 termsRoot,uint16 termsCount,uint8 tiers,uint8 privacy,bytes32 addressesHash,uint64 sequence,uint64 validUntil)"
  );
  bytes32 internal constant LOAD_TYPEHASH =
    keccak256("Load(address operator,uint64 sequence,uint32 utilisationPpm,uint16 freeSlots,uint64 at)");
  bytes32 internal constant JOB_TYPEHASH = keccak256(
    "Job(address requester,address provider,bytes32 grant,bytes32 model,bytes32 inputHash,bytes32 parametersHash,bytes32 terms,uint8 tier,uint8 privacy,uint8 mode,address token,bytes32 channel,uint128 maxFee,uint64 maxOutputUnits,bytes32 nonce,uint64 createdAt,uint64 deadline)"
  );
  bytes32 internal constant HEAD_TYPEHASH =
    keccak256("Head(bytes32 jobId,bytes32 grant,uint32 index,bytes32 head,uint64 outputUnits,uint128 fee)");
  bytes32 internal constant RECEIPT_TYPEHASH = keccak256(
    "Receipt(bytes32 jobId,bytes32 grant,address provider,address requester,bytes32 channel,uint64 sequence,bytes32 model,bytes32 inputHash,bytes32 parametersHash,bytes32 terms,bytes32 outputHead,bytes32 headsRoot,uint32 chunks,uint64 inputUnits,uint64 outputUnits,uint128 mac,uint64 billedMs,uint64 memoryMB,uint128 fee,uint128 chargedAfter,bytes32 evidence,bytes32 trace,uint8 assurance,uint8 status,uint64 startedAt,uint64 finishedAt)"
  );
  bytes32 internal constant CHECKPOINT_TYPEHASH = keccak256(
    "Checkpoint(address operator,bytes32 grant,uint64 sequence,bytes32 previous,uint64 firstSequence,uint16 count,bytes32 receiptsRoot,uint128 totalFee,uint64 epoch,uint64 blockNumber,bytes32 blockHash,uint64 createdAt)"
  );
  bytes32 internal constant VOTE_TYPEHASH = keccak256(
    "Vote(address verifier,uint16 seat,bytes32 checkpoint,uint8 round,uint256 accepted,uint256 rejected,uint256 replayed,bytes32 reasons,uint32 methods,uint8 assurance,uint32 notChecked,bytes32 workCommit,uint64 seenAt)"
  );
  bytes32 internal constant DELIVERY_TYPEHASH =
    keccak256("Delivery(address verifier,bytes32 checkpoint,bytes32 recordsHash,uint16 count,uint64 receivedAt)");
  bytes32 internal constant BATCH_TYPEHASH = keccak256(
    "Batch(uint64 number,bytes32 previous,uint64 epoch,address settler,bytes32 checkpointsRoot,uint32 leaves,bytes32 votesRoot,bytes32 auditsRoot,uint64 auditOf,uint32 jobs,uint32 rejected,uint128 acceptedFee,uint128 mac,bytes32 data,uint64 cutoff)"
  );
  bytes32 internal constant LEAF_TYPEHASH = keccak256(
    "Leaf(uint32 index,address operator,uint64 sequence,bytes32 checkpoint,bytes32 receiptsRoot,uint16 count,uint256 accepted,uint256 rejected,uint256 slashable,uint128 acceptedFee,bytes32 certificate)"
  );
  bytes32 internal constant REWARD_ROOT_TYPEHASH = keccak256(
    "RewardRoot(address distributor,uint64 epoch,uint32 voids,bytes32 root,uint32 leaves,uint128 total,uint128 cumulative,bytes32 table,bytes32 previous)"
  );
  bytes32 internal constant VOID_ROOT_TYPEHASH = keccak256("VoidRoot(bytes32 rewardRoot,uint64 epoch)");
  /// @dev The operator's consent to be registered by `owner`; `deadline` in seconds.
  bytes32 internal constant REGISTRATION_TYPEHASH =
    keccak256("Registration(address operator,address owner,address payout,uint256 deadline)");
  /// @dev The new key's consent to take the place of `from`; `deadline` in seconds.
  bytes32 internal constant ROTATION_TYPEHASH =
    keccak256("Rotation(address from,address to,address owner,uint256 deadline)");
  bytes32 internal constant REWARD_TAG = keccak256("OPG/reward/1");
  bytes32 internal constant DOMAIN_TYPEHASH =
    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
  bytes32 internal constant NAME_HASH = keccak256("OPG Network");
  bytes32 internal constant VERSION_HASH = keccak256("1");
  bytes32 internal constant NETWORK_TAG = keccak256("OPG/network/1");

  /// @notice Id of the network whose StakeManager is `stakeManager` (R2). `anchor` is the parent hash of the deployment
  /// block: a contract cannot know its own block's hash.
  function networkId(uint256 chainId, address stakeManager, bytes32 anchor) internal pure returns (bytes32) {
    return keccak256(abi.encode(NETWORK_TAG, chainId, stakeManager, anchor));
  }

  function domainSeparator(uint256 chainId, address stakeManager, bytes32 network) internal pure returns (bytes32) {
    return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chainId, stakeManager, network));
  }

  /// @notice The digest that is signed and by which the object is identified.
  function toTyped(bytes32 separator, bytes32 structHash) internal pure returns (bytes32 digest) {
    assembly ("memory-safe") {
      let pointer := mload(0x40)
      mstore(pointer, hex"1901")
      mstore(add(pointer, 0x02), separator)
      mstore(add(pointer, 0x22), structHash)
      digest := keccak256(pointer, 0x42)
    }
  }

  function hashRegistration(address operator, address owner, address payout, uint256 deadline)
    internal
    pure
    returns (bytes32)
  {
    return keccak256(abi.encode(REGISTRATION_TYPEHASH, operator, owner, payout, deadline));
  }

  function hashRotation(address from, address to, address owner, uint256 deadline) internal pure returns (bytes32) {
    return keccak256(abi.encode(ROTATION_TYPEHASH, from, to, owner, deadline));
  }

  function hash(SessionGrant calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(SESSION_GRANT_TYPEHASH, value));
  }

  function hash(Terms calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(TERMS_TYPEHASH, value));
  }

  function hash(Offer calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(OFFER_TYPEHASH, value));
  }

  function hash(Load calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(LOAD_TYPEHASH, value));
  }

  function hash(Job calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(JOB_TYPEHASH, value));
  }

  function hash(Head calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(HEAD_TYPEHASH, value));
  }

  function hash(Receipt calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(RECEIPT_TYPEHASH, value));
  }

  function hash(Checkpoint calldata value) internal pure returns (bytes32) {
    uint256 at;
    uint256 beyond;
    assembly ("memory-safe") {
      at := value
      let times := or(calldataload(add(at, 0x100)), calldataload(add(at, 0x120)))
      times := or(times, or(calldataload(add(at, 0x160)), calldataload(add(at, 0x40))))
      beyond := shr(64, or(times, calldataload(add(at, 0x80))))
      beyond := or(beyond, or(shr(160, calldataload(at)), shr(16, calldataload(add(at, 0xA0)))))
      beyond := or(beyond, shr(128, calldataload(add(at, 0xE0))))
    }
    return _hashOf(CHECKPOINT_TYPEHASH, at, 12, beyond);
  }

  function hash(Vote calldata value) internal pure returns (bytes32) {
    uint256 at;
    uint256 beyond;
    assembly ("memory-safe") {
      at := value
      beyond := or(shr(160, calldataload(at)), shr(16, calldataload(add(at, 0x20))))
      beyond := or(beyond, shr(8, or(calldataload(add(at, 0x60)), calldataload(add(at, 0x120)))))
      beyond := or(beyond, shr(32, or(calldataload(add(at, 0x100)), calldataload(add(at, 0x140)))))
      beyond := or(beyond, shr(64, calldataload(add(at, 0x180))))
    }
    return _hashOf(VOTE_TYPEHASH, at, 13, beyond);
  }

  function hash(Delivery calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(DELIVERY_TYPEHASH, value));
  }

  function hash(Batch calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(BATCH_TYPEHASH, value));
  }

  function hash(Leaf calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(LEAF_TYPEHASH, value));
  }

  function hash(RewardRoot calldata value) internal pure returns (bytes32) {
    return keccak256(abi.encode(REWARD_ROOT_TYPEHASH, value));
  }

  function hash(VoidRoot memory value) internal pure returns (bytes32) {
    return keccak256(abi.encode(VOID_ROOT_TYPEHASH, value));
  }

  /// @notice What a leaf under `RewardRoot.root` holds.
  function hashReward(address account, uint128 cumulative) internal pure returns (bytes32) {
    return keccak256(abi.encode(REWARD_TAG, account, cumulative));
  }

  /// @dev hashStruct of `words` members at `at` of the calldata. `beyond` holds what their words have beyond the members'
  /// widths: reverts unless it is zero, as `abi.encode` would, at half its price, where a report of an offence hashes two.
  function _hashOf(bytes32 typeHash, uint256 at, uint256 words, uint256 beyond)
    private
    pure
    returns (bytes32 structHash)
  {
    assembly ("memory-safe") {
      if beyond { revert(0x00, 0x00) }
      let pointer := mload(0x40)
      mstore(pointer, typeHash)
      calldatacopy(add(pointer, 0x20), at, mul(words, 0x20))
      structHash := keccak256(pointer, add(mul(words, 0x20), 0x20))
    }
  }
}
