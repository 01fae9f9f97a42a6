import { z } from 'zod'
import {
  type Action,
  ChainRefusal,
  type ChainSession,
  cancelProposal,
  delegateVotes,
  executeProposal,
  findProposal,
  type ModuleName,
  type ParamName,
  type Proposal,
  proposalActions,
  propose,
  queueProposal,
  readGovernedValues,
  readProposals,
  type VoteChoice,
  vote,
} from '../../node/index.ts'
import { type Address, isAddress, toChecksumAddress, ZERO_ADDRESS } from '../../protocol/index.ts'
import type { CliContext, CommandResult } from '../context.ts'
import { CliError } from '../errors.ts'
import { readJson, readText } from '../files.ts'
import { renderGovernedValues, renderProposal, renderProposals, titleOf } from '../render/gov.ts'
import { renderFacts } from '../render/table.ts'
import { type ChainOptions, withReader, withSender } from '../session.ts'

type Json = CommandResult['json'][string]

const MAX_PROPOSAL_FILE_BYTES = 262_144
const MAX_ACTIONS = 32

export function proposalJson(proposal: Proposal): { readonly [name: string]: Json } {
  return {
    number: proposal.number,
    id: `${proposal.id}`,
    state: proposal.state,
    title: titleOf(proposal),
    description: proposal.description,
    proposer: toChecksumAddress(proposal.proposer),
    snapshot: proposal.snapshot,
    deadline: proposal.deadline,
    executableFrom: proposal.executableFrom ?? null,
    votes: {
      for: `${proposal.votes.for}`,
      against: `${proposal.votes.against}`,
      abstain: `${proposal.votes.abstain}`,
    },
    quorum: `${proposal.quorum}`,
    actions: proposal.actions.map(({ target, value, data }) => ({
      target: toChecksumAddress(target),
      value: `${value}`,
      data,
    })),
  }
}

/** `opg gov list`. */
export const govList = (options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withReader(options, context, async (session) => {
    const proposals = await readProposals(session.chain)
    return { text: renderProposals(proposals), json: { proposals: proposals.map(proposalJson) } }
  })

/** `opg gov show`. */
export const govShow = (reference: string, options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withReader(options, context, async (session) => {
    const proposal = await findProposal(session, reference)
    return { text: renderProposal(proposal), json: { proposal: proposalJson(proposal) } }
  })

/** `opg gov params`: every governed value, its bounds and what was announced. */
export const govParams = (options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withReader(options, context, async (session) => {
    const values = await readGovernedValues(session.chain)
    const address = (value: Address | undefined): string | null =>
      value === undefined ? null : toChecksumAddress(value)
    return {
      text: renderGovernedValues(values),
      json: {
        params: values.params.map(({ announced, ...param }) => ({ ...param, announced: announced ?? null })),
        modules: values.modules.map(({ name, target, isPaused, announced }) => ({
          name,
          target: address(target),
          paused: isPaused,
          announced:
            announced === undefined ? null : { target: address(announced.target), effectiveAt: announced.effectiveAt },
        })),
        guardian: address(values.guardian),
        guardianEnd: values.guardianEnd,
        changeDelay: values.changeDelay,
      },
    }
  })

export interface ProposeOptions extends ChainOptions {
  readonly title: string
  /** File with the reasons, Markdown. */
  readonly text?: string
}

/** `opg gov propose param`. The bounds are code: outside of them a proposal could never be executed. */
export const govProposeParam = (
  name: ParamName,
  basisPoints: number,
  options: ProposeOptions,
  context: CliContext,
): Promise<CommandResult> =>
  proposed(options, context, async (session) => {
    const { params } = await readGovernedValues(session.chain)
    const { least, most } = params.find((param) => param.name === name) ?? { least: 0, most: 0 }
    if (basisPoints < least || basisPoints > most) {
      throw new ChainRefusal(
        { code: 'out-of-bounds', expected: `${least} to ${most} basis points`, got: `${basisPoints}` },
        `expected ${name} from ${least} to ${most} basis points, got ${basisPoints}`,
      )
    }
    return [proposalActions.param(session.network.contracts, name, basisPoints)]
  })

/** `opg gov propose module`. */
export const govProposeModule = (
  name: ModuleName,
  target: Address | 'none',
  options: ProposeOptions,
  context: CliContext,
): Promise<CommandResult> =>
  proposed(options, context, async ({ network }) => [
    proposalActions.module(network.contracts, name, target === 'none' ? ZERO_ADDRESS : target),
  ])

/** `opg gov propose slasher`. */
export const govProposeSlasher = (
  slasher: Address,
  options: ProposeOptions & { readonly remove: boolean },
  context: CliContext,
): Promise<CommandResult> =>
  proposed(options, context, async ({ network }) => [
    options.remove
      ? proposalActions.removeSlasher(network.contracts, slasher)
      : proposalActions.announceSlasher(network.contracts, slasher),
  ])

/** `opg gov propose guardian`. */
export const govProposeGuardian = (
  guardian: Address | 'none',
  options: ProposeOptions,
  context: CliContext,
): Promise<CommandResult> =>
  proposed(options, context, async ({ network }) => [
    proposalActions.guardian(network.contracts, guardian === 'none' ? ZERO_ADDRESS : guardian),
  ])

/** `opg gov propose pay`: from the treasury. */
export const govProposePay = (
  to: Address,
  amount: bigint,
  options: ProposeOptions,
  context: CliContext,
): Promise<CommandResult> =>
  proposed(options, context, async ({ network }) => [proposalActions.pay(network.contracts, to, amount)], {
    rehearse: false,
  })

const ACTIONS = z
  .array(
    z.strictObject({
      target: z
        .string()
        .transform((text) => text.toLowerCase())
        .refine(isAddress, 'expected an address'),
      value: z
        .string()
        .regex(/^[0-9]{1,39}$/)
        .default('0'),
      data: z
        .string()
        .regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'expected 0x and hex digits')
        .transform((text) => text as `0x${string}`),
    }),
  )
  .min(1)
  .max(MAX_ACTIONS)

/** `opg gov propose calls`: whatever a file lists. */
export const govProposeCalls = (file: string, options: ProposeOptions, context: CliContext): Promise<CommandResult> =>
  proposed(options, context, () => readActions(file), { rehearse: false })

async function readActions(file: string): Promise<readonly Action[]> {
  const parsed = ACTIONS.safeParse(await readJson(file, MAX_PROPOSAL_FILE_BYTES))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new CliError({
      code: 'json-invalid',
      message: `${file}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
      expected: '[{"target": "0x…", "value": "0", "data": "0x…"}, …]',
    })
  }
  return parsed.data.map(({ target, value: wei, data }) => ({ target: target as Address, value: BigInt(wei), data }))
}

/** What can only be right today is rehearsed; a payment may wait for its money, calls for each other. */
const proposed = (
  options: ProposeOptions,
  context: CliContext,
  make: (session: ChainSession) => Promise<readonly Action[]>,
  { rehearse = true } = {},
): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const reasons = options.text === undefined ? '' : `\n\n${await readText(options.text, MAX_PROPOSAL_FILE_BYTES)}`
    const actions = await make(session)
    const description = `# ${options.title}${reasons}`
    const { transaction, proposal } = await propose(session, { actions, description }, { rehearse })
    return {
      text: `${renderFacts([
        ['done', `proposal ${proposal.number}`],
        ['transaction', transaction],
      ])}\n\n${renderProposal(proposal)}`,
      json: { transaction, proposal: proposalJson(proposal) },
    }
  })

type Step = (session: ChainSession, proposal: Proposal) => Promise<{ readonly transaction: string }>

const stepped = (
  reference: string,
  options: ChainOptions,
  context: CliContext,
  [done, step]: readonly [string, Step],
): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const { transaction } = await step(session, await findProposal(session, reference))
    const proposal = await findProposal(session, reference)
    return {
      text: `${renderFacts([
        ['done', done],
        ['transaction', transaction],
      ])}\n\n${renderProposal(proposal)}`,
      json: { transaction, proposal: proposalJson(proposal) },
    }
  })

/** `opg gov vote`. */
export const govVote = (
  reference: string,
  choice: VoteChoice,
  options: ChainOptions & { readonly reason: string },
  context: CliContext,
): Promise<CommandResult> =>
  stepped(reference, options, context, [
    `voted ${choice}`,
    (session, proposal) => vote(session, proposal, { choice, reason: options.reason }),
  ])

/** `opg gov queue`. */
export const govQueue = (reference: string, options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  stepped(reference, options, context, ['queued in the timelock', queueProposal])

/** `opg gov execute`. */
export const govExecute = (reference: string, options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  stepped(reference, options, context, ['executed', executeProposal])

/** `opg gov cancel`. */
export const govCancel = (reference: string, options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  stepped(reference, options, context, ['cancelled', cancelProposal])

/** `opg gov delegate`: tokens held and stakes owned vote through one account. */
export const govDelegate = (to: Address | 'self', options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const target = to === 'self' ? (session.account ?? ZERO_ADDRESS) : to
    const transactions = (await delegateVotes(session, target)).map(({ transaction }) => transaction)
    const delegate = toChecksumAddress(target)
    return {
      text: renderFacts([
        ['done', `tokens and stakes vote through ${delegate}; proposals made from now on count it`],
        ['transactions', transactions.join('\n              ')],
      ]),
      json: { delegate, transactions },
    }
  })
