import { join } from 'node:path'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import type { Payee } from '../../../src/protocol/index.ts'
import { DEVNET_SEED } from '../../support/devnetChain.ts'
import { devnetModel } from '../../support/peers.ts'
import type { Bench, Metrics } from '../bench.ts'
import { watchMachine } from '../machineLoad.ts'
import { type BenchProcess, cpuBetween, startProcess } from '../processes/channel.ts'
import { PROFILE_VARIABLE } from '../processes/profile.ts'
import type { ProviderMethods } from '../processes/provider.ts'
import type { StockPayeeMethods } from '../processes/stockPayee.ts'
import type { VoucherPayerMethods } from '../processes/voucherPayer.ts'
import { type ProviderStage, startProviderStage } from '../stage.ts'
import { costMs, latencyMs, perSecond } from '../vouchers/drive.ts'
import { fundChannels } from '../vouchers/fund.ts'

const CHANNELS = 32
/** Vouchers of each channel: the one that shows it, those of the warm-up, those that are measured. */
const OURS = { shown: 1, warmUp: 200, steady: 500 } as const
const STOCK = { warmUp: 20, steady: 60 } as const

/** What taking a voucher costs a provider, and beside it the same job through the stock classes of x402. */
export const voucher: Bench = {
  name: 'voucher',
  summary: `a voucher verified, stored with fsync and answered over libp2p, ${CHANNELS} channels at once; the stock x402 classes beside it`,
  targets: { voucherP50Ms: { op: '<=', value: 0.5 }, voucherFrameBytes: { op: '<=', value: 128 } },
  run: async ({ progress }) => {
    const stage = await startProviderStage(() => devnetModel('classifier'), { paid: true })
    try {
      const payee = await stage.provider.ask('payee', undefined)
      await fundChannels(stage.chain, payee, CHANNELS)
      progress(`${CHANNELS} channels funded`)
      const ours = await measureOurs(stage, payee, progress)
      await stage.provider.stop()
      const stock = await measureStock(stage, payee)
      return { ...ours, ...stock }
    } finally {
      await stage.stop()
    }
  },
}

async function measureOurs(
  { chain, provider, bootstrap, onStop }: ProviderStage,
  payee: Payee,
  progress: (message: string) => void,
): Promise<Metrics> {
  const payer = startProcess<VoucherPayerMethods>(new URL('../processes/voucherPayer.ts', import.meta.url), 'payer')
  onStop(() => payer.stop())
  const [address] = bootstrap
  if (address === undefined) throw new RangeError('expected a provider that listens')
  const { shown, warmUp, steady } = OURS
  const { frameBytes } = await payer.ask('start', {
    ...{ network: chain.network, provider: address, payee, channels: CHANNELS, vouchers: shown + warmUp + steady },
    privateKey: devnetPrivateKey(DEVNET_SEED, 'requester', 0),
  })
  await payer.ask('load', warmUp)
  progress('warm')
  const profiles = process.env[PROFILE_VARIABLE]
  if (profiles !== undefined) await provider.ask('startProfile', undefined)
  const machine = watchMachine()
  const before = await countersOf(provider)
  const load = await payer.ask('load', steady)
  const after = await countersOf(provider)
  const cpu = cpuBetween(before.cpu, after.cpu)
  const elsewhereCpuShare = machine.end(cpu.process + load.cpu.process)
  if (profiles !== undefined) await provider.ask('stopProfile', join(profiles, 'provider.cpuprofile'))
  await payer.stop()
  const taken = load.answeredAt.length
  return {
    voucherP50Ms: costMs(load),
    vouchersPerSecond: perSecond(load),
    providerCpuMsPerVoucher: cpu.process / taken,
    providerThreadMsPerVoucher: cpu.thread / taken,
    fsyncsPerVoucher: (after.syncs - before.syncs) / taken,
    senderP50Ms: latencyMs(load, 0.5),
    senderP95Ms: latencyMs(load, 0.95),
    voucherFrameBytes: frameBytes,
    elsewhereCpuShare,
  }
}

async function countersOf(provider: BenchProcess<ProviderMethods>) {
  return { cpu: await provider.ask('cpuTimes', undefined), syncs: await provider.ask('syncs', undefined) }
}

async function measureStock({ chain, directory, onStop }: ProviderStage, payee: Payee): Promise<Metrics> {
  const stock = startProcess<StockPayeeMethods>(new URL('../processes/stockPayee.ts', import.meta.url), 'stock')
  onStop(() => stock.stop())
  const { warmUp, steady } = STOCK
  const { paymentBytes } = await stock.ask('start', {
    ...{ network: chain.network, payee, channels: CHANNELS, vouchers: warmUp + steady },
    privateKey: devnetPrivateKey(DEVNET_SEED, 'provider', 0),
    directory: join(directory, 'stock'),
  })
  await stock.ask('load', warmUp)
  const load = await stock.ask('load', steady)
  if (load.chainReads > 0) throw new Error(`expected no question to the chain once warm, got ${load.chainReads}`)
  return {
    stockP50Ms: costMs(load),
    stockPerSecond: perSecond(load),
    stockCpuMsPerVoucher: load.cpu.process / load.answeredAt.length,
    stockSenderP50Ms: latencyMs(load, 0.5),
    stockSenderP95Ms: latencyMs(load, 0.95),
    jsonPaymentBytes: paymentBytes,
  }
}
