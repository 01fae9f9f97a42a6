import { slowInput, slowRounds, writeSlowModel } from '../../../devnet/models/slow.ts'
import { onnxEngine } from '../../../src/inference/index.ts'
import type { Bench } from '../bench.ts'
import { startStage } from '../stage.ts'

const SECONDS = 5

/** How late the provider's event loop runs while one long inference does. */
export const loopLag: Bench = {
  name: 'loopLag',
  summary: `event-loop lag of the provider during an inference of ${SECONDS} s`,
  targets: { loopLagP99Ms: { op: '<=', value: 20 } },
  run: async ({ progress }) => {
    const stage = await startStage(writeSlowModel)
    try {
      const { provider, requester, model } = stage
      const engine = onnxEngine({ workers: 1 })({ clock: Date.now })
      await engine.start()
      await engine.load(model)
      const rounds = await slowRounds(engine, model, SECONDS)
      await engine.stop()
      await requester.ask('request', { model: model.id, input: slowInput(1) })
      progress(`${rounds} rounds`)
      await provider.ask('startLag', undefined)
      const { total } = await requester.ask('request', { model: model.id, input: slowInput(rounds) })
      const { p50, p99, max } = await provider.ask('stopLag', undefined)
      if (total < SECONDS * 500) throw new Error(`expected about ${SECONDS} s of work, got ${Math.round(total)} ms`)
      return { loopLagP99Ms: p99, loopLagP50Ms: p50, loopLagMaxMs: max, inferenceMs: total }
    } finally {
      await stage.stop()
    }
  },
}
