// Generated from Treasury.sol of contracts/src by scripts/generateContracts.ts.
export const abi = [
  {"type":"constructor","inputs":[{"name":"governance_","type":"address"}],"stateMutability":"nonpayable"},
  {"type":"function","name":"governance","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"pay","inputs":[{"name":"token","type":"address"},{"name":"to","type":"address"},{"name":"amount","type":"uint256"}],"outputs":[],"stateMutability":"nonpayable"},
  {"type":"event","name":"TreasuryPaid","inputs":[{"name":"token","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"amount","type":"uint256","indexed":false}],"anonymous":false},
  {"type":"error","name":"InvalidParameters","inputs":[]},
  {"type":"error","name":"NotGovernance","inputs":[{"name":"caller","type":"address"}]},
  {"type":"error","name":"SafeERC20FailedOperation","inputs":[{"name":"token","type":"address"}]},
] as const
