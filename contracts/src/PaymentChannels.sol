// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDepositCollector} from "./interfaces/IDepositCollector.sol";
import {IPaymentChannels} from "./interfaces/IPaymentChannels.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @notice For chains that lack the canonical contract.
contract PaymentChannels is IPaymentChannels, EIP712, Multicall, ReentrancyGuardTransient {
  using SafeERC20 for IERC20;

  uint40 public constant MIN_WITHDRAW_DELAY = 15 minutes;
  uint40 public constant MAX_WITHDRAW_DELAY = 30 days;

  bytes32 public constant CHANNEL_CONFIG_TYPEHASH = keccak256(
    "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
  );
  bytes32 public constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
  bytes32 public constant REFUND_TYPEHASH = keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
  bytes32 public constant CLAIM_ENTRY_TYPEHASH =
    keccak256("ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)");
  bytes32 public constant CLAIM_BATCH_TYPEHASH = keccak256(
    "ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
  );

  mapping(bytes32 channelId => ChannelState) public channels;
  mapping(bytes32 channelId => uint256) public refundNonce;
  mapping(bytes32 channelId => WithdrawalState) public pendingWithdrawals;
  mapping(address receiver => mapping(address token => ReceiverState)) public receivers;

  constructor() EIP712("x402 Batch Settlement", "1") {}

  /// @inheritdoc IPaymentChannels
  function deposit(ChannelConfig calldata config, uint128 amount, address collector, bytes calldata collectorData)
    external
    nonReentrant
  {
    require(
      config.payer != address(0) && config.receiver != address(0) && config.receiverAuthorizer != address(0)
        && config.token != address(0),
      InvalidChannel()
    );
    require(
      config.withdrawDelay >= MIN_WITHDRAW_DELAY && config.withdrawDelay <= MAX_WITHDRAW_DELAY,
      WithdrawDelayOutOfRange()
    );
    require(amount != 0, ZeroDeposit());
    require(collector != address(0), InvalidCollector());

    bytes32 channelId = getChannelId(config);
    ChannelState storage state = channels[channelId];
    uint128 held = state.balance;
    require(amount <= type(uint128).max - held, DepositOverflow());
    state.balance = held + amount;

    IERC20 token = IERC20(config.token);
    uint256 expected = token.balanceOf(address(this)) + amount;
    IDepositCollector(collector).collect(config.payer, config.token, amount, channelId, collectorData);
    require(token.balanceOf(address(this)) == expected, DepositCollectionFailed());

    if (held == 0 && state.totalClaimed == 0) emit ChannelCreated(channelId, config);
    emit Deposited(channelId, msg.sender, amount, held + amount);
  }

  /// @inheritdoc IPaymentChannels
  function claim(VoucherClaim[] calldata voucherClaims) external nonReentrant {
    require(voucherClaims.length != 0, EmptyBatch());
    for (uint256 index; index < voucherClaims.length; ++index) {
      VoucherClaim calldata row = voucherClaims[index];
      require(_isReceiverSide(row.voucher.channel), NotAuthorizedToClaim());
      _claim(row);
    }
  }

  /// @inheritdoc IPaymentChannels
  function claimWithSignature(VoucherClaim[] calldata voucherClaims, bytes calldata authorizerSignature)
    external
    nonReentrant
  {
    require(voucherClaims.length != 0, EmptyBatch());
    address authorizer = voucherClaims[0].voucher.channel.receiverAuthorizer;
    require(
      SignatureChecker.isValidSignatureNowCalldata(authorizer, getClaimBatchDigest(voucherClaims), authorizerSignature),
      InvalidSignature()
    );
    for (uint256 index; index < voucherClaims.length; ++index) {
      VoucherClaim calldata row = voucherClaims[index];
      require(row.voucher.channel.receiverAuthorizer == authorizer, NotReceiverAuthorizer());
      _claim(row);
    }
  }

  /// @inheritdoc IPaymentChannels
  function settle(address receiver, address token) external nonReentrant {
    ReceiverState storage state = receivers[receiver][token];
    uint128 claimed = state.totalClaimed;
    uint128 amount = claimed - state.totalSettled;
    if (amount == 0) return;
    state.totalSettled = claimed;
    IERC20(token).safeTransfer(receiver, amount);
    emit Settled(receiver, token, msg.sender, amount);
  }

  /// @inheritdoc IPaymentChannels
  function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external nonReentrant {
    require(_isPayerSide(config), InvalidChannel());
    require(amount != 0, NothingToWithdraw());
    bytes32 channelId = getChannelId(config);
    WithdrawalState storage pending = pendingWithdrawals[channelId];
    require(pending.initiatedAt == 0, WithdrawalAlreadyPending());
    require(amount <= _unclaimed(channels[channelId]), WithdrawAmountExceedsAvailable());
    (pending.amount, pending.initiatedAt) = (amount, uint40(block.timestamp));
    emit WithdrawInitiated(channelId, amount, uint40(block.timestamp) + config.withdrawDelay);
  }

  /// @inheritdoc IPaymentChannels
  function finalizeWithdraw(ChannelConfig calldata config) external nonReentrant {
    require(_isPayerSide(config), NotAuthorizedToFinalizeWithdraw());
    bytes32 channelId = getChannelId(config);
    WithdrawalState storage pending = pendingWithdrawals[channelId];
    (uint128 asked, uint256 initiatedAt) = (pending.amount, pending.initiatedAt);
    require(initiatedAt != 0, WithdrawalNotPending());
    require(block.timestamp >= initiatedAt + config.withdrawDelay, WithdrawDelayNotElapsed());

    ChannelState storage state = channels[channelId];
    uint128 amount = _atMost(asked, _unclaimed(state));
    (pending.amount, pending.initiatedAt) = (0, 0);
    state.balance -= amount;
    emit WithdrawFinalized(channelId, msg.sender, amount);
    _noteIfClosed(channelId, config);
    if (amount != 0) IERC20(config.token).safeTransfer(config.payer, amount);
  }

  /// @inheritdoc IPaymentChannels
  function refund(ChannelConfig calldata config, uint128 amount) external nonReentrant {
    require(_isReceiverSide(config), NotAuthorizedToRefund());
    _refund(config, getChannelId(config), amount);
  }

  /// @inheritdoc IPaymentChannels
  function refundWithSignature(
    ChannelConfig calldata config,
    uint128 amount,
    uint256 nonce,
    bytes calldata receiverAuthorizerSignature
  ) external nonReentrant {
    bytes32 channelId = getChannelId(config);
    require(nonce == refundNonce[channelId], InvalidRefundNonce());
    bytes32 digest = getRefundDigest(channelId, nonce, amount);
    require(
      SignatureChecker.isValidSignatureNowCalldata(config.receiverAuthorizer, digest, receiverAuthorizerSignature),
      InvalidSignature()
    );
    _refund(config, channelId, amount);
  }

  /// @inheritdoc IPaymentChannels
  function getChannelId(ChannelConfig calldata config) public view returns (bytes32) {
    return _hashTypedDataV4(_hashOf(config));
  }

  /// @inheritdoc IPaymentChannels
  function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) public view returns (bytes32) {
    return _hashTypedDataV4(_hashOf(channelId, maxClaimableAmount));
  }

  /// @inheritdoc IPaymentChannels
  function getRefundDigest(bytes32 channelId, uint256 nonce, uint128 amount) public view returns (bytes32) {
    return _hashTypedDataV4(keccak256(abi.encode(REFUND_TYPEHASH, channelId, nonce, amount)));
  }

  /// @inheritdoc IPaymentChannels
  function getClaimBatchDigest(VoucherClaim[] calldata voucherClaims) public view returns (bytes32) {
    bytes32[] memory entries = new bytes32[](voucherClaims.length);
    for (uint256 index; index < entries.length; ++index) {
      VoucherClaim calldata row = voucherClaims[index];
      entries[index] = keccak256(
        abi.encode(
          CLAIM_ENTRY_TYPEHASH, getChannelId(row.voucher.channel), row.voucher.maxClaimableAmount, row.totalClaimed
        )
      );
    }
    return _hashTypedDataV4(keccak256(abi.encode(CLAIM_BATCH_TYPEHASH, keccak256(abi.encodePacked(entries)))));
  }

  function _claim(VoucherClaim calldata row) private {
    ChannelConfig calldata config = row.voucher.channel;
    (uint128 ceiling, uint128 total) = (row.voucher.maxClaimableAmount, row.totalClaimed);
    bytes32 separator = _domainSeparatorV4();
    bytes32 channelId = MessageHashUtils.toTypedDataHash(separator, _hashOf(config));
    ChannelState storage channel = channels[channelId];
    ChannelState memory state = channel;
    if (total <= state.totalClaimed) return;
    require(total <= ceiling, ClaimExceedsCeiling());
    require(total <= state.balance, ClaimExceedsBalance());
    _requireVoucher(config, MessageHashUtils.toTypedDataHash(separator, _hashOf(channelId, ceiling)), row.signature);

    uint128 added;
    unchecked {
      added = total - state.totalClaimed;
    }
    (channel.balance, channel.totalClaimed) = (state.balance, total);
    ReceiverState storage receiver = receivers[config.receiver][config.token];
    ReceiverState memory owed = receiver;
    (receiver.totalClaimed, receiver.totalSettled) = (owed.totalClaimed + added, owed.totalSettled);
    emit Claimed(channelId, msg.sender, added, total);
  }

  /// @dev Reverts for a malformed signature with the library's error, as published.
  function _requireVoucher(ChannelConfig calldata config, bytes32 digest, bytes calldata signature) private view {
    address authorizer = config.payerAuthorizer;
    bool valid = authorizer == address(0)
      ? SignatureChecker.isValidSignatureNowCalldata(config.payer, digest, signature)
      : ECDSA.recoverCalldata(digest, signature) == authorizer;
    require(valid, InvalidSignature());
  }

  function _refund(ChannelConfig calldata config, bytes32 channelId, uint128 amount) private {
    require(amount != 0, ZeroRefund());
    ++refundNonce[channelId];
    ChannelState storage state = channels[channelId];
    uint128 paid = _atMost(amount, _unclaimed(state));
    if (paid == 0) return;
    state.balance -= paid;

    WithdrawalState storage pending = pendingWithdrawals[channelId];
    if (pending.initiatedAt != 0) {
      if (paid >= pending.amount) (pending.amount, pending.initiatedAt) = (0, 0);
      else pending.amount -= paid;
    }
    emit Refunded(channelId, msg.sender, paid);
    _noteIfClosed(channelId, config);
    IERC20(config.token).safeTransfer(config.payer, paid);
  }

  function _noteIfClosed(bytes32 channelId, ChannelConfig calldata config) private {
    ChannelState storage state = channels[channelId];
    if (state.balance == 0 && state.totalClaimed == 0) emit ChannelClosed(channelId, config);
  }

  function _isReceiverSide(ChannelConfig calldata config) private view returns (bool) {
    return msg.sender == config.receiverAuthorizer || msg.sender == config.receiver;
  }

  function _isPayerSide(ChannelConfig calldata config) private view returns (bool) {
    return msg.sender == config.payer || msg.sender == config.payerAuthorizer;
  }

  function _unclaimed(ChannelState storage state) private view returns (uint128) {
    return state.balance - state.totalClaimed;
  }

  function _atMost(uint128 asked, uint128 limit) private pure returns (uint128) {
    return asked < limit ? asked : limit;
  }

  function _hashOf(bytes32 channelId, uint128 ceiling) private pure returns (bytes32) {
    return keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, ceiling));
  }

  function _hashOf(ChannelConfig calldata config) private pure returns (bytes32 structHash) {
    bytes32 typehash = CHANNEL_CONFIG_TYPEHASH;
    // abi.encode(typehash, config): the call data holds the configuration as it is encoded. Words that are no addresses
    // or numbers give an id as well, but one that no deposit can fill: the event that creates a channel refuses them.
    assembly ("memory-safe") {
      let data := mload(0x40)
      mstore(data, typehash)
      calldatacopy(add(data, 0x20), config, 0xe0)
      structHash := keccak256(data, 0x100)
    }
  }
}
