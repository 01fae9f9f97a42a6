import { x402Facilitator } from '@x402/core/facilitator'
import { x402ResourceServer } from '@x402/core/server'
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types'
import { BatchSettlementEvmScheme as FacilitatorScheme } from '@x402/evm/batch-settlement/facilitator'
import { BatchSettlementEvmScheme as ServerScheme } from '@x402/evm/batch-settlement/server'
import { FileChannelStorage } from '@x402/evm/batch-settlement/server/file-storage'
import { privateKeyToAccount } from 'viem/accounts'
import type { NetworkFile } from '../../../src/chain/index.ts'
import { nodeKeccak } from '../../../src/node/keccak.ts'
import { formatPayment, x402ContextOf } from '../../../src/payment/index.ts'
import { bytesToHex, type Json, type Payee, provideKeccak } from '../../../src/protocol/index.ts'
import { type Driven, driveLanes, type Lane } from '../vouchers/drive.ts'
import { signedChannel, VOUCHER_STEP } from '../vouchers/signed.ts'
import { memoryChain } from '../vouchers/stockChain.ts'
import { type CpuTimes, cpuBetween, cpuTimes, serveProcess } from './channel.ts'

/** Takes vouchers with the stock classes of x402, in a process of its own, with no transport around them. */

export interface StockPayeeInit {
  readonly network: Pick<NetworkFile, 'chainId' | 'contracts'>
  readonly payee: Payee
  /** Of the payee's operator. */
  readonly privateKey: Uint8Array
  /** Of the stock file storage. */
  readonly directory: string
  readonly channels: number
  /** Of each channel, signed before anything is measured. */
  readonly vouchers: number
}

export interface StockLoad extends Driven {
  readonly cpu: CpuTimes
  /** Questions to the chain during the load. */
  readonly chainReads: number
}

interface Stock {
  readonly server: x402ResourceServer
  readonly requirements: PaymentRequirements
  /** `PaymentPayload` objects as JSON, by channel. */
  readonly lanes: readonly Lane<Uint8Array>[]
  readonly chainReads: () => number
}

let stock: Stock | undefined
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()]

const started = (): Stock => {
  if (stock === undefined) throw new RangeError('expected start first')
  return stock
}

/** From the bytes of a payment to those of its answer, as a merchant's server calls the classes. */
async function take({ server, requirements }: Stock, bytes: Uint8Array): Promise<Uint8Array> {
  const payment = JSON.parse(decoder.decode(bytes)) as PaymentPayload
  const matching = server.findMatchingRequirements([requirements], payment)
  if (matching === undefined) throw new Error('the payment is for something else')
  const verified = await server.verifyPayment(payment, matching)
  if (!verified.isValid) throw new Error(`not verified: ${verified.invalidReason} ${verified.invalidMessage}`)
  const settled = await server.settlePayment(payment, matching)
  if (!settled.success) throw new Error(`not settled: ${settled.errorReason}`)
  return encoder.encode(JSON.stringify(settled))
}

const methods = {
  start: async (init: StockPayeeInit): Promise<{ readonly paymentBytes: number }> => {
    const { network, payee, privateKey, directory, channels, vouchers } = init
    provideKeccak(nodeKeccak())
    const context = x402ContextOf(network)
    const chain = memoryChain()
    const facilitator = new x402Facilitator().register(context.network, new FacilitatorScheme(chain.signer))
    const account = privateKeyToAccount(bytesToHex(privateKey))
    const scheme = new ServerScheme(payee.splitter, {
      storage: new FileChannelStorage({ directory }),
      receiverAuthorizerSigner: account as never,
      withdrawDelay: payee.minWithdrawDelay,
    })
    const server = new x402ResourceServer({
      verify: (payload, requirements) => facilitator.verify(payload, requirements),
      settle: (payload, requirements) => facilitator.settle(payload, requirements),
      getSupported: async () => facilitator.getSupported() as never,
    }).register(context.network, scheme)
    await server.initialize()
    const [requirements] = await server.buildPaymentRequirements({
      scheme: 'batch-settlement',
      network: context.network,
      payTo: payee.splitter,
      price: { asset: payee.token, amount: `${VOUCHER_STEP}`, extra: { name: 'OpenGradient', version: '1' } },
    })
    if (requirements === undefined) throw new Error('expected requirements of the stock server')
    const accepted = requirements as unknown as Json
    const lanes = Array.from({ length: channels }, (_, index) => {
      const { config, vouchers: signed } = signedChannel(context.domain, payee, index, vouchers)
      const items = signed.map((voucher) => formatPayment({ kind: 'voucher', config, voucher }, { accepted, context }))
      return { items, next: 0 }
    })
    stock = { server, requirements, lanes, chainReads: chain.reads }
    return { paymentBytes: lanes.at(-1)?.items.at(-1)?.length ?? Number.NaN }
  },
  /** The next `count` vouchers of every channel, all channels at once. */
  load: async (count: number): Promise<StockLoad> => {
    const running = started()
    const before = { cpu: cpuTimes(), reads: running.chainReads() }
    const driven = await driveLanes(running.lanes, count, async (payment) => void (await take(running, payment)))
    return { ...driven, cpu: cpuBetween(before.cpu, cpuTimes()), chainReads: running.chainReads() - before.reads }
  },
  stop: (): void => {},
}

export type StockPayeeMethods = typeof methods

serveProcess(methods)
