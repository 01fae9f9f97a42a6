import { countMultiplyAccumulates, encodeOnnxModel, type OnnxGraph, type OnnxNode } from '../../src/inference/index.ts'
import type { Tensor } from '../../src/protocol/index.ts'
import { exp, log, seeded } from './arithmetic.ts'
import { type Candle, candlesToCsv, simulateMarket } from './candles.ts'
import { float32, type ModelArtefacts, tensorManifest } from './model.ts'
import { createPerceptron, forward, type Perceptron, rounded, train } from './perceptron.ts'

const SEED = 20_261_121
const WINDOW = 32
const COLUMNS = 5
const HIDDEN = [24, 12] as const
const TRAINING = { epochs: 6, batch: 64, step: 0.004, decay: 0.002 } as const
const MARKETS = { train: 500, test: 150 } as const
const MARKET_LENGTH = 200
const STRIDE = 8
/** Below this a price or a mean volume counts as this much, and a variance as its square: logarithms stay finite. */
const TINY = 1e-6
const TINY_VARIANCE = 1e-12
const CLIP = 5
const LN2 = Math.LN2

const clip = (x: number): number => Math.max(-CLIP, Math.min(CLIP, x))

interface Window {
  readonly candles: readonly Candle[]
  readonly features: Float64Array
  /** Root mean Parkinson variance of the window: the scale that the network corrects. */
  readonly scale: number
  readonly target: number
}

/** What the graph computes before its first MatMul, in doubles. */
function featuresOf(candles: readonly Candle[]): { features: Float64Array; scale: number } {
  const bars = WINDOW - 1
  const variance = new Float64Array(bars)
  const returns = new Float64Array(bars)
  let meanVolume = 0
  for (const candle of candles) meanVolume += candle.volume / WINDOW
  for (let bar = 0; bar < bars; bar += 1) {
    const candle = candles[bar + 1]!
    const range = log(candle.high) - log(candle.low)
    variance[bar] = Math.max(TINY_VARIANCE, (range * range) / (4 * LN2))
    returns[bar] = log(candle.close) - log(candles[bar]!.close)
  }
  const scale = Math.sqrt(variance.reduce((sum, value) => sum + value, 0) / bars)
  const features = new Float64Array(3 * bars)
  for (let bar = 0; bar < bars; bar += 1) {
    features[bar] = clip(0.5 * log(variance[bar]! / (scale * scale)))
    features[bars + bar] = clip(returns[bar]! / scale)
    features[2 * bars + bar] = clip(log((candles[bar + 1]!.volume + TINY) / (meanVolume + TINY)))
  }
  return { features, scale }
}

function windowsOf(candles: readonly Candle[]): Window[] {
  const windows: Window[] = []
  for (let start = 0; start + WINDOW < candles.length; start += STRIDE) {
    const window = candles.slice(start, start + WINDOW)
    windows.push({ candles: window, ...featuresOf(window), target: candles[start + WINDOW]!.realised })
  }
  return windows
}

function graphOf(network: Perceptron): OnnxGraph {
  const scalar = (value: number): Tensor => float32([], [value])
  const whole = (...values: number[]): Tensor => ({
    dtype: 'I64',
    shape: [values.length],
    data: BigInt64Array.from(values.map(BigInt)),
  })
  const initializers: Record<string, Tensor> = {
    tiny: scalar(TINY),
    tiny_variance: scalar(TINY_VARIANCE),
    half: scalar(0.5),
    low: scalar(-CLIP),
    high: scalar(CLIP),
    per_range: scalar(1 / (4 * LN2)),
    first: whole(0),
    second: whole(1),
    last: whole(WINDOW - 1),
    end: whole(WINDOW),
    rows: whole(1),
  }
  const nodes: OnnxNode[] = []
  const add = (op: string, inputs: string[], output: string, attributes?: OnnxNode['attributes']): string => {
    nodes.push({ op, inputs, outputs: [output], ...(attributes === undefined ? {} : { attributes }) })
    return output
  }
  const column = (index: number, name: string): string => {
    initializers[`at_${name}`] = { dtype: 'I64', shape: [], data: BigInt64Array.of(BigInt(index)) }
    return add('Gather', ['candles', `at_${name}`], name, { axis: { int: 2 } })
  }
  const logPrice = (index: number, name: string): string =>
    add('Log', [add('Max', [column(index, name), 'tiny'], `safe_${name}`)], `log_${name}`)
  const later = (name: string): string => add('Slice', [name, 'second', 'end', 'rows'], `${name}_now`)
  const mean = (name: string): string =>
    add('ReduceMean', [name], `${name}_mean`, { axes: { ints: [1] }, keepdims: { int: 1 } })

  const range = later(add('Sub', [logPrice(1, 'high_price'), logPrice(2, 'low_price')], 'range'))
  const close = logPrice(3, 'close')
  const before = add('Slice', [close, 'first', 'last', 'rows'], 'log_close_before')
  const returns = add('Sub', [later(close), before], 'returns')
  const square = add('Mul', [range, range], 'range_squared')
  const parkinson = add('Mul', [square, 'per_range'], 'parkinson')
  const variance = add('Max', [parkinson, 'tiny_variance'], 'variance')
  const level = mean(variance)
  const scale = add('Sqrt', [level], 'scale')
  const relative = add('Log', [add('Div', [variance, level], 'variance_relative')], 'log_variance_relative')
  const volume = add('Add', [column(4, 'volume'), 'tiny'], 'volume_safe')
  const activity = add('Log', [add('Div', [later(volume), mean(volume)], 'volume_relative')], 'log_volume_relative')
  const clipped = [
    add('Mul', [relative, 'half'], 'log_deviation'),
    add('Div', [returns, scale], 'returns_relative'),
    activity,
  ].map((name) => add('Clip', [name, 'low', 'high'], `${name}_clipped`))
  let value = add('Concat', clipped, 'features', { axis: { int: 1 } })
  for (const [index, layer] of network.layers.entries()) {
    const name = index === network.layers.length - 1 ? 'correction' : `hidden_${index + 1}`
    initializers[`${name}_weights`] = float32([layer.inputs, layer.outputs], layer.weights)
    initializers[`${name}_bias`] = float32([layer.outputs], layer.bias)
    const sum = add(
      'Add',
      [add('MatMul', [value, `${name}_weights`], `${name}_product`), `${name}_bias`],
      `${name}_sum`,
    )
    value = name === 'correction' ? sum : add('Tanh', [sum], name)
  }
  add('Mul', [scale, add('Exp', [value], 'factor')], 'volatility')
  return {
    name: 'volatility',
    inputs: [{ name: 'candles', dtype: 'F32', shape: ['batch', WINDOW, COLUMNS] }],
    outputs: [{ name: 'volatility', dtype: 'F32', shape: ['batch', 1] }],
    nodes,
    initializers,
  }
}

interface Quality {
  readonly name: string
  /** Root mean square error of the logarithm, mean absolute error relative to the truth, mean QLIKE. */
  readonly logError: number
  readonly relativeError: number
  readonly qlike: number
}

function measure(name: string, windows: readonly Window[], forecast: (window: Window) => number): Quality {
  let [square, relative, qlike] = [0, 0, 0]
  for (const window of windows) {
    const [predicted, truth] = [Math.max(TINY, forecast(window)), window.target]
    const difference = log(predicted) - log(truth)
    square += difference * difference
    relative += Math.abs(predicted - truth) / truth
    const ratio = (truth * truth) / (predicted * predicted)
    qlike += ratio - log(ratio) - 1
  }
  const count = windows.length
  return { name, logError: Math.sqrt(square / count), relativeError: relative / count, qlike: qlike / count }
}

/** Standard deviation of the window's close-to-close log returns: the naive forecast. */
function rollingHistorical({ candles }: Window): number {
  const returns = candles.slice(1).map((candle, bar) => log(candle.close) - log(candles[bar]!.close))
  const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length
  return Math.sqrt(returns.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (returns.length - 1))
}

/** RiskMetrics: exponentially weighted squared returns, decay 0.94. */
function exponentiallyWeighted({ candles }: Window): number {
  let [sum, weight, total] = [0, 1, 0]
  for (let bar = WINDOW - 1; bar >= 1; bar -= 1) {
    const move = log(candles[bar]!.close) - log(candles[bar - 1]!.close)
    sum += weight * move * move
    total += weight
    weight *= 0.94
  }
  return Math.sqrt(sum / total)
}

/** Trains and builds everything from the seed. A few seconds on one core. */
export function buildVolatility(): ModelArtefacts {
  const random = seeded(SEED)
  const sample = (markets: number): Window[] =>
    Array.from({ length: markets }, () => windowsOf(simulateMarket(MARKET_LENGTH, random))).flat()
  const [training, test] = [sample(MARKETS.train), sample(MARKETS.test)]
  const targets = training.map(({ target, scale }) => log(target) - log(scale))
  const network = createPerceptron([3 * (WINDOW - 1), ...HIDDEN, 1], 'tanh', random)
  train(
    network,
    training.map(({ features }) => features),
    (outputs, row, gradient) => {
      const difference = outputs[0]! - targets[row]!
      gradient[0] = difference
      return difference * difference
    },
    TRAINING,
    random,
  )
  const published = rounded(network)
  const quality = [
    measure('this model', test, ({ features, scale }) => scale * exp(forward(published, features).at(-1)![0]!)),
    measure('rolling historical volatility (naive)', test, rollingHistorical),
    measure('exponentially weighted, decay 0.94', test, exponentiallyWeighted),
    measure('mean Parkinson range', test, ({ scale }) => scale),
  ]
  const graph = graphOf(published)
  const onnx = encodeOnnxModel(graph)
  const example = simulateMarket(WINDOW + 16, seeded(SEED + 1))
  return {
    folder: 'volatility',
    files: {
      'onnx/model.onnx': onnx,
      'example.csv': new TextEncoder().encode(candlesToCsv(example)),
      'README.md': new TextEncoder().encode(readme(quality, training.length, test.length)),
    },
    manifest: tensorManifest({
      name: 'opg/volatility',
      description: 'Forecasts the realised volatility of the next period from 32 price candles.',
      graph,
      onnx,
      inputs: [{ name: 'candles', dtype: 'F32', shape: ['batch', WINDOW, COLUMNS], nan: 'refuse', min: 0 }],
      outputs: [{ name: 'volatility', dtype: 'F32', shape: ['batch', 1], nan: 'refuse', min: 0 }],
      trace: ['hidden_1'],
      macOut: countMultiplyAccumulates(graph),
      memoryMB: 16,
      referenceRate: 1000,
      maxBatch: 256,
    }),
  }
}

function readme(quality: readonly Quality[], trained: number, tested: number): string {
  const [model, naive] = [quality[0]!, quality[1]!]
  const gain = Math.round(100 * (1 - model.logError / naive.logError))
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
  const rows = quality.map(
    (row) => `| ${row.name} | ${row.logError.toFixed(4)} | ${percent(row.relativeError)} | ${row.qlike.toFixed(4)} |`,
  )
  return `# volatility

Forecasts the realised volatility of the next period from the last ${WINDOW} price candles.

| | |
|---|---|
| input | \`candles\`, float32 \`[batch, ${WINDOW}, ${COLUMNS}]\`: open, high, low, close, volume, oldest first |
| output | \`volatility\`, float32 \`[batch, 1]\`: root of the sum of squared log moves expected within the next period |
| trace | \`hidden_1\`, float32 \`[batch, ${HIDDEN[0]}]\`: first hidden layer (R17) |
| unit | one row of the batch |

The graph turns candles into ${3 * (WINDOW - 1)} scale-free numbers (log Parkinson variance, return and volume of each
candle, relative to the window), a perceptron ${[3 * (WINDOW - 1), ...HIDDEN, 1].join('-')} with tanh predicts a log correction, and the
output is the window's mean Parkinson volatility times its exponential. Prices may have any unit.

## Recipe

\`node devnet/models/build.ts\` generates the data, trains and writes every file here, the same bytes each time; \`--check\`
fails when they differ. Seed ${SEED}. Data: markets with stochastic volatility (\`candles.ts\`: log-volatility AR(1) with
leverage, jumps in 2 % of periods, volume that follows volatility), ${MARKETS.train} to train (${trained} windows), ${MARKETS.test} others to test
(${tested} windows). Adam, ${TRAINING.epochs} epochs, batch ${TRAINING.batch}, squared error of the log.

## Measured quality

Out of sample, on markets never trained on. Errors against the realised volatility of the next period, which itself is
noisy: no forecast reaches zero.

| forecast | RMSE of the log | mean absolute error | QLIKE |
|---|---|---|---|
${rows.join('\n')}

The RMSE of the log is ${gain} % below the naive baseline's. **This is simulated data**: the model has seen one family of processes
and no real market. It shows the network at work and is no advice to trade.

\`example.csv\` holds ${WINDOW + 16} simulated candles (seed ${SEED + 1}) as an input to try.
`
}
