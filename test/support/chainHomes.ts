import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeFunctionData, erc20Abi, type Hex, type LocalAccount } from 'viem'
import { accountOf } from '../../devnet/deploy.ts'
import { runProgram } from '../../src/cli/index.ts'
import {
  createHome,
  devnetPrivateKey,
  homeAt,
  nodeSecp256k1,
  writeOperatorKey,
  writeWallet,
} from '../../src/node/index.ts'
import type { Address } from '../../src/protocol/index.ts'
import { DEVNET_SEED, type TestChain } from './devnetChain.ts'
import type { OpgRun } from './opg.ts'

const ETHER = 10n ** 18n

/** A home on a test chain, and whom its keys belong to. */
export interface ChainHome {
  readonly directory: string
  readonly operator: LocalAccount
  readonly owner: LocalAccount
}

/** Homes on one chain, the money of its deployer, and its clock. */
export interface ChainHomes {
  readonly directory: string
  /** A home with an operator key and, unless `wallet` is false, a wallet; both follow from the name, or from `owner`. */
  home(name: string, options?: { readonly wallet?: boolean; readonly owner?: string }): Promise<ChainHome>
  /** Ether for gas and `opg` wei of OPG. */
  fund(address: Address, opg?: bigint): Promise<void>
  /** A transaction from one of the chain's accounts; throws when it fails. */
  transact(from: LocalAccount, to: Address, data: Hex): Promise<void>
  /** Moves the chain's clock to `second`, unless it is past, and makes a block. */
  reach(second: number): Promise<void>
  now(): Promise<number>
  stop(): Promise<void>
}

/** Takes over the chain's clock: from now on a block comes with each transaction, and time passes as told. */
export async function chainHomes(chain: TestChain): Promise<ChainHomes> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-homes-'))
  const { client } = chain.anvil
  const { contracts } = chain.network
  const deployer = accountOf(devnetPrivateKey(DEVNET_SEED, 'deployer', 0))
  await client.setIntervalMining({ interval: 0 })
  await client.setAutomine(true)
  const now = async (): Promise<number> => Number((await client.getBlock()).timestamp)
  const transact = async (from: LocalAccount, to: Address, data: Hex): Promise<void> => {
    const hash = await client.sendTransaction({ account: from, to, data })
    const { status } = await client.waitForTransactionReceipt({ hash })
    if (status !== 'success') throw new Error(`expected ${hash} to succeed`)
  }
  return {
    directory,
    now,
    transact,
    async home(name, { wallet = true, owner: role = `${name}-owner` } = {}) {
      const home = homeAt(join(directory, name))
      const operator = devnetPrivateKey(DEVNET_SEED, name, 0)
      const owner = devnetPrivateKey(DEVNET_SEED, role, 0)
      const init = { network: chain.network, devnet: true } as const
      await createHome(home, { network: chain.network, config: { rpc: [chain.anvil.url], listen: [] } })
      await writeOperatorKey(home, { ...init, key: 'keys/operator.json', privateKey: operator }, nodeSecp256k1(), {})
      if (wallet) await writeWallet(home, { ...init, privateKey: owner }, nodeSecp256k1(), {})
      return { directory: home.directory, operator: accountOf(operator), owner: accountOf(owner) }
    },
    async fund(address, opg = 0n) {
      await client.setBalance({ address, value: ETHER })
      if (opg === 0n) return
      await transact(
        deployer,
        contracts.opg,
        encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [address, opg] }),
      )
    },
    async reach(second) {
      if ((await now()) >= second) return
      await chain.anvil.setTime(second)
      await client.mine({ blocks: 1 })
    },
    stop: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Runs a command line in this process, as `bin/opg.js` runs it in its own. */
export async function opgHere(args: readonly string[], home: string): Promise<OpgRun> {
  const [out, err]: [string[], string[]] = [[], []]
  const terminal = {
    environment: { HOME: home },
    workingDirectory: home,
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
  }
  const exit = await runProgram(['node', 'opg', ...args, '--home', home], {}, terminal, new AbortController().signal)
  const stdout = out.join('')
  const last = stdout.trim().split('\n').at(-1) ?? ''
  return { exit, stdout, stderr: err.join(''), json: last.startsWith('{') ? JSON.parse(last) : {} }
}
