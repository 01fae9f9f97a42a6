// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OPG} from "../src/OPG.sol";
import {PaymentChannels} from "../src/PaymentChannels.sol";
import {Permit2} from "../src/devnet/Permit2.sol";
import {IPaymentChannels} from "../src/interfaces/IPaymentChannels.sol";
import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {Channels} from "./support/Channels.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice The cheatcodes that read the vectors.
interface JsonVm {
  function readFile(string calldata path) external view returns (string memory);
  function toString(uint256 value) external pure returns (string memory);
  function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
  function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
  function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
  function parseJsonAddressArray(string calldata json, string calldata key) external pure returns (address[] memory);
  function parseJsonBytes32Array(string calldata json, string calldata key) external pure returns (bytes32[] memory);
}

/// @notice An owner that consents to one digest, and to no other.
contract DigestWallet is IERC1271 {
  bytes32 private immutable _digest;

  constructor(bytes32 digest) {
    _digest = digest;
  }

  function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
    return digest == _digest ? IERC1271.isValidSignature.selector : bytes4(0);
  }
}

/// @notice A token that agrees to every transfer.
contract AnyToken {
  function transferFrom(address, address, uint256) external pure returns (bool) {
    return true;
  }
}

/// @notice Hashes at any chain and address as viem gives them for the published types (test/golden/channels.golden.json,
/// scripts/generateChannelGolden.ts).
contract ChannelTypesTest is Channels {
  JsonVm private constant JSON = JsonVm(address(uint160(uint256(keccak256("hevm cheat code")))));
  uint256 private constant DOMAINS = 2;
  uint256 private constant ROWS = 4;

  string private golden;
  string private at;
  PaymentChannels private there;

  function setUp() public {
    vm.warp(1);
    deployChannels(new OPG(address(this)));
    golden = JSON.readFile("../test/golden/channels.golden.json");
  }

  function select(uint256 domain) private {
    at = string.concat(".domains[", JSON.toString(domain), "].");
    vm.chainId(JSON.parseJsonUint(golden, path("chainId")));
    there = PaymentChannels(JSON.parseJsonAddress(golden, path("verifyingContract")));
    vm.etch(address(there), address(channels).code);
  }

  function path(string memory name) private view returns (string memory) {
    return string.concat(at, name);
  }

  function words(string memory name) private view returns (bytes32[] memory list) {
    list = JSON.parseJsonBytes32Array(golden, path(name));
    isTrue(list.length >= ROWS, name);
  }

  function numbers(string memory name) private view returns (uint256[] memory) {
    return JSON.parseJsonUintArray(golden, path(name));
  }

  function addresses(string memory name) private view returns (address[] memory) {
    return JSON.parseJsonAddressArray(golden, path(name));
  }

  function configs() private view returns (IPaymentChannels.ChannelConfig[] memory list) {
    list = new IPaymentChannels.ChannelConfig[](ROWS);
    for (uint256 row; row < ROWS; ++row) {
      list[row].payer = addresses("payer")[row];
      list[row].payerAuthorizer = addresses("payerAuthorizer")[row];
      list[row].receiver = addresses("receiver")[row];
      list[row].receiverAuthorizer = addresses("receiverAuthorizer")[row];
      list[row].token = addresses("token")[row];
      list[row].withdrawDelay = uint40(numbers("withdrawDelay")[row]);
      list[row].salt = words("salt")[row];
    }
  }

  function test_channelsAndVouchers() public {
    for (uint256 domain; domain < DOMAINS; ++domain) {
      select(domain);
      IPaymentChannels.ChannelConfig[] memory list = configs();
      bytes32[] memory ids = words("channelId");
      bytes32[] memory digests = words("voucherDigest");
      uint256[] memory ceilings = numbers("maxClaimableAmount");
      for (uint256 row; row < ROWS; ++row) {
        equal(there.getChannelId(list[row]), ids[row], "channel id");
        equal(there.getVoucherDigest(ids[row], uint128(ceilings[row])), digests[row], "voucher");
      }
    }
  }

  function test_refunds() public {
    for (uint256 domain; domain < DOMAINS; ++domain) {
      select(domain);
      bytes32[] memory ids = words("channelId");
      bytes32[] memory digests = words("refundDigest");
      (uint256[] memory nonces, uint256[] memory amounts) = (numbers("refundNonce"), numbers("refundAmount"));
      for (uint256 row; row < ROWS; ++row) {
        equal(there.getRefundDigest(ids[row], nonces[row], uint128(amounts[row])), digests[row], "refund");
      }
    }
  }

  function test_claimsOfNoneToFourRows() public {
    for (uint256 domain; domain < DOMAINS; ++domain) {
      select(domain);
      IPaymentChannels.ChannelConfig[] memory list = configs();
      (uint256[] memory ceilings, uint256[] memory totals) = (numbers("maxClaimableAmount"), numbers("totalClaimed"));
      bytes32[] memory digests = words("claimBatchDigest");
      equal(digests.length, ROWS + 1, "none to four");
      for (uint256 count; count <= ROWS; ++count) {
        IPaymentChannels.VoucherClaim[] memory rows = new IPaymentChannels.VoucherClaim[](count);
        for (uint256 row; row < count; ++row) {
          rows[row].voucher = IPaymentChannels.Voucher(list[row], uint128(ceilings[row]));
          rows[row].totalClaimed = uint128(totals[row]);
        }
        equal(there.getClaimBatchDigest(rows), digests[count], "claim");
      }
    }
  }

  function test_theNonceOfADepositByAuthorization() public {
    select(0);
    (bytes32[] memory ids, uint256[] memory salts) = (words("channelId"), numbers("depositSalt"));
    bytes32[] memory nonces = words("depositNonce");
    for (uint256 row; row < ROWS; ++row) {
      RecordingToken token = new RecordingToken();
      vm.prank(address(channels));
      collector.collect(address(1), address(token), 1, ids[row], abi.encode(0, 1, salts[row], ""));
      equal(token.nonce(), nonces[row], "nonce");
    }
  }

  function test_thePermit2TransferOfADeposit() public {
    for (uint256 domain; domain < DOMAINS; ++domain) {
      select(domain);
      Permit2 stand = Permit2(JSON.parseJsonAddress(golden, path("permit2")));
      vm.etch(address(stand), address(permit2).code);
      bytes32[] memory digests = words("permitDigest");
      for (uint256 row; row < ROWS; ++row) {
        address owner = address(new DigestWallet(digests[row]));
        ISignatureTransfer.PermitTransferFrom memory permit;
        permit.permitted.token = addresses("token")[row];
        permit.permitted.amount = numbers("permitAmount")[row];
        permit.nonce = numbers("permitNonce")[row];
        permit.deadline = numbers("permitDeadline")[row];
        vm.etch(permit.permitted.token, type(AnyToken).runtimeCode);
        bytes memory data = abi.encodeCall(
          ISignatureTransfer.permitWitnessTransferFrom,
          (
            permit,
            ISignatureTransfer.SignatureTransferDetails(address(this), permit.permitted.amount),
            owner,
            keccak256(abi.encode(permitCollector.DEPOSIT_WITNESS_TYPEHASH(), words("channelId")[row])),
            permitCollector.DEPOSIT_WITNESS_TYPE_STRING(),
            ""
          )
        );
        vm.prank(address(this));
        (bool strange,) = address(stand).call(data);
        isTrue(!strange, "for its spender alone");
        vm.prank(JSON.parseJsonAddress(golden, path("spender")));
        (bool done,) = address(stand).call(data);
        isTrue(done, "the digest");
      }
    }
  }
}

/// @notice Remembers the nonce of the last authorization.
contract RecordingToken {
  bytes32 public nonce;

  function receiveWithAuthorization(address, address, uint256, uint256, uint256, bytes32 nonce_, bytes calldata)
    external
  {
    nonce = nonce_;
  }

  function transfer(address, uint256) external pure returns (bool) {
    return true;
  }
}
