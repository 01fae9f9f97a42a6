import { type AbiEvent, encodeFunctionData, type Hex, keccak256, toFunctionSelector } from 'viem'
import { call, readContract } from 'viem/actions'
import { type Address, utf8 } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { opgAbi, opgGovernorAbi, protocolParamsAbi, stakeManagerAbi, treasuryAbi } from './contracts.ts'
import { logsBetween } from './logs.ts'
import type { NetworkContracts } from './networkFile.ts'
import { toSafeNumber } from './structs.ts'
import type { Call } from './transactions.ts'

/** One call that a proposal makes through the timelock. `value` in wei of ether. */
export interface Action {
  readonly target: Address
  readonly value: bigint
  readonly data: Hex
}

/** What is voted on. */
export interface ProposalText {
  readonly actions: readonly Action[]
  /** Markdown; its first line is the title. */
  readonly description: string
}

/** `IGovernor.ProposalState`, in the contract's order. */
export const PROPOSAL_STATES = [
  'pending',
  'active',
  'cancelled',
  'defeated',
  'succeeded',
  'queued',
  'expired',
  'executed',
] as const
export type ProposalState = (typeof PROPOSAL_STATES)[number]

/** `GovernorCountingSimple.VoteType`. */
export const VOTE = { against: 0, for: 1, abstain: 2 } as const
export type VoteChoice = keyof typeof VOTE

/** A proposal as the chain has it now. Votes in wei of OPG, times in seconds since 1970. */
export interface Proposal extends ProposalText {
  /** From 1, in the order they were made. */
  readonly number: number
  readonly id: bigint
  readonly proposer: Address
  readonly state: ProposalState
  /** Votes are those of this second. */
  readonly snapshot: number
  readonly deadline: number
  /** Second from which it may be executed; undefined while it is not queued. */
  readonly executableFrom: number | undefined
  readonly votes: { readonly [C in VoteChoice]: bigint }
  /** For and abstain together must reach it. */
  readonly quorum: bigint
}

type Reader = Pick<ChainClient, 'query' | 'network' | 'head'>

type ProposalCreated = Extract<(typeof opgGovernorAbi)[number], { type: 'event'; name: 'ProposalCreated' }>
const PROPOSAL_CREATED = opgGovernorAbi.find(
  (item) => item.type === 'event' && item.name === 'ProposalCreated',
) as ProposalCreated

const governorOf = ({ network }: Pick<Reader, 'network'>) =>
  ({ address: network.contracts.opgGovernor, abi: opgGovernorAbi }) as const

const hashOf = (description: string): Hex => keccak256(utf8(description))

const partsOf = (actions: readonly Action[]) =>
  [actions.map(({ target }) => target), actions.map(({ value }) => value), actions.map(({ data }) => data)] as const

/** Every proposal, oldest first. Throws ChainError. */
export async function readProposals(chain: Reader): Promise<Proposal[]> {
  const { deploymentBlock } = chain.network
  const governor = governorOf(chain)
  const logs = await logsBetween(
    { run: (action) => chain.query(action) },
    governor.address,
    [PROPOSAL_CREATED] as const satisfies readonly AbiEvent[],
    deploymentBlock,
    chain.head().number,
  )
  return await Promise.all(
    logs.map(async ({ args }, index): Promise<Proposal> => {
      const { proposalId: id, proposer, targets, values, calldatas, description, voteStart } = args
      const [state, deadline, eta, [against, inFavour, abstain], quorum] = await chain.query((client) =>
        Promise.all([
          readContract(client, { ...governor, functionName: 'state', args: [id] }),
          readContract(client, { ...governor, functionName: 'proposalDeadline', args: [id] }),
          readContract(client, { ...governor, functionName: 'proposalEta', args: [id] }),
          readContract(client, { ...governor, functionName: 'proposalVotes', args: [id] }),
          readContract(client, { ...governor, functionName: 'quorum', args: [voteStart] }),
        ]),
      )
      const actions = targets.map((target, at) => ({
        target: target.toLowerCase() as Address,
        value: values[at] ?? 0n,
        data: calldatas[at] ?? '0x',
      }))
      return {
        number: index + 1,
        id,
        proposer: proposer.toLowerCase() as Address,
        state: PROPOSAL_STATES[state] ?? 'pending',
        actions,
        description,
        snapshot: toSafeNumber(voteStart),
        deadline: toSafeNumber(deadline),
        executableFrom: eta === 0n ? undefined : toSafeNumber(eta),
        votes: { against, for: inFavour, abstain },
        quorum,
      }
    }),
  )
}

/** The votes a proposer needs, and what an account could vote with at `second`, which is past. Throws ChainError. */
export async function readVotingPower(
  chain: Reader,
  account: Address,
  second: number,
): Promise<{ readonly votes: bigint; readonly threshold: bigint }> {
  const governor = governorOf(chain)
  const [votes, threshold] = await chain.query((client) =>
    Promise.all([
      readContract(client, { ...governor, functionName: 'getVotes', args: [account, BigInt(second)] }),
      readContract(client, { ...governor, functionName: 'proposalThreshold' }),
    ]),
  )
  return { votes, threshold }
}

/** Whether an account has voted on a proposal. Throws ChainError. */
export const hasVoted = (chain: Reader, id: bigint, account: Address): Promise<boolean> =>
  chain.query((client) => readContract(client, { ...governorOf(chain), functionName: 'hasVoted', args: [id, account] }))

/** The id that follows from what is proposed. Throws ChainError. */
export const readProposalId = (
  chain: Pick<Reader, 'query' | 'network'>,
  { actions, description }: ProposalText,
): Promise<bigint> =>
  chain.query((client) =>
    readContract(client, {
      ...governorOf(chain),
      functionName: 'hashProposal',
      args: [...partsOf(actions), hashOf(description)],
    }),
  )

/** Does an action as the timelock would, on the state as it is, and forgets it. Throws ChainError `reverted`. */
export async function rehearse(
  chain: Pick<Reader, 'query' | 'network'>,
  { target, value, data }: Action,
): Promise<void> {
  await chain.query((client) => call(client, { account: chain.network.contracts.timelock, to: target, value, data }))
}

/** Whether a proposal names another guardian or none and does nothing else: the guardian cannot cancel it. */
export const changesGuardianOnly = ({ protocolParams }: NetworkContracts, { actions }: ProposalText): boolean =>
  actions.length === 1 &&
  actions[0]?.target === protocolParams &&
  actions[0].data.startsWith(toFunctionSelector(SET_GUARDIAN))

const SET_GUARDIAN = 'function setGuardian(address)'

/** Its description has at most `MAX_PROPOSAL_BYTES`. */
export const proposeCall = (contracts: NetworkContracts, { actions, description }: ProposalText): Call =>
  governorCall(
    contracts,
    encodeFunctionData({
      abi: opgGovernorAbi,
      functionName: 'propose',
      args: [...partsOf(actions), description],
    }),
  )

export const voteCall = (contracts: NetworkContracts, id: bigint, choice: VoteChoice, reason: string): Call =>
  governorCall(
    contracts,
    reason === ''
      ? encodeFunctionData({ abi: opgGovernorAbi, functionName: 'castVote', args: [id, VOTE[choice]] })
      : encodeFunctionData({
          abi: opgGovernorAbi,
          functionName: 'castVoteWithReason',
          args: [id, VOTE[choice], reason],
        }),
  )

const governorCall = ({ opgGovernor }: NetworkContracts, data: Hex): Call => ({ to: opgGovernor, data })

/** Sent by anyone once it has succeeded. */
export const queueCall = (contracts: NetworkContracts, { actions, description }: ProposalText): Call =>
  governorCall(
    contracts,
    encodeFunctionData({
      abi: opgGovernorAbi,
      functionName: 'queue',
      args: [...partsOf(actions), hashOf(description)],
    }),
  )

/** Sent by anyone once its timelock is over. */
export const executeCall = (contracts: NetworkContracts, { actions, description }: ProposalText): Call =>
  governorCall(
    contracts,
    encodeFunctionData({
      abi: opgGovernorAbi,
      functionName: 'execute',
      args: [...partsOf(actions), hashOf(description)],
    }),
  )

/** Sent by the proposer while it is pending, or by the guardian. */
export const cancelCall = (contracts: NetworkContracts, { actions, description }: ProposalText): Call =>
  governorCall(
    contracts,
    encodeFunctionData({
      abi: opgGovernorAbi,
      functionName: 'cancel',
      args: [...partsOf(actions), hashOf(description)],
    }),
  )

/** Lets `to` vote with the tokens the sender holds; itself, or another. */
export const delegateTokensCall = ({ opg }: NetworkContracts, to: Address): Call => ({
  to: opg,
  data: encodeFunctionData({ abi: opgAbi, functionName: 'delegate', args: [to] }),
})

/** Lets `to` vote with the stakes the sender owns. */
export const delegateStakeCall = ({ stakeManager }: NetworkContracts, to: Address): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi: stakeManagerAbi, functionName: 'delegate', args: [to] }),
})

/** `IProtocolParams.Param`: governed shares and penalties, in basis points. */
export const PARAM = {
  networkShare: 1,
  verifierPool: 2,
  hostPool: 3,
  baseEmission: 4,
  providerEmission: 5,
  reporterShare: 6,
  equivocationPenalty: 7,
  doubledReceiptPenalty: 8,
  overchargePenalty: 9,
  overclaimPenalty: 10,
  falseBatchPenalty: 11,
  withheldProviderPenalty: 12,
  withheldSettlerPenalty: 13,
  withheldSignerPenalty: 14,
  wrongResultPenalty: 15,
  repeatedWrongResultPenalty: 16,
  jurorPenalty: 17,
} as const
export type ParamName = keyof typeof PARAM

/** `IProtocolParams.Module`: what is replaceable, behind a pointer. */
export const MODULE = {
  committee: 1,
  batchAnchor: 2,
  evidence: 3,
  demands: 4,
  disputeCourt: 5,
  rewardDistributor: 6,
  canaryVault: 7,
  inferencePortal: 8,
} as const
export type ModuleName = keyof typeof MODULE

/** A governed value: basis points now, its bounds, and what was announced. */
export interface ParamView {
  readonly name: ParamName
  readonly value: number
  readonly least: number
  readonly most: number
  readonly announced: { readonly value: number; readonly effectiveAt: number } | undefined
}

export interface ModuleView {
  readonly name: ModuleName
  /** Undefined: there is none. */
  readonly target: Address | undefined
  readonly isPaused: boolean
  readonly announced: { readonly target: Address | undefined; readonly effectiveAt: number } | undefined
}

export interface GovernedValues {
  readonly params: readonly ParamView[]
  readonly modules: readonly ModuleView[]
  readonly guardian: Address | undefined
  readonly guardianEnd: number
  /** Seconds between a change and its effect. */
  readonly changeDelay: number
}

const addressIn = (word: bigint): Address | undefined =>
  word === 0n ? undefined : (`0x${word.toString(16).padStart(40, '0')}` as Address)

/** Everything governed, as it is now. Throws ChainError. */
export async function readGovernedValues(chain: Pick<Reader, 'query' | 'network' | 'head'>): Promise<GovernedValues> {
  const contract = { address: chain.network.contracts.protocolParams, abi: protocolParamsAbi } as const
  const now = Math.floor(chain.head().timestamp / 1_000)
  const readParam = (name: ParamName): Promise<ParamView> =>
    chain.query(async (client) => {
      const args = [PARAM[name]] as const
      const [value, [least, most], announced] = await Promise.all([
        readContract(client, { ...contract, functionName: 'valueOf', args }),
        readContract(client, { ...contract, functionName: 'boundsOf', args }),
        readContract(client, { ...contract, functionName: 'announcedValue', args }),
      ])
      const effectiveAt = toSafeNumber(announced.effectiveAt)
      return {
        name,
        value: Number(value),
        least: Number(least),
        most: Number(most),
        announced: effectiveAt > now ? { value: Number(announced.value), effectiveAt } : undefined,
      }
    })
  const readModule = (name: ModuleName): Promise<ModuleView> =>
    chain.query(async (client) => {
      const args = [MODULE[name]] as const
      const [target, isPaused, announced] = await Promise.all([
        readContract(client, { ...contract, functionName: 'moduleOf', args }),
        readContract(client, { ...contract, functionName: 'isPaused', args }),
        readContract(client, { ...contract, functionName: 'announcedModule', args }),
      ])
      const effectiveAt = toSafeNumber(announced.effectiveAt)
      return {
        name,
        target: addressIn(BigInt(target)),
        isPaused,
        announced: effectiveAt > now ? { target: addressIn(announced.value), effectiveAt } : undefined,
      }
    })
  const [params, modules, [guardian, guardianEnd, changeDelay]] = await Promise.all([
    Promise.all((Object.keys(PARAM) as ParamName[]).map(readParam)),
    Promise.all((Object.keys(MODULE) as ModuleName[]).map(readModule)),
    chain.query((client) =>
      Promise.all([
        readContract(client, { ...contract, functionName: 'guardian' }),
        readContract(client, { ...contract, functionName: 'guardianEnd' }),
        readContract(client, { ...contract, functionName: 'changeDelay' }),
      ]),
    ),
  ])
  return {
    params,
    modules,
    guardian: addressIn(BigInt(guardian)),
    guardianEnd: toSafeNumber(guardianEnd),
    changeDelay: toSafeNumber(changeDelay),
  }
}

const action = (target: Address, data: Hex): Action => ({ target, value: 0n, data })

/** What a proposal of each kind does. */
export const actions = {
  param: ({ protocolParams }: NetworkContracts, name: ParamName, basisPoints: number): Action =>
    action(
      protocolParams,
      encodeFunctionData({
        abi: protocolParamsAbi,
        functionName: 'setParam',
        args: [PARAM[name], BigInt(basisPoints)],
      }),
    ),
  module: ({ protocolParams }: NetworkContracts, name: ModuleName, target: Address): Action =>
    action(
      protocolParams,
      encodeFunctionData({ abi: protocolParamsAbi, functionName: 'setModule', args: [MODULE[name], target] }),
    ),
  guardian: ({ protocolParams }: NetworkContracts, guardian: Address): Action =>
    action(
      protocolParams,
      encodeFunctionData({ abi: protocolParamsAbi, functionName: 'setGuardian', args: [guardian] }),
    ),
  announceSlasher: ({ stakeManager }: NetworkContracts, slasher: Address): Action =>
    action(
      stakeManager,
      encodeFunctionData({ abi: stakeManagerAbi, functionName: 'announceSlasher', args: [slasher] }),
    ),
  removeSlasher: ({ stakeManager }: NetworkContracts, slasher: Address): Action =>
    action(stakeManager, encodeFunctionData({ abi: stakeManagerAbi, functionName: 'removeSlasher', args: [slasher] })),
  pay: ({ treasury, opg }: NetworkContracts, to: Address, amount: bigint): Action =>
    action(treasury, encodeFunctionData({ abi: treasuryAbi, functionName: 'pay', args: [opg, to, amount] })),
} as const
