// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReceiptVerifier} from "../interfaces/IReceiptVerifier.sol";
import {Float32} from "../libraries/Float32.sol";

/// @title An example: a volatility forecast that a contract can use, read from a proven receipt
/// @notice Anyone submits; who may have asked, which model, how sure and how fresh is fixed at deployment. The forecast
/// is of the candles the requester sent, so the requesters named are the ones trusted to send the right market.
contract VolatilityReader {
  /// @param model id of the one model whose answers count
  /// @param minimumAssurance least code of the trust root (R6): 1 none, 2 simulated, 3 and above hardware
  /// @param maximumAge seconds between the end of the work and its submission
  struct Policy {
    bytes32 model;
    uint8 minimumAssurance;
    uint64 maximumAge;
  }

  /// @param value root of the sum of squared log moves expected within the next period, times 1e18
  /// @param finishedAt ms since 1970
  struct Forecast {
    uint256 value;
    uint64 finishedAt;
    address requester;
    address provider;
    bytes32 jobId;
    bytes32 inputHash;
  }

  /// @notice The answer to one window of candles, but for its last four bytes: the canonical tensors of protocol code
  /// `encodeTensors`, a safetensors file. 64 bits of header length, little-endian, then the header, then the float32. One
  /// meaning has one encoding, so that comparing it is parsing it.
  bytes private constant PREFIX =
    abi.encodePacked(bytes8(0x4100000000000000), '{"volatility":{"data_offsets":[0,4],"dtype":"F32","shape":[1,1]}}');
  /// @dev How far a provider's clock may be ahead, in ms (protocol.md, Encoding).
  uint256 private constant FUTURE_TOLERANCE_MS = 2000;

  IReceiptVerifier public immutable verifier;
  bytes32 public immutable model;
  uint8 public immutable minimumAssurance;
  uint64 public immutable maximumAge;
  mapping(address requester => bool) public isTrusted;
  Forecast private _latest;

  error InvalidParameters();
  error WrongModel(bytes32 expected, bytes32 got);
  error TooLittleAssurance(uint8 expected, uint8 got);
  error UntrustedRequester(address requester);
  /// @notice Thrown when the work ended too long ago, or in the future. Times in ms
  error WrongTime(uint64 finishedAt, uint256 nowMs);
  /// @notice Thrown when the receipt was read before, or an earlier one comes after a later one
  error NotNewer(uint64 finishedAt, uint64 latest);
  /// @notice Thrown when the answer is not one forecast in the canonical encoding
  error MalformedAnswer();
  error NoForecast();

  event ForecastRead(bytes32 indexed jobId, address indexed requester, uint256 value, uint64 finishedAt);

  constructor(IReceiptVerifier verifier_, Policy memory policy, address[] memory requesters) {
    require(
      address(verifier_) != address(0) && policy.model != 0 && policy.minimumAssurance != 0 && policy.maximumAge != 0
        && requesters.length != 0,
      InvalidParameters()
    );
    verifier = verifier_;
    (model, minimumAssurance, maximumAge) = (policy.model, policy.minimumAssurance, policy.maximumAge);
    for (uint256 at; at < requesters.length; ++at) {
      isTrusted[requesters[at]] = true;
    }
  }

  /// @notice Reads a forecast out of a proven answer. Anyone may call.
  /// @return value times 1e18
  function read(IReceiptVerifier.Proof calldata proof, IReceiptVerifier.Chunk[] calldata chunks)
    external
    returns (uint256 value)
  {
    IReceiptVerifier.Result memory result = verifier.requireOutput(proof, chunks);
    require(result.model == model, WrongModel(model, result.model));
    require(result.assurance >= minimumAssurance, TooLittleAssurance(minimumAssurance, result.assurance));
    require(isTrusted[result.requester], UntrustedRequester(result.requester));
    uint256 nowMs = block.timestamp * 1000;
    require(
      result.finishedAt <= nowMs + FUTURE_TOLERANCE_MS && result.finishedAt + uint256(maximumAge) * 1000 >= nowMs,
      WrongTime(result.finishedAt, nowMs)
    );
    require(result.finishedAt > _latest.finishedAt, NotNewer(result.finishedAt, _latest.finishedAt));
    value = decode(result.output);
    _latest = Forecast({
      value: value,
      finishedAt: result.finishedAt,
      requester: result.requester,
      provider: result.provider,
      jobId: result.jobId,
      inputHash: result.inputHash
    });
    emit ForecastRead(result.jobId, result.requester, value, result.finishedAt);
  }

  /// @notice The newest forecast. Reverts before the first, and once it is older than `maximumAge`.
  function latest() external view returns (Forecast memory forecast) {
    forecast = _latest;
    require(forecast.finishedAt != 0, NoForecast());
    uint256 nowMs = block.timestamp * 1000;
    require(forecast.finishedAt + uint256(maximumAge) * 1000 >= nowMs, WrongTime(forecast.finishedAt, nowMs));
  }

  /// @notice The float32 of a canonical answer of one row, times 1e18.
  function decode(bytes memory answer) public pure returns (uint256) {
    bytes memory prefix = PREFIX;
    uint256 length = prefix.length;
    require(answer.length == length + 4, MalformedAnswer());
    uint256 word;
    bytes32 digest;
    assembly ("memory-safe") {
      digest := keccak256(add(answer, 0x20), length)
      // The last four bytes end the word that ends the answer.
      word := mload(add(answer, add(length, 4)))
    }
    require(digest == keccak256(prefix), MalformedAnswer());
    uint32 bits = uint32(word);
    bits = bits >> 24 | bits >> 8 & 0xff00 | (bits & 0xff00) << 8 | bits << 24;
    return Float32.toFixed18(bits);
  }
}
