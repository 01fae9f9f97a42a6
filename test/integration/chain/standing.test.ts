import { domainSeparator, erc20Abi, getAddress, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEVNET_STANDING, DEVNET_USDC } from '../../../devnet/stage.ts'
import { CANONICAL } from '../../../src/chain/genesis.ts'
import { readEarnings } from '../../../src/chain/index.ts'
import type { Address } from '../../../src/protocol/index.ts'
import { startTestChain, type TestChain } from '../../support/devnetChain.ts'

const ABI = parseAbi([
  'function x402BatchSettlement() view returns (address)',
  'function PERMIT2() view returns (address)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function eip712Domain() view returns (bytes1, string, string, uint256, address, bytes32, uint256[])',
  'function getEthBalance(address account) view returns (uint256)',
])

describe('what stands on a devnet before its network is deployed', () => {
  let chain: TestChain

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 3, provider: 1 })
  })

  afterAll(() => chain.stop())

  const read = (address: Address, functionName: 'x402BatchSettlement' | 'PERMIT2' | 'DOMAIN_SEPARATOR') =>
    chain.anvil.client.readContract({ address, abi: ABI, functionName })
  const usdcOf = (account: Address) =>
    chain.anvil.client.readContract({ address: DEVNET_USDC, abi: erc20Abi, functionName: 'balanceOf', args: [account] })
  const separatorOf = (name: string, verifyingContract: Address, version?: string): Hex =>
    domainSeparator({
      domain: { name, chainId: chain.network.chainId, verifyingContract, ...(version ? { version } : {}) },
    })

  it('is named by the network file at the addresses of every other chain', () => {
    const { multicall3: _, ...named } = CANONICAL
    expect(chain.network.contracts).toMatchObject(named)
  })

  it('was made by its constructors, each for its own address', async () => {
    const { paymentChannels, permit2, erc3009DepositCollector, permit2DepositCollector } = CANONICAL
    const domain = await chain.anvil.client.readContract({
      ...{ address: paymentChannels, abi: ABI, functionName: 'eip712Domain' },
    })
    expect(domain.slice(1, 5)).toEqual(['x402 Batch Settlement', '1', 31337n, getAddress(paymentChannels)])
    for (const collector of [erc3009DepositCollector, permit2DepositCollector]) {
      expect(await read(collector, 'x402BatchSettlement')).toBe(getAddress(paymentChannels))
    }
    const { uptoPermit2Proxy, exactPermit2Proxy } = DEVNET_STANDING
    for (const proxy of [permit2DepositCollector, uptoPermit2Proxy, exactPermit2Proxy]) {
      expect(await read(proxy, 'PERMIT2')).toBe(getAddress(permit2))
    }
    expect(await read(permit2, 'DOMAIN_SEPARATOR')).toBe(separatorOf('Permit2', permit2))
    expect(await read(DEVNET_USDC, 'DOMAIN_SEPARATOR')).toBe(separatorOf('USDC', DEVNET_USDC, '2'))
  })

  it('answers many reads in one through Multicall3', async () => {
    const token = { address: DEVNET_USDC, abi: erc20Abi } as const
    const [symbol, decimals, name] = await chain.anvil.client.multicall({
      multicallAddress: DEVNET_STANDING.multicall3,
      allowFailure: false,
      contracts: [
        { ...token, functionName: 'symbol' },
        { ...token, functionName: 'decimals' },
        { ...token, functionName: 'name' },
      ],
    })
    expect([symbol, decimals, name]).toEqual(['USDC', 6, 'USDC'])
  })

  it('has a splitter for every provider, so that channels can name it (R23)', async () => {
    const client = chain.client()
    await client.start()
    for (const { operator } of chain.of('provider')) {
      const { isSplitterMade } = await readEarnings(client, operator.address.toLowerCase() as Address)
      expect(isSplitterMade).toBe(true)
    }
    await client.stop()
  })

  it('is there after the chain was killed and started again', async () => {
    const payer = chain.payer.address.toLowerCase() as Address
    expect(await usdcOf(payer)).toBe(10_000_000_000n)
    await chain.anvil.snapshot()
    await chain.anvil.kill()
    await chain.anvil.restart()
    expect(await usdcOf(payer)).toBe(10_000_000_000n)
    for (const address of [...Object.values(CANONICAL), ...Object.values(DEVNET_STANDING)]) {
      expect((await chain.anvil.client.getCode({ address }))?.length ?? 0, address).toBeGreaterThan(2)
    }
  })
})
