import { devnetModel } from '../../support/peers.ts'
import type { Bench } from '../bench.ts'
import { picture } from '../inputs.ts'
import { startStage } from '../stage.ts'
import { median, percentile } from '../statistics.ts'

/** Enough for the compiler to have seen what is hot. */
const WARM_UP = 500
const REQUESTS = 300

/** What the network adds to a call of the engine: each request is followed by the same call in the provider's process. */
export const overhead: Bench = {
  name: 'overhead',
  summary: 'what the network adds to one small local job, against the engine called directly',
  targets: { addedFirstByteP50Ms: { op: '<=', value: 5 } },
  run: async ({ progress }) => {
    const stage = await startStage(() => devnetModel('classifier'))
    try {
      const { provider, requester } = stage
      const order = { model: stage.model.id, input: picture() }
      for (let at = 0; at < WARM_UP; at += 1) {
        await requester.ask('request', order)
        await provider.ask('direct', order.input)
      }
      progress('warm')
      const direct: number[] = []
      const total: number[] = []
      const addedFirstByte: number[] = []
      const addedTotal: number[] = []
      for (let at = 0; at < REQUESTS; at += 1) {
        const times = await requester.ask('request', order)
        const alone = await provider.ask('direct', order.input)
        direct.push(alone)
        total.push(times.total)
        addedFirstByte.push(times.firstByte - alone)
        addedTotal.push(times.total - alone)
      }
      return {
        addedFirstByteP50Ms: median(addedFirstByte),
        addedFirstByteP95Ms: percentile(addedFirstByte, 0.95),
        addedTotalP50Ms: median(addedTotal),
        addedTotalP95Ms: percentile(addedTotal, 0.95),
        directP50Ms: median(direct),
        directP95Ms: percentile(direct, 0.95),
        totalP50Ms: median(total),
        totalOverDirect: median(total) / median(direct),
      }
    } finally {
      await stage.stop()
    }
  },
}
