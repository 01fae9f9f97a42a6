import type { ChildProcess } from 'node:child_process'
import { x402Client } from '@x402/core/client'
import { HTTPFacilitatorClient } from '@x402/core/server'
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types'
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/client'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { UptoEvmScheme } from '@x402/evm/upto/client'
import { erc20Abi, type LocalAccount } from 'viem'
import { DEVNET_USDC } from '../../devnet/stage.ts'
import { formatConfig, homeAt, writeWhole } from '../../src/node/index.ts'
import type { Address } from '../../src/protocol/index.ts'
import { type ChainHome, type ChainHomes, chainHomes } from './chainHomes.ts'
import { startTestChain, type TestChain } from './devnetChain.ts'
import { startOpg } from './opg.ts'

export const USDC_UNIT = 10n ** 6n

/** A facilitator in a process of its own, as `opg facilitator --json` announced it. */
export interface RunningFacilitator {
  readonly url: string
  readonly child: ChildProcess
  readonly client: HTTPFacilitatorClient
  /** All of its log so far. */
  log(): string
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface FacilitatorWorld {
  readonly chain: TestChain
  readonly homes: ChainHomes
  /** The home whose operator pays for gas. */
  readonly home: ChainHome
  readonly network: `eip155:${number}`
  /** Who has OPG and USDC. */
  readonly payer: LocalAccount
  start(settings?: { readonly settleSeconds?: number }): Promise<RunningFacilitator>
  usdcOf(address: Address): Promise<bigint>
  /** Blocks every second; without, only when asked. */
  mining(on: boolean): Promise<void>
  stop(): Promise<void>
}

export async function facilitatorWorld(): Promise<FacilitatorWorld> {
  const chain = await startTestChain({})
  const homes = await chainHomes(chain)
  const { client } = chain.anvil
  const mining = async (on: boolean): Promise<void> => {
    await client.setAutomine(false)
    await client.setIntervalMining({ interval: on ? 1 : 0 })
  }
  const home = await homes.home('facilitator', { wallet: false })
  await homes.fund(home.operator.address as Address)
  await mining(true)
  const started: RunningFacilitator[] = []
  return {
    ...{ chain, homes, home, mining, payer: chain.payer, network: `eip155:${chain.network.chainId}` },
    async start({ settleSeconds = 30 } = {}) {
      const config = { rpc: [chain.anvil.url], listen: [], facilitator: { tokens: [DEVNET_USDC], settleSeconds } }
      await writeWhole(homeAt(home.directory).configFile, formatConfig(config))
      const running = await startFacilitatorProcess(home.directory)
      started.push(running)
      return running
    },
    usdcOf: (address) =>
      client.readContract({ address: DEVNET_USDC, abi: erc20Abi, functionName: 'balanceOf', args: [address] }),
    async stop() {
      for (const running of started) await running.stop('SIGKILL')
      await homes.stop()
      await chain.stop()
    },
  }
}

async function startFacilitatorProcess(home: string): Promise<RunningFacilitator> {
  const child = startOpg(['facilitator', '--home', home, '--port', '0', '--json'])
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly url: string }>()
  let [log, out] = ['', '']
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    log += part
  })
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    out += part
    const end = out.indexOf('\n')
    if (end >= 0) resolve(JSON.parse(out.slice(0, end)))
  })
  closed.then((status) => reject(new Error(`the facilitator ended with ${status}: ${out}${log}`)))
  const { url } = await promise
  return {
    ...{ url, child, client: new HTTPFacilitatorClient({ url, timeoutMs: 120_000 }) },
    log: () => log,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      return await closed
    },
  }
}

/** A stock x402 client that pays with any token and scheme. */
export function stockClient(world: Pick<FacilitatorWorld, 'chain' | 'network'>, account: LocalAccount): x402Client {
  const { client } = world.chain.anvil
  const signer = {
    address: account.address,
    signTypedData: (message: unknown) => account.signTypedData(message as Parameters<LocalAccount['signTypedData']>[0]),
    readContract: (args: unknown) => client.readContract(args as Parameters<typeof client.readContract>[0]),
  }
  return new x402Client()
    .setSpendControls(false)
    .register(world.network, new ExactEvmScheme(signer as never))
    .register(world.network, new UptoEvmScheme(signer as never))
    .register(world.network, new BatchSettlementEvmScheme(signer as never, { depositPolicy: { depositMultiplier: 3 } }))
}

/** What a merchant would ask for: USDC by EIP-3009 unless changed. */
export const usdcTerms = (
  network: `eip155:${number}`,
  payTo: Address,
  changes: Partial<PaymentRequirements> = {},
): PaymentRequirements => ({
  scheme: 'exact',
  network,
  amount: '1000',
  asset: DEVNET_USDC,
  payTo,
  maxTimeoutSeconds: 300,
  extra: { name: 'USDC', version: '2' },
  ...changes,
})

/** A payment that a stock client signs for the terms. */
export const payFor = (
  client: x402Client,
  terms: PaymentRequirements,
  url = 'http://example.com/x',
): Promise<PaymentPayload> =>
  client.createPaymentPayload({ x402Version: 2, resource: { url }, accepts: [terms] } as never)
