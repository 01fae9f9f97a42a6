import { erc20Abi, type LocalAccount } from 'viem'
import { readContract } from 'viem/actions'
import {
  type ChainClient,
  type ChannelState,
  createSplitterLookup,
  finalizeWithdrawCall,
  type Inclusion,
  initiateWithdrawCall,
  readChannel,
} from '../chain/index.ts'
import {
  budgetOf,
  type ChannelBook,
  checkDeposit,
  createDepositWallet,
  depositCallOf,
  type PaymentsConfig,
  readChannelBooks,
  spendingPolicyOf,
} from '../payment/index.ts'
import {
  type Address,
  type ChannelConfig,
  channelIdOf,
  createChannelDomain,
  type Digest,
  parametersOf,
  type Random,
} from '../protocol/index.ts'
import { openStore, type Store, StoreError } from '../store/index.ts'
import { ChainRefusal, momentOf, opgOf } from './chainRefusals.ts'
import { type ChainSession, senderOf } from './chainSession.ts'
import { NodeError } from './errors.ts'
import type { Home } from './home.ts'
import type { NodeLogger } from './logger.ts'
import { openWalletStore } from './walletStore.ts'

/** A channel as chain and own books have it. */
export interface ChannelView {
  readonly id: Digest
  readonly config: ChannelConfig
  readonly state: ChannelState
  /** Wei in it that no claim has taken. */
  readonly unclaimed: bigint
  /** Where a withdrawal is open. */
  readonly withdrawal: { readonly amount: bigint; readonly finalizableAt: number } | undefined
  /** What this home authorized and was charged, where it knows the channel. */
  readonly book: ChannelBook | undefined
}

/** R23: what follows from payer, key and provider, so that a lost database finds its channels again. Throws ChainError. */
export async function channelWith(
  { chain, network }: Pick<ChainSession, 'chain' | 'network'>,
  {
    payer,
    authorizer,
    provider,
  }: { readonly payer: Address; readonly authorizer: Address; readonly provider: Address },
): Promise<ChannelConfig> {
  return {
    payer,
    payerAuthorizer: authorizer,
    receiver: await createSplitterLookup(chain)(provider),
    receiverAuthorizer: provider,
    token: network.contracts.opg,
    withdrawDelay: parametersOf(network.profile).withdrawDelay / 1_000,
    salt: network.networkId,
  }
}

const idIn = ({ chainId, contracts }: ChainSession['network'], config: ChannelConfig): Digest =>
  channelIdOf(createChannelDomain(chainId, contracts.paymentChannels), config)

/** The channels in the books of a home. Throws NodeError `node-running | wallet-busy`, StoreError, WireError. */
export async function readBooks(
  home: Home,
  side: 'payer' | 'payee',
  logger: NodeLogger,
): Promise<readonly ChannelBook[]> {
  const store = await (side === 'payer' ? openWalletStore(home, { clock: Date.now, logger }) : openBooks(home, logger))
  try {
    return await readChannelBooks(store, side)
  } finally {
    await store.close()
  }
}

async function openBooks(home: Home, logger: NodeLogger): Promise<Store> {
  return await openStore(home.db, { clock: Date.now, logger }).catch((thrown: unknown) => {
    if (!(thrown instanceof StoreError) || thrown.code !== 'store-locked') throw thrown
    const message = `expected no node on ${home.directory}, its books are open in another process`
    throw new NodeError({ code: 'node-running', home: home.directory, pid: undefined }, message, { cause: thrown })
  })
}

/** Throws ChainError. */
export async function viewChannel(
  { chain, network }: Pick<ChainSession, 'chain' | 'network'>,
  config: ChannelConfig,
  books: readonly ChannelBook[] = [],
): Promise<ChannelView> {
  const id = idIn(network, config)
  const { block: _, ...state } = await readChannel(chain, id, 'latest')
  const { pendingWithdrawal } = state
  return {
    ...{ id, config, state, unclaimed: state.balance - state.totalClaimed },
    withdrawal:
      pendingWithdrawal === undefined
        ? undefined
        : { amount: pendingWithdrawal.amount, finalizableAt: pendingWithdrawal.initiatedAt + config.withdrawDelay },
    book: books.find(({ account }) => account.id === id),
  }
}

/**
 * Whether the policy lets a channel be given `amount`. Throws SpendingError `asset-refused | over-deposit-budget`,
 * ChainError.
 */
export async function assertDeposit(
  session: Pick<ChainSession, 'chain' | 'network'>,
  payments: PaymentsConfig,
  { config, amount }: { readonly config: ChannelConfig; readonly amount: bigint },
  books: readonly ChannelBook[],
): Promise<void> {
  const budget = budgetOf(spendingPolicyOf(payments, session.network.contracts.opg), config.token)
  if (!budget.ok) throw budget.error
  const { state, unclaimed, book } = await viewChannel(session, config, books)
  const held = book === undefined ? unclaimed : state.balance - book.account.charged
  const checked = checkDeposit(budget.value, least(held, unclaimed), amount)
  if (!checked.ok) throw checked.error
}

/**
 * Deposits with the wallet's own gas. Throws ChainRefusal `insufficient-funds | withdrawal-open`, ChainError.
 */
export async function depositOwn(
  session: ChainSession,
  { account, random }: { readonly account: LocalAccount; readonly random: Random },
  config: ChannelConfig,
  amount: bigint,
): Promise<Inclusion> {
  const { withdrawal } = await viewChannel(session, config)
  if (withdrawal !== undefined) throw openWithdrawal(withdrawal)
  const held = await opgHeldBy(session, config.payer)
  if (held < amount) {
    throw new ChainRefusal(
      { code: 'insufficient-funds', expected: opgOf(amount), got: opgOf(held) },
      `expected the wallet to hold ${opgOf(amount)}, it holds ${opgOf(held)}`,
    )
  }
  const wallet = createDepositWallet({ account, chain: session.chain, random })
  const authorization = await wallet.authorize(config, amount)
  return await session.send(depositCallOf(session.network.contracts, { config, amount, authorization }))
}

const opgHeldBy = ({ chain, network }: { chain: ChainClient; network: ChainSession['network'] }, owner: Address) =>
  chain.query((client) =>
    readContract(client, {
      ...{ address: network.contracts.opg, abi: erc20Abi, functionName: 'balanceOf', args: [owner] },
    }),
  )

/**
 * Starts the timed exit of `amount`, all that is not claimed when left out. Throws ChainRefusal `withdrawal-open |
 * nothing-to-withdraw | insufficient-funds | not-payer`, ChainError.
 */
export async function startWithdrawal(
  session: ChainSession,
  config: ChannelConfig,
  amount?: bigint,
): Promise<Inclusion & { readonly amount: bigint; readonly finalizableAt: number }> {
  assertPayer(session, config)
  const { withdrawal, unclaimed } = await viewChannel(session, config)
  if (withdrawal !== undefined) throw openWithdrawal(withdrawal)
  if (unclaimed === 0n) {
    throw new ChainRefusal(
      { code: 'nothing-to-withdraw', expected: 'more than 0 OPG that no claim has taken', got: '0 OPG' },
      'the channel holds nothing that the provider has not claimed',
    )
  }
  const asked = amount ?? unclaimed
  if (asked > unclaimed) {
    throw new ChainRefusal(
      { code: 'insufficient-funds', expected: `at most ${opgOf(unclaimed)}`, got: opgOf(asked) },
      `expected at most ${opgOf(unclaimed)}, which no claim has taken, got ${opgOf(asked)}`,
    )
  }
  const inclusion = await session.send(initiateWithdrawCall(session.network.contracts, config, asked))
  const opened = (await viewChannel(session, config)).withdrawal
  return { ...inclusion, amount: asked, finalizableAt: opened?.finalizableAt ?? 0 }
}

/**
 * Ends a withdrawal whose delay is over; pays what is not claimed by now. Throws ChainRefusal `no-withdrawal |
 * withdrawal-open | not-payer`, ChainError.
 */
export async function finalizeWithdrawal(
  session: ChainSession,
  config: ChannelConfig,
): Promise<Inclusion & { readonly amount: bigint }> {
  assertPayer(session, config)
  const { withdrawal, unclaimed } = await viewChannel(session, config)
  if (withdrawal === undefined) {
    throw new ChainRefusal(
      { code: 'no-withdrawal', expected: 'a withdrawal', got: 'none', hint: 'opg channel withdraw starts one' },
      'no withdrawal of this channel is open',
    )
  }
  if (session.chain.chainNow() < withdrawal.finalizableAt * 1_000) throw openWithdrawal(withdrawal)
  const inclusion = await session.send(finalizeWithdrawCall(session.network.contracts, config))
  return { ...inclusion, amount: least(withdrawal.amount, unclaimed) }
}

const least = (left: bigint, right: bigint): bigint => [left, right].toSorted((a, b) => (a < b ? -1 : 1))[0] ?? left

/** The contract lets payer and voucher key withdraw. */
function assertPayer(session: ChainSession, { payer, payerAuthorizer }: ChannelConfig): void {
  const sender = senderOf(session)
  if (sender === payer || sender === payerAuthorizer) return
  throw new ChainRefusal(
    { code: 'not-payer', expected: payer, got: sender, hint: 'give the payer’s wallet by --wallet' },
    `expected the wallet of ${payer}, whose channel it is, got ${sender}`,
  )
}

const openWithdrawal = ({ amount, finalizableAt }: { readonly amount: bigint; readonly finalizableAt: number }) =>
  new ChainRefusal(
    { code: 'withdrawal-open', finalizableAt, hint: 'opg channel finalize ends it' },
    `a withdrawal of ${opgOf(amount)} is open; it can be finalized from ${momentOf(finalizableAt)} on`,
  )
