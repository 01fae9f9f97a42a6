/**
 * Seeded randomness and elementary functions from IEEE-exact operations alone (+ - * / sqrt), so that training gives
 * the same bytes on every engine: `Math.exp` and its kin may differ in the last bit between versions.
 */

const LN2 = Math.LN2

/** 2^n for whole n. */
function power2(n: number): number {
  let result = 1
  let base = n < 0 ? 0.5 : 2
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= base
    base *= base
  }
  return result
}

/** e^x, relative error below 1e-15 for |x| < 700. */
export function exp(x: number): number {
  const n = Math.round(x / LN2)
  const r = x - n * LN2
  let term = 1
  let sum = 1
  for (let k = 1; k <= 14; k += 1) {
    term *= r / k
    sum += term
  }
  return sum * power2(n)
}

/** Natural logarithm of x > 0. */
export function log(x: number): number {
  let mantissa = x
  let exponent = 0
  while (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent += 1
  }
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    exponent -= 1
  }
  const z = (mantissa - 1) / (mantissa + 1)
  const square = z * z
  let power = z
  let sum = 0
  for (let k = 1; k <= 23; k += 2) {
    sum += power / k
    power *= square
  }
  return 2 * sum + exponent * LN2
}

export function tanh(x: number): number {
  if (x > 20) return 1
  if (x < -20) return -1
  const e = exp(2 * x)
  return (e - 1) / (e + 1)
}

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Standard normal, as the sum of twelve uniforms less six: exact arithmetic, tails end at 6. */
  normal(): number
  /** Whole number in [0, bound). */
  below(bound: number): number
}

/** xorshift128, seeded through splitmix32. */
export function seeded(seed: number): Random {
  let mix = seed >>> 0
  const next32 = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let [a, b, c, d] = [next32(), next32(), next32(), next32() | 1]
  const uniform = (): number => {
    const t = a ^ (a << 11)
    a = b
    b = c
    c = d
    d = (d ^ (d >>> 19) ^ t ^ (t >>> 8)) >>> 0
    return d / 2 ** 32
  }
  return {
    uniform,
    normal: () => {
      let sum = -6
      for (let k = 0; k < 12; k += 1) sum += uniform()
      return sum
    },
    below: (bound) => Math.floor(uniform() * bound),
  }
}
