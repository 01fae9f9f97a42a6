import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { encodeFunctionData, erc20Abi, type LocalAccount, toHex } from 'viem'
import { accountOf } from '../../devnet/deploy.ts'
import { type ChainClient, createSplitterCall, readEarnings } from '../../src/chain/index.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import { nodeSecp256k1 } from '../../src/node/index.ts'
import {
  type ChannelPayment,
  type ChannelService,
  type ClaimCandidate,
  type Claimer,
  type ClaimPolicy,
  createClaimer,
  createClaimMetrics,
  createDepositWallet,
  createPayeeChannels,
  Sendings,
} from '../../src/payment/index.ts'
import {
  type Address,
  type ChannelConfig,
  type ChannelDomain,
  channelIdOf,
  createChannelDomain,
  createSigner,
  type Digest,
  type Signer,
  type Voucher,
  voucherDigest,
} from '../../src/protocol/index.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from './devnetChain.ts'

export const OPG = 10n ** 18n
const crypto = nodeSecp256k1()
const lower = (text: string): Address => text.toLowerCase() as Address

/** Resolves once `holds` does. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(25)
}

/** A process of the provider that can be killed: what it keeps lies in one store. */
export interface PayeeProcess {
  readonly chain: ChainClient
  readonly store: Store
  readonly sendings: Sendings
  readonly channels: ChannelService
  claimer(policy?: Partial<ClaimPolicy>): Claimer
  readonly logs: object[]
  /** Everything ends in order; the store stays on disk. */
  stop(): Promise<void>
}

/** One chain, one provider with its splitter, payers without ether, and vouchers on demand. */
export interface PaymentWorld {
  readonly chain: TestChain
  readonly domain: ChannelDomain
  readonly operator: LocalAccount
  readonly signer: Signer
  readonly splitter: Address
  readonly payout: Address
  /** Reads only. */
  readonly reader: ChainClient
  /** Holds OPG and no ether. */
  readonly payer: LocalAccount
  newChannel(): { readonly config: ChannelConfig; readonly channel: Digest }
  voucher(config: ChannelConfig, amount: bigint): Voucher
  deposit(
    config: ChannelConfig,
    amount: bigint,
    method?: 'eip3009' | 'permit2',
  ): Promise<Extract<ChannelPayment, { kind: 'deposit' }>>
  candidate(config: ChannelConfig, amount: bigint, changes?: Partial<ClaimCandidate['row']>): ClaimCandidate
  payee(candidates?: () => readonly ClaimCandidate[], directory?: string): Promise<PayeeProcess>
  directory(): Promise<string>
  balanceOf(account: Address): Promise<bigint>
  stop(): Promise<void>
}

const POLICY: ClaimPolicy = { etherPrice: 30_000n * OPG, maxGasShare: 20_000, maxAgeMs: 3_600_000 }

export async function startPaymentWorld(): Promise<PaymentWorld> {
  const chain = await startTestChain({ verifier: 3, provider: 1 })
  const { contracts, chainId } = chain.network
  const provider = chain.of('provider')[0]!
  const signer = createSigner(crypto, devnetPrivateKey(DEVNET_SEED, 'provider', 0))
  const session = createSigner(crypto, devnetPrivateKey(DEVNET_SEED, 'session', 0))
  const payer = accountOf(devnetPrivateKey(DEVNET_SEED, 'gasless', 0))
  const reader = chain.client({ signer: chain.payer })
  await reader.start()
  const domain = createChannelDomain(chainId, contracts.paymentChannels)
  const made = await reader.send(createSplitterCall(contracts, signer.address))
  if (!made.ok) throw made.error
  const { splitter } = await readEarnings(reader, signer.address)
  const funded = await reader.send({
    to: contracts.opg,
    data: encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [payer.address, 100_000n * OPG] }),
  })
  if (!funded.ok) throw funded.error
  const directories: string[] = []
  const processes: PayeeProcess[] = []
  let salts = 0

  const newDirectory = async (): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), 'opg-payee-'))
    directories.push(directory)
    return directory
  }
  const voucher = (config: ChannelConfig, amount: bigint): Voucher => {
    const channel = channelIdOf(domain, config)
    return { channel, amount, signature: session.sign(voucherDigest(domain, { channel, amount })) }
  }
  return {
    ...{ chain, domain, signer, splitter, reader, payer, voucher, directory: newDirectory },
    operator: provider.operator,
    payout: lower(provider.owner.address),
    newChannel() {
      salts += 1
      const config: ChannelConfig = {
        payer: lower(payer.address),
        payerAuthorizer: session.address,
        receiver: splitter,
        receiverAuthorizer: signer.address,
        token: contracts.opg,
        withdrawDelay: 900,
        salt: toHex(salts, { size: 32 }),
      }
      return { config, channel: channelIdOf(domain, config) }
    },
    async deposit(config, amount, method = 'eip3009') {
      // Time that a test has moved reaches this follower with its next look at the chain.
      const { timestamp } = await chain.anvil.client.getBlock()
      await until(() => reader.chainNow() >= Number(timestamp) * 1_000)
      const random = (length: number): Uint8Array => globalThis.crypto.getRandomValues(new Uint8Array(length))
      const wallet = createDepositWallet({ account: payer, chain: reader, random }, { method })
      const authorization = await wallet.authorize(config, amount)
      return { kind: 'deposit', config, voucher: voucher(config, 0n), amount, authorization }
    },
    candidate(config, amount, changes = {}) {
      return { row: { config, voucher: voucher(config, amount), totalClaimed: amount, ...changes }, closing: false }
    },
    async payee(candidates = () => [], directory) {
      const logs: object[] = []
      const log = (fields: object, message: string): void => void logs.push({ ...fields, message })
      const logger = { info: log, warn: log, error: log }
      const client = chain.client({ signer: provider.operator })
      await client.start()
      const store = await openStore(directory ?? (await newDirectory()), { clock: Date.now, logger })
      const sendings = new Sendings({ chain: client, store, logger }, { account: signer.address })
      await sendings.start()
      const channels = createPayeeChannels({ chain: client, sendings, signer, logger }, { minDeposit: 1n })
      channels.start()
      const claimers: Claimer[] = []
      const process: PayeeProcess = {
        ...{ chain: client, store, sendings, channels, logs },
        claimer(policy = {}) {
          const metrics = createClaimMetrics(new Registry())
          const claimer = createClaimer(
            { chain: client, sendings, channels, source: { candidates }, metrics, logger },
            { operator: signer.address, splitter, policy: { ...POLICY, ...policy } },
          )
          claimers.push(claimer)
          return claimer
        },
        async stop() {
          await client.stop()
          await sendings.stop()
          await Promise.all(claimers.map((claimer) => claimer.stop()))
          await channels.stop()
          await store.close()
        },
      }
      processes.push(process)
      return process
    },
    balanceOf: (account) =>
      chain.anvil.client.readContract({
        ...{ address: contracts.opg, abi: erc20Abi, functionName: 'balanceOf', args: [account] },
      }),
    async stop() {
      await Promise.all(processes.map((process) => process.stop()))
      await chain.stop()
      await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
    },
  }
}
