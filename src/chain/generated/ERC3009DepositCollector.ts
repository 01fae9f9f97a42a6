// Generated from ERC3009DepositCollector.sol of contracts/src by scripts/generateContracts.ts.
export const abi = [
  {"type":"constructor","inputs":[{"name":"channels","type":"address"}],"stateMutability":"nonpayable"},
  {"type":"function","name":"collect","inputs":[{"name":"payer","type":"address"},{"name":"token","type":"address"},{"name":"amount","type":"uint256"},{"name":"channelId","type":"bytes32"},{"name":"collectorData","type":"bytes"}],"outputs":[],"stateMutability":"nonpayable"},
  {"type":"function","name":"x402BatchSettlement","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"error","name":"InvalidX402BatchSettlementAddress","inputs":[]},
  {"type":"error","name":"OnlyX402BatchSettlement","inputs":[]},
  {"type":"error","name":"SafeERC20FailedOperation","inputs":[{"name":"token","type":"address"}]},
] as const
