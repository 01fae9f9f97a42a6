import {
  type ChainSession,
  createClient,
  createLogger,
  type Home,
  type LogLevel,
  nodeSecp256k1,
  type OpenedHome,
  type OpgNode,
  openWallet,
  readHome,
  readOperatorKey,
  WALLET_FILE,
  withChainSession,
} from '../node/index.ts'
import { createSigner, type Signer } from '../protocol/index.ts'
import { type CliContext, locateHome } from './context.ts'
import { interrupted } from './errors.ts'

/** Runs an errand with a requester of the home that lives as long as the errand. */
export async function withClient<T>(
  home: Home,
  context: CliContext,
  options: { readonly logLevel?: LogLevel; readonly pays?: boolean },
  errand: (node: OpgNode) => Promise<T>,
): Promise<T> {
  const logger = createLogger(options.logLevel ?? 'fatal')
  const node = await createClient(home, { logger, environment: context.environment }, { pays: options.pays ?? true })
  try {
    await node.start()
    if (context.signal.aborted) throw interrupted()
    return await errand(node)
  } finally {
    await node.stop()
  }
}

export interface ChainOptions {
  readonly home?: string
  readonly wallet?: string
}

/** A home, opened, with the address of its operator at hand. */
export interface OwnHome extends OpenedHome {
  readonly home: Home
  /** Unlocks the operator's key. Throws KeystoreError. */
  operator(): Promise<Signer>
}

async function openHome(options: ChainOptions, context: CliContext): Promise<OwnHome> {
  const home = locateHome(options.home, context)
  const opened = await readHome(home)
  const crypto = nodeSecp256k1()
  return {
    ...opened,
    home,
    operator: async () => createSigner(crypto, await readOperatorKey(home, opened, crypto, context.environment)),
  }
}

/** Reads the chain of a home. */
export async function withReader<T>(
  options: ChainOptions,
  context: CliContext,
  errand: (session: ChainSession, own: OwnHome) => Promise<T>,
): Promise<T> {
  const own = await openHome(options, context)
  return await withChainSession({ network: own.network, rpc: own.config.rpc }, (session) => errand(session, own))
}

/** Sends from the wallet of a home, or the one that is named. */
export async function withSender<T>(
  options: ChainOptions,
  context: CliContext,
  errand: (session: ChainSession, own: OwnHome) => Promise<T>,
): Promise<T> {
  const own = await openHome(options, context)
  const path = options.wallet ?? own.home.path(WALLET_FILE)
  const account = await openWallet(path, own.network, nodeSecp256k1(), context.environment)
  return await withChainSession({ network: own.network, rpc: own.config.rpc, account }, (session) =>
    errand(session, own),
  )
}
