// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RewardRoot} from "../src/interfaces/Objects.sol";
import {Rewards} from "./support/Rewards.sol";
import {Trees} from "./support/Trees.sol";

/// @notice Gas of whole transactions, kept in snapshots/. Run with `--isolate`, so that each call is one.
contract RewardGasTest is Rewards {
  uint256 private constant ACCOUNTS = 1024;
  uint256 private constant QUORUM = 0x7FFF;

  bytes32[] private tree;

  function setUp() public {
    deployRewards();
    openWith(21, VERIFIER_STAKE, 1e18);
    distributor.notify(1e18);
    nextOpen();
  }

  function record(string memory name) private {
    vm.snapshotGasLastCall("gas", name);
  }

  /// @dev Account i gets (i + 1) * unit in all: a tree of depth 10.
  function postTable(uint64 epoch, uint128 unit, string memory name) private {
    address[] memory accounts = new address[](ACCOUNTS);
    uint128[] memory cumulatives = new uint128[](ACCOUNTS);
    for (uint256 index; index < ACCOUNTS; ++index) {
      accounts[index] = address(uint160(0x10000 + index));
      cumulatives[index] = uint128(index + 1) * unit;
    }
    tree = treeOf(accounts, cumulatives);
    uint256 total = ACCOUNTS * (ACCOUNTS + 1) / 2 * 1e9;
    RewardRoot memory r = nextRoot(epoch, tree[0], uint32(ACCOUNTS), total);
    bytes memory sigs64 = signaturesOf(epoch, digestOf(r), QUORUM);
    distributor.postRoot(r, QUORUM, sigs64);
    if (bytes(name).length != 0) record(name);
  }

  function test_postAndClaim() public {
    postTable(2, 1e9, "postRoot, 15 of 21, first");
    passVoidPeriod();
    open();
    bytes32[] memory proof = Trees.proofOf(tree, 700);
    equal(proof.length, 10, "depth");
    distributor.claim(address(0x10000 + 700), 701e9, 700, proof);
    record("claim reward, depth 10, first");
    distributor.notify(1e18);
    record("notify");
    uint64 epoch = manager.currentEpoch();
    nextOpen();
    postTable(epoch, 2e9, "postRoot, 15 of 21");
    passVoidPeriod();
    proof = Trees.proofOf(tree, 700);
    distributor.claim(address(0x10000 + 700), 1402e9, 700, proof);
    record("claim reward, depth 10");
    reserve.release();
    record("release emission");
  }
}
