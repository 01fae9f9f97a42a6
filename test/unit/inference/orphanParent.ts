import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { slowInput, writeSlowModel } from '../../../devnet/models/slow.ts'
import { onnxEngine } from '../../../src/inference/index.ts'

/** A process that a test kills: its worker is idle, or inside a native run that never ends. */
const [directory = '', state = ''] = process.argv.slice(2)
const engine = onnxEngine()({ clock: Date.now })
await engine.start()
const model = await writeSlowModel(await mkdtemp(join(directory, 'parent-')))
await engine.load(model)
if (state === 'busy') {
  const input = slowInput(Number.MAX_SAFE_INTEGER)
  void engine.run({ model: model.id, input, parameters: {}, deadline: Date.now() + 60_000, trace: false })
}
setTimeout(() => process.stdout.write(`${engine.pids.join(',')}\n`), 300)
