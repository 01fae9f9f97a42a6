import { randomBytes } from 'node:crypto'
import { encodeFunctionData, type Hex, type LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { type DeploymentPlan, planDeployment } from '../src/chain/deployment.ts'
import { allocationOf, DEMAND_BOND, type Genesis, governorSettingsOf, periodsOf } from '../src/chain/genesis.ts'
import {
  approveStakeCall,
  asChainError,
  type Call,
  type ChainError,
  committeeAbi,
  createSplitterCall,
  joinCall,
  type NetworkContracts,
  type NetworkFile,
  openCall,
  opgAbi,
  type RoleName,
  registerCall,
  registrationDigest,
  stakeCall,
  stakeManagerAbi,
} from '../src/chain/index.ts'
import { networkFileOf } from '../src/chain/verifyDeployment.ts'
import { type Address, bytesToHex, createDomain, type Domain, parametersOf } from '../src/protocol/index.ts'
import { type Anvil, type AnvilOptions, hasChain, startAnvil } from './chain.ts'
import { DevnetChainError } from './chainErrors.ts'
import { DEVNET_USDC, devnetStage, setTheStage } from './stage.ts'

const OPG = 10n ** 18n
const ETHER = 10n ** 18n

/** What each operator of a role stakes: five times the least, so that a partial slash leaves it standing. */
const STAKES: { readonly [R in RoleName]: bigint } = {
  provider: 50_000n * OPG,
  verifier: 10_000n * OPG,
  settler: 25_000n * OPG,
  host: 0n,
}
/** OPG that every requester starts with. */
const REQUESTER_OPG = 100_000n * OPG
/** USDC that every requester and its owner start with, in its units of 1e-6. */
const REQUESTER_USDC = 10_000n * 10n ** 6n
/** OPG that every holder starts with: enough to propose (1,000,000) and to be the quorum (10,000,000). */
const HOLDER_OPG = 20_000_000n * OPG
/** Of the deployer's liquid 150,000,000 OPG, what all holders together may have. */
const HOLDERS_OPG = 100_000_000n * OPG
const GAS_ETHER = 1_000n * ETHER

/** Epochs between a stake and the first in which it counts (`StakeManager.MATURING_EPOCHS`). */
const MATURING_EPOCHS = 2
/** Seconds into the present epoch, past the block that seeds its seats, at which the chain is handed over. */
const LANDING_SECONDS = 6
/** `Committee` refuses to open with fewer; a devnet signs with what stands (protocol.md, section 9). */
const MINIMUM_SIGNERS = 3
/** What a creation may take: deposit, calldata and init code of a byte, and what constructors store. */
const CREATION_GAS = { byte: 260n, rest: 500_000n } as const
const CALL_GAS = 2_000_000n
/** Of one block of anvil. */
const BLOCK_GAS = 30_000_000n
/** Nothing on a devnet outlives it. */
const GUARDIAN_SECONDS = 365 * 86_400
const MAX_FEE = 100n * 10n ** 9n

/** One staked operator of a devnet. */
export interface DevnetOperator {
  readonly roles: readonly RoleName[]
  readonly operator: LocalAccount
  readonly owner: LocalAccount
}

export interface DevnetChainOptions extends Omit<AnvilOptions, 'timestamp'> {
  readonly name?: string
  readonly operators: readonly DevnetOperator[]
  /** Accounts that get gas, OPG and USDC but no stake: requesters, clients. */
  readonly funded?: readonly Address[]
  /** Accounts that get gas, OPG to stake, propose and vote with, and USDC. */
  readonly holders?: readonly Address[]
  /** Deploys, receives every liquid row of the genesis, votes with it, and is the guardian. */
  readonly deployer: LocalAccount
  readonly trustRoots?: NetworkFile['trustRoots']
}

export interface DevnetChain {
  readonly anvil: Anvil
  readonly network: NetworkFile
}

type DevnetKey = (role: string, index: number) => Uint8Array

/** The account of one devnet key. */
export const accountOf = (key: Uint8Array): LocalAccount => privateKeyToAccount(bytesToHex(key))

/** Operators with one role each: operator key (`role`, i), owner key (`role-owner`, i). */
export function devnetOperators(
  key: DevnetKey,
  counts: { readonly [R in Exclude<RoleName, 'host'>]?: number },
): DevnetOperator[] {
  return (['verifier', 'provider', 'settler'] as const).flatMap((role) =>
    Array.from({ length: counts[role] ?? 0 }, (_, index) => ({
      roles: [role],
      operator: accountOf(key(role, index)),
      owner: accountOf(key(`${role}-owner`, index)),
    })),
  )
}

/**
 * Starts a chain whose past lies two epochs back, deploys the contracts there, stakes, and moves its clock forward to
 * the wall clock: the stakes have matured by the contracts' own rules. Then makes the providers' splitters, seats the
 * verifiers and opens the epoch.
 * From there on blocks come every second, in step with the wall clock.
 */
export async function startDevnetChain(options: DevnetChainOptions): Promise<DevnetChain> {
  const { directory } = options
  if (hasChain(directory)) {
    throw new DevnetChainError(
      { code: 'chain-exists', directory },
      `expected no chain in ${directory}, there is one; go on with it by startAnvil, or empty the directory`,
    )
  }
  const epochSeconds = parametersOf('devnet').epoch / 1_000
  const seatSeconds = parametersOf('devnet').seatDelay / 1_000
  const lead = MATURING_EPOCHS * epochSeconds + seatSeconds + LANDING_SECONDS
  const start = wallSeconds() - lead
  const anvil = await startAnvil({ ...options, timestamp: start })
  try {
    const plan = planDeployment(devnetGenesis(options, anvil.chainId, start))
    const network = await new Setup(anvil, options).run(plan)
    await anvil.snapshot()
    return { anvil, network }
  } catch (error) {
    await anvil.stop()
    throw error
  }
}

/** The genesis of a devnet: the profile's periods, and one account that is everybody else. */
export function devnetGenesis(
  { name = 'devnet', deployer }: Pick<DevnetChainOptions, 'name' | 'deployer'>,
  chainId: number,
  start: number,
): Genesis {
  const everybody = lower(deployer.address)
  return {
    ...{ name, profile: 'devnet', chainId, deployer: everybody, nonce: 0, start },
    ...{ token: 'mint', payments: 'canonical', permit2: 'canonical' },
    allocation: allocationOf({
      foundation: everybody,
      contributors: everybody,
      investors: everybody,
      liquidity: everybody,
      airdrop: everybody,
    }),
    guardian: everybody,
    guardianEnd: start + GUARDIAN_SECONDS,
    minimumSigners: MINIMUM_SIGNERS,
    demandBond: DEMAND_BOND,
    periods: periodsOf('devnet'),
    governor: governorSettingsOf('devnet'),
  }
}

interface Step {
  readonly name: string
  readonly from: LocalAccount
  readonly to?: Address
  readonly data: Hex
}

const wallSeconds = (): number => Math.floor(Date.now() / 1_000)
const lower = (address: string): Address => address.toLowerCase() as Address

class Setup {
  readonly #anvil: Anvil
  readonly #options: DevnetChainOptions
  readonly #nonces = new Map<Address, number>()

  constructor(anvil: Anvil, options: DevnetChainOptions) {
    this.#anvil = anvil
    this.#options = options
  }

  async run(plan: DeploymentPlan): Promise<NetworkFile> {
    const { client } = this.#anvil
    const { deployer, operators, funded = [], holders = [], trustRoots = [] } = this.#options
    await client.setIntervalMining({ interval: 0 })
    await client.setAutomine(false)
    await client.setCoinbase({ address: bytesToHex(randomBytes(20)) })
    await client.mine({ blocks: 1 })
    const paid = [deployer, ...operators.flatMap(({ operator, owner }) => [operator, owner])].map(
      (each) => each.address,
    )
    await Promise.all(
      [...paid, ...funded, ...holders].map((address) =>
        client.setBalance({ address: address as Address, value: GAS_ETHER }),
      ),
    )

    await setTheStage(this.#anvil, devnetStage(plan))
    await this.#mine(plan.steps.map((step) => ({ from: deployer, ...step })))
    const { contracts } = plan
    const network = await networkFileOf(plan, client, { trustRoots, bootstrap: [] })

    const call = (name: string, to: Address, data: Hex): Step => ({ name, from: deployer, to, data })
    const transfer = (token: Address, to: Address, amount: bigint): Step =>
      call(
        `transfer to ${to}`,
        token,
        encodeFunctionData({ abi: opgAbi, functionName: 'transfer', args: [to, amount] }),
      )
    const delegate = encodeFunctionData({ abi: opgAbi, functionName: 'delegate', args: [deployer.address] })
    await this.#mine([
      ...operators.map(({ owner, roles }) => transfer(contracts.opg, lower(owner.address), stakeOf(roles))),
      ...funded.map((address) => transfer(contracts.opg, address, REQUESTER_OPG)),
      ...holders.map((address) => transfer(contracts.opg, address, holderOpg(holders.length))),
      ...[...funded, ...holders].map((address) => transfer(DEVNET_USDC, address, REQUESTER_USDC)),
      call('OPG.delegate', contracts.opg, delegate),
    ])

    const { chainId, networkId, epochSeconds, genesisTimestamp } = network
    const domain = createDomain(chainId, contracts.stakeManager, networkId)
    const deadline = BigInt(genesisTimestamp + epochSeconds)
    const staking = operators.map((each) => this.#staking(each, { contracts, domain, deadline }))
    await this.#mine((await Promise.all(staking)).flat())

    await this.#anvil.setTime(wallSeconds())
    await client.mine({ blocks: 1 })
    await this.#seat(contracts)
    await client.setIntervalMining({ interval: this.#options.blockTime ?? 1 })
    return network
  }

  async #staking(
    { operator, owner, roles }: DevnetOperator,
    { contracts, domain, deadline }: { contracts: NetworkContracts; domain: Domain; deadline: bigint },
  ): Promise<Step[]> {
    const [key, payout] = [lower(operator.address), lower(owner.address)]
    const registration = { operator: key, owner: payout, payout, deadline }
    if (operator.sign === undefined) throw new TypeError('expected an operator account that can sign a digest')
    const consent = await operator.sign({ hash: registrationDigest(domain, registration) })
    const step = (name: string, call: Call): Step => ({ name: `${name} ${key}`, from: owner, ...call })
    return [
      step('OPG.approve for', approveStakeCall(contracts, stakeOf(roles))),
      step('StakeManager.register', registerCall(contracts, registration, consent)),
      ...roles.map((role) => step(`StakeManager.stake ${role}`, stakeCall(contracts, key, role, STAKES[role]))),
    ]
  }

  /** Makes every provider's splitter, seats every verifier, and opens the epoch when there are enough of them. */
  async #seat(contracts: NetworkContracts): Promise<void> {
    const { client } = this.#anvil
    const { deployer, operators } = this.#options
    const verifiers = operators.filter(({ roles }) => roles.includes('verifier'))
    const providers = operators.filter(({ roles }) => roles.includes('provider'))
    await this.#mine([
      ...providers.map(({ operator }) => ({
        name: `FeeSplitterFactory.create ${operator.address}`,
        from: deployer,
        ...createSplitterCall(contracts, lower(operator.address)),
      })),
      ...verifiers.map(({ operator }, place) => ({
        name: `Committee.join ${operator.address}`,
        from: deployer,
        ...joinCall(contracts, lower(operator.address), place),
      })),
    ])
    if (verifiers.length < MINIMUM_SIGNERS) return
    const order = await client.readContract({
      address: contracts.committee,
      abi: committeeAbi,
      functionName: 'currentOrder',
    })
    const epoch = await client.readContract({
      address: contracts.stakeManager,
      abi: stakeManagerAbi,
      functionName: 'currentEpoch',
    })
    await this.#mine([{ name: 'Committee.open', from: deployer, ...openCall(contracts, epoch, order) }])
  }

  /**
   * Puts the steps into blocks, each account's in the order given, and requires every one to succeed. anvil drops what
   * follows a transaction that did not fit into its block: no block is offered more than it can take.
   */
  async #mine(steps: readonly Step[]): Promise<void> {
    const { client } = this.#anvil
    for (const block of inBlocks(steps)) {
      const hashes = await Promise.all(block.map((step) => this.#send(step)))
      await client.mine({ blocks: 1 })
      const receipts = await Promise.all(hashes.map((hash) => client.getTransactionReceipt({ hash })))
      for (const [index, step] of block.entries()) {
        if (receipts[index]?.status !== 'success') throw await this.#reverted(step)
      }
    }
  }

  async #send(step: Step): Promise<Hex> {
    const from = lower(step.from.address)
    const nonce = this.#nonces.get(from) ?? 0
    this.#nonces.set(from, nonce + 1)
    const serializedTransaction = await step.from.signTransaction({
      type: 'eip1559',
      chainId: this.#anvil.chainId,
      nonce,
      ...(step.to === undefined ? {} : { to: step.to }),
      data: step.data,
      gas: gasOf(step),
      maxFeePerGas: MAX_FEE,
      maxPriorityFeePerGas: 1n,
    })
    return await this.#anvil.client.sendRawTransaction({ serializedTransaction })
  }

  async #reverted(step: Step): Promise<DevnetChainError> {
    let cause: ChainError | undefined
    try {
      await this.#anvil.client.call({ account: step.from, data: step.data, ...(step.to ? { to: step.to } : {}) })
    } catch (error) {
      cause = asChainError('eth_call', error)
    }
    const reason = cause?.message ?? 'it succeeds when called again'
    return new DevnetChainError(
      { code: 'setup-reverted', step: step.name, reason },
      `expected ${step.name} to succeed: ${reason}`,
      { cause },
    )
  }
}

const gasOf = ({ to, data }: Step): bigint =>
  to === undefined ? BigInt(data.length / 2 - 1) * CREATION_GAS.byte + CREATION_GAS.rest : CALL_GAS

/** The steps in order, cut where a block is full. */
function inBlocks(steps: readonly Step[]): readonly (readonly Step[])[] {
  const blocks: Step[][] = []
  let left = 0n
  for (const step of steps) {
    const gas = gasOf(step)
    if (gas > left) {
      blocks.push([])
      left = BLOCK_GAS
    }
    blocks.at(-1)?.push(step)
    left -= gas
  }
  return blocks
}

const stakeOf = (roles: readonly RoleName[]): bigint => roles.reduce((sum, role) => sum + STAKES[role], 0n)

const holderOpg = (count: number): bigint => {
  const share = HOLDERS_OPG / BigInt(count)
  return share < HOLDER_OPG ? share : HOLDER_OPG
}
