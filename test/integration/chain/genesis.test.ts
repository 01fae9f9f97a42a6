import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Abi, encodeFunctionData, type Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Anvil, removeChain, startAnvil } from '../../../devnet/chain.ts'
import { accountOf } from '../../../devnet/deploy.ts'
import { rehearse } from '../../../devnet/rehearsal.ts'
import { opgGovernorAbi, protocolParamsAbi, treasuryAbi } from '../../../src/chain/contracts.ts'
import { type DeploymentPlan, planDeployment } from '../../../src/chain/deployment.ts'
import { abi as combinedVotesAbi } from '../../../src/chain/generated/CombinedVotes.ts'
import { abi as emissionReserveAbi } from '../../../src/chain/generated/EmissionReserve.ts'
import { abi as measurementRegistryAbi } from '../../../src/chain/generated/MeasurementRegistry.ts'
import { abi as timelockAbi } from '../../../src/chain/generated/Timelock.ts'
import { abi as vestingAbi } from '../../../src/chain/generated/Vesting.ts'
import { asChainError, isChainError, opgAbi, registrationDigest, stakeManagerAbi } from '../../../src/chain/index.ts'
import type { RpcClient } from '../../../src/chain/rpc.ts'
import { deploymentProblems, networkFileOf } from '../../../src/chain/verifyDeployment.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import { type Address, createDomain } from '../../../src/protocol/index.ts'
import { genesisOfTests, PARTIES } from '../../support/genesis.ts'

// The economy in words of its own: nothing here is read from the plan.
const OPG = 10n ** 18n
const MILLION = 1_000_000n * OPG
const MONTH = 2_629_800n
const START = 1_800_000_000n
const DEAD: Address = '0x000000000000000000000000000000000000dEaD'

/** What has been freed of `amount` at `second`: nothing before `from`, all of it after `months`. */
function freed(amount: bigint, from: bigint, months: bigint, second: bigint): bigint {
  if (second < from) return 0n
  const elapsed = second - from
  return elapsed >= months * MONTH ? amount : (amount * elapsed) / (months * MONTH)
}

interface Buckets {
  readonly [name: string]: bigint
}

/** Every balance there may be, `second` after everything due was released. */
function economyAt(second: bigint): Buckets {
  const cliff = START + 12n * MONTH
  const ecosystem = freed(360n * MILLION, START, 60n, second)
  const foundation = freed(100n * MILLION, START, 48n, second)
  const contributors = freed(150n * MILLION, cliff, 36n, second)
  const investors = freed(100n * MILLION, cliff, 36n, second)
  const rewards = freed(100n * MILLION, START, 96n, second)
  return {
    treasury: 40n * MILLION + ecosystem,
    'ecosystem wallet': 360n * MILLION - ecosystem,
    foundation: 50n * MILLION + foundation,
    'foundation wallet': 100n * MILLION - foundation,
    contributors,
    'contributors wallet': 150n * MILLION - contributors,
    investors,
    'investors wallet': 100n * MILLION - investors,
    distributor: rewards,
    reserve: 100n * MILLION - rewards,
    liquidity: 60n * MILLION,
    airdrop: 40n * MILLION,
    deployer: 0n,
    dead: 0n,
  }
}

describe('a genesis on a local chain with the periods of Base', () => {
  let directory: string
  let anvil: Anvil
  let plan: DeploymentPlan
  let accounts: { readonly [name: string]: Address }
  /** The next block's second. */
  let second: bigint

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opg-genesis-'))
    anvil = await startAnvil({ directory, timestamp: Number(START) - 1 })
    plan = planDeployment(genesisOfTests({ start: Number(START) }))
    await rehearse(plan, anvil)
    const { deployer, guardian: _, ...parties } = PARTIES
    const wallet = (row: string): Address => plan.vestings.find((each) => each.row === row)!.address
    accounts = {
      ...parties,
      ...{ deployer, dead: DEAD, treasury: plan.contracts.treasury },
      ...{ distributor: plan.contracts.rewardDistributor, reserve: plan.contracts.emissionReserve },
      'ecosystem wallet': wallet('ecosystem'),
      'foundation wallet': wallet('foundation'),
      'contributors wallet': wallet('contributors'),
      'investors wallet': wallet('investors'),
    }
    second = (await anvil.client.getBlock()).timestamp
  })

  afterAll(async () => {
    await anvil.stop()
    await removeChain(directory)
  })

  const read = <T>(address: Address, abi: Abi, functionName: string, args: readonly unknown[] = []): Promise<T> =>
    anvil.client.readContract({ address, abi, functionName, args }) as Promise<T>
  const balanceOf = (account: Address): Promise<bigint> => read(plan.contracts.opg, opgAbi, 'balanceOf', [account])
  const tokenVotes = (account: Address): Promise<bigint> => read(plan.contracts.opg, opgAbi, 'getVotes', [account])
  const votes = (account: Address): Promise<bigint> =>
    read(plan.contracts.combinedVotes, combinedVotesAbi, 'getVotes', [account])

  async function balances(): Promise<Buckets> {
    const entries = Object.entries(accounts).map(async ([name, account]) => [name, await balanceOf(account)] as const)
    return Object.fromEntries(await Promise.all(entries))
  }

  interface Request {
    readonly from: Address
    readonly to: Address
    readonly data: Hex
  }

  /** One block at `at` with these transactions, all of which must succeed. */
  async function block(at: bigint, requests: readonly Request[]): Promise<void> {
    const { client } = anvil
    const hashes: Hex[] = []
    for (const { from, to, data } of requests) {
      hashes.push(await client.sendTransaction({ account: from, chain: client.chain, to, data, gas: 500_000n }))
    }
    await client.setNextBlockTimestamp({ timestamp: at })
    await client.mine({ blocks: 1 })
    for (const hash of hashes) expect((await client.getTransactionReceipt({ hash })).status).toBe('success')
    second = at
  }

  async function impersonated(account: Address): Promise<Address> {
    await anvil.client.impersonateAccount({ address: account })
    await anvil.client.setBalance({ address: account, value: 10n ** 21n })
    return account
  }

  const call = (
    from: Address,
    to: Address,
    abi: Abi,
    functionName: string,
    args: readonly unknown[] = [],
  ): Request => ({
    from,
    to,
    data: encodeFunctionData({ abi, functionName, args }),
  })

  it('is what its plan says', async () => {
    expect(await deploymentProblems(plan, anvil.client as RpcClient)).toEqual([])
  })

  it('is not what another plan says: every difference is found', async () => {
    const other = planDeployment(
      genesisOfTests({
        start: Number(START) + 1,
        guardian: PARTIES.airdrop,
        minimumSigners: 5,
        demandBond: OPG,
        periods: { ...plan.genesis.periods, pot: 31 * 86_400, answer: 3_600 },
        governor: { ...plan.genesis.governor, timelock: 86_400, quorum: 20n * MILLION },
      }),
    )
    const problems = await deploymentProblems(other, anvil.client as RpcClient)
    const named = problems.map((problem) => /^expected (\S+)/.exec(problem)?.[1])
    expect(new Set(named)).toEqual(
      new Set([
        ...['timelock.getMinDelay', 'opgGovernor.quorum', 'protocolParams.guardian', 'protocolParams.guardianEnd'],
        ...['stakeManager.potPeriod', 'committee.minimumSigners', 'demands.answerPeriod', 'demands.bond'],
        ...['emissionReserve.start', 'vesting'],
      ]),
    )
    const elsewhere = planDeployment(genesisOfTests({ start: Number(START), nonce: 900 }))
    expect((await deploymentProblems(elsewhere, anvil.client as RpcClient))[0]).toContain('expected code of opg')
  })

  it('has 190,000,000 OPG liquid at launch, to the wei', async () => {
    const launch = await balances()
    expect(launch).toEqual(economyAt(START))
    const liquid = ['treasury', 'foundation', 'contributors', 'investors', 'liquidity', 'airdrop']
    expect(liquid.reduce((sum, name) => sum + launch[name]!, 0n)).toBe(190n * MILLION)
    expect(Object.values(launch).reduce((sum, amount) => sum + amount, 0n)).toBe(10n ** 27n)
    expect(await read(plan.contracts.opg, opgAbi, 'totalSupply')).toBe(10n ** 27n)
  })

  it('leaves the deployer without power: whatever it calls is refused', async () => {
    const { deployer } = PARTIES
    const { contracts } = plan
    const digest: Hex = `0x${'01'.repeat(32)}`
    const zero: Hex = `0x${'00'.repeat(32)}`
    const attempts: readonly (readonly [Request, string])[] = [
      [call(deployer, contracts.opg, opgAbi, 'transfer', [deployer, 1n]), 'ERC20InsufficientBalance'],
      [
        call(deployer, contracts.timelock, timelockAbi, 'schedule', [deployer, 0n, '0x', zero, zero, 1_000_000n]),
        'AccessControlUnauthorizedAccount',
      ],
      [
        call(deployer, contracts.timelock, timelockAbi, 'grantRole', [zero, deployer]),
        'AccessControlUnauthorizedAccount',
      ],
      [
        call(deployer, contracts.opgGovernor, opgGovernorAbi, 'propose', [[deployer], [0n], ['0x'], 'mine']),
        'GovernorInsufficientProposerVotes',
      ],
      [call(deployer, contracts.opgGovernor, opgGovernorAbi, 'setQuorum', [1n]), 'GovernorOnlyExecutor'],
      [call(deployer, contracts.protocolParams, protocolParamsAbi, 'setParam', [1, 0n]), 'NotGovernance'],
      [call(deployer, contracts.protocolParams, protocolParamsAbi, 'setModule', [1, deployer]), 'NotGovernance'],
      [call(deployer, contracts.protocolParams, protocolParamsAbi, 'setGuardian', [deployer]), 'NotGovernance'],
      [call(deployer, contracts.protocolParams, protocolParamsAbi, 'pause', [2, 60n]), 'NotGuardian'],
      [call(deployer, contracts.treasury, treasuryAbi, 'pay', [contracts.opg, deployer, 1n]), 'NotGovernance'],
      [call(deployer, contracts.stakeManager, stakeManagerAbi, 'announceSlasher', [deployer]), 'NotGovernance'],
      [
        call(deployer, contracts.stakeManager, stakeManagerAbi, 'seize', [digest, deployer, 1, 10_000, deployer]),
        'NotSlasher',
      ],
      [call(deployer, contracts.stakeManager, stakeManagerAbi, 'returnSeizure', [digest]), 'NotGuardian'],
      [
        call(deployer, contracts.measurementRegistry, measurementRegistryAbi, 'allow', [1, digest, 10n]),
        'NotGovernance',
      ],
      [call(deployer, accounts['investors wallet']!, vestingAbi, 'transferOwnership', [deployer]), 'OwnershipFixed'],
    ]
    for (const [{ from, to, data }, error] of attempts) {
      const refusal = await anvil.client.call({ account: from, to, data }).catch((thrown: unknown) => thrown)
      const reason = refusal instanceof Error ? asChainError('eth_call', refusal) : undefined
      expect(isChainError(reason, 'reverted') && reason.detail, error).toMatchObject({ code: 'reverted', error })
    }
    expect([await balanceOf(deployer), await votes(deployer)]).toEqual([0n, 0n])
  })

  it('lets nothing vote that is locked, treasury, dead, or a staked token; and what is staked once', async () => {
    const silent = ['treasury', 'reserve', 'distributor', 'dead', 'deployer', ...Object.keys(accounts).filter(isWallet)]
    const functionsOf = (abi: Abi): readonly string[] =>
      abi.flatMap((item) =>
        item.type === 'function' && item.stateMutability !== 'view' && item.stateMutability !== 'pure'
          ? [item.name]
          : [],
      )
    // No call of theirs reaches the token's `delegate`.
    expect(functionsOf(vestingAbi)).toEqual(['release', 'release'])
    expect(functionsOf(treasuryAbi)).toEqual(['pay'])
    expect(functionsOf(emissionReserveAbi)).toEqual(['release'])

    const holders = ['foundation', 'liquidity', 'airdrop'].map((name) => accounts[name]!)
    for (const holder of holders) expect(await votes(holder)).toBe(0n)
    for (const holder of holders) await impersonated(holder)
    const { opg, stakeManager } = plan.contracts
    await block(
      second + 1n,
      holders.map((holder) => call(holder, opg, opgAbi, 'delegate', [holder])),
    )
    for (const holder of holders) expect(await votes(holder)).toBe(await balanceOf(holder))
    const liquidity = accounts.liquidity!
    const held = await votes(liquidity)

    const operator = accountOf(devnetPrivateKey('genesis', 'verifier', 0))
    const key = operator.address.toLowerCase() as Address
    const { chainId, networkId } = await networkFileOf(plan, anvil.client as RpcClient, {
      trustRoots: [],
      bootstrap: [],
    })
    const deadline = second + 3_600n
    const consent = await operator.sign!({
      hash: registrationDigest(createDomain(chainId, stakeManager, networkId), {
        ...{ operator: key, owner: liquidity, payout: liquidity, deadline },
      }),
    })
    const staked = 2_000n * OPG
    await block(second + 1n, [
      call(liquidity, opg, opgAbi, 'approve', [stakeManager, staked]),
      call(liquidity, stakeManager, stakeManagerAbi, 'register', [key, liquidity, deadline, consent]),
      call(liquidity, stakeManager, stakeManagerAbi, 'stake', [key, 2, staked]),
    ])
    expect(await balanceOf(stakeManager)).toBe(staked)
    expect([await tokenVotes(liquidity), await votes(liquidity)]).toEqual([held - staked, held])
    expect([await tokenVotes(stakeManager), await votes(stakeManager)]).toEqual([0n, 0n])

    await block(second + 1n, [call(liquidity, stakeManager, stakeManagerAbi, 'requestUnstake', [key, 2, staked])])
    expect(await votes(liquidity)).toBe(held - staked)
    await block(second + 14n * 86_400n, [call(liquidity, stakeManager, stakeManagerAbi, 'withdraw', [key, 2])])
    expect(await votes(liquidity)).toBe(held)
    for (const name of silent) {
      expect([name, await tokenVotes(accounts[name]!), await votes(accounts[name]!)]).toEqual([name, 0n, 0n])
      expect(BigInt(await read<Hex>(opg, opgAbi, 'delegates', [accounts[name]]))).toBe(0n)
    }
  })

  it('releases every bucket for 96 months, to the wei, whenever it is asked', async () => {
    const anyone = await impersonated('0x00000000000000000000000000000000000a11ce')
    const { opg, emissionReserve } = plan.contracts
    const releases = [
      ...plan.vestings.map(({ address }) => call(anyone, address, vestingAbi, 'release', [opg])),
      call(anyone, emissionReserve, emissionReserveAbi, 'release'),
    ]
    for (let month = 1n; month <= 97n; month += 1n) {
      // Every third time not on the month, and then in the middle of nowhere.
      const at = START + month * MONTH + (month % 3n === 0n ? (month * 86_413n) % MONTH : 0n)
      await block(at, releases)
      const found = await balances()
      expect({ month, ...found }).toEqual({ month, ...economyAt(at) })
      expect(Object.values(found).reduce((sum, amount) => sum + amount, 0n)).toBe(10n ** 27n)
    }
    expect(await read(opg, opgAbi, 'totalSupply')).toBe(10n ** 27n)
    expect(await balances()).toEqual({
      ...{ treasury: 400n * MILLION, foundation: 150n * MILLION, contributors: 150n * MILLION },
      ...{ investors: 100n * MILLION, distributor: 100n * MILLION, liquidity: 60n * MILLION, airdrop: 40n * MILLION },
      ...{ 'ecosystem wallet': 0n, 'foundation wallet': 0n, 'contributors wallet': 0n, 'investors wallet': 0n },
      ...{ reserve: 0n, deployer: 0n, dead: 0n },
    })
    for (const [name, account] of Object.entries(accounts)) {
      const isHolder = ['foundation', 'liquidity', 'airdrop'].includes(name)
      expect([name, await tokenVotes(account)]).toEqual([name, isHolder ? await balanceOf(account) : 0n])
    }
  })

  it('has no guardian after its date, and is still what its plan says', async () => {
    const { protocolParams } = plan.contracts
    expect(BigInt(await read<Hex>(protocolParams, protocolParamsAbi, 'guardian'))).toBe(0n)
    const problems = await deploymentProblems(plan, anvil.client as RpcClient)
    expect(problems).toEqual([expect.stringContaining('protocolParams.guardian')])
  })
})

const isWallet = (name: string): boolean => name.endsWith(' wallet')
