// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What an operator stakes for (R7). Code 0 is refused everywhere.
enum Role {
  None,
  Provider,
  Verifier,
  Settler,
  Host
}

/// @notice R4. Signed by the operator; at most 24 h. Times in ms since 1970.
struct SessionGrant {
  address operator;
  address sessionKey;
  bytes32 encryptionKey;
  bytes32 evidence;
  bytes32 modelsRoot;
  uint64 policyEpoch;
  bytes32 previousGrant;
  uint64 notBefore;
  uint64 notAfter;
}

/// @notice Final prices of one model at one operator. Amounts in wei of `token`, memory in MB, rate in units per second.
struct Terms {
  address operator;
  bytes32 model;
  uint128 macIn;
  uint128 macOut;
  uint64 memoryMB;
  uint64 referenceRate;
  address token;
  uint128 perRequest;
  uint128 perGMAC;
  uint128 perSecond;
  uint128 perGBSecond;
  uint128 minVerifyFee;
  uint64 maxOutputUnits;
  uint64 validUntil;
}

/// @notice Signed by the operator. `tiers` and `privacy` are masks with bit (code - 1).
struct Offer {
  address operator;
  bytes32 grant;
  bytes32 termsRoot;
  uint16 termsCount;
  uint8 tiers;
  uint8 privacy;
  bytes32 addressesHash;
  uint64 sequence;
  uint64 validUntil;
}

/// @notice Signed by the operator, at most once in 5 s.
struct Load {
  address operator;
  uint64 sequence;
  uint32 utilisationPpm;
  uint16 freeSlots;
  uint64 at;
}

/// @notice Signed by the requester; its digest is the job id.
struct Job {
  address requester;
  address provider;
  bytes32 grant;
  bytes32 model;
  bytes32 inputHash;
  bytes32 parametersHash;
  bytes32 terms;
  uint8 tier;
  uint8 privacy;
  uint8 mode;
  address token;
  bytes32 channel;
  uint128 maxFee;
  uint64 maxOutputUnits;
  bytes32 nonce;
  uint64 createdAt;
  uint64 deadline;
}

/// @notice Signed by the session key.
struct Head {
  bytes32 jobId;
  bytes32 grant;
  uint32 index;
  bytes32 head;
  uint64 outputUnits;
  uint128 fee;
}

/// @notice Signed by the session key. `sequence` is gapless per grant.
struct Receipt {
  bytes32 jobId;
  bytes32 grant;
  address provider;
  address requester;
  bytes32 channel;
  uint64 sequence;
  bytes32 model;
  bytes32 inputHash;
  bytes32 parametersHash;
  bytes32 terms;
  bytes32 outputHead;
  bytes32 headsRoot;
  uint32 chunks;
  uint64 inputUnits;
  uint64 outputUnits;
  uint128 mac;
  uint64 billedMs;
  uint64 memoryMB;
  uint128 fee;
  uint128 chargedAfter;
  bytes32 evidence;
  bytes32 trace;
  uint8 assurance;
  uint8 status;
  uint64 startedAt;
  uint64 finishedAt;
}

/// @notice Signed by the operator. Leaf i is receipt `firstSequence + i`; at most 256.
struct Checkpoint {
  address operator;
  bytes32 grant;
  uint64 sequence;
  bytes32 previous;
  uint64 firstSequence;
  uint16 count;
  bytes32 receiptsRoot;
  uint128 totalFee;
  uint64 epoch;
  uint64 blockNumber;
  bytes32 blockHash;
  uint64 createdAt;
}

/// @notice Signed by the verifier's operator key. Maps have one bit a receipt.
struct Vote {
  address verifier;
  uint16 seat;
  bytes32 checkpoint;
  uint8 round;
  uint256 accepted;
  uint256 rejected;
  uint256 replayed;
  bytes32 reasons;
  uint32 methods;
  uint8 assurance;
  uint32 notChecked;
  bytes32 workCommit;
  uint64 seenAt;
}

/// @notice Signed by the verifier: it received the record bytes with this digest (R10).
struct Delivery {
  address verifier;
  bytes32 checkpoint;
  bytes32 recordsHash;
  uint16 count;
  uint64 receivedAt;
}

/// @notice Signed by more than 2/3 of the signing set's weight (R13, R19). `cutoff` in ms since 1970.
struct Batch {
  uint64 number;
  bytes32 previous;
  uint64 epoch;
  address settler;
  bytes32 checkpointsRoot;
  uint32 leaves;
  bytes32 votesRoot;
  bytes32 auditsRoot;
  uint64 auditOf;
  uint32 jobs;
  uint32 rejected;
  uint128 acceptedFee;
  uint128 mac;
  bytes32 data;
  uint64 cutoff;
}

/// @notice Not signed alone: its hashStruct is the digest of leaf `index` under `Batch.checkpointsRoot`.
struct Leaf {
  uint32 index;
  address operator;
  uint64 sequence;
  bytes32 checkpoint;
  bytes32 receiptsRoot;
  uint16 count;
  uint256 accepted;
  uint256 rejected;
  uint256 slashable;
  uint128 acceptedFee;
  bytes32 certificate;
}

/// @notice Signed by more than 2/3 of the signing set's weight: who gets the rewards of an epoch. `voids` is how often the
/// distributor voided roots before, `total` of this epoch and `cumulative` of all roots up to it in wei, `table` the
/// sha-256 of the epoch table, `previous` the digest of the root it builds on. Leaf digests are
/// H("OPG/reward/1", account, cumulative).
struct RewardRoot {
  address distributor;
  uint64 epoch;
  uint32 voids;
  bytes32 root;
  uint32 leaves;
  uint128 total;
  uint128 cumulative;
  bytes32 table;
  bytes32 previous;
}

/// @notice Signed by more than 2/3 of the jury's weight in `epoch`: the root with the digest `rewardRoot` is wrong.
struct VoidRoot {
  bytes32 rewardRoot;
  uint64 epoch;
}
