/**
 * Every contract of a network by the name `network.json` gives it, and its name in `contracts/src`, in the order in which
 * they are created. The one list of them: the network file, the plan of a deployment and the bindings follow it.
 */
export const CONTRACTS = {
  opg: 'OPG',
  timelock: 'Timelock',
  protocolParams: 'ProtocolParams',
  treasury: 'Treasury',
  stakeManager: 'StakeManager',
  combinedVotes: 'CombinedVotes',
  opgGovernor: 'OPGGovernor',
  committee: 'Committee',
  batchAnchor: 'BatchAnchor',
  permit2: 'Permit2',
  paymentChannels: 'PaymentChannels',
  erc3009DepositCollector: 'ERC3009DepositCollector',
  permit2DepositCollector: 'Permit2DepositCollector',
  feeSplitterFactory: 'FeeSplitterFactory',
  evidence: 'Evidence',
  demands: 'Demands',
  emissionReserve: 'EmissionReserve',
  rewardDistributor: 'RewardDistributor',
  modelRegistry: 'ModelRegistry',
  measurementRegistry: 'MeasurementRegistry',
  receiptVerifier: 'ReceiptVerifier',
} as const

export type ContractName = keyof typeof CONTRACTS

export const CONTRACT_NAMES = Object.keys(CONTRACTS) as readonly ContractName[]

/** Contracts of which a network has many: a wallet for each row that is released over time, a splitter for each operator. */
export const CLONED_CONTRACTS = { vesting: 'Vesting', feeSplitter: 'FeeSplitter' } as const

/** A value for each contract. */
export function forEachContract<T>(make: (name: ContractName) => T): { readonly [N in ContractName]: T } {
  return Object.fromEntries(CONTRACT_NAMES.map((name) => [name, make(name)])) as { readonly [N in ContractName]: T }
}
