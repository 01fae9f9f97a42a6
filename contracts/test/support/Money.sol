// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Committee} from "../../src/Committee.sol";
import {EmissionReserve} from "../../src/EmissionReserve.sol";
import {FeeSplitter} from "../../src/FeeSplitter.sol";
import {FeeSplitterFactory} from "../../src/FeeSplitterFactory.sol";
import {OPG} from "../../src/OPG.sol";
import {ProtocolParams} from "../../src/ProtocolParams.sol";
import {RewardDistributor} from "../../src/RewardDistributor.sol";
import {StakeManager} from "../../src/StakeManager.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {IProtocolParams, Module, Param} from "../../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../../src/interfaces/IStakeManager.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {Channels} from "./Channels.sol";

/// @notice The whole way of a fee: channels, splitters, stake and payout addresses, parameters, reward pools.
abstract contract Money is Channels {
  address internal constant GOVERNANCE = address(0x60F);
  address internal constant GUARDIAN = address(0x60A);
  address internal constant TREASURY = address(0x7EA);
  address internal constant OWNER = address(0x0E2);
  uint64 internal constant EPOCH = 60;
  uint64 internal constant CHANGE_DELAY = 60;

  ProtocolParams internal params;
  StakeManager internal manager;
  RewardDistributor internal distributor;
  FeeSplitterFactory internal factory;

  function deployMoney() internal {
    vm.roll(100);
    vm.warp(1_800_000_000);
    deployChannels(new OPG(address(this)));
    uint256 nonce = vm.getNonce(address(this));
    IProtocolParams.Setup memory setup;
    setup.governance = GOVERNANCE;
    setup.treasury = TREASURY;
    setup.guardian = GUARDIAN;
    setup.guardianEnd = uint64(vm.getBlockTimestamp()) + 365 days;
    setup.changeDelay = CHANGE_DELAY;
    setup.modules = new Module[](1);
    setup.targets = new address[](1);
    setup.modules[0] = Module.RewardDistributor;
    setup.targets[0] = vm.computeCreateAddress(address(this), nonce + 4);
    params = new ProtocolParams(setup);
    manager = new StakeManager(
      IStakeManager.Setup({
        token: coin,
        params: params,
        governance: GOVERNANCE,
        epochLength: EPOCH,
        unbondingPeriod: 6 * EPOCH,
        seizureDelay: 30,
        reporterDelay: 70,
        potPeriod: 300,
        holdPeriod: 120,
        slasherDelay: 7 * EPOCH,
        slashers: new address[](0)
      })
    );
    Committee committee = new Committee(manager, 3);
    EmissionReserve reserve = new EmissionReserve(coin, params, uint64(vm.getBlockTimestamp()), 365 days);
    distributor = new RewardDistributor(coin, manager, committee, params, reserve, 3 * EPOCH);
    equal(address(distributor), setup.targets[0], "the distributor's address");
    factory = new FeeSplitterFactory(manager, params, channels);
  }

  function operatorKey(uint256 index) internal pure returns (uint256) {
    return key("operator", index);
  }

  function operatorOf(uint256 index) internal pure returns (address) {
    return vm.addr(operatorKey(index));
  }

  function payoutOf(uint256 index) internal pure returns (address) {
    return vm.addr(key("payout", index));
  }

  /// @dev Operator `index` of `OWNER`, with its splitter.
  function provider(uint256 index) internal returns (FeeSplitter) {
    address operator = operatorOf(index);
    uint256 deadline = vm.getBlockTimestamp() + 60;
    bytes32 consent = Digests.hashRegistration(operator, OWNER, payoutOf(index), deadline);
    bytes memory signature = signature65(operatorKey(index), Digests.toTyped(manager.domainSeparator(), consent));
    vm.prank(OWNER);
    manager.register(operator, payoutOf(index), deadline, signature);
    return FeeSplitter(factory.create(operator));
  }

  function rotate(uint256 from, uint256 to) internal {
    uint256 deadline = vm.getBlockTimestamp() + 60;
    bytes32 rotation = Digests.hashRotation(operatorOf(from), operatorOf(to), OWNER, deadline);
    bytes memory signature = signature65(operatorKey(to), Digests.toTyped(manager.domainSeparator(), rotation));
    vm.prank(OWNER);
    manager.rotate(operatorOf(from), operatorOf(to), deadline, signature);
  }

  function point(Module module, address target) internal {
    vm.prank(GOVERNANCE);
    params.setModule(module, target);
    vm.warp(vm.getBlockTimestamp() + CHANGE_DELAY);
  }

  function setShare(uint256 basisPoints) internal {
    vm.prank(GOVERNANCE);
    params.setParam(Param.NetworkShare, basisPoints);
    vm.warp(vm.getBlockTimestamp() + CHANGE_DELAY);
  }

  /// @dev Fees notified to the pools, of all epochs.
  function pooled() internal view returns (uint256) {
    return coin.balanceOf(address(distributor));
  }
}
