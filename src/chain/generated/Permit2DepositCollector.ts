// Generated from Permit2DepositCollector.sol of contracts/src by scripts/generateContracts.ts.
export const abi = [
  {"type":"constructor","inputs":[{"name":"channels","type":"address"},{"name":"permit2","type":"address"}],"stateMutability":"nonpayable"},
  {"type":"function","name":"DEPOSIT_WITNESS_TYPEHASH","inputs":[],"outputs":[{"name":"","type":"bytes32"}],"stateMutability":"view"},
  {"type":"function","name":"DEPOSIT_WITNESS_TYPE_STRING","inputs":[],"outputs":[{"name":"","type":"string"}],"stateMutability":"view"},
  {"type":"function","name":"PERMIT2","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"collect","inputs":[{"name":"payer","type":"address"},{"name":"token","type":"address"},{"name":"amount","type":"uint256"},{"name":"channelId","type":"bytes32"},{"name":"collectorData","type":"bytes"}],"outputs":[],"stateMutability":"nonpayable"},
  {"type":"function","name":"x402BatchSettlement","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"event","name":"EIP2612PermitFailedWithData","inputs":[{"name":"token","type":"address","indexed":true},{"name":"owner","type":"address","indexed":true},{"name":"data","type":"bytes","indexed":false}],"anonymous":false},
  {"type":"event","name":"EIP2612PermitFailedWithPanic","inputs":[{"name":"token","type":"address","indexed":true},{"name":"owner","type":"address","indexed":true},{"name":"errorCode","type":"uint256","indexed":false}],"anonymous":false},
  {"type":"event","name":"EIP2612PermitFailedWithReason","inputs":[{"name":"token","type":"address","indexed":true},{"name":"owner","type":"address","indexed":true},{"name":"reason","type":"string","indexed":false}],"anonymous":false},
  {"type":"error","name":"InvalidPermit2Address","inputs":[]},
  {"type":"error","name":"InvalidX402BatchSettlementAddress","inputs":[]},
  {"type":"error","name":"OnlyX402BatchSettlement","inputs":[]},
  {"type":"error","name":"Permit2612AmountMismatch","inputs":[]},
] as const
