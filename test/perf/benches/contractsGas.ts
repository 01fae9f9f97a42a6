import { randomBytes } from 'node:crypto'
import {
  type Abi,
  type ContractFunctionArgs,
  type ContractFunctionName,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  keccak256,
  type LocalAccount,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { anchorCall } from '../../../src/chain/batches.ts'
import {
  batchAnchorAbi,
  committeeAbi,
  evidenceAbi,
  feeSplitterAbi,
  feeSplitterFactoryAbi,
  opgAbi,
  paymentChannelsAbi,
  stakeManagerAbi,
} from '../../../src/chain/index.ts'
import { toAbi } from '../../../src/chain/structs.ts'
import {
  type Address,
  BATCH,
  type Batch,
  bytesToHex,
  CHECKPOINT,
  type Checkpoint,
  createDomain,
  type Digest,
  digestOf,
} from '../../../src/protocol/index.ts'
import { startTestChain, type TestChain } from '../../support/devnetChain.ts'
import type { Bench } from '../bench.ts'
import { dataBytes } from '../fastLz.ts'

const VERIFIERS = 64
const SIGNATURES = 15
const CHANNELS = 100
const GAS = 16_777_216n
const OPG = 10n ** 18n
const ETHER = 10n ** 18n
const DAY = 86_400

/** Gas and data of whole transactions, as a chain with Osaka's rules and its cap on the gas of one counts them. */
export const contractsGas: Bench = {
  name: 'contractsGas',
  summary: 'gas of the transactions a network sends most, on anvil with osaka rules and the transaction gas cap',
  targets: {
    anchorGasPerJob1000: { op: '<=', value: 160 },
    anchorGasPerJob10000: { op: '<=', value: 16 },
    anchorDaBytes: { op: '<=', value: 1_700 },
    claimGasPerChannel100: { op: '<=', value: 22_500 },
    openGas64: { op: '<=', value: 800_000 },
    equivocationSlashGas: { op: '<=', value: 120_000 },
  },
  run: async ({ progress }) => {
    const chain = await startTestChain({ verifier: VERIFIERS, provider: 2, settler: 1 })
    try {
      const ledger = await openLedger(chain)
      progress(`${VERIFIERS} verifiers seated`)
      const openGas64 = await openEpoch(chain, ledger)
      progress(`epoch opened: ${openGas64} gas`)
      await anchor(chain, ledger, 1_000)
      const thousand = await anchor(chain, ledger, 1_000)
      const tenThousand = await anchor(chain, ledger, 10_000)
      progress(`batch anchored: ${thousand.gas} gas`)
      const equivocationSlashGas = await slash(chain, ledger)
      progress(`equivocation slashed: ${equivocationSlashGas} gas`)
      const claimGas = await claim(chain, ledger, progress)
      return {
        anchorGasPerJob1000: thousand.gas / 1_000,
        anchorGasPerJob10000: tenThousand.gas / 10_000,
        anchorGas: thousand.gas,
        anchorDaBytes: Math.max(thousand.bytes, tenThousand.bytes),
        openGas64,
        equivocationSlashGas,
        claimGasPerChannel100: claimGas / CHANNELS,
        claimGas,
      }
    } finally {
      await chain.stop()
    }
  },
}

interface Mined {
  readonly gas: number
  readonly signed: Hex
}

/** Sends transactions one after the other, each into a block of its own. */
interface Ledger {
  send(from: LocalAccount, to: Address, data: Hex): Promise<Mined>
  read<const A extends Abi, F extends ContractFunctionName<A, 'pure' | 'view'>>(
    call: { readonly address: Address; readonly abi: A; readonly functionName: F } & {
      readonly args?: ContractFunctionArgs<A, 'pure' | 'view', F>
    },
  ): Promise<unknown>
}

async function openLedger({ anvil }: TestChain): Promise<Ledger> {
  const { client, chainId } = anvil
  await client.setIntervalMining({ interval: 0 })
  await client.setAutomine(true)
  return {
    async send(from, to, data) {
      const nonce = await client.getTransactionCount({ address: from.address, blockTag: 'pending' })
      if (from.signTransaction === undefined) throw new TypeError('expected an account that signs')
      const signed = await from.signTransaction({
        type: 'eip1559',
        chainId,
        nonce,
        to,
        data,
        gas: GAS,
        maxFeePerGas: 100n * 10n ** 9n,
        maxPriorityFeePerGas: 1n,
      })
      const hash = await client.sendRawTransaction({ serializedTransaction: signed })
      const receipt = await client.waitForTransactionReceipt({ hash })
      if (receipt.status !== 'success') throw new Error(`expected the transaction to ${to} to succeed, it reverted`)
      return { gas: Number(receipt.gasUsed), signed }
    },
    read: (call) => client.readContract(call as Parameters<typeof client.readContract>[0]),
  }
}

const lower = (account: LocalAccount): Address => account.address.toLowerCase() as Address
const random32 = (): Digest => bytesToHex(randomBytes(32))

async function openEpoch({ anvil, network, payer }: TestChain, ledger: Ledger): Promise<number> {
  const { committee, stakeManager } = network.contracts
  const { timestamp } = await anvil.client.getBlock()
  const epochs = (timestamp - BigInt(network.genesisTimestamp)) / BigInt(network.epochSeconds)
  const next = BigInt(network.genesisTimestamp) + (epochs + 1n) * BigInt(network.epochSeconds) + 1n
  await anvil.client.setNextBlockTimestamp({ timestamp: next })
  await anvil.client.mine({ blocks: 1 })
  const epoch = (await ledger.read({
    address: stakeManager,
    abi: stakeManagerAbi,
    functionName: 'currentEpoch',
  })) as bigint
  const order = (await ledger.read({
    address: committee,
    abi: committeeAbi,
    functionName: 'currentOrder',
  })) as readonly number[]
  if (order.length !== VERIFIERS) throw new Error(`expected ${VERIFIERS} seats, got ${order.length}`)
  const data = encodeFunctionData({ abi: committeeAbi, functionName: 'open', args: [epoch, order] })
  return (await ledger.send(payer, committee, data)).gas
}

/** Anchors a batch whose every field is full: what a busy network sends. */
async function anchor(
  chain: TestChain,
  ledger: Ledger,
  jobs: number,
): Promise<{ readonly gas: number; readonly bytes: number }> {
  const { anvil, network, operators } = chain
  const { batchAnchor, committee, stakeManager } = network.contracts
  const read = (functionName: 'lastNumber') => ledger.read({ address: batchAnchor, abi: batchAnchorAbi, functionName })
  const last = (await read('lastNumber')) as bigint
  const previous = (await ledger.read({
    address: batchAnchor,
    abi: batchAnchorAbi,
    functionName: 'digestOf',
    args: [last],
  })) as Digest
  const epoch = (await ledger.read({
    address: stakeManager,
    abi: stakeManagerAbi,
    functionName: 'currentEpoch',
  })) as bigint
  const [settler] = chain.of('settler')
  if (settler === undefined) throw new Error('expected a settler')
  const { timestamp } = await anvil.client.getBlock()
  const batch: Batch = {
    number: Number(last) + 1,
    previous,
    epoch: Number(epoch),
    settler: lower(settler.operator),
    checkpointsRoot: random32(),
    leaves: 64,
    votesRoot: random32(),
    auditsRoot: random32(),
    auditOf: Number(last),
    jobs,
    rejected: 17,
    acceptedFee: 5_123_456_789_012_345_678n,
    mac: 6_123_456_789_012_345n,
    data: random32(),
    cutoff: Number(timestamp) * 1_000,
  }
  const digest = digestOf(createDomain(network.chainId, stakeManager, network.networkId), BATCH, batch)
  const [seats] = (await ledger.read({
    address: committee,
    abi: committeeAbi,
    functionName: 'signingSet',
    args: [epoch],
  })) as readonly [readonly { readonly verifier: string }[], bigint]
  const keys = new Map(operators.map(({ operator }) => [lower(operator), operator]))
  const signatures = await Promise.all(
    seats
      .slice(0, SIGNATURES)
      .map(({ verifier }) => keys.get(verifier.toLowerCase() as Address)!.sign!({ hash: digest })),
  )
  const { data } = anchorCall(batchAnchor, batch, (1n << BigInt(SIGNATURES)) - 1n, signatures)
  const { gas, signed } = await ledger.send(settler.operator, batchAnchor, data)
  return { gas, bytes: dataBytes(signed) }
}

/** Two checkpoints of one sequence: the provider loses everything, whoever shows it is paid later. */
async function slash(chain: TestChain, ledger: Ledger): Promise<number> {
  const { network, payer } = chain
  const { evidence, stakeManager } = network.contracts
  const [provider] = chain.of('provider')
  if (provider === undefined) throw new Error('expected a provider')
  const checkpoint: Checkpoint = {
    operator: lower(provider.operator),
    grant: random32(),
    sequence: 41,
    previous: random32(),
    firstSequence: 4_017,
    count: 200,
    receiptsRoot: random32(),
    totalFee: 3_123_456_789_012_345_678n,
    epoch: 3,
    blockNumber: 31_234_567,
    blockHash: random32(),
    createdAt: Date.now(),
  }
  const domain = createDomain(network.chainId, stakeManager, network.networkId)
  const sign = async (value: Checkpoint) => ({
    checkpoint: toAbi(CHECKPOINT, value),
    signature: await provider.operator.sign!({ hash: digestOf(domain, CHECKPOINT, value) }),
  })
  const args = [await sign(checkpoint), await sign({ ...checkpoint, receiptsRoot: random32() })] as const
  const data = encodeFunctionData({ abi: evidenceAbi, functionName: 'checkpointEquivocation', args })
  return (await ledger.send(payer, evidence, data)).gas
}

/** A hundred channels of a hundred payers, each claimed for the first time, one of them with a wrong voucher. */
async function claim(chain: TestChain, ledger: Ledger, progress: (message: string) => void): Promise<number> {
  const { anvil, network, payer } = chain
  const { opg, paymentChannels, erc3009DepositCollector, feeSplitterFactory } = network.contracts
  const [, provider] = chain.of('provider')
  if (provider === undefined) throw new Error('expected a second provider')
  const operator = provider.operator
  const factory = { address: feeSplitterFactory, abi: feeSplitterFactoryAbi } as const
  await ledger.send(
    payer,
    feeSplitterFactory,
    encodeFunctionData({ ...factory, functionName: 'create', args: [operator.address] }),
  )
  const splitter = (await ledger.read({ ...factory, functionName: 'splitterOf', args: [operator.address] })) as Address
  const rows = []
  const deposit = OPG
  for (let index = 0; index < CHANNELS; index += 1) {
    const account = privateKeyToAccount(generatePrivateKey())
    await anvil.client.setBalance({ address: account.address, value: ETHER })
    const transfer = encodeFunctionData({ abi: opgAbi, functionName: 'transfer', args: [account.address, deposit] })
    await ledger.send(payer, opg, transfer)
    const config = {
      payer: account.address,
      payerAuthorizer: account.address,
      receiver: splitter,
      receiverAuthorizer: operator.address,
      token: opg,
      withdrawDelay: DAY,
      salt: random32(),
    }
    const channels = { address: paymentChannels, abi: paymentChannelsAbi } as const
    const channelId = (await ledger.read({ ...channels, functionName: 'getChannelId', args: [config] })) as Digest
    const collectorData = await authorize(chain, account, { collector: erc3009DepositCollector, channelId, deposit })
    await ledger.send(
      payer,
      paymentChannels,
      encodeFunctionData({
        ...channels,
        functionName: 'deposit',
        args: [config, deposit, erc3009DepositCollector, collectorData],
      }),
    )
    const ceiling = deposit - BigInt(index)
    const digest = (await ledger.read({
      ...channels,
      functionName: 'getVoucherDigest',
      args: [channelId, ceiling],
    })) as Digest
    const signer = index === CHANNELS / 2 ? privateKeyToAccount(generatePrivateKey()) : account
    rows.push({
      voucher: { channel: config, maxClaimableAmount: ceiling },
      signature: await signer.sign({ hash: digest }),
      totalClaimed: ceiling - 12_345n,
    })
    if ((index + 1) % 25 === 0) progress(`${index + 1} channels opened`)
  }
  const { gas } = await ledger.send(
    operator,
    splitter,
    encodeFunctionData({ abi: feeSplitterAbi, functionName: 'claim', args: [rows] }),
  )
  const claimed = await Promise.all(
    rows.map(async ({ voucher }) => {
      const channels = { address: paymentChannels, abi: paymentChannelsAbi } as const
      const id = (await ledger.read({ ...channels, functionName: 'getChannelId', args: [voucher.channel] })) as Digest
      const [, total] = (await ledger.read({ ...channels, functionName: 'channels', args: [id] })) as [bigint, bigint]
      return total > 0n
    }),
  )
  const hurt = claimed.filter((isClaimed) => !isClaimed).length
  if (hurt !== 1) throw new Error(`expected one bad row to fail alone, got ${hurt} unclaimed channels`)
  return gas
}

async function authorize(
  { network }: TestChain,
  account: LocalAccount,
  {
    collector,
    channelId,
    deposit,
  }: { readonly collector: Address; readonly channelId: Digest; readonly deposit: bigint },
): Promise<Hex> {
  const [validAfter, validBefore, salt] = [0n, 2n ** 48n - 1n, 7n]
  const nonce = keccak256(encodeAbiParameters([{ type: 'bytes32' }, { type: 'uint256' }], [channelId, salt]))
  const signature = await account.signTypedData({
    domain: { name: 'OPG', version: '1', chainId: network.chainId, verifyingContract: network.contracts.opg },
    types: {
      ReceiveWithAuthorization: [
        { name: 'from', type: 'address' },
        { name: 'to', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' },
        { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'ReceiveWithAuthorization',
    message: { from: account.address, to: collector, value: deposit, validAfter, validBefore, nonce },
  })
  return encodeAbiParameters(
    [{ type: 'uint256' }, { type: 'uint256' }, { type: 'uint256' }, { type: 'bytes' }],
    [validAfter, validBefore, salt, signature],
  )
}
