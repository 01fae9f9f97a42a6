// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The x402 scheme `batch-settlement`: unidirectional payment channels with cumulative vouchers
/// @notice Types, EIP-712 domain (`x402 Batch Settlement`, version 1, this contract) and behaviour are the published
/// ones, so that vouchers, claims and tools are the same at the canonical contract and here. Amounts in units of the
/// channel's token, times in seconds. A voucher reserves nothing: only what is claimed is safe from a withdrawal.
interface IPaymentChannels {
  /// @notice What a channel is; its id is the EIP-712 hash of this.
  /// @param payer whose money it is; receives refunds and withdrawals
  /// @param payerAuthorizer key that signs vouchers, by ECDSA alone; zero: the payer itself, also by EIP-1271
  /// @param receiver whom `settle` pays
  /// @param receiverAuthorizer signs claims and refunds, also by EIP-1271; never zero
  /// @param withdrawDelay from the start of a withdrawal to its end, 15 minutes to 30 days
  struct ChannelConfig {
    address payer;
    address payerAuthorizer;
    address receiver;
    address receiverAuthorizer;
    address token;
    uint40 withdrawDelay;
    bytes32 salt;
  }

  /// @param balance deposits less refunds and withdrawals; what was claimed stays in it
  /// @param totalClaimed of `balance`, the receiver's; never falls
  struct ChannelState {
    uint128 balance;
    uint128 totalClaimed;
  }

  /// @param initiatedAt second in which the withdrawal was started; zero: none is
  struct WithdrawalState {
    uint128 amount;
    uint40 initiatedAt;
  }

  /// @param totalClaimed over all channels of one receiver and token; what exceeds `totalSettled` is owed
  struct ReceiverState {
    uint128 totalClaimed;
    uint128 totalSettled;
  }

  /// @param maxClaimableAmount the most that may ever be claimed of this channel with this voucher
  struct Voucher {
    ChannelConfig channel;
    uint128 maxClaimableAmount;
  }

  /// @param signature of `Voucher(bytes32 channelId,uint128 maxClaimableAmount)`
  /// @param totalClaimed what the receiver takes, ever, at most the ceiling
  struct VoucherClaim {
    Voucher voucher;
    bytes signature;
    uint128 totalClaimed;
  }

  /// @notice Thrown when an address that must be there is zero, or a withdrawal is started by another than the payer side
  error InvalidChannel();
  error ZeroDeposit();
  error DepositOverflow();
  error InvalidSignature();
  /// @notice Thrown when the rows of a signed claim do not all name the authorizer of the first
  error NotReceiverAuthorizer();
  error NotAuthorizedToClaim();
  error NotAuthorizedToRefund();
  error ClaimExceedsCeiling();
  error ClaimExceedsBalance();
  error WithdrawalAlreadyPending();
  error WithdrawalNotPending();
  error NotAuthorizedToFinalizeWithdraw();
  error WithdrawDelayNotElapsed();
  error NothingToWithdraw();
  error WithdrawAmountExceedsAvailable();
  error WithdrawDelayOutOfRange();
  error EmptyBatch();
  /// @notice Thrown when the collector brought another amount than the one deposited
  error DepositCollectionFailed();
  error InvalidCollector();
  error InvalidRefundNonce();
  error ZeroRefund();

  /// @notice A channel received money and held none before, nor ever had a claim.
  event ChannelCreated(bytes32 indexed channelId, ChannelConfig config);
  /// @notice A channel without claims was emptied.
  event ChannelClosed(bytes32 indexed channelId, ChannelConfig config);
  event Deposited(bytes32 indexed channelId, address indexed sender, uint128 amount, uint128 newBalance);
  event Claimed(bytes32 indexed channelId, address indexed sender, uint128 claimAmount, uint128 newTotalClaimed);
  event Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount);
  event Refunded(bytes32 indexed channelId, address indexed sender, uint128 amount);
  /// @param finalizeAfter second from which `finalizeWithdraw` pays
  event WithdrawInitiated(bytes32 indexed channelId, uint128 amount, uint40 finalizeAfter);
  event WithdrawFinalized(bytes32 indexed channelId, address indexed sender, uint128 amount);

  /// @notice Has `collector` bring exactly `amount` from the payer. Anyone may call: the payer signed what the collector
  /// checks.
  function deposit(ChannelConfig calldata config, uint128 amount, address collector, bytes calldata collectorData)
    external;

  /// @notice Books claims; no money moves. The caller is receiver or receiver's authorizer of every row. All or nothing;
  /// a row that claims no more than is claimed already does nothing.
  function claim(VoucherClaim[] calldata voucherClaims) external;

  /// @notice The same by anyone, with the authorizer's signature of `getClaimBatchDigest`.
  function claimWithSignature(VoucherClaim[] calldata voucherClaims, bytes calldata authorizerSignature) external;

  /// @notice Pays a receiver all that is claimed and not yet paid. Anyone may call; nothing owed is no error.
  function settle(address receiver, address token) external;

  /// @notice Starts the payer's timed exit. Payer or its authorizer, one at a time, of what is not claimed.
  function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external;

  /// @notice Pays the payer, once the delay is over, what it asked for, at most what is not claimed by then. Payer or its
  /// authorizer.
  function finalizeWithdraw(ChannelConfig calldata config) external;

  /// @notice Pays back what is not claimed, at most `amount`. Receiver or its authorizer. Every refund uses up a nonce,
  /// also when nothing is left to pay back.
  function refund(ChannelConfig calldata config, uint128 amount) external;

  /// @notice The same by anyone, with the authorizer's signature of `getRefundDigest`.
  function refundWithSignature(
    ChannelConfig calldata config,
    uint128 amount,
    uint256 nonce,
    bytes calldata receiverAuthorizerSignature
  ) external;

  function channels(bytes32 channelId) external view returns (uint128 balance, uint128 totalClaimed);
  function refundNonce(bytes32 channelId) external view returns (uint256);
  function pendingWithdrawals(bytes32 channelId) external view returns (uint128 amount, uint40 initiatedAt);
  function receivers(address receiver, address token) external view returns (uint128 totalClaimed, uint128 totalSettled);

  /// @notice EIP-712 hash of the configuration, bound to chain and contract.
  function getChannelId(ChannelConfig calldata config) external view returns (bytes32);
  function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) external view returns (bytes32);
  function getRefundDigest(bytes32 channelId, uint256 nonce, uint128 amount) external view returns (bytes32);
  /// @notice Digest of `ClaimBatch(ClaimEntry[] claims)`: ids, ceilings and totals of the rows, in order.
  function getClaimBatchDigest(VoucherClaim[] calldata voucherClaims) external view returns (bytes32);

  // solhint-disable func-name-mixedcase
  function MIN_WITHDRAW_DELAY() external view returns (uint40);
  function MAX_WITHDRAW_DELAY() external view returns (uint40);
  function CHANNEL_CONFIG_TYPEHASH() external view returns (bytes32);
  function VOUCHER_TYPEHASH() external view returns (bytes32);
  function REFUND_TYPEHASH() external view returns (bytes32);
  function CLAIM_ENTRY_TYPEHASH() external view returns (bytes32);
  function CLAIM_BATCH_TYPEHASH() external view returns (bytes32);
}
