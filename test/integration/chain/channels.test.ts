import { erc20Abi, type LocalAccount, parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountOf } from '../../../devnet/deploy.ts'
import { DEVNET_USDC } from '../../../devnet/stage.ts'
import {
  allowancePermitDigest,
  type Call,
  type ChainClient,
  type ChannelEvent,
  claimCall,
  claimWithSignatureCall,
  createSplitterCall,
  depositAuthorizationData,
  depositAuthorizationDigest,
  depositCall,
  depositPermitData,
  depositPermitDigest,
  distributeCall,
  finalizeWithdrawCall,
  initiateWithdrawCall,
  MAX_CLAIM_ROWS,
  readChannel,
  readChannels,
  readClaimResult,
  readEarnings,
  readReceiver,
  readTokenDomain,
  refundCall,
  refundWithSignatureCall,
  type Sent,
  type TokenDomain,
} from '../../../src/chain/index.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import {
  type Address,
  type ChannelConfig,
  type ClaimRow,
  channelIdOf,
  claimBatchDigest,
  createChannelDomain,
  type Digest,
  refundDigest,
  voucherDigest,
} from '../../../src/protocol/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../../support/devnetChain.ts'

const OPG = 10n ** 18n
const FAR = 4_000_000_000
const DELAY = 900
const NONCES = parseAbi(['function nonces(address owner) view returns (uint256)'])

const lower = (address: string): Address => address.toLowerCase() as Address
const saltOf = (index: number): Digest => `0x${index.toString(16).padStart(64, '0')}`
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('payment channels on chain', { timeout: 60_000 }, () => {
  let chain: TestChain
  /** Submits what payers signed; holds ether. */
  let relay: ChainClient
  /** The provider: operator key of the splitter's owner. */
  let provider: ChainClient
  let operator: LocalAccount
  let splitter: Address
  let domain: TokenDomain
  /** Holds OPG and never any ether. */
  const payer = accountOf(devnetPrivateKey(DEVNET_SEED, 'gasless', 0))
  const session = accountOf(devnetPrivateKey(DEVNET_SEED, 'session', 0))
  let salts = 0

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 3, provider: 1 })
    operator = chain.of('provider')[0]!.operator
    relay = chain.client({ signer: chain.payer })
    provider = chain.client({ signer: operator })
    await Promise.all([relay.start(), provider.start()])
    await sent(relay, createSplitterCall(chain.network.contracts, lower(operator.address)))
    splitter = (await readEarnings(relay, lower(operator.address))).splitter
    domain = await readTokenDomain(relay, chain.network.contracts.opg)
    const hash = await chain.anvil.client.writeContract({
      ...{ account: chain.payer, address: chain.network.contracts.opg, abi: erc20Abi },
      ...{ functionName: 'transfer', args: [payer.address, 1_000n * OPG] },
    })
    await chain.anvil.client.waitForTransactionReceipt({ hash })
  })

  afterAll(() => chain.stop())

  const channelDomain = () => createChannelDomain(chain.network.chainId, chain.network.contracts.paymentChannels)
  const idOf = (config: ChannelConfig): Digest => channelIdOf(channelDomain(), config)

  async function sent(client: ChainClient, call: Call): Promise<Sent> {
    const result = await client.send(call)
    if (!result.ok) throw result.error
    return result.value
  }

  function newChannel(): { readonly config: ChannelConfig; readonly channelId: Digest } {
    salts += 1
    const config: ChannelConfig = {
      payer: lower(payer.address),
      payerAuthorizer: lower(session.address),
      receiver: splitter,
      receiverAuthorizer: lower(operator.address),
      token: chain.network.contracts.opg,
      withdrawDelay: DELAY,
      salt: saltOf(salts),
    }
    return { config, channelId: idOf(config) }
  }

  async function authorizedDeposit(config: ChannelConfig, amount: bigint): Promise<Call> {
    const collector = chain.network.contracts.erc3009DepositCollector
    const window = { validAfter: 0, validBefore: FAR, salt: BigInt(config.salt) }
    const hash = depositAuthorizationDigest(domain, {
      ...{ payer: config.payer, collector, amount, channelId: idOf(config) },
      ...window,
    })
    const data = depositAuthorizationData(window, await payer.sign!({ hash }))
    return depositCall(chain.network.contracts, config, amount, collector, data)
  }

  async function permittedDeposit(config: ChannelConfig, amount: bigint): Promise<Call> {
    const { permit2, permit2DepositCollector: collector, opg } = chain.network.contracts
    const terms = { nonce: BigInt(config.salt), deadline: FAR }
    const permit = { token: opg, amount, collector, channelId: idOf(config), ...terms }
    const nonce = await chain.anvil.client.readContract({
      ...{ address: opg, abi: NONCES, functionName: 'nonces', args: [payer.address] },
    })
    const allowance = { owner: lower(payer.address), permit2, amount, nonce, deadline: FAR }
    const data = depositPermitData(
      terms,
      await payer.sign!({ hash: depositPermitDigest(chain.network.chainId, permit2, permit) }),
      { permit: allowance, signature: await payer.sign!({ hash: allowancePermitDigest(domain, allowance) }) },
    )
    return depositCall(chain.network.contracts, config, amount, collector, data)
  }

  async function fundedChannel(amount: bigint) {
    const channel = newChannel()
    await sent(relay, await authorizedDeposit(channel.config, amount))
    return channel
  }

  async function rowOf(config: ChannelConfig, amount: bigint, totalClaimed = amount): Promise<ClaimRow> {
    const channel = idOf(config)
    const signature = await session.sign!({ hash: voucherDigest(channelDomain(), { channel, amount }) })
    return { config, voucher: { channel, amount, signature }, totalClaimed }
  }

  const balanceOf = (account: Address): Promise<bigint> =>
    chain.anvil.client.readContract({
      ...{ address: chain.network.contracts.opg, abi: erc20Abi, functionName: 'balanceOf', args: [account] },
    })

  it('are of tokens whose domain is read as they tell it', async () => {
    const { chainId, contracts } = chain.network
    expect(domain).toEqual({ name: 'OPG', version: '1', chainId, token: contracts.opg })
    const dollar = await readTokenDomain(relay, DEVNET_USDC)
    expect(dollar).toEqual({ name: 'USDC', version: '2', chainId, token: DEVNET_USDC })
    const none = await readTokenDomain(relay, contracts.permit2).catch((error: unknown) => error)
    expect(none).toMatchObject({ name: 'ChainError' })
  })

  it('are filled by others with what a payer without ether signed (R23)', async () => {
    const [first, second, empty] = [newChannel(), newChannel(), newChannel()]
    const before = await balanceOf(lower(payer.address))
    await sent(relay, await authorizedDeposit(first.config, 3n * OPG))
    const last = await sent(relay, await permittedDeposit(second.config, 2n * OPG))
    expect(await chain.anvil.client.getBalance({ address: payer.address })).toBe(0n)
    expect(before - (await balanceOf(lower(payer.address)))).toBe(5n * OPG)
    const ids = [first, second, empty].map(({ channelId }) => channelId)
    const { block, states } = await readChannels(relay, ids, 'latest')
    expect(block.number).toBeGreaterThanOrEqual(last.blockNumber)
    const none = { totalClaimed: 0n, pendingWithdrawal: undefined, refundNonce: 0n }
    expect(states).toEqual([3n * OPG, 2n * OPG, 0n].map((balance) => ({ balance, ...none })))
    expect(await last.safe).toMatchObject({ ok: true })
    const safe = await readChannel(relay, second.channelId, 'safe')
    expect(safe).toMatchObject({ balance: 2n * OPG, ...none })
    expect(await relay.confidenceOf(safe.block)).toMatch(/safe|finalized/)
  })

  it('are claimed many at once through the splitter, and one bad row hurts no other (R25)', async () => {
    const channels = await Promise.all([4n, 5n, 6n].map((amount) => fundedChannel(amount * OPG)))
    const [good, over, other] = channels as [(typeof channels)[0], (typeof channels)[0], (typeof channels)[0]]
    const forged = await rowOf(other.config, OPG)
    const rows = [
      await rowOf(good.config, 4n * OPG, 3n * OPG),
      await rowOf(over.config, 50n * OPG),
      { ...forged, voucher: { ...forged.voucher, amount: 2n * OPG } },
      await rowOf(other.config, 6n * OPG, 5n * OPG),
    ]
    const { transaction } = await sent(provider, claimCall(splitter, rows))
    expect(await readClaimResult(provider, splitter, transaction)).toMatchObject({
      transaction,
      claimed: [
        { channelId: good.channelId, amount: 3n * OPG, totalClaimed: 3n * OPG },
        { channelId: other.channelId, amount: 5n * OPG, totalClaimed: 5n * OPG },
      ],
      failed: [
        { row: 1, reason: 'ClaimExceedsBalance' },
        { row: 2, reason: 'InvalidSignature' },
      ],
    })
    const owed = await readReceiver(relay, splitter, chain.network.contracts.opg)
    expect(owed).toEqual({ totalClaimed: 8n * OPG, totalSettled: 0n })
    const payout = lower(chain.of('provider')[0]!.owner.address)
    const before = await balanceOf(payout)
    await sent(relay, distributeCall(chain.network.contracts, splitter))
    expect((await balanceOf(payout)) - before).toBe((8n * OPG * 80n) / 100n)
    expect((await readReceiver(relay, splitter, chain.network.contracts.opg)).totalSettled).toBe(8n * OPG)
    expect(await readClaimResult(provider, splitter, saltOf(1))).toBeUndefined()
  })

  it('are claimed by anyone with the operator’s signature of the rows', async () => {
    const { config, channelId } = await fundedChannel(2n * OPG)
    const rows = [await rowOf(config, OPG)]
    const signature = await operator.sign!({ hash: claimBatchDigest(channelDomain(), rows) })
    const wrong = await relay.send(claimWithSignatureCall(splitter, [await rowOf(config, 2n * OPG)], signature))
    expect(wrong.ok ? undefined : wrong.error.detail).toMatchObject({ error: 'BadOperatorSignature' })
    await sent(relay, claimWithSignatureCall(splitter, rows, signature))
    expect(await readChannel(relay, channelId, 'latest')).toMatchObject({ balance: 2n * OPG, totalClaimed: OPG })
  })

  it('are never claimed with no rows, or with more than a splitter takes', () => {
    const { config, channelId } = newChannel()
    const row = { config, voucher: { channel: channelId, amount: 1n, signature: '0x' as const }, totalClaimed: 1n }
    expect(() => claimCall(splitter, [])).toThrow(RangeError)
    expect(() =>
      claimCall(
        splitter,
        Array.from({ length: MAX_CLAIM_ROWS + 1 }, () => row),
      ),
    ).toThrow(RangeError)
  })

  it('are paid back by the provider, or by anyone with its signature of the present nonce', async () => {
    const { config, channelId } = await fundedChannel(3n * OPG)
    const before = await balanceOf(config.payer)
    await sent(provider, refundCall(chain.network.contracts, config, OPG))
    expect(await readChannel(relay, channelId, 'latest')).toMatchObject({ balance: 2n * OPG, refundNonce: 1n })
    const refund = { amount: 2n * OPG, nonce: 1n }
    const hash = refundDigest(channelDomain(), channelId, refund.nonce, refund.amount)
    const signature = await operator.sign!({ hash })
    await sent(relay, refundWithSignatureCall(chain.network.contracts, config, { ...refund, signature }))
    expect((await balanceOf(config.payer)) - before).toBe(3n * OPG)
    const again = await relay.send(refundWithSignatureCall(chain.network.contracts, config, { ...refund, signature }))
    expect(again.ok ? undefined : again.error.detail).toMatchObject({ error: 'InvalidRefundNonce' })
  })

  it('tell who follows them what happens, in order, of the channels it names', async () => {
    const [watched, unwatched] = [newChannel(), newChannel()]
    const events: ChannelEvent[] = []
    const unfollow = provider.followChannels({
      channels: () => [watched.channelId],
      onEvent: (event) => events.push(event),
      onRetracted: () => expect.unreachable(),
    })
    await chain.anvil.client.setBalance({ address: session.address, value: OPG })
    const withdrawer = chain.client({ signer: session })
    await withdrawer.start()
    const deposit = await sent(relay, await authorizedDeposit(watched.config, 3n * OPG))
    await sent(relay, await authorizedDeposit(unwatched.config, OPG))
    await sent(provider, claimCall(splitter, [await rowOf(watched.config, OPG)]))
    await sent(provider, refundCall(chain.network.contracts, watched.config, OPG))
    const leave = await sent(withdrawer, initiateWithdrawCall(chain.network.contracts, watched.config, OPG))
    await until(() => events.length >= 4)
    const { channelId } = watched
    const { timestamp } = (await relay.blockByNumber(leave.blockNumber))!
    expect(events).toEqual([
      expect.objectContaining({ type: 'deposited', channelId, amount: 3n * OPG, balance: 3n * OPG }),
      expect.objectContaining({ type: 'claimed', channelId, amount: OPG, totalClaimed: OPG }),
      expect.objectContaining({ type: 'refunded', channelId, amount: OPG }),
      expect.objectContaining({
        ...{ type: 'withdraw-initiated', channelId, amount: OPG, transaction: leave.transaction },
        ...{ blockNumber: leave.blockNumber, blockHash: leave.blockHash, finalizeAfter: timestamp / 1_000 + DELAY },
      }),
    ])
    expect(events[0]).toMatchObject({ transaction: deposit.transaction, blockHash: deposit.blockHash })
    const { pendingWithdrawal } = await readChannel(relay, channelId, 'latest')
    expect(pendingWithdrawal).toEqual({ amount: OPG, initiatedAt: timestamp / 1_000 })
    unfollow()
  })

  it('take a deposit back that a reorganisation undid, and tell it again where it came again (R22, R24)', async () => {
    const { config, channelId } = newChannel()
    const told: (readonly ['told' | 'undone', ChannelEvent])[] = []
    const unfollow = provider.followChannels({
      channels: () => [channelId],
      onEvent: (event) => told.push(['told', event]),
      onRetracted: (event) => told.push(['undone', event]),
    })
    const call = await authorizedDeposit(config, 2n * OPG)
    const deposit = async (): Promise<Digest> => {
      const hash = await chain.anvil.client.sendTransaction({ account: chain.payer, ...call })
      return (await chain.anvil.client.waitForTransactionReceipt({ hash })).blockHash
    }
    const first = await deposit()
    await until(() => told.length === 1)
    const depth = provider.head().number - told[0]![1].blockNumber + 2
    await chain.anvil.reorg(depth)
    await until(() => told.length === 2)
    expect(await readChannel(provider, channelId, 'latest')).toMatchObject({ balance: 0n })
    const second = await deposit()
    await until(() => told.length === 3)
    expect(told.map(([what, { type, blockHash }]) => [what, type, blockHash])).toEqual([
      ['told', 'deposited', first],
      ['undone', 'deposited', first],
      ['told', 'deposited', second],
    ])
    expect((await readChannel(provider, channelId, 'latest')).balance).toBe(2n * OPG)
    unfollow()
  })

  it('report a handler that throws, and go on', async () => {
    const { config, channelId } = newChannel()
    const seen: string[] = []
    const unfollow = provider.followChannels({
      channels: () => [channelId],
      onEvent: ({ type }) => {
        seen.push(type)
        throw new RangeError('a handler of a test')
      },
      onRetracted: () => undefined,
      from: provider.head().number,
    })
    const before = chain.faults.length
    await sent(relay, await authorizedDeposit(config, OPG))
    await sent(provider, refundCall(chain.network.contracts, config, OPG))
    await until(() => seen.length === 2)
    expect(seen).toEqual(['deposited', 'refunded'])
    expect(chain.faults.slice(before).map(({ message }) => message)).toEqual(
      Array.from({ length: 2 }, () => 'a handler of a test'),
    )
    unfollow()
  })

  it('pay a payer back that leaves, once the delay is over', async () => {
    const { config, channelId } = await fundedChannel(2n * OPG)
    const withdrawer = chain.client({ signer: session })
    await withdrawer.start()
    const { blockNumber } = await sent(withdrawer, initiateWithdrawCall(chain.network.contracts, config, 2n * OPG))
    const early = await withdrawer.send(finalizeWithdrawCall(chain.network.contracts, config))
    expect(early.ok ? undefined : early.error.detail).toMatchObject({ error: 'WithdrawDelayNotElapsed' })
    const initiated = (await withdrawer.blockByNumber(blockNumber))!.timestamp / 1_000
    await sent(provider, claimCall(splitter, [await rowOf(config, OPG)]))
    await chain.anvil.setTime(initiated + DELAY + 1)
    const before = await balanceOf(config.payer)
    const left = await until(() => withdrawer.head().timestamp / 1_000 > initiated + DELAY).then(() =>
      sent(withdrawer, finalizeWithdrawCall(chain.network.contracts, config)),
    )
    expect((await balanceOf(config.payer)) - before).toBe(OPG)
    expect(left.gasUsed).toBeGreaterThan(0n)
    expect(await readChannel(relay, channelId, 'latest')).toMatchObject({
      ...{ balance: OPG, totalClaimed: OPG, pendingWithdrawal: undefined },
    })
  })
})
