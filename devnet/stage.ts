import { encodeAbiParameters, type Hex } from 'viem'
import { type DeploymentPlan, type Standing, standingContracts } from '../src/chain/deployment.ts'
import { CANONICAL } from '../src/chain/genesis.ts'
import { asChainError } from '../src/chain/index.ts'
import type { Address } from '../src/protocol/index.ts'
import type { Anvil } from './chain.ts'
import { DevnetChainError } from './chainErrors.ts'
import { creationCode as devnetUsdc } from './generated/DevnetUSDC.ts'
import { creationCode as exactPermit2Proxy } from './generated/ExactPermit2Proxy.ts'
import { creationCode as multicall3 } from './generated/Multicall3.ts'
import { creationCode as uptoPermit2Proxy } from './generated/UptoPermit2Proxy.ts'

/**
 * USDC of every devnet, play money: at the address that stock x402 clients know on Base Sepolia, with the name, version
 * and decimals they expect there.
 */
export const DEVNET_USDC: Address = '0x036cbd53842c5426634e7929541ec2318f3dcf7e'

/** What stock x402 clients and viem expect on every chain beside the contracts a network names. */
export const DEVNET_STANDING = {
  uptoPermit2Proxy: '0x4020a4f3b7b90cca423b9fabcc0ce57c6c240002',
  exactPermit2Proxy: '0x402085c248eea27d92e8b30b2c58ed07f9e20001',
  multicall3: CANONICAL.multicall3,
} as const satisfies { readonly [name: string]: Address }

/** Runs constructors where others deployed long ago; nobody has its key. */
const STAGEHAND: Address = `0x${'57a6'.repeat(10)}`
const STAGEHAND_WEI = 10n ** 21n
/** What one constructor may take: it stores a few words, and its code is put there for nothing. */
const CONSTRUCTOR_GAS = 2_000_000n

const withAddress = (creationCode: Hex, argument: Address): Hex =>
  `${creationCode}${encodeAbiParameters([{ type: 'address' }], [argument]).slice(2)}`

/** Our own code for everything a devnet finds on its chain: what its plan expects, and what stock clients do. */
export function devnetStage(plan: DeploymentPlan): readonly Standing[] {
  const { uptoPermit2Proxy: upto, exactPermit2Proxy: exact, multicall3: multicall } = DEVNET_STANDING
  return [
    ...standingContracts(plan),
    { name: 'uptoPermit2Proxy', address: upto, data: withAddress(uptoPermit2Proxy, CANONICAL.permit2) },
    { name: 'exactPermit2Proxy', address: exact, data: withAddress(exactPermit2Proxy, CANONICAL.permit2) },
    { name: 'multicall3', address: multicall, data: multicall3 },
    { name: 'devnetUsdc', address: DEVNET_USDC, data: withAddress(devnetUsdc, plan.genesis.deployer) },
  ]
}

/**
 * Puts contracts where they stand on other chains, in one block. Each constructor runs at its own address, so that what
 * it stores, and what it derives from the address, is as if it had been deployed there. The chain must mine only when
 * asked. Throws DevnetChainError `setup-reverted`.
 */
export async function setTheStage({ client }: Anvil, contracts: readonly Standing[]): Promise<void> {
  await client.impersonateAccount({ address: STAGEHAND })
  await client.setBalance({ address: STAGEHAND, value: STAGEHAND_WEI })
  const runtimes: Hex[] = []
  const hashes: Hex[] = []
  for (const { name, address, data } of contracts) {
    const call = { account: STAGEHAND, to: address, gas: CONSTRUCTOR_GAS }
    await client.setCode({ address, bytecode: data })
    const { data: runtime } = await client.call(call).catch((error: unknown) => {
      throw reverted(name, asChainError('eth_call', error).message)
    })
    if (runtime === undefined) throw reverted(name, 'it leaves no code')
    runtimes.push(runtime)
    hashes.push(await client.sendTransaction({ ...call, chain: client.chain }))
  }
  await client.mine({ blocks: 1 })
  for (const [index, { name, address }] of contracts.entries()) {
    const receipt = await client.getTransactionReceipt({ hash: hashes[index]! })
    if (receipt.status !== 'success') throw reverted(name, `its gas of ${CONSTRUCTOR_GAS} was not enough`)
    await client.setCode({ address, bytecode: runtimes[index]! })
  }
  await client.stopImpersonatingAccount({ address: STAGEHAND })
}

const reverted = (step: string, reason: string): DevnetChainError =>
  new DevnetChainError({ code: 'setup-reverted', step, reason }, `expected ${step} to be put in place: ${reason}`)
