import { fileURLToPath } from 'node:url'
import { main } from '../../src/cli/index.ts'
import type { InferenceEngine } from '../../src/inference/index.ts'
import { nodePorts } from '../../src/node/index.ts'
import { decodeTensors, encodeTensors, ok, type Tensor, type Tensors } from '../../src/protocol/index.ts'

/** A provider that sells the wrong answer: every signature holds, the first number of every output does not. */
export const WRONG_OUTPUT_PROGRAM = fileURLToPath(import.meta.url)

/** An engine whose outputs are off and whose traces are honest: only recomputing the output shows it. */
export function wrongOutputEngine(engine: InferenceEngine): InferenceEngine {
  return new Proxy(engine, {
    get: (target, name) => {
      if (name === 'run') {
        return async (...args: Parameters<InferenceEngine['run']>) => {
          const run = await target.run(...args)
          return run.ok ? ok({ ...run.value, output: tamper(run.value.output) }) : run
        }
      }
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

function tamper(output: Uint8Array): Uint8Array {
  const decoded = decodeTensors(output)
  if (!decoded.ok) throw decoded.error
  const tensors: Tensors = Object.fromEntries(
    Object.entries(decoded.value).map(([name, tensor]) => [name, shift(tensor)]),
  )
  return encodeTensors(tensors)
}

/** A plausible lie: the first number moves by half its size and a tenth. */
function shift(tensor: Tensor): Tensor {
  if (tensor.dtype !== 'F32') return tensor
  const data = Float32Array.from(tensor.data)
  data[0] = (data[0] ?? 0) * 1.5 + 0.1
  return { ...tensor, data }
}

if (process.argv[1] === WRONG_OUTPUT_PROGRAM) {
  const { engine } = nodePorts()
  await main(process.argv, { ports: { engine: (components, init) => wrongOutputEngine(engine(components, init)) } })
}
