// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IFeeSplitter} from "./interfaces/IFeeSplitter.sol";
import {IPaymentChannels} from "./interfaces/IPaymentChannels.sol";
import {IProtocolParams, Module, Param} from "./interfaces/IProtocolParams.sol";
import {IRewardDistributor} from "./interfaces/IRewardDistributor.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Fees} from "./libraries/Fees.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Runs as clones with the operator in their code; made by `FeeSplitterFactory`.
contract FeeSplitter is IFeeSplitter, ReentrancyGuardTransient {
  using SafeERC20 for IERC20;
  using SafeCast for uint256;

  uint256 public constant MAX_ROWS = 256;
  /// @notice Gas a row may use: a first claim by ECDSA needs under 50,000, the rest is for the payer's EIP-1271.
  uint256 public constant ROW_GAS = 100_000;
  /// @notice Gas the reward distributor may use to take the network's share.
  uint256 public constant NOTIFY_GAS = 400_000;
  /// @dev What a failed call leaves to be done: an event, or writing down what is owed.
  uint256 private constant SPARE_GAS = 60_000;
  /// @dev What must be left before such a call, which gets 63/64 of it at most.
  uint256 private constant LEAST_GAS_FOR_ROW = ROW_GAS + ROW_GAS / 63 + SPARE_GAS;
  uint256 private constant LEAST_GAS_FOR_NOTIFY = NOTIFY_GAS + NOTIFY_GAS / 63 + SPARE_GAS;
  uint256 private constant PPM_PER_BASIS_POINT = Fees.PPM / 10_000;

  IStakeManager public immutable stakeManager;
  IProtocolParams public immutable params;
  IPaymentChannels public immutable channels;
  IERC20 private immutable _opg;

  mapping(IERC20 token => Owed) private _owed;

  constructor(IStakeManager stakeManager_, IProtocolParams params_, IPaymentChannels channels_) {
    require(
      address(stakeManager_) != address(0) && address(params_) != address(0) && address(channels_).code.length != 0,
      InvalidParameters()
    );
    (stakeManager, params, channels, _opg) = (stakeManager_, params_, channels_, stakeManager_.token());
  }

  /// @inheritdoc IFeeSplitter
  function claim(IPaymentChannels.VoucherClaim[] calldata rows) external returns (uint256) {
    address key = _currentKey();
    require(msg.sender == key, NotOperator(msg.sender, key));
    return _claim(rows);
  }

  /// @inheritdoc IFeeSplitter
  function claimWithSignature(IPaymentChannels.VoucherClaim[] calldata rows, bytes calldata operatorSig)
    external
    returns (uint256)
  {
    address key = _currentKey();
    (address signer, ECDSA.RecoverError problem,) =
      ECDSA.tryRecoverCalldata(channels.getClaimBatchDigest(rows), operatorSig);
    require(problem == ECDSA.RecoverError.NoError && signer == key, BadOperatorSignature(key));
    return _claim(rows);
  }

  /// @inheritdoc IFeeSplitter
  function distribute(IERC20 token) external nonReentrant {
    channels.settle(address(this), address(token));
    Owed memory owed = _owed[token];
    uint256 fresh = Math.saturatingSub(token.balanceOf(address(this)), uint256(owed.provider) + owed.network);
    (uint256 provider, uint256 network) = Fees.split(fresh, params.valueOf(Param.NetworkShare) * PPM_PER_BASIS_POINT);
    (provider, network) = (provider + owed.provider, network + owed.network);
    if (provider + network == 0) return;

    address payout = stakeManager.payoutOf(_currentKey());
    uint256 keptProvider = _pay(token, payout, provider);
    uint256 keptNetwork = address(token) == address(_opg) ? _notify(network) : _pay(token, params.treasury(), network);
    _owed[token] = Owed(keptProvider.toUint128(), keptNetwork.toUint128());
    emit Distributed(token, payout, provider - keptProvider, network - keptNetwork);
    if (keptProvider + keptNetwork != 0) emit Kept(token, keptProvider, keptNetwork);
  }

  /// @inheritdoc IFeeSplitter
  function operator() public view returns (address) {
    return address(bytes20(Clones.fetchCloneArgs(address(this))));
  }

  /// @inheritdoc IFeeSplitter
  function owedOf(IERC20 token) external view returns (Owed memory) {
    return _owed[token];
  }

  function _claim(IPaymentChannels.VoucherClaim[] calldata rows) private returns (uint256 claimed) {
    uint256 count = rows.length;
    require(count != 0 && count <= MAX_ROWS, WrongRowCount(count));
    for (uint256 row; row < count; ++row) {
      _requireGas(LEAST_GAS_FOR_ROW);
      (bool done, bytes4 reason) = _claimRow(rows[row]);
      if (done) claimed |= 1 << row;
      else emit ClaimFailed(row, reason);
    }
  }

  /// @dev `channels.claim` of this row alone, encoded by hand in memory that every row uses anew, with bounded gas and
  /// without the data it returns but for an error's selector: a payer's wallet decides over none of them.
  function _claimRow(IPaymentChannels.VoucherClaim calldata row) private returns (bool done, bytes4 reason) {
    bytes calldata signature = row.signature;
    address target = address(channels);
    bytes4 selector = IPaymentChannels.claim.selector;
    assembly ("memory-safe") {
      let data := mload(0x40)
      mstore(data, selector)
      mstore(add(data, 0x04), 0x20) // where the array is
      mstore(add(data, 0x24), 1) // its length
      mstore(add(data, 0x44), 0x20) // where its row is
      calldatacopy(add(data, 0x64), row, 0x100) // the voucher
      mstore(add(data, 0x164), 0x140) // where the signature is
      calldatacopy(add(data, 0x184), add(row, 0x120), 0x20) // totalClaimed
      let length := signature.length
      mstore(add(data, 0x1a4), length)
      calldatacopy(add(data, 0x1c4), signature.offset, length)
      mstore(add(add(data, 0x1c4), length), 0)
      mstore(0, 0)
      done := call(ROW_GAS, target, 0, data, add(0x1c4, and(add(length, 0x1f), not(0x1f))), 0, 4)
      reason := mload(0)
    }
  }

  /// @return kept what could not be paid
  function _pay(IERC20 token, address to, uint256 amount) private returns (uint256 kept) {
    if (amount == 0) return 0;
    return to != address(0) && token.trySafeTransfer(to, amount) ? 0 : amount;
  }

  /// @dev By what really left, whatever the distributor says.
  /// @return kept what the distributor did not take
  function _notify(uint256 amount) private returns (uint256 kept) {
    address distributor = params.moduleOf(Module.RewardDistributor);
    if (amount == 0 || distributor.code.length == 0) return amount;
    uint256 before = _opg.balanceOf(address(this));
    _opg.forceApprove(distributor, amount);
    _requireGas(LEAST_GAS_FOR_NOTIFY);
    try IRewardDistributor(distributor).notify{gas: NOTIFY_GAS}(amount) {} catch {}
    kept = Math.saturatingSub(amount, Math.saturatingSub(before, _opg.balanceOf(address(this))));
    if (kept != 0) _opg.forceApprove(distributor, 0);
  }

  /// @dev So that a row, or the distributor, fails for its own reasons only, and wallets estimate enough.
  function _requireGas(uint256 least) private view {
    uint256 left = gasleft();
    require(left >= least, TooLittleGas(left, least));
  }

  function _currentKey() private view returns (address) {
    return stakeManager.currentKeyOf(operator());
  }
}
