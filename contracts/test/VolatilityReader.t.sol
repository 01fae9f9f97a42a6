// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReceiptVerifier} from "../src/ReceiptVerifier.sol";
import {VolatilityReader} from "../src/examples/VolatilityReader.sol";
import {IReceiptVerifier} from "../src/interfaces/IReceiptVerifier.sol";
import {Receipt} from "../src/interfaces/Objects.sol";
import {Float32} from "../src/libraries/Float32.sol";
import {Answerable} from "./support/Answerable.sol";
import {JsonVm} from "./support/JsonVm.sol";

/// @notice The answer is the committed model's own (scripts/generateVolatility.ts).
contract VolatilityReaderTest is Answerable {
  JsonVm private constant JSON = JsonVm(address(uint160(uint256(keccak256("hevm cheat code")))));
  uint8 private constant HARDWARE = 3;
  uint64 private constant AGE = 60;

  ReceiptVerifier private verifier;
  VolatilityReader private reader;
  string private golden;
  bytes private answer;
  uint256 private expected;
  bytes32 private model;
  bytes32 private salt;
  uint8 private assurance = HARDWARE;
  uint64 private ahead;

  function setUp() public {
    deployAnswerable();
    golden = JSON.readFile("../test/golden/volatility.golden.json");
    answer = JSON.parseJsonBytes(golden, ".output");
    expected = JSON.parseJsonUint(golden, ".fixed18");
    model = JSON.parseJsonBytes32(golden, ".model");
    salt = JSON.parseJsonBytes32Array(golden, ".streamed.salts")[0];
    verifier = new ReceiptVerifier(batches);
    reader = newReader(requester);
    anchorBatch();
  }

  /// @dev Every receipt answers with `answer` in one chunk, as a provider streams it.
  function receiptOf(uint64 sequence) internal view override returns (Receipt memory receipt) {
    receipt = super.receiptOf(sequence);
    receipt.model = model;
    receipt.assurance = assurance;
    receipt.finishedAt = nowMs() + ahead + sequence;
    receipt.outputHead = verifier.outputHeadOf(receipt.jobId, chunksOf(answer));
  }

  function policy() private view returns (VolatilityReader.Policy memory) {
    return VolatilityReader.Policy(model, HARDWARE, AGE);
  }

  function newReader(address trusted) private returns (VolatilityReader) {
    address[] memory requesters = new address[](2);
    (requesters[0], requesters[1]) = (address(0x7457), trusted);
    return new VolatilityReader(verifier, policy(), requesters);
  }

  function chunksOf(bytes memory data) private view returns (IReceiptVerifier.Chunk[] memory chunks) {
    chunks = new IReceiptVerifier.Chunk[](1);
    chunks[0] = IReceiptVerifier.Chunk(data, salt);
  }

  function proofOf(uint256 at, uint8 index) private view returns (IReceiptVerifier.Proof memory) {
    return IReceiptVerifier.Proof(batch, leaves[at], leafProof(at), receipts[at][index], index, receiptProof(at, index));
  }

  function read(uint256 at, uint8 index) private returns (uint256) {
    return reader.read(proofOf(at, index), chunksOf(answer));
  }

  function refused(uint256 at, uint8 index, bytes memory reason) private {
    IReceiptVerifier.Proof memory proof = proofOf(at, index);
    vm.expectRevert(reason);
    reader.read(proof, chunksOf(answer));
  }

  function test_readsTheForecastThatTheModelReallyGave() public {
    equal(expected, 19_288_012_757_897_377, "1.93 per cent");
    vm.expectEmit(true, true, true, true, address(reader));
    emit VolatilityReader.ForecastRead(receipts[0][0].jobId, requester, expected, receipts[0][0].finishedAt);
    vm.prank(address(0xA11));
    equal(read(0, 0), expected, "value");
    VolatilityReader.Forecast memory forecast = reader.latest();
    equal(forecast.value, expected, "stored");
    equal(forecast.finishedAt, receipts[0][0].finishedAt, "finished");
    equal(forecast.requester, requester, "requester");
    equal(forecast.provider, provider, "provider");
    equal(forecast.jobId, receipts[0][0].jobId, "job");
    equal(forecast.inputHash, receipts[0][0].inputHash, "input");
  }

  function test_theChunkIsTheOneThatTheProtocolChains() public view {
    bytes[] memory data = JSON.parseJsonBytesArray(golden, ".streamed.data");
    equal(data.length, 1, "one chunk");
    equal(keccak256(data[0]), keccak256(answer), "the whole answer");
    equal(
      verifier.outputHeadOf(JSON.parseJsonBytes32(golden, ".streamed.jobId"), chunksOf(answer)),
      JSON.parseJsonBytes32(golden, ".streamed.outputHead"),
      "head"
    );
  }

  function test_refusesParametersOutOfRange() public {
    address[] memory requesters = new address[](1);
    bytes memory invalid = abi.encodeWithSelector(VolatilityReader.InvalidParameters.selector);
    VolatilityReader.Policy memory wrong = policy();
    vm.expectRevert(invalid);
    new VolatilityReader(IReceiptVerifier(address(0)), wrong, requesters);
    vm.expectRevert(invalid);
    new VolatilityReader(verifier, wrong, new address[](0));
    wrong.model = 0;
    vm.expectRevert(invalid);
    new VolatilityReader(verifier, wrong, requesters);
    wrong = policy();
    wrong.minimumAssurance = 0;
    vm.expectRevert(invalid);
    new VolatilityReader(verifier, wrong, requesters);
    wrong = policy();
    wrong.maximumAge = 0;
    vm.expectRevert(invalid);
    new VolatilityReader(verifier, wrong, requesters);
  }

  function test_refusesWhatIsNotProven() public {
    refused(0, 2, abi.encodeWithSelector(IReceiptVerifier.NotProven.selector, IReceiptVerifier.Outcome.Rejected));
    IReceiptVerifier.Proof memory proof = proofOf(0, 0);
    bytes memory better = answer;
    better[better.length - 1] = 0x3d;
    vm.expectRevert(abi.encodeWithSelector(IReceiptVerifier.NotProven.selector, IReceiptVerifier.Outcome.WrongOutput));
    reader.read(proof, chunksOf(better));
  }

  function test_refusesAnotherModel() public {
    bytes32 pinned = model;
    model = keccak256("another model");
    anchorBatch();
    refused(0, 0, abi.encodeWithSelector(VolatilityReader.WrongModel.selector, pinned, model));
  }

  function test_R6_refusesTooLittleAssurance() public {
    assurance = HARDWARE - 1;
    anchorBatch();
    refused(0, 0, abi.encodeWithSelector(VolatilityReader.TooLittleAssurance.selector, HARDWARE, assurance));
  }

  function test_refusesRequestersThatAreNotTrusted() public {
    reader = newReader(address(0x50B));
    refused(0, 0, abi.encodeWithSelector(VolatilityReader.UntrustedRequester.selector, requester));
  }

  function test_refusesAnOldForecastAndOneOfTheFuture() public {
    uint256 last = receipts[0][0].finishedAt / 1000 + AGE;
    vm.warp(last + 1);
    uint256 nowIs = vm.getBlockTimestamp() * 1000;
    refused(0, 0, abi.encodeWithSelector(VolatilityReader.WrongTime.selector, receipts[0][0].finishedAt, nowIs));
    vm.warp(last);
    read(0, 0);
    ahead = 2001;
    open();
    anchorBatch();
    nowIs = vm.getBlockTimestamp() * 1000;
    refused(0, 0, abi.encodeWithSelector(VolatilityReader.WrongTime.selector, receipts[0][0].finishedAt, nowIs));
    vm.warp(vm.getBlockTimestamp() + 1);
    read(0, 0);
  }

  function test_whatWasReadGoesStale() public {
    vm.expectRevert(abi.encodeWithSelector(VolatilityReader.NoForecast.selector));
    reader.latest();
    read(0, 0);
    uint64 finishedAt = receipts[0][0].finishedAt;
    vm.warp(finishedAt / 1000 + AGE);
    equal(reader.latest().value, expected, "still good");
    vm.warp(finishedAt / 1000 + AGE + 1);
    uint256 nowIs = vm.getBlockTimestamp() * 1000;
    vm.expectRevert(abi.encodeWithSelector(VolatilityReader.WrongTime.selector, finishedAt, nowIs));
    reader.latest();
  }

  function test_audit15_aReceiptIsReadOnceAndAnEarlierOneNeverAfterALater() public {
    read(0, 1);
    uint64 finishedAt = receipts[0][1].finishedAt;
    refused(0, 1, abi.encodeWithSelector(VolatilityReader.NotNewer.selector, finishedAt, finishedAt));
    refused(0, 0, abi.encodeWithSelector(VolatilityReader.NotNewer.selector, receipts[0][0].finishedAt, finishedAt));
    read(1, 0);
    equal(reader.latest().jobId, receipts[1][0].jobId, "the later");
  }

  function test_readsNothingButOneForecastInTheCanonicalEncoding() public {
    equal(reader.decode(answer), expected, "the canonical form");
    expectMalformed(JSON.parseJsonBytes(golden, ".twoRows"));
    expectMalformed("");
    expectMalformed(bytes.concat(answer, hex"00"));
    bytes memory cut = answer;
    assembly ("memory-safe") {
      mstore(cut, sub(mload(cut), 1))
    }
    expectMalformed(cut);
    for (uint256 at; at < answer.length - 4; ++at) {
      bytes memory changed = answer;
      changed[at] ^= 0x01;
      expectMalformed(changed);
    }
  }

  function expectMalformed(bytes memory wrong) private {
    vm.expectRevert(abi.encodeWithSelector(VolatilityReader.MalformedAnswer.selector));
    reader.decode(wrong);
  }

  /// @dev The canonical answer with other bits: a float32 is little-endian.
  function answerWith(uint32 bits) private view returns (bytes memory changed) {
    changed = answer;
    for (uint256 at; at < 4; ++at) {
      changed[changed.length - 4 + at] = bytes1(uint8(bits >> 8 * at));
    }
  }

  function test_convertsFloatsAsTheReferenceDoes() public view {
    uint256[] memory bits = JSON.parseJsonUintArray(golden, ".floats.bits");
    uint256[] memory fixed18 = JSON.parseJsonUintArray(golden, ".floats.fixed18");
    equal(bits.length, 257, "vectors");
    for (uint256 at; at < bits.length; ++at) {
      equal(reader.decode(answerWith(uint32(bits[at]))), fixed18[at], "fixed");
    }
  }

  function test_refusesWhatIsNoVolatility() public {
    uint32[4] memory infinite = [uint32(0x7f800000), 0xff800000, 0x7fc00000, 0xff800001];
    for (uint256 at; at < infinite.length; ++at) {
      bytes memory changed = answerWith(infinite[at]);
      vm.expectRevert(abi.encodeWithSelector(Float32.NotFinite.selector, infinite[at]));
      reader.decode(changed);
    }
    uint32[3] memory negative = [uint32(0x80000001), 0xbf800000, 0xff7fffff];
    for (uint256 at; at < negative.length; ++at) {
      bytes memory changed = answerWith(negative[at]);
      vm.expectRevert(abi.encodeWithSelector(Float32.Negative.selector, negative[at]));
      reader.decode(changed);
    }
    equal(reader.decode(answerWith(0x80000000)), 0, "minus nothing is nothing");
  }

  /// @dev fixed <= value * 1e18 < fixed + 1 in rationals: the value is significand * 2^(exponent - 149).
  function testFuzz_theFixedPointIsTheFloorOfTheFloat(uint32 bits) public view {
    bits &= 0x7fffffff;
    uint256 exponent = bits >> 23;
    if (exponent == 255) return;
    uint256 significand = exponent == 0 ? bits : (bits & 0x7fffff) + 0x800000;
    if (exponent != 0) --exponent;
    uint256 got = reader.decode(answerWith(bits));
    uint256 exact = significand * 1e18;
    if (exponent >= 149) {
      equal(got, exact * 2 ** (exponent - 149), "whole");
    } else {
      uint256 divisor = 2 ** (149 - exponent);
      isTrue(got * divisor <= exact && exact < (got + 1) * divisor, "floor");
    }
  }

  function testFuzz_aGreaterFloatIsNotLess(uint32 left, uint32 right) public view {
    (left, right) = (left % 0x7f800000, right % 0x7f800000);
    if (left > right) (left, right) = (right, left);
    isTrue(reader.decode(answerWith(left)) <= reader.decode(answerWith(right)), "order");
  }

  function testFuzz_everyFloatThatIsNoneIsRefused(uint32 bits, bool negative) public {
    bits = negative ? bound32(bits, 0x80000001, 0xff7fffff) : bound32(bits, 0x7f800000, 0x7fffffff);
    bytes memory changed = answerWith(bits);
    vm.expectRevert(abi.encodeWithSelector(negative ? Float32.Negative.selector : Float32.NotFinite.selector, bits));
    reader.decode(changed);
  }

  function bound32(uint32 value, uint32 low, uint32 high) private pure returns (uint32) {
    return uint32(bound(value, low, high));
  }
}
