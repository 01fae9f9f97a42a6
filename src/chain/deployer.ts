import { type Hex, keccak256, type TransactionReceipt } from 'viem'
import { estimateGas, getBlock, getCode, getTransactionCount, sendRawTransaction } from 'viem/actions'
import type { Address, Clock, Digest } from '../protocol/index.ts'
import { DEPLOYMENT_SETTLE_MS, DEPLOYMENT_STUCK_MS, MAX_REPLACEMENTS, START_TOLERANCE } from './constants.ts'
import { asChainError } from './contracts.ts'
import type { DeploymentPlan, DeploymentStep } from './deployment.ts'
import { ChainError, isChainError } from './errors.ts'
import {
  type Fees,
  gasWithMargin,
  isKnownTransaction,
  isUnderpriced,
  isUnfunded,
  raisedFees,
  suggestedFees,
  unfunded,
} from './fees.ts'
import { profileProblem } from './profile.ts'
import { fetchReceipt, type Rpc } from './rpc.ts'
import type { TransactionSigner } from './transactions.ts'

/** What a deployment tells while it runs. */
export type DeploymentProgress =
  /** Steps that an earlier run took. */
  | { readonly type: 'resumed'; readonly done: number }
  | { readonly type: 'sent'; readonly step: DeploymentStep; readonly transaction: Digest }
  | { readonly type: 'included'; readonly step: DeploymentStep; readonly blockNumber: number; readonly gasUsed: bigint }
  /** All steps are in a block; waiting until it is safe (R22). */
  | { readonly type: 'settling' }

export interface DeployerInit {
  readonly rpc: Rpc
  readonly signer: TransactionSigner
  readonly clock: Clock
  readonly pollMs: number
  readonly onProgress?: (progress: DeploymentProgress) => void
}

/**
 * Takes every step of a plan that was not taken yet, in order, and waits until the last is in a safe block. May be called
 * again after an interruption, by anyone with the deployer's key. Throws ChainError: `profile-mismatch` and
 * `foreign-chain-id` on another chain, `deployment-broken` when the plan's nonces went to something else.
 */
export async function deploy(plan: DeploymentPlan, init: DeployerInit): Promise<void> {
  await new Deployer(plan, init).run()
}

/** Steps taken so far. Throws `deployment-broken` when the deployer's nonces were used for something else. */
export async function stepsTaken({ genesis, steps }: DeploymentPlan, rpc: Rpc): Promise<number> {
  const nonce = await rpc.run((client) =>
    getTransactionCount(client, { address: genesis.deployer, blockTag: 'latest' }),
  )
  if (nonce < genesis.nonce) {
    throw broken('the deployer', genesis.nonce, `its nonce is ${nonce}`)
  }
  const taken = steps.slice(0, nonce - genesis.nonce)
  for (const step of taken) {
    if (step.kind === 'create' && !(await hasCode(rpc, step.address))) {
      throw broken(step.name, step.nonce, `there is no code at ${step.address}`)
    }
  }
  return taken.length
}

/** Whether this chain may carry the genesis (R2) and has what it builds on. Throws ChainError. */
export async function assertChainFor({ genesis, contracts, steps }: DeploymentPlan, rpc: Rpc): Promise<void> {
  for (const { endpoint, chainId } of await rpc.chainIds()) {
    if (chainId !== genesis.chainId) {
      throw new ChainError(
        { code: 'foreign-chain-id', expected: genesis.chainId, got: chainId, endpoint },
        `expected chain ${genesis.chainId} at ${endpoint}, got ${chainId}`,
      )
    }
  }
  const [first, head] = await rpc.run((client) =>
    Promise.all([getBlock(client, { blockNumber: 0n }), getBlock(client, { blockTag: 'latest' })]),
  )
  const mismatch = profileProblem(genesis.profile, genesis.chainId, first.hash)
  if (mismatch !== undefined) throw mismatch
  const away = Math.abs(Number(head.timestamp) - genesis.start)
  const created = new Set(steps.flatMap((step) => (step.kind === 'create' ? [step.address] : [])))
  const absent: string[] = []
  for (const [name, address] of Object.entries(contracts)) {
    if (!created.has(address) && !(await hasCode(rpc, address))) absent.push(`no code of ${name} at ${address}`)
  }
  const problems = [
    ...(away > START_TOLERANCE ? [`a start at most ${START_TOLERANCE} s from now is expected, it is ${away} s`] : []),
    ...absent,
  ]
  if (problems.length > 0) {
    throw new ChainError(
      { code: 'genesis-refused', problems },
      `expected a chain this genesis fits; ${problems.join('; ')}`,
    )
  }
}

async function hasCode(rpc: Rpc, address: Address): Promise<boolean> {
  const code = await rpc.run((client) => getCode(client, { address }))
  return code !== undefined && code !== '0x'
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const broken = (step: string, nonce: number, found: string): ChainError =>
  new ChainError(
    { code: 'deployment-broken', step, nonce },
    `expected ${step} to follow the plan at nonce ${nonce}, ${found}; begin another deployment with another account`,
  )

class Deployer {
  readonly #plan: DeploymentPlan
  readonly #rpc: Rpc
  readonly #signer: TransactionSigner
  readonly #clock: Clock
  readonly #pollMs: number
  readonly #tell: (progress: DeploymentProgress) => void

  constructor(plan: DeploymentPlan, { rpc, signer, clock, pollMs, onProgress = () => undefined }: DeployerInit) {
    this.#plan = plan
    this.#rpc = rpc
    this.#signer = signer
    this.#clock = clock
    this.#pollMs = pollMs
    this.#tell = onProgress
  }

  async run(): Promise<void> {
    const { genesis, steps } = this.#plan
    if (this.#signer.address.toLowerCase() !== genesis.deployer) {
      throw new RangeError(`expected the key of ${genesis.deployer}, got that of ${this.#signer.address}`)
    }
    await assertChainFor(this.#plan, this.#rpc)
    for (;;) {
      const done = await stepsTaken(this.#plan, this.#rpc)
      if (done > 0 && done < steps.length) this.#tell({ type: 'resumed', done })
      for (const step of steps.slice(done)) await this.#take(step)
      this.#tell({ type: 'settling' })
      if (await this.#isSettled()) return
    }
  }

  async #take(step: DeploymentStep): Promise<void> {
    const gas = await this.#gasOf(step)
    let fees = await this.#rpc.run(suggestedFees)
    const hashes: Digest[] = []
    for (let sent = 0; sent <= MAX_REPLACEMENTS; sent += 1) {
      const raw = await this.#sign(step, gas, fees)
      hashes.push(keccak256(raw))
      await this.#broadcast(raw)
      this.#tell({ type: 'sent', step, transaction: keccak256(raw) })
      const receipt = await this.#receiptOf(hashes)
      if (receipt !== undefined) return this.#included(step, receipt)
      fees = raisedFees(fees, await this.#rpc.run(suggestedFees))
    }
    throw new ChainError(
      { code: 'not-included', nonce: step.nonce, transactions: hashes, afterMs: hashes.length * DEPLOYMENT_STUCK_MS },
      `expected ${step.name} in a block, it is in none after ${hashes.length} raised fees; run the deployment again`,
    )
  }

  #included(step: DeploymentStep, receipt: TransactionReceipt): void {
    if (receipt.status !== 'success') throw broken(step.name, step.nonce, `${receipt.transactionHash} failed`)
    this.#tell({ type: 'included', step, blockNumber: Number(receipt.blockNumber), gasUsed: receipt.gasUsed })
  }

  async #gasOf(step: DeploymentStep): Promise<bigint> {
    const to = step.kind === 'transfer' ? { to: step.to } : {}
    try {
      const account = this.#plan.genesis.deployer
      return gasWithMargin(await this.#rpc.run((client) => estimateGas(client, { account, data: step.data, ...to })))
    } catch (thrown) {
      const error = asChainError('eth_estimateGas', thrown)
      throw isUnfunded(error) ? unfunded(this.#signer.address) : error
    }
  }

  #sign(step: DeploymentStep, gas: bigint, fees: Fees): Promise<Hex> {
    return this.#signer.signTransaction({
      type: 'eip1559',
      chainId: this.#plan.genesis.chainId,
      nonce: step.nonce,
      gas,
      data: step.data,
      value: 0n,
      ...(step.kind === 'transfer' ? { to: step.to } : {}),
      ...fees,
    })
  }

  async #broadcast(raw: Hex): Promise<void> {
    try {
      await this.#rpc.run((client) => sendRawTransaction(client, { serializedTransaction: raw }))
    } catch (thrown) {
      const error = asChainError('eth_sendRawTransaction', thrown)
      if (isUnfunded(error)) throw unfunded(this.#signer.address)
      if (!isKnownTransaction(error) && !isUnderpriced(error) && !isChainError(error, 'rpc-unreachable')) throw error
    }
  }

  async #receiptOf(hashes: readonly Digest[]): Promise<TransactionReceipt | undefined> {
    const until = this.#clock() + DEPLOYMENT_STUCK_MS
    while (this.#clock() < until) {
      for (const hash of hashes.toReversed()) {
        const receipt = await this.#rpc.run((client) => fetchReceipt(client, hash))
        if (receipt !== undefined) return receipt
      }
      await sleep(this.#pollMs)
    }
    return undefined
  }

  /** True once the last step is in a safe block, false when a reorganisation took one away. */
  async #isSettled(): Promise<boolean> {
    const { genesis, steps } = this.#plan
    const wanted = genesis.nonce + steps.length
    const until = this.#clock() + DEPLOYMENT_SETTLE_MS
    while (this.#clock() < until) {
      const [latest, safe] = await this.#rpc.run((client) =>
        Promise.all(
          (['latest', 'safe'] as const).map((blockTag) =>
            getTransactionCount(client, { address: genesis.deployer, blockTag }),
          ),
        ),
      )
      if ((safe ?? 0) >= wanted) return true
      if ((latest ?? 0) < wanted) return false
      await sleep(this.#pollMs)
    }
    throw new ChainError(
      { code: 'not-included', nonce: wanted - 1, transactions: [], afterMs: DEPLOYMENT_SETTLE_MS },
      `expected the last step in a safe block within ${DEPLOYMENT_SETTLE_MS} ms; run the deployment again`,
    )
  }
}
