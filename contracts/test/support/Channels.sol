// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPG} from "../../src/OPG.sol";
import {PaymentChannels} from "../../src/PaymentChannels.sol";
import {ERC3009DepositCollector} from "../../src/collectors/ERC3009DepositCollector.sol";
import {Permit2DepositCollector} from "../../src/collectors/Permit2DepositCollector.sol";
import {Permit2} from "../../src/devnet/Permit2.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {Test} from "./Test.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A collector for tokens of any kind: the payer sends through it what it was told to send.
contract PlainCollector {
  IERC20 private immutable _token;
  uint256 private immutable _short;

  /// @param short what it brings too little
  constructor(IERC20 token, uint256 short) {
    (_token, _short) = (token, short);
  }

  function collect(address payer, address, uint256 amount, bytes32, bytes calldata) external {
    _token.transferFrom(payer, msg.sender, amount - _short);
  }
}

/// @notice An account with code that signs with one key (EIP-1271).
contract Wallet is IERC1271 {
  address private immutable _signer;

  constructor(address signer) {
    _signer = signer;
  }

  function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
    (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    return signer == _signer ? IERC1271.isValidSignature.selector : bytes4(0);
  }

  function execute(address target, bytes calldata data) external {
    (bool done, bytes memory result) = target.call(data);
    if (done) return;
    assembly ("memory-safe") {
      revert(add(result, 0x20), mload(result))
    }
  }
}

/// @notice Channels, collectors and payers with real keys. Payer i signs vouchers with its session key.
abstract contract Channels is Test {
  uint40 internal constant DELAY = 1 hours;
  bytes32 internal constant RECEIVE = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
  );

  OPG internal coin;
  PaymentChannels internal channels;
  ERC3009DepositCollector internal collector;
  Permit2 internal permit2;
  Permit2DepositCollector internal permitCollector;

  /// @param coin_ all of it held by this contract
  function deployChannels(OPG coin_) internal {
    coin = coin_;
    channels = new PaymentChannels();
    collector = new ERC3009DepositCollector(address(channels));
    permit2 = new Permit2();
    permitCollector = new Permit2DepositCollector(address(channels), address(permit2));
  }

  function payerOf(uint256 index) internal pure returns (address) {
    return vm.addr(key("payer", index));
  }

  function configOf(uint256 index, address receiver, address authorizer)
    internal
    view
    returns (IPaymentChannels.ChannelConfig memory)
  {
    return IPaymentChannels.ChannelConfig({
      payer: payerOf(index),
      payerAuthorizer: vm.addr(key("session", index)),
      receiver: receiver,
      receiverAuthorizer: authorizer,
      token: address(coin),
      withdrawDelay: DELAY,
      salt: keccak256(abi.encode("salt", index))
    });
  }

  function authorization(uint256 payerKey, bytes32 channelId, uint256 amount, uint256 salt)
    internal
    view
    returns (bytes memory)
  {
    uint256 before = vm.getBlockTimestamp() + 60;
    bytes32 nonce = keccak256(abi.encode(channelId, salt));
    bytes32 structHash =
      keccak256(abi.encode(RECEIVE, vm.addr(payerKey), address(collector), amount, uint256(0), before, nonce));
    bytes32 digest = keccak256(abi.encodePacked(hex"1901", coin.DOMAIN_SEPARATOR(), structHash));
    return abi.encode(uint256(0), before, salt, signature65(payerKey, digest));
  }

  /// @dev Gives payer `index` the amount and has it deposit by EIP-3009.
  function fund(uint256 index, IPaymentChannels.ChannelConfig memory config, uint128 amount)
    internal
    returns (bytes32 channelId)
  {
    channelId = channels.getChannelId(config);
    coin.transfer(config.payer, amount);
    (uint128 held,) = channels.channels(channelId);
    bytes memory data = authorization(key("payer", index), channelId, amount, uint256(held) + vm.getBlockTimestamp());
    channels.deposit(config, amount, address(collector), data);
  }

  function rowBy(uint256 signerKey, IPaymentChannels.ChannelConfig memory config, uint128 ceiling, uint128 total)
    internal
    view
    returns (IPaymentChannels.VoucherClaim memory)
  {
    bytes32 digest = channels.getVoucherDigest(channels.getChannelId(config), ceiling);
    return IPaymentChannels.VoucherClaim({
      voucher: IPaymentChannels.Voucher(config, ceiling), signature: signature65(signerKey, digest), totalClaimed: total
    });
  }

  function rowOf(uint256 index, IPaymentChannels.ChannelConfig memory config, uint128 ceiling, uint128 total)
    internal
    view
    returns (IPaymentChannels.VoucherClaim memory)
  {
    return rowBy(key("session", index), config, ceiling, total);
  }

  function one(IPaymentChannels.VoucherClaim memory row)
    internal
    pure
    returns (IPaymentChannels.VoucherClaim[] memory rows)
  {
    rows = new IPaymentChannels.VoucherClaim[](1);
    rows[0] = row;
  }

  function two(IPaymentChannels.VoucherClaim memory first, IPaymentChannels.VoucherClaim memory second)
    internal
    pure
    returns (IPaymentChannels.VoucherClaim[] memory rows)
  {
    rows = new IPaymentChannels.VoucherClaim[](2);
    (rows[0], rows[1]) = (first, second);
  }

  function checkChannel(bytes32 channelId, uint256 balance, uint256 claimed, string memory what) internal view {
    (uint128 balance_, uint128 claimed_) = channels.channels(channelId);
    equal(balance_, balance, string.concat(what, ", balance"));
    equal(claimed_, claimed, string.concat(what, ", claimed"));
  }
}
