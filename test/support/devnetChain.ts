import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalAccount } from 'viem'
import { type Anvil, removeChain } from '../../devnet/chain.ts'
import { accountOf, type DevnetOperator, devnetOperators, startDevnetChain } from '../../devnet/deploy.ts'
import {
  type ChainClient,
  type ChainComponents,
  type ChainInit,
  createChainClient,
  type NetworkFile,
} from '../../src/chain/index.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import {
  type Address,
  allBits,
  BATCH,
  type Batch,
  createDomain,
  type Digest,
  digestOf,
  type Signature,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'

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
  client(components?: Partial<ChainComponents>, init?: Partial<ChainInit>): ChainClient
  readonly faults: Error[]
  /** Stops every client it made, the chain, and removes its files. */
  stop(): Promise<void>
}

export interface TestChainCounts {
  readonly verifier?: number
  readonly provider?: number
  readonly settler?: number
}

/** A batch without leaves on top of the last, by the first settler, signed by every signer of the present epoch. */
export async function signedBatch(
  chain: TestChain,
  client: ChainClient,
  changes: Partial<Batch> = {},
): Promise<{
  readonly batch: Batch
  readonly digest: Digest
  readonly bitmap: bigint
  readonly signatures: Signature[]
}> {
  const last = await client.lastBatch()
  const epoch = client.epochAt(client.head().timestamp)
  const batch: Batch = {
    number: last.number + 1,
    previous: last.digest,
    epoch,
    settler: chain.of('settler')[0]!.operator.address.toLowerCase() as Address,
    checkpointsRoot: ZERO_DIGEST,
    leaves: 0,
    votesRoot: ZERO_DIGEST,
    auditsRoot: ZERO_DIGEST,
    auditOf: 0,
    jobs: 0,
    rejected: 0,
    acceptedFee: 0n,
    mac: 0n,
    data: ZERO_DIGEST,
    cutoff: client.head().timestamp,
    ...changes,
  }
  const { chainId, contracts, networkId } = chain.network
  const digest = digestOf(createDomain(chainId, contracts.stakeManager, networkId), BATCH, batch)
  const signers = (await client.signingSet(batch.epoch))?.signers ?? []
  const accounts = new Map(chain.operators.map(({ operator }) => [operator.address.toLowerCase(), operator]))
  const signatures = await Promise.all(signers.map(({ operator }) => accounts.get(operator)!.sign!({ hash: digest })))
  return { batch, digest, bitmap: allBits(signers.length), signatures }
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
    client(components = {}, init = {}) {
      const client = createChainClient(
        { clock: Date.now, onFault: (fault) => faults.push(fault), ...components },
        { network, rpc: [anvil.url], ...init },
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
