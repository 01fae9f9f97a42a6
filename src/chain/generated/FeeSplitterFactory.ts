// Generated from FeeSplitterFactory.sol of contracts/src by scripts/generateContracts.ts.
export const abi = [
  {"type":"constructor","inputs":[{"name":"stakeManager_","type":"address"},{"name":"params_","type":"address"},{"name":"channels_","type":"address"}],"stateMutability":"nonpayable"},
  {"type":"function","name":"channels","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"create","inputs":[{"name":"operator","type":"address"}],"outputs":[{"name":"splitter","type":"address"}],"stateMutability":"nonpayable"},
  {"type":"function","name":"implementation","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"params","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"splitterOf","inputs":[{"name":"operator","type":"address"}],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"stakeManager","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"event","name":"SplitterCreated","inputs":[{"name":"operator","type":"address","indexed":true},{"name":"splitter","type":"address","indexed":false}],"anonymous":false},
  {"type":"error","name":"CloneArgumentsTooLong","inputs":[]},
  {"type":"error","name":"Create2EmptyBytecode","inputs":[]},
  {"type":"error","name":"FailedDeployment","inputs":[]},
  {"type":"error","name":"InsufficientBalance","inputs":[{"name":"balance","type":"uint256"},{"name":"needed","type":"uint256"}]},
  {"type":"error","name":"NotRegistered","inputs":[{"name":"operator","type":"address"}]},
] as const
