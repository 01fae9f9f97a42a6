// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModelRegistry} from "../src/ModelRegistry.sol";
import {Deprecation, IModelRegistry} from "../src/interfaces/IModelRegistry.sol";
import {Test} from "./support/Test.sol";

contract ModelRegistryTest is Test {
  address private constant ANNA = address(0xA);
  address private constant BERT = address(0xB);
  address private constant PAYEE = address(0xFEE);
  bytes32 private constant ONE = keccak256("manifest one");
  bytes32 private constant TWO = keccak256("manifest two");
  bytes32 private constant THREE = keccak256("manifest three");
  string private constant NAME = "volatility/garch-1.1";

  ModelRegistry private registry;

  function setUp() public {
    vm.warp(1_800_000_000);
    registry = new ModelRegistry();
    vm.prank(ANNA);
    registry.create(ONE, NAME, PAYEE);
  }

  function fails(bytes memory data) private {
    vm.expectRevert(data);
  }

  function test_theFirstToComeIsRecordedWithItsTime() public view {
    IModelRegistry.Model memory model = registry.modelOf(ONE);
    equal(model.line, ONE, "line");
    equal(model.previous, bytes32(0), "previous");
    equal(model.number, 1, "number");
    equal(model.registeredAt, 1_800_000_000, "time");
    equal(model.payee, PAYEE, "payee");
    isTrue(model.deprecation == Deprecation.None && model.successor == 0, "in use");
    IModelRegistry.Line memory line = registry.lineOf(ONE);
    equal(line.owner, ANNA, "owner");
    equal(line.pendingOwner, address(0), "not offered");
    equal(line.versions, 1, "versions");
    equal(line.head, ONE, "head");
    equal(keccak256(bytes(line.name)), keccak256(bytes(NAME)), "name");
    equal(registry.lineNamed(ANNA, NAME), ONE, "by name");
    equal(registry.lineNamed(BERT, NAME), bytes32(0), "another's name");
    equal(registry.versionOf(ONE, 1), ONE, "first version");
    equal(registry.ownerOf(ONE), ANNA, "owner of the model");
    equal(registry.payeeOf(ONE), PAYEE, "payee of the model");
    isTrue(registry.isRegistered(ONE), "registered");
  }

  function test_anUnknownModelHasNothing() public {
    isTrue(!registry.isRegistered(TWO), "registered");
    equal(registry.ownerOf(TWO), address(0), "owner");
    equal(registry.payeeOf(TWO), address(0), "payee");
    equal(registry.versionOf(ONE, 2), bytes32(0), "version");
    fails(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, TWO));
    registry.modelOf(TWO);
    fails(abi.encodeWithSelector(IModelRegistry.UnknownLine.selector, TWO));
    registry.lineOf(TWO);
    vm.prank(ANNA);
    registry.addVersion(TWO, ONE, PAYEE);
    fails(abi.encodeWithSelector(IModelRegistry.UnknownLine.selector, TWO));
    registry.lineOf(TWO);
  }

  function test_anIdIsRegisteredOnce() public {
    vm.startPrank(BERT);
    fails(abi.encodeWithSelector(IModelRegistry.AlreadyRegistered.selector, ONE, ONE));
    registry.create(ONE, "mine", BERT);
    registry.create(TWO, "mine", BERT);
    fails(abi.encodeWithSelector(IModelRegistry.AlreadyRegistered.selector, ONE, ONE));
    registry.addVersion(ONE, TWO, BERT);
    fails(abi.encodeWithSelector(IModelRegistry.InvalidModel.selector));
    registry.create(0, "zero", BERT);
    fails(abi.encodeWithSelector(IModelRegistry.InvalidModel.selector));
    registry.addVersion(0, TWO, BERT);
    vm.stopPrank();
  }

  function test_versionsAreChained() public {
    vm.startPrank(ANNA);
    vm.expectEmit(true, true, true, true, address(registry));
    emit IModelRegistry.ModelRegistered(TWO, ONE, ANNA, ONE, 2, address(0));
    registry.addVersion(TWO, ONE, address(0));
    fails(abi.encodeWithSelector(IModelRegistry.NotHead.selector, ONE, TWO));
    registry.addVersion(THREE, ONE, address(0));
    registry.addVersion(THREE, TWO, BERT);
    vm.stopPrank();
    equal(registry.modelOf(THREE).previous, TWO, "previous");
    equal(registry.modelOf(THREE).line, ONE, "line");
    equal(registry.modelOf(THREE).number, 3, "number");
    equal(registry.lineOf(ONE).head, THREE, "head");
    equal(registry.lineOf(ONE).versions, 3, "versions");
    equal(registry.versionOf(ONE, 2), TWO, "second");
    equal(registry.payeeOf(TWO), address(0), "each its own payee");
    equal(registry.payeeOf(THREE), BERT, "each its own payee");
  }

  function testFuzz_onlyTheOwnerChangesItsLine(address stranger) public {
    vm.assume(stranger != ANNA);
    bytes memory data = abi.encodeWithSelector(IModelRegistry.NotOwner.selector, ONE, stranger);
    vm.startPrank(stranger);
    fails(data);
    registry.addVersion(TWO, ONE, stranger);
    fails(data);
    registry.setPayee(ONE, stranger);
    fails(data);
    registry.deprecate(ONE, Deprecation.Defect, 0);
    fails(data);
    registry.restore(ONE);
    fails(data);
    registry.offerLine(ONE, stranger);
    fails(abi.encodeWithSelector(IModelRegistry.NotPendingOwner.selector, ONE, stranger));
    registry.acceptLine(ONE);
    fails(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, TWO));
    registry.addVersion(THREE, TWO, stranger);
    fails(abi.encodeWithSelector(IModelRegistry.NotOwner.selector, TWO, stranger));
    registry.offerLine(TWO, stranger);
    vm.stopPrank();
  }

  function test_namesAreOfTheOwner() public {
    vm.prank(BERT);
    registry.create(TWO, NAME, BERT);
    equal(registry.lineNamed(BERT, NAME), TWO, "the same name of another owner");
    vm.prank(ANNA);
    fails(abi.encodeWithSelector(IModelRegistry.NameTaken.selector, ANNA, ONE));
    registry.create(THREE, NAME, PAYEE);
  }

  function test_namesHaveTheFormOfAManifests() public {
    string[11] memory wrong = ["", "-a", "a-", "a..b", "a/_b", "A", "a b", "a\x00", unicode"modèle", "a{b", "a:b"];
    for (uint256 at; at < wrong.length; ++at) {
      fails(abi.encodeWithSelector(IModelRegistry.InvalidName.selector));
      registry.create(TWO, wrong[at], PAYEE);
    }
    bytes memory long = new bytes(97);
    for (uint256 at; at < long.length; ++at) {
      long[at] = "z";
    }
    fails(abi.encodeWithSelector(IModelRegistry.InvalidName.selector));
    registry.create(TWO, string(long), PAYEE);
    assembly ("memory-safe") {
      mstore(long, 96)
    }
    registry.create(TWO, string(long), PAYEE);
    registry.create(THREE, "a0.z9_a/b-c", PAYEE);
  }

  function test_aVersionsPayeeIsChanged() public {
    vm.prank(ANNA);
    vm.expectEmit(true, false, false, true, address(registry));
    emit IModelRegistry.PayeeChanged(ONE, BERT);
    registry.setPayee(ONE, BERT);
    equal(registry.payeeOf(ONE), BERT, "payee");
  }

  function test_deprecationNamesReasonAndSuccessor() public {
    vm.prank(BERT);
    registry.create(TWO, "better", BERT);
    vm.startPrank(ANNA);
    fails(abi.encodeWithSelector(IModelRegistry.NoReason.selector));
    registry.deprecate(ONE, Deprecation.None, 0);
    fails(abi.encodeWithSelector(IModelRegistry.InvalidSuccessor.selector, ONE));
    registry.deprecate(ONE, Deprecation.Defect, ONE);
    fails(abi.encodeWithSelector(IModelRegistry.InvalidSuccessor.selector, THREE));
    registry.deprecate(ONE, Deprecation.Defect, THREE);
    fails(abi.encodeWithSelector(IModelRegistry.NoReason.selector));
    registry.restore(ONE);
    vm.expectEmit(true, false, false, true, address(registry));
    emit IModelRegistry.Deprecated(ONE, Deprecation.Security, TWO);
    registry.deprecate(ONE, Deprecation.Security, TWO);
    isTrue(registry.modelOf(ONE).deprecation == Deprecation.Security, "reason");
    equal(registry.modelOf(ONE).successor, TWO, "successor of any line");
    registry.deprecate(ONE, Deprecation.Withdrawn, 0);
    equal(registry.modelOf(ONE).successor, bytes32(0), "changed");
    registry.restore(ONE);
    isTrue(registry.modelOf(ONE).deprecation == Deprecation.None, "restored");
    vm.stopPrank();
  }

  function test_aLineIsHandedOverInTwoSteps() public {
    vm.prank(ANNA);
    registry.offerLine(ONE, BERT);
    equal(registry.lineOf(ONE).pendingOwner, BERT, "offered");
    equal(registry.ownerOf(ONE), ANNA, "still the old owner's");
    vm.prank(BERT);
    vm.expectEmit(true, true, true, true, address(registry));
    emit IModelRegistry.LineTransferred(ONE, ANNA, BERT);
    registry.acceptLine(ONE);
    equal(registry.ownerOf(ONE), BERT, "owner");
    equal(registry.lineNamed(BERT, NAME), ONE, "its name came along");
    equal(registry.lineNamed(ANNA, NAME), bytes32(0), "and is free");
    vm.prank(BERT);
    fails(abi.encodeWithSelector(IModelRegistry.NotPendingOwner.selector, ONE, BERT));
    registry.acceptLine(ONE);
    vm.prank(ANNA);
    fails(abi.encodeWithSelector(IModelRegistry.NotOwner.selector, ONE, ANNA));
    registry.addVersion(TWO, ONE, ANNA);
    vm.prank(ANNA);
    registry.create(TWO, NAME, ANNA);
  }

  function test_anOfferIsTakenBackAndANameMustBeFree() public {
    vm.prank(BERT);
    registry.create(TWO, NAME, BERT);
    vm.prank(ANNA);
    registry.offerLine(ONE, BERT);
    vm.prank(BERT);
    fails(abi.encodeWithSelector(IModelRegistry.NameTaken.selector, BERT, TWO));
    registry.acceptLine(ONE);
    vm.prank(ANNA);
    registry.offerLine(ONE, address(0));
    vm.prank(BERT);
    fails(abi.encodeWithSelector(IModelRegistry.NotPendingOwner.selector, ONE, BERT));
    registry.acceptLine(ONE);
  }
}
