import { exp, type Random, tanh } from './arithmetic.ts'

export type Activation = 'relu' | 'tanh'

interface Layer {
  readonly inputs: number
  readonly outputs: number
  /** Row-major [inputs, outputs]. */
  readonly weights: Float64Array
  readonly bias: Float64Array
}

export interface Perceptron {
  readonly layers: readonly Layer[]
  readonly activation: Activation
}

/** Loss of one row: its value and, in `gradient`, its derivative by the network's outputs. */
export type Loss = (outputs: Float64Array, row: number, gradient: Float64Array) => number

export interface Training {
  readonly epochs: number
  readonly batch: number
  /** Adam step at the start; falls linearly to a twentieth. */
  readonly step: number
  /** L2 pull per step, relative to the step. */
  readonly decay: number
}

export function createPerceptron(sizes: readonly number[], activation: Activation, random: Random): Perceptron {
  const layers = sizes.slice(1).map((outputs, index) => {
    const inputs = sizes[index]!
    const scale = Math.sqrt(1 / inputs)
    const weights = Float64Array.from({ length: inputs * outputs }, () => random.normal() * scale)
    return { inputs, outputs, weights, bias: new Float64Array(outputs) }
  })
  return { layers, activation }
}

const activate = (x: number, activation: Activation): number => (activation === 'relu' ? Math.max(x, 0) : tanh(x))

/** Derivative by the input, from the activated value. */
const slope = (y: number, activation: Activation): number => (activation === 'relu' ? (y > 0 ? 1 : 0) : 1 - y * y)

/** Values of every layer for one row, the input first. */
export function forward(network: Perceptron, input: Float64Array, buffers?: Float64Array[]): Float64Array[] {
  const values = buffers ?? [input, ...network.layers.map(({ outputs }) => new Float64Array(outputs))]
  values[0] = input
  for (const [index, { outputs, weights, bias }] of network.layers.entries()) {
    const source = values[index]!
    const target = values[index + 1]!
    target.set(bias)
    for (let i = 0; i < source.length; i += 1) {
      const x = source[i]!
      if (x === 0) continue
      for (let o = 0, at = i * outputs; o < outputs; o += 1, at += 1) target[o]! += x * weights[at]!
    }
    if (index + 1 < network.layers.length) {
      for (let o = 0; o < outputs; o += 1) target[o] = activate(target[o]!, network.activation)
    }
  }
  return values
}

/** Adam on shuffled batches. Returns the mean loss of the last epoch. */
export function train(
  network: Perceptron,
  rows: readonly Float64Array[],
  loss: Loss,
  { epochs, batch, step, decay }: Training,
  random: Random,
): number {
  const parameters = network.layers.flatMap(({ weights, bias }) => [weights, bias])
  const gradients = parameters.map((values) => new Float64Array(values.length))
  const first = parameters.map((values) => new Float64Array(values.length))
  const second = parameters.map((values) => new Float64Array(values.length))
  const buffers = [new Float64Array(0), ...network.layers.map(({ outputs }) => new Float64Array(outputs))]
  const deltas = network.layers.map(({ outputs }) => new Float64Array(outputs))
  const order = Uint32Array.from(rows, (_, index) => index)
  const total = epochs * Math.ceil(rows.length / batch)
  let [power1, power2] = [1, 1]
  let steps = 0
  let mean = 0
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    for (let at = order.length - 1; at > 0; at -= 1) {
      const other = random.below(at + 1)
      const swap = order[at]!
      order[at] = order[other]!
      order[other] = swap
    }
    mean = 0
    for (let start = 0; start < order.length; start += batch) {
      const end = Math.min(order.length, start + batch)
      for (const gradient of gradients) gradient.fill(0)
      for (let at = start; at < end; at += 1) {
        const row = order[at]!
        const values = forward(network, rows[row]!, buffers)
        mean += loss(values.at(-1)!, row, deltas.at(-1)!) / order.length
        backward(network, values, deltas, gradients)
      }
      power1 *= 0.9
      power2 *= 0.999
      const rate = step * (1 - (0.95 * steps) / total)
      steps += 1
      for (const [index, values] of parameters.entries()) {
        const [g, m, v] = [gradients[index]!, first[index]!, second[index]!]
        for (let at = 0; at < values.length; at += 1) {
          const gradient = g[at]! / (end - start)
          m[at] = 0.9 * m[at]! + 0.1 * gradient
          v[at] = 0.999 * v[at]! + 0.001 * gradient * gradient
          const move = m[at]! / (1 - power1) / (Math.sqrt(v[at]! / (1 - power2)) + 1e-8)
          values[at]! -= rate * (move + decay * values[at]!)
        }
      }
    }
  }
  return mean
}

function backward(
  network: Perceptron,
  values: Float64Array[],
  deltas: Float64Array[],
  gradients: Float64Array[],
): void {
  for (let index = network.layers.length - 1; index >= 0; index -= 1) {
    const { inputs, outputs, weights } = network.layers[index]!
    const [source, delta] = [values[index]!, deltas[index]!]
    const [weightGradient, biasGradient] = [gradients[2 * index]!, gradients[2 * index + 1]!]
    const below = index === 0 ? undefined : deltas[index - 1]!
    for (let o = 0; o < outputs; o += 1) biasGradient[o]! += delta[o]!
    for (let i = 0; i < inputs; i += 1) {
      const x = source[i]!
      let sum = 0
      for (let o = 0, at = i * outputs; o < outputs; o += 1, at += 1) {
        weightGradient[at]! += x * delta[o]!
        sum += weights[at]! * delta[o]!
      }
      if (below !== undefined) below[i] = sum * slope(x, network.activation)
    }
  }
}

/** The network as it will be published: every parameter rounded to float32. */
export function rounded(network: Perceptron): Perceptron {
  const layers = network.layers.map((layer) => ({
    ...layer,
    weights: Float64Array.from(layer.weights, Math.fround),
    bias: Float64Array.from(layer.bias, Math.fround),
  }))
  return { ...network, layers }
}

export function softmax(logits: Float64Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b))
  const powers = logits.map((logit) => exp(logit - most))
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((power) => power / sum)
}
