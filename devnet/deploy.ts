import { randomBytes } from 'node:crypto'
import { type Abi, encodeDeployData, encodeFunctionData, getContractAddress, type Hex, type LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import {
  approveStakeCall,
  asChainError,
  batchAnchorAbi,
  type Call,
  type ChainError,
  committeeAbi,
  creationCode,
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
import {
  type Address,
  bytesToHex,
  createDomain,
  type Domain,
  networkIdOf,
  parametersOf,
} from '../src/protocol/index.ts'
import { type Anvil, type AnvilOptions, hasChain, startAnvil } from './chain.ts'
import { DevnetChainError } from './chainErrors.ts'

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
const GAS_ETHER = 1_000n * ETHER

/** Epochs between a stake and the first in which it counts (`StakeManager.MATURING_EPOCHS`). */
const MATURING_EPOCHS = 2
/** Seconds into the present epoch, past the block that seeds its seats, at which the chain is handed over. */
const LANDING_SECONDS = 6
/** `Committee` refuses to open with fewer; a devnet signs with what stands (protocol.md, section 9). */
const MINIMUM_SIGNERS = 3
const DEPLOY_GAS = 12_000_000n
const CALL_GAS = 2_000_000n
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
  /** Accounts that get gas and OPG but no stake: requesters, clients. */
  readonly funded?: readonly Address[]
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
 * the wall clock: the stakes have matured by the contracts' own rules. Then seats the verifiers and opens the epoch.
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
  const anvil = await startAnvil({ ...options, timestamp: wallSeconds() - lead })
  try {
    const setup = new Setup(anvil, options)
    const network = await setup.run(epochSeconds)
    await anvil.snapshot()
    return { anvil, network }
  } catch (error) {
    await anvil.stop()
    throw error
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

  async run(epochSeconds: number): Promise<NetworkFile> {
    const { client, chainId } = this.#anvil
    const { deployer, operators, funded = [] } = this.#options
    await client.setIntervalMining({ interval: 0 })
    await client.setAutomine(false)
    await client.setCoinbase({ address: bytesToHex(randomBytes(20)) })
    await client.mine({ blocks: 1 })
    const paid = [deployer, ...operators.flatMap(({ operator, owner }) => [operator, owner])].map(
      (each) => each.address,
    )
    await Promise.all(
      [...paid, ...funded].map((address) => client.setBalance({ address: address as Address, value: GAS_ETHER })),
    )

    const unbonding = parametersOf('devnet').unbonding / 1_000
    const [opg, stakeManager, committee, batchAnchor] = [0, 1, 2, 3].map((nonce) =>
      lower(getContractAddress({ from: deployer.address, nonce: BigInt(nonce) })),
    ) as [Address, Address, Address, Address]
    await this.#mine([
      this.#deployment('OPG', opgAbi, creationCode.opg, [deployer.address]),
      this.#deployment('StakeManager', stakeManagerAbi, creationCode.stakeManager, [
        opg,
        BigInt(epochSeconds),
        BigInt(unbonding),
      ]),
      this.#deployment('Committee', committeeAbi, creationCode.committee, [stakeManager, MINIMUM_SIGNERS]),
      this.#deployment('BatchAnchor', batchAnchorAbi, creationCode.batchAnchor, [committee]),
    ])
    const contracts = { opg, stakeManager, committee, batchAnchor }
    const birth = await client.getBlock({ blockTag: 'latest' })
    const networkId = networkIdOf({ chainId, stakeManager, deploymentParentHash: birth.parentHash })

    const transfer = (to: Address, amount: bigint): Step => ({
      name: `OPG.transfer to ${to}`,
      from: deployer,
      to: opg,
      data: encodeFunctionData({ abi: opgAbi, functionName: 'transfer', args: [to, amount] }),
    })
    await this.#mine([
      ...operators.map(({ owner, roles }) => transfer(lower(owner.address), stakeOf(roles))),
      ...funded.map((address) => transfer(address, REQUESTER_OPG)),
    ])

    const domain = createDomain(chainId, stakeManager, networkId)
    const deadline = birth.timestamp + BigInt(epochSeconds)
    const staking = operators.map((each) => this.#staking(each, { contracts, domain, deadline }))
    await this.#mine((await Promise.all(staking)).flat())

    await this.#anvil.setTime(wallSeconds())
    await client.mine({ blocks: 1 })
    await this.#seat(contracts)
    await client.setIntervalMining({ interval: this.#options.blockTime ?? 1 })

    return {
      name: this.#options.name ?? 'devnet',
      profile: 'devnet',
      chainId,
      networkId,
      contracts,
      deploymentBlock: Number(birth.number),
      genesisTimestamp: Number(birth.timestamp),
      epochSeconds,
      trustRoots: this.#options.trustRoots ?? [],
      bootstrap: [],
    }
  }

  #deployment(name: string, abi: Abi, bytecode: Hex, args: readonly unknown[]): Step {
    return { name, from: this.#options.deployer, data: encodeDeployData({ abi, bytecode, args }) }
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

  /** Seats every verifier, and opens the epoch when there are enough of them. */
  async #seat(contracts: NetworkContracts): Promise<void> {
    const { client } = this.#anvil
    const { deployer, operators } = this.#options
    const verifiers = operators.filter(({ roles }) => roles.includes('verifier'))
    await this.#mine(
      verifiers.map(({ operator }, place) => ({
        name: `Committee.join ${operator.address}`,
        from: deployer,
        ...joinCall(contracts, lower(operator.address), place),
      })),
    )
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

  /** Puts the steps into blocks, each account's in the order given, and requires every one to succeed. */
  async #mine(steps: readonly Step[]): Promise<void> {
    const { client } = this.#anvil
    const sent: { readonly step: Step; readonly hash: Hex }[] = []
    for (const step of steps) sent.push({ step, hash: await this.#send(step) })
    while ((await client.getTxpoolStatus()).pending > 0) await client.mine({ blocks: 1 })
    for (const { step, hash } of sent) {
      const receipt = await client.getTransactionReceipt({ hash })
      if (receipt.status !== 'success') throw await this.#reverted(step)
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
      gas: step.to === undefined ? DEPLOY_GAS : CALL_GAS,
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

const stakeOf = (roles: readonly RoleName[]): bigint => roles.reduce((sum, role) => sum + STAKES[role], 0n)
