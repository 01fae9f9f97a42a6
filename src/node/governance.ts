import {
  type Action,
  cancelCall,
  changesGuardianOnly,
  delegateStakeCall,
  delegateTokensCall,
  executeCall,
  hasVoted,
  type Inclusion,
  isChainError,
  MAX_PROPOSAL_BYTES,
  type Proposal,
  type ProposalState,
  type ProposalText,
  proposeCall,
  queueCall,
  readGovernedValues,
  readProposalId,
  readProposals,
  readVotingPower,
  rehearse,
  type VoteChoice,
  voteCall,
} from '../chain/index.ts'
import { type Address, utf8 } from '../protocol/index.ts'
import { ChainRefusal, momentOf, opgOf } from './chainRefusals.ts'
import { type ChainSession, senderOf } from './chainSession.ts'

/** What one may do with a proposal in a state, for hints. */
const NEXT_STEP: { readonly [S in ProposalState]?: string } = {
  active: 'opg gov vote',
  succeeded: 'opg gov queue',
  queued: 'opg gov execute, once its timelock is over',
}

/** A proposal by its number, or by its id. Throws ChainRefusal `proposal-unknown`. */
export async function findProposal(session: ChainSession, reference: string): Promise<Proposal> {
  const proposals = await readProposals(session.chain)
  const found = proposals.find(({ number, id }) => reference === `${number}` || reference === `${id}`)
  if (found !== undefined) return found
  throw new ChainRefusal(
    { code: 'proposal-unknown', expected: `1 to ${proposals.length}, or an id`, got: reference, hint: 'opg gov list' },
    proposals.length === 0
      ? 'there is no proposal yet'
      : `expected a proposal from 1 to ${proposals.length}, got ${reference}`,
  )
}

function requireState(proposal: Proposal, ...states: readonly ProposalState[]): void {
  if (states.includes(proposal.state)) return
  const when =
    proposal.state === 'pending'
      ? `; voting begins at ${momentOf(proposal.snapshot)}`
      : proposal.state === 'active'
        ? `; voting ends at ${momentOf(proposal.deadline)}`
        : ''
  const hint = NEXT_STEP[proposal.state]
  throw new ChainRefusal(
    {
      code: 'proposal-state',
      expected: states.join(' or '),
      got: proposal.state,
      ...(hint === undefined ? {} : { hint }),
    },
    `expected proposal ${proposal.number} to be ${states.join(' or ')}, it is ${proposal.state}${when}`,
  )
}

/**
 * Puts actions to the vote. With `rehearse` also refuses an action that the timelock could not do today. Throws
 * ChainRefusal `below-threshold | proposal-too-long | proposal-exists | proposal-reverts`, ChainError.
 */
export async function propose(
  session: ChainSession,
  text: ProposalText,
  { rehearse = false }: { readonly rehearse?: boolean } = {},
): Promise<Inclusion & { readonly proposal: Proposal }> {
  const sender = senderOf(session)
  const bytes = utf8(text.description).length
  if (bytes > MAX_PROPOSAL_BYTES) {
    throw new ChainRefusal(
      { code: 'proposal-too-long', expected: `at most ${MAX_PROPOSAL_BYTES} bytes`, got: `${bytes}` },
      `expected title and reasons of at most ${MAX_PROPOSAL_BYTES} bytes, got ${bytes}; link to the rest`,
    )
  }
  const second = Math.floor(session.chain.head().timestamp / 1_000) - 1
  const { votes, threshold } = await readVotingPower(session.chain, sender, second)
  if (votes < threshold) {
    throw new ChainRefusal(
      {
        code: 'below-threshold',
        expected: `at least ${opgOf(threshold)}`,
        got: opgOf(votes),
        hint: 'opg gov delegate makes tokens held vote; staked OPG votes by itself',
      },
      `a proposer needs ${opgOf(threshold)} of votes, ${sender} has ${opgOf(votes)}`,
    )
  }
  const id = await readProposalId(session.chain, text)
  const find = async (): Promise<Proposal | undefined> =>
    (await readProposals(session.chain)).find((proposal) => proposal.id === id)
  const before = await find()
  if (before !== undefined) {
    throw new ChainRefusal(
      { code: 'proposal-exists', number: before.number, hint: 'another title makes another proposal' },
      `proposal ${before.number} has the same actions and the same words; it is ${before.state}`,
    )
  }
  if (rehearse) for (const action of text.actions) await requirePossible(session, action)
  const inclusion = await session.send(proposeCall(session.network.contracts, text))
  const proposal = await find()
  if (proposal === undefined) throw new RangeError(`expected proposal ${id}, the endpoint has none`)
  return { ...inclusion, proposal }
}

async function requirePossible(session: ChainSession, action: Action): Promise<void> {
  try {
    await rehearse(session.chain, action)
  } catch (error) {
    if (!isChainError(error, 'reverted')) throw error
    throw new ChainRefusal(
      { code: 'proposal-reverts', target: action.target },
      `the proposal could not be executed as things are: ${error.message}`,
      { cause: error },
    )
  }
}

/** Casts the sender's votes, once. Throws ChainRefusal `proposal-state | already-voted | no-votes`, ChainError. */
export async function vote(
  session: ChainSession,
  proposal: Proposal,
  { choice, reason }: { readonly choice: VoteChoice; readonly reason: string },
): Promise<Inclusion & { readonly votes: bigint }> {
  requireState(proposal, 'active')
  const sender = senderOf(session)
  if (await hasVoted(session.chain, proposal.id, sender)) {
    throw new ChainRefusal(
      { code: 'already-voted', expected: 'one vote', got: 'another' },
      `${sender} has voted on proposal ${proposal.number} already`,
    )
  }
  const { votes } = await readVotingPower(session.chain, sender, proposal.snapshot)
  if (votes === 0n) {
    throw new ChainRefusal(
      {
        code: 'no-votes',
        expected: `votes at ${momentOf(proposal.snapshot)}`,
        got: 'none',
        hint: 'delegate or stake before the next proposal: opg gov delegate',
      },
      `${sender} had no votes when voting on proposal ${proposal.number} began, at ${momentOf(proposal.snapshot)}`,
    )
  }
  return { ...(await session.send(voteCall(session.network.contracts, proposal.id, choice, reason))), votes }
}

/** Starts the timelock of a proposal that succeeded. Throws ChainRefusal `proposal-state`, ChainError. */
export async function queueProposal(session: ChainSession, proposal: Proposal): Promise<Inclusion> {
  requireState(proposal, 'succeeded')
  return await session.send(queueCall(session.network.contracts, proposal))
}

/** Does what was voted. Throws ChainRefusal `proposal-state | timelock-waiting`, ChainError. */
export async function executeProposal(session: ChainSession, proposal: Proposal): Promise<Inclusion> {
  requireState(proposal, 'queued')
  const { executableFrom = 0 } = proposal
  if (executableFrom * 1_000 > session.chain.head().timestamp) {
    throw new ChainRefusal(
      { code: 'timelock-waiting', executableFrom },
      `proposal ${proposal.number} waits in the timelock until ${momentOf(executableFrom)}`,
    )
  }
  return await session.send(executeCall(session.network.contracts, proposal))
}

/** Ends a proposal: its proposer while it is pending, the guardian before it is executed. Throws ChainRefusal, ChainError. */
export async function cancelProposal(session: ChainSession, proposal: Proposal): Promise<Inclusion> {
  requireState(proposal, 'pending', 'active', 'succeeded', 'queued')
  const sender = senderOf(session)
  const { guardian } = await readGovernedValues(session.chain)
  const changesGuardian = changesGuardianOnly(session.network.contracts, proposal)
  const who = [
    ...(proposal.state === 'pending' ? [proposal.proposer] : []),
    ...(guardian === undefined || changesGuardian ? [] : [guardian]),
  ]
  if (!who.includes(sender)) {
    const expected = who.length === 0 ? 'nobody' : who.join(' or ')
    throw new ChainRefusal(
      { code: 'not-canceller', expected, got: sender, hint: 'vote against it' },
      `expected ${expected} to cancel proposal ${proposal.number} while it is ${proposal.state}, got ${sender}`,
    )
  }
  return await session.send(cancelCall(session.network.contracts, proposal))
}

/** Lets `to` vote with what the sender holds and has staked. Throws ChainError. */
export async function delegateVotes(session: ChainSession, to: Address): Promise<readonly Inclusion[]> {
  const { contracts } = session.network
  return [await session.send(delegateTokensCall(contracts, to)), await session.send(delegateStakeCall(contracts, to))]
}

export {
  type Action,
  actions as proposalActions,
  type GovernedValues,
  MODULE as GOVERNED_MODULE,
  type ModuleName,
  PARAM as GOVERNED_PARAM,
  type ParamName,
  type Proposal,
  type ProposalState,
  readGovernedValues,
  readProposals,
  VOTE,
  type VoteChoice,
} from '../chain/index.ts'
