// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignedTransfers} from "./libraries/SignedTransfers.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title The network's token
/// @notice 1,000,000,000 OPG exist from the first block to the last: nobody mints, burns, pauses or owns.
contract OPG is ERC20, ERC20Permit, ERC20Votes, SignedTransfers {
  uint256 public constant TOTAL_SUPPLY = 1e27;

  /// @param recipient receives the whole supply
  constructor(address recipient) ERC20("OPG", "OPG") ERC20Permit("OPG") {
    _mint(recipient, TOTAL_SUPPLY);
  }

  /// @notice ERC-6372: votes are counted at seconds since 1970, because the block time of the chain changes.
  function clock() public view override returns (uint48) {
    return uint48(block.timestamp);
  }

  // solhint-disable-next-line func-name-mixedcase
  function CLOCK_MODE() public pure override returns (string memory) {
    return "mode=timestamp";
  }

  function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
    return super.nonces(owner);
  }

  function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
    super._update(from, to, value);
  }
}
