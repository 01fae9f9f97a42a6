// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "./IPaymentChannels.sol";
import {IProtocolParams} from "./IProtocolParams.sol";
import {IStakeManager} from "./IStakeManager.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The receiver of one provider's channels: claims row by row, splits what is settled
/// @notice No owner and two exits, the provider's payout and the network. What cannot be delivered is kept for it and
/// delivered by a later `distribute`; it stops nothing else. Donations are split like fees. The splitter is inside the
/// channel id that every voucher signs, so a payer can name no other split than the one the provider accepts.
interface IFeeSplitter {
  /// @param provider and `network`: what each is still owed, of what this contract holds
  struct Owed {
    uint128 provider;
    uint128 network;
  }

  /// @notice Thrown when a constructor parameter is zero, or no channel contract
  error InvalidParameters();
  /// @notice Thrown when the caller is not the operator, or the key it was rotated to
  error NotOperator(address caller, address operator);
  /// @notice Thrown when the signature is not the operator's, or not that of the key it was rotated to
  error BadOperatorSignature(address operator);
  /// @notice Thrown when there are no rows, or more than the bitmap has bits
  error WrongRowCount(uint256 count);
  /// @notice Thrown when too little gas is left to tell a failing row from a starved one
  error TooLittleGas(uint256 left, uint256 needed);

  /// @param row index in the call
  /// @param reason the first 4 bytes of the channel contract's error; zero: none, as when it ran out of gas
  event ClaimFailed(uint256 indexed row, bytes4 reason);
  /// @notice What left in this call.
  event Distributed(IERC20 indexed token, address indexed payout, uint256 toProvider, uint256 toNetwork);
  /// @notice What could not be delivered and is kept.
  event Kept(IERC20 indexed token, uint256 forProvider, uint256 forNetwork);

  /// @notice Claims each row by itself: a row that fails, or burns its `ROW_GAS`, changes nothing for the others. The
  /// operator, or the key it was rotated to. Rows of wallets that need more gas go to the channel contract directly.
  /// @param rows 1 to 256
  /// @return claimed bit i: of channel i at least `rows[i].totalClaimed` is claimed now
  function claim(IPaymentChannels.VoucherClaim[] calldata rows) external returns (uint256 claimed);

  /// @notice The same by anyone, for watch-towers. What is signed is the published `ClaimBatch` of the rows in the
  /// channel contract's domain, so one signature also serves `IPaymentChannels.claimWithSignature`, all or nothing.
  /// @param operatorSig 65 bytes
  function claimWithSignature(IPaymentChannels.VoucherClaim[] calldata rows, bytes calldata operatorSig)
    external
    returns (uint256 claimed);

  /// @notice Settles from the channels and pays out all there is of `token`: the network's share in effect now, rounded
  /// down, to the reward distributor (OPG) or the treasury (other tokens), the remainder to the provider's payout. Anyone
  /// may call; nothing to pay is no error.
  function distribute(IERC20 token) external;

  /// @notice The key this splitter was made for; it may have been rotated since.
  function operator() external view returns (address);
  function owedOf(IERC20 token) external view returns (Owed memory);
  function stakeManager() external view returns (IStakeManager);
  function params() external view returns (IProtocolParams);
  function channels() external view returns (IPaymentChannels);
}
