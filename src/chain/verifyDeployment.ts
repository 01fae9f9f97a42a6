import type { Abi, ContractFunctionArgs, ContractFunctionName, ContractFunctionReturnType } from 'viem'
import { getCode, readContract } from 'viem/actions'
import type { Address } from '../protocol/index.ts'
import { CONTRACT_NAMES } from './contractNames.ts'
import { asChainError } from './contracts.ts'
import { type DeploymentPlan, GENESIS_MODULES, reserveMonths } from './deployment.ts'
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
import { abi as opgAbi } from './generated/OPG.ts'
import { abi as opgGovernorAbi } from './generated/OPGGovernor.ts'
import { abi as permit2DepositCollectorAbi } from './generated/Permit2DepositCollector.ts'
import { abi as protocolParamsAbi } from './generated/ProtocolParams.ts'
import { abi as receiptVerifierAbi } from './generated/ReceiptVerifier.ts'
import { abi as rewardDistributorAbi } from './generated/RewardDistributor.ts'
import { abi as stakeManagerAbi } from './generated/StakeManager.ts'
import { abi as timelockAbi } from './generated/Timelock.ts'
import { abi as treasuryAbi } from './generated/Treasury.ts'
import { abi as vestingAbi } from './generated/Vesting.ts'
import { MONTH, SUPPLY } from './genesis.ts'
import { MODULE } from './governance.ts'
import type { NetworkFile } from './networkFile.ts'
import type { RpcClient } from './rpc.ts'
import { toSafeNumber } from './structs.ts'

/** What one view must answer. */
interface Expectation {
  readonly what: string
  readonly read: (client: RpcClient) => Promise<unknown>
  readonly expected: unknown
}

type View = 'view' | 'pure'

function expecting<
  const A extends Abi,
  N extends ContractFunctionName<A, View>,
  const P extends ContractFunctionArgs<A, View, N>,
>(
  what: string,
  contract: { readonly address: Address; readonly abi: A },
  functionName: N,
  expected: ContractFunctionReturnType<A, View, N, P>,
  ...args: P extends readonly [] ? [] : [P]
): Expectation {
  const call = { ...contract, functionName, args: args[0] ?? [] } as unknown as Parameters<typeof readContract>[1]
  return { what: `${what}.${functionName}`, read: (client) => readContract(client, call), expected }
}

/**
 * Reads everything back that the plan decided: constants, pointers, powers, and where the supply is. Every difference as a
 * sentence, none when the network is what the plan says. Balances may have been released since, not taken.
 */
export async function deploymentProblems(plan: DeploymentPlan, client: RpcClient): Promise<readonly string[]> {
  const absent = await absentContracts(plan, client)
  if (absent.length > 0) return absent
  const expectations = [
    ...tokenExpectations(plan),
    ...governanceExpectations(plan),
    ...stakeExpectations(plan),
    ...moduleExpectations(plan),
    ...paymentExpectations(plan),
    ...vestingExpectations(plan),
  ]
  const found = await Promise.all(expectations.map((each) => difference(each, client)))
  return [...found.flat(), ...(await balanceProblems(plan, client))]
}

/** Throws ChainError `deployment-differs` unless the network is what the plan says. */
export async function verifyDeployment(plan: DeploymentPlan, client: RpcClient): Promise<void> {
  const problems = await deploymentProblems(plan, client)
  if (problems.length === 0) return
  throw new ChainError(
    { code: 'deployment-differs', problems },
    `expected the deployment to be what its plan says; ${problems.join('; ')}`,
  )
}

/** The network file of a deployed plan: what only the chain knows is read from StakeManager. */
export async function networkFileOf(
  { genesis, contracts }: DeploymentPlan,
  client: RpcClient,
  { trustRoots, bootstrap }: Pick<NetworkFile, 'trustRoots' | 'bootstrap'>,
): Promise<NetworkFile> {
  const { name, profile, chainId, periods } = genesis
  const stakeManager = { address: contracts.stakeManager, abi: stakeManagerAbi } as const
  const [networkId, block, timestamp] = await Promise.all([
    readContract(client, { ...stakeManager, functionName: 'networkId' }),
    readContract(client, { ...stakeManager, functionName: 'deploymentBlock' }),
    readContract(client, { ...stakeManager, functionName: 'genesisTimestamp' }),
  ])
  return {
    ...{ name, profile, chainId, networkId, contracts },
    deploymentBlock: toSafeNumber(block),
    genesisTimestamp: toSafeNumber(timestamp),
    epochSeconds: periods.epoch,
    ...{ trustRoots, bootstrap },
  }
}

async function absentContracts({ contracts, vestings }: DeploymentPlan, client: RpcClient): Promise<readonly string[]> {
  const wanted = [
    ...CONTRACT_NAMES.map((name) => ({ name: name as string, address: contracts[name] })),
    ...vestings.map(({ row, address }) => ({ name: `vesting ${row}`, address })),
  ]
  const codes = await Promise.all(wanted.map(({ address }) => getCode(client, { address })))
  return wanted
    .filter((_, index) => (codes[index] ?? '0x') === '0x')
    .map(({ name, address }) => `expected code of ${name} at ${address}, got none`)
}

async function difference({ what, read, expected }: Expectation, client: RpcClient): Promise<readonly string[]> {
  try {
    const got = await read(client)
    return plain(got) === plain(expected) ? [] : [`expected ${what} of ${plain(expected)}, got ${plain(got)}`]
  } catch (error) {
    return [`expected ${what} of ${plain(expected)}: ${asChainError('eth_call', error).message}`]
  }
}

/** One text for one value: addresses have two spellings, counts come as number or bigint. */
const plain = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'bigint' || typeof member === 'number'
      ? String(member)
      : typeof member === 'string'
        ? member.toLowerCase()
        : member,
  )

function tokenExpectations({ genesis, contracts }: DeploymentPlan): readonly Expectation[] {
  if (genesis.token !== 'mint') return []
  const opg = { address: contracts.opg, abi: opgAbi } as const
  return [
    expecting('opg', opg, 'totalSupply', SUPPLY),
    expecting('opg', opg, 'decimals', 18),
    expecting('opg', opg, 'CLOCK_MODE', 'mode=timestamp'),
  ]
}

/** A checkpoint's newest value. */
const LATEST = 2n ** 48n - 1n

/** `TimelockController`'s roles. */
const ROLE_OF = {
  admin: `0x${'0'.repeat(64)}`,
  proposer: '0xb09aa5aeb3702cfd50b6b62bc4532604938f21248a27a1d5ca736082b6819cc1',
  canceller: '0xfd643c72710c63c0180259aba6b2d05451e3591a24e58b62239378085726f783',
  executor: '0xd8aa0f3194971a2a116679f7c2090f6939c8d4e01a2a8d7e41d55e5351469e63',
} as const

function governanceExpectations({ genesis, contracts }: DeploymentPlan): readonly Expectation[] {
  const { governor, guardian, guardianEnd, periods, deployer } = genesis
  const timelock = { address: contracts.timelock, abi: timelockAbi } as const
  const opgGovernor = { address: contracts.opgGovernor, abi: opgGovernorAbi } as const
  const params = { address: contracts.protocolParams, abi: protocolParamsAbi } as const
  const votes = { address: contracts.combinedVotes, abi: combinedVotesAbi } as const
  const holds = (role: keyof typeof ROLE_OF, account: Address, expected: boolean): Expectation => ({
    ...expecting('timelock', timelock, 'hasRole', expected, [ROLE_OF[role], account]),
    what: `timelock.hasRole(${role}, ${account})`,
  })
  const anyone: Address = `0x${'0'.repeat(40)}`
  return [
    expecting('timelock', timelock, 'getMinDelay', BigInt(governor.timelock)),
    holds('proposer', contracts.opgGovernor, true),
    holds('canceller', contracts.opgGovernor, true),
    holds('executor', anyone, true),
    ...(['admin', 'proposer', 'canceller'] as const).flatMap((role) =>
      [deployer, guardian].map((account) => holds(role, account, false)),
    ),
    expecting('opgGovernor', opgGovernor, 'timelock', contracts.timelock),
    expecting('opgGovernor', opgGovernor, 'token', contracts.combinedVotes),
    expecting('opgGovernor', opgGovernor, 'votingDelay', BigInt(governor.votingDelay)),
    expecting('opgGovernor', opgGovernor, 'votingPeriod', BigInt(governor.votingPeriod)),
    expecting('opgGovernor', opgGovernor, 'proposalThreshold', governor.proposalThreshold),
    expecting('opgGovernor', opgGovernor, 'quorum', governor.quorum, [LATEST]),
    expecting('opgGovernor', opgGovernor, 'lateQuorumVoteExtension', governor.lateQuorumExtension),
    expecting('combinedVotes', votes, 'token', contracts.opg),
    expecting('combinedVotes', votes, 'stakeManager', contracts.stakeManager),
    expecting('treasury', { address: contracts.treasury, abi: treasuryAbi }, 'governance', contracts.timelock),
    expecting('protocolParams', params, 'governance', contracts.timelock),
    expecting('protocolParams', params, 'treasury', contracts.treasury),
    expecting('protocolParams', params, 'guardian', guardian),
    expecting('protocolParams', params, 'guardianEnd', BigInt(guardianEnd)),
    expecting('protocolParams', params, 'changeDelay', BigInt(periods.change)),
    ...GENESIS_MODULES.map((name) => ({
      ...expecting('protocolParams', params, 'moduleOf', contracts[name], [MODULE[name]]),
      what: `protocolParams.moduleOf(${name})`,
    })),
  ]
}

function stakeExpectations({ genesis, contracts }: DeploymentPlan): readonly Expectation[] {
  const { periods } = genesis
  const stakeManager = { address: contracts.stakeManager, abi: stakeManagerAbi } as const
  const slashes = (account: Address, expected: boolean): Expectation => ({
    ...expecting('stakeManager', stakeManager, 'isSlasher', expected, [account]),
    what: `stakeManager.isSlasher(${account})`,
  })
  return [
    expecting('stakeManager', stakeManager, 'token', contracts.opg),
    expecting('stakeManager', stakeManager, 'params', contracts.protocolParams),
    expecting('stakeManager', stakeManager, 'governance', contracts.timelock),
    expecting('stakeManager', stakeManager, 'epochLength', BigInt(periods.epoch)),
    expecting('stakeManager', stakeManager, 'unbondingPeriod', BigInt(periods.unbonding)),
    expecting('stakeManager', stakeManager, 'seizureDelay', BigInt(periods.seizure)),
    expecting('stakeManager', stakeManager, 'reporterDelay', BigInt(periods.reporter)),
    expecting('stakeManager', stakeManager, 'potPeriod', BigInt(periods.pot)),
    expecting('stakeManager', stakeManager, 'holdPeriod', BigInt(periods.hold)),
    expecting('stakeManager', stakeManager, 'slasherDelay', BigInt(periods.slasher)),
    slashes(contracts.evidence, true),
    slashes(contracts.demands, true),
    slashes(genesis.deployer, false),
    slashes(genesis.guardian, false),
  ]
}

function moduleExpectations({ genesis, contracts }: DeploymentPlan): readonly Expectation[] {
  const { periods, start, minimumSigners, demandBond } = genesis
  const committee = { address: contracts.committee, abi: committeeAbi } as const
  const batchAnchor = { address: contracts.batchAnchor, abi: batchAnchorAbi } as const
  const evidence = { address: contracts.evidence, abi: evidenceAbi } as const
  const demands = { address: contracts.demands, abi: demandsAbi } as const
  const reserve = { address: contracts.emissionReserve, abi: emissionReserveAbi } as const
  const distributor = { address: contracts.rewardDistributor, abi: rewardDistributorAbi } as const
  const registry = { address: contracts.measurementRegistry, abi: measurementRegistryAbi } as const
  const verifier = { address: contracts.receiptVerifier, abi: receiptVerifierAbi } as const
  return [
    expecting('committee', committee, 'stakeManager', contracts.stakeManager),
    expecting('committee', committee, 'minimumSigners', minimumSigners),
    expecting('batchAnchor', batchAnchor, 'stakeManager', contracts.stakeManager),
    expecting('batchAnchor', batchAnchor, 'committee', contracts.committee),
    expecting('batchAnchor', batchAnchor, 'params', contracts.protocolParams),
    expecting('evidence', evidence, 'stakeManager', contracts.stakeManager),
    expecting('evidence', evidence, 'params', contracts.protocolParams),
    expecting('evidence', evidence, 'batchAnchor', contracts.batchAnchor),
    expecting('demands', demands, 'stakeManager', contracts.stakeManager),
    expecting('demands', demands, 'params', contracts.protocolParams),
    expecting('demands', demands, 'batchAnchor', contracts.batchAnchor),
    expecting('demands', demands, 'feeSplitters', contracts.feeSplitterFactory),
    expecting('demands', demands, 'paymentChannels', contracts.paymentChannels),
    expecting('demands', demands, 'answerPeriod', BigInt(periods.answer)),
    expecting('demands', demands, 'bond', demandBond),
    expecting('emissionReserve', reserve, 'token', contracts.opg),
    expecting('emissionReserve', reserve, 'params', contracts.protocolParams),
    expecting('emissionReserve', reserve, 'start', BigInt(start)),
    expecting('emissionReserve', reserve, 'duration', BigInt(reserveMonths(genesis) * MONTH)),
    expecting('rewardDistributor', distributor, 'token', contracts.opg),
    expecting('rewardDistributor', distributor, 'stakeManager', contracts.stakeManager),
    expecting('rewardDistributor', distributor, 'committee', contracts.committee),
    expecting('rewardDistributor', distributor, 'params', contracts.protocolParams),
    expecting('rewardDistributor', distributor, 'reserve', contracts.emissionReserve),
    expecting('rewardDistributor', distributor, 'voidPeriod', BigInt(periods.voiding)),
    expecting('measurementRegistry', registry, 'stakeManager', contracts.stakeManager),
    expecting('measurementRegistry', registry, 'params', contracts.protocolParams),
    expecting('receiptVerifier', verifier, 'batchAnchor', contracts.batchAnchor),
  ]
}

function paymentExpectations({ contracts }: DeploymentPlan): readonly Expectation[] {
  const permit2Collector = { address: contracts.permit2DepositCollector, abi: permit2DepositCollectorAbi } as const
  const erc3009Collector = { address: contracts.erc3009DepositCollector, abi: erc3009DepositCollectorAbi } as const
  const factory = { address: contracts.feeSplitterFactory, abi: feeSplitterFactoryAbi } as const
  return [
    expecting('erc3009DepositCollector', erc3009Collector, 'x402BatchSettlement', contracts.paymentChannels),
    expecting('permit2DepositCollector', permit2Collector, 'x402BatchSettlement', contracts.paymentChannels),
    expecting('permit2DepositCollector', permit2Collector, 'PERMIT2', contracts.permit2),
    expecting('feeSplitterFactory', factory, 'stakeManager', contracts.stakeManager),
    expecting('feeSplitterFactory', factory, 'params', contracts.protocolParams),
    expecting('feeSplitterFactory', factory, 'channels', contracts.paymentChannels),
  ]
}

const vestingExpectations = ({ vestings }: DeploymentPlan): readonly Expectation[] =>
  vestings.flatMap(({ row, address, beneficiary, start, duration }) => {
    const wallet = { address, abi: vestingAbi } as const
    return [
      expecting(`vesting ${row}`, wallet, 'owner', beneficiary),
      expecting(`vesting ${row}`, wallet, 'start', BigInt(start)),
      expecting(`vesting ${row}`, wallet, 'duration', BigInt(duration)),
    ]
  })

/** Everything minted is where its row put it: a wallet holds what it has not released, the deployer only its own rows. */
async function balanceProblems(
  { genesis, contracts, vestings }: DeploymentPlan,
  client: RpcClient,
): Promise<readonly string[]> {
  if (genesis.token !== 'mint') return []
  const opg = { address: contracts.opg, abi: opgAbi } as const
  const balanceOf = (account: Address): Promise<bigint> =>
    readContract(client, { ...opg, functionName: 'balanceOf', args: [account] })
  const wallets = await Promise.all(
    vestings.map(async ({ row, address, amount }) => {
      const released = await readContract(client, {
        ...{ address, abi: vestingAbi, functionName: 'released' },
        args: [contracts.opg],
      })
      const held = (await balanceOf(address)) + released
      return held === amount ? [] : [`expected vesting ${row} to hold or have released ${amount} wei, got ${held}`]
    }),
  )
  const reserve = genesis.allocation.find(({ beneficiary }) => beneficiary === 'reserve')
  const emitted = await readContract(client, {
    ...{ address: contracts.emissionReserve, abi: emissionReserveAbi, functionName: 'released' },
  })
  const inReserve = (await balanceOf(contracts.emissionReserve)) + emitted
  const isKept = genesis.allocation.some(({ beneficiary }) => beneficiary === genesis.deployer)
  const kept = await balanceOf(genesis.deployer)
  return [
    ...wallets.flat(),
    ...(inReserve === reserve?.locked
      ? []
      : [`expected the reserve to hold or have released ${reserve?.locked} wei, got ${inReserve}`]),
    ...(isKept || kept === 0n ? [] : [`expected the deployer to hold no OPG, got ${kept} wei`]),
  ]
}
