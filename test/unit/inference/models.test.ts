import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exp, log, seeded, tanh } from '../../../devnet/models/arithmetic.ts'
import { artefactFiles, builders, MODELS_DIRECTORY } from '../../../devnet/models/build.ts'
import { simulateMarket } from '../../../devnet/models/candles.ts'
import { float32 } from '../../../devnet/models/model.ts'
import { createPerceptron, forward, train } from '../../../devnet/models/perceptron.ts'
import { type InferenceEngine, type LocalModel, onnxEngine, readInputFile } from '../../../src/inference/index.ts'
import { decodeTensors, type Tensors } from '../../../src/protocol/index.ts'
import { outputOf, readModel, runOn } from './fixtures.ts'

const CANDLES = 32

let engine: InferenceEngine
let volatility: LocalModel
let classifier: LocalModel

beforeAll(async () => {
  engine = onnxEngine()({ clock: Date.now })
  await engine.start()
  volatility = await readModel(join(MODELS_DIRECTORY, 'volatility'))
  classifier = await readModel(join(MODELS_DIRECTORY, 'classifier'))
  await engine.load(volatility)
  await engine.load(classifier)
})

afterAll(() => engine.stop())

async function infer(model: LocalModel, input: Tensors): Promise<{ output: Tensors; trace: Tensors; units: number }> {
  const { output, trace, units } = await outputOf(runOn(engine, model, input, { trace: true }))
  const [outputs, traces] = [decodeTensors(output), decodeTensors(trace)]
  if (!outputs.ok || !traces.ok) throw new Error('expected canonical tensors')
  return { output: outputs.value, trace: traces.value, units }
}

describe('the committed models', () => {
  it('are what the build makes of their seeds, byte for byte', { timeout: 120_000 }, async () => {
    for (const build of builders) {
      const model = build()
      for (const [path, bytes] of Object.entries(artefactFiles(model))) {
        const committed = await readFile(join(MODELS_DIRECTORY, model.folder, path))
        expect(committed.equals(bytes), `${model.folder}/${path}`).toBe(true)
        expect(committed.length).toBeLessThan(1_000_000)
      }
    }
  })

  it('volatility forecasts far better than rolling historical volatility on markets it never saw', async () => {
    const random = seeded(99)
    const markets = Array.from({ length: 64 }, () => simulateMarket(CANDLES + 1, random))
    const data = markets.flatMap((market) =>
      market.slice(0, CANDLES).flatMap(({ open, high, low, close, volume }) => [open, high, low, close, volume]),
    )
    const { output, units } = await infer(volatility, { candles: float32([64, CANDLES, 5], data) })
    expect(units).toBe(64)
    let [model, naive] = [0, 0]
    for (const [index, market] of markets.entries()) {
      const truth = Math.log(market[CANDLES]!.realised)
      const returns = market.slice(1, CANDLES).map((candle, bar) => Math.log(candle.close / market[bar]!.close))
      const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length
      const historical = Math.sqrt(returns.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (returns.length - 1))
      model += (Math.log(Number(output.volatility!.data[index])) - truth) ** 2
      naive += (Math.log(historical) - truth) ** 2
    }
    expect(Math.sqrt(model / 64)).toBeLessThan(0.75 * Math.sqrt(naive / 64))
  })

  it('volatility does not depend on the unit of price and volume, and survives still markets', async () => {
    const market = simulateMarket(CANDLES, seeded(7))
    const rows = (price: number, volume: number): number[] =>
      market.flatMap((c) => [price * c.open, price * c.high, price * c.low, price * c.close, volume * c.volume])
    const still = Array.from({ length: CANDLES }, () => [5, 5, 5, 5, 0]).flat()
    const zero = Array.from({ length: CANDLES * 5 }, () => 0)
    const { output } = await infer(volatility, {
      candles: float32([4, CANDLES, 5], [...rows(1, 1), ...rows(1000, 50), ...still, ...zero]),
    })
    const [first = 0, scaled = 0, ...degenerate] = Array.from(output.volatility!.data, Number)
    expect(Math.abs(scaled / first - 1)).toBeLessThan(1e-2)
    for (const value of degenerate) expect(value).toBeGreaterThan(0)
  })

  it('read their example files and name a hidden layer to trace (R17)', async () => {
    const candles = await readInputFile(join(volatility.directory, 'example.csv'), volatility.manifest, { windows: 3 })
    if (!candles.ok) throw candles.error
    const forecast = await infer(volatility, candles.value)
    expect(forecast.output.volatility!.shape).toEqual([3, 1])
    expect(forecast.trace.hidden_1!.shape).toEqual([3, 24])
    const image = await readInputFile(join(classifier.directory, 'example.json'), classifier.manifest)
    if (!image.ok) throw image.error
    const named = await infer(classifier, image.value)
    const probabilities = Array.from(named.output.probabilities!.data, Number)
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
    expect(probabilities.indexOf(Math.max(...probabilities))).toBe(1)
    expect(named.trace.hidden!.shape).toEqual([1, 32])
  })

  it('state the multiply-accumulates of their graphs', () => {
    expect(volatility.manifest.macOut).toBe(BigInt(93 * 24 + 24 * 12 + 12))
    expect(classifier.manifest.macOut).toBe(BigInt(64 * 32 + 32 * 5))
  })
})

describe('the trainer', () => {
  it('computes elementary functions to the last bits', () => {
    for (let x = -30; x <= 30; x += 0.37) {
      expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-14)
      expect(Math.abs(tanh(x) - Math.tanh(x))).toBeLessThan(1e-14)
    }
    for (let x = 1e-9; x < 1e9; x *= 1.7) expect(Math.abs(log(x) - Math.log(x))).toBeLessThan(1e-13)
  })

  it('draws normals of mean 0 and variance 1', () => {
    const random = seeded(5)
    const draws = Array.from({ length: 20_000 }, () => random.normal())
    const mean = draws.reduce((a, b) => a + b) / draws.length
    expect(Math.abs(mean)).toBeLessThan(0.03)
    expect(Math.abs(draws.reduce((sum, draw) => sum + draw * draw, 0) / draws.length - 1)).toBeLessThan(0.05)
  })

  it.each(['relu', 'tanh'] as const)('learns exclusive or with %s', (activation) => {
    const random = seeded(3)
    const rows = [0, 1, 2, 3].map((bits) => Float64Array.of(bits & 1, bits >> 1))
    const targets = [0, 1, 1, 0]
    const network = createPerceptron([2, 8, 1], activation, random)
    const loss = train(
      network,
      rows,
      (outputs, row, gradient) => {
        const difference = outputs[0]! - targets[row]!
        gradient[0] = difference
        return difference * difference
      },
      { epochs: 1500, batch: 4, step: 0.01, decay: 0 },
      random,
    )
    expect(loss).toBeLessThan(0.01)
    for (const [row, input] of rows.entries()) {
      expect(Math.abs(forward(network, input).at(-1)![0]! - targets[row]!)).toBeLessThan(0.2)
    }
  })
})
