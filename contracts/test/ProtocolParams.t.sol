// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProtocolParams} from "../src/ProtocolParams.sol";
import {IProtocolParams, Module, Param} from "../src/interfaces/IProtocolParams.sol";
import {Test} from "./support/Test.sol";

contract ProtocolParamsTest is Test {
  uint64 private constant START = 1_800_000_000;
  uint64 private constant CHANGE_DELAY = 7 days;
  uint64 private constant GUARDIAN_PERIOD = 365 days;
  uint64 private constant MAX_PAUSE = 72 hours;
  uint64 private constant PAUSE_COOLDOWN = 14 days;
  uint256 private constant WHOLE = 10_000;
  address private constant GOVERNANCE = address(0x60F);
  address private constant GUARDIAN = address(0x60A);
  address private constant TREASURY = address(0x7EA);
  address private constant STRANGER = address(0xA4);
  /// @dev Has no code: it is deployed after the pointers.
  address private constant PREDICTED = address(0xBA7C);

  ProtocolParams private params;

  function setUp() public {
    vm.warp(START);
    params = new ProtocolParams(setupOf());
  }

  function setupOf() private pure returns (IProtocolParams.Setup memory setup) {
    (setup.governance, setup.treasury, setup.guardian) = (GOVERNANCE, TREASURY, GUARDIAN);
    (setup.guardianEnd, setup.changeDelay) = (START + GUARDIAN_PERIOD, CHANGE_DELAY);
    (setup.modules, setup.targets) = (new Module[](1), new address[](1));
    (setup.modules[0], setup.targets[0]) = (Module.BatchAnchor, PREDICTED);
  }

  function time() private view returns (uint256) {
    return vm.getBlockTimestamp();
  }

  function set(Param param, uint256 value) private {
    vm.prank(GOVERNANCE);
    params.setParam(param, value);
  }

  function point(Module module, address target) private {
    vm.prank(GOVERNANCE);
    params.setModule(module, target);
  }

  function pauseAs(address caller, Module module, uint64 duration) private {
    vm.prank(caller);
    params.pause(module, duration);
  }

  function anyParam(uint256 seed) private pure returns (Param) {
    return Param(bound(seed, 1, uint256(type(Param).max)));
  }

  function isPausable(Module module) private pure returns (bool) {
    return module == Module.BatchAnchor || module == Module.Evidence || module == Module.Demands
      || module == Module.DisputeCourt || module == Module.RewardDistributor;
  }

  // Values

  function test_genesisValuesAreThoseOfTheEconomy() public view {
    uint16[3][17] memory expected = [
      [2000, 500, 3000],
      [6000, 3000, 7000],
      [2500, 0, 3000],
      [4000, 1000, 5000],
      [4000, 1000, 5000],
      [1000, 0, 1000],
      [10_000, 5000, 10_000],
      [1000, 500, 5000],
      [1000, 500, 5000],
      [1000, 500, 5000],
      [1000, 500, 5000],
      [500, 100, 2000],
      [1000, 100, 3000],
      [100, 10, 500],
      [3000, 1000, 5000],
      [10_000, 5000, 10_000],
      [1000, 100, 2000]
    ];
    equal(uint256(type(Param).max), expected.length, "every parameter");
    for (uint256 index; index < expected.length; ++index) {
      Param param = Param(index + 1);
      (uint256 least, uint256 most) = params.boundsOf(param);
      equal(params.valueOf(param), expected[index][0], "value");
      equal(least, expected[index][1], "least");
      equal(most, expected[index][2], "most");
      equal(params.announcedValue(param).effectiveAt, 0, "nothing is announced");
    }
  }

  function test_noBoundsLetSharesExceedTheWhole() public view {
    equal(mostOf(Param.VerifierPool) + mostOf(Param.HostPool), WHOLE, "pools");
    equal(mostOf(Param.BaseEmission) + mostOf(Param.ProviderEmission), WHOLE, "emission");
    for (uint256 index = 1; index <= uint256(type(Param).max); ++index) {
      isTrue(mostOf(Param(index)) <= WHOLE, "one share");
    }
  }

  function mostOf(Param param) private view returns (uint256 value) {
    (, value) = params.boundsOf(param);
  }

  function test_audit04_aValueChangesAfterTheDelayWithoutAnotherCall() public {
    vm.expectEmit(true, false, false, true, address(params));
    emit IProtocolParams.ParamAnnounced(Param.NetworkShare, 2500, START + CHANGE_DELAY);
    set(Param.NetworkShare, 2500);
    equal(params.valueOf(Param.NetworkShare), 2000, "not at once");
    IProtocolParams.Announced memory announced = params.announcedValue(Param.NetworkShare);
    equal(announced.value, 2500, "announced");
    equal(announced.effectiveAt, START + CHANGE_DELAY, "when");
    vm.warp(START + CHANGE_DELAY - 1);
    equal(params.valueOf(Param.NetworkShare), 2000, "not a second early");
    vm.warp(START + CHANGE_DELAY);
    equal(params.valueOf(Param.NetworkShare), 2500, "from then on");
    vm.warp(START + 1000 days);
    equal(params.valueOf(Param.NetworkShare), 2500, "for good");
  }

  function test_audit04_aSecondAnnouncementWaitsTheWholeDelayAgain() public {
    set(Param.JurorPenalty, 2000);
    vm.warp(START + CHANGE_DELAY - 1);
    set(Param.JurorPenalty, 100);
    vm.warp(START + CHANGE_DELAY);
    equal(params.valueOf(Param.JurorPenalty), 1000, "the first was taken back");
    vm.warp(START + 2 * CHANGE_DELAY - 2);
    equal(params.valueOf(Param.JurorPenalty), 1000, "not a second early");
    vm.warp(START + 2 * CHANGE_DELAY - 1);
    equal(params.valueOf(Param.JurorPenalty), 100, "the second");
  }

  function test_aValueOfZeroIsNoUntouchedOne() public {
    set(Param.HostPool, 0);
    vm.warp(START + CHANGE_DELAY);
    equal(params.valueOf(Param.HostPool), 0, "hosts get nothing");
    set(Param.HostPool, 3000);
    equal(params.valueOf(Param.HostPool), 0, "until the next takes effect");
  }

  /// @dev Against a list of all that was ever announced: in effect is the last of those not taken back in time.
  function testFuzz_audit04_anyChangesFollowTheirAnnouncements(
    uint256 which,
    uint256[10] memory values,
    uint256[10] memory steps
  ) public {
    Param param = anyParam(which);
    (uint256 least, uint256 highest) = params.boundsOf(param);
    uint256 inEffect = params.valueOf(param);
    uint256 announced;
    uint256 effectiveAt = type(uint256).max;
    for (uint256 at; at < values.length; ++at) {
      vm.warp(time() + bound(steps[at], 0, 2 * CHANGE_DELAY));
      if (time() >= effectiveAt) inEffect = announced;
      equal(params.valueOf(param), inEffect, "before");
      (announced, effectiveAt) = (bound(values[at], least, highest), time() + CHANGE_DELAY);
      set(param, announced);
      equal(params.valueOf(param), inEffect, "nothing changes at once");
    }
    vm.warp(effectiveAt - 1);
    equal(params.valueOf(param), inEffect, "not a second early");
    vm.warp(effectiveAt);
    equal(params.valueOf(param), announced, "the last");
  }

  function testFuzz_audit04_theDelayOfTheGenesisIsTheDelay(uint64 delay, uint256 value, uint256 step) public {
    IProtocolParams.Setup memory setup = setupOf();
    setup.changeDelay = uint64(bound(delay, 1, 60 days));
    params = new ProtocolParams(setup);
    value = bound(value, 500, 3000);
    step = bound(step, 0, 2 * setup.changeDelay);
    set(Param.NetworkShare, value);
    vm.warp(START + step);
    equal(params.valueOf(Param.NetworkShare), step < setup.changeDelay ? 2000 : value, "in effect");
  }

  function testFuzz_noValueOutOfItsBoundsIsAnnounced(uint256 which, uint256 value) public {
    Param param = anyParam(which);
    (uint256 least, uint256 highest) = params.boundsOf(param);
    value = value % 3 == 0 ? bound(value, 0, WHOLE + 1) : value;
    if (value < least || value > highest) {
      vm.expectRevert(abi.encodeWithSelector(IProtocolParams.OutOfBounds.selector, param, value, least, highest));
      set(param, value);
      equal(params.announcedValue(param).effectiveAt, 0, "nothing was announced");
    } else {
      set(param, value);
      equal(params.announcedValue(param).value, value, "announced");
    }
  }

  function test_boundsThemselvesAreAllowedAndNothingBeyond() public {
    for (uint256 index = 1; index <= uint256(type(Param).max); ++index) {
      Param param = Param(index);
      (uint256 least, uint256 highest) = params.boundsOf(param);
      set(param, least);
      set(param, highest);
      vm.expectRevert(abi.encodeWithSelector(IProtocolParams.OutOfBounds.selector, param, highest + 1, least, highest));
      set(param, highest + 1);
      if (least == 0) continue;
      vm.expectRevert(abi.encodeWithSelector(IProtocolParams.OutOfBounds.selector, param, least - 1, least, highest));
      set(param, least - 1);
    }
  }

  function test_refusesTheCodeThatNamesNoParameter() public {
    bytes memory refusal = abi.encodeWithSelector(IProtocolParams.UnknownParam.selector, Param.None);
    vm.expectRevert(refusal);
    params.valueOf(Param.None);
    vm.expectRevert(refusal);
    params.boundsOf(Param.None);
    vm.expectRevert(refusal);
    set(Param.None, 1);
  }

  // Pointers

  function test_pointersOfTheGenesisMayLeadToWhatIsDeployedLater() public view {
    equal(params.moduleOf(Module.BatchAnchor), PREDICTED, "in effect at once");
    equal(PREDICTED.code.length, 0, "not there yet");
    equal(params.moduleOf(Module.Evidence), address(0), "none");
    equal(params.announcedModule(Module.BatchAnchor).effectiveAt, 0, "nothing is announced");
  }

  function test_audit04_aPointerMovesAfterTheDelay() public {
    address next = address(this);
    vm.expectEmit(true, false, false, true, address(params));
    emit IProtocolParams.ModuleAnnounced(Module.BatchAnchor, next, START + CHANGE_DELAY);
    point(Module.BatchAnchor, next);
    equal(params.moduleOf(Module.BatchAnchor), PREDICTED, "not at once");
    IProtocolParams.Announced memory announced = params.announcedModule(Module.BatchAnchor);
    equal(address(uint160(announced.value)), next, "announced");
    equal(announced.effectiveAt, START + CHANGE_DELAY, "when");
    vm.warp(START + CHANGE_DELAY - 1);
    equal(params.moduleOf(Module.BatchAnchor), PREDICTED, "not a second early");
    vm.warp(START + CHANGE_DELAY);
    equal(params.moduleOf(Module.BatchAnchor), next, "from then on");
    point(Module.BatchAnchor, address(0));
    equal(params.moduleOf(Module.BatchAnchor), next, "until it is taken away");
    vm.warp(START + 2 * CHANGE_DELAY);
    equal(params.moduleOf(Module.BatchAnchor), address(0), "taken away");
  }

  function test_audit04_aSecondTargetWaitsTheWholeDelayAgain() public {
    point(Module.Evidence, address(this));
    vm.warp(START + CHANGE_DELAY - 1);
    point(Module.Evidence, address(params));
    vm.warp(START + 2 * CHANGE_DELAY - 2);
    equal(params.moduleOf(Module.Evidence), address(0), "the first was taken back");
    vm.warp(START + 2 * CHANGE_DELAY - 1);
    equal(params.moduleOf(Module.Evidence), address(params), "the second");
  }

  function test_aPointerNeverLeadsToAnAccountWithoutCode() public {
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotAContract.selector, STRANGER));
    point(Module.Evidence, STRANGER);
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.UnknownModule.selector, Module.None));
    point(Module.None, address(this));
  }

  // Who

  function test_onlyGovernanceChangesAnything() public {
    address[3] memory others = [STRANGER, GUARDIAN, address(this)];
    for (uint256 index; index < others.length; ++index) {
      bytes memory refusal = abi.encodeWithSelector(IProtocolParams.NotGovernance.selector, others[index]);
      vm.startPrank(others[index]);
      vm.expectRevert(refusal);
      params.setParam(Param.NetworkShare, 2500);
      vm.expectRevert(refusal);
      params.setModule(Module.Evidence, address(this));
      vm.expectRevert(refusal);
      params.setGuardian(others[index]);
      vm.stopPrank();
    }
    equal(params.governance(), GOVERNANCE, "the timelock");
    equal(params.treasury(), TREASURY, "treasury");
    equal(params.changeDelay(), CHANGE_DELAY, "delay");
  }

  // The guardian

  function test_audit14_onlyNewAnchorsRootsAndCasesHaveAPause() public {
    for (uint256 index; index <= uint256(type(Module).max); ++index) {
      Module module = Module(index);
      if (!isPausable(module)) {
        vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotPausable.selector, module));
        pauseAs(GUARDIAN, module, 1);
        isTrue(!params.isPaused(module), "never");
        continue;
      }
      vm.expectEmit(true, false, false, true, address(params));
      emit IProtocolParams.Paused(module, uint64(time()) + 3600);
      pauseAs(GUARDIAN, module, 3600);
      isTrue(params.isPaused(module), "paused");
    }
    vm.warp(START + 3599);
    isTrue(params.isPaused(Module.Evidence), "to the last second");
    vm.warp(START + 3600);
    isTrue(!params.isPaused(Module.Evidence), "it ends by itself");
  }

  function test_audit14_aPauseIsShort() public {
    bytes memory refusal = abi.encodeWithSelector(IProtocolParams.InvalidParameters.selector);
    vm.expectRevert(refusal);
    pauseAs(GUARDIAN, Module.Evidence, 0);
    vm.expectRevert(refusal);
    pauseAs(GUARDIAN, Module.Evidence, MAX_PAUSE + 1);
    vm.expectRevert(refusal);
    pauseAs(GUARDIAN, Module.Evidence, type(uint64).max);
    pauseAs(GUARDIAN, Module.Evidence, MAX_PAUSE);
    vm.warp(START + MAX_PAUSE);
    isTrue(!params.isPaused(Module.Evidence), "over");
  }

  function test_audit14_pausesCannotBeChained() public {
    uint64 again = START + MAX_PAUSE + PAUSE_COOLDOWN;
    bytes memory refusal = abi.encodeWithSelector(IProtocolParams.PausedRecently.selector, Module.BatchAnchor, again);
    pauseAs(GUARDIAN, Module.BatchAnchor, MAX_PAUSE);
    uint64[3] memory tries = [START + 1, START + MAX_PAUSE, again - 1];
    for (uint256 index; index < tries.length; ++index) {
      vm.warp(tries[index]);
      vm.expectRevert(refusal);
      pauseAs(GUARDIAN, Module.BatchAnchor, 1);
    }
    pauseAs(GUARDIAN, Module.Evidence, 1);
    vm.warp(again);
    pauseAs(GUARDIAN, Module.BatchAnchor, MAX_PAUSE);
  }

  function test_audit14_neitherLiftingAPauseNorAnotherGuardianMakesRoomForTheNext() public {
    uint64 again = START + MAX_PAUSE + PAUSE_COOLDOWN;
    pauseAs(GUARDIAN, Module.Demands, MAX_PAUSE);
    vm.prank(GUARDIAN);
    params.unpause(Module.Demands);
    isTrue(!params.isPaused(Module.Demands), "lifted");
    vm.prank(GOVERNANCE);
    params.setGuardian(STRANGER);
    vm.warp(again - 1);
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.PausedRecently.selector, Module.Demands, again));
    pauseAs(STRANGER, Module.Demands, 1);
    vm.warp(again);
    pauseAs(STRANGER, Module.Demands, 1);
  }

  /// @dev A guardian that pauses whenever it may: in no window of a pause and its cooldown does a module stand still
  /// for longer than one pause.
  function testFuzz_audit14_noWindowHoldsMoreThanOnePause(uint256[12] memory steps, uint64[12] memory durations)
    public
  {
    uint256[12] memory froms;
    uint256[12] memory untils;
    uint256 count;
    for (uint256 at; at < steps.length; ++at) {
      vm.warp(time() + bound(steps[at], 0, PAUSE_COOLDOWN));
      uint64 duration = uint64(bound(durations[at], 1, MAX_PAUSE));
      vm.prank(GUARDIAN);
      try params.pause(Module.DisputeCourt, duration) {
        (froms[count], untils[count]) = (time(), time() + duration);
        ++count;
      } catch {
        isTrue(count != 0 && time() < untils[count - 1] + PAUSE_COOLDOWN, "refused only after another");
      }
    }
    for (uint256 at; at < count; ++at) {
      uint256 end = froms[at] + MAX_PAUSE + PAUSE_COOLDOWN;
      uint256 stopped;
      for (uint256 other = at; other < count && froms[other] < end; ++other) {
        stopped += (untils[other] < end ? untils[other] : end) - froms[other];
      }
      isTrue(stopped <= MAX_PAUSE, "one pause a window");
    }
  }

  function test_onlyTheGuardianPausesAndGovernanceMayLift() public {
    address[2] memory others = [GOVERNANCE, STRANGER];
    for (uint256 index; index < others.length; ++index) {
      vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotGuardian.selector, others[index]));
      pauseAs(others[index], Module.Evidence, 1);
    }
    pauseAs(GUARDIAN, Module.Evidence, MAX_PAUSE);
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotGuardian.selector, STRANGER));
    vm.prank(STRANGER);
    params.unpause(Module.Evidence);
    isTrue(params.isPaused(Module.Evidence), "still");
    vm.expectEmit(true, false, false, true, address(params));
    emit IProtocolParams.Unpaused(Module.Evidence);
    vm.prank(GOVERNANCE);
    params.unpause(Module.Evidence);
    isTrue(!params.isPaused(Module.Evidence), "lifted");
  }

  function test_audit17_theGuardianEndsAtItsDateWhateverGovernanceDoes() public {
    vm.warp(params.guardianEnd() - 1);
    equal(params.guardian(), GUARDIAN, "to the last second");
    pauseAs(GUARDIAN, Module.Evidence, MAX_PAUSE);
    vm.warp(params.guardianEnd());
    equal(params.guardian(), address(0), "none");
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotGuardian.selector, GUARDIAN));
    pauseAs(GUARDIAN, Module.Demands, 1);
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotGuardian.selector, GUARDIAN));
    vm.prank(GUARDIAN);
    params.unpause(Module.Evidence);
    vm.prank(GOVERNANCE);
    params.setGuardian(STRANGER);
    equal(params.guardian(), address(0), "and none after it");
    vm.warp(params.guardianEnd() - 1 + MAX_PAUSE);
    isTrue(!params.isPaused(Module.Evidence), "its last pause ends as any other");
  }

  function test_governanceReplacesTheGuardianAtOnce() public {
    vm.expectEmit(false, false, false, true, address(params));
    emit IProtocolParams.GuardianChanged(STRANGER);
    vm.prank(GOVERNANCE);
    params.setGuardian(STRANGER);
    equal(params.guardian(), STRANGER, "another");
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.NotGuardian.selector, GUARDIAN));
    pauseAs(GUARDIAN, Module.Evidence, 1);
    vm.prank(GOVERNANCE);
    params.setGuardian(address(0));
    equal(params.guardian(), address(0), "none");
  }

  // The genesis

  function refused(IProtocolParams.Setup memory setup) private {
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.InvalidParameters.selector));
    new ProtocolParams(setup);
  }

  function test_refusesAGenesisThatGovernsNothing() public {
    IProtocolParams.Setup memory setup = setupOf();
    setup.governance = address(0);
    refused(setup);
    setup = setupOf();
    setup.treasury = address(0);
    refused(setup);
    setup = setupOf();
    setup.changeDelay = 0;
    refused(setup);
    setup.changeDelay = 60 days + 1;
    refused(setup);
    setup = setupOf();
    setup.targets = new address[](2);
    refused(setup);
  }

  function test_audit17_refusesAGuardianThatNeverEnds() public {
    IProtocolParams.Setup memory setup = setupOf();
    setup.guardianEnd = START + 4 * 365 days;
    new ProtocolParams(setup);
    setup.guardianEnd += 1;
    refused(setup);
    setup.guardianEnd = type(uint64).max;
    refused(setup);
  }

  function test_refusesPointersTwiceOrToNothing() public {
    IProtocolParams.Setup memory setup = setupOf();
    (setup.modules, setup.targets) = (new Module[](2), new address[](2));
    (setup.modules[0], setup.modules[1]) = (Module.Evidence, Module.Evidence);
    setup.targets[0] = PREDICTED;
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.UnknownModule.selector, Module.Evidence));
    new ProtocolParams(setup);
    setup.modules[1] = Module.None;
    vm.expectRevert(abi.encodeWithSelector(IProtocolParams.UnknownModule.selector, Module.None));
    new ProtocolParams(setup);
  }

  function test_aGenesisWithoutAGuardianHasNone() public {
    IProtocolParams.Setup memory setup = setupOf();
    (setup.guardian, setup.guardianEnd) = (address(0), 0);
    equal(new ProtocolParams(setup).guardian(), address(0), "none");
  }
}
