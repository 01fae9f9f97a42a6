// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";
import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";

/// @title Votes of tokens held and of tokens staked, as one
/// @notice Reads the token and StakeManager, whose balance of the token has no delegate: nothing counts twice. Votes are
/// delegated there, not here.
contract CombinedVotes is IERC5805 {
  /// @notice Thrown when the two count time differently
  error InvalidParameters();
  /// @notice Thrown on every attempt to delegate here
  error DelegateAtTheSource(IERC5805 token, IERC5805 stakeManager);

  IERC5805 public immutable token;
  IERC5805 public immutable stakeManager;

  /// @param token_ and `stakeManager_` with the same ERC-6372 clock
  constructor(IERC5805 token_, IERC5805 stakeManager_) {
    require(
      token_.clock() == stakeManager_.clock()
        && keccak256(bytes(token_.CLOCK_MODE())) == keccak256(bytes(stakeManager_.CLOCK_MODE())),
      InvalidParameters()
    );
    token = token_;
    stakeManager = stakeManager_;
  }

  /// @inheritdoc IVotes
  function getVotes(address account) external view returns (uint256) {
    return token.getVotes(account) + stakeManager.getVotes(account);
  }

  /// @inheritdoc IVotes
  function getPastVotes(address account, uint256 timepoint) external view returns (uint256) {
    return token.getPastVotes(account, timepoint) + stakeManager.getPastVotes(account, timepoint);
  }

  /// @notice Of the token, which what is staked is part of.
  function getPastTotalSupply(uint256 timepoint) external view returns (uint256) {
    return token.getPastTotalSupply(timepoint);
  }

  /// @notice Who votes with the tokens that `account` holds.
  function delegates(address account) external view returns (address) {
    return token.delegates(account);
  }

  /// @inheritdoc IVotes
  function delegate(address) external view {
    revert DelegateAtTheSource(token, stakeManager);
  }

  /// @inheritdoc IVotes
  function delegateBySig(address, uint256, uint256, uint8, bytes32, bytes32) external view {
    revert DelegateAtTheSource(token, stakeManager);
  }

  /// @inheritdoc IERC6372
  function clock() external view returns (uint48) {
    return token.clock();
  }

  /// @inheritdoc IERC6372
  // solhint-disable-next-line func-name-mixedcase
  function CLOCK_MODE() external view returns (string memory) {
    return token.CLOCK_MODE();
  }
}
