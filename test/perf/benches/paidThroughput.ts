import { devnetModel } from '../../support/peers.ts'
import type { Bench } from '../bench.ts'
import { IN_FLIGHT, measureJobs } from '../jobLoad.ts'
import { assertAgree } from '../processes/books.ts'
import { startStage } from '../stage.ts'

/** As `throughput`, every job paid on a channel; the books of both sides agree to the wei at the end. */
export const paidThroughput: Bench = {
  name: 'paid-throughput',
  summary: `paid jobs a second, ${IN_FLIGHT} in flight on one channel, both ledgers synced, equal at the end`,
  targets: { paidJobsPerSecond: { op: '>=', value: 400 } },
  run: async ({ progress }) => {
    const stage = await startStage(() => devnetModel('classifier'), { paid: true })
    try {
      const { jobs, metrics } = await measureJobs(stage, progress)
      const payee = await stage.provider.ask('books', undefined)
      assertAgree(payee, await stage.requester.ask('books', undefined), jobs)
      progress(`the books agree: ${jobs} jobs, ${payee.fees} wei`)
      const { jobsPerSecond: paidJobsPerSecond, ...others } = metrics
      return { paidJobsPerSecond, ...others }
    } finally {
      await stage.stop()
    }
  },
}
