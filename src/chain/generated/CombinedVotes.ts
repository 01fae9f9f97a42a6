// Generated from CombinedVotes.sol of contracts/src by scripts/generateContracts.ts.
export const abi = [
  {"type":"constructor","inputs":[{"name":"token_","type":"address"},{"name":"stakeManager_","type":"address"}],"stateMutability":"nonpayable"},
  {"type":"function","name":"CLOCK_MODE","inputs":[],"outputs":[{"name":"","type":"string"}],"stateMutability":"view"},
  {"type":"function","name":"clock","inputs":[],"outputs":[{"name":"","type":"uint48"}],"stateMutability":"view"},
  {"type":"function","name":"delegate","inputs":[{"name":"","type":"address"}],"outputs":[],"stateMutability":"view"},
  {"type":"function","name":"delegateBySig","inputs":[{"name":"","type":"address"},{"name":"","type":"uint256"},{"name":"","type":"uint256"},{"name":"","type":"uint8"},{"name":"","type":"bytes32"},{"name":"","type":"bytes32"}],"outputs":[],"stateMutability":"view"},
  {"type":"function","name":"delegates","inputs":[{"name":"account","type":"address"}],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"getPastTotalSupply","inputs":[{"name":"timepoint","type":"uint256"}],"outputs":[{"name":"","type":"uint256"}],"stateMutability":"view"},
  {"type":"function","name":"getPastVotes","inputs":[{"name":"account","type":"address"},{"name":"timepoint","type":"uint256"}],"outputs":[{"name":"","type":"uint256"}],"stateMutability":"view"},
  {"type":"function","name":"getVotes","inputs":[{"name":"account","type":"address"}],"outputs":[{"name":"","type":"uint256"}],"stateMutability":"view"},
  {"type":"function","name":"stakeManager","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"function","name":"token","inputs":[],"outputs":[{"name":"","type":"address"}],"stateMutability":"view"},
  {"type":"event","name":"DelegateChanged","inputs":[{"name":"delegator","type":"address","indexed":true},{"name":"fromDelegate","type":"address","indexed":true},{"name":"toDelegate","type":"address","indexed":true}],"anonymous":false},
  {"type":"event","name":"DelegateVotesChanged","inputs":[{"name":"delegate","type":"address","indexed":true},{"name":"previousVotes","type":"uint256","indexed":false},{"name":"newVotes","type":"uint256","indexed":false}],"anonymous":false},
  {"type":"error","name":"DelegateAtTheSource","inputs":[{"name":"token","type":"address"},{"name":"stakeManager","type":"address"}]},
  {"type":"error","name":"InvalidParameters","inputs":[]},
  {"type":"error","name":"VotesExpiredSignature","inputs":[{"name":"expiry","type":"uint256"}]},
] as const
