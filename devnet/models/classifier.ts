import { countMultiplyAccumulates, encodeOnnxModel, type OnnxGraph } from '../../src/inference/index.ts'
import { log, type Random, seeded } from './arithmetic.ts'
import { float32, type ModelArtefacts, tensorManifest } from './model.ts'
import { createPerceptron, forward, type Perceptron, rounded, softmax, train } from './perceptron.ts'

const SEED = 8_088
const SIDE = 8
const CLASSES = ['ring', 'square', 'plus', 'cross', 'bar'] as const
const HIDDEN = 32
const SAMPLES = { train: 6000, test: 2000 } as const
const TRAINING = { epochs: 10, batch: 32, step: 0.005, decay: 0.001 } as const
/** Standard deviation of the noise on every pixel, whose ink is 1 and paper 0 before clipping to [0, 1]. */
const NOISE = 0.2

interface Picture {
  readonly pixels: Float64Array
  readonly label: number
}

/** Ink of a shape at (x, y) from its centre, with half-width `radius`: 1 inside the stroke, falling off over a pixel. */
function ink(label: number, x: number, y: number, radius: number): number {
  const [ax, ay] = [Math.abs(x), Math.abs(y)]
  const inside = Math.max(ax, ay) <= radius + 0.5
  const distances = [
    Math.abs(Math.sqrt(x * x + y * y) - radius),
    Math.abs(Math.max(ax, ay) - radius),
    inside ? Math.min(ax, ay) : SIDE,
    inside ? Math.abs(ax - ay) / Math.SQRT2 : SIDE,
    ax <= radius + 0.5 ? ay : SIDE,
  ]
  return Math.max(0, Math.min(1, 1.2 - distances[label]!))
}

function draw(random: Random): Picture {
  const label = random.below(CLASSES.length)
  const radius = 1.8 + 1.4 * random.uniform()
  const [x0, y0] = [3.5 + 1.6 * (random.uniform() - 0.5), 3.5 + 1.6 * (random.uniform() - 0.5)]
  const strength = 0.6 + 0.4 * random.uniform()
  const pixels = new Float64Array(SIDE * SIDE)
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const value = strength * ink(label, x - x0, y - y0, radius) + NOISE * random.normal()
      pixels[y * SIDE + x] = Math.max(0, Math.min(1, value))
    }
  }
  return { pixels, label }
}

function graphOf(network: Perceptron): OnnxGraph {
  const [hidden, last] = [network.layers[0]!, network.layers[1]!]
  return {
    name: 'classifier',
    inputs: [{ name: 'image', dtype: 'F32', shape: ['batch', SIDE, SIDE] }],
    outputs: [{ name: 'probabilities', dtype: 'F32', shape: ['batch', CLASSES.length] }],
    nodes: [
      { op: 'Flatten', inputs: ['image'], outputs: ['pixels'], attributes: { axis: { int: 1 } } },
      { op: 'MatMul', inputs: ['pixels', 'hidden_weights'], outputs: ['hidden_product'] },
      { op: 'Add', inputs: ['hidden_product', 'hidden_bias'], outputs: ['hidden_sum'] },
      { op: 'Relu', inputs: ['hidden_sum'], outputs: ['hidden'] },
      { op: 'MatMul', inputs: ['hidden', 'logit_weights'], outputs: ['logit_product'] },
      { op: 'Add', inputs: ['logit_product', 'logit_bias'], outputs: ['logits'] },
      { op: 'Softmax', inputs: ['logits'], outputs: ['probabilities'], attributes: { axis: { int: 1 } } },
    ],
    initializers: {
      hidden_weights: float32([hidden.inputs, hidden.outputs], hidden.weights),
      hidden_bias: float32([hidden.outputs], hidden.bias),
      logit_weights: float32([last.inputs, last.outputs], last.weights),
      logit_bias: float32([last.outputs], last.bias),
    },
  }
}

const largest = (values: Float64Array): number => values.indexOf(values.reduce((a, b) => Math.max(a, b)))

/** Trains and builds everything from the seed. A few seconds on one core. */
export function buildClassifier(): ModelArtefacts {
  const random = seeded(SEED)
  const sample = (count: number): Picture[] => Array.from({ length: count }, () => draw(random))
  const [training, test] = [sample(SAMPLES.train), sample(SAMPLES.test)]
  const network = createPerceptron([SIDE * SIDE, HIDDEN, CLASSES.length], 'relu', random)
  train(
    network,
    training.map(({ pixels }) => pixels),
    (outputs, row, gradient) => {
      const probabilities = softmax(outputs)
      const { label } = training[row]!
      gradient.set(probabilities)
      gradient[label]! -= 1
      return -log(Math.max(1e-300, probabilities[label]!))
    },
    TRAINING,
    random,
  )
  const published = rounded(network)
  const confusion = CLASSES.map(() => CLASSES.map(() => 0))
  for (const { pixels, label } of test) confusion[label]![largest(forward(published, pixels).at(-1)!)]! += 1
  const graph = graphOf(published)
  const onnx = encodeOnnxModel(graph)
  const example = draw(seeded(SEED + 1))
  const json = JSON.stringify({
    image: [
      Array.from({ length: SIDE }, (_, y) => Array.from(example.pixels.slice(y * SIDE, (y + 1) * SIDE), Math.fround)),
    ],
  })
  return {
    folder: 'classifier',
    files: {
      'onnx/model.onnx': onnx,
      'example.json': new TextEncoder().encode(`${json}\n`),
      'README.md': new TextEncoder().encode(readme(confusion, CLASSES[example.label]!)),
    },
    manifest: tensorManifest({
      name: 'opg/classifier',
      description: `Names the shape in a noisy ${SIDE}x${SIDE} picture: ${CLASSES.join(', ')}.`,
      graph,
      onnx,
      inputs: [{ name: 'image', dtype: 'F32', shape: ['batch', SIDE, SIDE], nan: 'refuse', min: 0, max: 1 }],
      outputs: [{ name: 'probabilities', dtype: 'F32', shape: ['batch', CLASSES.length], nan: 'refuse' }],
      trace: ['hidden'],
      macOut: countMultiplyAccumulates(graph),
      memoryMB: 16,
      referenceRate: 2000,
      maxBatch: 256,
    }),
  }
}

function readme(confusion: readonly (readonly number[])[], example: string): string {
  const right = confusion.reduce((sum, row, label) => sum + row[label]!, 0)
  const counts = confusion.map((row) => row.reduce((sum, count) => sum + count, 0))
  const naive = Math.max(...counts) / SAMPLES.test
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
  const rows = confusion.map((row, label) => `| **${CLASSES[label]}** | ${row.join(' | ')} |`)
  return `# classifier

Names the shape in a noisy ${SIDE}x${SIDE} picture.

| | |
|---|---|
| input | \`image\`, float32 \`[batch, ${SIDE}, ${SIDE}]\`, 0 (paper) to 1 (ink) |
| output | \`probabilities\`, float32 \`[batch, ${CLASSES.length}]\`: ${CLASSES.join(', ')} |
| trace | \`hidden\`, float32 \`[batch, ${HIDDEN}]\`: the hidden layer (R17) |
| unit | one row of the batch |

A perceptron ${[SIDE * SIDE, HIDDEN, CLASSES.length].join('-')} with ReLU and softmax.

## Recipe

\`node devnet/models/build.ts\` generates the data, trains and writes every file here, the same bytes each time; \`--check\`
fails when they differ. Seed ${SEED}. Data: shapes of random size, place and strength with noise of standard deviation ${NOISE}
on every pixel; ${SAMPLES.train} pictures to train, ${SAMPLES.test} others to test. Adam, ${TRAINING.epochs} epochs, batch ${TRAINING.batch}, cross entropy.

## Measured quality

Out of sample: **${percent(right / SAMPLES.test)}** right; naming the commonest shape always would be right in ${percent(naive)}.

| drawn, then named | ${CLASSES.join(' | ')} |
|---|${CLASSES.map(() => '---').join('|')}|
${rows.join('\n')}

\`example.json\` holds one picture (seed ${SEED + 1}): a ${example}.
`
}
