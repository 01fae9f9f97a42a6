import {
  type Abi,
  type ContractConstructorArgs,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  type Hex,
} from 'viem'
import { type Address, type Digest, keccak, utf8 } from '../protocol/index.ts'
import { creationCode } from './bytecode.ts'
import { CONTRACT_NAMES, CONTRACTS, type ContractName, forEachContract } from './contractNames.ts'
import { ChainError } from './errors.ts'
import { abi as batchAnchorAbi } from './generated/BatchAnchor.ts'
import { abi as combinedVotesAbi } from './generated/CombinedVotes.ts'
import { abi as committeeAbi } from './generated/Committee.ts'
import { abi as demandsAbi } from './generated/Demands.ts'
import { abi as emissionReserveAbi } from './generated/EmissionReserve.ts'
import { abi as erc3009DepositCollectorAbi } from './generated/ERC3009DepositCollector.ts'
import { abi as evidenceAbi } from './generated/Evidence.ts'
import { abi as feeSplitterFactoryAbi } from './generated/FeeSplitterFactory.ts'
import { abi as measurementRegistryAbi } from './generated/MeasurementRegistry.ts'
import { abi as modelRegistryAbi } from './generated/ModelRegistry.ts'
import { abi as opgAbi } from './generated/OPG.ts'
import { abi as opgGovernorAbi } from './generated/OPGGovernor.ts'
import { abi as paymentChannelsAbi } from './generated/PaymentChannels.ts'
import { abi as permit2Abi } from './generated/Permit2.ts'
import { abi as permit2DepositCollectorAbi } from './generated/Permit2DepositCollector.ts'
import { abi as protocolParamsAbi } from './generated/ProtocolParams.ts'
import { abi as receiptVerifierAbi } from './generated/ReceiptVerifier.ts'
import { abi as rewardDistributorAbi } from './generated/RewardDistributor.ts'
import { abi as stakeManagerAbi } from './generated/StakeManager.ts'
import { abi as timelockAbi } from './generated/Timelock.ts'
import { abi as treasuryAbi } from './generated/Treasury.ts'
import { abi as vestingAbi } from './generated/Vesting.ts'
import { type AllocationRow, CANONICAL, type Genesis, genesisProblems, MONTH } from './genesis.ts'
import { MODULE, type ModuleName } from './governance.ts'
import type { NetworkContracts } from './networkFile.ts'

/** Modules a genesis deploys and points to; the others have no pointer yet. */
export const GENESIS_MODULES = [
  'committee',
  'batchAnchor',
  'evidence',
  'demands',
  'rewardDistributor',
] as const satisfies readonly (ContractName & ModuleName)[]

/** One transaction of the deployer, and the nonce it must have. */
export type DeploymentStep = CreationStep | TransferStep

export interface CreationStep {
  readonly kind: 'create'
  /** As `network.json` names it; `vesting <row>` for a wallet. */
  readonly name: string
  /** Its name in `contracts/src`. */
  readonly contract: string
  readonly nonce: number
  /** Where it will be: it follows from the deployer and the nonce. */
  readonly address: Address
  readonly args: readonly unknown[]
  /** Creation code and constructor arguments. */
  readonly data: Hex
}

/** OPG of the genesis. */
export interface TransferStep {
  readonly kind: 'transfer'
  readonly name: string
  readonly nonce: number
  readonly to: Address
  readonly recipient: Address
  readonly amount: bigint
  readonly data: Hex
}

/** What is released over time to one row's beneficiary. Times in s, amounts in wei. */
export interface VestingWallet {
  readonly row: string
  readonly address: Address
  readonly beneficiary: Address
  readonly start: number
  readonly duration: number
  readonly amount: bigint
}

export interface DeploymentPlan {
  readonly genesis: Genesis
  readonly steps: readonly DeploymentStep[]
  readonly contracts: NetworkContracts
  readonly vestings: readonly VestingWallet[]
  /** Of every transaction: what two plans with one digest send is the same. */
  readonly digest: Digest
}

interface Constructor {
  readonly args: readonly unknown[]
  readonly data: Hex
}

function construct<const A extends Abi>(abi: A, bytecode: Hex, args: ContractConstructorArgs<A>): Constructor {
  const encode = encodeDeployData as (call: { abi: Abi; bytecode: Hex; args: unknown }) => Hex
  return { args: args as readonly unknown[], data: encode({ abi, bytecode, args }) }
}

/**
 * The transactions that make a network, in order. Addresses follow from the deployer and its nonces, not from the code, so
 * that contracts may name each other. Pure. Throws ChainError `genesis-refused`.
 */
export function planDeployment(genesis: Genesis): DeploymentPlan {
  const problems = genesisProblems(genesis)
  if (problems.length > 0) {
    throw new ChainError(
      { code: 'genesis-refused', problems },
      `expected a genesis that can be deployed; ${problems.join('; ')}`,
    )
  }
  const there = contractsThere(genesis)
  const created = CONTRACT_NAMES.filter((name) => there[name] === undefined)
  const at = (place: number): Address => addressAt(genesis.deployer, genesis.nonce + place)
  const contracts = forEachContract((name) => there[name] ?? at(created.indexOf(name)))
  const vestings = vestingsOf(genesis, contracts, (index) => at(created.length + index))
  const constructors = constructorsOf(genesis, contracts)
  const creations = [
    ...created.map((name) => ({ name, contract: CONTRACTS[name], address: contracts[name], ...constructors[name]() })),
    ...vestings.map((wallet) => ({
      name: `vesting ${wallet.row}`,
      contract: 'Vesting',
      address: wallet.address,
      ...construct(vestingAbi, creationCode.vesting, [
        wallet.beneficiary,
        BigInt(wallet.start),
        BigInt(wallet.duration),
      ]),
    })),
  ]
  const transfers = transfersOf(genesis, contracts, vestings)
  const steps = [
    ...creations.map((creation) => ({ kind: 'create', ...creation }) as const),
    ...transfers.map((transfer) => ({ kind: 'transfer', ...transfer }) as const),
  ].map((step, place) => ({ ...step, nonce: genesis.nonce + place }))
  return { genesis, steps, contracts, vestings, digest: digestOfSteps(genesis, steps) }
}

/** Nonce, recipient and data of each step, under the chain and the deployer that sign them. */
function digestOfSteps({ chainId, deployer }: Genesis, steps: readonly DeploymentStep[]): Digest {
  const lines = steps.map((step) => `${step.nonce} ${step.kind === 'create' ? '' : step.to} ${step.data}`)
  return keccak(utf8([`${chainId} ${deployer}`, ...lines].join('\n')))
}

const lower = (address: string): Address => address.toLowerCase() as Address

const addressAt = (deployer: Address, nonce: number): Address =>
  lower(getContractAddress({ from: deployer, nonce: BigInt(nonce) }))

/** What is not deployed because it exists. */
function contractsThere({ token, payments, permit2 }: Genesis): Partial<NetworkContracts> {
  const { paymentChannels, erc3009DepositCollector, permit2DepositCollector } = CANONICAL
  return {
    ...(token === 'mint' ? {} : { opg: token }),
    ...(permit2 === 'deploy' ? {} : { permit2: CANONICAL.permit2 }),
    ...(payments === 'deploy' ? {} : { paymentChannels, erc3009DepositCollector, permit2DepositCollector }),
  }
}

/** One of our contracts, and where it stands on a chain before its network is deployed. */
export interface Standing {
  readonly name: string
  readonly address: Address
  /** Creation code and constructor arguments. */
  readonly data: Hex
}

/** What the plan finds on its chain, as our own code would be there: rehearsals and devnets put it in place. */
export function standingContracts({ genesis, contracts, steps }: DeploymentPlan): readonly Standing[] {
  const created = new Set(steps.flatMap((step) => (step.kind === 'create' ? [step.address] : [])))
  const constructors = constructorsOf(genesis, contracts)
  return CONTRACT_NAMES.filter((name) => !created.has(contracts[name])).map((name) => ({
    name,
    address: contracts[name],
    data: constructors[name]().data,
  }))
}

const accountOf = ({ beneficiary }: AllocationRow, { treasury, emissionReserve }: NetworkContracts): Address =>
  beneficiary === 'treasury' ? treasury : beneficiary === 'reserve' ? emissionReserve : beneficiary

function vestingsOf(
  { allocation, start }: Genesis,
  contracts: NetworkContracts,
  at: (index: number) => Address,
): readonly VestingWallet[] {
  return allocation
    .filter(({ beneficiary, locked }) => beneficiary !== 'reserve' && locked > 0n)
    .map((row, index) => ({
      row: row.name,
      address: at(index),
      beneficiary: accountOf(row, contracts),
      start: start + row.delayMonths * MONTH,
      duration: row.months * MONTH,
      amount: row.locked,
    }))
}

type Transfer = Omit<TransferStep, 'kind' | 'nonce'>

/** Everything the deployer was minted goes where its row belongs; a devnet's deployer keeps its own rows. */
function transfersOf(
  { allocation, deployer }: Genesis,
  contracts: NetworkContracts,
  vestings: readonly VestingWallet[],
): readonly Transfer[] {
  const transfer = (name: string, recipient: Address, amount: bigint): Transfer => ({
    name,
    to: contracts.opg,
    recipient,
    amount,
    data: encodeFunctionData({ abi: opgAbi, functionName: 'transfer', args: [recipient, amount] }),
  })
  return allocation.flatMap((row) => {
    const account = accountOf(row, contracts)
    const wallet = vestings.find((each) => each.row === row.name)
    return [
      ...(row.liquid > 0n && account !== deployer ? [transfer(`${row.name}, liquid`, account, row.liquid)] : []),
      ...(row.locked > 0n ? [transfer(`${row.name}, locked`, wallet?.address ?? account, row.locked)] : []),
    ]
  })
}

/** The months of the row that the reserve releases; eight years, the economy's, when nothing is allocated. */
export const reserveMonths = ({ allocation }: Genesis): number =>
  allocation.find(({ beneficiary }) => beneficiary === 'reserve')?.months ?? 96

function constructorsOf(genesis: Genesis, at: NetworkContracts): { readonly [N in ContractName]: () => Constructor } {
  const { periods, governor, minimumSigners, guardian, guardianEnd } = genesis
  const stakes = [at.stakeManager, at.protocolParams] as const
  return {
    opg: () => construct(opgAbi, creationCode.opg, [genesis.deployer]),
    timelock: () => construct(timelockAbi, creationCode.timelock, [BigInt(governor.timelock), at.opgGovernor]),
    protocolParams: () =>
      construct(protocolParamsAbi, creationCode.protocolParams, [
        {
          governance: at.timelock,
          treasury: at.treasury,
          guardian,
          guardianEnd: BigInt(guardianEnd),
          changeDelay: BigInt(periods.change),
          modules: GENESIS_MODULES.map((name) => MODULE[name]),
          targets: GENESIS_MODULES.map((name) => at[name]),
        },
      ]),
    treasury: () => construct(treasuryAbi, creationCode.treasury, [at.timelock]),
    stakeManager: () =>
      construct(stakeManagerAbi, creationCode.stakeManager, [
        {
          token: at.opg,
          params: at.protocolParams,
          governance: at.timelock,
          epochLength: BigInt(periods.epoch),
          unbondingPeriod: BigInt(periods.unbonding),
          seizureDelay: BigInt(periods.seizure),
          reporterDelay: BigInt(periods.reporter),
          potPeriod: BigInt(periods.pot),
          holdPeriod: BigInt(periods.hold),
          slasherDelay: BigInt(periods.slasher),
          slashers: [at.evidence, at.demands],
        },
      ]),
    combinedVotes: () => construct(combinedVotesAbi, creationCode.combinedVotes, [at.opg, at.stakeManager]),
    opgGovernor: () =>
      construct(opgGovernorAbi, creationCode.opgGovernor, [
        at.combinedVotes,
        at.timelock,
        at.protocolParams,
        {
          votingDelay: governor.votingDelay,
          votingPeriod: governor.votingPeriod,
          proposalThreshold: governor.proposalThreshold,
          quorum: governor.quorum,
          lateQuorumExtension: governor.lateQuorumExtension,
        },
      ]),
    committee: () => construct(committeeAbi, creationCode.committee, [at.stakeManager, minimumSigners]),
    batchAnchor: () => construct(batchAnchorAbi, creationCode.batchAnchor, [at.committee, at.protocolParams]),
    permit2: () => construct(permit2Abi, creationCode.permit2, []),
    paymentChannels: () => construct(paymentChannelsAbi, creationCode.paymentChannels, []),
    erc3009DepositCollector: () =>
      construct(erc3009DepositCollectorAbi, creationCode.erc3009DepositCollector, [at.paymentChannels]),
    permit2DepositCollector: () =>
      construct(permit2DepositCollectorAbi, creationCode.permit2DepositCollector, [at.paymentChannels, at.permit2]),
    feeSplitterFactory: () =>
      construct(feeSplitterFactoryAbi, creationCode.feeSplitterFactory, [...stakes, at.paymentChannels]),
    evidence: () => construct(evidenceAbi, creationCode.evidence, [...stakes, at.batchAnchor]),
    demands: () =>
      construct(demandsAbi, creationCode.demands, [
        ...stakes,
        at.batchAnchor,
        at.feeSplitterFactory,
        { answerPeriod: BigInt(periods.answer), bond: genesis.demandBond },
      ]),
    emissionReserve: () =>
      construct(emissionReserveAbi, creationCode.emissionReserve, [
        at.opg,
        at.protocolParams,
        BigInt(genesis.start),
        BigInt(reserveMonths(genesis) * MONTH),
      ]),
    rewardDistributor: () =>
      construct(rewardDistributorAbi, creationCode.rewardDistributor, [
        at.opg,
        at.stakeManager,
        at.committee,
        at.protocolParams,
        at.emissionReserve,
        BigInt(periods.voiding),
      ]),
    modelRegistry: () => construct(modelRegistryAbi, creationCode.modelRegistry, []),
    measurementRegistry: () => construct(measurementRegistryAbi, creationCode.measurementRegistry, stakes),
    receiptVerifier: () => construct(receiptVerifierAbi, creationCode.receiptVerifier, [at.batchAnchor]),
  }
}
