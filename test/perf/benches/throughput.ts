import { devnetModel } from '../../support/peers.ts'
import type { Bench } from '../bench.ts'
import { IN_FLIGHT, measureJobs } from '../jobLoad.ts'
import { startStage } from '../stage.ts'

/** Jobs a second between one requester and one provider, every receipt under a stored checkpoint. */
export const throughput: Bench = {
  name: 'throughput',
  summary: `jobs a second, ${IN_FLIGHT} in flight, receipts signed, stored and under checkpoints`,
  targets: { jobsPerSecond: { op: '>=', value: 500 } },
  run: async ({ progress }) => {
    const stage = await startStage(() => devnetModel('classifier'))
    try {
      return (await measureJobs(stage, progress)).metrics
    } finally {
      await stage.stop()
    }
  },
}
