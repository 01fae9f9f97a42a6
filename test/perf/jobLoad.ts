import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { picture } from './inputs.ts'
import { watchMachine } from './machineLoad.ts'
import { cpuBetween } from './processes/channel.ts'
import { PROFILE_VARIABLE } from './processes/profile.ts'
import type { Stage } from './stage.ts'
import { percentile } from './statistics.ts'

export const IN_FLIGHT = 32
/** Long enough for the compiler to have seen what is hot. */
const WARM_UP_MS = 6_000
const STEADY_MS = 6_000
const CLOSE_TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 200
const DIRECT_CALLS = 200

/** Small local jobs, `IN_FLIGHT` at once; every receipt lies under a stored checkpoint at the end. `jobs` counts the warm-up too. */
export async function measureJobs(stage: Stage, progress: (message: string) => void) {
  const { provider, requester } = stage
  const load = { model: stage.model.id, input: picture(), inFlight: IN_FLIGHT }
  const warm = await requester.ask('load', { ...load, ms: WARM_UP_MS })
  progress(`warm after ${warm.jobs} jobs`)
  const profiles = process.env[PROFILE_VARIABLE]
  if (profiles !== undefined) {
    await Promise.all([provider.ask('startProfile', undefined), requester.ask('startProfile', undefined)])
  }
  const machine = watchMachine()
  const before = await countersOf(stage)
  const steady = await requester.ask('load', { ...load, ms: STEADY_MS })
  const after = await countersOf(stage)
  const providerCpu = cpuBetween(before.cpu, after.cpu)
  const elsewhereCpuShare = machine.end(providerCpu.process + steady.cpu.process)
  if (profiles !== undefined) {
    await provider.ask('stopProfile', join(profiles, 'provider.cpuprofile'))
    await requester.ask('stopProfile', join(profiles, 'requester.cpuprofile'))
  }
  const jobs = warm.jobs + steady.jobs
  await allCovered(stage, jobs)
  const direct: number[] = []
  for (let at = 0; at < DIRECT_CALLS; at += 1) direct.push(await provider.ask('direct', load.input))
  const metrics = {
    jobsPerSecond: steady.jobs / (steady.ms / 1_000),
    p50Ms: percentile(steady.latencies, 0.5),
    p99Ms: percentile(steady.latencies, 0.99),
    providerCpuMsPerJob: providerCpu.process / steady.jobs,
    requesterCpuMsPerJob: steady.cpu.process / steady.jobs,
    providerThreadMsPerJob: providerCpu.thread / steady.jobs,
    requesterThreadMsPerJob: steady.cpu.thread / steady.jobs,
    providerSyncsPerJob: (after.providerSyncs - before.providerSyncs) / steady.jobs,
    requesterSyncsPerJob: (after.requesterSyncs - before.requesterSyncs) / steady.jobs,
    directP50Ms: percentile(direct, 0.5),
    /** The inference worker and the chain, and whatever else the machine did. */
    elsewhereCpuShare,
  }
  return { jobs, metrics }
}

async function countersOf({ provider, requester }: Stage) {
  return {
    providerSyncs: await provider.ask('syncs', undefined),
    requesterSyncs: await requester.ask('syncs', undefined),
    cpu: await provider.ask('cpuTimes', undefined),
  }
}

async function allCovered({ provider }: Stage, jobs: number): Promise<void> {
  const until = performance.now() + CLOSE_TIMEOUT_MS
  let covered = await provider.ask('covered', undefined)
  while (covered < jobs && performance.now() < until) {
    await setTimeout(LOOK_EVERY_MS)
    covered = await provider.ask('covered', undefined)
  }
  if (covered !== jobs) throw new Error(`expected ${jobs} receipts under checkpoints, got ${covered}`)
}
