import { erc20Abi } from 'viem'
import { readContract } from 'viem/actions'
import {
  approveStakeCall,
  freezeCall,
  type Inclusion,
  type RoleStake,
  readStakeAccount,
  registerCall,
  registrationDigest,
  requestUnstakeCall,
  rotateCall,
  rotationDigest,
  type StakeAccount,
  setPayoutCall,
  stakeCall,
  withdrawCall,
} from '../chain/index.ts'
import type { Address, Signer } from '../protocol/index.ts'
import { ChainRefusal, momentOf, opgOf } from './chainRefusals.ts'
import { type ChainSession, senderOf } from './chainSession.ts'

/** Role that takes stake. */
export type StakedRole = RoleStake['role']

/** Withdrawals of one operator and role on their way at a time (`StakeManager.MAX_UNBONDINGS`). */
const MAX_UNBONDINGS = 8

/** How long an operator's consent to its owner is good for, seconds. */
const CONSENT_SECONDS = 3_600n

const roleOf = (account: StakeAccount, role: StakedRole): RoleStake => {
  const found = account.roles.find((each) => each.role === role)
  if (found === undefined) throw new RangeError(`expected a role with stake, got ${role}`)
  return found
}

/** The account of an operator whose owner sends. Throws ChainRefusal `not-registered | not-owner | operator-rotated`. */
async function ownAccount(session: ChainSession, operator: Address): Promise<StakeAccount> {
  const account = await readStakeAccount(session.chain, operator)
  if (account.owner === undefined) {
    throw new ChainRefusal(
      { code: 'not-registered', operator, hint: 'opg stake register' },
      `operator ${operator} is not registered`,
    )
  }
  const sender = senderOf(session)
  if (account.owner !== sender) {
    throw new ChainRefusal(
      {
        code: 'not-owner',
        operator,
        expected: account.owner,
        got: sender,
        hint: 'give the owner’s wallet by --wallet',
      },
      `expected the wallet of ${account.owner}, who owns operator ${operator}, got ${sender}`,
    )
  }
  const { currentKey } = account
  if (currentKey !== operator) {
    throw new ChainRefusal(
      {
        code: 'operator-rotated',
        operator,
        expected: currentKey,
        got: operator,
        hint: `--operator ${currentKey}`,
      },
      `operator ${operator} was rotated to ${currentKey}, which has its stake now`,
    )
  }
  return account
}

const deadlineOf = ({ chain }: ChainSession): bigint => BigInt(Math.floor(chain.chainNow() / 1_000)) + CONSENT_SECONDS

/** Makes the sender the operator's owner, for good. Throws ChainRefusal `already-registered`, ChainError. */
export async function registerOperator(
  session: ChainSession,
  { operator, payout }: { readonly operator: Signer; readonly payout?: Address },
): Promise<Inclusion> {
  const { owner } = await readStakeAccount(session.chain, operator.address)
  if (owner !== undefined) {
    throw new ChainRefusal(
      { code: 'already-registered', operator: operator.address, owner },
      `operator ${operator.address} is registered already, its owner is ${owner}`,
    )
  }
  const sender = senderOf(session)
  const registration = {
    operator: operator.address,
    owner: sender,
    payout: payout ?? sender,
    deadline: deadlineOf(session),
  }
  const consent = operator.sign(registrationDigest(session.domain, registration))
  return await session.send(registerCall(session.network.contracts, registration, consent))
}

export interface StakeAdded extends Inclusion {
  /** First epoch in which it counts, and the second that begins. */
  readonly countsFrom: number
  readonly countsFromTime: number
}

/**
 * Stakes `amount` wei more for a role; first lets StakeManager take it, unless `approve` is false. Throws ChainRefusal
 * `not-registered | not-owner | operator-rotated | operator-frozen | below-minimum | insufficient-funds |
 * insufficient-allowance`, ChainError.
 */
export async function addStake(
  session: ChainSession,
  request: {
    readonly operator: Address
    readonly role: StakedRole
    readonly amount: bigint
    readonly approve: boolean
  },
): Promise<StakeAdded> {
  const { operator, role, amount, approve } = request
  const { contracts } = session.network
  const account = await ownAccount(session, operator)
  if (account.isFrozen) {
    throw new ChainRefusal(
      { code: 'operator-frozen', operator, hint: 'opg stake rotate moves the stake to a new key' },
      `operator ${operator} was frozen by its owner and takes no more stake`,
    )
  }
  const { staked, minimum } = roleOf(account, role)
  if (staked + amount < minimum) {
    throw new ChainRefusal(
      { code: 'below-minimum', expected: opgOf(minimum - staked), got: opgOf(amount) },
      `a ${role} stakes at least ${opgOf(minimum)}; ${opgOf(staked)} are staked, so expected at least ${opgOf(minimum - staked)}, got ${opgOf(amount)}`,
    )
  }
  const owner = senderOf(session)
  const token = { address: contracts.opg, abi: erc20Abi } as const
  const [balance, allowance] = await session.chain.query((client) =>
    Promise.all([
      readContract(client, { ...token, functionName: 'balanceOf', args: [owner] }),
      readContract(client, { ...token, functionName: 'allowance', args: [owner, contracts.stakeManager] }),
    ]),
  )
  if (balance < amount) {
    throw new ChainRefusal(
      { code: 'insufficient-funds', expected: opgOf(amount), got: opgOf(balance) },
      `expected ${owner} to hold ${opgOf(amount)}, it holds ${opgOf(balance)}`,
    )
  }
  if (allowance < amount) {
    if (!approve) {
      throw new ChainRefusal(
        {
          code: 'insufficient-allowance',
          expected: opgOf(amount),
          got: opgOf(allowance),
          hint: 'leave --no-approve out, or approve StakeManager by other means',
        },
        `expected ${owner} to let StakeManager take ${opgOf(amount)}, it lets it take ${opgOf(allowance)}`,
      )
    }
    await session.send(approveStakeCall(contracts, amount))
  }
  const inclusion = await session.send(stakeCall(contracts, operator, role, amount))
  const after = await readStakeAccount(session.chain, operator)
  const countsFrom = roleOf(after, role).countsFrom ?? after.epoch
  return { ...inclusion, countsFrom, countsFromTime: Math.floor(session.chain.epochStart(countsFrom) / 1_000) }
}

/** Takes `amount` wei out of weight and votes and starts its unbonding. Throws ChainRefusal, ChainError. */
export async function removeStake(
  session: ChainSession,
  { operator, role, amount }: { readonly operator: Address; readonly role: StakedRole; readonly amount: bigint },
): Promise<Inclusion & { readonly releaseAt: number }> {
  const account = await ownAccount(session, operator)
  const { staked, minimum, unbonding } = roleOf(account, role)
  if (staked === 0n) {
    throw new ChainRefusal({ code: 'nothing-staked', operator, role }, `operator ${operator} has no stake as ${role}`)
  }
  if (amount > staked) {
    throw new ChainRefusal(
      { code: 'exceeds-stake', expected: `at most ${opgOf(staked)}`, got: opgOf(amount) },
      `expected at most the ${opgOf(staked)} that are staked as ${role}, got ${opgOf(amount)}`,
    )
  }
  const left = staked - amount
  if (left !== 0n && left < minimum) {
    throw new ChainRefusal(
      {
        code: 'below-minimum',
        expected: `${opgOf(staked - minimum)} at most, or all ${opgOf(staked)}`,
        got: opgOf(amount),
      },
      `${opgOf(left)} would be left, less than the ${opgOf(minimum)} of a ${role}: expected at most ${opgOf(staked - minimum)}, or all of it, got ${opgOf(amount)}`,
    )
  }
  const [oldest] = unbonding
  if (oldest !== undefined && unbonding.length >= MAX_UNBONDINGS) {
    throw new ChainRefusal(
      { code: 'too-many-unbondings', operator, releaseAt: oldest.releaseAt, hint: 'opg stake withdraw, then again' },
      `${unbonding.length} amounts are on their way out as ${role} already; the first is free at ${momentOf(oldest.releaseAt)}`,
    )
  }
  const inclusion = await session.send(requestUnstakeCall(session.network.contracts, operator, role, amount))
  const after = roleOf(await readStakeAccount(session.chain, operator), role)
  return { ...inclusion, releaseAt: after.unbonding.at(-1)?.releaseAt ?? 0 }
}

/**
 * Pays what has unbonded to the owner; anyone may. Throws ChainRefusal `nothing-staked | still-bonded | under-case`,
 * ChainError.
 */
export async function withdrawStake(
  session: ChainSession,
  { operator, role }: { readonly operator: Address; readonly role: StakedRole },
): Promise<Inclusion & { readonly amount: bigint }> {
  const before = roleOf(await readStakeAccount(session.chain, operator), role)
  const [first] = before.unbonding
  if (first === undefined) {
    throw new ChainRefusal(
      { code: 'nothing-staked', operator, role, hint: 'opg stake remove' },
      `operator ${operator} has nothing on its way out as ${role}`,
    )
  }
  if (first.releaseAt * 1_000 > session.chain.head().timestamp) {
    throw new ChainRefusal(
      { code: 'still-bonded', operator, releaseAt: first.releaseAt },
      `${opgOf(first.amount)} are still bonded until ${momentOf(first.releaseAt)}`,
    )
  }
  const all = before.staked + unbondingOf(before)
  if (before.held >= all) {
    throw new ChainRefusal(
      { code: 'under-case', operator, held: before.held },
      `open cases keep ${opgOf(before.held)} of the ${opgOf(all)} of ${operator} as ${role}`,
    )
  }
  const inclusion = await session.send(withdrawCall(session.network.contracts, operator, role))
  const after = roleOf(await readStakeAccount(session.chain, operator), role)
  return { ...inclusion, amount: unbondingOf(before) - unbondingOf(after) }
}

const unbondingOf = ({ unbonding }: RoleStake): bigint => unbonding.reduce((sum, { amount }) => sum + amount, 0n)

/** Takes all weight from the operator's key at once, for good. Throws ChainRefusal, ChainError. */
export async function freezeOperator(session: ChainSession, operator: Address): Promise<Inclusion> {
  const account = await ownAccount(session, operator)
  if (account.isFrozen) {
    throw new ChainRefusal({ code: 'operator-frozen', operator }, `operator ${operator} is frozen already`)
  }
  return await session.send(freezeCall(session.network.contracts, operator))
}

/** Names who receives the operator's earnings. Throws ChainRefusal, ChainError. */
export async function changePayout(session: ChainSession, operator: Address, payout: Address): Promise<Inclusion> {
  await ownAccount(session, operator)
  return await session.send(setPayoutCall(session.network.contracts, operator, payout))
}

/** Moves the stake to a new key; the old one stays liable (R1). Throws ChainRefusal, ChainError. */
export async function rotateOperator(
  session: ChainSession,
  { from, to }: { readonly from: Address; readonly to: Signer },
): Promise<Inclusion> {
  await ownAccount(session, from)
  const taken = await readStakeAccount(session.chain, to.address)
  if (taken.owner !== undefined) {
    throw new ChainRefusal(
      { code: 'already-registered', operator: to.address, owner: taken.owner },
      `expected a new key, ${to.address} is registered already`,
    )
  }
  const rotation = { from, to: to.address, owner: senderOf(session), deadline: deadlineOf(session) }
  const consent = to.sign(rotationDigest(session.domain, rotation))
  return await session.send(rotateCall(session.network.contracts, rotation, consent))
}

export { type RoleStake, readStakeAccount, type StakeAccount } from '../chain/index.ts'
