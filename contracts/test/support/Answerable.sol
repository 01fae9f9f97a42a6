// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Demands} from "../../src/Demands.sol";
import {FeeSplitterFactory} from "../../src/FeeSplitterFactory.sol";
import {OPG} from "../../src/OPG.sol";
import {PaymentChannels} from "../../src/PaymentChannels.sol";
import {IDemands} from "../../src/interfaces/IDemands.sol";
import {IDepositCollector} from "../../src/interfaces/IDepositCollector.sol";
import {IEvidence} from "../../src/interfaces/IEvidence.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {IProtocolParams, Module} from "../../src/interfaces/IProtocolParams.sol";
import {Batch, Checkpoint, Job, Leaf, Receipt, Role, SessionGrant} from "../../src/interfaces/Objects.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {IndexedMerkle} from "../../src/libraries/IndexedMerkle.sol";
import {Network} from "./Network.sol";
import {Trees} from "./Trees.sol";

/// @notice The cheatcodes these fixtures need beside the common ones.
interface AddressVm {
  function getNonce(address account) external view returns (uint64);
  function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
}

/// @notice Brings money into a channel: who pays has approved this.
contract Puller is IDepositCollector {
  address public immutable x402BatchSettlement;

  constructor(address channels) {
    x402BatchSettlement = channels;
  }

  function collect(address payer, address token, uint256 amount, bytes32, bytes calldata) external {
    OPG(token).transferFrom(payer, msg.sender, amount);
  }
}

/// @notice A network with demands in it, and one anchored batch of two checkpoints with three receipts each.
abstract contract Answerable is Network {
  AddressVm private constant ADDRESSES = AddressVm(address(uint160(uint256(keccak256("hevm cheat code")))));
  uint64 internal constant ANSWER_PERIOD = 5;
  uint128 internal constant BOND = 100e18;
  uint128 internal constant PROVIDER_STAKE = 20_000e18;
  uint128 internal constant SETTLER_STAKE = 10_000e18;
  uint256 internal constant ALL_SIGNERS = 15;
  uint256 internal constant SESSION_KEY = 0x5E55;
  uint256 internal constant REQUESTER_KEY = 0x4E9;

  PaymentChannels internal channels;
  FeeSplitterFactory internal splitters;
  Demands internal demands;
  Puller internal puller;
  address internal settler;
  address internal provider;
  address internal requester;
  address internal demander = address(0xDE3A);
  address internal answerer = address(0xA45);

  Batch internal batch;
  Leaf[2] internal leaves;
  Checkpoint[2] internal checkpoints;
  bytes32[] internal leafTree;
  bytes32[][2] internal receiptTrees;
  Receipt[3][2] internal receipts;
  /// @dev Maps of every leaf that is built.
  uint256 internal acceptedMap = 3;
  uint256 internal rejectedMap = 4;

  function predict(uint256 offset) internal view returns (address) {
    return ADDRESSES.computeCreateAddress(address(this), ADDRESSES.getNonce(address(this)) + offset);
  }

  /// @dev Demands acts from the first block, by its predicted address: it is the ninth contract from the parameters on.
  function genesisSlashers() internal view override returns (address[] memory slashers) {
    slashers = new address[](1);
    slashers[0] = predict(7);
  }

  function parameters() internal override returns (IProtocolParams.Setup memory setup) {
    setup = super.parameters();
    setup.modules = new Module[](2);
    setup.targets = new address[](2);
    (setup.modules[0], setup.targets[0]) = (Module.BatchAnchor, predict(3));
    (setup.modules[1], setup.targets[1]) = (Module.Demands, predict(8));
  }

  function deployAnswerable() internal {
    deploy();
    channels = new PaymentChannels();
    puller = new Puller(address(channels));
    splitters = new FeeSplitterFactory(manager, params, channels);
    demands = new Demands(manager, params, batches, splitters, IDemands.Setup(ANSWER_PERIOD, BOND));

    settler = staked("settler", 0, Role.Settler, SETTLER_STAKE);
    provider = staked("provider", 0, Role.Provider, PROVIDER_STAKE);
    requester = vm.addr(REQUESTER_KEY);
    openWith(4, VERIFIER_STAKE, 0);
    fund(demander);
    fund(requester);
    vm.prank(requester);
    opg.approve(address(puller), type(uint256).max);
  }

  function fund(address account) internal {
    opg.transfer(account, 1_000_000e18);
    vm.prank(account);
    opg.approve(address(demands), type(uint256).max);
  }

  function nowMs() internal view returns (uint64) {
    return uint64(vm.getBlockTimestamp() * 1000);
  }

  function digestOfHash(bytes32 structHash) internal view returns (bytes32) {
    return Digests.toTyped(manager.domainSeparator(), structHash);
  }

  function grantOf(uint256 operatorKey, uint256 sessionKey)
    internal
    view
    returns (IEvidence.SignedGrant memory signed)
  {
    signed.grant.operator = vm.addr(operatorKey);
    signed.grant.sessionKey = vm.addr(sessionKey);
    signed.grant.notBefore = 1_800_000_000_000;
    signed.grant.notAfter = 1_800_086_400_000;
    signed.signature = signature65(operatorKey, digestOfHash(harness.hashSessionGrant(signed.grant)));
  }

  function grantDigest() internal view returns (bytes32) {
    return digestOfHash(harness.hashSessionGrant(grantOf(key("provider", 0), SESSION_KEY).grant));
  }

  function configOf(address payerAuthorizer, address receiverAuthorizer, bytes32 salt)
    internal
    view
    returns (IPaymentChannels.ChannelConfig memory)
  {
    return IPaymentChannels.ChannelConfig({
      payer: requester,
      payerAuthorizer: payerAuthorizer,
      receiver: splitters.splitterOf(receiverAuthorizer),
      receiverAuthorizer: receiverAuthorizer,
      token: address(opg),
      withdrawDelay: 24 hours,
      salt: salt
    });
  }

  function channelConfig() internal view returns (IPaymentChannels.ChannelConfig memory) {
    return configOf(requester, provider, 0);
  }

  function channelId() internal view returns (bytes32) {
    return channels.getChannelId(channelConfig());
  }

  /// @dev Job `nonce` of the requester on its channel, as it names provider and grant.
  function jobOf(uint256 nonce) internal view returns (Job memory job) {
    job.requester = requester;
    job.provider = provider;
    job.grant = grantDigest();
    job.model = keccak256("model");
    job.channel = channelId();
    job.token = address(opg);
    job.maxFee = 10e18;
    job.nonce = bytes32(nonce);
  }

  /// @dev The receipt of `jobOf(sequence)`: each job costs one OPG.
  function receiptOf(uint64 sequence) internal view virtual returns (Receipt memory receipt) {
    Job memory job = jobOf(sequence);
    receipt.jobId = digestOfHash(harness.hashJob(job));
    receipt.grant = job.grant;
    receipt.provider = job.provider;
    receipt.requester = job.requester;
    receipt.channel = job.channel;
    receipt.sequence = sequence;
    receipt.model = job.model;
    receipt.fee = 1e18;
    receipt.chargedAfter = uint128(sequence + 1) * 1e18;
    receipt.chunks = 1;
    receipt.assurance = 4;
    receipt.status = 1;
    receipt.finishedAt = nowMs();
  }

  function signedReceipt(Receipt memory receipt) internal view returns (IEvidence.SignedReceipt memory) {
    return IEvidence.SignedReceipt(receipt, signature65(SESSION_KEY, digestOfHash(harness.hashReceipt(receipt))));
  }

  function signedCheckpoint(Checkpoint memory checkpoint) internal view returns (IEvidence.SignedCheckpoint memory) {
    bytes32 digest = digestOfHash(harness.hashCheckpoint(checkpoint));
    return IEvidence.SignedCheckpoint(checkpoint, signature65(keys[checkpoint.operator], digest));
  }

  /// @dev Fills the state with the next batch and anchors it: two checkpoints of the provider, three receipts each. All
  /// are accepted but the last of each, which is rejected.
  function anchorBatch() internal {
    bytes32[] memory digests = new bytes32[](2);
    for (uint256 at; at < 2; ++at) {
      digests[at] = _buildLeaf(at);
    }
    leafTree = Trees.build(IndexedMerkle.CHECKPOINT, digests);
    Batch memory b;
    b.number = batches.lastNumber() + 1;
    b.previous = batches.digestOf(b.number - 1);
    b.epoch = manager.currentEpoch();
    b.settler = settler;
    b.checkpointsRoot = leafTree[0];
    b.leaves = 2;
    b.cutoff = nowMs();
    batch = b;
    batches.anchor(b, ALL_SIGNERS, signaturesOf(b.epoch, digestOf(b), ALL_SIGNERS));
  }

  function _buildLeaf(uint256 at) private returns (bytes32) {
    uint64 sequence = 2 * batches.lastNumber() + uint64(at);
    bytes32[] memory digests = new bytes32[](3);
    for (uint64 index; index < 3; ++index) {
      receipts[at][index] = receiptOf(3 * sequence + index);
      digests[index] = digestOfHash(harness.hashReceipt(receipts[at][index]));
    }
    receiptTrees[at] = Trees.build(IndexedMerkle.RECEIPT, digests);
    Checkpoint memory checkpoint;
    checkpoint.operator = provider;
    checkpoint.grant = grantDigest();
    checkpoint.sequence = sequence;
    checkpoint.firstSequence = 3 * sequence;
    checkpoint.count = 3;
    checkpoint.receiptsRoot = receiptTrees[at][0];
    checkpoints[at] = checkpoint;
    Leaf memory leaf;
    leaf.index = uint32(at);
    leaf.operator = provider;
    leaf.sequence = sequence;
    leaf.checkpoint = digestOfHash(harness.hashCheckpoint(checkpoint));
    leaf.receiptsRoot = checkpoint.receiptsRoot;
    leaf.count = 3;
    (leaf.accepted, leaf.rejected) = (acceptedMap, rejectedMap);
    leaves[at] = leaf;
    return harness.hashLeaf(leaf);
  }

  function leafProof(uint256 at) internal view returns (bytes32[] memory) {
    return Trees.proofOf(leafTree, at);
  }

  function receiptProof(uint256 at, uint256 index) internal view returns (bytes32[] memory) {
    return Trees.proofOf(receiptTrees[at], index);
  }

  function anchored(uint256 at) internal view returns (IEvidence.AnchoredLeaf memory) {
    return IEvidence.AnchoredLeaf(batch, leaves[at], leafProof(at));
  }

  function demandLeaf(uint32 index) internal returns (uint64) {
    vm.prank(demander);
    return demands.demandLeaf(batch, index);
  }

  function demandReceipt(uint256 at, uint8 index) internal returns (uint64) {
    IEvidence.AnchoredLeaf memory leaf = anchored(at);
    IEvidence.SignedCheckpoint memory checkpoint = signedCheckpoint(checkpoints[at]);
    vm.prank(demander);
    return demands.demandReceipt(leaf, checkpoint, index);
  }

  /// @dev The settler's signature of its batch: what a proposal carries.
  function settlerSignature() internal view returns (bytes memory) {
    return signature65(keys[batch.settler], digestOf(batch));
  }

  /// @dev The receiver claims `total` of the requester's channel, with a voucher of the requester.
  function claimOnChain(IPaymentChannels.ChannelConfig memory config, uint256 voucherKey, uint128 total) internal {
    bytes32 id = channels.getChannelId(config);
    (uint128 balance,) = channels.channels(id);
    if (balance < total) channels.deposit(config, total - balance, address(puller), "");
    IPaymentChannels.VoucherClaim[] memory rows = new IPaymentChannels.VoucherClaim[](1);
    rows[0] = IPaymentChannels.VoucherClaim(
      IPaymentChannels.Voucher(config, total), signature65(voucherKey, channels.getVoucherDigest(id, total)), total
    );
    vm.prank(config.receiver);
    channels.claim(rows);
  }

  function challenge(Receipt memory shown) internal returns (uint64) {
    IEvidence.SignedGrant memory grant = grantOf(key("provider", 0), SESSION_KEY);
    IEvidence.SignedReceipt memory signed = signedReceipt(shown);
    IPaymentChannels.ChannelConfig memory config = channelConfig();
    vm.prank(demander);
    return demands.challengeClaim(grant, signed, config);
  }

  function claimAnswer(Receipt memory shown, Job memory job) internal view returns (IDemands.ClaimAnswer memory) {
    return IDemands.ClaimAnswer(
      grantOf(key("provider", 0), SESSION_KEY),
      signedReceipt(shown),
      job,
      signature65(REQUESTER_KEY, digestOfHash(harness.hashJob(job)))
    );
  }

  function passDeadline() internal {
    vm.warp(vm.getBlockTimestamp() + ANSWER_PERIOD + 1);
  }
}
