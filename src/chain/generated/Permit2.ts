// Generated from Permit2.sol of contracts/src by scripts/generateContracts.ts.
export const abi = [
  {"type":"function","name":"DOMAIN_SEPARATOR","inputs":[],"outputs":[{"name":"","type":"bytes32"}],"stateMutability":"view"},
  {"type":"function","name":"invalidateUnorderedNonces","inputs":[{"name":"wordPos","type":"uint256"},{"name":"mask","type":"uint256"}],"outputs":[],"stateMutability":"nonpayable"},
  {"type":"function","name":"nonceBitmap","inputs":[{"name":"owner","type":"address"},{"name":"word","type":"uint256"}],"outputs":[{"name":"","type":"uint256"}],"stateMutability":"view"},
  {"type":"function","name":"permitWitnessTransferFrom","inputs":[{"name":"permit","type":"tuple","components":[{"name":"permitted","type":"tuple","components":[{"name":"token","type":"address"},{"name":"amount","type":"uint256"}]},{"name":"nonce","type":"uint256"},{"name":"deadline","type":"uint256"}]},{"name":"transferDetails","type":"tuple","components":[{"name":"to","type":"address"},{"name":"requestedAmount","type":"uint256"}]},{"name":"owner","type":"address"},{"name":"witness","type":"bytes32"},{"name":"witnessTypeString","type":"string"},{"name":"signature","type":"bytes"}],"outputs":[],"stateMutability":"nonpayable"},
  {"type":"event","name":"UnorderedNonceInvalidation","inputs":[{"name":"owner","type":"address","indexed":true},{"name":"word","type":"uint256","indexed":false},{"name":"mask","type":"uint256","indexed":false}],"anonymous":false},
  {"type":"error","name":"InvalidAmount","inputs":[{"name":"maxAmount","type":"uint256"}]},
  {"type":"error","name":"InvalidNonce","inputs":[]},
  {"type":"error","name":"InvalidSigner","inputs":[]},
  {"type":"error","name":"SafeERC20FailedOperation","inputs":[{"name":"token","type":"address"}]},
  {"type":"error","name":"SignatureExpired","inputs":[{"name":"signatureDeadline","type":"uint256"}]},
] as const
