import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { devnetModel } from '../../support/peers.ts'
import type { Bench } from '../bench.ts'
import { picture } from '../inputs.ts'
import { watchMachine } from '../machineLoad.ts'
import { cpuBetween } from '../processes/channel.ts'
import { PROFILE_VARIABLE } from '../processes/profile.ts'
import { startStage } from '../stage.ts'
import { percentile } from '../statistics.ts'

const IN_FLIGHT = 32
/** Long enough for the compiler to have seen what is hot. */
const WARM_UP_MS = 6_000
const STEADY_MS = 6_000
const CLOSE_TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 200
const DIRECT_CALLS = 200

/** Jobs a second between one requester and one provider, every receipt under a stored checkpoint. */
export const throughput: Bench = {
  name: 'throughput',
  summary: `jobs a second, ${IN_FLIGHT} in flight, receipts signed, stored and under checkpoints`,
  targets: { jobsPerSecond: { op: '>=', value: 500 } },
  run: async ({ progress }) => {
    const stage = await startStage(() => devnetModel('classifier'))
    try {
      const { provider, requester } = stage
      const load = { model: stage.model.id, input: picture(), inFlight: IN_FLIGHT }
      const warm = await requester.ask('load', { ...load, ms: WARM_UP_MS })
      progress(`warm after ${warm.jobs} jobs`)
      const profiles = process.env[PROFILE_VARIABLE]
      if (profiles !== undefined) {
        await Promise.all([provider.ask('startProfile', undefined), requester.ask('startProfile', undefined)])
      }
      const machine = watchMachine()
      const cpuBefore = await provider.ask('cpuTimes', undefined)
      const steady = await requester.ask('load', { ...load, ms: STEADY_MS })
      const providerCpu = cpuBetween(cpuBefore, await provider.ask('cpuTimes', undefined))
      const elsewhereCpuShare = machine.end(providerCpu.process + steady.cpu.process)
      if (profiles !== undefined) {
        await provider.ask('stopProfile', join(profiles, 'provider.cpuprofile'))
        await requester.ask('stopProfile', join(profiles, 'requester.cpuprofile'))
      }
      const jobs = warm.jobs + steady.jobs
      const until = performance.now() + CLOSE_TIMEOUT_MS
      let covered = await provider.ask('covered', undefined)
      while (covered < jobs && performance.now() < until) {
        await setTimeout(LOOK_EVERY_MS)
        covered = await provider.ask('covered', undefined)
      }
      if (covered !== jobs) throw new Error(`expected ${jobs} receipts under checkpoints, got ${covered}`)
      const direct: number[] = []
      for (let at = 0; at < DIRECT_CALLS; at += 1) direct.push(await provider.ask('direct', load.input))
      return {
        jobsPerSecond: steady.jobs / (steady.ms / 1_000),
        p50Ms: percentile(steady.latencies, 0.5),
        p99Ms: percentile(steady.latencies, 0.99),
        providerCpuMsPerJob: providerCpu.process / steady.jobs,
        requesterCpuMsPerJob: steady.cpu.process / steady.jobs,
        providerThreadMsPerJob: providerCpu.thread / steady.jobs,
        requesterThreadMsPerJob: steady.cpu.thread / steady.jobs,
        directP50Ms: percentile(direct, 0.5),
        /** The inference worker and the chain, and whatever else the machine did. */
        elsewhereCpuShare,
      }
    } finally {
      await stage.stop()
    }
  },
}
