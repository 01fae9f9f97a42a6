// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Governed shares and penalties, all in basis points (economy.md). Code 0 is refused everywhere.
enum Param {
  None,
  /// of a settled fee, to the pools of the network
  NetworkShare,
  /// of the network's share, to verifiers; hosts; the rest is the treasury's
  VerifierPool,
  HostPool,
  /// of an epoch's emission, to the base; to providers by performance; the rest to verifiers by performance
  BaseEmission,
  ProviderEmission,
  /// of a seizure, to the reporter of an objective offence
  ReporterShare,
  /// penalties, of the stake of one role
  EquivocationPenalty,
  DoubledReceiptPenalty,
  OverchargePenalty,
  OverclaimPenalty,
  FalseBatchPenalty,
  WithheldProviderPenalty,
  WithheldSettlerPenalty,
  WithheldSignerPenalty,
  WrongResultPenalty,
  RepeatedWrongResultPenalty,
  JurorPenalty
}

/// @notice What is replaceable, behind a pointer (economy.md, Governance and custody). Code 0 is refused everywhere.
enum Module {
  None,
  Committee,
  BatchAnchor,
  Evidence,
  Demands,
  DisputeCourt,
  RewardDistributor,
  CanaryVault,
  InferencePortal
}

/// @title Bounded, delayed values and pointers to modules
/// @notice Every change is made by governance, lies within bounds that are code, and takes effect `changeDelay` after it
/// was made. The guardian only cancels: proposals in the governor, seizures not executed yet in StakeManager, and here,
/// for hours, what has not happened yet. It changes no value and no pointer, and ends at a date fixed at deployment.
interface IProtocolParams {
  /// @param governance the timelock
  /// @param guardianEnd second from which there is no guardian
  /// @param changeDelay seconds between a change and its effect
  /// @param modules and `targets`: the pointers of the genesis; a target may be deployed later
  struct Setup {
    address governance;
    address treasury;
    address guardian;
    uint64 guardianEnd;
    uint64 changeDelay;
    Module[] modules;
    address[] targets;
  }

  /// @param value what it becomes
  /// @param effectiveAt second from which it is; zero: nothing is announced
  struct Announced {
    uint256 value;
    uint64 effectiveAt;
  }

  /// @notice Thrown when a constructor parameter is out of its range
  error InvalidParameters();
  /// @notice Thrown when the caller is not the timelock
  error NotGovernance(address caller);
  error NotGuardian(address caller);
  error UnknownParam(Param param);
  error UnknownModule(Module module);
  /// @notice Thrown when a value lies outside the bounds that are code
  error OutOfBounds(Param param, uint256 value, uint256 least, uint256 most);
  /// @notice Thrown when a pointer would lead to an account without code
  error NotAContract(address target);
  /// @notice Thrown when the module has nothing to pause: its calls are exits, claims or answers
  error NotPausable(Module module);
  /// @notice Thrown when a module was paused less than `PAUSE_COOLDOWN` ago
  error PausedRecently(Module module, uint64 againAt);

  event ParamAnnounced(Param indexed param, uint256 value, uint64 effectiveAt);
  event ModuleAnnounced(Module indexed module, address target, uint64 effectiveAt);
  event GuardianChanged(address guardian);
  event Paused(Module indexed module, uint64 until);
  event Unpaused(Module indexed module);

  /// @notice Announces a value; an earlier announcement that has not taken effect is replaced. Governance only.
  function setParam(Param param, uint256 value) external;
  /// @notice Announces where a module is. Zero takes it away. Governance only.
  function setModule(Module module, address target) external;
  /// @notice Names another guardian or none, at once. Governance only.
  function setGuardian(address guardian) external;
  /// @notice Stops new anchors, roots or cases of a module for at most `MAX_PAUSE`, and not again before
  /// `PAUSE_COOLDOWN` after the announced end, however early it was lifted. Exits, claims and answers have no pause.
  /// Guardian only.
  function pause(Module module, uint64 duration) external;
  /// @notice Ends a pause. Guardian or governance.
  function unpause(Module module) external;

  function governance() external view returns (address);
  /// @notice Receives the treasury's shares; never votes.
  function treasury() external view returns (address);
  /// @notice The guardian, or zero when there is none or its date has passed.
  function guardian() external view returns (address);
  /// @notice Second from which there is no guardian.
  function guardianEnd() external view returns (uint64);
  /// @notice Seconds between a change and its effect.
  function changeDelay() external view returns (uint64);
  /// @notice Basis points in effect now.
  function valueOf(Param param) external view returns (uint256);
  function announcedValue(Param param) external view returns (Announced memory);
  function boundsOf(Param param) external view returns (uint256 least, uint256 most);
  /// @notice Where a module is now; zero when there is none.
  function moduleOf(Module module) external view returns (address);
  function announcedModule(Module module) external view returns (Announced memory);
  function isPaused(Module module) external view returns (bool);
}
