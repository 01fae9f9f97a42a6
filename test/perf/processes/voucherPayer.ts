import type { NetworkFile } from '../../../src/chain/index.ts'
import { createHost, type Host, protocolName } from '../../../src/net/index.ts'
import { nodeKeccak } from '../../../src/node/keccak.ts'
import { formatPayment, requirementsJson, x402ContextOf } from '../../../src/payment/index.ts'
import { type Payee, provideKeccak, type Voucher } from '../../../src/protocol/index.ts'
import { typedStream } from '../../../src/roles/typedStream.ts'
import { encode, type InferClientFrame, type InferServerFrame } from '../../../src/wire/index.ts'
import { quiet } from '../../support/peers.ts'
import { type Driven, driveLanes, type Lane } from '../vouchers/drive.ts'
import { type SignedChannel, signedChannel, VOUCHER_STEP } from '../vouchers/signed.ts'
import { type CpuTimes, cpuBetween, cpuTimes, serveProcess } from './channel.ts'

/** Sends vouchers that were signed ahead to a provider, one stream a channel, and does nothing else. */

export interface VoucherPayerInit {
  readonly network: NetworkFile
  readonly privateKey: Uint8Array
  readonly provider: string
  readonly payee: Payee
  readonly channels: number
  /** Of each channel, signed before anything is measured. */
  readonly vouchers: number
}

export interface VoucherLoad extends Driven {
  readonly cpu: CpuTimes
}

type InferStream = ReturnType<typeof typedStream<'InferServerFrame', 'InferClientFrame'>>

let host: Host | undefined
let streams: readonly InferStream[] = []
let lanes: readonly Lane<Voucher>[] = []

const voucherFrame = (voucher: Voucher): InferClientFrame => ({ kind: 'voucher', value: voucher })

/** What a provider answers a payment or a voucher with, at the end. */
async function ledgerOf(stream: InferStream): Promise<Extract<InferServerFrame, { kind: 'ledger' }>['value']> {
  for (;;) {
    const frame = await stream.read({ timeoutMs: ANSWER_TIMEOUT_MS })
    if (frame?.kind === 'ledger') return frame.value
    if (frame?.kind === 'refusal') throw new Error(`${frame.value.code}: ${frame.value.message}`)
    if (frame?.kind !== 'settlement') throw new Error(`expected a ledger, got ${frame?.kind}`)
  }
}

const ANSWER_TIMEOUT_MS = 60_000

/** First contact: the channel's configuration, as x402 JSON, with its first voucher. */
async function show(stream: InferStream, { config, vouchers }: SignedChannel, init: VoucherPayerInit): Promise<void> {
  const context = x402ContextOf(init.network)
  const [voucher] = vouchers
  if (voucher === undefined) throw new RangeError('expected a voucher to show the channel with')
  const { splitter: payTo, token: asset, operator: receiverAuthorizer, minWithdrawDelay: withdrawDelay } = init.payee
  const accepted = requirementsJson(
    {
      ...{ asset, payTo, receiverAuthorizer, withdrawDelay, amount: VOUCHER_STEP },
      ...{ maxTimeoutSeconds: 60, name: 'OpenGradient', version: '1' },
    },
    context,
  )
  const payload = formatPayment({ kind: 'voucher', config, voucher }, { accepted, context })
  await stream.write({ kind: 'payment', value: { payload } })
  await ledgerOf(stream)
}

const methods = {
  /** Every channel shown once, and the greatest voucher frame's bytes, its length prefix included. */
  start: async (init: VoucherPayerInit): Promise<{ readonly frameBytes: number }> => {
    provideKeccak(nodeKeccak())
    const context = x402ContextOf(init.network)
    const channels = Array.from({ length: init.channels }, (_, index) =>
      signedChannel(context.domain, init.payee, index, init.vouchers),
    )
    host = createHost({
      ...{ privateKey: init.privateKey, listen: [], bootstrap: [], logger: quiet, clock: Date.now },
      ...{ networkId: init.network.networkId, profile: init.network.profile },
    })
    await host.start()
    const peer = await host.connect(init.provider)
    const { conduct } = host
    const opened: InferStream[] = []
    for (const channel of channels) {
      const raw = await host.openStream(peer, protocolName(init.network.networkId, 'infer'))
      const stream = typedStream(raw, 'InferServerFrame', 'InferClientFrame', conduct)
      await show(stream, channel, init)
      opened.push(stream)
    }
    streams = opened
    lanes = channels.map(({ vouchers }) => ({ items: vouchers, next: 1 }))
    const sizes = channels.flatMap(({ vouchers }) =>
      vouchers.map((voucher) => encode('InferClientFrame', voucherFrame(voucher)).length),
    )
    return { frameBytes: Math.max(...sizes) + LENGTH_PREFIX_BYTES }
  },
  /** The next `count` vouchers of every channel, all channels at once; each answer is looked at. */
  load: async (count: number): Promise<VoucherLoad> => {
    const before = cpuTimes()
    const driven = await driveLanes(lanes, count, async (voucher, lane) => {
      const stream = streams[lane]
      if (stream === undefined) throw new RangeError('expected start first')
      await stream.write(voucherFrame(voucher))
      const { authorized } = await ledgerOf(stream)
      if (authorized !== voucher.amount) throw new Error(`expected ${voucher.amount} authorized, got ${authorized}`)
    })
    return { ...driven, cpu: cpuBetween(before, cpuTimes()) }
  },
  stop: (): Promise<void> | undefined => host?.stop(),
}

/** Of a frame below 128 bytes. */
const LENGTH_PREFIX_BYTES = 1

export type VoucherPayerMethods = typeof methods

serveProcess(methods)
