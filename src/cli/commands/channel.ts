import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import {
  askControl,
  assertDeposit,
  type ChainSession,
  type ChannelView,
  channelWith,
  createLogger,
  depositOwn,
  depositThroughProvider,
  finalizeWithdrawal,
  gatherOffers,
  isNodeError,
  momentOf,
  nodePorts,
  nodeSecp256k1,
  openWallet,
  opgOf,
  readBooks,
  readClaimFiles,
  refundThroughProvider,
  signClaimFiles,
  startWithdrawal,
  viewChannel,
  WALLET_FILE,
  watchClaims,
} from '../../node/index.ts'
import type { Address, ChannelConfig } from '../../protocol/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { interrupted } from '../errors.ts'
import { channelJson, renderChannel, renderChannels } from '../render/channel.ts'
import { renderFacts } from '../render/table.ts'
import { type ChainOptions, type OwnHome, withClient, withReader, withSender } from '../session.ts'

/** The offer of a provider that is there comes within this time, ms. */
const OFFER_WAIT_MS = 10_000

const booksOf = (own: OwnHome) => readBooks(own.home, 'payer', createLogger('fatal'))

/** Books help where they can be read; a process that pays from the home's wallet has them. */
async function booksIfFree(own: OwnHome) {
  try {
    return await booksOf(own)
  } catch (error) {
    if (isNodeError(error, 'wallet-busy')) return []
    throw error
  }
}

/** `opg channel list`. */
export const channelList = (options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withReader(options, context, async (session, own) => {
    const books = await booksOf(own)
    const views: ChannelView[] = []
    for (const { account } of books) views.push(await viewChannel(session, account.config, books))
    return { text: renderChannels(views), json: { channels: views.map(channelJson) } }
  })

interface OwnChannel {
  readonly session: ChainSession
  readonly own: OwnHome
  readonly config: ChannelConfig
}

/** The channel of wallet, operator key and provider: who they are names it. */
const withChannel = <T>(
  provider: Address,
  options: ChainOptions,
  context: CliContext,
  errand: (channel: OwnChannel) => Promise<T>,
): Promise<T> =>
  withSender(options, context, async (session, own) => {
    const { address: authorizer } = await own.operator()
    const payer = session.account ?? authorizer
    return await errand({ session, own, config: await channelWith(session, { payer, authorizer, provider }) })
  })

const walletOf = (options: ChainOptions, own: OwnHome, context: CliContext) =>
  openWallet(options.wallet ?? own.home.path(WALLET_FILE), own.network, nodeSecp256k1(), context.environment)

/** `opg channel show`. */
export const channelShow = (provider: Address, options: ChainOptions, context: CliContext): Promise<CommandResult> =>
  withChannel(provider, options, context, async ({ session, own, config }) => {
    const view = await viewChannel(session, config, await booksIfFree(own))
    return { text: renderChannel(view), json: channelJson(view) }
  })

/** `opg channel open` and `opg channel top-up`: by the provider, who pays the gas, or with `--self` by the wallet. */
export const channelDeposit = (
  provider: Address,
  amount: bigint,
  options: ChainOptions & { readonly self: boolean },
  context: CliContext,
): Promise<CommandResult> =>
  withChannel(provider, options, context, async ({ session, own, config }) => {
    const account = await walletOf(options, own, context)
    const books = await booksIfFree(own)
    await assertDeposit(session, own.config.payments, { config, amount }, books)
    if (options.self) {
      const random = nodePorts().random
      const { transaction } = await depositOwn(session, { account, random }, config, amount)
      return await reported(session, own, config, `deposited ${opgOf(amount)}`, { transaction, amount: `${amount}` })
    }
    const owner = { account, key: await own.operator(), books }
    const settled = await withClient(own.home, context, {}, async (node) => {
      await gatherOffers(node, { waitMs: OFFER_WAIT_MS, quietMs: 500, signal: context.signal })
      return await depositThroughProvider(node, owner, config, amount)
    })
    return await reported(session, own, config, `deposited ${opgOf(amount)} through the provider`, {
      transaction: settled.transaction ?? null,
      amount: `${amount}`,
    })
  })

/** `opg channel refund`: cooperative, at once. */
export const channelRefund = (
  provider: Address,
  options: ChainOptions & { readonly amount?: bigint },
  context: CliContext,
): Promise<CommandResult> =>
  withChannel(provider, options, context, async ({ session, own, config }) => {
    const owner = { key: await own.operator(), books: await booksIfFree(own) }
    const settled = await withClient(own.home, context, {}, async (node) => {
      await gatherOffers(node, { waitMs: OFFER_WAIT_MS, quietMs: 500, signal: context.signal })
      return await refundThroughProvider(node, owner, config, options.amount)
    })
    const amount = settled.amount === undefined ? '' : ` ${opgOf(settled.amount)}`
    return await reported(session, own, config, `the provider paid back${amount}`, {
      transaction: settled.transaction ?? null,
      amount: settled.amount === undefined ? null : `${settled.amount}`,
    })
  })

/** `opg channel withdraw`: the timed exit, which needs no provider. */
export const channelWithdraw = (
  provider: Address,
  options: ChainOptions & { readonly amount?: bigint },
  context: CliContext,
): Promise<CommandResult> =>
  withChannel(provider, options, context, async ({ session, own, config }) => {
    const { transaction, amount, finalizableAt } = await startWithdrawal(session, config, options.amount)
    const done = `a withdrawal of ${opgOf(amount)} was started; opg channel finalize pays from ${momentOf(finalizableAt)} on`
    return await reported(session, own, config, done, { transaction, amount: `${amount}`, finalizableAt })
  })

/** `opg channel finalize`. */
export const channelFinalize = (
  provider: Address,
  options: ChainOptions,
  context: CliContext,
): Promise<CommandResult> =>
  withChannel(provider, options, context, async ({ session, own, config }) => {
    const { transaction, amount } = await finalizeWithdrawal(session, config)
    return await reported(session, own, config, `paid ${opgOf(amount)} to the payer`, {
      transaction,
      amount: `${amount}`,
    })
  })

async function reported(
  session: ChainSession,
  own: OwnHome,
  config: ChannelConfig,
  done: string,
  json: CommandResult['json'],
): Promise<CommandResult> {
  const view = await viewChannel(session, config, await booksIfFree(own))
  return {
    text: `${renderFacts([['done', done]])}\n\n${renderChannel(view)}`,
    json: { ...json, state: channelJson(view) },
  }
}

/** `opg channel watch`: needs no key of the provider, only gas. */
export const channelWatch = (
  files: readonly string[],
  options: ChainOptions & { readonly now: boolean },
  context: CliContext,
): Promise<CommandResult> =>
  withSender(options, context, async (session) => {
    const batches = await readClaimFiles(session, files)
    const rows = batches.reduce((total, batch) => total + batch.rows.length, 0)
    const claims: { readonly transaction: string; readonly rows: number }[] = []
    if (!options.now) context.note(`watching ${rows} channels until it is told to stop`)
    await watchClaims(session, batches, {
      logger: createLogger('warn'),
      now: options.now,
      signal: context.signal,
      onClaim: (transaction, count) => {
        claims.push({ transaction, rows: count })
        if (context.json && !options.now) context.result(JSON.stringify({ event: 'claimed', transaction, rows: count }))
        else context.note(`claimed ${count} rows in ${transaction}`)
      },
    })
    if (!options.now && context.signal.reason === 'SIGINT') throw interrupted()
    const text =
      claims.length === 0 ? 'nothing was left to claim' : claims.map(({ transaction }) => transaction).join('\n')
    return { text, json: { channels: rows, claims } }
  })

/** A claim waits for its block, and the distribution for its own, ms. */
const CLAIM_TIMEOUT_MS = 300_000

const filesOf = z.strictObject({ files: z.array(z.string()) })
const claimed = z.strictObject({
  rows: z.int(),
  claimed: z.string(),
  transaction: z.string().nullable(),
  distribution: z.string().nullable(),
})

/** `opg channel claim`: asks the provider that runs on the home. */
export async function channelClaim(options: ChainOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const round = claimed.parse(await askControl(home, 'POST', '/claim', CLAIM_TIMEOUT_MS))
  const { rows, transaction, distribution } = round
  return {
    text: renderFacts([
      ['claimed', `${opgOf(round.claimed)} of ${rows} channels`],
      ['transaction', transaction ?? 'none was needed'],
      ['distribution', distribution ?? 'nothing to pay out'],
    ]),
    json: { rows, claimed: round.claimed, transaction, distribution },
  }
}

/** `opg channel export`: from the provider that runs on the home, or from its books when none does. */
export const channelExport = (
  options: ChainOptions & { readonly out: string },
  context: CliContext,
): Promise<CommandResult> =>
  withReader(options, context, async (session, own) => {
    const files = await signedFiles(session, own)
    await mkdir(options.out, { recursive: true, mode: 0o700 })
    const written: string[] = []
    for (const [index, text] of files.entries()) {
      const path = join(options.out, `claims-${index + 1}.json`)
      // A file that is there keeps its mode when it is written over.
      await rm(path, { force: true })
      await writeFile(path, text, { mode: 0o600, flag: 'wx' })
      written.push(path)
    }
    const text = written.length === 0 ? 'nothing is claimable now' : written.join('\n')
    return { text, json: { files: written } }
  })

async function signedFiles(session: ChainSession, own: OwnHome): Promise<readonly string[]> {
  try {
    return filesOf.parse(await askControl(own.home, 'GET', '/claims')).files
  } catch (error) {
    if (!isNodeError(error, 'node-not-running')) throw error
  }
  const books = await readBooks(own.home, 'payee', createLogger('fatal'))
  return await signClaimFiles(session, await own.operator(), books)
}
