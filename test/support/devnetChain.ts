import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalAccount } from 'viem'
import { type Anvil, removeChain } from '../../devnet/chain.ts'
import { accountOf, type DevnetOperator, devnetOperators, startDevnetChain } from '../../devnet/deploy.ts'
import { type ChainClient, type ChainComponents, createChainClient, type NetworkFile } from '../../src/chain/index.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'

export const DEVNET_SEED = 'test'

export interface TestChain {
  readonly anvil: Anvil
  readonly network: NetworkFile
  /** Verifiers, then providers, then settlers, in the order of their keys. */
  readonly operators: readonly DevnetOperator[]
  /** Pays for gas without being an operator. */
  readonly payer: LocalAccount
  of(role: 'verifier' | 'provider' | 'settler'): readonly DevnetOperator[]
  /** A client of this chain, not started; faults are collected in `faults`. */
  client(components?: Partial<ChainComponents>): ChainClient
  readonly faults: Error[]
  /** Stops every client it made, the chain, and removes its files. */
  stop(): Promise<void>
}

export interface TestChainCounts {
  readonly verifier?: number
  readonly provider?: number
  readonly settler?: number
}

/** A chain of its own, on a port of its own, with matured stakes and an opened committee. Call `stop` in `afterAll`. */
export async function startTestChain(
  counts: TestChainCounts = { verifier: 4, provider: 2, settler: 2 },
): Promise<TestChain> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-chain-'))
  const key = (role: string, index: number): Uint8Array => devnetPrivateKey(DEVNET_SEED, role, index)
  const operators = devnetOperators(key, counts)
  const payer = accountOf(key('payer', 0))
  const { anvil, network } = await startDevnetChain({
    directory,
    operators,
    deployer: accountOf(key('deployer', 0)),
    funded: [payer.address.toLowerCase() as `0x${string}`],
  })
  const clients: ChainClient[] = []
  const faults: Error[] = []
  return {
    anvil,
    network,
    operators,
    payer,
    faults,
    of: (role) => operators.filter(({ roles }) => roles.includes(role)),
    client(components = {}) {
      const client = createChainClient(
        { clock: Date.now, onFault: (fault) => faults.push(fault), ...components },
        { network, rpc: [anvil.url] },
      )
      clients.push(client)
      return client
    },
    async stop() {
      await Promise.all(clients.map((client) => client.stop()))
      await anvil.stop()
      await removeChain(directory)
    },
  }
}
