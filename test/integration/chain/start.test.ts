import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Anvil, removeChain, startAnvil } from '../../../devnet/chain.ts'
import { type ChainClient, isChainError, type NetworkFile } from '../../../src/chain/index.ts'
import { createRpc } from '../../../src/chain/rpc.ts'
import { StakeReader } from '../../../src/chain/stakes.ts'
import type { Digest } from '../../../src/protocol/index.ts'
import { startTestChain, type TestChain } from '../../support/devnetChain.ts'

const codeOf = async (promise: Promise<unknown>): Promise<string | undefined> => {
  try {
    await promise
    return undefined
  } catch (error) {
    if (isChainError(error)) return error.code
    throw error
  }
}

describe('a client of the chain', () => {
  let chain: TestChain
  let other: { anvil: Anvil; directory: string }
  let client: ChainClient

  const refused = (
    network: Partial<NetworkFile>,
    rpc: readonly string[] = [chain.anvil.url],
  ): Promise<string | undefined> => codeOf(chain.client({}, { network: { ...chain.network, ...network }, rpc }).start())

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'opg-other-'))
    const [started, anvil] = await Promise.all([
      startTestChain({ verifier: 5, provider: 3, settler: 2 }),
      startAnvil({ directory }),
    ])
    chain = started
    other = { anvil, directory }
    client = chain.client()
    await client.start()
  })

  afterAll(async () => {
    await chain.stop()
    await other.anvil.stop()
    await removeChain(other.directory)
  })

  it('says that it is not started', () => {
    expect(() => chain.client().head()).toThrowError(expect.objectContaining({ code: 'not-started' }))
  })

  it('refuses another chain id (R2)', async () => {
    expect(await refused({ chainId: 84532 })).toBe('foreign-chain-id')
  })

  it('refuses another network id, and a chain without the contracts (R2)', async () => {
    const networkId: Digest = `0x${'ab'.repeat(32)}`
    expect(await refused({ networkId })).toBe('foreign-network-id')
    expect(await refused({}, [other.anvil.url])).toBe('foreign-network-id')
  })

  it('refuses a file whose contracts or epochs are not the deployed ones (R2)', async () => {
    const { contracts } = chain.network
    expect(await refused({ contracts: { ...contracts, opg: contracts.committee } })).toBe('foreign-network-id')
    expect(await refused({ contracts: { ...contracts, batchAnchor: contracts.opg } })).toBe('foreign-network-id')
    expect(await refused({ epochSeconds: 61 })).toBe('foreign-network-id')
    expect(await refused({ deploymentBlock: chain.network.deploymentBlock - 1 })).toBe('foreign-network-id')
  })

  it('refuses production on a local chain (R2)', async () => {
    expect(await refused({ profile: 'production' })).toBe('profile-mismatch')
  })

  it('refuses an endpoint that does not answer, and names no path of it', async () => {
    const secret = 'key-that-nobody-should-read'
    const stranger = chain.client({}, { rpc: [`http://127.0.0.1:1/${secret}`] })
    const error = await stranger.start().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ detail: { code: 'rpc-unreachable', endpoints: ['127.0.0.1:1'] } })
    expect(String((error as Error).stack) + String((error as Error).cause)).not.toContain(secret)
  })

  it('refuses two endpoints that tell different chains (R7)', async () => {
    await other.anvil.client.mine({ blocks: 20 })
    expect(await refused({}, [chain.anvil.url, other.anvil.url])).toBe('rpc-disagreement')
    const twice = chain.client({}, { rpc: [chain.anvil.url, chain.anvil.url.replace('127.0.0.1', 'localhost')] })
    await twice.start()
    expect(twice.head().number).toBeGreaterThan(0)
  })

  it('follows the head in step with the wall clock', async () => {
    const from = client.head()
    const seen: number[] = []
    const stop = client.onBlock((block) => seen.push(block.number))
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 50))
    stop()
    expect(seen.slice(0, 2)).toEqual([from.number + 1, from.number + 2])
    while (Math.abs(Date.now() - client.chainNow()) >= 3_000) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(client.safe().number).toBeLessThan(client.head().number)
    expect(client.finalized().number).toBeLessThan(client.safe().number)
  })

  it('finds blocks by time and draws the epoch seed from them (R13)', async () => {
    const epoch = client.epochAt()
    expect(epoch).toBe(2)
    const seedFrom = client.epochStart(epoch) + 4_000
    const seed = await client.seedBlock(epoch)
    if (seed === undefined) throw new Error('expected a seed block')
    expect(seed.timestamp).toBeGreaterThanOrEqual(seedFrom)
    const before = await client.blockByNumber(seed.number - 1)
    expect(before?.timestamp).toBeLessThan(seedFrom)
    expect(await client.epochSeed(epoch)).toBe(seed.hash)
    expect(await client.epochSeed(epoch + 1)).toBeUndefined()
    const last = await client.blockAtTime(seed.timestamp)
    expect(last?.timestamp).toBe(seed.timestamp)
    expect((await client.blockByNumber((last?.number ?? 0) + 1))?.timestamp).not.toBe(seed.timestamp)
    expect(await client.blockAtTime(seed.timestamp - 1)).toEqual(before)
    expect(await client.blockAtTime(chain.network.genesisTimestamp * 1_000 - 1)).toBeUndefined()
    const born = await client.blockAtTime(chain.network.genesisTimestamp * 1_000)
    expect(born?.timestamp).toBe(chain.network.genesisTimestamp * 1_000)
    expect(await client.blockByNumber(client.head().number + 1_000)).toBeUndefined()
  })

  it('reads matured stakes by role, the same from the contract and from its logs', async () => {
    const epoch = client.epochAt()
    const [verifiers, providers, settlers] = await Promise.all([
      client.verifiers(epoch),
      client.providers(epoch),
      client.settlers(epoch),
    ])
    const expected = chain.of('verifier').map(({ operator, owner }) => ({
      operator: operator.address.toLowerCase(),
      owner: owner.address.toLowerCase(),
      weight: 10_000n * 10n ** 18n,
    }))
    expect(verifiers).toEqual(expected.sort((left, right) => (left.operator < right.operator ? -1 : 1)))
    expect(providers?.map(({ weight }) => weight)).toEqual([50_000n, 50_000n, 50_000n].map((opg) => opg * 10n ** 18n))
    expect(settlers).toHaveLength(2)
    expect(await client.verifiers(epoch + 1)).toBeUndefined()

    const seed = await client.seedBlock(epoch)
    const reader = new StakeReader(createRpc([chain.anvil.url]), chain.network)
    for (const role of ['verifier', 'provider', 'settler'] as const) {
      expect(await reader.fromLogs(role, epoch, seed!)).toEqual(await reader.fromView(role, seed!))
    }
    const operator = verifiers![0]!.operator
    expect(await client.maturedStake(operator, 'verifier', epoch)).toBe(10_000n * 10n ** 18n)
    expect(await client.maturedStake(operator, 'provider', epoch)).toBe(0n)
    expect(await client.maturedStake(operator, 'verifier', 0)).toBe(0n)
  })

  it('reads the snapshot of the committee (R13)', async () => {
    const epoch = client.epochAt()
    const set = await client.signingSet(epoch)
    expect(set?.openedIn).toBe(epoch)
    expect(set?.signers.map(({ seat }) => seat)).toEqual([0, 1, 2, 3, 4])
    expect(set?.jury).toEqual(set?.signers)
    expect(new Set(set?.signers.map(({ operator }) => operator))).toEqual(
      new Set(chain.of('verifier').map(({ operator }) => operator.address.toLowerCase())),
    )
    expect(await client.signingSet(epoch + 4)).toBeUndefined()
    expect((await client.signingSet(epoch + 3))?.openedIn).toBe(epoch)
  })

  it('only reads without an account', async () => {
    expect(await client.isOpen(client.epochAt())).toBe(true)
    const opened = await client.ensureOpened(client.epochAt())
    expect(opened.ok ? undefined : opened.error.code).toBe('no-signer')
  })
})
