import { randomBytes } from 'node:crypto'
import {
  nodeSecp256k1,
  openWallet,
  opgOf,
  readHoldings,
  readHome,
  WALLET_FILE,
  withChainSession,
  writeWallet,
} from '../../node/index.ts'
import { type Address, toChecksumAddress } from '../../protocol/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { renderFacts } from '../render/table.ts'
import type { ChainOptions } from '../session.ts'

/** `opg wallet create`: a new key file in the home. */
export async function walletCreate(options: ChainOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const { network } = await readHome(home)
  const init = { network, privateKey: new Uint8Array(randomBytes(32)), devnet: false }
  const address = toChecksumAddress(await writeWallet(home, init, nodeSecp256k1(), context.environment))
  const file = home.path(WALLET_FILE)
  return {
    text: renderFacts([
      ['wallet', address],
      ['key', file],
      ['next', 'send it OPG to stake and a little ether for gas'],
    ]),
    json: { address, file },
  }
}

/** `opg wallet show`. */
export async function walletShow(options: ChainOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const { config, network } = await readHome(home)
  const path = options.wallet ?? home.path(WALLET_FILE)
  const account = await openWallet(path, network, nodeSecp256k1(), context.environment)
  return await withChainSession({ network, rpc: config.rpc }, async (session) => {
    const holds = await readHoldings(session, account.address.toLowerCase() as Address)
    const delegate = holds.delegate === undefined ? undefined : toChecksumAddress(holds.delegate)
    return {
      text: renderFacts([
        ['wallet', toChecksumAddress(holds.address)],
        ['key', path],
        ['holds', opgOf(holds.opg)],
        ['for gas', `${opgOf(holds.ether).replace(' OPG', '')} ETH`],
        ['votes', `${opgOf(holds.votes.held + holds.votes.staked)}, of them ${opgOf(holds.votes.staked)} staked`],
        ['tokens vote by', delegate ?? 'nobody: opg gov delegate'],
      ]),
      json: {
        address: toChecksumAddress(holds.address),
        file: path,
        opg: `${holds.opg}`,
        ether: `${holds.ether}`,
        votes: { held: `${holds.votes.held}`, staked: `${holds.votes.staked}` },
        delegate: delegate ?? null,
      },
    }
  })
}
