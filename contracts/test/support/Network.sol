// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchAnchor} from "../../src/BatchAnchor.sol";
import {Committee} from "../../src/Committee.sol";
import {OPG} from "../../src/OPG.sol";
import {ProtocolParams} from "../../src/ProtocolParams.sol";
import {StakeManager} from "../../src/StakeManager.sol";
import {ICommittee} from "../../src/interfaces/ICommittee.sol";
import {IProtocolParams} from "../../src/interfaces/IProtocolParams.sol";
import {IStakeManager} from "../../src/interfaces/IStakeManager.sol";
import {Batch, Role} from "../../src/interfaces/Objects.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {Harness} from "../Harness.sol";
import {Test} from "./Test.sol";

/// @notice All contracts of a network with devnet parameters; this contract owns every operator.
abstract contract Network is Test {
  uint64 internal constant EPOCH = 60;
  uint64 internal constant UNBONDING = 6 * EPOCH;
  uint64 internal constant SEIZURE_DELAY = 30;
  uint64 internal constant REPORTER_DELAY = 70;
  uint64 internal constant POT_PERIOD = 300;
  uint64 internal constant HOLD_PERIOD = 120;
  uint64 internal constant SLASHER_DELAY = UNBONDING + EPOCH;
  uint64 internal constant GUARDIAN_PERIOD = 365 days;
  uint64 internal constant CHANGE_DELAY = 60;
  uint128 internal constant VERIFIER_STAKE = 2000e18;
  address internal constant GOVERNANCE = address(0x60F);
  address internal constant GUARDIAN = address(0x60A);
  address internal constant TREASURY = address(0x7EA);
  /// @dev Acts from the first block; a test that needs no module acts by it.
  address internal constant SLASHER = address(0x51A);

  OPG internal opg;
  IProtocolParams internal params;
  StakeManager internal manager;
  Committee internal committee;
  BatchAnchor internal batches;
  Harness internal harness;

  mapping(address operator => uint256 privateKey) internal keys;

  /// @dev Slashers of the genesis beside `SLASHER`; a module to be deployed later by its predicted address.
  function genesisSlashers() internal virtual returns (address[] memory) {}

  /// @dev The values every other fixture starts from.
  function genesis() internal returns (IStakeManager.Setup memory) {
    address[] memory more = genesisSlashers();
    address[] memory slashers = new address[](more.length + 1);
    slashers[0] = SLASHER;
    for (uint256 index; index < more.length; ++index) {
      slashers[index + 1] = more[index];
    }
    return IStakeManager.Setup({
      token: opg,
      params: params,
      governance: GOVERNANCE,
      epochLength: EPOCH,
      unbondingPeriod: UNBONDING,
      seizureDelay: SEIZURE_DELAY,
      reporterDelay: REPORTER_DELAY,
      potPeriod: POT_PERIOD,
      holdPeriod: HOLD_PERIOD,
      slasherDelay: SLASHER_DELAY,
      slashers: slashers
    });
  }

  /// @dev No module has a pointer: what a module may do is tested with one set by governance.
  function parameters() internal virtual returns (IProtocolParams.Setup memory setup) {
    setup.governance = GOVERNANCE;
    setup.treasury = TREASURY;
    setup.guardian = GUARDIAN;
    setup.guardianEnd = uint64(vm.getBlockTimestamp()) + GUARDIAN_PERIOD;
    setup.changeDelay = CHANGE_DELAY;
  }

  function deploy() internal {
    vm.roll(100);
    vm.warp(1_800_000_000);
    opg = new OPG(address(this));
    params = new ProtocolParams(parameters());
    manager = new StakeManager(genesis());
    committee = new Committee(manager, 3);
    batches = new BatchAnchor(committee, params);
    harness = new Harness();
    opg.approve(address(manager), type(uint256).max);
  }

  function nextEpoch() internal {
    uint256 start = manager.genesisTimestamp();
    vm.warp(start + (uint256(manager.currentEpoch()) + 1) * EPOCH);
  }

  function passEpochs(uint256 count) internal {
    for (uint256 index; index < count; ++index) {
      nextEpoch();
    }
  }

  function consentOf(uint256 privateKey, address owner, address payout, uint256 deadline)
    internal
    view
    returns (bytes memory)
  {
    bytes32 structHash = Digests.hashRegistration(vm.addr(privateKey), owner, payout, deadline);
    return signature65(privateKey, Digests.toTyped(manager.domainSeparator(), structHash));
  }

  function register(string memory role, uint256 index) internal returns (address operator) {
    uint256 privateKey = key(role, index);
    operator = vm.addr(privateKey);
    keys[operator] = privateKey;
    uint256 deadline = vm.getBlockTimestamp() + 1;
    manager.register(operator, address(this), deadline, consentOf(privateKey, address(this), address(this), deadline));
  }

  function staked(string memory name, uint256 index, Role role, uint128 amount) internal returns (address operator) {
    operator = register(name, index);
    manager.stake(operator, role, amount);
  }

  /// @dev `count` matured verifiers in the active set, verifier i with `base + i * step`, and the epoch opened.
  function openWith(uint256 count, uint128 base, uint128 step) internal {
    address[] memory operators = new address[](count);
    for (uint256 index; index < count; ++index) {
      operators[index] = staked("verifier", index, Role.Verifier, base + uint128(index) * step);
    }
    passEpochs(2);
    for (uint256 index; index < count; ++index) {
      committee.join(operators[index], 0);
    }
    open();
  }

  function open() internal {
    committee.open(manager.currentEpoch(), committee.currentOrder());
  }

  /// @dev Signatures of the seats in `bitmap`, in seat order.
  function signaturesOf(uint64 epoch, bytes32 digest, uint256 bitmap) internal view returns (bytes memory sigs64) {
    (ICommittee.Seat[] memory seats,) = committee.signingSet(epoch);
    for (uint256 seat; seat < seats.length; ++seat) {
      if (bitmap >> seat & 1 == 1) sigs64 = bytes.concat(sigs64, signature64(keys[seats[seat].verifier], digest));
    }
  }

  function digestOf(Batch memory b) internal view returns (bytes32) {
    return Digests.toTyped(manager.domainSeparator(), harness.hashBatch(b));
  }
}
