import {
  addStake,
  type ChainSession,
  changePayout,
  freezeOperator,
  momentOf,
  opgOf,
  readStakeAccount,
  registerOperator,
  removeStake,
  rotateOperator,
  type StakeAccount,
  type StakedRole,
  withdrawStake,
} from '../../node/index.ts'
import { type Address, toChecksumAddress } from '../../protocol/index.ts'
import type { CliContext, CommandResult } from '../context.ts'
import { renderStakeAccount } from '../render/stake.ts'
import { renderFacts } from '../render/table.ts'
import { type ChainOptions, type OwnHome, withReader, withSender } from '../session.ts'

export interface OperatorOptions extends ChainOptions {
  readonly operator?: Address
}

export interface RoleOptions extends OperatorOptions {
  readonly role: StakedRole
}

/** The operator a command is about: the one named, else the home's. */
export const operatorOf = async (options: OperatorOptions, own: OwnHome): Promise<Address> =>
  options.operator ?? (await own.operator()).address

type Json = CommandResult['json'][string]

/** Bigints as decimal strings, addresses in EIP-55, as every `--json` has them. */
export function stakeJson(account: StakeAccount): { readonly [name: string]: Json } {
  const address = (value: Address | undefined): string | null => (value === undefined ? null : toChecksumAddress(value))
  return {
    operator: toChecksumAddress(account.operator),
    currentKey: toChecksumAddress(account.currentKey),
    owner: address(account.owner),
    payout: address(account.payout),
    frozen: account.isFrozen,
    epoch: account.epoch,
    votes: { staked: `${account.votes.staked}`, delegate: address(account.votes.delegate) },
    roles: account.roles.map((role) => ({
      role: role.role,
      minimum: `${role.minimum}`,
      staked: `${role.staked}`,
      matured: `${role.matured}`,
      countsFrom: role.countsFrom ?? null,
      held: `${role.held}`,
      unbonding: role.unbonding.map(({ amount, releaseAt }) => ({ amount: `${amount}`, releaseAt })),
    })),
  }
}

/** `opg stake show`. */
export const stakeShow = (options: OperatorOptions, context: CliContext): Promise<CommandResult> =>
  withReader(options, context, async ({ chain }, own) => {
    const account = await readStakeAccount(chain, await operatorOf(options, own))
    return { text: renderStakeAccount(account), json: stakeJson(account) }
  })

/** `opg stake register`: the wallet becomes the owner, with the operator's consent. */
export const stakeRegister = (
  options: ChainOptions & { readonly payout?: Address },
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const operator = await own.operator()
    const { payout } = options
    const { transaction } = await registerOperator(session, { operator, ...(payout === undefined ? {} : { payout }) })
    return await reported(session, operator.address, transaction, 'registered')
  })

/** `opg stake add`. */
export const stakeAdd = (
  amount: bigint,
  options: RoleOptions & { readonly approve: boolean },
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const { role, approve } = options
    const operator = await operatorOf(options, own)
    const added = await addStake(session, { operator, role, amount, approve })
    const when = `epoch ${added.countsFrom}, which begins at ${momentOf(added.countsFromTime)}`
    return await reported(
      session,
      operator,
      added.transaction,
      `staked ${opgOf(amount)} as ${role}; it counts from ${when}`,
      {
        countsFrom: added.countsFrom,
        countsFromTime: added.countsFromTime,
      },
    )
  })

/** `opg stake remove`. */
export const stakeRemove = (amount: bigint, options: RoleOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const { role } = options
    const operator = await operatorOf(options, own)
    const { transaction, releaseAt } = await removeStake(session, { operator, role, amount })
    return await reported(
      session,
      operator,
      transaction,
      `took ${opgOf(amount)} out of the ${role} stake; bonded until ${momentOf(releaseAt)}`,
      { releaseAt },
    )
  })

/** `opg stake withdraw`. */
export const stakeWithdraw = (options: RoleOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const { role } = options
    const operator = await operatorOf(options, own)
    const { transaction, amount } = await withdrawStake(session, { operator, role })
    return await reported(session, operator, transaction, `paid ${opgOf(amount)} to the owner`, { amount: `${amount}` })
  })

/** `opg stake payout`. */
export const stakePayout = (payout: Address, options: OperatorOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const operator = await operatorOf(options, own)
    const { transaction } = await changePayout(session, operator, payout)
    return await reported(session, operator, transaction, `earnings go to ${toChecksumAddress(payout)}`)
  })

/** `opg stake freeze`. */
export const stakeFreeze = (options: OperatorOptions, context: CliContext): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const operator = await operatorOf(options, own)
    const { transaction } = await freezeOperator(session, operator)
    return await reported(session, operator, transaction, 'frozen: the key has no weight any more')
  })

/** `opg stake rotate`. */
export const stakeRotate = (
  options: ChainOptions & { readonly from: Address },
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session, own) => {
    const to = await own.operator()
    const { transaction } = await rotateOperator(session, { from: options.from, to })
    return await reported(
      session,
      to.address,
      transaction,
      `the stake of ${toChecksumAddress(options.from)} moved here; that key stays liable for what it signed`,
    )
  })

async function reported(
  session: ChainSession,
  operator: Address,
  transaction: string,
  did: string,
  more: { readonly [name: string]: Json } = {},
): Promise<CommandResult> {
  const account = await readStakeAccount(session.chain, operator)
  const facts = renderFacts([
    ['done', did],
    ['transaction', transaction],
  ])
  return {
    text: `${facts}\n\n${renderStakeAccount(account)}`,
    json: { transaction, ...more, stake: stakeJson(account) },
  }
}
