import type { Hex, TransactionReceipt } from 'viem'
import { type DeploymentPlan, type DeploymentStep, standingContracts } from '../src/chain/deployment.ts'
import { asChainError } from '../src/chain/index.ts'
import type { Address } from '../src/protocol/index.ts'
import type { Anvil } from './chain.ts'
import { DevnetChainError } from './chainErrors.ts'
import { setTheStage } from './stage.ts'

const ETHER = 10n ** 18n
/** EIP-7825, and what a step may take here: what it took is read from its receipt. */
const STEP_GAS = 16_777_216n

export interface RehearsedStep {
  readonly step: DeploymentStep
  readonly gasUsed: bigint
}

/**
 * Takes every step of a plan on a local chain, as the deployer without its key, each in a block of its own. What the plan
 * expects on its chain stands there as our own code. The chain mines only what is asked for from then on.
 */
export async function rehearse(plan: DeploymentPlan, anvil: Anvil): Promise<readonly RehearsedStep[]> {
  const { client } = anvil
  const { deployer, nonce } = plan.genesis
  await client.setIntervalMining({ interval: 0 })
  await client.setAutomine(false)
  await client.mine({ blocks: 1 })
  await client.impersonateAccount({ address: deployer })
  await client.setBalance({ address: deployer, value: 1_000n * ETHER })
  await setTheStage(anvil, standingContracts(plan))
  await client.setNonce({ address: deployer, nonce })
  const rehearsed: RehearsedStep[] = []
  for (const step of plan.steps) {
    const to = step.kind === 'transfer' ? { to: step.to } : {}
    const { gasUsed } = await take(anvil, { name: step.name, from: deployer, data: step.data, ...to })
    rehearsed.push({ step, gasUsed })
  }
  return rehearsed
}

interface Take {
  readonly name: string
  readonly from: Address
  readonly to?: Address
  readonly data: Hex
}

/** Puts one transaction of an impersonated account into a block. Throws `setup-reverted`. */
async function take({ client }: Anvil, { name, from, ...request }: Take): Promise<TransactionReceipt> {
  const call = { account: from, ...request }
  const hash = await client.sendTransaction({ ...call, chain: client.chain, gas: STEP_GAS })
  await client.mine({ blocks: 1 })
  const receipt = await client.getTransactionReceipt({ hash })
  if (receipt.status === 'success') return receipt
  const cause = await client.call(call).catch((error: unknown) => asChainError('eth_call', error))
  const reason = cause instanceof Error ? cause.message : 'it succeeds when called again'
  throw new DevnetChainError({ code: 'setup-reverted', step: name, reason }, `expected ${name} to succeed: ${reason}`)
}
