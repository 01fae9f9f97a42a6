import { randomBytes } from 'node:crypto'
import {
  createConfig,
  createHome,
  nodeSecp256k1,
  type RoleOfNode,
  readNetwork,
  writeOperatorKey,
} from '../../node/index.ts'
import { createSigner, toChecksumAddress } from '../../protocol/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { renderFacts } from '../render/table.ts'

export interface InitOptions {
  readonly home?: string
  readonly network: string
  readonly role?: readonly RoleOfNode[]
  readonly rpc?: readonly string[]
}

/** `opg init`: a home with a configuration, a network file and a new operator key. */
export async function init(options: InitOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const network = await readNetwork(options.network)
  const { role, rpc } = options
  const config = {
    ...(role === undefined ? {} : { roles: [...role] }),
    ...(rpc === undefined ? {} : { rpc: [...rpc] }),
  }
  const { key } = createConfig(config)
  const crypto = nodeSecp256k1()
  const privateKey = new Uint8Array(randomBytes(32))
  await createHome(home, { network, config })
  await writeOperatorKey(home, { network, key, privateKey, devnet: false }, crypto, context.environment)
  const operator = toChecksumAddress(createSigner(crypto, privateKey).address)
  return {
    text: renderFacts([
      ['home', home.directory],
      ['network', `${network.name} ${network.networkId}`],
      ['operator', operator],
      ['key', home.path(key)],
    ]),
    json: { home: home.directory, network: network.name, networkId: network.networkId, operator, key: home.path(key) },
  }
}
