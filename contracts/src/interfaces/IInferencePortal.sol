// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatchAnchor} from "./IBatchAnchor.sol";
import {Batch, Job, Leaf, Receipt} from "./Objects.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Receives what a contract asked for
interface IInferenceConsumer {
  /// @notice Called by the portal once, with `callbackGas`; a revert is recorded and changes nothing else.
  /// @param output the plain bytes of the answer, as its chunks gave them
  function onInference(uint256 id, bytes calldata output, Receipt calldata receipt) external;
}

/// @title Contracts ask, and receive a proven result
/// @notice A contract has no key to sign a Job with. It asks here and leaves the money; a relayer orders the job under its
/// own requester key, with the portal's nonce in it, and brings the answer with the proof that a committee accepted it.
/// Nothing is believed of a relayer: model, input, parameters and the nonce must be those asked for, the receipt must be
/// accepted in an anchored batch that was not voided, and the bytes must be those its chain of heads covers. Input and
/// output are public.
///
/// | state | reached by | exit |
/// |---|---|---|
/// | Asked | `ask` | `fulfil` by a relayer; from the deadline on `cancel` by anyone, which refunds the asker |
/// | Fulfilled, Cancelled | | - |
///
/// Amounts in wei of OPG, times in seconds; the job's own times are ms.
interface IInferencePortal {
  enum State {
    None,
    Asked,
    Fulfilled,
    Cancelled
  }

  /// @param model id of the manifest
  /// @param input bytes as the model takes them; `Job.inputHash` is H("OPG/input/1", nonce of the request, their keccak256)
  /// @param parameters RFC 8785 bytes; `Job.parametersHash` is their keccak256
  /// @param provider who must answer; zero: anyone
  /// @param tier weakest that will do, as `Job.tier`
  /// @param maxFee of the job, wei
  /// @param reward for the relayer above the fee, wei
  /// @param deadline second from which it can be cancelled
  /// @param callbackGas for `onInference`; zero: no call, the result is in the event
  struct Ask {
    bytes32 model;
    bytes input;
    bytes parameters;
    address provider;
    uint8 tier;
    uint128 maxFee;
    uint128 reward;
    uint64 deadline;
    uint32 callbackGas;
  }

  /// @notice One chunk of the answer, in order from 1.
  struct Chunk {
    bytes data;
    bytes32 salt;
  }

  /// @param job its digest is `receipt.jobId`; its nonce is `nonceOf(id)`
  /// @param leafProof of `leaf` in `batch`, `receiptProof` of `receipt` at `index` of the leaf
  struct Answer {
    Job job;
    Batch batch;
    Leaf leaf;
    bytes32[] leafProof;
    Receipt receipt;
    uint8 index;
    bytes32[] receiptProof;
    Chunk[] chunks;
  }

  error InvalidAsk();
  /// @notice Thrown when new requests are paused
  error RequestsPaused();
  error WrongState(uint256 id, State state);
  error TooEarly(uint256 id, uint64 possibleAt);
  /// @notice Thrown when another than the job's requester brings the answer
  error NotRequester(uint256 id, address caller);
  /// @notice Thrown when the job is not the one asked for, or not the receipt's
  error WrongJob(uint256 id, bytes32 jobId);
  /// @notice Thrown when no anchored batch accepts the receipt, or its status is not complete
  error NotAccepted(uint256 id, IBatchAnchor.Status status);
  /// @notice Thrown when the chunks are not those under the receipt's `outputHead`
  error WrongOutput(uint256 id, bytes32 expected, bytes32 got);

  event Asked(uint256 indexed id, address indexed asker, bytes32 indexed model, Ask ask);
  event Fulfilled(uint256 indexed id, address indexed relayer, bytes32 indexed receipt, bytes output, bool delivered);
  event Cancelled(uint256 indexed id, uint256 refunded);

  /// @notice Asks, and takes `maxFee + reward` from the caller. Anyone.
  function ask(Ask calldata wanted) external returns (uint256 id);

  /// @notice Proves an answer, pays the relayer the receipt's fee and the reward, refunds the rest, and calls the asker.
  /// Only the job's requester: a copied answer pays nobody else.
  function fulfil(uint256 id, Answer calldata answer) external;

  /// @notice Refunds the asker. Anyone, from the deadline on.
  function cancel(uint256 id) external;

  /// @notice `Job.nonce` of a request: H("OPG/portal/1", chain id, this contract, id). Binds one job to one request.
  function nonceOf(uint256 id) external view returns (bytes32);
  function stateOf(uint256 id) external view returns (State);
  function askOf(uint256 id) external view returns (address asker, Ask memory);
  function batchAnchor() external view returns (IBatchAnchor);
  function token() external view returns (IERC20);
}
