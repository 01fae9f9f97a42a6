// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeSplitter} from "./FeeSplitter.sol";
import {IFeeSplitterFactory} from "./interfaces/IFeeSplitterFactory.sol";
import {IPaymentChannels} from "./interfaces/IPaymentChannels.sol";
import {IProtocolParams} from "./interfaces/IProtocolParams.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

contract FeeSplitterFactory is IFeeSplitterFactory {
  IStakeManager public immutable stakeManager;
  IProtocolParams public immutable params;
  IPaymentChannels public immutable channels;
  address public immutable implementation;

  constructor(IStakeManager stakeManager_, IProtocolParams params_, IPaymentChannels channels_) {
    (stakeManager, params, channels) = (stakeManager_, params_, channels_);
    implementation = address(new FeeSplitter(stakeManager_, params_, channels_));
  }

  /// @inheritdoc IFeeSplitterFactory
  function create(address operator) external returns (address splitter) {
    splitter = splitterOf(operator);
    if (splitter.code.length != 0) return splitter;
    require(stakeManager.ownerOf(operator) != address(0), NotRegistered(operator));
    Clones.cloneDeterministicWithImmutableArgs(implementation, abi.encodePacked(operator), _saltOf(operator));
    emit SplitterCreated(operator, splitter);
  }

  /// @inheritdoc IFeeSplitterFactory
  function splitterOf(address operator) public view returns (address) {
    return
      Clones.predictDeterministicAddressWithImmutableArgs(implementation, abi.encodePacked(operator), _saltOf(operator));
  }

  function _saltOf(address operator) private pure returns (bytes32) {
    return bytes32(uint256(uint160(operator)));
  }
}
