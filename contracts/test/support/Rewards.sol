// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EmissionReserve} from "../../src/EmissionReserve.sol";
import {RewardDistributor} from "../../src/RewardDistributor.sol";
import {ICommittee} from "../../src/interfaces/ICommittee.sol";
import {IEmissionReserve} from "../../src/interfaces/IEmissionReserve.sol";
import {IProtocolParams, Module} from "../../src/interfaces/IProtocolParams.sol";
import {IRewardDistributor} from "../../src/interfaces/IRewardDistributor.sol";
import {IStakeManager} from "../../src/interfaces/IStakeManager.sol";
import {RewardRoot, VoidRoot} from "../../src/interfaces/Objects.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {IndexedMerkle} from "../../src/libraries/IndexedMerkle.sol";
import {Network} from "./Network.sol";
import {Trees} from "./Trees.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice Deploys one distributor at an address known before: a test's own nonce counts its calls when they are isolated.
contract Deployer {
  function deploy(
    IERC20 token,
    IStakeManager manager,
    ICommittee committee,
    IProtocolParams params,
    IEmissionReserve reserve,
    uint64 voidPeriod
  ) external returns (RewardDistributor) {
    return new RewardDistributor(token, manager, committee, params, reserve, voidPeriod);
  }
}

/// @notice A network that pays rewards: a funded reserve that starts with epoch 0, and its distributor.
abstract contract Rewards is Network {
  uint64 internal constant VOID_PERIOD = 3 * EPOCH;
  /// @dev 96 months of 2,629,800 s.
  uint64 internal constant EMISSION_PERIOD = 252_460_800;
  uint256 internal constant EMISSION = 100_000_000e18;

  Deployer private deployer;
  EmissionReserve internal reserve;
  RewardDistributor internal distributor;

  /// @dev The parameters name the distributor before it is there.
  function parameters() internal override returns (IProtocolParams.Setup memory setup) {
    setup = super.parameters();
    setup.modules = new Module[](1);
    setup.targets = new address[](1);
    setup.modules[0] = Module.RewardDistributor;
    deployer = new Deployer();
    setup.targets[0] = vm.computeCreateAddress(address(deployer), 1);
  }

  function deployRewards() internal {
    deploy();
    reserve = new EmissionReserve(opg, params, uint64(vm.getBlockTimestamp()), EMISSION_PERIOD);
    distributor = deployer.deploy(opg, manager, committee, params, reserve, VOID_PERIOD);
    opg.transfer(address(reserve), EMISSION);
    opg.approve(address(distributor), type(uint256).max);
  }

  function newDistributor() internal returns (RewardDistributor) {
    return new RewardDistributor(opg, manager, committee, params, reserve, VOID_PERIOD);
  }

  /// @dev The network goes on with `successor` from the next second in which it may.
  function replaceBy(address successor) internal {
    vm.prank(GOVERNANCE);
    params.setModule(Module.RewardDistributor, successor);
    vm.warp(vm.getBlockTimestamp() + CHANGE_DELAY);
  }

  /// @dev Into the next epoch, with its set of signers.
  function nextOpen() internal {
    nextEpoch();
    open();
  }

  function treeOf(address[] memory accounts, uint128[] memory cumulatives) internal pure returns (bytes32[] memory) {
    bytes32[] memory digests = new bytes32[](accounts.length);
    for (uint256 index; index < accounts.length; ++index) {
      digests[index] = leafOf(accounts[index], cumulatives[index]);
    }
    return Trees.build(IndexedMerkle.REWARD, digests);
  }

  function leafOf(address account, uint128 cumulative) internal pure returns (bytes32) {
    return keccak256(abi.encode(keccak256("OPG/reward/1"), account, cumulative));
  }

  function budget(uint64 epoch) internal view returns (uint256) {
    IRewardDistributor.Budget memory parts = distributor.budgetOf(epoch);
    return parts.fees + parts.emission + parts.carried;
  }

  /// @dev What may follow the last root that stands.
  function nextRoot(uint64 epoch, bytes32 root, uint32 leaves, uint256 total)
    internal
    view
    returns (RewardRoot memory r)
  {
    r.distributor = address(distributor);
    r.epoch = epoch;
    r.voids = distributor.voids();
    r.root = root;
    r.leaves = leaves;
    r.total = uint128(total);
    r.cumulative = r.total;
    r.table = keccak256(abi.encode("table", epoch));
    uint64 last = distributor.lastNumber();
    if (last == 0) return r;
    IRewardDistributor.Root memory standing = distributor.rootOf(last);
    r.cumulative += standing.cumulative;
    r.previous = standing.digest;
  }

  function typed(bytes32 structHash) internal view returns (bytes32) {
    return Digests.toTyped(manager.domainSeparator(), structHash);
  }

  function digestOf(RewardRoot memory r) internal view returns (bytes32) {
    return typed(harness.hashRewardRoot(r));
  }

  /// @dev A bitmap of the first `count` seats.
  function first(uint256 count) internal pure returns (uint256) {
    return (1 << count) - 1;
  }

  function post(RewardRoot memory r) internal {
    uint256 bitmap = first(committee.signers(r.epoch));
    bytes memory sigs64 = signaturesOf(r.epoch, digestOf(r), bitmap);
    distributor.postRoot(r, bitmap, sigs64);
  }

  /// @dev Expects `data` of a root that every signer signed.
  function postFails(RewardRoot memory r, bytes memory data) internal {
    uint256 bitmap = first(committee.signers(r.epoch));
    bytes memory sigs64 = signaturesOf(r.epoch, digestOf(r), bitmap);
    vm.expectRevert(data);
    distributor.postRoot(r, bitmap, sigs64);
  }

  function juryDigest(uint64 number, uint64 epoch) internal view returns (bytes32) {
    return typed(harness.hashVoidRoot(VoidRoot(distributor.rootOf(number).digest, epoch)));
  }

  function passVoidPeriod() internal {
    vm.warp(vm.getBlockTimestamp() + VOID_PERIOD);
  }
}
