import { encodeFunctionData, type Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountOf } from '../../../devnet/deploy.ts'
import {
  type Call,
  freezeCall,
  type RoleName,
  requestUnstakeCall,
  rotateCall,
  rotationDigest,
  stakeManagerAbi,
} from '../../../src/chain/index.ts'
import { createRpc } from '../../../src/chain/rpc.ts'
import { StakeReader } from '../../../src/chain/stakes.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import { type Address, createDomain, type SeatStake } from '../../../src/protocol/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../../support/devnetChain.ts'

const OPG = 10n ** 18n
const ROLES = ['provider', 'verifier'] as const
const CODE = { provider: 1, verifier: 2 } as const
const lower = (address: string): Address => address.toLowerCase() as Address

describe('stakes that are rotated, seized and returned', () => {
  let chain: TestChain
  let reader: StakeReader

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 4, provider: 4 })
    reader = new StakeReader(createRpc([chain.anvil.url]), chain.network)
  })

  afterAll(() => chain.stop())

  const operator = (role: 'verifier' | 'provider', index: number): Address =>
    lower(chain.of(role)[index]!.operator.address)

  /** Sends a call of an account without its key, and waits for its block. */
  async function sendAs(from: Address, { to, data }: Call): Promise<void> {
    const { client } = chain.anvil
    await client.impersonateAccount({ address: from })
    await client.setBalance({ address: from, value: 10n ** 20n })
    const hash = await client.sendTransaction({ account: from, chain: client.chain, to, data, gas: 1_000_000n })
    expect((await client.waitForTransactionReceipt({ hash, pollingInterval: 50 })).status).toBe('success')
  }

  const owned = (role: 'verifier' | 'provider', index: number, call: Call): Promise<void> =>
    sendAs(lower(chain.of(role)[index]!.owner.address), call)

  const stakeManagerCall = (functionName: 'seize' | 'returnSeizure', args: readonly unknown[]): Call => ({
    to: chain.network.contracts.stakeManager,
    data: encodeFunctionData({ abi: stakeManagerAbi, functionName, args } as Parameters<typeof encodeFunctionData>[0]),
  })

  const caseId = (index: number): Hex => `0x${index.toString(16).padStart(64, '0')}`
  const seize = (index: number, of: Address, role: (typeof ROLES)[number], bps: number): Promise<void> =>
    sendAs(
      chain.network.contracts.evidence,
      stakeManagerCall('seize', [caseId(index), of, CODE[role], bps, lower(chain.payer.address)]),
    )

  async function rotate(index: number, to: number): Promise<Address> {
    const next = accountOf(devnetPrivateKey(DEVNET_SEED, 'rotated', to))
    const { chainId, contracts, networkId } = chain.network
    const rotation = {
      from: operator('provider', index),
      to: lower(next.address),
      owner: lower(chain.of('provider')[index]!.owner.address),
      deadline: (await chain.anvil.client.getBlock()).timestamp + 600n,
    }
    const digest = rotationDigest(createDomain(chainId, contracts.stakeManager, networkId), rotation)
    await owned('provider', index, rotateCall(contracts, rotation, await next.sign!({ hash: digest })))
    return rotation.to
  }

  /** The contract's own answer, which the logs give too. */
  async function agreed(role: RoleName): Promise<readonly SeatStake[]> {
    const { number, timestamp, hash, parentHash } = await chain.anvil.client.getBlock()
    const block = { number: Number(number), hash, parentHash, timestamp: Number(timestamp) * 1_000 }
    const { genesisTimestamp, epochSeconds } = chain.network
    const epoch = Math.floor((Number(timestamp) - genesisTimestamp) / epochSeconds)
    const [fromView, fromLogs] = await Promise.all([reader.fromView(role, block), reader.fromLogs(role, epoch, block)])
    expect(fromLogs).toEqual(fromView)
    return fromView
  }

  const weightOf = async (role: RoleName, key: Address): Promise<bigint | undefined> =>
    (await agreed(role)).find((stake) => stake.operator === key)?.weight

  it('weigh the same by the contract and by its logs', async () => {
    const { contracts } = chain.network
    const renamed = await rotate(0, 0)
    expect(await weightOf('provider', renamed)).toBe(50_000n * OPG)
    expect(await weightOf('provider', operator('provider', 0))).toBeUndefined()

    // What is proved against the old key is taken from the new one.
    await seize(1, operator('provider', 0), 'provider', 1_000)
    expect(await weightOf('provider', renamed)).toBe(45_000n * OPG)
    await sendAs(
      lower(accountOf(devnetPrivateKey(DEVNET_SEED, 'deployer', 0)).address),
      stakeManagerCall('returnSeizure', [await keyOf(1)]),
    )
    expect(await weightOf('provider', renamed)).toBe(50_000n * OPG)

    // Below the minimum nothing counts, and it comes back to a key of later.
    await seize(2, operator('provider', 1), 'provider', 9_000)
    expect(await weightOf('provider', operator('provider', 1))).toBeUndefined()
    const later = await rotate(1, 1)
    expect(await weightOf('provider', later)).toBeUndefined()
    await sendAs(
      lower(accountOf(devnetPrivateKey(DEVNET_SEED, 'deployer', 0)).address),
      stakeManagerCall('returnSeizure', [await keyOf(2)]),
    )
    expect(await weightOf('provider', later)).toBe(50_000n * OPG)

    // Of stake and unbonding together half is taken, of the stake first.
    const leaving = operator('provider', 2)
    await owned('provider', 2, requestUnstakeCall(contracts, leaving, 'provider', 20_000n * OPG))
    await seize(3, leaving, 'provider', 4_000)
    expect(await weightOf('provider', leaving)).toBe(10_000n * OPG)

    // What is frozen counts for nothing, until another key takes it over.
    await owned('provider', 3, freezeCall(contracts, operator('provider', 3)))
    expect(await weightOf('provider', operator('provider', 3))).toBeUndefined()
    const thawed = await rotate(3, 3)
    expect(await weightOf('provider', thawed)).toBe(50_000n * OPG)
    await seize(4, operator('verifier', 0), 'verifier', 10_000)
    expect(await agreed('verifier')).toHaveLength(3)
  })

  const keyOf = (index: number): Promise<Hex> =>
    chain.anvil.client.readContract({
      address: chain.network.contracts.stakeManager,
      abi: stakeManagerAbi,
      functionName: 'caseKey',
      args: [chain.network.contracts.evidence, caseId(index)],
    })
})
