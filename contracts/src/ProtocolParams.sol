// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParams, Module, Param} from "./interfaces/IProtocolParams.sol";

contract ProtocolParams is IProtocolParams {
  struct Change {
    uint160 current;
    uint64 effectiveAt;
    uint160 next;
  }

  uint64 public constant MAX_CHANGE_DELAY = 60 days;
  /// @notice From deployment to the last second of a guardian: one without an end would be an owner.
  uint64 public constant MAX_GUARDIAN_PERIOD = 4 * 365 days;
  /// @notice Longest pause of a module.
  uint64 public constant MAX_PAUSE = 72 hours;
  /// @notice Between the end of a pause and the next of the same module: pauses cannot be chained.
  uint64 public constant PAUSE_COOLDOWN = 14 days;
  uint256 private constant WHOLE = 10_000;

  address public immutable governance;
  address public immutable treasury;
  uint64 public immutable guardianEnd;
  uint64 public immutable changeDelay;

  address private _guardian;
  mapping(Param => Change) private _params;
  mapping(Module => Change) private _modules;
  mapping(Module => uint64) private _pausedUntil;
  mapping(Module => uint64) private _pausableFrom;

  constructor(Setup memory setup) {
    require(
      setup.governance != address(0) && setup.treasury != address(0) && setup.changeDelay != 0
        && setup.changeDelay <= MAX_CHANGE_DELAY && setup.guardianEnd <= block.timestamp + MAX_GUARDIAN_PERIOD
        && setup.modules.length == setup.targets.length,
      InvalidParameters()
    );
    governance = setup.governance;
    treasury = setup.treasury;
    guardianEnd = setup.guardianEnd;
    changeDelay = setup.changeDelay;
    _guardian = setup.guardian;
    emit GuardianChanged(setup.guardian);
    for (uint256 index; index < setup.modules.length; ++index) {
      Module module = setup.modules[index];
      require(module != Module.None && _modules[module].current == 0, UnknownModule(module));
      _modules[module].current = uint160(setup.targets[index]);
      emit ModuleAnnounced(module, setup.targets[index], uint64(block.timestamp));
    }
  }

  modifier onlyGovernance() {
    require(msg.sender == governance, NotGovernance(msg.sender));
    _;
  }

  /// @inheritdoc IProtocolParams
  function setParam(Param param, uint256 value) external onlyGovernance {
    (uint256 least, uint256 most) = boundsOf(param);
    require(value >= least && value <= most, OutOfBounds(param, value, least, most));
    Change storage change = _params[param];
    // Stored one higher, so that an untouched parameter is its genesis value.
    change.current = uint160(valueOf(param)) + 1;
    change.next = uint160(value) + 1;
    change.effectiveAt = uint64(block.timestamp) + changeDelay;
    emit ParamAnnounced(param, value, change.effectiveAt);
  }

  /// @inheritdoc IProtocolParams
  function setModule(Module module, address target) external onlyGovernance {
    require(module != Module.None, UnknownModule(module));
    require(target == address(0) || target.code.length != 0, NotAContract(target));
    Change storage change = _modules[module];
    change.current = uint160(moduleOf(module));
    change.next = uint160(target);
    change.effectiveAt = uint64(block.timestamp) + changeDelay;
    emit ModuleAnnounced(module, target, change.effectiveAt);
  }

  /// @inheritdoc IProtocolParams
  function setGuardian(address guardian_) external onlyGovernance {
    _guardian = guardian_;
    emit GuardianChanged(guardian_);
  }

  /// @inheritdoc IProtocolParams
  function pause(Module module, uint64 duration) external {
    require(msg.sender == guardian(), NotGuardian(msg.sender));
    require(_isPausable(module), NotPausable(module));
    require(duration != 0 && duration <= MAX_PAUSE, InvalidParameters());
    uint64 from = _pausableFrom[module];
    require(block.timestamp >= from, PausedRecently(module, from));
    uint64 until = uint64(block.timestamp) + duration;
    _pausedUntil[module] = until;
    _pausableFrom[module] = until + PAUSE_COOLDOWN;
    emit Paused(module, until);
  }

  /// @inheritdoc IProtocolParams
  function unpause(Module module) external {
    require(msg.sender == governance || msg.sender == guardian(), NotGuardian(msg.sender));
    _pausedUntil[module] = 0;
    emit Unpaused(module);
  }

  /// @inheritdoc IProtocolParams
  function guardian() public view returns (address) {
    return block.timestamp < guardianEnd ? _guardian : address(0);
  }

  /// @inheritdoc IProtocolParams
  function valueOf(Param param) public view returns (uint256) {
    Change storage change = _params[param];
    if (change.effectiveAt == 0) return _genesisOf(param);
    return (block.timestamp >= change.effectiveAt ? change.next : change.current) - 1;
  }

  /// @inheritdoc IProtocolParams
  function announcedValue(Param param) external view returns (Announced memory) {
    Change storage change = _params[param];
    if (change.effectiveAt == 0) return Announced(0, 0);
    return Announced(change.next - 1, change.effectiveAt);
  }

  /// @inheritdoc IProtocolParams
  function moduleOf(Module module) public view returns (address) {
    Change storage change = _modules[module];
    bool isNew = change.effectiveAt != 0 && block.timestamp >= change.effectiveAt;
    return address(isNew ? change.next : change.current);
  }

  /// @inheritdoc IProtocolParams
  function announcedModule(Module module) external view returns (Announced memory) {
    Change storage change = _modules[module];
    return Announced(change.next, change.effectiveAt);
  }

  /// @inheritdoc IProtocolParams
  function isPaused(Module module) external view returns (bool) {
    return block.timestamp < _pausedUntil[module];
  }

  /// @inheritdoc IProtocolParams
  function boundsOf(Param param) public pure returns (uint256 least, uint256 most) {
    if (param == Param.NetworkShare) return (500, 3000);
    if (param == Param.VerifierPool) return (3000, 7000);
    if (param == Param.HostPool) return (0, 3000);
    if (param == Param.BaseEmission) return (1000, 5000);
    if (param == Param.ProviderEmission) return (1000, 5000);
    if (param == Param.ReporterShare) return (0, 1000);
    if (param == Param.EquivocationPenalty) return (5000, WHOLE);
    if (param == Param.DoubledReceiptPenalty) return (500, 5000);
    if (param == Param.OverchargePenalty) return (500, 5000);
    if (param == Param.OverclaimPenalty) return (500, 5000);
    if (param == Param.FalseBatchPenalty) return (500, 5000);
    if (param == Param.WithheldProviderPenalty) return (100, 2000);
    if (param == Param.WithheldSettlerPenalty) return (100, 3000);
    if (param == Param.WithheldSignerPenalty) return (10, 500);
    if (param == Param.WrongResultPenalty) return (1000, 5000);
    if (param == Param.RepeatedWrongResultPenalty) return (5000, WHOLE);
    if (param == Param.JurorPenalty) return (100, 2000);
    revert UnknownParam(param);
  }

  /// @dev economy.md.
  function _genesisOf(Param param) private pure returns (uint256) {
    if (param == Param.NetworkShare) return 2000;
    if (param == Param.VerifierPool) return 6000;
    if (param == Param.HostPool) return 2500;
    if (param == Param.BaseEmission) return 4000;
    if (param == Param.ProviderEmission) return 4000;
    if (param == Param.ReporterShare) return 1000;
    if (param == Param.EquivocationPenalty) return WHOLE;
    if (param == Param.DoubledReceiptPenalty) return 1000;
    if (param == Param.OverchargePenalty) return 1000;
    if (param == Param.OverclaimPenalty) return 1000;
    if (param == Param.FalseBatchPenalty) return 1000;
    if (param == Param.WithheldProviderPenalty) return 500;
    if (param == Param.WithheldSettlerPenalty) return 1000;
    if (param == Param.WithheldSignerPenalty) return 100;
    if (param == Param.WrongResultPenalty) return 3000;
    if (param == Param.RepeatedWrongResultPenalty) return WHOLE;
    if (param == Param.JurorPenalty) return 1000;
    revert UnknownParam(param);
  }

  /// @dev Exits, claims and answers have no pause.
  function _isPausable(Module module) private pure returns (bool) {
    return module == Module.BatchAnchor || module == Module.Evidence || module == Module.Demands
      || module == Module.DisputeCourt || module == Module.RewardDistributor;
  }
}
