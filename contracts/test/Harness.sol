// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "../src/interfaces/IStakeManager.sol";
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
} from "../src/interfaces/Objects.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Fees} from "../src/libraries/Fees.sol";
import {IndexedMerkle} from "../src/libraries/IndexedMerkle.sol";
import {Seats} from "../src/libraries/Seats.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @notice The libraries as external functions, so that vectors made elsewhere can be held against them.
contract Harness {
  /// @notice Answers of many calls at once; the first that reverts reverts all.
  function many(bytes[] calldata calls) external view returns (bytes[] memory answers) {
    answers = new bytes[](calls.length);
    for (uint256 index; index < calls.length; ++index) {
      answers[index] = Address.functionStaticCall(address(this), calls[index]);
    }
  }

  function hashSessionGrant(SessionGrant calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashTerms(Terms calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashOffer(Offer calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashLoad(Load calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashJob(Job calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashHead(Head calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashReceipt(Receipt calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashCheckpoint(Checkpoint calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashVote(Vote calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashDelivery(Delivery calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashBatch(Batch calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashLeaf(Leaf calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashRewardRoot(RewardRoot calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashVoidRoot(VoidRoot calldata value) external pure returns (bytes32) {
    return Digests.hash(value);
  }

  function hashReward(address account, uint128 cumulative) external pure returns (bytes32) {
    return Digests.hashReward(account, cumulative);
  }

  function hashRegistration(address operator, address owner, address payout, uint256 deadline)
    external
    pure
    returns (bytes32)
  {
    return Digests.hashRegistration(operator, owner, payout, deadline);
  }

  function hashRotation(address from, address to, address owner, uint256 deadline) external pure returns (bytes32) {
    return Digests.hashRotation(from, to, owner, deadline);
  }

  function networkId(uint256 chainId, address stakeManager, bytes32 anchor) external pure returns (bytes32) {
    return Digests.networkId(chainId, stakeManager, anchor);
  }

  function domainSeparator(uint256 chainId, address stakeManager, bytes32 network) external pure returns (bytes32) {
    return Digests.domainSeparator(chainId, stakeManager, network);
  }

  function toTyped(bytes32 separator, bytes32 structHash) external pure returns (bytes32) {
    return Digests.toTyped(separator, structHash);
  }

  function merkleLeaf(bytes32 tag, uint256 index, bytes32 digest) external pure returns (bytes32) {
    return IndexedMerkle.leaf(tag, index, digest);
  }

  function merkleVerify(bytes32 tag, bytes32 root, uint256 index, bytes32 digest, bytes32[] calldata proof)
    external
    pure
    returns (bool)
  {
    return IndexedMerkle.verify(tag, root, index, digest, proof);
  }

  function macOf(Terms calldata terms, uint64 inputUnits, uint64 outputUnits) external pure returns (uint256) {
    return Fees.macOf(terms, inputUnits, outputUnits);
  }

  function billedMsOf(Terms calldata terms, uint64 inputUnits, uint64 outputUnits, uint64 startedAt, uint64 finishedAt)
    external
    pure
    returns (uint256)
  {
    return Fees.billedMsOf(terms, inputUnits, outputUnits, startedAt, finishedAt);
  }

  function feeOf(Terms calldata terms, uint256 mac, uint256 billedMs) external pure returns (uint256) {
    return Fees.feeOf(terms, mac, billedMs);
  }

  function splitFee(uint256 fee, uint256 networkSharePpm) external pure returns (uint256 provider, uint256 network) {
    return Fees.split(fee, networkSharePpm);
  }

  function drawWorkSeats(IStakeManager.OperatorStake[] memory stakes, bytes32 seed, uint256 count)
    external
    pure
    returns (IStakeManager.OperatorStake[] memory)
  {
    return Seats.drawWorkSeats(stakes, seed, count);
  }

  function drawOrder(bytes32 tag, bytes32 seed, uint256 count) external pure returns (uint256[] memory) {
    return Seats.drawOrder(tag, seed, count);
  }

  function fastSeedOf(bytes32 epochSeed, bytes32 blockHash, address operator, uint64 sequence)
    external
    pure
    returns (bytes32)
  {
    return Seats.fastSeedOf(epochSeed, blockHash, operator, sequence);
  }

  function drawCommittee(
    IStakeManager.OperatorStake[] memory seats,
    bytes32 seed,
    uint256 size,
    address operator,
    address owner
  ) external pure returns (uint256[] memory) {
    return Seats.drawCommittee(seats, seed, size, operator, owner);
  }

  function decidingVotes(uint256 committeeSize) external pure returns (uint256) {
    return Seats.decidingVotes(committeeSize);
  }

  function mustReplay(bytes32 fastSeed, uint256 seat, uint256 receiptIndex, uint256 ratePpm)
    external
    pure
    returns (bool)
  {
    return Seats.mustReplay(fastSeed, seat, receiptIndex, ratePpm);
  }

  function settlerOrder(address[] memory settlers, bytes32 previousBatch, uint64 number)
    external
    pure
    returns (address[] memory)
  {
    return Seats.settlerOrder(settlers, previousBatch, number);
  }
}
